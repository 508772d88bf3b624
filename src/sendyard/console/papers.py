"""
Papers: whole pages in one file, without a script and without anything from elsewhere, to be kept or printed.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from sendyard.console.curves import HEIGHT, WIDTH, posterior_plot, waiting_hours

_WORDS = {
    "ok": "fine",
    "block": "stops it",
    "defer": "waits",
    "fix": "changed by itself",
    "warn": "worth a look",
    "waived": "set aside",
}
_PLAIN, _QUOTED = Markup("{}"), Markup("<code>{}</code>")


def preflight_paper(found: Mapping[str, Any], *, name: str, waivers: Sequence[Mapping[str, Any]], now_ms: int) -> str:
    """
    A preflight as a page.

    Args:
        found: as `delivery.forecast.document` gives it.
        name: what was looked at.
        waivers: those in force, as `Waivers.list` gives them: `rule`, `who`, `role`, `reason`.
        now_ms: when it was looked at.
    """
    return _render(
        "preflight.html",
        found=found,
        name=name,
        waivers={one["rule"]: one for one in waivers},
        hours=waiting_hours(found["deferrals"]),
        forbidden=[one for one in found["checks"] if one["level"] == "block"],
        spoken=[one for one in found["checks"] if one["level"] != "ok"],
        fine=[one for one in found["checks"] if one["level"] == "ok"],
        now=now_ms,
    )


def experiment_paper(found: Mapping[str, Any], *, name: str, now_ms: int) -> str:
    """
    The record of an experiment as a page.

    Args:
        found: as `features.campaigns.Experiments.report` gives it.
        name: of its campaign.
        now_ms: when it was asked for.
    """
    plot = posterior_plot(found["variants"])
    return _render("experiment.html", found=found, name=name, plot=plot, width=WIDTH, height=HEIGHT, now=now_ms)


def _time(milliseconds: int | None) -> str:
    if milliseconds is None:
        return "not known"
    return f"{datetime.fromtimestamp(milliseconds / 1000, UTC):%Y-%m-%d %H:%M} UTC"


def _percent(value: float | None) -> str:
    return "" if value is None else f"{100 * value:.1f} %"


def _number(value: float) -> str:
    return f"{value:,}"


def _amounts(cost: Mapping[str, Any]) -> str:
    if cost["low"] == cost["high"]:
        return f"{cost['low']} {cost['currency']}"
    return f"{cost['low']} to {cost['high']} {cost['currency']}"


def _costs(costs: Sequence[Mapping[str, Any]]) -> str:
    return ", ".join(map(_amounts, costs)) or "not known"


def _through(route: Mapping[str, Any]) -> str:
    """What a route costs: one range, or what it would be through each of its accounts."""
    if route["cost"] is not None:
        return _amounts(route["cost"])
    return ", ".join(
        f"not known through {one['account']}" if one["amount"] is None
        else f"{one['amount']} {one['currency']} through {one['account']}"
        for one in route["by_account"]
    )  # fmt: skip


def _words(sentence: str) -> Markup:
    """A sentence of ours, with what it quotes for a terminal as code."""
    pieces = [(_QUOTED if place % 2 else _PLAIN).format(one) for place, one in enumerate(sentence.split("`"))]
    return Markup("").join(pieces)


def _level(level: str) -> str:
    return _WORDS.get(level, level)


_environment = Environment(
    loader=PackageLoader("sendyard.console"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    auto_reload=False,
)
_environment.filters |= {
    "time": _time,
    "percent": _percent,
    "number": _number,
    "costs": _costs,
    "through": _through,
    "level": _level,
    "words": _words,
}


def _render(template: str, **values: Any) -> str:
    return _environment.get_template(template).render(values)
