"""
The SQL of templates and their versions.
"""

from typing import Any

from sendyard.storage.identifiers import new_id
from sendyard.storage.transaction import Transaction

_NEWEST = (
    "SELECT t.id, t.code, t.name, t.version, t.created_at, v.id, v.body, v.created_at, v.registered FROM templates t"
    " JOIN template_versions v ON v.template_id = t.id AND v.version = t.version WHERE t.workspace_id = ?"
)


def insert_template(
    tx: Transaction, workspace_id: str, *, code: str, name: str, body: str, registered: str, now: int
) -> bool:
    """Store a template with its first version; False when the code is taken."""
    template_id = new_id()
    stored = tx.run(
        "INSERT INTO templates (id, workspace_id, code, name, version, created_at) VALUES (?, ?, ?, ?, 1, ?)"
        " ON CONFLICT (workspace_id, code) DO NOTHING",
        (template_id, workspace_id, code, name, now),
    )
    if stored:
        _insert_version(tx, workspace_id, template_id, 1, body, registered, now)
    return stored == 1


def add_version(tx: Transaction, workspace_id: str, template_id: str, *, body: str, registered: str, now: int) -> int:
    """Store the next version and make it the newest; returns its number."""
    # The update takes the row, so that two edits at once get two numbers.
    ((version,),) = tx.rows(
        "UPDATE templates SET version = version + 1 WHERE workspace_id = ? AND id = ? RETURNING version",
        (workspace_id, template_id),
    )
    _insert_version(tx, workspace_id, template_id, version, body, registered, now)
    return int(version)


def rename(tx: Transaction, workspace_id: str, template_id: str, name: str) -> None:
    """Change what people call it."""
    tx.run("UPDATE templates SET name = ? WHERE workspace_id = ? AND id = ?", (name, workspace_id, template_id))


def newest(tx: Transaction, workspace_id: str, code: str) -> tuple[Any, ...] | None:
    """One template with its newest version."""
    found = tx.rows(f"{_NEWEST} AND t.code = ?", (workspace_id, code))
    return found[0] if found else None


def templates(tx: Transaction, workspace_id: str, *, after: str, limit: int) -> list[tuple[Any, ...]]:
    """Templates with their newest version, by code, after the code `after`."""
    return tx.rows(f"{_NEWEST} AND t.code > ? ORDER BY t.code LIMIT ?", (workspace_id, after, limit))


def versions(tx: Transaction, workspace_id: str, template_id: str) -> list[tuple[Any, ...]]:
    """(id, version, body, created, registered) of every version, newest first."""
    return tx.rows(
        "SELECT id, version, body, created_at, registered FROM template_versions WHERE workspace_id = ?"
        " AND template_id = ? ORDER BY version DESC",
        (workspace_id, template_id),
    )


def _insert_version(
    tx: Transaction, workspace_id: str, template_id: str, version: int, body: str, registered: str, now: int
) -> None:
    tx.run(
        "INSERT INTO template_versions (id, workspace_id, template_id, version, body, registered, created_at)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        (new_id(), workspace_id, template_id, version, body, registered, now),
    )
