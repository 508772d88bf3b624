"""
HTTP as values: adapters build and read these, `delivery.transport` moves them.

Bodies are bytes, so the charset is the adapter's decision; header names are lower case.
"""

from collections.abc import Mapping
from dataclasses import field
from types import MappingProxyType
from urllib.parse import parse_qsl, unquote_to_bytes

from sendyard.domain.values import dataclass

_NO_HEADERS: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """One request to send; `url` is absolute and percent-encoded already."""

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=lambda: _NO_HEADERS)
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class HttpResponse:
    """One answer, read whole."""

    status: int
    headers: Mapping[str, str] = field(default_factory=lambda: _NO_HEADERS)
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class CallbackRequest:
    """
    A request that claims to come from a provider.

    `url` is the public address as configured, with path and raw query string, never what a proxy
    made of it: signatures are computed over what the provider called.
    """

    method: str
    url: str
    query: str
    headers: Mapping[str, str]
    body: bytes


def form_fields(text: str) -> list[tuple[str, str]]:
    """
    Names and values of a form or a query string, blank ones too, exactly as `urllib.parse.parse_qsl` reads them.

    Takes a quarter of its time, which for a signed callback was most of the work: everything is unquoted at once,
    unless that would bring up separators that are none.
    """
    if not text.isascii() or "%26" in text or "%3D" in text or "%3d" in text:
        return parse_qsl(text, keep_blank_values=True)
    plain = text.replace("+", " ")
    if "%" in plain:
        plain = unquote_to_bytes(plain).decode("utf-8", "replace")
    fields: list[tuple[str, str]] = []
    for piece in plain.split("&"):
        if piece:
            name, _, value = piece.partition("=")
            fields.append((name, value))
    return fields
