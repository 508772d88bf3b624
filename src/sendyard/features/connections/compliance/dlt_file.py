"""
Files of registered templates as India's DLT portals export them: each operator has columns and words of its own.

No page documents these exports, so columns are recognised by what they are called, in any order, and what a file does
not tell stays open. Texts are taken exactly: operators compare every character.
"""

import csv
import io
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sendyard.domain.countries.dlt_template import TAGS, read_template
from sendyard.domain.countries.situation import Registration
from sendyard.domain.errors import FieldError, Invalid
from sendyard.features.connections.compliance import checks

MOST_ROWS = 20_000
"""Rows of one file; an entity has hundreds of templates, a large one some thousands."""

COLUMNS: Mapping[str, tuple[str, ...]] = {
    "id": ("templateid", "dlttemplateid", "contenttemplateid", "templateno", "dltid", "dltctid", "id"),
    "text": (
        "templatecontent", "contenttemplate", "templatetext", "templatemessage", "templatebody", "messagetemplate",
        "messagecontent", "smscontent", "content", "message", "text", "template", "body",
    ),
    "name": ("templatename", "contenttemplatename", "name"),
    "category": (
        "templatetype", "templatecategory", "communicationtype", "smstype", "messagetype", "contenttype", "type",
        "category",
    ),
    "state": ("templatestatus", "approvalstatus", "registrationstatus", "status", "state"),
    "senders": (
        "headers", "header", "headername", "linkedheaders", "linkedheader", "senderids", "senderid", "senders",
        "sender", "cli",
    ),
    "tags": ("variabletags", "variabletag", "variabletypes", "variabletype", "tags", "tag"),
}  # fmt: skip
"""What columns are called, without case, spaces and punctuation; the first that is there counts."""

_CATEGORIES = {
    "transactional": "transactional",
    "t": "transactional",
    "serviceimplicit": "service_implicit",
    "si": "service_implicit",
    "implicit": "service_implicit",
    "serviceexplicit": "service_explicit",
    "se": "service_explicit",
    "explicit": "service_explicit",
    "promotional": "promotional",
    "p": "promotional",
}
_STATES = {
    **dict.fromkeys(("approved", "active", "registered", "live", "verified"), Registration.APPROVED),
    **dict.fromkeys(
        ("pending", "submitted", "inreview", "underreview", "inprogress", "processing", "approvalpending", "new"),
        Registration.PENDING,
    ),
    **dict.fromkeys(
        ("rejected", "inactive", "suspended", "blacklisted", "blocked", "expired", "deactivated", "deleted", "revoked"),
        Registration.REJECTED,
    ),
}
_NOT_WORDS = re.compile(r"[\W_]+")
_SHORTENED = re.compile(r"\d(?:[.,]\d+)?E\+?\d+", re.IGNORECASE)
_HEADER = re.compile(r"(?:[A-Z]{2}-)?([A-Za-z]{3,8}|\d{6})(?:-[PSTG])?")
_JOINTS = re.compile(r"[,;|\s]+")
_PLACEHOLDER = re.compile(r"\{#(var|" + "|".join(TAGS) + r")#\}", re.IGNORECASE)
_FIRST_ROWS = 10  # above the header some exports write a title
_USUAL_DIGITS = "07"  # of a content template's id, the third and fourth


@dataclass(frozen=True, slots=True)
class FileRow:
    """
    One row of a file: what it tells of a template, or why it is refused.

    Attributes:
        row: as a spreadsheet numbers it, from 1.
        id: of the template, as far as it can be read.
        told: the fields of a template the row tells; those it leaves open are not in it.
        code: why it is refused; "" when it is good.
        detail: the same as a sentence.
        remarks: what a person should know all the same.
    """

    row: int
    id: str
    told: Mapping[str, Any] = field(default_factory=dict)
    code: str = ""
    detail: str = ""
    remarks: tuple[str, ...] = ()


class _Refused(Exception):
    """A row that cannot be taken: code and sentence."""


def read_dlt_file(text: str) -> list[FileRow]:
    """
    Read a file of templates: CSV with commas, semicolons, tabs or bars.

    A template named in several rows, as portals write one row for each header, is told once, with all its headers.

    Raises:
        Invalid: there is no header with an id and a text, or more than `MOST_ROWS` rows.
    """
    lines = _lines(text)
    columns, start, rows = _header(lines)
    found: dict[str, int] = {}
    read: list[FileRow] = []
    for number, cells in rows:
        if number <= start or not any(cell.strip() for cell in cells):
            continue
        if len(read) == MOST_ROWS:
            detail = f"Expected at most {MOST_ROWS:,} rows in one file, found more. Split the file."
            raise Invalid("too_many_rows", detail, errors=[FieldError("/csv", "too_many_rows", detail)])
        row = _row(number, {name: cells[at] if at < len(cells) else "" for name, at in columns.items()})
        if row.code or row.id not in found:
            if not row.code:
                found[row.id] = len(read)
            read.append(row)
            continue
        before = read[found[row.id]]
        if before.told["text"] == row.told["text"]:
            read[found[row.id]] = _joined(before, row)
        else:
            detail = f"Template {row.id} stands in row {before.row} with another text. Remove the one that is wrong."
            read.append(FileRow(number, row.id, code="repeated", detail=detail))
    return read


def _lines(text: str) -> str:
    plain = text.removeprefix("\ufeff")
    if not plain.strip():
        detail = "Expected a file of templates as the DLT portal exports it, found nothing in it."
        raise Invalid("empty_file", detail, errors=[FieldError("/csv", "empty_file", detail)])
    return plain


def _header(text: str) -> tuple[dict[str, int], int, Iterator[tuple[int, list[str]]]]:
    """Give where each column is, the number of the header's row, and all rows with their numbers."""
    for delimiter in ",;\t|":
        for number, cells in _rows(text, delimiter):
            if number > _FIRST_ROWS:
                break
            names = [_NOT_WORDS.sub("", cell.casefold()) for cell in cells]
            columns = {
                name: next(names.index(one) for one in known if one in names)
                for name, known in COLUMNS.items()
                if set(known) & set(names)
            }
            if "id" in columns and "text" in columns:
                return columns, number, _rows(text, delimiter)
    detail = (
        "Expected a header with the template's id and its text, such as Template ID and Template Content, found none "
        f"in the first {_FIRST_ROWS} rows. Export the list as CSV and keep its header."
    )
    raise Invalid("no_header", detail, errors=[FieldError("/csv", "no_header", detail)])


def _rows(text: str, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    try:
        yield from enumerate(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter), 1)
    except csv.Error as error:
        detail = f"The file cannot be read as CSV ({error}). Look for a quotation mark that is not closed."
        raise Invalid("bad_file", detail, errors=[FieldError("/csv", "bad_file", detail)]) from None


def _row(number: int, cells: Mapping[str, str]) -> FileRow:
    remarks: list[str] = []
    try:
        registry_id = _id(cells["id"], remarks)
    except _Refused as refusal:
        return FileRow(number, cells["id"].strip()[:60], code=refusal.args[0], detail=refusal.args[1])
    try:
        told: dict[str, Any] = {"text": _text(cells["text"], remarks)}
    except _Refused as refusal:
        return FileRow(number, registry_id, code=refusal.args[0], detail=refusal.args[1])
    if name := " ".join(cells.get("name", "").split())[: checks.LONGEST_NAME]:
        told["name"] = name
    for field_name, read in (("category", _category), ("state", _state), ("senders", _senders), ("tags", _tags)):
        cell = cells.get(field_name, "").strip()
        if cell and (value := read(cell, remarks)) is not None:
            told[field_name] = value
    remarks += _about(told["text"], told.get("tags", ()), told.get("category", ""))
    return FileRow(number, registry_id, told, remarks=tuple(remarks))


def _id(cell: str, remarks: list[str]) -> str:
    written = cell.strip().removeprefix("=").strip("\"'").strip()
    if _SHORTENED.fullmatch(written):
        detail = (
            f"Expected the 19 digits of the template's id, found {written}: a spreadsheet program has cut it. Take the "
            "file as the portal gave it, or format the column as text before opening it."
        )
        raise _Refused("shortened_id", detail)
    digits = re.sub(r"\s", "", written)
    if not re.fullmatch(r"\d{19}", digits, re.ASCII):
        detail = f"Expected the 19 digits of the template's id at the DLT portal, found {cell.strip()!r:.60}."
        raise _Refused("bad_id", detail)
    if digits[2:4] != _USUAL_DIGITS:
        remarks.append(f"Digits 3 and 4 of a template's id are usually {_USUAL_DIGITS}, found {digits[2:4]}.")
    return digits


def _text(cell: str, remarks: list[str]) -> str:
    try:
        text = checks.template_text(cell)
    except ValueError as error:
        raise _Refused("bad_text", f"The template's text: {error}.") from None
    small = _PLACEHOLDER.sub(lambda found: found[0].lower(), text)
    if small != text:
        remarks.append("Placeholders are written in small letters, as operators compare them: {#var#}.")
    if small != small.strip():
        remarks.append("The text begins or ends with a space or line end; it is kept, because operators compare it.")
    return small


def _category(cell: str, remarks: list[str]) -> str | None:
    found = _CATEGORIES.get(_NOT_WORDS.sub("", cell.casefold()))
    if found is None:
        remarks.append(f"{cell!r:.60} is no category known here ({', '.join(checks.CATEGORIES)}); none is noted.")
    return found


def _state(cell: str, remarks: list[str]) -> Registration | None:
    found = _STATES.get(_NOT_WORDS.sub("", cell.casefold()))
    if found is None:
        remarks.append(f"{cell!r:.60} is no state known here; it is noted as unknown.")
    return found


def _senders(cell: str, remarks: list[str]) -> tuple[str, ...]:
    found: list[str] = []
    for one in _JOINTS.split(cell):
        header = _HEADER.fullmatch(one)
        if header is None:
            remarks.append(f"{one!r:.60} is no header of letters or six digits; it is left out.")
        else:
            found.append(header[1])
    return tuple(dict.fromkeys(found))


def _tags(cell: str, remarks: list[str]) -> tuple[str, ...] | None:
    written = [one.strip("{#} ").casefold() for one in re.split(r"[,;|]", cell)]
    try:
        return checks.tags(written)
    except ValueError as error:
        remarks.append(f"The variables' tags are left out: {error}.")
        return None


def _about(text: str, tags: Sequence[str], category: str) -> Iterable[str]:
    template = read_template(text, tuple(tags))
    for written in dict.fromkeys(template.malformed()):
        yield f"{written!r:.60} is no placeholder; portals know {{#var#}} and tags such as {{#numeric#}}."
    if tags and len(tags) != template.variables:
        yield f"The text has {template.variables} variables and {len(tags)} tags."
    if not template.slots and category not in {"", "promotional"}:
        yield f"A {category} template must contain a variable, found none."


def _joined(before: FileRow, row: FileRow) -> FileRow:
    told = {**row.told, **before.told}
    if "senders" in told:
        told["senders"] = tuple(dict.fromkeys((*before.told.get("senders", ()), *row.told.get("senders", ()))))
    return FileRow(before.row, before.id, told, remarks=tuple(dict.fromkeys((*before.remarks, *row.remarks))))
