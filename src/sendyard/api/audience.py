"""
Who must not be contacted.
"""

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from sendyard.api.message_bodies import Moment
from sendyard.api.message_views import moment
from sendyard.api.operations import Ask, NoBody, NoQuery, Operation
from sendyard.domain.channels import Channel
from sendyard.features.audience import Suppressions

Reason = Literal["manual", "opted_out", "complaint", "invalid"]


class AddSuppression(msgspec.Struct, forbid_unknown_fields=True):
    """An address nobody here may write to."""

    to: Annotated[str, Meta(examples=["+886912345678"])]
    channel: Annotated[Channel | None, Meta(description="Every channel when null.")] = None
    reason: Reason = "manual"
    source: Annotated[str, Meta(description="Where that is known from, in your words.")] = ""
    country: Annotated[str, Meta(description="By which a national number is read.", max_length=2)] = ""


class SuppressionAnswer(msgspec.Struct):
    """A suppression; a blank channel stands for every one."""

    id: str
    address: str
    channel: str
    reason: str
    source: str
    created_at: Moment


class SuppressionList(msgspec.Struct):
    """Suppressions in the order they were made."""

    data: list[SuppressionAnswer]
    next: str | None


class SuppressionFilter(msgspec.Struct, forbid_unknown_fields=True):
    """Which suppressions to list."""

    to: str = ""
    country: Annotated[str, Meta(max_length=2)] = ""
    after: str = ""
    limit: Annotated[int, Meta(ge=1, le=1000)] = 50


class SuppressionChoice(msgspec.Struct, forbid_unknown_fields=True):
    """The one suppression to lift: that of the channel, or the one of every channel."""

    to: str = ""
    channel: Channel | None = None
    country: Annotated[str, Meta(max_length=2)] = ""


class Audience:
    """The operations under `/suppressions`."""

    def __init__(self, suppressions: Suppressions) -> None:
        """Take the feature they speak for."""
        self._suppressions = suppressions

    def operations(self) -> list[Operation]:
        """Everything callers can do with suppressions."""
        tag, scope, path = "Suppressions", "audience", "/suppressions"
        return [
            Operation(method="POST", path=path, handler=self.add, summary="Forbid an address", tag=tag, scope=scope,
                      body=AddSuppression, answers=SuppressionAnswer, status=201, creates=True),
            Operation(method="GET", path=path, handler=self.list, summary="List suppressions", tag=tag, scope=scope,
                      query=SuppressionFilter, answers=SuppressionList),
            Operation(method="DELETE", path=path, handler=self.remove, summary="Lift one suppression", tag=tag,
                      scope=scope, query=SuppressionChoice, status=204, refuses=(404,)),
        ]  # fmt: skip

    async def add(self, ask: Ask[AddSuppression, NoQuery]) -> SuppressionAnswer:
        """Forbid an address."""
        return _suppression(await self._suppressions.add(ask.workspace_id, **msgspec.structs.asdict(ask.body)))

    async def list(self, ask: Ask[NoBody, SuppressionFilter]) -> SuppressionList:
        """List suppressions."""
        asked = ask.query
        found = await self._suppressions.list(
            ask.workspace_id, to=_number(asked.to), country=asked.country, after=asked.after, limit=asked.limit + 1
        )
        shown = found[: asked.limit]
        following = shown[-1]["id"] if len(found) > asked.limit else None
        return SuppressionList([_suppression(one) for one in shown], following)

    async def remove(self, ask: Ask[NoBody, SuppressionChoice]) -> None:
        """Lift one suppression."""
        asked = ask.query
        await self._suppressions.remove(
            ask.workspace_id, to=_number(asked.to), channel=asked.channel, country=asked.country
        )


def _number(given: str) -> str:
    # In a query a plus sign means a blank, and few callers escape it.
    return f"+{given[1:]}" if given.startswith(" ") else given


def _suppression(found: dict[str, Any]) -> SuppressionAnswer:
    return SuppressionAnswer(**(found | {"created_at": moment(found["created_at"])}))
