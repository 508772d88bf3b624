"""
The credential vault: AES-256-GCM under a ring of keys, newest first.

A sealed value is `version (1 byte) | key id (8) | nonce (12) | ciphertext and tag`. It opens only under the
name it was sealed for, so a row copied into another account stays shut.

What need never be read again is kept as a fingerprint instead: `key id (8) | HMAC-SHA256 (32)`, bound to its place in
the same way. Without the ring even a value of six digits cannot be found by trying them all.
"""

import base64
import binascii
import hashlib
import hmac
import os
from collections.abc import Sequence

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from sendyard.domain.errors import Invalid

_VERSION = b"\x01"
_KEY_BYTES = 32
_ID_BYTES = 8
_NONCE_BYTES = 12
_HEAD_BYTES = len(_VERSION) + _ID_BYTES + _NONCE_BYTES


def generate_key() -> str:
    """Make a new key for the ring: 32 bytes from the system's entropy, as base64url without padding."""
    return base64.urlsafe_b64encode(os.urandom(_KEY_BYTES)).decode().rstrip("=")


class Vault:
    """Seals with the first key of the ring, opens with whichever key sealed."""

    def __init__(self, keys: Sequence[str]) -> None:
        """
        Take the ring, newest first.

        Raises:
            Invalid: the ring is empty, or a key is not 32 bytes in base64url (`bad_key_ring`).
        """
        ring = [_decode_key(key, position) for position, key in enumerate(keys, 1)]
        if not ring:
            raise Invalid("bad_key_ring", "expected at least one secret key, found none; set SENDYARD_SECRET_KEYS")
        self._newest = _key_id(ring[0])
        self._ciphers = {_key_id(key): AESGCM(key) for key in ring}
        self._marks = {_key_id(key): _mark_key(key) for key in ring}

    def seal(self, plaintext: bytes, bound_to: str) -> bytes:
        """Encrypt; `bound_to` names the one place where the result may be opened again."""
        nonce = os.urandom(_NONCE_BYTES)
        ciphertext = self._ciphers[self._newest].encrypt(nonce, plaintext, bound_to.encode())
        return _VERSION + self._newest + nonce + ciphertext

    def open(self, sealed: bytes, bound_to: str) -> bytes:
        """
        Decrypt what `seal` made for the same `bound_to`.

        Raises:
            Invalid: sealed under a key that is not in the ring (`wrong_key_ring`), or changed since, sealed for
                another place or no sealed value at all (`damaged_secret`).
        """
        if len(sealed) <= _HEAD_BYTES or sealed[:1] != _VERSION:
            raise Invalid(
                "damaged_secret",
                "expected a value sealed by this program, found something else; enter the secret again",
            )
        cipher = self._ciphers.get(_id_of(sealed))
        if cipher is None:
            raise Invalid(
                "wrong_key_ring",
                f"sealed with key {_id_of(sealed).hex()}, which is not among the {len(self._ciphers)} of "
                "SENDYARD_SECRET_KEYS; add that key at the end of the ring, or enter the secret again",
            )
        try:
            return cipher.decrypt(sealed[1 + _ID_BYTES : _HEAD_BYTES], sealed[_HEAD_BYTES:], bound_to.encode())
        except InvalidTag:
            raise Invalid(
                "damaged_secret", "the sealed value was changed or belongs to another account; enter the secret again"
            ) from None

    def fingerprint(self, value: bytes, bound_to: str) -> bytes:
        """Give a keyed hash by which `value` is recognised at one place, and by which nobody can find it."""
        return self._newest + _mark(self._marks[self._newest], value, bound_to)

    def recognises(self, fingerprint: bytes, value: bytes, bound_to: str) -> bool:
        """
        Whether `fingerprint` was made of `value` for `bound_to`; takes as long for every value.

        False as well when it was made with a key that is no longer in the ring.
        """
        key = self._marks.get(fingerprint[:_ID_BYTES], b"")
        return hmac.compare_digest(fingerprint[_ID_BYTES:], _mark(key, value, bound_to)) and bool(key)

    def derived(self, purpose: str) -> list[bytes]:
        """
        Give one key of 32 bytes for a purpose from each key of the ring, newest first.

        What they mark lives as long as their key stays in the ring.
        """
        return [_mark(key, b"", purpose) for key in self._marks.values()]

    def is_current(self, sealed: bytes) -> bool:
        """Whether it is sealed with the newest key, so that rotation has nothing to do."""
        return sealed[:1] == _VERSION and _id_of(sealed) == self._newest

    def reseal(self, sealed: bytes, bound_to: str) -> bytes:
        """Open with the key that sealed it and seal with the newest. Raises as `open`."""
        return self.seal(self.open(sealed, bound_to), bound_to)


def _decode_key(key: str, position: int) -> bytes:
    try:
        raw = base64.b64decode(key.strip() + "=" * (-len(key.strip()) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raw = b""
    if len(raw) != _KEY_BYTES:
        raise Invalid(
            "bad_key_ring",
            f"expected {_KEY_BYTES} bytes in base64url (43 characters) as secret key {position}, "
            f"found {len(key.strip())} characters that are not; generate one, or restore the key file",
        )
    return raw


def _key_id(key: bytes) -> bytes:
    # Of the key, but not telling anything about it.
    return hashlib.sha256(b"sendyard key id\0" + key).digest()[:_ID_BYTES]


def _mark_key(key: bytes) -> bytes:
    # One key for one use: the key of the cipher itself never signs anything.
    return hmac.digest(key, b"sendyard fingerprint key", "sha256")


def _mark(key: bytes, value: bytes, bound_to: str) -> bytes:
    place = bound_to.encode()
    return hmac.digest(key, len(place).to_bytes(4) + place + value, "sha256")


def _id_of(sealed: bytes) -> bytes:
    return sealed[1 : 1 + _ID_BYTES]
