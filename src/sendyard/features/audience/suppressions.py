"""
Addresses that must not be contacted, whoever sends and whatever the route: by channel and by purpose.
"""

import csv
import io
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple, TypeAlias

from sendyard.delivery.preflight import is_storable
from sendyard.delivery.queries import suppress, unsuppress
from sendyard.domain.addresses import LINE_ID, WHATSAPP_ID
from sendyard.domain.channels import Channel, Purpose
from sendyard.domain.errors import FieldError, Invalid, NotFound
from sendyard.domain.formulas import neutral
from sendyard.domain.phone import parse_phone
from sendyard.features.audience import queries
from sendyard.features.audience.address_lists import read_lines
from sendyard.storage.engine import Database
from sendyard.storage.identifiers import now_ms
from sendyard.storage.transaction import Transaction

REASONS = ("manual", "opted_out", "complaint", "invalid", "do_not_call")
LONGEST_SOURCE = 200
LONGEST_EVIDENCE = 2000
COLUMNS = ("address", "channel", "purpose", "reason", "source", "evidence", "created_at")
"""The header of the exported file, in its order."""

Documents: TypeAlias = list[dict[str, Any]]
_NAMES = ("id", "address", "channel", "purpose", "reason", "source", "evidence", "created_at", "needs_review")
_AT_ONCE = 5000


class Stop(NamedTuple):
    """One line of a list that is imported; blank channel and purpose stand for every one."""

    address: str  # as it stands in the list
    channel: str = ""
    purpose: str = ""
    reason: str = ""
    source: str = ""
    evidence: str = ""


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
        purpose: Purpose | None = None,
        reason: str = "manual",
        source: str = "",
        evidence: str = "",
        country: str = "",
    ) -> dict[str, Any]:
        """
        Forbid an address; one that is forbidden already stays as it was, with its older reason.

        Args:
            workspace_id: who must not contact it.
            to: a phone number as typed, or an id of WhatsApp or LINE.
            channel: None for every channel.
            purpose: None for every purpose.
            reason: one of `REASONS`.
            source: where that is known from, in the caller's words.
            evidence: what shows it, such as the words of the person.
            country: by which a national number is read.

        Raises:
            Invalid: the address, reason, source or evidence is not usable.
        """
        address = read_address(to, country)
        _check(reason, source, evidence)
        where, why = channel.value if channel else "", purpose.value if purpose else ""
        moment = now_ms()

        def insert(tx: Transaction) -> tuple[Any, ...]:
            suppress(tx, workspace_id, address, channel=where, purpose=why, reason=reason, source=source,
                     evidence=evidence, now=moment)  # fmt: skip
            return queries.suppression(tx, workspace_id, address, where, why)

        return _document(await self._database.write(insert))

    async def list(
        self,
        workspace_id: str,
        *,
        to: str = "",
        country: str = "",
        after: str = "",
        limit: int = 100,
        to_review: bool = False,
    ) -> Documents:
        """
        Give suppressions in the order they were made, after the id `after`; of one address when `to` is given.

        `to_review` gives only those that were read from a sentence such as "please stop texting me" and that nobody
        has looked at yet.
        """
        address = read_address(to, country) if to else ""
        rows = await self._database.read(
            lambda tx: queries.suppressions(
                tx, workspace_id, address=address, after=after, limit=limit, to_review=to_review
            )
        )
        return [_document(row) for row in rows]

    async def reviewed(self, workspace_id: str, suppression_id: str) -> None:
        """
        Note that a person found right what was read from a sentence; to overrule it, remove the suppression.

        Raises:
            NotFound: no suppression of this id waits to be looked at.
        """
        if not await self._database.write(lambda tx: queries.reviewed(tx, workspace_id, suppression_id)):
            detail = f"No suppression {suppression_id!r:.60} waits for a review; list them with to_review to see."
            raise NotFound("unknown_suppression", detail)

    async def remove(
        self,
        workspace_id: str,
        *,
        to: str,
        channel: Channel | None = None,
        purpose: Purpose | None = None,
        country: str = "",
    ) -> None:
        """
        Lift exactly one suppression: that of the channel and purpose, or the one of all.

        Raises:
            Invalid: the address is not usable.
            NotFound: there is no such suppression.
        """
        address = read_address(to, country)
        where, why = channel.value if channel else "", purpose.value if purpose else ""
        if not await self._database.write(lambda tx: unsuppress(tx, workspace_id, address, channel=where, purpose=why)):
            on = f"{where or 'all channels'}{f' for {why} messages' if why else ''}"
            raise NotFound("unknown_suppression", f"There is no suppression of this number on {on}; list them to see.")

    async def load(
        self,
        workspace_id: str,
        stops: Iterable[tuple[int, Stop]],
        *,
        country: str = "",
        reason: str = "manual",
        source: str = "",
    ) -> dict[str, Any]:
        """
        Take over a list, such as a national do-not-call file; repeating it changes nothing.

        Args:
            workspace_id: who must not contact them.
            stops: lines of the list with their rows; what one leaves open is filled by the arguments.
            country: by which national numbers are read.
            reason: for lines without one.
            source: likewise.

        Returns:
            `{rows, added, known, refused: [{row, address, code, detail}]}`; `rows` is how many lines there were, `row`
            where one stands in the file.

        Raises:
            Invalid: the list cannot be read, or reason or source is not usable.
        """
        _check(reason, source, "")
        refused: list[dict[str, Any]] = []
        waiting: list[Sequence[str]] = []
        rows = added = good = 0
        moment = now_ms()
        for row, stop in stops:
            rows += 1
            filled = stop._replace(reason=stop.reason or reason, source=stop.source or source)
            try:
                waiting.append(_row(filled, country))
            except Invalid as error:
                refused.append({"row": row, "address": stop.address[:60], "code": error.code, "detail": error.detail})
                continue
            good += 1
            if len(waiting) == _AT_ONCE:
                added += await self._add_many(workspace_id, waiting, moment)
                waiting = []
        if waiting:
            added += await self._add_many(workspace_id, waiting, moment)
        return {"rows": rows, "added": added, "known": good - added, "refused": refused}

    async def file(self, workspace_id: str) -> AsyncIterator[bytes]:
        """Give every suppression as CSV in UTF-8 with its mark, piece by piece; formulas are made harmless."""
        yield b"\xef\xbb\xbf" + _lines([COLUMNS])
        after = ""
        while found := await self.list(workspace_id, after=after, limit=_AT_ONCE):
            yield _lines([[_cell(name, one[name]) for name in COLUMNS] for one in found])
            after = found[-1]["id"]

    async def _add_many(self, workspace_id: str, rows: Sequence[Sequence[str]], now: int) -> int:
        return await self._database.write(lambda tx: queries.suppress_many(tx, workspace_id, rows, now=now))


def read_stops(text: str) -> Iterator[tuple[int, Stop]]:
    """Read a list of addresses with any of channel, purpose, reason, source and evidence, see `read_lines`."""
    return ((row, Stop(address, **given)) for row, address, given in read_lines(text, Stop._fields[1:]))


def read_address(to: str, country: str) -> str:
    """
    Bring an address into the form in which it is suppressed: E.164, or an id of WhatsApp or LINE as it is.

    Raises:
        Invalid: it is neither.
    """
    number = parse_phone(to, country or None)
    # A landline cannot be texted, but it may be forbidden all the same.
    if number.e164:
        return number.e164
    plain = to.strip()
    if WHATSAPP_ID.fullmatch(plain) or LINE_ID.fullmatch(plain):
        return plain
    raise Invalid(number.reason, number.detail, errors=[FieldError("/to", number.reason, number.detail)])


def _row(stop: Stop, country: str) -> Sequence[str]:
    address = read_address(stop.address, country)
    for name, value, known in (("channel", stop.channel, Channel), ("purpose", stop.purpose, Purpose)):
        if value and value not in {*known}:
            detail = f"Expected one of {', '.join(known)}, or nothing; found {value!r:.30}."
            raise Invalid(f"bad_{name}", detail, errors=[FieldError(f"/{name}", f"bad_{name}", detail)])
    _check(stop.reason, stop.source, stop.evidence)
    return (address, *stop[1:])


def _check(reason: str, source: str, evidence: str) -> None:
    if reason not in REASONS:
        detail = f"Expected one of {', '.join(REASONS)}, found {reason!r:.50}."
        raise Invalid("bad_reason", detail, errors=[FieldError("/reason", "bad_reason", detail)])
    for name, value, longest in (("source", source, LONGEST_SOURCE), ("evidence", evidence, LONGEST_EVIDENCE)):
        if len(value) > longest or not is_storable(value):
            detail = f"Expected at most {longest} characters and no U+0000, found {len(value)}."
            raise Invalid(f"bad_{name}", detail, errors=[FieldError(f"/{name}", f"bad_{name}", detail)])


def _document(row: tuple[Any, ...]) -> dict[str, Any]:
    document = dict(zip(_NAMES, row, strict=True))
    return document | {"needs_review": bool(document["needs_review"])}


def _cell(name: str, value: Any) -> str:
    return _moment(value) if name == "created_at" else neutral(str(value))


def _moment(milliseconds: int) -> str:
    moment = datetime.fromtimestamp(milliseconds / 1000, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _lines(rows: Iterable[Sequence[str]]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerows(rows)
    return text.getvalue().encode("utf-8")
