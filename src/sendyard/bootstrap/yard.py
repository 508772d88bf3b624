"""
Builds every object of a process once, and keeps what works in the background working.
"""

import asyncio
import logging
import os
import random
import socket
from collections.abc import Awaitable, Callable, Mapping
from typing import Literal, Self

from sendyard.bootstrap.keys import key_ring
from sendyard.bootstrap.readers import note_clicks, reader_of
from sendyard.delivery.directory import AccountEntry, Directory
from sendyard.delivery.dispatcher import Dispatcher
from sendyard.delivery.ingest import Ingest
from sendyard.delivery.intake import Intake
from sendyard.delivery.outside import Outside
from sendyard.delivery.policy import Policy, RetryDelays
from sendyard.delivery.poller import Poller
from sendyard.delivery.recovery import Recovery
from sendyard.delivery.tokens import Tokens
from sendyard.delivery.transport import Lost, NotSent, Transport
from sendyard.features.audience import (
    Arrivals,
    Book,
    Census,
    ConsentLists,
    Consents,
    Contacts,
    CustomFields,
    Erasing,
    Errands,
    Files,
    Hearing,
    Imports,
    ImportSteps,
    ImportWorker,
    Lists,
    Merging,
    Opting,
    ProviderLists,
    Segments,
    Suppressions,
)
from sendyard.features.campaigns import Approvals, Campaigns, Changes, CountKeeper, Expander, Experiments, Tests
from sendyard.features.campaigns.drips import Drips, DripTimer
from sendyard.features.connections import Accounts, Routes
from sendyard.features.connections.compliance import (
    FactHistory,
    Gaps,
    RegisteredTexts,
    SenderFacts,
    Waivers,
    WorkspaceFacts,
)
from sendyard.features.links import Addresses, Clicks, Domains, Follower, ShortLinks
from sendyard.features.media import Links, MediaLibrary, open_store, sweep
from sendyard.features.otp import OneTimeCodes
from sendyard.features.people import ApiKeys, Team, Workspaces
from sendyard.features.templates import Catalogue, Portable, Records, Standings, Starters, Submissions, Templates
from sendyard.features.templates.preview import Reader
from sendyard.ledger.reports import forget_unmatched
from sendyard.providers.wire import HttpRequest, HttpResponse
from sendyard.settings import Settings
from sendyard.storage import idempotency, migrations
from sendyard.storage.engine import Database
from sendyard.storage.identifiers import new_id, now_ms
from sendyard.storage.vault import Vault

Role = Literal["all", "web", "worker"]
"""Everything in one process, only the web side, or only the sending side."""

_RESTART_DELAYS = (1.0, 2.0, 5.0, 15.0, 30.0)  # seconds before the sending side is built anew
_REFRESH = 1.0
_ARRIVING = 86_400.0  # seconds after which an upload that is still arriving broke off with its process
_UNMATCHED_MS = 7 * 86_400_000  # a provider's report that finds no message within a week never will
_TIDY = 3600.0
_ERRANDS = 2.0
_RENEWALS = 900.0
_LISTS = 30.0
_COUNTS = 30.0
_CATALOGUES = 60.0  # how often is looked for accounts whose hour has passed

_log = logging.getLogger("sendyard")


class Yard:
    """
    Every object of one process. Opening it creates or migrates the database and makes a key ring if there is none.

    `close` it at the end; or use it as a context.
    """

    def __init__(self, settings: Settings, *, delays: RetryDelays | None = None) -> None:
        """
        Open the database and build what rests on it; `delays` replaces the usual waits between tries.

        Raises:
            Invalid: the database URL or the key ring is not usable.
        """
        self.settings = settings
        self._delays = delays
        settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.vault = Vault(key_ring(settings))
        self.database = Database(settings.effective_database_url)
        migrations.upgrade(self.database)
        self.directory = Directory(self.database, self.vault, settings.public_url)
        self.directory.load_now()
        self.transport = Transport()
        self.tokens = Tokens(self.transport)
        self.engine: Dispatcher | None = None
        self._engine_complaint = "It has not started yet."
        self.policy = Policy(usable=self._is_usable, jitter=random.Random().random)  # noqa: S311 - nothing secret
        self.ingest = Ingest(self.database, self.directory, self.policy, Hearing(self.directory))
        self.intake = Intake(self.database, self.directory)
        self._build_connections()
        self._build_templates(settings)
        self._build_audience(settings)
        self._build_links()
        self._build_campaigns()

    def _build_connections(self) -> None:
        self.keys = ApiKeys(self.database)
        self.workspaces = Workspaces(self.database)
        self.accounts = Accounts(self.database, self.vault, self.directory, self._exchange, self.tokens)
        self.routes = Routes(self.database, self.directory)
        self.workspace_facts = WorkspaceFacts(self.database, self.directory)
        self.sender_facts = SenderFacts(self.database, self.directory)
        self.registered_texts = RegisteredTexts(self.database, self.directory)
        self.fact_history = FactHistory(self.database, self.directory)
        self.waivers = Waivers(self.database, self.directory)
        self.gaps = Gaps(self.database, self.directory)

    def _build_templates(self, settings: Settings) -> None:
        self.arriving = settings.data_dir / "arriving"
        self.media = _media(settings, self.database, self.directory, self.vault)
        self.templates = Templates(self.database, self.directory)
        self.catalogue = Catalogue(self.database, self.directory, self.transport, self.tokens)
        self.standings = Standings(self.database, self.directory, self.templates)
        self.portable = Portable(self.templates)
        self.starters = Starters(self.templates)
        self.records = Records(self.database)
        self.submissions = Submissions(self.database, self.directory, self.templates, self.transport, self.tokens)

    def _build_audience(self, settings: Settings) -> None:
        self.suppressions = Suppressions(self.database)
        self.consents = Consents(self.database)
        self.consent_lists = ConsentLists(self.database)
        self.opting = Opting(self.database, self.directory, self.intake)
        self.errands = Errands(self.database, self.directory, self.transport, self.tokens)
        self.provider_lists = ProviderLists(self.database, self.directory, self.transport, self.tokens)
        address_keys = self.directory.address_keys
        self.contacts = Contacts(self.database, address_keys)
        self.merging = Merging(self.database)
        self.erasing = Erasing(self.database, address_keys)
        self.contact_fields = CustomFields(self.database)
        self.imports = Imports(self.database, address_keys)
        self.files = Files(self.imports, self.contact_fields)
        waiting = settings.data_dir / "imports"
        self.import_worker = ImportWorker(self.database, self.imports, self.contact_fields, waiting)
        self.import_steps = ImportSteps(self.database, self.contact_fields, waiting, self.import_worker.nudge)
        self.book = Book(self.database)
        self.lists = Lists(self.database)
        self.census = Census(self.database)
        self.segments = Segments(self.database, self.census)
        self.arrivals = Arrivals(self.database, address_keys)

    def _build_links(self) -> None:
        outside = Outside(private=self.settings.private_link_domains)
        self.link_domains = Domains(self.database, self.directory, self.vault, outside)
        self.short_links = ShortLinks(self.database, self.directory, self.link_domains)
        self.link_addresses = Addresses(self.database, self.directory)
        self.link_follower = Follower(self.database, self.directory.link_tokens)
        self.link_clicks = Clicks(self.database, self.vault, note_clicks)

    def _build_campaigns(self) -> None:
        self.one_time_codes = OneTimeCodes(
            self.database, self.directory, self.intake, self.templates, self.vault, self._exchange, self.tokens
        )
        self.campaigns = Campaigns(self.database, self.directory, balance=self.accounts.balance)
        self.campaign_changes = Changes(self.database, self.directory)
        self.campaign_approvals = Approvals(self.database, self.directory)
        self.experiments = Experiments(self.database)
        self.team = Team(self.database)
        self.campaign_tests = Tests(self.database, self.directory, self.team)
        self.drips = Drips(self.database, self.directory, self.campaign_tests)
        self.drip_timer = DripTimer(self.database, self.directory)
        self.expander = Expander(self.database, self.directory, balance=self.accounts.credit)
        self.count_keeper = CountKeeper(self.database)

    def __enter__(self) -> Self:
        """Use as a context to have it closed."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close."""
        self.close()

    def close(self) -> None:
        """Finish what is being written and close the database."""
        self.database.close()

    async def first_start(self) -> str:
        """Make the first workspace with a live key, and give the key; "" when there is a workspace already."""
        workspace, made = await self.workspaces.first()
        if not made:
            return ""
        await self.directory.refresh()
        created = await self.keys.create(workspace["id"], name="first key")
        return str(created["key"])

    async def reader(self, workspace_id: str, contact_id: str) -> Reader:
        """Give a contact as previews see it. Raises NotFound."""
        return await reader_of(self.contacts, workspace_id, contact_id)

    async def work(self, role: Role) -> None:
        """Run what works in the background until cancelled; a part that fails is logged and started anew."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self.import_worker.run())
            if role != "worker":
                group.create_task(self.census.run())
                group.create_task(self.link_clicks.run())
            if role == "web":
                group.create_task(self._repeat("directory", _REFRESH, self.directory.refresh))
                return
            group.create_task(self._send())
            group.create_task(self.expander.run())
            group.create_task(self.drip_timer.run())
            group.create_task(self.arrivals.run())
            group.create_task(self._repeat("tidying", _TIDY, self.tidy))
            group.create_task(self._repeat("running errands", _ERRANDS, self.errands.round))
            group.create_task(self._repeat("keeping counts", _COUNTS, self.count_keeper.round))
            group.create_task(self._repeat("reading who refused", _LISTS, self.provider_lists.round))
            group.create_task(self._repeat("reminding of consents", _RENEWALS, self.opting.renewals.round))
            group.create_task(self._repeat("listing of templates", _CATALOGUES, self.catalogue.sync_due))

    async def _send(self) -> None:
        failures = 0
        while True:
            owner = f"{socket.gethostname()}-{os.getpid()}-{new_id()}"
            dispatcher = Dispatcher(
                self.database,
                self.directory,
                self.transport,
                owner=owner,
                delays=self._delays,
                tokens=self.tokens,
                supply=self.media,
            )
            recovery = Recovery(self.database, self.directory, self.transport, dispatcher, owner=owner)
            poller = Poller(self.database, self.directory, self.transport, self.ingest, tokens=self.tokens)
            self.engine = dispatcher
            try:
                await recovery.start()
                self._engine_complaint = ""
                async with asyncio.TaskGroup() as group:
                    for part in (dispatcher, recovery, poller):
                        group.create_task(part.run())
            except Exception:  # noqa: BLE001 - whatever it is, messages must move again
                delay = _RESTART_DELAYS[min(failures, len(_RESTART_DELAYS) - 1)]
                self._engine_complaint = f"It failed and starts again within {delay:.0f} s; see the log."
                _log.exception("sending failed and starts again in %.0f s", delay)
                failures += 1
                await asyncio.sleep(delay)
            finally:
                self.engine = None

    async def _repeat(self, name: str, pause: float, work: Callable[[], Awaitable[object]]) -> None:
        while True:
            try:
                await work()
            except Exception:  # noqa: BLE001 - the next round may work
                _log.exception("%s failed and is tried again", name)
                await asyncio.sleep(_REFRESH)
            await asyncio.sleep(pause)

    async def tidy(self) -> None:
        """Forget what is kept for a time only."""
        now = now_ms()
        await self.database.write(lambda tx: idempotency.forget_old(tx, now=now))
        await self.database.write(lambda tx: forget_unmatched(tx, before=now - _UNMATCHED_MS))
        await self.one_time_codes.tidy()
        await self.contacts.tidy()
        await self.media.tidy()
        await asyncio.to_thread(sweep, self.arriving, _ARRIVING)
        await self.import_steps.tidy()

    async def _exchange(self, entry: AccountEntry, request: HttpRequest) -> HttpResponse:
        try:
            return await self.transport.exchange(request, entry.adapter.spec.timeout)
        except (NotSent, Lost) as error:
            raise ConnectionError(str(error)) from error

    def _is_usable(self, account_id: str) -> bool:
        if self.engine is not None:
            return self.engine.usable(account_id)
        entry = self.directory.account(account_id)
        return entry is not None and entry.is_active

    def complaints(self, role: Role) -> Mapping[str, str]:
        """Say what is wrong with the parts a role runs, by part; "" where nothing is."""
        return {} if role == "web" else {"sending": self._engine_complaint}


def _media(settings: Settings, database: Database, directory: Directory, vault: Vault) -> MediaLibrary:
    place = settings.data_dir / "media"
    store = open_store(
        settings.media_url, place, key_id=settings.media_key_id, secret=settings.media_secret.get_secret_value()
    )
    return MediaLibrary(database, store, directory, Links(vault, settings.public_url), spool=place)
