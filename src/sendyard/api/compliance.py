"""
What a workspace tells about itself for the rules of countries: its own facts, its senders, its registered texts.
"""

from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from sendyard.api.message_bodies import Moment
from sendyard.api.message_views import moment, moment_or_none
from sendyard.api.operations import Ask, NoBody, NoQuery, Operation
from sendyard.domain.countries.rules import Level
from sendyard.domain.countries.situation import Registration
from sendyard.features.connections.compliance import Gaps, RegisteredTexts, SenderFacts, WorkspaceFacts

FILE_LIMIT = 16 * 1024 * 1024
"""Bytes of a file of registered texts, as JSON."""

Category = Literal["", "transactional", "service_implicit", "service_explicit", "promotional"]
Options = dict[str, bool | int | None]


class DltEntry(msgspec.Struct, forbid_unknown_fields=True):
    """Who we are on India's DLT platform, as one account uses it; what is left out stays."""

    account: Annotated[str, Meta(description="Id or name; every account when empty.")] = ""
    entity_id: Annotated[str, Meta(description="19 digits.", max_length=60)] | UnsetType = UNSET
    telemarketer_ids: Annotated[list[str], Meta(description="In the order of the chain.")] | UnsetType = UNSET
    chain: Annotated[Registration, Meta(description="Whether the portal binds both.")] | UnsetType = UNSET


class ChangeFacts(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """Only what is given changes."""

    home_zone: Annotated[str, Meta(description="IANA time zone.", examples=["Asia/Seoul"])] | UnsetType = UNSET
    business: Annotated[str, Meta(description="The name people know.")] | UnsetType = UNSET
    contact: Annotated[str, Meta(description="Where questions go.")] | UnsetType = UNSET
    opt_out_number: Annotated[str, Meta(description="Korea's free 080 number.")] | UnsetType = UNSET
    allowed_urls: (
        Annotated[list[str] | None, Meta(description="The whole list of registered addresses; null: not known.")]
        | UnsetType
    ) = UNSET
    allowed_numbers: (
        Annotated[list[str] | None, Meta(description="The whole list of registered numbers; null: not known.")]
        | UnsetType
    ) = UNSET
    options: Annotated[Options, Meta(description="Some of them; null for the usual value.")] | UnsetType = UNSET
    dlt: Annotated[list[DltEntry], Meta(max_length=100)] | UnsetType = UNSET


class AboutAccount(msgspec.Struct):
    """The account a fact is about."""

    id: str
    name: str


class DltAnswer(msgspec.Struct):
    """Ids on India's DLT platform; account null stands for every account."""

    account: AboutAccount | None
    entity_id: str
    telemarketer_ids: list[str]
    chain: Registration
    updated_by: str
    updated_at: Moment


class FactsAnswer(msgspec.Struct):
    """What the workspace told: blank texts and null lists are what nobody told."""

    home_zone: str
    business: str
    contact: str
    opt_out_number: str
    allowed_urls: list[str] | None
    allowed_numbers: list[str] | None
    options: dict[str, bool | int]
    dlt: list[DltAnswer]
    updated_by: Annotated[str, Meta(description="Id of the API key, or the command line.")]
    updated_at: Moment | None
    revision: Annotated[int, Meta(description="Grows with every change of any fact.")]


class GapFilter(msgspec.Struct, forbid_unknown_fields=True):
    """Which countries to look at."""

    country: Annotated[str, Meta(description="Codes with commas between; those in use when empty.")] = ""


class LackingSender(msgspec.Struct):
    """A sender, or an account, of which a fact is missing."""

    account: AboutAccount | None
    sender: str


class GapAnswer(msgspec.Struct):
    """A missing fact, and the rule that speaks for lack of it."""

    country: str
    rule: str
    level: Annotated[Level, Meta(description="What the rule does meanwhile.")]
    certainty: str
    fact: str
    detail: str
    command: Annotated[str, Meta(description="How to tell it.")]
    senders: list[LackingSender]


class GapList(msgspec.Struct):
    """Missing facts by country."""

    countries: list[str]
    data: list[GapAnswer]
    next: str | None = None


class PutSender(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """What is known of a sender; what is left out stays as it was."""

    value: Annotated[str, Meta(description="Number or header exactly as the provider knows it.", min_length=1)]
    account: Annotated[str, Meta(description="Id or name; every account when empty.")] = ""
    business: str | UnsetType = UNSET
    identity_words: (
        Annotated[list[str], Meta(description="Names Taiwan's carriers approved, the preferred first.")] | UnsetType
    ) = UNSET
    contact: str | UnsetType = UNSET
    opt_out_number: Annotated[str, Meta(description="Korea's free 080 number.")] | UnsetType = UNSET
    registration: Annotated[Registration, Meta(description="What the country's registry says.")] | UnsetType = UNSET
    receives_replies: bool | UnsetType = UNSET
    note: Annotated[str, Meta(description="For yourselves.")] | UnsetType = UNSET


class SenderFactsAnswer(msgspec.Struct):
    """What is known of a sender; account null stands for every account."""

    value: str
    account: AboutAccount | None
    business: str
    identity_words: list[str]
    contact: str
    opt_out_number: str
    registration: Registration
    receives_replies: bool
    note: str
    updated_by: str
    updated_at: Moment


class SenderFactsList(msgspec.Struct):
    """Senders by their value."""

    data: list[SenderFactsAnswer]
    next: str | None = None


class SenderChoice(msgspec.Struct, forbid_unknown_fields=True):
    """The sender to forget."""

    value: str = ""
    account: str = ""


class RegisteredTextFilter(msgspec.Struct, forbid_unknown_fields=True):
    """Which registered texts to list."""

    state: Registration | None = None
    category: Category = ""
    after: str = ""
    limit: Annotated[int, Meta(ge=1, le=1000)] = 50


class PutRegisteredText(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """A text registered at a DLT portal; what is left out stays as it was."""

    text: Annotated[str, Meta(description="Exactly as approved.")] | UnsetType = UNSET
    name: str | UnsetType = UNSET
    category: Category | UnsetType = UNSET
    state: Registration | UnsetType = UNSET
    senders: Annotated[list[str] | None, Meta(description="Linked headers; null: not known.")] | UnsetType = UNSET
    tags: Annotated[list[str], Meta(description="The kind of each variable in order.")] | UnsetType = UNSET


class RegisteredTextAnswer(msgspec.Struct):
    """A text registered at a DLT portal."""

    id: str
    name: str
    text: str
    category: str
    state: Registration
    senders: list[str] | None
    tags: list[str]
    updated_by: str
    updated_at: Moment


class RegisteredTextList(msgspec.Struct):
    """Registered texts in the order of their ids."""

    data: list[RegisteredTextAnswer]
    next: str | None


class RegisteredTextFile(msgspec.Struct, forbid_unknown_fields=True):
    """A list of templates as a DLT portal exports it."""

    csv: str
    state: Annotated[Registration | None, Meta(description="Of rows that tell none.")] = None
    dry_run: Annotated[bool, Meta(description="Only say what would be done.")] = False


class RegisteredTextVerdict(msgspec.Struct):
    """What became of a row; rows count as a spreadsheet does."""

    row: int
    id: str
    verdict: Literal["added", "changed", "unchanged", "refused"]
    code: Annotated[str, Meta(description="Why it was refused.")]
    detail: str
    remarks: Annotated[list[str], Meta(description="What a person should know all the same.")]


class RegisteredTextsLoaded(msgspec.Struct):
    """What became of a file."""

    rows: int
    added: int
    changed: int
    unchanged: int
    refused: int
    verdicts: list[RegisteredTextVerdict]


class ComplianceDoor:
    """The operations under `/compliance` but those about waivers."""

    def __init__(self, facts: WorkspaceFacts, senders: SenderFacts, texts: RegisteredTexts, gaps: Gaps) -> None:
        """Take the features they speak for."""
        self._facts = facts
        self._senders = senders
        self._texts = texts
        self._gaps = gaps

    def operations(self) -> list[Operation]:
        """Everything callers can do with facts."""
        tag, scope = "Compliance", "compliance"
        senders, texts, text = "/compliance/senders", "/compliance/templates", "/compliance/templates/{id}"
        return [
            Operation(method="GET", path="/compliance", handler=self.facts, tag=tag, scope=scope, answers=FactsAnswer,
                      summary="What the workspace told about itself"),
            Operation(method="PATCH", path="/compliance", handler=self.change, tag=tag, scope=scope, body=ChangeFacts,
                      answers=FactsAnswer, summary="Tell something about the workspace", refuses=(404,)),
            Operation(method="GET", path="/compliance/gaps", handler=self.gaps, tag=tag, scope=scope, query=GapFilter,
                      answers=GapList, summary="What rules would like to know and nobody told"),
            Operation(method="GET", path=senders, handler=self.senders, tag=tag, scope=scope, answers=SenderFactsList,
                      summary="What is known of senders"),
            Operation(method="PUT", path=senders, handler=self.put_sender, tag=tag, scope=scope, body=PutSender,
                      answers=SenderFactsAnswer, summary="Say what is known of a sender", refuses=(404,)),
            Operation(method="DELETE", path=senders, handler=self.delete_sender, tag=tag, scope=scope, status=204,
                      query=SenderChoice, summary="Forget a sender", refuses=(404,)),
            Operation(method="GET", path=texts, handler=self.texts, tag=tag, scope=scope, query=RegisteredTextFilter,
                      answers=RegisteredTextList, summary="List texts registered at DLT portals"),
            Operation(method="POST", path=f"{texts}/import", handler=self.load, tag=tag, scope=scope,
                      body=RegisteredTextFile, answers=RegisteredTextsLoaded, body_limit=FILE_LIMIT,
                      summary="Take over a DLT portal's list"),
            Operation(method="GET", path=text, handler=self.text, tag=tag, scope=scope, answers=RegisteredTextAnswer,
                      summary="One registered text", refuses=(404,)),
            Operation(method="PUT", path=text, handler=self.put_text, tag=tag, scope=scope, body=PutRegisteredText,
                      answers=RegisteredTextAnswer, summary="Enter or change a registered text"),
            Operation(method="DELETE", path=text, handler=self.delete_text, tag=tag, scope=scope, status=204,
                      summary="Forget a registered text", refuses=(404,)),
        ]  # fmt: skip

    async def facts(self, ask: Ask[NoBody, NoQuery]) -> FactsAnswer:
        """Give what was told."""
        return _facts(await self._facts.get(ask.workspace_id))

    async def change(self, ask: Ask[ChangeFacts, NoQuery]) -> FactsAnswer:
        """Change facts."""
        changes = _given(ask.body)
        if "dlt" in changes:
            changes["dlt"] = [_given(entry) for entry in changes["dlt"]]
        return _facts(await self._facts.change(ask.workspace_id, changes, by=ask.principal.id))

    async def gaps(self, ask: Ask[NoBody, GapFilter]) -> GapList:
        """Say what is missing."""
        countries = [one for one in ask.query.country.split(",") if one.strip()]
        return msgspec.convert(await self._gaps.find(ask.workspace_id, countries), GapList)

    async def senders(self, ask: Ask[NoBody, NoQuery]) -> SenderFactsList:
        """List senders."""
        return SenderFactsList([_sender(one) for one in await self._senders.list(ask.workspace_id)])

    async def put_sender(self, ask: Ask[PutSender, NoQuery]) -> SenderFactsAnswer:
        """Say what is known of a sender."""
        given = _given(ask.body)
        value, account = given.pop("value"), given.pop("account")
        return _sender(await self._senders.put(ask.workspace_id, value, given, account=account, by=ask.principal.id))

    async def delete_sender(self, ask: Ask[NoBody, SenderChoice]) -> None:
        """Forget a sender."""
        # In a query a plus sign means a blank, and few callers escape it.
        value = f"+{ask.query.value[1:]}" if ask.query.value.startswith(" ") else ask.query.value
        await self._senders.delete(ask.workspace_id, value, account=ask.query.account, by=ask.principal.id)

    async def texts(self, ask: Ask[NoBody, RegisteredTextFilter]) -> RegisteredTextList:
        """List registered texts."""
        asked = ask.query
        found = await self._texts.list(
            ask.workspace_id,
            state=asked.state or "",
            category=asked.category,
            after=asked.after,
            limit=asked.limit + 1,
        )
        shown = found[: asked.limit]
        return RegisteredTextList([_text(one) for one in shown], shown[-1]["id"] if len(found) > asked.limit else None)

    async def load(self, ask: Ask[RegisteredTextFile, NoQuery]) -> RegisteredTextsLoaded:
        """Take over a list."""
        body = ask.body
        found = await self._texts.load(
            ask.workspace_id, body.csv, state=body.state or "", dry_run=body.dry_run, by=ask.principal.id
        )
        return msgspec.convert(found, RegisteredTextsLoaded)

    async def text(self, ask: Ask[NoBody, NoQuery]) -> RegisteredTextAnswer:
        """Give one registered text."""
        return _text(await self._texts.get(ask.workspace_id, ask.path["id"]))

    async def put_text(self, ask: Ask[PutRegisteredText, NoQuery]) -> RegisteredTextAnswer:
        """Enter or change a registered text."""
        changes = _given(ask.body)
        return _text(await self._texts.put(ask.workspace_id, ask.path["id"], changes, by=ask.principal.id))

    async def delete_text(self, ask: Ask[NoBody, NoQuery]) -> None:
        """Forget a registered text."""
        await self._texts.delete(ask.workspace_id, ask.path["id"], by=ask.principal.id)


def _given(wish: msgspec.Struct) -> dict[str, Any]:
    """The fields a caller wrote, and no others."""
    return {name: value for name, value in msgspec.structs.asdict(wish).items() if value is not UNSET}


def _facts(found: dict[str, Any]) -> FactsAnswer:
    dlt = [one | {"updated_at": moment(one["updated_at"])} for one in found["dlt"]]
    return msgspec.convert(found | {"dlt": dlt, "updated_at": moment_or_none(found["updated_at"])}, FactsAnswer)


def _sender(found: dict[str, Any]) -> SenderFactsAnswer:
    return msgspec.convert(found | {"updated_at": moment(found["updated_at"])}, SenderFactsAnswer)


def _text(found: dict[str, Any]) -> RegisteredTextAnswer:
    return msgspec.convert(found | {"updated_at": moment(found["updated_at"])}, RegisteredTextAnswer)
