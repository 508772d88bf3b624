"""
What people send to us, kept once however often the provider tells it.
"""

from sendyard.storage.identifiers import new_id
from sendyard.storage.transaction import Transaction


def keep_inbound(
    tx: Transaction,
    workspace_id: str,
    account_id: str,
    *,
    sender: str,
    recipient: str,
    channel: str,
    text: str,
    provider_ref: str,
    dedupe_key: str,
    received_at: int,
) -> bool:
    """Store one inbound message; False when it is known already."""
    return bool(
        tx.run(
            "INSERT INTO inbound_messages (id, workspace_id, account_id, sender, recipient, channel, text,"
            " provider_ref, dedupe_key, received_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
            (
                new_id(),
                workspace_id,
                account_id,
                sender,
                recipient,
                channel,
                text,
                provider_ref,
                dedupe_key,
                received_at,
            ),
        )
    )
