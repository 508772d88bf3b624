"""
Our side of LINE's wire: one call for one message to many people, a push to one, a narrowcast to an audience.

Source: https://developers.line.biz/en/reference/messaging-api/.
"""

from collections.abc import Hashable, Mapping, Sequence
from typing import Any, cast
from urllib.parse import quote

import msgspec

from sendyard.domain.addresses import Address, AddressKind
from sendyard.domain.content import Text
from sendyard.domain.errors import ProviderError
from sendyard.domain.gsm import utf16_units
from sendyard.providers.abilities import (
    AccountProbe,
    Pending,
    Poll,
    ProbeResult,
    Profile,
    ProfileLookup,
    ProviderSender,
    ReportPolling,
    SenderList,
    Token,
    TokenAuth,
    UsageQuery,
)
from sendyard.providers.contract import (
    AccountSettings,
    Adapter,
    Call,
    CallbackResult,
    Outgoing,
    Problem,
    Receipt,
)
from sendyard.providers.line.answers import receipts_of
from sendyard.providers.line.callbacks import read_callback
from sendyard.providers.line.channel import (
    read_probe,
    read_profile,
    read_senders,
    read_token,
    read_usage,
    token_request,
)
from sendyard.providers.line.contents import objects_of, problems_of
from sendyard.providers.line.door import Door, door_of
from sendyard.providers.line.narrowcast import progress_request, read_progress, recipient_of
from sendyard.providers.line.spec import AUDIENCE, CHAT, MAX_SENDER_NAME, PERSON, SPEC, LineAccount
from sendyard.providers.spec import Rate
from sendyard.providers.wire import CallbackRequest, HttpRequest, HttpResponse

_PUSH_RATE = 2000.0
_encoder = msgspec.json.Encoder()
_comparable = msgspec.json.Encoder(order="deterministic")


class LineAdapter(Adapter, TokenAuth, ReportPolling, AccountProbe, UsageQuery, SenderList, ProfileLookup):
    """The LINE Messaging API, version 2 of its paths."""

    spec = SPEC
    Account = LineAccount

    def check(self, account: AccountSettings, outgoing: Outgoing) -> list[Problem]:
        """Name what LINE would refuse: other addresses than its own ids, long names, and content it cannot show."""
        found = problems_of(cast("LineAccount", account), outgoing.content)
        if outgoing.to.kind is AddressKind.LINE_ID and AUDIENCE.fullmatch(outgoing.to.value):
            if not cast("LineAccount", account).audiences:
                detail = (
                    "The account does not allow messages to audiences, as LINE picks their people and asks no opt-outs "
                    'of ours: switch "Messages to audiences" on, or choose another recipient.'
                )
                found.append(Problem("audience_not_allowed", detail))
        elif outgoing.to.kind is not AddressKind.LINE_ID or not CHAT.fullmatch(outgoing.to.value):
            detail = "LINE knows no phone numbers: use the id it gave for this person (U and 32 hexadecimal digits)."
            found.append(Problem("recipient_not_a_line_id", detail))
        if not outgoing.sender.startswith("@") and utf16_units(outgoing.sender) > MAX_SENDER_NAME:
            detail = f"The name shown at a message has up to {MAX_SENDER_NAME} characters: shorten {outgoing.sender!r}."
            found.append(Problem("sender_too_long", detail))
        return found

    def rate(self, account: AccountSettings) -> Rate:
        """200 calls a second where multicast is used, else the 2,000 of a push."""
        if cast("LineAccount", account).multicast:
            return SPEC.rate
        return Rate(_PUSH_RATE, SPEC.rate.unit, SPEC.rate.open_requests)

    def batch_limit(self, account: AccountSettings) -> int:
        """500 people, or one where multicast is switched off."""
        return SPEC.batch.limit if cast("LineAccount", account).multicast else 1

    def batch_key(self, outgoing: Outgoing) -> Hashable:
        """Equal content to people travels together; groups, rooms and audiences take a call each."""
        if not PERSON.fullmatch(outgoing.to.value):
            return outgoing.message_id
        content = outgoing.content
        # Other content may hold lists and mappings, which have no hash of their own.
        said = content.body if isinstance(content, Text) else _comparable.encode((type(content).__name__, content))
        return said, outgoing.sender

    def build_submit(self, call: Call, batch: Sequence[Outgoing]) -> HttpRequest:
        """Build a push, multicast or narrowcast; the retry key goes with the first attempt already."""
        account = cast("LineAccount", call.account)
        door = door_of(account, call.token)
        first = batch[0]
        objects = objects_of(account, first.content)
        if first.sender and not first.sender.startswith("@"):
            for one in objects:
                one["sender"] = {"name": first.sender}
        document: dict[str, Any] = {"messages": objects}
        if audience := AUDIENCE.fullmatch(first.to.value):
            url = door.narrowcast_url
            document["recipient"] = recipient_of(audience[1])
        elif len(batch) == 1:
            url = door.push_url
            document["to"] = first.to.value
        else:
            url = door.multicast_url
            document["to"] = [outgoing.to.value for outgoing in batch]
        if account.silent:
            document["notificationDisabled"] = True
        if account.aggregation_unit and not audience:
            document["customAggregationUnits"] = [account.aggregation_unit]
        return HttpRequest(
            "POST",
            url,
            {**door.writing, "x-line-retry-key": call.exchange_id},
            _encoder.encode(document),
        )

    def parse_submit(self, batch: Sequence[Outgoing], response: HttpResponse) -> list[Receipt]:
        """Read the one answer for all; 409 means that the first attempt had been accepted."""
        return receipts_of(batch, response)

    def parse_callback(self, call: Call, request: CallbackRequest) -> CallbackResult:
        """Check x-line-signature, then read messages, friendship and buttons."""
        return read_callback(cast("LineAccount", call.account), request)

    def reports_on(self, to: Address) -> bool:
        """Only narrowcasts: LINE tells of no single message to a person whether it arrived."""
        return AUDIENCE.fullmatch(to.value) is not None

    def build_poll(self, call: Call, cursor: str, pending: Sequence[Pending]) -> HttpRequest:
        """Ask how far one narrowcast came."""
        del cursor
        (asked,) = pending
        return progress_request(door_of(cast("LineAccount", call.account), call.token), asked)

    def parse_poll(self, call: Call, pending: Sequence[Pending], response: HttpResponse) -> Poll:
        """Read how far it came, and in the end how many it reached. Raises ProtocolError."""
        del call
        (asked,) = pending
        return read_progress(asked, response)

    def wants_token(self, call: Call) -> bool:
        """Whether the account has no token of its own."""
        return not cast("LineAccount", call.account).channel_access_token

    def build_token(self, call: Call) -> HttpRequest:
        """Sign in with channel id and channel secret."""
        return token_request(cast("LineAccount", call.account))

    def parse_token(self, call: Call, response: HttpResponse) -> Token | ProviderError:
        """Read the stateless token."""
        return read_token(call.now, response)

    def build_probe(self, call: Call) -> HttpRequest:
        """Ask for the plan's messages a month."""
        return _get(call, "/message/quota")

    def parse_probe(self, call: Call, response: HttpResponse) -> ProbeResult:
        """Say whether the credentials work, and if not which to copy again from where."""
        return read_probe(cast("LineAccount", call.account), response)

    def build_usage(self, call: Call) -> HttpRequest:
        """Ask for this month's messages."""
        return _get(call, "/message/quota/consumption")

    def parse_usage(self, call: Call, response: HttpResponse) -> Mapping[str, str] | ProviderError:
        """Read how many are used; how many there are, the connection test tells."""
        del call
        return read_usage(response)

    def build_senders(self, call: Call) -> HttpRequest:
        """Ask which Official Account this is."""
        return _get(call, "/info")

    def parse_senders(self, call: Call, response: HttpResponse) -> Sequence[ProviderSender] | ProviderError:
        """Read the Official Account."""
        del call
        return read_senders(response)

    def build_profile(self, call: Call, person: Address) -> HttpRequest:
        """Ask who a friend is."""
        return _get(call, f"/profile/{quote(person.value, safe='')}")

    def parse_profile(self, response: HttpResponse) -> Profile | ProviderError:
        """Read the profile."""
        return read_profile(response)


def _get(call: Call, path: str) -> HttpRequest:
    door: Door = door_of(cast("LineAccount", call.account), call.token)
    return HttpRequest("GET", door.bot_url + path, door.reading)
