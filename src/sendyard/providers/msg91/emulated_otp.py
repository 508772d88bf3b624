"""
One-time codes: one live code a number, limits on tries and resends; every no comes with HTTP 200.
"""

import hashlib
import re
from datetime import timedelta

from sendyard.domain.channels import Channel
from sendyard.domain.errors import ErrorKind
from sendyard.providers.emulation import EmulatedRequest, Handled, Received
from sendyard.providers.msg91.codes import CODES
from sendyard.providers.msg91.emulated_answers import failure, json_answer, parameters, refusal, refusal_code, stamp
from sendyard.providers.msg91.emulated_state import SAMPLE_SENDER, Account, LiveCode, Message, State
from sendyard.providers.wire import HttpResponse

_MOBILE = re.compile(r"[0-9]{10,15}")
_CODE = re.compile(r"[0-9]{4,9}")
_TYPED = re.compile(r"[0-9]+")
_MINUTES = re.compile(r"[1-9][0-9]{0,5}")
_DEFAULT_MINUTES = 15
_BAD_MOBILE = "Mobile number empty or not numeric"


def send(request: EmulatedRequest, state: State, account: Account) -> Handled:
    """Make a code, or take the given one, and send it; it takes the place of an earlier one."""
    given = parameters(request)
    mobile, template = given.get("mobile", ""), given.get("template_id", "")
    if not _MOBILE.fullmatch(mobile):
        return Handled(failure(_BAD_MOBILE))
    if template not in account.otp_templates:
        return Handled(failure("Template ID Missing or Invalid Template"))
    if wanted := request.refusal(f"+{mobile}"):
        code = refusal_code(wanted)
        return Handled(failure(_BAD_MOBILE) if wanted.kind is ErrorKind.INVALID_RECIPIENT else refusal(code))
    request_id = state.next_id()
    code = given.get("otp", "")
    if code and not _CODE.fullmatch(code):
        return Handled(failure("OTP empty or not numeric"))
    length = given.get("otp_length", "4")
    digits = int(length) if length in set("456789") else 4
    made = int.from_bytes(hashlib.sha256(request_id.encode()).digest()) % 10**digits
    minutes = given.get("otp_expiry", "")
    holds = timedelta(minutes=int(minutes) if _MINUTES.fullmatch(minutes) else _DEFAULT_MINUTES)
    live = account.codes[mobile] = LiveCode(code or f"{made:0{digits}d}", template, request.now + holds)
    received = _message(request, state, account, mobile, live, request_id)
    return Handled(json_answer({"type": "success", "request_id": request_id}), [received])


def resend(request: EmulatedRequest, state: State, account: Account) -> Handled:
    """The same code again, as text or (the older default) by a call, of which no handset shows a text."""
    given = parameters(request)
    mobile = given.get("mobile", "")
    live = account.codes.get(mobile)
    if not _MOBILE.fullmatch(mobile):
        return Handled(failure(_BAD_MOBILE))
    if live is None or live.verified:
        return Handled(_failed("no_otp_request"))
    if request.now >= live.expires_at:
        return Handled(_failed("otp_expired"))
    if live.resends >= account.panel.otp_resends:
        return Handled(_failed("retry_count_maxed"))
    live.resends += 1
    by_text = given.get("retrytype", "voice") == "text"
    received = [_message(request, state, account, mobile, live, state.next_id())] if by_text else []
    return Handled(json_answer({"type": "success", "message": "retry send successfully"}), received)


def verify(request: EmulatedRequest, state: State, account: Account) -> Handled:
    """Compare; a match uses the code up."""
    del state
    given = parameters(request)
    live = account.codes.get(given.get("mobile", ""))
    typed = given.get("otp", "")
    if live is None:
        return Handled(_failed("mobile_not_found"))
    checks = (
        (not _TYPED.fullmatch(typed), "otp_not_numeric"),
        (live.verified, "already_verified"),
        (live.attempts >= account.panel.otp_attempts, "max_limit_reached"),
        (request.now >= live.expires_at, "otp_expired"),
    )
    if wrong := next((code for is_wrong, code in checks if is_wrong), ""):
        return Handled(_failed(wrong))
    if typed != live.code:
        live.attempts += 1
        return Handled(_failed("otp_not_match"))
    live.verified = True
    return Handled(json_answer({"type": "success", "message": "OTP verified success"}))


def _failed(code: str) -> HttpResponse:
    return failure(CODES[code].wording)


def _message(
    request: EmulatedRequest, state: State, account: Account, mobile: str, live: LiveCode, request_id: str
) -> Received:
    message = Message(account, request_id, mobile, "", SAMPLE_SENDER, 1, request.now, is_otp=True)
    row = state.keep(message, stamp(request.now)[:10])
    account.credit -= 1
    return Received(
        account=account.name,
        to=f"+{mobile}",
        sender=SAMPLE_SENDER,
        channel=Channel.SMS,
        text=account.otp_templates[live.template].replace("##OTP##", live.code),
        provider_ref=request_id,
        template=live.template,
        variables={"OTP": live.code},
        at=request.now,
        extra={"row": row},
    )
