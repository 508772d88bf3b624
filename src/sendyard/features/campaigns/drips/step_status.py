"""
How a step of a drip stands: not as its campaign alone does, which is over whenever nothing of it moves.
"""

from collections.abc import Collection, Mapping
from typing import Literal, TypeAlias

from sendyard.domain.status import CampaignStatus, MessageStatus

StepStatus: TypeAlias = Literal[
    "draft", "not_reached", "under_way", "paused", "completed", "completed_with_failures", "cancelled"
]

_MOVING = {MessageStatus.QUEUED, MessageStatus.SCHEDULED, MessageStatus.SENDING}
_AWAITED = {MessageStatus.SENT, MessageStatus.UNKNOWN}  # while the campaign waits for reports
_FAILED = {MessageStatus.FAILED, MessageStatus.EXPIRED, MessageStatus.UNKNOWN, "refused"}


def step_status(
    drip: str, campaigns: Collection[str], messages: Mapping[str, int], *, here: int, before: int
) -> StepStatus:
    """
    Say how a step stands.

    Args:
        drip: the status of the drip.
        campaigns: those of the campaigns that carry the step, one for each time that people may come.
        messages: of the step, by status, with those that could not be made as `refused`.
        here: how many people wait for this step.
        before: how many wait for an earlier one; in a cancelled drip how many waited for this one or an earlier one.
    """
    if CampaignStatus.PAUSED in campaigns:
        return "paused"
    if CampaignStatus.DRAFT in campaigns:
        return "draft"
    passed_over = set(campaigns) == {CampaignStatus.CANCELLED}
    if passed_over or (drip == "cancelled" and (CampaignStatus.CANCELLED in campaigns or before or not messages)):
        return "cancelled"
    awaited = CampaignStatus.SENDING in campaigns and messages.keys() & _AWAITED
    if here or awaited or messages.keys() & _MOVING or (before and messages):
        return "paused" if drip == "paused" else "under_way"
    if not messages:
        return "not_reached"
    return "completed_with_failures" if messages.keys() & _FAILED else "completed"
