"""
`bench dispatch`: messages a second end to end, beside the bare HTTP client loop over the same requests.
"""

import asyncio
import importlib
import threading
import time
from tempfile import TemporaryDirectory
from typing import Any

import aiohttp
import uvloop
from yarl import URL

from sendyard.bootstrap import tune_interpreter
from sendyard.cli.bench.bare import bare_statements
from sendyard.cli.bench.memory import peak_mb
from sendyard.cli.bench.yard import Yard, fill, handed_over, target, yard
from sendyard.delivery.batches import build, group, new_exchange
from sendyard.delivery.dispatcher import Dispatcher
from sendyard.delivery.transport import Transport
from sendyard.domain.errors import Invalid
from sendyard.ledger.claim import waiting
from sendyard.providers.wire import HttpRequest


def dispatch(slug: str, messages: int, database_url: str | None, *, threads: int = 0) -> dict[str, Any]:
    """
    Measure one run; the floor is taken just before, with as many open requests as the engine uses.

    Where many recipients share a request the wire costs next to nothing, so the floor has the bare statements as well,
    one after the other.

    With `threads`, what many would write is measured too: so many threads with a `requests` session each, which
    send the same requests and store nothing.
    """
    with target(slug) as base, yard(slug, base, database_url) as place:
        fill(place, messages)
        requests = _requests(place, messages)
        open_requests = place.entry.open_requests
        tune_interpreter()
        floor_seconds = uvloop.run(_bare_loop(requests, open_requests))
        batch = place.entry.batch_limit
        if batch > 1:
            with TemporaryDirectory(prefix="sendyard-bench-") as directory:
                floor_seconds += bare_statements(database_url or f"sqlite:///{directory}/bare.db", messages, batch)
        thread_seconds = _thread_pool(requests, threads) if threads else 0.0
        seconds = uvloop.run(engine(place))
    per_second, floor = messages / seconds, messages / floor_seconds
    pool = {"threads": threads, "threads_per_second": round(messages / thread_seconds)} if threads else {}
    return {
        "provider": slug,
        "database": place.database.dialect,
        "messages": messages,
        "open_requests": open_requests,
        "requests": len(requests),
        "messages_per_second": round(per_second),
        "floor_per_second": round(floor),
        "ratio": round(per_second / floor, 3),
        **pool,
        "peak_memory_mb": peak_mb(),
    }


def _requests(place: Yard, messages: int) -> list[HttpRequest]:
    """The very requests the engine will send, built beforehand."""
    claimed = place.database.read_now(lambda tx: waiting(tx, place.account_id, limit=messages))
    entry = place.entry
    batches = (
        build(entry, new_exchange(entry, load.postings), load.outgoing)
        for load in group(entry, claimed, requests=messages)
    )
    return [batch.request for batch in batches if batch.request is not None]


async def _bare_loop(requests: list[HttpRequest], open_requests: int) -> float:
    """Send prepared requests with nothing around the client; returns seconds."""
    left = iter(requests)
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar()) as session:

        async def send() -> None:
            for request in left:
                async with session.request(
                    request.method, URL(request.url, encoded=True), data=request.body or None, headers=request.headers
                ) as response:
                    await response.read()

        started = time.perf_counter()
        await asyncio.gather(*(send() for _ in range(open_requests)))
        return time.perf_counter() - started


def _thread_pool(requests: list[HttpRequest], threads: int) -> float:
    """Send the same requests from threads; returns seconds. Raises Invalid without the package `requests`."""
    try:
        sessions = importlib.import_module("requests")
    except ModuleNotFoundError:
        raise Invalid(
            "no_requests", "Expected the package requests for this comparison; pip install requests."
        ) from None
    left = iter(requests)
    lock = threading.Lock()

    def send() -> None:
        session = sessions.Session()
        # Nothing of the environment, such as a proxy, may stand between.
        session.trust_env = False
        while True:
            with lock:
                request = next(left, None)
            if request is None:
                return
            session.request(request.method, request.url, data=request.body, headers=dict(request.headers))

    started = time.perf_counter()
    workers = [threading.Thread(target=send) for _ in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return time.perf_counter() - started


async def engine(place: Yard) -> float:
    """Let the dispatcher hand over everything; returns seconds."""
    async with Transport() as transport:
        dispatcher = Dispatcher(place.database, place.directory, transport, owner="bench")
        started = time.perf_counter()
        work = asyncio.create_task(dispatcher.run())
        await handed_over(place)
        seconds = time.perf_counter() - started
        work.cancel()
        await asyncio.gather(work, return_exceptions=True)
    return seconds
