"""
What a start would do, with what the plan of the campaign adds to it.
"""

from dataclasses import replace

from sendyard.delivery.directory import Directory
from sendyard.delivery.forecast import Check, Forecast, Level
from sendyard.features.campaigns.files import file_checks
from sendyard.features.campaigns.linking import link_checks
from sendyard.features.campaigns.oversight.budgets import budget_checks
from sendyard.features.campaigns.plan import Plan, read_plan
from sendyard.features.campaigns.queries import CampaignRow
from sendyard.features.campaigns.rehearsal import rehearse
from sendyard.features.campaigns.scheduling.timing import ago, begins_at, next_run, shown
from sendyard.storage.engine import Database
from sendyard.storage.identifiers import now_ms


async def foretell(database: Database, directory: Directory, campaign: CampaignRow) -> Forecast:
    """Rehearse every row, and say when it begins, how its pace and waves stretch it, and whether the budget lasts."""
    plan, now = read_plan(campaign.plan), now_ms()
    at = next_run(plan.repeat, after=now) if plan.repeat else begins_at(plan.when)
    begins = max(at or now, now)
    found = await rehearse(database, directory, campaign, begins=begins)
    end = found.finish_at
    if end is not None:
        paced = plan.throttle.step_us * found.messages // 1000 if plan.throttle else 0
        waits = sum(int(wave.wait_minutes * 60_000) for wave in plan.waves)
        end = max(end, begins + paced) + waits
    links = await link_checks(database, directory, campaign)
    files = file_checks(directory, campaign)
    checks = [*found.checks, *links, *files, *_beginning(plan, at, now), *budget_checks(plan.budget, found)]
    return replace(found, checks=checks, finish_at=end)


def _beginning(plan: Plan, at: int | None, now: int) -> list[Check]:
    when = plan.when
    if when.is_personal:
        detail = f"Each message leaves at {when.time} where its recipient is."
        if when.mode == "best":
            detail = (
                f"Each message leaves at the hour its recipient reads most; before {when.at_least} reads or replies "
                f"are known, at {when.time} there."
            )
        return [Check("begins", Level.OK, 0, detail, "")]
    if at is None:
        return []
    zone = plan.repeat.zone if plan.repeat else when.zone
    if at <= now:
        detail = f"Its time, {shown(at, zone)}, was {ago(now - at)} ago."
        return [Check("begins", Level.BLOCK, 1, detail, "Choose a later time.")]
    detail = f"It begins {shown(at, zone)} ({shown(at, 'UTC')}), in {ago(at - now)}."
    return [Check("begins", Level.OK, 0, detail, "")]
