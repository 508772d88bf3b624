"""
The demo: a campaign through emulated carriers, with everything that goes wrong in the field, in one command.
"""

import asyncio
import json
import signal
import socket
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import aiohttp
import click
import msgspec
import uvloop

from sendyard.bootstrap import Started, Yard, configure_logging, only_process, serve
from sendyard.cli.demo_people import FEWEST, MOST, SHIPPED_COUNT, SUPPRESSED, TEMPLATE, people, spreadsheet
from sendyard.cli.demo_tally import Tally, tally
from sendyard.cli.demo_world import OUTAGE, DemoAccount, demo_accounts, failing, registration, scenarios
from sendyard.cli.serving import this_program
from sendyard.cli.shape import NOT_DONE, Command, NotDone, wants_json
from sendyard.cli.showing import Show
from sendyard.delivery.policy import RetryDelays
from sendyard.domain.channels import Channel
from sendyard.domain.errors import Conflict
from sendyard.domain.status import CampaignStatus
from sendyard.ledger import queries
from sendyard.ledger.entries import EventKind
from sendyard.settings import Settings, load
from sendyard.storage import backup
from sendyard.storage.engine import Database
from sendyard.storage.vault import generate_key

_DELAYS = RetryDelays(ordinary=(1.0, 2.0, 4.0), throttled=(0.5, 1.0, 2.0, 4.0, 8.0, 8.0, 8.0, 8.0))
_LOOK = 0.2  # seconds between looks at the campaign
_PATIENCE = 600.0  # seconds in which every message must become final
_PAGE = 2000
_USUAL_PORT = 8025


@dataclass(frozen=True, slots=True)
class Wish:
    """What the command line asks for."""

    recipients: int
    port: int | None
    seed: str
    database: str
    stays: bool
    as_json: bool


@click.command(
    cls=Command,
    example="sendyard demo\nsendyard demo --recipients 200 --exit --json\nsendyard demo --seed 7 --exit",
)
@click.option(
    "--recipients", type=click.IntRange(FEWEST, MOST), default=SHIPPED_COUNT, show_default=True,
    help="People who can be reached; twenty rows that cannot be used come on top.",
)  # fmt: skip
@click.option("--port", type=click.IntRange(0, 65535), help=f"Of the API; {_USUAL_PORT} or a free one when left out.")
@click.option("--exit", "leave", is_flag=True, help="End when every message is final, instead of serving on.")
@click.option("--seed", default="1", show_default=True, help="Who meets which trouble; equal seeds give equal counts.")
@click.option("--database", default="", metavar="URL", help="An empty PostgreSQL or SQLite database; a temporary one "
              "when left out.")  # fmt: skip
def demo(*, recipients: int, port: int | None, leave: bool, seed: str, database: str) -> None:
    """
    Send a personalised campaign to 1,000 invented people in three countries, through emulated providers.

    One account is down at first, another refuses what comes too fast, answers get lost after acceptance, and
    reports come late, twice or in the wrong order. Nothing leaves this machine.
    """
    wish = Wish(recipients, port, seed, database, stays=not leave, as_json=wants_json())
    with tempfile.TemporaryDirectory(prefix="sendyard-demo-") as folder:
        good = uvloop.run(_Demo(wish, Path(folder)).run())
    if not good:
        raise NotDone(NOT_DONE)


class _Demo:
    """One run, from the first process to the closing table."""

    def __init__(self, wish: Wish, folder: Path) -> None:
        self._wish = wish
        self._folder = folder
        self._stop = asyncio.Event()
        self._accounts = demo_accounts()

    async def run(self) -> bool:
        """Run; False when something was lost, doubled or not final."""
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, self._stop.set)
        settings = self._settings()
        configure_logging(settings)
        with only_process(settings, "all"), Show(as_json=self._wish.as_json) as show:
            self._show = show
            if self._wish.database:
                await asyncio.to_thread(_expect_empty, settings.effective_database_url)
            async with _emulators(self._wish.seed) as world:
                with await asyncio.to_thread(Yard, settings, delays=_DELAYS) as yard:
                    return await self._with_server(yard, world)

    def _settings(self) -> Settings:
        port = self._wish.port or _free_port(_USUAL_PORT if self._wish.port is None else 0)
        return load(
            {
                # Nothing of the environment applies: it may belong to an installation that matters.
                "data_dir": self._folder,
                "database_url": self._wish.database or f"sqlite:///{self._folder / 'sendyard.db'}",
                "secret_keys": generate_key(),
                "public_url": f"http://127.0.0.1:{port}",
                "host": "127.0.0.1",
                "port": port,
                "log_level": "error",
            }
        )

    async def _with_server(self, yard: Yard, world: "_World") -> bool:
        started: asyncio.Future[Started] = asyncio.get_running_loop().create_future()
        server = asyncio.create_task(serve(yard, announce=started.set_result, stop=self._stop))
        campaign = asyncio.create_task(self._campaign(yard, world, started))
        stopped = asyncio.create_task(self._stop.wait())
        try:
            await asyncio.wait({server, campaign, stopped}, return_when=asyncio.FIRST_COMPLETED)
            if not campaign.done():
                return False
            good = campaign.result()
            if self._wish.stays:
                _invite(await started, world.control)
                await asyncio.wait({server, stopped}, return_when=asyncio.FIRST_COMPLETED)
            return good
        finally:
            campaign.cancel()
            stopped.cancel()
            with suppress(asyncio.CancelledError):
                await campaign
            self._stop.set()
            await server

    async def _campaign(self, yard: Yard, world: "_World", started: "asyncio.Future[Started]") -> bool:
        await started
        workspace, _ = await yard.workspaces.first()
        workspace_id = workspace["id"]
        await self._connect(yard, workspace_id, world)
        everybody = list(people(self._wish.recipients))
        for position in SUPPRESSED:
            await yard.suppressions.add(
                workspace_id, to=everybody[position].e164, reason="opted_out", source="the demo"
            )
        await yard.templates.add(workspace_id, code="arrival", body=TEMPLATE)
        created = await yard.campaigns.create(
            workspace_id,
            name="Orders arrive",
            template_code="arrival",
            csv=spreadsheet(self._wish.recipients),
            purpose="transactional",
        )
        self._show.step(
            f"Read {created['rows']:,} rows: {created['recipients']:,} good ({created['fixed']} repaired), "
            f"{created['refused']} left out, {created['suppressed']} people must not be contacted."
        )
        rules = await world.post("/scenarios", scenarios(self._accounts, everybody, self._wish.seed))
        outage = next(rule["id"] for rule in rules if rule["name"] == OUTAGE)
        self._show.step(
            f"{failing(self._accounts)[0].name} is down. Waits between tries are shortened: "
            f"{_DELAYS.ordinary[0]:g} s instead of {RetryDelays().ordinary[0]:g} s at first."
        )
        began = time.monotonic()
        await yard.campaigns.start(workspace_id, created["id"])
        finished = await self._watch(yard, workspace_id, created["id"], world, outage)
        seconds = time.monotonic() - began
        await world.calm()
        found, document = await self._count(yard, workspace_id, created["id"], world)
        document |= {
            "seconds": round(seconds, 1),
            "messages_per_second": round(found.recipients / seconds, 1),
            "seed": self._wish.seed,
        }
        await self._close(yard, workspace_id, created["id"], found, document)
        return finished and not found.lost and not found.duplicated

    async def _connect(self, yard: Yard, workspace_id: str, world: "_World") -> None:
        addresses = {one["provider"]: one["base_url"] for one in await world.get("/providers")}
        for account in self._accounts:
            added = await yard.accounts.add(
                workspace_id,
                provider=account.provider,
                name=account.name,
                settings={**account.settings, "base_url": addresses[account.provider]},
                sender=account.sender,
                price_per_part=account.price,
                currency="USD",
            )
            await world.post("/accounts", registration(account, added["callback_url"]))
        for country in dict.fromkeys(account.country for account in self._accounts):
            names = [account.name for account in self._accounts if account.country == country]
            await yard.routes.set(workspace_id, channel=Channel.SMS, country=country, accounts=names)
            self._show.step(f"Route to {country}: {', '.join(names)}")

    async def _watch(self, yard: Yard, workspace_id: str, campaign_id: str, world: "_World", outage: int) -> bool:
        down, _ = failing(self._accounts)
        account_id = yard.directory.require(workspace_id, down.name).id
        is_down = True
        deadline = time.monotonic() + _PATIENCE
        while time.monotonic() < deadline:
            progress = await yard.campaigns.progress(workspace_id, campaign_id)
            self._show.progress(progress, self._states(yard, down, is_down=is_down))
            if CampaignStatus(progress["status"]).is_final:
                self._show.still()
                return True
            if is_down and _is_rid_of(progress, account_id):
                is_down = False
                await world.delete(f"/scenarios/{outage}")
                tested = await yard.accounts.test(workspace_id, account_id)
                said = "answers again" if tested["ok"] else "is still not well"
                self._show.step(f"{down.name} {said}; its messages had all gone another way.")
            await asyncio.sleep(_LOOK)
        self._show.still()
        self._show.step(f"After {_PATIENCE:.0f} seconds the campaign is still {progress['status']}.")
        return False

    @staticmethod
    def _states(yard: Yard, down: DemoAccount, *, is_down: bool) -> dict[str, str]:
        states = {entry.name: "paused" for entry in yard.directory.accounts() if not entry.is_active}
        return {**states, down.name: "down"} if is_down else states

    async def _count(
        self, yard: Yard, workspace_id: str, campaign_id: str, world: "_World"
    ) -> tuple[Tally, dict[str, Any]]:
        messages: list[dict[str, Any]] = []
        while True:
            after = messages[-1]["row"] if messages else 0
            page = await yard.database.read(
                partial(
                    queries.campaign_messages,
                    workspace_id=workspace_id,
                    campaign_id=campaign_id,
                    after_row=after,
                    limit=_PAGE,
                )
            )
            messages += page
            if len(page) < _PAGE:
                break
        kinds: Counter[str] = Counter()
        accepted: set[str] = set()
        seq = 0
        while events := await yard.database.read(
            partial(queries.events_after, workspace_id=workspace_id, after=seq, limit=_PAGE)
        ):
            seq = events[-1]["seq"]
            kinds.update(event["kind"] for event in events)
            accepted.update(event["message_id"] for event in events if event["kind"] == EventKind.ACCEPTED)
        progress = await yard.campaigns.progress(workspace_id, campaign_id)
        letters = await world.get("/mailbox") + await world.get("/mailbox?failed=true")
        found = tally(progress["recipients"], messages, accepted, letters)
        used = {yard.directory.account(account_id) for account_id in found.by_account}
        main = max(found.costs, key=lambda currency: (currency == "USD", found.costs[currency]), default="USD")
        return found, {
            "recipients": found.recipients,
            "accepted": len(messages),
            "delivered": found.delivered,
            "failed": found.statuses.get("failed", 0),
            "unknown": found.statuses.get("unknown", 0),
            "suppressed": found.statuses.get("suppressed", 0),
            "refused": progress["refused"],
            "lost": found.lost,
            "duplicated": found.duplicated,
            "failovers": kinds[EventKind.FAILOVER],
            "retries": kinds[EventKind.RETRY],
            "callbacks": yard.ingest.counts["taken"],
            "providers": sorted({entry.provider for entry in used if entry}),
            "cost": {"amount": str(found.costs.get(main, 0)), "currency": main},
            "costs": [
                {"amount": str(amount), "currency": currency} for currency, amount in sorted(found.costs.items())
            ],
        }

    async def _close(
        self, yard: Yard, workspace_id: str, campaign_id: str, found: Tally, document: dict[str, Any]
    ) -> None:
        refused = await yard.campaigns.refused(workspace_id, campaign_id, limit=1000)
        if self._wish.as_json:
            click.echo(json.dumps({**document, "refused_rows": refused}, ensure_ascii=False, indent=2))
            return
        names = {entry.id: entry.name for entry in yard.directory.accounts(workspace_id)}
        self._show.closing(found, names, refused)
        costs = ", ".join(f"{cost['amount']} {cost['currency']}" for cost in document["costs"])
        click.echo(
            f"{document['delivered']:,} delivered, {document['failed']} failed, {document['suppressed']} suppressed, "
            f"{document['unknown']} unknown; {document['refused']} rows left out. "
            f"Lost: {found.lost}. Received twice: {found.duplicated}."
        )
        click.echo(
            f"{document['failovers']} times another account took over, {document['retries']} tries were repeated, "
            f"{document['callbacks']:,} reports came. {document['seconds']} s, {document['messages_per_second']:g} "
            f"messages a second, {costs}."
        )


@dataclass(frozen=True, slots=True)
class _World:
    """The control API of the emulators, which run in a process of their own."""

    control: str
    session: aiohttp.ClientSession

    async def get(self, path: str) -> Any:
        return await self._ask("GET", path, None)

    async def post(self, path: str, document: object) -> Any:
        return await self._ask("POST", path, document)

    async def delete(self, path: str) -> Any:
        return await self._ask("DELETE", path, None)

    async def calm(self) -> None:
        """Wait until every report has happened and every callback was answered or given up."""
        for _ in range(150):
            health = await self.get("/health")
            if not health["pending_reports"] and not health["pending_callbacks"]:
                return
            await asyncio.sleep(_LOOK)

    async def _ask(self, method: str, path: str, document: object) -> Any:
        body = None if document is None else msgspec.json.encode(document)
        async with self.session.request(method, self.control + path, data=body) as answer:
            found = msgspec.json.decode(await answer.read())
            if answer.status >= 400:
                raise Conflict("emulator_refused", f"The emulators refused {method} {path}: {found.get('detail')}")
            return found


@asynccontextmanager
async def _emulators(seed: str) -> AsyncIterator[_World]:
    # The pipe ends with this process, however it ends, and the emulators end with the pipe.
    process = await asyncio.create_subprocess_exec(
        *this_program("emulate", "--port", "0", "--seed", seed, "--retry-scale", "0.05", "--while-stdin", "--json"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        start_new_session=True,
    )
    try:
        if process.stdout is None or not (line := await process.stdout.readline()):
            raise Conflict("no_emulators", "The emulators did not start; see what they wrote above.")
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=60)) as session:
            yield _World(json.loads(line)["control"], session)
    finally:
        with suppress(ProcessLookupError):
            process.terminate()
        await process.wait()


def _is_rid_of(progress: dict[str, Any], account_id: str) -> bool:
    """Whether every row is a message, and none is left with that account."""
    if progress["waiting_rows"]:
        return False
    return not any(
        line["account_id"] == account_id and line["counts"].keys() & {"queued", "sending"}
        for line in progress["accounts"]
    )


def _expect_empty(url: str) -> None:
    database = Database(url)
    try:
        if backup.revision(database) and not backup.is_empty(database):
            raise Conflict(
                "not_empty", "The demo needs an empty database, and this one is in use; create another one for it."
            )
    finally:
        database.close()


def _free_port(wanted: int) -> int:
    for port in (wanted, 0):
        with socket.socket() as probe, suppress(OSError):
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))
            found: int = probe.getsockname()[1]
            return found
    raise Conflict("no_port", "No port is free on 127.0.0.1; choose one with --port.")


def _invite(started: Started, control: str) -> None:
    for line in (
        "",
        f"The API:                {started.address}/api/v1 (described at {started.address}/api/docs)",
        f"Its key in this demo:   {started.first_key}",
        f"What handsets received: {control}/mailbox",
        "There is no web console in this version. Ctrl-C ends the demo and removes its data.",
    ):
        click.echo(line, err=wants_json())
