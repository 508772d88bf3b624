"""
Campaigns: from whoever is meant to the last outcome.
"""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from sendyard.api.campaign_bodies import (
    FILE_LIMIT,
    CampaignAnswer,
    CampaignList,
    CampaignPage,
    CreateCampaign,
    ProgressAnswer,
    RecipientList,
    RecipientPage,
    ResultsPage,
)
from sendyard.api.campaign_views import campaign_answer, progress_answer, recipient_answer
from sendyard.api.contents import campaign_files
from sendyard.api.operations import EVENT_STREAM, JSON, Answer, Ask, NoBody, NoQuery, Operation, encode
from sendyard.api.preflight import PreflightAnswer, forecast_answer
from sendyard.domain.errors import FieldError, Invalid
from sendyard.domain.status import CampaignStatus
from sendyard.features.campaigns import Campaigns, Plan
from sendyard.features.campaigns.plan import Audience, Record
from sendyard.features.media import MediaLibrary

_LOOK = 1.0  # seconds between looks at a campaign that somebody watches
_SILENCE = 15  # looks without news after which a comment keeps proxies from closing the stream

Action = Callable[..., Awaitable[dict[str, Any]]]


class CampaignDoor:
    """The operations under `/campaigns`."""

    def __init__(self, campaigns: Campaigns, media: MediaLibrary, *, look: float = _LOOK) -> None:
        """Take the feature they speak for, the files, and the seconds between looks of a progress stream."""
        self._media = media
        self._campaigns = campaigns
        self._look = look

    def operations(self) -> list[Operation]:
        """Everything callers can do with campaigns."""
        tag, scope, one = "Campaigns", "campaigns", "/campaigns/{id}"
        return [
            Operation(method="POST", path="/campaigns", handler=self.create, tag=tag, scope=scope, status=201,
                      summary="Make a campaign", body=CreateCampaign, answers=CampaignAnswer,
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
                      summary="Every row with its outcome, as a file", query=ResultsPage, answers=str,
                      content_types=("text/csv",), refuses=(404,)),
            Operation(method="GET", path=f"{one}/progress", handler=self.progress, tag=tag, scope=scope,
                      summary="Where it stands; a stream of server-sent events when Accept asks for one",
                      answers=ProgressAnswer, content_types=(JSON, EVENT_STREAM), refuses=(404,)),
        ]  # fmt: skip

    async def create(self, ask: Ask[CreateCampaign, NoQuery]) -> CampaignAnswer:
        """Make a campaign from a file."""
        wish, people, by = ask.body, ask.body.audience, ask.principal
        plan = Plan(
            when=wish.when,
            throttle=wish.throttle,
            waves=tuple(wish.waves),
            auto_pause=wish.auto_pause,
            budget=wish.budget,
            repeat=wish.repeat,
            experiment=wish.experiment.terms if wish.experiment else None,
            record=Record(table=wish.record.table, key=wish.record.key) if wish.record else None,
            media=await campaign_files(self._media, ask.workspace_id, wish.media),
            audience=Audience(
                lists=tuple(people.lists),
                segments=tuple(people.segments),
                exclude_lists=tuple(people.exclude_lists),
                exclude_segments=tuple(people.exclude_segments),
            ),
        )
        found = await self._campaigns.create(
            ask.workspace_id,
            name=wish.name,
            template_code=wish.template,
            text=wish.text,
            csv=file_of(wish.csv, wish.csv_base64),
            channel=wish.channel,
            purpose=wish.purpose,
            country=wish.country,
            sender=wish.sender,
            account=wish.account,
            expires_in=wish.expires_in,
            phone_column=wish.phone_column,
            plan=plan,
            numbers=people.numbers,
            contacts=people.contacts,
            contact_fields=wish.contact_fields,
            variants=wish.experiment.variants if wish.experiment else (),
            start=wish.start,
            by=by.id,
            reach=by.reach,
        )
        return campaign_answer(found)

    async def list(self, ask: Ask[NoBody, CampaignPage]) -> CampaignList:
        """List campaigns."""
        limit = ask.query.limit
        found = await self._campaigns.list(
            ask.workspace_id,
            after=ask.query.after,
            limit=limit + 1,
            archived=ask.query.archived,
            parent=ask.query.parent,
        )
        shown = found[:limit]
        return CampaignList([campaign_answer(one) for one in shown], shown[-1]["id"] if len(found) > limit else None)

    async def get(self, ask: Ask[NoBody, NoQuery]) -> CampaignAnswer:
        """Give one campaign."""
        return await _done(self._campaigns.get, ask)

    async def preflight(self, ask: Ask[NoBody, NoQuery]) -> PreflightAnswer:
        """Say what a start now would do."""
        return forecast_answer(await self._campaigns.preflight(ask.workspace_id, ask.path["id"]))

    async def start(self, ask: Ask[NoBody, NoQuery]) -> CampaignAnswer:
        """Begin to send."""
        return await _done(self._campaigns.start, ask, by=ask.principal.id, reach=ask.principal.reach)

    async def pause(self, ask: Ask[NoBody, NoQuery]) -> CampaignAnswer:
        """Hand nothing more over."""
        return await _done(self._campaigns.pause, ask)

    async def resume(self, ask: Ask[NoBody, NoQuery]) -> CampaignAnswer:
        """Go on where it stopped."""
        return await _done(self._campaigns.resume, ask, reach=ask.principal.reach)

    async def cancel(self, ask: Ask[NoBody, NoQuery]) -> CampaignAnswer:
        """End it for good."""
        return await _done(self._campaigns.cancel, ask)

    async def retry_failed(self, ask: Ask[NoBody, NoQuery]) -> CampaignAnswer:
        """Make a new draft of those who got nothing."""
        return await _done(self._campaigns.retry_failed, ask, by=ask.principal.id)

    async def recipients(self, ask: Ask[NoBody, RecipientPage]) -> RecipientList:
        """Give rows of the file."""
        asked = ask.query
        found = await self._campaigns.recipients(
            ask.workspace_id, ask.path["id"], after_row=asked.after, limit=asked.limit + 1, status=asked.status
        )
        shown = found[: asked.limit]
        following = str(shown[-1]["row"]) if len(found) > asked.limit else None
        return RecipientList([recipient_answer(one) for one in shown], following)

    async def results(self, ask: Ask[NoBody, ResultsPage]) -> Answer:
        """Give every row with its outcome, piece by piece."""
        pieces = await self._campaigns.results_csv(ask.workspace_id, ask.path["id"], status=ask.query.status)
        name = f'attachment; filename="campaign-{ask.path["id"]}.csv"'
        return Answer(200, b"", "text/csv", {"content-disposition": name}, pieces)

    async def progress(self, ask: Ask[NoBody, NoQuery]) -> Answer:
        """Say where it stands, once or as a stream."""
        now = await self._now(ask.workspace_id, ask.path["id"])
        if EVENT_STREAM not in ask.accept:
            return Answer(200, encode(now))
        stream = self._stream(ask.workspace_id, now, ask.last_event_id)
        return Answer(200, b"", EVENT_STREAM, {"cache-control": "no-store", "x-accel-buffering": "no"}, stream)

    async def _now(self, workspace_id: str, campaign_id: str) -> ProgressAnswer:
        return progress_answer(await self._campaigns.progress(workspace_id, campaign_id))

    async def _stream(self, workspace_id: str, now: ProgressAnswer, seen: str) -> AsyncIterator[bytes]:
        """
        Tell the whole progress whenever it changed, at most once a look; whoever comes back is spared what it knows.

        The id of an event is that of its content, so it holds in every process and after a restart.
        """
        silent = 0
        while True:
            news = encode(now)
            name = hashlib.blake2b(news, digest_size=8).hexdigest()
            if name != seen:
                yield b"id: " + name.encode() + b"\nevent: progress\ndata: " + news + b"\n\n"
                seen, silent = name, 0
            if CampaignStatus(now.status).is_final:
                yield b"event: end\ndata: {}\n\n"
                return
            silent += 1
            if silent % _SILENCE == 0:
                yield b": still here\n\n"
            await asyncio.sleep(self._look)
            now = await self._now(workspace_id, now.id)


def file_of(text: str | None, content: bytes | None) -> bytes | None:
    """Give the bytes of a file that came as text or as bytes. Raises Invalid for both."""
    if text is not None and content is not None:
        detail = "Expected the file either as `csv` or as `csv_base64`, found both."
        raise Invalid("one_file", detail, errors=[FieldError("/csv", "one_file", detail)])
    return text.encode() if text is not None else content


async def _done(action: Action, ask: Ask[Any, Any], **who: str) -> CampaignAnswer:
    return campaign_answer(await action(ask.workspace_id, ask.path["id"], **who))
