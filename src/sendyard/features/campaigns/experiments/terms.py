"""
What an experiment is to find out, as it is written with its campaign.

Kept as JSON in the plan of the campaign; the texts of the variants are rows of their own.
"""

import math
from collections.abc import Iterator, Sequence
from typing import Literal

import msgspec

from sendyard.delivery.preflight import is_storable
from sendyard.domain.channels import Channel
from sendyard.domain.errors import FieldError
from sendyard.domain.experiments.comparison import people_needed

Metric = Literal["delivered", "read", "replied", "clicked", "not_opted_out"]
Then = Literal["winner", "thompson", "ask"]
Otherwise = Literal["evenly", "first", "ask"]

LEAST_VARIANTS, MOST_VARIANTS = 2, 8
LONGEST_VARIANT_NAME = 40
LONGEST_WAIT = 30 * 24 * 60
"""Minutes; what people do a month later has other reasons."""
LEAST_RATE, LEAST_LIFT = 0.00001, 0.001
_MOST_PEOPLE = 100_000_000
_UNREAD = frozenset({Channel.SMS, Channel.MMS, Channel.ALIMTALK})


class SampleSize(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Who takes part in the comparison: so many people, or a share of them; neither: as many as are needed."""

    people: int | None = None
    percent: float | None = None


class Experiment(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """
    What is compared, on how many people, and what follows.

    `metric` is counted for each person within `wait_minutes` after that person's message has left, so everybody has the
    same time. `expected_rate` and `lift` say which difference is worth finding: with 0.05 and 0.2, that 6 instead of 5
    of a hundred people reply. `then` says what follows: the winner goes to the rest, or the rest is divided by
    Thompson's rule again and again, or a person is asked. `otherwise` says what follows when no winner was found.
    """

    metric: Metric
    expected_rate: float
    lift: float
    sample: SampleSize = SampleSize()
    wait_minutes: int = 240
    then: Then = "winner"
    otherwise: Otherwise = "evenly"

    @property
    def wait_ms(self) -> int:
        """Milliseconds that each person has."""
        return self.wait_minutes * 60_000


class Variant(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One of the texts: a template or a text of its own, and its share of the sample; even shares when left out."""

    name: str
    template: str | None = None
    text: str | None = None
    share: float | None = None


def even_shares(variants: Sequence[Variant]) -> list[float]:
    """The share of each variant, so that all of them make 1; those without one are given alike."""
    given = [variant.share for variant in variants]
    known = [share for share in given if share is not None]
    rest = (1 - sum(known)) / (len(given) - len(known)) if len(known) < len(given) else 0.0
    shares = [rest if share is None else share for share in given]
    whole = sum(shares)
    return [share / whole for share in shares]


def needed(rate: float, lift: float, variants: int) -> int | None:
    """How many people each variant needs; None when there is no such difference, or none worth the people it takes."""
    if not (rate >= LEAST_RATE and LEAST_LIFT <= lift < math.inf and rate * (1 + lift) < 1):
        return None
    return people_needed(rate, lift, variants)


def faults_of_experiment(wanted: Experiment, channel: str | None = None) -> Iterator[FieldError]:
    """One error for each field that cannot be used."""
    if needed(wanted.expected_rate, wanted.lift, LEAST_VARIANTS) is None:
        yield rate_fault(wanted.expected_rate, wanted.lift, "/experiment/expected_rate")
    if not 1 <= wanted.wait_minutes <= LONGEST_WAIT:
        detail = f"Expected 1 to {LONGEST_WAIT:,} minutes (30 days), found {wanted.wait_minutes}."
        yield FieldError("/experiment/wait_minutes", "bad_number", detail)
    if channel is not None and wanted.metric == "read" and channel in _UNREAD:
        detail = f"Nobody tells whether a message by {channel} was read; choose delivered, replied or clicked."
        yield FieldError("/experiment/metric", "no_such_metric", detail)
    yield from _faults_of_sample(wanted.sample)


def _faults_of_sample(sample: SampleSize) -> Iterator[FieldError]:
    if sample.people is not None and sample.percent is not None:
        detail = "Expected either people or percent, or neither for as many as are needed; found both."
        yield FieldError("/experiment/sample", "people_or_percent", detail)
    elif sample.people is not None and not 1 <= sample.people <= _MOST_PEOPLE:
        detail = f"Expected 1 to {_MOST_PEOPLE:,} people, found {sample.people:,}."
        yield FieldError("/experiment/sample/people", "bad_number", detail)
    elif sample.percent is not None and not 0 < sample.percent <= 100:
        detail = f"Expected more than 0 and at most 100 percent, found {sample.percent:g}."
        yield FieldError("/experiment/sample/percent", "bad_number", detail)


def faults_of_variants(variants: Sequence[Variant]) -> Iterator[FieldError]:
    """One error for each variant that cannot be told from others or has no usable share; not for their texts."""
    if not LEAST_VARIANTS <= len(variants) <= MOST_VARIANTS:
        detail = f"Expected {LEAST_VARIANTS} to {MOST_VARIANTS} variants, found {len(variants)}."
        yield FieldError("/experiment/variants", "bad_variants", detail)
        return
    seen: set[str] = set()
    for number, variant in enumerate(variants):
        pointer = f"/experiment/variants/{number}"
        name = variant.name
        if not 0 < len(name.strip()) <= LONGEST_VARIANT_NAME or name != name.strip() or not is_storable(name):
            detail = f"Expected a name of 1 to {LONGEST_VARIANT_NAME} ordinary characters, found {name!r:.60}."
            yield FieldError(f"{pointer}/name", "bad_name", detail)
        elif name in seen:
            yield FieldError(f"{pointer}/name", "same_name", f"There is a variant {name!r} already.")
        seen.add(name)
        if variant.share is not None and not 0 < variant.share < 1:
            detail = f"Expected a share between 0 and 1, found {variant.share:g}."
            yield FieldError(f"{pointer}/share", "bad_share", detail)
    known = [variant.share for variant in variants if variant.share is not None]
    total, whole = sum(known), len(known) == len(variants)
    if (whole and abs(total - 1) > 0.001) or (not whole and total >= 1):
        detail = f"Expected shares that make 1 together, found {total:g}."
        yield FieldError("/experiment/variants", "bad_share", detail)


def rate_fault(rate: float, lift: float, pointer: str) -> FieldError:
    """Say that no size can be given for these figures."""
    detail = (
        f"Expected a rate of {LEAST_RATE:.5f} or more with a lift of {LEAST_LIFT:g} or more that stays below 1, "
        f"such as 0.05 with 0.2 (6 instead of 5 of a hundred); found {rate:g} with {lift:g}."
    )
    return FieldError(pointer, "bad_rate", detail)
