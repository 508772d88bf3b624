"""
Accounts and routes in memory, opened and ready to use, kept in step with their rows.

Readers see one immutable state that is swapped as a whole, so any thread may ask at any moment.
"""

import itertools
import json
import logging
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from decimal import Decimal
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from sendyard.delivery.copies import Copies, copies_of
from sendyard.delivery.credentials import open_settings, secret_values
from sendyard.delivery.fact_queries import read_facts
from sendyard.delivery.facts import NO_FACTS, Facts
from sendyard.delivery.queries import ConnectionRows, Row, connection_rows, template_copies
from sendyard.domain.channels import Channel, Purpose
from sendyard.domain.errors import AppError, NotFound
from sendyard.providers.abilities import TokenAuth
from sendyard.providers.contract import AccountSettings, Adapter, Call
from sendyard.providers.registry import adapter as adapter_of
from sendyard.providers.spec import RateUnit
from sendyard.storage.address_keys import AddressKeys
from sendyard.storage.engine import Database
from sendyard.storage.link_tokens import LinkTokens
from sendyard.storage.transaction import Transaction
from sendyard.storage.vault import Vault

_log = logging.getLogger(__name__)

_BATCH_SECONDS = 0.25  # of its rate in one request, where a provider counts messages


@dataclass(frozen=True, slots=True)
class AccountEntry:
    """
    One account with everything a call needs.

    An account whose settings cannot be opened is `unreadable`: it counts as paused, `pause_reason` says what
    to do, and its `settings` hold nothing but a blank address.
    """

    id: str
    workspace_id: str
    provider: str
    name: str
    adapter: Adapter
    settings: AccountSettings
    sender: str  # used when a message names none
    status: str  # active, paused
    pause_reason: str
    callback_token: str
    callback_url: str  # "" when no public URL is configured
    rate_per_second: float
    rate_unit: RateUnit
    open_requests: int
    batch_limit: int
    price_per_part: Decimal | None
    currency: str
    secrets: tuple[str, ...]
    created_at: int = 0
    unreadable: bool = False
    daily_people: int | None = None  # whom it may write to first within 24 hours; None: no limit is known
    signs_in: bool = False  # whether requests carry a token that is fetched first; see delivery.tokens

    @property
    def is_active(self) -> bool:
        """Whether messages may be handed to it now."""
        return self.status == "active"

    @property
    def is_emulated(self) -> bool:
        """Whether it leads to this machine, so that no handset can be reached through it."""
        host = urlsplit(self.settings.base_url).hostname or ""
        try:
            return ip_address(host).is_loopback
        except ValueError:
            return host == "localhost" or host.endswith(".localhost")


@dataclass(frozen=True, slots=True)
class RouteEntry:
    """Which accounts carry what; blank `country` or `purpose` stands for any."""

    id: str
    channel: Channel
    country: str
    purpose: Purpose | None
    accounts: tuple[str, ...]  # ids, first choice first
    failover: bool | None  # None: by purpose


@dataclass(frozen=True, slots=True)
class _State:
    """Everything known at one moment. `memo` keeps what was derived from it and dies with it."""

    rows: ConnectionRows
    by_id: Mapping[str, AccountEntry] = field(default_factory=dict)
    by_token: Mapping[str, AccountEntry] = field(default_factory=dict)
    by_workspace: Mapping[str, Sequence[AccountEntry]] = field(default_factory=dict)
    routes: Mapping[str, Sequence[RouteEntry]] = field(default_factory=dict)
    by_key: Mapping[tuple[str, str, str, str], RouteEntry] = field(default_factory=dict)
    hourly_limits: Mapping[str, int] = field(default_factory=dict)
    copies: Mapping[str, Copies] = field(default_factory=dict)
    facts: Mapping[str, Facts] = field(default_factory=dict)
    memo: dict[Any, Any] = field(default_factory=dict)


class Directory:
    """
    Answers "which accounts are there?" without asking the database.

    Empty until the first `refresh` or `load_now`.
    """

    def __init__(self, database: Database, vault: Vault, public_url: str = "") -> None:
        """Take where rows are, what opens them, and the address providers can reach us at ("" for none)."""
        self._database = database
        self.vault = vault
        self.address_keys = AddressKeys(vault)
        self.link_tokens = LinkTokens(vault)
        self._public_url = public_url.rstrip("/")
        self._state = _State(ConnectionRows([], [], [], [], []))
        self._tickets = itertools.count(1)
        self._newest = 0
        self._lock = threading.Lock()

    @property
    def public_url(self) -> str:
        """The address under which providers can reach us, without a slash at its end; "" for none."""
        return self._public_url

    async def refresh(self, *, force: bool = False) -> bool:
        """
        Read the rows again; True when anything changed.

        Costs one read of a few hundred short rows; only accounts that changed are opened again, and only changed
        copies of templates and facts are read. `force` opens all accounts.
        """
        ticket = next(self._tickets)
        return self._take(*await self._database.read(self._read), ticket, force=force)

    def load_now(self) -> bool:
        """Like `refresh`, blocking: for threads and the command line, never on the event loop."""
        ticket = next(self._tickets)
        return self._take(*self._database.read_now(self._read), ticket, force=False)

    def account(self, account_id: str) -> AccountEntry | None:
        """Find an account of any workspace by its id: for the engine, which got the id from a row."""
        return self._state.by_id.get(account_id)

    def by_callback_token(self, token: str) -> AccountEntry | None:
        """Find the account a callback is meant for."""
        return self._state.by_token.get(token)

    def accounts(self, workspace_id: str | None = None) -> list[AccountEntry]:
        """List the accounts of one workspace, or of all, oldest first."""
        state = self._state
        return list(state.by_id.values() if workspace_id is None else state.by_workspace.get(workspace_id, ()))

    def family(self, entry: AccountEntry) -> list[AccountEntry]:
        """
        All of the workspace for whom the same is true at the provider (`Adapter.learns_with`), the account itself too.

        Always in the same order, in which their rows are held.
        """
        shared = "" if entry.unreadable else entry.adapter.learns_with(entry.settings)
        if not shared:
            return [entry]
        found = [
            one
            for one in self.accounts(entry.workspace_id)
            if one.provider == entry.provider and not one.unreadable and one.adapter.learns_with(one.settings) == shared
        ]
        return sorted(found, key=lambda one: one.id)

    def find(self, workspace_id: str, id_or_name: str) -> AccountEntry | None:
        """Find an account of this workspace by what a person calls it."""
        for entry in self._state.by_workspace.get(workspace_id, ()):
            if id_or_name in {entry.id, entry.name}:
                return entry
        return None

    def require(self, workspace_id: str, id_or_name: str) -> AccountEntry:
        """Like `find`. Raises AppError `NotFound` that lists the accounts there are."""
        entry = self.find(workspace_id, id_or_name)
        if entry is None:
            names = ", ".join(known.name for known in self.accounts(workspace_id))
            there = f"the accounts are: {names}" if names else "there are no accounts yet; add one first"
            raise NotFound("unknown_account", f"There is no account {id_or_name!r}; {there}.")
        return entry

    def routes(self, workspace_id: str) -> list[RouteEntry]:
        """List the routes of one workspace, oldest first."""
        return list(self._state.routes.get(workspace_id, ()))

    def resolve(self, workspace_id: str, channel: Channel, country: str, purpose: Purpose) -> RouteEntry | None:
        """
        Find the route for a message.

        The most specific wins: country and purpose, then country alone, then purpose alone, then any.
        """
        by_key = self._state.by_key
        for place, why in ((country, purpose.value), (country, ""), ("", purpose.value), ("", "")):
            if found := by_key.get((workspace_id, channel.value, place, why)):
                return found
        return None

    def hourly_limit(self, workspace_id: str) -> int:
        """Messages one recipient may be sent within an hour; 0 for no limit."""
        return self._state.hourly_limits.get(workspace_id, 0)

    def copies(self, account_id: str) -> Copies | None:
        """What the provider has of our templates; None where they were never listed, so that nothing is known."""
        return self._state.copies.get(account_id)

    def facts(self, workspace_id: str) -> Facts:
        """What a workspace has told about itself, for the rules of countries."""
        return self._state.facts.get(workspace_id, NO_FACTS)

    @property
    def memo(self) -> dict[Any, Any]:
        """A place for values derived from the present accounts, routes and facts; empty again after any change."""
        return self._state.memo

    def _read(self, tx: Transaction) -> tuple[ConnectionRows, Mapping[str, Copies], Mapping[str, Facts]]:
        """The rows, and the copies of templates and the facts that are not known at their revision yet."""
        rows = connection_rows(tx)
        known = self._state.copies
        fresh = {
            account_id: copies_of(revision, template_copies(tx, account_id))
            for account_id, revision in rows.catalogues
            if account_id not in known or known[account_id].revision != revision
        }
        told = self._state.facts
        news = {
            workspace_id: read_facts(tx, workspace_id, revision)
            for workspace_id, revision in rows.facts
            if workspace_id not in told or told[workspace_id].revision != revision
        }
        return rows, fresh, news

    def _take(
        self,
        rows: ConnectionRows,
        fresh: Mapping[str, Copies],
        news: Mapping[str, Facts],
        ticket: int,
        *,
        force: bool,
    ) -> bool:
        with self._lock:
            # A read that began before the newest one taken could bring back what has been changed since.
            if ticket < self._newest:
                return False
            self._newest = ticket
            before = self._state
            if rows == before.rows and not force:
                return False
            known = {} if force else {row[0]: row for row in before.rows.accounts}
            entries: list[AccountEntry] = []
            for row in rows.accounts:
                present = before.by_id.get(row[0]) if known.get(row[0]) == row else None
                opened = present or self._open(row)
                if opened is not None:
                    entries.append(opened)
            self._state = _arrange(rows, entries, {**before.copies, **fresh}, {**before.facts, **news})
            return True

    def _open(self, row: Row) -> AccountEntry | None:
        (
            account_id,
            workspace_id,
            provider,
            name,
            sealed,
            token,
            sender,
            status,
            pause_reason,
            rate,
            open_requests,
            price,
            currency,
            created_at,
        ) = row
        try:
            adapter = adapter_of(provider)
        except NotFound as error:
            _log.error("account %s (%s) is left out: %s", name, account_id, error.detail)
            return None
        entry = AccountEntry(
            id=account_id,
            workspace_id=workspace_id,
            provider=provider,
            name=name,
            adapter=adapter,
            settings=AccountSettings(base_url=""),
            sender=sender,
            status=status,
            pause_reason=pause_reason,
            callback_token=token,
            callback_url=f"{self._public_url}/callbacks/{provider}/{token}" if self._public_url else "",
            rate_per_second=float(rate) if rate is not None else adapter.spec.rate.per_second,
            rate_unit=adapter.spec.rate.unit,
            open_requests=open_requests if open_requests is not None else adapter.spec.rate.open_requests,
            batch_limit=adapter.spec.batch.limit,
            price_per_part=Decimal(price) if price is not None else None,
            currency=currency,
            secrets=(token,),
            created_at=created_at,
        )
        try:
            settings = open_settings(self.vault, account_id, bytes(sealed), adapter)
        except AppError as error:
            _log.error("account %s (%s) is paused: %s", name, account_id, error.detail)
            return replace(
                entry, status="paused", pause_reason=f"Its credentials cannot be used: {error.detail}", unreadable=True
            )
        adapter = adapter.for_account(settings)
        usual = adapter.rate(settings)
        per_second = float(rate) if rate is not None else usual.per_second
        return replace(
            entry,
            adapter=adapter,
            settings=settings,
            secrets=(*secret_values(settings), token),
            rate_per_second=per_second,
            rate_unit=usual.unit,
            open_requests=open_requests if open_requests is not None else usual.open_requests,
            batch_limit=_batch_limit(adapter.batch_limit(settings), per_second, usual.unit),
            daily_people=adapter.daily_people(settings),
            signs_in=isinstance(adapter, TokenAuth) and adapter.wants_token(_idle_call(settings)),
        )


def _batch_limit(limit: int, per_second: float, unit: RateUnit) -> int:
    """
    Keep a request below what a provider that counts messages lets through in a short while.

    A request worth a whole second finds such a provider's bucket full or is refused: a few milliseconds less on the
    way than its predecessor, and it comes too early. Smaller ones leave the bucket room for that, and win no less.
    """
    return limit if unit is RateUnit.REQUEST else max(1, min(limit, int(per_second * _BATCH_SECONDS)))


def _idle_call(settings: AccountSettings) -> Call:
    return Call(account=settings, now=datetime.now(UTC), nonce="", exchange_id="")


def _arrange(
    rows: ConnectionRows, entries: Sequence[AccountEntry], copies: Mapping[str, Copies], facts: Mapping[str, Facts]
) -> _State:
    by_workspace: dict[str, list[AccountEntry]] = {}
    for entry in entries:
        by_workspace.setdefault(entry.workspace_id, []).append(entry)
    routes: dict[str, list[RouteEntry]] = {}
    by_key: dict[tuple[str, str, str, str], RouteEntry] = {}
    for route_id, workspace_id, channel, country, purpose, accounts, failover in rows.routes:
        route = RouteEntry(
            id=route_id,
            channel=Channel(channel),
            country=country,
            purpose=Purpose(purpose) if purpose else None,
            accounts=tuple(json.loads(accounts)),
            failover=None if failover is None else bool(failover),
        )
        routes.setdefault(workspace_id, []).append(route)
        by_key[workspace_id, channel, country, purpose] = route
    return _State(
        rows=rows,
        by_id={entry.id: entry for entry in entries},
        by_token={entry.callback_token: entry for entry in entries},
        by_workspace=by_workspace,
        routes=routes,
        by_key=by_key,
        hourly_limits=dict(rows.workspaces),
        copies=copies,
        facts=facts,
    )
