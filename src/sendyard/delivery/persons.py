"""
Recipients as the rules of countries see them: read for many at once, and no more than the rules at hand ask.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache

from sendyard.delivery import person_queries
from sendyard.delivery.person_queries import Word
from sendyard.domain.channels import Purpose
from sendyard.domain.countries.hours import number_zones
from sendyard.domain.countries.rules import Need
from sendyard.domain.countries.situation import Consent, ConsentKind, DoNotDisturb, Person
from sendyard.storage.transaction import Transaction

_Said = tuple[str, str, str, str, str, str, int, int | None]
"""A `Word` without its address and id: channel, purpose, kind, state, source, evidence, at, confirmed_at."""
_GRANTED, _WITHDRAWN = "granted", "withdrawn"
_KINDS = {kind.value: kind for kind in ConsentKind}
_TO_ADVERTISING = frozenset({ConsentKind.MARKETING, ConsentKind.WRITTEN, ConsentKind.NIGHT})
_WITHDRAWS_ALL = frozenset({ConsentKind.MARKETING, ConsentKind.WRITTEN})
"""Who takes back the consent to advertising does not keep that to advertising at night."""

Traits = tuple[str, tuple[str, ...], str, tuple[Consent, ...], bool]
"""Zone, zones of the number, state, consents, and whether the person stands on a register."""


@dataclass(frozen=True, slots=True)
class Persons:
    """
    What is known of some addresses.

    `hears` is False when nobody was ever heard on the channel, so that a person's silence tells nothing.
    """

    needs: frozenset[Need] = frozenset()
    zones: Mapping[str, str] = field(default_factory=dict)
    states: Mapping[str, str] = field(default_factory=dict)
    consents: Mapping[str, tuple[Consent, ...]] = field(default_factory=dict)
    inbound: Mapping[str, int] = field(default_factory=dict)
    written_to: Collection[str] = frozenset()
    listed: Collection[str] = frozenset()
    hears: bool = True

    def person(self, address: str) -> Person:
        """Give one of them; what was not read is left blank."""
        zone, zones, state, consents, listed = self.traits(address)
        last = self.inbound.get(address)
        return Person(
            zone,
            zones,
            state,
            consents,
            None if last is None else moment(last),
            Need.FIRST_CONTACT in self.needs and address not in self.written_to,
            DoNotDisturb.FULL if listed else DoNotDisturb.UNKNOWN,
        )

    def traits(self, address: str) -> Traits:
        """Give what many people have in common: all of a person but who wrote to whom before."""
        zoned = Need.ZONE in self.needs and address[:1] == "+"
        return (
            self.zones.get(address, ""),
            number_zones(address) if zoned else (),
            self.states.get(address, ""),
            self.consents.get(address, ()),
            address in self.listed,
        )


def read_persons(
    tx: Transaction, workspace_id: str, addresses: Collection[str], channel: str, needs: frozenset[Need]
) -> Persons:
    """Read what rules need of up to some thousand addresses: one query for each need, none without."""
    place = (tx, workspace_id, addresses)
    hears = Need.INBOUND not in needs or person_queries.hears(tx, workspace_id, channel)
    return Persons(
        needs=needs,
        zones=person_queries.set_zones(*place) if Need.ZONE in needs else {},
        states=person_queries.states(*place) if Need.STATE in needs else {},
        consents=in_force(person_queries.words(*place, channel)) if Need.CONSENTS in needs else {},
        inbound=person_queries.last_inbound(*place, channel) if Need.INBOUND in needs and hears else {},
        written_to=person_queries.written_to(*place) if Need.FIRST_CONTACT in needs else frozenset(),
        listed=person_queries.on_registers(*place) if Need.DO_NOT_DISTURB in needs else frozenset(),
        hears=hears,
    )


def in_force(words: Iterable[Word]) -> dict[str, tuple[Consent, ...]]:
    """
    Give the permissions that hold, by address, from words in any order; of one moment, that with the lower id is older.

    For each kind the newest word counts, one about the channel more than one about all channels. Advertising is
    permitted only by words said for the purpose promotional, and taking it back takes back all kinds of it.
    """
    by_address: dict[str, list[Word]] = {}
    for word in words:
        said = by_address.get(word.address)
        if said is None:
            by_address[word.address] = [word]
        else:
            said.append(word)
    found: dict[str, tuple[Consent, ...]] = {}
    for address, said in by_address.items():
        if len(said) > 1:
            said.sort(key=lambda word: (word.at, word.id))
        found[address] = _holding(tuple([word[1:-1] for word in said]))
    return found


def moment(milliseconds: int) -> datetime:
    """A stored time as rules take it."""
    return datetime.fromtimestamp(milliseconds / 1000, UTC)


@lru_cache(maxsize=1024)
def _holding(words: tuple[_Said, ...]) -> tuple[Consent, ...]:
    # People of one form or import said the same at the same time.
    newest: dict[ConsentKind, _Said] = {}
    for said in words:
        channel, purpose, name, state, *_ = said
        kind = _KINDS[name]
        if kind in _TO_ADVERTISING and purpose != Purpose.PROMOTIONAL:
            continue
        ends_all = state == _WITHDRAWN and kind in _WITHDRAWS_ALL
        for meant in _TO_ADVERTISING if ends_all else (kind,):
            known = newest.get(meant)
            if known is None or channel or not known[0]:
                newest[meant] = said
    return tuple(_consent(*said) for said in newest.values() if said[3] == _GRANTED)


def _consent(
    _channel: str, _purpose: str, kind: str, _state: str, source: str, evidence: str, at: int, confirmed_at: int | None
) -> Consent:
    return Consent(_KINDS[kind], moment(at), evidence or source, None if confirmed_at is None else moment(confirmed_at))
