"""
Rules a person set aside, and the preflight results that show which of them were used.
"""

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from sendyard.api.message_bodies import Moment
from sendyard.api.message_views import moment, moment_or_none
from sendyard.api.operations import Ask, NoBody, NoQuery, Operation
from sendyard.features.connections.compliance import Waivers


class AddWaiver(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """A rule to set aside, for one campaign or until a moment for the whole workspace."""

    rule: Annotated[str, Meta(description="Its id; `GET /rules?waivable=true` lists those that can be.")]
    who: Annotated[str, Meta(description="The person who decides, by name.")]
    reason: Annotated[str, Meta(description="Why, in three words or more.")]
    role: Annotated[
        Literal["manager", "owner"],
        Meta(description="As what they decide; some rules only an owner may, with a live key that has every scope."),
    ] = "manager"
    campaign: Annotated[str, Meta(description="Id of a campaign; the whole workspace when empty.")] = ""
    until: Annotated[Moment | None, Meta(description="Needed for the whole workspace, at most a year ahead.")] = None


class WaiverAnswer(msgspec.Struct):
    """A rule set aside; an empty campaign stands for the whole workspace."""

    id: str
    rule: str
    campaign: str
    until: Moment | None
    who: str
    role: str
    reason: str
    in_force: bool
    created_by: Annotated[str, Meta(description="Id of the API key, or the command line.")]
    created_at: Moment
    withdrawn_by: str
    withdrawn_at: Moment | None


class WaiverList(msgspec.Struct):
    """Waivers, newest first."""

    data: list[WaiverAnswer]
    next: str | None


class WaiverFilter(msgspec.Struct, forbid_unknown_fields=True):
    """Which waivers to list."""

    campaign: Annotated[str, Meta(description="Only those of this campaign.")] = ""
    in_force: Annotated[bool, Meta(description="Only those that hold now.")] = False
    after: str = ""
    limit: Annotated[int, Meta(ge=1, le=1000)] = 50


class KeptPreflight(msgspec.Struct):
    """What a campaign's preflight said when it started; nothing changes it."""

    id: str
    campaign: str
    at: Moment
    rules_revision: Annotated[str, Meta(description="Names the rules that were asked.")]
    waivers: Annotated[list[WaiverAnswer], Meta(description="Those that were used, as they stood.")]
    report: dict[str, Any]


class KeptPreflights(msgspec.Struct):
    """Kept results, newest first."""

    data: list[KeptPreflight]
    next: str | None


class EvidencePage(msgspec.Struct, forbid_unknown_fields=True):
    """Whose results to list: those older than the one with the id `after`."""

    campaign: str = ""
    after: str = ""
    limit: Annotated[int, Meta(ge=1, le=100)] = 10


class WaiverDoor:
    """The operations under `/compliance/waivers` and `/compliance/preflights`."""

    def __init__(self, waivers: Waivers) -> None:
        """Take the feature they speak for."""
        self._waivers = waivers

    def operations(self) -> list[Operation]:
        """Everything callers can do with waivers."""
        tag, scope, path = "Compliance", "compliance", "/compliance/waivers"
        return [
            Operation(method="POST", path=path, handler=self.add, tag=tag, scope=scope, body=AddWaiver, status=201,
                      answers=WaiverAnswer, summary="Set a rule aside", creates=True, refuses=(404, 409)),
            Operation(method="GET", path=path, handler=self.waivers, tag=tag, scope=scope, query=WaiverFilter,
                      answers=WaiverList, summary="List rules set aside, newest first"),
            Operation(method="POST", path=f"{path}/{{id}}/withdraw", handler=self.withdraw, tag=tag, scope=scope,
                      answers=WaiverAnswer, summary="End a waiver; it stays on record", refuses=(404,)),
            Operation(method="GET", path="/compliance/preflights", handler=self.preflights, tag=tag, scope=scope,
                      query=EvidencePage, answers=KeptPreflights, refuses=(404,),
                      summary="What a campaign's preflight said when it started"),
        ]  # fmt: skip

    async def add(self, ask: Ask[AddWaiver, NoQuery]) -> WaiverAnswer:
        """Set a rule aside."""
        told = msgspec.structs.asdict(ask.body)
        return _waiver(
            await self._waivers.add(ask.workspace_id, **told, by=ask.principal.id, as_owner=ask.principal.is_owner)
        )

    async def waivers(self, ask: Ask[NoBody, WaiverFilter]) -> WaiverList:
        """List waivers."""
        asked = ask.query
        found = await self._waivers.list(
            ask.workspace_id,
            campaign=asked.campaign or None,
            in_force=asked.in_force,
            after=asked.after,
            limit=asked.limit + 1,
        )
        shown = [_waiver(one) for one in found[: asked.limit]]
        return WaiverList(shown, shown[-1].id if len(found) > asked.limit else None)

    async def withdraw(self, ask: Ask[NoBody, NoQuery]) -> WaiverAnswer:
        """End a waiver."""
        return _waiver(await self._waivers.withdraw(ask.workspace_id, ask.path["id"], by=ask.principal.id))

    async def preflights(self, ask: Ask[NoBody, EvidencePage]) -> KeptPreflights:
        """Give kept results."""
        asked = ask.query
        found = await self._waivers.evidence(ask.workspace_id, asked.campaign, after=asked.after, limit=asked.limit + 1)
        shown = [_kept(one) for one in found[: asked.limit]]
        return KeptPreflights(shown, shown[-1].id if len(found) > asked.limit else None)


def _waiver(found: dict[str, Any]) -> WaiverAnswer:
    times = {name: moment_or_none(found[name]) for name in ("until", "withdrawn_at")}
    told = found | times | {"created_at": moment(found["created_at"]), "campaign": found["campaign_id"]}
    return msgspec.convert(told, WaiverAnswer)


def _kept(found: dict[str, Any]) -> KeptPreflight:
    return KeptPreflight(
        found["id"],
        found["campaign_id"],
        moment(found["at"]),
        found["rules_revision"],
        [_waiver(one | {"in_force": True}) for one in found["waivers"]],
        found["report"],
    )
