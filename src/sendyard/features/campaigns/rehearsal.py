"""
What would happen if a campaign started: every row is rendered and checked as its start would, nothing is sent.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from functools import partial

from sendyard.delivery.brief import WAIVED
from sendyard.delivery.directory import Directory
from sendyard.delivery.evidence import keep_preflight
from sendyard.delivery.forecast import Check, Forecast, Level, Outlook, evidence
from sendyard.delivery.people_limit import written_lately
from sendyard.delivery.preflight import admit_many
from sendyard.delivery.rule_lines import MOST_EXAMPLES, Example
from sendyard.domain.addresses import mask
from sendyard.domain.errors import AppError, FieldError, Invalid
from sendyard.features.campaigns.audience.queries import good_rows
from sendyard.features.campaigns.audience.rows import Recipient
from sendyard.features.campaigns.linking import row_addresses
from sendyard.features.campaigns.outcomes.queries import first_refused, refusals
from sendyard.features.campaigns.oversight.purposes import CHECK, purpose_checks
from sendyard.features.campaigns.plan import MICRO, read_plan
from sendyard.features.campaigns.queries import CampaignRow
from sendyard.features.campaigns.scheduling.moments import personal
from sendyard.features.campaigns.shapes import Shapes
from sendyard.features.links import Addresses
from sendyard.ledger.entries import NewMessage
from sendyard.storage.engine import Database
from sendyard.storage.identifiers import now_ms
from sendyard.storage.transaction import Transaction

_AT_ONCE = 1000
_MOST_REASONS = 6  # named in one sentence
_BEFORE_START = 10_000
"""Rows that a start looks at before it lets go; each is judged again as it is prepared."""
_START_SECONDS = 0.4
"""How long a start looks at rows when the machine is busy."""


async def rehearse(
    database: Database, directory: Directory, campaign: CampaignRow, *, begins: int | None = None, briefly: bool = False
) -> Forecast:
    """
    Check every good row of a campaign, a thousand at a time; rows whose values look alike share one text (`Shapes`).

    The first checks are about the file: `rows` left out, and among them `duplicates` and missing `variables`; then
    `size`, the row that needs most parts. `begins` is the moment of the start (milliseconds), by which hours are
    judged. `briefly` stops after the first ten thousand rows, or four tenths of a second, once somebody is reached.
    """
    moment = max(now_ms(), begins or 0)
    plan = read_plan(campaign.plan)
    when = plan.when
    home = directory.facts(campaign.workspace_id).home_zone
    step = plan.throttle.step_us / MICRO if plan.throttle else 0.0
    written = await database.read(partial(written_lately, directory, campaign.workspace_id))
    outlook = Outlook(directory, moment, step=step, written=written)
    after, complete = 0, True
    links = await row_addresses(Addresses(database, directory), campaign)
    shapes = Shapes(directory, campaign, moment, links)
    enough = time.monotonic() + _START_SECONDS
    countries: set[str] = set()
    while rows := await _good_rows(database, campaign.id, after):
        after = rows[-1].row
        moments = personal(when, rows, {}, home, moment) if when.is_personal else ()
        prepared = await asyncio.to_thread(shapes.prepare, rows, moments)
        to = [row.address for row in rows]
        outcomes = await database.read(partial(_admit, directory, campaign.workspace_id, prepared, to, moment))
        countries |= await asyncio.to_thread(_add_up, outlook, outcomes, rows)
        if briefly and outlook.messages and (outlook.examined >= _BEFORE_START or time.monotonic() >= enough):
            complete = len(rows) < _AT_ONCE
            break
    # Of a million rows, counting alone would take longer than a start may.
    looked_at = None if complete else after
    counted = await database.read(lambda tx: refusals(tx, campaign.id, up_to=looked_at))
    found = outlook.forecast()
    shown = await database.read(partial(_refused_examples, campaign.id, {code for code, *_ in counted} - {""}))
    first = _file_checks(counted, shown, nobody=not found.messages)
    if outlook.longest is not None:
        first.append(_size_check(outlook.longest))
    purposes = purpose_checks(directory, campaign, countries)
    return replace(found, checks=[*first, *found.checks, *purposes], complete=complete)


async def expect_clearance(
    database: Database, directory: Directory, campaign: CampaignRow, *, begins: int | None = None
) -> None:
    """
    See whether a campaign may start, and keep what was found with it as evidence, the waivers used too.

    Raises:
        Invalid: nobody would get anything, a rule forbids its sender or registration, or its template is for another
            purpose where that is punished; single people whom a rule protects are merely left out.
    """
    found = await rehearse(database, directory, campaign, begins=begins, briefly=True)
    wrong = next((check for check in found.checks if check.check == CHECK and check.level is Level.BLOCK), None)
    if wrong is not None:
        detail = f"{wrong.detail} {wrong.fix}"
        raise Invalid("wrong_purpose", detail, errors=[FieldError("/purpose", "wrong_purpose", detail)])
    forbidding = next((line for line in found.rules if line.forbids_all), None)
    if forbidding is not None:
        detail = forbidding.examples[0].detail
        raise Invalid(forbidding.rule.id, detail, errors=[FieldError("", forbidding.rule.id, detail)])
    worst = next((check for check in found.checks if check.level is Level.BLOCK), None)
    if worst is not None:
        detail = f"Nobody would get this message. {worst.detail} {worst.fix}"
        raise Invalid("nobody_reachable", detail, errors=[FieldError("", worst.check, worst.detail)])
    waived = {line.rule.id for line in found.rules if line.level == WAIVED}
    report, now = evidence(found), now_ms()
    await database.write(
        lambda tx: keep_preflight(tx, campaign.workspace_id, campaign.id, report, now=now, waived=waived)
    )


async def _good_rows(database: Database, campaign_id: str, after: int) -> list[Recipient]:
    return await database.read(lambda tx: good_rows(tx, campaign_id, after=after, limit=_AT_ONCE))


def _admit(
    directory: Directory,
    workspace_id: str,
    prepared: Sequence[NewMessage | AppError],
    to: Sequence[str],
    now: int,
    tx: Transaction,
) -> list[NewMessage | AppError]:
    return admit_many(directory, tx, workspace_id, prepared, now, to=to)


def _add_up(outlook: Outlook, outcomes: Sequence[NewMessage | AppError], rows: Sequence[Recipient]) -> set[str]:
    outlook.take(outcomes, [(row.row, row.address) for row in rows])
    return {row.country for row in rows}


def _size_check(longest: NewMessage) -> Check:
    parts = longest.parts
    detail = (
        f"Row {longest.row} needs most: {len(longest.content.body)} characters, {parts} "
        f"{'part' if parts == 1 else 'parts'} in {longest.encoding}."
    )
    return Check("size", Level.OK, parts, detail, "")


def _refused_examples(campaign_id: str, codes: Collection[str], tx: Transaction) -> dict[str, list[Example]]:
    """The first rows that are left out, and the first of a code that has a check of its own; "" for whatever code."""
    return {
        code: [
            Example(row, mask(to), detail)
            for row, to, detail in first_refused(tx, campaign_id, code=code, limit=MOST_EXAMPLES)
        ]
        for code in ("", *(one for one in ("duplicate", "missing_value") if one in codes))
        if codes
    }


def _file_checks(
    counted: Sequence[tuple[str, bool, int, int]], shown: Mapping[str, Sequence[Example]], *, nobody: bool
) -> list[Check]:
    reasons: Counter[str] = Counter()
    for code, _, count, _ in counted:
        if code:
            reasons[code] += count
    return [
        _rows_check(reasons, sum(count for _, _, count, _ in counted), shown.get("", ()), nobody=nobody),
        _reason_check(
            "duplicates",
            reasons["duplicate"],
            "every person stands in the file once",
            "named again; each person gets one message",
            "Nothing: the first row counts.",
            shown.get("duplicate", ()),
        ),
        _reason_check(
            "variables",
            reasons["missing_value"],
            "every variable has a value",
            "without a value that the text needs",
            "Fill the cells, or give the variables defaults.",
            shown.get("missing_value", ()),
        ),
    ]


def _rows_check(reasons: Counter[str], rows: int, shown: Sequence[Example], *, nobody: bool) -> Check:
    total = reasons.total()
    if not total and not rows:
        return Check("rows", Level.BLOCK, 0, "Nobody is in its audience.", "Choose other lists, segments or people.")
    if not total:
        return Check("rows", Level.OK, 0, "Good: every row of the file can be used.", "")
    named = ", ".join(f"{count} {code}" for code, count in reasons.most_common(_MOST_REASONS))
    return Check(
        "rows",
        Level.BLOCK if nobody else Level.WARN,
        total,
        f"{total} {'row is' if total == 1 else 'rows are'} left out: {named}.",
        "Look at the refused rows; correct the file and create the campaign again to reach them too.",
        shown,
    )


def _reason_check(name: str, count: int, good: str, found: str, fix: str, shown: Sequence[Example]) -> Check:
    if not count:
        return Check(name, Level.OK, 0, f"Good: {good}.", "")
    return Check(name, Level.WARN, count, f"{count} {'row is' if count == 1 else 'rows are'} {found}.", fix, shown)
