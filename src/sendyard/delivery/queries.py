"""
Everything delivery reads of the tables beside the ledger, and the one row it adds there: a suppression.
"""

from collections.abc import Iterable
from typing import Any, NamedTuple

from sendyard.storage.identifiers import new_id
from sendyard.storage.transaction import Transaction

Row = tuple[Any, ...]

_ACCOUNTS = (
    "SELECT id, workspace_id, provider, name, sealed, callback_token, sender, status, pause_reason, rate_per_second,"
    " open_requests, price_per_part, currency, created_at FROM accounts ORDER BY id"
)
_ROUTES = "SELECT id, workspace_id, channel, country, purpose, accounts, failover FROM routes ORDER BY id"
_WORKSPACES = "SELECT id, recipient_hourly_limit FROM workspaces ORDER BY id"

# Nothing has been, or will be, put on the air for these.
_UNSENT = "('suppressed', 'cancelled')"
_STANDING = (
    "SELECT recent.messages, recent.first_at, s.channel, s.reason, s.source, s.created_at FROM"  # noqa: S608 - constant
    " (SELECT COUNT(*) AS messages, MIN(created_at) AS first_at FROM messages"
    f" WHERE workspace_id = ? AND address = ? AND created_at > ? AND status NOT IN {_UNSENT}) AS recent"
    " LEFT JOIN suppressions AS s ON s.workspace_id = ? AND s.address = ? AND s.channel IN ('', ?) LIMIT 1"
)
_SUPPRESS = (
    "INSERT INTO suppressions (id, workspace_id, address, channel, reason, source, created_at)"
    " VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (workspace_id, address, channel) DO NOTHING"
)


class ConnectionRows(NamedTuple):
    """The rows a directory is made of; comparing two of these tells whether anything changed."""

    accounts: list[Row]
    routes: list[Row]
    workspaces: list[Row]


class Stop(NamedTuple):
    """A suppression that applies to one address on one channel."""

    channel: str  # "" stands for any
    reason: str
    source: str
    created_at: int


class Standing(NamedTuple):
    """What is known of one address before another message to it."""

    messages: int  # given to it within the window
    first_at: int  # when the first of them was created; 0 when there are none
    stop: Stop | None


def connection_rows(tx: Transaction) -> ConnectionRows:
    """Read every account, route and workspace: tens to hundreds of rows in all."""
    return ConnectionRows(tx.rows(_ACCOUNTS), tx.rows(_ROUTES), tx.rows(_WORKSPACES))


def standing(tx: Transaction, workspace_id: str, address: str, channel: str, since: int) -> Standing:
    """Look up one address: messages created after `since` (uncommitted ones of this transaction too), suppression."""
    place = (workspace_id, address)
    messages, first_at, *stop = tx.rows(_STANDING, (*place, since, *place, channel))[0]
    return Standing(messages, first_at or 0, Stop(*stop) if stop[0] is not None else None)


def stops(tx: Transaction, workspace_id: str, addresses: Iterable[str]) -> dict[tuple[str, str], Stop]:
    """Find every suppression of many addresses with one query, by (address, channel)."""
    condition, parameter = tx.among(addresses)
    found = tx.rows(
        "SELECT address, channel, reason, source, created_at FROM suppressions"  # noqa: S608 - placeholders only
        f" WHERE workspace_id = ? AND address {condition}",
        (workspace_id, parameter),
    )
    return {(address, channel): Stop(channel, *rest) for address, channel, *rest in found}


def recent(tx: Transaction, workspace_id: str, addresses: Iterable[str], since: int) -> dict[str, tuple[int, int]]:
    """Count messages created after `since` with one query: (how many, first at); addresses without are left out."""
    condition, parameter = tx.among(addresses)
    found = tx.rows(
        "SELECT address, COUNT(*), MIN(created_at) FROM messages"  # noqa: S608 - placeholders only
        f" WHERE workspace_id = ? AND address {condition} AND created_at > ? AND status NOT IN {_UNSENT}"
        " GROUP BY address",
        (workspace_id, parameter, since),
    )
    return {address: (messages, first_at) for address, messages, first_at in found}


def suppress(
    tx: Transaction, workspace_id: str, address: str, *, channel: str, reason: str, source: str, now: int
) -> bool:
    """Forbid an address on a channel ("" for all); False when it already was, and the older reason stays."""
    return tx.run(_SUPPRESS, (new_id(), workspace_id, address, channel, reason, source, now)) == 1


def unsuppress(tx: Transaction, workspace_id: str, address: str, *, channel: str) -> bool:
    """Lift exactly one suppression; False when there was none."""
    sql = "DELETE FROM suppressions WHERE workspace_id = ? AND address = ? AND channel = ?"
    return tx.run(sql, (workspace_id, address, channel)) == 1


def pause_account(tx: Transaction, account_id: str, reason: str) -> bool:
    """Stop handing over through an account that must be repaired; False when it is paused already."""
    sql = "UPDATE accounts SET status = 'paused', pause_reason = ? WHERE id = ? AND status = 'active'"
    return tx.run(sql, (reason, account_id)) == 1


def keep_unreadable(
    tx: Transaction, workspace_id: str, account_id: str, *, reason: str, query: str, body: str, now: int
) -> None:
    """Keep a callback that could not be read, for a person to look at; texts are redacted by the caller."""
    tx.run(
        "INSERT INTO unreadable_callbacks (id, workspace_id, account_id, reason, query, body, received_at)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        (new_id(), workspace_id, account_id, reason, query, body, now),
    )


def lease_poll(tx: Transaction, account_id: str, *, now: int, until: int) -> bool:
    """Become the one worker that asks this account for reports until `until`; False when another is."""
    sql = "UPDATE accounts SET poll_lease_until = ? WHERE id = ? AND poll_lease_until <= ?"
    return tx.run(sql, (until, account_id, now)) == 1


def free_poll(tx: Transaction, account_id: str) -> None:
    """Let others ask this account for reports again."""
    tx.run("UPDATE accounts SET poll_lease_until = 0 WHERE id = ?", (account_id,))
