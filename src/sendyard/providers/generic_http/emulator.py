"""
Pigeon's side of the wire: the small imaginary carrier that this folder's README documents.

It stands for the many carriers that take one message as JSON, answer with an id, and call back with a signature.
"""

import hmac
import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from types import MappingProxyType
from typing import Any, ClassVar
from urllib.parse import unquote

import msgspec

from sendyard.domain.channels import Channel
from sendyard.domain.errors import ErrorKind
from sendyard.domain.parts import count_gsm
from sendyard.domain.status import ReportStatus
from sendyard.providers.emulation import EmulatedRequest, Emulator, Handled, Received, Refusal, Report
from sendyard.providers.generic_http.codes import CODES
from sendyard.providers.generic_http.pigeon import HOOK_SECRET, Loft, Message, PigeonState
from sendyard.providers.generic_http.spec import SPEC
from sendyard.providers.spec import ProviderSpec
from sendyard.providers.wire import HttpRequest, HttpResponse

_JSON = {"content-type": "application/json"}
_NUMBER = re.compile(r"\+[1-9][0-9]{6,14}")
_LONGEST_TEXT, _LONGEST_SENDER = 1600, 20
_NOT_FOUND = Handled(HttpResponse(404, {"content-type": "text/plain"}, b"Not Found"))
_NOT_IN_TABLE = "PGN_MYSTERY"  # what Pigeon says when a scenario asks for a code nobody knows

_HTTP = {
    "PGN_BAD_KEY": 401,
    "PGN_NO_GRAIN": 402,
    "PGN_UNKNOWN_SENDER": 403,
    "PGN_TOO_FAST": 429,
    "PGN_RESTING": 503,
}
_REFUSALS = {
    ErrorKind.THROTTLED: "PGN_TOO_FAST",
    ErrorKind.UNAVAILABLE: "PGN_RESTING",
    ErrorKind.AUTH_FAILED: "PGN_BAD_KEY",
    ErrorKind.OUT_OF_CREDIT: "PGN_NO_GRAIN",
    ErrorKind.NOT_REGISTERED: "PGN_UNKNOWN_SENDER",
    ErrorKind.UNSUPPORTED: "PGN_NO_ROUTE",
    ErrorKind.INVALID_RECIPIENT: "PGN_BAD_NUMBER",
    ErrorKind.OPTED_OUT: "PGN_OPTED_OUT",
    ErrorKind.BLOCKED: "PGN_BLOCKED",
    ErrorKind.CONTENT_REJECTED: "PGN_TEXT_REFUSED",
    ErrorKind.EXPIRED: "PGN_EXPIRED",
    ErrorKind.UNDELIVERABLE: "PGN_UNREACHABLE",
}
_WORDS = {
    ReportStatus.SENT: "sent",
    ReportStatus.DELIVERED: "delivered",
    ReportStatus.READ: "seen",
    ReportStatus.FAILED: "failed",
    ReportStatus.UNMAPPED: "circling",
}


class _Order(msgspec.Struct):
    """The body of a submit."""

    to: str
    text: str
    sender: str = msgspec.field(name="from", default="")
    ref: str = ""
    callback: str = ""


_ORDER = msgspec.json.Decoder(_Order)


class PigeonEmulator(Emulator):
    """`POST /messages`, `GET /messages/{id}`, `GET /loft`, callbacks for reports and messages from people."""

    spec: ClassVar[ProviderSpec] = SPEC
    base_path: ClassVar[str] = "/v1"
    sample_account: ClassVar[Mapping[str, str]] = MappingProxyType(
        {
            "username": "shop-loft",
            "secret": "invented-pigeon-key-1",
            "carrier": "Pigeon",
            "credentials_hint": "Pigeon's loft, page Keys",
            "max_characters": "1600",
            "method": "POST",
            "send_path": "/messages",
            "headers": "Authorization: Bearer {secret}\nX-Pigeon-Loft: {username}",
            "body_kind": "json",
            "body": '{"to": "{to}", "from": "{sender}", "text": "{text}", "ref": "{reference}", '
            '"callback": "{callback_url}"}',
            "success_status": "202",
            "success_path": "status",
            "success_values": "queued",
            "id_path": "id",
            "parts_path": "parts",
            "cost_path": "price",
            "currency": "EUR",
            "error_path": "error.code",
            "error_text_path": "error.message",
            "error_kinds": "\n".join(
                f"{code}={known.meaning.value}" for code, known in CODES.items() if code.startswith("PGN_")
            ),
            "callback_format": "json",
            "callback_reference": "ref",
            "callback_id": "id",
            "callback_recipient": "to",
            "callback_status": "status",
            "callback_error": "error.code",
            "callback_time": "at",
            "status_words": "sent=sent, delivered=delivered, seen=read, failed=failed",
            "callback_proof": "signature",
            "proof_name": "X-Pigeon-Signature",
            "timestamp_header": "X-Pigeon-Timestamp",
            "webhook_secret": HOOK_SECRET,
            "inbound_when_path": "event",
            "inbound_when_values": "message",
            "inbound_from": "from",
            "inbound_to": "to",
            "inbound_id": "id",
            "inbound_time": "at",
            "inbound_text": "text",
            "balance_path": "/loft",
            "balance_at": "grain",
            "poll_path": "/messages/{id}",
            "poll_status": "status",
            "poll_error": "error.code",
        }
    )
    sample_sender: ClassVar[str] = "+12125550117"
    callback_retries: ClassVar[tuple[float, ...]] = (10.0, 60.0)

    def new_state(self) -> PigeonState:
        """Nobody registered, grain for everybody."""
        return PigeonState()

    def register(self, state: PigeonState, account: Mapping[str, Any]) -> None:
        """Take `username`, `secret` and the further fields of `Loft`. Raises Invalid."""
        state.register(account)

    def handle(self, request: EmulatedRequest, state: PigeonState) -> Handled:
        """Answer the three calls; 404 to anything else."""
        steps = [unquote(step, errors="replace") for step in request.path.removeprefix("/v1/").split("/")]
        if not request.path.startswith("/v1/") or (request.method, steps[0], len(steps)) not in _CALLS:
            return _NOT_FOUND
        scheme, _, key = request.headers.get("authorization", "").partition(" ")
        loft = state.loft(request.headers.get("x-pigeon-loft", ""), key if scheme.lower() == "bearer" else "")
        if loft is None:
            return Handled(_error("PGN_BAD_KEY"))
        if state.too_fast(loft, request.now):
            return Handled(_error("PGN_TOO_FAST", {"retry-after": "1"}))
        if request.method == "POST":
            return _send(request, state, loft)
        return Handled(_said(loft) if steps[0] == "loft" else _told(state, loft, steps[1]))

    def throttled(self, request: EmulatedRequest, retry_after: float | None) -> HttpResponse:
        """HTTP 429, with a waiting time if the scenario gives one."""
        del request
        return _error("PGN_TOO_FAST", {} if retry_after is None else {"retry-after": f"{retry_after:.0f}"})

    def unavailable(self, request: EmulatedRequest) -> HttpResponse:
        """HTTP 503 with its code: Pigeon promises that it took nothing."""
        del request
        return _error("PGN_RESTING")

    def sent_later(self, state: PigeonState, request: HttpRequest, at: datetime) -> HttpRequest:
        """Stamp and sign the time of this try, with the secret that signed the last one."""
        stamp, given = (request.headers[name] for name in ("x-pigeon-timestamp", "x-pigeon-signature"))
        for loft in state.lofts.values():
            if _signed(loft, stamp, request.body)["x-pigeon-signature"] == given:
                signed = _signed(loft, str(int(at.timestamp())), request.body)
                return replace(request, headers={**request.headers, **signed})
        return request

    def settle(self, state: PigeonState, received: Received, report: Report) -> HttpRequest | None:
        """Let a question show the report, and call back where the message or the loft gave an address."""
        word, code = _WORDS[report.status], ""
        if report.status is ReportStatus.FAILED:
            code = report.code or _REFUSALS.get(report.kind or ErrorKind.UNDELIVERABLE, _NOT_IN_TABLE)
        if stored := state.messages.get(received.provider_ref):
            stored.status, stored.error = word, code
        loft = state.lofts[received.account]
        address = received.callback_url or loft.callback_url
        if not address:
            return None
        event: dict[str, Any] = {
            "event": "report",
            "id": received.provider_ref,
            "ref": received.reference,
            "to": received.to,
            "status": word,
            "at": report.at.isoformat(),
        }
        return _callback(loft, address, event | ({"error": {"code": code}} if code else {}), report.at)

    def inbound(
        self, state: PigeonState, *, account: str, sender: str, recipient: str, text: str, now: datetime
    ) -> HttpRequest | None:
        """Tell the loft's own address; nothing where there is none."""
        loft = state.lofts.get(account)
        if loft is None or not loft.callback_url:
            return None
        state.serial += 1
        event = {
            "event": "message",
            "id": f"pg-in-{state.serial:06d}",
            "from": sender,
            "to": recipient,
            "text": text,
            "at": now.isoformat(),
        }
        return _callback(loft, loft.callback_url, event, now)


_CALLS = frozenset({("POST", "messages", 1), ("GET", "messages", 2), ("GET", "loft", 1)})


def _send(request: EmulatedRequest, state: PigeonState, loft: Loft) -> Handled:
    try:
        order = _ORDER.decode(request.body)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return Handled(_error("PGN_TEXT_REFUSED"))
    code = _why_not(request, loft, order)
    if code:
        return Handled(_error(code))
    parts = count_gsm(order.text).parts
    price = state.charge(loft, parts)
    if price is None:
        return Handled(_error("PGN_NO_GRAIN"))
    name = state.store(Message(loft.username, order.to, order.ref))
    received = Received(
        account=loft.username,
        to=order.to,
        sender=order.sender,
        channel=Channel.SMS,
        text=order.text,
        provider_ref=name,
        reference=order.ref,
        callback_url=order.callback,
        parts=parts,
        at=request.now,
    )
    answer = {"status": "queued", "id": name, "parts": parts, "price": str(price)}
    return Handled(_json(202, answer), [received])


def _why_not(request: EmulatedRequest, loft: Loft, order: _Order) -> str:
    """The code of a refusal, or nothing."""
    if not _NUMBER.fullmatch(order.to):
        return "PGN_BAD_NUMBER"
    if refusal := request.refusal(order.to):
        return _code_of(refusal)
    if order.to.startswith(tuple(loft.blocked_countries)):
        return "PGN_NO_ROUTE"
    if len(order.sender) > _LONGEST_SENDER or (loft.senders and order.sender not in loft.senders):
        return "PGN_UNKNOWN_SENDER"
    if not order.text:
        return "PGN_TEXT_REFUSED"
    return "PGN_TEXT_TOO_LONG" if len(order.text) > _LONGEST_TEXT else ""


def _code_of(refusal: Refusal) -> str:
    return refusal.code or _REFUSALS.get(refusal.kind, _NOT_IN_TABLE)


def _told(state: PigeonState, loft: Loft, name: str) -> HttpResponse:
    stored = state.messages.get(name)
    if stored is None or stored.loft != loft.username:
        return _json(404, {"error": {"code": "PGN_NO_SUCH_MESSAGE", "message": "no such message"}})
    told = {"id": name, "ref": stored.ref, "to": stored.to, "status": stored.status}
    return _json(200, told | ({"error": {"code": stored.error}} if stored.error else {}))


def _said(loft: Loft) -> HttpResponse:
    return _json(200, {"loft": loft.username, "grain": str(loft.credit)})


def _error(code: str, headers: Mapping[str, str] = MappingProxyType({})) -> HttpResponse:
    if code.startswith("http:"):
        # A gate before Pigeon, which knows nothing of its codes.
        return HttpResponse(int(code.removeprefix("http:")), {"content-type": "text/plain"}, b"Refused")
    known = CODES.get(code)
    message = known.wording if known else "a mystery"
    answer = _json(_HTTP.get(code, 422), {"error": {"code": code, "message": message}})
    return HttpResponse(answer.status, {**answer.headers, **headers}, answer.body)


def _json(status: int, body: Mapping[str, Any]) -> HttpResponse:
    return HttpResponse(status, _JSON, msgspec.json.encode(body))


def _callback(loft: Loft, address: str, event: Mapping[str, Any], at: datetime) -> HttpRequest:
    body = msgspec.json.encode(event)
    return HttpRequest("POST", address, {**_JSON, **_signed(loft, str(int(at.timestamp())), body)}, body)


def _signed(loft: Loft, stamp: str, body: bytes) -> dict[str, str]:
    signature = hmac.digest(loft.webhook_secret.encode(), stamp.encode() + b"." + body, "sha256").hex()
    return {"x-pigeon-timestamp": stamp, "x-pigeon-signature": signature}
