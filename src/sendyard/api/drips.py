"""
Drips: series of messages, who is in them, and how far.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from sendyard.api.campaign_bodies import FILE_LIMIT, TestList, TestSent
from sendyard.api.campaigns import file_of
from sendyard.api.contents import campaign_files
from sendyard.api.drip_bodies import (
    AddToDrip,
    CreateDrip,
    DripAnswer,
    DripList,
    DripPage,
    DripPeopleList,
    DripPeoplePage,
    DripPerson,
    DripSummary,
    EditDrip,
    StepForecast,
    StepForecastList,
    StepWish,
    TestDrip,
)
from sendyard.api.message_views import moment_or_none
from sendyard.api.operations import Answer, Ask, NoBody, NoQuery, Operation
from sendyard.api.preflight import forecast_answer
from sendyard.features.campaigns.drips import Drips
from sendyard.features.campaigns.drips.plan import DripPlan, Step
from sendyard.features.campaigns.plan import Audience
from sendyard.features.media import MediaLibrary

_TIMES = ("created_at", "started_at", "finished_at", "next_at", "entered_at", "ended_at", "made_at")


class DripDoor:
    """The operations under `/drips`."""

    def __init__(self, drips: Drips, media: MediaLibrary) -> None:
        """Take the feature they speak for, and where files are."""
        self._drips = drips
        self._media = media

    def operations(self) -> list[Operation]:
        """Everything callers can do with drips."""
        tag, scope, one = "Drips", "campaigns", "/drips/{id}"
        return [
            Operation(method="POST", path="/drips", handler=self.create, tag=tag, scope=scope, status=201,
                      summary="Make a drip", body=CreateDrip, answers=DripAnswer, creates=True, refuses=(404,),
                      body_limit=FILE_LIMIT),
            Operation(method="GET", path="/drips", handler=self.list, tag=tag, scope=scope,
                      summary="List drips, newest first", query=DripPage, answers=DripList),
            Operation(method="GET", path=one, handler=self.get, tag=tag, scope=scope, summary="One drip",
                      answers=DripAnswer, refuses=(404,)),
            Operation(method="PATCH", path=one, handler=self.edit, tag=tag, scope=scope, summary="Change a drip",
                      body=EditDrip, answers=DripAnswer, refuses=(404, 409)),
            Operation(method="POST", path=f"{one}/preflight", handler=self.preflight, tag=tag, scope=scope,
                      summary="What each step would do", answers=StepForecastList, refuses=(404,)),
            Operation(method="POST", path=f"{one}/test", handler=self.test, tag=tag, scope=scope,
                      summary="Send one step to the team", body=TestDrip, body_optional=True, answers=TestList,
                      status=202, creates=True, refuses=(404, 409)),
            Operation(method="POST", path=f"{one}/start", handler=self.start, tag=tag, scope=scope,
                      summary="Let people in, and go", answers=DripAnswer, refuses=(404, 409)),
            Operation(method="POST", path=f"{one}/pause", handler=self.pause, tag=tag, scope=scope,
                      summary="Take no further step", answers=DripAnswer, refuses=(404, 409)),
            Operation(method="POST", path=f"{one}/resume", handler=self.resume, tag=tag, scope=scope,
                      summary="Go on where it stopped", answers=DripAnswer, refuses=(404, 409)),
            Operation(method="POST", path=f"{one}/cancel", handler=self.cancel, tag=tag, scope=scope,
                      summary="End it for everybody", answers=DripAnswer, refuses=(404,)),
            Operation(method="POST", path=f"{one}/people", handler=self.add, tag=tag, scope=scope, status=201,
                      summary="Let one person in", body=AddToDrip, answers=DripPerson, creates=True,
                      refuses=(404, 409)),
            Operation(method="GET", path=f"{one}/people", handler=self.people, tag=tag, scope=scope,
                      summary="Who is in it, and how far", query=DripPeoplePage, answers=DripPeopleList,
                      refuses=(404,)),
            Operation(method="GET", path=f"{one}/results.csv", handler=self.results, tag=tag, scope=scope,
                      summary="Everybody with every step, as a file", answers=str, content_types=("text/csv",),
                      refuses=(404,)),
        ]  # fmt: skip

    async def create(self, ask: Ask[CreateDrip, NoQuery]) -> DripAnswer:
        """Make a drip."""
        wish, people = ask.body, ask.body.audience
        plan = DripPlan(
            steps=await self._steps(ask.workspace_id, wish.steps),
            audience=Audience(
                lists=tuple(people.lists),
                segments=tuple(people.segments),
                exclude_lists=tuple(people.exclude_lists),
                exclude_segments=tuple(people.exclude_segments),
            ),
            exit=tuple(wish.exit),
            enrol=wish.enrol,
            again=wish.again,
            throttle=wish.throttle,
            budget=wish.budget,
        )
        found = await self._drips.create(
            ask.workspace_id,
            name=wish.name,
            plan=plan,
            channel=wish.channel,
            purpose=wish.purpose,
            country=wish.country,
            sender=wish.sender,
            account=wish.account,
            expires_in=wish.expires_in,
            numbers=people.numbers,
            contacts=people.contacts,
            csv=file_of(wish.csv, wish.csv_base64),
            phone_column=wish.phone_column,
            contact_fields=wish.contact_fields,
            start=wish.start,
            by=ask.principal.id,
            reach=ask.principal.reach,
        )
        return _answer(found)

    async def list(self, ask: Ask[NoBody, DripPage]) -> DripList:
        """List drips."""
        limit = ask.query.limit
        found = await self._drips.list(ask.workspace_id, after=ask.query.after, limit=limit + 1)
        shown = found[:limit]
        data = [msgspec.convert(_timed(one), DripSummary) for one in shown]
        return DripList(data, shown[-1]["id"] if len(found) > limit else None)

    async def get(self, ask: Ask[NoBody, NoQuery]) -> DripAnswer:
        """Give one drip."""
        return _answer(await self._drips.get(ask.workspace_id, ask.path["id"]))

    async def edit(self, ask: Ask[EditDrip, NoQuery]) -> DripAnswer:
        """Change a drip."""
        given = {name: getattr(ask.body, name) for name in ask.body.__struct_fields__ if name != "apply_to"}
        changes = {
            name: tuple(value) if name == "exit" else value
            for name, value in given.items()
            if value is not msgspec.UNSET
        }
        if "steps" in changes:
            changes["steps"] = await self._steps(ask.workspace_id, changes["steps"])
        who = ask.principal
        found = await self._drips.edit(
            ask.workspace_id, ask.path["id"], changes, apply_to=ask.body.apply_to, by=who.id, reach=who.reach
        )
        return _answer(found)

    async def _steps(self, workspace_id: str, wishes: Sequence[StepWish]) -> tuple[Step, ...]:
        """Find the files of each step."""
        found = []
        for place, one in enumerate(wishes):
            files = await campaign_files(self._media, workspace_id, one.media, f"/steps/{place}")
            own = {name: getattr(one, name) for name in one.__struct_fields__ if name != "media"}
            found.append(Step(**own, media=files))
        return tuple(found)

    async def preflight(self, ask: Ask[NoBody, NoQuery]) -> StepForecastList:
        """Say what each step would do."""
        found = await self._drips.preflight(ask.workspace_id, ask.path["id"])
        return StepForecastList([StepForecast(step, forecast_answer(forecast)) for step, forecast in found])

    async def test(self, ask: Ask[TestDrip, NoQuery]) -> TestList:
        """Send one step to the team."""
        sent = await self._drips.test(
            ask.workspace_id, ask.path["id"], step=ask.body.step, to=ask.body.to, test=ask.is_test
        )
        return TestList([msgspec.convert(one, TestSent) for one in sent])

    async def start(self, ask: Ask[NoBody, NoQuery]) -> DripAnswer:
        """Let people in, and go."""
        who = ask.principal
        return _answer(await self._drips.start(ask.workspace_id, ask.path["id"], by=who.id, reach=who.reach))

    async def pause(self, ask: Ask[NoBody, NoQuery]) -> DripAnswer:
        """Take no further step."""
        return _answer(await self._drips.pause(ask.workspace_id, ask.path["id"]))

    async def resume(self, ask: Ask[NoBody, NoQuery]) -> DripAnswer:
        """Go on where it stopped."""
        return _answer(await self._drips.resume(ask.workspace_id, ask.path["id"], reach=ask.principal.reach))

    async def cancel(self, ask: Ask[NoBody, NoQuery]) -> DripAnswer:
        """End it for everybody."""
        return _answer(await self._drips.cancel(ask.workspace_id, ask.path["id"]))

    async def add(self, ask: Ask[AddToDrip, NoQuery]) -> DripPerson:
        """Let one person in."""
        wish = ask.body
        found = await self._drips.add(
            ask.workspace_id,
            ask.path["id"],
            to=wish.to,
            contact=wish.contact,
            variables=wish.variables,
            reach=ask.principal.reach,
        )
        return msgspec.convert(_timed(found), DripPerson)

    async def people(self, ask: Ask[NoBody, DripPeoplePage]) -> DripPeopleList:
        """Say who is in it, and how far."""
        asked = ask.query
        found = await self._drips.people(
            ask.workspace_id, ask.path["id"], after=asked.after, limit=asked.limit + 1, state=asked.state or ""
        )
        shown = found[: asked.limit]
        following = str(shown[-1]["no"]) if len(found) > asked.limit else None
        return DripPeopleList([msgspec.convert(_timed(one), DripPerson) for one in shown], following)

    async def results(self, ask: Ask[NoBody, NoQuery]) -> Answer:
        """Give everybody with every step, piece by piece."""
        pieces = await self._drips.results_csv(ask.workspace_id, ask.path["id"])
        name = f'attachment; filename="drip-{ask.path["id"]}.csv"'
        return Answer(200, b"", "text/csv", {"content-disposition": name}, pieces)


def _answer(found: Mapping[str, Any]) -> DripAnswer:
    older = [_with_steps(one) for one in found["older"]]
    return msgspec.convert({**_with_steps(found), "older": older}, DripAnswer)


def _with_steps(found: Mapping[str, Any]) -> dict[str, Any]:
    return {**_timed(found), "steps": [_timed(one) for one in found["steps"]]}


def _timed(found: Mapping[str, Any]) -> dict[str, Any]:
    return {name: moment_or_none(value) if name in _TIMES else value for name, value in found.items()}
