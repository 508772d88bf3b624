"""
What a file says of consent becomes words that are kept; an import never takes a no back.
"""

from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from sendyard.domain.channels import Purpose
from sendyard.domain.countries.situation import ConsentKind
from sendyard.features.audience import queries as audience_queries
from sendyard.features.audience.consents import PERMITTING
from sendyard.features.audience.queries import ConsentRow
from sendyard.features.audience.reading.agreements import ANSWERED, YES
from sendyard.features.audience.reading.headers import Field
from sendyard.features.audience.reading.verdicts import RowVerdict
from sendyard.storage.identifiers import new_id
from sendyard.storage.transaction import Transaction

SAYING = frozenset({Field.RELATIONSHIP_AT.value, *(one.answer.value for one in ANSWERED)})
"""Fields by which a row says something of a kind of its own, besides `RowVerdict.consent`."""


class Said(NamedTuple):
    """One word of a row: the kind, whether it is a yes, the day in ISO 8601 or "", and where it was said."""

    kind: ConsentKind
    yes: bool
    day: str
    source: str


class Told(NamedTuple):
    """How words of a file are marked: their source, by which undoing finds them, the file, and the import's time."""

    source: str
    file: str
    now: int


def words_of(verdict: RowVerdict) -> tuple[Said, ...]:
    """Give what a row says; the plain consent first, because a no to it outweighs the rest."""
    fields = verdict.fields
    source = fields.get(Field.CONSENT_SOURCE, "")
    words: list[Said] = []
    if verdict.consent is not None:
        words.append(Said(ConsentKind.MARKETING, verdict.consent, fields.get(Field.CONSENT_AT, ""), source))
    words += [
        Said(one.kind, answer == YES, fields.get(one.at, ""), fields.get(one.source, source))
        for one in ANSWERED
        if (answer := fields.get(one.answer))
    ]
    if day := fields.get(Field.RELATIONSHIP_AT):
        words.append(
            Said(ConsentKind.RELATIONSHIP, yes=True, day=day, source=fields.get(Field.RELATIONSHIP_SOURCE, source))
        )
    return tuple(words)


def keep_words(
    tx: Transaction,
    workspace_id: str,
    said: Sequence[tuple[str, int, tuple[Said, ...]]],
    stopped: Collection[str],
    told: Told,
) -> None:
    """
    Keep what is new of what the rows of a chunk say about advertising on every channel.

    A yes is left out for somebody who is suppressed, who took that kind back, or whose newest word on advertising was a
    no. A yes that is known is kept again only with a later day. A no to advertising takes every kind back.

    Args:
        tx: the transaction of the chunk.
        workspace_id: to whom it was said.
        said: address, row and words, in the order of the file.
        stopped: addresses that are suppressed.
        told: how the words are marked.
    """
    if not said:
        return
    known: dict[str, dict[tuple[str, str], ConsentRow]] = {}
    for row in audience_queries.consents_in_force(tx, workspace_id, {address for address, _, _ in said}):
        if row.purpose == Purpose.PROMOTIONAL:
            known.setdefault(row.address, {})[row.channel, row.kind] = row
    fresh: list[ConsentRow] = []
    for address, number, words in said:
        mine = known.setdefault(address, {})
        for word in words:
            evidence = f"{told.file}, row {number}{': ' if word.source else ''}{word.source}"
            if word.yes:
                added = [] if address in stopped else _granted(mine, address, word, evidence, told)
            else:
                added = _withdrawn(mine, address, word, evidence, told)
            fresh += added
            mine.update({(one.channel, one.kind): one for one in added})
    if fresh:
        audience_queries.add_consents(tx, workspace_id, fresh)


def _granted(
    mine: dict[tuple[str, str], ConsentRow], address: str, word: Said, evidence: str, told: Told
) -> list[ConsentRow]:
    before = mine.get(("", word.kind))
    asked = [one for (channel, kind), one in mine.items() if not channel and kind in PERMITTING]
    newest = max(asked, key=lambda one: (one.at, one.id), default=None)
    if any(one is not None and one.state == "withdrawn" for one in (before, newest)):
        return []
    day = _moment(word.day, told.now)
    if before is not None and day <= before.at:
        return []
    # A day that is still to come here has come further east: it is kept as now, and not again by the next import.
    if before is not None and before.state == "granted" and (not word.day or day > told.now):
        return []
    return [_row(address, word.kind, "granted", evidence, min(day, told.now), told)]


def _withdrawn(
    mine: dict[tuple[str, str], ConsentRow], address: str, word: Said, evidence: str, told: Told
) -> list[ConsentRow]:
    before = mine.get(("", word.kind))
    if before is not None and before.state == "withdrawn":
        return []
    day = min(_moment(word.day, told.now), told.now)
    # A day before a later yes is that of another answer; the no is what the file says now.
    at = day if before is None or day > before.at else told.now
    rows = [_row(address, word.kind, "withdrawn", evidence, at, told)]
    if word.kind in PERMITTING:
        rows += [
            _row(address, one.kind, "withdrawn", evidence, at, told)._replace(channel=one.channel)
            for one in mine.values()
            if one.state == "granted" and one.at <= at and (one.channel, one.kind) != ("", word.kind)
        ]
    return rows


def _row(address: str, kind: str, state: str, evidence: str, at: int, told: Told) -> ConsentRow:
    return ConsentRow(
        id=new_id(),
        address=address,
        channel="",
        purpose=Purpose.PROMOTIONAL.value,
        state=state,
        source=told.source,
        evidence=evidence,
        at=at,
        created_at=told.now,
        kind=str(kind),
    )


def _moment(day: str, now: int) -> int:
    return int(datetime.fromisoformat(day).replace(tzinfo=UTC).timestamp() * 1000) if day else now
