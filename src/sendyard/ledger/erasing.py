"""
Forgetting one person in the ledger: what happened stays and is counted, to whom and what was said does not.
"""

from collections.abc import Iterable
from typing import Any

from sendyard.domain.ids import attempt_id
from sendyard.ledger.cancel import cancel_message
from sendyard.storage.transaction import Transaction

_BLANK_CONTENT = '""'  # as ledger.content_codec writes a text without a letter


def erase_address(
    tx: Transaction, workspace_id: str, address: str, pseudonym: str, *, now: int
) -> list[tuple[str, int | None]]:
    """
    Put a pseudonym in place of an address wherever it stands, and remove texts.

    What has not left is cancelled. Reports that are still to come find their message by its reference. Gives the
    campaign ("" for none) and the row of every message there was.
    """
    place = (workspace_id, address)
    found = tx.rows("SELECT id, group_id, row, attempts FROM messages WHERE workspace_id = ? AND address = ?", place)
    for message_id, *_ in found:
        cancel_message(tx, workspace_id, message_id, now=now)
    if found:
        among, parameter = tx.among(message_id for message_id, *_ in found)
        tx.run(
            "UPDATE messages SET address = ?, content = ?, reference = '', metadata = '{}', error_detail = NULL"
            f" WHERE id {among}",
            (pseudonym, _BLANK_CONTENT, parameter),
        )
        tx.run(f"UPDATE events SET detail = NULL WHERE message_id {among}", (parameter,))
        _forget_attempts(tx, [attempt_id(id_, number + 1) for id_, _, _, tried in found for number in range(tried)])
    tx.run(
        "UPDATE inbound_messages SET sender = ?, text = '', profile_name = '', identities = '[]', choice = ''"
        " WHERE workspace_id = ? AND sender = ?",
        (pseudonym, *place),
    )
    tx.run("DELETE FROM unmatched_reports WHERE workspace_id = ? AND recipient = ?", place)
    return [(campaign_id, row) for _, campaign_id, row, _ in found]


def messages_to(tx: Transaction, workspace_id: str, addresses: Iterable[str]) -> list[dict[str, Any]]:
    """Every message to these addresses, oldest first, for a person who asks what is kept of them."""
    condition, parameter = tx.among(addresses)
    names = ("id", "status", "purpose", "channel", "address", "sender", "content", "reference", "created_at",
             "sent_at", "delivered_at")  # fmt: skip
    found = tx.rows(
        f"SELECT {', '.join(names)} FROM messages WHERE workspace_id = ? AND address {condition} ORDER BY id",
        (workspace_id, parameter),
    )
    return [dict(zip(names, row, strict=True)) for row in found]


def inbound_from(tx: Transaction, workspace_id: str, addresses: Iterable[str]) -> list[dict[str, Any]]:
    """Every message from these addresses, oldest first."""
    condition, parameter = tx.among(addresses)
    names = ("id", "sender", "recipient", "channel", "text", "received_at")
    found = tx.rows(
        f"SELECT {', '.join(names)} FROM inbound_messages WHERE workspace_id = ? AND sender {condition} ORDER BY id",
        (workspace_id, parameter),
    )
    return [dict(zip(names, row, strict=True)) for row in found]


def _forget_attempts(tx: Transaction, attempt_ids: Iterable[str]) -> None:
    """Forget what providers said of these attempts, and the requests and answers that carried them."""
    among, parameter = tx.among(attempt_ids)
    exchanges = tx.rows(f"UPDATE attempts SET error_detail = NULL WHERE id {among} RETURNING exchange_id", (parameter,))
    among, parameter = tx.among({exchange_id for (exchange_id,) in exchanges})
    tx.run(f"UPDATE exchanges SET request = NULL, response = NULL WHERE status = 'closed' AND id {among}", (parameter,))
