"""
The SQL of lists that providers keep.

Only a refusal that is new on a list suppresses: whoever has come back here since is not refused again by an old entry.
Pages of a list may shift while it is read, so somebody counts as gone only after two readings without them.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from sendyard.storage.transaction import Transaction

_LIST = (
    "account_id, workspace_id, every_hours, tells, told_after, set_by, run, cursor, refusing, agreed, added, began_at,"
    " done_at, next_at, lease_until, error"
)
_TOLD_REASONS = "('manual', 'opted_out', 'complaint')"


class ListRow(NamedTuple):
    """How an account's list is read, and how far."""

    account_id: str
    workspace_id: str
    every_hours: int = 0
    tells: bool = False
    told_after: str = ""
    set_by: str = ""
    run: int = 0
    cursor: str = ""
    refusing: int = 0
    agreed: int = 0
    added: int = 0
    began_at: int | None = None
    done_at: int | None = None
    next_at: int | None = None
    lease_until: int = 0
    error: str = ""


def lists(tx: Transaction, workspace_id: str) -> dict[str, ListRow]:
    """All that are known in a workspace, by account."""
    sql = f"SELECT {_LIST} FROM provider_lists WHERE workspace_id = ?"  # noqa: S608 - constants
    return {row.account_id: row for row in (ListRow(*found) for found in tx.rows(sql, (workspace_id,)))}


def one(tx: Transaction, account_id: str) -> ListRow:
    """The list of one account, which is known."""
    ((*found,),) = tx.rows(f"SELECT {_LIST} FROM provider_lists WHERE account_id = ?", (account_id,))  # noqa: S608 - constants
    return ListRow(*found)


def know(tx: Transaction, workspace_id: str, account_id: str) -> None:
    """Begin to keep track of a list."""
    sql = "INSERT INTO provider_lists (account_id, workspace_id) VALUES (?, ?) ON CONFLICT DO NOTHING"
    tx.run(sql, (account_id, workspace_id))


def set_manner(
    tx: Transaction, account_id: str, *, every_hours: int, tells: bool, next_at: int | None, by: str
) -> None:
    """Change how a list is read and told."""
    tx.run(
        "UPDATE provider_lists SET every_hours = ?, tells = ?, next_at = ?, set_by = ? WHERE account_id = ?",
        (every_hours, tells, next_at, by, account_id),
    )


def due(tx: Transaction, *, now: int) -> list[str]:
    """Accounts whose list is to be read, or read on, and that nobody reads."""
    sql = "SELECT account_id FROM provider_lists WHERE next_at <= ? AND lease_until <= ? ORDER BY next_at"
    return [account_id for (account_id,) in tx.rows(sql, (now, now))]


def telling(tx: Transaction) -> list[ListRow]:
    """Lists that are told our refusals."""
    return [ListRow(*found) for found in tx.rows(f"SELECT {_LIST} FROM provider_lists WHERE tells")]  # noqa: S608 - constants


def take(tx: Transaction, account_id: str, *, now: int, until: int) -> ListRow | None:
    """Take a list to read it: begin anew, or go on where it was left; None while somebody else has it."""
    begin = "cursor = ''"
    found = tx.rows(
        "UPDATE provider_lists SET lease_until = ?,"  # noqa: S608 - constants
        f" run = CASE WHEN {begin} THEN run + 1 ELSE run END,"
        f" began_at = CASE WHEN {begin} THEN {now:d} ELSE began_at END,"
        f" refusing = CASE WHEN {begin} THEN 0 ELSE refusing END,"
        f" agreed = CASE WHEN {begin} THEN 0 ELSE agreed END,"
        f" added = CASE WHEN {begin} THEN 0 ELSE added END,"
        " done_at = NULL, error = ''"
        f" WHERE account_id = ? AND lease_until <= ? RETURNING {_LIST}",
        (until, account_id, now),
    )
    return ListRow(*found[0]) if found else None


def turn_page(tx: Transaction, row: ListRow, cursor: str, *, refusing: int, agreed: int, added: int) -> None:
    """Note that a page was read; `cursor` names the next, "" after the last."""
    tx.run(
        "UPDATE provider_lists SET cursor = ?, refusing = refusing + ?, agreed = agreed + ?, added = added + ?"
        " WHERE account_id = ? AND run = ?",
        (cursor, refusing, agreed, added, row.account_id, row.run),
    )


def leave(
    tx: Transaction, account_id: str, *, error: str = "", next_at: int | None, done_at: int | None = None
) -> None:
    """Let go of a list: read to its end, to be read on, or in vain."""
    tx.run(
        "UPDATE provider_lists SET lease_until = 0, error = ?, next_at = ?, done_at = ? WHERE account_id = ?",
        (error, next_at, done_at, account_id),
    )


def note_people(tx: Transaction, row: ListRow, people: Iterable[tuple[str, str, int | None]], *, now: int) -> list[str]:
    """Keep who refuses, as (address, word, since); gives those who did not before."""
    given = {address: (address, word, since) for address, word, since in people}
    condition, parameter = tx.among(given)
    known = {
        address
        for (address,) in tx.rows(
            f"SELECT address FROM provider_list_people WHERE account_id = ? AND address {condition}",  # noqa: S608 - placeholders only
            (row.account_id, parameter),
        )
    }
    source, parameter = tx.each(list(given.values()), "TEXT", "TEXT", "BIGINT")
    tx.run(
        "INSERT INTO provider_list_people (account_id, address, workspace_id, word, since, seen_run, created_at)"  # noqa: S608 - placeholders only
        f" SELECT ?, c0, ?, c1, c2, {row.run:d}, {now:d} FROM {source} WHERE TRUE"
        " ON CONFLICT (account_id, address) DO UPDATE SET word = excluded.word, since = excluded.since,"
        " seen_run = excluded.seen_run",
        (row.account_id, row.workspace_id, parameter),
    )
    return [address for address in given if address not in known]


def forget_gone(tx: Transaction, row: ListRow) -> int:
    """Forget whom neither this reading nor the one before named; gives how many."""
    sql = "DELETE FROM provider_list_people WHERE account_id = ? AND seen_run < ?"
    return tx.run(sql, (row.account_id, row.run - 1))


def untold(
    tx: Transaction, row: ListRow, *, channel: str, source: str, before: int, limit: int
) -> list[tuple[str, str, bool]]:
    """
    Suppressions behind the newest that was told, as (id, address, whether it is to be told).

    Not told are those of other purposes than advertising, those that came from this very list (`source`), and what
    no person refused: numbers of do-not-call lists and wrong ones. Those made after `before` may not be all there yet.
    """
    found = tx.rows(
        "SELECT id, address, channel IN ('', ?) AND purpose IN ('', 'promotional') AND source <> ?"  # noqa: S608 - constants
        f" AND reason IN {_TOLD_REASONS} FROM suppressions"
        " WHERE workspace_id = ? AND id > ? AND created_at <= ? ORDER BY id LIMIT ?",
        (channel, source, row.workspace_id, row.told_after, before, limit),
    )
    return [(suppression, address, bool(told)) for suppression, address, told in found]


def told(tx: Transaction, account_id: str, suppression_id: str) -> None:
    """Note up to which suppression our refusals were told."""
    tx.run("UPDATE provider_lists SET told_after = ? WHERE account_id = ?", (suppression_id, account_id))


def came_back(tx: Transaction, row: ListRow, *, kind: str, refused: str, channel: str, limit: int) -> list[str]:
    """Whom the provider was told of as refusing, by an errand, and who is suppressed here no longer."""
    found = tx.rows(
        "SELECT e.subject FROM errands e WHERE e.workspace_id = ? AND e.account_id = ? AND e.kind = ?"
        " AND e.state = 'done' AND e.result = ? AND NOT EXISTS (SELECT 1 FROM suppressions s"
        " WHERE s.workspace_id = e.workspace_id AND s.address = e.subject AND s.channel IN ('', ?)) LIMIT ?",
        (row.workspace_id, row.account_id, kind, refused, channel, limit),
    )
    return [address for (address,) in found]


def erase(tx: Transaction, workspace_id: str, addresses: Sequence[str]) -> None:
    """Forget that lists named these people."""
    condition, parameter = tx.among(addresses)
    sql = f"DELETE FROM provider_list_people WHERE workspace_id = ? AND address {condition}"  # noqa: S608 - placeholders only
    tx.run(sql, (workspace_id, parameter))
