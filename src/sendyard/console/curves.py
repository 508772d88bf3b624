"""
What is known of rates and hours, drawn: coordinates only, the page makes lines of them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

WIDTH, HEIGHT = 640, 220
"""The inner size of a plot, in its own units."""
_TICKS = 5


@dataclass(frozen=True, slots=True)
class Curve:
    """One line of a plot: `points` as SVG's `polyline` takes them; `number` counts from 1 and chooses its style."""

    name: str
    number: int
    points: str


@dataclass(frozen=True, slots=True)
class Plot:
    """Curves over one scale; `ticks` are (place, label) along its foot, `told` says the same in a sentence."""

    curves: Sequence[Curve]
    ticks: Sequence[tuple[float, str]]
    told: str


@dataclass(frozen=True, slots=True)
class Hour:
    """How many messages wait for one hour; `share` of the largest, 0 to 1."""

    at: int
    messages: int
    share: float


def posterior_plot(variants: Sequence[Mapping[str, Any]]) -> Plot | None:
    """
    Draw what is believed of each variant's rate; None before the first look.

    Takes the variants of `features.campaigns.Experiments.report`: `name`, `rate` and `posterior`, a list of
    {rate, density} with rising rates.
    """
    known = [one for one in variants if one["posterior"]]
    if not known:
        return None
    points = [point for one in known for point in one["posterior"]]
    low: float = min(point["rate"] for point in points)
    high: float = max(point["rate"] for point in points)
    top = max(point["density"] for point in points)
    span = (high - low) or 1.0

    def place(rate: float) -> float:
        return round((rate - low) / span * WIDTH, 1)

    curves = [
        Curve(one["name"], number, " ".join(
            f"{place(point['rate'])},{round(HEIGHT - point['density'] / top * HEIGHT, 1)}" for point in one["posterior"]
        ))
        for number, one in enumerate(variants, 1) if one["posterior"]
    ]  # fmt: skip
    ticks = [low + span * step / (_TICKS - 1) for step in range(_TICKS)]
    told = "; ".join(f"{one['name']} {100 * one['rate']:.1f} %" for one in known if one["rate"] is not None)
    return Plot(curves, [(place(rate), f"{100 * rate:.1f} %") for rate in ticks], f"What is believed of each: {told}.")


def waiting_hours(deferrals: Sequence[Mapping[str, Any]]) -> list[Hour]:
    """The hours for which messages wait, in order, measured against the fullest."""
    most = max((one["messages"] for one in deferrals), default=0)
    return [Hour(one["at"], one["messages"], one["messages"] / most) for one in deferrals]
