"""
WATI's side of the wire: workspaces by token, three generations of calls, webhooks.

What is said of tokens that nobody registered: each that has no `invalid` in it works and has a workspace of its
own, with the sample templates approved and every sender known.
"""

import math
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, ClassVar

import msgspec

from sendyard.domain.channels import Channel
from sendyard.domain.content import Content, TemplateRef
from sendyard.domain.errors import ErrorKind, Invalid
from sendyard.domain.status import ReportStatus
from sendyard.providers.emulation import EmulatedRequest, Emulator, Handled, Received, Report
from sendyard.providers.wati import emulated_legacy, emulated_v3
from sendyard.providers.wati.codes import META
from sendyard.providers.wati.emulated_events import message_event, status_event
from sendyard.providers.wati.emulated_sending import TEXT, Calls, RefusedError, Visit, answer
from sendyard.providers.wati.emulated_state import (
    SAMPLE_TEMPLATE,
    WINDOW,
    Bucket,
    Message,
    Template,
    WatiState,
    Workspace,
)
from sendyard.providers.wati.plans import PLANS
from sendyard.providers.wati.spec import OTHER_CALLS, PER_TEN_SECONDS, SPEC
from sendyard.providers.wire import HttpRequest, HttpResponse

_V3 = "/api/ext/v3/"
_LEGACY = re.compile(r"(?:/([0-9]+))?/api/(v[12])/(.+)")
_TOKEN = re.compile(r"Bearer ([\x21-\x7e]+)")
_TENANT = "100200"

_FAILURES = {
    ErrorKind.THROTTLED: "130429",
    ErrorKind.UNAVAILABLE: "131000",
    ErrorKind.AUTH_FAILED: "131005",
    ErrorKind.OUT_OF_CREDIT: "131042",
    ErrorKind.NOT_REGISTERED: "132001",
    ErrorKind.INVALID_RECIPIENT: "131030",
    ErrorKind.OPTED_OUT: "131050",
    ErrorKind.BLOCKED: "131049",
    ErrorKind.CONTENT_REJECTED: "132000",
    ErrorKind.UNDELIVERABLE: "",  # told without a reason
}
_UNLISTED_CODE = "199999"
_UNLISTED_WORDS = "Held for a reason of its own"
_STATUS = {
    ReportStatus.SENT: "SENT",
    ReportStatus.DELIVERED: "DELIVERED",
    ReportStatus.READ: "READ",
    ReportStatus.FAILED: "FAILED",
}


class _Registration(msgspec.Struct, forbid_unknown_fields=True):
    """An account's fields, and what its owner sets in WATI's dashboard."""

    api_token: str
    base_url: str = ""
    api_version: str = "v3"
    plan: str = "growth"
    channel_number: str = ""
    slice_size: int = 500
    callback_url: str = ""
    webhook_secret: str | None = None
    event_form: str = "_v2"
    senders: tuple[str, ...] = ()
    templates: dict[str, str] = {}
    generations: tuple[str, ...] = ("v1", "v2", "v3")
    read_only: bool = False
    monthly_calls: int = -1
    credit: int = -1
    retry_after: bool = True
    no_broadcasts: tuple[str, ...] = ()


class WatiEmulator(Emulator):
    """WATI, API v1, v2 and v3."""

    spec = SPEC
    base_path = f"/{_TENANT}"
    sample_account: ClassVar[Mapping[str, str]] = {"api_token": "wati-token-0123456789"}
    sample_sender = "911140000001"
    sample_channel = Channel.WHATSAPP
    plans = PLANS

    def new_state(self) -> WatiState:
        """An empty WATI."""
        return WatiState()

    def sample_content(self, text: str) -> Content:
        """The text as the only parameter of the sample template."""
        return TemplateRef(SAMPLE_TEMPLATE, "en", {"text": text}, text)

    def register(self, state: WatiState, account: Mapping[str, Any]) -> None:
        """Take the account's fields and the dashboard's; see `_Registration` for their names."""
        try:
            given = msgspec.convert(dict(account), _Registration)
        except msgspec.ValidationError as problem:
            raise Invalid("account_not_usable", f"Expected the fields of a WATI account; found: {problem}.") from None
        if not given.api_token or given.plan not in PER_TEN_SECONDS:
            known = ", ".join(PER_TEN_SECONDS)
            raise Invalid("account_not_usable", f"Expected an api_token and one of the plans {known}.")
        state.is_closed = True
        tenant = given.base_url.rstrip("/").rpartition("/")[2]
        workspace = _workspace(state, given.api_token, tenant if tenant.isdecimal() else _TENANT, given.plan)
        workspace.callback_url = given.callback_url
        workspace.event_form = given.event_form
        workspace.channels = given.senders
        workspace.generations = frozenset(given.generations)
        workspace.read_only = given.read_only
        workspace.calls_left = given.monthly_calls
        workspace.credit = given.credit
        workspace.sends_retry_after = given.retry_after
        workspace.no_broadcasts = frozenset(number.removeprefix("+") for number in given.no_broadcasts)
        for number in sorted(workspace.no_broadcasts):
            workspace.contacts[number] = {"id": state.next_id(), "name": number}
        for name, body in given.templates.items():
            names = tuple(dict.fromkeys(re.findall(r"\{\{(\w+)\}\}", body)))
            workspace.templates[name] = Template(state.next_id(), name, body, names)

    def handle(self, request: EmulatedRequest, state: WatiState) -> Handled:
        """Answer as WATI does: the path, then the token, then limits, then the call."""
        try:
            return _handle(request, state)
        except RefusedError as refused:
            return Handled(_refusal(request, refused, is_v3=request.path.startswith(_V3)))

    def throttled(self, request: EmulatedRequest, retry_after: float | None) -> HttpResponse:
        """429 as plain text: WATI promises neither JSON nor Retry-After."""
        del request
        return _too_fast(retry_after)

    def unavailable(self, request: EmulatedRequest) -> HttpResponse:
        """A bare 503: WATI documents no answer that means "not now, and not taken"."""
        del request
        return HttpResponse(503)

    def settle(self, state: WatiState, received: Received, report: Report) -> HttpRequest | None:
        """Move the message on, as far as it goes forward, and tell the webhook."""
        message = state.messages.get(received.provider_ref)
        if message is None:
            return None
        workspace = state.workspaces[message.token]
        if report.status is ReportStatus.FAILED:
            usual = _FAILURES.get(report.kind or ErrorKind.UNDELIVERABLE, _UNLISTED_CODE)
            message.failed_code = report.code if report.code in META else usual
            known = META.get(message.failed_code)
            message.failed_detail = known.wording if known else _UNLISTED_WORDS if message.failed_code else ""
        message.status = _STATUS.get(report.status, "HELD")
        return status_event(workspace, message, report.at)

    def inbound(
        self, state: WatiState, *, account: str, sender: str, recipient: str, text: str, now: datetime
    ) -> HttpRequest | None:
        """A person writes: the conversation is open for 24 hours, and the webhook is told."""
        workspace = state.named(account)
        if workspace is None:
            return None
        contact = sender.removeprefix("+")
        number = state.next_id()
        wamid = f"wamid.IN{state.counter:012X}"
        message = Message(number, "", wamid, workspace.token, contact, text, now, recipient, owner=False)
        message.local_id, message.status = state.next_local_id(), "SENT"
        state.keep(workspace, message)
        workspace.open_until[contact] = now + WINDOW
        return message_event(workspace, message, f"Person {contact[-4:]}")


def _workspace(state: WatiState, token: str, name: str, plan: str) -> Workspace:
    made = Workspace(name, token, Bucket(PER_TEN_SECONDS[plan]), Bucket(OTHER_CALLS))
    made.templates = {one.name: one for one in state.sample_templates()}
    state.workspaces[token] = made
    return made


def _handle(request: EmulatedRequest, state: WatiState) -> Handled:
    tenant, version, path = _where(request.path)
    calls = emulated_v3.CALLS if version == "v3" else emulated_legacy.CALLS[version]
    methods, names = _call_at(calls, path)
    workspace = _signed_in(request, state)
    if version not in workspace.generations or (tenant and tenant != workspace.name):
        raise RefusedError(404, "")
    _count(request, workspace, _bucket(workspace, path, version))
    if request.method not in methods:
        raise RefusedError(405, "")
    if workspace.read_only and request.method != "GET":
        raise RefusedError(403, "The token lacks the scope for this call")
    extra = () if version == "v3" else (version,)
    return methods[request.method](Visit(request, state, workspace), *extra, *names)


def _where(path: str) -> tuple[str, str, str]:
    """Tenant (blank where the path has none), generation and the rest; v3 hangs at the host only."""
    if path.startswith(_V3):
        return "", "v3", path.removeprefix(_V3)
    if (found := _LEGACY.fullmatch(path)) is None:
        raise RefusedError(404, "")
    return found[1] or "", found[2], found[3]


def _call_at(calls: Calls, path: str) -> tuple[Mapping[str, Callable[..., Handled]], Sequence[str]]:
    for pattern, methods in calls:
        if found := pattern.fullmatch(path):
            return methods, found.groups()
    raise RefusedError(404, "")


def _bucket(workspace: Workspace, path: str, version: str) -> Bucket | None:
    first = path.partition("/")[0]
    if first in emulated_legacy.SENDS or path == "messageTemplates/send":
        return workspace.sends
    return workspace.others if version != "v3" and first in emulated_legacy.SLOW else None


def _signed_in(request: EmulatedRequest, state: WatiState) -> Workspace:
    found = _TOKEN.fullmatch(request.headers.get("authorization", ""))
    token = found[1] if found else ""
    known = state.workspaces.get(token)
    if known is not None:
        return known
    if state.is_closed or not token or "invalid" in token:
        raise RefusedError(401, "Unauthorized")
    return _workspace(state, token, _TENANT, "growth")


def _count(request: EmulatedRequest, workspace: Workspace, bucket: Bucket | None) -> None:
    if workspace.calls_left == 0:
        raise RefusedError(429, "Monthly API quota is used up")
    if bucket is not None and (wait := bucket.take(request.now)):
        raise _TooFastError(wait if workspace.sends_retry_after else None)
    workspace.calls_left -= 1


class _TooFastError(RefusedError):
    def __init__(self, wait: float | None) -> None:
        super().__init__(429, "Too Many Requests")
        self.wait = wait


def _refusal(request: EmulatedRequest, refused: RefusedError, *, is_v3: bool) -> HttpResponse:
    """What is refused before a call is reached has no JSON; v3 has one form for the rest, v1 and v2 another."""
    if isinstance(refused, _TooFastError):
        return _too_fast(refused.wait)
    if refused.status in {401, 404, 405} and not str(refused).endswith("is not found"):
        return HttpResponse(refused.status, TEXT, str(refused).encode())
    if is_v3:
        stamp = f"{request.now:%Y-%m-%dT%H:%M:%SZ}"
        return answer(refused.status, {"code": str(refused.status), "message": str(refused), "timestamp": stamp})
    return answer(refused.status, {"result": False, "info": str(refused)})


def _too_fast(retry_after: float | None) -> HttpResponse:
    headers = TEXT if retry_after is None else {**TEXT, "retry-after": f"{math.ceil(retry_after)}"}
    return HttpResponse(429, headers, b"Too Many Requests")
