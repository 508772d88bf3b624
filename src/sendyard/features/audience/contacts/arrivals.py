"""
What the ledger tells of people: who wrote to us for the first time, and when each was last reached.

Reads what was stored and keeps a cursor, in one transaction with what follows from it; reading something twice changes
nothing. `note_inbound` is for whoever stores an inbound message and wants the contact in the same transaction.
"""

import asyncio
import logging
from collections.abc import Sequence
from typing import NoReturn

import msgspec

from sendyard.delivery.preflight import is_storable
from sendyard.features.audience import queries as audience_queries
from sendyard.features.audience.contacts import queries
from sendyard.features.audience.contacts.details import LONGEST_NAME, guessed_columns
from sendyard.features.audience.contacts.queries import begin_change
from sendyard.features.audience.contacts.rows import KINDS, PHONE, Identity
from sendyard.features.audience.erased import revive
from sendyard.ledger.tallies import newest_event
from sendyard.storage.address_keys import AddressKeys
from sendyard.storage.engine import Database
from sendyard.storage.identifiers import new_id, now_ms
from sendyard.storage.transaction import Transaction

_AT_ONCE = 2000
_ROUND = 1.0
_BREATH = 0.2  # seconds between chunks while there is much to read
_LAG_MS = 5000
"""Where several write at once, a row may become visible behind a later one: that long the cursor waits for it."""

_MEANS = {
    "sent": ("sent",),
    "delivered": ("sent", "delivered"),
    "read": ("sent", "delivered", "read"),
    "failed": ("failed",),
}
"""What a message's state tells of its recipient."""
_decode = msgspec.json.Decoder(list[tuple[str, str]]).decode
_log = logging.getLogger(__name__)


class Arrivals:
    """Follows the ledger for every workspace."""

    def __init__(self, database: Database, keys: AddressKeys) -> None:
        """Take where rows are, and what recognises addresses of people who were erased."""
        self._database = database
        self._keys = keys

    async def run(self) -> NoReturn:
        """Follow the ledger until cancelled."""
        while True:
            try:
                found = await self.round()
            except Exception:  # noqa: BLE001 - nothing is lost: the cursor did not move
                _log.exception("following the ledger for contacts failed and is tried again")
                found = 0
            # What people did may be known a little later; messages and reports come first.
            await asyncio.sleep(_ROUND if found < _AT_ONCE else _BREATH)

    async def round(self) -> int:
        """Read what is new, at most some thousand rows of each workspace; gives the most that one of them had."""
        most = 0
        for workspace_id in await self._database.read(queries.all_workspaces):
            for follow in (self._follow_inbound, self._follow_events):
                # A look on a reading connection first: nearly always there is nothing.
                if await self._database.read(lambda tx, follow=follow, of=workspace_id: follow(tx, of, write=False)):  # type: ignore[misc]
                    most = max(most, await self._database.write(
                        lambda tx, follow=follow, of=workspace_id: follow(tx, of, write=True)  # type: ignore[misc]
                    ))  # fmt: skip
        return most

    def _follow_inbound(self, tx: Transaction, workspace_id: str, *, write: bool) -> int:
        after = audience_queries.cursor(tx, workspace_id, "inbound")
        found = queries.inbound_after(tx, workspace_id, after, _AT_ONCE)
        if not write or not found:
            return len(found)
        for _, kind, value, others, name, channel, at in found:
            identities = [Identity(kind, value), *(Identity(*one) for one in _decode(others))]
            note_inbound(tx, self._keys, workspace_id, identities, name=name, channel=channel, at=at)
        settled = [row[0] for row in found if _is_settled(tx, row[-1])]
        if settled:
            audience_queries.move_cursor(tx, workspace_id, "inbound", settled[-1])
        return len(settled)

    def _follow_events(self, tx: Transaction, workspace_id: str, *, write: bool) -> int:
        after = int(audience_queries.cursor(tx, workspace_id, "events") or 0)
        if not queries.has_contacts(tx, workspace_id):
            # Nobody to note anything of: a campaign of a million must not be read for that.
            newest_of_all = newest_event(tx)
            if write and newest_of_all > after:
                audience_queries.move_cursor(tx, workspace_id, "events", str(newest_of_all))
            return int(newest_of_all > after)
        found = queries.events_after(tx, workspace_id, after, _AT_ONCE)
        if not write or not found:
            return len(found)
        newest: dict[str, dict[Identity, int]] = {}
        for _, _, status, _, kind, address, at in found:
            for activity in _MEANS.get(status, ()):
                times = newest.setdefault(activity, {})
                identity = Identity(kind, address)
                times[identity] = max(at, times.get(identity, 0))
        if newest:
            change = begin_change(tx, workspace_id)
            for activity, times in newest.items():
                queries.note_times(tx, workspace_id, change, f"{activity}_at", times)
        settled = [row[0] for row in found if _is_settled(tx, row[-1])]
        if settled:
            audience_queries.move_cursor(tx, workspace_id, "events", str(settled[-1]))
        return len(settled)


def note_inbound(
    tx: Transaction,
    keys: AddressKeys,
    workspace_id: str,
    identities: Sequence[Identity],
    *,
    name: str,
    channel: str,
    at: int,
) -> str:
    """
    Note that somebody wrote, within a transaction of the caller; an unknown sender becomes a lead.

    Other addresses of a known person that the provider told are added, unless they are somebody else's. Gives the
    contact's id, or "" where the sender is nobody who could be one (a short code, a person who was erased).
    """
    usable = [identity for identity in dict.fromkeys(identities) if _is_person(identity)]
    if not usable or usable[0] != identities[0]:
        return ""
    change = begin_change(tx, workspace_id, contacts=1)
    held = queries.holders(tx, workspace_id, usable)
    free = [identity for identity in usable if identity not in held]
    number = held.get(usable[0]) or (set(held.values()).pop() if len(set(held.values())) == 1 else None)
    plain = " ".join(name.split())[:LONGEST_NAME]
    if not is_storable(plain):
        plain = ""
    if number is None:
        number, contact_id = change.contact, new_id()
        known = {"name": plain, "source": f"inbound:{channel}", "lead": "new"}
        known |= guessed_columns({}, free)
        row = {"no": number, "id": contact_id, "created_at": at, "updated_at": at, "replied_at": at}
        queries.insert_contact(tx, workspace_id, change, row | known)
    else:
        contact_id = queries.ids_of(tx, workspace_id, [number])[number]
        queries.note_times(tx, workspace_id, change, "replied_at", {next(iter(held)): at})
        if plain:
            # What they call themselves; never in place of what we call them.
            queries.fill_blank(tx, workspace_id, change, number, "name", plain, now=at)
    if free:
        queries.add_identities(tx, workspace_id, number, free, now=at)
        queries.touch(tx, workspace_id, change, number)
        revive(tx, keys, workspace_id, [identity.value for identity in free], now=at)
    return contact_id


def note_activity(tx: Transaction, workspace_id: str, activity: str, times: dict[Identity, int]) -> int:
    """Note when people did something that no event of the ledger tells, such as a click; gives how many are known."""
    return queries.note_times(tx, workspace_id, begin_change(tx, workspace_id), f"{activity}_at", times)


def _is_person(identity: Identity) -> bool:
    if identity.kind not in KINDS or not identity.value or not is_storable(identity.value):
        return False
    return identity.kind != PHONE or identity.value.startswith("+")


def _is_settled(tx: Transaction, at: int) -> bool:
    return tx.dialect == "sqlite" or at <= now_ms() - _LAG_MS
