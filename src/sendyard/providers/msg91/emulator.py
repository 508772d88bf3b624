"""
MSG91's side of the wire, as its documents and, above all, field reports describe it.

A send says success even when it will never leave; everything else authenticates. Seed paths of an older document
(`/balance`, `/report/delivery`, `/template`) do not exist at MSG91 and answer 404.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, ClassVar

from sendyard.domain.content import Content, TemplateRef
from sendyard.providers.emulation import EmulatedPlan, EmulatedRequest, Emulator, Handled, Received, Report
from sendyard.providers.msg91 import emulated_desk, emulated_otp
from sendyard.providers.msg91.codes import BAD_KEY, CODES, IP_NOT_LISTED, NO_KEY, THROTTLED
from sendyard.providers.msg91.emulated_answers import (
    failure,
    json_answer,
    not_found,
    parameters,
    text_answer,
    unauthorized,
)
from sendyard.providers.msg91.emulated_flow import send
from sendyard.providers.msg91.emulated_reports import callback, state_of
from sendyard.providers.msg91.emulated_state import SAMPLE_OTP_TEMPLATE, SAMPLE_SENDER, SAMPLE_TEMPLATE, Account, State
from sendyard.providers.msg91.spec import SPEC
from sendyard.providers.spec import ProviderSpec
from sendyard.providers.wire import HttpRequest, HttpResponse

_ROOT = "/api/v5"
_EITHER, _POST, _GET = frozenset({"GET", "POST"}), frozenset({"POST"}), frozenset({"GET"})

_Serve = Callable[[EmulatedRequest, State, Account], Handled]
_CALLS: dict[str, tuple[frozenset[str], _Serve]] = {
    f"{_ROOT}/sms/getTemplateVersions": (_EITHER, emulated_desk.versions),
    f"{_ROOT}/sms/addTemplate": (_POST, emulated_desk.add_template),
    f"{_ROOT}/sms/addTemplateVersion": (_POST, emulated_desk.add_version),
    f"{_ROOT}/sms/markActive": (_GET, emulated_desk.mark_active),
    f"{_ROOT}/report/logs/p/sms": (_EITHER, emulated_desk.message_log),
    f"{_ROOT}/report/logs/otp": (_EITHER, emulated_desk.code_log),
}
_CODE_CALLS: dict[str, tuple[frozenset[str], _Serve]] = {
    f"{_ROOT}/otp": (_EITHER, emulated_otp.send),
    f"{_ROOT}/otp/retry": (_EITHER, emulated_otp.resend),
    f"{_ROOT}/otp/verify": (_EITHER, emulated_otp.verify),
}
_FLOW = frozenset({f"{_ROOT}/flow", f"{_ROOT}/flow/"})
_FINAL = frozenset({"1", "2", "9", "16", "17", "25", "auto_failed", "opt_out"})


class Msg91Emulator(Emulator):
    """Version 5, and the two older `.php` calls that are still in use."""

    spec: ClassVar[ProviderSpec] = SPEC
    base_path: ClassVar[str] = _ROOT
    sample_account: ClassVar[Mapping[str, str]] = {
        "authkey": "270001AsendyardInvented",
        "template_ids": SAMPLE_TEMPLATE,
        "otp_template_id": SAMPLE_OTP_TEMPLATE,
        # The sample template is nothing but one variable, so its value is a whole text.
        "value_limit": "0",
    }
    sample_sender: ClassVar[str] = SAMPLE_SENDER
    # MSG91 publishes no limit, so the emulator has none and ours counts.
    plans = (EmulatedPlan("flow", "none published; ours: 20 requests a second", "IN", 5000, 300.0),)
    callback_retries: ClassVar[tuple[float, ...]] = (60.0, 300.0)  # invented: no schedule is published

    def new_state(self) -> State:
        """Nobody registered, everybody rich, one template for messages and one for codes."""
        return State()

    def sample_content(self, text: str) -> Content:
        """The sample template is its only variable."""
        return TemplateRef(SAMPLE_TEMPLATE, variables={"text": text}, body=text)

    def register(self, state: State, account: Mapping[str, Any]) -> None:
        """Take `authkey` and the further fields of `Panel`. Raises Invalid."""
        state.register(account)

    def handle(self, request: EmulatedRequest, state: State) -> Handled:
        """Answer as each call does: with success, with 401, with 200 and words, or with 200 and plain text."""
        path, method = request.path, request.method
        if path in _FLOW and method == "POST":
            return _flow(request, state)
        if method in _CODE_CALLS.get(path, (frozenset(),))[0]:
            return _code_call(request, state, _CODE_CALLS[path][1])
        if method in _CALLS.get(path, (frozenset(),))[0]:
            return _call(request, state, _CALLS[path][1])
        if method == "GET" and path in {"/api/validate.php", "/api/balance.php"}:
            return _plain_call(request, state)
        return Handled(not_found())

    def throttled(self, request: EmulatedRequest, retry_after: float | None) -> HttpResponse:
        """HTTP 429; the body is a guess, and `Retry-After` is sent only if the scenario gives it."""
        del request
        headers = {} if retry_after is None else {"retry-after": f"{retry_after:g}"}
        return json_answer({"type": "error", "message": CODES[THROTTLED].wording, "code": THROTTLED}, 429, headers)

    def unavailable(self, request: EmulatedRequest) -> HttpResponse:
        """A bare 503: MSG91 documents no "not now"."""
        del request
        return HttpResponse(503)

    def settle(self, state: State, received: Received, report: Report) -> HttpRequest | None:
        """Let the log show the report, and call the panel's webhook, if there is one."""
        message = state.messages[received.extra["row"]]
        status, reason = state_of(report)
        if message.state not in _FINAL or status in _FINAL:
            message.state, message.reason, message.settled_at = status, reason, report.at
        return callback(message, report.at)

    def inbound(
        self, state: State, *, account: str, sender: str, recipient: str, text: str, now: datetime
    ) -> HttpRequest | None:
        """Nothing: headers of letters take no answers."""
        del state, account, sender, recipient, text, now
        return None


def _flow(request: EmulatedRequest, state: State) -> Handled:
    key = request.headers.get("authkey", "")
    account = state.account_of(key)
    if not key:
        return Handled(unauthorized(NO_KEY))
    if account is not None and account.panel.unlisted_ip:
        return Handled(unauthorized(IP_NOT_LISTED))
    return send(request, state, account)


def _call(request: EmulatedRequest, state: State, serve: _Serve) -> Handled:
    key = request.headers.get("authkey", "")
    account = state.account_of(key)
    if account is None:
        return Handled(unauthorized(BAD_KEY if key else NO_KEY))
    if account.panel.unlisted_ip:
        return Handled(unauthorized(IP_NOT_LISTED))
    return serve(request, state, account)


def _key_anywhere(request: EmulatedRequest) -> str:
    """These calls also take the key in the query, as much public code gives it."""
    return request.headers.get("authkey") or parameters(request).get("authkey", "")


def _code_call(request: EmulatedRequest, state: State, serve: _Serve) -> Handled:
    key = _key_anywhere(request)
    account = state.account_of(key)
    if account is None:
        return Handled(failure(CODES[BAD_KEY if key else NO_KEY].wording))
    if account.panel.unlisted_ip:
        return Handled(unauthorized(IP_NOT_LISTED))
    return serve(request, state, account)


def _plain_call(request: EmulatedRequest, state: State) -> Handled:
    account = state.account_of(_key_anywhere(request))
    is_check = request.path.endswith("/validate.php")
    if account is None:
        return Handled(text_answer(BAD_KEY if is_check else CODES[BAD_KEY].wording))
    if account.panel.unlisted_ip:
        return Handled(text_answer(IP_NOT_LISTED) if is_check else unauthorized(IP_NOT_LISTED))
    return Handled(text_answer("Valid")) if is_check else emulated_desk.balance(request, account)
