"""
The history of a conversation, as the answer to "what became of it?" and "did you get it?".

v3: https://docs.wati.io/reference/get_api-ext-v3-conversations-target-messages; of v1 the wrapper is
undocumented, so both forms in use are read. In v3 every message of ours carries the label we gave it; v1 and
v2 make their own, so there only a message's text can be recognised.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from urllib.parse import quote

import msgspec

from sendyard.domain.addresses import Address
from sendyard.domain.content import TemplateRef
from sendyard.providers.abilities import Found, Inconclusive, NotFound, Pending, Poll
from sendyard.providers.contract import MessageKey, Outgoing, ProtocolError
from sendyard.providers.wati.answers import decode, wire_number, words_of
from sendyard.providers.wati.codes import WAITING
from sendyard.providers.wati.door import door_of
from sendyard.providers.wati.spec import WatiAccount
from sendyard.providers.wati.statements import delivery_event, moment
from sendyard.providers.wire import HttpRequest, HttpResponse

PAGE = 100
_CLOCK_TOLERANCE = timedelta(seconds=60)


class Item(msgspec.Struct):
    """One message in a conversation; the second half of the names is v1's."""

    id: str | None = None
    text: str | None = None
    owner: bool | None = None
    status: str | int | None = None
    local_message_id: str | None = None
    failed_detail: str | None = None
    timestamp: str | int | float | None = None
    created: str | None = None
    legacy_status: str | None = msgspec.field(default=None, name="statusString")
    legacy_local_id: str | None = msgspec.field(default=None, name="localMessageId")
    legacy_detail: str | None = msgspec.field(default=None, name="failedDetail")
    legacy_text: str | None = msgspec.field(default=None, name="finalText")

    @property
    def label(self) -> str:
        """Our label in v3, WATI's own in v1 and v2."""
        return self.local_message_id or self.legacy_local_id or ""

    @property
    def word(self) -> str:
        """How far it came; blank while it waits at WATI."""
        word = self.legacy_status or (self.status if isinstance(self.status, str) else "")
        return "" if word.casefold() in WAITING else word


class _Wrapped(msgspec.Struct):
    items: list[Item] | None = None


class _History(msgspec.Struct):
    message_list: list[Item] | None = None
    messages: _Wrapped | list[Item] | None = None


_history = msgspec.json.Decoder(_History)


def history_request(account: WatiAccount, to: Address, sender: str = "") -> HttpRequest:
    """Ask for the latest messages with one person."""
    door, number = door_of(account), wire_number(to)
    if account.api_version == "v3":
        channel = sender or account.channel_number
        # A channel may be a name with blanks.
        target = quote(f"{channel}:{number}" if channel else number, safe=":")
        url = f"{door.v3}/conversations/{target}/messages?page_number=1&page_size={PAGE}"
    else:
        url = f"{door.v1}/getMessages/{number}?pageSize={PAGE}&pageNumber=1"
    return HttpRequest("GET", url, door.reading)


def read_poll(pending: Sequence[Pending], response: HttpResponse) -> Poll:
    """Find the one message asked for; a person WATI does not know brings nothing. Raises ProtocolError."""
    (asked,) = pending
    if response.status == 404:
        return Poll(())
    names = {asked.reference, asked.provider_ref} - {""}
    items, _ = _read(response)
    for item in items:
        if names & {item.label, item.id} and item.word:
            key = MessageKey(asked.reference, asked.provider_ref, asked.to.value)
            name = item.label or item.id or asked.provider_ref
            detail = item.failed_detail or item.legacy_detail or ""
            at = moment(item.timestamp, item.created)
            return Poll((delivery_event(key, name, item.word, detail=detail, at=at),))
    return Poll(())


def judge(outgoing: Outgoing, submitted_at: datetime, response: HttpResponse) -> Found | NotFound | Inconclusive:
    """
    Find a template by its label (v3), anything else by being the only one of ours with its text since the submit.

    A history of v3 settles that a template is missing, unless it is so long that the template may lie further
    back. Where messages carry no labels of ours, a missing one proves nothing. Raises ProtocolError.
    """
    is_labelled = isinstance(outgoing.content, TemplateRef)
    if response.status == 404 and is_labelled:
        return NotFound()
    if response.status != 200:
        return Inconclusive(f"WATI answered HTTP {response.status}: {words_of(response)[:100]}")
    items, is_v3 = _read(response)
    since = submitted_at - _CLOCK_TOLERANCE
    if not (is_v3 and is_labelled):
        return _judge_unlabelled(outgoing, since, items)
    labelled = next((item for item in items if item.label == outgoing.reference), None)
    if labelled is not None:
        return _found(outgoing, outgoing.reference, labelled)
    oldest = min((at for item in items if (at := moment(item.timestamp, item.created))), default=since)
    if len(items) >= PAGE and oldest >= since:
        return Inconclusive(f"more than {PAGE} messages were exchanged since; it may lie further back")
    return NotFound()


def _judge_unlabelled(outgoing: Outgoing, since: datetime, items: Sequence[Item]) -> Found | Inconclusive:
    own = [
        item
        for item in items
        if item.owner
        and outgoing.content.body in {item.legacy_text, item.text}
        and (at := moment(item.timestamp, item.created))
        and at >= since
    ]
    if len(own) == 1 and (name := own[0].label or own[0].id):
        return _found(outgoing, name, own[0])
    return Inconclusive(f"{len(own)} messages with this text since the submit; none is labelled as ours")


def _found(outgoing: Outgoing, name: str, item: Item) -> Found:
    if not item.word:
        return Found(name)
    key = MessageKey(outgoing.reference, name, outgoing.to.value)
    detail = item.failed_detail or item.legacy_detail or ""
    return Found(name, delivery_event(key, name, item.word, detail=detail, at=moment(item.timestamp, item.created)))


def _read(response: HttpResponse) -> tuple[Sequence[Item], bool]:
    """The messages, and whether the answer is one of v3."""
    if response.status != 200:
        raise ProtocolError(f"expected a history from WATI, found HTTP {response.status}: {words_of(response)[:100]}")
    history = decode(_history, response, "a history")
    if history.message_list is not None:
        return history.message_list, True
    if isinstance(history.messages, _Wrapped):
        return history.messages.items or (), False
    if history.messages is None:
        raise ProtocolError("expected message_list or messages in WATI's history, found neither")
    return history.messages, False
