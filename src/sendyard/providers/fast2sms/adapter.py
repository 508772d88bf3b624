"""
Our side of Fast2SMS's wire: POST bulkV2 with the key in a header, delivery log, wallet and DLT Manager.

All numbers of a call get one text and one `request_id`; with the number it names a message. There is no key against
duplicates and no "did you get this one?": a call without an answer is settled by the webhook's `udf1`, if at all.
"""

from collections.abc import Hashable, Mapping, Sequence
from functools import lru_cache
from typing import ClassVar, cast
from urllib.parse import quote

import msgspec

from sendyard.domain.channels import Channel
from sendyard.domain.content import TemplateRef
from sendyard.domain.errors import ErrorKind, ProviderError
from sendyard.domain.money import Money
from sendyard.providers.abilities import (
    AccountProbe,
    BalanceQuery,
    Pending,
    Poll,
    ProbeResult,
    ProviderSender,
    ProviderTemplate,
    ReportPolling,
    SenderList,
    TemplateCatalog,
    TemplatePage,
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
    TemplateState,
    Unknown,
)
from sendyard.providers.fast2sms import answers, reports
from sendyard.providers.fast2sms.codes import CODES
from sendyard.providers.fast2sms.placeholders import normalised, places
from sendyard.providers.fast2sms.routes import OTP, code_of, fields_of, problems_of
from sendyard.providers.fast2sms.spec import SPEC, Fast2SmsAccount
from sendyard.providers.spec import ProviderSpec
from sendyard.providers.wire import CallbackRequest, HttpRequest, HttpResponse

_ENCODE = msgspec.json.Encoder().encode


class Fast2SmsAdapter(Adapter, ReportPolling, BalanceQuery, AccountProbe, TemplateCatalog, SenderList):
    """Fast2SMS bulkV2."""

    spec: ClassVar[ProviderSpec] = SPEC
    Account: ClassVar[type[AccountSettings]] = Fast2SmsAccount
    minds_language = False

    def build_submit(self, call: Call, batch: Sequence[Outgoing]) -> HttpRequest:
        """One call for all numbers with the same text; our reference travels in a call with one number."""
        account = cast("Fast2SmsAccount", call.account)
        fields = fields_of(account, batch[0])
        fields["numbers"] = ",".join([one.to.value[3:] for one in batch])
        if len(batch) == 1:
            fields["udf1"] = batch[0].reference
        return HttpRequest("POST", f"{account.base_url}/bulkV2", _json_headers(account), _ENCODE(fields))

    def parse_submit(self, batch: Sequence[Outgoing], response: HttpResponse) -> list[Receipt]:
        """One `request_id` or one refusal for the whole call. Raises ProtocolError."""
        if response.status >= 500:
            reason = f"HTTP {response.status} leaves open whether Fast2SMS took the messages"
            return [Unknown(one.message_id, reason) for one in batch]
        if error := answers.throttled(response):
            return [Refused(one.message_id, error) for one in batch]
        answer = answers.read(answers.ANSWER, response)
        if error := answers.refusal(answer, response):
            if error.kind is ErrorKind.INVALID_RECIPIENT and len(batch) > 1:
                # Which number it means is not said, and the others must not be marked bad for it.
                error = ProviderError(ErrorKind.UNAVAILABLE, "411:several", error.detail)
            return [Refused(one.message_id, error) for one in batch]
        request_id = str(answer.request_id or "").strip()
        if not request_id:
            raise ProtocolError("expected a request_id with return true from Fast2SMS, found none")
        return [Accepted(one.message_id, request_id) for one in batch]

    def batch_limit(self, account: AccountSettings) -> int:
        """As the account says, up to 100."""
        return cast("Fast2SmsAccount", account).numbers_per_call

    def batch_key(self, outgoing: Outgoing) -> Hashable:
        """The sender, the text or template with its values, whether it is a code, and the DLT ids."""
        content, registration = outgoing.content, outgoing.registration
        ids = (registration.get("template_id"), registration.get("entity_id")) if registration else None
        if isinstance(content, TemplateRef):
            return outgoing.sender, content.name, tuple(content.variables.items()), ids
        return outgoing.sender, content.body, bool(code_of(outgoing)), ids

    def parse_callback(self, call: Call, request: CallbackRequest) -> CallbackResult:
        """
        Read a webhook of the shape that the README gives; the unguessable address is its only proof.

        Raises:
            ProtocolError: none of the documented forms, or too little to find the message by.
        """
        del call
        return CallbackResult(list(reports.pushed(request)), HttpResponse(200))

    def check(self, account: AccountSettings, outgoing: Outgoing) -> list[Problem]:
        """Indian mobiles, and what each route takes."""
        return problems_of(cast("Fast2SmsAccount", account), outgoing)

    def build_poll(self, call: Call, cursor: str, pending: Sequence[Pending]) -> HttpRequest:
        """Ask for the delivery log of one request; it tells about all numbers of that call."""
        del cursor
        return _get(call, f"/dlr/{quote(pending[0].provider_ref, safe='')}")

    def parse_poll(self, call: Call, pending: Sequence[Pending], response: HttpResponse) -> Poll:
        """Every row is an event, also those of neighbours; an empty log brings none. Raises ProtocolError."""
        del call
        if error := answers.throttled(response):
            raise ProtocolError(f"expected a delivery log from Fast2SMS, found {error.detail}")
        log = answers.read(answers.DELIVERY_LOG, response)
        if not log.says_yes and (log.status_code is not None or (log.success is None and log.returned is None)):
            raise ProtocolError(f"expected a delivery log, found code {log.status_code!r}: {log.text[:200]}")
        request_id = pending[0].provider_ref
        return Poll(
            [
                reports.event(
                    MessageKey(provider_ref=request_id, recipient=reports.e164_of(str(row.mobile))),
                    str(row.status or ""),
                    row.status_description or "",
                    row.delivery_time or "",
                )
                for group in log.data or ()
                for row in group.rows
            ]
        )

    def build_balance(self, call: Call) -> HttpRequest:
        """Ask for the wallet; free of charge."""
        account = cast("Fast2SmsAccount", call.account)
        return HttpRequest("POST", f"{account.base_url}/wallet", _headers(account))

    def parse_balance(self, response: HttpResponse) -> Money | ProviderError:
        """Read the rupees left. Raises ProtocolError."""
        if error := answers.throttled(response):
            return error
        answer = answers.read(answers.ANSWER, response)
        return answers.refusal(answer, response) or Money(answers.amount(answer.wallet), "INR")

    def build_probe(self, call: Call) -> HttpRequest:
        """The wallet proves the key, and costs nothing."""
        return self.build_balance(call)

    def parse_probe(self, call: Call, response: HttpResponse) -> ProbeResult:
        """Say what is wrong and where to put it right. Raises ProtocolError."""
        del call
        found = self.parse_balance(response)
        if isinstance(found, Money):
            left = f"₹{found.amount} is left" if found.amount > 0 else "the wallet is empty: recharge it before sending"
            count = answers.read(answers.ANSWER, response).sms_count
            facts = {"wallet": str(found.amount), **({} if count is None else {"sms_count": str(count)})}
            return ProbeResult(ok=True, detail=f"The authorization key works; {left}.", facts=facts)
        if known := CODES.get(found.code):
            detail = f"Fast2SMS refuses the account with code {found.code}: {known.wording}. {known.advice}".rstrip()
        else:
            detail = f"Fast2SMS answers code {found.code} ({found.detail}), which is in no list; ask its support."
        return ProbeResult(ok=False, detail=detail, error=found)

    def build_templates(self, call: Call, cursor: str) -> HttpRequest:
        """Ask the DLT Manager for everything; it has no pages."""
        del cursor
        return _get(call, "/dlt_manager?type=template")

    def parse_templates(self, call: Call, cursor: str, response: HttpResponse) -> TemplatePage | ProviderError:
        """
        Read the templates; `name` is the Message ID, because that is what a message names.

        `registration` has `entity_id`, and beside it `sender` and `title`, which `ProviderTemplate` has no place for.
        Raises ProtocolError.
        """
        del call, cursor
        found = _managed(response)
        if isinstance(found, ProviderError):
            return found
        return TemplatePage(
            [
                ProviderTemplate(
                    name=str(stored.message_id),
                    state=TemplateState.APPROVED,
                    provider_ref=str(stored.message_id),
                    body=normalised(stored.text),
                    variables=places(stored.text),
                    registration=_named(header, stored.template_name or ""),
                )
                for header in found.data or ()
                for stored in header.templates or ()
                if stored.message_id is not None
            ]
        )

    def fits(self, template: ProviderTemplate | None, wanted: TemplateRef) -> list[Problem]:
        """Compare with the DLT Manager's copy; the text of the route otp stands in no list."""
        return [] if wanted.name == OTP else super().fits(template, wanted)

    def build_senders(self, call: Call) -> HttpRequest:
        """Ask the DLT Manager for the senders."""
        return _get(call, "/dlt_manager?type=sender")

    def parse_senders(self, call: Call, response: HttpResponse) -> Sequence[ProviderSender] | ProviderError:
        """Read the approved headers with their entity. Raises ProtocolError."""
        del call
        found = _managed(response)
        if isinstance(found, ProviderError):
            return found
        return [
            ProviderSender(header.sender_id, header.entity_name or "", (Channel.SMS,), facts=_named(header))
            for header in found.data or ()
            if header.sender_id
        ]


def _managed(response: HttpResponse) -> answers.Manager | ProviderError:
    if error := answers.throttled(response):
        return error
    found = answers.read(answers.MANAGER, response)
    return answers.refusal(found, response) or found


def _named(header: answers.Header, title: str = "") -> Mapping[str, str]:
    entity = "" if header.entity_id is None else str(header.entity_id)
    facts = {"entity_id": entity, "sender": (header.sender_id or "") if title else "", "title": title}
    return {name: value for name, value in facts.items() if value}


@lru_cache(maxsize=256)
def _headers(account: Fast2SmsAccount) -> Mapping[str, str]:
    return {"authorization": account.api_key.get_secret_value(), "accept": "application/json"}


@lru_cache(maxsize=256)
def _json_headers(account: Fast2SmsAccount) -> Mapping[str, str]:
    return {**_headers(account), "content-type": "application/json"}


def _get(call: Call, path: str) -> HttpRequest:
    account = cast("Fast2SmsAccount", call.account)
    return HttpRequest("GET", f"{account.base_url}{path}", _headers(account))
