"""
Campaigns: from a file to the last outcome.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any

import msgspec

from sendyard.api.campaign_bodies import (
    FILE_LIMIT,
    CampaignAnswer,
    CampaignList,
    CampaignPage,
    CreateCampaign,
    ProgressAnswer,
    RecipientAnswer,
    RecipientList,
    RecipientPage,
)
from sendyard.api.message_views import moment_or_none
from sendyard.api.operations import EVENT_STREAM, JSON, Answer, Ask, NoBody, NoQuery, Operation, encode
from sendyard.api.preflight import PreflightAnswer, forecast_answer
from sendyard.domain.errors import FieldError, Invalid
from sendyard.domain.status import CampaignStatus
from sendyard.features.campaigns import Campaigns

_LOOK = 1.0  # seconds between looks at a campaign that somebody watches
_SILENCE = 15  # looks without news after which a comment keeps proxies from closing the stream
_TIMES = ("created_at", "started_at", "finished_at", "finish_at", "sent_at", "delivered_at")

Action = Callable[[str, str], Awaitable[dict[str, Any]]]


class CampaignDoor:
    """The operations under `/campaigns`."""

    def __init__(self, campaigns: Campaigns, *, look: float = _LOOK) -> None:
        """Take the feature they speak for, and the seconds between looks of a progress stream."""
        self._campaigns = campaigns
        self._look = look

    def operations(self) -> list[Operation]:
        """Everything callers can do with campaigns."""
        tag, scope, one = "Campaigns", "campaigns", "/campaigns/{id}"
        return [
            Operation(method="POST", path="/campaigns", handler=self.create, tag=tag, scope=scope, status=201,
                      summary="Make a campaign from a file", body=CreateCampaign, answers=CampaignAnswer,
                      creates=True, refuses=(404,), body_limit=FILE_LIMIT),
            Operation(method="GET", path="/campaigns", handler=self.list, tag=tag, scope=scope,
                      summary="List campaigns, newest first", query=CampaignPage, answers=CampaignList),
            Operation(method="GET", path=one, handler=self.get, tag=tag, scope=scope, summary="One campaign",
                      answers=CampaignAnswer, refuses=(404,)),
            Operation(method="POST", path=f"{one}/preflight", handler=self.preflight, tag=tag, scope=scope,
                      summary="What a start now would do", answers=PreflightAnswer, refuses=(404,)),
            Operation(method="POST", path=f"{one}/start", handler=self.start, tag=tag, scope=scope,
                      summary="Begin to send", answers=CampaignAnswer, refuses=(404, 409)),
            Operation(method="POST", path=f"{one}/pause", handler=self.pause, tag=tag, scope=scope,
                      summary="Hand nothing more over", answers=CampaignAnswer, refuses=(404, 409)),
            Operation(method="POST", path=f"{one}/resume", handler=self.resume, tag=tag, scope=scope,
                      summary="Go on where it stopped", answers=CampaignAnswer, refuses=(404, 409)),
            Operation(method="POST", path=f"{one}/cancel", handler=self.cancel, tag=tag, scope=scope,
                      summary="End it for good", answers=CampaignAnswer, refuses=(404, 409)),
            Operation(method="POST", path=f"{one}/retry-failed", handler=self.retry_failed, tag=tag, scope=scope,
                      summary="Make a new draft of those who got nothing", answers=CampaignAnswer, status=201,
                      creates=True, refuses=(404, 409)),
            Operation(method="GET", path=f"{one}/recipients", handler=self.recipients, tag=tag, scope=scope,
                      summary="Rows of the file and what became of them", query=RecipientPage,
                      answers=RecipientList, refuses=(404,)),
            Operation(method="GET", path=f"{one}/results.csv", handler=self.results, tag=tag, scope=scope,
                      summary="Every row with its outcome, as a file", answers=str, content_types=("text/csv",),
                      refuses=(404,)),
            Operation(method="GET", path=f"{one}/progress", handler=self.progress, tag=tag, scope=scope,
                      summary="Where it stands; a stream of server-sent events when Accept asks for one",
                      answers=ProgressAnswer, content_types=(JSON, EVENT_STREAM), refuses=(404,)),
        ]  # fmt: skip

    async def create(self, ask: Ask[CreateCampaign, NoQuery]) -> CampaignAnswer:
        """Make a campaign from a file."""
        wish = ask.body
        found = await self._campaigns.create(
            ask.workspace_id,
            name=wish.name,
            template_code=wish.template,
            text=wish.text,
            csv=_file(wish),
            channel=wish.channel,
            purpose=wish.purpose,
            country=wish.country,
            sender=wish.sender,
            account=wish.account,
            expires_in=wish.expires_in,
            phone_column=wish.phone_column,
        )
        return _campaign(found)

    async def list(self, ask: Ask[NoBody, CampaignPage]) -> CampaignList:
        """List campaigns."""
        limit = ask.query.limit
        found = await self._campaigns.list(ask.workspace_id, after=ask.query.after, limit=limit + 1)
        shown = found[:limit]
        return CampaignList([_campaign(one) for one in shown], shown[-1]["id"] if len(found) > limit else None)

    async def get(self, ask: Ask[NoBody, NoQuery]) -> CampaignAnswer:
        """Give one campaign."""
        return await _done(self._campaigns.get, ask)

    async def preflight(self, ask: Ask[NoBody, NoQuery]) -> PreflightAnswer:
        """Say what a start now would do."""
        return forecast_answer(await self._campaigns.preflight(ask.workspace_id, ask.path["id"]))

    async def start(self, ask: Ask[NoBody, NoQuery]) -> CampaignAnswer:
        """Begin to send."""
        return await _done(self._campaigns.start, ask)

    async def pause(self, ask: Ask[NoBody, NoQuery]) -> CampaignAnswer:
        """Hand nothing more over."""
        return await _done(self._campaigns.pause, ask)

    async def resume(self, ask: Ask[NoBody, NoQuery]) -> CampaignAnswer:
        """Go on where it stopped."""
        return await _done(self._campaigns.resume, ask)

    async def cancel(self, ask: Ask[NoBody, NoQuery]) -> CampaignAnswer:
        """End it for good."""
        return await _done(self._campaigns.cancel, ask)

    async def retry_failed(self, ask: Ask[NoBody, NoQuery]) -> CampaignAnswer:
        """Make a new draft of those who got nothing."""
        return await _done(self._campaigns.retry_failed, ask)

    async def recipients(self, ask: Ask[NoBody, RecipientPage]) -> RecipientList:
        """Give rows of the file."""
        asked = ask.query
        found = await self._campaigns.recipients(
            ask.workspace_id, ask.path["id"], after_row=asked.after, limit=asked.limit + 1, status=asked.status
        )
        shown = found[: asked.limit]
        following = str(shown[-1]["row"]) if len(found) > asked.limit else None
        return RecipientList([msgspec.convert(_with_times(one), RecipientAnswer) for one in shown], following)

    async def results(self, ask: Ask[NoBody, NoQuery]) -> Answer:
        """Give every row with its outcome, piece by piece."""
        pieces = await self._campaigns.results_csv(ask.workspace_id, ask.path["id"])
        name = f'attachment; filename="campaign-{ask.path["id"]}.csv"'
        return Answer(200, b"", "text/csv", {"content-disposition": name}, pieces)

    async def progress(self, ask: Ask[NoBody, NoQuery]) -> Answer:
        """Say where it stands, once or as a stream."""
        now = await self._now(ask.workspace_id, ask.path["id"])
        if EVENT_STREAM not in ask.accept:
            return Answer(200, encode(now))
        stream = self._stream(ask.workspace_id, now)
        return Answer(200, b"", EVENT_STREAM, {"cache-control": "no-store", "x-accel-buffering": "no"}, stream)

    async def _now(self, workspace_id: str, campaign_id: str) -> ProgressAnswer:
        return msgspec.convert(_with_times(await self._campaigns.progress(workspace_id, campaign_id)), ProgressAnswer)

    async def _stream(self, workspace_id: str, now: ProgressAnswer) -> AsyncIterator[bytes]:
        told = b""
        silent = 0
        while True:
            news = encode(now)
            if news != told:
                yield b"event: progress\ndata: " + news + b"\n\n"
                told, silent = news, 0
            if CampaignStatus(now.status).is_final:
                yield b"event: end\ndata: {}\n\n"
                return
            silent += 1
            if silent % _SILENCE == 0:
                yield b": still here\n\n"
            await asyncio.sleep(self._look)
            now = await self._now(workspace_id, now.id)


def _file(wish: CreateCampaign) -> bytes:
    if (wish.csv is None) == (wish.csv_base64 is None):
        detail = "Expected the file either as `csv` or as `csv_base64`, found both or neither."
        raise Invalid("one_file", detail, errors=[FieldError("/csv", "one_file", detail)])
    return wish.csv.encode() if wish.csv is not None else wish.csv_base64 or b""


async def _done(action: Action, ask: Ask[Any, Any]) -> CampaignAnswer:
    return _campaign(await action(ask.workspace_id, ask.path["id"]))


def _campaign(found: Mapping[str, Any]) -> CampaignAnswer:
    return msgspec.convert(_with_times(found), CampaignAnswer)


def _with_times(found: Mapping[str, Any]) -> dict[str, Any]:
    return {name: moment_or_none(value) if name in _TIMES else value for name, value in found.items()}
