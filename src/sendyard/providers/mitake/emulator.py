"""
Mitake's side of the wire, as specification 2.14 and production describe it.

Always HTTP 200, answers in Big5, Big5 also for what comes in unless the request says UTF-8.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from types import MappingProxyType
from typing import Any, ClassVar
from urllib.parse import parse_qsl, urlencode

from sendyard.domain.channels import Channel
from sendyard.domain.errors import ErrorKind
from sendyard.domain.gsm import split_gsm
from sendyard.domain.parts import count_gsm
from sendyard.domain.status import ReportStatus
from sendyard.providers.emulation import EmulatedRequest, Emulator, Handled, Received, Refusal, Report
from sendyard.providers.mitake.codes import CODES
from sendyard.providers.mitake.counter import Customer, MitakeState, Stored
from sendyard.providers.mitake.spec import SPEC
from sendyard.providers.mitake.target import MitakeTarget
from sendyard.providers.spec import ProviderSpec
from sendyard.providers.wire import HttpRequest, HttpResponse

_TAIPEI = timezone(timedelta(hours=8))
_EDITIONS = {"/api/mtk": "enterprise", "/b2c/mtk": "b2c"}
_CONCURRENT, _RECORDS, _QUERIED = 15, 500, 100
_WIDTHS = {"dstaddr": 20, "destname": 36, "response": 256, "clientid": 36}
_RECORD = ("clientid", "dstaddr", "dlvtime", "vldtime", "destname", "response", "smbody")
_RESERVATION = timedelta(minutes=10)
_SEPARATORS = re.compile("[-. ]")
_LOCAL_MOBILE = re.compile(r"(?:886|0)(9[0-9]{8})")

_DIGITS = re.compile("[0-9]{1,14}")

_ERROR_TEXT = {code: known.wording.partition(" (")[0] for code, known in CODES.items()}
_STATUS_WORDS = {"4": "DELIVRD", "5": "SYNTAXE", "6": "UNDELIV", "7": "UNDELIV", "8": "EXPIRED", "9": "DELETED"}
_FINAL = frozenset(_STATUS_WORDS)
_NOT_IN_TABLE = "g"  # what the provider says when a scenario asks for a code nobody knows


# Where Mitake has no code for a class, the nearest stands for it: 7 for an opt-out, 5 for an unregistered sender.
_REPORT_CODES = {
    ErrorKind.CONTENT_REJECTED: "5",
    ErrorKind.NOT_REGISTERED: "5",
    ErrorKind.REGISTRY_REFUSED: "5",
    ErrorKind.INVALID_RECIPIENT: "6",
    ErrorKind.BLOCKED: "7",
    ErrorKind.OPTED_OUT: "7",
    ErrorKind.UNDELIVERABLE: "8",
    ErrorKind.EXPIRED: "9",
    ErrorKind.UNMAPPED: _NOT_IN_TABLE,
}
_SUBMIT_CODES = {
    **_REPORT_CODES,
    ErrorKind.UNAVAILABLE: "r",
    ErrorKind.AUTH_FAILED: "e",
    ErrorKind.THROTTLED: "l",
    ErrorKind.OUT_OF_CREDIT: "s",
    ErrorKind.EXPIRED: "t",
    ErrorKind.INVALID_RECIPIENT: "v",
    ErrorKind.UNSUPPORTED: "y",
}
# These stand alone, without a block, when they answer SmSend: they speak of the account or of Mitake itself.
_WHOLE_REQUEST = frozenset("*abcdefhklmnpr")


class _RequestRefusedError(Exception):
    """The whole request gets this code and no block."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class _MessageRefusedError(Exception):
    """One message gets this code."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True, slots=True)
class _Block:
    """The answer for one message."""

    fields: list[str]
    points: int = 0
    received: Received | None = None
    repeated: bool = False


class MitakeEmulator(MitakeTarget, Emulator):
    """Both editions, `/api/mtk` and `/b2c/mtk`."""

    spec: ClassVar[ProviderSpec] = SPEC
    base_path: ClassVar[str] = "/api/mtk"
    sample_account: ClassVar[Mapping[str, str]] = MappingProxyType({"username": "sendyard", "password": "invented-1"})
    sample_sender: ClassVar[str] = ""  # Mitake chooses the number that recipients see
    callback_retries: ClassVar[tuple[float, ...]] = (30.0, 120.0, 600.0)  # invented: no schedule is published

    def new_state(self) -> MitakeState:
        """Nobody registered, everybody rich."""
        return MitakeState()

    def register(self, state: MitakeState, account: Mapping[str, Any]) -> None:
        """Take `username`, `password` and the further fields of `Customer`. Raises Invalid."""
        state.register(account)

    def handle(self, request: EmulatedRequest, state: MitakeState) -> Handled:
        """Answer SmSend, SmBulkSend, SmQuery or SmCancel; 404 to anything else."""
        prefix, _, endpoint = request.path.rpartition("/")
        edition = _EDITIONS.get(prefix)
        is_bulk = endpoint == "SmBulkSend"
        if edition is None or endpoint not in _ENDPOINTS or request.method not in ({"POST"} if is_bulk else _METHODS):
            return Handled(HttpResponse(404, {"content-type": "text/plain"}, b"Not Found"))
        given = _parameters(request.query.encode() if is_bulk else request.query.encode() + b"&" + request.body)
        try:
            customer = _admit(request, state, edition, given)
            return _ENDPOINTS[endpoint](request, state, customer, given)
        except _RequestRefusedError as refused:
            return Handled(_refusal(refused.code))

    def throttled(self, request: EmulatedRequest, retry_after: float | None) -> HttpResponse:
        """Too many connections; Mitake documents no waiting time, one is sent only if the scenario gives it."""
        del request
        answer = _refusal("l")
        if retry_after is None:
            return answer
        return HttpResponse(answer.status, {**answer.headers, "retry-after": f"{retry_after:.0f}"}, answer.body)

    def unavailable(self, request: EmulatedRequest) -> HttpResponse:
        """`r`: the service is paused."""
        del request
        return _refusal("r")

    def settle(self, state: MitakeState, received: Received, report: Report) -> HttpRequest | None:
        """Let SmQuery show the report, and call the message's `response` address, if it gave one."""
        stored = state.messages[received.provider_ref]
        # What was cancelled stays so, whatever the carrier would have said.
        code = "9" if stored.code == "9" else _report_code(report)
        if stored.code not in _FINAL or code in _FINAL:
            stored.code, stored.status_at = code, report.at
        if not received.callback_url:
            return None
        query = urlencode(
            {
                "msgid": received.provider_ref,
                "dstaddr": stored.dstaddr,
                "dlvtime": _stamp(stored.due_at),
                "donetime": _stamp(report.at),
                "statusstr": _STATUS_WORDS.get(code, ""),
                "statuscode": "0",
                "StatusFlag": code,
            }
        )
        joint = "&" if "?" in received.callback_url else "?"
        return HttpRequest("GET", f"{received.callback_url}{joint}{query}")

    def callback_accepted(self, received: Received, response: HttpResponse) -> bool:
        """Whether the answer is HTTP 200, plain text, and the magic body with this message's id."""
        expected = f"magicid=sms_gateway_rpack\nmsgid={received.provider_ref}\n".encode()
        content_type = response.headers.get("content-type", "").partition(";")[0].strip().lower()
        return response.status == 200 and content_type == "text/plain" and response.body == expected

    def inbound(
        self, state: MitakeState, *, account: str, sender: str, recipient: str, text: str, now: datetime
    ) -> HttpRequest | None:
        """Nothing: Mitake has no inbound."""
        del state, account, sender, recipient, text, now
        return None


def _parameters(raw: bytes) -> dict[str, str]:
    """Percent-decode to bytes first: which charset they are in, one of the parameters says."""
    pairs = parse_qsl(raw.decode("latin-1"), keep_blank_values=True, encoding="latin-1")
    as_bytes = {key: value.encode("latin-1") for key, value in pairs}
    charset = _charset(as_bytes.get("CharsetURL", b"").decode("latin-1"))
    return {key: value.decode(charset, "replace") for key, value in as_bytes.items()}


def _charset(named: str) -> str:
    return "utf-8" if named.upper() in {"UTF8", "UTF-8"} else "cp950"


def _admit(request: EmulatedRequest, state: MitakeState, edition: str, given: Mapping[str, str]) -> Customer:
    username, password = given.get("username", ""), given.get("password", "")
    if request.open_requests > _CONCURRENT:
        raise _RequestRefusedError("l")
    if not username or not password:
        raise _RequestRefusedError("d" if username else "c")
    if "invalid" in username or "invalid" in password or len(username) > 20 or len(password) > 24:
        raise _RequestRefusedError("e")
    customer = state.customer(username, password)
    if customer is not None and customer.unregistered_ip:
        raise _RequestRefusedError("k")
    if customer is None or not state.password_fits(customer, password) or customer.edition not in {"", edition}:
        raise _RequestRefusedError("e")
    if customer.refuse_with:
        raise _RequestRefusedError(customer.refuse_with)
    return customer


def _send(request: EmulatedRequest, state: MitakeState, customer: Customer, given: Mapping[str, str]) -> Handled:
    block = _take(request, state, customer, {field: given.get(field, "") for field in _RECORD})
    code = block.fields[0].removeprefix("statuscode=")
    if code in _WHOLE_REQUEST:
        raise _RequestRefusedError(code)
    lines = [f"[{given.get('clientid') or 1}]", *block.fields, f"AccountPoint={customer.credit}"]
    if given.get("smsPointFlag") == "1" and block.points:
        lines.append(f"smsPoint={block.points}")
    if block.repeated:
        lines.append("Duplicate=Y")
    return Handled(_answer(lines), [block.received] if block.received else [])


def _send_bulk(request: EmulatedRequest, state: MitakeState, customer: Customer, given: Mapping[str, str]) -> Handled:
    charset = _charset(given.get("Encoding_PostIn", ""))
    records = [line for line in request.body.replace(b"\r\n", b"\n").split(b"\n") if line]
    if len(records) > _RECORDS:
        raise _RequestRefusedError("x")
    if not records:
        raise _RequestRefusedError("y")
    lines: list[str] = []
    received: list[Received] = []
    with_points = given.get("smsPointFlag") == "1"
    for record in records:
        values = record.decode(charset, "replace").split("$$", len(_RECORD) - 1)
        if len(values) == len(_RECORD) and values[0]:
            block = _take(request, state, customer, dict(zip(_RECORD, values, strict=True)))
        else:
            block = _refused_block("y")
        lines += [f"[{values[0]}]", *block.fields]
        if with_points and block.points:
            lines.append(f"smsPoint={block.points}")
        if block.repeated:
            lines.append("Duplicate=Y")
        if block.received:
            received.append(block.received)
    return Handled(_answer([*lines, f"AccountPoint={customer.credit}"]), received)


def _take(request: EmulatedRequest, state: MitakeState, customer: Customer, record: Mapping[str, str]) -> _Block:
    """Judge and store one message; a clientid known for less than 12 hours gets its old answer."""
    if msgid := state.earlier(customer, record["clientid"], request.now):
        stored = state.messages[msgid]
        reserved = stored.due_at > stored.accepted_at
        return _Block(_accepted_fields(customer, msgid, reserved=reserved), stored.points, repeated=True)
    try:
        to, due_at = _judge(request, record)
    except _MessageRefusedError as refused:
        return _refused_block(refused.code)
    text = record["smbody"].replace("\x06", "\n")
    points = count_gsm(text).parts
    if points > 1 and not customer.long_sms:
        text, points = split_gsm(text)[0], 1
    if points > customer.credit:
        return _refused_block("s")
    reserved = due_at > request.now
    stored = Stored(
        username=customer.username,
        dstaddr=f"0{to.removeprefix('+886')}",
        accepted_at=request.now,
        due_at=due_at,
        points=points,
        code="0" if reserved else "1",
        status_at=request.now,
    )
    msgid = state.store(customer, record["clientid"], stored, request.now)
    received = Received(
        account=customer.username,
        to=to,
        sender="",
        channel=Channel.SMS,
        text=text,
        provider_ref=msgid,
        reference=record["clientid"],
        callback_url=record["response"],
        parts=points,
        at=due_at,
    )
    return _Block(_accepted_fields(customer, msgid, reserved=reserved), points, received)


def _judge(request: EmulatedRequest, record: Mapping[str, str]) -> tuple[str, datetime]:
    """The recipient in E.164 and when the message is due. Raises _MessageRefusedError."""
    digits = _SEPARATORS.sub("", record["dstaddr"].removeprefix("+"))
    number = _LOCAL_MOBILE.fullmatch(f"8869{digits[5:]}" if digits.startswith("88609") else digits)
    if number is None:
        raise _MessageRefusedError("v")
    to = f"+886{number[1]}"
    if refusal := request.refusal(to):
        raise _MessageRefusedError(_refusal_code(refusal))
    if not record["smbody"].strip(" \x06"):
        raise _MessageRefusedError("u")
    if any(len(record[field]) > width for field, width in _WIDTHS.items()):
        raise _MessageRefusedError("y")
    due_at = _time(record["dlvtime"], request.now)
    if due_at <= request.now:
        due_at = request.now
    elif due_at - request.now <= _RESERVATION:
        raise _MessageRefusedError("y")
    if record["vldtime"] and _time(record["vldtime"], due_at) < due_at:
        raise _MessageRefusedError("t")
    return to, due_at


def _time(text: str, since: datetime) -> datetime:
    """`YYYYMMDDHHMMSS` in Taipei, or seconds after `since`; empty is `since`. Raises _MessageRefusedError."""
    if not text:
        return since
    if not _DIGITS.fullmatch(text):
        raise _MessageRefusedError("y")
    try:
        if len(text) == 14:
            return datetime.fromisoformat(f"{text[:8]}T{text[8:]}").replace(tzinfo=_TAIPEI).astimezone(UTC)
        return since + timedelta(seconds=int(text))
    except (ValueError, OverflowError):
        raise _MessageRefusedError("y") from None


def _query(request: EmulatedRequest, state: MitakeState, customer: Customer, given: Mapping[str, str]) -> Handled:
    del request
    if not given.get("msgid"):
        return Handled(_answer([f"AccountPoint={customer.credit}"]))
    lines = []
    # The order has nothing to do with that of the question.
    for msgid in sorted(_named(given), reverse=True):
        stored = state.message_of(customer.username, msgid)
        if stored is None:
            lines.append(f"{msgid}\tz\t")
            continue
        cost = f"\t{stored.points}" if given.get("smsPointFlag") == "1" else ""
        lines.append(f"{msgid}\t{stored.code}\t{_stamp(stored.status_at)}{cost}")
    return Handled(_answer(lines))


def _cancel(request: EmulatedRequest, state: MitakeState, customer: Customer, given: Mapping[str, str]) -> Handled:
    if not given.get("msgid"):
        raise _RequestRefusedError("y")
    lines = []
    for msgid in _named(given):
        stored = state.message_of(customer.username, msgid)
        if stored is not None and stored.code == "0" and request.now < stored.due_at:
            stored.code, stored.status_at = "9", request.now
            customer.credit += stored.points
        # A reservation that is past due answers its `0`: it has left, only its status is not yet known.
        lines.append(f"{msgid}={stored.code if stored else '?'}")
    return Handled(_answer(lines))


_METHODS = frozenset({"GET", "POST"})
_ENDPOINTS = {"SmSend": _send, "SmBulkSend": _send_bulk, "SmQuery": _query, "SmCancel": _cancel}


def _named(given: Mapping[str, str]) -> list[str]:
    named = given["msgid"].split(",")
    if len(named) > _QUERIED:
        raise _RequestRefusedError("w")
    return named


def _accepted_fields(customer: Customer, msgid: str, *, reserved: bool) -> list[str]:
    return [f"msgid={'#' if customer.hash_msgid else ''}{msgid}", f"statuscode={0 if reserved else 1}"]


def _refused_block(code: str) -> _Block:
    return _Block([f"statuscode={code}", f"Error={_ERROR_TEXT.get(code, '')}"])


def _refusal(code: str) -> HttpResponse:
    return _answer([f"statuscode={code}", f"Error={_ERROR_TEXT.get(code, '')}"])


def _answer(lines: Iterable[str]) -> HttpResponse:
    body = "".join(f"{line}\r\n" for line in lines)
    return HttpResponse(200, {"content-type": "text/plain"}, body.encode("cp950", "replace"))


def _refusal_code(refusal: Refusal) -> str:
    return refusal.code or _SUBMIT_CODES[refusal.kind]


def _report_code(report: Report) -> str:
    if report.code:
        return report.code
    if report.status is ReportStatus.FAILED:
        return _REPORT_CODES.get(report.kind or ErrorKind.UNDELIVERABLE, "8")
    return {ReportStatus.SENT: "1", ReportStatus.UNMAPPED: _NOT_IN_TABLE}.get(report.status, "4")


def _stamp(when: datetime) -> str:
    return f"{when.astimezone(_TAIPEI):%Y%m%d%H%M%S}"
