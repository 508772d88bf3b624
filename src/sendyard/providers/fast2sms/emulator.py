"""
Fast2SMS's side of the wire, as the sheet describes it: bulkV2, wallet, delivery log, DLT Manager, webhook.

A number that a call with several cannot reach does not spoil the call: it is left out, and its row says why.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import Decimal
from types import MappingProxyType
from typing import Any, ClassVar
from urllib.parse import parse_qsl, unquote

import msgspec

from sendyard.domain.channels import Channel
from sendyard.domain.errors import ErrorKind
from sendyard.domain.parts import count_gsm
from sendyard.domain.status import ReportStatus
from sendyard.providers.emulation import EmulatedRequest, Emulator, Handled, Received, Report
from sendyard.providers.fast2sms.emulated_reports import callback, log
from sendyard.providers.fast2sms.refusals import (
    HEADERS,
    OTHER_NUMBERS,
    RefusedError,
    code_of,
    numbers_of,
    refused,
    route_of,
    text_of,
)
from sendyard.providers.fast2sms.spec import SPEC
from sendyard.providers.fast2sms.wallet import RATES, Customer, Row, Sent, WalletState
from sendyard.providers.spec import ProviderSpec
from sendyard.providers.wire import HttpRequest, HttpResponse

_ENCODE = msgspec.json.Encoder().encode
_NOT_FOUND = HttpResponse(404, {"content-type": "text/html"}, b"<h1>404 Not Found</h1>")
_RANDOM_SENDER = "570057"  # the quick route sends from a number of its own choice
_SHARED_SENDER = "FSTSMS"  # the header of the otp route

# Status and description of a report, by its class and by the names that the code table has for descriptions.
_FAILURES = {
    ErrorKind.CONTENT_REJECTED: ("Rejected", "Template not matched at DLT"),
    ErrorKind.REGISTRY_REFUSED: ("Rejected", "Header not registered at DLT"),
    ErrorKind.INVALID_RECIPIENT: ("Failed", "Invalid number"),
    ErrorKind.BLOCKED: ("Blocked", "The number is blocked"),
    ErrorKind.OPTED_OUT: ("Failed", "NDNC number"),
    ErrorKind.EXPIRED: ("Expired", "Validity is over"),
    ErrorKind.UNMAPPED: ("Vanished", ""),
}
_NAMED = {
    "dlt_text": _FAILURES[ErrorKind.CONTENT_REJECTED],
    "dlt_registration": _FAILURES[ErrorKind.REGISTRY_REFUSED],
    "invalid_number": _FAILURES[ErrorKind.INVALID_RECIPIENT],
}
_STATUSES = {
    ReportStatus.SENT: ("Sent", "Handed to the operator"),
    ReportStatus.DELIVERED: ("Delivered", "Delivered to handset"),
    ReportStatus.READ: ("Delivered", "Delivered to handset"),
    ReportStatus.UNMAPPED: ("Somewhere", ""),
}


class Fast2SmsEmulator(Emulator):
    """`/dev` of www.fast2sms.com."""

    spec: ClassVar[ProviderSpec] = SPEC
    base_path: ClassVar[str] = "/dev"
    sample_account: ClassVar[Mapping[str, str]] = MappingProxyType({"api_key": "InventedAuthorizationKey0123456789"})
    sample_sender: ClassVar[str] = "ACMEIN"
    callback_retries: ClassVar[tuple[float, ...]] = (60.0, 300.0)  # invented: no schedule is published

    def new_state(self) -> WalletState:
        """Nobody registered, everybody rich."""
        return WalletState()

    def register(self, state: WalletState, account: Mapping[str, Any]) -> None:
        """Take `api_key` and the further fields of `Customer`. Raises Invalid."""
        state.register(account)

    def handle(self, request: EmulatedRequest, state: WalletState) -> Handled:
        """Find the call, then the key; 404 to anything the sheet does not have, letters' case included."""
        steps = unquote(request.path, errors="replace").split("/")
        if steps[:2] != ["", "dev"] or request.method not in {"GET", "POST"}:
            return Handled(_NOT_FOUND)
        given = _given(request)
        call = _call_of(request, steps[2:], given)
        if call is None:
            return Handled(_NOT_FOUND)
        customer = state.customer(request.headers.get("authorization") or given.get("authorization", ""))
        if customer is None:
            return Handled(refused("412"))
        try:
            return call(request, state, customer, given)
        except RefusedError as error:
            return Handled(refused(error.code, as_200=customer.errors_as_200))

    def throttled(self, request: EmulatedRequest, retry_after: float | None) -> HttpResponse:
        """HTTP 429; a waiting time is sent only if the scenario gives it."""
        del request
        headers = HEADERS if retry_after is None else {**HEADERS, "retry-after": f"{retry_after:.0f}"}
        return HttpResponse(429, headers, _ENCODE({"return": False, "message": "Too many requests"}))

    def unavailable(self, request: EmulatedRequest) -> HttpResponse:
        """A bare 503: nothing else is documented."""
        del request
        return HttpResponse(503, {"content-type": "text/html"}, b"<h1>Service Unavailable</h1>")

    def settle(self, state: WalletState, received: Received, report: Report) -> HttpRequest | None:
        """Let the log show the report, and call the webhook when it is final."""
        call = state.calls.get((received.account, received.provider_ref))
        if call is None:
            return None
        row = call.rows[received.to]
        final = report.status not in {ReportStatus.SENT, ReportStatus.UNMAPPED}
        if final or row.at is None:
            row.status, row.description = _words(report)
        if not final:
            return None
        row.at = report.at
        return (
            callback(received.callback_url, received.provider_ref, call, received.to) if received.callback_url else None
        )

    def inbound(
        self, state: WalletState, *, account: str, sender: str, recipient: str, text: str, now: datetime
    ) -> HttpRequest | None:
        """Nothing: these routes of Fast2SMS have no inbound."""
        del state, account, sender, recipient, text, now
        return None


_Call = Callable[[EmulatedRequest, WalletState, Customer, Mapping[str, str]], Handled]


def _call_of(request: EmulatedRequest, steps: list[str], given: Mapping[str, str]) -> _Call | None:
    """What a path asks for, or None for nothing that is documented."""
    request_id = steps[1] if len(steps) == 2 else given.get("request_id", "")
    match [request.method, *steps]:
        case [_, "bulkV2"]:
            return _send
        case [_, "bulk"]:
            return _old
        case [_, "wallet"]:
            return _wallet
        case ["GET", "dlr"] | ["GET", "dlr", _]:
            return lambda _now, state, customer, _given: log(request_id, state.calls.get((customer.name, request_id)))
        case ["GET", "dlt_manager"] if given.get("type") in {"template", "sender"}:
            return _manager
        case _:
            return None


def _given(request: EmulatedRequest) -> dict[str, str]:
    """Query, and the body as JSON or as a form."""
    given = dict(parse_qsl(request.query, keep_blank_values=True, errors="replace"))
    if request.headers.get("content-type", "").startswith("application/json"):
        try:
            body = msgspec.json.decode(request.body or b"{}")
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return given
        return given | {str(name): str(value) for name, value in body.items()} if isinstance(body, dict) else given
    return given | dict(parse_qsl(request.body.decode("utf-8", "replace"), keep_blank_values=True, errors="replace"))


def _send(request: EmulatedRequest, state: WalletState, customer: Customer, given: Mapping[str, str]) -> Handled:
    route = route_of(customer, given)
    numbers = numbers_of(given.get("numbers", ""))
    if len(set(numbers)) < len(numbers) or any(state.is_spam(customer, to, request.now) for to in numbers):
        raise RefusedError("995")
    text = text_of(state, customer, route, given, len(numbers))
    dropped = _dropped(request, numbers)
    parts = count_gsm(text).parts
    left = Decimal(customer.credit) - RATES[route] * parts * len(numbers)
    if left < 0:
        raise RefusedError("416")
    customer.credit = str(left)
    sender = {"q": _RANDOM_SENDER, "otp": _SHARED_SENDER}.get(route) or given["sender_id"]
    call = Sent(
        route=route,
        udf=(given.get("udf1", ""), given.get("udf2", ""), given.get("udf3", "")),
        rows={to: Row(sender, parts) for to in numbers},
        webhook=(customer.webhook_form, customer.webhook_body),
    )
    request_id = state.store(customer.name, call)
    for to, kind in dropped.items():
        row = call.rows[to]
        (row.status, row.description), row.at = _FAILURES.get(kind, ("Failed", "Failed")), request.now
    received = [
        Received(
            account=customer.name,
            to=to,
            sender=sender,
            channel=Channel.SMS,
            text=text,
            provider_ref=request_id,
            reference=call.udf[0],
            template=given["message"] if route == "dlt" else "",
            callback_url=customer.callback_url,
            parts=parts,
            at=request.now,
        )
        for to in numbers
        if to not in dropped
    ]
    said = {"return": True, "request_id": request_id, "message": ["SMS sent successfully."]}
    return Handled(HttpResponse(200, HEADERS, _ENCODE(said)), received)


def _dropped(request: EmulatedRequest, numbers: list[str]) -> dict[str, ErrorKind]:
    """Numbers that are left out of a call for others. Raises RefusedError for what stops the whole call."""
    found = {to: refusal for to in numbers if (refusal := request.refusal(to))}
    for refusal in found.values():
        if len(found) == len(numbers) or refusal.code or refusal.kind not in OTHER_NUMBERS:
            raise RefusedError(code_of(refusal))
    return {to: refusal.kind for to, refusal in found.items()}


def _old(_request: EmulatedRequest, _state: WalletState, _customer: Customer, _given: Mapping[str, str]) -> Handled:
    raise RefusedError("990")


def _wallet(_request: EmulatedRequest, _state: WalletState, customer: Customer, _given: Mapping[str, str]) -> Handled:
    rupees = Decimal(customer.credit)
    said = {"return": True, "wallet": f"{rupees:.4f}", "sms_count": int(rupees / RATES["dlt"])}
    return Handled(HttpResponse(200, HEADERS, _ENCODE(said)))


def _manager(_request: EmulatedRequest, _state: WalletState, customer: Customer, given: Mapping[str, str]) -> Handled:
    templates = [
        {"message_id": int(message_id), "template_name": f"Template {message_id}", "message": text}
        for message_id, text in customer.templates.items()
        if message_id.isdigit()
    ]
    with_templates = {"templates": templates} if given["type"] == "template" else {}
    data = [
        {"sender_id": sender, "entity_id": customer.entity_id, "entity_name": "ACME", **with_templates}
        for sender in customer.senders or [Fast2SmsEmulator.sample_sender]
    ]
    return Handled(HttpResponse(200, HEADERS, _ENCODE({"success": True, "data": data})))


def _words(report: Report) -> tuple[str, str]:
    """Status and description of a report."""
    if known := _STATUSES.get(report.status):
        return known
    if report.code:
        return _NAMED.get(report.code) or (report.code, "")
    return _FAILURES.get(report.kind or ErrorKind.UNDELIVERABLE, ("Failed", "Absent subscriber"))
