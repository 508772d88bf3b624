"""
Our side of Quo's wire: JSON in, JSON out, one recipient a request.

Source: https://www.quo.com/docs/mdx/api-reference/messages/send-a-text-message.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import cast
from urllib.parse import quote

import msgspec

from sendyard.domain.addresses import Address, AddressKind
from sendyard.domain.content import Text
from sendyard.domain.errors import ProviderError
from sendyard.providers.abilities import (
    AccountProbe,
    ContactPush,
    Found,
    Inconclusive,
    NotFound,
    Pending,
    Poll,
    ProbeResult,
    ProviderSender,
    ReportPolling,
    SenderList,
    SubmitLookup,
)
from sendyard.providers.contract import (
    Accepted,
    AccountSettings,
    Adapter,
    Call,
    CallbackResult,
    MessageKey,
    Outgoing,
    Problem,
    ProtocolError,
    Receipt,
    Refused,
    Unknown,
)
from sendyard.providers.openphone.answers import REFUSING, error_of, message_of, statement
from sendyard.providers.openphone.callbacks import read_callback
from sendyard.providers.openphone.door import door_of
from sendyard.providers.openphone.lookup import judge, lookup_request
from sendyard.providers.openphone.spec import E164, MAX_TEXT, NUMBER_ID, SPACES, SPEC, OpenPhoneAccount
from sendyard.providers.openphone.workspace import (
    contact_request,
    numbers_request,
    read_contact,
    read_probe,
    read_senders,
)
from sendyard.providers.wire import CallbackRequest, HttpRequest, HttpResponse


class _Send(msgspec.Struct, frozen=True, omit_defaults=True):
    content: str
    sender: str = msgspec.field(name="from")
    to: tuple[str]
    user_id: str = msgspec.field(name="userId", default="")
    inbox: str = msgspec.field(name="setInboxStatus", default="")


_encoder = msgspec.json.Encoder()


class OpenPhoneAdapter(Adapter, ReportPolling, SubmitLookup, AccountProbe, SenderList, ContactPush):
    """Quo: sending and reading through v1, listing by number through the API of 2026-03-30."""

    spec = SPEC
    Account = OpenPhoneAccount
    updates_by_id = True

    def check(self, account: AccountSettings, outgoing: Outgoing) -> list[Problem]:
        """Name what Quo would refuse: anything but a text, to anybody but a number, from anything but a Quo number."""
        del account
        found, content = [], outgoing.content
        if not isinstance(content, Text):
            found.append(Problem("text_only", "Quo sends texts only through its API: write the link into the text."))
        elif not content.body.strip(SPACES):
            found.append(Problem("text_empty", "Quo refuses a text of spaces only: write something."))
        elif len(content.body) > MAX_TEXT:
            found.append(Problem("text_too_long", f"Quo takes {MAX_TEXT} characters, found {len(content.body)}."))
        elif not content.body.isascii() and not _is_unicode(content.body):
            found.append(Problem("text_broken", "The text holds half of a character pair; type it again."))
        if not (E164.fullmatch(outgoing.sender) or NUMBER_ID.fullmatch(outgoing.sender)):
            detail = f"Expected a number with its plus or its id (PN…), found {outgoing.sender!r}: choose a Quo number."
            found.append(Problem("sender_not_a_number", detail))
        if outgoing.to.kind is not AddressKind.PHONE or not E164.fullmatch(outgoing.to.value):
            found.append(Problem("recipient_not_a_number", "Quo writes to phone numbers only, with plus and country."))
        return found

    def build_submit(self, call: Call, batch: Sequence[Outgoing]) -> HttpRequest:
        """Build `POST /v1/messages` for one recipient: several in one request would see each other."""
        (outgoing,) = batch
        account = cast("OpenPhoneAccount", call.account)
        door = door_of(account)
        body = _encoder.encode(
            _Send(
                outgoing.content.body,
                outgoing.sender,
                (outgoing.to.value,),
                account.user_id,
                "done" if account.mark_done else "",
            )
        )
        return HttpRequest("POST", door.messages_url, door.writing, body)

    def parse_submit(self, batch: Sequence[Outgoing], response: HttpResponse) -> list[Receipt]:
        """Read a message (202) or an error; a 5xx says nothing about whether Quo took the message."""
        (outgoing,) = batch
        status = response.status
        if status in {202, 200, 201}:
            return [Accepted(outgoing.message_id, message_of(response).id)]
        if status in REFUSING:
            return [Refused(outgoing.message_id, error_of(response))]
        if status >= 400:
            return [Unknown(outgoing.message_id, f"Quo answered HTTP {status}: {error_of(response).detail}")]
        raise ProtocolError(f"expected HTTP 202 or an error, found HTTP {status}")

    def parse_callback(self, call: Call, request: CallbackRequest) -> CallbackResult:
        """Check the signature of either generation of webhooks, then read a report or an inbound message."""
        return read_callback(cast("OpenPhoneAccount", call.account), call, request)

    def build_poll(self, call: Call, cursor: str, pending: Sequence[Pending]) -> HttpRequest:
        """Fetch one message by its id; an attempt without one is what `build_lookup` is for."""
        del cursor
        (asked,) = pending
        door = door_of(cast("OpenPhoneAccount", call.account))
        return HttpRequest("GET", f"{door.messages_url}/{quote(asked.provider_ref, safe='')}", door.reading)

    def parse_poll(self, call: Call, pending: Sequence[Pending], response: HttpResponse) -> Poll:
        """Read a message; one that Quo no longer has (404) brings nothing."""
        del call
        (asked,) = pending
        if response.status == 404:
            return Poll(())
        if response.status != 200:
            raise ProtocolError(f"expected a message, found HTTP {response.status}: {error_of(response).detail}")
        message = message_of(response)
        key = MessageKey(asked.reference, message.id, asked.to.value)
        return Poll((statement(key, message.status, occurred_at=message.updated_at),))

    def build_lookup(self, call: Call, outgoing: Outgoing, submitted_at: datetime) -> HttpRequest:
        """List what went to this recipient at that time."""
        return lookup_request(door_of(cast("OpenPhoneAccount", call.account)), outgoing, submitted_at)

    def parse_lookup(
        self, outgoing: Outgoing, submitted_at: datetime, response: HttpResponse
    ) -> Found | NotFound | Inconclusive:
        """Find the message by recipient, text and time of creation; anything doubtful settles nothing."""
        return judge(outgoing, submitted_at, response)

    def build_probe(self, call: Call) -> HttpRequest:
        """List the numbers: the one call that needs nothing but a working key."""
        return numbers_request(door_of(cast("OpenPhoneAccount", call.account)))

    def parse_probe(self, call: Call, response: HttpResponse) -> ProbeResult:
        """Say whether the key works, and if not where to find a better one."""
        del call
        return read_probe(response)

    def build_senders(self, call: Call) -> HttpRequest:
        """List the numbers."""
        return numbers_request(door_of(cast("OpenPhoneAccount", call.account)))

    def parse_senders(self, call: Call, response: HttpResponse) -> Sequence[ProviderSender] | ProviderError:
        """Read the numbers, with where they may write to."""
        del call
        return read_senders(response)

    def build_contact(self, call: Call, person: Address, name: str, fields: Mapping[str, str]) -> HttpRequest:
        """Add a contact; with Quo's `id` among the fields, bring it up to date."""
        return contact_request(door_of(cast("OpenPhoneAccount", call.account)), person, name, fields)

    def parse_contact(self, response: HttpResponse) -> str | ProviderError:
        """Read Quo's id of the contact."""
        return read_contact(response)


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
