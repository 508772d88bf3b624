"""
Every8d's side of the wire, as specification 2.2 of API 2.1 and public code describe it.

HTTP 200 for everything it knows, CSV for the calls that take a form, JSON for those that take JSON.
"""

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import Decimal
from types import MappingProxyType
from typing import Any, ClassVar
from urllib.parse import parse_qsl, urlencode

import msgspec

from sendyard.domain.errors import ErrorKind
from sendyard.domain.status import ReportStatus
from sendyard.providers.emulation import EmulatedRequest, Emulator, Handled, Received, Report
from sendyard.providers.every8d.codes import CODES, REPLY
from sendyard.providers.every8d.console import CANCELLED, OPEN, SCHEDULED, Customer, Every8dState, Reply
from sendyard.providers.every8d.counter import Form, send, send_filtered, send_mms, send_param
from sendyard.providers.every8d.door import admit, connect
from sendyard.providers.every8d.intake import NOT_IN_TABLE, TAIPEI, RequestRefusedError, Taken
from sendyard.providers.every8d.records import replies_page, status_page
from sendyard.providers.every8d.spec import SPEC
from sendyard.providers.spec import ProviderSpec
from sendyard.providers.wire import HttpRequest, HttpResponse

_PAGE_NUMBER = re.compile("0*[1-9][0-9]{0,8}")
_REPORT_CODES = {
    ErrorKind.INVALID_RECIPIENT: "103",
    ErrorKind.BLOCKED: "104",
    ErrorKind.OPTED_OUT: "-3",
    ErrorKind.CONTENT_REJECTED: "105",
    ErrorKind.NOT_REGISTERED: "105",
    ErrorKind.REGISTRY_REFUSED: "105",
    ErrorKind.EXPIRED: "107",
    ErrorKind.OUT_OF_CREDIT: "301",
    ErrorKind.UNSUPPORTED: "500",
    ErrorKind.UNMAPPED: NOT_IN_TABLE,
}


class Every8dEmulator(Emulator):
    """The shared platform; dedicated ones differ in their host only."""

    spec: ClassVar[ProviderSpec] = SPEC
    base_path: ClassVar[str] = "/API21/HTTP"
    sample_account: ClassVar[Mapping[str, str]] = MappingProxyType({"username": "sendyard", "password": "invented-1"})
    sample_sender: ClassVar[str] = ""  # Every8d chooses the number that recipients see
    callback_retries: ClassVar[tuple[float, ...]] = (30.0, 120.0, 600.0)  # invented: no schedule is published

    def new_state(self) -> Every8dState:
        """Nobody registered, everybody rich."""
        return Every8dState()

    def register(self, state: Every8dState, account: Mapping[str, Any]) -> None:
        """Take `username`, `password` and the further fields of `Customer`. Raises Invalid."""
        state.register(account)

    def handle(self, request: EmulatedRequest, state: Every8dState) -> Handled:
        """Answer a call, its path in any case of letters; 404 to anything else."""
        prefix, _, name = request.path.lower().partition("/http/")
        if prefix != "/api21" or request.method != "POST":
            return _NOT_FOUND
        if json_call := _JSON_CALLS.get(name):
            return _in_json(request, state, json_call)
        if name in _SENDS or name in _QUESTIONS:
            return _in_csv(request, state, name)
        return _NOT_FOUND

    def throttled(self, request: EmulatedRequest, retry_after: float | None) -> HttpResponse:
        """What a proxy says; Every8d itself documents no limit."""
        del request
        headers = {"content-type": "text/plain"}
        if retry_after is not None:
            headers["retry-after"] = f"{retry_after:.0f}"
        return HttpResponse(429, headers, b"Too Many Requests")

    def unavailable(self, request: EmulatedRequest) -> HttpResponse:
        """A bare 503; `-99`, the nearest code there is, does not say that nothing was taken."""
        del request
        return HttpResponse(503)

    def settle(self, state: Every8dState, received: Received, report: Report) -> HttpRequest | None:
        """Let GetDeliveryStatus show the report, and call back where the customer has an address for that."""
        batch = state.batches.get(received.provider_ref)
        if batch is None:  # so old that it was forgotten
            return None
        row = batch.rows[int(received.extra["row"])]
        code = _report_code(report)
        if code in OPEN or row.code not in {*OPEN, CANCELLED}:
            return None
        # What was cancelled stays so, and what its content forbids, whatever the carrier would have said.
        code = CANCELLED if row.code == CANCELLED else row.blocked or code
        row.code, row.received_at = code, report.at
        if not received.callback_url:
            return None
        query = {
            "BatchID": received.provider_ref,
            "RM": row.mobile,
            "RT": _stamp(report.at),
            "STATUS": code,
            "SM": "",
            "MR": row.mr,
        }
        if state.customers[received.account].newer_callbacks:
            newer = {"NAME": row.name, "SOURCE": "API", "CHARGE": f"{row.cost:f}", "TYPE": batch.kind}
            query |= {"ST": _stamp(row.sent_at), "SUBJECT": batch.subject, **newer}
        return _callback(received.callback_url, urlencode(query))

    def callback_accepted(self, received: Received, response: HttpResponse) -> bool:
        """Whether the answer is HTTP 200; nothing is said about its body."""
        del received
        return response.status == 200

    def inbound(
        self, state: Every8dState, *, account: str, sender: str, recipient: str, text: str, now: datetime
    ) -> HttpRequest | None:
        """A reply to the last batch this number had; GetReplyMessage shows it, and the callback tells."""
        del recipient
        batch_id = state.last_batch.get((account, sender), "")
        batch = state.batches.get(batch_id)
        reference = ""
        if batch is not None:
            batch.replies.append(Reply(sender, text, now))
            reference = next((row.mr for row in batch.rows if row.mobile == sender), "")
        customer = state.customers.get(account)
        if customer is None or not customer.callback_url:
            return None
        query = {"BatchID": batch_id, "RM": sender, "RT": _stamp(now), "STATUS": REPLY, "SM": text, "MR": reference}
        charset = customer.reply_charset
        return _callback(customer.callback_url, urlencode(query, encoding=charset, errors="replace"))


def _in_json(request: EmulatedRequest, state: Every8dState, call: "_JsonCall") -> Handled:
    try:
        taken = call(request, state)
    except RequestRefusedError as refused:
        return Handled(_json({"Result": False, "Status": refused.code, "Msg": _wording(refused.code)}))
    return Handled(_json({"Result": True} | ({"Msg": taken.line} if taken.line else {})), taken.received)


def _in_csv(request: EmulatedRequest, state: Every8dState, name: str) -> Handled:
    given = dict(parse_qsl(request.body.decode("utf-8", "replace"), keep_blank_values=True, errors="replace"))
    try:
        customer = admit(request, state, given.get("UID", ""), given.get("PWD", ""))
        if question := _QUESTIONS.get(name):
            return Handled(question(request, state, customer, given))
        taken = _SENDS[name](request, state, customer, given)
    except RequestRefusedError as refused:
        # On this wire only what begins with a minus is a refusal.
        code = refused.code if refused.code.startswith("-") else "-1"
        return Handled(_plain(f"{code}, {_wording(code)}".rstrip(", ")))
    return Handled(_plain(taken.line), taken.received)


def _status(kind: str) -> "_Question":
    def answer(request: EmulatedRequest, state: Every8dState, customer: Customer, given: Form) -> HttpResponse:
        del request
        batch_id = given.get("BID", "")
        batch = state.batch_of(customer.username, batch_id, kind)
        return status_page(batch_id, batch.rows if batch else [], _page(given), given.get("RESPFORMAT", ""))

    return answer


def _erase(kind: str) -> "_Question":
    def answer(request: EmulatedRequest, state: Every8dState, customer: Customer, given: Form) -> HttpResponse:
        batch = state.batch_of(customer.username, given.get("BID", ""), kind)
        if batch is None:
            raise RequestRefusedError("-1")
        booked = [row for row in batch.rows if row.code == SCHEDULED and row.due_at > request.now]
        returned = sum((row.cost for row in booked), Decimal(0))
        for row in booked:
            row.code, row.received_at = CANCELLED, request.now
        customer.credit += returned
        return _plain(f"{len(booked)},{returned:.2f}")

    return answer


def _replies(request: EmulatedRequest, state: Every8dState, customer: Customer, given: Form) -> HttpResponse:
    del request
    batch_id = given.get("BID", "")
    batch = state.batch_of(customer.username, batch_id, "SMS")
    return replies_page(batch_id, batch.replies if batch else [], _page(given), given.get("RESPFORMAT", ""))


def _credit(request: EmulatedRequest, state: Every8dState, customer: Customer, given: Form) -> HttpResponse:
    del request, state, given
    return _plain(f"{customer.credit:.2f}")


def _page(given: Form) -> int:
    page = given.get("PNO") or "1"
    if not _PAGE_NUMBER.fullmatch(page):
        raise RequestRefusedError("-1")
    return int(page)


_Question = Callable[[EmulatedRequest, Every8dState, Customer, Form], HttpResponse]
_JsonCall = Callable[[EmulatedRequest, Every8dState], Taken]
_NOT_FOUND = Handled(HttpResponse(404, {"content-type": "text/plain"}, b"Not Found"))
_SENDS = {"sendsms.ashx": send, "sendsms4filtermessage.ashx": send_filtered, "mms/sendmms.ashx": send_mms}
_JSON_CALLS = {"sendparam.ashx": send_param, "connectionhandler.ashx": connect}
_QUESTIONS: Mapping[str, _Question] = {
    "getdeliverystatus.ashx": _status("SMS"),
    "getreplymessage.ashx": _replies,
    "erasebooking.ashx": _erase("SMS"),
    "getcredit.ashx": _credit,
    "mms/getdeliverystatus.ashx": _status("MMS"),
    "mms/erasebooking.ashx": _erase("MMS"),
}


def _report_code(report: Report) -> str:
    if report.code:
        return report.code
    if report.status is ReportStatus.FAILED:
        return _REPORT_CODES.get(report.kind or ErrorKind.UNDELIVERABLE, "101")
    return {ReportStatus.SENT: "0", ReportStatus.UNMAPPED: NOT_IN_TABLE}.get(report.status, "100")


def _callback(url: str, query: str) -> HttpRequest:
    return HttpRequest("GET", f"{url}{'&' if '?' in url else '?'}{query}")


def _wording(code: str) -> str:
    known = CODES.get(code)
    return known.wording if known else ""


def _plain(line: str) -> HttpResponse:
    return HttpResponse(200, {"content-type": "text/html; charset=utf-8"}, line.encode("utf-8", "replace"))


def _json(document: Mapping[str, Any]) -> HttpResponse:
    return HttpResponse(200, {"content-type": "application/json; charset=utf-8"}, msgspec.json.encode(document))


def _stamp(when: datetime) -> str:
    return f"{when.astimezone(TAIPEI):%Y%m%d%H%M%S}"
