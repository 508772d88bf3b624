"""
From a token to where it leads: one indexed read, and what all recipients of a campaign share is remembered.
"""

import asyncio
from collections.abc import Sequence
from time import monotonic
from typing import NamedTuple

import msgspec

from sendyard.domain.template import MissingVariable
from sendyard.features.links import queries
from sendyard.features.links.queries import UseRow
from sendyard.features.links.targets import target_of
from sendyard.storage.engine import Database
from sendyard.storage.identifiers import now_ms
from sendyard.storage.link_tokens import LinkTokens
from sendyard.storage.transaction import Transaction

_FRESH = 5.0  # seconds after which another end or preview page is noticed
_MOST_REMEMBERED = 4096
_AT_ONCE = 100  # visits answered by one look
Pairs = list[tuple[int, int]]
"""What a token may mean: numbers and rows."""
_decode = msgspec.json.Decoder(dict[str, str]).decode


class _Record(msgspec.Struct):
    values: dict[str, str] = {}


class _Plan(msgspec.Struct):
    """What matters here of a campaign's plan: values that are alike for everybody."""

    record: _Record | None = None


class Destination(NamedTuple):
    """Where an address leads, and whose it is; `url` is "" once the link has ended."""

    url: str
    has_preview: bool
    use_no: int
    row: int
    use: UseRow


Asked = tuple[Pairs, "asyncio.Future[Destination | None]"]
"""A question that waits for its answer."""


class Follower:
    """Finds destinations, for every workspace."""

    def __init__(self, database: Database, tokens: LinkTokens) -> None:
        """Take where rows are, and what reads tokens."""
        self._database = database
        self._tokens = tokens
        self._known: dict[int, tuple[float, UseRow | None]] = {}
        self._asked: list[Asked] = []
        self._looking: asyncio.Task[None] | None = None

    async def find(self, token: str) -> Destination | None:
        """Give where a token leads; None for one that nobody was given."""
        pairs = self._tokens.read(token)
        # Nearly every guess ends here, without a question to the database.
        if not pairs:
            return None
        known = [self._remembered(use_no) for use_no, _ in pairs]
        if all(found is not None and found[1] is None for found in known):
            return None
        answer: asyncio.Future[Destination | None] = asyncio.get_running_loop().create_future()
        self._asked.append((pairs, answer))
        if self._looking is None:
            self._looking = asyncio.create_task(self._look_all())
        return await answer

    async def _look_all(self) -> None:
        """Answer what is asked, together with what was asked meanwhile: a look of its own costs each visit more."""
        try:
            while self._asked:
                batch, self._asked = self._asked[:_AT_ONCE], self._asked[_AT_ONCE:]
                await self._answer(batch)
        finally:
            self._looking = None

    async def _answer(self, batch: Sequence[Asked]) -> None:
        waiting = [(pairs, answer) for pairs, answer in batch if not answer.done()]  # whoever asked may have gone
        try:
            found = await self._database.read(lambda tx: [self._look(tx, pairs) for pairs, _ in waiting])
        except Exception as error:  # noqa: BLE001 - whoever asked says what went wrong
            for _, answer in waiting:
                if not answer.done():
                    answer.set_exception(error)
            return
        for (_, answer), destination in zip(waiting, found, strict=True):
            if not answer.done():
                answer.set_result(destination)

    def _look(self, tx: Transaction, pairs: Pairs) -> Destination | None:
        for use_no, row in pairs:
            use = self._use(tx, use_no)
            values = queries.values_of_row(tx, use_no, row, use) if use else None
            if use is None or values is None:
                continue
            if use.expires_at is not None and use.expires_at <= now_ms():
                return Destination("", bool(use.preview_page), use_no, row, use)
            target = target_of(use.url)
            try:
                url = target.fill(_values(*values) if target.variables else {})
            except MissingVariable:
                continue  # of a person who was erased, or a row that was never sent
            return Destination(url, bool(use.preview_page), use_no, row, use)
        return None

    def _use(self, tx: Transaction, use_no: int) -> UseRow | None:
        known = self._remembered(use_no)
        if known:
            return known[1]
        found = queries.use(tx, use_no)
        if len(self._known) >= _MOST_REMEMBERED:
            self._known.clear()
        self._known[use_no] = monotonic() + _FRESH, found
        return found

    def _remembered(self, use_no: int) -> tuple[float, UseRow | None] | None:
        known = self._known.get(use_no)
        return known if known and monotonic() < known[0] else None


_decode_plan = msgspec.json.Decoder(_Plan).decode


def _values(own: str, plan: str) -> dict[str, str]:
    record = _decode_plan(plan).record
    return {**(record.values if record else {}), **_decode(own)}
