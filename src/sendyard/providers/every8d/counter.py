"""
The sending calls of the emulated Every8d: what each takes, before a batch is made of it.
"""

import re
from base64 import b64decode
from collections.abc import Mapping

import msgspec

from sendyard.providers.emulation import EmulatedRequest
from sendyard.providers.every8d.console import Customer, Every8dState
from sendyard.providers.every8d.door import admit
from sendyard.providers.every8d.intake import Draft, Picture, RequestRefusedError, Taken, due_time, e164_of, take

Form = Mapping[str, str]

_PICTURES = frozenset({"jpg", "jpeg", "png", "gif"})
_MOST_BYTES = 50 * 1024
_FIELD = re.compile("%field([1-5])%")


class _Recipient(msgspec.Struct):
    Mobile: str = ""
    Param: str = ""
    MR: str = ""
    Mr: str = ""  # as one public sender writes it
    Name: str = ""
    SendTime: str = ""


class _ParamBody(msgspec.Struct):
    RecipientDataList: list[_Recipient]
    UID: str = ""
    PWD: str = ""
    SB: str = ""
    MSG: str = ""
    RETRYTIME: int | str = 1440


_decode_param = msgspec.json.Decoder(_ParamBody).decode


def send(request: EmulatedRequest, state: Every8dState, customer: Customer, given: Form) -> Taken:
    """SendSMS: one text to many numbers. Raises RequestRefusedError."""
    return take(request, state, customer, _drafts(request, given), subject=given.get("SB", ""))


def send_filtered(request: EmulatedRequest, state: Every8dState, customer: Customer, given: Form) -> Taken:
    """
    SendSMS4FilterMessage: FAIL_MOBILE and FAIL_BATCHID follow the five values; `IsSend=false` only asks.

    Raises:
        RequestRefusedError: as SendSMS.
    """
    fresh: list[Draft] = []
    held: list[tuple[str, str]] = []
    for draft in _drafts(request, given):
        earlier = state.said_before(customer.username, e164_of(draft.mobile), draft.text, request.now)
        if earlier:
            held.append((draft.mobile.strip(), earlier))
        else:
            fresh.append(draft)
    if given.get("IsSend", "true").lower() == "false" or (held and not fresh):
        taken = Taken(f"{customer.credit:.2f},0,0,0,")
    else:
        taken = take(request, state, customer, fresh, subject=given.get("SB", ""))
    held_numbers, held_batches = ("/".join(part) for part in zip(*held, strict=True)) if held else ("", "")
    return Taken(f"{taken.line},{held_numbers},{held_batches}", taken.received)


def send_mms(request: EmulatedRequest, state: Every8dState, customer: Customer, given: Form) -> Taken:
    """SendMMS: a title, a text and one picture. Raises RequestRefusedError."""
    if not customer.mms:
        raise RequestRefusedError("-10")
    if not given.get("SB", "").strip():
        raise RequestRefusedError("-303")
    try:
        picture = b64decode(given.get("ATTACHMENT", ""), validate=True)
    except ValueError:
        raise RequestRefusedError("-304") from None
    kind = given.get("TYPE", "").lower()
    for fits, code in (
        (bool(picture), "-304"),
        (kind in _PICTURES, "-305"),
        (len(picture) <= _MOST_BYTES, "-314"),
    ):
        if not fits:
            raise RequestRefusedError(code)
    drafts = _drafts(request, given)
    return take(request, state, customer, drafts, subject=given["SB"], picture=Picture(kind, len(picture)))


def send_param(request: EmulatedRequest, state: Every8dState) -> Taken:
    """SendParam: to each recipient a text of its own. Raises RequestRefusedError."""
    try:
        body = _decode_param(request.body)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        raise RequestRefusedError("-1") from None
    customer = admit(request, state, body.UID, body.PWD)
    _minutes(str(body.RETRYTIME))
    drafts: list[Draft] = []
    for one in body.RecipientDataList:
        due_at = due_time(one.SendTime, request.now, "-28")
        drafts.append(Draft(one.Mobile, _filled(body.MSG, one.Param), one.MR or one.Mr, one.Name, due_at))
    references = [draft.mr for draft in drafts if draft.mr]
    if len(set(references)) < len(references):
        raise RequestRefusedError("-1")
    return take(request, state, customer, drafts, subject=body.SB)


def _filled(template: str, param: str) -> str:
    """The personal text: `Param` itself, or the template with its five values. Raises RequestRefusedError."""
    if not template:
        return param
    values = param.split("|")
    if len(values) != 5:
        raise RequestRefusedError("-1")
    return _FIELD.sub(lambda found: values[int(found[1]) - 1], template)


def _drafts(request: EmulatedRequest, given: Form) -> list[Draft]:
    _minutes(given.get("RETRYTIME", ""))
    due_at = due_time(given.get("ST", ""), request.now, "-4")
    if given.get("EventID"):
        raise RequestRefusedError("-290")
    numbers = [number for number in given.get("DEST", "").split(",") if number.strip()]
    return [Draft(number, given.get("MSG", ""), given.get("MR", ""), due_at=due_at) for number in numbers]


def _minutes(text: str) -> None:
    if text and not (text.isascii() and text.isdecimal()):
        raise RequestRefusedError("-1")
