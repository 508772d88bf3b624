"""
Requests to servers that a person names: never to an address inside this network, unless the operator allows that.

A name is resolved once, every address it stands for is judged, and the connection goes to an address that was judged:
a name server that answers otherwise the next time reaches nothing.
"""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address
from urllib.parse import urlsplit

from sendyard.delivery.transport import NotSent, Transport
from sendyard.providers.spec import Timeout
from sendyard.providers.wire import HttpRequest, HttpResponse

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
"""Gives the addresses of a name. Raises OSError."""

_PORTS = {"http": 80, "https": 443}


class Outside:
    """Asks servers outside; redirects are answers, not followed."""

    def __init__(self, *, private: bool = False, resolve: Resolve | None = None) -> None:
        """Say whether addresses of this machine and network may be asked; `resolve` asks name servers."""
        self._private = private
        self._resolve = resolve or _addresses

    async def exchange(self, request: HttpRequest, timeout: Timeout) -> HttpResponse:  # noqa: ASYNC109 - as the transport has it
        """
        Send one request and read the whole answer.

        Raises:
            NotSent: the name is unknown, an address it stands for is none of the public internet, or nobody is there.
            Lost: no whole answer came.
        """
        parts = urlsplit(request.url)
        host, port = parts.hostname or "", parts.port or _PORTS.get(parts.scheme, 443)
        try:
            async with asyncio.timeout(timeout.connect):
                found = await self._resolve(host, port)
        except (OSError, UnicodeError) as error:
            raise NotSent(f"the name {host} cannot be resolved ({type(error).__name__})") from error
        if not found:
            raise NotSent(f"the name {host} stands for no address")
        if not self._private and not all(map(is_public, found)):
            raise NotSent(
                f"{host} leads into a private network, which is not asked; set SENDYARD_PRIVATE_LINK_DOMAINS=true if "
                "that is meant"
            )
        async with Transport(pinned=(host, found[0], port)) as transport:
            return await transport.exchange(request, timeout)


def is_public(address: str) -> bool:
    """Whether an address is one of the public internet: not loopback, private, link-local, multicast or reserved."""
    found: IPv4Address | IPv6Address = ip_address(address.partition("%")[0])
    if isinstance(found, IPv6Address):
        inner = found.ipv4_mapped or found.sixtofour or (found.teredo[1] if found.teredo else None)
        if inner is not None:
            return found.ipv4_mapped is not None and is_public(str(inner))
    return found.is_global and not found.is_multicast


async def _addresses(host: str, port: int) -> Sequence[str]:
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(place[0]) for *_, place in found))
