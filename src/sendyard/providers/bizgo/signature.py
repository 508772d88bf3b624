"""
How BizGO proves that a callback is its own: HMAC-SHA256 of the timestamp header, keyed with the webhook secret.

The body is not covered, so a captured pair of headers stays usable for five minutes; the unguessable callback
address and the events' own keys are the second line. Whether BizGO writes hex or base64 is not confirmed
(sheet section 8), so both are taken.
"""

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Mapping
from datetime import datetime

from sendyard.providers.contract import CallbackRejected

_TIMESTAMP = re.compile(r"[0-9]{9,16}")
_MILLISECOND_DIGITS = 13
_WINDOW_SECONDS = 300.0


def authenticate(headers: Mapping[str, str], secret: str, now: datetime) -> None:
    """Raise CallbackRejected unless the signature headers are present, right and fresh."""
    if not secret:
        raise CallbackRejected("no webhook secret is set for this account; ask BizGO for it and enter it")
    stamp = headers.get("x-ib-timestamp", "")
    if not _TIMESTAMP.fullmatch(stamp):
        raise CallbackRejected("X-IB-Timestamp is missing or no number of 9 to 16 digits")
    sent_at = int(stamp) / 1000 if len(stamp) >= _MILLISECOND_DIGITS else float(stamp)
    age = now.timestamp() - sent_at
    if abs(age) > _WINDOW_SECONDS:
        raise CallbackRejected(
            f"X-IB-Timestamp is {age:.0f} s away from now; at most {_WINDOW_SECONDS:.0f} s are taken"
        )
    digest = hmac.new(secret.encode(), stamp.encode("ascii"), hashlib.sha256).digest()
    given = headers.get("x-ib-signature", "").strip()
    if not any(hmac.compare_digest(candidate, digest) for candidate in _readings(given)):
        raise CallbackRejected("X-IB-Signature is missing or does not match the webhook secret")


def _readings(signature: str) -> list[bytes]:
    readings: list[bytes] = []
    try:
        readings.append(bytes.fromhex(signature))
    except ValueError:
        # Not hex: base64 remains.
        readings.clear()
    try:
        readings.append(base64.b64decode(signature, validate=True))
    except (binascii.Error, ValueError):
        return readings
    return readings
