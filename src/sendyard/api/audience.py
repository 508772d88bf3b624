"""
Who must not be contacted.
"""

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from sendyard.api.campaign_bodies import FILE_LIMIT
from sendyard.api.message_bodies import Moment
from sendyard.api.message_views import moment, moment_or_none
from sendyard.api.operations import Answer, Ask, NoBody, NoQuery, Operation
from sendyard.domain.channels import Channel, Purpose
from sendyard.features.audience import ProviderLists, Suppressions, read_stops

Reason = Literal["manual", "opted_out", "complaint", "invalid", "do_not_call"]


class AddSuppression(msgspec.Struct, forbid_unknown_fields=True):
    """An address nobody here may write to."""

    to: Annotated[str, Meta(examples=["+886912345678"])]
    channel: Annotated[Channel | None, Meta(description="Every channel when null.")] = None
    purpose: Annotated[Purpose | None, Meta(description="Every purpose when null.")] = None
    reason: Reason = "manual"
    source: Annotated[str, Meta(description="Where that is known from, in your words.")] = ""
    evidence: Annotated[str, Meta(description="What shows it, such as the person's words.")] = ""
    country: Annotated[str, Meta(description="By which a national number is read.", max_length=2)] = ""


class SuppressionAnswer(msgspec.Struct):
    """A suppression; a blank channel or purpose stands for every one."""

    id: str
    address: str
    channel: str
    purpose: str
    reason: str
    source: str
    evidence: str
    created_at: Moment
    needs_review: Annotated[bool, Meta(description="Read from a sentence of the person; somebody should look at it.")]


class SuppressionList(msgspec.Struct):
    """Suppressions in the order they were made."""

    data: list[SuppressionAnswer]
    next: str | None


class SuppressionFilter(msgspec.Struct, forbid_unknown_fields=True):
    """Which suppressions to list."""

    to: str = ""
    country: Annotated[str, Meta(max_length=2)] = ""
    to_review: Annotated[bool, Meta(description="Only those read from a sentence that nobody looked at yet.")] = False
    after: str = ""
    limit: Annotated[int, Meta(ge=1, le=1000)] = 50


class SuppressionChoice(msgspec.Struct, forbid_unknown_fields=True):
    """The one suppression to lift: that of the channel and purpose, or the one of all."""

    to: str = ""
    channel: Channel | None = None
    purpose: Purpose | None = None
    country: Annotated[str, Meta(max_length=2)] = ""


class SuppressionFile(msgspec.Struct, forbid_unknown_fields=True):
    """A list to take over: one address a line, or CSV with a header that has `address`."""

    csv: str
    reason: Reason = "manual"
    source: str = ""
    country: Annotated[str, Meta(description="By which national numbers are read.", max_length=2)] = ""


class RefusedLine(msgspec.Struct):
    """A line that was not taken; rows count as in the file, where a header is row 1."""

    row: int
    address: str
    code: str
    detail: str


class LoadedAnswer(msgspec.Struct):
    """What became of a list."""

    rows: int
    added: int
    known: int
    refused: list[RefusedLine]


class SyncProviderList(msgspec.Struct, forbid_unknown_fields=True):
    """Whose list to read now."""

    account: Annotated[str, Meta(description="Id or name of an account.")]


class KeepList(msgspec.Struct, forbid_unknown_fields=True):
    """How an account's list is kept in step; what is null stays."""

    every_hours: (
        Annotated[int, Meta(ge=0, le=720, description="How often it is read by itself; 0 for never.")] | None
    ) = None
    tell: Annotated[
        bool | None, Meta(description="Whether the provider is told what people refuse here, old refusals too.")
    ] = None


class ProviderListAnswer(msgspec.Struct):
    """
    The list an account's provider keeps of who refused. `reads` and `takes` say what the provider documents.

    The counts are those of the last reading, or of the one under way: who refuses, who agreed, and how many
    suppressions that added. A reading never lifts one.
    """

    account: str
    provider: str
    reads: bool
    takes: bool
    detail: str
    every_hours: int
    tells: bool
    state: Literal["none", "never", "reading", "done", "failed"]
    refusing: int
    agreed: int
    added: int
    error: str
    began_at: Moment | None
    done_at: Moment | None
    next_at: Moment | None


class ProviderListList(msgspec.Struct):
    """Every account, oldest first."""

    data: list[ProviderListAnswer]
    next: str | None = None


class Audience:
    """The operations under `/suppressions`."""

    def __init__(self, suppressions: Suppressions, lists: ProviderLists) -> None:
        """Take the features they speak for."""
        self._suppressions = suppressions
        self._lists = lists

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
            Operation(method="POST", path=f"{path}/import", handler=self.load, summary="Take over a list", tag=tag,
                      scope=scope, body=SuppressionFile, answers=LoadedAnswer, body_limit=FILE_LIMIT),
            Operation(method="GET", path=f"{path}/export", handler=self.file, summary="Every suppression as a file",
                      tag=tag, scope=scope, answers=str, content_types=("text/csv",)),
            Operation(method="POST", path=f"{path}/{{id}}/reviewed", handler=self.reviewed, tag=tag, scope=scope,
                      summary="Find right what was read from a sentence", status=204, refuses=(404,)),
            Operation(method="POST", path=f"{path}/sync", handler=self.sync, tag=tag, scope=scope,
                      summary="Read who refused at a provider", body=SyncProviderList, answers=ProviderListAnswer,
                      refuses=(404, 409)),
            Operation(method="GET", path=f"{path}/lists", handler=self.lists, tag=tag, scope=scope,
                      summary="Lists that providers keep of who refused", answers=ProviderListList),
            Operation(method="PATCH", path=f"{path}/lists/{{account}}", handler=self.keep, tag=tag, scope=scope,
                      summary="Keep a provider's list in step by itself", body=KeepList, answers=ProviderListAnswer,
                      refuses=(404, 409)),
        ]  # fmt: skip

    async def add(self, ask: Ask[AddSuppression, NoQuery]) -> SuppressionAnswer:
        """Forbid an address."""
        return _suppression(await self._suppressions.add(ask.workspace_id, **msgspec.structs.asdict(ask.body)))

    async def list(self, ask: Ask[NoBody, SuppressionFilter]) -> SuppressionList:
        """List suppressions."""
        asked = ask.query
        found = await self._suppressions.list(
            ask.workspace_id,
            to=number_of(asked.to),
            country=asked.country,
            after=asked.after,
            limit=asked.limit + 1,
            to_review=asked.to_review,
        )
        shown = found[: asked.limit]
        following = shown[-1]["id"] if len(found) > asked.limit else None
        return SuppressionList([_suppression(one) for one in shown], following)

    async def remove(self, ask: Ask[NoBody, SuppressionChoice]) -> None:
        """Lift one suppression."""
        asked = ask.query
        await self._suppressions.remove(
            ask.workspace_id,
            to=number_of(asked.to),
            channel=asked.channel,
            purpose=asked.purpose,
            country=asked.country,
        )

    async def load(self, ask: Ask[SuppressionFile, NoQuery]) -> LoadedAnswer:
        """Take over a list."""
        body = ask.body
        found = await self._suppressions.load(
            ask.workspace_id, read_stops(body.csv), country=body.country, reason=body.reason, source=body.source
        )
        return msgspec.convert(found, LoadedAnswer)

    async def file(self, ask: Ask[NoBody, NoQuery]) -> Answer:
        """Give every suppression, piece by piece."""
        headers = {"content-disposition": 'attachment; filename="suppressions.csv"'}
        return Answer(200, b"", "text/csv", headers, self._suppressions.file(ask.workspace_id))

    async def reviewed(self, ask: Ask[NoBody, NoQuery]) -> None:
        """Find right what was read from a sentence."""
        await self._suppressions.reviewed(ask.workspace_id, ask.path["id"])

    async def sync(self, ask: Ask[SyncProviderList, NoQuery]) -> ProviderListAnswer:
        """Read who refused at a provider."""
        return _listed(await self._lists.sync(ask.workspace_id, ask.body.account))

    async def lists(self, ask: Ask[NoBody, NoQuery]) -> ProviderListList:
        """Give the lists of every account."""
        return ProviderListList([_listed(one) for one in await self._lists.list(ask.workspace_id)])

    async def keep(self, ask: Ask[KeepList, NoQuery]) -> ProviderListAnswer:
        """Keep a list in step."""
        wish = ask.body
        return _listed(
            await self._lists.change(
                ask.workspace_id,
                ask.path["account"],
                every_hours=wish.every_hours,
                tell=wish.tell,
                by=ask.principal.id,
            )
        )


def number_of(given: str) -> str:
    """Give the number a query meant."""
    # In a query a plus sign means a blank, and few callers escape it.
    return f"+{given[1:]}" if given.startswith(" ") else given


def _suppression(found: dict[str, Any]) -> SuppressionAnswer:
    return SuppressionAnswer(**(found | {"created_at": moment(found["created_at"])}))


def _listed(found: dict[str, Any]) -> ProviderListAnswer:
    timed = {name: moment_or_none(found[name]) for name in ("began_at", "done_at", "next_at")}
    return msgspec.convert(found | timed, ProviderListAnswer)
