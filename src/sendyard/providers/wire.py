"""
HTTP as values: adapters build and read these, `delivery.transport` moves them.

Bodies are bytes, so the charset is the adapter's decision; header names are lower case.
"""

from collections.abc import Mapping
from dataclasses import field
from types import MappingProxyType

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
