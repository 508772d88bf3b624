"""
2Factor's side of the wire, as the sheet describes it: the key in the path, sentences instead of codes, reports later.

Wrong DLT data is no error of a send: it is accepted, charged, and rejected by the report.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, ClassVar
from urllib.parse import parse_qsl, unquote

from sendyard.domain.channels import Channel
from sendyard.domain.errors import ErrorKind
from sendyard.domain.parts import count_gsm
from sendyard.domain.status import ReportStatus
from sendyard.providers.emulation import EmulatedRequest, Emulator, Handled, Received, Refusal, Report
from sendyard.providers.spec import ProviderSpec
from sendyard.providers.twofactor.emulated_otp import check_by_number, check_by_session, send_code
from sendyard.providers.twofactor.emulated_reports import callback, log
from sendyard.providers.twofactor.panel import SLOT, Customer, PanelState, Stored
from sendyard.providers.twofactor.spec import SPEC
from sendyard.providers.twofactor.voice import (
    NOT_FOUND,
    UNDESCRIBED,
    RefusedError,
    error,
    number_of,
    success,
)
from sendyard.providers.wire import HttpRequest, HttpResponse

_MOST_NUMBERS = 100
_WORDS = {
    ReportStatus.SENT: "SUBMITTED",
    ReportStatus.DELIVERED: "DELIVERED",
    ReportStatus.READ: "DELIVERED",
    ReportStatus.UNMAPPED: "ON-ITS-WAY",
}
_FAILURES = {
    ErrorKind.CONTENT_REJECTED: "DLT-CNT-REJECT",
    ErrorKind.REGISTRY_REFUSED: "SNDR-NT-REG",
    ErrorKind.BLOCKED: "REJECTED",
    ErrorKind.OPTED_OUT: "NDNC",
    ErrorKind.INVALID_RECIPIENT: "INVALID-SUB",
    ErrorKind.EXPIRED: "EXPIRED",
    ErrorKind.UNMAPPED: "ERR-777",
}
_REFUSALS = {
    ErrorKind.AUTH_FAILED: "invalid_api_key",
    ErrorKind.CONTENT_REJECTED: "DLT-CNT-REJECT",
    ErrorKind.INVALID_RECIPIENT: "invalid_phone",
    ErrorKind.NOT_REGISTERED: "unknown_template",
    ErrorKind.REGISTRY_REFUSED: "dlt_mismatch",
    ErrorKind.OUT_OF_CREDIT: "insufficient_balance",
    ErrorKind.THROTTLED: "too_many_requests",
}
_PURSES = {
    "BAL/SMS": "otp_credit",
    "BAL/VOICE": "otp_credit",
    "ADDON_SERVICES/BAL/TRANSACTIONAL_SMS": "credit",
    "ADDON_SERVICES/BAL/PROMOTIONAL_SMS": "promotional_credit",
}
_MODULES = {"TRANS_SMS": "TSMS", "PROMO_SMS": "PSMS"}


@dataclass(frozen=True, slots=True)
class _Wanted:
    """A text to one or more numbers, of either interface."""

    product: str
    sender: str
    numbers: str
    text: str
    template: str
    variables: Mapping[str, str]


class TwoFactorEmulator(Emulator):
    """V1 and R1."""

    spec: ClassVar[ProviderSpec] = SPEC
    base_path: ClassVar[str] = "/API"
    sample_account: ClassVar[Mapping[str, str]] = MappingProxyType({"api_key": "0a1b2c3d-1111-11ef-8b17-0200cd936042"})
    sample_sender: ClassVar[str] = "ACMEIN"
    callback_retries: ClassVar[tuple[float, ...]] = (60.0, 300.0)  # invented: no schedule is published

    def new_state(self) -> PanelState:
        """Nobody registered, everybody rich."""
        return PanelState()

    def register(self, state: PanelState, account: Mapping[str, Any]) -> None:
        """Take `api_key` and the further fields of `Customer`. Raises Invalid."""
        state.register(account)

    def handle(self, request: EmulatedRequest, state: PanelState) -> Handled:
        """Find the key, then the call; 404 to anything the sheet does not have."""
        steps = [unquote(step, errors="replace") for step in request.path.split("/")]
        if steps[:3] == ["", "API", "R1"] and steps[3:] in ([], [""]):
            return _r1(request, state)
        if steps[:3] != ["", "API", "V1"] or len(steps) < 5:
            return NOT_FOUND
        call = _call_of(request, steps[4:])
        if call is None:
            return NOT_FOUND
        customer = state.customer(steps[3])
        if customer is None:
            return Handled(error("invalid_api_key", state.bad_key_status))
        try:
            return call(request, state, customer)
        except RefusedError as refused:
            return Handled(error(refused.code))

    def throttled(self, request: EmulatedRequest, retry_after: float | None) -> HttpResponse:
        """HTTP 429; a waiting time is sent only if the scenario gives it."""
        del request
        answer = error("too_many_requests", 429)
        if retry_after is None:
            return answer
        return HttpResponse(429, {**answer.headers, "retry-after": f"{retry_after:.0f}"}, answer.body)

    def unavailable(self, request: EmulatedRequest) -> HttpResponse:
        """A bare 503: nothing else is documented."""
        del request
        return HttpResponse(503, {"content-type": "text/html"}, b"<h1>Service Unavailable</h1>")

    def settle(self, state: PanelState, received: Received, report: Report) -> HttpRequest | None:
        """Let the log show the report, and push it when it is final."""
        stored = state.messages.get((received.account, received.provider_ref, received.to))
        if stored is None:
            return None
        word = _WORDS.get(report.status) or report.code or _FAILURES.get(report.kind or ErrorKind.UNMAPPED, "FAILED")
        if report.status is ReportStatus.DELIVERED and not stored.registered:
            word = "DLT-CNT-REJECT"
        if stored.final_at is None:
            stored.word = word
        if report.status in {ReportStatus.SENT, ReportStatus.UNMAPPED}:
            return None
        stored.word, stored.final_at = word, report.at
        return callback(received.callback_url, received.provider_ref, stored) if received.callback_url else None

    def inbound(
        self, state: PanelState, *, account: str, sender: str, recipient: str, text: str, now: Any
    ) -> HttpRequest | None:
        """Nothing: this product of 2Factor has no inbound."""
        del state, account, sender, recipient, text, now
        return None


_Call = Callable[[EmulatedRequest, PanelState, Customer], Handled]


def _call_of(request: EmulatedRequest, steps: list[str]) -> _Call | None:
    """What the rest of a V1 path asks for, or None for nothing that is documented."""
    if request.method not in {"GET", "POST"}:
        return None
    if purse := _PURSES.get("/".join(steps)):
        return lambda _request, _state, customer: Handled(success(str(getattr(customer, purse))))
    return _texting(request, steps[1:]) if steps[0] == "ADDON_SERVICES" else _one_time(steps)


def _texting(request: EmulatedRequest, steps: list[str]) -> _Call | None:
    match [request.method, *steps]:
        case ["POST", "SEND", "TSMS" | "PSMS" as product]:
            return lambda now, state, customer: _send(now, state, customer, _v1_wanted(now, product))
        case ["GET", "RPT", "TSMS" | "PSMS" as product, session]:
            return lambda _now, state, customer: log(state, customer, product, session)
        case _:
            return None


def _one_time(steps: list[str]) -> _Call | None:
    match steps:
        case ["SMS", "VERIFY", session, typed]:
            return lambda now, state, customer: check_by_session(now, state, customer, session, typed)
        case ["SMS", "VERIFY3", number, typed]:
            return lambda now, state, customer: check_by_number(now, state, customer, number, typed)
        case ["SMS" | "VOICE" as product, number, code]:
            return lambda now, state, customer: send_code(now, state, customer, product, number, code, "")
        case ["SMS", number, code, template]:
            return lambda now, state, customer: send_code(now, state, customer, "SMS", number, code, template)
        case _:
            return None


def _r1(request: EmulatedRequest, state: PanelState) -> Handled:
    given = dict(parse_qsl(request.query, keep_blank_values=True)) | _form(request)
    module = given.get("module", "")
    if request.method not in {"GET", "POST"} or module not in {*_MODULES, "SMS_OTP"}:
        return NOT_FOUND
    customer = state.customer(given.get("apikey", ""))
    if customer is None:
        return Handled(error("invalid_api_key", state.bad_key_status))
    try:
        if module == "SMS_OTP":
            number, code, template = given.get("to", ""), given.get("otpvalue", ""), given.get("templatename", "")
            return send_code(request, state, customer, "SMS", number, code, template)
        wanted = _Wanted(
            product=_MODULES[module],
            sender=given.get("from", ""),
            numbers=given.get("to", ""),
            text=given.get("msg", ""),
            template=given.get("templatename", ""),
            variables={name.upper(): value for name, value in given.items() if name.lower().startswith("var")},
        )
        return _send(request, state, customer, wanted)
    except RefusedError as refused:
        return Handled(error(refused.code))


def _v1_wanted(request: EmulatedRequest, product: str) -> _Wanted:
    given = _form(request)
    return _Wanted(
        product=product,
        sender=given.get("From", ""),
        numbers=given.get("To", ""),
        text=given.get("Msg", ""),
        # PSMS has no templates: without a text there is nothing to send.
        template=given.get("TemplateName", "") if product == "TSMS" else "",
        variables={name: value for name, value in given.items() if name.startswith("VAR")},
    )


def _form(request: EmulatedRequest) -> dict[str, str]:
    return dict(parse_qsl(request.body.decode("utf-8", "replace"), keep_blank_values=True, errors="replace"))


def _send(request: EmulatedRequest, state: PanelState, customer: Customer, wanted: _Wanted) -> Handled:
    numbers = [number_of(number) for number in wanted.numbers.split(",")]
    if len(numbers) > _MOST_NUMBERS:
        raise RefusedError("invalid_phone")
    for to in numbers:
        if refusal := request.refusal(to):
            raise RefusedError(_refusal_code(refusal))
    if not wanted.sender or (customer.senders and wanted.sender not in customer.senders):
        raise RefusedError("unknown_sender")
    if not wanted.text and not wanted.template:
        raise RefusedError("unknown_template")
    text, registered = _rendered(state, customer, wanted)
    parts = count_gsm(text).parts
    _charge(customer, wanted.product, parts * len(numbers))
    session = state.new_session()
    received = []
    for to in numbers:
        stored = Stored(to, wanted.sender, wanted.product, parts, request.now, registered)
        state.store(customer.name, session, stored)
        received.append(
            Received(
                account=customer.name,
                to=to,
                sender=wanted.sender,
                channel=Channel.SMS,
                text=text,
                provider_ref=session,
                template=wanted.template,
                variables=wanted.variables,
                callback_url=customer.callback_url,
                parts=parts,
                at=request.now,
            )
        )
    return Handled(success(session), received)


def _rendered(state: PanelState, customer: Customer, wanted: _Wanted) -> tuple[str, bool]:
    """The text of a message, and whether the registry has it."""
    if not wanted.template:
        return wanted.text, state.fits(wanted.text, customer.templates)
    template = customer.templates.get(wanted.template)
    values = [value for _, value in sorted(wanted.variables.items())]
    if template is None:
        return " ".join(values), False
    pieces = template.split(SLOT)
    filled = [*values[: len(pieces) - 1], *[""] * (len(pieces) - 1 - len(values))]
    text = "".join(piece + value for piece, value in zip(pieces, [*filled, ""], strict=True))
    return text, len(values) == len(pieces) - 1


def _charge(customer: Customer, product: str, parts: int) -> None:
    purse = "credit" if product == "TSMS" else "promotional_credit"
    left = getattr(customer, purse) - parts
    if left < 0:
        raise RefusedError("insufficient_balance")
    setattr(customer, purse, left)


def _refusal_code(refusal: Refusal) -> str:
    if refusal.code:
        return refusal.code
    return _REFUSALS.get(refusal.kind, UNDESCRIBED)
