"""
Kaleyra's side of the wire: one cloud that stands for all regions.

What is said of accounts that nobody registered: any SID with any key works, unless one of them contains `invalid`.
Such an account has no callback profile; an SMS brings its callback along itself.
"""

import re
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from types import MappingProxyType
from typing import Any, ClassVar, Literal
from urllib.parse import parse_qs, unquote

import msgspec

from sendyard.domain.channels import Channel
from sendyard.domain.errors import Invalid
from sendyard.providers.emulation import EmulatedRequest, Emulator, Handled, Received, Report
from sendyard.providers.kaleyra.codes import FIELD
from sendyard.providers.kaleyra.emulated_reports import callback, inbound, outcome
from sendyard.providers.kaleyra.emulated_send import (
    RefusedError,
    fields_of,
    refusal,
    said,
    take_form,
    take_meta,
    take_sms,
)
from sendyard.providers.kaleyra.emulated_state import (
    GENEROUS_CREDIT,
    Customer,
    KaleyraState,
    Profile,
    Verification,
)
from sendyard.providers.kaleyra.spec import SPEC
from sendyard.providers.spec import ProviderSpec
from sendyard.providers.wire import HttpRequest, HttpResponse

_Action = Callable[..., Handled]

_NUMBER = re.compile(r"\+[1-9][0-9]{6,14}")
_FINAL = frozenset({"Delivered", "Read", "Undelivered", "NotSent"})
_LIFETIME = timedelta(minutes=5)
_MOST_VERIFICATIONS = 10_000


class _Registration(msgspec.Struct, forbid_unknown_fields=True):
    """An account's fields, and what its owner sets in Kaleyra's console."""

    sid: str
    api_key: str
    base_url: str = ""
    sender: str = ""
    sms_type: str = "auto"
    template_id: str = ""
    wa_number: str = ""
    whatsapp_api: str = "v2"
    callback_profile_id: str = ""
    whatsapp_profile_id: str = ""
    callback_mapping: str = ""
    webhook_header: str = "x-api-key"
    webhook_secret: str | None = None
    flow_id: str = ""
    currency: str = "INR"
    callback_url: str = ""
    callback_method: Literal["GET", "POST"] = "POST"
    callback_payload: dict[str, str] = {}
    senders: tuple[str, ...] = ()
    wa_numbers: tuple[str, ...] = ()
    templates: dict[str, str] = {}
    flows: tuple[str, ...] = ()
    credit: Decimal = GENEROUS_CREDIT
    daily_limit: int = 0
    per_second: int = 0
    wa_price: str = ""


class KaleyraEmulator(Emulator):
    """SMS, WhatsApp of both versions, status query and Verify."""

    spec: ClassVar[ProviderSpec] = SPEC
    sample_account: ClassVar[Mapping[str, str]] = MappingProxyType(
        {
            "sid": "HXIN1700000000IN",
            "api_key": "A0123456789abcdef0123456789abcdef",
            "wa_number": "918012345678",
            "flow_id": "d9900000-6946-4b00-ac18-51c00000344a",
        }
    )
    sample_sender: ClassVar[str] = "SHOPIN"
    callback_retries: ClassVar[tuple[float, ...]] = (10.0, 10.0, 10.0)

    def new_state(self) -> KaleyraState:
        """An empty Kaleyra."""
        return KaleyraState()

    def register(self, state: KaleyraState, account: Mapping[str, Any]) -> None:
        """Take the account's fields and the console's; see `_Registration` for their names. Raises Invalid."""
        try:
            given = msgspec.convert(dict(account), _Registration)
        except msgspec.ValidationError as problem:
            detail = f"Expected the fields of a Kaleyra account; found: {problem}."
            raise Invalid("account_not_usable", detail) from None
        profile = None
        if given.callback_url:
            headers = {given.webhook_header: given.webhook_secret} if given.webhook_secret else {}
            profile = Profile(given.callback_url, given.callback_method, headers)
            if given.callback_payload:
                profile = Profile(profile.url, profile.method, headers, given.callback_payload)
        state.is_closed = True
        state.customers[given.sid] = Customer(
            given.sid,
            given.api_key,
            senders=given.senders,
            wa_numbers=given.wa_numbers,
            templates=given.templates,
            flows=given.flows,
            credit=given.credit,
            daily_limit=given.daily_limit,
            per_second=given.per_second,
            profile=profile,
            wa_price=given.wa_price,
        )

    def handle(self, request: EmulatedRequest, state: KaleyraState) -> Handled:
        """Answer as Kaleyra does: the address first, then SID and key, then the rest."""
        try:
            for method, pattern, action in _ROUTES:
                if request.method == method and (found := pattern.fullmatch(request.path)):
                    sid, *rest = map(unquote, found.groups())
                    return action(request, state, _admitted(request, state, sid), *rest)
        except RefusedError as refused:
            return Handled(refusal(refused))
        return Handled(HttpResponse(404, {"content-type": "text/plain"}, b"Not Found"))

    def throttled(self, request: EmulatedRequest, retry_after: float | None) -> HttpResponse:
        """429; Kaleyra documents no waiting time, one is sent only if the scenario gives it."""
        del request
        answer = refusal(RefusedError("http:429"))
        if retry_after is None:
            return answer
        return HttpResponse(429, {**answer.headers, "retry-after": f"{retry_after:.0f}"}, answer.body)

    def unavailable(self, request: EmulatedRequest) -> HttpResponse:
        """A bare 503: Kaleyra documents no answer that means "not now, and not taken"."""
        del request
        return HttpResponse(503)

    def settle(self, state: KaleyraState, received: Received, report: Report) -> HttpRequest | None:
        """Let the status query show it, and call back where the message or the account says so."""
        stored = state.messages.get(received.provider_ref)
        customer = state.customers.get(received.account)
        if stored is None or customer is None:
            return None
        status, details = outcome(report)
        if stored.status not in _FINAL or status in _FINAL:
            stored.status, stored.details = status, details
        profile = state.callbacks.get(received.provider_ref)
        return callback(customer, received, report, profile) if profile else None

    def inbound(
        self, state: KaleyraState, *, account: str, sender: str, recipient: str, text: str, now: datetime
    ) -> HttpRequest | None:
        """Tell what a person wrote; a recipient with a plus is a number for SMS."""
        customer = state.customers.get(account)
        if customer is None or customer.profile is None:
            return None
        return inbound(customer.profile, sender, recipient, text, now, state.next_id(now))


def _admitted(request: EmulatedRequest, state: KaleyraState, sid: str) -> Customer:
    key = request.headers.get("api-key", "")
    if not key or "invalid" in key or "invalid" in sid:
        raise RefusedError("RBC001")
    customer = state.customer(sid)
    if customer is None or (customer.api_key and key != customer.api_key):
        raise RefusedError("RBC001")
    if customer.is_too_fast(request.now):
        raise RefusedError("http:429")
    return customer


def _states(request: EmulatedRequest, state: KaleyraState, customer: Customer) -> Handled:
    """States of the messages that are asked for; of others, and of other accounts, nothing."""
    ids = ",".join(parse_qs(request.query).get("message_ids", [])).split(",")
    rows = [
        {"campaign_id": ref, "status": stored.status, "status_details": stored.details}
        for ref in dict.fromkeys(ids)
        if (stored := state.messages.get(ref)) and stored.sid == customer.sid
    ]
    return Handled(said({"data": rows, "error": {}}))


def _verify(request: EmulatedRequest, state: KaleyraState, customer: Customer) -> Handled:
    given = fields_of(request)
    to = given.get("to")
    mobile = to.get("mobile") if isinstance(to, dict) else None
    if customer.flows and given.get("flow_id") not in customer.flows:
        raise RefusedError(f"{FIELD}flow_id")
    if not isinstance(mobile, str) or not _NUMBER.fullmatch(mobile):
        raise RefusedError(f"{FIELD}to")
    verify_id = state.next_id(request.now)
    code = f"{state.counter * 7919 % 1_000_000:06d}"
    state.verifications[verify_id] = Verification(customer.sid, code, request.now + _LIFETIME)
    if len(state.verifications) > _MOST_VERIFICATIONS:
        del state.verifications[next(iter(state.verifications))]
    received = Received(
        account=customer.sid,
        to=mobile,
        sender="",
        channel=Channel.SMS,
        text=f"Your code is {code}.",
        provider_ref=f"{verify_id}:0",
        at=request.now,
        extra={"way": "verify"},
    )
    return Handled(said({"data": {"verify_id": verify_id, "to": {"mobile": mobile}}, "error": {}}, 202), (received,))


def _validate(request: EmulatedRequest, state: KaleyraState, customer: Customer) -> Handled:
    given = fields_of(request)
    verification = state.verifications.get(str(given.get("verify_id")))
    if verification is None or verification.sid != customer.sid:
        return Handled(_verdict("E911", "Invalid verify_id"))
    if verification.is_used:
        return Handled(_verdict("E910", "OTP already verified"))
    if request.now > verification.until:
        return Handled(_verdict("E912", "OTP expired"))
    if given.get("otp") != verification.code:
        return Handled(_verdict("E913", "Invalid OTP"))
    verification.is_used = True
    return Handled(said({"data": {"verify_id": given["verify_id"], "message": "OTP verified successfully."}}))


def _verdict(code: str, text: str) -> HttpResponse:
    error = {"code": code, "type": "validation_error", "parameter": "", "message": text, "reference": ""}
    return said({"error": error}, 400)


_ROUTES: tuple[tuple[str, re.Pattern[str], _Action], ...] = (
    ("POST", re.compile(r"/v1/([^/]+)/sms"), take_sms),
    ("POST", re.compile(r"/v1/([^/]+)/messages"), take_form),
    ("POST", re.compile(r"/v2/([^/]+)/whatsapp/([^/]+)/messages"), take_meta),
    ("GET", re.compile(r"/v1/([^/]+)/(?:sms|messages)/status"), _states),
    ("POST", re.compile(r"/v1/([^/]+)/verify"), _verify),
    ("POST", re.compile(r"/v1/([^/]+)/verify/validate"), _validate),
)
