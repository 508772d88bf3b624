"""
Templates as one document, to keep beside other files or to carry to another workspace.

`{"templates": [{"code": …, "name": …, "archived": false, "document": {…}, "registered": {…}}]}`, as JSON or TOML.
"""

import json
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

import msgspec

from sendyard.domain.errors import AppError, FieldError, Invalid
from sendyard.features.templates.library import Templates

Format = Literal["json", "toml"]
MOST = 2000
_PAGE = 500


class Carried(msgspec.Struct, forbid_unknown_fields=True):
    """A template outside a workspace."""

    code: str
    document: dict[str, Any]
    name: str = ""
    archived: bool = False
    registered: dict[str, Any] = {}


class Portable:
    """Takes templates out and brings them in."""

    def __init__(self, templates: Templates) -> None:
        """Take the library."""
        self._templates = templates

    async def export(self, workspace_id: str, codes: Sequence[str] = ()) -> dict[str, Any]:
        """
        Give the newest versions, of all templates or of those named.

        Raises:
            NotFound: one of those named is not there.
        """
        if codes:
            found = [await self._templates.get(workspace_id, code) for code in codes]
        else:
            found = []
            while page := await self._templates.list(
                workspace_id, after=found[-1]["code"] if found else "", limit=_PAGE, archived=None
            ):
                found += page
        return {"templates": [_carried(one) for one in found]}

    async def bring(self, workspace_id: str, given: Mapping[str, Any], *, dry_run: bool = False) -> dict[str, Any]:
        """
        Store what an export gave; a template that is there already gets a new version where something differs.

        Gives lists: `added`, `changed` and `unchanged` of codes, `refused` of `{code, detail}`. A refused one keeps
        none of the others out.

        Raises:
            Invalid: the document as a whole is none.
        """
        carried = read_carried(given)
        report: dict[str, list[Any]] = {"added": [], "changed": [], "unchanged": [], "refused": []}
        for one in carried:
            try:
                outcome = await self._bring(workspace_id, one, dry_run=dry_run)
            except AppError as error:
                detail = error.errors[0].detail if error.errors else error.detail
                report["refused"].append({"code": one.code, "detail": detail})
            else:
                report[outcome].append(one.code)
        return report

    async def _bring(self, workspace_id: str, one: Carried, *, dry_run: bool) -> str:
        templates, code = self._templates, one.code
        outcome = await templates.outcome(
            workspace_id, code, name=one.name, document=one.document, registered=one.registered, archived=one.archived
        )
        if dry_run or outcome == "unchanged":
            return outcome
        if outcome == "added":
            await templates.add(
                workspace_id, code=code, name=one.name, document=one.document, registered=one.registered
            )
        else:
            await templates.edit(
                workspace_id, code, name=one.name or None, document=one.document, registered=one.registered
            )
        await templates.archive(workspace_id, code, archived=one.archived)
        return outcome


def read_carried(given: Mapping[str, Any]) -> list[Carried]:
    """
    Check a document of templates.

    Raises:
        Invalid: it is none; the sentence says where.
    """
    try:
        found = msgspec.convert(given.get("templates"), list[Carried])
    except msgspec.ValidationError as error:
        raise _refused(f"Expected a list `templates` as an export gives it, found: {error}.") from None
    if len(found) > MOST:
        raise _refused(f"Expected at most {MOST:,} templates at once, found {len(found):,}.")
    return found


def read_file(text: str) -> dict[str, Any]:
    """
    Read JSON or TOML, whichever it is.

    Raises:
        Invalid: it is neither.
    """
    try:
        found = json.loads(text) if text.lstrip().startswith("{") else tomllib.loads(text)
    except ValueError as error:
        raise _refused(f"Expected JSON or TOML, found neither: {error}.") from None
    return dict(found)


def to_toml(document: Mapping[str, Any]) -> str:
    """Write a document of plain values as TOML; what is None is left out."""
    return "\n".join(_lines(document, ())) + "\n"


def _lines(table: Mapping[str, Any], path: tuple[str, ...]) -> Iterator[str]:
    inner = {name: value for name, value in table.items() if isinstance(value, Mapping) or _is_tables(value)}
    for name, value in table.items():
        if name not in inner and value is not None:
            yield f"{_key(name)} = {_value(value)}"
    for name, value in inner.items():
        place = (*path, name)
        heading = ".".join(map(_key, place))
        if isinstance(value, Mapping):
            yield f"\n[{heading}]"
            yield from _lines(value, place)
        else:
            for one in value:
                yield f"\n[[{heading}]]"
                yield from _lines(one, place)


def _is_tables(value: object) -> bool:
    return isinstance(value, list | tuple) and bool(value) and all(isinstance(one, Mapping) for one in value)


def _key(name: str) -> str:
    return name if name.isascii() and name.replace("_", "").replace("-", "").isalnum() else _value(name)


def _value(value: object) -> str:
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_value, value)) + "]"
    # JSON writes texts, numbers and truth as TOML reads them, but for one control character.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _carried(found: Mapping[str, Any]) -> dict[str, Any]:
    archived = found["archived_at"] is not None
    return {name: found[name] for name in ("code", "name", "document", "registered")} | {"archived": archived}


def _refused(detail: str) -> Invalid:
    return Invalid("bad_export", detail, errors=[FieldError("/templates", "bad_export", detail)])
