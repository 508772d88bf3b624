"""
BizGO's side of the wire: written from the samples and the fact sheet (section 12), for development and tests.

Built: send, reservations, uploads, report polling with acknowledgement, report and message inquiry, history,
statistics, AlimTalk templates with their inspection, opt-out numbers, inbound messages; reports as signed callbacks
or polled, never both. Everything else is 404, code A404.
"""

import base64
import hashlib
import hmac
import re
from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, ClassVar
from urllib.parse import parse_qsl, unquote

import msgspec

from sendyard.domain.status import ReportStatus
from sendyard.providers.bizgo import emulated_files, emulated_kakao, emulated_reservations
from sendyard.providers.bizgo.codes import ACCEPTED, GATEWAY, GATEWAY_CODES, documented_status
from sendyard.providers.bizgo.emulated_reports import DELIVERED, hop_codes, korean_time, report_row, status_rows
from sendyard.providers.bizgo.emulated_send import take, wording
from sendyard.providers.bizgo.emulated_state import KST, REPORT_RETENTION, REPORTS_AT_ONCE, Account, State
from sendyard.providers.bizgo.spec import SPEC
from sendyard.providers.bizgo.target import BizgoTarget
from sendyard.providers.emulation import EmulatedPlan, EmulatedRequest, Emulator, Handled, Received, Report
from sendyard.providers.wire import HttpRequest, HttpResponse

_JSON = {"content-type": "application/json;charset=UTF-8"}
_ENCODER = msgspec.json.Encoder()
_ACKNOWLEDGEMENT = msgspec.json.Decoder(dict[str, Any])
_DAY = re.compile(r"\d{8}")
_COUNT = re.compile(r"\d{1,9}")
_GATEWAY_STATUS = {"A100": 500, "A511": 511}  # the others carry their HTTP status as digits


class BizgoEmulator(BizgoTarget, Emulator):
    """The Communication API of BizGO."""

    spec = SPEC
    base_path = "/api/comm"
    sample_account: ClassVar[Mapping[str, str]] = {
        "api_key": "mars_ak_00000000-0000-4000-8000-000000000000",
        "webhook_secret": "invented-hook-secret",
    }
    sample_sender = "15880000"
    plans = (EmulatedPlan("standard", "200 recipients a second", "KR", 100_000, None),)
    callback_retries = (5.0, 5.0, 5.0)

    def new_state(self) -> State:
        """An empty BizGO that lets any well-formed key in."""
        return State()

    def register(self, state: State, account: Mapping[str, Any]) -> None:
        """Set an account up; `State.register` names what a customer sets in the console."""
        state.register(account)

    def handle(self, request: EmulatedRequest, state: State) -> Handled:
        """Route, let the key in, keep the rate, answer."""
        path = request.path
        if path in _SENDING and request.method == "POST":
            account = state.account_of(request.headers.get("authorization", ""))
            if account is None:
                return Handled(_gateway("A401", state))
            sent = account.released(request.now) if account.due else []
            handled = _SENDING[path](request, account, state)
            return Handled(handled.response, [*sent, *handled.received]) if sent else handled
        matching = [(method, found, serve) for method, shape, serve in _ROUTES if (found := shape.fullmatch(path))]
        for method, found, serve in matching:
            if method == request.method:
                account = state.account_of(request.headers.get("authorization", ""))
                if account is None:
                    return Handled(_gateway("A401", state))
                if not account.other_bucket.take(1, request.now):
                    return Handled(_service("A020", state))
                sent = account.released(request.now) if account.due else []
                return Handled(serve(request, account, state, *map(unquote, found.groups())), sent)
        return Handled(_gateway("A405" if matching or path in _SENDING else "A404", state))

    def throttled(self, request: EmulatedRequest, retry_after: float | None) -> HttpResponse:
        """HTTP 429 with A020; whether BizGO sends `Retry-After` is not confirmed, so only when asked for."""
        del request
        headers = {} if retry_after is None else {"retry-after": f"{retry_after:g}"}
        return _service("A020", None, headers=headers)

    def unavailable(self, request: EmulatedRequest) -> HttpResponse:
        """HTTP 503 with A920."""
        del request
        return _service("A920", None)

    def sent_later(self, state: State, request: HttpRequest, at: datetime) -> HttpRequest:
        """Stamp and sign the time of this try, with the secret that signed the last one."""
        stamp, given = (request.headers[name] for name in ("x-ib-timestamp", "x-ib-signature"))
        for account in state.accounts.values():
            if _signed(account, stamp)["x-ib-signature"] == given:
                signed = _signed(account, str(int(at.timestamp() * 1000)))
                return replace(request, headers={**request.headers, **signed})
        return request

    def settle(self, state: State, received: Received, report: Report) -> HttpRequest | None:
        """
        Decide what became of a message.

        A DELIVERED report with a code means that the first channel failed with that code and the last one of the
        flow carried the message; a FAILED one means that every channel failed. A channel whose message cannot arrive
        as it stands (an AlimTalk unlike its template) fails whatever is wanted. BizGO reports the last channel tried,
        once; it has no report for "handed to a carrier" or "read".
        """
        message = state.messages[received.provider_ref]
        message.sent_at = message.sent_at or report.at
        codes = hop_codes(message, report)
        if not codes:
            return None
        message.results = tuple((code, report.at) for code in codes)
        account = message.account
        if report.status in {ReportStatus.DELIVERED, ReportStatus.FAILED}:
            account.day(report.at)[2 if codes[-1] == DELIVERED else 3] += 1
        if account.polling:
            account.waiting.append((report.at, report_row(message, len(codes) - 1, "seconds")))
            return None
        return _callback(account, report_row(message, len(codes) - 1, "milliseconds"), report.at)

    def callback_accepted(self, received: Received, response: HttpResponse) -> bool:
        """HTTP 200 and the message's own `msgKey`."""
        try:
            answer = _ACKNOWLEDGEMENT.decode(response.body)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return False
        return response.status == 200 and answer.get("msgKey") == received.provider_ref

    def inbound(
        self, state: State, *, account: str, sender: str, recipient: str, text: str, now: datetime
    ) -> HttpRequest | None:
        """A person answers to the MO number: kept for the MO history, and told when an address is set."""
        owner = state.named(account)
        if owner is None:
            return None
        number = "0" + sender.removeprefix("+82")
        row = {
            "msgKey": f"{_stamp(now)}MOM{state.next() % 10**9:09d}000",
            "serviceType": "MO",
            "msgType": "SM",
            "to": recipient,
            "from": number,
            "originator": number,
            "carrier": "10001",
            "content": text,
            "occurredTime": korean_time(now),
        }
        owner.inbound.append(row)
        if not (owner.callback_url and owner.webhook_secret):
            return None
        return _callback(owner, row, now)


def _send(request: EmulatedRequest, account: Account, state: State) -> Handled:
    answer = take(request, account, state)
    if answer.code.startswith(GATEWAY):
        return Handled(_gateway(answer.code.removeprefix(GATEWAY), state))
    if answer.code != ACCEPTED:
        return Handled(_service(answer.code, state))
    reference = {} if answer.reference is None else {"ref": answer.reference}
    return Handled(_service(ACCEPTED, state, {"destinations": answer.rows}, reference), answer.received)


def _poll(request: EmulatedRequest, account: Account, state: State) -> HttpResponse:
    if not account.polling:
        return _service("A801", state)
    if account.held is None:
        while account.waiting and account.waiting[0][0] < request.now - REPORT_RETENTION:
            account.waiting.popleft()
        rows = [account.waiting.popleft()[1] for _ in range(min(len(account.waiting), REPORTS_AT_ONCE))]
        if not rows:
            return _service(ACCEPTED, state, {"reportId": "", "report": None})
        stamp = request.now.astimezone(KST).strftime("%Y%m%d%H%M%S")
        account.held = (f"{stamp}R{1_000_000_000 + state.next()}", rows)
    report_id, rows = account.held
    return _service(ACCEPTED, state, {"reportId": report_id, "report": rows})


def _acknowledge(request: EmulatedRequest, account: Account, state: State, report_id: str) -> HttpResponse:
    del request
    if account.held is None or account.held[0] != report_id:
        return _service("A802", state)
    account.held = None
    return _service(ACCEPTED, state)


def _report_inquiry(request: EmulatedRequest, account: Account, state: State, key: str) -> HttpResponse:
    del request
    message = state.messages.get(key)
    if message is None or message.account is not account:
        return _service("A820", state)
    rows = [report_row(message, number, "seconds") for number in range(len(message.results))]
    return _service(ACCEPTED, state, {"report": rows})


def _message_inquiry(request: EmulatedRequest, account: Account, state: State, key: str) -> HttpResponse:
    del request
    message = state.messages.get(key)
    if message is None or message.account is not account:
        return _service("A820", state)
    return _service(ACCEPTED, state, {"messages": status_rows(message)})


def _request_inquiry(request: EmulatedRequest, account: Account, state: State, request_id: str) -> HttpResponse:
    del request
    if request_id not in account.requests:
        return _service("A820", state)
    messages = account.history[slice(*account.requests[request_id])]
    return _service(ACCEPTED, state, {"messages": [row for message in messages for row in status_rows(message)]})


def _history(request: EmulatedRequest, account: Account, state: State) -> HttpResponse:
    query = dict(parse_qsl(request.query))
    since, limit, last = _moment(query.get("requestTime", "")), query.get("limit", "100"), query.get("lastSeq", "0")
    if since is None or not (_COUNT.fullmatch(limit) and 1 <= int(limit) <= 1000 and _COUNT.fullmatch(last)):
        return _service("A300", state)
    services = frozenset(query.get("serviceType", "").split(",")) - {""}
    first = max(bisect_left(account.history, since, key=lambda message: message.requested_at), int(last))
    rows: list[dict[str, str]] = []
    has_next = False
    for message in account.history[first:]:
        if services and message.hops[0][0] not in services:
            continue
        if len(rows) >= int(limit):
            has_next = True
            break
        rows.extend(status_rows(message))
        last = str(message.number)
    return _service(ACCEPTED, state, {"messages": rows, "lastSeq": int(last), "hasNext": has_next})


def _inbound_history(request: EmulatedRequest, account: Account, state: State) -> HttpResponse:
    query = dict(parse_qsl(request.query))
    since = _moment(query.get("occurredTime", ""))
    if since is None:
        return _service("A300", state)
    rows = [row for row in reversed(account.inbound) if datetime.fromisoformat(row["occurredTime"]) >= since]
    wanted = {name: query[name] for name in ("from", "to") if name in query}
    rows = [row for row in rows if all(row[name] == value for name, value in wanted.items())]
    return _service(ACCEPTED, state, {"messages": rows[:1000], "hasNext": len(rows) > 1000})


def _inbound_inquiry(request: EmulatedRequest, account: Account, state: State, key: str) -> HttpResponse:
    del request
    rows = [row for row in account.inbound if row["msgKey"] == key]
    return _service(ACCEPTED, state, {"messages": rows}) if rows else _service("A820", state)


def _statistics(request: EmulatedRequest, account: Account, state: State) -> HttpResponse:
    query = dict(parse_qsl(request.query))
    first = query.get("startDate", "")
    last = query.get("endDate", first)
    if not (_DAY.fullmatch(first) and _DAY.fullmatch(last)):
        return _service("A300", state)
    rows = []
    for date, (accepted, refused, delivered, failed) in sorted(account.days.items()):
        if first <= date <= last:
            rows.append(
                {
                    "statDate": date,
                    "recvTotalCnt": accepted + refused,
                    "recvSuccCnt": accepted,
                    "recvFailCnt": refused,
                    "reportTotalCnt": delivered + failed,
                    "reportSuccCnt": delivered,
                    "reportFailCnt": failed,
                }
            )
    return _service(ACCEPTED, state, {"statistics": rows})


def _upload(request: EmulatedRequest, account: Account, state: State, target: str) -> HttpResponse:
    stored = emulated_files.store(request, account, state, target)
    return _service(stored.code or ACCEPTED, state, stored.data)


def _reserve(request: EmulatedRequest, account: Account, state: State) -> Handled:
    answer = emulated_reservations.reserve(request, account, state)
    if answer.code.startswith(GATEWAY):
        return Handled(_gateway(answer.code.removeprefix(GATEWAY), state))
    if answer.code != ACCEPTED:
        return Handled(_service(answer.code, state))
    beside = {"resvKey": answer.key} | ({} if answer.reference is None else {"ref": answer.reference})
    return Handled(_service(ACCEPTED, state, {"destinations": answer.rows}, beside))


def _reservations(request: EmulatedRequest, account: Account, state: State) -> HttpResponse:
    page = emulated_reservations.listed(request.query, account)
    return _service("A300", state) if page is None else _service(ACCEPTED, state, page)


def _reservation(request: EmulatedRequest, account: Account, state: State, key: str, verb: str = "") -> HttpResponse:
    found = account.reservations.get(key)
    if found is None:
        return _service("A820", state)
    if verb:
        code = emulated_reservations.move(found, verb)
    else:
        code = emulated_reservations.change(request, account, found) if request.method == "PUT" else ""
    return _service(code, state) if code else _service(ACCEPTED, state, emulated_reservations.row_of(found))


def _templates(request: EmulatedRequest, account: Account, state: State, kind: str) -> HttpResponse:
    return _service(*_told(emulated_kakao.listed(kind, request.query, account, request.now), state))


def _template(request: EmulatedRequest, account: Account, state: State) -> HttpResponse:
    if request.method == "POST":
        return _service(*_told(emulated_kakao.registered(request.body, account), state))
    return _service(*_told(emulated_kakao.shown(request.query, account, request.now), state))


def _inspection(request: EmulatedRequest, account: Account, state: State, cancel: str) -> HttpResponse:
    told = emulated_kakao.inspection(request.body, account, request.now, wanted=not cancel)
    return _service(*_told(told, state))


def _opt_out(request: EmulatedRequest, account: Account, state: State) -> HttpResponse:
    return _service(*_told(emulated_kakao.opted_out(request.body, account), state))


def _told(told: emulated_kakao.Told, state: State) -> tuple[str, State, Mapping[str, Any] | None]:
    return told.code, state, told.data


def _callback(account: Account, row: Mapping[str, str], at: datetime) -> HttpRequest:
    headers = {"content-type": "application/json", **_signed(account, str(int(at.timestamp() * 1000)))}
    return HttpRequest("POST", account.callback_url, headers, _ENCODER.encode(row))


def _signed(account: Account, stamp: str) -> dict[str, str]:
    digest = hmac.new(account.webhook_secret.encode(), stamp.encode("ascii"), hashlib.sha256).digest()
    signature = base64.b64encode(digest).decode("ascii") if account.base64_signature else digest.hex()
    return {"x-ib-timestamp": stamp, "x-ib-signature": signature}


def _service(
    code: str,
    state: State | None,
    data: Mapping[str, Any] | None = None,
    beside: Mapping[str, str] | None = None,
    *,
    headers: Mapping[str, str] | None = None,
) -> HttpResponse:
    """An answer of the service; without a state it carries no support reference of its own."""
    inner: dict[str, Any] = {"code": code, "result": wording(code), **(beside or {})}
    if data is not None:
        inner["data"] = data
    body = {"common": _common(ACCEPTED, "Success", state), "data": inner}
    return HttpResponse(documented_status(code), _JSON | dict(headers or {}), _ENCODER.encode(body))


def _gateway(code: str, state: State) -> HttpResponse:
    """A refusal of the gateway: no `data` at all."""
    known = GATEWAY_CODES.get(GATEWAY + code)
    status = _GATEWAY_STATUS.get(code, int(code[1:]) if code[1:].isdecimal() else 500)
    body = {"common": _common(code, known.wording if known else "Failed", state)}
    return HttpResponse(status, _JSON, _ENCODER.encode(body))


def _common(code: str, words: str, state: State | None) -> dict[str, str]:
    return {"authCode": code, "authResult": words, "infobankTrId": f"TR-{state.next() if state else 0:08d}"}


def _moment(text: str) -> datetime | None:
    """A time of a query; without an offset it is Korean time."""
    try:
        read = datetime.fromisoformat(text.replace(" ", "+"))
    except ValueError:
        return None
    return read if read.tzinfo is not None else read.replace(tzinfo=KST)


def _stamp(at: datetime) -> str:
    korean = at.astimezone(KST)
    return f"{korean:%Y%m%d%H%M%S}{korean.microsecond // 1000:03d}"


_Serve = Callable[..., HttpResponse]
_ROUTES: Sequence[tuple[str, re.Pattern[str], _Serve]] = tuple(
    (method, re.compile(f"/api/comm/v1/{shape}"), serve)
    for method, shape, serve in (
        ("GET", "report/polling", _poll),
        ("DELETE", "report/polling/([^/]+)", _acknowledge),
        ("GET", "report/inquiry/([^/]+)", _report_inquiry),
        ("GET", "message/inquiry/msgKey/([^/]+)", _message_inquiry),
        ("GET", "message/inquiry/requestId/([^/]+)", _request_inquiry),
        ("GET", "message/inquiry/mo/msgKey/([^/]+)", _inbound_inquiry),
        ("GET", "message/history", _history),
        ("GET", "message/history/mo", _inbound_history),
        ("GET", "message/statistics", _statistics),
        ("POST", f"file/({emulated_files.TARGETS})", _upload),
        ("GET", "reservation/list", _reservations),
        ("GET", "reservation/resvKey/([^/]+)", _reservation),
        ("PUT", "reservation/resvKey/([^/]+)", _reservation),
        ("POST", "reservation/resvKey/([^/]+)/(cancel|stop|resume)", _reservation),
        ("GET", "center/(alimtalk|brandmessage)/template/list", _templates),
        ("GET", "center/alimtalk/template", _template),
        ("POST", "center/alimtalk/template", _template),
        ("POST", "center/alimtalk/template/request((?:/cancel)?)", _inspection),
        ("POST", "center/brandmessage/unSubscribeContent", _opt_out),
    )
)
_SENDING: Mapping[str, Callable[[EmulatedRequest, Account, State], Handled]] = {
    "/api/comm/v1/send/omni": _send,
    "/api/comm/v1/reservation": _reserve,
}
