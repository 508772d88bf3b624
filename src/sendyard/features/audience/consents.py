"""
What people said about being written to: asked, granted, withdrawn; each word with its evidence, none ever changed.

The newest word of a kind holds. "Asked" is the first half of a double opt-in: it permits nothing until the person
answers. Whoever takes advertising back takes back everything that rested on it, so that each kind can be read by
itself.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, TypeAlias

from sendyard.delivery.preflight import is_storable
from sendyard.domain.channels import Channel, Purpose
from sendyard.domain.countries.situation import ConsentKind
from sendyard.domain.errors import FieldError, Invalid, NotFound
from sendyard.features.audience import queries
from sendyard.features.audience.queries import ConsentRow
from sendyard.features.audience.suppressions import LONGEST_EVIDENCE, LONGEST_SOURCE, read_address
from sendyard.storage.engine import Database
from sendyard.storage.identifiers import new_id, now_ms
from sendyard.storage.transaction import Transaction

STATES = ("asked", "granted", "withdrawn")
PERMITTING = frozenset({ConsentKind.MARKETING, ConsentKind.WRITTEN})
"""Kinds that say yes to being written to; the others add to them or stand in under a rule of a country."""
_FUTURE_MS = 60_000  # how far another clock may be ahead

Documents: TypeAlias = list[dict[str, Any]]


class Consents:
    """The consents of every workspace."""

    def __init__(self, database: Database) -> None:
        """Take where rows are."""
        self._database = database

    async def add(
        self,
        workspace_id: str,
        *,
        to: str,
        purpose: Purpose = Purpose.PROMOTIONAL,
        channel: Channel | None = None,
        kind: ConsentKind = ConsentKind.MARKETING,
        state: str = "granted",
        source: str = "",
        evidence: str = "",
        at: datetime | None = None,
        country: str = "",
    ) -> dict[str, Any]:
        """
        Keep what a person said.

        Args:
            workspace_id: to whom.
            to: a phone number as typed, or an id of WhatsApp or LINE.
            purpose: what they are written to for.
            channel: None for every channel.
            kind: what was agreed to; marketing or written that is withdrawn takes every other kind with it.
            state: one of `STATES`.
            source: where it was said: a form, a shop, a message.
            evidence: what shows it: the wording, an address of the network, a message's id.
            at: when it was said; now when left out.
            country: by which a national number is read.

        Raises:
            Invalid: something given is not usable.
        """
        now = now_ms()
        row = ConsentRow(
            new_id(),
            read_address(to, country),
            channel.value if channel else "",
            purpose.value,
            state,
            source,
            evidence,
            now if at is None else int(at.timestamp() * 1000),
            now,
            kind.value,
        )
        check_word(row)
        await self._database.write(lambda tx: keep_word(tx, workspace_id, row))
        return row._asdict()

    async def confirm(self, workspace_id: str, consent_id: str, *, at: datetime | None = None) -> dict[str, Any]:
        """
        Note that the person was reminded of a consent, by a message or otherwise; the time never moves back.

        Raises:
            NotFound: there is no such consent.
            Invalid: the time is still to come.
        """
        now = now_ms()
        moment = now if at is None else int(at.timestamp() * 1000)
        if moment > now + _FUTURE_MS:
            raise _wrong("/at", "future", "Expected when the person was reminded, found a time that is still to come.")

        def work(tx: Transaction) -> list[ConsentRow]:
            queries.confirm_consents(tx, workspace_id, [consent_id], at=moment)
            return queries.consents_by_id(tx, workspace_id, [consent_id])

        found = await self._database.write(work)
        if not found:
            raise NotFound("unknown_consent", f"There is no consent {consent_id!r:.60}; list them to see.")
        return found[0]._asdict()

    async def list(
        self, workspace_id: str, *, to: str = "", country: str = "", after: str = "", limit: int = 100
    ) -> Documents:
        """Give everything that was said, in the order it was recorded; of one address when `to` is given."""
        address = read_address(to, country) if to else ""
        rows = await self._database.read(
            lambda tx: queries.consents(tx, workspace_id, address=address, after=after, limit=limit)
        )
        return [row._asdict() for row in rows]

    async def in_force(self, workspace_id: str, *, to: str, country: str = "") -> Documents:
        """Give the newest word of one address for each channel, purpose and kind. Raises Invalid."""
        address = read_address(to, country)
        rows = await self._database.read(lambda tx: queries.consents_in_force(tx, workspace_id, [address]))
        return [row._asdict() for row in rows]

    async def to_renew(
        self, workspace_id: str, *, before: datetime, purpose: Purpose = Purpose.PROMOTIONAL, after: str = "",
        limit: int = 100,
    ) -> Documents:  # fmt: skip
        """Give consents in force that were given before a moment: in Korea those of two years ago."""
        moment = int(before.timestamp() * 1000)
        rows = await self._database.read(
            lambda tx: queries.consents_given_before(
                tx, workspace_id, purpose=purpose.value, before=moment, after=after, limit=limit
            )
        )
        return [row._asdict() for row in rows]


def keep_word(tx: Transaction, workspace_id: str, row: ConsentRow) -> list[ConsentRow]:
    """
    Keep one word; gives it and what else follows from it.

    Advertising that is withdrawn withdraws every kind that was granted for the purpose, on that channel or, when it
    names none, on all of them.
    """
    rows = [row]
    if row.state == "withdrawn" and row.kind in PERMITTING:
        rows += [
            row._replace(id=new_id(), channel=one.channel, kind=one.kind)
            for one in queries.consents_in_force(tx, workspace_id, [row.address])
            if one.state == "granted"
            and one.purpose == row.purpose
            and one.at <= row.at
            and row.channel in {"", one.channel}
            and (one.channel, one.kind) != (row.channel, row.kind)
        ]
    queries.add_consents(tx, workspace_id, rows)
    return rows


def withdraw(
    tx: Transaction, workspace_id: str, addresses: Iterable[str], *, channel: str, source: str, evidence: str, now: int
) -> int:
    """
    Take back every promotional consent of these people, on one channel or ("") all; gives how many it were.

    For refusals that a person sent: what they had not granted needs no word.
    """
    rows = [
        one._replace(id=new_id(), state="withdrawn", source=source, evidence=evidence, at=now, created_at=now,
                     confirmed_at=None)
        for one in queries.consents_in_force(tx, workspace_id, addresses)
        if one.state == "granted" and one.purpose == Purpose.PROMOTIONAL and channel in {"", one.channel}
    ]  # fmt: skip
    queries.add_consents(tx, workspace_id, rows)
    return len(rows)


def restore(
    tx: Transaction, workspace_id: str, addresses: Iterable[str], *, withdrawn_by: str, source: str, evidence: str,
    now: int,
) -> int:  # fmt: skip
    """Grant again what these people took back by a word whose source begins with `withdrawn_by`; gives how many."""
    rows = [
        one._replace(id=new_id(), state="granted", source=source, evidence=evidence, at=now, created_at=now)
        for one in queries.consents_in_force(tx, workspace_id, addresses)
        if one.state == "withdrawn" and one.source.startswith(withdrawn_by)
    ]
    queries.add_consents(tx, workspace_id, rows)
    return len(rows)


def consented(
    tx: Transaction, workspace_id: str, addresses: Iterable[str], *, channel: str, purpose: str
) -> dict[str, ConsentRow]:
    """
    Who of these may be written to for a purpose on a channel, with the consent that says so.

    A word about the channel counts more than one about all channels.
    """
    found: dict[str, ConsentRow] = {}
    for row in queries.consents_in_force(tx, workspace_id, addresses):
        if row.purpose != purpose or row.channel not in {"", channel} or row.kind not in PERMITTING:
            continue
        known = found.get(row.address)
        if known is None or (bool(row.channel), row.state == "granted") > (
            bool(known.channel), known.state == "granted",
        ):  # fmt: skip
            found[row.address] = row
    return {address: row for address, row in found.items() if row.state == "granted"}


def check_word(row: ConsentRow) -> None:
    """
    Check what a caller says of a consent.

    Raises:
        Invalid: something of it is not usable.
    """
    if row.state not in STATES:
        raise _wrong("/state", "bad_state", f"Expected one of {', '.join(STATES)}, found {row.state!r:.30}.")
    for name, value, longest in (
        ("source", row.source, LONGEST_SOURCE),
        ("evidence", row.evidence, LONGEST_EVIDENCE),
    ):
        if len(value) > longest or not is_storable(value):
            raise _wrong(f"/{name}", f"bad_{name}", f"Expected at most {longest} characters and no U+0000.")
    if row.at > row.created_at + _FUTURE_MS:
        raise _wrong("/at", "future", "Expected when it was said, found a time that is still to come.")


def _wrong(pointer: str, code: str, detail: str) -> Invalid:
    return Invalid(code, detail, errors=[FieldError(pointer, code, detail)])
