"""
What became of a campaign's rows and messages, counted: from counts that are kept where they hold, else from the rows.

Counts are kept by blocks of rows (`ledger.kept_counts`), and so a report that comes a week later costs counting its
block and not the campaign.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from itertools import pairwise
from typing import NamedTuple, TypeAlias

import msgspec

from sendyard.features.campaigns.outcomes import queries
from sendyard.features.campaigns.outcomes.queries import Tally
from sendyard.ledger.kept_counts import BLOCK, kept
from sendyard.storage.transaction import Transaction

Rows: TypeAlias = list[tuple[str, bool, int, int]]
"""As `queries.refusals` gives them."""
Messages: TypeAlias = list[tuple[str, str, str, int, int]]
"""(status, account, kind of error or "", how many, how many of them left lately), in this order."""


class Counted(NamedTuple):
    """A campaign's recipients and messages."""

    rows: Rows
    messages: Messages


class Block(msgspec.Struct, frozen=True, array_like=True):
    """What is kept of one block."""

    rows: Rows
    messages: list[tuple[str, str, str, int]]  # status, account, kind of error, how many
    newest: int  # when the last of them left, milliseconds since 1970; 0 when none has


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Block).decode


def counted(tx: Transaction, campaign_id: str, *, since: int) -> Counted:
    """Count a campaign; of messages that left after `since` it is told how many there are."""
    blocks = _blocks(tx, campaign_id)
    # Whatever left lately stops counting as such by itself, so only what left before can be taken as it was.
    usable = {number: block for number, block in blocks.items() if block.newest <= since}
    messages = queries.tally_without_row(tx, campaign_id, since=since) if usable else []
    for first, up_to in _gaps(usable):
        messages += queries.tally(tx, campaign_id, since=since, first=first, up_to=up_to)
    return Counted(_rows(tx, campaign_id, blocks), _joined(messages, usable.values()))


def counted_rows(tx: Transaction, campaign_id: str) -> Rows:
    """Count the recipients of a campaign."""
    return _rows(tx, campaign_id, _blocks(tx, campaign_id))


def block_of(tx: Transaction, campaign_id: str, number: int) -> str:
    """Count one block from its rows and messages, as it is kept."""
    first, up_to = number * BLOCK, number * BLOCK + BLOCK - 1
    messages = queries.tally(tx, campaign_id, since=0, first=first, up_to=up_to)
    rows = queries.refusals(tx, campaign_id, first=first, up_to=up_to)
    newest = max((tally.newest for tally in messages), default=0)
    return _encode(Block(rows, [tally[:4] for tally in messages], newest)).decode()


def missing_blocks(tx: Transaction, campaign_id: str) -> list[int]:
    """The blocks of a campaign of which no count holds; one without rows has one block."""
    known = kept(tx, campaign_id)
    return [number for number in range(queries.last_row(tx, campaign_id) // BLOCK + 1) if number not in known]


def _blocks(tx: Transaction, campaign_id: str) -> dict[int, Block]:
    return {number: _decode(counts) for number, counts in kept(tx, campaign_id).items()}


def _gaps(known: Collection[int]) -> Iterator[tuple[int | None, int | None]]:
    """The rows of no known block, as (first, last); None where they have no end."""
    if not known:
        yield None, None
        return
    numbers = sorted(known)
    if numbers[0] > 0:
        yield None, numbers[0] * BLOCK - 1
    for before, after in pairwise(numbers):
        if after > before + 1:
            yield (before + 1) * BLOCK, after * BLOCK - 1
    yield (numbers[-1] + 1) * BLOCK, None


def _rows(tx: Transaction, campaign_id: str, blocks: dict[int, Block]) -> Rows:
    parts = [block.rows for block in blocks.values()]
    parts += [queries.refusals(tx, campaign_id, first=first, up_to=up_to) for first, up_to in _gaps(blocks)]
    counts: Counter[tuple[str, bool]] = Counter()
    fixed: Counter[tuple[str, bool]] = Counter()
    for part in parts:
        for code, ours, count, repaired in part:
            counts[code, ours] += count
            fixed[code, ours] += repaired
    return [(code, ours, count, fixed[code, ours]) for (code, ours), count in sorted(counts.items())]


def _joined(counted_now: Iterable[Tally], blocks: Iterable[Block]) -> Messages:
    many: dict[tuple[str, str, str], int] = {}
    lately: Counter[tuple[str, str, str]] = Counter()
    for tally in counted_now:
        alike = tally[:3]
        many[alike] = many.get(alike, 0) + tally.many
        lately[alike] += tally.lately
    # Of a million messages there are thousands of these.
    for block in blocks:
        for status, account_id, kind, count in block.messages:
            alike = status, account_id, kind
            many[alike] = many.get(alike, 0) + count
    return [(*alike, count, lately[alike]) for alike, count in sorted(many.items())]
