"""
Whether a message that had no usable answer is at Twilio after all, told from the list of messages.

Twilio keeps no id of ours, so recipient, text and time of creation have to identify it.
"""

from datetime import datetime, timedelta

import msgspec

from sendyard.domain.content import TemplateRef
from sendyard.providers.abilities import Found, Inconclusive, NotFound
from sendyard.providers.contract import Outgoing
from sendyard.providers.twilio.answers import Message, MessagePage, date_of, decode, event_of, said
from sendyard.providers.twilio.door import wire_address
from sendyard.providers.wire import HttpResponse

WHOLE_PAGE = 1000
"""The most that one page of the list can hold."""

# Twilio's creation times have whole seconds, and its clock is not ours.
_BEFORE = timedelta(seconds=10)
# A request given up after 30 seconds can still arrive a little later, not much later.
_AFTER = timedelta(minutes=5)

_page = msgspec.json.Decoder(MessagePage)


def page_of(response: HttpResponse) -> MessagePage:
    """Read one page of messages. Raises ProtocolError."""
    return decode(_page, response, "a list of messages")


def judge(outgoing: Outgoing, submitted_at: datetime, response: HttpResponse) -> Found | NotFound | Inconclusive:
    """Find the one message that fits; anything doubtful settles nothing. Raises ProtocolError."""
    if response.status != 200:
        return Inconclusive(f"Twilio answered {said(response)}")
    page = page_of(response)
    to = wire_address(outgoing.channel, outgoing.to.value)
    same: list[Message] = []
    doubtful = 0
    for message in page.messages:
        created = date_of(message.date_created or "")
        if message.to != to or message.direction == "inbound" or created < submitted_at - _BEFORE:
            continue
        likeness = _likeness(outgoing, message)
        if likeness is None or (likeness and created > submitted_at + _AFTER):
            doubtful += 1
        elif likeness:
            same.append(message)
    if len(same) == 1:
        return Found(same[0].sid, event_of(same[0], outgoing.reference))
    if same:
        return Inconclusive(f"Twilio has {len(same)} messages with this text to this recipient")
    if doubtful:
        return Inconclusive(f"Twilio has {doubtful} messages to this recipient that may be this one")
    if page.next_page_uri:
        return Inconclusive(f"the recipient has more than {WHOLE_PAGE} messages at Twilio")
    return NotFound()


def _likeness(outgoing: Outgoing, message: Message) -> bool | None:
    """Whether a listed message has our text; None when that cannot be told."""
    ours, theirs = outgoing.content.body.strip(), (message.body or "").strip()
    if ours == theirs:
        # A picture without a text looks like every redacted message.
        return True if ours else None
    # Redacted at Twilio, filled in by Twilio, or changed by smart encoding, which leaves plain ASCII alone.
    return None if not theirs or isinstance(outgoing.content, TemplateRef) or not ours.isascii() else False
