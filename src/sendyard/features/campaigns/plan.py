"""
What a campaign is to do besides its text: for whom, when, how fast, in which waves, and what stops it.

Kept as JSON in the campaign's row and read with every look at it, so it holds no lists of people.
"""

from collections.abc import Iterator, Mapping
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Literal

import msgspec

from sendyard.domain.content import MediaItem
from sendyard.domain.countries.hours import is_zone
from sendyard.domain.errors import FieldError, Invalid
from sendyard.features.campaigns.experiments.terms import Experiment, faults_of_experiment

Mode = Literal["now", "at", "local", "best"]
Passed = Literal["next_day", "now"]
Every = Literal["day", "week", "month"]
Per = Literal["second", "minute", "hour"]

SECONDS = {"second": 1, "minute": 60, "hour": 3600}
MICRO = 1_000_000
MILLION = 1_000_000
MOST_WAVES = 20
LONGEST_WAIT = 7 * 24 * 60  # minutes
FASTEST = 10_000  # messages a second
_NO_VALUES: Mapping[str, str] = {}
LEAST_BLOCK, LARGEST_BLOCK = 10, 10_000


class When(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """
    When messages leave. Times without a zone are wall clock times.

    `now`: as soon as it is started. `at`: all at the wall clock time `at` of `zone`. `local`: for each person at
    `time` of the place where that person is, on `date` or on the day of the start. `best`: for each person at the hour
    at which most of that person's reads and replies came, once there are `at_least`; before that at `time`. Where the
    time of a person has passed, `passed` says whether the message leaves on the next day or at once.
    """

    mode: Mode = "now"
    at: str = ""
    zone: str = ""
    time: str = ""
    date: str = ""
    passed: Passed = "next_day"
    at_least: int = 5

    @property
    def is_personal(self) -> bool:
        """Whether each person has a time of their own."""
        return self.mode in {"local", "best"}


class Throttle(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """At most so many messages per second, minute or hour, evenly."""

    messages: int
    per: Per = "second"

    @property
    def step_us(self) -> int:
        """Microseconds from one message to the next."""
        return max(1, SECONDS[self.per] * MICRO // self.messages)


class Wave(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The next so many people, as a share or a number; then a wait; then a judgement about everybody so far."""

    percent: float | None = None
    count: int | None = None
    wait_minutes: int = 30
    stop_above: float = 3.0  # percent of them that failed


class AutoPause(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """
    What pauses a campaign without anybody.

    `failures` of `of` consecutive rows failed (0 turns this off); an account that carries it was refused by its
    provider; an account's balance is below `balance_below`, in the account's currency.
    """

    failures: int = 20
    of: int = 100
    account_trouble: bool = True
    balance_below: str = ""


class Budget(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """No message is made whose price, at the dearest account of its route, would exceed this."""

    amount: str
    currency: str

    @property
    def millionths(self) -> int:
        """The amount as a whole number of millionths."""
        return int(Decimal(self.amount) * MILLION)


class Repeat(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """
    A run each day, week or month at a wall clock time of a zone.

    `on`: of a week the days, Monday is 1; of a month the days, of which one beyond the month's end means its last.
    `until` is the last day on which a run may begin.
    """

    every: Every
    time: str
    zone: str
    on: tuple[int, ...] = ()
    until: str = ""


class Audience(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Sources that are asked again at each run: ids of lists and segments, joined, less those left out."""

    lists: tuple[str, ...] = ()
    segments: tuple[str, ...] = ()
    exclude_lists: tuple[str, ...] = ()
    exclude_segments: tuple[str, ...] = ()

    @property
    def asks(self) -> bool:
        """Whether anybody has to be looked for."""
        return bool(self.lists or self.segments)


class Record(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A row of a table of records, which fills variables alike for everybody; `values` as they were then."""

    table: str
    key: str
    values: Mapping[str, str] = msgspec.field(default_factory=dict)


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """Everything above of one campaign."""

    when: When = When()
    throttle: Throttle | None = None
    waves: tuple[Wave, ...] = ()
    auto_pause: AutoPause = AutoPause()
    budget: Budget | None = None
    repeat: Repeat | None = None
    audience: Audience = Audience()
    record: Record | None = None
    experiment: Experiment | None = None
    media: tuple[MediaItem, ...] = ()  # alike for everybody
    kept_variants: bool = False  # people get the text that they had in the experiment before

    @property
    def values(self) -> Mapping[str, str]:
        """Variables that are alike for everybody."""
        return self.record.values if self.record else _NO_VALUES


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Plan).decode


def store_plan(plan: Plan) -> str:
    """Write a plan as it is kept."""
    return _encode(plan).decode()


@lru_cache(maxsize=1024)
def read_plan(stored: str) -> Plan:
    """Read what `store_plan` wrote."""
    return _decode(stored)


def check_plan(plan: Plan) -> None:
    """
    Look at every part of a plan.

    Raises:
        Invalid: one error per field at fault.
    """
    errors = [
        *_faults_of_when(plan.when),
        *faults_of_throttle(plan.throttle),
        *_faults_of_waves(plan.waves),
        *_faults_of_auto_pause(plan.auto_pause),
        *faults_of_budget(plan.budget),
        *_faults_of_repeat(plan.repeat, plan.when),
        *_faults_of_comparing(plan),
    ]
    if errors:
        raise Invalid(errors[0].code, errors[0].detail, errors=errors)


def _faults_of_comparing(plan: Plan) -> Iterator[FieldError]:
    if plan.experiment is None:
        return
    yield from faults_of_experiment(plan.experiment)
    for name, found in (("waves", plan.waves), ("repeat", plan.repeat)):
        if found:
            detail = f"An experiment has a first part of its own and ends with a result; leave {name} out."
            yield FieldError(f"/{name}", "not_with_experiment", detail)


def minutes_of(clock: str) -> int | None:
    """Minutes since midnight of a time such as 09:30; None when it is none."""
    hours, colon, minutes = clock.partition(":")
    if not (colon and len(clock) == 5 and clock.isascii() and hours.isdigit() and minutes.isdigit()):
        return None
    found = 60 * int(hours) + int(minutes)
    return found if int(minutes) < 60 and found < 24 * 60 else None


def wall_time(given: str) -> datetime | None:
    """A date and time without a zone, such as 2026-12-24T18:00; None when it is none."""
    try:
        found = datetime.fromisoformat(given)
    except ValueError:
        return None
    return None if found.tzinfo is not None or len(given) <= len("2026-12-24") else found


def day_of(given: str) -> date | None:
    """A day such as 2026-12-24; None when it is none."""
    try:
        return date.fromisoformat(given) if len(given) == len("2026-12-24") else None
    except ValueError:
        return None


def _faults_of_when(when: When) -> Iterator[FieldError]:
    if when.mode == "at":
        if wall_time(when.at) is None:
            detail = f"Expected a date and time without an offset, such as 2026-12-24T18:00, found {when.at!r:.40}."
            yield FieldError("/when/at", "bad_time", detail)
        yield from _fault_of_zone("/when/zone", when.zone)
    if when.is_personal:
        yield from _fault_of_clock("/when/time", when.time)
        if when.date and (when.mode == "best" or day_of(when.date) is None):
            detail = f"Expected a day such as 2026-12-24, with the mode local only, found {when.date!r:.40}."
            yield FieldError("/when/date", "bad_date", detail)
        if not 1 <= when.at_least <= 1000:
            detail = f"Expected 1 to 1,000 observations, found {when.at_least}."
            yield FieldError("/when/at_least", "bad_number", detail)


def _fault_of_zone(pointer: str, zone: str) -> Iterator[FieldError]:
    if not is_zone(zone):
        detail = f"Expected the IANA name of a time zone such as Asia/Taipei, found {zone!r:.60}."
        yield FieldError(pointer, "bad_zone", detail)


def _fault_of_clock(pointer: str, clock: str) -> Iterator[FieldError]:
    if minutes_of(clock) is None:
        detail = f"Expected a time of day such as 09:30, found {clock!r:.40}."
        yield FieldError(pointer, "bad_time", detail)


def faults_of_throttle(throttle: Throttle | None) -> Iterator[FieldError]:
    """See what is wrong with a throttle, if there is one."""
    if throttle is None:
        return
    if not 1 <= throttle.messages <= FASTEST * SECONDS[throttle.per]:
        detail = f"Expected at least 1 message, and at most {FASTEST:,} a second, found {throttle.messages:,}."
        yield FieldError("/throttle/messages", "bad_rate", detail)


def _faults_of_waves(waves: tuple[Wave, ...]) -> Iterator[FieldError]:
    if len(waves) > MOST_WAVES:
        detail = f"Expected at most {MOST_WAVES} waves, found {len(waves)}."
        yield FieldError("/waves", "too_many", detail)
    for number, wave in enumerate(waves):
        pointer = f"/waves/{number}"
        if (wave.percent is None) == (wave.count is None):
            detail = "Expected either percent or count, found both or neither."
            yield FieldError(pointer, "percent_or_count", detail)
        elif wave.percent is not None and not 0 < wave.percent < 100:
            detail = f"Expected more than 0 and less than 100 percent, found {wave.percent:g}."
            yield FieldError(f"{pointer}/percent", "bad_number", detail)
        elif wave.count is not None and wave.count < 1:
            yield FieldError(f"{pointer}/count", "bad_number", f"Expected 1 or more people, found {wave.count}.")
        if not 0 <= wave.wait_minutes <= LONGEST_WAIT:
            detail = f"Expected 0 to {LONGEST_WAIT:,} minutes (a week), found {wave.wait_minutes}."
            yield FieldError(f"{pointer}/wait_minutes", "bad_number", detail)
        if not 0 <= wave.stop_above <= 100:
            detail = f"Expected 0 to 100 percent, found {wave.stop_above:g}."
            yield FieldError(f"{pointer}/stop_above", "bad_number", detail)
    if sum(wave.percent or 0 for wave in waves) > 100:
        detail = "Expected waves of at most 100 percent together; the rest follows after the last one by itself."
        yield FieldError("/waves", "too_many", detail)


def _faults_of_auto_pause(rules: AutoPause) -> Iterator[FieldError]:
    if not LEAST_BLOCK <= rules.of <= LARGEST_BLOCK or not 0 <= rules.failures <= rules.of:
        detail = (
            f"Expected 0 (never) to `of` failures, of {LEAST_BLOCK} to {LARGEST_BLOCK:,} rows, found {rules.failures} "
            f"of {rules.of}."
        )
        yield FieldError("/auto_pause/failures", "bad_number", detail)
    if rules.balance_below and amount(rules.balance_below) is None:
        detail = f"Expected an amount such as 10.00, found {rules.balance_below!r:.40}."
        yield FieldError("/auto_pause/balance_below", "bad_amount", detail)


def faults_of_budget(budget: Budget | None) -> Iterator[FieldError]:
    """See what is wrong with a budget, if there is one."""
    if budget is None:
        return
    if amount(budget.amount) is None:
        detail = f"Expected an amount above 0 such as 50.00, found {budget.amount!r:.40}."
        yield FieldError("/budget/amount", "bad_amount", detail)
    if not (len(budget.currency) == 3 and budget.currency.isascii() and budget.currency.isupper()):
        detail = f"Expected a currency such as USD, found {budget.currency!r:.40}."
        yield FieldError("/budget/currency", "bad_currency", detail)


def amount(given: str) -> Decimal | None:
    """An amount above 0 and below a million millions, in millionths at most; None when it is none."""
    try:
        found = Decimal(given)
    except InvalidOperation:
        return None
    if not found.is_finite() or not 0 < found < 10**12 or (found * MILLION) % 1:
        return None
    return found


def _faults_of_repeat(repeat: Repeat | None, when: When) -> Iterator[FieldError]:
    if repeat is None:
        return
    if when.mode == "at" or (when.mode == "local" and when.date):
        detail = "A repeating campaign starts when `repeat` says; leave the moment in `when` out."
        yield FieldError("/when", "two_times", detail)
    yield from _fault_of_clock("/repeat/time", repeat.time)
    yield from _fault_of_zone("/repeat/zone", repeat.zone)
    highest = {"day": 0, "week": 7, "month": 31}[repeat.every]
    if bool(highest) != bool(repeat.on) or not all(1 <= day <= highest for day in repeat.on):
        expected = f"days from 1 to {highest}" if highest else "no days, because each day has a run"
        yield FieldError("/repeat/on", "bad_days", f"Expected {expected}, found {list(repeat.on)}.")
    if repeat.until and day_of(repeat.until) is None:
        detail = f"Expected a day such as 2026-12-24, found {repeat.until!r:.40}."
        yield FieldError("/repeat/until", "bad_date", detail)
