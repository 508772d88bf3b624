"""
Experiments: how many people one takes, what was seen and decided, and deciding by hand.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from sendyard.api.campaign_bodies import CampaignAnswer
from sendyard.api.campaign_views import campaign_answer
from sendyard.api.experiment_bodies import ChooseVariant, ExperimentAnswer, ExperimentSize, ExperimentSizeAnswer
from sendyard.api.message_views import moment_or_none
from sendyard.api.operations import Answer, Ask, NoBody, NoQuery, Operation
from sendyard.features.campaigns import Experiments


class ExperimentDoor:
    """The operations under `/campaigns/{id}/experiment`, and `/campaigns/experiment-size`."""

    def __init__(self, experiments: Experiments) -> None:
        """Take the feature they speak for."""
        self._experiments = experiments

    def operations(self) -> list[Operation]:
        """Everything callers can do with experiments once they are made."""
        tag, scope, one = "Campaigns", "campaigns", "/campaigns/{id}/experiment"
        return [
            Operation(method="POST", path="/campaigns/experiment-size", handler=self.size, tag=tag, scope=scope,
                      summary="How many people an experiment takes", body=ExperimentSize,
                      answers=ExperimentSizeAnswer, refuses=(404,)),
            Operation(method="GET", path=one, handler=self.report, tag=tag, scope=scope,
                      summary="What an experiment has shown", answers=ExperimentAnswer, refuses=(404, 409)),
            Operation(method="GET", path=f"{one}.csv", handler=self.csv, tag=tag, scope=scope,
                      summary="The variants of an experiment, as a file", answers=str, content_types=("text/csv",),
                      refuses=(404, 409)),
            Operation(method="POST", path=f"{one}/choose", handler=self.choose, tag=tag, scope=scope,
                      summary="Decide what those who wait get", body=ChooseVariant, answers=CampaignAnswer,
                      refuses=(404, 409)),
        ]  # fmt: skip

    async def size(self, ask: Ask[ExperimentSize, NoQuery]) -> ExperimentSizeAnswer:
        """Say how many people an experiment takes."""
        wish = ask.body
        found = await self._experiments.size(
            ask.workspace_id,
            rate=wish.expected_rate,
            lift=wish.lift,
            variants=wish.variants,
            people=wish.people,
            campaign_id=wish.campaign,
        )
        return msgspec.convert(found, ExperimentSizeAnswer)

    async def report(self, ask: Ask[NoBody, NoQuery]) -> ExperimentAnswer:
        """Give the full record."""
        return _answer(await self._experiments.report(ask.workspace_id, ask.path["id"]))

    async def csv(self, ask: Ask[NoBody, NoQuery]) -> Answer:
        """Give the variants as a file."""
        found = await self._experiments.csv(ask.workspace_id, ask.path["id"])
        name = f'attachment; filename="experiment-{ask.path["id"]}.csv"'
        return Answer(200, found, "text/csv", {"content-disposition": name})

    async def choose(self, ask: Ask[ChooseVariant, NoQuery]) -> CampaignAnswer:
        """Decide by hand."""
        who = ask.principal
        found = await self._experiments.choose(
            ask.workspace_id, ask.path["id"], ask.body.variant, by=who.id, reach=who.reach
        )
        return campaign_answer(found)


def _answer(found: Mapping[str, Any]) -> ExperimentAnswer:
    decision = found["decision"]
    told = {
        **found,
        "terms": msgspec.to_builtins(found["terms"]),
        "looks": [{**look, "at": moment_or_none(look["at"])} for look in found["looks"]],
        "decision": {**decision, "at": moment_or_none(decision["at"])} if decision else None,
        "next_look_at": moment_or_none(found["next_look_at"]),
    }
    return msgspec.convert(told, ExperimentAnswer)
