"""
Whether a callback was signed by Twilio.

Rules: https://www.twilio.com/docs/usage/webhooks/webhooks-security. The signature covers the public URL as
Twilio called it, query included, and the names and values of every form parameter.
"""

import hmac
from base64 import b64encode
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from hashlib import sha256
from itertools import chain
from urllib.parse import parse_qs

SIGNATURE_HEADER = "x-twilio-signature"
SETTINGS_HEADER = "x-twilio-webhooks-signature-settings"

_DIGESTS: Mapping[str, str] = {"HMAC_SHA1": "sha1", "HMAC_SHA256": "sha256"}
_DEFAULT_PORTS = {"https": "443", "http": "80"}


def named_algorithm(settings: str) -> str:
    """The algorithm that the settings header (`key=…,algorithm=…`) names; `HMAC_SHA1` when it names none."""
    if not settings:
        return "HMAC_SHA1"
    for part in settings.split(","):
        name, _, value = part.partition("=")
        if name.strip() == "algorithm" and value.strip():
            return value.strip().upper()
    return "HMAC_SHA1"


def is_known_algorithm(algorithm: str) -> bool:
    """Whether `is_signed` can check it; a signature of any other algorithm must not be believed."""
    return algorithm in _DIGESTS


def is_signed(
    given: str, algorithm: str, secrets: Sequence[str], url: str, parameters: Sequence[tuple[str, str]]
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
    tail = "".join(chain.from_iterable(sorted(set(parameters))))
    for spelling in _spellings(url):
        signed = (spelling + tail).encode("utf-8", "replace")
        for secret in secrets:
            made = _keyed(secret, digest).copy()
            made.update(signed)
            if hmac.compare_digest(b64encode(made.digest()), expected):
                return True
    return False


def is_body_intact(query: str, body: bytes) -> bool:
    """Whether the signed URL carries the hash of this body, as it does for every body that is not a form."""
    declared = parse_qs(query).get("bodySHA256", [""])[0]
    return hmac.compare_digest(sha256(body).hexdigest().encode(), declared.encode("utf-8", "replace"))


@lru_cache(maxsize=64)
def _keyed(secret: str, digest: str) -> hmac.HMAC:
    """The state before the first byte, to be copied: preparing a key takes as long as signing a callback with it."""
    return hmac.new(secret.encode(), digestmod=digest)


def _spellings(url: str) -> Iterator[str]:
    """Yield the URL as it is, then with its port left out or added: which of the two Twilio signs has varied."""
    called = url.partition("#")[0]
    yield called
    scheme, _, rest = called.partition("://")
    authority, slash, path = rest.partition("/")
    host, _, port = authority.rpartition(":")
    if host and port.isdecimal():
        yield f"{scheme}://{host}{slash}{path}"
    else:
        yield f"{scheme}://{authority}:{_DEFAULT_PORTS.get(scheme, '443')}{slash}{path}"
