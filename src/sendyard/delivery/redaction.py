"""
Secrets leave no trace: every value is replaced wherever it stands, also in its encoded forms.
"""

import base64
import re
from collections.abc import Iterable
from functools import lru_cache
from urllib.parse import quote, quote_plus

from sendyard.providers.wire import HttpRequest, HttpResponse

_MARK = "•••"
_LONGEST = 2000  # characters kept of a body: enough to explain, small enough to keep for every exchange
_SHORTEST_SECRET = 4  # a shorter value would blot out ordinary words


@lru_cache(maxsize=1024)
def _pattern(secrets: tuple[str, ...]) -> re.Pattern[str] | None:
    forms: set[str] = set()
    for secret in secrets:
        if len(secret) >= _SHORTEST_SECRET:
            forms |= {secret, quote(secret, safe=""), quote_plus(secret), base64.b64encode(secret.encode()).decode()}
    # The longest first, so that a secret that contains another goes as a whole.
    ordered = sorted(forms, key=len, reverse=True)
    return re.compile("|".join(re.escape(form) for form in ordered)) if ordered else None


def redact(text: str, secrets: Iterable[str]) -> str:
    """Replace every secret in `text`."""
    pattern = _pattern(tuple(secrets))
    return pattern.sub(_MARK, text) if pattern else text


def describe_request(request: HttpRequest, secrets: tuple[str, ...], *, with_body: bool) -> str:
    """The method, address and beginning of the body as the exchange log keeps them; headers are left out."""
    text = f"{request.method} {request.url}"
    if with_body and request.body:
        text = f"{text}\n\n{_text(request.body)}"
    return redact(text, secrets)


def describe_response(response: HttpResponse, secrets: tuple[str, ...]) -> str:
    """The beginning of the body as the exchange log keeps it."""
    return redact(_text(response.body), secrets)


def _text(body: bytes) -> str:
    # Cut before decoding, with room for characters of several bytes; PostgreSQL keeps no NUL.
    text = body[: _LONGEST * 4].decode("utf-8", "replace").replace("\x00", "�")
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}… ({len(body)} bytes)"
