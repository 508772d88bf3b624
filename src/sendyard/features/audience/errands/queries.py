"""
The SQL of errands.

An errand waits until its provider has answered. Whoever works on one holds it for a while; asking for the same thing
anew makes it wait again, and what was under way for the older wish no longer settles it.
"""

from typing import NamedTuple

from sendyard.storage.identifiers import new_id
from sendyard.storage.transaction import Transaction

_ERRAND = (
    "id, workspace_id, account_id, kind, subject, document, state, tries, next_at, result, error, revision,"
    " created_at, settled_at"
)


class ErrandRow(NamedTuple):
    """One thing a provider is to be asked or told."""

    id: str
    workspace_id: str
    account_id: str
    kind: str
    subject: str
    document: str
    state: str
    tries: int
    next_at: int
    result: str
    error: str
    revision: int
    created_at: int
    settled_at: int | None


def ask_once(
    tx: Transaction, workspace_id: str, account_id: str, kind: str, subject: str, document: str, *, now: int
) -> bool:
    """Store an errand; False when the same was ever asked for."""
    return bool(
        tx.run(
            "INSERT INTO errands (id, workspace_id, account_id, kind, subject, document, state, tries, next_at,"
            " created_at) VALUES (?, ?, ?, ?, ?, ?, 'waiting', 0, ?, ?) ON CONFLICT DO NOTHING",
            (new_id(), workspace_id, account_id, kind, subject, document, now, now),
        )
    )


def ask_again(
    tx: Transaction, workspace_id: str, account_id: str, kind: str, subject: str, document: str, *, now: int, until: int
) -> ErrandRow:
    """Store an errand, or let an older one about the same wait anew; it is the caller's to work on until `until`."""
    ((*found,),) = tx.rows(
        "INSERT INTO errands (id, workspace_id, account_id, kind, subject, document, state, tries, next_at,"  # noqa: S608 - constants
        " lease_until, created_at) VALUES (?, ?, ?, ?, ?, ?, 'waiting', 0, ?, ?, ?)"
        " ON CONFLICT (workspace_id, account_id, kind, subject) DO UPDATE SET document = excluded.document,"
        " state = 'waiting', tries = 0, next_at = excluded.next_at, lease_until = excluded.lease_until, error = '',"
        f" revision = errands.revision + 1, settled_at = NULL RETURNING {_ERRAND}",
        (new_id(), workspace_id, account_id, kind, subject, document, now, until, now),
    )
    return ErrandRow(*found)


def ask_if_other(
    tx: Transaction, workspace_id: str, account_id: str, kind: str, subject: str, document: str, *, now: int
) -> bool:
    """Store an errand, or let an older one wait anew when it was about something else; False when it was the same."""
    return bool(
        tx.run(
            "INSERT INTO errands (id, workspace_id, account_id, kind, subject, document, state, tries, next_at,"
            " created_at) VALUES (?, ?, ?, ?, ?, ?, 'waiting', 0, ?, ?)"
            " ON CONFLICT (workspace_id, account_id, kind, subject) DO UPDATE SET document = excluded.document,"
            " state = 'waiting', tries = 0, next_at = excluded.next_at, lease_until = 0, error = '', result = '',"
            " revision = errands.revision + 1, settled_at = NULL WHERE errands.document <> excluded.document",
            (new_id(), workspace_id, account_id, kind, subject, document, now, now),
        )
    )


def take_due(tx: Transaction, *, now: int, until: int, limit: int) -> list[ErrandRow]:
    """Take errands that are due and nobody's, until `until`."""
    lock = " FOR UPDATE SKIP LOCKED" if tx.dialect == "postgresql" else ""
    condition = tx.one_of(
        f"SELECT id FROM errands WHERE state = 'waiting' AND next_at <= {now:d} AND lease_until <= {now:d}"  # noqa: S608 - numbers
        f" ORDER BY next_at LIMIT {limit:d}{lock}"
    )
    found = tx.rows(f"UPDATE errands SET lease_until = ? WHERE id {condition} RETURNING {_ERRAND}", (until,))  # noqa: S608 - constants
    return sorted((ErrandRow(*values) for values in found), key=lambda row: row.id)


def has_due(tx: Transaction, *, now: int) -> bool:
    """Whether anything is to be done."""
    sql = "SELECT 1 FROM errands WHERE state = 'waiting' AND next_at <= ? AND lease_until <= ? LIMIT 1"
    return bool(tx.rows(sql, (now, now)))


def settle(
    tx: Transaction, row: ErrandRow, *, state: str, result: str = "", error: str = "", next_at: int, now: int
) -> bool:
    """Write what came of an errand, unless it was asked for anew meanwhile."""
    return bool(
        tx.run(
            "UPDATE errands SET state = ?, tries = tries + 1, result = CASE WHEN ? = '' THEN result ELSE ? END,"
            " error = ?, next_at = ?, lease_until = 0, settled_at = ? WHERE id = ? AND revision = ?"
            " AND state = 'waiting'",
            (state, result, result, error, next_at, None if state == "waiting" else now, row.id, row.revision),
        )
    )


def errand(tx: Transaction, workspace_id: str, errand_id: str) -> ErrandRow | None:
    """One errand."""
    sql = f"SELECT {_ERRAND} FROM errands WHERE workspace_id = ? AND id = ?"  # noqa: S608 - constants
    found = tx.rows(sql, (workspace_id, errand_id))
    return ErrandRow(*found[0]) if found else None


def errands(
    tx: Transaction, workspace_id: str, *, kind: str, subject: str, state: str, after: str, limit: int
) -> list[ErrandRow]:
    """Errands in the order they were first asked for; "" stands for any."""
    only, values = "", [workspace_id, after]
    for column, value in (("kind", kind), ("subject", subject), ("state", state)):
        if value:
            only, values = f"{only} AND {column} = ?", [*values, value]
    sql = f"SELECT {_ERRAND} FROM errands WHERE workspace_id = ? AND id > ?{only} ORDER BY id LIMIT ?"  # noqa: S608 - constants
    return [ErrandRow(*found) for found in tx.rows(sql, (*values, limit))]


def erase(tx: Transaction, workspace_id: str, subject: str) -> None:
    """Forget errands about an address or a contact."""
    tx.run("DELETE FROM errands WHERE workspace_id = ? AND subject = ?", (workspace_id, subject))
