"""
HTTP as the emulator server speaks it, byte by byte.
"""

import asyncio
import json
import logging

import aiohttp
import pytest

from sendyard.emulator.connection import MAX_BODY_BYTES, encode
from sendyard.emulator.server import EmulatorServer
from sendyard.providers.wire import HttpResponse
from tests.emulator.conftest import Caller
from tests.emulator.parrot import Parrot

PING = b"GET /parrot/v1/ping HTTP/1.1\r\nhost: x\r\n\r\n"


async def say(server: EmulatorServer, *pieces: bytes, until_closed: bool = True) -> bytes:
    """Send the pieces one after the other and return all that comes back."""
    host, port = server.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    for piece in pieces:
        writer.write(piece)
        await writer.drain()
        await asyncio.sleep(0.01)
    if not until_closed:
        writer.write_eof()
    async with asyncio.timeout(60):
        answer = await reader.read()
    writer.close()
    return answer


def order(to: str) -> bytes:
    body = json.dumps({"account": "polly", "to": [to], "text": "hello"}).encode()
    return b"POST /parrot/v1/send HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n%s" % (len(body), body)


async def test_requests_of_one_connection_are_answered_in_their_order(server: EmulatorServer, caller: Caller) -> None:
    await caller.scenario(effect={"type": "latency", "seconds": 0.1}, count=1)
    closing = PING.replace(b"host", b"connection: close\r\nhost")
    answers = await say(server, order("+886912345678") + PING + order("+886912345679") + closing)
    bodies = [answer.partition(b"\r\n\r\n")[2] for answer in answers.split(b"HTTP/1.1 ")[1:]]
    assert [next(iter(json.loads(body)), "") if b"open" in body else json.loads(body)[0]["id"] for body in bodies] == [
        "P1",
        "open",
        "P2",
        "open",
    ]


async def test_what_follows_a_hanging_request_is_never_answered(server: EmulatorServer, caller: Caller) -> None:
    await caller.scenario(effect={"type": "hang", "seconds": 0.1}, count=1)
    assert await say(server, order("+886912345678") + PING) == b""


async def test_what_follows_a_reset_or_a_farewell_is_never_handled(server: EmulatorServer, caller: Caller) -> None:
    farewell = order("+886912345678").replace(b"host", b"connection: close\r\nhost")
    await say(server, farewell + order("+886912345679"))
    assert [letter["to"] for letter in await caller.mailbox()] == ["+886912345678"]


async def test_a_request_may_come_in_pieces(server: EmulatorServer) -> None:
    answer = await say(server, b"GET /parr", b"ot/v1/ping HTT", b"P/1.1\r\nconnection: close\r\n", b"\r\n")
    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"\r\nconnection: close\r\n" in answer


async def test_old_clients_get_one_answer_and_a_closed_connection(server: EmulatorServer) -> None:
    assert (await say(server, b"GET /parrot/v1/ping HTTP/1.0\r\n\r\n")).endswith(b'{"open": 1}')


@pytest.mark.parametrize(
    "nonsense",
    [b"hello\r\n\r\n", b"\x16\x03\x01\x02\x00", PING.replace(b"host", b"upgrade: x\r\nconnection: upgrade\r\nhost")],
)
async def test_anything_but_http_is_answered_400(server: EmulatorServer, nonsense: bytes) -> None:
    answer = await say(server, nonsense)
    assert answer.startswith(b"HTTP/1.1 ")
    assert b" 400 Bad Request" in answer
    assert b"Expected HTTP/1.1" in answer


async def test_a_body_beyond_the_limit_is_answered_413(server: EmulatorServer) -> None:
    size = MAX_BODY_BYTES + 1
    head = b"POST /parrot/v1/send HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n" % size
    assert (await say(server, head, bytes(size))).startswith(b"HTTP/1.1 413 ")


async def test_a_client_that_waits_for_permission_gets_it(server: EmulatorServer) -> None:
    request = order("+886912345678").replace(b"host: x", b"host: x\r\nconnection: close\r\nexpect: 100-continue")
    answer = await say(server, request)
    assert answer.startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 201 ")


async def test_a_question_for_the_head_gets_no_body(server: EmulatorServer) -> None:
    answer = await say(server, PING.replace(b"GET", b"HEAD").replace(b"host", b"connection: close\r\nhost"))
    assert answer.endswith(b"content-length: 11\r\nconnection: close\r\n\r\n")


def test_lengths_are_counted_not_believed() -> None:
    lying = HttpResponse(200, {"Content-Length": "99", "x-said": "so", "transfer-encoding": "chunked"}, b"abc")
    assert encode(lying) == b"HTTP/1.1 200 OK\r\nx-said: so\r\ncontent-length: 3\r\n\r\nabc"


def test_an_answer_without_content_has_no_length() -> None:
    assert encode(HttpResponse(204, {}, b"ignored")) == b"HTTP/1.1 204 No Content\r\n\r\n"


def test_a_status_nobody_registered_can_be_sent() -> None:
    assert encode(HttpResponse(599)).startswith(b"HTTP/1.1 599 Unassigned\r\n")


async def test_headers_given_twice_are_joined(server: EmulatorServer, caller: Caller) -> None:
    await caller.scenario(effect={"type": "error"}, account="a, b", scope="all")
    twice = PING.replace(b"host: x", b"connection: close\r\nauthorization: a\r\nauthorization: b")
    assert (await say(server, twice)).startswith(b"HTTP/1.1 503 ")


@pytest.mark.parametrize("path", ["/", "/ghost/v1/send", "/_control", "/_contro/health"])
async def test_an_address_nobody_has_is_answered_404_with_what_there_is(
    server: EmulatorServer, client: aiohttp.ClientSession, path: str
) -> None:
    async with client.get(f"{server.url}{path}") as answer:
        assert answer.status == 404
        assert "/_control" in (await answer.json(content_type="application/problem+json"))["detail"]


@pytest.mark.parametrize("by_scenario", [False, True])
async def test_a_defect_of_an_emulator_is_logged_and_answered_500(
    caller: Caller, caplog: pytest.LogCaptureFixture, by_scenario: bool
) -> None:
    if by_scenario:
        await caller.scenario(effect={"type": "latency", "seconds": 0})
    with caplog.at_level(logging.ERROR):
        status, body = await caller.send("+0001")
    assert status == 500
    assert b"defect of the emulator" in body
    assert "ZeroDivisionError" in caplog.text


async def test_a_taken_port_is_an_os_error_and_leaves_nothing_open(server: EmulatorServer) -> None:
    port = int(server.url.rpartition(":")[2])
    second = EmulatorServer(port, providers={"parrot": Parrot()})
    with pytest.raises(OSError, match="address already in use"):
        await second.start()
    third = EmulatorServer(0, control_port=port, providers={"parrot": Parrot()})
    with pytest.raises(OSError, match="address already in use"):
        await third.start()


async def test_stopping_cuts_open_connections_and_frees_the_port(client: aiohttp.ClientSession) -> None:
    server = EmulatorServer(providers={"parrot": Parrot()})
    await server.start()
    url = server.url
    async with client.get(f"{url}/parrot/v1/ping") as answer:
        assert answer.status == 200
    await server.stop()
    with pytest.raises(aiohttp.ClientConnectionError):
        await client.get(f"{url}/parrot/v1/ping")
    again = EmulatorServer(int(url.rpartition(":")[2]), providers={"parrot": Parrot()})
    await again.start()
    await again.stop()


def test_an_ipv6_address_is_written_with_brackets() -> None:
    assert EmulatorServer(9025, "::1", providers={"parrot": Parrot()}).url == "http://[::1]:9025"
