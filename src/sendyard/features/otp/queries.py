"""
The SQL of one-time codes.

A code is open while it is pending, or unknown, which is a code of a provider that gave no answer to the request to
send it. Every change of an open code is one statement that looks whether it still is.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import astuple, dataclass, fields
from typing import Any

from sendyard.domain.ids import compose_uuid7
from sendyard.ledger.content_codec import Letter, decode_letter
from sendyard.ledger.masking import MASKED
from sendyard.storage.transaction import Transaction


@dataclass(frozen=True, slots=True)
class CodeRow:
    """One code as it is stored; times are milliseconds since 1970."""

    id: str
    workspace_id: str
    address_kind: str
    address: str
    country: str
    channel: str
    digest: bytes | None  # None: the provider checks it; or the code is over and its texts are gone
    account_id: str | None  # of the provider that checks it
    session: str
    message_id: str | None  # the latest that carries a code of our own
    reference: str
    status: str
    attempts_left: int
    sends: int
    resend_after: int
    expires_at: int
    created_at: int
    verified_at: int | None = None


@dataclass(frozen=True, slots=True)
class Sent:
    """A message that carried a code, as far as another like it needs to be made."""

    letter: Letter
    sender: str
    account: str  # the one account it could use; "" for a route


SLACK_MS = 60_000
"""How much older than its code a message may be: clocks of machines differ."""

_NAMES = tuple(column.name for column in fields(CodeRow))
_COLUMNS = ", ".join(_NAMES)
_PLACES = ", ".join("?" * len(_NAMES))
_ONE = "workspace_id = ? AND id = ?"
_OPEN = "status IN ('pending', 'unknown')"


def lock(tx: Transaction, workspace_id: str, address: str) -> None:
    """Let one transaction at a time decide about an address. SQLite has one writer anyhow."""
    if tx.dialect == "postgresql":
        key = hashlib.blake2b(f"otp {workspace_id} {address}".encode(), digest_size=8).digest()
        tx.rows("SELECT pg_advisory_xact_lock(?)", (int.from_bytes(key, signed=True),))


def insert(tx: Transaction, code: CodeRow) -> None:
    """Store a new code."""
    tx.run(f"INSERT INTO otp_codes ({_COLUMNS}) VALUES ({_PLACES})", astuple(code))  # noqa: S608 - our own columns


def find(tx: Transaction, workspace_id: str, code_id: str) -> CodeRow | None:
    """Give one code."""
    rows = tx.rows(f"SELECT {_COLUMNS} FROM otp_codes WHERE {_ONE}", (workspace_id, code_id))  # noqa: S608 - likewise
    return _row(rows[0]) if rows else None


def recent(tx: Transaction, workspace_id: str, address: str, since: int) -> list[CodeRow]:
    """Give the codes of one address made after `since`, oldest first."""
    rows = tx.rows(
        f"SELECT {_COLUMNS} FROM otp_codes WHERE workspace_id = ? AND address = ? AND created_at > ?"  # noqa: S608 - likewise
        " ORDER BY created_at, id",
        (workspace_id, address, since),
    )
    return [_row(row) for row in rows]


def to_country(tx: Transaction, workspace_id: str, country: str, since: int) -> tuple[int, int, int]:
    """Count the codes to a country made after `since`: (all, those verified, when the first was made)."""
    # Ids begin with their time, so that the primary key leads to the last hour.
    ((codes, verified, first_at),) = tx.rows(
        "SELECT COUNT(*), COUNT(verified_at), MIN(created_at) FROM otp_codes"
        " WHERE id >= ? AND workspace_id = ? AND country = ? AND created_at > ?",
        (compose_uuid7(since, 0), workspace_id, country, since),
    )
    return codes, verified, first_at or 0


def remove(tx: Transaction, workspace_id: str, code_id: str) -> None:
    """Forget a code that was never sent."""
    tx.run(f"DELETE FROM otp_codes WHERE {_ONE}", (workspace_id, code_id))  # noqa: S608 - likewise


def cancel_others(tx: Transaction, workspace_id: str, address: str, code_id: str) -> list[str]:
    """End the open codes of an address but for one; gives the messages that carry them."""
    rows = tx.rows(
        f"UPDATE otp_codes SET status = 'cancelled' WHERE workspace_id = ? AND address = ? AND {_OPEN} AND id <> ?"  # noqa: S608 - likewise
        " RETURNING message_id",
        (workspace_id, address, code_id),
    )
    return [message_id for (message_id,) in rows if message_id]


def started(tx: Transaction, workspace_id: str, code_id: str, session: str, expires_at: int) -> None:
    """Note that the provider has sent a code of its own."""
    tx.run(
        f"UPDATE otp_codes SET status = 'pending', session = ?, expires_at = ? WHERE {_ONE} AND {_OPEN}",  # noqa: S608 - likewise
        (session, expires_at, workspace_id, code_id),
    )


def doubt(tx: Transaction, workspace_id: str, code_id: str) -> None:
    """Note that nobody knows whether the provider sent another code: no session speaks for both."""
    tx.run(
        f"UPDATE otp_codes SET status = 'unknown', session = '' WHERE {_ONE} AND {_OPEN}",  # noqa: S608 - likewise
        (workspace_id, code_id),
    )


def sent_again(
    tx: Transaction, workspace_id: str, code_id: str, *, sends: int, resend_after: int, message_id: str | None
) -> bool:
    """Count a send, or take one back with -1; False when the code is over."""
    count = tx.run(
        f"UPDATE otp_codes SET sends = sends + ?, resend_after = ?, message_id = ? WHERE {_ONE} AND {_OPEN}",  # noqa: S608 - likewise
        (sends, resend_after, message_id, workspace_id, code_id),
    )
    return count == 1


def verify(tx: Transaction, workspace_id: str, code_id: str, now: int) -> bool:
    """End a code of our own as verified; True for exactly one caller."""
    count = tx.run(
        f"UPDATE otp_codes SET status = 'verified', verified_at = ? WHERE {_ONE} AND {_OPEN}"  # noqa: S608 - likewise
        " AND attempts_left > 0 AND expires_at > ?",
        (now, workspace_id, code_id, now),
    )
    return count == 1


def verify_theirs(tx: Transaction, workspace_id: str, code_id: str, now: int) -> bool:
    """Like `verify`, for a code that its provider judged, its attempt taken and its time looked at before."""
    count = tx.run(
        f"UPDATE otp_codes SET status = 'verified', verified_at = ? WHERE {_ONE} AND {_OPEN}",  # noqa: S608 - likewise
        (now, workspace_id, code_id),
    )
    return count == 1


def take_attempt(tx: Transaction, workspace_id: str, code_id: str, now: int, *, burns: bool) -> int | None:
    """Use up an attempt and give how many are left, None when there was none; with the last one the code `burns`."""
    status = "CASE WHEN attempts_left = 1 THEN 'failed' ELSE status END" if burns else "status"
    rows = tx.rows(
        f"UPDATE otp_codes SET attempts_left = attempts_left - 1, status = {status} WHERE {_ONE} AND {_OPEN}"  # noqa: S608 - likewise
        " AND attempts_left > 0 AND expires_at > ? RETURNING attempts_left",
        (workspace_id, code_id, now),
    )
    return rows[0][0] if rows else None


def give_attempt_back(tx: Transaction, workspace_id: str, code_id: str) -> None:
    """Undo `take_attempt`: nothing was learnt by it."""
    tx.run(f"UPDATE otp_codes SET attempts_left = attempts_left + 1 WHERE {_ONE} AND {_OPEN}", (workspace_id, code_id))  # noqa: S608 - likewise


def burn(tx: Transaction, workspace_id: str, code_id: str) -> None:
    """End a code none of whose attempts is left."""
    tx.run(
        f"UPDATE otp_codes SET status = 'failed' WHERE {_ONE} AND {_OPEN} AND attempts_left <= 0",  # noqa: S608 - likewise
        (workspace_id, code_id),
    )


def expire(tx: Transaction, workspace_id: str, code_id: str) -> None:
    """End a code whose time is over by the provider's clock."""
    tx.run(f"UPDATE otp_codes SET status = 'expired' WHERE {_ONE} AND {_OPEN}", (workspace_id, code_id))  # noqa: S608 - likewise


def sent(tx: Transaction, workspace_id: str, message_id: str | None) -> Sent | None:
    """Give the message that carried a code of our own; None when its text is gone."""
    rows = tx.rows(
        "SELECT content, sender, route, failover FROM messages WHERE workspace_id = ? AND id = ? AND content <> ?",
        (workspace_id, message_id, MASKED),
    )
    if not rows:
        return None
    content, sender, route, failover = rows[0]
    accounts = json.loads(route)
    # A message without another way had its account named, or a route that leaves it no other.
    return Sent(decode_letter(content), sender, accounts[0] if len(accounts) == 1 and not failover else "")


def worn_out(tx: Transaction, before: int, after: str, limit: int) -> list[CodeRow]:
    """Give codes of our own that ended before a time and whose messages may still hold them, behind an id."""
    rows = tx.rows(
        f"SELECT {_COLUMNS} FROM otp_codes WHERE id > ? AND digest IS NOT NULL AND expires_at <= ?"  # noqa: S608 - likewise
        " ORDER BY id LIMIT ?",
        (after, before, limit),
    )
    return [_row(row) for row in rows]


def drop_digests(tx: Transaction, codes: Sequence[CodeRow]) -> int:
    """Forget the fingerprints of codes that none of their messages holds any more; returns how many."""
    return tx.run_many(
        "UPDATE otp_codes SET digest = NULL WHERE id = ? AND NOT EXISTS (SELECT 1 FROM messages m"
        " WHERE m.workspace_id = otp_codes.workspace_id AND m.address = otp_codes.address AND m.created_at >= ?"
        " AND m.batch_id = otp_codes.id AND m.content <> ?)",
        [(code.id, code.created_at - SLACK_MS, MASKED) for code in codes],
    )


def forget_old(tx: Transaction, before: int) -> int:
    """Remove codes made before a time; returns how many."""
    return tx.run("DELETE FROM otp_codes WHERE id < ?", (compose_uuid7(before, 0),))


def _row(values: Sequence[Any]) -> CodeRow:
    row = dict(zip(_NAMES, values, strict=True))
    row["digest"] = None if row["digest"] is None else bytes(row["digest"])
    return CodeRow(**row)
