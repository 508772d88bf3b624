"""
Who followed a link: written down after the answer, judged a moment later.

A machine that opens many people's addresses shows only by the neighbours of a visit, so visits wait for about a second.
What waits when a process is killed is lost; when it stops, everything is written first.
"""

import asyncio
import logging
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from hashlib import blake2s
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import NamedTuple, NoReturn

from sendyard.domain.links.visits import AT_ONCE, TOO_SOON_MS, Visit, family, filtered
from sendyard.features.links import queries
from sendyard.features.links.following import Destination
from sendyard.features.links.queries import Addressee
from sendyard.storage.engine import Database
from sendyard.storage.identifiers import now_ms
from sendyard.storage.transaction import Transaction
from sendyard.storage.vault import Vault

NoteClicks = Callable[[Transaction, str, Mapping[tuple[str, str], int]], object]
"""Notes in a transaction when people of a workspace clicked: milliseconds by (kind, address)."""

MOST_WAITING = 20_000
"""Visits kept in memory; while that many wait, further ones are answered and not counted."""

_ROUND = 1.0
_SECOND = 1000
_BATCH = 500
_NOT_HANDED_OVER = frozenset({"queued", "scheduled", "cancelled", "suppressed", "expired"})
_JUDGED_BY = ("user-agent", "purpose", "sec-purpose", "x-purpose", "x-moz")
_log = logging.getLogger(__name__)


class _Seen(NamedTuple):
    to: Destination
    method: str
    headers: Mapping[str, str]
    source: str  # the network address, in memory only
    at: int

    @property
    def asker(self) -> tuple[str, str]:
        # Behind one address of a mobile operator are thousands of people, but they have different handsets.
        return self.source, self.headers.get("user-agent", "")


class Clicks:
    """Collects visits of one process."""

    def __init__(
        self, database: Database, vault: Vault, note: NoteClicks, *, clock: Callable[[], int] = now_ms
    ) -> None:
        """Take where rows are, what hides network addresses, and who is told that people clicked."""
        self._database = database
        # A new ring only makes the places of later visits differ from those of earlier ones.
        self._key = vault.derived("places of visits")[0]
        self._note = note
        self._clock = clock
        self._waiting: deque[_Seen] = deque()
        self._recent: deque[_Seen] = deque()
        self._dropped = 0

    def saw(self, to: Destination, method: str, headers: Mapping[str, str], source: str) -> None:
        """Note a visit; `headers` have names in lower case, `source` is the visitor's network address or ""."""
        if len(self._waiting) >= MOST_WAITING:
            self._dropped += 1
            return
        kept = {name: headers[name] for name in _JUDGED_BY if name in headers}
        self._waiting.append(_Seen(to, method, kept, source, self._clock()))

    async def run(self) -> NoReturn:
        """Write visits down until cancelled, and then what still waits."""
        try:
            while True:
                await asyncio.sleep(_ROUND)
                await self._round(up_to=self._clock() - _SECOND)
        finally:
            await self.flush()

    async def flush(self) -> None:
        """Write down everything that waits."""
        await self._round(up_to=self._clock())

    async def _round(self, *, up_to: int) -> None:
        if self._dropped:
            _log.warning("%d visits of short links came faster than they could be counted", self._dropped)
            self._dropped = 0
        while self._waiting and self._waiting[0].at <= up_to:
            batch: list[_Seen] = []
            while self._waiting and len(batch) < _BATCH and self._waiting[0].at <= up_to:
                batch.append(self._waiting.popleft())
            try:
                await self._write(batch)
            except Exception:  # noqa: BLE001 - a database that is away must not end the loop
                _log.exception("visits of short links could not be stored and are tried again")
                self._waiting.extendleft(reversed(batch))
                return

    async def _write(self, batch: Sequence[_Seen]) -> None:
        machines = self._machines(batch)
        asked = sorted({(one.to.use_no, one.to.row, one.to.use.campaign_id) for one in batch if _is_of_somebody(one)})

        def store(tx: Transaction) -> None:
            known = queries.addressees(tx, asked) if asked else {}
            clicks: list[Sequence[object]] = []
            people: dict[str, dict[tuple[str, str], int]] = {}
            for one in batch:
                whose = known.get((one.to.use_no, one.to.row))
                reason = _reason(one, whose, AT_ONCE if id(one) in machines else 1)
                use = one.to.use
                clicks.append(
                    (use.workspace_id, use.link_id, one.to.use_no, one.to.row, use.campaign_id,
                     whose.message_id if whose else None, reason, family(one.headers.get("user-agent", "")),
                     self._place(one.source), one.at)
                )  # fmt: skip
                if not reason and whose and whose.address_kind and whose.address:
                    times = people.setdefault(use.workspace_id, {})
                    person = whose.address_kind, whose.address
                    times[person] = max(one.at, times.get(person, 0))
            queries.insert_clicks(tx, clicks)
            for workspace_id, times in people.items():
                self._note(tx, workspace_id, times)

        await self._database.write(store)

    def _machines(self, batch: Sequence[_Seen]) -> set[int]:
        """Give the ids of visits by whoever asked for too many people's addresses within one second."""
        oldest = batch[0].at - _SECOND
        while self._recent and self._recent[0].at < oldest:
            self._recent.popleft()
        by_asker: dict[tuple[str, str], list[_Seen]] = {}
        ahead = [one for one in self._waiting if one.at <= batch[-1].at + _SECOND]
        for one in (*self._recent, *batch, *ahead):
            if one.source:
                by_asker.setdefault(one.asker, []).append(one)
        self._recent.extend(batch)
        return {id(one) for visits in by_asker.values() if len(visits) >= AT_ONCE for one in _crowds(visits)}

    def _place(self, source: str) -> str:
        shortened = shorten(source)
        return blake2s(shortened.encode(), key=self._key, digest_size=8).hexdigest() if shortened else ""


def _crowds(visits: Sequence[_Seen]) -> Iterator[_Seen]:
    """Give the visits of one asker, in the order of time, that lie in a second with too many different addresses."""
    within: Counter[tuple[int, int]] = Counter()
    end = told = 0
    for first, visit in enumerate(visits):
        while end < len(visits) and visits[end].at <= visit.at + _SECOND:
            within[visits[end].to.use_no, visits[end].to.row] += 1
            end += 1
        if len(within) >= AT_ONCE:
            yield from visits[max(first, told) : end]
            told = end
        place = visit.to.use_no, visit.to.row
        within[place] -= 1
        if not within[place]:
            del within[place]


def shorten(source: str) -> str:
    """Give the network of an address: 24 bits of IPv4, 48 of IPv6; "" for what is no address."""
    found = _address(source)
    if found is None:
        return ""
    return str(ip_network((found, 24 if found.version == 4 else 48), strict=False))


@lru_cache(maxsize=4096)
def visitor(peer: str, forwarded: str) -> str:
    """
    Give the network address of whoever asks, "" when it is not known.

    A peer on this machine or in a private network is a proxy of ours: then the last public address of its
    `X-Forwarded-For` counts. What a stranger writes into that header counts for nothing.
    """
    found = _address(peer)
    if found is None:
        return ""
    if found.is_global:
        return str(found)
    for part in reversed(forwarded.split(",")):
        told = _address(part.strip())
        if told is not None and told.is_global:
            return str(told)
    return ""


def _address(text: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(text)
    except ValueError:
        return None


def _is_of_somebody(one: _Seen) -> bool:
    return one.to.row > 0 and one.to.use.kind != "test"


def _reason(one: _Seen, whose: Addressee | None, neighbours: int) -> str:
    if one.to.use.kind == "test":
        return "test"
    after = None if whose is None or whose.sent_at is None else one.at - whose.sent_at
    if after is not None and -TOO_SOON_MS < after < 0:
        after = 0  # a scanner between us and the provider's answer
    reason = filtered(Visit(one.method, one.headers, after, neighbours))
    if reason:
        return reason
    if not one.to.url:
        return "ended"
    if one.to.row and (whose is None or whose.status in _NOT_HANDED_OVER):
        return "not_sent"
    return ""
