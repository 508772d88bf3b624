"""
People: contacts, what is kept of each, and how two become one.
"""

from typing import Annotated, Any

import msgspec
from msgspec import Meta

from sendyard.api.message_bodies import Moment
from sendyard.api.message_views import moment
from sendyard.api.operations import JSON, Answer, Ask, NoBody, NoQuery, Operation, encode
from sendyard.domain.errors import FieldError, Invalid
from sendyard.features.audience import Contacts, CustomFields, Details, Erasing, Merging, Question, Segments

Given = str | int | float | None
Shown = str | int | float | dict[str, str]


class IdentityBody(msgspec.Struct, forbid_unknown_fields=True):
    """One address of a person: kind is phone, whatsapp_id, line_id, email or external_id."""

    kind: str
    value: str


class ContactBody(msgspec.Struct, forbid_unknown_fields=True):
    """What is said of a person; what is left out stays as it is, and "" empties it."""

    phone: Annotated[str | None, Meta(description="Short for an identity of the kind phone.")] = None
    identities: list[IdentityBody] = []
    name: str | None = None
    country: Annotated[str | None, Meta(description="Also reads national numbers.")] = None
    language: str | None = None
    time_zone: str | None = None
    source: str | None = None
    lead: Annotated[str | None, Meta(description="new, contacted, qualified, won, lost, or blank.")] = None
    tags: list[str] | None = None
    lists: list[str] | None = None
    fields: dict[str, Given] = {}


class ContactAnswer(msgspec.Struct):
    """A person. `time_zone_origin` is guessed (from the number), set, or blank."""

    id: str
    name: str
    phone: str | None
    identities: list[IdentityBody]
    country: str
    language: str
    time_zone: str
    time_zone_origin: str
    tags: list[str]
    lists: list[str]
    fields: dict[str, Shown]
    source: str
    lead: str
    activity: dict[str, Moment]
    created_at: Moment
    updated_at: Moment


class ContactList(msgspec.Struct):
    """People in the order they were made."""

    data: list[ContactAnswer]
    next: str | None


class ContactPage(msgspec.Struct, forbid_unknown_fields=True):
    """Which people to list: those a filter or a segment finds, or whoever has a number."""

    filter: Annotated[str, Meta(description="In the language of segments.")] = ""
    to: Annotated[str, Meta(description="A phone number.")] = ""
    country: Annotated[str, Meta(max_length=2)] = ""
    after: Annotated[int, Meta(ge=0, le=2**62)] = 0
    limit: Annotated[int, Meta(ge=1, le=1000)] = 50


class IdentityChoice(msgspec.Struct, forbid_unknown_fields=True):
    """The identity to take away."""

    kind: str = ""
    value: str = ""


class MergeBody(msgspec.Struct, forbid_unknown_fields=True):
    """The contact whose everything goes to the one in the address."""

    contact: str


class SplitBody(msgspec.Struct, forbid_unknown_fields=True):
    """Identities that become another person, or the id of a merge in the history to take back."""

    identities: list[IdentityBody] = []
    merge: str = ""


class SplitAnswer(msgspec.Struct):
    """Both people as they are now."""

    contact: ContactAnswer
    other: ContactAnswer


class HistoryEntry(msgspec.Struct):
    """Something that happened to a contact as a whole."""

    id: str
    kind: str
    at: Moment
    other: str
    taken_back: bool


class HistoryList(msgspec.Struct):
    """What happened to a contact, oldest first."""

    data: list[HistoryEntry]
    next: str | None


class ErasedAnswer(msgspec.Struct):
    """How many messages stay under a pseudonym, and how many suppressions under a hash."""

    id: str
    messages: int
    suppressions: int


class FieldBody(msgspec.Struct, forbid_unknown_fields=True):
    """A custom field; money has a currency, a choice has choices."""

    code: str
    type: Annotated[str, Meta(description="text, number, money, date or choice.")] = "text"
    name: str = ""
    currency: str = ""
    choices: list[str] = []


class FieldChange(msgspec.Struct, forbid_unknown_fields=True):
    """What may change in a custom field."""

    name: str | None = None
    choices: list[str] | None = None


class FieldAnswer(msgspec.Struct):
    """A custom field."""

    id: str
    code: str
    name: str
    type: str
    currency: str
    choices: list[str]
    created_at: Moment


class FieldList(msgspec.Struct):
    """Every custom field, oldest first."""

    data: list[FieldAnswer]
    next: str | None


class People:
    """The operations under `/contacts` and `/contact-fields`."""

    def __init__(
        self,
        contacts: Contacts,
        merging: Merging,
        erasing: Erasing,
        segments: Segments,
        fields: CustomFields,
    ) -> None:
        """Take the features they speak for."""
        self._contacts = contacts
        self._merging = merging
        self._erasing = erasing
        self._segments = segments
        self._fields = fields

    def operations(self) -> list[Operation]:
        """Everything callers can do with people."""
        tag, scope, one = "Contacts", "audience", "/contacts/{id}"
        return [
            Operation(method="POST", path="/contacts", handler=self.add, tag=tag, scope=scope, status=201,
                      summary="Add a person", body=ContactBody, answers=ContactAnswer, creates=True, refuses=(404,)),
            Operation(method="GET", path="/contacts", handler=self.list, tag=tag, scope=scope,
                      summary="List people", query=ContactPage, answers=ContactList),
            Operation(method="GET", path=one, handler=self.get, tag=tag, scope=scope, summary="One person",
                      answers=ContactAnswer, refuses=(404,)),
            Operation(method="PATCH", path=one, handler=self.edit, tag=tag, scope=scope,
                      summary="Change a person; identities are added", body=ContactBody, answers=ContactAnswer,
                      refuses=(404, 409)),
            Operation(method="DELETE", path=one, handler=self.erase, tag=tag, scope=scope,
                      summary="Erase a person; history is counted on without them", answers=ErasedAnswer,
                      refuses=(404,)),
            Operation(method="DELETE", path=f"{one}/identities", handler=self.drop_identity, tag=tag, scope=scope,
                      summary="Take one identity away", query=IdentityChoice, answers=ContactAnswer,
                      refuses=(404, 409)),
            Operation(method="GET", path=f"{one}/export", handler=self.export, tag=tag, scope=scope,
                      summary="Everything that is kept of a person", answers=dict[str, Any], refuses=(404,)),
            Operation(method="GET", path=f"{one}/history", handler=self.history, tag=tag, scope=scope,
                      summary="Merges and splits of a person", answers=HistoryList),
            Operation(method="POST", path=f"{one}/merge", handler=self.merge, tag=tag, scope=scope,
                      summary="Make two contacts one", body=MergeBody, answers=ContactAnswer, refuses=(404,)),
            Operation(method="POST", path=f"{one}/split", handler=self.split, tag=tag, scope=scope,
                      summary="Make one contact two, or take a merge back", body=SplitBody, answers=SplitAnswer,
                      refuses=(404, 409)),
            Operation(method="POST", path="/contact-fields", handler=self.add_field, tag=tag, scope=scope, status=201,
                      summary="Make a custom field", body=FieldBody, answers=FieldAnswer, creates=True),
            Operation(method="GET", path="/contact-fields", handler=self.list_fields, tag=tag, scope=scope,
                      summary="List custom fields", answers=FieldList),
            Operation(method="PATCH", path="/contact-fields/{code}", handler=self.edit_field, tag=tag, scope=scope,
                      summary="Change a custom field", body=FieldChange, answers=FieldAnswer, refuses=(404,)),
            Operation(method="DELETE", path="/contact-fields/{code}", handler=self.remove_field, tag=tag, scope=scope,
                      summary="Remove a custom field with its values", status=204, refuses=(404,)),
        ]  # fmt: skip

    async def add(self, ask: Ask[ContactBody, NoQuery]) -> ContactAnswer:
        """Add a person."""
        return contact_answer(await self._contacts.add(ask.workspace_id, _details(ask.body)))

    async def list(self, ask: Ask[NoBody, ContactPage]) -> ContactList:
        """List people."""
        asked = ask.query
        if asked.to:
            # In a query a plus sign means a blank, and few callers escape it.
            number = f"+{asked.to[1:]}" if asked.to.startswith(" ") else asked.to
            found = await self._contacts.find(ask.workspace_id, "phone", number, asked.country)
            return ContactList([contact_answer(found)] if found else [], None)
        people = await self._segments.members(
            ask.workspace_id, Question(asked.filter), after=asked.after, limit=asked.limit + 1
        )
        shown = people[: asked.limit]
        following = str(shown[-1]["number"]) if len(people) > asked.limit else None
        return ContactList([contact_answer(one) for one in shown], following)

    async def get(self, ask: Ask[NoBody, NoQuery]) -> ContactAnswer:
        """Give one person."""
        return contact_answer(await self._contacts.get(ask.workspace_id, ask.path["id"]))

    async def edit(self, ask: Ask[ContactBody, NoQuery]) -> ContactAnswer:
        """Change a person."""
        return contact_answer(await self._contacts.edit(ask.workspace_id, ask.path["id"], _details(ask.body)))

    async def erase(self, ask: Ask[NoBody, NoQuery]) -> ErasedAnswer:
        """Forget a person."""
        return ErasedAnswer(**await self._erasing.erase(ask.workspace_id, ask.path["id"]))

    async def drop_identity(self, ask: Ask[NoBody, IdentityChoice]) -> ContactAnswer:
        """Take one identity away."""
        kind, value = ask.query.kind, ask.query.value
        value = f"+{value[1:]}" if kind == "phone" and value.startswith(" ") else value
        return contact_answer(await self._contacts.drop_identity(ask.workspace_id, ask.path["id"], kind, value))

    async def export(self, ask: Ask[NoBody, NoQuery]) -> Answer:
        """Give everything that is kept of a person."""
        found = await self._erasing.export(ask.workspace_id, ask.path["id"])
        name = f'attachment; filename="contact-{ask.path["id"]}.json"'
        return Answer(200, encode(_dated(found)), JSON, {"content-disposition": name})

    async def history(self, ask: Ask[NoBody, NoQuery]) -> HistoryList:
        """Give merges and splits."""
        found = await self._merging.history(ask.workspace_id, ask.path["id"])
        return HistoryList([HistoryEntry(**(one | {"at": moment(one["at"])})) for one in found], None)

    async def merge(self, ask: Ask[MergeBody, NoQuery]) -> ContactAnswer:
        """Make two contacts one."""
        return contact_answer(await self._merging.merge(ask.workspace_id, ask.path["id"], ask.body.contact))

    async def split(self, ask: Ask[SplitBody, NoQuery]) -> SplitAnswer:
        """Make one contact two."""
        leaving = [(one.kind, one.value) for one in ask.body.identities]
        found = await self._merging.split(ask.workspace_id, ask.path["id"], identities=leaving, merge=ask.body.merge)
        return SplitAnswer(contact_answer(found["contact"]), contact_answer(found["other"]))

    async def add_field(self, ask: Ask[FieldBody, NoQuery]) -> FieldAnswer:
        """Make a custom field."""
        return _field(await self._fields.add(ask.workspace_id, **msgspec.structs.asdict(ask.body)))

    async def list_fields(self, ask: Ask[NoBody, NoQuery]) -> FieldList:
        """List custom fields."""
        return FieldList([_field(one) for one in await self._fields.list(ask.workspace_id)], None)

    async def edit_field(self, ask: Ask[FieldChange, NoQuery]) -> FieldAnswer:
        """Change a custom field."""
        changed = await self._fields.edit(
            ask.workspace_id, ask.path["code"], name=ask.body.name, choices=ask.body.choices
        )
        return _field(changed)

    async def remove_field(self, ask: Ask[NoBody, NoQuery]) -> None:
        """Remove a custom field."""
        await self._fields.remove(ask.workspace_id, ask.path["code"])


def contact_answer(found: dict[str, Any]) -> ContactAnswer:
    """A contact as callers get it."""
    times = {name: moment(found[name]) for name in ("created_at", "updated_at")}
    activity = {name: moment(at) for name, at in found["activity"].items()}
    shown = {name: value for name, value in found.items() if name != "number"}
    return msgspec.convert(shown | times | {"activity": activity}, ContactAnswer)


def _details(body: ContactBody) -> Details:
    identities = [(one.kind, one.value) for one in body.identities]
    if body.phone is not None:
        if not body.phone:
            detail = "Expected a phone number, found nothing; take an identity away with DELETE."
            raise Invalid("blank", detail, errors=[FieldError("/phone", "blank", detail)])
        identities.insert(0, ("phone", body.phone))
    return Details(
        identities=identities,
        name=body.name,
        country=body.country,
        language=body.language,
        time_zone=body.time_zone,
        source=body.source,
        lead=body.lead,
        tags=body.tags,
        lists=body.lists,
        fields=body.fields,
    )


def _field(found: dict[str, Any]) -> FieldAnswer:
    return FieldAnswer(**(found | {"created_at": moment(found["created_at"])}))


def _dated(value: Any, name: str = "") -> Any:
    if isinstance(value, dict):
        return {key: _dated(item, "_at" if name == "activity" else key) for key, item in value.items()}
    if isinstance(value, list):
        return [_dated(item) for item in value]
    return moment(value) if isinstance(value, int) and (name == "at" or name.endswith("_at")) else value
