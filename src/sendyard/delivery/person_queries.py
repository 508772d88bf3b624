"""
The SQL of what rules ask about recipients: many addresses with one query for each kind of fact.
"""

from collections.abc import Collection, Iterable
from typing import NamedTuple

from sendyard.storage.transaction import Transaction

_DO_NOT_CALL = "do_not_call"
_UNSENT = "('suppressed', 'cancelled')"


class Word(NamedTuple):
    """What somebody said about being written to; times are milliseconds since 1970."""

    address: str
    channel: str  # "" stands for any
    purpose: str
    kind: str
    state: str  # asked, granted, withdrawn
    source: str
    evidence: str
    at: int
    confirmed_at: int | None
    id: str = ""


def set_zones(tx: Transaction, workspace_id: str, addresses: Collection[str]) -> dict[str, str]:
    """Time zones that people gave or somebody set, by address; guessed ones are left out."""
    condition, parameter = tx.among(addresses)
    return dict(
        tx.rows(
            "SELECT i.value, c.time_zone FROM identities i JOIN contacts c ON c.workspace_id = i.workspace_id"  # noqa: S608 - placeholders only
            f" AND c.no = i.contact_no WHERE i.workspace_id = ? AND i.kind <> 'email' AND i.value {condition}"
            " AND c.zone_origin = 'set'",
            (workspace_id, parameter),
        )
    )


def states(tx: Transaction, workspace_id: str, addresses: Collection[str]) -> dict[str, str]:
    """States of people by address, from the workspace's custom field `state`, if it has one."""
    slots = tx.rows(
        "SELECT slot FROM contact_fields WHERE workspace_id = ? AND code = 'state' AND type IN ('text', 'choice')",
        (workspace_id,),
    )
    if not slots:
        return {}
    condition, parameter = tx.among(addresses)
    ((slot,),) = slots  # the name of a column, x1 to x16, which only the code for fields writes
    return dict(
        tx.rows(
            f"SELECT i.value, c.{slot} FROM identities i JOIN contacts c ON c.workspace_id = i.workspace_id"  # noqa: S608 - see above
            f" AND c.no = i.contact_no WHERE i.workspace_id = ? AND i.kind <> 'email' AND i.value {condition}"
            f" AND c.{slot} IS NOT NULL",
            (workspace_id, parameter),
        )
    )


def words(tx: Transaction, workspace_id: str, addresses: Collection[str], channel: str) -> Iterable[Word]:
    """Everything that was said about a channel or all of them, in any order: sorting would double the cost."""
    condition, parameter = tx.among(addresses)
    found = tx.table(
        "address, channel, purpose, kind, state, source, evidence, at, confirmed_at, id",
        f"FROM consents WHERE workspace_id = ? AND address {condition} AND channel IN ('', ?)",
        (workspace_id, parameter, channel),
    )
    return map(Word._make, found)


def last_inbound(tx: Transaction, workspace_id: str, addresses: Collection[str], channel: str) -> dict[str, int]:
    """When people last wrote on a channel, by address; milliseconds since 1970."""
    condition, parameter = tx.among(addresses)
    return dict(
        tx.rows(
            "SELECT sender, MAX(received_at) FROM inbound_messages WHERE workspace_id = ?"  # noqa: S608 - placeholders only
            f" AND sender {condition} AND channel = ? GROUP BY sender",
            (workspace_id, parameter, channel),
        )
    )


def hears(tx: Transaction, workspace_id: str, channel: str) -> bool:
    """Whether anybody was ever heard on a channel: without, silence of a person means nothing."""
    sql = "SELECT 1 FROM inbound_messages WHERE workspace_id = ? AND channel = ? LIMIT 1"
    return bool(tx.rows(sql, (workspace_id, channel)))


def written_to(tx: Transaction, workspace_id: str, addresses: Collection[str]) -> set[str]:
    """Who of these was sent something before."""
    condition, parameter = tx.among(addresses)
    return {
        address
        for (address,) in tx.rows(
            "SELECT DISTINCT address FROM messages WHERE workspace_id = ?"  # noqa: S608 - placeholders only
            f" AND address {condition} AND status NOT IN {_UNSENT}",
            (workspace_id, parameter),
        )
    }


def on_registers(tx: Transaction, workspace_id: str, addresses: Collection[str]) -> set[str]:
    """Who of these stands on a do-not-call register that was loaded."""
    condition, parameter = tx.among(addresses)
    return {
        address
        for (address,) in tx.rows(
            "SELECT DISTINCT address FROM suppressions WHERE workspace_id = ?"  # noqa: S608 - placeholders only
            f" AND address {condition} AND reason = ?",
            (workspace_id, parameter, _DO_NOT_CALL),
        )
    }
