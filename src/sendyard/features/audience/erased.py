"""
What is left of people who were erased: what they had forbidden, under a hash of the address.
"""

from collections.abc import Iterable

from sendyard.delivery.queries import has_erased, suppress
from sendyard.features.audience import queries
from sendyard.storage.address_keys import AddressKeys
from sendyard.storage.transaction import Transaction

SOURCE = "known from a person who was erased"


def revive(tx: Transaction, keys: AddressKeys, workspace_id: str, addresses: Iterable[str], *, now: int) -> int:
    """
    Suppress addresses again that were suppressed when their person was erased; gives how many suppressions.

    For addresses that become known again, so that everyone sees why nothing is sent there.
    """
    if not has_erased(tx, workspace_id):
        return 0
    revived = 0
    for address in addresses:
        digest = keys.known_digest(tx, workspace_id, address)
        for channel, purpose, reason in queries.revive_erased(tx, workspace_id, digest) if digest else ():
            place = {"channel": channel, "purpose": purpose}
            revived += suppress(tx, workspace_id, address, reason=reason, source=SOURCE, now=now, **place)
    return revived
