"""
How the emulated Every8d takes messages: numbers, times, credit, blocked words, and the 24-hour filter.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

from sendyard.domain.channels import Channel
from sendyard.domain.errors import ErrorKind
from sendyard.domain.parts import count_gsm
from sendyard.providers.emulation import EmulatedRequest, Received, Refusal
from sendyard.providers.every8d.codes import NO_CREDIT
from sendyard.providers.every8d.console import AT_CARRIER, MMS_SENT, SCHEDULED, Batch, Customer, Every8dState, Row

TAIPEI = timezone(timedelta(hours=8))
NOT_IN_TABLE = "-999"
"""What the provider says when a scenario asks for a code nobody knows."""

_MOBILE = re.compile(r"(?:\+886|0)(9[0-9]{8})")
_FOREIGN = re.compile(r"\+(?!886)[0-9]{7,15}")
_STAMP = re.compile("[0-9]{14}")
_LONGEST = 333  # characters; a longer text becomes several sends
_LATEST = timedelta(hours=24)

# Where Every8d has no code for a class, the nearest stands for it; those of reports never answer a send.
_SUBMIT_CODES = {
    ErrorKind.THROTTLED: "-99",
    ErrorKind.UNAVAILABLE: "-99",
    ErrorKind.AUTH_FAILED: "-2",
    ErrorKind.OUT_OF_CREDIT: NO_CREDIT,
    ErrorKind.NOT_REGISTERED: "-5",
    ErrorKind.REGISTRY_REFUSED: "-5",
    ErrorKind.UNSUPPORTED: "-1",
    ErrorKind.INVALID_RECIPIENT: "-8",
    ErrorKind.OPTED_OUT: "-3",
    ErrorKind.BLOCKED: "-3",
    ErrorKind.CONTENT_REJECTED: "-5",
    ErrorKind.EXPIRED: "-4",
    ErrorKind.UNDELIVERABLE: "-1",
    ErrorKind.UNMAPPED: NOT_IN_TABLE,
}


class RequestRefusedError(Exception):
    """The whole request gets this code."""

    def __init__(self, code: str) -> None:
        """Take a code of the table, or one that is in none."""
        super().__init__(code)
        self.code = code


@dataclass(frozen=True, slots=True)
class Draft:
    """One message as a request gives it."""

    mobile: str
    text: str
    mr: str = ""
    name: str = ""
    due_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Picture:
    """What an MMS shows."""

    kind: str
    size: int


@dataclass(frozen=True, slots=True)
class Taken:
    """What a send brought: the five values of the answer, those that were filtered, and the messages."""

    line: str
    received: Sequence[Received] = ()


def e164_of(number: str) -> str:
    """The number in E.164; "" for what is neither a Taiwanese mobile number nor one of another country."""
    if local := _MOBILE.fullmatch(number.strip()):
        return f"+886{local[1]}"
    return number.strip() if _FOREIGN.fullmatch(number.strip()) else ""


def due_time(text: str, now: datetime, wrong: str) -> datetime:
    """`yyyyMMddHHmmss` in Taipei; empty or past is now. Raises RequestRefusedError with `wrong`, or `-4`."""
    if not text:
        return now
    if not _STAMP.fullmatch(text):
        raise RequestRefusedError(wrong)
    try:
        due_at = datetime.fromisoformat(f"{text[:8]}T{text[8:]}").replace(tzinfo=TAIPEI).astimezone(UTC)
    except (ValueError, OverflowError):
        raise RequestRefusedError(wrong) from None
    if now - due_at > _LATEST:
        raise RequestRefusedError("-4")
    return max(due_at, now)


def take(
    request: EmulatedRequest,
    state: Every8dState,
    customer: Customer,
    drafts: Sequence[Draft],
    *,
    subject: str = "",
    picture: Picture | None = None,
) -> Taken:
    """Judge and store a batch; what cannot be sent gets a row that says why. Raises RequestRefusedError."""
    if not any(draft.mobile.strip() for draft in drafts):
        raise RequestRefusedError("-41")
    if not all(draft.text.strip() for draft in drafts):
        raise RequestRefusedError("-24")
    numbers = [e164_of(draft.mobile) for draft in drafts]
    refusals = [_refusal(request, to) for to in numbers]
    # An account's lack of points is told by the counts, everything else by the code alone.
    if all(refusals) and refusals[0] != NO_CREDIT:
        raise RequestRefusedError(refusals[0])
    batch = Batch(customer.username, "MMS" if picture else "SMS", subject)
    leaving: list[tuple[int, str]] = []  # (row, text)
    unsent, spent = 0, Decimal(0)
    for draft, to, refusal in zip(drafts, numbers, refusals, strict=True):
        for text in _sends(draft.text, picture):
            cost = Decimal(1 if picture else max(1, count_gsm(text).parts))
            code = refusal or _code(customer, to, cost)
            row = Row(draft.mr, draft.name, to or draft.mobile, request.now, draft.due_at or request.now, cost, code)
            if code:
                row.cost = Decimal(0)
                unsent += code == NO_CREDIT
            else:
                row.code = SCHEDULED if row.due_at > request.now else MMS_SENT if picture else AT_CARRIER
                row.blocked = _blocked(customer, text)
                spent += cost
                customer.credit -= cost
                leaving.append((len(batch.rows), text))
            batch.rows.append(row)
    batch_id = state.store(batch, request.now, {batch.rows[number].mobile: text for number, text in leaving})
    line = f"{customer.credit:.2f},{len(leaving)},{spent:f},{unsent},{batch_id}"
    return Taken(
        line,
        [_received(customer, batch_id, number, batch.rows[number], text, picture) for number, text in leaving],
    )


def _received(customer: Customer, batch_id: str, number: int, row: Row, text: str, picture: Picture | None) -> Received:
    return Received(
        account=customer.username,
        to=row.mobile,
        sender="",
        channel=Channel.MMS if picture else Channel.SMS,
        text=text,
        provider_ref=batch_id,
        reference=row.mr,
        media=(f"image/{picture.kind}, {picture.size} bytes",) if picture else (),
        callback_url=customer.callback_url,
        parts=int(row.cost),
        at=row.due_at,
        extra={"row": str(number)},
    )


def _sends(text: str, picture: Picture | None) -> list[str]:
    """The texts that leave: one, or several where it is longer than a long SMS may be."""
    if picture or len(text) <= _LONGEST:
        return [text]
    return [text[start : start + _LONGEST] for start in range(0, len(text), _LONGEST)]


def _code(customer: Customer, to: str, cost: Decimal) -> str:
    if not to:
        return "-8"
    if not to.startswith("+886") and not customer.international:
        return "500"
    return NO_CREDIT if cost > customer.credit else ""


def _blocked(customer: Customer, text: str) -> str:
    if any(word in text for word in customer.system_keywords):
        return "106"
    unlabelled = customer.senders and not any(label in text for label in customer.senders)
    return "105" if unlabelled or any(word in text for word in customer.carrier_keywords) else ""


def _refusal(request: EmulatedRequest, to: str) -> str:
    wanted: Refusal | None = request.refusal(to) if to else None
    return "" if wanted is None else wanted.code or _SUBMIT_CODES[wanted.kind]
