"""
The team: who gets test messages, and whom keys of the kind team reach.
"""

from typing import Annotated, Any

import msgspec
from msgspec import Meta

from sendyard.api.message_bodies import Moment
from sendyard.api.message_views import moment
from sendyard.api.operations import Answer, Ask, NoBody, NoQuery, Operation
from sendyard.features.people import Team

_DELETED = 204


class AddMember(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """A person of the team."""

    name: Annotated[str, Meta(examples=["Mina"])]
    addresses: Annotated[
        list[str], Meta(description="Phone numbers, or ids of WhatsApp or LINE.", examples=[["+886912345678"]])
    ]
    country: Annotated[str, Meta(description="Country code by which national numbers are read.", max_length=2)] = ""


class MemberAnswer(msgspec.Struct):
    """A person of the team."""

    id: str
    name: str
    addresses: list[str]
    created_at: Moment


class MemberList(msgspec.Struct):
    """Everybody in the team, oldest first."""

    data: list[MemberAnswer]
    next: str | None = None


class TeamDoor:
    """The operations under `/team`."""

    def __init__(self, team: Team) -> None:
        """Take the feature they speak for."""
        self._team = team

    def operations(self) -> list[Operation]:
        """Everything callers can do with the team."""
        tag, scope = "Team", "keys"
        return [
            Operation(method="GET", path="/team", handler=self.list, tag=tag, scope=scope, summary="Who is in the team",
                      answers=MemberList),
            Operation(method="POST", path="/team", handler=self.add, tag=tag, scope=scope, summary="Add somebody",
                      body=AddMember, answers=MemberAnswer, status=201, creates=True),
            Operation(method="DELETE", path="/team/{id}", handler=self.remove, tag=tag, scope=scope,
                      summary="Remove somebody", status=_DELETED, refuses=(404,)),
        ]  # fmt: skip

    async def list(self, ask: Ask[NoBody, NoQuery]) -> MemberList:
        """Say who is in the team."""
        return MemberList([_member(one) for one in await self._team.list(ask.workspace_id)])

    async def add(self, ask: Ask[AddMember, NoQuery]) -> MemberAnswer:
        """Add somebody."""
        wish = ask.body
        return _member(
            await self._team.add(
                ask.workspace_id, name=wish.name, addresses=wish.addresses, country=wish.country.upper()
            )
        )

    async def remove(self, ask: Ask[NoBody, NoQuery]) -> Answer:
        """Remove somebody."""
        await self._team.remove(ask.workspace_id, ask.path["id"])
        return Answer(_DELETED)


def _member(found: dict[str, Any]) -> MemberAnswer:
    return msgspec.convert({**found, "created_at": moment(found["created_at"])}, MemberAnswer)
