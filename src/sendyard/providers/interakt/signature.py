"""
Whether a webhook was signed with the account's secret: HMAC-SHA256 of the raw body, in hexadecimal.

Source: https://www.interakt.shop/resource-center/interakts-webhooks. Two names of the header are in circulation.
"""

import hmac
from collections.abc import Mapping

from sendyard.providers.contract import CallbackRejected

HEADER = "interakt-signature"
_OTHER_HEADER = "x-interakt-signature"
_PREFIX = "sha256="


def sign(secret: str, body: bytes) -> str:
    """The value of the header for a body."""
    return _PREFIX + hmac.digest(secret.encode(), body, "sha256").hex()


def authenticate(headers: Mapping[str, str], secret: str, body: bytes) -> None:
    """Compare in constant time. Raises CallbackRejected."""
    if not secret:
        raise CallbackRejected("the account has no webhook secret; enter the one set in Interakt's Developer Settings")
    given = headers.get(HEADER) or headers.get(_OTHER_HEADER) or ""
    if not given:
        raise CallbackRejected("the header Interakt-Signature is missing")
    if not hmac.compare_digest(sign(secret, body).encode(), given.strip().encode("utf-8", "replace")):
        raise CallbackRejected("Interakt-Signature does not fit the account's webhook secret and this body")
