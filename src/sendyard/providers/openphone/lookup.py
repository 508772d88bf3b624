"""
Whether a message that had no usable answer is at Quo after all, told from the list of messages.

Quo keeps no id of ours and de-duplicates nothing, so sender, recipient, text and time have to identify it. The v1 list
wants the id of our number; the dated list takes the number itself.
"""

from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

import msgspec

from sendyard.providers.abilities import Found, Inconclusive, NotFound
from sendyard.providers.contract import MessageKey, Outgoing
from sendyard.providers.openphone.answers import Message, MessagePage, decode, error_of, statement
from sendyard.providers.openphone.door import Door
from sendyard.providers.openphone.spec import NUMBER_ID
from sendyard.providers.wire import HttpRequest, HttpResponse

# Quo's clock is not ours.
_BEFORE = timedelta(seconds=10)
# A request given up after 30 seconds can still arrive a little later, not much later.
_AFTER = timedelta(minutes=5)
_V1_PAGE, _DATED_PAGE = "100", "50"  # the most that one page can hold

_page = msgspec.json.Decoder(MessagePage)


def lookup_request(door: Door, outgoing: Outgoing, submitted_at: datetime) -> HttpRequest:
    """List what went from this sender to this recipient since shortly before `submitted_at`."""
    since = (submitted_at - _BEFORE).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")
    if NUMBER_ID.fullmatch(outgoing.sender):
        query = {
            "phoneNumberId": outgoing.sender,
            "participants": outgoing.to.value,
            "createdAfter": since,
            "maxResults": _V1_PAGE,
        }
        return HttpRequest("GET", f"{door.messages_url}?{urlencode(query)}", door.reading)
    query = {"from": outgoing.sender, "to": outgoing.to.value, "createdAt[gt]": since, "limit": _DATED_PAGE}
    return HttpRequest("GET", f"{door.dated_url}/messages?{urlencode(query)}", door.dated)


def judge(outgoing: Outgoing, submitted_at: datetime, response: HttpResponse) -> Found | NotFound | Inconclusive:
    """Find the one message that fits; anything doubtful settles nothing. Raises ProtocolError."""
    if response.status != 200:
        return Inconclusive(f"Quo answered HTTP {response.status}: {error_of(response).detail}")
    page = decode(_page, response.body, "a list of messages")
    same: list[Message] = []
    doubtful = 0
    for message in page.data:
        if message.direction == "incoming" or (message.created_at and message.created_at < submitted_at - _BEFORE):
            continue
        likeness = _likeness(outgoing.content.body, message.text)
        if likeness is None or message.created_at is None or (likeness and message.created_at > submitted_at + _AFTER):
            doubtful += 1
        elif likeness:
            same.append(message)
    if len(same) == 1:
        (found,) = same
        key = MessageKey(outgoing.reference, found.id, outgoing.to.value)
        return Found(found.id, statement(key, found.status, occurred_at=found.updated_at or found.created_at))
    if same:
        return Inconclusive(f"Quo has {len(same)} messages with this text to this recipient")
    if doubtful:
        return Inconclusive(f"Quo has {doubtful} messages to this recipient that may be this one")
    if page.next_page_token or page.next_cursor:
        return Inconclusive("the recipient has more messages at Quo than one page shows")
    return NotFound()


def _likeness(ours: str, theirs: str | None) -> bool | None:
    """Whether a listed message has our text; None when that cannot be told."""
    if theirs is None:
        return None
    if ours.strip() == theirs.strip():
        return True
    # Quo's smart encoding replaces quotation marks and dashes; letters and digits stay.
    return None if _letters(ours) == _letters(theirs) else False


def _letters(text: str) -> str:
    return "".join(filter(str.isalnum, text))
