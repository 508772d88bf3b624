"""
Comparing variants by a rate, such as replies per person reached: sizes, winners, posteriors, shares.

A variant wins when it beats *every* other one at the sequential boundary. With k variants each pair is tested at
2a/k, so that the chance that anybody wins among equals stays below a: k possible winners, each of which must beat at
least one particular other.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import ceil, exp, lgamma, log, sqrt

from sendyard.domain.experiments.sequential import boundary, drift_for

ALPHA = 0.05
POWER = 0.8
LOOKS = tuple(round(0.1 * look, 1) for look in range(1, 11))
"""The looks a size is promised for; more of them cost hardly anything, so nobody is held to these."""
LEAST = 100
"""People in each variant before anything is said at all, however large the difference looks."""
_MARGIN = 0.02
"""Planned on top of the wanted chance: rates are counted in whole people and tested with a pooled variance, which costs
up to a hundredth and a half (simulated, rates from 1 % to 30 %)."""
_CURVE_POINTS = 101
_QUADRATURE = 400


@dataclass(frozen=True, slots=True)
class Tally:
    """What is known of one variant: how many people count, and how many of them did what is measured."""

    people: int
    successes: int

    @property
    def rate(self) -> float:
        """The share of successes; 0 without anybody."""
        return self.successes / self.people if self.people else 0.0


@dataclass(frozen=True, slots=True)
class Verdict:
    """
    What a look says.

    Attributes:
        winner: the variant that beats all others; "" while nobody does.
        leader: the variant with the best rate; "" when several share it.
        z: the smallest lead of the leader over another, in standard deviations.
        needed: what `z` must reach at this look.
        information: the share of the promised people that is in.
        reason: one sentence for a person.
    """

    winner: str
    leader: str
    z: float
    needed: float
    information: float
    reason: str


def people_needed(rate: float, lift: float, variants: int = 2, *, alpha: float = ALPHA, wanted: float = POWER) -> int:
    """
    Give how many people each variant needs so that a relative lift is found with the wanted chance.

    Args:
        rate: what is expected of the ordinary variant, between 0 and 1.
        lift: the smallest relative difference worth finding, such as 0.2 for one fifth more.
        variants: how many are compared.
        alpha: chance of declaring a winner among equals.
        wanted: chance of finding a winner that is better than all others by the lift.

    Raises:
        ValueError: a figure is outside its range, or the better rate would exceed 1.
    """
    better = rate * (1 + lift)
    if not (0 < rate < 1 and lift > 0 and better < 1 and variants > 1):
        raise ValueError(f"expected a rate and a lift whose product stays between 0 and 1, found {rate} and {lift}")
    others = variants - 1
    # Being better than each of several others at once: no others are independent, so the misses add up at worst.
    drift = drift_for(2 * alpha / variants, 1 - (1 - wanted - _MARGIN) / others, LOOKS)
    middle = (rate + better) / 2
    return max(LEAST, ceil(2 * middle * (1 - middle) * (drift / (better - rate)) ** 2))


def judge(
    tallies: Mapping[str, Tally], planned: int, looks: Sequence[float], *, alpha: float = ALPHA
) -> tuple[Verdict, tuple[float, ...]]:
    """
    Look at an experiment.

    Args:
        tallies: by variant, two at least.
        planned: people each variant was promised (`people_needed`).
        looks: shares of information of earlier looks, as returned by them.
        alpha: chance of declaring a winner among equals, over all looks together.

    Returns the verdict and the looks to hand in next time. A look without new people is no look.
    """
    least = min(tally.people for tally in tallies.values())
    information = min(1.0, least / planned) if planned else 1.0
    ranked = sorted(tallies, key=lambda name: tallies[name].rate, reverse=True)
    leader, second = ranked[0], ranked[1]
    if least < LEAST:
        reason = f"Too few people to say anything: {least} in the smallest variant, at least {LEAST} are needed."
        return Verdict("", "", 0.0, 0.0, information, reason), tuple(looks)
    seen = tuple(looks) if looks and information <= looks[-1] + 1e-4 else (*looks, information)
    needed = boundary(2 * alpha / len(tallies), seen)
    if tallies[leader].rate == tallies[second].rate:
        return Verdict("", "", 0.0, needed, information, "The best variants are equal so far."), seen
    z = min(_z(tallies[leader], tallies[other]) for other in ranked[1:])
    if z >= needed:
        reason = f"{leader} is better than every other variant (z {z:.2f}, needed {needed:.2f})."
        return Verdict(leader, leader, z, needed, information, reason), seen
    end = " All promised people are in: no difference was found." if information >= 1 else ""
    reason = f"{leader} leads, but chance could have done that (z {z:.2f}, needed {needed:.2f}).{end}"
    return Verdict("", leader, z, needed, information, reason), seen


def shares(tallies: Mapping[str, Tally], draw: Callable[[float, float], float], rounds: int = 2000) -> dict[str, float]:
    """
    Divide the people still to come by Thompson's rule: each variant gets its chance of being the best.

    `draw(a, b)` takes a value from a Beta distribution (`random.Random().betavariate`), so that nothing here is left
    to chance by itself.
    """
    wins = dict.fromkeys(tallies, 0)
    for _ in range(rounds):
        drawn = {name: draw(1 + tally.successes, 1 + tally.people - tally.successes) for name, tally in tallies.items()}
        wins[max(drawn, key=drawn.__getitem__)] += 1
    return {name: count / rounds for name, count in wins.items()}


def posterior(tally: Tally) -> list[tuple[float, float]]:
    """Give points of the posterior density of a rate (uniform prior), for a plot: from -4 to +4 deviations."""
    a, b = 1 + tally.successes, 1 + tally.people - tally.successes
    mean = a / (a + b)
    spread = sqrt(mean * (1 - mean) / (a + b + 1))
    low, high = max(0.0, mean - 4 * spread), min(1.0, mean + 4 * spread)
    step = (high - low) / (_CURVE_POINTS - 1)
    return [(low + step * index, _beta(low + step * index, a, b)) for index in range(_CURVE_POINTS)]


def chances_to_be_best(tallies: Mapping[str, Tally]) -> dict[str, float]:
    """Give each variant's chance of having the best rate, by integrating its posterior over the others being below."""
    curves = {name: _cumulated(1 + one.successes, 1 + one.people - one.successes) for name, one in tallies.items()}
    best: dict[str, float] = {}
    for name, (density, _) in curves.items():
        others = [below for other, (_, below) in curves.items() if other != name]
        total = 0.0
        for index, value in enumerate(density):
            product = value
            for below in others:
                product *= below[index]
            total += product
        best[name] = total
    whole = sum(best.values())
    return {name: value / whole for name, value in best.items()}


def _z(one: Tally, other: Tally) -> float:
    pooled = (one.successes + other.successes) / (one.people + other.people)
    variance = pooled * (1 - pooled) * (1 / one.people + 1 / other.people)
    return (one.rate - other.rate) / sqrt(variance) if variance else 0.0


def _beta(value: float, a: float, b: float) -> float:
    if not 0 < value < 1:
        return 0.0
    return exp(lgamma(a + b) - lgamma(a) - lgamma(b) + (a - 1) * log(value) + (b - 1) * log(1 - value))


@lru_cache(maxsize=64)
def _cumulated(a: int, b: int) -> tuple[list[float], list[float]]:
    """
    The posterior on a grid that is fine where rates lie: mass in each cell, and the mass below its middle.

    The grid is the same for every variant, dense near zero, since rates of replies are small: value = t^3.
    """
    cells = 4 * _QUADRATURE
    mass = []
    for index in range(cells):
        low, high = (index / cells) ** 3, ((index + 1) / cells) ** 3
        mass.append(_beta((low + high) / 2, a, b) * (high - low))
    below, total = [], 0.0
    for one in mass:
        below.append(total + one / 2)
        total += one
    return mass, below
