"""
The SQL of a campaign's recipients: kept, copied, read in their order; and of the contacts they are made from.
"""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from sendyard.domain.channels import Channel
from sendyard.features.audience.segments.meaning import Test
from sendyard.features.audience.segments.queries import condition
from sendyard.features.campaigns.audience.rows import Recipient
from sendyard.ledger.kept_counts import outdate_rows
from sendyard.storage.transaction import Transaction

_FAILED = "('failed', 'expired')"
# Asking again would bring the same answer.
_HOPELESS = "('invalid_recipient', 'opted_out')"
_MESSAGE_OF_ROW = "m.group_id = r.campaign_id AND m.group_id <> '' AND m.row = r.row"
_COLUMNS = "row, given, address, country, variables, code, detail, fixed, language, zone, contact_no"
_RECIPIENT = ", ".join(f"r.{column}" for column in _COLUMNS.split(", "))
# The address a channel reaches, the surest first.
_KINDS = {Channel.LINE: ("line_id",), Channel.WHATSAPP: ("phone", "whatsapp_id")}


class PersonRow(NamedTuple):
    """What a campaign may say of a contact; `address` is None when the channel cannot reach the person."""

    no: int
    address: str | None
    name: str
    country: str
    language: str
    zone: str
    values: tuple[Any, ...]  # of the columns that were asked for


def insert_recipients(tx: Transaction, workspace_id: str, campaign_id: str, recipients: Sequence[Recipient]) -> None:
    """
    Store recipients; their addresses are new to the campaign.

    Counts are kept of campaigns that were over once: whoever adds to one of those outdates them.
    """
    tx.run_many(
        f"INSERT INTO campaign_recipients (campaign_id, workspace_id, {_COLUMNS})"  # noqa: S608 - constants
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [(campaign_id, workspace_id, *recipient) for recipient in recipients],
    )


def copy_failed(tx: Transaction, source_id: str, target_id: str, *, after: int, up_to: int) -> int:
    """Copy the rows `after < row <= up_to` that failed and may do better; returns how many."""
    return tx.run(
        f"INSERT INTO campaign_recipients (campaign_id, workspace_id, {_COLUMNS}, variant)"  # noqa: S608 - constants
        " SELECT ?, r.workspace_id, r.row, r.given, r.address, r.country, r.variables, '', '', r.fixed, r.language,"
        " r.zone, r.contact_no, r.variant"
        f" FROM campaign_recipients r LEFT JOIN messages m ON {_MESSAGE_OF_ROW}"
        " WHERE r.campaign_id = ? AND r.row > ? AND r.row <= ? AND r.address <> '' AND (r.code <> ''"
        f" OR (m.status IN {_FAILED} AND (m.error_kind IS NULL OR m.error_kind NOT IN {_HOPELESS})))",
        (target_id, source_id, after, up_to),
    )


def last_of_page(tx: Transaction, campaign_id: str, *, after: int, limit: int, last: int) -> int | None:
    """The last of the next `limit` rows behind `after`, none of them behind `last`; None when none is left."""
    ((found,),) = tx.rows(
        "SELECT max(picked.row) FROM (SELECT r.row FROM campaign_recipients r WHERE r.campaign_id = ? AND r.row > ?"
        " AND r.row <= ? ORDER BY r.row LIMIT ?) AS picked",
        (campaign_id, after, last, limit),
    )
    return None if found is None else int(found)


def copy_given(tx: Transaction, source_id: str, target_id: str, *, after: int, up_to: int) -> None:
    """
    Copy the rows `after < row <= up_to`; those that only the sending refused are good again.

    People of an experiment are dealt out anew, those who kept their variant keep it.
    """
    tx.run(
        f"INSERT INTO campaign_recipients (campaign_id, workspace_id, {_COLUMNS}, variant)"  # noqa: S608 - constants
        " SELECT ?, r.workspace_id, r.row, r.given, r.address, r.country, r.variables,"
        " CASE WHEN r.address <> '' THEN '' ELSE r.code END, CASE WHEN r.address <> '' THEN '' ELSE r.detail END,"
        " r.fixed, r.language, r.zone, r.contact_no, CASE WHEN r.part = '' THEN r.variant ELSE 0 END"
        " FROM campaign_recipients r WHERE r.campaign_id = ? AND r.row > ? AND r.row <= ?",
        (target_id, source_id, after, up_to),
    )


def taken(tx: Transaction, campaign_id: str, addresses: Iterable[str]) -> set[str]:
    """Which of these addresses the campaign has already."""
    condition_, parameter = tx.among(addresses)
    return {
        address
        for (address,) in tx.rows(
            "SELECT r.address FROM campaign_recipients r WHERE r.campaign_id = ? AND r.address <> ''"  # noqa: S608 - placeholders only
            f" AND r.address {condition_}",
            (campaign_id, parameter),
        )
    }


def people(
    tx: Transaction, workspace_id: str, test: Test, channel: Channel, columns: Sequence[str], *, after: int, limit: int
) -> list[PersonRow]:
    """Contacts a filter finds, in the order they were made, after the number `after`."""
    sql, values = condition(test, tx.dialect)
    inner = (
        f"SELECT {_person(channel, columns)} FROM contacts c WHERE c.workspace_id = ? AND c.no > ? AND NOT c.gone"  # noqa: S608 - `condition` writes placeholders
        f" AND ({sql}) ORDER BY c.no LIMIT ?"
    )
    return _people(tx, inner, columns, (workspace_id, after, *values, limit))


def people_by_id(
    tx: Transaction, workspace_id: str, contact_ids: Iterable[str], channel: Channel, columns: Sequence[str]
) -> dict[str, PersonRow]:
    """Contacts by their ids; those that are not there are left out."""
    condition_, parameter = tx.among(contact_ids)
    inner = (
        f"SELECT {_person(channel, columns)} FROM contacts c WHERE c.workspace_id = ? AND NOT c.gone"  # noqa: S608 - placeholders only
        f" AND c.id {condition_} ORDER BY c.no"
    )
    found = {row.no: row for row in _people(tx, inner, columns, (workspace_id, parameter))}
    pairs = tx.rows(f"SELECT c.id, c.no FROM contacts c WHERE c.workspace_id = ? AND c.id {condition_}",  # noqa: S608 - placeholders only
                    (workspace_id, parameter))  # fmt: skip
    return {id_: found[number] for id_, number in pairs if number in found}


def people_at(
    tx: Transaction, workspace_id: str, addresses: Iterable[str], channel: Channel, columns: Sequence[str]
) -> dict[str, PersonRow]:
    """Whose addresses these are, by address; those of nobody are left out."""
    kinds = _kinds(channel)
    source, parameter = tx.each([(kind, address) for address in addresses for kind in kinds], "TEXT", "TEXT")
    inner = (
        f"SELECT {_person(channel, columns, 'i.value')} FROM {source}"  # noqa: S608 - placeholders only
        f" {tx.in_turn('identities', 'i', 'i.workspace_id = ? AND i.kind = given.c0 AND i.value = given.c1')}"
        f" {tx.in_turn('contacts', 'c', 'c.workspace_id = i.workspace_id AND c.no = i.contact_no')} WHERE NOT c.gone"
    )
    return {row.address or "": row for row in _people(tx, inner, columns, (parameter, workspace_id))}


def _kinds(channel: Channel) -> tuple[str, ...]:
    return _KINDS.get(channel, ("phone",))


def _person(channel: Channel, columns: Sequence[str], address: str = "") -> str:
    wanted = address or _address(_kinds(channel))
    fields = ("c.no", wanted, "c.name", "c.country", "c.language", "c.time_zone", *(f"c.{name}" for name in columns))
    return ", ".join(f"{field} AS f{place}" for place, field in enumerate(fields))


def _address(kinds: Sequence[str]) -> str:
    """The person's oldest address of the first kind there is."""
    found = [
        "(SELECT i.value FROM identities i WHERE i.workspace_id = c.workspace_id AND i.contact_no = c.no"  # noqa: S608 - constants
        f" AND i.contact_no + 0 > 0 AND i.kind = '{kind}' ORDER BY i.created_at, i.value LIMIT 1)"
        for kind in kinds
    ]
    return found[0] if len(found) == 1 else f"COALESCE({', '.join(found)})"


def _people(tx: Transaction, inner: str, columns: Sequence[str], parameters: tuple[Any, ...]) -> list[PersonRow]:
    fixed = len(PersonRow._fields) - 1
    fields = ", ".join(f"f{place}" for place in range(fixed + len(columns)))
    found = tx.table(fields, f"FROM ({inner}) AS person", parameters)
    return [PersonRow._make((*row[:fixed], tuple(row[fixed:]))) for row in found]


def last_row(tx: Transaction, campaign_id: str) -> int:
    """The highest row number, 0 without rows."""
    ((found,),) = tx.rows("SELECT max(r.row) FROM campaign_recipients r WHERE r.campaign_id = ?", (campaign_id,))
    return found or 0


def suppressed_count(tx: Transaction, campaign_id: str, channel: str) -> int:
    """How many good rows are of people who must not be contacted at this moment."""
    ((count,),) = tx.rows(
        "SELECT count(*) FROM campaign_recipients r WHERE r.campaign_id = ? AND r.code = '' AND EXISTS"
        " (SELECT 1 FROM suppressions s WHERE s.workspace_id = r.workspace_id AND s.address = r.address"
        " AND s.channel IN ('', ?) AND s.purpose IN ('', (SELECT purpose FROM campaigns WHERE id = ?)))",
        (campaign_id, channel, campaign_id),
    )
    return int(count)


def good_rows(
    tx: Transaction, campaign_id: str, *, after: int, limit: int, up_to: int | None = None, part: str = ""
) -> list[Recipient]:
    """Rows to be sent, after the row `after`, in their order; none behind `up_to`, and of one `part` alone if given."""
    bound, values = "", []
    for term, value in ((" AND r.row <= ?", up_to), (" AND r.part = ?", part or None)):
        if value is not None:
            bound += term
            values.append(value)
    found = tx.rows(
        f"SELECT {_RECIPIENT} FROM campaign_recipients r"  # noqa: S608 - constants
        f" WHERE r.campaign_id = ? AND r.row > ? AND r.code = ''{bound} ORDER BY r.row LIMIT ?",
        (campaign_id, after, *values, limit),
    )
    return [Recipient(*row) for row in found]


def good_count(tx: Transaction, campaign_id: str) -> int:
    """How many rows there are to be sent."""
    ((count,),) = tx.rows(
        "SELECT count(*) FROM campaign_recipients r WHERE r.campaign_id = ? AND r.code = ''", (campaign_id,)
    )
    return int(count)


def row_at(tx: Transaction, campaign_id: str, place: int) -> int:
    """The row that stands at this place, counted from 1, among those to be sent; the last of them beyond the end."""
    found = tx.rows(
        "SELECT max(picked.row) FROM (SELECT r.row FROM campaign_recipients r WHERE r.campaign_id = ? AND r.code = ''"
        " ORDER BY r.row LIMIT ?) AS picked",
        (campaign_id, place),
    )
    return int(found[0][0] or 0)


def refuse_rows(tx: Transaction, campaign_id: str, refused: Sequence[tuple[int, str, str]], *, now: int) -> None:
    """Note (row, code, detail) of rows that were good in the file and cannot be sent; they keep their address."""
    tx.run_many(
        "UPDATE campaign_recipients SET code = ?, detail = ? WHERE campaign_id = ? AND row = ?",
        [(code, detail, campaign_id, row) for row, code, detail in refused],
    )
    outdate_rows(tx, [(campaign_id, row) for row, _, _ in refused], now=now)
