"""
The SQL of keywords, requests for consent and reminders of it.
"""

from collections.abc import Iterable
from typing import NamedTuple

from sendyard.storage.transaction import Transaction

_WORD = "word, written, intent, language, created_at"
_REQUEST = (
    "id, address, channel, purpose, kind, language, words, state, account_id, message_id, source, evidence,"
    " created_at, expires_at, settled_at"
)
_NOTICE = "consent_id, due_at, address, channel, text, state, message_id, error, created_at, settled_at"
_SENT = "('sent', 'delivered', 'read')"
_LOST = "('failed', 'expired', 'cancelled', 'suppressed')"


class WordRow(NamedTuple):
    """A word of a workspace's own."""

    word: str
    written: str
    intent: str
    language: str
    created_at: int


class RequestRow(NamedTuple):
    """A question that waits for its answer, or had one."""

    id: str
    address: str
    channel: str
    purpose: str
    kind: str
    language: str
    words: str  # JSON list
    state: str
    account_id: str
    message_id: str
    source: str
    evidence: str
    created_at: int
    expires_at: int
    settled_at: int | None = None


class NoticeRow(NamedTuple):
    """A reminder of one consent."""

    consent_id: str
    due_at: int
    address: str
    channel: str
    text: str
    state: str
    message_id: str
    error: str
    created_at: int
    settled_at: int | None = None


class SettingsRow(NamedTuple):
    """How a workspace reminds people."""

    automatic: bool
    days_before: int
    account: str
    sender: str


def own_words(tx: Transaction, workspace_id: str) -> list[WordRow]:
    """Every word of the workspace's own, in the order of the words."""
    sql = f"SELECT {_WORD} FROM keyword_words WHERE workspace_id = ? ORDER BY word"  # noqa: S608 - constants
    return [WordRow(*found) for found in tx.rows(sql, (workspace_id,))]


def own_word(tx: Transaction, workspace_id: str, word: str) -> tuple[str, str] | None:
    """What a word of the workspace's own means, and its language."""
    found = tx.rows("SELECT intent, language FROM keyword_words WHERE workspace_id = ? AND word = ?",
                    (workspace_id, word))  # fmt: skip
    return (found[0][0], found[0][1]) if found else None


def keep_own_word(tx: Transaction, workspace_id: str, row: WordRow) -> None:
    """Store a word, or what it means now."""
    tx.run(
        f"INSERT INTO keyword_words (workspace_id, {_WORD}) VALUES (?, ?, ?, ?, ?, ?)"  # noqa: S608 - constants
        " ON CONFLICT (workspace_id, word) DO UPDATE SET written = excluded.written, intent = excluded.intent,"
        " language = excluded.language",
        (workspace_id, *row),
    )


def forget_own_word(tx: Transaction, workspace_id: str, word: str) -> bool:
    """Remove a word; False when it was none."""
    return bool(tx.run("DELETE FROM keyword_words WHERE workspace_id = ? AND word = ?", (workspace_id, word)))


def own_texts(tx: Transaction, workspace_id: str) -> dict[tuple[str, str], str]:
    """The workspace's own texts by (what for, language)."""
    found = tx.rows("SELECT intent, language, text FROM keyword_texts WHERE workspace_id = ?", (workspace_id,))
    return {(intent, language): text for intent, language, text in found}


def own_text(tx: Transaction, workspace_id: str, intent: str, language: str) -> str:
    """One text of the workspace's own; "" for none."""
    found = tx.rows("SELECT text FROM keyword_texts WHERE workspace_id = ? AND intent = ? AND language = ?",
                    (workspace_id, intent, language))  # fmt: skip
    return str(found[0][0]) if found else ""


def keep_own_text(tx: Transaction, workspace_id: str, intent: str, language: str, text: str, *, now: int) -> None:
    """Store a text."""
    tx.run(
        "INSERT INTO keyword_texts (workspace_id, intent, language, text, updated_at) VALUES (?, ?, ?, ?, ?)"
        " ON CONFLICT (workspace_id, intent, language) DO UPDATE SET text = excluded.text,"
        " updated_at = excluded.updated_at",
        (workspace_id, intent, language, text, now),
    )


def forget_own_text(tx: Transaction, workspace_id: str, intent: str, language: str) -> bool:
    """Go back to the built-in text; False when there was no other."""
    sql = "DELETE FROM keyword_texts WHERE workspace_id = ? AND intent = ? AND language = ?"
    return bool(tx.run(sql, (workspace_id, intent, language)))


def add_request(tx: Transaction, workspace_id: str, row: RequestRow) -> None:
    """Store a question."""
    tx.run(
        f"INSERT INTO consent_requests (workspace_id, {_REQUEST}) VALUES ({', '.join('?' * 16)})",  # noqa: S608 - constants
        (workspace_id, *row),
    )


def request(tx: Transaction, workspace_id: str, request_id: str) -> RequestRow | None:
    """One question."""
    sql = f"SELECT {_REQUEST} FROM consent_requests WHERE workspace_id = ? AND id = ?"  # noqa: S608 - constants
    found = tx.rows(sql, (workspace_id, request_id))
    return RequestRow(*found[0]) if found else None


def requests(
    tx: Transaction, workspace_id: str, *, address: str, state: str, now: int, after: str, limit: int
) -> list[RequestRow]:
    """Questions in the order they were asked; of one address and in one state, unless these are ""."""
    only, values = "", [workspace_id, after]
    if address:
        only, values = " AND address = ?", [*values, address]
    if state in {"waiting", "expired"}:
        only += f" AND state = 'waiting' AND expires_at {'>' if state == 'waiting' else '<='} {now:d}"
    elif state:
        only, values = f"{only} AND state = ?", [*values, state]
    sql = f"SELECT {_REQUEST} FROM consent_requests WHERE workspace_id = ? AND id > ?{only} ORDER BY id LIMIT ?"  # noqa: S608 - constants
    return [RequestRow(*found) for found in tx.rows(sql, (*values, limit))]


def waiting_requests(tx: Transaction, workspace_id: str, addresses: Iterable[str], *, now: int) -> list[RequestRow]:
    """Questions to these people that may still be answered, the newest first."""
    condition, parameter = tx.among(addresses)
    sql = (
        f"SELECT {_REQUEST} FROM consent_requests WHERE workspace_id = ? AND address {condition}"  # noqa: S608 - constants
        " AND state = 'waiting' AND expires_at > ? ORDER BY id DESC"
    )
    return [RequestRow(*found) for found in tx.rows(sql, (workspace_id, parameter, now))]


def settle_requests(
    tx: Transaction, workspace_id: str, ids: Iterable[str], *, state: str, evidence: str, now: int
) -> int:
    """End questions that still wait; gives how many did."""
    condition, parameter = tx.among(ids)
    return tx.run(
        "UPDATE consent_requests SET state = ?, evidence = ?, settled_at = ?"  # noqa: S608 - placeholders only
        f" WHERE workspace_id = ? AND id {condition} AND state = 'waiting'",
        (state, evidence, now, workspace_id, parameter),
    )


def settings(tx: Transaction, workspace_id: str) -> SettingsRow | None:
    """How the workspace reminds people; None where nobody has said."""
    found = tx.rows(
        "SELECT automatic, days_before, account, sender FROM consent_settings WHERE workspace_id = ?", (workspace_id,)
    )
    return SettingsRow(bool(found[0][0]), *found[0][1:]) if found else None


def keep_settings(tx: Transaction, workspace_id: str, row: SettingsRow, *, now: int) -> None:
    """Store how the workspace reminds people."""
    tx.run(
        "INSERT INTO consent_settings (workspace_id, automatic, days_before, account, sender, updated_at)"
        " VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (workspace_id) DO UPDATE SET automatic = excluded.automatic,"
        " days_before = excluded.days_before, account = excluded.account, sender = excluded.sender,"
        " updated_at = excluded.updated_at",
        (workspace_id, *row, now),
    )


def add_notice(tx: Transaction, workspace_id: str, row: NoticeRow) -> bool:
    """Store a reminder; False when this consent has one for that day already."""
    return bool(
        tx.run(
            f"INSERT INTO renewal_notices (workspace_id, {_NOTICE}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"  # noqa: S608 - constants
            " ON CONFLICT DO NOTHING",
            (workspace_id, *row),
        )
    )


def notices(tx: Transaction, workspace_id: str, consent_ids: Iterable[str]) -> dict[tuple[str, int], NoticeRow]:
    """Reminders of these consents, by consent and the moment it falls due."""
    condition, parameter = tx.among(consent_ids)
    sql = f"SELECT {_NOTICE} FROM renewal_notices WHERE workspace_id = ? AND consent_id {condition}"  # noqa: S608 - constants
    rows = [NoticeRow(*found) for found in tx.rows(sql, (workspace_id, parameter))]
    return {(row.consent_id, row.due_at): row for row in rows}


def send_notices(
    tx: Transaction, workspace_id: str, places: Iterable[tuple[str, int]], *, message_id: str, text: str
) -> int:
    """Note that reminders go out with a message; gives how many still could."""
    return sum(
        tx.run(
            "UPDATE renewal_notices SET state = 'sending', message_id = ?, text = ?, error = ''"
            " WHERE workspace_id = ? AND consent_id = ? AND due_at = ? AND state IN ('ready', 'failed')",
            (message_id, text, workspace_id, consent_id, due_at),
        )
        for consent_id, due_at in places
    )


def note_failure(tx: Transaction, workspace_id: str, places: Iterable[tuple[str, int]], error: str) -> None:
    """Note why reminders could not go out; they stay ready."""
    tx.run_many(
        "UPDATE renewal_notices SET error = ? WHERE workspace_id = ? AND consent_id = ? AND due_at = ?",
        [(error, workspace_id, *place) for place in places],
    )


def arrived_notices(tx: Transaction, workspace_id: str) -> list[tuple[str, int, int]]:
    """Reminders whose message was handed over: consent, due, and when that was."""
    return [
        (consent_id, due_at, at)
        for consent_id, due_at, at in tx.rows(
            "SELECT n.consent_id, n.due_at, COALESCE(m.sent_at, m.created_at) FROM renewal_notices n"  # noqa: S608 - constants
            " JOIN messages m ON m.id = n.message_id"
            f" WHERE n.workspace_id = ? AND n.state = 'sending' AND m.status IN {_SENT}",
            (workspace_id,),
        )
    ]


def settle_notices(tx: Transaction, workspace_id: str, places: Iterable[tuple[str, int]], *, now: int) -> None:
    """Note that reminders were sent."""
    tx.run_many(
        "UPDATE renewal_notices SET state = 'sent', settled_at = ?"
        " WHERE workspace_id = ? AND consent_id = ? AND due_at = ?",
        [(now, workspace_id, *place) for place in places],
    )


def lost_notices(tx: Transaction, workspace_id: str) -> int:
    """Let reminders whose message failed be sent again; gives how many."""
    return tx.run(
        "UPDATE renewal_notices SET state = 'failed', error ="  # noqa: S608 - constants
        " (SELECT COALESCE(m.error_detail, m.status) FROM messages m WHERE m.id = renewal_notices.message_id)"
        " WHERE workspace_id = ? AND state = 'sending' AND EXISTS"
        f" (SELECT 1 FROM messages m WHERE m.id = renewal_notices.message_id AND m.status IN {_LOST})",
        (workspace_id,),
    )


def workspaces_with_consents(tx: Transaction) -> list[str]:
    """Workspaces in which anybody has said anything."""
    found = tx.rows(
        "SELECT id FROM workspaces w WHERE EXISTS (SELECT 1 FROM consents c WHERE c.workspace_id = w.id) ORDER BY id"
    )
    return [workspace_id for (workspace_id,) in found]


def erase(tx: Transaction, workspace_id: str, address: str, pseudonym: str) -> None:
    """Put a pseudonym in place of an address, and forget what was said."""
    tx.run(
        "UPDATE consent_requests SET address = ?, evidence = '', source = '', words = '[]', state = CASE state"
        " WHEN 'waiting' THEN 'replaced' ELSE state END WHERE workspace_id = ? AND address = ?",
        (pseudonym, workspace_id, address),
    )
    tx.run(
        "UPDATE renewal_notices SET address = ?, text = '' WHERE workspace_id = ? AND address = ?",
        (pseudonym, workspace_id, address),
    )
