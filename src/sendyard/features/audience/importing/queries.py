"""
The SQL of imports: whole chunks at a time.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from sendyard.features.audience.contacts.rows import Change, ContactRow, Identity
from sendyard.storage.transaction import Transaction

_IMPORT = "no, id, name, status, counts, created_at, finished_at, undone_at"
_NEW = ("no", "id", "country", "marks", "lead", "language", "time_zone", "zone_origin", "source", "name")


class ImportRow(NamedTuple):
    """One import."""

    no: int
    id: str
    name: str
    status: str
    counts: str  # JSON
    created_at: int
    finished_at: int | None
    undone_at: int | None


class ChangeRow(NamedTuple):
    """What an import changed in one contact that was there before."""

    contact_no: int
    before: str
    after: str


def insert_import(tx: Transaction, workspace_id: str, row: ImportRow) -> None:
    """Store an import that begins."""
    sql = f"INSERT INTO contact_imports (workspace_id, {_IMPORT}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"  # noqa: S608 - constants
    tx.run(sql, (workspace_id, *row))


def change_import(tx: Transaction, workspace_id: str, row: ImportRow) -> None:
    """Note how far an import is."""
    tx.run(
        "UPDATE contact_imports SET status = ?, counts = ?, finished_at = ?, undone_at = ?"
        " WHERE workspace_id = ? AND no = ?",
        (row.status, row.counts, row.finished_at, row.undone_at, workspace_id, row.no),
    )


def take_import(tx: Transaction, workspace_id: str, no: int, expected: Sequence[str], status: str) -> bool:
    """Move an import from one of the expected states to another; False when it is in none of them."""
    condition, parameter = tx.among(expected)
    return bool(
        tx.run(
            f"UPDATE contact_imports SET status = ? WHERE workspace_id = ? AND no = ? AND status {condition}",  # noqa: S608 - placeholders only
            (status, workspace_id, no, parameter),
        )
    )


def imports(tx: Transaction, workspace_id: str, *, before: int, limit: int) -> list[ImportRow]:
    """Imports, newest first, before a number."""
    sql = f"SELECT {_IMPORT} FROM contact_imports WHERE workspace_id = ? AND no < ? ORDER BY no DESC LIMIT ?"  # noqa: S608 - constants
    return [ImportRow(*found) for found in tx.rows(sql, (workspace_id, before, limit))]


def import_by_id(tx: Transaction, workspace_id: str, import_id: str) -> ImportRow | None:
    """One import."""
    sql = f"SELECT {_IMPORT} FROM contact_imports WHERE workspace_id = ? AND id = ?"  # noqa: S608 - constants
    found = tx.rows(sql, (workspace_id, import_id))
    return ImportRow(*found[0]) if found else None


def known(
    tx: Transaction, workspace_id: str, identities: Sequence[Identity], slots: Sequence[str]
) -> tuple[dict[Identity, int], dict[int, ContactRow]]:
    """Who of a chunk is known: the number of each identity, and the contacts with what may change in them."""
    source, parameter = tx.each(identities, "TEXT", "TEXT")
    columns = ("no", "country", "marks", "lead", "language", "time_zone", "zone_origin", "source", "name",
               "import_no", "updated_at", *slots)  # fmt: skip
    found = tx.table(
        ", ".join(("i.kind", "i.value", *(f"c.{column}" for column in columns))),
        f"FROM {source} CROSS JOIN identities i CROSS JOIN contacts c WHERE i.workspace_id = ? AND i.kind = given.c0"
        " AND i.value = given.c1 AND c.workspace_id = i.workspace_id AND c.no = i.contact_no",
        (parameter, workspace_id),
    )
    held: dict[Identity, int] = {}
    rows: dict[int, ContactRow] = {}
    for kind, value, no, *rest in found:
        held[Identity(kind, value)] = no
        if no not in rows:
            rows[no] = dict(zip(columns, (no, *rest), strict=True))
    return held, rows


def insert_contacts(
    tx: Transaction,
    workspace_id: str,
    change: Change,
    rows: Sequence[Sequence[Any]],
    slots: Sequence[str],
    *,
    import_no: int,
    now: int,
) -> None:
    """Store new contacts with one statement; rows are the columns `_NEW` and the slots in use."""
    kinds = ["BIGINT", *["TEXT"] * (len(_NEW) - 1), *("BIGINT" if slot[0] == "n" else "TEXT" for slot in slots)]
    source, parameter = tx.each(rows, *kinds)  # type: ignore[arg-type]
    given = ", ".join(f"c{index}" for index in range(len(kinds)))
    tx.run(
        f"INSERT INTO contacts (workspace_id, import_no, created_at, updated_at, changed, {', '.join((*_NEW, *slots))})"  # noqa: S608 - constants
        f" SELECT ?, {import_no:d}, {now:d}, {now:d}, {change.stamp:d}, {given} FROM {source}",
        (workspace_id, parameter),
    )


def insert_identities(tx: Transaction, workspace_id: str, rows: Sequence[tuple[str, str, int]], *, now: int) -> None:
    """Store identities nobody has with one statement."""
    source, parameter = tx.each(rows, "TEXT", "TEXT", "BIGINT")
    tx.run(
        "INSERT INTO identities (workspace_id, kind, value, contact_no, created_at)"  # noqa: S608 - placeholders only
        f" SELECT ?, c0, c1, c2, {now:d} FROM {source}",
        (workspace_id, parameter),
    )


def update_contacts(
    tx: Transaction, workspace_id: str, change: Change, values: Mapping[int, Mapping[str, Any]], *, now: int
) -> None:
    """Change contacts, each in its own columns; those that change the same columns share a statement."""
    alike: dict[tuple[str, ...], list[tuple[Any, ...]]] = {}
    for no, columns in values.items():
        alike.setdefault(tuple(columns), []).append((*columns.values(), now, change.stamp, workspace_id, no))
    for names, parameters in alike.items():
        settings = "".join(f"{name} = ?, " for name in names)
        tx.run_many(
            f"UPDATE contacts SET {settings}updated_at = ?, changed = ? WHERE workspace_id = ? AND no = ?",  # noqa: S608 - our columns
            parameters,
        )


def changes_of(tx: Transaction, workspace_id: str, import_no: int, numbers: Sequence[int]) -> list[ChangeRow]:
    """What an import noted of these contacts so far."""
    source, parameter = tx.each([[no] for no in numbers], "BIGINT")
    found = tx.rows(
        f"SELECT x.contact_no, x.before, x.after FROM {source} CROSS JOIN contact_import_changes x"  # noqa: S608 - placeholders only
        " WHERE x.workspace_id = ? AND x.import_no = ? AND x.contact_no = given.c0",
        (parameter, workspace_id, import_no),
    )
    return [ChangeRow(*row) for row in found]


def note_changes(tx: Transaction, workspace_id: str, import_no: int, changes: Sequence[ChangeRow]) -> None:
    """Note what an import changed, in place of what it noted before."""
    source, parameter = tx.each(changes, "BIGINT", "TEXT", "TEXT")
    tx.run(
        "INSERT INTO contact_import_changes (workspace_id, import_no, contact_no, before, after)"  # noqa: S608 - placeholders only
        f" SELECT ?, {import_no:d}, c0, c1, c2 FROM {source} WHERE TRUE"
        " ON CONFLICT (workspace_id, import_no, contact_no)"
        " DO UPDATE SET before = excluded.before, after = excluded.after",
        (workspace_id, parameter),
    )


def next_changes(tx: Transaction, workspace_id: str, import_no: int, limit: int) -> list[ChangeRow]:
    """Some of what an import changed and was not taken back yet."""
    found = tx.rows(
        "SELECT contact_no, before, after FROM contact_import_changes WHERE workspace_id = ? AND import_no = ?"
        " ORDER BY contact_no LIMIT ?",
        (workspace_id, import_no, limit),
    )
    return [ChangeRow(*row) for row in found]


def forget_changes(tx: Transaction, workspace_id: str, import_no: int, numbers: Sequence[int]) -> None:
    """Forget what was taken back."""
    tx.run_many(
        "DELETE FROM contact_import_changes WHERE workspace_id = ? AND import_no = ? AND contact_no = ?",
        [(workspace_id, import_no, no) for no in numbers],
    )


def untouched(tx: Transaction, workspace_id: str, import_no: int, after: int, limit: int) -> list[tuple[int, bool]]:
    """Contacts an import made, after a number: their numbers, and whether nobody changed them since."""
    return [
        (no, bool(same))
        for no, same in tx.rows(
            "SELECT no, updated_at = created_at AND replied_at IS NULL FROM contacts"
            " WHERE workspace_id = ? AND no > ? AND import_no = ? AND NOT gone ORDER BY no LIMIT ?",
            (workspace_id, after, import_no, limit),
        )
    ]


def remove_identities_of(tx: Transaction, workspace_id: str, numbers: Sequence[int]) -> None:
    """Take all identities from contacts."""
    tx.run_many(
        "DELETE FROM identities WHERE workspace_id = ? AND contact_no = ?", [(workspace_id, no) for no in numbers]
    )
