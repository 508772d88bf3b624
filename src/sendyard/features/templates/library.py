"""
Templates by their code: each edit makes a version, and a version never changes.
"""

import json
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import msgspec

from sendyard.delivery.directory import Directory
from sendyard.delivery.preflight import is_storable
from sendyard.domain.channels import Channel
from sendyard.domain.errors import Conflict, FieldError, Invalid, NotFound
from sendyard.domain.template import compile_template
from sendyard.features.templates import queries
from sendyard.features.templates.differences import compare
from sendyard.features.templates.document import (
    LONGEST_BODY,
    Document,
    document_of,
    names_of,
    plain_document,
    read_document,
    stored_form,
    with_main_text,
)
from sendyard.features.templates.preview import PreviewWish, preview
from sendyard.features.templates.queries import Said, TemplateRow, VersionRow
from sendyard.features.templates.registered import NONE, check_registered
from sendyard.features.templates.rendering import Letters, Rendered, letters_of
from sendyard.storage.engine import Database
from sendyard.storage.identifiers import now_ms
from sendyard.storage.transaction import Transaction

__all__ = ["LONGEST_BODY", "LONGEST_NAME", "Rendered", "Templates"]

LONGEST_NAME = 100
_TAKEN = frozenset(
    {"provider", "sync", "starters", "export", "import", "preview"}
)  # words in a code's place in addresses
_CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
_BELIEVED_SECONDS = 1.0  # how late an edit in another process may be noticed
_MOST_REMEMBERED = 1000


@dataclass(frozen=True, slots=True)
class _Remembered:
    until: float
    version_id: str
    version: int
    letters: Letters
    archived: bool


class Templates:
    """The templates of every workspace."""

    def __init__(
        self, database: Database, directory: Directory, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Take where rows are, what rules and prices of previews come from, and a clock in seconds."""
        self._database = database
        self._directory = directory
        self._clock = clock
        self._remembered: dict[tuple[str, str], _Remembered] = {}

    async def add(
        self,
        workspace_id: str,
        *,
        code: str,
        body: str | None = None,
        document: Mapping[str, Any] | None = None,
        name: str = "",
        registered: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        """
        Store a template with its first version: either a `body`, or a `document` as `document.Document` has it.

        `registered` is as `registered.Registered` has it.

        Raises:
            Invalid: the code, name, text, document or a registered form is not usable; `bad_template` says where.
            Conflict: the code is taken.
        """
        _check(code=code, name=name, body=body)
        said = _said(body, document, registered)
        moment = now_ms()
        if not await self._database.write(
            lambda tx: queries.insert_template(tx, workspace_id, code=code, name=name or code, said=said, now=moment)
        ):
            detail = f"There is a template {code!r} already; edit that one, or choose another code."
            raise Conflict("code_taken", detail, errors=[FieldError("/code", "code_taken", detail)])
        return await self.get(workspace_id, code)

    async def edit(
        self,
        workspace_id: str,
        code: str,
        *,
        body: str | None = None,
        document: Mapping[str, Any] | None = None,
        name: str | None = None,
        registered: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        """
        Change the name, or what it says or its registered forms, which makes a new version unless nothing differs.

        A `body` takes the place of the main text alone, a `document` that of everything.

        Raises:
            Invalid: the text, the document, the name or a registered form is not usable.
            NotFound: there is no such template.
        """
        _check(name=name, body=body)
        if body is not None and document is not None:
            raise _twice()
        if body is not None:
            compile_template(body)
        given = None if document is None else read_document(document)
        kept = None if registered is None else check_registered(registered)
        moment = now_ms()

        def change(tx: Transaction) -> bool:
            row = queries.newest(tx, workspace_id, code)
            if row is None:
                return False
            changed = given or document_of(row.body, row.document)
            if body is not None:
                changed = with_main_text(changed, body)
            wanted = Said(changed.main.text, row.registered if kept is None else kept, stored_form(changed))
            if wanted != (row.body, row.registered, row.document):
                queries.add_version(tx, workspace_id, row.id, wanted, now=moment)
            if name:
                queries.rename(tx, workspace_id, row.id, name)
            return True

        if not await self._database.write(change):
            raise _unknown(code)
        self._remembered.pop((workspace_id, code), None)
        return await self.get(workspace_id, code)

    async def outcome(
        self,
        workspace_id: str,
        code: str,
        *,
        name: str,
        document: Mapping[str, Any],
        registered: Mapping[str, Any],
        archived: bool,
    ) -> str:
        """
        Say what storing this would do: added, changed or unchanged; nothing is stored.

        Raises:
            Invalid: as `add`.
        """
        _check(code=code, name=name)
        said = _said(None, document, registered)
        row = await self._database.read(lambda tx: queries.newest(tx, workspace_id, code))
        if row is None:
            return "added"
        same = said == (row.body, row.registered, row.document) and archived is (row.archived_at is not None)
        return "unchanged" if same and name in ("", row.name) else "changed"

    async def codes(self, workspace_id: str, codes: Sequence[str]) -> set[str]:
        """Which of these codes are taken."""
        return await self._database.read(lambda tx: queries.taken(tx, workspace_id, codes))

    async def get(self, workspace_id: str, code: str) -> dict[str, Any]:
        """Give one template with its newest version. Raises NotFound."""
        return _shown(await self._row(workspace_id, code))

    async def versions(self, workspace_id: str, code: str) -> list[dict[str, Any]]:
        """Give every version, newest first. Raises NotFound."""
        return [_version(row) for row in await self._versions(workspace_id, code)]

    async def differences(self, workspace_id: str, code: str, old: int, new: int) -> dict[str, Any]:
        """
        Give what differs between two versions; see `differences.compare`.

        Raises:
            NotFound: there is no such template or version.
        """
        rows = {row.version: row for row in await self._versions(workspace_id, code)}
        for number in (old, new):
            if number not in rows:
                detail = f"There is no version {number} of {code!r:.80}; there are 1 to {max(rows)}."
                raise NotFound("unknown_version", detail)
        before, after = rows[old], rows[new]
        found = compare(document_of(before.body, before.document), document_of(after.body, after.document))
        return {"code": code, "old": old, "new": new, **found, "registered": before.registered != after.registered}

    async def archive(self, workspace_id: str, code: str, *, archived: bool = True) -> dict[str, Any]:
        """
        Take a template from what is offered, or offer it again; what was sent with it stays as it is.

        Raises:
            NotFound: there is no such template.
        """
        moment = now_ms()

        def change(tx: Transaction) -> bool:
            row = queries.newest(tx, workspace_id, code)
            if row is not None and (row.archived_at is None) is archived:
                queries.archive(tx, workspace_id, row.id, moment if archived else None)
            return row is not None

        if not await self._database.write(change):
            raise _unknown(code)
        self._remembered.pop((workspace_id, code), None)
        return await self.get(workspace_id, code)

    async def copy(self, workspace_id: str, code: str, *, to: str, name: str = "") -> dict[str, Any]:
        """
        Make another template that says what the newest version says; registered forms are not taken along.

        Raises:
            NotFound: there is no such template.
            Invalid: the new code or name is not usable.
            Conflict: the new code is taken.
        """
        found = await self.get(workspace_id, code)
        return await self.add(
            workspace_id, code=to, document=found["document"], name=name or f"{found['name']} (2)"[:LONGEST_NAME]
        )

    async def letters(self, workspace_id: str, code: str) -> Letters:
        """Give the newest version, ready to be filled in. Raises NotFound."""
        return (await self._newest(workspace_id, code)).letters

    async def render(
        self,
        workspace_id: str,
        code: str,
        variables: Mapping[str, str],
        *,
        channel: Channel = Channel.SMS,
        language: str = "",
        country: str = "",
    ) -> Rendered:
        """
        Fill in the newest version, for a channel and in the language closest to the recipient's.

        Raises:
            NotFound: there is no such template.
            MissingVariable: a variable has neither value nor default.
            Invalid: a value is not of its variable's type, or the template is archived.
        """
        found = await self._newest(workspace_id, code)
        if found.archived:
            detail = f"The template {code!r} is archived; take another, or `sendyard templates unarchive {code}`."
            raise Invalid("template_archived", detail, errors=[FieldError("/code", "template_archived", detail)])
        return found.letters.render(
            variables,
            channel=channel,
            language=language,
            country=country,
            version_id=found.version_id,
            version=found.version,
        )

    async def preview(
        self,
        workspace_id: str,
        wish: PreviewWish,
        *,
        code: str = "",
        body: str = "",
        document: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        """
        Show what would be sent: words, size, price, what rules say, and how registered texts compare.

        Give the `code` of a template, or a `body` or `document` that is not stored yet.

        Raises:
            Invalid: not exactly one of the three, a malformed text, a value missing or not of its type.
            NotFound: there is no such template.
        """
        if [bool(code), bool(body), document is not None].count(True) != 1:
            detail = "Expected either the code of a template, a body or a document, found several or none."
            raise Invalid("code_or_body", detail)
        if code:
            letters = (await self._newest(workspace_id, code)).letters
        else:
            _check(body=body or None)
            said = _said(body or None, document, None)
            letters = letters_of(said.body, said.document, said.registered)
        return preview(self._directory, workspace_id, letters, wish, datetime.now(UTC))

    async def list(
        self, workspace_id: str, *, after: str = "", limit: int = 100, archived: bool | None = False
    ) -> list[dict[str, Any]]:
        """Give templates by code, after the code `after`; archived ones, those that are not, or both (None)."""
        rows = await self._database.read(
            lambda tx: queries.templates(tx, workspace_id, after=after, limit=limit, archived=archived)
        )
        return [_shown(row) for row in rows]

    async def _row(self, workspace_id: str, code: str) -> TemplateRow:
        row = await self._database.read(lambda tx: queries.newest(tx, workspace_id, code))
        if row is None:
            raise _unknown(code)
        return row

    async def _versions(self, workspace_id: str, code: str) -> Sequence[VersionRow]:
        template = await self._row(workspace_id, code)
        return await self._database.read(lambda tx: queries.versions(tx, workspace_id, template.id))

    async def _newest(self, workspace_id: str, code: str) -> _Remembered:
        known = self._remembered.get((workspace_id, code))
        if known and self._clock() < known.until:
            return known
        row = await self._row(workspace_id, code)
        same = known is not None and known.version_id == row.version_id
        letters = known.letters if known is not None and same else letters_of(row.body, row.document, row.registered)
        if len(self._remembered) >= _MOST_REMEMBERED:
            self._remembered.clear()
        until = self._clock() + _BELIEVED_SECONDS
        found = _Remembered(until, row.version_id, row.version, letters, row.archived_at is not None)
        self._remembered[workspace_id, code] = found
        return found


def _said(body: str | None, document: Mapping[str, Any] | None, registered: Mapping[str, Any] | None) -> Said:
    kept = check_registered(registered) if registered else NONE
    if (body is None) is (document is None):
        raise _twice()
    if body is not None:
        compile_template(body)
    found: Document = plain_document(body) if body is not None else read_document(document or {})
    return Said(found.main.text, kept, stored_form(found))


def _check(*, code: str | None = None, name: str | None = None, body: str | None = None) -> None:
    errors: list[FieldError] = []
    if code is not None and not _CODE.fullmatch(code):
        detail = f"Expected 1 to 64 letters, digits, dots, hyphens or underscores, found {code!r:.80}."
        errors.append(FieldError("/code", "bad_code", detail))
    elif code in _TAKEN:
        detail = f"The code {code!r} has a meaning of its own in addresses; choose another one."
        errors.append(FieldError("/code", "reserved_code", detail))
    if name is not None and (len(name) > LONGEST_NAME or not is_storable(name)):
        detail = f"Expected at most {LONGEST_NAME} ordinary characters, found {len(name)}, or U+0000."
        errors.append(FieldError("/name", "bad_name", detail))
    if body is not None and (not body.strip() or len(body) > LONGEST_BODY or not is_storable(body)):
        detail = f"Expected 1 to {LONGEST_BODY:,} ordinary characters, found {len(body):,}, or U+0000."
        errors.append(FieldError("/body", "bad_body", detail))
    if errors:
        raise Invalid(errors[0].code, errors[0].detail, errors=errors)


def _twice() -> Invalid:
    detail = "Expected either a body or a document, found both or neither."
    return Invalid("body_or_document", detail, errors=[FieldError("/document", "body_or_document", detail)])


def _unknown(code: str) -> NotFound:
    return NotFound("unknown_template", f"There is no template {code!r:.80}; `sendyard templates list` shows them.")


def _shown(row: TemplateRow) -> dict[str, Any]:
    document = document_of(row.body, row.document)
    names = names_of(document)
    return {
        "id": row.id,
        "code": row.code,
        "name": row.name,
        "version": row.version,
        "version_id": row.version_id,
        "body": row.body,
        "document": msgspec.to_builtins(document),
        "purpose": document.purpose.value,
        "category": document.category,
        "channels": [kind.value for kind in document.bodies],
        "languages": list(dict.fromkeys(tag for one in document.bodies.values() for tag in one if tag)),
        "registered": json.loads(row.registered),
        "variables": names.variables,
        "required": names.required,
        "created_at": row.created_at,
        "updated_at": row.updated_at,
        "archived_at": row.archived_at,
    }


def _version(row: VersionRow) -> dict[str, Any]:
    return {
        "id": row.id,
        "version": row.version,
        "body": row.body,
        "document": msgspec.to_builtins(document_of(row.body, row.document)),
        "registered": json.loads(row.registered),
        "created_at": row.created_at,
    }
