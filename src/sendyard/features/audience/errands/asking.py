"""
Errands that follow from something else, written in its transaction.
"""

import msgspec

from sendyard.delivery.directory import AccountEntry
from sendyard.domain.addresses import Address
from sendyard.features.audience.errands import queries
from sendyard.providers.abilities import ProfileLookup
from sendyard.providers.contract import Inbound
from sendyard.storage.transaction import Transaction

PROFILE, CONTACT, OPT_OUT_NUMBER, OPT_OUT = "profile", "contact", "opt_out_number", "opt_out"
"""Who somebody is; a contact of ours; the number people call to refuse; what somebody refused, or no longer does."""
REFUSED, CAME_BACK = "refused", "came back"
"""What a provider was told with an errand of the kind `OPT_OUT`."""

_encode = msgspec.json.Encoder().encode


def ask_profile(tx: Transaction, entry: AccountEntry, event: Inbound, now: int) -> bool:
    """Let the provider be asked once who wrote, where it can tell; False when it cannot, or was asked before."""
    if not isinstance(entry.adapter, ProfileLookup):
        return False
    person = _encode({"kind": event.sender_kind.value, "value": event.sender}).decode()
    return queries.ask_once(tx, entry.workspace_id, entry.id, PROFILE, event.sender, person, now=now)


def ask_opt_out(
    tx: Transaction, workspace_id: str, account_id: str, person: Address, *, refuses: bool, now: int
) -> bool:
    """Let a provider be told that somebody refuses, or no longer does; False when that was the last it was told."""
    document = _encode({"kind": person.kind.value, "value": person.value, "refuses": refuses}).decode()
    return queries.ask_if_other(tx, workspace_id, account_id, OPT_OUT, person.value, document, now=now)
