"""
What a start of an experiment would do: each text is rehearsed on everybody, because everybody could get it.
"""

from collections.abc import Sequence
from dataclasses import replace

from sendyard.delivery.costs import Bill, dearest_of
from sendyard.delivery.directory import Directory
from sendyard.delivery.forecast import Check, Forecast, Level
from sendyard.features.campaigns.audience.queries import good_count
from sendyard.features.campaigns.experiments import queries
from sendyard.features.campaigns.experiments.queries import VariantRow
from sendyard.features.campaigns.experiments.sizing import sample_check
from sendyard.features.campaigns.experiments.texts import with_text
from sendyard.features.campaigns.plan import read_plan
from sendyard.features.campaigns.preview import foretell
from sendyard.features.campaigns.queries import CampaignRow
from sendyard.storage.engine import Database

_GRAVITY = {Level.OK: 0, Level.WARN: 1, Level.BLOCK: 2}
_OF_EACH = frozenset({"size", "link"})  # told of every text, not only of the worst


async def foretell_each(database: Database, directory: Directory, campaign: CampaignRow) -> Forecast:
    """
    Foretell a campaign; of an experiment, or of another try of one, every text at once.

    Of each check the worst text speaks, named; the cost reaches from the cheapest to the dearest text, as if it alone
    were sent; the sample has the first message of each.
    """
    plan = read_plan(campaign.plan)
    wanted = plan.experiment
    if wanted is None and not plan.kept_variants:
        return await foretell(database, directory, campaign)
    variants = await database.read(lambda tx: queries.variants(tx, campaign.id))
    each = [(one, await foretell(database, directory, with_text(campaign, one))) for one in variants]
    people = await database.read(lambda tx: good_count(tx, campaign.id))
    first, shares = each[0][1], [one.share for one in variants]
    ends = [found.finish_at for _, found in each if found.finish_at is not None]
    dearest = max((found for _, found in each), key=lambda found: found.parts)
    known = {line.rule.id for line in first.rules}
    sums = dearest_of([Bill(found.cost, found.costs, found.cost_note) for _, found in each])
    return replace(
        first,
        checks=[*_checks(each), *([sample_check(wanted, shares, people)] if wanted else ())],
        messages=min(found.messages for _, found in each),
        parts=dearest.parts,
        cost=sums.cost,
        costs=sums.costs,
        cost_note=sums.note,
        finish_at=max(ends) + (wanted.wait_ms if wanted else 0) if ends else None,
        sample=[message for _, found in each for message in found.sample[:1]],
        rules=[*first.rules, *(line for _, found in each[1:] for line in found.rules if line.rule.id not in known)],
        routes=dearest.routes,
        examined=sum(found.examined for _, found in each),
        complete=all(found.complete for _, found in each),
    )


def _checks(each: Sequence[tuple[VariantRow, Forecast]]) -> list[Check]:
    by_name: dict[str, list[Check]] = {}
    for variant, found in each:
        for check in found.checks:
            told = check
            if check.level is not Level.OK or check.check in _OF_EACH:
                told = replace(check, detail=f"{variant.name}: {check.detail}")
            by_name.setdefault(check.check, []).append(told)
    chosen: list[Check] = []
    for name, checks in by_name.items():
        if name in _OF_EACH:
            chosen += checks
        else:
            chosen.append(max(checks, key=lambda check: (_GRAVITY[check.level], check.count)))
    return chosen
