"""
The doors that need no key and are asked by people: `/l/{token}`, and the proof that a host leads here.

A redirect is answered before its visit is written down, and only to addresses that a workspace stored.
"""

import logging
from typing import Any

from sendyard.api.desk import failure
from sendyard.api.short_pages import ended_page, language_for, preview_page, unknown_page
from sendyard.features.links import Clicks, Domains, Follower
from sendyard.features.links.clicks import visitor
from sendyard.features.links.domains import PATH, WELL_KNOWN
from sendyard.storage.failures import DATABASE_AWAY

_HTML = "text/html; charset=utf-8"
_METHODS = ("GET", "HEAD")
_HEADERS = {
    # What was answered to one visit must not be answered to the next without asking.
    "cache-control": "private, no-store",
    "referrer-policy": "no-referrer",
    "x-robots-tag": "noindex, nofollow",
    "x-content-type-options": "nosniff",
}
_PAGE_HEADERS = _HEADERS | {
    "vary": "accept-language",
    "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'",
}
_log = logging.getLogger(__name__)


class ShortDoors:
    """ASGI doors in front of what follows links and knows domains."""

    def __init__(self, follower: Follower, clicks: Clicks, domains: Domains) -> None:
        """Take what finds destinations, what counts visits, and what proves hosts."""
        self._follower = follower
        self._clicks = clicks
        self._domains = domains

    def serves(self, path: str) -> bool:
        """Whether a path is one of these doors'."""
        return path.startswith((PATH, WELL_KNOWN))

    async def __call__(self, scope: Any, send: Any) -> None:
        """Serve one visit."""
        if scope["method"] not in _METHODS:
            await _answer(send, 405, b"", {"allow": ", ".join(_METHODS)}, head=False)
            return
        try:
            if scope["path"].startswith(WELL_KNOWN):
                await self._prove(scope, send)
            else:
                await self._follow(scope, send)
        except DATABASE_AWAY as error:
            _log.error("a short address could not be looked up: %s", error)
            await _answer(send, 503, b"", {"retry-after": "5", **_HEADERS}, head=False)
        except Exception:  # noqa: BLE001 - logged without the address: whoever holds it would be taken for its recipient
            failed = failure("a short address")
            await _answer(send, failed.status, failed.body, {"content-type": failed.content_type}, head=False)

    async def _follow(self, scope: Any, send: Any) -> None:
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        head = scope["method"] == "HEAD"
        found = await self._follower.find(scope["path"].removeprefix(PATH))
        if found is not None and found.url and not found.has_preview:
            await _answer(send, 302, b"", {"location": found.url, **_HEADERS}, head=head)
        else:
            language = language_for(headers.get("accept-language", ""))
            page = {"content-type": _HTML, "content-language": language, **_PAGE_HEADERS}
            if found is None:
                await _answer(send, 404, unknown_page(language), page, head=head)
                return
            body = preview_page(language, found.url) if found.url else ended_page(language)
            await _answer(send, 200 if found.url else 410, body, page, head=head)
        client = scope.get("client")
        source = visitor(client[0] if client else "", headers.get("x-forwarded-for", ""))
        self._clicks.saw(found, scope["method"], headers, source)

    async def _prove(self, scope: Any, send: Any) -> None:
        proof = await self._domains.proof(scope["path"].removeprefix(WELL_KNOWN))
        status, body = (404, b"") if proof is None else (200, proof)
        kind = {"content-type": "text/plain; charset=utf-8"}
        await _answer(send, status, body, {**kind, **_HEADERS}, head=scope["method"] == "HEAD")


async def _answer(send: Any, status: int, body: bytes, headers: dict[str, str], *, head: bool) -> None:
    lines = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
    lines.append((b"content-length", b"%d" % len(body)))
    await send({"type": "http.response.start", "status": status, "headers": lines})
    await send({"type": "http.response.body", "body": b"" if head else body, "more_body": False})
