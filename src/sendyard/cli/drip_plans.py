"""
What `sendyard drips create` and `edit` say about steps, people and endings, read as parts of a plan.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import click
import msgspec

from sendyard.cli.opening import Place
from sendyard.cli.sending import files_named
from sendyard.features.campaigns.drips.plan import Enrol, Event, Exit, InGroup, Step, Wait
from sendyard.features.campaigns.plan import Audience

_STEP = re.compile(r"(?P<wait>0|(?:\d+[dhm])+)(?:@(?P<at>\d\d:\d\d))? (?P<what>.+)", re.DOTALL)
_UNITS = {"d": "days", "h": "hours", "m": "minutes"}
_EVENTS: dict[str, Event] = {
    "replied": "replied", "opted_out": "opted_out", "clicked": "clicked", "read": "read", "delivered": "delivered",
}  # fmt: skip
_GROUPS = ("lists", "segments", "exclude_lists", "exclude_segments")


def step_of(text: str) -> Step:
    """
    The step that `--step` describes.

    Raises:
        UsageError: it cannot be read.
    """
    found = _STEP.fullmatch(text)
    if found is None:
        raise click.UsageError(f"Expected --step such as '0 Welcome' or '1d@09:00 template:tips', found {text!r}.")
    wait: dict[str, int] = {}
    for count, unit in re.findall(r"(\d+)([dhm])", found["wait"]):
        wait[_UNITS[unit]] = wait.get(_UNITS[unit], 0) + int(count)
    what = found["what"]
    code = what.removeprefix("template:") if what.startswith("template:") else None
    return Step(template=code, text=None if code else what, wait=Wait(**wait), at=found["at"] or "")


def media_of_steps(given: Iterable[str]) -> dict[int, list[str]]:
    """
    The files that `--step-media` names, by the number of the step.

    Raises:
        UsageError: one cannot be read.
    """
    found: dict[int, list[str]] = {}
    for one in given:
        number, equals, name = one.partition("=")
        if not (equals and name and number.isascii() and number.isdigit()):
            raise click.UsageError(f"Expected --step-media such as 2=menu.jpg or 2=none, found {one!r}.")
        found.setdefault(int(number), []).append(name)
    return found


async def with_media(place: Place, steps: Sequence[Step], named: Mapping[int, Sequence[str]]) -> tuple[Step, ...]:
    """
    The same steps with these files; a file of this machine is uploaded.

    Raises:
        UsageError: there is no step of that number.
        Invalid: a file is not usable.
    """
    found = list(steps)
    for number, names in named.items():
        if not 1 <= number <= len(found):
            raise click.UsageError(f"There is no step {number}; the drip has {len(found)}.")
        found[number - 1] = msgspec.structs.replace(found[number - 1], media=await files_named(place, names))
    return tuple(found)


def exit_of(text: str) -> Exit:
    """
    The ending that `--exit` describes.

    Raises:
        UsageError: it cannot be read.
    """
    kind, colon, name = text.partition(":")
    if colon and kind == "tag" and name:
        return InGroup(tag=name)
    if colon and kind == "segment" and name:
        return InGroup(segment=name)
    if text not in _EVENTS:
        raise click.UsageError(f"Expected --exit {', '.join(_EVENTS)}, tag:NAME or segment:NAME, found {text!r}.")
    return _EVENTS[text]


def enrol_of(text: str) -> Enrol:
    """What `--enrol` says."""
    return "segment" if text == "segment" else "start"


def audience_of(given: Mapping[str, Any]) -> Audience:
    """The lists and segments that options name."""
    return Audience(**{name: given[name] for name in _GROUPS})


def changed_audience(given: Mapping[str, Any]) -> Audience | None:
    """All lists and segments as they are to be; `--list none` alone is nobody, None is no change."""
    named = {name: given[name] for name in _GROUPS if given[name]}
    if not named:
        return None
    return Audience() if named == {"lists": ("none",)} else audience_of(given)
