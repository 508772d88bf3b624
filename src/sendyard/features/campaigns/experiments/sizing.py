"""
How many people an experiment takes, told beforehand, and what so many people can show.
"""

from collections.abc import Sequence
from typing import Any

from sendyard.delivery.forecast import Check, Level
from sendyard.domain.errors import FieldError, Invalid
from sendyard.domain.experiments.comparison import ALPHA, LEAST, POWER
from sendyard.features.campaigns.experiments.dealing import promised
from sendyard.features.campaigns.experiments.terms import (
    LEAST_VARIANTS,
    MOST_VARIANTS,
    Experiment,
    needed,
    rate_fault,
)

_HALVINGS = 30


def size(rate: float, lift: float, variants: int, people: int | None = None) -> dict[str, Any]:
    """
    Say how many people each variant needs: `{people_per_variant, people, audience, share, enough, least_lift, detail}`.

    Args:
        rate: what is expected of the ordinary text, between 0 and 1.
        lift: the smallest relative difference worth finding.
        variants: how many are compared.
        people: the size of the audience; None when it is not known.

    `least_lift` is the smallest difference that the whole audience can show, None when it can show none.

    Raises:
        Invalid: a figure is outside its range.
    """
    if not LEAST_VARIANTS <= variants <= MOST_VARIANTS:
        detail = f"Expected {LEAST_VARIANTS} to {MOST_VARIANTS} variants, found {variants}."
        raise Invalid("bad_variants", detail, errors=[FieldError("/variants", "bad_variants", detail)])
    if people is not None and people < 1:
        detail = f"Expected an audience of 1 or more people, found {people}."
        raise Invalid("bad_number", detail, errors=[FieldError("/people", "bad_number", detail)])
    each = needed(rate, lift, variants)
    if each is None:
        fault = rate_fault(rate, lift, "/expected_rate")
        raise Invalid(fault.code, fault.detail, errors=[fault])
    total = each * variants
    found: dict[str, Any] = {
        "people_per_variant": each,
        "people": total,
        "audience": people,
        "share": None if people is None else min(1.0, total / people),
        "enough": None if people is None else total <= people,
        "least_lift": None if people is None else least_lift(rate, variants, people // variants),
    }
    return found | {"detail": _sentence(rate, lift, each, total, people, found["least_lift"])}


def least_lift(rate: float, variants: int, each: int) -> float | None:
    """The smallest relative difference that so many people in each variant can show; None when there is none."""
    low, high = 0.0, (1 - rate) / rate
    if each < LEAST:
        return None
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        found = needed(rate, middle, variants) if middle else None
        if found is None or found > each:
            low = middle
        else:
            high = middle
    return high if high < (1 - rate) / rate else None


def sample_check(wanted: Experiment, shares: Sequence[float], people: int) -> Check:
    """Say before the start how many take part, and whether that is enough."""
    each = needed(wanted.expected_rate, wanted.lift, len(shares)) or 0
    sample = wanted.sample
    if sample.people is not None:
        size_ = min(people, sample.people)
    elif sample.percent is not None:
        size_ = int(people * sample.percent / 100)
    else:
        size_ = min(people, int(promised(wanted, shares)))
    smallest = int(size_ * min(shares))
    told = f"About {size_:,} of {people:,} people take part; the others wait {wanted.wait_minutes:,} minutes or more."
    if smallest >= each:
        return Check("experiment", Level.OK, 0, f"{told} That is enough: each text needs {each:,}.", "")
    lift = least_lift(wanted.expected_rate, len(shares), smallest)
    shown = "no difference can be found" if lift is None else f"only a difference of {_percent(lift)} can be found"
    detail = f"{told} Each text needs {each:,} people and the smallest has {smallest:,}: {shown}."
    return Check(
        "experiment", Level.WARN, each - smallest, detail, "Take a larger sample, fewer texts, or more people."
    )


def _sentence(rate: float, lift: float, each: int, total: int, people: int | None, least: float | None) -> str:
    told = (
        f"To find {_percent(rate * (1 + lift))} instead of {_percent(rate)} in {POWER:.0%} of all cases, and a winner "
        f"among equals in at most {ALPHA:.0%}, each text needs {each:,} people, {total:,} in all."
    )
    if people is None:
        return told
    if total <= people:
        return f"{told} That is {_percent(total / people)} of the audience."
    if least is None:
        return f"{told} With {people:,} people no difference can be found."
    return f"{told} With {people:,} people only a difference of {_percent(least)} can be found."


def _percent(value: float) -> str:
    return f"{100 * value:.3g} %"
