"""
Errands that follow from something else, written in its transaction.
"""

import msgspec

from sendyard.delivery.directory import AccountEntry
from sendyard.features.audience.errands import queries
from sendyard.providers.abilities import ProfileLookup
from sendyard.providers.contract import Inbound
from sendyard.storage.transaction import Transaction

PROFILE, CONTACT, OPT_OUT_NUMBER = "profile", "contact", "opt_out_number"
"""Who somebody is; a contact of ours; the number people call to refuse."""

_encode = msgspec.json.Encoder().encode


def ask_profile(tx: Transaction, entry: AccountEntry, event: Inbound, now: int) -> bool:
    """Let the provider be asked once who wrote, where it can tell; False when it cannot, or was asked before."""
    if not isinstance(entry.adapter, ProfileLookup):
        return False
    person = _encode({"kind": event.sender_kind.value, "value": event.sender}).decode()
    return queries.ask_once(tx, entry.workspace_id, entry.id, PROFILE, event.sender, person, now=now)
