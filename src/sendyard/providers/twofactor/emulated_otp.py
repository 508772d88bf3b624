"""
One-time codes at the emulated 2Factor: made there or brought along, by text or call, checked by session or number.

A right code after its time is a success with the words "OTP Expired", as in production (sheet section 4).
"""

from datetime import timedelta

from sendyard.domain.channels import Channel
from sendyard.providers.emulation import EmulatedRequest, Handled, Received
from sendyard.providers.twofactor.panel import SLOT, Code, Customer, PanelState, Stored
from sendyard.providers.twofactor.voice import NOT_FOUND, UNDESCRIBED, RefusedError, error, number_of, success

_MADE_HERE = {"AUTOGEN": 6, "AUTOGEN2": 6, "AUTOGEN3": 4}
_SHARED_TEXT = f"{SLOT} is your OTP."


def send_code(
    request: EmulatedRequest,
    state: PanelState,
    customer: Customer,
    product: str,
    number: str,
    wanted: str,
    template: str,
) -> Handled:
    """Send a code: `wanted` says how to make one, or is one; without a template, a shared text or a call."""
    length = _MADE_HERE.get(wanted)
    own = wanted.isascii() and wanted.isdigit() and 4 <= len(wanted) <= 6
    if length is None and not own:
        return NOT_FOUND
    to = number_of(number)
    if product == "VOICE" and len(number) != 10:
        raise RefusedError("invalid_phone")
    if refusal := request.refusal(to):
        raise RefusedError(refusal.code or ("invalid_phone" if refusal.kind == "invalid_recipient" else UNDESCRIBED))
    if customer.otp_credit < 1:
        raise RefusedError("insufficient_balance")
    customer.otp_credit -= 1
    session = state.new_session()
    digits = wanted if length is None else state.new_code(length)
    text = customer.templates.get(template, _SHARED_TEXT).replace(SLOT, digits)
    registered = not template or template in customer.templates
    stored = Stored(to, "", f"{product}_OTP", 1, request.now, registered)
    state.store(customer.name, session, stored)
    state.remember(customer.name, session, to, Code(digits, request.now + timedelta(seconds=customer.otp_seconds)))
    received = Received(
        account=customer.name,
        to=to,
        sender="",
        channel=Channel.SMS,
        text=text,
        provider_ref=session,
        template=template,
        variables={"otp": digits},
        callback_url=customer.callback_url,
        at=request.now,
    )
    more = {"OTP": digits} if wanted == "AUTOGEN2" else {}
    return Handled(success(session, **more), [received])


def check_by_session(
    request: EmulatedRequest, state: PanelState, customer: Customer, session: str, typed: str
) -> Handled:
    """Judge a typed code by the session of its send."""
    code = None if customer.sessions_lost else state.codes.get((customer.name, session))
    return _judged(request, code, typed)


def check_by_number(
    request: EmulatedRequest, state: PanelState, customer: Customer, number: str, typed: str
) -> Handled:
    """Judge a typed code by the last one sent to a number."""
    return _judged(request, state.codes.get((customer.name, number_of(number))), typed)


def _judged(request: EmulatedRequest, code: Code | None, typed: str) -> Handled:
    if code is None:
        return Handled(error("no_session"))
    # The time is judged before the digits: after it, a wrong code is answered like a right one.
    if request.now >= code.until:
        return Handled(success("OTP Expired"))
    return Handled(success("OTP Matched") if typed == code.digits else error("otp_mismatch"))
