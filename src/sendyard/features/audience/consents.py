"""
What people said about being written to: asked, granted, withdrawn; each word with its evidence, none ever changed.

The newest word holds. "Asked" is the first half of a double opt-in: it permits nothing until the person answers.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, TypeAlias

from sendyard.delivery.preflight import is_storable
from sendyard.domain.channels import Channel, Purpose
from sendyard.domain.errors import FieldError, Invalid
from sendyard.features.audience import queries
from sendyard.features.audience.queries import ConsentRow
from sendyard.features.audience.suppressions import LONGEST_EVIDENCE, LONGEST_SOURCE, read_address
from sendyard.storage.engine import Database
from sendyard.storage.identifiers import new_id, now_ms
from sendyard.storage.transaction import Transaction

STATES = ("asked", "granted", "withdrawn")
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
            state: one of `STATES`.
            source: where it was said: a form, a shop, a message.
            evidence: what shows it: the wording, an address of the network, a message's id.
            at: when it was said; now when left out.
            country: by which a national number is read.

        Raises:
            Invalid: something given is not usable.
        """
        address = read_address(to, country)
        now = now_ms()
        moment = now if at is None else int(at.timestamp() * 1000)
        if state not in STATES:
            raise _wrong("/state", "bad_state", f"Expected one of {', '.join(STATES)}, found {state!r:.30}.")
        for name, value, longest in (("source", source, LONGEST_SOURCE), ("evidence", evidence, LONGEST_EVIDENCE)):
            if len(value) > longest or not is_storable(value):
                raise _wrong(f"/{name}", f"bad_{name}", f"Expected at most {longest} characters and no U+0000.")
        if moment > now + _FUTURE_MS:
            raise _wrong("/at", "future", "Expected when it was said, found a time that is still to come.")
        where = channel.value if channel else ""
        row = ConsentRow(new_id(), address, where, purpose.value, state, source, evidence, moment, now)
        await self._database.write(lambda tx: queries.add_consents(tx, workspace_id, [row]))
        return row._asdict()

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
        """Give the newest word of one address for each channel and purpose. Raises Invalid."""
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


def consented(
    tx: Transaction, workspace_id: str, addresses: Iterable[str], *, channel: str, purpose: str
) -> dict[str, ConsentRow]:
    """
    Who of these may be written to for a purpose on a channel, with the consent that says so: for preflight.

    A word about the channel counts more than one about all channels.
    """
    found: dict[str, ConsentRow] = {}
    for row in queries.consents_in_force(tx, workspace_id, addresses):
        if row.purpose == purpose and row.channel in {"", channel} and (row.channel or row.address not in found):
            found[row.address] = row
    return {address: row for address, row in found.items() if row.state == "granted"}


def _wrong(pointer: str, code: str, detail: str) -> Invalid:
    return Invalid(code, detail, errors=[FieldError(pointer, code, detail)])
