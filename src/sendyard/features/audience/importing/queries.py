"""
The SQL of imports: whole chunks at a time.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple

from sendyard.features.audience.contacts.rows import NUMBERS, Change, ContactRow, Identity
from sendyard.storage.transaction import Transaction

_IMPORT = (
    "no, id, name, status, counts, created_at, finished_at, undone_at, manner, shape, file, at_row, read_bytes,"
    " total_bytes, checked, failure, owner, lease_until"
)


class ImportRow(NamedTuple):
    """One import."""

    no: int
    id: str
    name: str
    status: str
    counts: str  # JSON
    created_at: int
    finished_at: int | None = None
    undone_at: int | None = None
    manner: str = "{}"  # JSON of `Manner`
    shape: str = "{}"  # JSON: `file` and `columns` as interfaces show them
    file: str = ""
    at_row: int = 0
    read_bytes: int = 0
    total_bytes: int = 0
    checked: str = ""  # JSON
    failure: str = ""
    owner: str = ""
    lease_until: int | None = None


class DueImport(NamedTuple):
    """An import that nobody works on at the moment, and whose it is."""

    workspace_id: str
    row: ImportRow


class ChangeRow(NamedTuple):
    """What an import changed in one contact that was there before."""

    contact_no: int
    before: str
    after: str


def insert_import(tx: Transaction, workspace_id: str, row: ImportRow) -> None:
    """Store an import."""
    sql = f"INSERT INTO contact_imports (workspace_id, {_IMPORT}) VALUES (?{', ?' * len(row)})"  # noqa: S608 - constants
    tx.run(sql, (workspace_id, *row))


def change_import(tx: Transaction, workspace_id: str, row: ImportRow, *names: str) -> None:
    """Note some columns of an import."""
    settings = ", ".join(f"{name} = ?" for name in names)
    values = [getattr(row, name) for name in names]
    tx.run(f"UPDATE contact_imports SET {settings} WHERE workspace_id = ? AND no = ?", (*values, workspace_id, row.no))  # noqa: S608 - our columns


def hold_import(tx: Transaction, workspace_id: str, row: ImportRow, *, until: int) -> bool:
    """Work on for a while; False when the import was cancelled, or given to somebody else."""
    return bool(
        tx.run(
            "UPDATE contact_imports SET lease_until = ? WHERE workspace_id = ? AND no = ? AND owner = ? AND status = ?",
            (until, workspace_id, row.no, row.owner, row.status),
        )
    )


def due_imports(tx: Transaction, statuses: Sequence[str], *, now: int, limit: int = 50) -> list[DueImport]:
    """Imports in these states that nobody works on, of all workspaces, oldest first."""
    condition, parameter = tx.among(statuses)
    found = tx.rows(
        f"SELECT workspace_id, {_IMPORT} FROM contact_imports WHERE status {condition} AND lease_until < ?"  # noqa: S608 - constants
        " ORDER BY created_at LIMIT ?",
        (parameter, now, limit),
    )
    return [DueImport(workspace_id, ImportRow(*rest)) for workspace_id, *rest in found]


def claim_import(tx: Transaction, workspace_id: str, row: ImportRow, *, owner: str, status: str, until: int) -> bool:
    """Begin to work on an import; False when somebody else did since it was looked at."""
    return bool(
        tx.run(
            "UPDATE contact_imports SET owner = ?, status = ?, lease_until = ? WHERE workspace_id = ? AND no = ?"
            " AND status = ? AND lease_until = ?",
            (owner, status, until, workspace_id, row.no, row.status, row.lease_until),
        )
    )


def forget_import(tx: Transaction, workspace_id: str, no: int) -> None:
    """Remove an import that stored nothing."""
    forget_refusals(tx, workspace_id, no)
    tx.run("DELETE FROM contact_imports WHERE workspace_id = ? AND no = ?", (workspace_id, no))


def add_refusals(tx: Transaction, workspace_id: str, import_no: int, at_row: int, lines: str, *, now: int) -> None:
    """Keep refused rows that were found up to a row."""
    tx.run(
        "INSERT INTO contact_import_refusals (workspace_id, import_no, at_row, lines, created_at)"
        " VALUES (?, ?, ?, ?, ?)",
        (workspace_id, import_no, at_row, lines, now),
    )


def refusals_after(tx: Transaction, workspace_id: str, import_no: int, at_row: int) -> tuple[int, str] | None:
    """The next piece of refused rows behind the piece `at_row`: its place and its lines."""
    found = tx.rows(
        "SELECT at_row, lines FROM contact_import_refusals WHERE workspace_id = ? AND import_no = ? AND at_row > ?"
        " ORDER BY at_row LIMIT 1",
        (workspace_id, import_no, at_row),
    )
    return (found[0][0], found[0][1]) if found else None


def forget_refusals(tx: Transaction, workspace_id: str, import_no: int) -> None:
    """Remove the refused rows of one import."""
    tx.run("DELETE FROM contact_import_refusals WHERE workspace_id = ? AND import_no = ?", (workspace_id, import_no))


def forget_old_refusals(tx: Transaction, *, before: int) -> int:
    """Remove refused rows of every workspace that were kept since before a moment; returns how many pieces."""
    return tx.run("DELETE FROM contact_import_refusals WHERE created_at < ?", (before,))


def waiting_files(tx: Transaction) -> list[DueImport]:
    """Imports that have a file, of all workspaces."""
    found = tx.rows(f"SELECT workspace_id, {_IMPORT} FROM contact_imports WHERE file <> ''")  # noqa: S608 - constants
    return [DueImport(workspace_id, ImportRow(*rest)) for workspace_id, *rest in found]


def take_import(
    tx: Transaction, workspace_id: str, no: int, expected: Sequence[str], status: str, *, until: int, owner: str = ""
) -> bool:
    """Move an import from one of the expected states to another; False when it is in none of them."""
    condition, parameter = tx.among(expected)
    return bool(
        tx.run(
            "UPDATE contact_imports SET status = ?, owner = ?, lease_until = ?, failure = ''"  # noqa: S608 - placeholders only
            f" WHERE workspace_id = ? AND no = ? AND status {condition}",
            (status, owner, until, workspace_id, no, parameter),
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
        f"FROM {source}"
        f" {tx.in_turn('identities', 'i', 'i.workspace_id = ? AND i.kind = given.c0 AND i.value = given.c1')}"
        f" {tx.in_turn('contacts', 'c', 'c.workspace_id = i.workspace_id AND c.no = i.contact_no')}",
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
    ids: Sequence[str],
    columns: Mapping[str, Sequence[Any]],
    *,
    import_no: int,
    now: int,
) -> None:
    """Store new contacts with one statement; their numbers are those that the change was given."""
    # What is the same of everybody is said once: the database reads each other value out of JSON.
    same = {name: values[0] for name, values in columns.items() if values.count(values[0]) == len(values)}
    differing = [name for name in columns if name not in same]
    kinds = [_kind(name) for name in differing]
    numbers = range(change.contact, change.contact + len(ids))
    rows = [*zip(numbers, ids, *(columns[name] for name in differing), strict=True)]
    source, parameter = tx.each(rows, "BIGINT", "TEXT", *kinds)
    given = ", ".join(f"c{index}" for index in range(len(rows[0])))
    constants = "".join(f", CAST(? AS {_kind(name)})" for name in same)
    tx.run(
        "INSERT INTO contacts (workspace_id, import_no, created_at, updated_at, changed"  # noqa: S608 - constants
        f"{''.join(f', {name}' for name in (*same, 'no', 'id', *differing))})"
        f" SELECT ?, {import_no:d}, {now:d}, {now:d}, {change.stamp:d}{constants}, {given} FROM {source}",
        (workspace_id, *same.values(), parameter),
    )


def _kind(column: str) -> Literal["BIGINT", "TEXT"]:
    return "BIGINT" if column in NUMBERS else "TEXT"


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
    wanted = "x.workspace_id = ? AND x.import_no = ? AND x.contact_no = given.c0"
    found = tx.rows(
        f"SELECT x.contact_no, x.before, x.after FROM {source} {tx.in_turn('contact_import_changes', 'x', wanted)}",  # noqa: S608 - placeholders only
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
        "DELETE FROM identities WHERE workspace_id = ? AND contact_no = ? AND contact_no + 0 > 0",
        [(workspace_id, no) for no in numbers],
    )
