"""
The SQL of accounts and routes.
"""

from collections.abc import Mapping
from typing import Any

from sendyard.storage.transaction import Transaction

_INSERT_ACCOUNT = (
    "INSERT INTO accounts (id, workspace_id, provider, name, sealed, callback_token, sender, status, pause_reason,"
    " rate_per_second, open_requests, price_per_part, currency, poll_cursor, created_at)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, 'active', '', ?, ?, ?, ?, '', ?) ON CONFLICT (workspace_id, name) DO NOTHING"
)
_SET_ROUTE = (
    "INSERT INTO routes (id, workspace_id, channel, country, purpose, accounts, failover) VALUES (?, ?, ?, ?, ?, ?, ?)"
    " ON CONFLICT (workspace_id, channel, country, purpose)"
    " DO UPDATE SET accounts = excluded.accounts, failover = excluded.failover"
)
_EDITABLE = frozenset({"name", "sealed", "sender", "rate_per_second", "open_requests", "price_per_part", "currency"})


def account_names(tx: Transaction, workspace_id: str) -> set[str]:
    """Give the names that are taken; nobody takes another until the transaction ends."""
    if tx.dialect == "postgresql":
        tx.rows("SELECT 1 FROM workspaces WHERE id = ? FOR NO KEY UPDATE", (workspace_id,))
    return {name for (name,) in tx.rows("SELECT name FROM accounts WHERE workspace_id = ?", (workspace_id,))}


def insert_account(
    tx: Transaction,
    workspace_id: str,
    *,
    account_id: str,
    provider: str,
    sealed: bytes,
    callback_token: str,
    fields: Mapping[str, Any],
    now: int,
) -> bool:
    """Store a new account; False when its name is taken."""
    return (
        tx.run(
            _INSERT_ACCOUNT,
            (
                account_id,
                workspace_id,
                provider,
                fields["name"],
                sealed,
                callback_token,
                fields["sender"],
                fields["rate_per_second"],
                fields["open_requests"],
                fields["price_per_part"],
                fields["currency"],
                now,
            ),
        )
        == 1
    )


def update_account(tx: Transaction, workspace_id: str, account_id: str, fields: Mapping[str, Any]) -> None:
    """Change columns of one account; the name must be free, see `account_names`."""
    names = [name for name in fields if name in _EDITABLE]
    columns = ", ".join(f"{name} = ?" for name in names)
    tx.run(
        f"UPDATE accounts SET {columns} WHERE workspace_id = ? AND id = ?",  # noqa: S608 - names from a fixed set
        (*(fields[name] for name in names), workspace_id, account_id),
    )


def set_account_status(tx: Transaction, workspace_id: str, account_id: str, status: str, reason: str) -> None:
    """Pause or resume; dispatchers are woken, because waiting messages may go now."""
    tx.run(
        "UPDATE accounts SET status = ?, pause_reason = ? WHERE workspace_id = ? AND id = ?",
        (status, reason, workspace_id, account_id),
    )
    tx.wake()


def sealed_settings(tx: Transaction) -> list[tuple[str, bytes]]:
    """Give (account, sealed settings) of every account of the install: key rotation knows no borders."""
    return [(account_id, bytes(sealed)) for account_id, sealed in tx.rows("SELECT id, sealed FROM accounts")]


def replace_sealed(tx: Transaction, account_id: str, before: bytes, after: bytes) -> int:
    """Exchange sealed settings unless someone has edited them meanwhile; 1 when done, else 0."""
    return tx.run("UPDATE accounts SET sealed = ? WHERE id = ? AND sealed = ?", (after, account_id, before))


def set_route(
    tx: Transaction,
    workspace_id: str,
    *,
    route_id: str,
    channel: str,
    country: str,
    purpose: str,
    accounts: str,
    failover: bool | None,
) -> None:
    """Store a route; one that exists for the same channel, country and purpose is replaced and keeps its id."""
    tx.run(_SET_ROUTE, (route_id, workspace_id, channel, country, purpose, accounts, failover))


def delete_route(tx: Transaction, workspace_id: str, route_id: str) -> bool:
    """Remove a route; False when there is none of that id."""
    return tx.run("DELETE FROM routes WHERE workspace_id = ? AND id = ?", (workspace_id, route_id)) == 1


def notices(tx: Transaction, workspace_id: str, account_id: str, *, before: str, limit: int) -> list[tuple[Any, ...]]:
    """(id, subject, detail, facts, received) of what a provider said about an account, newest first."""
    return tx.rows(
        "SELECT id, subject, detail, facts, received_at FROM account_notices"
        " WHERE workspace_id = ? AND account_id = ? AND (? = '' OR id < ?) ORDER BY id DESC LIMIT ?",
        (workspace_id, account_id, before, before, limit),
    )
