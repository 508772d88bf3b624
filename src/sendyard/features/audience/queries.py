"""
The SQL of custom fields, labels, suppressions and consents, besides what delivery itself adds and reads.
"""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from sendyard.delivery.queries import lift
from sendyard.storage.identifiers import new_id
from sendyard.storage.transaction import Transaction

_SUPPRESSION = "id, address, channel, purpose, reason, source, evidence, created_at, needs_review"
_FIELD = "id, code, name, type, options, currency, slot, created_at"
_LABEL = "no, id, kind, name, description, created_at"
_CONSENT = "id, address, channel, purpose, state, source, evidence, at, created_at, kind, confirmed_at"


class FieldRow(NamedTuple):
    """A custom field."""

    id: str
    code: str
    name: str
    type: str
    options: str
    currency: str
    slot: str
    created_at: int


class LabelRow(NamedTuple):
    """A tag or a list."""

    no: int
    id: str
    kind: str
    name: str
    description: str
    created_at: int


class ConsentRow(NamedTuple):
    """What somebody said once about being written to."""

    id: str
    address: str
    channel: str
    purpose: str
    state: str
    source: str
    evidence: str
    at: int
    created_at: int
    kind: str = "marketing"  # domain.countries.situation.ConsentKind
    confirmed_at: int | None = None  # when the person was last reminded of it


def fields(tx: Transaction, workspace_id: str) -> list[FieldRow]:
    """Every custom field, oldest first."""
    sql = f"SELECT {_FIELD} FROM contact_fields WHERE workspace_id = ? ORDER BY id"  # noqa: S608 - constants
    return [FieldRow(*values) for values in tx.rows(sql, (workspace_id,))]


def insert_field(tx: Transaction, workspace_id: str, row: FieldRow) -> bool:
    """Store a field; False when its code or slot is taken."""
    return bool(
        tx.run(
            f"INSERT INTO contact_fields (workspace_id, {_FIELD}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"  # noqa: S608 - constants
            " ON CONFLICT DO NOTHING",
            (workspace_id, *row),
        )
    )


def change_field(tx: Transaction, workspace_id: str, field_id: str, *, name: str, options: str) -> None:
    """Change what a field is called and what may be chosen."""
    tx.run(
        "UPDATE contact_fields SET name = ?, options = ? WHERE workspace_id = ? AND id = ?",
        (name, options, workspace_id, field_id),
    )


def delete_field(tx: Transaction, workspace_id: str, field_id: str) -> None:
    """Remove a field's definition."""
    tx.run("DELETE FROM contact_fields WHERE workspace_id = ? AND id = ?", (workspace_id, field_id))


def labels(tx: Transaction, workspace_id: str, kind: str = "") -> list[LabelRow]:
    """Tags, lists or both, oldest first."""
    only, values = (" AND kind = ?", (kind,)) if kind else ("", ())
    sql = f"SELECT {_LABEL} FROM labels WHERE workspace_id = ?{only} ORDER BY no"  # noqa: S608 - constants
    return [LabelRow(*found) for found in tx.rows(sql, (workspace_id, *values))]


def insert_label(tx: Transaction, workspace_id: str, row: LabelRow, *, key: str) -> bool:
    """Store a label; False when its name is taken."""
    return bool(
        tx.run(
            f"INSERT INTO labels (workspace_id, {_LABEL}, key) VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",  # noqa: S608 - constants
            (workspace_id, *row, key),
        )
    )


def label_exists(tx: Transaction, workspace_id: str, kind: str, key: str) -> bool:
    """Whether a name is taken."""
    return bool(
        tx.rows("SELECT 1 FROM labels WHERE workspace_id = ? AND kind = ? AND key = ?", (workspace_id, kind, key))
    )


def change_label(tx: Transaction, workspace_id: str, label_no: int, *, name: str, key: str, description: str) -> None:
    """Change what a label is called."""
    tx.run(
        "UPDATE labels SET name = ?, key = ?, description = ? WHERE workspace_id = ? AND no = ?",
        (name, key, description, workspace_id, label_no),
    )


def delete_label(tx: Transaction, workspace_id: str, label_no: int) -> None:
    """Remove a label's row; contacts are `contacts.queries.unmark_all`."""
    tx.run("DELETE FROM labels WHERE workspace_id = ? AND no = ?", (workspace_id, label_no))


def suppressions(
    tx: Transaction, workspace_id: str, *, address: str, after: str, limit: int, to_review: bool = False
) -> list[tuple[Any, ...]]:
    """
    Suppressions in the order they were made, after the id `after`; of one address unless that is "".

    `to_review` gives only those that were read from a sentence and that nobody has looked at yet.
    """
    only, values = (" AND address = ?", (address,)) if address else ("", ())
    only += " AND needs_review" if to_review else ""
    return tx.rows(
        f"SELECT {_SUPPRESSION} FROM suppressions WHERE workspace_id = ? AND id > ?{only} ORDER BY id LIMIT ?",  # noqa: S608 - constants
        (workspace_id, after, *values, limit),
    )


def suppression(tx: Transaction, workspace_id: str, address: str, channel: str, purpose: str) -> tuple[Any, ...]:
    """The one suppression of an address on a channel for a purpose, which exists."""
    return tx.rows(
        f"SELECT {_SUPPRESSION} FROM suppressions WHERE workspace_id = ? AND address = ? AND channel = ?"  # noqa: S608 - constants
        " AND purpose = ?",
        (workspace_id, address, channel, purpose),
    )[0]


def mark_for_review(tx: Transaction, workspace_id: str, addresses: Iterable[str]) -> None:
    """Let a person look at the suppressions of all that was just made for these addresses."""
    condition, parameter = tx.among(addresses)
    tx.run(
        f"UPDATE suppressions SET needs_review = TRUE WHERE workspace_id = ? AND address {condition}"  # noqa: S608 - placeholders only
        " AND channel = '' AND purpose = ''",
        (workspace_id, parameter),
    )


def reviewed(tx: Transaction, workspace_id: str, suppression_id: str) -> bool:
    """Note that a person found a suppression right; False when there is none of this id that waits for that."""
    sql = "UPDATE suppressions SET needs_review = FALSE WHERE workspace_id = ? AND id = ? AND needs_review"
    return bool(tx.run(sql, (workspace_id, suppression_id)))


def lift_own(tx: Transaction, workspace_id: str, addresses: Iterable[str]) -> list[str]:
    """Lift what these people had asked for themselves, on every channel; gives the addresses, one a suppression."""
    condition, parameter = tx.among(addresses)
    found = lift(tx, workspace_id, f"address {condition} AND reason = 'opted_out'", (parameter,))
    return [one.address for one in found]


def stopped_by_themselves(tx: Transaction, workspace_id: str, addresses: Iterable[str]) -> set[str]:
    """Which of these people have asked not to be contacted."""
    condition, parameter = tx.among(addresses)
    return {
        address
        for (address,) in tx.rows(
            f"SELECT address FROM suppressions WHERE workspace_id = ? AND address {condition}"  # noqa: S608 - placeholders only
            " AND reason = 'opted_out'",
            (workspace_id, parameter),
        )
    }


def spare(tx: Transaction, workspace_id: str, address: str, channel: str, purpose: str, message_id: str) -> None:
    """Let one message pass the suppressions of an address: the answer to what the person wrote."""
    tx.run(
        "UPDATE suppressions SET spares = ? WHERE workspace_id = ? AND address = ? AND channel IN ('', ?)"
        " AND purpose IN ('', ?)",
        (message_id, workspace_id, address, channel, purpose),
    )


def suppress_many(tx: Transaction, workspace_id: str, rows: Sequence[Sequence[Any]], *, now: int) -> int:
    """
    Forbid many addresses with one statement; returns how many were not forbidden before.

    Rows are (address, channel, purpose, reason, source, evidence).
    """
    source, parameter = tx.each(
        [[new_id(), *row] for row in rows], "TEXT", "TEXT", "TEXT", "TEXT", "TEXT", "TEXT", "TEXT"
    )
    return tx.run(
        "INSERT INTO suppressions (id, workspace_id, address, channel, purpose, reason, source, evidence, created_at)"  # noqa: S608 - placeholders only
        f" SELECT c0, ?, c1, c2, c3, c4, c5, c6, {now:d} FROM {source} WHERE TRUE"
        " ON CONFLICT (workspace_id, address, channel, purpose) DO NOTHING",
        (workspace_id, parameter),
    )


def suppressed_among(tx: Transaction, workspace_id: str, addresses: Iterable[str]) -> set[str]:
    """Which of these addresses are suppressed, on whichever channel."""
    condition, parameter = tx.among(addresses)
    return {
        address
        for (address,) in tx.rows(
            f"SELECT address FROM suppressions WHERE workspace_id = ? AND address {condition}",  # noqa: S608 - placeholders only
            (workspace_id, parameter),
        )
    }


def forget_suppressions(tx: Transaction, workspace_id: str, address: str) -> list[tuple[str, str, str]]:
    """Remove the suppressions of an address; gives the channel, purpose and reason of each."""
    return [(one.channel, one.purpose, one.reason) for one in lift(tx, workspace_id, "address = ?", (address,))]


def forget_lifted_addresses(tx: Transaction, workspace_id: str, addresses: Iterable[str]) -> None:
    """Forget which addresses suppressions were of that were removed, but for those that somebody still has."""
    condition, parameter = tx.among(addresses)
    tx.run(
        f"UPDATE lifted_suppressions SET address = '' WHERE workspace_id = ? AND address {condition}"  # noqa: S608 - placeholders only
        " AND NOT EXISTS (SELECT 1 FROM identities i WHERE i.workspace_id = lifted_suppressions.workspace_id"
        " AND i.kind IN ('phone', 'whatsapp_id', 'line_id') AND i.value = lifted_suppressions.address)",
        (workspace_id, parameter),
    )


def forget_lifted(tx: Transaction, *, before: int) -> None:
    """Forget which suppressions of every workspace were removed before a moment."""
    tx.run("DELETE FROM lifted_suppressions WHERE lifted_at < ?", (before,))


def keep_erased(
    tx: Transaction, workspace_id: str, digest: str, kept: Iterable[tuple[str, str, str]], *, now: int
) -> None:
    """Keep what somebody had forbidden under the hash of the address."""
    tx.run_many(
        "INSERT INTO erased_suppressions (workspace_id, digest, channel, purpose, reason, created_at)"
        " VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
        [(workspace_id, digest, *one, now) for one in kept],
    )


def revive_erased(tx: Transaction, workspace_id: str, digest: str) -> list[tuple[str, str, str]]:
    """Take back what was kept under a hash: its channels, purposes and reasons."""
    return [
        (channel, purpose, reason)
        for channel, purpose, reason in tx.rows(
            "DELETE FROM erased_suppressions WHERE workspace_id = ? AND digest = ? RETURNING channel, purpose, reason",
            (workspace_id, digest),
        )
    ]


def add_consents(tx: Transaction, workspace_id: str, rows: Sequence[ConsentRow]) -> None:
    """Keep what people said."""
    source, parameter = tx.each(
        rows, "TEXT", "TEXT", "TEXT", "TEXT", "TEXT", "TEXT", "TEXT", "BIGINT", "BIGINT", "TEXT", "BIGINT"
    )
    tx.run(
        f"INSERT INTO consents (workspace_id, {_CONSENT})"  # noqa: S608 - constants
        f" SELECT ?, c0, c1, c2, c3, c4, c5, c6, c7, c8, c9, c10 FROM {source}",
        (workspace_id, parameter),
    )


def consents(tx: Transaction, workspace_id: str, *, address: str, after: str, limit: int) -> list[ConsentRow]:
    """Everything people said, in the order it was recorded; of one address unless that is ""."""
    only, values = (" AND address = ?", (address,)) if address else ("", ())
    sql = f"SELECT {_CONSENT} FROM consents WHERE workspace_id = ? AND id > ?{only} ORDER BY id LIMIT ?"  # noqa: S608 - constants
    return [ConsentRow(*found) for found in tx.rows(sql, (workspace_id, after, *values, limit))]


def words_of(tx: Transaction, workspace_id: str, addresses: Iterable[str]) -> list[ConsentRow]:
    """Everything these people said, in the order it was recorded."""
    condition, parameter = tx.among(addresses)
    sql = f"SELECT {_CONSENT} FROM consents WHERE workspace_id = ? AND address {condition}"  # noqa: S608 - constants
    # Sorted here: told to, PostgreSQL may go through everybody's words in the order of the key.
    return sorted((ConsentRow(*found) for found in tx.rows(sql, (workspace_id, parameter))), key=lambda word: word.id)


def consents_in_force(tx: Transaction, workspace_id: str, addresses: Iterable[str]) -> list[ConsentRow]:
    """The newest word of these addresses for each channel, purpose and kind."""
    condition, parameter = tx.among(addresses)
    sql = (
        f"SELECT {_CONSENT} FROM consents c WHERE workspace_id = ? AND address {condition} AND NOT EXISTS"  # noqa: S608 - constants
        f" ({_LATER})"
    )
    return [ConsentRow(*found) for found in tx.rows(sql, (workspace_id, parameter))]


# The limit keeps PostgreSQL from joining before it knows whose words: it could then compare all with all.
_LATER = (
    "SELECT 1 FROM consents later WHERE later.workspace_id = c.workspace_id AND later.address = c.address"
    " AND later.channel = c.channel AND later.purpose = c.purpose AND later.kind = c.kind"
    " AND (later.at > c.at OR (later.at = c.at AND later.id > c.id)) LIMIT 1 OFFSET 0"
)


def consents_given_before(
    tx: Transaction, workspace_id: str, *, purpose: str, before: int, after: str, limit: int
) -> list[ConsentRow]:
    """Consents in force that were given, and last confirmed, before a moment: those to be renewed."""
    sql = (
        f"SELECT {_CONSENT} FROM consents c WHERE workspace_id = ? AND id > ? AND state = 'granted' AND purpose = ?"  # noqa: S608 - constants
        " AND at < ? AND at + 0 IS NOT NULL AND (confirmed_at IS NULL OR confirmed_at < ?)"
        f" AND NOT EXISTS ({_LATER}) ORDER BY id LIMIT ?"
    )
    return [ConsentRow(*found) for found in tx.rows(sql, (workspace_id, after, purpose, before, before, limit))]


def consents_by_id(tx: Transaction, workspace_id: str, ids: Iterable[str]) -> list[ConsentRow]:
    """These words, in the order they were recorded; unknown ids are left out."""
    condition, parameter = tx.among(ids)
    sql = f"SELECT {_CONSENT} FROM consents WHERE workspace_id = ? AND id {condition} ORDER BY id"  # noqa: S608 - constants
    return [ConsentRow(*found) for found in tx.rows(sql, (workspace_id, parameter))]


def confirm_consents(tx: Transaction, workspace_id: str, ids: Iterable[str], *, at: int) -> int:
    """Note that people were reminded of these consents; never earlier than they were before."""
    condition, parameter = tx.among(ids)
    return tx.run(
        f"UPDATE consents SET confirmed_at = ? WHERE workspace_id = ? AND id {condition}"  # noqa: S608 - placeholders only
        " AND COALESCE(confirmed_at, 0) < ?",
        (at, workspace_id, parameter, at),
    )


def rename_consents(tx: Transaction, workspace_id: str, address: str, pseudonym: str) -> int:
    """Put a pseudonym in place of an address, and forget where consents are from."""
    return tx.run(
        "UPDATE consents SET address = ?, source = '', evidence = '' WHERE workspace_id = ? AND address = ?",
        (pseudonym, workspace_id, address),
    )


def cursor(tx: Transaction, workspace_id: str, name: str) -> str:
    """How far a reader of the ledger came; "" at the beginning."""
    found = tx.rows("SELECT position FROM audience_cursors WHERE workspace_id = ? AND name = ?", (workspace_id, name))
    return found[0][0] if found else ""


def move_cursor(tx: Transaction, workspace_id: str, name: str, position: str) -> None:
    """Note how far a reader came."""
    tx.run(
        "INSERT INTO audience_cursors (workspace_id, name, position) VALUES (?, ?, ?)"
        " ON CONFLICT (workspace_id, name) DO UPDATE SET position = excluded.position",
        (workspace_id, name, position),
    )


def forget_consents(tx: Transaction, workspace_id: str, source: str) -> int:
    """Remove consents of one source; returns how many."""
    return tx.run("DELETE FROM consents WHERE workspace_id = ? AND source = ?", (workspace_id, source))
