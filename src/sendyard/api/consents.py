"""
What people said about being written to, how they are asked, and how they are reminded of it.
"""

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from sendyard.api.audience import LoadedAnswer, number_of
from sendyard.api.campaign_bodies import FILE_LIMIT
from sendyard.api.message_bodies import Moment, Value
from sendyard.api.message_views import moment_or_none
from sendyard.api.operations import Answer, Ask, NoBody, NoQuery, Operation
from sendyard.domain.channels import Channel, Purpose
from sendyard.domain.countries.situation import ConsentKind
from sendyard.domain.errors import FieldError, Invalid, NotFound
from sendyard.features.audience import ConsentLists, Consents, Opting, read_words
from sendyard.features.audience.opting.renewals import DEFAULT_DAYS, MOST_DAYS
from sendyard.features.audience.opting.requests import (
    DEFAULT_LIFE,
    LONGEST_LIFE,
    MOST_WORDS,
    SHORTEST_LIFE,
    Compose,
    Composed,
    RequestWish,
)
from sendyard.features.templates import Templates

State = Literal["asked", "granted", "withdrawn"]
RequestState = Literal["waiting", "granted", "refused", "replaced", "expired"]
NoticeState = Literal["ready", "sending", "sent", "failed"]
Country = Annotated[str, Meta(description="By which a national number is read.", max_length=2)]
Days = Annotated[int, Meta(ge=0, le=MOST_DAYS)]


class ConsentBody(msgspec.Struct, forbid_unknown_fields=True):
    """What a person said about being written to."""

    to: str
    purpose: Purpose = Purpose.PROMOTIONAL
    channel: Annotated[Channel | None, Meta(description="Every channel when null.")] = None
    kind: Annotated[
        ConsentKind,
        Meta(description="What was agreed to; marketing that is withdrawn takes every other kind with it."),
    ] = ConsentKind.MARKETING
    state: State = "granted"
    source: Annotated[str, Meta(description="Where it was said: a form, a shop, a message.")] = ""
    evidence: Annotated[str, Meta(description="What shows it.")] = ""
    at: Annotated[Moment | None, Meta(description="When it was said; now when null.")] = None
    country: Country = ""


class ConsentAnswer(msgspec.Struct):
    """One word of one address; a blank channel stands for every one."""

    id: str
    address: str
    channel: str
    purpose: str
    kind: ConsentKind
    state: State
    source: str
    evidence: str
    at: Moment
    confirmed_at: Annotated[Moment | None, Meta(description="When the person was last reminded of it.")]
    created_at: Moment


class ConsentList(msgspec.Struct):
    """Words in the order they were recorded."""

    data: list[ConsentAnswer]
    next: str | None


class ConsentFilter(msgspec.Struct, forbid_unknown_fields=True):
    """Which words to list; `given_before` gives consents in force that are older, for renewal."""

    to: str = ""
    country: Country = ""
    given_before: Annotated[Moment | None, Meta(description="Only promotional consents still in force.")] = None
    after: str = ""
    limit: Annotated[int, Meta(ge=1, le=1000)] = 50


class ConsentFile(msgspec.Struct, forbid_unknown_fields=True):
    """A list to take over: one address a line, or CSV with a header that has `address`."""

    csv: str
    source: str = ""
    evidence: str = ""
    country: Country = ""


class ConfirmBody(msgspec.Struct, forbid_unknown_fields=True):
    """When the person was reminded."""

    at: Annotated[Moment | None, Meta(description="Now when null.")] = None


class DueFilter(msgspec.Struct, forbid_unknown_fields=True):
    """Which consents to list: those that fall due within so many days, overdue ones too."""

    days: Days = DEFAULT_DAYS
    after: str = ""
    limit: Annotated[int, Meta(ge=1, le=1000)] = 50


class NoticeAnswer(msgspec.Struct):
    """A reminder: its text, and how it stands."""

    text: str
    channel: str
    state: NoticeState
    message: str | None
    error: str


class DueAnswer(ConsentAnswer):
    """A consent that has to be confirmed by `due_at`; `notice` is null until the next round made it ready."""

    due_at: Moment
    overdue: bool
    notice: NoticeAnswer | None


class DueList(msgspec.Struct):
    """Consents to be confirmed, in the order they were recorded."""

    data: list[DueAnswer]
    next: str | None


class RemindBody(msgspec.Struct, forbid_unknown_fields=True):
    """Whom to remind: of these consents, or of everything that falls due within so many days."""

    consents: Annotated[list[str], Meta(max_length=1000)] = []
    days: Days = DEFAULT_DAYS


class LeftAnswer(msgspec.Struct):
    """A reminder that could not go out, and why."""

    consent: str
    address: str
    detail: str


class RemindedAnswer(msgspec.Struct):
    """How many messages went out; one reminds a person of everything that is due on a channel."""

    sent: int
    left: list[LeftAnswer]


class SettingsAnswer(msgspec.Struct):
    """How people are reminded: by itself or by hand, how long before, and through what."""

    automatic: bool
    days_before: int
    account: str
    sender: str


class SettingsChange(msgspec.Struct, forbid_unknown_fields=True):
    """What may change; null leaves as it is."""

    automatic: bool | None = None
    days_before: Annotated[int, Meta(ge=1, le=MOST_DAYS)] | None = None
    account: Annotated[str | None, Meta(description="Id or name; blank lets the route decide.")] = None
    sender: str | None = None


class RequestBody(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """A question to one person: `text` or `template`, or neither for the usual text in the person's language."""

    to: str
    channel: Channel = Channel.SMS
    purpose: Purpose = Purpose.PROMOTIONAL
    kind: ConsentKind = ConsentKind.MARKETING
    text: Annotated[str, Meta(description="With `{word}` where the answer that is wanted stands.")] = ""
    template: Annotated[str, Meta(description="A stored template with `{word}`.")] = ""
    variables: Annotated[dict[str, Value], Meta(description="Other variables of the template.")] = {}
    words: Annotated[
        list[str], Meta(description="Answers that count; yes in any language when empty.", max_length=MOST_WORDS)
    ] = []
    by_code: Annotated[bool, Meta(description="A code made for this person instead of a word.")] = False
    language: Annotated[str, Meta(description="en, ko, zh-Hant or hi; by the number when empty.")] = ""
    account: str = ""
    sender: str = ""
    country: Country = ""
    expires_in: Annotated[int, Meta(ge=SHORTEST_LIFE, le=LONGEST_LIFE, description="Seconds.")] = DEFAULT_LIFE
    source: Annotated[str, Meta(description="Where the person began: a form, a shop.")] = ""


class RequestAnswer(msgspec.Struct):
    """A question and what came of it; `words` are the answers that count, without codes."""

    id: str
    address: str
    channel: str
    purpose: str
    kind: ConsentKind
    language: str
    words: list[str]
    state: RequestState
    account_id: str
    message_id: str
    source: str
    evidence: str
    created_at: Moment
    expires_at: Moment
    settled_at: Moment | None


class RequestList(msgspec.Struct):
    """Questions in the order they were asked."""

    data: list[RequestAnswer]
    next: str | None


class RequestFilter(msgspec.Struct, forbid_unknown_fields=True):
    """Which questions to list."""

    to: str = ""
    country: Country = ""
    state: RequestState | None = None
    after: str = ""
    limit: Annotated[int, Meta(ge=1, le=1000)] = 50


class ConsentDoor:
    """The operations under `/consents`."""

    def __init__(self, consents: Consents, lists: ConsentLists, opting: Opting, templates: Templates) -> None:
        """Take the features they speak for."""
        self._consents = consents
        self._lists = lists
        self._requests = opting.requests
        self._renewals = opting.renewals
        self._templates = templates

    def operations(self) -> list[Operation]:
        """Everything callers can do with consents."""
        tag, scope, path = "Consents", "audience", "/consents"
        return [
            Operation(method="POST", path=path, handler=self.add, tag=tag, scope=scope, body=ConsentBody,
                      summary="Keep what a person said", answers=ConsentAnswer, status=201, creates=True),
            Operation(method="GET", path=path, handler=self.list, tag=tag, scope=scope,
                      summary="List what people said", query=ConsentFilter, answers=ConsentList),
            Operation(method="POST", path=f"{path}/import", handler=self.load, summary="Take over a list", tag=tag,
                      scope=scope, body=ConsentFile, answers=LoadedAnswer, body_limit=FILE_LIMIT),
            Operation(method="GET", path=f"{path}/export", handler=self.file, summary="Everything said, as a file",
                      tag=tag, scope=scope, answers=str, content_types=("text/csv",)),
            Operation(method="GET", path=f"{path}/due", handler=self.due, tag=tag, scope=scope, query=DueFilter,
                      summary="List consents to be confirmed", answers=DueList),
            Operation(method="POST", path=f"{path}/remind", handler=self.remind, tag=tag, scope=scope,
                      summary="Remind people of their consents", body=RemindBody, answers=RemindedAnswer,
                      refuses=(409,)),
            Operation(method="GET", path=f"{path}/settings", handler=self.settings, tag=tag, scope=scope,
                      summary="How people are reminded", answers=SettingsAnswer),
            Operation(method="PATCH", path=f"{path}/settings", handler=self.change_settings, tag=tag, scope=scope,
                      summary="Change how people are reminded", body=SettingsChange, answers=SettingsAnswer,
                      refuses=(404,)),
            Operation(method="POST", path=f"{path}/requests", handler=self.ask_for, tag=tag, scope=scope,
                      summary="Ask a person (double opt-in)", body=RequestBody, answers=RequestAnswer, status=202,
                      creates=True, refuses=(404, 409, 429)),
            Operation(method="GET", path=f"{path}/requests", handler=self.list_requests, tag=tag, scope=scope,
                      summary="List who was asked", query=RequestFilter, answers=RequestList),
            Operation(method="GET", path=f"{path}/requests/{{id}}", handler=self.get_request, tag=tag, scope=scope,
                      summary="What came of a question", answers=RequestAnswer, refuses=(404,)),
            Operation(method="POST", path=f"{path}/{{id}}/confirm", handler=self.confirm, tag=tag, scope=scope,
                      summary="Note that a person was reminded", body=ConfirmBody, body_optional=True,
                      answers=ConsentAnswer, refuses=(404,)),
        ]  # fmt: skip

    async def add(self, ask: Ask[ConsentBody, NoQuery]) -> ConsentAnswer:
        """Keep what a person said."""
        return _consent(await self._consents.add(ask.workspace_id, **msgspec.structs.asdict(ask.body)))

    async def list(self, ask: Ask[NoBody, ConsentFilter]) -> ConsentList:
        """List what people said."""
        asked, most = ask.query, ask.query.limit + 1
        if asked.given_before is not None:
            found = await self._consents.to_renew(
                ask.workspace_id, before=asked.given_before, after=asked.after, limit=most
            )
        else:
            to = number_of(asked.to)
            found = await self._consents.list(
                ask.workspace_id, to=to, country=asked.country, after=asked.after, limit=most
            )
        shown = found[: asked.limit]
        return ConsentList([_consent(one) for one in shown], shown[-1]["id"] if len(found) > asked.limit else None)

    async def load(self, ask: Ask[ConsentFile, NoQuery]) -> LoadedAnswer:
        """Take over a list."""
        body = ask.body
        found = await self._lists.load(
            ask.workspace_id, read_words(body.csv), country=body.country, source=body.source, evidence=body.evidence
        )
        return msgspec.convert(found, LoadedAnswer)

    async def file(self, ask: Ask[NoBody, NoQuery]) -> Answer:
        """Give everything that was said, piece by piece."""
        headers = {"content-disposition": 'attachment; filename="consents.csv"'}
        return Answer(200, b"", "text/csv", headers, self._lists.file(ask.workspace_id))

    async def confirm(self, ask: Ask[ConfirmBody, NoQuery]) -> ConsentAnswer:
        """Note that a person was reminded."""
        return _consent(await self._consents.confirm(ask.workspace_id, ask.path["id"], at=ask.body.at))

    async def due(self, ask: Ask[NoBody, DueFilter]) -> DueList:
        """List consents to be confirmed."""
        asked = ask.query
        found = await self._renewals.due(ask.workspace_id, days=asked.days, after=asked.after, limit=asked.limit + 1)
        shown = found[: asked.limit]
        return DueList([_due(one) for one in shown], shown[-1]["id"] if len(found) > asked.limit else None)

    async def remind(self, ask: Ask[RemindBody, NoQuery]) -> RemindedAnswer:
        """Remind people of their consents."""
        found = await self._renewals.remind(ask.workspace_id, consents=ask.body.consents, days=ask.body.days)
        return msgspec.convert(found, RemindedAnswer)

    async def settings(self, ask: Ask[NoBody, NoQuery]) -> SettingsAnswer:
        """Say how people are reminded."""
        return SettingsAnswer(**await self._renewals.settings(ask.workspace_id))

    async def change_settings(self, ask: Ask[SettingsChange, NoQuery]) -> SettingsAnswer:
        """Change how people are reminded."""
        given = msgspec.structs.asdict(ask.body)
        return SettingsAnswer(**await self._renewals.change_settings(ask.workspace_id, **given))

    async def ask_for(self, ask: Ask[RequestBody, NoQuery]) -> RequestAnswer:
        """Ask a person."""
        body = ask.body
        if body.text and body.template:
            detail = "Expected a text or a template, found both; leave one out."
            raise Invalid("two_texts", detail, errors=[FieldError("/template", "two_texts", detail)])
        wish = RequestWish(
            to=body.to,
            channel=body.channel,
            purpose=body.purpose,
            kind=body.kind,
            text=body.text,
            words=tuple(body.words),
            by_code=body.by_code,
            language=body.language,
            account=body.account,
            sender=body.sender,
            country=body.country,
            expires_in=body.expires_in,
            source=body.source,
            test=ask.is_test,
        )
        compose = self._compose(ask.workspace_id, body) if body.template else None
        return _request(await self._requests.ask(ask.workspace_id, wish, compose))

    def _compose(self, workspace_id: str, body: RequestBody) -> Compose:
        async def compose(word: str) -> Composed:
            values = {**{name: str(value) for name, value in body.variables.items()}, "word": word, "code": word}
            try:
                rendered = await self._templates.render(
                    workspace_id, body.template, values, channel=body.channel, language=body.language
                )
            except NotFound as error:
                raise Invalid(
                    error.code, error.detail, errors=[FieldError("/template", error.code, error.detail)]
                ) from None
            return Composed(rendered.text, rendered.variants, rendered.registration)

        return compose

    async def list_requests(self, ask: Ask[NoBody, RequestFilter]) -> RequestList:
        """List who was asked."""
        asked = ask.query
        found = await self._requests.list(
            ask.workspace_id,
            to=number_of(asked.to),
            country=asked.country,
            state=asked.state or "",
            after=asked.after,
            limit=asked.limit + 1,
        )
        shown = found[: asked.limit]
        return RequestList([_request(one) for one in shown], shown[-1]["id"] if len(found) > asked.limit else None)

    async def get_request(self, ask: Ask[NoBody, NoQuery]) -> RequestAnswer:
        """Say what came of a question."""
        return _request(await self._requests.get(ask.workspace_id, ask.path["id"]))


def _timed(found: dict[str, Any]) -> dict[str, Any]:
    return {
        name: moment_or_none(value) if name.endswith("_at") or name == "at" else value for name, value in found.items()
    }


def _consent(found: dict[str, Any]) -> ConsentAnswer:
    return msgspec.convert(_timed(found), ConsentAnswer)


def _due(found: dict[str, Any]) -> DueAnswer:
    return msgspec.convert(_timed(found), DueAnswer)


def _request(found: dict[str, Any]) -> RequestAnswer:
    return msgspec.convert(_timed(found), RequestAnswer)
