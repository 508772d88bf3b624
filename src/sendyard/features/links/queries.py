"""
The SQL of short links.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from sendyard.domain.links.tokens import MOST_ROWS
from sendyard.storage.identifiers import new_id
from sendyard.storage.transaction import Transaction

_LINK = (
    "l.id, l.code, l.url, l.title, l.preview_page, l.expires_at, l.created_at, l.domain_id, d.origin, d.verified_at"
    " FROM links l LEFT JOIN link_domains d ON d.id = l.domain_id"
)
_DOMAIN = "id, origin, created_at, verified_at"


class LinkRow(NamedTuple):
    """One link, with its domain where it has one of its own."""

    id: str
    code: str
    url: str
    title: str
    preview_page: bool
    expires_at: int | None
    created_at: int
    domain_id: str | None
    origin: str | None
    verified_at: int | None


class DomainRow(NamedTuple):
    """A host that is to lead here, or does."""

    id: str
    origin: str
    created_at: int
    verified_at: int | None


class UseRow(NamedTuple):
    """What stands behind the number in a token."""

    workspace_id: str
    link_id: str
    campaign_id: str
    kind: str
    url: str
    preview_page: bool
    expires_at: int | None


class Tally(NamedTuple):
    """How often a link was followed: by how many recipients, by anybody, and by machines or too late."""

    people: int = 0
    clicks: int = 0
    filtered: int = 0


class Addressee(NamedTuple):
    """The message that carried an address, as far as it is known."""

    message_id: str | None
    address_kind: str | None
    address: str | None
    status: str | None
    sent_at: int | None


class ClickRow(NamedTuple):
    """One visit."""

    id: int
    at: int
    campaign_id: str
    row: int
    message_id: str | None
    address: str | None
    reason: str
    device: str


# ---- links ---------------------------------------------------------------------------------------


def insert_link(tx: Transaction, workspace_id: str, values: Mapping[str, Any]) -> bool:
    """Store a link; False when there is one of this code."""
    names = ("id", "code", "url", "title", "domain_id", "preview_page", "expires_at", "created_at")
    sql = (
        f"INSERT INTO links (workspace_id, {', '.join(names)}) VALUES (?{', ?' * len(names)})"  # noqa: S608 - constants
        " ON CONFLICT (workspace_id, code) DO NOTHING"
    )
    return tx.run(sql, (workspace_id, *(values[name] for name in names))) == 1


def update_link(tx: Transaction, workspace_id: str, link_id: str, values: Mapping[str, Any]) -> None:
    """Change columns of a link."""
    columns = ", ".join(f"{name} = ?" for name in values)
    sql = f"UPDATE links SET {columns} WHERE workspace_id = ? AND id = ?"  # noqa: S608 - our own names
    tx.run(sql, (*values.values(), workspace_id, link_id))


def link(tx: Transaction, workspace_id: str, id_or_code: str) -> LinkRow | None:
    """One link by its id or code."""
    sql = f"SELECT {_LINK} WHERE l.workspace_id = ? AND (l.id = ? OR l.code = ?)"
    found = tx.rows(sql, (workspace_id, id_or_code, id_or_code))
    return LinkRow(*found[0]) if found else None


def links_by_code(tx: Transaction, workspace_id: str, codes: Iterable[str]) -> dict[str, LinkRow]:
    """Those of these links that there are."""
    condition, parameter = tx.among(codes)
    found = tx.rows(f"SELECT {_LINK} WHERE l.workspace_id = ? AND l.code {condition}", (workspace_id, parameter))
    return {row.code: row for row in (LinkRow(*one) for one in found)}


def links(tx: Transaction, workspace_id: str, *, after: str, limit: int) -> list[LinkRow]:
    """Links, newest first, before the id `after` unless that is ""."""
    term, values = (" AND l.id < ?", (after,)) if after else ("", ())
    sql = f"SELECT {_LINK} WHERE l.workspace_id = ?{term} ORDER BY l.id DESC LIMIT ?"
    return [LinkRow(*row) for row in tx.rows(sql, (workspace_id, *values, limit))]


# ---- domains -------------------------------------------------------------------------------------


def insert_domain(tx: Transaction, workspace_id: str, origin: str, *, now: int) -> DomainRow | None:
    """Store a host; None when there is one of this origin, whoever has it."""
    row = DomainRow(new_id(), origin, now, None)
    sql = (
        "INSERT INTO link_domains (workspace_id, id, origin, created_at, verified_at) VALUES (?, ?, ?, ?, ?)"
        " ON CONFLICT (origin) DO NOTHING"
    )
    return row if tx.run(sql, (workspace_id, *row)) == 1 else None


def domains(tx: Transaction, workspace_id: str) -> list[DomainRow]:
    """Every host of a workspace, oldest first."""
    sql = f"SELECT {_DOMAIN} FROM link_domains WHERE workspace_id = ? ORDER BY id"  # noqa: S608 - constants
    return [DomainRow(*row) for row in tx.rows(sql, (workspace_id,))]


def has_domain(tx: Transaction, domain_id: str) -> bool:
    """Whether somebody here has a domain of this id."""
    return bool(tx.rows("SELECT 1 FROM link_domains WHERE id = ?", (domain_id,)))


def verify_domain(tx: Transaction, workspace_id: str, domain_id: str, *, now: int) -> None:
    """Note that a host leads here."""
    tx.run("UPDATE link_domains SET verified_at = ? WHERE workspace_id = ? AND id = ?", (now, workspace_id, domain_id))


def remove_domain(tx: Transaction, workspace_id: str, domain_id: str) -> bool:
    """Remove a host; False while links are tied to it."""
    if tx.rows("SELECT 1 FROM links WHERE domain_id = ? LIMIT 1", (domain_id,)):
        return False
    tx.run("DELETE FROM link_domains WHERE workspace_id = ? AND id = ?", (workspace_id, domain_id))
    return True


# ---- numbers and rows ----------------------------------------------------------------------------


def uses(tx: Transaction, link_ids: Iterable[str], campaign_id: str, kind: str) -> dict[str, int]:
    """The numbers of links in a campaign, its tests or by themselves, by the link's id; those that have one."""
    condition, parameter = tx.among(link_ids)
    sql = f"SELECT link_id, no FROM link_uses WHERE link_id {condition} AND campaign_id = ? AND kind = ?"  # noqa: S608 - placeholders only
    return dict(tx.rows(sql, (parameter, campaign_id, kind)))


def number(tx: Transaction, workspace_id: str, link_id: str, campaign_id: str, kind: str) -> int:
    """Give the number of a link in a campaign, its tests or by itself; made where there is none."""
    known = uses(tx, [link_id], campaign_id, kind)
    if known:
        return known[link_id]
    tx.run(
        "INSERT INTO link_uses (workspace_id, link_id, campaign_id, kind) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
        (workspace_id, link_id, campaign_id, kind),
    )
    return uses(tx, [link_id], campaign_id, kind)[link_id]


def next_row(tx: Transaction, workspace_id: str, link_id: str) -> tuple[int, int]:
    """Give the number of a link in single messages and a row that no message has had."""
    sql = (
        "UPDATE link_uses SET last_row = last_row + 1 WHERE link_id = ? AND campaign_id = '' AND kind = 'message'"
        " AND last_row < ? RETURNING no, last_row"
    )
    found = tx.rows(sql, (link_id, MOST_ROWS - 1))
    if not found:
        # The first message, or one after two million; whoever is second here takes the same block.
        tx.run(
            "INSERT INTO link_uses (workspace_id, link_id, kind, block) SELECT ?, ?, 'message', count(*)"
            " FROM link_uses WHERE link_id = ? AND kind = 'message' ON CONFLICT DO NOTHING",
            (workspace_id, link_id, link_id),
        )
        found = tx.rows(sql, (link_id, MOST_ROWS - 1))
    return found[0][0], found[0][1]


def insert_message(tx: Transaction, workspace_id: str, use_no: int, row: int, message_id: str, filled: str) -> None:
    """Note which message has a row."""
    tx.run(
        "INSERT INTO link_messages (use_no, row, workspace_id, message_id, filled) VALUES (?, ?, ?, ?, ?)",
        (use_no, row, workspace_id, message_id, filled),
    )


def use(tx: Transaction, use_no: int) -> UseRow | None:
    """What a number stands for."""
    found = tx.rows(
        "SELECT u.workspace_id, u.link_id, u.campaign_id, u.kind, l.url, l.preview_page, l.expires_at"
        " FROM link_uses u JOIN links l ON l.id = u.link_id WHERE u.no = ?",
        (use_no,),
    )
    return UseRow(*found[0]) if found else None


def values_of_row(tx: Transaction, use_no: int, row: int, found: UseRow) -> tuple[str, str] | None:
    """The values of whoever has a row, and the plan of the campaign, as JSON; None when nobody has it."""
    match found.kind:
        case "plain":
            return ("{}", "{}") if row == 0 else None
        case "message":
            rows = tx.rows("SELECT filled, '{}' FROM link_messages WHERE use_no = ? AND row = ?", (use_no, row))
        case _:
            rows = tx.rows(
                "SELECT r.variables, c.plan FROM campaign_recipients r JOIN campaigns c ON c.id = r.campaign_id"
                " WHERE r.campaign_id = ? AND r.row = ? AND r.address <> ''",
                (found.campaign_id, row),
            )
    return (rows[0][0], rows[0][1]) if rows else None


# ---- visits --------------------------------------------------------------------------------------


def addressees(tx: Transaction, asked: Sequence[tuple[int, int, str]]) -> dict[tuple[int, int], Addressee]:
    """Find the messages of (number, row, campaign or ""), by number and row."""
    given, parameter = tx.each(asked, "BIGINT", "INTEGER", "TEXT")
    message = "m.id, m.address_kind, m.address, m.status, m.sent_at"
    found = tx.rows(
        f"SELECT c0, c1, {message} FROM {given} JOIN campaign_recipients r ON r.campaign_id = c2 AND r.row = c1"  # noqa: S608 - constants
        " AND r.address <> '' JOIN messages m ON m.group_id = r.campaign_id AND m.group_id <> ''"
        " AND m.row = r.row WHERE c2 <> ''",
        (parameter,),
    ) + tx.rows(
        f"SELECT c0, c1, {message} FROM {given} JOIN link_messages k ON k.use_no = c0 AND k.row = c1"  # noqa: S608 - constants
        " JOIN messages m ON m.id = k.message_id WHERE c2 = ''",
        (parameter,),
    )
    return {(use_no, row): Addressee(*rest) for use_no, row, *rest in found}


def insert_clicks(tx: Transaction, clicks: Sequence[Sequence[Any]]) -> None:
    """Store visits: workspace, link, number, row, campaign, message, reason, device, place, time."""
    tx.run_many(
        "INSERT INTO link_clicks (workspace_id, link_id, use_no, row, campaign_id, message_id, reason, device, place,"
        " at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        clicks,
    )


def tallies(tx: Transaction, link_ids: Iterable[str]) -> dict[str, Tally]:
    """Count the visits of links, by the link's id."""
    condition, parameter = tx.among(link_ids)
    found = tx.rows(
        "SELECT link_id, sum(CASE WHEN reason = '' AND row > 0 THEN 1 ELSE 0 END),"  # noqa: S608 - placeholders only
        " sum(CASE WHEN reason = '' THEN visits ELSE 0 END), sum(CASE WHEN reason <> '' THEN visits ELSE 0 END) FROM"
        f" (SELECT link_id, reason, use_no, row, count(*) AS visits FROM link_clicks WHERE link_id {condition}"
        " GROUP BY link_id, reason, use_no, row) AS by_person GROUP BY link_id",
        (parameter,),
    )
    return {link_id: Tally(int(people), int(clicks), int(filtered)) for link_id, people, clicks, filtered in found}


def reasons(tx: Transaction, link_id: str) -> dict[str, int]:
    """How many visits of a link do not count, by reason."""
    sql = "SELECT reason, count(*) FROM link_clicks WHERE link_id = ? AND reason <> '' GROUP BY reason ORDER BY reason"
    return dict(tx.rows(sql, (link_id,)))


def clicks(tx: Transaction, link_id: str, *, before: int, limit: int, counted: bool) -> list[ClickRow]:
    """Visits of a link, newest first, before the number `before` unless that is 0; `counted` leaves out machines'."""
    terms, values = "", list[int]()
    if before:
        terms, values = " AND c.id < ?", [before]
    if counted:
        terms += " AND c.reason = ''"
    sql = (
        "SELECT c.id, c.at, c.campaign_id, c.row, c.message_id, m.address, c.reason, c.device FROM link_clicks c"  # noqa: S608 - constants
        f" LEFT JOIN messages m ON m.id = c.message_id WHERE c.link_id = ?{terms} ORDER BY c.id DESC LIMIT ?"
    )
    return [ClickRow(*row) for row in tx.rows(sql, (link_id, *values, limit))]
