"""
A test that allows looking: an O'Brien-Fleming error-spending boundary (Lan and DeMets, Biometrika 70, 1983).

Why this one: a plain test repeated at every look finds a winner among equals in a third of all cases. Always-valid
tests (mixture SPRT) may be looked at for ever, but pay for it with about half as many people again; a campaign ends,
so its full size is known, and spending the error over that size costs about three per cent more people than a single
look at the end. Early looks ask for overwhelming evidence, the last for nearly the ordinary one.

`information` is the share of the planned people who are in: it may move unevenly between looks, and only grows.
"""

from collections.abc import Sequence
from functools import lru_cache
from math import erf, exp, inf, pi, sqrt
from statistics import NormalDist

_NORMAL = NormalDist()
_ROOT2 = sqrt(2)
_STEP = 0.05  # of the grid on which the process is followed, in standard deviations at the full size
_FARTHEST = 8.0  # no boundary lies beyond: its chance is below 1e-15
_NEAREST = 1e-4  # shares of information closer than this are one look


def spent(alpha: float, information: float) -> float:
    """Give the chance of error (two-sided) that may be used up when a share of the people is in."""
    if information <= 0:
        return 0.0
    if information >= 1:
        return alpha
    # Each side spends its half by itself, as the tables of the literature do.
    quantile = _NORMAL.inv_cdf(1 - alpha / 4)
    return 4 * (1 - _cdf(quantile / sqrt(information)))


def boundary(alpha: float, looks: Sequence[float]) -> float:
    """
    Give the value that |z| must reach at the last of these looks.

    Args:
        alpha: chance of error in all, two-sided, between 0 and 0.5.
        looks: shares of information of every look so far, ascending; the last is the present one. Looks without new
            information count once.

    Raises:
        ValueError: a share is not above zero, or they do not grow.
    """
    return _boundaries(alpha, _distinct(looks))[-1]


def power(alpha: float, looks: Sequence[float], drift: float) -> float:
    """
    Give the chance that one of these looks sees a difference in the right direction.

    `drift` is the mean of z at full information. The same walk as `boundary` takes, with that drift.
    """
    shares = _distinct(looks)
    return _crossed(shares, _boundaries(alpha, shares), drift)


@lru_cache(maxsize=64)
def drift_for(alpha: float, wanted: float, looks: tuple[float, ...]) -> float:
    """Give the drift at which the looks see a difference with the wanted chance."""
    low, high = 0.0, 12.0
    for _ in range(40):
        middle = (low + high) / 2
        if power(alpha, looks, middle) < wanted:
            low = middle
        else:
            high = middle
    return high


def _distinct(looks: Sequence[float]) -> tuple[float, ...]:
    shares: list[float] = []
    for look in looks:
        share = min(1.0, look)
        if share <= 0 or (shares and share < shares[-1] - _NEAREST):
            raise ValueError(f"expected shares of information that grow from above 0 to 1, found {list(looks)}")
        if not shares or share - shares[-1] > _NEAREST:
            shares.append(share)
    return tuple(shares)


@lru_cache(maxsize=256)
def _boundaries(alpha: float, shares: tuple[float, ...]) -> tuple[float, ...]:
    """One boundary for each look, each found such that exactly the error spent so far is used up."""
    found: list[float] = []
    walk: _Walk | None = None
    before = 0.0
    used = 0.0
    for share in shares:
        allowed = spent(alpha, share) - used
        limit = _limit(walk, before, share, allowed)
        found.append(limit)
        used += allowed
        walk = _Walk.first(share, limit) if walk is None else walk.next(before, share, limit)
        before = share
    return tuple(found)


def _limit(walk: "_Walk | None", before: float, share: float, allowed: float) -> float:
    if allowed <= 0:
        return inf
    low, high = 0.0, _FARTHEST
    for _ in range(45):
        middle = (low + high) / 2
        # The walk is symmetric as long as nothing pulls it: both sides together are twice the upper.
        beyond = 2 * (1 - _cdf(middle)) if walk is None else 2 * walk.beyond(before, share, middle * sqrt(share))
        if beyond > allowed:
            low = middle
        else:
            high = middle
    return high


class _Walk:
    """Where a Brownian motion may be that has not left the corridor yet: a density on a grid of score values."""

    def __init__(self, points: Sequence[float], density: Sequence[float], drift: float = 0.0) -> None:
        self.points = points
        self.density = density
        self.drift = drift

    @classmethod
    def first(cls, share: float, limit: float, drift: float = 0.0) -> "_Walk":
        """The walk after its first look."""
        points = _grid(min(limit, _FARTHEST) * sqrt(share))
        return cls(points, [_pdf(point - drift * share, share) for point in points], drift)

    def next(self, before: float, share: float, limit: float) -> "_Walk":
        """The walk after another look."""
        variance, moved = share - before, self.drift * (share - before)
        points = _grid(min(limit, _FARTHEST) * sqrt(share))
        weights = _weighted(self.points, self.density)
        reach = 9 * sqrt(variance)
        density = [
            sum(
                weight * _pdf(point - origin - moved, variance)
                for origin, weight in weights
                if -reach < point - origin - moved < reach
            )
            for point in points
        ]
        return _Walk(points, density, self.drift)

    def beyond(self, before: float, share: float, score: float) -> float:
        """The chance of being above a score at the next look."""
        spread, moved = sqrt(share - before), self.drift * (share - before)
        return sum(
            weight * (1 - _cdf((score - origin - moved) / spread))
            for origin, weight in _weighted(self.points, self.density)
        )


def _crossed(shares: tuple[float, ...], limits: tuple[float, ...], drift: float) -> float:
    total = 0.0
    walk: _Walk | None = None
    before = 0.0
    for share, limit in zip(shares, limits, strict=True):
        score = limit * sqrt(share)
        if limit < inf:
            total += (
                1 - _cdf((score - drift * share) / sqrt(share)) if walk is None else walk.beyond(before, share, score)
            )
        walk = _Walk.first(share, limit, drift) if walk is None else walk.next(before, share, limit)
        before = share
    return min(1.0, total)


def _grid(reach: float) -> list[float]:
    cells = max(20, 2 * int(reach / _STEP / 2))
    return [-reach + 2 * reach * index / cells for index in range(cells + 1)]


def _weighted(points: Sequence[float], density: Sequence[float]) -> list[tuple[float, float]]:
    """Simpson's rule; the number of cells is even."""
    step = (points[-1] - points[0]) / (len(points) - 1) / 3
    last = len(points) - 1
    return [
        (point, value * step * (1 if index in {0, last} else 4 if index % 2 else 2))
        for index, (point, value) in enumerate(zip(points, density, strict=True))
    ]


def _cdf(value: float) -> float:
    return 0.5 * (1 + erf(value / _ROOT2))


def _pdf(value: float, variance: float) -> float:
    return exp(-value * value / (2 * variance)) / sqrt(2 * pi * variance)
