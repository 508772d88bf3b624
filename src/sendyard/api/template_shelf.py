"""
Many templates at once: taken out, brought in, and the sets to begin with.
"""

from typing import Annotated, Any

import msgspec
from msgspec import Meta

from sendyard.api.operations import JSON, Answer, Ask, NoBody, NoQuery, Operation
from sendyard.features.templates import Portable, Starters
from sendyard.features.templates.portable import Format, to_toml

_LIMIT = 16 * 1024 * 1024


class CarriedTemplate(msgspec.Struct):
    """A template outside a workspace."""

    code: str
    name: str
    document: dict[str, Any]
    registered: dict[str, Any]
    archived: bool


class ExportAnswer(msgspec.Struct):
    """Templates with their newest version."""

    templates: list[CarriedTemplate]


class ExportQuery(msgspec.Struct, forbid_unknown_fields=True):
    """Which templates, and how they are written."""

    codes: Annotated[str, Meta(description="With commas between them; every template when empty.")] = ""
    format: Format = "json"


class ImportTemplates(msgspec.Struct, forbid_unknown_fields=True):
    """What an export gave."""

    templates: list[dict[str, Any]]
    dry_run: Annotated[bool, Meta(description="Only say what would happen.")] = False


class RefusedTemplate(msgspec.Struct):
    """A template that is not taken, and why."""

    code: str
    detail: str


class ImportedAnswer(msgspec.Struct):
    """What became of each template, by code."""

    added: list[str]
    changed: list[str]
    unchanged: list[str]
    refused: list[RefusedTemplate]


class StarterTemplate(msgspec.Struct):
    """One template of a set."""

    code: str
    name: str
    purpose: str
    installed: bool


class StarterSetAnswer(msgspec.Struct):
    """Templates to begin with."""

    set: str
    name: str
    about: str
    languages: list[str]
    templates: list[StarterTemplate]


class StarterSetList(msgspec.Struct):
    """Every set."""

    data: list[StarterSetAnswer]
    next: str | None = None


class InstalledAnswer(msgspec.Struct):
    """What a set added; `kept` are the codes that were taken already."""

    set: str
    added: list[str]
    kept: list[str]


class TemplateShelf:
    """The operations on many templates."""

    def __init__(self, portable: Portable, starters: Starters) -> None:
        """Take the features they speak for."""
        self._portable = portable
        self._starters = starters

    def operations(self) -> list[Operation]:
        """Everything callers can do with many templates."""
        tag, scope = "Templates", "templates"
        return [
            Operation(method="GET", path="/templates/export", handler=self.export, tag=tag,
                      summary="Templates as one document", scope=scope, query=ExportQuery, answers=ExportAnswer,
                      content_types=(JSON, "application/toml"), refuses=(404,)),
            Operation(method="POST", path="/templates/import", handler=self.bring, tag=tag,
                      summary="Bring in what an export gave", scope=scope, body=ImportTemplates,
                      answers=ImportedAnswer, body_limit=_LIMIT),
            Operation(method="GET", path="/templates/starters", handler=self.starters, tag=tag,
                      summary="Sets of templates to begin with", scope=scope, answers=StarterSetList),
            Operation(method="POST", path="/templates/starters/{set}", handler=self.install, tag=tag,
                      summary="Add the templates of a set", scope=scope, answers=InstalledAnswer, refuses=(404,)),
        ]  # fmt: skip

    async def export(self, ask: Ask[NoBody, ExportQuery]) -> ExportAnswer | Answer:
        """Give templates as one document."""
        codes = [code.strip() for code in ask.query.codes.split(",") if code.strip()]
        found = await self._portable.export(ask.workspace_id, codes)
        if ask.query.format == "toml":
            return Answer(200, to_toml(found).encode(), "application/toml")
        return msgspec.convert(found, ExportAnswer)

    async def bring(self, ask: Ask[ImportTemplates, NoQuery]) -> ImportedAnswer:
        """Bring templates in."""
        found = await self._portable.bring(
            ask.workspace_id, {"templates": ask.body.templates}, dry_run=ask.body.dry_run
        )
        return msgspec.convert(found, ImportedAnswer)

    async def starters(self, ask: Ask[NoBody, NoQuery]) -> StarterSetList:
        """Give every set."""
        return StarterSetList(msgspec.convert(await self._starters.list(ask.workspace_id), list[StarterSetAnswer]))

    async def install(self, ask: Ask[NoBody, NoQuery]) -> InstalledAnswer:
        """Add the templates of a set."""
        return msgspec.convert(await self._starters.install(ask.workspace_id, ask.path["set"]), InstalledAnswer)
