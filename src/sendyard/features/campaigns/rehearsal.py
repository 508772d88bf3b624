"""
What would happen if a campaign started now: every row is rendered and checked, nothing is stored.
"""

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from functools import partial

from sendyard.delivery.directory import Directory
from sendyard.delivery.forecast import Check, CostRange, Forecast, Level, forecast
from sendyard.delivery.preflight import admit_many
from sendyard.domain.errors import AppError
from sendyard.features.campaigns import queries
from sendyard.features.campaigns.expansion import prepare_rows
from sendyard.features.campaigns.queries import CampaignRow
from sendyard.features.campaigns.rows import Recipient
from sendyard.ledger.entries import NewMessage
from sendyard.storage.engine import Database
from sendyard.storage.identifiers import now_ms
from sendyard.storage.transaction import Transaction

_AT_ONCE = 1000
_MOST_REASONS = 6  # named in one sentence


async def rehearse(
    database: Database, directory: Directory, campaign: CampaignRow, *, until_somebody: bool = False
) -> Forecast:
    """
    Check every good row of a campaign as its start would, a thousand at a time.

    The first check, `rows`, is about the file; the second, `size`, about the row that needs most parts. The samples
    are the first message and the longest. `until_somebody` stops at the first thousand in which somebody is reached,
    for those who only want to know whether anybody is.
    """
    now = now_ms()
    found = _Sum()
    after = 0
    while rows := await _good_rows(database, campaign.id, after):
        after = rows[-1].row
        prepared = await asyncio.to_thread(prepare_rows, directory, campaign, rows, now)
        admit = partial(_admit, directory, campaign.workspace_id, prepared, now)
        found.add(forecast(directory, await database.read(admit), now), prepared, now)
        if until_somebody and found.messages:
            break
    refusals = await database.read(lambda tx: queries.refusals(tx, campaign.id))
    return found.forecast(_file_check(refusals, nobody=not found.messages), now)


async def _good_rows(database: Database, campaign_id: str, after: int) -> list[Recipient]:
    return await database.read(lambda tx: queries.good_rows(tx, campaign_id, after=after, limit=_AT_ONCE))


def _admit(
    directory: Directory, workspace_id: str, prepared: Sequence[NewMessage | AppError], now: int, tx: Transaction
) -> list[NewMessage | AppError]:
    return admit_many(directory, tx, workspace_id, prepared, now)


@dataclass(slots=True)
class _Sum:
    """Forecasts of consecutive chunks, added up."""

    checks: dict[str, Check] = field(default_factory=dict)
    messages: int = 0
    parts: int = 0
    seconds: int = 0  # of all chunks one after the other, in milliseconds
    low: Decimal = Decimal(0)
    high: Decimal = Decimal(0)
    currencies: set[str | None] = field(default_factory=set)
    first: NewMessage | None = None
    longest: NewMessage | None = None

    def add(self, chunk: Forecast, prepared: Sequence[NewMessage | AppError], now: int) -> None:
        for check in chunk.checks:
            known = self.checks.get(check.check)
            if known is None or (not known.count and check.count):
                self.checks[check.check] = check
            elif check.count:
                self.checks[check.check] = replace(known, count=known.count + check.count)
        self.messages += chunk.messages
        self.parts += chunk.parts
        if chunk.finish_at is not None:
            self.seconds += chunk.finish_at - now
        if chunk.messages:
            self.currencies.add(chunk.cost.currency if chunk.cost else None)
        if chunk.cost:
            self.low += chunk.cost.low
            self.high += chunk.cost.high
        self.first = self.first or next(iter(chunk.sample), None)
        for message in prepared:
            if isinstance(message, NewMessage) and (self.longest is None or _size(message) > _size(self.longest)):
                self.longest = message

    def forecast(self, file_check: Check, now: int) -> Forecast:
        checks = [file_check]
        if self.longest is not None:
            checks.append(_size_check(self.longest))
        for check in self.checks.values():
            serious = Level.WARN if self.messages else Level.BLOCK
            checks.append(replace(check, level=serious if check.count else Level.OK))
        currency = next(iter(self.currencies)) if len(self.currencies) == 1 else None
        return Forecast(
            checks=checks,
            messages=self.messages,
            parts=self.parts,
            cost=CostRange(self.low, self.high, currency) if currency else None,
            finish_at=now + self.seconds if self.messages else None,
            sample=list({one.id: one for one in (self.first, self.longest) if one is not None}.values()),
        )


def worst(found: Forecast) -> Check | None:
    """The check that forbids starting, if any does."""
    return next((check for check in found.checks if check.level is Level.BLOCK), None)


def _size(message: NewMessage) -> tuple[int, int]:
    return message.parts, len(message.content.body)


def _size_check(longest: NewMessage) -> Check:
    parts = longest.parts
    detail = (
        f"Row {longest.row} needs most: {len(longest.content.body)} characters, {parts} "
        f"{'part' if parts == 1 else 'parts'} in {longest.encoding}."
    )
    return Check("size", Level.OK, parts, detail, "")


def _file_check(refusals: Sequence[tuple[str, bool, int, int]], *, nobody: bool) -> Check:
    reasons: Counter[str] = Counter()
    for code, _, count, _ in refusals:
        if code:
            reasons[code] += count
    total = reasons.total()
    if not total:
        return Check("rows", Level.OK, 0, "Good: every row of the file can be used.", "")
    named = ", ".join(f"{count} {code}" for code, count in reasons.most_common(_MOST_REASONS))
    return Check(
        "rows",
        Level.BLOCK if nobody else Level.WARN,
        total,
        f"{total} {'row is' if total == 1 else 'rows are'} left out: {named}.",
        "Look at the refused rows; correct the file and create the campaign again to reach them too.",
    )
