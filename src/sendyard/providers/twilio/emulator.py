"""
Twilio's side of the wire: accounts, messages and their callbacks, as Twilio documents them.

What is said of accounts that nobody registered: every well-formed SID with any token works, a credential that
contains `invalid` does not, and an Auth Token that begins with `test` belongs to test credentials.
"""

import re
from base64 import b64decode
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any, ClassVar
from urllib.parse import parse_qsl

import msgspec

from sendyard.domain.channels import Channel
from sendyard.domain.errors import ErrorKind, Invalid
from sendyard.domain.parts import count_gsm
from sendyard.domain.status import ReportStatus
from sendyard.providers.emulation import EmulatedRequest, Emulator, Handled, Received, Report
from sendyard.providers.spec import Code
from sendyard.providers.twilio.codes import CODES, DELIVERY, HTTP_STATUS, SYNCHRONOUS
from sendyard.providers.twilio.intake import Order, RefusedError, check_magic, read_order
from sendyard.providers.twilio.resources import (
    ACCOUNTS_PATH,
    JSON_HEADERS,
    account_of,
    as_json,
    as_resource,
    balance_of,
    list_of,
    media_list_of,
    medium_of,
)
from sendyard.providers.twilio.spec import SPEC, WHATSAPP_PREFIX
from sendyard.providers.twilio.switchboard import (
    FINAL,
    GENEROUS_CREDIT,
    Customer,
    Message,
    TwilioState,
)
from sendyard.providers.twilio.target import TwilioTarget
from sendyard.providers.twilio.webhooks import inbound_callback, status_callback
from sendyard.providers.wire import HttpRequest, HttpResponse

_ACCOUNT = re.compile(r"AC[0-9a-fA-F]{32}")
_KEY = re.compile(r"SK[0-9a-fA-F]{32}")
_NOTHING = HttpResponse(204)

# Words that Twilio acts on itself (https://www.twilio.com/docs/messaging/tutorials/advanced-opt-out).
_WORDS = {
    **dict.fromkeys(("STOP", "STOPALL", "UNSUBSCRIBE", "CANCEL", "END", "QUIT", "REVOKE", "OPTOUT"), "STOP"),
    **dict.fromkeys(("START", "YES", "UNSTOP"), "START"),
    **dict.fromkeys(("HELP", "INFO"), "HELP"),
}
_PRICES = {Channel.SMS: Decimal("-0.00790"), Channel.MMS: Decimal("-0.02000"), Channel.WHATSAPP: Decimal("-0.00500")}
_REPORT_WORDS = {ReportStatus.SENT: "sent", ReportStatus.DELIVERED: "delivered", ReportStatus.READ: "read"}
_UNHEARD_OF = "held_for_review"  # a status that is in no table


def _first_of_each(table: Mapping[str, Code]) -> dict[ErrorKind, str]:
    first: dict[ErrorKind, str] = {}
    for code in table:
        first.setdefault(SPEC.error_kind(code), code)
    return first


# Twilio has no code of its own for some classes; the nearest one stands in, for the last a code in no table.
_REFUSAL_CODES = {
    ErrorKind.OUT_OF_CREDIT: "20005",
    ErrorKind.BLOCKED: "21612",
    ErrorKind.UNDELIVERABLE: "21612",
    ErrorKind.UNMAPPED: "29999",
    **_first_of_each(SYNCHRONOUS),
    ErrorKind.REGISTRY_REFUSED: _first_of_each(SYNCHRONOUS)[ErrorKind.NOT_REGISTERED],
}
_FAILURE_CODES = {
    ErrorKind.OUT_OF_CREDIT: "30002",
    ErrorKind.UNMAPPED: "39999",
    **_first_of_each(DELIVERY),
    ErrorKind.REGISTRY_REFUSED: _first_of_each(DELIVERY)[ErrorKind.NOT_REGISTERED],
}


class _Registration(msgspec.Struct, forbid_unknown_fields=True):
    """An account's fields, and what its owner sets in Twilio's console."""

    account_sid: str
    auth_token: str
    base_url: str = ""
    secondary_auth_token: str | None = None
    api_key_sid: str = ""
    api_key_secret: str | None = None
    messaging_service_sid: str = ""
    webhook_shared_key: str | None = None
    smart_encoded: bool = False
    test_credentials: bool = False
    webhook_secret: str | None = None
    callback_url: str = ""
    status_callback: str = ""
    senders: tuple[str, ...] = ()
    templates: dict[str, str] = {}
    credit: Decimal = GENEROUS_CREDIT
    concurrency: int = 0
    status: str = "active"
    type: str = "Full"


class TwilioEmulator(TwilioTarget, Emulator):
    """Twilio Programmable Messaging, API version 2010-04-01."""

    spec = SPEC
    base_path = ""
    sample_account: ClassVar[Mapping[str, str]] = {
        "account_sid": "AC00000000000000000000000000000000",
        "auth_token": "0123456789abcdef0123456789abcdef",
    }
    sample_sender = "+15005550006"

    def new_state(self) -> TwilioState:
        """An empty Twilio."""
        return TwilioState()

    def register(self, state: TwilioState, account: Mapping[str, Any]) -> None:
        """Take the account's fields and the console's; see `_Registration` for their names."""
        try:
            given = msgspec.convert(dict(account), _Registration)
        except msgspec.ValidationError as problem:
            raise Invalid("account_not_usable", f"Expected the fields of a Twilio account; found: {problem}.") from None
        if not _ACCOUNT.fullmatch(given.account_sid) or not given.auth_token:
            raise Invalid("account_not_usable", "Expected account_sid as AC and 32 hex digits, and an auth_token.")
        state.is_closed = True
        state.customers[given.account_sid] = Customer(
            given.account_sid,
            tokens=tuple(filter(None, (given.auth_token, given.secondary_auth_token))),
            keys={given.api_key_sid: given.api_key_secret or ""} if given.api_key_sid else {},
            is_registered=True,
            is_test=given.test_credentials,
            status=given.status,
            type=given.type,
            senders=given.senders,
            service_sid=given.messaging_service_sid,
            templates=given.templates,
            shared_key=given.webhook_shared_key or given.webhook_secret or "",
            inbound_url=given.callback_url,
            status_url=given.status_callback,
            credit=given.credit,
            concurrency=given.concurrency,
        )

    def handle(self, request: EmulatedRequest, state: TwilioState) -> Handled:
        """Answer as Twilio does: credentials first, then the resource, then the method."""
        try:
            return _route(request, state)
        except RefusedError as refused:
            return Handled(_error(refused.code, str(refused)))

    def throttled(self, request: EmulatedRequest, retry_after: float | None) -> HttpResponse:
        """429 with 20429: too many requests at once, and this one was not processed."""
        del request
        answer = _error("20429", "Too Many Requests")
        if retry_after is None:
            return answer
        return HttpResponse(answer.status, {**JSON_HEADERS, "retry-after": f"{retry_after:.0f}"}, answer.body)

    def unavailable(self, request: EmulatedRequest) -> HttpResponse:
        """A bare 503: Twilio documents no answer that means "not now, and not taken"."""
        del request
        return HttpResponse(503)

    def settle(self, state: TwilioState, received: Received, report: Report) -> HttpRequest | None:
        """Move the message on, bill it once it is final, and report; nothing for one deleted or pretended."""
        message = state.messages.get(received.provider_ref)
        if message is None:
            return None
        customer = state.customers[message.account]
        if message.status == "canceled":
            return status_callback(customer, message, "canceled", report.at)
        word = _word_of(message, report)
        if message.move_to(word):
            message.updated = report.at
            if word in {"failed", "undelivered"}:
                code = report.code if report.code.isdecimal() else ""
                message.error_code = code or _FAILURE_CODES[report.kind or ErrorKind.UNDELIVERABLE]
                known = CODES.get(message.error_code)
                message.error_message = known.wording if known else ""
            if word != "failed":
                message.sent = message.sent or report.at
            if word in FINAL and message.price is None:
                message.price = _PRICES[message.channel] * message.parts
                customer.credit += message.price
        return status_callback(customer, message, word, report.at)

    def inbound(
        self, state: TwilioState, *, account: str, sender: str, recipient: str, text: str, now: datetime
    ) -> HttpRequest | None:
        """
        Take a text of a person: STOP and START act at once, and the account's address is told.

        An account that nobody registered is told at the address its messages named for their reports.
        """
        customer = state.customers.get(account)
        if customer is None:
            return None
        on_whatsapp = recipient.startswith(WHATSAPP_PREFIX)
        word = "" if on_whatsapp else _WORDS.get(text.strip().upper(), "")
        if word == "STOP":
            state.opted_out.add((account, recipient, sender))
        elif word == "START":
            state.opted_out.discard((account, recipient, sender))
        message = Message(
            sid=state.next_sid("SM", now),
            account=account,
            to=recipient,
            sender=WHATSAPP_PREFIX + sender.removeprefix(WHATSAPP_PREFIX) if on_whatsapp else sender,
            body=text,
            status="received",
            created=now,
            updated=now,
            channel=Channel.WHATSAPP if on_whatsapp else Channel.SMS,
            direction="inbound",
            service_sid=customer.service_sid,
            parts=max(1, count_gsm(text).parts),
            sent=now,
        )
        state.keep(message)
        # Only Advanced Opt-Out, a feature of Messaging Services, says in the callback what it did.
        return inbound_callback(customer, message, word if customer.service_sid else "")


def _route(request: EmulatedRequest, state: TwilioState) -> Handled:
    path, method = request.path, request.method
    if not path.startswith(ACCOUNTS_PATH) or not path.endswith(".json"):
        raise _not_found(path)
    account_sid, *rest = path[len(ACCOUNTS_PATH) : -len(".json")].split("/")
    customer = _authenticated(request, account_sid, state)
    if customer.is_test and (method, rest) != ("POST", ["Messages"]):
        raise RefusedError("20008", "Resource not accessible with Test Account Credentials")
    match rest:
        case []:
            return _only(method, GET=lambda: account_of(customer))
        case ["Balance"]:
            return _only(method, GET=lambda: balance_of(customer))
        case ["Messages"]:
            return _only(
                method,
                GET=lambda: list_of(customer, request.query, state),
                POST=lambda: _create(customer, request, state),
            )
        case ["Messages", sid, *below] if message := _owned(state, customer, sid):
            return _route_message(request, state, message, below)
        case _:
            raise _not_found(path)


def _route_message(request: EmulatedRequest, state: TwilioState, message: Message, below: list[str]) -> Handled:
    match below:
        case []:
            return _only(
                request.method,
                GET=lambda: as_json(200, as_resource(message)),
                POST=lambda: _update(message, request),
                DELETE=lambda: _delete(state, message),
            )
        case ["Media"]:
            return _only(request.method, GET=lambda: media_list_of(message))
        case ["Media", sid] if url := dict(message.media_sids()).get(sid):
            return _only(
                request.method,
                GET=lambda: as_json(200, medium_of(message, sid, url)),
                DELETE=lambda: _delete_medium(message, sid),
            )
        case _:
            raise _not_found(request.path)


def _not_found(path: str) -> RefusedError:
    return RefusedError("20404", f"The requested resource {path} was not found")


def _only(method: str, **actions: Any) -> Handled:
    if method not in actions:
        raise RefusedError("20004", "Method not allowed")
    handled = actions[method]()
    return handled if isinstance(handled, Handled) else Handled(handled)


@lru_cache(maxsize=256)
def _basic(header: str) -> tuple[str, str]:
    """User and password; both empty when the header holds none."""
    scheme, _, encoded = header.partition(" ")
    try:
        user, _, password = b64decode(encoded, validate=True).decode().partition(":")
    except ValueError:
        return "", ""
    return (user, password) if scheme.lower() == "basic" else ("", "")


def _authenticated(request: EmulatedRequest, account_sid: str, state: TwilioState) -> Customer:
    user, password = _basic(request.headers.get("authorization", ""))
    customer = state.customers.get(account_sid)
    if state.is_closed:
        if customer and customer.is_registered:
            if user == account_sid and password in customer.tokens:
                return customer
            if user in customer.keys and password == customer.keys[user]:
                return customer
        raise RefusedError("20003", "Authenticate")
    is_key = bool(_KEY.fullmatch(user))
    if (
        not (_ACCOUNT.fullmatch(account_sid) and (is_key or user == account_sid))
        or not password
        or "invalid" in password
    ):
        raise RefusedError("20003", "Authenticate")
    if customer is None:
        customer = state.customers[account_sid] = Customer(account_sid)
    if not is_key:
        # The token that was used last signs, as after a rotation in the console.
        customer.tokens = (password,)
        customer.is_test = password.startswith("test")
    return customer


def _create(customer: Customer, request: EmulatedRequest, state: TwilioState) -> Handled:
    if customer.concurrency and request.open_requests > customer.concurrency:
        raise RefusedError("20429", "Too Many Requests")
    if customer.status != "active" or customer.credit <= 0:
        raise RefusedError("20005", "Account not active")
    now = request.now
    order = read_order(customer, request.body, now)
    if customer.is_test:
        check_magic(order)
        return Handled(as_json(201, as_resource(_message(order, customer, state, now))))
    if (customer.sid, order.sender, order.to) in state.opted_out:
        raise RefusedError("21610")
    if refusal := request.refusal(order.recipient):
        raise RefusedError(refusal.code if refusal.code.isdecimal() else _REFUSAL_CODES[refusal.kind])
    message = _message(order, customer, state, now)
    state.keep(message)
    if order.callback_url and not customer.is_registered:
        customer.inbound_url = order.callback_url.partition("?")[0]
    received = Received(
        account=customer.sid,
        to=order.recipient,
        sender=order.sender,
        channel=order.channel,
        text=order.body,
        provider_ref=message.sid,
        media=order.media,
        template=order.template,
        variables=order.variables,
        callback_url=order.callback_url or customer.status_url,
        parts=order.parts,
        at=order.send_at or now,
    )
    return Handled(as_json(201, as_resource(message)), (received,))


def _message(order: Order, customer: Customer, state: TwilioState, now: datetime) -> Message:
    initial = "accepted" if order.is_sender_picked else "queued"
    return Message(
        sid=state.next_sid("MM" if order.media else "SM", now),
        account=customer.sid,
        to=order.to,
        sender=order.sender,
        body=order.body,
        status="scheduled" if order.send_at else initial,
        created=now,
        updated=now,
        channel=order.channel,
        service_sid=order.service_sid,
        media=order.media,
        parts=order.parts,
        callback_url=order.callback_url,
    )


def _owned(state: TwilioState, customer: Customer, sid: str) -> Message | None:
    message = state.messages.get(sid)
    return message if message and message.account == customer.sid else None


def _update(message: Message, request: EmulatedRequest) -> HttpResponse:
    """Cancel what is scheduled, or redact the text; both are documented as updates."""
    fields = dict(parse_qsl(request.body.decode("utf-8", "replace"), keep_blank_values=True))
    match fields:
        case {"Status": "canceled"}:
            if message.status != "scheduled":
                raise RefusedError("30409", "This message cannot be canceled")
            message.status = "canceled"
        case {"Body": ""}:
            message.body = ""
        case _:
            raise RefusedError("20001", "Expected Body to be empty or Status to be canceled")
    message.updated = request.now
    return as_json(200, as_resource(message))


def _delete(state: TwilioState, message: Message) -> HttpResponse:
    del state.messages[message.sid]
    return _NOTHING


def _delete_medium(message: Message, media: str) -> HttpResponse:
    message.deleted_media |= {media}
    return _NOTHING


def _word_of(message: Message, report: Report) -> str:
    if report.status is ReportStatus.FAILED:
        return "undelivered" if message.status == "sent" else "failed"
    return _REPORT_WORDS.get(report.status, _UNHEARD_OF)


def _error(code: str, message: str) -> HttpResponse:
    status = HTTP_STATUS.get(code, 400)
    number = int(code)
    more_info = f"https://www.twilio.com/docs/errors/{number}"
    return as_json(status, {"code": number, "message": message, "more_info": more_info, "status": status})
