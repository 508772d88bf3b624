"""
Whether a webhook was signed by Quo, in either of its two generations.

Sources: https://www.quo.com/docs (webhooks of the API 2026-03-30) and
https://support.openphone.com/hc/en-us/articles/4690754298903-How-to-use-webhooks (the older ones). Both sign the raw
bytes with HMAC-SHA256 and a key in base64, together with the time of sending.
"""

import hmac
from base64 import b64encode
from collections.abc import Mapping
from datetime import datetime

from pydantic import SecretStr

from sendyard.providers.contract import CallbackRejected
from sendyard.providers.openphone.spec import OpenPhoneAccount, signing_key

_TOLERANCE = 300.0  # seconds between Quo's clock and ours
_MILLISECOND_DIGITS = 13  # until the year 2286; seconds have ten


def authenticate(account: OpenPhoneAccount, headers: Mapping[str, str], body: bytes, now: datetime) -> bool:
    """
    Check the signature of whichever generation the request is; tells whether it is the current one.

    Raises:
        CallbackRejected: there is no signature, its key is not known, it is old, or it does not fit.
    """
    if "webhook-signature" in headers:
        moment, identity = headers.get("webhook-timestamp", ""), headers.get("webhook-id", "")
        _check_age(moment, now)
        given = [entry[3:] for entry in headers["webhook-signature"].split(" ") if entry.startswith("v1,")]
        prefix = f"{identity}.{moment}."
        _check(account.signing_secret, "webhook signing secret (whsec_…)", prefix, body, given)
        return True
    if "openphone-signature" in headers:
        entries = [entry.strip().split(";") for entry in headers["openphone-signature"].split(",")]
        signed = [entry for entry in entries if len(entry) == 4 and entry[:2] == ["hmac", "1"]]
        if not signed:
            raise CallbackRejected("expected openphone-signature as hmac;1;<timestamp>;<signature>, found another form")
        moment = signed[0][2]
        _check_age(moment, now)
        given = [entry[3] for entry in signed if entry[2] == moment]
        _check(account.legacy_signing_key, "signing key of an older webhook", f"{moment}.", body, given)
        return False
    raise CallbackRejected("neither the header webhook-signature nor openphone-signature is there")


def _check_age(moment: str, now: datetime) -> None:
    if not (moment.isascii() and moment.isdecimal() and len(moment) <= _MILLISECOND_DIGITS):
        raise CallbackRejected("the signature's timestamp is missing or is no number of seconds or milliseconds")
    seconds = int(moment) / (1000 if len(moment) == _MILLISECOND_DIGITS else 1)
    if abs(now.timestamp() - seconds) > _TOLERANCE:
        raise CallbackRejected(f"the signature is more than {_TOLERANCE:.0f} seconds away from our clock")


def _check(secret: SecretStr | None, name: str, prefix: str, body: bytes, given: list[str]) -> None:
    key = signing_key(secret.get_secret_value()) if secret else None
    if key is None:
        raise CallbackRejected(f"the account has no usable {name}: enter the one of this webhook")
    expected = b64encode(hmac.digest(key, prefix.encode("utf-8", "replace") + body, "sha256"))
    # Every entry is compared, so that the time taken says nothing about which of them fits.
    fits = [hmac.compare_digest(expected, one.encode("utf-8", "replace")) for one in given]
    if not any(fits):
        raise CallbackRejected(f"the signature does not fit the account's {name}")
