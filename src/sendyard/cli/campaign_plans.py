"""
What `sendyard campaign create` and `edit` say about time, pace and waves, read as a plan.
"""

import getpass
import re
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import click

from sendyard.features.campaigns.plan import AutoPause, Budget, Every, Passed, Per, Repeat, Throttle, Wave, When

F = TypeVar("F", bound=Callable[..., Any])

_UNITS: Mapping[str, Per] = {"s": "second", "m": "minute", "h": "hour"}
_EVERY: Mapping[str, Every] = {"day": "day", "week": "week", "month": "month"}
_DAYS = {"mon": 1, "tue": 2, "wed": 3, "thu": 4, "fri": 5, "sat": 6, "sun": 7}


def who() -> str:
    """The person at this terminal, as approvals name them."""
    return f"cli:{getpass.getuser()}"


def plan_options(command: F) -> F:
    """Add the options of a plan to a command."""
    options = [
        click.option("--at", metavar="TIME", help="Begin at this wall clock time, such as 2026-12-24T18:00."),
        click.option("--zone", metavar="ZONE", help="Of --at and --every, such as Asia/Taipei."),
        click.option("--local-time", metavar="HH:MM", help="At this time where each recipient is."),
        click.option("--best-time", metavar="HH:MM", help="At the hour at which each reads most; else at this time."),
        click.option("--date", metavar="DAY", help="The day of --local-time; today when left out."),
        click.option("--passed", type=click.Choice(["next_day", "now"]), help="For whom the time has passed."),
        click.option("--throttle", metavar="N/s|N/m|N/h", help="At most so many a second, minute or hour; or none."),
        click.option("--wave", "waves", multiple=True, metavar="SIZE,MINUTES,PERCENT",
                     help="First 5% or 500, wait so many minutes, stop if more than so many percent failed."),
        click.option("--budget", metavar="AMOUNT CURRENCY", help="Stop before this is exceeded; or none."),
        click.option("--every", metavar="day|week:mon,thu|month:1,15 HH:MM", help="A run each time; or none."),
        click.option("--until", metavar="DAY", default="", help="The last day of --every."),
        click.option("--pause-after", metavar="N/M", help="Pause when N of M consecutive rows failed; 0/100 never."),
        click.option("--balance-below", metavar="AMOUNT", help="Pause when an account has less left."),
    ]  # fmt: skip
    for option in reversed(options):
        command = option(command)
    return command


def plan_parts(given: Mapping[str, Any]) -> dict[str, Any]:
    """
    The parts of a plan that options name; what was not given is left out.

    Raises:
        UsageError: an option cannot be read.
    """
    found: dict[str, Any] = {}
    if when := _when(given):
        found["when"] = when
    found |= pace_parts(given)
    if given["every"]:
        found["repeat"] = None if given["every"] == "none" else _repeat(given)
    if given["waves"]:
        found["waves"] = tuple(_wave(one) for one in given["waves"])
    if given["pause_after"] or given["balance_below"]:
        found["auto_pause"] = _auto_pause(given)
    return found


def pace_parts(given: Mapping[str, Any]) -> dict[str, Any]:
    """
    The throttle and the budget that options name; None for `none`.

    Raises:
        UsageError: an option cannot be read.
    """
    found: dict[str, Any] = {}
    if given["throttle"]:
        found["throttle"] = None if given["throttle"] == "none" else _throttle(given["throttle"])
    if given["budget"]:
        found["budget"] = None if given["budget"] == "none" else _budget(given["budget"])
    return found


def _when(given: Mapping[str, Any]) -> When | None:
    modes = [name for name in ("at", "local_time", "best_time") if given[name]]
    if len(modes) > 1:
        raise click.UsageError("Give one of --at, --local-time and --best-time.")
    if not modes:
        return None
    passed: Passed = "now" if given["passed"] == "now" else "next_day"
    if modes[0] == "at":
        if not given["zone"]:
            raise click.UsageError("--at needs --zone, such as Asia/Taipei.")
        return When(mode="at", at=given["at"], zone=given["zone"])
    if modes[0] == "local_time":
        return When(mode="local", time=given["local_time"], date=given["date"] or "", passed=passed)
    return When(mode="best", time=given["best_time"], passed=passed)


def _throttle(text: str) -> Throttle:
    found = re.fullmatch(r"(\d+)/([smh])", text)
    if found is None:
        raise click.UsageError(f"Expected --throttle such as 10/s, 300/m or 5000/h, found {text!r}.")
    return Throttle(int(found[1]), _UNITS[found[2]])


def _wave(text: str) -> Wave:
    found = re.fullmatch(r"(\d+(?:\.\d+)?%|\d+),(\d+),(\d+(?:\.\d+)?)", text)
    if found is None:
        raise click.UsageError(f"Expected --wave such as 5%,30,3 or 500,10,2.5, found {text!r}.")
    size = found[1]
    share = float(size[:-1]) if size.endswith("%") else None
    return Wave(percent=share, count=None if share is not None else int(size), wait_minutes=int(found[2]),
                stop_above=float(found[3]))  # fmt: skip


def _budget(text: str) -> Budget:
    amount, _, currency = text.strip().partition(" ")
    if not currency:
        raise click.UsageError(f"Expected --budget such as '50.00 USD', found {text!r}.")
    return Budget(amount, currency.strip().upper())


def _repeat(given: Mapping[str, Any]) -> Repeat:
    found = re.fullmatch(r"(day|week|month)(?::([\w,]+))? (\d\d:\d\d)", given["every"])
    if found is None or not given["zone"]:
        raise click.UsageError("Expected --every such as 'day 09:00', 'week:mon,thu 09:00' or 'month:1,15 09:00', and "
                               "--zone.")  # fmt: skip
    days = []
    for word in filter(None, (found[2] or "").split(",")):
        day = _DAYS.get(word.lower()) or (int(word) if word.isdigit() else None)
        if day is None:
            raise click.UsageError(f"Expected days such as mon or 15, found {word!r}.")
        days.append(day)
    return Repeat(every=_EVERY[found[1]], on=tuple(days), time=found[3], zone=given["zone"], until=given["until"])


def _auto_pause(given: Mapping[str, Any]) -> AutoPause:
    failures, of = 20, 100
    if given["pause_after"]:
        found = re.fullmatch(r"(\d+)/(\d+)", given["pause_after"])
        if found is None:
            raise click.UsageError(f"Expected --pause-after such as 20/100, found {given['pause_after']!r}.")
        failures, of = int(found[1]), int(found[2])
    return AutoPause(failures=failures, of=of, balance_below=given["balance_below"] or "")
