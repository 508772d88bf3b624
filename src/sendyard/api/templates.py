"""
Message templates.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import msgspec

from sendyard.api.drafting import plain_value
from sendyard.api.message_views import moment, moment_or_none
from sendyard.api.operations import Ask, NoBody, NoQuery, Operation
from sendyard.api.template_bodies import (
    AddTemplate,
    ChangeTemplate,
    CopyTemplate,
    DifferencesAnswer,
    DifferencesQuery,
    PreviewText,
    TemplateAnswer,
    TemplateList,
    TemplatePage,
    TemplatePreviewAnswer,
    Values,
    VersionAnswer,
    VersionList,
)
from sendyard.features.templates import PreviewWish, Records, Templates
from sendyard.features.templates.document import Document
from sendyard.features.templates.preview import Reader

FindReader = Callable[[str, str], Awaitable[Reader]]
"""Gives a contact of a workspace as previews see it."""
LinkSamples = Callable[[str], Awaitable[Mapping[str, str]]]
"""Gives what the short links of a workspace look like, by variable."""


class TemplateDoor:
    """The operations under `/templates`."""

    def __init__(self, templates: Templates, records: Records, reader: FindReader, links: LinkSamples) -> None:
        """Take the feature they speak for, and what fills previews: records, people, short links."""
        self._templates = templates
        self._records = records
        self._reader = reader
        self._links = links

    def operations(self) -> list[Operation]:
        """Everything callers can do with templates."""
        tag, scope, one = "Templates", "templates", "/templates/{code}"
        return [
            Operation(method="POST", path="/templates", handler=self.add, summary="Add a template", tag=tag,
                      scope=scope, body=AddTemplate, answers=TemplateAnswer, status=201, creates=True),
            Operation(method="GET", path="/templates", handler=self.list, summary="List templates", tag=tag,
                      scope=scope, query=TemplatePage, answers=TemplateList),
            Operation(method="POST", path="/templates/preview", handler=self.preview_text, tag=tag,
                      summary="What would be sent of a text that is not stored", scope=scope, body=PreviewText,
                      answers=TemplatePreviewAnswer, refuses=(404,)),
            Operation(method="GET", path=one, handler=self.get, summary="One template", tag=tag,
                      scope=scope, answers=TemplateAnswer, refuses=(404,)),
            Operation(method="PATCH", path=one, handler=self.change, tag=tag,
                      summary="Change a template", scope=scope, body=ChangeTemplate, answers=TemplateAnswer,
                      refuses=(404,)),
            Operation(method="GET", path=f"{one}/versions", handler=self.versions, tag=tag,
                      summary="Every version of a template", scope=scope, answers=VersionList, refuses=(404,)),
            Operation(method="POST", path=f"{one}/versions", handler=self.add_version, tag=tag,
                      summary="Make a new version", scope=scope, body=ChangeTemplate, answers=TemplateAnswer,
                      status=201, creates=True, refuses=(404,)),
            Operation(method="GET", path=f"{one}/differences", handler=self.differences, tag=tag,
                      summary="What differs between two versions, word by word", scope=scope, query=DifferencesQuery,
                      answers=DifferencesAnswer, refuses=(404,)),
            Operation(method="POST", path=f"{one}/preview", handler=self.preview, tag=tag,
                      summary="What would be sent: words, size, price, rules", scope=scope, body=Values,
                      answers=TemplatePreviewAnswer, refuses=(404,)),
            Operation(method="POST", path=f"{one}/copy", handler=self.copy, tag=tag, summary="Copy a template",
                      scope=scope, body=CopyTemplate, answers=TemplateAnswer, status=201, creates=True,
                      refuses=(404,)),
            Operation(method="POST", path=f"{one}/archive", handler=self.archive, tag=tag,
                      summary="Take a template from what is offered", scope=scope, answers=TemplateAnswer,
                      refuses=(404,)),
            Operation(method="POST", path=f"{one}/unarchive", handler=self.unarchive, tag=tag,
                      summary="Offer an archived template again", scope=scope, answers=TemplateAnswer,
                      refuses=(404,)),
        ]  # fmt: skip

    async def add(self, ask: Ask[AddTemplate, NoQuery]) -> TemplateAnswer:
        """Add a template."""
        wish = ask.body
        return _template(
            await self._templates.add(
                ask.workspace_id,
                code=wish.code,
                body=wish.body,
                document=_plain(wish.document),
                name=wish.name,
                registered=wish.registered,
            )
        )

    async def list(self, ask: Ask[NoBody, TemplatePage]) -> TemplateList:
        """List templates."""
        limit = ask.query.limit
        found = await self._templates.list(
            ask.workspace_id, after=ask.query.after, limit=limit + 1, archived=ask.query.archived
        )
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
                ask.workspace_id,
                ask.path["code"],
                body=wish.body,
                document=_plain(wish.document),
                name=wish.name,
                registered=wish.registered,
            )
        )

    async def add_version(self, ask: Ask[ChangeTemplate, NoQuery]) -> TemplateAnswer:
        """Make a new version of a template."""
        return await self.change(ask)

    async def versions(self, ask: Ask[NoBody, NoQuery]) -> VersionList:
        """Give every version."""
        found = await self._templates.versions(ask.workspace_id, ask.path["code"])
        return VersionList(
            [msgspec.convert(one | {"created_at": moment(one["created_at"])}, VersionAnswer) for one in found]
        )

    async def differences(self, ask: Ask[NoBody, DifferencesQuery]) -> DifferencesAnswer:
        """Compare two versions."""
        found = await self._templates.differences(ask.workspace_id, ask.path["code"], ask.query.old, ask.query.new)
        return msgspec.convert(found, DifferencesAnswer)

    async def copy(self, ask: Ask[CopyTemplate, NoQuery]) -> TemplateAnswer:
        """Copy a template."""
        wish = ask.body
        return _template(await self._templates.copy(ask.workspace_id, ask.path["code"], to=wish.code, name=wish.name))

    async def archive(self, ask: Ask[NoBody, NoQuery]) -> TemplateAnswer:
        """Archive a template."""
        return _template(await self._templates.archive(ask.workspace_id, ask.path["code"]))

    async def unarchive(self, ask: Ask[NoBody, NoQuery]) -> TemplateAnswer:
        """Offer a template again."""
        return _template(await self._templates.archive(ask.workspace_id, ask.path["code"], archived=False))

    async def preview(self, ask: Ask[Values, NoQuery]) -> TemplatePreviewAnswer:
        """Show what would be sent."""
        wish = await self._wish(ask.workspace_id, ask.body)
        found = await self._templates.preview(ask.workspace_id, wish, code=ask.path["code"])
        return msgspec.convert(found, TemplatePreviewAnswer)

    async def preview_text(self, ask: Ask[PreviewText, NoQuery]) -> TemplatePreviewAnswer:
        """Show what would be sent of a text that is not stored."""
        wish = await self._wish(ask.workspace_id, ask.body)
        found = await self._templates.preview(
            ask.workspace_id, wish, body=ask.body.body or "", document=_plain(ask.body.document)
        )
        return msgspec.convert(found, TemplatePreviewAnswer)

    async def _wish(self, workspace_id: str, given: Values) -> PreviewWish:
        reader = await self._reader(workspace_id, given.contact) if given.contact else Reader({})
        record = given.record
        held = await self._records.values(workspace_id, record.table, record.key) if record else {}
        return PreviewWish(
            values={
                **await self._links(workspace_id),
                **reader.values,
                **held,
                **{name: plain_value(one) for name, one in given.variables.items()},
            },
            channel=given.channel,
            purpose=given.purpose,
            country=given.country.upper() or reader.country,
            language=given.language or reader.language,
            sample=given.sample,
            account=given.account,
            sender=given.sender,
        )


def _plain(document: Document | None) -> dict[str, Any] | None:
    return None if document is None else msgspec.to_builtins(document)


def _template(found: dict[str, Any]) -> TemplateAnswer:
    times = {name: moment(found[name]) for name in ("created_at", "updated_at")}
    return msgspec.convert(found | times | {"archived_at": moment_or_none(found["archived_at"])}, TemplateAnswer)
