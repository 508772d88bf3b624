"""
Quo's side of the wire: messages, numbers, contacts and webhooks of both API surfaces.

Of workspaces that nobody registered: every key works, one that contains `invalid` does not.
"""

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import Decimal
from types import MappingProxyType
from typing import Any, ClassVar

import msgspec

from sendyard.domain.errors import ErrorKind, Invalid
from sendyard.domain.status import ReportStatus
from sendyard.providers.emulation import EmulatedRequest, Emulator, Handled, Received, Report
from sendyard.providers.openphone.codes import CARRIER
from sendyard.providers.openphone.emulated_resources import (
    JSON_HEADERS,
    add_contact,
    as_json,
    contacts,
    list_dated,
    list_v1,
    make_webhook,
    numbers,
    one_contact,
    one_message,
    one_number,
    one_webhook,
    organization,
    webhooks,
)
from sendyard.providers.openphone.emulated_send import RefusedError, create, refusal_of
from sendyard.providers.openphone.emulated_webhooks import new_key, signed_anew, told
from sendyard.providers.openphone.emulated_workspace import (
    GENEROUS_CREDIT,
    RANKS,
    SAMPLE_NUMBER,
    Message,
    OpenPhoneState,
    Webhook,
    Workspace,
    message_resource,
)
from sendyard.providers.openphone.spec import API_DATE, SPEC, signing_key
from sendyard.providers.wire import HttpRequest, HttpResponse

_KEY = re.compile(r"[!-~]+")
_STOP = frozenset({"STOP", "STOPALL", "UNSUBSCRIBE", "CANCEL", "END", "QUIT"})
_START = frozenset({"START", "YES", "UNSTOP"})

_FAILURES = {ErrorKind.OUT_OF_CREDIT: "30002", ErrorKind.UNMAPPED: "39999"}
for _code in CARRIER:
    _FAILURES.setdefault(SPEC.error_kind(_code), _code)


class _Registration(msgspec.Struct, forbid_unknown_fields=True):
    """A workspace's fields, and what its owner sets in Quo."""

    api_key: str
    base_url: str = ""
    signing_secret: str | None = None
    legacy_signing_key: str | None = None
    user_id: str = ""
    mark_done: bool = False
    callback_url: str = ""
    callback_generation: str = API_DATE  # or v2, v3, v4 of the older generation
    senders: tuple[str, ...] = ()
    users: tuple[str, ...] = ()
    credit: Decimal = GENEROUS_CREDIT
    subscription: str = "active"
    a2p: str = "approved"
    international: bool = True
    daily_cap: int = 0
    error_form: str = "flat"  # or wrapped


class OpenPhoneEmulator(Emulator):
    """Quo: `/v1/…` without a version header, everything else with `Quo-Api-Version: 2026-03-30`."""

    spec = SPEC
    sample_account: ClassVar[Mapping[str, str]] = MappingProxyType(
        {
            "api_key": "invented-key-of-a-workspace",
            "signing_secret": "whsec_aW52ZW50ZWQgc2lnbmluZyBzZWNyZXQ=",
            "legacy_signing_key": "aW52ZW50ZWQgb2xkZXIga2V5",
        }
    )
    sample_sender = SAMPLE_NUMBER
    callback_retries = (5.0, 300.0, 1800.0, 7200.0, 18_000.0, 36_000.0, 36_000.0)

    def new_state(self) -> OpenPhoneState:
        """An empty Quo."""
        return OpenPhoneState()

    def register(self, state: OpenPhoneState, account: Mapping[str, Any]) -> None:
        """Take the account's fields and what is set in Quo; see `_Registration` for their names."""
        try:
            given = msgspec.convert(dict(account), _Registration)
        except msgspec.ValidationError as problem:
            raise Invalid("account_not_usable", f"Expected the fields of a Quo account; found: {problem}.") from None
        is_current = given.callback_generation == API_DATE
        secret = (given.signing_secret if is_current else given.legacy_signing_key) or new_key(
            given.api_key, is_current=is_current
        )
        if not _KEY.fullmatch(given.api_key) or signing_key(secret) is None:
            raise Invalid("account_not_usable", "Expected an api_key without spaces, and signing keys in base64.")
        state.is_closed = True
        workspace = state.admit(
            Workspace(
                given.api_key,
                is_registered=True,
                senders=given.senders,
                users=frozenset(given.users),
                is_expired=given.subscription != "active",
                a2p_approved=given.a2p == "approved",
                international=given.international,
                daily_cap=given.daily_cap,
                credit=given.credit,
                wraps_errors=given.error_form == "wrapped",
            )
        )
        if given.callback_url:
            hook = Webhook("WH000console", given.callback_url, secret, is_current, version=given.callback_generation)
            workspace.webhooks[hook.id] = hook

    def handle(self, request: EmulatedRequest, state: OpenPhoneState) -> Handled:
        """Answer as Quo does: the path first, then the version header, the key, the rate, and the request itself."""
        found = _route(request)
        if found is None:
            return Handled(_error(RefusedError(404, "", "Not Found")))
        action, arguments, is_dated = found
        key = request.headers.get("authorization", "")
        wraps = False
        try:
            if is_dated:
                _check_version(request.headers)
            workspace = _authenticated(key, state)
            wraps = workspace.wraps_errors
            if not workspace.draw(request.now):
                raise refusal_of("http:429")
            answer = action(workspace, request, state, *arguments)
            return answer if isinstance(answer, Handled) else Handled(answer)
        except RefusedError as refused:
            return Handled(_error(refused, wraps=wraps, is_dated=is_dated))

    def throttled(self, request: EmulatedRequest, retry_after: float | None) -> HttpResponse:
        """429; Quo documents no waiting time, one is sent only if the scenario gives it."""
        del request
        answer = _error(refusal_of("http:429"))
        if retry_after is None:
            return answer
        return HttpResponse(answer.status, {**JSON_HEADERS, "retry-after": f"{retry_after:.0f}"}, answer.body)

    def unavailable(self, request: EmulatedRequest) -> HttpResponse:
        """A bare 503: Quo documents no answer that means "not now, and not taken"."""
        del request
        return HttpResponse(503)

    def sent_later(self, state: OpenPhoneState, request: HttpRequest, at: datetime) -> HttpRequest:
        """Date and sign this try, with the key that signed the last one."""
        webhooks_there = (one for workspace in state.orgs.values() for one in workspace.webhooks.values())
        return signed_anew(webhooks_there, request, at)

    def settle(self, state: OpenPhoneState, received: Received, report: Report) -> HttpRequest | None:
        """Move the message on and tell the webhook; nobody is told of "sent", the older generation of no failure."""
        message = state.messages[received.provider_ref]
        code = ""
        if report.status is ReportStatus.SENT:
            word = "sent"
        elif report.status is ReportStatus.FAILED:
            code = report.code or _FAILURES.get(report.kind or ErrorKind.UNDELIVERABLE, "39999")
            word = "undelivered"
        else:
            word = "delivered"
        if RANKS[word] >= RANKS[message.status]:
            message.status, message.updated = word, report.at
        return told(state.orgs[message.org], message, f"message.{word}", report.at, code) if word != "sent" else None

    def inbound(
        self, state: OpenPhoneState, *, account: str, sender: str, recipient: str, text: str, now: datetime
    ) -> HttpRequest | None:
        """Take a text of a person to the workspace `account` (its org id); STOP and START act at once."""
        workspace = state.orgs.get(account)
        if workspace is None:
            return None
        word = text.strip().upper()
        if word in _STOP:
            workspace.opted_out.add((recipient, sender))
        elif word in _START:
            workspace.opted_out.discard((recipient, sender))
        message = Message(
            state.next_id("AC", now), account, (recipient,), sender, text, "received", now, now, direction="incoming"
        )
        state.keep(message)
        return told(workspace, message, "message.received", now)


def _check_version(headers: Mapping[str, str]) -> None:
    if headers.get("quo-api-version") != API_DATE:
        raise RefusedError(400, "", f"The header Quo-Api-Version is required; expected {API_DATE}")


def _authenticated(key: str, state: OpenPhoneState) -> Workspace:
    workspace = state.workspaces.get(key)
    if workspace and (workspace.is_registered or not state.is_closed):
        return workspace
    # A key behind `Bearer` holds a space and is refused like any other that is none.
    if state.is_closed or not _KEY.fullmatch(key) or "invalid" in key:
        raise refusal_of("0200401")
    return state.admit(Workspace(key))


def _send(workspace: Workspace, request: EmulatedRequest, state: OpenPhoneState) -> Handled:
    message, received = create(workspace, request, state)
    return Handled(as_json(202, {"data": message_resource(message)}), received)


_Action = Callable[..., HttpResponse | Handled]
_ID = "([^/]+)"
_ROUTES: tuple[tuple[str, re.Pattern[str], _Action], ...] = tuple(
    (methods, re.compile(pattern), action)
    for methods, pattern, action in (
        ("POST", "/v1/messages", _send),
        ("GET", "/v1/messages", list_v1),
        ("GET", f"/v1/messages/{_ID}", one_message),
        ("GET", "/messages", list_dated),
        ("GET", f"/messages/{_ID}", one_message),
        ("GET", "/v1/phone-numbers", numbers),
        ("GET", f"/v1/phone-numbers/{_ID}", one_number),
        ("GET", "/organization", organization),
        ("POST", "/v1/contacts", add_contact),
        ("GET", "/v1/contacts", contacts),
        ("GET PATCH DELETE", f"/v1/contacts/{_ID}", one_contact),
        ("POST", "/v1/webhooks/messages", make_webhook),
        ("POST", "/webhooks", make_webhook),
        ("GET", "/v1/webhooks", webhooks),
        ("GET", "/webhooks", webhooks),
        ("GET DELETE", f"(?:/v1)?/webhooks/{_ID}", one_webhook),
        ("POST", f"/webhooks/{_ID}/rotate", one_webhook),
    )
)


def _route(request: EmulatedRequest) -> tuple[_Action, tuple[str, ...], bool] | None:
    """What answers this method at this path, what the path names, and whether it belongs to the dated API."""
    for methods, pattern, action in _ROUTES:
        if request.method in methods.split() and (match := pattern.fullmatch(request.path)):
            return action, match.groups(), not request.path.startswith("/v1/")
    return None


def _error(refused: RefusedError, *, wraps: bool = False, is_dated: bool = False) -> HttpResponse:
    faults: list[dict[str, Any]] = [
        {"path": path, "message": words, "value": None, "schema": {}} for path, words in refused.faults
    ]
    if wraps:
        return as_json(refused.status, {"error": {"message": refused.title, "key": refused.code, "trace": "0"}})
    document: dict[str, Any] = {"message": refused.title, "title": refused.title, "docs": "https://www.quo.com/docs"}
    if not is_dated:
        document |= {"code": refused.code, "status": refused.status}
    return as_json(refused.status, {**document, "errors": faults} if faults else document)
