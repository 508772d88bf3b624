"""
`bench accept`: single messages a second through the API, each answered after it is durable.
"""

import json
from tempfile import TemporaryDirectory
from typing import Any

import uvloop

from sendyard import bootstrap, settings
from sendyard.cli.bench.bare import bare_server
from sendyard.cli.bench.load import fire, http_bytes
from sendyard.cli.bench.server import served
from sendyard.cli.bench.yard import number, single_recipient
from sendyard.domain.channels import Channel
from sendyard.providers.registry import emulators

TARGET = 4000  # messages a second; the figure the project promises on two cores


def accept(messages: int, connections: int, database_url: str | None) -> dict[str, Any]:
    """
    Measure one run, and after it what a bare server does with the same requests.

    The account is paused, so that what is measured is accepting and nothing else.
    """
    with TemporaryDirectory(prefix="sendyard-bench-") as directory:
        key = uvloop.run(_prepare(directory, database_url or ""))
        with served(directory, database_url=database_url or "") as server:
            address = server["address"]
            headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
            requests = [
                http_bytes("POST", address, "/api/v1/messages", headers, _body(index)) for index in range(messages)
            ]
            measured = uvloop.run(fire(address, requests, connections))
        with bare_server(database_url or f"sqlite:///{directory}/bare.db") as address:
            floor = messages / uvloop.run(fire(address, requests, connections)).seconds
    per_second = measured.statuses.get(202, 0) / measured.seconds
    return {
        "database": "postgresql" if database_url and database_url.startswith("postgresql") else "sqlite",
        "messages": messages,
        "connections": connections,
        "statuses": measured.statuses,
        "messages_per_second": round(per_second),
        "floor_per_second": round(floor),
        "ratio": round(per_second / floor, 3),
        "target_per_second": TARGET,
        "p50_ms": measured.percentile(0.5),
        "p99_ms": measured.percentile(0.99),
    }


def _body(index: int) -> bytes:
    text = f"Kim {index}, your order of {index % 977}.50 arrives on 24 Nov"
    return json.dumps({"to": number("", index), "text": text}).encode()


async def _prepare(directory: str, database_url: str) -> str:
    """A workspace with one paused account and a route to it; returns an API key."""
    given = settings.load({"data_dir": directory, "database_url": database_url})
    with bootstrap.Yard(given) as yard:
        workspace, _ = await yard.workspaces.first()
        slug = single_recipient()
        emulator = emulators()[slug]
        base = f"http://127.0.0.1:9/{slug}{emulator.base_path}"
        account = await yard.accounts.add(
            workspace["id"],
            provider=slug,
            name=f"bench {slug}",
            settings={**emulator.sample_account, "base_url": base},
            sender=emulator.sample_sender,
        )
        await yard.accounts.pause(workspace["id"], account["id"])
        await yard.routes.set(workspace["id"], channel=Channel.SMS, accounts=[account["id"]])
        created = await yard.keys.create(workspace["id"], name="bench")
        await yard.transport.close()
        return str(created["key"])
