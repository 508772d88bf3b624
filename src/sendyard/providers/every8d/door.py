"""
Who may come in at the emulated Every8d: by name and password, or by a token.
"""

import msgspec

from sendyard.providers.emulation import EmulatedRequest
from sendyard.providers.every8d.console import Customer, Every8dState
from sendyard.providers.every8d.intake import RequestRefusedError, Taken


class _ConnectionBody(msgspec.Struct):
    HandlerType: int
    VerifyType: int
    UID: str = ""
    PWD: str = ""


_decode_connection = msgspec.json.Decoder(_ConnectionBody).decode


def admit(request: EmulatedRequest, state: Every8dState, username: str, password: str) -> Customer:
    """Find the customer a request speaks for. Raises RequestRefusedError."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        holder = state.bearer(token.strip(), request.now)
        if holder is None:
            raise RequestRefusedError("-101")
        return holder
    return _by_password(state, username, password)


def connect(request: EmulatedRequest, state: Every8dState) -> Taken:
    """VerifyType 1 gives a token, 2 checks the one in the header, 3 closes it."""
    try:
        body = _decode_connection(request.body)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        raise RequestRefusedError("-1") from None
    if body.HandlerType != 3 or body.VerifyType not in {1, 2, 3}:
        raise RequestRefusedError("-1")
    if body.VerifyType == 1:
        customer = _by_password(state, body.UID, body.PWD)
        return Taken(state.open_token(customer, request.now))
    token = request.headers.get("authorization", "").partition(" ")[2].strip()
    if state.bearer(token, request.now) is None:
        raise RequestRefusedError("-101")
    if body.VerifyType == 3:
        del state.tokens[token]
    return Taken("")


def _by_password(state: Every8dState, username: str, password: str) -> Customer:
    if not username or not password:
        raise RequestRefusedError("-300")
    customer = None if "invalid" in username else state.customer(username, password)
    if customer is None:
        raise RequestRefusedError("-100")
    if "invalid" in password or not state.password_fits(customer, password):
        raise RequestRefusedError("-101")
    return customer
