"""
Consents as files: lists that are taken over, and everything that was said as CSV.
"""

import csv
import io
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

from sendyard.domain.channels import Channel, Purpose
from sendyard.domain.countries.situation import ConsentKind
from sendyard.domain.errors import FieldError, Invalid
from sendyard.domain.formulas import neutral, restore
from sendyard.features.audience import queries
from sendyard.features.audience.address_lists import read_lines
from sendyard.features.audience.consents import STATES, check_word
from sendyard.features.audience.queries import ConsentRow
from sendyard.features.audience.suppressions import read_address
from sendyard.storage.engine import Database
from sendyard.storage.identifiers import new_id, now_ms
from sendyard.storage.transaction import Transaction

COLUMNS = ("address", "channel", "purpose", "kind", "state", "source", "evidence", "at", "confirmed_at")
"""The header of the exported file, in its order; all but `address` may be missing in one that is taken over."""
_AT_ONCE = 2000
_KEPT = "somebody who refused stays refused; they have to say yes themselves, later than they said no"


class Word(NamedTuple):
    """One line of a list, as it stands there; blanks are filled by the caller's defaults."""

    address: str
    channel: str = ""
    purpose: str = ""
    kind: str = ""
    state: str = ""
    source: str = ""
    evidence: str = ""
    at: str = ""
    confirmed_at: str = ""


class ConsentLists:
    """Takes lists of consents over, and gives them out."""

    def __init__(self, database: Database) -> None:
        """Take where rows are."""
        self._database = database

    async def load(
        self,
        workspace_id: str,
        words: Iterable[tuple[int, Word]],
        *,
        country: str = "",
        source: str = "",
        evidence: str = "",
    ) -> dict[str, Any]:
        """
        Take over a list; repeating it changes nothing.

        A line never takes a refusal back: one that grants is refused for somebody who is suppressed by their own
        wish, and for somebody who withdrew, unless it names a later time.

        Args:
            workspace_id: to whom it was said.
            words: lines of the list with their rows; blank means promotional, marketing, granted, and now.
            country: by which national numbers are read.
            source: for lines without one.
            evidence: likewise.

        Returns:
            `{rows, added, known, refused: [{row, address, code, detail}]}`; `rows` is how many lines there were, `row`
            where one stands in the file.

        Raises:
            Invalid: the list cannot be read.
        """
        counts = {"rows": 0, "added": 0, "known": 0}
        refused: list[dict[str, Any]] = []
        chunk: list[tuple[int, ConsentRow, bool]] = []
        now = now_ms()
        for row, word in words:
            counts["rows"] += 1
            filled = word._replace(source=word.source or source, evidence=word.evidence or evidence)
            try:
                chunk.append((row, _read(filled, country, now), bool(word.at)))
            except Invalid as error:
                refused.append(_refusal(row, word.address, error.code, error.detail))
            if len(chunk) >= _AT_ONCE:
                await self._keep(workspace_id, chunk, counts, refused)
                chunk = []
        await self._keep(workspace_id, chunk, counts, refused)
        return {**counts, "refused": sorted(refused, key=lambda one: one["row"])}

    async def _keep(
        self,
        workspace_id: str,
        chunk: Sequence[tuple[int, ConsentRow, bool]],
        counts: dict[str, int],
        refused: list[dict[str, Any]],
    ) -> None:
        if not chunk:
            return

        def work(tx: Transaction) -> tuple[int, list[dict[str, Any]]]:
            addresses = {row.address for _, row, _ in chunk}
            stopped = queries.stopped_by_themselves(tx, workspace_id, addresses)
            said = {(_place(one), one.state, one.at) for one in queries.words_of(tx, workspace_id, addresses)}
            newest = {_place(one): one for one in queries.consents_in_force(tx, workspace_id, addresses)}
            fresh: list[ConsentRow] = []
            left_out: list[dict[str, Any]] = []
            for number, row, dated in chunk:
                known = newest.get(_place(row))
                if (_place(row), row.state, row.at) in said:
                    continue
                if known and known.state == row.state and (not dated or known.at >= row.at):
                    continue
                withdrawn = known is not None and known.state == "withdrawn" and (not dated or row.at <= known.at)
                if row.state != "withdrawn" and (withdrawn or row.address in stopped):
                    detail = f"Expected somebody who has not refused: {_KEPT}."
                    left_out.append(_refusal(number, row.address, "refused_before", detail))
                    continue
                if known is None or row.at >= known.at:
                    newest[_place(row)] = row
                said.add((_place(row), row.state, row.at))
                fresh.append(row)
            queries.add_consents(tx, workspace_id, fresh)
            return len(fresh), left_out

        added, left_out = await self._database.write(work)
        counts["added"] += added
        counts["known"] += len(chunk) - added - len(left_out)
        refused += left_out

    async def file(self, workspace_id: str) -> AsyncIterator[bytes]:
        """Give everything that was said as CSV in UTF-8 with its mark, piece by piece; formulas are made harmless."""
        yield b"\xef\xbb\xbf" + _lines([COLUMNS])
        after = ""
        while found := await self._database.read(
            lambda tx, after=after: queries.consents(tx, workspace_id, address="", after=after, limit=_AT_ONCE)  # type: ignore[misc]
        ):
            yield _lines([[neutral(_cell(name, getattr(one, name))) for name in COLUMNS] for one in found])
            after = found[-1].id


def read_words(text: str) -> Iterator[tuple[int, Word]]:
    """Read a list of addresses with any other of `COLUMNS`, see `read_lines`."""
    return ((row, Word(address, **given)) for row, address, given in read_lines(text, Word._fields[1:]))


def _read(word: Word, country: str, now: int) -> ConsentRow:
    """Check one line. Raises Invalid."""
    for name, value, known in (
        ("channel", word.channel, [*Channel]),
        ("purpose", word.purpose, [*Purpose]),
        ("kind", word.kind, [*ConsentKind]),
        ("state", word.state, STATES),
    ):
        if value and value not in known:
            detail = f"Expected one of {', '.join(known)}, or nothing; found {value!r:.30}."
            raise Invalid(f"bad_{name}", detail, errors=[FieldError(f"/{name}", f"bad_{name}", detail)])
    confirmed = _moment("confirmed_at", word.confirmed_at) if word.confirmed_at else None
    row = ConsentRow(
        new_id(),
        read_address(restore(word.address), country),
        word.channel,
        word.purpose or Purpose.PROMOTIONAL.value,
        word.state or "granted",
        restore(word.source),
        restore(word.evidence),
        _moment("at", word.at) if word.at else now,
        now,
        word.kind or ConsentKind.MARKETING.value,
        confirmed,
    )
    check_word(row)
    return row


def _moment(name: str, text: str) -> int:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        detail = f"Expected a day or time such as 2026-03-01 or 2026-03-01T09:30:00Z, found {text!r:.40}."
        raise Invalid(f"bad_{name}", detail, errors=[FieldError(f"/{name}", f"bad_{name}", detail)]) from None
    return int((found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp() * 1000)


def _place(row: ConsentRow) -> tuple[str, str, str, str]:
    return row.address, row.channel, row.purpose, row.kind


def _refusal(row: int, address: str, code: str, detail: str) -> dict[str, Any]:
    return {"row": row, "address": address, "code": code, "detail": detail}


def _cell(name: str, value: object) -> str:
    if name in {"at", "confirmed_at"}:
        return "" if value is None else _iso(value)
    return str(value)


def _iso(milliseconds: object) -> str:
    moment = datetime.fromtimestamp(int(str(milliseconds)) / 1000, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _lines(rows: Iterable[Sequence[str]]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerows(rows)
    return text.getvalue().encode("utf-8")
