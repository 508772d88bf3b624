"""
Addresses that must not be contacted, whoever sends and whatever the route.
"""

from typing import Any

from sendyard.delivery.preflight import is_storable
from sendyard.delivery.queries import suppress, unsuppress
from sendyard.domain.channels import Channel
from sendyard.domain.errors import FieldError, Invalid, NotFound
from sendyard.domain.phone import parse_phone
from sendyard.features.audience import queries
from sendyard.storage.engine import Database
from sendyard.storage.identifiers import now_ms
from sendyard.storage.transaction import Transaction

REASONS = ("manual", "opted_out", "complaint", "invalid")
LONGEST_SOURCE = 200


class Suppressions:
    """The suppressions of every workspace."""

    def __init__(self, database: Database) -> None:
        """Take where rows are."""
        self._database = database

    async def add(
        self,
        workspace_id: str,
        *,
        to: str,
        channel: Channel | None = None,
        reason: str = "manual",
        source: str = "",
        country: str = "",
    ) -> dict[str, Any]:
        """
        Forbid an address; one that is forbidden already stays as it was, with its older reason.

        Args:
            workspace_id: who must not contact it.
            to: a phone number as typed.
            channel: None for every channel.
            reason: one of `REASONS`.
            source: where that is known from, in the caller's words.
            country: by which a national number is read.

        Raises:
            Invalid: the number, reason or source is not usable.
        """
        address = _address(to, country)
        if reason not in REASONS:
            detail = f"Expected one of {', '.join(REASONS)}, found {reason!r:.50}."
            raise Invalid("bad_reason", detail, errors=[FieldError("/reason", "bad_reason", detail)])
        if len(source) > LONGEST_SOURCE or not is_storable(source):
            detail = f"Expected at most {LONGEST_SOURCE} characters and no U+0000, found {len(source)}."
            raise Invalid("bad_source", detail, errors=[FieldError("/source", "bad_source", detail)])
        where = channel.value if channel else ""
        moment = now_ms()

        def insert(tx: Transaction) -> tuple[Any, ...]:
            suppress(tx, workspace_id, address, channel=where, reason=reason, source=source, now=moment)
            return queries.suppression(tx, workspace_id, address, where)

        return _document(await self._database.write(insert))

    async def list(
        self, workspace_id: str, *, to: str = "", country: str = "", after: str = "", limit: int = 100
    ) -> list[dict[str, Any]]:
        """Give suppressions in the order they were made, after the id `after`; of one number when `to` is given."""
        address = _address(to, country) if to else ""
        rows = await self._database.read(
            lambda tx: queries.suppressions(tx, workspace_id, address=address, after=after, limit=limit)
        )
        return [_document(row) for row in rows]

    async def remove(self, workspace_id: str, *, to: str, channel: Channel | None = None, country: str = "") -> None:
        """
        Lift exactly one suppression: that of the channel, or the one of all channels.

        Raises:
            Invalid: the number is not usable.
            NotFound: there is no such suppression.
        """
        address = _address(to, country)
        where = channel.value if channel else ""
        if not await self._database.write(lambda tx: unsuppress(tx, workspace_id, address, channel=where)):
            on = where or "all channels"
            raise NotFound("unknown_suppression", f"There is no suppression of this number on {on}; list them to see.")


def _address(to: str, country: str) -> str:
    number = parse_phone(to, country or None)
    # A landline cannot be texted, but it may be forbidden all the same.
    if not number.e164:
        raise Invalid(number.reason, number.detail, errors=[FieldError("/to", number.reason, number.detail)])
    return number.e164


def _document(row: tuple[Any, ...]) -> dict[str, Any]:
    return dict(zip(("id", "address", "channel", "reason", "source", "created_at"), row, strict=True))
