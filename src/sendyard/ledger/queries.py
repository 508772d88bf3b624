"""
What people and programs see of the ledger. Nothing here writes.
"""

import json
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any, NamedTuple

from sendyard.domain.ids import attempt_id, compose_uuid7, uuid7_ms
from sendyard.storage.ledger_schema import STOPPED, STOPPED_STATUSES
from sendyard.storage.transaction import Transaction

_MESSAGE = (
    "m.id, m.status, m.channel, m.address, m.sender, m.purpose, m.account_id, m.parts, m.encoding, m.error_kind,"
    " m.error_code, m.error_detail, m.reference, m.metadata, m.group_id, m.row, m.batch_id, m.created_at, m.send_at,"
    " m.expires_at, m.sent_at, m.delivered_at, m.settled_at, m.attempts, m.country, m.content"
)
_LOOKED_AT = 20_000
"""Messages that one page looks through for what no index finds; some hundredths of a second."""
_NAMES = [column.strip().removeprefix("m.") for column in _MESSAGE.split(",")]


def message(tx: Transaction, workspace_id: str, message_id: str) -> dict[str, Any] | None:
    """
    One message with its provider reference and cost, or None. Times are milliseconds.

    `rules` are (kind, rule, detail) of what rules changed about it or moved it for.
    """
    rows = tx.rows(
        f"SELECT {_MESSAGE} FROM messages m WHERE m.id = ? AND m.workspace_id = ?", (message_id, workspace_id)
    )
    if not rows:
        return None
    said = tx.rows(
        "SELECT kind, code, detail FROM events WHERE message_id = ? AND kind IN ('deferred', 'changed') ORDER BY seq",
        (message_id,),
    )
    return {**_with_attempts(tx, rows)[0], "rules": said}


def messages(
    tx: Transaction,
    workspace_id: str,
    *,
    status: str | None = None,
    to: str | None = None,
    campaign_id: str | None = None,
    account_id: str | None = None,
    reference: str | None = None,
    batch_id: str | None = None,
    after: str | None = None,
    limit: int = 50,
) -> list[dict[str, Any]]:
    """Like `messages_page`, looking on until there are `limit` messages or no more."""
    found: list[dict[str, Any]] = []
    while True:
        page, after = messages_page(
            tx, workspace_id, status=status, to=to, campaign_id=campaign_id, account_id=account_id,
            reference=reference, batch_id=batch_id, after=after, limit=limit - len(found),
        )  # fmt: skip
        found += page
        if after is None or len(found) == limit:
            return found


def messages_page(
    tx: Transaction,
    workspace_id: str,
    *,
    status: str | None = None,
    to: str | None = None,
    campaign_id: str | None = None,
    account_id: str | None = None,
    reference: str | None = None,
    batch_id: str | None = None,
    after: str | None = None,
    limit: int = 50,
) -> tuple[list[dict[str, Any]], str | None]:
    """
    Messages, newest first, before the id `after`, and the id to go on from, None at the end; filters joined by and.

    Those of a campaign come in the order of its rows, the last first. A page may have fewer than `limit`, even none,
    and still an id to go on from: what no index finds is looked for among 20,000 at a time, because an index on the
    account or on each status would cost every message that is sent.
    """
    given = {
        "m.address": to,
        "m.group_id": campaign_id,
        "m.reference": reference,
        "m.batch_id": batch_id,
        "m.status": status,
        "m.account_id": account_id,
    }
    where, values = _narrowed({column: value for column, value in given.items() if value is not None})
    is_found = to or campaign_id or reference or batch_id or (status in STOPPED_STATUSES and not account_id)
    bound = None if is_found else _looked_through(tx, after)
    # The index on people begins with the workspace: where the order of ids is walked, SQLite must not think of it.
    where.append("m.workspace_id = ?" if is_found else "m.workspace_id || '' = ?")
    values.append(workspace_id)
    order, before = "m.id", "m.id < ?"
    if campaign_id:
        order, before = "m.row", "m.row < (SELECT row FROM messages WHERE id = ?)"
    for term, value in ((before, after), ("m.id >= ?", bound)):
        if value is not None:
            where.append(term)
            values.append(value)
    rows = tx.rows(
        f"SELECT {_MESSAGE} FROM messages m WHERE {' AND '.join(where)} ORDER BY {order} DESC LIMIT ?",
        (*values, limit + 1),
    )
    following = rows[limit - 1][0] if len(rows) > limit else bound
    return _with_attempts(tx, rows[:limit]), following


# SQLite uses a partial index only for a statement that says its very condition.
_PARTIAL = {
    "m.group_id": "m.group_id <> ''",
    "m.reference": "m.reference <> ''",
    "m.batch_id": "m.batch_id IS NOT NULL",
}


def _narrowed(given: dict[str, str]) -> tuple[list[str], list[str]]:
    """Conditions on columns, and their values."""
    where = [f"{column} = ?" for column in given]
    where += [_PARTIAL[column] for column, value in given.items() if value and column in _PARTIAL]
    if given.get("m.status") in STOPPED_STATUSES:
        where.append(f"m.{STOPPED}")
    return where, list(given.values())


def _looked_through(tx: Transaction, after: str | None) -> str | None:
    """Where a page ends that looks through as many messages as it may; None when there are not so many."""
    where, values = ("WHERE id < ?", (after,)) if after is not None else ("", ())
    found = tx.rows(f"SELECT id FROM messages {where} ORDER BY id DESC LIMIT 1 OFFSET ?", (*values, _LOOKED_AT - 1))
    if not found:
        return None
    ((last,),) = found
    at = uuid7_ms(last)
    # The message may be another workspace's: its moment is told, not its name.
    return last if at is None else compose_uuid7(at, 0)


def campaign_messages(
    tx: Transaction, workspace_id: str, campaign_id: str, *, after_row: int = 0, limit: int = 1000
) -> list[dict[str, Any]]:
    """The messages of a campaign in the order of its file, after the row `after_row`."""
    rows = tx.rows(
        f"SELECT {_MESSAGE} FROM messages m WHERE m.group_id = ? AND m.group_id <> '' AND m.workspace_id = ?"
        " AND m.row > ? ORDER BY m.row LIMIT ?",
        (campaign_id, workspace_id, after_row, limit),
    )
    return _with_attempts(tx, rows)


def campaign_counts(tx: Transaction, workspace_id: str, campaign_id: str) -> dict[str, int]:
    """How many messages of a campaign are in each status; statuses without any are left out."""
    return dict(
        tx.rows(
            "SELECT status, count(*) FROM messages WHERE group_id = ? AND group_id <> '' AND workspace_id = ?"
            " GROUP BY status",
            (campaign_id, workspace_id),
        )
    )


def campaign_reasons(tx: Transaction, workspace_id: str, campaign_id: str) -> list[tuple[str, str, str, int]]:
    """Why messages of a campaign did not arrive: (status, account id, error kind, count), most frequent first."""
    return [
        (status, account_id, kind or "", count)
        for status, account_id, kind, count in tx.rows(
            "SELECT status, account_id, error_kind, count(*) AS n FROM messages WHERE group_id = ?"
            " AND group_id <> '' AND workspace_id = ?"
            " AND status IN ('failed', 'expired', 'suppressed', 'unknown', 'cancelled')"
            " GROUP BY status, account_id, error_kind ORDER BY n DESC",
            (campaign_id, workspace_id),
        )
    ]


def timeline(tx: Transaction, workspace_id: str, message_id: str) -> list[dict[str, Any]]:
    """
    A message's whole life in order: asked, each try with its exchange, each report, the end.

    Entries are `{at, kind, detail, …}`; an attempt's entry holds account, status, code, cost and the
    redacted exchange.
    """
    rows = tx.rows(
        "SELECT created_at, purpose, channel, send_at, route, attempts FROM messages WHERE id = ? AND workspace_id = ?",
        (message_id, workspace_id),
    )
    if not rows:
        return []
    created_at, purpose, channel, send_at, route, attempts = rows[0]
    condition, parameter = tx.among(_attempt_ids(message_id, attempts))
    life: list[dict[str, Any]] = [
        {"at": created_at, "kind": "created", "purpose": purpose, "channel": channel, "send_at": send_at,
         "route": json.loads(route)}
    ]  # fmt: skip
    names = [
        "at",
        "attempt_id",
        "account_id",
        "exchange_id",
        "status",
        "provider_ref",
        "parts",
        "cost_amount",
        "cost_currency",
        "error_kind",
        "error_code",
        "error_detail",
        "settled_at",
        "tries",
        "opened_at",
        "closed_at",
        "http_status",
        "request",
        "response",
    ]
    life += [
        {"kind": "attempt", **dict(zip(names, row, strict=True))}
        for row in tx.rows(
            "SELECT a.submitted_at, a.id, a.account_id, a.exchange_id, a.status, a.provider_ref, a.parts,"
            " a.cost_amount, a.cost_currency, a.error_kind, a.error_code, a.error_detail, a.settled_at, x.tries,"
            " x.opened_at, x.closed_at, x.http_status, x.request, x.response"
            f" FROM attempts a JOIN exchanges x ON x.id = a.exchange_id WHERE a.id {condition} ORDER BY a.submitted_at",
            (parameter,),
        )
    ]
    life += [
        {"at": at, "kind": kind, "status": status, "code": code, "detail": detail, "attempt_id": attempt_id,
         "account_id": account_id, "seq": seq}
        for at, kind, status, code, detail, attempt_id, account_id, seq in tx.rows(
            "SELECT at, kind, status, code, detail, attempt_id, account_id, seq FROM events WHERE message_id = ?"
            " ORDER BY seq",
            (message_id,),
        )
    ]  # fmt: skip
    # Facts of one millisecond keep the order in which they were written.
    return sorted(life, key=lambda entry: entry["at"])


class Place(NamedTuple):
    """A place in the event feed: the number of an event, with the transaction that wrote it on PostgreSQL."""

    seq: int = 0
    written_by: int = 0

    def __str__(self) -> str:
        return f"{self.written_by}.{self.seq}" if self.written_by else str(self.seq)

    @classmethod
    def read(cls, text: str) -> "Place":
        """Undo `str` of what matches `PLACE`; "" is the beginning."""
        written_by, _, seq = text.rpartition(".")
        return cls(int(seq or 0), int(written_by or 0))


PLACE = r"^([0-9]{1,18}(\.[0-9]{1,18})?)?$"
BEGINNING = Place()
_FEED = ("seq", "message_id", "attempt_id", "account_id", "kind", "status", "code", "detail", "at")


def events_after(
    tx: Transaction, workspace_id: str, *, after: Place = BEGINNING, limit: int = 100
) -> list[dict[str, Any]]:
    """
    The feed: events of a workspace behind a place, oldest first; each has its `place`.

    On PostgreSQL several transactions write at once and commit in any order, so their numbers alone would let a
    reader skip an event. There the feed goes by transaction, and shows those only that no open one precedes; a long
    transaction anywhere on the server holds it up.
    """
    columns = ", ".join(_FEED)
    if tx.dialect == "sqlite":
        rows = tx.rows(
            f"SELECT {columns}, 0 FROM events WHERE workspace_id = ? AND seq > ? ORDER BY seq LIMIT ?",
            (workspace_id, after.seq, limit),
        )
    else:
        rows = tx.rows(
            f"SELECT {columns}, written_by FROM events WHERE workspace_id = ? AND (written_by, seq) > (?, ?)"
            " AND written_by < (pg_snapshot_xmin(pg_current_snapshot())::text)::bigint"
            " ORDER BY written_by, seq LIMIT ?",
            (workspace_id, after.written_by, after.seq, limit),
        )
    return [{**dict(zip(_FEED, row[:-1], strict=True)), "place": str(Place(row[0], row[-1]))} for row in rows]


def lanes(tx: Transaction, workspace_id: str | None = None) -> list[dict[str, Any]]:
    """Per account: how many messages wait and since when the longest-waiting one is due."""
    # Only the index of what waits is to be read, not the one that begins with the workspace.
    where, values = ("AND workspace_id || '' = ?", (workspace_id,)) if workspace_id else ("", ())
    return [
        {"account_id": account_id, "waiting": waiting, "oldest_due_at": oldest}
        for account_id, waiting, oldest in tx.rows(
            "SELECT account_id, count(*), min(due_at) FROM messages WHERE due_at IS NOT NULL"
            f" {where} GROUP BY account_id ORDER BY account_id",
            values,
        )
    ]


def _with_attempts(tx: Transaction, rows: Sequence[tuple[Any, ...]]) -> list[dict[str, Any]]:
    found = [dict(zip(_NAMES, row, strict=True)) for row in rows]
    by_id = {entry["id"]: entry for entry in found}
    costs: dict[str, dict[str, Decimal]] = {}
    for entry in found:
        entry["provider_ref"] = None
    for message_id, provider_ref, parts, amount, currency in _attempts(tx, found):
        entry = by_id[message_id]
        entry["provider_ref"] = provider_ref or entry["provider_ref"]
        entry["parts"] = parts or entry["parts"]
        if amount is not None:
            sums = costs.setdefault(message_id, {})
            sums[currency] = sums.get(currency, Decimal(0)) + Decimal(amount)
    for entry in found:
        # Fail-over adds cost; amounts in two currencies cannot be one sum, so all are listed.
        entry["costs"] = [
            {"amount": str(amount), "currency": currency} for currency, amount in costs.get(entry["id"], {}).items()
        ]
    return found


def _attempt_ids(message_id: str, attempts: int) -> list[str]:
    return [attempt_id(message_id, number) for number in range(1, attempts + 1)]


def _attempts(tx: Transaction, entries: Iterable[dict[str, Any]]) -> list[tuple[Any, ...]]:
    condition, parameter = tx.among(
        attempt for entry in entries for attempt in _attempt_ids(entry["id"], entry["attempts"])
    )
    return tx.rows(
        "SELECT message_id, provider_ref, parts, cost_amount, cost_currency FROM attempts"
        f" WHERE id {condition} ORDER BY submitted_at",
        (parameter,),
    )
