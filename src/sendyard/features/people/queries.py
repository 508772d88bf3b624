"""
The SQL of workspaces and API keys.
"""

from collections.abc import Iterable
from typing import Any

from sendyard.storage.transaction import Transaction

_KEY = "id, name, kind, hint, scopes, created_at, revoked_at"
_WORKSPACE = "id, name, recipient_hourly_limit, created_at"


def insert_key(
    tx: Transaction,
    workspace_id: str,
    *,
    key_id: str,
    name: str,
    kind: str,
    hint: str,
    digest: bytes,
    scopes: str,
    now: int,
) -> None:
    """Store a key by its digest."""
    tx.run(
        "INSERT INTO api_keys (id, workspace_id, name, kind, hint, digest, scopes, created_at)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (key_id, workspace_id, name, kind, hint, digest, scopes, now),
    )


def keys(tx: Transaction, workspace_id: str) -> list[tuple[Any, ...]]:
    """Every key, oldest first, revoked ones too."""
    return tx.rows(f"SELECT {_KEY} FROM api_keys WHERE workspace_id = ? ORDER BY id", (workspace_id,))  # noqa: S608 - constant


def key_by_digest(tx: Transaction, digest: bytes) -> tuple[str, str, str, str] | None:
    """(id, workspace, kind, scopes) of a key in force: the digest is what leads to the workspace."""
    found = tx.rows(
        "SELECT id, workspace_id, kind, scopes FROM api_keys WHERE digest = ? AND revoked_at IS NULL", (digest,)
    )
    if not found:
        return None
    key_id, workspace_id, kind, scopes = found[0]
    return key_id, workspace_id, kind, scopes


def revoke_key(tx: Transaction, workspace_id: str, key_id: str, now: int) -> bytes | None:
    """End a key (the first time counts); gives its digest, or None when there is no such key."""
    found = tx.rows(
        "UPDATE api_keys SET revoked_at = COALESCE(revoked_at, ?) WHERE workspace_id = ? AND id = ? RETURNING digest",
        (now, workspace_id, key_id),
    )
    return bytes(found[0][0]) if found else None


def workspaces(tx: Transaction) -> list[tuple[Any, ...]]:
    """Every workspace, oldest first."""
    return tx.rows(f"SELECT {_WORKSPACE} FROM workspaces ORDER BY id")  # noqa: S608 - constant


def insert_workspace(tx: Transaction, workspace_id: str, name: str, now: int) -> None:
    """Store a workspace with the default limits."""
    tx.run("INSERT INTO workspaces (id, name, created_at) VALUES (?, ?, ?)", (workspace_id, name, now))


def set_hourly_limit(tx: Transaction, workspace_id: str, limit: int) -> bool:
    """Change the limit per recipient; False when there is no such workspace."""
    return tx.run("UPDATE workspaces SET recipient_hourly_limit = ? WHERE id = ?", (limit, workspace_id)) == 1


def lock_workspaces(tx: Transaction) -> None:
    """Let one process at a time make the first workspace. SQLite has one writer anyhow."""
    if tx.dialect == "postgresql":
        tx.run("SELECT pg_advisory_xact_lock(727074)")


def add_member(
    tx: Transaction, workspace_id: str, *, member_id: str, name: str, addresses: Iterable[str], now: int
) -> None:
    """Store a person of the team; an address that was somebody else's is theirs from now on."""
    tx.run(
        "INSERT INTO team_members (id, workspace_id, name, created_at) VALUES (?, ?, ?, ?)",
        (member_id, workspace_id, name, now),
    )
    tx.run_many(
        "INSERT INTO team_addresses (workspace_id, address, member_id) VALUES (?, ?, ?)"
        " ON CONFLICT (workspace_id, address) DO UPDATE SET member_id = excluded.member_id",
        [(workspace_id, address, member_id) for address in addresses],
    )


def members(tx: Transaction, workspace_id: str) -> list[tuple[str, str, int]]:
    """(id, name, since when) of everybody in the team, oldest first."""
    sql = "SELECT id, name, created_at FROM team_members WHERE workspace_id = ? ORDER BY id"
    return [(member_id, name, at) for member_id, name, at in tx.rows(sql, (workspace_id,))]


def member_addresses(tx: Transaction, workspace_id: str) -> list[tuple[str, str]]:
    """(member, address) of the whole team."""
    sql = "SELECT member_id, address FROM team_addresses WHERE workspace_id = ? ORDER BY address"
    return [(member_id, address) for member_id, address in tx.rows(sql, (workspace_id,))]


def team_addresses(tx: Transaction, workspace_id: str) -> frozenset[str]:
    """Every address of the team."""
    return frozenset(address for _, address in member_addresses(tx, workspace_id))


def remove_member(tx: Transaction, workspace_id: str, member_id: str) -> bool:
    """Remove a person from the team; False when nobody is there."""
    tx.run("DELETE FROM team_addresses WHERE workspace_id = ? AND member_id = ?", (workspace_id, member_id))
    return tx.run("DELETE FROM team_members WHERE workspace_id = ? AND id = ?", (workspace_id, member_id)) == 1
