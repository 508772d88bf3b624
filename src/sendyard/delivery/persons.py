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

_GRANTED, _WITHDRAWN = "granted", "withdrawn"
_KINDS = {kind.value: kind for kind in ConsentKind}
_TO_ADVERTISING = frozenset({ConsentKind.MARKETING, ConsentKind.WRITTEN, ConsentKind.NIGHT})
_WITHDRAWS_ALL = frozenset({ConsentKind.MARKETING, ConsentKind.WRITTEN})
"""Who takes back the consent to advertising does not keep that to advertising at night."""


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
        last = self.inbound.get(address)
        zoned = Need.ZONE in self.needs
        return Person(
            self.zones.get(address, ""),
            number_zones(address) if zoned and address[:1] == "+" else (),
            self.states.get(address, ""),
            self.consents.get(address, ()),
            None if last is None else moment(last),
            Need.FIRST_CONTACT in self.needs and address not in self.written_to,
            DoNotDisturb.FULL if address in self.listed else DoNotDisturb.UNKNOWN,
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
    Give the permissions that hold, by address, from words in the order they were said.

    For each kind the newest word counts, one about the channel more than one about all channels. Advertising is
    permitted only by words said for the purpose promotional, and taking it back takes back all kinds of it.
    """
    newest: dict[tuple[str, ConsentKind], Word] = {}
    for word in words:
        kind = _KINDS[word.kind]
        if kind in _TO_ADVERTISING and word.purpose != Purpose.PROMOTIONAL:
            continue
        ends_all = word.state == _WITHDRAWN and kind in _WITHDRAWS_ALL
        for meant in _TO_ADVERTISING if ends_all else (kind,):
            known = newest.get((word.address, meant))
            if known is None or word.channel or not known.channel:
                newest[word.address, meant] = word
    found: dict[str, tuple[Consent, ...]] = {}
    for (address, _), word in newest.items():
        if word.state == _GRANTED:
            consent = _consent(word.kind, word.at, word.evidence or word.source, word.confirmed_at)
            found[address] = (*found.get(address, ()), consent)
    return found


def moment(milliseconds: int) -> datetime:
    """A stored time as rules take it."""
    return datetime.fromtimestamp(milliseconds / 1000, UTC)


@lru_cache(maxsize=1024)
def _consent(kind: str, at: int, evidence: str, confirmed_at: int | None) -> Consent:
    # People of one form or import said the same at the same time.
    return Consent(_KINDS[kind], moment(at), evidence, None if confirmed_at is None else moment(confirmed_at))
