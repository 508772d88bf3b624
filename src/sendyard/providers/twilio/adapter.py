"""
Our side of Twilio's wire: form in, JSON out, one recipient a request.

Source: https://www.twilio.com/docs/messaging/api/message-resource.
"""

import re
from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache
from typing import cast
from urllib.parse import quote, quote_plus, urlencode

import msgspec

from sendyard.domain.channels import Channel
from sendyard.domain.content import Media, TemplateRef
from sendyard.domain.errors import ProviderError
from sendyard.domain.money import Money
from sendyard.domain.status import ReportStatus
from sendyard.providers.abilities import (
    AccountProbe,
    BalanceQuery,
    Found,
    Inconclusive,
    NotFound,
    Pending,
    Poll,
    ProbeResult,
    ReportPolling,
    SubmitLookup,
)
from sendyard.providers.contract import (
    Accepted,
    AccountSettings,
    Adapter,
    Call,
    CallbackResult,
    Outgoing,
    Problem,
    ProtocolError,
    Receipt,
    Refused,
    Unknown,
)
from sendyard.providers.twilio.answers import (
    Message,
    cost_of,
    error_of,
    event_of,
    failure_of,
    message_of,
    parts_of,
    said,
    status_of,
)
from sendyard.providers.twilio.callbacks import REFERENCE_PARAMETER, read_callback
from sendyard.providers.twilio.door import door_of, wire_address
from sendyard.providers.twilio.limits import problems_of
from sendyard.providers.twilio.lookup import WHOLE_PAGE, judge
from sendyard.providers.twilio.probe import probe_request, read_balance, read_probe
from sendyard.providers.twilio.spec import MAX_VALIDITY_SECONDS, SPEC, WHATSAPP_PREFIX, TwilioAccount
from sendyard.providers.wire import CallbackRequest, HttpRequest, HttpResponse

_variables_encoder = msgspec.json.Encoder()


class TwilioAdapter(Adapter, ReportPolling, SubmitLookup, BalanceQuery, AccountProbe):
    """Twilio Programmable Messaging, API version 2010-04-01."""

    spec = SPEC
    Account = TwilioAccount

    def check(self, account: AccountSettings, outgoing: Outgoing) -> list[Problem]:
        """Name what Twilio would refuse: senders, files and template variables."""
        return problems_of(cast("TwilioAccount", account), outgoing)

    def build_submit(self, call: Call, batch: Sequence[Outgoing]) -> HttpRequest:
        """Build `POST Messages.json` for one recipient."""
        (outgoing,) = batch
        account = cast("TwilioAccount", call.account)
        door = door_of(account)
        fields = [("To", wire_address(outgoing.channel, outgoing.to.value)), *_sender_fields(account, outgoing)]
        content = outgoing.content
        if isinstance(content, TemplateRef):
            fields.append(("ContentSid", content.name))
            if content.variables:
                fields.append(("ContentVariables", _variables_encoder.encode(content.variables).decode()))
        else:
            if content.body:
                fields.append(("Body", content.body))
            if isinstance(content, Media):
                fields += [("MediaUrl", item.url) for item in content.items]
            elif outgoing.channel is Channel.MMS:
                fields.append(("SendAsMms", "true"))
            if account.smart_encoded:
                fields.append(("SmartEncoded", "true"))
        if outgoing.valid_until:
            left = int((outgoing.valid_until - call.now).total_seconds())
            fields.append(("ValidityPeriod", str(max(1, min(left, MAX_VALIDITY_SECONDS)))))
        body = "&".join([f"{name}={_quoted(value)}" for name, value in fields])
        if call.callback_url:
            body += _callback_field(call.callback_url, outgoing.reference)
        return HttpRequest("POST", door.messages_url, door.writing, body.encode("ascii"))

    def parse_submit(self, batch: Sequence[Outgoing], response: HttpResponse) -> list[Receipt]:
        """Read a Message (201) or an error; a 5xx says nothing about whether Twilio took the message."""
        (outgoing,) = batch
        status = response.status
        if status in {201, 200}:
            return [_receipt(outgoing.message_id, message_of(response))]
        if 400 <= status < 500:
            return [Refused(outgoing.message_id, error_of(response))]
        if status >= 500:
            return [Unknown(outgoing.message_id, f"Twilio answered HTTP {status}: {error_of(response).detail}")]
        raise ProtocolError(f"expected HTTP 201 or an error, found HTTP {status}")

    def parse_callback(self, call: Call, request: CallbackRequest) -> CallbackResult:
        """Check X-Twilio-Signature, then read a status report or an inbound message."""
        return read_callback(cast("TwilioAccount", call.account), request)

    def build_poll(self, call: Call, cursor: str, pending: Sequence[Pending]) -> HttpRequest:
        """Fetch one message by its sid; an attempt without one is what `build_lookup` is for."""
        del cursor
        (asked,) = pending
        door = door_of(cast("TwilioAccount", call.account))
        return HttpRequest(
            "GET", f"{door.account_url}/Messages/{quote(asked.provider_ref, safe='')}.json", door.reading
        )

    def parse_poll(self, call: Call, pending: Sequence[Pending], response: HttpResponse) -> Poll:
        """Read a Message; one deleted at Twilio (404) brings nothing."""
        del call
        (asked,) = pending
        if response.status == 404:
            return Poll(())
        if response.status != 200:
            raise ProtocolError(f"expected a message, found {said(response)}")
        return Poll((event_of(message_of(response), asked.reference),))

    def build_lookup(self, call: Call, outgoing: Outgoing, submitted_at: datetime) -> HttpRequest:
        """
        List the messages to this recipient.

        Not narrowed by `DateSent`: a message still queued has none, and leaving it out would make
        "never arrived" of "not sent yet".
        """
        del submitted_at
        door = door_of(cast("TwilioAccount", call.account))
        query = urlencode({"To": wire_address(outgoing.channel, outgoing.to.value), "PageSize": str(WHOLE_PAGE)})
        return HttpRequest("GET", f"{door.messages_url}?{query}", door.reading)

    def parse_lookup(
        self, outgoing: Outgoing, submitted_at: datetime, response: HttpResponse
    ) -> Found | NotFound | Inconclusive:
        """Find the message by recipient, text and time of creation; anything doubtful settles nothing."""
        return judge(outgoing, submitted_at, response)

    def build_balance(self, call: Call) -> HttpRequest:
        """Ask for `Balance.json`."""
        door = door_of(cast("TwilioAccount", call.account))
        return HttpRequest("GET", f"{door.account_url}/Balance.json", door.reading)

    def parse_balance(self, response: HttpResponse) -> Money | ProviderError:
        """Read the credit; a sub-account spends its parent's and shows none."""
        return read_balance(response)

    def build_probe(self, call: Call) -> HttpRequest:
        """
        Read the account; where that is not allowed, what is.

        Test credentials may only pretend to send, and a standard API key may read messages but not the account.
        """
        return probe_request(cast("TwilioAccount", call.account))

    def parse_probe(self, call: Call, response: HttpResponse) -> ProbeResult:
        """Say whether the credentials work, and if not which to copy again from where."""
        return read_probe(cast("TwilioAccount", call.account), response)


def _sender_fields(account: TwilioAccount, outgoing: Outgoing) -> list[tuple[str, str]]:
    """A sender may be a Messaging Service itself; else the account's service stands beside it."""
    sender = outgoing.sender
    if sender.startswith("MG") and len(sender) == 34:
        return [("MessagingServiceSid", sender)]
    fields = []
    if sender:
        fields.append(("From", wire_address(outgoing.channel, sender.removeprefix(WHATSAPP_PREFIX))))
    if account.messaging_service_sid:
        fields.append(("MessagingServiceSid", account.messaging_service_sid))
    return fields


def _quoted(value: str) -> str:
    """Quote one value of a form; most are numbers and short words that stand in every message."""
    if value[:1] == "+" and value[1:].isdecimal():
        return f"%2B{value[1:]}"
    return _quoted_once(value) if len(value) <= _SHORT else quote_plus(value)


_SHORT = 12
_quoted_once = lru_cache(maxsize=4096)(quote_plus)


_PLAIN = re.compile("[0-9A-Za-z-]+").fullmatch


def _callback_field(url: str, reference: str) -> str:
    """Our reference in the query lets a report find its attempt even before the submit's answer is recorded."""
    plain, with_query = _encoded_callback(url)
    if not reference:
        return plain
    # The engine's own references need no quoting, which would cost more than the rest.
    return with_query + (reference if _PLAIN(reference) else quote(quote(reference, safe=""), safe=""))


@lru_cache(maxsize=1024)
def _encoded_callback(url: str) -> tuple[str, str]:
    """Build the field without and with the beginning of our query; encoding it anew would cost more than the text."""
    field = f"&StatusCallback={quote(url, safe='')}"
    return field, field + quote(f"{'&' if '?' in url else '?'}{REFERENCE_PARAMETER}=", safe="")


def _receipt(message_id: str, message: Message) -> Receipt:
    if message.error_code is not None or status_of(message.status) is ReportStatus.FAILED:
        code = "" if message.error_code is None else str(message.error_code)
        return Refused(message_id, failure_of(message.status, code, message.error_message or ""))
    return Accepted(message_id, message.sid, parts_of(message), cost_of(message))
