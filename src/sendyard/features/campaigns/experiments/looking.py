"""
Looking at experiments under way: when, at whom, and what follows.

A person counts once the time that everybody has is over for that person; so each look sees what earlier ones saw and
new people, as the test demands, and nobody's reply is missed because it was looked for too early.
"""

import asyncio
import random
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import msgspec

from sendyard.domain.experiments.comparison import LEAST, Tally, Verdict, judge
from sendyard.domain.experiments.comparison import shares as thompson
from sendyard.features.campaigns import queries as campaign_queries
from sendyard.features.campaigns.experiments import queries
from sendyard.features.campaigns.experiments.queries import ExperimentRow, LookRow, VariantRow
from sendyard.features.campaigns.experiments.terms import Experiment
from sendyard.features.campaigns.experiments.trial import encode
from sendyard.features.campaigns.outcomes.queries import is_leaving
from sendyard.features.campaigns.plan import read_plan
from sendyard.features.campaigns.queries import CampaignRow
from sendyard.storage.engine import Database
from sendyard.storage.transaction import Transaction

PAUSE_MS = 60_000
"""Between two looks at one experiment, whichever process takes them."""
_STEP = 0.05
"""The share of the promised people that must be new for another look: following a hundred looks would take seconds."""

_decode_looks = msgspec.json.Decoder(list[float]).decode


@dataclass(frozen=True, slots=True)
class _Sight:
    """What a look sees."""

    variants: Sequence[VariantRow]
    tallies: Mapping[str, Tally]
    planned: int
    over: bool  # everybody who has gone has had the time
    rest: bool  # somebody is left to whom something could go

    @property
    def people(self) -> int:
        return sum(tally.people for tally in self.tallies.values())


class Looking:
    """Looks at experiments; what follows from a look is stored with it."""

    def __init__(self, database: Database, *, pause_ms: int = PAUSE_MS) -> None:
        """Take where rows are, and the milliseconds between looks."""
        self._database = database
        self._pause_ms = pause_ms

    async def look(self, campaign: CampaignRow, *, now: int) -> str:
        """Look if it is time; gives what followed, "" when nobody looked."""
        wanted = read_plan(campaign.plan).experiment
        if wanted is None:
            return ""
        found = await self._database.read(lambda tx: queries.experiment(tx, campaign.id))
        if found is None or found.state != "waiting":
            return ""
        known, following = found.look_at, now + self._pause_ms
        if now < known or not await self._database.write(
            lambda tx: queries.claim_look(tx, campaign.id, known=known, following=following)
        ):
            return ""
        seen = await self._database.read(lambda tx: _sight(tx, campaign, wanted, now))
        looks = _decode_looks(found.looks)
        fresh = (seen.people - found.seen) / max(1, seen.planned * len(seen.variants))
        if not seen.over and (found.decided_at is not None or fresh < _STEP):
            return ""
        verdict, taken = await asyncio.to_thread(judge, seen.tallies, seen.planned, looks)
        action = _following(wanted, verdict, seen)
        if action == "looked" and taken == tuple(looks) and not seen.over:
            return ""  # too few people to say anything: that is not worth a line in the record
        return await self._database.write(lambda tx: _keep(tx, campaign, found, seen, verdict, taken, action, now))


def tally_of(metric: str, people: int, count: int) -> Tally:
    """How many people count and did what is measured, when `count` of them did what `counted` names."""
    return Tally(people, people - count if metric == "not_opted_out" else count)


def counted(metric: str) -> str:
    """What is counted for a metric."""
    return "opted_out" if metric == "not_opted_out" else metric


def _sight(tx: Transaction, campaign: CampaignRow, wanted: Experiment, now: int) -> _Sight:
    variants = queries.variants(tx, campaign.id)
    wait = wanted.wait_ms
    counts = queries.counts(tx, campaign.id, [counted(wanted.metric)], until=now - wait, within=wait)
    tallies = {one.name: tally_of(wanted.metric, *counts.get(one.number, (0, 0))) for one in variants}
    dealt = queries.dealt_counts(tx, campaign.id)
    sizes = {variant: count for part, variant, count in dealt if part == "sample"}
    planned = min(sizes.get(one.number, 0) for one in variants)
    over = not is_leaving(tx, campaign.id) and queries.last_sent(tx, campaign.id) + wait <= now
    if over:
        # Nobody else will come: some could not be reached, and the error left over is spent on those who were.
        planned = min(planned, *(tally.people for tally in tallies.values()))
    return _Sight(variants, tallies, planned, over, any(part == "rest" for part, _, _ in dealt))


def _following(wanted: Experiment, verdict: Verdict, seen: _Sight) -> str:
    """What follows from a look: looked (nothing), winner, evenly, first, thompson, asked."""
    if wanted.then == "thompson":
        return "thompson" if seen.over else "looked"
    if verdict.winner:
        return "asked" if wanted.then == "ask" and seen.rest else "winner"
    if not seen.over:
        return "looked"
    asks = wanted.then == "ask" or wanted.otherwise == "ask"
    if asks and seen.rest:
        return "asked"
    return "evenly" if asks else wanted.otherwise


def _keep(
    tx: Transaction,
    campaign: CampaignRow,
    found: ExperimentRow,
    seen: _Sight,
    verdict: Verdict,
    taken: Sequence[float],
    action: str,
    now: int,
) -> str:
    if not queries.is_in_round(tx, campaign.id, found.round):
        return ""
    queries.note_look(tx, campaign.id, looks=encode(taken).decode(), seen=seen.people)
    shares, limit_row, seed = _shares(tx, campaign, seen, verdict, action)
    stored = encode(shares).decode() if shares else ""
    tallies = encode({name: [tally.people, tally.successes] for name, tally in seen.tallies.items()}).decode()
    look = LookRow(now, tallies, encode(verdict).decode(), stored, seed, action, "")
    queries.insert_look(tx, campaign.workspace_id, campaign.id, look)
    if shares:
        decision = encode({"action": action, "winner": verdict.winner, "reason": verdict.reason, "by": ""}).decode()
        queries.decide(tx, campaign.id, shares=stored, limit_row=limit_row, decision=decision, known=found.round,
                       now=now)  # fmt: skip
    elif action == "asked":
        queries.move(tx, campaign.id, "asking", known=found.round)
        reason = (
            f"The sample is in, and it is for you to decide. {verdict.reason} Choose with `sendyard campaign choose "
            f"{campaign.id} --variant NAME` or `--evenly`."
        )
        campaign_queries.pause(tx, campaign.workspace_id, campaign.id, reason)
    return action


def _shares(
    tx: Transaction, campaign: CampaignRow, seen: _Sight, verdict: Verdict, action: str
) -> tuple[dict[int, float], int | None, str]:
    """(shares of the rest, the row up to which they hold, seed); no shares when nothing is decided."""
    numbers = {one.name: one.number for one in seen.variants}
    match action:
        case "winner":
            return {numbers[verdict.winner]: 1.0}, None, ""
        case "first":
            return {seen.variants[0].number: 1.0}, None, ""
        case "evenly":
            return {one.number: one.share for one in seen.variants}, None, ""
        case "thompson":
            seed = secrets.token_hex(8)
            drawn = thompson(seen.tallies, random.Random(seed).betavariate)  # noqa: S311 - to be drawn again from the seed
            return {numbers[name]: share for name, share in drawn.items()}, _next_limit(tx, campaign, seen), seed
        case _:
            return {}, None, ""


def _next_limit(tx: Transaction, campaign: CampaignRow, seen: _Sight) -> int | None:
    """Up to which row the next part of the rest goes: as many people as were in the sample; None for all of it."""
    now = campaign_queries.campaign(tx, campaign.workspace_id, campaign.id)
    after = now.expanded_to if now else 0
    size = sum(count for part, _, count in queries.dealt_counts(tx, campaign.id) if part == "sample")
    limit = queries.rest_row(tx, campaign.id, after=after, place=max(size, LEAST * len(seen.variants)))
    last = queries.rest_row(tx, campaign.id, after=limit, place=1)
    return None if last == limit else limit
