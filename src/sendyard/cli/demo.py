"""
The demo: a campaign through emulated carriers, with everything that goes wrong in the field, in one command.
"""

import asyncio
import json
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

import click
import uvloop

from sendyard.bootstrap import Yard
from sendyard.cli.demo_all import FEWEST_EACH, MOST_EACH, USUAL_EACH, DemoOfAll
from sendyard.cli.demo_books import all_events, all_messages
from sendyard.cli.demo_people import FEWEST, MOST, SHIPPED_COUNT, SUPPRESSED, TEMPLATE, people, spreadsheet
from sendyard.cli.demo_rules import show_rules
from sendyard.cli.demo_stage import DELAYS, LOOK, USUAL_PORT, Stage, Wish, World
from sendyard.cli.demo_tally import Tally, tally
from sendyard.cli.demo_world import OUTAGE, DemoAccount, demo_accounts, failing, registration, scenarios
from sendyard.cli.shape import NOT_DONE, Command, NotDone, wants_json
from sendyard.cli.showing import Show
from sendyard.delivery.policy import RetryDelays
from sendyard.domain.channels import Channel
from sendyard.domain.status import CampaignStatus
from sendyard.ledger.entries import EventKind

_PATIENCE = 600.0  # seconds in which every message must become final


@click.command(
    cls=Command,
    example="sendyard demo\nsendyard demo --recipients 200 --exit --json\nsendyard demo --seed 7 --exit\n"
    "sendyard demo --all --exit    # one campaign through every provider",
)
@click.option("--all", "everywhere", is_flag=True, help="One campaign per provider, each with two faults, all at once.")
@click.option(
    "--recipients", type=int,
    help=f"People who can be reached, {SHIPPED_COUNT:,} when left out; twenty rows that cannot be used come on top. "
         f"With --all: people per provider, {USUAL_EACH} when left out.",
)  # fmt: skip
@click.option("--port", type=click.IntRange(0, 65535), help=f"Of the API; {USUAL_PORT} or a free one when left out.")
@click.option("--exit", "leave", is_flag=True, help="End when every message is final, instead of serving on.")
@click.option("--seed", default="1", show_default=True, help="Who meets which trouble; equal seeds give equal counts.")
@click.option("--database", default="", metavar="URL", help="An empty PostgreSQL or SQLite database; a temporary one "
              "when left out.")  # fmt: skip
def demo(*, everywhere: bool, recipients: int | None, port: int | None, leave: bool, seed: str, database: str) -> None:
    """
    Send a personalised campaign to 1,000 invented people in three countries, through emulated providers.

    One account is down at first, another refuses what comes too fast, answers get lost after acceptance, and
    reports come late, twice or in the wrong order. Nothing leaves this machine.
    """
    fewest, usual, most = (FEWEST_EACH, USUAL_EACH, MOST_EACH) if everywhere else (FEWEST, SHIPPED_COUNT, MOST)
    wanted = usual if recipients is None else recipients
    if not fewest <= wanted <= most:
        raise click.BadParameter(f"Expected {fewest} to {most:,}, found {wanted}.", param_hint="--recipients")
    wish = Wish(wanted, port, seed, database, stays=not leave, as_json=wants_json())
    with tempfile.TemporaryDirectory(prefix="sendyard-demo-") as folder:
        good = uvloop.run((DemoOfAll if everywhere else _Demo)(wish, Path(folder)).run())
    if not good:
        raise NotDone(NOT_DONE)


class _Demo(Stage):
    """The campaign of a thousand people."""

    def __init__(self, wish: Wish, folder: Path) -> None:
        super().__init__(wish, folder)
        self._accounts = demo_accounts()

    async def play(self, yard: Yard, world: World, workspace_id: str, show: Show) -> bool:
        """Connect, send, watch and count."""
        self._show = show
        await self._connect(yard, workspace_id, world)
        everybody = list(people(self.wish.recipients))
        for position in SUPPRESSED:
            await yard.suppressions.add(
                workspace_id, to=everybody[position].e164, reason="opted_out", source="the demo"
            )
        await yard.templates.add(workspace_id, code="arrival", body=TEMPLATE)
        created = await yard.campaigns.create(
            workspace_id,
            name="Orders arrive",
            template_code="arrival",
            csv=spreadsheet(self.wish.recipients),
            purpose="transactional",
        )
        self._show.step(
            f"Read {created['rows']:,} rows: {created['recipients']:,} good ({created['fixed']} repaired), "
            f"{created['refused']} left out, {created['suppressed']} people must not be contacted."
        )
        await show_rules(yard, workspace_id, everybody, self._show)
        rules = await world.post("/scenarios", scenarios(self._accounts, everybody, self.wish.seed))
        outage = next(rule["id"] for rule in rules if rule["name"] == OUTAGE)
        self._show.step(
            f"{failing(self._accounts)[0].name} is down. Waits between tries are shortened: "
            f"{DELAYS.ordinary[0]:g} s instead of {RetryDelays().ordinary[0]:g} s at first."
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
            "seed": self.wish.seed,
        }
        await self._close(yard, workspace_id, created["id"], found, document)
        return finished and not found.lost and not found.duplicated

    async def _connect(self, yard: Yard, workspace_id: str, world: World) -> None:
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

    async def _watch(self, yard: Yard, workspace_id: str, campaign_id: str, world: World, outage: int) -> bool:
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
            await asyncio.sleep(LOOK)
        self._show.still()
        self._show.step(f"After {_PATIENCE:.0f} seconds the campaign is still {progress['status']}.")
        return False

    @staticmethod
    def _states(yard: Yard, down: DemoAccount, *, is_down: bool) -> dict[str, str]:
        states = {entry.name: "paused" for entry in yard.directory.accounts() if not entry.is_active}
        return {**states, down.name: "down"} if is_down else states

    async def _count(
        self, yard: Yard, workspace_id: str, campaign_id: str, world: World
    ) -> tuple[Tally, dict[str, Any]]:
        messages = await all_messages(yard.database, workspace_id, campaign_id)
        kinds: Counter[str] = Counter()
        accepted: set[str] = set()
        async for event in all_events(yard.database, workspace_id):
            kinds[event["kind"]] += 1
            if event["kind"] == EventKind.ACCEPTED:
                accepted.add(event["message_id"])
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
        if self.wish.as_json:
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


def _is_rid_of(progress: dict[str, Any], account_id: str) -> bool:
    """Whether every row is a message, and none is left with that account."""
    if progress["waiting_rows"]:
        return False
    return not any(
        line["account_id"] == account_id and line["counts"].keys() & {"queued", "sending"}
        for line in progress["accounts"]
    )
