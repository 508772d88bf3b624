"""
What certainly was not sent, and what may have been: told apart against a server that misbehaves on purpose.
"""

import asyncio
import gzip
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from sendyard.delivery import transport as transport_module
from sendyard.delivery.transport import Lost, NotSent, Transport
from sendyard.providers.spec import Timeout
from sendyard.providers.wire import HttpRequest

PATIENT = Timeout(connect=30, total=60)
QUICK = Timeout(connect=30, total=0.8)  # for a server that says nothing
Behave = Callable[[bytes, asyncio.StreamWriter], Awaitable[None]]


class Server:
    """Reads one request, remembers it and does what it was told."""

    def __init__(self) -> None:
        self.behave: Behave = answer(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        self.requests: list[bytes] = []
        self.was_asked = asyncio.Event()
        self.connections = 0
        self.url = ""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                length = next(
                    (int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")), 0
                )
                request = head + await reader.readexactly(length)
                self.requests.append(request)
                self.was_asked.set()
                await self.behave(request, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            return
        finally:
            writer.close()


def answer(*pieces: bytes) -> Behave:
    async def behave(_request: bytes, writer: asyncio.StreamWriter) -> None:
        for piece in pieces:
            writer.write(piece)
            await writer.drain()

    return behave


async def reset(_request: bytes, writer: asyncio.StreamWriter) -> None:
    sock = writer.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


async def hang_up(_request: bytes, writer: asyncio.StreamWriter) -> None:
    writer.close()


async def say_nothing(_request: bytes, _writer: asyncio.StreamWriter) -> None:
    await asyncio.sleep(1)


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    behaving = Server()
    listening = await asyncio.start_server(behaving.serve, "127.0.0.1", 0)
    behaving.url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}/send"
    yield behaving
    listening.close()
    await listening.wait_closed()


@pytest.fixture
async def transport() -> AsyncIterator[Transport]:
    async with Transport() as client:
        yield client
    await asyncio.sleep(0)


def post(url: str) -> HttpRequest:
    return HttpRequest("POST", url, {"content-type": "text/plain"}, b"hello")


async def test_an_answer_comes_back_whole_with_lower_case_names(server: Server, transport: Transport) -> None:
    server.behave = answer(b"HTTP/1.1 201 Created\r\nX-Thing: Value\r\nContent-Length: 5\r\n\r\nhello")
    response = await transport.exchange(post(server.url), PATIENT)
    assert (response.status, response.body, response.headers["x-thing"]) == (201, b"hello", "Value")
    request = server.requests[0].decode()
    assert request.startswith("POST /send HTTP/1.1\r\n")
    assert request.endswith("\r\n\r\nhello")
    assert "content-type: text/plain" in request.lower()


async def test_the_address_is_sent_as_it_was_built(server: Server, transport: Transport) -> None:
    url = f"{server.url}/a%2Fb?x=%20%2B&y=%EA%B0%80"
    await transport.exchange(HttpRequest("GET", url), PATIENT)
    assert server.requests[0].startswith(b"GET /send/a%2Fb?x=%20%2B&y=%EA%B0%80 HTTP/1.1\r\n")
    assert b"content-type" not in server.requests[0].lower()


async def test_connections_are_used_again(server: Server, transport: Transport) -> None:
    for _ in range(3):
        await transport.exchange(post(server.url), PATIENT)
    assert (len(server.requests), server.connections) == (3, 1)


async def test_a_refused_connection_was_not_sent(transport: Transport) -> None:
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))  # taken, and nobody listens
        url = f"http://127.0.0.1:{reserved.getsockname()[1]}/?key=invented-secret"
        with pytest.raises(NotSent, match="no connection") as failure:
            await transport.exchange(post(url), PATIENT)
    assert str(failure.value) == "no connection: Connection refused"


async def test_a_host_that_does_not_exist_was_not_sent_and_its_address_is_not_told(transport: Transport) -> None:
    with pytest.raises(NotSent, match=r"^no connection: ") as failure:
        await transport.exchange(post("http://nobody.invalid/?key=invented-secret"), PATIENT)
    assert "invented-secret" not in str(failure.value)


async def test_a_connection_that_takes_too_long_was_not_sent(transport: Transport) -> None:
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        address = full.getsockname()
        waiting = [socket.socket() for _ in range(3)]
        for one in waiting:  # fill the queue of connections nobody accepts
            one.setblocking(False)
            one.connect_ex(address)
        with pytest.raises(NotSent):
            await transport.exchange(post(f"http://127.0.0.1:{address[1]}/"), Timeout(connect=0.2, total=60))
        for one in waiting:
            one.close()


@pytest.mark.parametrize("url", ["http://", "nonsense", "http://host.invalid:99999/"])
async def test_an_address_that_is_none_was_not_sent(transport: Transport, url: str) -> None:
    with pytest.raises(NotSent):
        await transport.exchange(post(url), PATIENT)


@pytest.mark.parametrize(
    "behave",
    [
        reset,
        hang_up,
        say_nothing,
        answer(b"\x00\xff garbage\r\n\r\n"),
        answer(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly this"),
        answer(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"),
        answer(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\nnope"),
    ],
    ids=["reset", "hang-up", "silence", "garbage", "too short", "bad chunk", "bad compression"],
)
async def test_anything_after_the_request_left_is_lost(server: Server, transport: Transport, behave: Behave) -> None:
    server.behave = behave
    with pytest.raises(Lost):
        await transport.exchange(post(server.url), QUICK if behave is say_nothing else PATIENT)
    await asyncio.wait_for(server.was_asked.wait(), 60)
    assert len(server.requests) == 1  # and it is never repeated behind our back


async def test_a_time_out_says_how_long_was_waited(server: Server, transport: Transport) -> None:
    server.behave = say_nothing
    with pytest.raises(Lost, match=r"no answer within 0\.8 s"):
        await transport.exchange(post(server.url), QUICK)


@pytest.mark.parametrize("with_length", [True, False])
async def test_an_answer_larger_than_any_documented_is_lost(
    server: Server, transport: Transport, monkeypatch: pytest.MonkeyPatch, with_length: bool
) -> None:
    monkeypatch.setattr(transport_module, "_LARGEST_ANSWER", 1000)
    head = b"HTTP/1.1 200 OK\r\n" + (b"Content-Length: 2000\r\n" if with_length else b"Connection: close\r\n") + b"\r\n"

    async def flood(_request: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(head + b"x" * 2000)
        await writer.drain()
        writer.close()

    server.behave = flood
    with pytest.raises(Lost, match="larger than 1000 bytes"):
        await transport.exchange(post(server.url), PATIENT)


async def test_an_answer_without_a_length_is_read_to_its_end(server: Server, transport: Transport) -> None:
    chunks = b"".join(b"3\r\nabc\r\n" for _ in range(10)) + b"0\r\n\r\n"
    server.behave = answer(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", chunks)
    assert (await transport.exchange(post(server.url), PATIENT)).body == b"abc" * 10


async def test_compressed_answers_are_opened(server: Server, transport: Transport) -> None:
    body = gzip.compress(b"hello")
    head = f"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {len(body)}\r\n\r\n".encode()
    server.behave = answer(head + body)
    assert (await transport.exchange(post(server.url), PATIENT)).body == b"hello"


async def test_redirects_are_answers_and_cookies_are_forgotten(server: Server, transport: Transport) -> None:
    server.behave = answer(
        b"HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\nSet-Cookie: a=b\r\nContent-Length: 0\r\n\r\n"
    )
    for _ in range(2):
        response = await transport.exchange(post(server.url), PATIENT)
        assert (response.status, response.headers["location"]) == (302, "/elsewhere")
    assert len(server.requests) == 2
    assert b"cookie" not in server.requests[1].lower()


async def test_a_header_that_cannot_be_sent_is_not_sent(server: Server, transport: Transport) -> None:
    with pytest.raises((NotSent, Lost)):
        await transport.exchange(HttpRequest("POST", server.url, {"x-bad": "a\r\nb: c"}, b"hello"), PATIENT)
    assert server.requests == []


async def test_closing_twice_is_no_trouble_and_it_opens_again(server: Server) -> None:
    transport = Transport()
    await transport.close()
    await transport.exchange(post(server.url), PATIENT)
    await transport.close()
    await transport.close()
    assert (await transport.exchange(post(server.url), PATIENT)).status == 200
    await transport.close()
