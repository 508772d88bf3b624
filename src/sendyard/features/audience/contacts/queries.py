"""
The SQL of contacts and their identities.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sendyard.features.audience.contacts.rows import (
    ACTIVITY_COLUMNS,
    BLANK,
    COLUMNS,
    EDITABLE,
    SQL_COLUMNS,
    Change,
    ContactRow,
    HistoryRow,
    Identity,
    row_of,
)
from sendyard.ledger.kept_counts import outdate_rows
from sendyard.storage.identifiers import new_id
from sendyard.storage.transaction import Transaction

_KEPT = ("id", "created_at", "updated_at", "import_no", "changed")
_NEW_COLUMNS = ("no", *_KEPT, *EDITABLE, *ACTIVITY_COLUMNS)
_NUMBERED = "c.workspace_id = ? AND c.no = given.c0"
_IDENTIFIED = "i.workspace_id = ? AND i.kind = given.c0 AND i.value = given.c1"


def begin_change(tx: Transaction, workspace_id: str, *, contacts: int = 0, labels: int = 0, imports: int = 0) -> Change:
    """
    Begin to change contacts: gives the stamp for `changed`, and as many new numbers as asked for.

    Changes of one workspace follow one another: the row is held until the commit, so that stamps become visible in
    their order and two who add the same person meet here.
    """
    ((stamp, contact, label, import_),) = tx.rows(
        "INSERT INTO audience_clocks (workspace_id, changed, contacts, labels, imports) VALUES (?, 1, ?, ?, ?)"
        " ON CONFLICT (workspace_id) DO UPDATE SET changed = audience_clocks.changed + 1,"
        " contacts = audience_clocks.contacts + excluded.contacts, labels = audience_clocks.labels + excluded.labels,"
        " imports = audience_clocks.imports + excluded.imports RETURNING changed, contacts, labels, imports",
        (workspace_id, contacts, labels, imports),
    )
    return Change(stamp, contact - contacts + 1, label - labels + 1, import_ - imports + 1)


def insert_contact(tx: Transaction, workspace_id: str, change: Change, row: Mapping[str, Any]) -> None:
    """Store one contact; columns that are left out are blank."""
    values = {**BLANK, "import_no": 0, **row, "changed": change.stamp}
    tx.run(
        f"INSERT INTO contacts (workspace_id, {', '.join(_NEW_COLUMNS)})"  # noqa: S608 - constants
        f" VALUES (?{', ?' * len(_NEW_COLUMNS)})",
        (workspace_id, *(values[column] for column in _NEW_COLUMNS)),
    )


def update_contact(
    tx: Transaction, workspace_id: str, change: Change, contact_no: int, values: Mapping[str, Any], *, now: int
) -> None:
    """Change columns of one contact."""
    settings = ", ".join(f"{column} = ?" for column in values)
    tx.run(
        f"UPDATE contacts SET {settings}, updated_at = ?, changed = ? WHERE workspace_id = ? AND no = ?",  # noqa: S608 - column names are ours
        (*values.values(), now, change.stamp, workspace_id, contact_no),
    )


def fill_blank(
    tx: Transaction, workspace_id: str, change: Change, contact_no: int, column: str, value: str, *, now: int
) -> bool:
    """Give a column of a contact a value if it is blank; False when it was not."""
    return bool(
        tx.run(
            f"UPDATE contacts SET {column} = ?, updated_at = ?, changed = ?"  # noqa: S608 - one of our columns
            f" WHERE workspace_id = ? AND no = ? AND NOT gone AND {column} = ''",
            (value, now, change.stamp, workspace_id, contact_no),
        )
    )


def blank_contacts(tx: Transaction, workspace_id: str, change: Change, numbers: Iterable[int], *, now: int) -> None:
    """Delete contacts: what is left is a row without anything, until all who count have noticed."""
    blank = ", ".join(f"{column} = {_literal(value)}" for column, value in BLANK.items())
    tx.run_many(
        f"UPDATE contacts SET {blank}, gone = TRUE, updated_at = ?, changed = ?"  # noqa: S608 - constants
        " WHERE workspace_id = ? AND no = ?",
        [(now, change.stamp, workspace_id, no) for no in numbers],
    )


def _literal(value: str | None) -> str:
    return "NULL" if value is None else f"'{value}'"


def purge(tx: Transaction, *, before: int) -> int:
    """Remove what is left of contacts deleted before; returns how many."""
    return tx.run("DELETE FROM contacts WHERE gone AND updated_at < ?", (before,))


def contact(tx: Transaction, workspace_id: str, contact_id: str) -> ContactRow | None:
    """One contact by its id."""
    found = tx.rows(
        f"SELECT {SQL_COLUMNS} FROM contacts WHERE id = ? AND workspace_id = ? AND NOT gone",  # noqa: S608 - constants
        (contact_id, workspace_id),
    )
    return row_of(found[0]) if found else None


def contacts_by_number(tx: Transaction, workspace_id: str, numbers: Sequence[int]) -> list[ContactRow]:
    """Contacts by their numbers, in the order of those; deleted ones are left out."""
    source, parameter = tx.each([[no] for no in numbers], "BIGINT")
    columns = ", ".join(f"c.{column}" for column in COLUMNS)
    found = tx.rows(
        f"SELECT {columns} FROM {source} {tx.in_turn('contacts', 'c', _NUMBERED)} WHERE NOT c.gone ORDER BY c.no",  # noqa: S608 - constants
        (parameter, workspace_id),
    )
    return [row_of(values) for values in found]


def page(tx: Transaction, workspace_id: str, *, after: int, limit: int) -> list[ContactRow]:
    """Contacts in the order they were made, after the number `after`."""
    found = tx.rows(
        f"SELECT {SQL_COLUMNS} FROM contacts WHERE workspace_id = ? AND no > ? AND NOT gone ORDER BY no LIMIT ?",  # noqa: S608 - constants
        (workspace_id, after, limit),
    )
    return [row_of(values) for values in found]


def number_of(tx: Transaction, workspace_id: str, contact_id: str) -> int | None:
    """The number of a contact, deleted ones included."""
    found = tx.rows("SELECT no FROM contacts WHERE id = ? AND workspace_id = ?", (contact_id, workspace_id))
    return found[0][0] if found else None


def ids_of(tx: Transaction, workspace_id: str, numbers: Iterable[int]) -> dict[int, str]:
    """The ids of contacts, by number."""
    source, parameter = tx.each([[no] for no in numbers], "BIGINT")
    return dict(
        tx.rows(
            f"SELECT c.no, c.id FROM {source} {tx.in_turn('contacts', 'c', _NUMBERED)}",  # noqa: S608 - constants
            (parameter, workspace_id),
        )
    )


def holders(tx: Transaction, workspace_id: str, identities: Sequence[Identity]) -> dict[Identity, int]:
    """Whose identities these are, by number; those of nobody are left out."""
    source, parameter = tx.each(identities, "TEXT", "TEXT")
    found = tx.rows(
        f"SELECT i.kind, i.value, i.contact_no FROM {source} {tx.in_turn('identities', 'i', _IDENTIFIED)}",  # noqa: S608 - constants
        (parameter, workspace_id),
    )
    return {Identity(kind, value): no for kind, value, no in found}


def identities_of(tx: Transaction, workspace_id: str, numbers: Iterable[int]) -> dict[int, list[Identity]]:
    """The identities of contacts, oldest first."""
    source, parameter = tx.each([[no] for no in numbers], "BIGINT")
    found = tx.rows(
        f"SELECT i.contact_no, i.kind, i.value FROM {source}"  # noqa: S608 - constants
        f" {tx.in_turn('identities', 'i', 'i.workspace_id = ? AND i.contact_no = given.c0 AND i.contact_no + 0 > 0')}"
        " ORDER BY i.created_at, i.kind, i.value",
        (parameter, workspace_id),
    )
    by_contact: dict[int, list[Identity]] = {}
    for no, kind, value in found:
        by_contact.setdefault(no, []).append(Identity(kind, value))
    return by_contact


def add_identities(
    tx: Transaction, workspace_id: str, contact_no: int, identities: Iterable[Identity], *, now: int
) -> None:
    """Give a contact identities that nobody has."""
    tx.run_many(
        "INSERT INTO identities (workspace_id, kind, value, contact_no, created_at) VALUES (?, ?, ?, ?, ?)",
        [(workspace_id, kind, value, contact_no, now) for kind, value in identities],
    )


def move_identities(tx: Transaction, workspace_id: str, identities: Iterable[Identity], contact_no: int) -> int:
    """Give identities of one contact to another."""
    return tx.run_many(
        "UPDATE identities SET contact_no = ? WHERE workspace_id = ? AND kind = ? AND value = ?",
        [(contact_no, workspace_id, kind, value) for kind, value in identities],
    )


def remove_identities(tx: Transaction, workspace_id: str, identities: Iterable[Identity]) -> int:
    """Take identities away from whoever has them."""
    return tx.run_many(
        "DELETE FROM identities WHERE workspace_id = ? AND kind = ? AND value = ?",
        [(workspace_id, kind, value) for kind, value in identities],
    )


def add_history(tx: Transaction, workspace_id: str, contact_id: str, kind: str, document: str, *, now: int) -> str:
    """Note what happened to a contact as a whole; gives the id of the note."""
    history_id = new_id()
    tx.run(
        "INSERT INTO contact_history (id, workspace_id, contact_id, kind, document, at) VALUES (?, ?, ?, ?, ?, ?)",
        (history_id, workspace_id, contact_id, kind, document, now),
    )
    return history_id


def history(tx: Transaction, workspace_id: str, contact_id: str) -> list[HistoryRow]:
    """What happened to a contact as a whole, oldest first."""
    found = tx.rows(
        "SELECT id, contact_id, kind, document, at FROM contact_history WHERE workspace_id = ? AND contact_id = ?"
        " ORDER BY id",
        (workspace_id, contact_id),
    )
    return [HistoryRow(*values) for values in found]


def forget_merges(tx: Transaction, workspace_id: str, contact_id: str) -> None:
    """Forget a contact's history, and that others were merged into it."""
    tx.run("DELETE FROM contact_history WHERE workspace_id = ? AND (contact_id = ? OR document = ?)",
           (workspace_id, contact_id, contact_id))  # fmt: skip


def note_times(tx: Transaction, workspace_id: str, change: Change, column: str, times: Mapping[Identity, int]) -> int:
    """Move the newest time of an activity forward for whoever has these identities; returns how many moved."""
    source, parameter = tx.each([[*identity, at] for identity, at in times.items()], "TEXT", "TEXT", "BIGINT")
    newest = (
        f"SELECT i.contact_no AS no, MAX(given.c2) AS at FROM {source} {tx.in_turn('identities', 'i', _IDENTIFIED)}"  # noqa: S608 - constants
        " GROUP BY i.contact_no"
    )
    return tx.run(
        f"UPDATE contacts SET {column} = newest.at, changed = ? FROM ({newest}) AS newest"  # noqa: S608 - constants
        f" WHERE contacts.workspace_id = ? AND contacts.no = newest.no AND COALESCE(contacts.{column}, 0) < newest.at",
        (change.stamp, parameter, workspace_id, workspace_id),
    )


def touch(tx: Transaction, workspace_id: str, change: Change, contact_no: int) -> None:
    """Let whoever counts look at a contact again whose identities changed, but none of its columns."""
    tx.run(
        "UPDATE contacts SET changed = ? WHERE workspace_id = ? AND no = ?", (change.stamp, workspace_id, contact_no)
    )


def clear_slot(tx: Transaction, workspace_id: str, change: Change, slot: str) -> int:
    """Empty one column of custom values in every contact; returns how many had a value."""
    return tx.run(
        f"UPDATE contacts SET {slot} = NULL, changed = ? WHERE workspace_id = ? AND {slot} IS NOT NULL",  # noqa: S608 - one of our columns
        (change.stamp, workspace_id),
    )


def set_marks(tx: Transaction, workspace_id: str, change: Change, marks: Mapping[int, str], *, now: int) -> None:
    """Give contacts their labels."""
    tx.run_many(
        "UPDATE contacts SET marks = ?, updated_at = ?, changed = ? WHERE workspace_id = ? AND no = ?",
        [(written, now, change.stamp, workspace_id, no) for no, written in marks.items()],
    )


def unmark_all(tx: Transaction, workspace_id: str, change: Change, label_no: int) -> int:
    """Take one label from everybody; returns how many had it."""
    mark = f",{label_no},"
    return tx.run(
        "UPDATE contacts SET marks = replace(marks, ?, ','), changed = ? WHERE workspace_id = ? AND marks LIKE ?",
        (mark, change.stamp, workspace_id, f"%{mark}%"),
    )


def erase_recipients(
    tx: Transaction,
    workspace_id: str,
    address: str,
    pseudonym: str,
    sent: Sequence[tuple[str, int | None]],
    *,
    now: int,
) -> None:
    """
    Put a pseudonym in place of an address in campaigns that sent to it, and refuse it in those that did not.

    What short links of its single messages were filled in with goes too; the ledger calls these by the pseudonym
    already.
    """
    tx.run(
        "DELETE FROM link_messages WHERE message_id IN"
        " (SELECT m.id FROM messages m WHERE m.workspace_id = ? AND m.address = ?)",
        (workspace_id, pseudonym),
    )
    tx.run_many(
        "UPDATE campaign_recipients SET address = ?, given = '', variables = '{}', detail = '', fixed = ''"
        " WHERE campaign_id = ? AND row = ? AND workspace_id = ? AND address = ?",
        [(pseudonym, campaign_id, row, workspace_id, address) for campaign_id, row in sent if row is not None],
    )
    unsent = tx.rows(
        "UPDATE campaign_recipients SET address = '', given = '', variables = '{}', fixed = '', code = 'erased',"
        " detail = 'The person was erased.' WHERE workspace_id = ? AND address = ? RETURNING campaign_id, row",
        (workspace_id, address),
    )
    changed = [(campaign_id, row) for campaign_id, row in [*sent, *unsent] if row is not None]
    outdate_rows(tx, changed, now=now)
    # Counting up the turn makes whoever has just taken the person for the next step look again.
    tx.run(
        "UPDATE drips SET turn = turn + 1 WHERE id IN"
        " (SELECT p.drip_id FROM drip_people p WHERE p.workspace_id = ? AND p.address = ?)",
        (workspace_id, address),
    )
    tx.run(
        "UPDATE drip_people SET state = CASE WHEN state = 'active' THEN 'left' ELSE state END,"
        " why = CASE WHEN state = 'active' THEN 'erased' ELSE why END, next_at = NULL, address = ?, given = '',"
        " variables = '{}' WHERE workspace_id = ? AND address = ?",
        (pseudonym, workspace_id, address),
    )
    tx.run(
        "UPDATE otp_codes SET address = ? WHERE workspace_id = ? AND address = ?", (pseudonym, workspace_id, address)
    )


def forget_import_changes(tx: Transaction, workspace_id: str, contact_no: int) -> None:
    """Forget what imports changed in a contact, values before and after."""
    tx.run("DELETE FROM contact_import_changes WHERE workspace_id = ? AND contact_no = ?", (workspace_id, contact_no))


def has_contacts(tx: Transaction, workspace_id: str) -> bool:
    """Whether the workspace keeps anybody."""
    return bool(tx.rows("SELECT 1 FROM contacts WHERE workspace_id = ? LIMIT 1", (workspace_id,)))


def events_after(
    tx: Transaction, workspace_id: str, after: int, limit: int
) -> list[tuple[int, str, str, str | None, str, str, int]]:
    """The ledger's events after a number, with whom they are about: seq, kind, status, code, kind and address, time."""
    return tx.rows(
        "SELECT e.seq, e.kind, e.status, e.code, m.address_kind, m.address, e.at FROM events e"
        " JOIN messages m ON m.id = e.message_id WHERE e.workspace_id = ? AND e.seq > ? ORDER BY e.seq LIMIT ?",
        (workspace_id, after, limit),
    )


def inbound_after(
    tx: Transaction, workspace_id: str, after: str, limit: int
) -> list[tuple[str, str, str, str, str, str, int]]:
    """Messages people sent after an id: id, kind and address, other identities, name, channel, time."""
    return tx.rows(
        "SELECT id, sender_kind, sender, identities, profile_name, channel, received_at FROM inbound_messages"
        " WHERE workspace_id = ? AND id > ? ORDER BY id LIMIT ?",
        (workspace_id, after, limit),
    )


def all_workspaces(tx: Transaction) -> list[str]:
    """Every workspace, for readers that go over all of them."""
    return [workspace_id for (workspace_id,) in tx.rows("SELECT id FROM workspaces ORDER BY id")]


def rename_blank(tx: Transaction, workspace_id: str, contact_id: str, fresh_id: str) -> None:
    """Free the id of a deleted contact."""
    tx.run(
        "UPDATE contacts SET id = ? WHERE id = ? AND workspace_id = ? AND gone", (fresh_id, contact_id, workspace_id)
    )


def change_history(tx: Transaction, workspace_id: str, history_id: str, document: str) -> None:
    """Change what is noted of something that happened."""
    tx.run("UPDATE contact_history SET document = ? WHERE workspace_id = ? AND id = ?",
           (document, workspace_id, history_id))  # fmt: skip


def remove_history_kind(tx: Transaction, workspace_id: str, contact_id: str, kind: str) -> None:
    """Forget notes of one kind."""
    tx.run("DELETE FROM contact_history WHERE workspace_id = ? AND contact_id = ? AND kind = ?",
           (workspace_id, contact_id, kind))  # fmt: skip
