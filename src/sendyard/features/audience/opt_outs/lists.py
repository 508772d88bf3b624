"""
Reading the lists that providers keep of who refused, and telling them what people refuse here.

Reading only ever adds suppressions: that a list names somebody as agreed, or no longer names them, lifts nothing.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, TypeAlias

from sendyard.delivery.directory import AccountEntry, Directory
from sendyard.delivery.queries import erased_stops, has_erased
from sendyard.delivery.redaction import redact
from sendyard.delivery.tokens import Tokens
from sendyard.delivery.transport import Lost, NotSent, Transport
from sendyard.domain.addresses import Address, AddressKind
from sendyard.domain.channels import Channel, Purpose
from sendyard.domain.errors import AppError, Conflict, ErrorKind, FieldError, Invalid, ProviderError
from sendyard.features.audience import queries as audience_queries
from sendyard.features.audience.consents import withdraw
from sendyard.features.audience.errands.asking import OPT_OUT, REFUSED, ask_opt_out
from sendyard.features.audience.opt_outs import queries
from sendyard.features.audience.opt_outs.queries import ListRow
from sendyard.providers.abilities import OptOutList, OptOutPage, OptOutTelling
from sendyard.providers.contract import ProtocolError
from sendyard.storage.address_keys import AddressKeys
from sendyard.storage.engine import Database
from sendyard.storage.identifiers import now_ms
from sendyard.storage.transaction import Transaction

MOST_HOURS = 720
_LEASE_MS = 300_000
_AT_A_STRETCH = 20.0  # seconds of reading; a longer list is read on by the timer
_AGAIN_MS = 120_000  # after a failure that passes
_DAY_MS = 86_400_000
_SETTLED_MS = 120_000  # a suppression of before then is committed, or never will be
_TOLD_AT_ONCE = 200
_PASSING = frozenset({ErrorKind.THROTTLED, ErrorKind.UNAVAILABLE})

Documents: TypeAlias = list[dict[str, Any]]
_log = logging.getLogger(__name__)


class ProviderLists:
    """The lists of every workspace's providers."""

    def __init__(
        self,
        database: Database,
        directory: Directory,
        transport: Transport,
        tokens: Tokens,
        *,
        clock: Callable[[], int] = now_ms,
    ) -> None:
        """Take where rows are, the accounts, the way to providers with its tokens, and a clock in milliseconds."""
        self._database = database
        self._directory = directory
        self._transport = transport
        self._tokens = tokens
        self._clock = clock

    async def sync(self, workspace_id: str, account: str) -> dict[str, Any]:
        """
        Read an account's list now: to its end, or for a while, and then a running server reads on.

        Raises:
            NotFound: there is no such account.
            Conflict: its provider documents no list, its credentials cannot be opened, or it is being read.
        """
        entry = self._able(workspace_id, account, OptOutList, "documents no list of who refused that could be read.")
        await self._database.write(lambda tx: queries.know(tx, workspace_id, entry.id))
        if not await self._read(entry):
            raise Conflict("busy", "This list is being read at this moment; look again in a minute.")
        return _document(entry, await self._database.read(lambda tx: queries.one(tx, entry.id)))

    async def list(self, workspace_id: str) -> Documents:
        """Give every account: whether its provider keeps a list and takes word, how it is read, and how that went."""
        known = await self._database.read(lambda tx: queries.lists(tx, workspace_id))
        return [
            _document(entry, known.get(entry.id) or ListRow(entry.id, workspace_id))
            for entry in self._directory.accounts(workspace_id)
        ]

    async def change(
        self, workspace_id: str, account: str, *, every_hours: int | None = None, tell: bool | None = None, by: str
    ) -> dict[str, Any]:
        """
        Say how an account's list is kept in step; what is None stays.

        Args:
            workspace_id: whose account it is.
            account: by id or name.
            every_hours: how often it is read by itself; 0 for never.
            tell: whether the provider is told what people refuse here, old refusals too.
            by: who decides that.

        Raises:
            NotFound: there is no such account.
            Conflict: its provider cannot do it.
            Invalid: the hours are not 0 to 720, or nothing was given.
        """
        if every_hours is None and tell is None:
            raise Invalid("nothing_to_change", "Expected every_hours or tell, found neither.")
        if not 0 <= (every_hours or 0) <= MOST_HOURS:
            detail = f"Expected 0 (never by itself) to {MOST_HOURS} hours, found {every_hours}."
            raise Invalid("bad_hours", detail, errors=[FieldError("/every_hours", "bad_hours", detail)])
        entry = self._directory.require(workspace_id, account)
        if every_hours:
            self._able(workspace_id, account, OptOutList, "documents no list of who refused that could be read.")
        if tell:
            self._able(workspace_id, account, OptOutTelling, "documents no call by which it is told of a refusal.")
        now = self._clock()

        def work(tx: Transaction) -> ListRow:
            queries.know(tx, workspace_id, entry.id)
            row = queries.one(tx, entry.id)
            hours = row.every_hours if every_hours is None else every_hours
            next_at = row.next_at if every_hours is None else (now if hours else None)
            tells = row.tells if tell is None else tell
            queries.set_manner(tx, entry.id, every_hours=hours, tells=tells, next_at=next_at, by=by)
            return queries.one(tx, entry.id)

        return _document(entry, await self._database.write(work))

    async def round(self) -> int:
        """Read the lists that are due and ask for errands that tell; gives how many lists were read."""
        now = self._clock()
        read = 0
        for account_id in await self._database.read(lambda tx: queries.due(tx, now=now)):
            entry = self._directory.account(account_id)
            if entry and entry.is_active and not entry.unreadable:
                read += await self._read(entry)
        for row in await self._database.read(queries.telling):
            entry = self._directory.account(row.account_id)
            if entry and isinstance(entry.adapter, OptOutTelling):
                await self._tell(entry, row, entry.adapter.told_channel, now)
        return read

    async def _read(self, entry: AccountEntry) -> bool:
        """Read a list until its end, a failure, or the stretch is over; False when somebody else does."""
        now = self._clock()
        row = await self._database.write(lambda tx: queries.take(tx, entry.id, now=now, until=now + _LEASE_MS))
        if row is None:
            return False
        error, wait_ms, done_at = "", 0, None
        try:
            if await self._pages(entry, row):
                done_at = self._clock()
        except (NotSent, Lost, ProtocolError, AppError) as failure:
            error, wait_ms = redact(str(failure), entry.secrets), _AGAIN_MS
        except _Refused as refused:
            error, wait_ms = redact(str(refused), entry.secrets), refused.wait_ms
        if error:
            _log.warning("could not read who refused at %s: %s", entry.name, error)
        pause = 3_600_000 * row.every_hours if done_at else wait_ms
        # What was refused for good waits for somebody to look, unless it is to be read by itself.
        by_itself = bool(row.every_hours) or (done_at is None and wait_ms < _DAY_MS)
        next_at = self._clock() + pause if by_itself else None
        await self._database.write(
            lambda tx: queries.leave(tx, entry.id, error=error, next_at=next_at, done_at=done_at)
        )
        return True

    async def _pages(self, entry: AccountEntry, row: ListRow) -> bool:
        """Read page after page; False when the stretch was over before the list was."""
        adapter = entry.adapter
        if not isinstance(adapter, OptOutList):
            raise Conflict("not_supported", f"{adapter.spec.name} keeps no list of who refused any more.")
        until, cursor = time.monotonic() + _AT_A_STRETCH, row.cursor
        while True:
            call = await self._tokens.call(entry)
            answer = await self._transport.exchange(adapter.build_listed(call, cursor), adapter.spec.timeout)
            page = adapter.parse_listed(call, cursor, answer)
            if isinstance(page, ProviderError):
                raise _Refused(page)
            if page.cursor and page.cursor == cursor:
                raise ProtocolError(f"its list does not end: {cursor!r:.40} leads to itself")
            kept = page
            await self._database.write(lambda tx: self._keep(tx, entry, row, adapter, kept))  # noqa: B023 - awaited here
            cursor = page.cursor
            if not cursor:
                return True
            if time.monotonic() >= until:
                return False
            await asyncio.sleep(0)

    def _keep(self, tx: Transaction, entry: AccountEntry, row: ListRow, adapter: OptOutList, page: OptOutPage) -> None:
        """Suppress who refuses and did not before, and note how far the list was read."""
        now = self._clock()
        refusing = {one.person.value: one for one in page.people if one.refuses}
        told = [(address, one.word, _milliseconds(one.since)) for address, one in refusing.items()]
        erased = _erased(tx, self._directory.address_keys, row.workspace_id, refusing)
        # An erased person's address stays away: what they had forbidden is known by its hash.
        fresh = queries.note_people(tx, row, [one for one in told if one[0] not in erased], now=now)
        purpose = Purpose.PROMOTIONAL.value if adapter.lists_advertising else ""
        channel, source = adapter.listed_channel.value, _source(entry)
        stops = [
            (address, channel, purpose, "opted_out", source, _evidence(refusing[address].word, refusing[address].since))
            for address in fresh
        ]
        added = audience_queries.suppress_many(tx, row.workspace_id, stops, now=now)
        withdraw(tx, row.workspace_id, fresh, channel=channel, source=source, evidence="", now=now)
        agreed = len(page.people) - len(refusing)
        queries.turn_page(tx, row, page.cursor, refusing=len(refusing), agreed=agreed, added=added)
        if not page.cursor:
            queries.forget_gone(tx, row)

    async def _tell(self, entry: AccountEntry, row: ListRow, channel: Channel, now: int) -> None:
        """Ask for errands about refusals that are new here, and about people who came back."""

        def work(tx: Transaction) -> None:
            found = queries.untold(
                tx,
                row,
                channel=channel.value,
                source=_source(entry),
                before=now - _SETTLED_MS,
                limit=_TOLD_AT_ONCE,
            )
            for _, address, is_told in found:
                if is_told and _may_know(channel, address):
                    ask_opt_out(tx, row.workspace_id, entry.id, Address.known(address), refuses=True, now=now)
            if found:
                queries.told(tx, entry.id, found[-1][0])
            back = queries.came_back(tx, row, kind=OPT_OUT, refused=REFUSED, channel=channel.value, limit=_TOLD_AT_ONCE)
            for address in back:
                ask_opt_out(tx, row.workspace_id, entry.id, Address.known(address), refuses=False, now=now)

        await self._database.write(work)

    def _able(self, workspace_id: str, account: str, ability: type, lacks: str) -> AccountEntry:
        entry = self._directory.require(workspace_id, account)
        if entry.unreadable:
            raise Conflict("unreadable_credentials", entry.pause_reason)
        if not isinstance(entry.adapter, ability):
            raise Conflict("not_supported", f"{entry.adapter.spec.name} {lacks}")
        return entry


class _Refused(Exception):
    """The provider gave no page."""

    def __init__(self, error: ProviderError) -> None:
        super().__init__(f"It refused: {error.detail or error.kind.value} (code {error.code}).")
        wait = _AGAIN_MS if error.retry_after is None else int(error.retry_after * 1000)
        self.wait_ms = min(wait, _DAY_MS - 1) if error.kind in _PASSING else _DAY_MS


def _source(entry: AccountEntry) -> str:
    return f"list of {entry.name}"


def _evidence(word: str, since: datetime | None) -> str:
    return word if since is None else f"{word} since {since:%Y-%m-%d %H:%M} UTC"


def _milliseconds(moment: datetime | None) -> int | None:
    return None if moment is None else int(moment.astimezone(UTC).timestamp() * 1000)


def _erased(tx: Transaction, keys: AddressKeys, workspace_id: str, addresses: Any) -> set[str]:
    if not has_erased(tx, workspace_id):
        return set()
    digests = {address: keys.known_digest(tx, workspace_id, address) for address in addresses}
    stopped = {digest for digest, _, _ in erased_stops(tx, workspace_id, filter(None, digests.values()))}
    return {address for address, digest in digests.items() if digest in stopped}


def _may_know(channel: Channel, address: str) -> bool:
    """Whether somebody can be reached by this address on the channel at all."""
    return (Address.known(address).kind is AddressKind.LINE_ID) == (channel is Channel.LINE)


def _document(entry: AccountEntry, row: ListRow) -> dict[str, Any]:
    name = entry.adapter.spec.name
    reads, takes = isinstance(entry.adapter, OptOutList), isinstance(entry.adapter, OptOutTelling)
    if row.error:
        state = "failed"
    elif row.done_at is not None:
        state = "done"
    else:
        state = "reading" if row.began_at is not None else "never"
    return {
        "account": entry.name,
        "provider": entry.provider,
        "reads": reads,
        "takes": takes,
        "detail": _told(name, reads=reads, takes=takes),
        "every_hours": row.every_hours,
        "tells": bool(row.tells),
        "state": state if reads else "none",
        **{key: getattr(row, key) for key in ("refusing", "agreed", "added")},
        "error": row.error,
        **{key: getattr(row, key) for key in ("began_at", "done_at", "next_at")},
    }


def _told(name: str, *, reads: bool, takes: bool) -> str:
    if not reads and not takes:
        return (
            f"{name} documents no list of who refused. What people refuse there comes in by itself, as far as it is"
            " told with callbacks and failures; what they refuse here is asked at every hand-over."
        )
    reading = "can be read" if reads else "cannot be read"
    telling = "can be told what people refuse here" if takes else "documents no call by which it is told a refusal"
    return f"The list of {name} {reading}; it {telling}."
