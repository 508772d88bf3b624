"""
What MSG91 says about one message, as an event: callbacks and the delivery log use the same states and times.

A later report may repeat an earlier one, by another way too, so the key of a statement holds no time.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from functools import lru_cache

from sendyard.domain.errors import ErrorKind, ProviderError
from sendyard.domain.money import Money
from sendyard.domain.status import ReportStatus
from sendyard.providers.contract import DeliveryEvent, MessageKey
from sendyard.providers.msg91.codes import CODES, STATES, code_of_words
from sendyard.providers.msg91.scrubbing import scrub_code

IST = timezone(timedelta(hours=5, minutes=30), "Asia/Kolkata")
"""Every time of MSG91's stands in this zone, without saying so; India has no summer time."""

_DIGITS = re.compile(r"[0-9]{7,15}")
_AMOUNT = re.compile(r"[0-9]{1,12}(?:\.[0-9]{1,6})?")
_PLACEHOLDER = re.compile(r"\{\{.*\}\}")


@dataclass(frozen=True, slots=True)
class Said:
    """One statement in MSG91's words; whatever is missing is blank."""

    reference: str = ""  # CRQID
    request_id: str = ""
    number: str = ""  # 919876543210
    state: str = ""  # a number or a word
    description: str = ""
    reason: str = ""
    at: datetime | None = None
    credit: str = ""


def event(said: Said) -> DeliveryEvent:
    """Translate; by our reference alone where MSG91 gave it back, since one request id names a whole batch."""
    reference = given(said.reference)
    number = said.number.lstrip("+")
    recipient = f"+{number}" if _DIGITS.fullmatch(number) else ""
    request_id = given(said.request_id)
    verdict = judge(said.state, said.description, said.reason)
    identity = reference or f"{request_id}:{number}"
    return DeliveryEvent(
        key=MessageKey(reference, "" if reference else request_id, recipient),
        status=verdict.status,
        raw_status=said.state or said.description,
        dedupe_key=f"{identity}:{verdict.name}",
        error=verdict.error,
        occurred_at=said.at,
        cost=credits_of(said.credit),
    )


def given(value: str) -> str:
    """An id that somebody gave; "0" and an unfilled placeholder are MSG91's way of having none."""
    return "" if value == "0" or _PLACEHOLDER.fullmatch(value) else value


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a state and its reason mean; `name` is equal for equal statements."""

    status: ReportStatus
    name: str
    error: ProviderError | None = None


@lru_cache(maxsize=2048)
def judge(state: str, description: str, reason: str) -> Verdict:
    """Class a state by its number or word, and a failure by its reason where that one is known."""
    code = _state_code(state)
    # A number stands for itself; an unknown word beside a known one may be a newer name for the same.
    if not code and not state.isdigit():
        code = _state_code(description)
    known = STATES.get(code)
    if known is None:
        return Verdict(ReportStatus.UNMAPPED, (state or description)[:40])
    if isinstance(known.meaning, ReportStatus):
        return Verdict(known.meaning, "sent" if known.meaning is ReportStatus.SENT else code)
    closer = scrub_code(reason) or scrub_code(description)
    final = closer or code
    meaning = CODES[final].meaning
    kind = meaning if isinstance(meaning, ErrorKind) else ErrorKind.UNMAPPED
    words = reason or description or CODES[final].wording
    return Verdict(ReportStatus.FAILED, final, ProviderError(kind, final, words))


def _state_code(named: str) -> str:
    code = named if named in STATES else code_of_words(named)
    return code if code in STATES else ""


def moment(date: str, time: str = "") -> datetime | None:
    """An aware time (UTC) from `2026-01-12 11:02:09`, or from a date and a time apart; None for anything else."""
    try:
        read = datetime.fromisoformat(f"{date} {time}" if time and " " not in date else date)
        aware = read if read.tzinfo else read.replace(tzinfo=IST)
        return aware.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


@lru_cache(maxsize=256)
def credits_of(text: str) -> Money | None:
    """Credits as money (`XPT`), or None for what is not a plain number."""
    return Money(Decimal(text), "XPT") if _AMOUNT.fullmatch(text) else None


def first_of(row: Mapping[str, str], *names: str) -> str:
    """The first of these fields that says something."""
    return next((row[name] for name in names if row.get(name)), "")
