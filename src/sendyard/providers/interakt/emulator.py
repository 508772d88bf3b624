"""
Interakt's side of the wire: workspaces by key, one call for messages, signed webhooks.

What is said of keys that nobody registered: each that is the Base64 of a secret and a colon, without `invalid` in
it, works and has a workspace of its own with the sample templates. A key encoded twice is refused.
"""

import math
import re
from base64 import b64decode
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from hashlib import sha256
from typing import Any, ClassVar, cast

import msgspec

from sendyard.domain.channels import Channel
from sendyard.domain.content import Content, TemplateRef
from sendyard.domain.errors import ErrorKind, Invalid
from sendyard.domain.status import ReportStatus
from sendyard.providers.emulation import EmulatedRequest, Emulator, Handled, Received, Report
from sendyard.providers.interakt import emulated_calls, emulated_sending
from sendyard.providers.interakt.codes import META
from sendyard.providers.interakt.emulated_calls import RefusedError, Visit, answer
from sendyard.providers.interakt.emulated_events import message_event, status_event
from sendyard.providers.interakt.emulated_state import (
    SAMPLE_TEMPLATE,
    WINDOW,
    Bucket,
    InteraktState,
    Template,
    Workspace,
)
from sendyard.providers.interakt.spec import PER_MINUTE, SPEC
from sendyard.providers.wire import HttpRequest, HttpResponse

_BASE = "/v1/public"
_CALLS = ((re.compile(r"message/"), {"POST": emulated_sending.take}), *emulated_calls.CALLS)
_KEYS = re.compile(r"[\x21-\x7e]+")
_PLACEHOLDER = re.compile(r"\{\{(\d+)\}\}")

_FAILURES = {
    ErrorKind.THROTTLED: "130429",
    ErrorKind.UNAVAILABLE: "131000",
    ErrorKind.AUTH_FAILED: "131005",
    ErrorKind.OUT_OF_CREDIT: "131042",
    ErrorKind.UNSUPPORTED: "130497",
    ErrorKind.NOT_REGISTERED: "132001",
    ErrorKind.INVALID_RECIPIENT: "131030",
    ErrorKind.OPTED_OUT: "131050",
    ErrorKind.BLOCKED: "131049",
    ErrorKind.CONTENT_REJECTED: "132000",
    ErrorKind.UNDELIVERABLE: "",  # told without a reason
}
_UNLISTED_CODE = "199999"
_UNLISTED_WORD = "held"
_WORDS = {
    ReportStatus.SENT: "sent",
    ReportStatus.DELIVERED: "delivered",
    ReportStatus.READ: "read",
    ReportStatus.FAILED: "failed",
}


class _Registration(msgspec.Struct, forbid_unknown_fields=True):
    """An account's fields, and what its owner sets in Interakt."""

    api_key: str
    base_url: str = ""
    encode_key: str = "never"
    webhook_secret: str | None = None
    plan: str = "growth"
    requests_per_minute: int = 0
    guard_utility: bool = False
    otp_button: bool = True
    campaign_id: str = ""
    currency: str = "INR"
    callback_url: str = ""
    templates: dict[str, str] = {}
    has_public_api: bool = True
    credit: int = -1


class InteraktEmulator(Emulator):
    """Interakt's public API."""

    spec = SPEC
    base_path = _BASE
    # The Base64 of `interakt-demo-secret:`, as Interakt shows keys.
    sample_account: ClassVar[Mapping[str, str]] = {"api_key": "aW50ZXJha3QtZGVtby1zZWNyZXQ6"}
    sample_sender = ""  # a workspace has one number, which no call names
    sample_channel = Channel.WHATSAPP

    def new_state(self) -> InteraktState:
        """An empty Interakt."""
        return InteraktState()

    def sample_content(self, text: str) -> Content:
        """The text as the only variable of the sample template."""
        return TemplateRef(SAMPLE_TEMPLATE, "en", {"1": text}, text)

    def register(self, state: InteraktState, account: Mapping[str, Any]) -> None:
        """Take the account's fields and the dashboard's; see `_Registration` for their names."""
        try:
            given = msgspec.convert(dict(account), _Registration)
        except msgspec.ValidationError as problem:
            raise Invalid(
                "account_not_usable", f"Expected the fields of Interakt's account; found: {problem}."
            ) from None
        secret = _secret(given.api_key) or given.api_key
        if not _KEYS.fullmatch(secret) or given.plan not in PER_MINUTE:
            known = ", ".join(PER_MINUTE)
            raise Invalid("account_not_usable", f"Expected an api_key and one of the plans {known}.")
        state.is_closed = True
        workspace = _workspace(state, secret, given.requests_per_minute or PER_MINUTE[given.plan])
        workspace.callback_url = given.callback_url
        workspace.webhook_secret = given.webhook_secret or ""
        workspace.has_public_api = given.has_public_api
        workspace.credit = given.credit
        if given.campaign_id:
            workspace.campaigns[given.campaign_id] = "registered"
        for name, body in given.templates.items():
            values = len(set(_PLACEHOLDER.findall(body)))
            workspace.templates[name, "en"] = Template(state.next_id(), name, body, values)

    def handle(self, request: EmulatedRequest, state: InteraktState) -> Handled:
        """Answer as Interakt does: the path, then the key, then limits, then the call."""
        try:
            call, names = _call_at(request)
            workspace = _signed_in(request, state)
            if not workspace.bucket.take(request.now):
                return Handled(self.throttled(request, None))
            return call(Visit(request, state, workspace), *names)
        except RefusedError as refused:
            if refused.status == 429:
                return Handled(self.throttled(request, None))
            return Handled(answer(refused.status, {"result": False, "message": str(refused)}))

    def throttled(self, request: EmulatedRequest, retry_after: float | None) -> HttpResponse:
        """429, the one answer without `result`."""
        del request
        said = answer(429, {"message": "Rate limit exceeded for this resource"})
        if retry_after is None:
            return said
        return HttpResponse(429, {**said.headers, "retry-after": f"{math.ceil(retry_after)}"}, said.body)

    def unavailable(self, request: EmulatedRequest) -> HttpResponse:
        """A bare 503: Interakt documents no answer that means "not now, and not taken"."""
        del request
        return HttpResponse(503)

    def settle(self, state: InteraktState, received: Received, report: Report) -> HttpRequest | None:
        """Move the message on and tell the webhook, if it is not switched off."""
        message = state.messages.get(received.provider_ref)
        if message is None:
            return None
        message.status = _WORDS.get(report.status, _UNLISTED_WORD)
        if report.status is ReportStatus.FAILED:
            usual = _FAILURES.get(report.kind or ErrorKind.UNDELIVERABLE, _UNLISTED_CODE)
            message.error_code = report.code if report.code in META else usual
            known = META.get(message.error_code)
            message.reason = known.wording if known else ""
        elif report.status is ReportStatus.DELIVERED:
            message.delivered = report.at
        elif report.status is ReportStatus.READ:
            message.seen = report.at
        return status_event(state.workspaces[message.secret], message, report.at)

    def callback_accepted(self, received: Received, response: HttpResponse) -> bool:
        """Nothing but 200 will do; after five others in a row the webhook is switched off."""
        is_good = response.status == 200
        # The workspace's own counter, which `settle` looks at.
        hook = cast("dict[str, str]", received.extra)
        hook["failures"] = "0" if is_good else str(int(hook["failures"]) + 1)
        return is_good

    def inbound(
        self, state: InteraktState, *, account: str, sender: str, recipient: str, text: str, now: datetime
    ) -> HttpRequest | None:
        """A person writes: the conversation is open for 24 hours, and the webhook is told."""
        del recipient
        workspace = state.named(account)
        if workspace is None:
            return None
        contact = sender.removeprefix("+")
        workspace.open_until[contact] = now + WINDOW
        return message_event(workspace, state.next_id(), contact, text, now)


def _workspace(state: InteraktState, secret: str, per_minute: int) -> Workspace:
    # A name that is no secret and stays the same from run to run.
    made = Workspace(f"org-{sha256(secret.encode()).hexdigest()[:8]}", secret, Bucket(per_minute))
    made.templates = {(one.name, one.language): one for one in state.sample_templates()}
    state.workspaces[secret] = made
    return made


def _call_at(request: EmulatedRequest) -> tuple[Callable[..., Handled], Sequence[str]]:
    path = request.path.removeprefix(f"{_BASE}/")
    for pattern, methods in _CALLS:
        if (found := pattern.fullmatch(path)) and path != request.path and request.method in methods:
            return methods[request.method], found.groups()
    raise RefusedError(404, "Not found")


@lru_cache(maxsize=256)
def _secret(key: str) -> str:
    """The secret in a key as Interakt shows it; nothing for any other form, and for one encoded twice."""
    try:
        inside = b64decode(key, validate=True).decode()
    except ValueError:
        return ""
    if not inside.endswith(":"):
        return ""
    secret = inside.removesuffix(":")
    return "" if secret and _secret(secret) else secret


def _signed_in(request: EmulatedRequest, state: InteraktState) -> Workspace:
    scheme, _, key = request.headers.get("authorization", "").partition(" ")
    secret = _secret(key) if scheme == "Basic" else ""
    known = state.workspaces.get(secret)
    if known is None:
        if state.is_closed or not _KEYS.fullmatch(secret) or "invalid" in secret:
            raise RefusedError(401, "Invalid token provided")
        return _workspace(state, secret, PER_MINUTE["growth"])
    if not known.has_public_api:
        raise RefusedError(403, "Your plan does not include the public API")
    return known
