"""
The gateway's side of the wire: HTTP 200 to everything, the verdict in the body, reports by GET or POST.

What is said of accounts that nobody registered: any user id with any password works, unless one of them contains
`invalid`; such an account has no address for reports.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Any, ClassVar, Literal
from urllib.parse import parse_qsl, urlencode

import msgspec

from sendyard.domain.channels import Channel
from sendyard.domain.errors import ErrorKind, Invalid
from sendyard.domain.parts import count_gsm
from sendyard.domain.status import ReportStatus
from sendyard.providers.emulation import EmulatedRequest, Emulator, Handled, Received, Refusal, Report
from sendyard.providers.gupshup_sms.codes import BY_CAUSE, CODES, FAILURE, NO_CREDIT, REFUSALS
from sendyard.providers.gupshup_sms.spec import SPEC
from sendyard.providers.spec import ProviderSpec
from sendyard.providers.wire import HttpRequest, HttpResponse

_PATH = "/GatewayAPI/rest"
_INDIAN = re.compile(r"(?:91)?([6-9][0-9]{9})")
_FOREIGN = re.compile(r"(?!91)[1-9][0-9]{7,14}")
_MASK = re.compile(r"[A-Za-z]{3,8}|[0-9]{6}")
_KINDS = frozenset({"TEXT", "UNICODE_TEXT", "FLASH"})
_MOST_NUMBERS = 100
_UNLISTED = "150"  # one of the refusals that nobody published
_UNLISTED_REPORT = "099"
_TEXT = {"content-type": "text/plain; charset=utf-8"}
_JSON = {"content-type": "application/json; charset=utf-8"}

_CODE_OF_KIND = {
    known.meaning: name
    for table in (CODES, REFUSALS)
    for name, known in reversed(list(table.items()))
    if isinstance(known.meaning, ErrorKind)
}
_REPORT_OF_KIND = {
    ErrorKind.INVALID_RECIPIENT: "003",
    ErrorKind.BLOCKED: "006",
    ErrorKind.OPTED_OUT: "007",
    ErrorKind.UNAVAILABLE: "004",
    ErrorKind.UNMAPPED: _UNLISTED_REPORT,
}


class _RefusedError(Exception):
    """A no, with its code."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(slots=True)
class Customer:
    """One account as Gupshup has it."""

    userid: str
    password: str = ""  # empty: any
    masks: tuple[str, ...] = ()  # empty: any well-formed header
    is_disabled: bool = False
    may_send_abroad: bool = False
    credit: int = 1_000_000  # parts
    per_second: int = 0  # 0: unlimited
    second: int = 0
    in_second: int = 0
    callback_url: str = ""
    reports_by: Literal["GET", "POST"] = "GET"

    def is_too_fast(self, now: datetime) -> bool:
        """Count a request, and tell whether it is one too many in its second."""
        second = int(now.timestamp())
        if second != self.second:
            self.second, self.in_second = second, 0
        self.in_second += 1
        return bool(self.per_second) and self.in_second > self.per_second


@dataclass(slots=True)
class GatewayState:
    """The whole emulated gateway: no message is kept, because nobody can ask for one."""

    customers: dict[str, Customer] = field(default_factory=dict)
    is_closed: bool = False  # only registered accounts work
    counter: int = 0

    def next_id(self, now: datetime) -> str:
        """Give an id in the gateway's form that no other run has: the second it was made, and a counter."""
        self.counter += 1
        return f"{int(now.timestamp()):019d}-{self.counter:017d}"


class _Registration(msgspec.Struct, forbid_unknown_fields=True):
    """An account's fields, and what Gupshup sets up for it."""

    userid: str
    password: str
    base_url: str = ""
    mask: str = ""
    entity_id: str = ""
    template_id: str = ""
    callback_url: str = ""
    reports_by: Literal["GET", "POST"] = "GET"
    senders: tuple[str, ...] = ()
    credit: int = 1_000_000
    per_second: int = 0
    is_disabled: bool = False
    may_send_abroad: bool = False


class GupshupSmsEmulator(Emulator):
    """Gupshup's Enterprise SMS gateway, version 1.1."""

    spec: ClassVar[ProviderSpec] = SPEC
    base_path: ClassVar[str] = _PATH
    sample_account: ClassVar[Mapping[str, str]] = MappingProxyType(
        {
            "userid": "2000000001",
            "password": "invented-password",
            "entity_id": "1101000000000000001",
            "template_id": "1107000000000000001",
        }
    )
    sample_sender: ClassVar[str] = "SHOPIN"
    callback_retries: ClassVar[tuple[float, ...]] = (60.0, 300.0)  # invented: no schedule is published

    def new_state(self) -> GatewayState:
        """Nobody registered, everybody rich."""
        return GatewayState()

    def register(self, state: GatewayState, account: Mapping[str, Any]) -> None:
        """Take the account's fields and those of `_Registration`. Raises Invalid."""
        try:
            given = msgspec.convert(dict(account), _Registration)
        except msgspec.ValidationError as problem:
            detail = f"Expected the fields of a Gupshup SMS account; found: {problem}."
            raise Invalid("account_not_usable", detail) from None
        state.is_closed = True
        state.customers[given.userid] = Customer(
            given.userid,
            given.password,
            masks=given.senders,
            is_disabled=given.is_disabled,
            may_send_abroad=given.may_send_abroad,
            credit=given.credit,
            per_second=given.per_second,
            callback_url=given.callback_url,
            reports_by=given.reports_by,
        )

    def handle(self, request: EmulatedRequest, state: GatewayState) -> Handled:
        """Answer `sendMessage`; 404 to any other address."""
        if request.path != _PATH or request.method not in {"GET", "POST"}:
            return Handled(HttpResponse(404, _TEXT, b"Not Found"))
        body = request.body if request.method == "POST" else b""
        # The password may stand in either place, so the body is read after the address and wins.
        text = f"{request.query}&{body.decode('utf-8', 'replace')}"
        given = dict(parse_qsl(text, keep_blank_values=True))
        as_json = given.get("format", "text").lower() == "json"
        try:
            customer = _admitted(state, given)
            if customer.is_too_fast(request.now):
                return Handled(self.throttled(request, None))
            verdicts = _send(request, state, customer, given)
        except _RefusedError as refused:
            return Handled(_answer([_no(refused.code)], as_json=as_json))
        return Handled(
            _answer([answer for answer, _ in verdicts], as_json=as_json),
            [received for _, received in verdicts if received],
        )

    def throttled(self, request: EmulatedRequest, retry_after: float | None) -> HttpResponse:
        """A bare 429: the gateway documents no answer for "too fast"."""
        del request
        waits = {} if retry_after is None else {"retry-after": f"{retry_after:.0f}"}
        return HttpResponse(429, {**_TEXT, **waits}, b"Too Many Requests")

    def unavailable(self, request: EmulatedRequest) -> HttpResponse:
        """A bare 503: the gateway documents no answer that means "not now, and not taken"."""
        del request
        return HttpResponse(503)

    def settle(self, state: GatewayState, received: Received, report: Report) -> HttpRequest | None:
        """Tell what is final; "sent" is in the answer to the submit already."""
        customer = state.customers.get(received.account)
        if customer is None or not received.callback_url or report.status is ReportStatus.SENT:
            return None
        code = _report_code(report)
        if customer.reports_by == "POST":
            return _posted(received, report, code)
        query = urlencode(
            {
                "externalId": received.provider_ref,
                "deliveredTS": int(report.at.timestamp() * 1000),
                "status": {"000": "SUCCESS", "": "UNKNOWN"}.get(code, FAILURE),
                "cause": _cause(code),
                "phoneNo": received.to.lstrip("+"),
                "errCode": code,
                "noOfFrags": received.parts,
                "mask": received.sender,
            }
        )
        joint = "&" if "?" in received.callback_url else "?"
        return HttpRequest("GET", f"{received.callback_url}{joint}{query}")

    def inbound(
        self, state: GatewayState, *, account: str, sender: str, recipient: str, text: str, now: datetime
    ) -> HttpRequest | None:
        """Nothing: no inbound is documented."""
        del state, account, sender, recipient, text, now
        return None


def _admitted(state: GatewayState, given: Mapping[str, str]) -> Customer:
    """Method, version, credentials; what is missing is told before what is wrong."""
    if given.get("method", "").lower() != "sendmessage":
        raise _RefusedError("106")
    if given.get("v") != "1.1":
        raise _RefusedError("107")
    userid, password = given.get("userid", ""), given.get("password", "")
    if not userid or not password or given.get("auth_scheme", "").lower() != "plain":
        raise _RefusedError("101")
    if "invalid" in password or "invalid" in userid:
        raise _RefusedError("102")
    customer = state.customers.get(userid)
    if customer is None:
        if state.is_closed:
            raise _RefusedError("103")
        return Customer(userid)
    if customer.password != password:
        raise _RefusedError("102")
    if customer.is_disabled:
        raise _RefusedError("104")
    return customer


def _send(
    request: EmulatedRequest, state: GatewayState, customer: Customer, given: Mapping[str, str]
) -> list[tuple[dict[str, str], Received | None]]:
    numbers = [number.strip() for number in given.get("send_to", "").split(",")]
    text, mask = given.get("msg", ""), given.get("mask", "")
    if not numbers[0] or not text.strip() or given.get("msg_type", "TEXT").upper() not in _KINDS:
        raise _RefusedError("101")
    if len(numbers) > _MOST_NUMBERS:
        raise _RefusedError("105")
    if mask and (not _MASK.fullmatch(mask) or (customer.masks and mask not in customer.masks)):
        raise _RefusedError("108")
    if given.get("override_dnd", "TRUE").upper() not in {"TRUE", "FALSE"}:
        raise _RefusedError("109")
    return [_take(request, state, customer, number, text, mask) for number in numbers]


def _take(
    request: EmulatedRequest, state: GatewayState, customer: Customer, number: str, text: str, mask: str
) -> tuple[dict[str, str], Received | None]:
    """One number's answer; a bad one does not harm the others."""
    try:
        to = _e164(customer, number)
    except _RefusedError as refused:
        return _no(refused.code), None
    if refusal := request.refusal(to):
        return _no(_refusal_code(refusal)), None
    parts = count_gsm(text).parts
    if parts > customer.credit:
        return _no(NO_CREDIT), None
    customer.credit -= parts
    ref = state.next_id(request.now)
    received = Received(
        account=customer.userid,
        to=to,
        sender=mask,
        channel=Channel.SMS,
        text=text,
        provider_ref=ref,
        callback_url=customer.callback_url,
        parts=parts,
        at=request.now,
    )
    return {"id": ref, "phone": to.lstrip("+"), "details": "", "status": "success"}, received


def _e164(customer: Customer, number: str) -> str:
    if found := _INDIAN.fullmatch(number):
        return f"+91{found[1]}"
    if not _FOREIGN.fullmatch(number) or len(number) <= 10:
        raise _RefusedError("105")
    if not customer.may_send_abroad:
        raise _RefusedError("175")
    return f"+{number}"


def _refusal_code(refusal: Refusal) -> str:
    return refusal.code or _CODE_OF_KIND.get(refusal.kind, _UNLISTED)


def _no(code: str) -> dict[str, str]:
    known = CODES.get(code)
    # The lack of money has no published number either, only words.
    number = code if code.isdecimal() else _UNLISTED
    details = known.wording if known else "Parked for a reason that is not published"
    return {"id": number, "phone": "", "details": details, "status": "error"}


def _answer(verdicts: list[dict[str, str]], *, as_json: bool) -> HttpResponse:
    if as_json:
        # What several numbers bring is not published; the first verdict is what we are sure of.
        return HttpResponse(200, _JSON, msgspec.json.encode({"response": verdicts[0]}))
    lines = [
        f"success | {one['phone']} | {one['id']}"
        if one["status"] == "success"
        else f"error | {one['id']} | {one['details']}"
        for one in verdicts
    ]
    return HttpResponse(200, _TEXT, "\n".join(lines).encode())


def _report_code(report: Report) -> str:
    """`000` for what arrived, "" for what nobody knows."""
    if report.status is ReportStatus.FAILED:
        known = CODES.get(report.code)
        if known and report.code not in REFUSALS:
            return report.code
        return _REPORT_OF_KIND.get(report.kind or ErrorKind.UNDELIVERABLE, "001")
    return "" if report.status is ReportStatus.UNMAPPED else "000"


def _cause(code: str) -> str:
    known = CODES.get(code)
    return known.wording if known and known.wording in BY_CAUSE else ""


def _posted(received: Received, report: Report, code: str) -> HttpRequest:
    event = {
        "externalId": received.provider_ref,
        "eventType": {"000": "DELIVERED", "": "UNKNOWN"}.get(code, "FAILED"),
        "eventTs": int(report.at.timestamp() * 1000),
        "destAddr": int(received.to.lstrip("+")),
        "srcAddr": received.sender,
        "cause": _cause(code),
        "errCode": code,
        "channel": "SMS",
        "noOfFrags": received.parts,
    }
    form = urlencode({"response": msgspec.json.encode([event]).decode()})
    headers = {"content-type": "application/x-www-form-urlencoded"}
    return HttpRequest("POST", received.callback_url, headers, form.encode())
