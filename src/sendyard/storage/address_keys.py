"""
Keyed hashes of addresses: what is left of a person who was erased, so that nobody writes to them again.

Phone numbers are few enough to try them all, so a plain hash would hide nothing. Each workspace has a key of its own,
random and sealed by the vault.
"""

import hmac
import os

from sendyard.storage.transaction import Transaction
from sendyard.storage.vault import Vault

_KEY_BYTES = 32
_DIGEST_BYTES = 16


class AddressKeys:
    """The keys of every workspace; each is opened once per process."""

    def __init__(self, vault: Vault) -> None:
        """Take what seals them."""
        self._vault = vault
        self._opened: dict[str, bytes] = {}

    def digest(self, tx: Transaction, workspace_id: str, address: str) -> str:
        """
        Hash one address; the same address always gives the same 32 hexadecimal digits in one workspace.

        Makes the workspace's key when there is none, so the transaction must be one that writes.

        Raises:
            Invalid: the key is sealed under a key that is not in the ring.
        """
        key = self._key(tx, workspace_id)
        if key is None:
            sealed = self._vault.seal(os.urandom(_KEY_BYTES), _place(workspace_id))
            tx.run(
                "INSERT INTO address_keys (workspace_id, sealed) VALUES (?, ?) ON CONFLICT DO NOTHING",
                (workspace_id, sealed),
            )
            # Not remembered before it is committed.
            key = self._vault.open(_sealed(tx, workspace_id) or sealed, _place(workspace_id))
        return _digest(key, address)

    def known_digest(self, tx: Transaction, workspace_id: str, address: str) -> str | None:
        """Like `digest`, but None where the workspace has no key, and so no hashes either."""
        key = self._key(tx, workspace_id)
        return None if key is None else _digest(key, address)

    def rotate(self, tx: Transaction) -> int:
        """Seal again, with the newest key of the ring, what an older one sealed; returns how many keys that were."""
        changed = 0
        for workspace_id, sealed in tx.rows("SELECT workspace_id, sealed FROM address_keys"):
            if not self._vault.is_current(bytes(sealed)):
                fresh = self._vault.reseal(bytes(sealed), _place(workspace_id))
                changed += tx.run("UPDATE address_keys SET sealed = ? WHERE workspace_id = ?", (fresh, workspace_id))
        return changed

    def _key(self, tx: Transaction, workspace_id: str) -> bytes | None:
        if workspace_id not in self._opened:
            sealed = _sealed(tx, workspace_id)
            if sealed is None:
                return None
            self._opened[workspace_id] = self._vault.open(sealed, _place(workspace_id))
        return self._opened[workspace_id]


def _sealed(tx: Transaction, workspace_id: str) -> bytes | None:
    found = tx.rows("SELECT sealed FROM address_keys WHERE workspace_id = ?", (workspace_id,))
    return bytes(found[0][0]) if found else None


def _place(workspace_id: str) -> str:
    return f"address key of {workspace_id}"


def _digest(key: bytes, address: str) -> str:
    return hmac.digest(key, address.encode("utf-8", "surrogatepass"), "sha256")[:_DIGEST_BYTES].hex()
