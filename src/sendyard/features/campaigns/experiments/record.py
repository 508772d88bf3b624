"""
Experiments for people: how large, where it stands, what was seen and decided, and deciding by hand.
"""

import asyncio
import csv
import io
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

import msgspec

from sendyard.domain.errors import Conflict, FieldError, Invalid
from sendyard.domain.experiments.comparison import Tally, chances_to_be_best, posterior
from sendyard.domain.formulas import neutral
from sendyard.features.campaigns import queries as campaign_queries
from sendyard.features.campaigns.audience.queries import good_count
from sendyard.features.campaigns.documents import whole_document
from sendyard.features.campaigns.experiments import queries, sizing
from sendyard.features.campaigns.experiments.queries import ExperimentRow, LookRow, VariantRow
from sendyard.features.campaigns.experiments.showing import TOLD
from sendyard.features.campaigns.experiments.terms import Experiment, needed
from sendyard.features.campaigns.experiments.trial import decode_shares, encode
from sendyard.features.campaigns.finding import allow, find
from sendyard.features.campaigns.plan import read_plan
from sendyard.features.campaigns.queries import CampaignRow
from sendyard.features.campaigns.scheduling.launching import begin_pace
from sendyard.storage.engine import Database
from sendyard.storage.identifiers import now_ms
from sendyard.storage.transaction import Transaction

COLUMNS = (
    "variant", "sample", "assigned", "people", *queries.COUNTED, "rate", "chance_to_be_best", "cost", "currency",
    "cost_per_reply",
)  # fmt: skip
"""The header of the file."""

_decode = msgspec.json.Decoder().decode


class Experiments:
    """The experiments of every workspace."""

    def __init__(self, database: Database) -> None:
        """Take where rows are."""
        self._database = database

    async def size(
        self, workspace_id: str, *, rate: float, lift: float, variants: int, people: int | None = None,
        campaign_id: str = "",
    ) -> dict[str, Any]:  # fmt: skip
        """
        Say how many people an experiment needs, see `sizing.size`; a campaign's people stand in for `people`.

        Raises:
            Invalid: a figure is outside its range, or both people and a campaign are given.
            NotFound: there is no such campaign.
        """
        if campaign_id:
            if people is not None:
                detail = "Expected a number of people or a campaign, found both."
                raise Invalid("two_audiences", detail, errors=[FieldError("/people", "two_audiences", detail)])
            await find(self._database, workspace_id, campaign_id)
            people = await self._database.read(lambda tx: good_count(tx, campaign_id)) or None
        return await asyncio.to_thread(sizing.size, rate, lift, variants, people)

    async def report(self, workspace_id: str, campaign_id: str) -> dict[str, Any]:
        """
        Give the full record of an experiment; times are milliseconds.

        `variants` count what is known now. `rate`, `chance_to_be_best` and the points of `posterior` are those of the
        newest look, because a figure looked at again and again proves nothing: None, and no points, before the first.

        Raises:
            NotFound: there is no such campaign.
            Conflict: it compares nothing.
        """
        campaign, wanted = await self._find(workspace_id, campaign_id)
        now = now_ms()

        def read(tx: Transaction) -> tuple[Any, ...]:
            return (
                queries.variants(tx, campaign_id),
                queries.experiment(tx, campaign_id),
                queries.dealt_counts(tx, campaign_id),
                queries.counts(tx, campaign_id, queries.COUNTED, until=now, within=wanted.wait_ms),
                queries.costs(tx, campaign_id),
                queries.looks(tx, campaign_id),
            )

        variants, found, dealt, counts, costs, looks = await self._database.read(read)
        names = {one.number: one.name for one in variants}
        shown = [_look_document(look, names) for look in looks]
        tallies: dict[str, dict[str, Any]] = next((look["tallies"] for look in reversed(shown) if look["tallies"]), {})
        chances, curves = await asyncio.to_thread(_beliefs, tallies)
        state = found.state if found else "draft"
        return {
            "id": campaign_id,
            "status": campaign.status,
            "state": state,
            "told": TOLD[state],
            "terms": wanted,
            "people_needed": needed(wanted.expected_rate, wanted.lift, len(variants)),
            "variants": [
                _variant_document(one, dealt, counts.get(one.number), costs, tallies, chances, curves)
                for one in variants
            ],
            "verdict": next((look["verdict"] for look in reversed(shown) if look["verdict"]), None),
            "decision": _decision(found, names),
            "looks": shown,
            "next_look_at": found.look_at if found and found.state == "waiting" else None,
        }

    async def csv(self, workspace_id: str, campaign_id: str) -> bytes:
        """Give the variants of `report` as a file: CSV in UTF-8 with its mark. Raises like `report`."""
        found = await self.report(workspace_id, campaign_id)
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\r\n")
        writer.writerow(COLUMNS)
        for one in found["variants"]:
            cells = {
                **one,
                "variant": one["name"],
                "cost": " + ".join(cost["amount"] for cost in one["costs"]),
                "currency": " + ".join(cost["currency"] for cost in one["costs"]),
                "cost_per_reply": one["cost_per_reply"]["amount"] if one["cost_per_reply"] else None,
            }
            writer.writerow([neutral("" if cells[name] is None else str(cells[name])) for name in COLUMNS])
        return b"\xef\xbb\xbf" + text.getvalue().encode()

    async def choose(
        self, workspace_id: str, campaign_id: str, variant: str | None, *, by: str = "", reach: str = "all"
    ) -> dict[str, Any]:
        """
        Decide by hand what those who still wait get: one variant, or with None all of them evenly.

        A campaign that was paused to ask goes on. Gives the campaign.

        Raises:
            Invalid: there is no such variant.
            NotFound: there is no such campaign.
            Forbidden: the key may not reach whom it reaches.
            Conflict: it compares nothing, or nobody is waiting for a decision.
        """
        campaign, _ = await self._find(workspace_id, campaign_id)
        allow(campaign, reach)
        variants = await self._database.read(lambda tx: queries.variants(tx, campaign_id))
        if variant is not None and all(one.name != variant for one in variants):
            detail = f"Expected one of {', '.join(one.name for one in variants)}, found {variant!r:.60}."
            raise Invalid("unknown_variant", detail, errors=[FieldError("/variant", "unknown_variant", detail)])
        now = now_ms()
        done = await self._database.write(lambda tx: _choose(tx, campaign, variants, variant, by, now))
        if not done:
            detail = "Nobody is waiting for a decision now; see `sendyard campaign experiment`."
            raise Conflict("nothing_to_decide", detail)
        return await whole_document(self._database, workspace_id, campaign_id)

    async def _find(self, workspace_id: str, campaign_id: str) -> tuple[CampaignRow, Experiment]:
        campaign = await find(self._database, workspace_id, campaign_id)
        wanted = read_plan(campaign.plan).experiment
        if wanted is None:
            detail = "This campaign compares nothing; give `experiment` when you create one that does."
            raise Conflict("no_experiment", detail)
        return campaign, wanted


def _choose(
    tx: Transaction, campaign: CampaignRow, variants: Sequence[VariantRow], variant: str | None, by: str, now: int
) -> bool:
    found = queries.experiment(tx, campaign.id)
    if (
        found is None
        or found.state not in {"waiting", "asking"}
        or not queries.is_in_round(tx, campaign.id, found.round)
    ):
        return False
    shares = {one.number: 1.0 if one.name == variant else one.share for one in variants if variant in {None, one.name}}
    stored = encode(shares).decode()
    queries.insert_look(tx, campaign.workspace_id, campaign.id, LookRow(now, "{}", "", stored, "", "chosen", by))
    decision = {"action": "chosen", "winner": variant or "", "reason": "Chosen by hand.", "by": by}
    queries.decide(tx, campaign.id, shares=stored, limit_row=None, decision=encode(decision).decode(),
                   known=found.round, now=now)  # fmt: skip
    # Who paused it for another reason resumes it.
    if found.state == "asking" and campaign_queries.resume(tx, campaign.workspace_id, campaign.id, now=now):
        begin_pace(tx, campaign, read_plan(campaign.plan), now=now)
    return True


def _beliefs(tallies: Mapping[str, Mapping[str, Any]]) -> tuple[dict[str, float], dict[str, list[tuple[float, float]]]]:
    known = {name: Tally(one["people"], one["successes"]) for name, one in tallies.items()}
    if not known:
        return {}, {}
    return chances_to_be_best(known), {name: posterior(tally) for name, tally in known.items()}


def _variant_document(
    one: VariantRow,
    dealt: Sequence[tuple[str, int, int]],
    counts: tuple[int, ...] | None,
    costs: Sequence[tuple[int, str, str, int]],
    tallies: Mapping[str, Mapping[str, Any]],
    chances: Mapping[str, float],
    curves: Mapping[str, Sequence[tuple[float, float]]],
) -> dict[str, Any]:
    people, *each = counts or (0,) * (1 + len(queries.COUNTED))
    known = dict(zip(queries.COUNTED, each, strict=True))
    sums: dict[str, Decimal] = {}
    for number, amount, currency, count in costs:
        if number == one.number:
            sums[currency] = sums.get(currency, Decimal(0)) + count * Decimal(amount)
    per_reply = None
    if len(sums) == 1 and known["replied"]:
        ((currency, amount_),) = sums.items()
        per_reply = {"amount": f"{amount_ / known['replied']:.4f}", "currency": currency}
    return {
        "name": one.name,
        "template": one.code if one.newest_version else None,
        "text": one.body,
        "share": one.share,
        "sample": sum(count for part, number, count in dealt if part == "sample" and number == one.number),
        "assigned": sum(count for _, number, count in dealt if number == one.number),
        "people": people,
        **known,
        "rate": tallies[one.name]["rate"] if one.name in tallies else None,
        "chance_to_be_best": chances.get(one.name),
        "posterior": [{"rate": rate, "density": density} for rate, density in curves.get(one.name, ())],
        "costs": [{"amount": f"{amount:f}", "currency": currency} for currency, amount in sums.items()],
        "cost_per_reply": per_reply,
    }


def _look_document(look: LookRow, names: Mapping[int, str]) -> dict[str, Any]:
    tallies = {name: Tally(*pair) for name, pair in _decode(look.tallies).items()}
    shares = decode_shares(look.shares) if look.shares else {}
    return {
        "at": look.at,
        "tallies": {
            name: {"people": one.people, "successes": one.successes, "rate": one.rate} for name, one in tallies.items()
        },
        "verdict": _decode(look.verdict) if look.verdict else None,
        "action": look.action,
        "shares": {names[number]: share for number, share in shares.items()},
        "seed": look.seed,
        "by": look.by,
    }


def _decision(found: ExperimentRow | None, names: Mapping[int, str]) -> dict[str, Any] | None:
    if found is None or not found.decision:
        return None
    shares = {names[number]: share for number, share in decode_shares(found.shares).items()}
    return {**_decode(found.decision), "shares": shares, "at": found.decided_at}
