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
_DIGITS = re.compile("[0-9]{4,}")


@lru_cache(maxsize=1024)
def _pattern(secrets: tuple[str, ...]) -> tuple[re.Pattern[str], int, tuple[str, ...]] | None:
    """What finds any secret in any form, the length of the longest form, and the forms."""
    forms: set[str] = set()
    for secret in secrets:
        if len(secret) >= _SHORTEST_SECRET:
            forms |= {secret, quote(secret, safe=""), quote_plus(secret), base64.b64encode(secret.encode()).decode()}
    # The longest first, so that a secret that contains another goes as a whole.
    ordered = sorted(forms, key=len, reverse=True)
    if not ordered:
        return None
    return re.compile("|".join(re.escape(form) for form in ordered)), len(ordered[0]), tuple(ordered)


def redact(text: str, secrets: Iterable[str]) -> str:
    """Replace every secret in `text`."""
    found = _pattern(tuple(secrets))
    # Hardly any text holds one, and looking for each is a fraction of what the pattern takes.
    if found is None or not any(form in text for form in found[2]):
        return text
    return found[0].sub(_MARK, text)


def describe_request(request: HttpRequest, secrets: tuple[str, ...], *, with_body: bool) -> str:
    """
    The method, address and beginning of the body as the exchange log keeps them; headers are left out.

    Without the body nothing of the text is kept: some providers take it in the query, and codes in the path.
    """
    if not with_body:
        address, _, query = request.url.partition("?")
        scheme, _, rest = address.partition("://")
        host, slash, path = rest.partition("/")
        path = _DIGITS.sub(_MARK, redact(path, secrets))
        return f"{request.method} {scheme}://{redact(host, secrets)}{slash}{path}{'?' + _MARK if query else ''}"
    text = f"{request.method} {request.url}"
    if request.body:
        return f"{redact(text, secrets)}\n\n{_beginning(request.body, secrets)}"
    return redact(text, secrets)


def describe_response(response: HttpResponse, secrets: tuple[str, ...]) -> str:
    """The beginning of the body as the exchange log keeps it."""
    return _beginning(response.body, secrets)


def _beginning(body: bytes, secrets: tuple[str, ...]) -> str:
    found = _pattern(secrets)
    reach = found[1] if found else 0
    # Cut before decoding, with room for characters of several bytes; PostgreSQL keeps no NUL.
    text = body[: (_LONGEST + reach) * 4].decode("utf-8", "replace").replace("\x00", "�")
    if len(text) <= _LONGEST:
        return redact(text, secrets)
    cut = _LONGEST
    # A secret that lies across the cut would leave its beginning, which nothing recognises any more.
    for match in found[0].finditer(text, max(0, cut - reach)) if found else ():
        if match.start() < cut < match.end():
            cut = match.start()
    return f"{redact(text[:cut], secrets)}… ({len(body)} bytes)"
