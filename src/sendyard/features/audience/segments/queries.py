"""
The SQL of segments: what a filter asks of one contact, and what the census reads of many.
"""

import string
from collections.abc import Sequence
from typing import Any, NamedTuple

from sendyard.features.audience.contacts.rows import SQL_COLUMNS, ContactRow, row_of
from sendyard.features.audience.segments.meaning import (
    Between,
    Containing,
    Either,
    Every,
    Filled,
    Marked,
    OneOf,
    Reached,
    Stopped,
    Test,
    Unless,
)
from sendyard.storage.transaction import Dialect, Transaction

BLOCK = 1 << 16
"""Contacts the census holds together, by their numbers."""

_SEGMENT = "id, name, filter, created_at, updated_at"
_KINDS = "('phone', 'whatsapp_id', 'line_id')"  # of addresses that can be suppressed
_LIFTED = "l.workspace_id = ? AND l.id > ? AND l.id <= ?"
_HAD = f"had.workspace_id = l.workspace_id AND had.kind IN {_KINDS} AND had.value = l.address"
_ASCII_LOWER = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)


class SegmentRow(NamedTuple):
    """A saved filter."""

    id: str
    name: str
    filter: str
    created_at: int
    updated_at: int


class Condition(NamedTuple):
    """A term of SQL that is true or false, never null, with its parameters; the contact is `c`."""

    sql: str
    values: tuple[Any, ...]


def condition(test: Test, dialect: Dialect) -> Condition:  # noqa: C901, PLR0911 - one branch for each kind
    """Write what a filter asks as a condition on the contact `c`."""
    match test:
        case Every(items):
            return _joined(items, " AND ", "TRUE", dialect)
        case Either(items):
            return _joined(items, " OR ", "FALSE", dialect)
        case Unless(item):
            sql, values = condition(item, dialect)
            return Condition(f"NOT ({sql})", values)
        case Marked(number):
            return Condition(f"{_position('c.marks', dialect)} > 0", (f",{number},",))
        case OneOf(column, values):
            sql = f"(c.{column} IS NOT NULL AND c.{column} IN ({', '.join('?' * len(values))}))"
            return Condition(sql, values)
        case Filled(column):
            return Condition(f"(c.{column} IS NOT NULL AND c.{column} <> '')", ())
        case Containing(column, part):
            # SQLite lowers ASCII only; the collation makes PostgreSQL do the same.
            lowered = f"LOWER(c.{column})" if dialect == "sqlite" else f'LOWER(c.{column} COLLATE "C")'
            sql = f"(c.{column} IS NOT NULL AND {_position(lowered, dialect)} > 0)"
            return Condition(sql, (part.translate(_ASCII_LOWER),))
        case Between(column, low, high):
            terms = [f"c.{column} IS NOT NULL"]
            terms += [f"c.{column} {sign} ?" for sign, bound in ((">=", low), ("<", high)) if bound is not None]
            return Condition(f"({' AND '.join(terms)})", tuple(one for one in (low, high) if one is not None))
        case Reached(kind):
            sql = (
                "EXISTS (SELECT 1 FROM identities i WHERE i.workspace_id = c.workspace_id AND i.contact_no = c.no"
                " AND i.contact_no + 0 > 0 AND i.kind = ?)"
            )
            return Condition(sql, (kind,))
        case Stopped(channel):
            # By the person's few addresses: the other way round, SQLite goes through every suppression each time.
            sql = (
                "EXISTS (SELECT 1 FROM identities i CROSS JOIN suppressions s WHERE i.workspace_id = c.workspace_id"
                " AND i.contact_no = c.no AND i.contact_no + 0 > 0 AND i.kind IN ('phone', 'whatsapp_id', 'line_id')"
                " AND s.workspace_id = c.workspace_id AND s.address = i.value AND s.channel IN ('', ?)"
                " AND s.purpose = '')"
            )
            return Condition(sql, (channel,))


def _joined(items: Sequence[Test], word: str, empty: str, dialect: Dialect) -> Condition:
    parts = [condition(item, dialect) for item in items]
    if not parts:
        return Condition(empty, ())
    return Condition(
        word.join(f"({part.sql})" for part in parts), tuple(value for part in parts for value in part.values)
    )


def _position(column: str, dialect: Dialect) -> str:
    return f"{'INSTR' if dialect == 'sqlite' else 'STRPOS'}({column}, ?)"


def count(tx: Transaction, workspace_id: str, test: Test) -> int:
    """How many contacts a filter finds, by looking at each."""
    sql, values = condition(test, tx.dialect)
    ((found,),) = tx.rows(
        f"SELECT COUNT(*) FROM contacts c WHERE c.workspace_id = ? AND NOT c.gone AND ({sql})",  # noqa: S608 - `condition` writes placeholders
        (workspace_id, *values),
    )
    return int(found)


def members(tx: Transaction, workspace_id: str, test: Test, *, after: int, limit: int) -> list[ContactRow]:
    """Contacts a filter finds, in the order they were made, after the number `after`."""
    sql, values = condition(test, tx.dialect)
    columns = ", ".join(f"c.{column.strip()}" for column in SQL_COLUMNS.split(","))
    found = tx.rows(
        f"SELECT {columns} FROM contacts c WHERE c.workspace_id = ? AND c.no > ? AND NOT c.gone AND ({sql})"  # noqa: S608 - likewise
        " ORDER BY c.no LIMIT ?",
        (workspace_id, after, *values, limit),
    )
    return [row_of(one) for one in found]


def segments(tx: Transaction, workspace_id: str) -> list[SegmentRow]:
    """Every segment, oldest first."""
    sql = f"SELECT {_SEGMENT} FROM segments WHERE workspace_id = ? ORDER BY id"  # noqa: S608 - constants
    return [SegmentRow(*found) for found in tx.rows(sql, (workspace_id,))]


def insert_segment(tx: Transaction, workspace_id: str, row: SegmentRow) -> bool:
    """Store a segment; False when its name is taken."""
    sql = f"INSERT INTO segments (workspace_id, {_SEGMENT}) VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING"  # noqa: S608 - constants
    return bool(tx.run(sql, (workspace_id, *row)))


def change_segment(tx: Transaction, workspace_id: str, row: SegmentRow) -> None:
    """Change a segment's name and filter; the name must be free."""
    tx.run(
        "UPDATE segments SET name = ?, filter = ?, updated_at = ? WHERE workspace_id = ? AND id = ?",
        (row.name, row.filter, row.updated_at, workspace_id, row.id),
    )


def delete_segment(tx: Transaction, workspace_id: str, segment_id: str) -> None:
    """Remove a segment."""
    tx.run("DELETE FROM segments WHERE workspace_id = ? AND id = ?", (workspace_id, segment_id))


def large_workspaces(tx: Transaction, least: int) -> list[str]:
    """Workspaces that ever had so many contacts."""
    found = tx.rows("SELECT workspace_id FROM audience_clocks WHERE contacts >= ? ORDER BY workspace_id", (least,))
    return [workspace_id for (workspace_id,) in found]


def newest_change(tx: Transaction, workspace_id: str) -> int:
    """The stamp of the newest change of contacts; 0 when there never was one."""
    found = tx.rows("SELECT changed FROM audience_clocks WHERE workspace_id = ?", (workspace_id,))
    return int(found[0][0]) if found else 0


def changed_blocks(tx: Transaction, workspace_id: str, after: int) -> dict[int, int]:
    """How many contacts changed after a stamp, by block."""
    sql = (
        f"SELECT no / {BLOCK}, COUNT(*) FROM contacts WHERE workspace_id = ? AND {_since(after)} GROUP BY no / {BLOCK}"  # noqa: S608 - a number
    )
    found = tx.rows(sql, (workspace_id,))
    return dict(found)


def _since(after: int) -> str:
    # Written out: from the number PostgreSQL sees that the index of stamps above 0 holds all that is asked for.
    return f"changed > {after:d}"


class Part(NamedTuple):
    """Which contacts the census reads: those that changed after a stamp, of one block unless that is None."""

    after: int
    block: int | None = None


def changed_contacts(tx: Transaction, workspace_id: str, columns: Sequence[str], part: Part) -> list[Sequence[Any]]:
    """Contacts that changed: number, whether deleted, and the columns."""
    shown = ", ".join(("no", "gone", *columns))
    if part.block is None:
        return tx.table(shown, f"FROM contacts WHERE workspace_id = ? AND {_since(part.after)}", (workspace_id,))
    # The plus keeps the index by stamps out of it: most of a block has changed then.
    source = "FROM contacts WHERE workspace_id = ? AND no >= ? AND no < ? AND +changed > ?"
    return tx.table(shown, source, (workspace_id, *_numbers(part.block), part.after))


def changed_identities(tx: Transaction, workspace_id: str, part: Part) -> list[Sequence[Any]]:
    """The kinds of identities of the same contacts, of a block those of all contacts: number and kind."""
    source, values = _identities_of(tx, workspace_id, part)
    return tx.table("i.contact_no, i.kind", source, values)


def changed_stopped(tx: Transaction, workspace_id: str, part: Part) -> list[tuple[int, str]]:
    """Of the same contacts, of a block of all, those who have a suppressed address, and the channels."""
    source, values = _identities_of(tx, workspace_id, part, _suppressed(tx))
    source += " AND i.kind IN ('phone', 'whatsapp_id', 'line_id')"
    return [(number, channel) for number, channel in tx.table("i.contact_no, s.channel", source, values)]


def _suppressed(tx: Transaction) -> str:
    """The join of an identity `i` with what it is suppressed by, `s`."""
    # Identities are in the order of bytes. PostgreSQL would compare in that too, which no index on suppressions fits.
    address = "i.value" if tx.dialect == "sqlite" else 'i.value COLLATE "default"'
    return tx.in_turn(
        "suppressions", "s", f"s.workspace_id = i.workspace_id AND s.address = {address} AND s.purpose = ''"
    )


def _numbers(block: int) -> tuple[int, int]:
    return block * BLOCK, (block + 1) * BLOCK


def _identities_of(tx: Transaction, workspace_id: str, part: Part, joined: str = "") -> tuple[str, tuple[Any, ...]]:
    if part.block is not None:
        block = "i.contact_no >= ? AND i.contact_no < ? AND i.contact_no + 0 > 0"
        return f"FROM identities i {joined} WHERE i.workspace_id = ? AND {block}", (workspace_id, *_numbers(part.block))
    theirs = tx.in_turn(
        "identities", "i", "i.workspace_id = c.workspace_id AND i.contact_no = c.no AND i.contact_no + 0 > 0"
    )
    return f"FROM contacts c {theirs} {joined} WHERE c.workspace_id = ? AND c.{_since(part.after)}", (workspace_id,)


class Stamp(NamedTuple):
    """
    What differs after any change of suppressions.

    How many there are, the newest, the sum of their times, and the newest note of one that was removed.
    """

    size: int
    newest: str
    times: int
    lifted: str


class Amount(NamedTuple):
    """How many suppressions, and the sum of the times they were made."""

    size: int
    times: int


def suppression_stamp(tx: Transaction, workspace_id: str) -> Stamp:
    """What there is of suppressions."""
    ((count, newest, times, lifted),) = tx.rows(
        "SELECT COUNT(*), MAX(id), SUM(created_at),"
        " (SELECT MAX(l.id) FROM lifted_suppressions l WHERE l.workspace_id = ?)"
        " FROM suppressions WHERE workspace_id = ?",
        (workspace_id, workspace_id),
    )
    return Stamp(count, newest or "", int(times or 0), lifted or "")


def suppressions_added(tx: Transaction, workspace_id: str, before: Stamp, now: Stamp) -> Amount:
    """What there is of the suppressions made after one moment and up to another."""
    ((count, times),) = tx.rows(
        "SELECT COUNT(*), SUM(created_at) FROM suppressions WHERE workspace_id = ? AND id > ? AND id <= ?",
        (workspace_id, before.newest, now.newest),
    )
    return Amount(count, int(times or 0))


def suppressions_lifted(tx: Transaction, workspace_id: str, before: Stamp, now: Stamp) -> Amount:
    """What there was at one moment of the suppressions that were removed up to another."""
    ((count, times),) = tx.rows(
        f"SELECT COUNT(*), SUM(l.made_at) FROM lifted_suppressions l WHERE {_LIFTED} AND l.suppression_id <= ?",  # noqa: S608 - constants
        (workspace_id, before.lifted, now.lifted, before.newest),
    )
    return Amount(count, int(times or 0))


def lifted_contacts(tx: Transaction, workspace_id: str, before: Stamp, now: Stamp) -> list[int]:
    """The numbers of contacts who have an address of which suppressions were removed between two moments."""
    found = tx.rows(
        f"SELECT had.contact_no FROM lifted_suppressions l {tx.in_turn('identities', 'had', _HAD)} WHERE {_LIFTED}",  # noqa: S608 - constants
        (workspace_id, before.lifted, now.lifted),
    )
    return [number for (number,) in found]


def lifted_stopped(tx: Transaction, workspace_id: str, before: Stamp, now: Stamp) -> list[tuple[int, str]]:
    """Of the same contacts those who have a suppressed address, be it another, and the channels."""
    theirs = tx.in_turn(
        "identities",
        "i",
        "i.workspace_id = had.workspace_id AND i.contact_no = had.contact_no AND i.contact_no + 0 > 0",
    )
    found = tx.rows(
        f"SELECT i.contact_no, s.channel FROM lifted_suppressions l {tx.in_turn('identities', 'had', _HAD)}"  # noqa: S608 - constants
        f" {theirs} {_suppressed(tx)} WHERE {_LIFTED} AND i.kind IN {_KINDS}",
        (workspace_id, before.lifted, now.lifted),
    )
    return [(number, channel) for number, channel in found]


def stopped_contacts(
    tx: Transaction, workspace_id: str, made: tuple[Stamp, Stamp] | None = None
) -> list[tuple[int, str]]:
    """
    The numbers of contacts who have a suppressed address, as `condition` of `Stopped` finds them, and the channels.

    With `made` only those of suppressions made after the first moment and up to the second.
    """
    condition, values = (" AND s.id > ? AND s.id <= ?", (made[0].newest, made[1].newest)) if made else ("", ())
    theirs = "i.workspace_id = s.workspace_id AND i.kind IN ('phone', 'whatsapp_id', 'line_id') AND i.value = s.address"
    found = tx.table(
        "i.contact_no, s.channel",
        f"FROM suppressions s {tx.in_turn('identities', 'i', theirs)}"
        f" WHERE s.workspace_id = ? AND s.purpose = ''{condition}",
        (workspace_id, *values),
    )
    return [(number, channel) for number, channel in found]
