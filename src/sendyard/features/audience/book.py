"""
Everybody as one CSV file that can be imported again: page by page, so that a million people need no more memory than a
thousand.

The columns are always the same, in this order, and those of custom fields behind the standard ones. A phone number
beside the first, a guessed time zone and what else only tells something stand in columns that an import leaves out.
"""

import csv
import io
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

from sendyard.domain.fields import store_value
from sendyard.domain.formulas import neutral
from sendyard.features.audience import queries as audience_queries
from sendyard.features.audience.contacts.queries import identities_of
from sendyard.features.audience.contacts.rows import EMAIL, EXTERNAL, LINE, PHONE, SET, WHATSAPP, ContactRow, Identity
from sendyard.features.audience.fields import FieldSet, field_set
from sendyard.features.audience.labels import LIST, TAG, LabelSet, label_set, require_list
from sendyard.features.audience.segments.meaning import Every, Marked, Test
from sendyard.features.audience.segments.store import Question, audience_page, require_segment, understand
from sendyard.storage.engine import Database
from sendyard.storage.identifiers import now_ms
from sendyard.storage.transaction import Transaction

_PAGE = 1000
_KINDS = {"phone": PHONE, "whatsapp_id": WHATSAPP, "line_user_id": LINE, "email": EMAIL, "external_id": EXTERNAL}
COLUMNS = (*_KINDS, "name", "country", "language", "time_zone", "tags", "lists", "lead_state", "source")
"""What an import reads again, before the custom fields, which are called `custom:CODE`."""
TELLING = ("sendyard_id", "other_identities", "guessed_time_zone", "suppressed", "created_at", "updated_at")
"""What only tells something, behind the custom fields."""


class Choice(NamedTuple):
    """Who is wanted: people on a list, of a segment, found by a filter, all three together; everybody when blank."""

    list: str = ""
    segment: str = ""
    filter: str = ""


class _Page(NamedTuple):
    """Some lines of the file, and the number behind which the next ones are; None at the end."""

    lines: bytes
    after: int | None
    people: int


class Book:
    """Gives the people of every workspace as files."""

    def __init__(self, database: Database) -> None:
        """Take where rows are."""
        self._database = database

    async def pieces(self, workspace_id: str, choice: Choice) -> AsyncIterator[tuple[bytes, int]]:
        """
        Begin a CSV file in UTF-8 with its mark; gives its pieces, each with the number of people in it.

        Raises:
            NotFound: there is no such list or segment.
            Invalid: the filter cannot be read.
        """
        moment = now_ms()

        def begin(tx: Transaction) -> tuple[Test, FieldSet]:
            return _test(tx, workspace_id, choice, moment), field_set(tx, workspace_id)

        test, fields = await self._database.read(begin)
        return self._pieces(workspace_id, test, fields)

    async def _pieces(self, workspace_id: str, test: Test, fields: FieldSet) -> AsyncIterator[tuple[bytes, int]]:
        yield b"\xef\xbb\xbf" + _written([[*COLUMNS, *(f"custom:{code}" for code in fields.by_code), *TELLING]]), 0
        after: int | None = 0
        while after is not None:
            page = await self._database.read(
                lambda tx, after=after: _page(tx, workspace_id, test, fields, after)  # type: ignore[misc]
            )
            after = page.after
            if page.people:
                yield page.lines, page.people


def _test(tx: Transaction, workspace_id: str, choice: Choice, now: int) -> Test:
    tests: list[Test] = []
    if choice.list:
        tests.append(Marked(require_list(tx, workspace_id, choice.list).no))
    filters = [choice.filter] if choice.filter else []
    if choice.segment:
        filters.append(require_segment(tx, workspace_id, choice.segment).filter)
    tests += (understand(tx, workspace_id, Question(one), now=now)[1] for one in filters)
    return tests[0] if len(tests) == 1 else Every(tuple(tests))


def _page(tx: Transaction, workspace_id: str, test: Test, fields: FieldSet, after: int) -> _Page:
    found = audience_page(tx, workspace_id, test, after=after, limit=_PAGE)
    if not found:
        return _Page(b"", None, 0)
    identities = identities_of(tx, workspace_id, [row["no"] for row in found])
    addresses = {identity.value for held in identities.values() for identity in held}
    stopped = audience_queries.suppressed_among(tx, workspace_id, addresses)
    labels = label_set(tx, workspace_id)
    lines = [_line(row, identities.get(row["no"], ()), labels, fields, stopped) for row in found]
    following = found[-1]["no"] if len(found) == _PAGE else None
    return _Page(_written(lines), following, len(found))


def _line(
    row: ContactRow, identities: Sequence[Identity], labels: LabelSet, fields: FieldSet, stopped: set[str]
) -> list[str]:
    firsts: dict[str, str] = {}
    others: list[str] = []
    for kind, value in identities:
        if firsts.setdefault(kind, value) != value:
            others.append(f"{kind}:{value}")
    is_set = row["zone_origin"] == SET
    return [
        *(firsts.get(kind, "") for kind in _KINDS.values()),
        row["name"],
        row["country"],
        row["language"],
        row["time_zone"] if is_set else "",
        "; ".join(labels.names(TAG, row["marks"])),
        "; ".join(labels.names(LIST, row["marks"])),
        row["lead"],
        row["source"],
        *_customs(row, fields),
        row["id"],
        "; ".join(others),
        "" if is_set else row["time_zone"],
        "yes" if any(identity.value in stopped for identity in identities) else "",
        _when(row["created_at"]),
        _when(row["updated_at"]),
    ]


def _customs(row: Mapping[str, Any], fields: FieldSet) -> list[str]:
    return [
        "" if (held := row[field.slot]) is None else store_value(field.value(held)) for field in fields.by_code.values()
    ]


def _when(milliseconds: int) -> str:
    return datetime.fromtimestamp(milliseconds / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _written(rows: Sequence[Sequence[str]]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text).writerows([neutral(cell) for cell in row] for row in rows)
    return text.getvalue().encode()
