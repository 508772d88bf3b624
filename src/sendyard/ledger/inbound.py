"""
What people send to us, kept once however often the provider tells it.
"""

from collections.abc import Sequence

import msgspec

from sendyard.storage.identifiers import new_id
from sendyard.storage.transaction import Transaction

_encode = msgspec.json.Encoder().encode


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
    sender_kind: str = "phone",
    identities: Sequence[tuple[str, str]] = (),
    profile_name: str = "",
    choice: str = "",
) -> str:
    """
    Store one inbound message; gives its id, or "" when it is known already.

    `identities` are (kind, value) of other addresses of the same person, `choice` the button or row that was pressed.
    """
    inbound_id = new_id()
    stored = tx.run(
        "INSERT INTO inbound_messages (id, workspace_id, account_id, sender, sender_kind,"
        " identities, profile_name, choice, recipient, channel, text, provider_ref, dedupe_key, received_at)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
        (
            inbound_id,
            workspace_id,
            account_id,
            sender,
            sender_kind,
            _encode(identities).decode(),
            profile_name,
            choice,
            recipient,
            channel,
            text,
            provider_ref,
            dedupe_key,
            received_at,
        ),
    )
    return inbound_id if stored else ""
