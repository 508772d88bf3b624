"""
Drips as interfaces show them; times are milliseconds.
"""

import csv
import io
from collections import Counter
from collections.abc import AsyncIterator, Container, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, NamedTuple

import msgspec

from sendyard.domain.formulas import neutral
from sendyard.features.campaigns.drips import queries
from sendyard.features.campaigns.drips.entering import step_campaigns
from sendyard.features.campaigns.drips.plan import read_drip
from sendyard.features.campaigns.drips.queries import DripRow, PersonInDrip, RoundRow, StepRow
from sendyard.features.campaigns.drips.step_status import step_status
from sendyard.features.campaigns.plan import MILLION
from sendyard.storage.engine import Database
from sendyard.storage.transaction import Transaction

COLUMNS = ("no", "to", "country", "version", "round", "state", "why", "step", "next_at", "entered_at", "ended_at")
"""The header of the file, before four columns for each step."""

_OF_STEP = ("status", "reason", "sent_at", "delivered_at")
_AT_ONCE = 1000
_decode = msgspec.json.Decoder(dict[str, str]).decode
_Results = dict[int, dict[int, tuple[str, str, int | None, int | None]]]


def drip_document(drip: DripRow) -> dict[str, Any]:
    """Show a drip without what has to be counted."""
    plan = read_drip(drip.plan)
    return {
        **{
            name: getattr(drip, name)
            for name in ("id", "name", "status", "pause_reason", "channel", "purpose", "country", "reach", "created_by",
                         "created_at", "started_at", "finished_at")
        },
        "audience": msgspec.to_builtins(plan.audience),
        "exit": msgspec.to_builtins(plan.exit),
        "enrol": plan.enrol,
        "again": plan.again,
        "throttle": msgspec.to_builtins(plan.throttle),
        "budget": msgspec.to_builtins(plan.budget),
        "looking": drip.sweep_at is not None and drip.status == "active",
        "plan": [msgspec.to_builtins(step) for step in plan.steps],
    }  # fmt: skip


def counted(tx: Transaction, drip: DripRow) -> dict[str, Any]:
    """Count people and messages at this moment; a step of all visits is shown with the campaign of the first."""
    tally = queries.tally(tx, drip.id)
    people: Counter[str] = Counter({"active": 0, "done": 0, "left": 0, "refused": 0})
    reasons: Counter[tuple[str, str]] = Counter()
    for _, state, why, _, count in tally:
        people[state] += count
        if why:
            reasons[state, why] += count
    rounds = queries.rounds(tx, drip.id)
    stand = _Stand(tally, queries.outcomes(tx, drip.id), queries.next_moments(tx, drip.id), queries.steps(tx, drip.id))
    newest = rounds[drip.round].version
    versions: dict[int, set[int]] = {}
    for one in rounds.values():
        versions.setdefault(one.version, set()).add(one.round)
    return {
        "version": newest,
        "spent": f"{Decimal(drip.reserved) / MILLION:f}",
        "people": dict(people),
        "reasons": [{"state": state, "why": why, "count": count} for (state, why), count in reasons.most_common()],
        "steps": _steps(tx, drip, rounds[drip.round], versions[newest], stand),
        "older": [
            {
                "version": version,
                "made_at": rounds[min(of)].made_at,
                "made_by": rounds[min(of)].made_by,
                "active": sum(count for round_, state, _, _, count in tally if round_ in of and state == "active"),
                "exit": msgspec.to_builtins(read_drip(rounds[min(of)].plan).exit),
                "steps": _steps(tx, drip, rounds[min(of)], of, stand),
            }
            for version, of in sorted(versions.items(), reverse=True)
            if version != newest
        ],
    }


class _Stand(NamedTuple):
    """How a drip stands in all its rounds: people, messages, when the first of those who wait is due, campaigns."""

    tally: Sequence[tuple[int, str, str, int, int]]
    outcomes: Sequence[tuple[int, int, str, int]]
    moments: Mapping[tuple[int, int], int]
    campaigns: Sequence[StepRow]


def _steps(tx: Transaction, drip: DripRow, first: RoundRow, of: Container[int], stand: _Stand) -> list[dict[str, Any]]:
    """The steps of one version, whose rounds are `of` and whose first is `first`."""
    waiting: Counter[int] = Counter()
    stopped: Counter[int] = Counter()
    for round_, state, why, step_no, count in stand.tally:
        if round_ in of and state == "active":
            waiting[step_no] += count
        elif round_ in of and (state, why) == ("left", "cancelled"):
            stopped[step_no] += count
    messages: dict[int, Counter[str]] = {}
    for round_, number, status, count in stand.outcomes:
        if round_ in of:
            messages.setdefault(number, Counter())[status] += count
    carrying: dict[int, list[StepRow]] = {}
    for one in stand.campaigns:
        if one.round in of:
            carrying.setdefault(one.number, []).append(one)
    campaigns = step_campaigns(tx, drip, first.round)
    return [
        {
            "number": number,
            "campaign_id": campaign.id,
            "status": step_status(
                drip.status,
                [one.status for one in carrying[number]],
                messages.get(number, {}),
                here=waiting[number],
                before=sum(waiting[earlier] for earlier in range(1, number))
                + sum(stopped[place] for place in range(1, number + 1)),
            ),
            "pause_reason": next((one.pause_reason for one in carrying[number] if one.pause_reason), ""),
            "template": campaign.code if campaign.newest_version > 0 else None,
            "template_version": campaign.version if campaign.newest_version > 0 else None,
            "text": campaign.body,
            "channel": campaign.channel,
            "sender": campaign.sender,
            "wait": msgspec.to_builtins(step.wait),
            "at": step.at,
            "media": msgspec.to_builtins(step.media),
            "waiting": waiting[number],
            "next_at": min(
                (at for (round_, step_no), at in stand.moments.items() if round_ in of and step_no == number),
                default=None,
            ),
            "messages": dict(sorted(messages.get(number, Counter()).items())),
        }
        for number, (step, campaign) in enumerate(zip(read_drip(first.plan).steps, campaigns, strict=True), start=1)
    ]


def person_document(person: PersonInDrip, place: RoundRow) -> dict[str, Any]:
    """Show one person; `round` counts how often they came, `step` is the next one, None at the end."""
    return {
        "no": person.no,
        "given": person.given,
        "to": person.address or None,
        "country": person.country or None,
        "variables": _decode(person.variables),
        "version": place.version,
        "round": place.visit,
        "state": person.state,
        "why": person.why,
        "step": person.step if person.state == "active" else None,
        "next_at": person.next_at,
        "entered_at": person.entered_at,
        "ended_at": person.ended_at,
    }


async def results_file(database: Database, drip: DripRow) -> AsyncIterator[bytes]:
    """Give everybody with every step, piece by piece: CSV in UTF-8 with its mark."""
    rounds = await database.read(lambda tx: queries.rounds(tx, drip.id))
    count = max(len(read_drip(one.plan).steps) for one in rounds.values())
    header = [*COLUMNS, *(f"step_{number}_{name}" for number in range(1, count + 1) for name in _OF_STEP)]
    yield b"\xef\xbb\xbf" + _lines([header])
    after = 0

    def read(tx: Transaction) -> tuple[list[PersonInDrip], dict[int, RoundRow], _Results]:
        found = queries.people(tx, drip.id, after=after, limit=_AT_ONCE)
        steps: _Results = {}
        if found:
            for no, step, status, code, sent_at, delivered_at in queries.results(
                tx, drip.id, first=found[0].no, last=found[-1].no
            ):
                steps.setdefault(no, {})[step] = (status, code, sent_at, delivered_at)
        return found, queries.rounds(tx, drip.id), steps

    while True:
        people, rounds, steps = await database.read(read)
        if not people:
            return
        yield _lines([_cells(one, rounds[one.round], steps.get(one.no, {}), count) for one in people])
        after = people[-1].no


def _cells(
    person: PersonInDrip, place: RoundRow, steps: dict[int, tuple[str, str, int | None, int | None]], count: int
) -> list[str]:
    shown = person_document(person, place)
    cells: list[object] = [_moment(shown[name]) if name.endswith("_at") else shown[name] for name in COLUMNS]
    for number in range(1, count + 1):
        status, code, sent_at, delivered_at = steps.get(number, ("", "", None, None))
        cells += [status, code, _moment(sent_at), _moment(delivered_at)]
    return [neutral("" if cell is None else str(cell)) for cell in cells]


def _moment(at: int | None) -> str:
    if at is None:
        return ""
    return datetime.fromtimestamp(at / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _lines(rows: Sequence[Sequence[str]]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerows(rows)
    return text.getvalue().encode("utf-8")
