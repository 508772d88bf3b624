"""
Message templates.
"""

from typing import Annotated, Any

import msgspec
from msgspec import Meta

from sendyard.api.message_bodies import Moment, Value
from sendyard.api.message_views import moment
from sendyard.api.operations import Ask, NoBody, NoQuery, Operation
from sendyard.domain.channels import Channel, Purpose
from sendyard.features.templates import Templates

Code = Annotated[str, Meta(max_length=64, examples=["order-shipped"])]
Body = Annotated[
    str,
    Meta(description="`{name}` stands for a variable, `{name|friend}` gives a default.", examples=["Hi {name|there}"]),
]


RegisteredForms = Annotated[
    dict[str, Any],
    Meta(
        description="What the text is called at providers that send approved templates only: `forms` by provider slug, "
        "each with `name`, `language`, `variables` (their name to a text of ours) and `header`; `registration` holds "
        "ids of a regulator.",
        examples=[{"registration": {"entity_id": "1101000000000000001", "template_id": "1107000000000000001"}}],
    ),
]


class AddTemplate(msgspec.Struct, forbid_unknown_fields=True):
    """A text with variables."""

    code: Code
    body: Body
    name: str = ""
    registered: RegisteredForms | None = None


class ChangeTemplate(msgspec.Struct, forbid_unknown_fields=True):
    """A new text makes a new version; messages sent before keep theirs."""

    body: Body | None = None
    name: str | None = None
    registered: RegisteredForms | None = None


class PreviewTemplate(msgspec.Struct, forbid_unknown_fields=True):
    """Values to try, and where it would go."""

    variables: dict[str, Value] = {}
    country: Annotated[str, Meta(max_length=2)] = ""
    channel: Channel = Channel.SMS
    purpose: Purpose = Purpose.TRANSACTIONAL


class TemplateAnswer(msgspec.Struct):
    """A template with its newest text; `required` are the variables without a default."""

    id: str
    code: str
    name: str
    version: int
    version_id: str
    body: str
    registered: RegisteredForms
    variables: list[str]
    required: list[str]
    created_at: Moment
    updated_at: Moment


class TemplateList(msgspec.Struct):
    """Templates by their code."""

    data: list[TemplateAnswer]
    next: str | None


class VersionAnswer(msgspec.Struct):
    """One version; it never changes."""

    id: str
    version: int
    body: str
    registered: RegisteredForms
    created_at: Moment


class VersionList(msgspec.Struct):
    """Versions, newest first."""

    data: list[VersionAnswer]
    next: str | None = None


class ForcingCharacter(msgspec.Struct):
    """A character that makes the text take more room."""

    char: str
    name: str
    position: int
    suggestion: str


class Price(msgspec.Struct):
    """What it would cost at the first account of the route."""

    amount: str
    currency: str
    account: str


class PreviewAnswer(msgspec.Struct, rename={"text_class": "class"}):
    """What would be sent, its size and its price; `problem` says why it cannot be sent as it is."""

    text: str
    variables: list[str]
    encoding: str
    units: int
    bytes: int
    parts: int
    part_sizes: list[int]
    text_class: str
    forcing: list[ForcingCharacter]
    replaceable: bool
    problem: str
    price: Price | None


class TemplatePage(msgspec.Struct, forbid_unknown_fields=True):
    """Which templates to list: after a code."""

    after: str = ""
    limit: Annotated[int, Meta(ge=1, le=1000)] = 50


class TemplateDoor:
    """The operations under `/templates`."""

    def __init__(self, templates: Templates) -> None:
        """Take the feature they speak for."""
        self._templates = templates

    def operations(self) -> list[Operation]:
        """Everything callers can do with templates."""
        tag, scope = "Templates", "templates"
        return [
            Operation(method="POST", path="/templates", handler=self.add, summary="Add a template", tag=tag,
                      scope=scope, body=AddTemplate, answers=TemplateAnswer, status=201, creates=True),
            Operation(method="GET", path="/templates", handler=self.list, summary="List templates", tag=tag,
                      scope=scope, query=TemplatePage, answers=TemplateList),
            Operation(method="GET", path="/templates/{code}", handler=self.get, summary="One template", tag=tag,
                      scope=scope, answers=TemplateAnswer, refuses=(404,)),
            Operation(method="PATCH", path="/templates/{code}", handler=self.change, tag=tag,
                      summary="Change a template", scope=scope, body=ChangeTemplate, answers=TemplateAnswer,
                      refuses=(404,)),
            Operation(method="GET", path="/templates/{code}/versions", handler=self.versions, tag=tag,
                      summary="Every version of a template", scope=scope, answers=VersionList, refuses=(404,)),
            Operation(method="POST", path="/templates/{code}/versions", handler=self.add_version, tag=tag,
                      summary="Make a new version", scope=scope, body=ChangeTemplate, answers=TemplateAnswer,
                      status=201, creates=True, refuses=(404,)),
            Operation(method="POST", path="/templates/{code}/preview", handler=self.preview, tag=tag,
                      summary="What would be sent, its size and price", scope=scope, body=PreviewTemplate,
                      answers=PreviewAnswer, refuses=(404,)),
        ]  # fmt: skip

    async def add(self, ask: Ask[AddTemplate, NoQuery]) -> TemplateAnswer:
        """Add a template."""
        wish = ask.body
        return _template(
            await self._templates.add(
                ask.workspace_id, code=wish.code, body=wish.body, name=wish.name, registered=wish.registered
            )
        )

    async def list(self, ask: Ask[NoBody, TemplatePage]) -> TemplateList:
        """List templates."""
        limit = ask.query.limit
        found = await self._templates.list(ask.workspace_id, after=ask.query.after, limit=limit + 1)
        shown = found[:limit]
        return TemplateList([_template(one) for one in shown], shown[-1]["code"] if len(found) > limit else None)

    async def get(self, ask: Ask[NoBody, NoQuery]) -> TemplateAnswer:
        """Give one template."""
        return _template(await self._templates.get(ask.workspace_id, ask.path["code"]))

    async def change(self, ask: Ask[ChangeTemplate, NoQuery]) -> TemplateAnswer:
        """Change a template."""
        wish = ask.body
        return _template(
            await self._templates.edit(
                ask.workspace_id, ask.path["code"], body=wish.body, name=wish.name, registered=wish.registered
            )
        )

    async def add_version(self, ask: Ask[ChangeTemplate, NoQuery]) -> TemplateAnswer:
        """Make a new version of a template."""
        return await self.change(ask)

    async def versions(self, ask: Ask[NoBody, NoQuery]) -> VersionList:
        """Give every version."""
        found = await self._templates.versions(ask.workspace_id, ask.path["code"])
        return VersionList([VersionAnswer(**(one | {"created_at": moment(one["created_at"])})) for one in found])

    async def preview(self, ask: Ask[PreviewTemplate, NoQuery]) -> PreviewAnswer:
        """Show what would be sent."""
        wish = ask.body
        code = ask.path["code"]
        found = await self._templates.preview(
            ask.workspace_id,
            code=code,
            variables={name: str(value) for name, value in wish.variables.items()},
            country=wish.country.upper(),
            channel=wish.channel,
            purpose=wish.purpose,
        )
        return msgspec.convert(found, PreviewAnswer)


def _template(found: dict[str, Any]) -> TemplateAnswer:
    times = {name: moment(found[name]) for name in ("created_at", "updated_at")}
    return TemplateAnswer(**(found | times))
