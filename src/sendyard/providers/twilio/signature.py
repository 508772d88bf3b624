"""
Whether a callback was signed by Twilio.

Rules: https://www.twilio.com/docs/usage/webhooks/webhooks-security. The signature covers the public URL as
Twilio called it, query included, and the names and values of every form parameter.
"""

import hmac
from base64 import b64encode
from collections.abc import Iterable, Iterator, Mapping, Sequence
from hashlib import sha256
from urllib.parse import parse_qs

SIGNATURE_HEADER = "x-twilio-signature"
SETTINGS_HEADER = "x-twilio-webhooks-signature-settings"

_DIGESTS: Mapping[str, str] = {"HMAC_SHA1": "sha1", "HMAC_SHA256": "sha256"}
_DEFAULT_PORTS = {"https": "443", "http": "80"}


def named_algorithm(settings: str) -> str:
    """The algorithm that the settings header (`key=…,algorithm=…`) names; `HMAC_SHA1` when it names none."""
    for part in settings.split(","):
        name, _, value = part.partition("=")
        if name.strip() == "algorithm" and value.strip():
            return value.strip().upper()
    return "HMAC_SHA1"


def is_known_algorithm(algorithm: str) -> bool:
    """Whether `is_signed` can check it; a signature of any other algorithm must not be believed."""
    return algorithm in _DIGESTS


def is_signed(
    given: str, algorithm: str, secrets: Iterable[str], url: str, parameters: Sequence[tuple[str, str]]
) -> bool:
    """
    Compare in constant time with every allowed secret and both spellings of the URL.

    Args:
        given: the value of the signature header.
        algorithm: one that `is_known_algorithm`.
        secrets: Auth Tokens or shared keys; more than one while they are rotated.
        url: the public URL with its query.
        parameters: the decoded fields of a form; none for GET and for other bodies.
    """
    digest = _DIGESTS[algorithm]
    expected = given.encode("utf-8", "replace")
    # A set, because of a repeated value only one counts; names sort as code points, which is byte order.
    tail = "".join([name + value for name, value in sorted(set(parameters))])
    keys = [secret.encode() for secret in secrets]
    for spelling in _spellings(url):
        signed = (spelling + tail).encode("utf-8", "replace")
        for key in keys:
            if hmac.compare_digest(b64encode(hmac.digest(key, signed, digest)), expected):
                return True
    return False


def is_body_intact(query: str, body: bytes) -> bool:
    """Whether the signed URL carries the hash of this body, as it does for every body that is not a form."""
    declared = parse_qs(query).get("bodySHA256", [""])[0]
    return hmac.compare_digest(sha256(body).hexdigest().encode(), declared.encode("utf-8", "replace"))


def _spellings(url: str) -> Iterator[str]:
    """Yield the URL without a port, then with one: which of the two Twilio signs has varied."""
    scheme, _, rest = url.partition("#")[0].partition("://")
    authority, slash, path = rest.partition("/")
    host, _, port = authority.rpartition(":")
    if host and port.isdecimal():
        yield f"{scheme}://{host}{slash}{path}"
        yield f"{scheme}://{authority}{slash}{path}"
    else:
        yield f"{scheme}://{authority}{slash}{path}"
        yield f"{scheme}://{authority}:{_DEFAULT_PORTS.get(scheme, '443')}{slash}{path}"
