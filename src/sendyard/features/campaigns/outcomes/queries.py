"""
The SQL of what became of campaigns: recipients with their messages, counts, what still moves and what failed.
"""

from collections.abc import Iterable
from typing import NamedTuple

from sendyard.domain.ids import attempt_id
from sendyard.storage.ledger_schema import STOPPED, STOPPED_STATUSES
from sendyard.storage.transaction import Transaction

_FAILED = "('failed', 'expired')"
_NOT_ARRIVED = "('failed', 'expired', 'unknown')"
# Every statement about a campaign's messages says `group_id <> ''`: the index on them is partial, and only this very
# term lets SQLite use it.
_OF_CAMPAIGN = "group_id = ? AND group_id <> ''"
_MESSAGE_OF_ROW = "m.group_id = r.campaign_id AND m.group_id <> '' AND m.row = r.row"
_RESULT = (
    "m.id, m.status, m.account_id, m.error_kind, m.error_code, m.error_detail, m.parts, m.attempts, m.created_at,"
    " m.sent_at, m.delivered_at, m.settled_at"
)
_RECIPIENT = "r.row, r.given, r.address, r.country, r.variables, r.code, r.detail, r.fixed, r.language, r.variant"
_JOINED = (
    f"SELECT {_RECIPIENT}, {_RESULT} FROM campaign_recipients r LEFT JOIN messages m ON {_MESSAGE_OF_ROW}"  # noqa: S608 - constants
    " WHERE r.campaign_id = ? AND r.workspace_id = ? AND r.row > ?"
)
# The other way round, for those whose message has a status: few may have it, and the cross join keeps the order.
_BY_STATUS = (
    f"SELECT {_RECIPIENT}, {_RESULT} FROM messages m CROSS JOIN campaign_recipients r"  # noqa: S608 - constants
    " WHERE m.group_id = ? AND m.group_id <> '' AND m.workspace_id = ? AND m.row > ? AND m.status = ?"
    " AND r.campaign_id = m.group_id AND r.row = m.row"
)


class ResultRow(NamedTuple):
    """A recipient with what became of the message; everything from `message_id` on is None without one."""

    row: int
    given: str
    address: str
    country: str
    variables: str
    code: str
    detail: str
    fixed: str
    language: str
    variant: int  # of an experiment; 0 for none
    message_id: str | None
    status: str | None
    account_id: str | None
    error_kind: str | None
    error_code: str | None
    error_detail: str | None
    parts: int | None
    attempts: int | None
    created_at: int | None
    sent_at: int | None
    delivered_at: int | None
    settled_at: int | None


class AttemptRow(NamedTuple):
    """What one attempt cost and how the provider calls it."""

    message_id: str
    provider_ref: str | None
    parts: int | None
    amount: str | None
    currency: str | None


class Tally(NamedTuple):
    """Messages that are alike: how many, how many of them left lately, and when the newest did."""

    status: str
    account_id: str
    kind: str  # of the error; "" for none
    many: int
    lately: int
    newest: int  # 0 when none left


def refusals(
    tx: Transaction, campaign_id: str, *, first: int | None = None, up_to: int | None = None
) -> list[tuple[str, bool, int, int]]:
    """
    Rows by (code, whether the file is not to blame, how many, how many of them repaired); code "" for good ones.

    `first` leaves out the rows before it, `up_to` those behind it: counting a million takes longer than a start may.
    """
    bound, values = _between("row", first, up_to)
    of_campaign = f"FROM campaign_recipients WHERE campaign_id = ?{bound}"
    # Each is counted in an index alone or in few rows: the good ones, nearly all, are what is left.
    ((total,),) = tx.rows(f"SELECT count(*) {of_campaign}", (campaign_id, *values))
    ((repaired,),) = tx.rows(f"SELECT count(*) {of_campaign} AND code = '' AND fixed <> ''", (campaign_id, *values))
    refused = [
        (code, bool(ours), count, fixed)
        for code, ours, count, fixed in tx.rows(
            "SELECT code, CASE WHEN address <> '' THEN 1 ELSE 0 END AS ours, count(*),"
            f" sum(CASE WHEN fixed <> '' THEN 1 ELSE 0 END) {of_campaign} AND code <> ''"
            " GROUP BY code, ours ORDER BY code",
            (campaign_id, *values),
        )
    ]
    good = total - sum(count for _, _, count, _ in refused)
    return [("", False, good, repaired), *refused] if good > 0 else refused


def first_refused(tx: Transaction, campaign_id: str, *, code: str, limit: int) -> list[tuple[int, str, str]]:
    """The first rows that are left out, with this code or "" for any: (row, as given or the address, detail)."""
    only, values = (" AND code = ?", (code,)) if code else ("", ())
    return [
        (row, given, detail)
        for row, given, detail in tx.rows(
            "SELECT row, CASE WHEN given <> '' THEN given ELSE address END, detail"  # noqa: S608 - constants only
            f" FROM campaign_recipients WHERE campaign_id = ? AND code <> ''{only} ORDER BY row LIMIT ?",
            (campaign_id, *values, limit),
        )
    ]


def _between(column: str, first: int | None, up_to: int | None) -> tuple[str, tuple[int, ...]]:
    bounds = [(term, bound) for term, bound in ((">=", first), ("<=", up_to)) if bound is not None]
    return "".join(f" AND {column} {term} ?" for term, _ in bounds), tuple(bound for _, bound in bounds)


def last_row(tx: Transaction, campaign_id: str) -> int:
    """The last row that a recipient or a message of a campaign has; 0 for none."""
    ((recipient,),) = tx.rows("SELECT max(row) FROM campaign_recipients WHERE campaign_id = ?", (campaign_id,))
    ((message,),) = tx.rows(f"SELECT max(row) FROM messages WHERE {_OF_CAMPAIGN}", (campaign_id,))  # noqa: S608 - constant
    return max(recipient or 0, message or 0)


def results(
    tx: Transaction, workspace_id: str, campaign_id: str, *, after: int, limit: int, status: str = ""
) -> list[ResultRow]:
    """Recipients with their messages after the row `after`; `status` is that of messages, refused, waiting or ""."""
    place = (campaign_id, workspace_id, after)
    match status:
        case "":
            found = tx.rows(f"{_JOINED} ORDER BY r.row LIMIT ?", (*place, limit))
        case "refused":
            found = tx.rows(f"{_JOINED} AND r.code <> '' ORDER BY r.row LIMIT ?", (*place, limit))
        case "waiting":
            found = tx.rows(f"{_JOINED} AND r.code = '' AND m.id IS NULL ORDER BY r.row LIMIT ?", (*place, limit))
        case _:
            few = f" AND m.{STOPPED}" if status in STOPPED_STATUSES else ""
            found = tx.rows(f"{_BY_STATUS}{few} ORDER BY m.row LIMIT ?", (*place, status, limit))
    return [ResultRow(*row) for row in found]


def attempts_of(tx: Transaction, messages: Iterable[tuple[str, int]]) -> list[AttemptRow]:
    """Attempts of messages, given as (id, how many attempts), oldest first."""
    condition, parameter = tx.among(
        attempt_id(message_id, number) for message_id, attempts in messages for number in range(1, attempts + 1)
    )
    found = tx.rows(
        "SELECT message_id, provider_ref, parts, cost_amount, cost_currency FROM attempts"  # noqa: S608 - placeholders only
        f" WHERE id {condition} ORDER BY submitted_at",
        (parameter,),
    )
    return [AttemptRow(*row) for row in found]


def tally(
    tx: Transaction, campaign_id: str, *, since: int, first: int | None = None, up_to: int | None = None
) -> list[Tally]:
    """Count a campaign's messages; "lately" is after `since`. `first` and `up_to` leave out what has other rows."""
    bound, values = _between("row", first, up_to)
    return _tally(tx, campaign_id, bound, values, since=since)


def tally_without_row(tx: Transaction, campaign_id: str, *, since: int) -> list[Tally]:
    """Count the messages of a campaign that belong to no row."""
    return _tally(tx, campaign_id, " AND row IS NULL", (), since=since)


def _tally(tx: Transaction, campaign_id: str, bound: str, values: tuple[int, ...], *, since: int) -> list[Tally]:
    return [
        Tally(status, account_id, kind, count, int(lately or 0), newest or 0)
        for status, account_id, kind, count, lately, newest in tx.rows(
            "SELECT status, account_id, COALESCE(error_kind, '') AS kind, count(*),"  # noqa: S608 - constants
            " sum(CASE WHEN sent_at > ? THEN 1 ELSE 0 END), max(sent_at) FROM messages"
            f" WHERE {_OF_CAMPAIGN}{bound}"
            " GROUP BY status, account_id, kind",
            (since, campaign_id, *values),
        )
    ]


def clicks(tx: Transaction, campaign_id: str) -> dict[str, int]:
    """How many people clicked on any link, how often, and how many visits do not count."""
    ((people, every, filtered),) = tx.rows(
        "SELECT sum(CASE WHEN reason = '' THEN 1 ELSE 0 END), sum(CASE WHEN reason = '' THEN visits ELSE 0 END),"
        " sum(CASE WHEN reason <> '' THEN visits ELSE 0 END) FROM"
        " (SELECT reason, row, count(*) AS visits FROM link_clicks WHERE campaign_id = ? AND campaign_id <> ''"
        " GROUP BY reason, row) AS by_person",
        (campaign_id,),
    )
    return {"people": int(people or 0), "clicks": int(every or 0), "filtered": int(filtered or 0)}


def first_clicks(tx: Transaction, campaign_id: str, *, first: int, last: int) -> dict[int, int]:
    """When the people of these rows first clicked, by row."""
    return dict(
        tx.rows(
            "SELECT row, min(at) FROM link_clicks WHERE campaign_id = ? AND reason = '' AND row BETWEEN ? AND ?"
            " GROUP BY row",
            (campaign_id, first, last),
        )
    )


_UNDER_WAY = "(status IN ('queued', 'scheduled', 'sending') OR (status = 'sent' AND sent_at > ?))"


def is_under_way(tx: Transaction, campaign_id: str, *, reports_since: int) -> bool:
    """Whether a message waits, is being handed over, or was handed over after `reports_since` and has no report."""
    return bool(
        tx.rows(
            f"SELECT 1 FROM messages WHERE {_OF_CAMPAIGN} AND {_UNDER_WAY} LIMIT 1",  # noqa: S608 - constants
            (campaign_id, reports_since),
        )
    )


def next_under_way(
    tx: Transaction, campaign_id: str, *, from_row: int, limit: int, reports_since: int
) -> tuple[int | None, int | None]:
    """
    Look at the next `limit` messages in the order of their rows, from this one on.

    Returns:
        The first row whose message is under way as `is_under_way` means it, None if there is none; and the last row
        looked at, None if there is none left.
    """
    # How many are looked at is bounded inside, or PostgreSQL may read the whole table for the first of few.
    ((first, last),) = tx.rows(
        f"SELECT min(CASE WHEN {_UNDER_WAY} THEN row END), max(row) FROM (SELECT row, status, sent_at FROM messages"  # noqa: S608 - constants
        f" WHERE {_OF_CAMPAIGN} AND row >= ? ORDER BY row LIMIT ?) AS stretch",
        (reports_since, campaign_id, from_row, limit),
    )
    return first, last


def is_leaving(tx: Transaction, campaign_id: str) -> bool:
    """Whether a message waits or is being handed over."""
    return bool(
        tx.rows(
            f"SELECT 1 FROM messages WHERE {_OF_CAMPAIGN} AND status IN ('queued', 'scheduled', 'sending') LIMIT 1",  # noqa: S608 - constant
            (campaign_id,),
        )
    )


def figures(tx: Transaction, campaign_id: str) -> dict[str, int]:
    """How many messages there are so far, how many of them failed or are unknown, and how many could not be made."""
    ((messages,),) = tx.rows(f"SELECT count(*) FROM messages WHERE {_OF_CAMPAIGN}", (campaign_id,))  # noqa: S608 - constant
    ((failed, unknown),) = tx.rows(
        f"SELECT sum(CASE WHEN status IN {_FAILED} THEN 1 ELSE 0 END),"  # noqa: S608 - constants
        f" sum(CASE WHEN status = 'unknown' THEN 1 ELSE 0 END) FROM messages WHERE {_OF_CAMPAIGN} AND {STOPPED}",
        (campaign_id,),
    )
    ((refused,),) = tx.rows(
        "SELECT count(*) FROM campaign_recipients WHERE campaign_id = ? AND code <> '' AND address <> ''",
        (campaign_id,),
    )
    return {"messages": messages, "failed": int(failed or 0), "unknown": int(unknown or 0), "refused": refused}


def waiting_in_lane(tx: Transaction, account_id: str, priority: int) -> list[str]:
    """Campaigns that have messages waiting in one lane; jumps from one to the next along the lane index."""
    return [
        id_
        for (id_,) in tx.rows(
            "WITH RECURSIVE lane(group_id) AS ("
            "  SELECT min(group_id) FROM messages WHERE account_id = ? AND priority = ? AND due_at IS NOT NULL"
            "  UNION ALL SELECT (SELECT min(m.group_id) FROM messages m WHERE m.account_id = ? AND m.priority = ?"
            "    AND m.due_at IS NOT NULL AND m.group_id > lane.group_id) FROM lane WHERE lane.group_id IS NOT NULL)"
            " SELECT lane.group_id FROM lane WHERE lane.group_id <> ''",
            (account_id, priority, account_id, priority),
        )
    ]


def is_in_doubt(tx: Transaction, campaign_id: str) -> bool:
    """Whether someone still asks about a message whose outcome is not known."""
    unknown = tx.rows(
        f"SELECT id, attempts FROM messages WHERE {_OF_CAMPAIGN} AND {STOPPED} AND status = 'unknown'",  # noqa: S608 - constant
        (campaign_id,),
    )
    if not unknown:
        return False
    condition, parameter = tx.among(attempt_id(message_id, attempts) for message_id, attempts in unknown)
    return bool(
        tx.rows(
            "SELECT 1 FROM attempts a JOIN exchanges x ON x.id = a.exchange_id"  # noqa: S608 - placeholders only
            f" WHERE a.id {condition} AND x.status IN ('open', 'doubtful') LIMIT 1",
            (parameter,),
        )
    )


def has_failures(tx: Transaction, campaign_id: str) -> bool:
    """Whether anybody of the audience got no message, or may have got none."""
    return bool(
        tx.rows(
            f"SELECT 1 FROM messages WHERE {_OF_CAMPAIGN} AND {STOPPED} AND status IN {_NOT_ARRIVED} LIMIT 1",  # noqa: S608 - constant
            (campaign_id,),
        )
        or tx.rows(
            "SELECT 1 FROM campaign_recipients WHERE campaign_id = ? AND code <> '' AND address <> '' LIMIT 1",
            (campaign_id,),
        )
    )


def failures_between(tx: Transaction, *, after: int, up_to: int) -> list[tuple[str, int]]:
    """(campaign, row) of messages that failed in the events `after < number <= up_to`."""
    return [
        (campaign_id, row)
        for campaign_id, row in tx.rows(
            "SELECT m.group_id, m.row FROM events e JOIN messages m ON m.id = e.message_id"  # noqa: S608 - constants
            f" WHERE e.seq > ? AND e.seq <= ? AND e.status IN {_FAILED} AND m.group_id <> '' AND m.row IS NOT NULL"
            f" AND m.status IN {_FAILED}",
            (after, up_to),
        )
    ]
