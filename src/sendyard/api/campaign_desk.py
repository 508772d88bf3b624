"""
Campaigns: changing, copying and clearing away, tests to the team, and the second person's word.
"""

from typing import Any

import msgspec

from sendyard.api.campaign_bodies import (
    CampaignAnswer,
    Decision,
    DuplicateCampaign,
    EditCampaign,
    PolicyBody,
    TestCampaign,
    TestList,
    TestSent,
)
from sendyard.api.campaign_views import campaign_answer
from sendyard.api.contents import campaign_files
from sendyard.api.operations import Answer, Ask, NoBody, NoQuery, Operation
from sendyard.features.campaigns import Approvals, Changes, Tests
from sendyard.features.campaigns.oversight.approvals import Policy
from sendyard.features.media import MediaLibrary

_DELETED = 204


class CampaignDesk:
    """The operations under `/campaigns` that change them, and `/campaigns/policy`."""

    def __init__(self, changes: Changes, approvals: Approvals, tests: Tests, media: MediaLibrary) -> None:
        """Take the features they speak for, and where files are."""
        self._media = media
        self._changes = changes
        self._approvals = approvals
        self._tests = tests

    def operations(self) -> list[Operation]:
        """Everything callers can do beside sending."""
        tag, scope, one = "Campaigns", "campaigns", "/campaigns/{id}"
        return [
            Operation(method="PATCH", path=one, handler=self.edit, tag=tag, scope=scope, summary="Change a campaign",
                      body=EditCampaign, answers=CampaignAnswer, refuses=(404, 409)),
            Operation(method="DELETE", path=one, handler=self.delete, tag=tag, scope=scope, summary="Delete a draft",
                      status=_DELETED, refuses=(404, 409)),
            Operation(method="POST", path=f"{one}/duplicate", handler=self.duplicate, tag=tag, scope=scope,
                      summary="Make a copy", body=DuplicateCampaign, body_optional=True, answers=CampaignAnswer,
                      status=201, creates=True, refuses=(404,)),
            Operation(method="POST", path=f"{one}/archive", handler=self.archive, tag=tag, scope=scope,
                      summary="Put it away, so that lists do not show it", answers=CampaignAnswer,
                      refuses=(404, 409)),
            Operation(method="POST", path=f"{one}/unarchive", handler=self.unarchive, tag=tag, scope=scope,
                      summary="Take it back", answers=CampaignAnswer, refuses=(404, 409)),
            Operation(method="POST", path=f"{one}/test", handler=self.test, tag=tag, scope=scope,
                      summary="Send what one row gets to the team", body=TestCampaign, body_optional=True,
                      answers=TestList, status=202, creates=True, refuses=(404, 409)),
            Operation(method="POST", path=f"{one}/approve", handler=self.approve, tag=tag, scope=scope,
                      summary="Let a campaign that waits for approval start", body=Decision, body_optional=True,
                      answers=CampaignAnswer, refuses=(404, 409)),
            Operation(method="POST", path=f"{one}/reject", handler=self.reject, tag=tag, scope=scope,
                      summary="Do not let it start", body=Decision, body_optional=True, answers=CampaignAnswer,
                      refuses=(404, 409)),
            Operation(method="GET", path="/campaign-policy", handler=self.policy, tag=tag, scope=scope,
                      summary="What needs a second person", answers=PolicyBody),
            Operation(method="PUT", path="/campaign-policy", handler=self.set_policy, tag=tag, scope=scope,
                      summary="Say what needs a second person", body=PolicyBody, answers=PolicyBody),
        ]  # fmt: skip

    async def edit(self, ask: Ask[EditCampaign, NoQuery]) -> CampaignAnswer:
        """Change a campaign."""
        given = {name: getattr(ask.body, name) for name in ask.body.__struct_fields__}
        changes = {name: value for name, value in given.items() if value is not msgspec.UNSET}
        if "media" in changes:
            changes["media"] = await campaign_files(self._media, ask.workspace_id, changes["media"])
        found = await self._changes.edit(ask.workspace_id, ask.path["id"], changes, by=ask.principal.id)
        return campaign_answer(found)

    async def delete(self, ask: Ask[NoBody, NoQuery]) -> Answer:
        """Delete a draft."""
        await self._changes.delete(ask.workspace_id, ask.path["id"])
        return Answer(_DELETED)

    async def duplicate(self, ask: Ask[DuplicateCampaign, NoQuery]) -> CampaignAnswer:
        """Make a copy."""
        found = await self._changes.duplicate(ask.workspace_id, ask.path["id"], name=ask.body.name, by=ask.principal.id)
        return campaign_answer(found)

    async def archive(self, ask: Ask[NoBody, NoQuery]) -> CampaignAnswer:
        """Put it away."""
        return campaign_answer(await self._changes.archive(ask.workspace_id, ask.path["id"]))

    async def unarchive(self, ask: Ask[NoBody, NoQuery]) -> CampaignAnswer:
        """Take it back."""
        return campaign_answer(await self._changes.archive(ask.workspace_id, ask.path["id"], archived=False))

    async def test(self, ask: Ask[TestCampaign, NoQuery]) -> TestList:
        """Send what one row gets to the team."""
        sent = await self._tests.send(
            ask.workspace_id,
            ask.path["id"],
            to=ask.body.to,
            row=ask.body.row,
            variant=ask.body.variant,
            test=ask.is_test,
        )
        return TestList([msgspec.convert(one, TestSent) for one in sent])

    async def approve(self, ask: Ask[Decision, NoQuery]) -> CampaignAnswer:
        """Say yes."""
        return await self._decided(ask, yes=True)

    async def reject(self, ask: Ask[Decision, NoQuery]) -> CampaignAnswer:
        """Say no."""
        return await self._decided(ask, yes=False)

    async def policy(self, ask: Ask[NoBody, NoQuery]) -> PolicyBody:
        """Give what needs a second person."""
        return _policy(await self._approvals.policy(ask.workspace_id))

    async def set_policy(self, ask: Ask[PolicyBody, NoQuery]) -> PolicyBody:
        """Say what needs a second person."""
        asked = ask.body
        found = await self._approvals.set_policy(
            ask.workspace_id, recipients=asked.recipients, cost=asked.cost, currency=asked.currency
        )
        return _policy(found)

    async def _decided(self, ask: Ask[Any, Any], *, yes: bool) -> CampaignAnswer:
        who = ask.principal
        found = await self._approvals.approve(
            ask.workspace_id, ask.path["id"], by=who.id, yes=yes, note=ask.body.note, reach=who.reach
        )
        return campaign_answer(found)


def _policy(found: Policy) -> PolicyBody:
    cost = None if found.cost is None else f"{found.cost:f}"
    return PolicyBody(recipients=found.recipients, cost=cost, currency=found.currency)
