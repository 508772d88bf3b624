"""
Who is suppressed, as sets of bits: everybody is read once, and from then on only what was added or removed.

Suppressions are of addresses and not of contacts, so no stamp of a contact tells of them. What differs after any change
is how many there are and when they were made. Whoever removes one leaves a note for a while; when what was known, less
what the notes tell of, and more what was made since, comes to what there is, nothing else happened.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from sendyard.features.audience.segments import queries
from sendyard.features.audience.segments.queries import BLOCK, Stamp
from sendyard.storage.transaction import Transaction

Place = tuple[str, int]
"""A channel, "" for all, and the number of a block."""


@dataclass(frozen=True, slots=True)
class Stops:
    """Who is suppressed, and what there was of suppressions when that was read."""

    stamp: Stamp
    sets: dict[Place, int]

    def of(self, channel: str, block: int) -> int:
        """Who of a block is suppressed on a channel; "" asks for those suppressed on all."""
        return self.sets.get((channel, block), 0) | self.sets.get(("", block), 0)

    def replaced(self, changed: dict[int, int], found: Iterable[tuple[int, str]]) -> "Stops":
        """Put what was found of some contacts, given by block, in place of what was known of them."""
        fresh = _sets(found)
        kept = {place: bits & ~changed.get(place[1], 0) for place, bits in self.sets.items()}
        return Stops(self.stamp, kept | {place: kept.get(place, 0) | bits for place, bits in fresh.items()})


def read_stops(tx: Transaction, workspace_id: str, known: Stops | None) -> Stops:
    """Give who is suppressed at this moment, from what was known before where that is enough."""
    stamp = queries.suppression_stamp(tx, workspace_id)
    if known is None:
        return Stops(stamp, _sets(queries.stopped_contacts(tx, workspace_id)))
    before = known.stamp
    if stamp == before:
        return known
    added = queries.suppressions_added(tx, workspace_id, before, stamp)
    lifted = queries.suppressions_lifted(tx, workspace_id, before, stamp)
    expected = (before.size + added.size - lifted.size, before.times + added.times - lifted.times)
    if expected != (stamp.size, stamp.times):
        # Some came to light behind ones that were made later, or were removed so long ago that no note is left.
        return Stops(stamp, _sets(queries.stopped_contacts(tx, workspace_id)))
    if stamp.lifted != before.lifted:
        changed = _by_block(queries.lifted_contacts(tx, workspace_id, before, stamp))
        known = known.replaced(changed, queries.lifted_stopped(tx, workspace_id, before, stamp))
    fresh = _sets(queries.stopped_contacts(tx, workspace_id, (before, stamp)))
    return Stops(stamp, known.sets | {place: known.sets.get(place, 0) | bits for place, bits in fresh.items()})


def bits_of(places: Iterable[int]) -> int:
    """The set of some places of a block."""
    held = bytearray(BLOCK // 8)
    for place in places:
        held[place >> 3] |= 1 << (place & 7)
    return int.from_bytes(held, "little")


def _by_block(numbers: Iterable[int]) -> dict[int, int]:
    places: dict[int, list[int]] = {}
    for number in numbers:
        places.setdefault(number // BLOCK, []).append(number % BLOCK)
    return {block: bits_of(found) for block, found in places.items()}


def _sets(found: Iterable[tuple[int, str]]) -> dict[Place, int]:
    places: dict[Place, list[int]] = {}
    for number, channel in found:
        places.setdefault((channel, number // BLOCK), []).append(number % BLOCK)
    return {place: bits_of(numbers) for place, numbers in places.items()}
