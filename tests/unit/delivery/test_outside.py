"""
Requests to servers that a person names.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence

import pytest

from sendyard.delivery.outside import Outside, is_public
from sendyard.delivery.transport import NotSent
from sendyard.providers.spec import Timeout
from sendyard.providers.wire import HttpRequest

PATIENCE = Timeout(connect=30.0, total=60.0)


@pytest.fixture
async def door() -> AsyncIterator[int]:
    """A server that answers every request with the host it was asked for."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        host = next(line for line in head.split("\r\n") if line.startswith("host: ")).removeprefix("host: ")
        writer.write(f"HTTP/1.1 200 OK\r\nContent-Length: {len(host)}\r\nConnection: close\r\n\r\n{host}".encode())
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


def leads_to(*addresses: str) -> Outside:
    async def resolve(_host: str, _port: int) -> Sequence[str]:
        return addresses

    return Outside(resolve=resolve)


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "10.1.2.3", "192.168.0.9", "172.16.5.5", "169.254.169.254", "224.0.0.1", "0.0.0.0", "100.64.0.1",
     "240.0.0.1", "::1", "::", "fe80::1%eth0", "fd00::5", "ff02::1", "::ffff:127.0.0.1", "2002:7f00:1::"],
)  # fmt: skip
async def test_an_address_inside_is_not_asked(address: str) -> None:
    assert not is_public(address)
    with pytest.raises(NotSent, match="leads into a private network"):
        await leads_to("93.184.216.34", address).exchange(HttpRequest("GET", "https://go.example/"), PATIENCE)


@pytest.mark.parametrize("address", ["93.184.216.34", "2606:2800:220:1::1", "::ffff:93.184.216.34"])
def test_an_address_of_the_internet_may_be_asked(address: str) -> None:
    assert is_public(address)


async def test_a_name_that_stands_for_nothing_is_told() -> None:
    async def unknown(_host: str, _port: int) -> Sequence[str]:
        raise OSError

    with pytest.raises(NotSent, match="stands for no address"):
        await leads_to().exchange(HttpRequest("GET", "https://go.example/"), PATIENCE)
    with pytest.raises(NotSent, match="cannot be resolved"):
        await Outside(resolve=unknown).exchange(HttpRequest("GET", "http://go.example/"), PATIENCE)


async def test_the_address_that_was_judged_is_the_one_that_is_asked(door: int) -> None:
    asked: list[str] = []

    async def resolve(host: str, _port: int) -> Sequence[str]:
        asked.append(host)
        return ["127.0.0.1"]

    outside = Outside(private=True, resolve=resolve)
    answer = await outside.exchange(HttpRequest("GET", f"http://go.invalid:{door}/"), PATIENCE)
    assert (answer.status, answer.body.decode(), asked) == (200, f"go.invalid:{door}", ["go.invalid"])


async def test_loopback_is_asked_where_the_operator_allows_it(door: int) -> None:
    request = HttpRequest("GET", f"http://127.0.0.1:{door}/")
    assert (await Outside(private=True).exchange(request, PATIENCE)).status == 200
    with pytest.raises(NotSent, match="SENDYARD_PRIVATE_LINK_DOMAINS"):
        await Outside().exchange(request, PATIENCE)
