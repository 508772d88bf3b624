"""
Signed links: whoever holds one may fetch one file for a time. Nobody can make one, and nothing lists them.
"""

import base64
import binascii
from datetime import datetime

from sendyard.delivery.fitting import link_address
from sendyard.storage.vault import Vault

_PLACE = "media link"


class Links:
    """Makes and checks links with the key ring."""

    def __init__(self, vault: Vault, public_url: str) -> None:
        """Take the ring and the public address ("" for none: then there are no links)."""
        self._vault = vault
        self._public_url = public_url

    def make(self, file_id: str, until: datetime, name: str) -> str:
        """Give the address of a file; "" without a public address."""
        if not self._public_url:
            return ""
        expires = int(until.timestamp())
        signature = base64.urlsafe_b64encode(self._vault.fingerprint(_signed(file_id, f"{expires:010}"), _PLACE))
        return link_address(self._public_url, file_id, expires, signature.decode().rstrip("="), name)

    def is_good(self, file_id: str, expires: str, signature: str, *, now: float) -> bool:
        """Whether the signature is ours and the time is not over; takes as long for every wrong signature."""
        try:
            given = base64.b64decode(signature + "=" * (-len(signature) % 4), altchars=b"-_", validate=True)
        except (binascii.Error, ValueError):
            return False
        is_ours = self._vault.recognises(given, _signed(file_id, expires), _PLACE)
        return is_ours and now < int(expires)


def _signed(file_id: str, expires: str) -> bytes:
    return f"{file_id}/{expires}".encode()
