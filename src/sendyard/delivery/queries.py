"""
Everything delivery reads and writes of the tables beside the ledger.
"""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import msgspec

from sendyard.delivery.fact_queries import fact_revisions
from sendyard.domain.ids import compose_uuid7
from sendyard.providers.contract import AccountNotice, TemplateChange
from sendyard.storage.identifiers import new_id, now_ms
from sendyard.storage.transaction import Transaction

Row = tuple[Any, ...]

_encode = msgspec.json.Encoder().encode

_ACCOUNTS = (
    "SELECT id, workspace_id, provider, name, sealed, callback_token, sender, status, pause_reason, rate_per_second,"
    " open_requests, price_per_part, currency, created_at FROM accounts ORDER BY id"
)
_ROUTES = "SELECT id, workspace_id, channel, country, purpose, accounts, failover FROM routes ORDER BY id"
_CATALOGUES = "SELECT account_id, revision FROM template_catalogues WHERE synced_at IS NOT NULL ORDER BY account_id"
_WORKSPACES = "SELECT id, recipient_hourly_limit FROM workspaces ORDER BY id"

# Nothing has been, or will be, put on the air for these.
_UNSENT = "('suppressed', 'cancelled')"
_STANDING = (
    "SELECT recent.messages, recent.first_at,"  # noqa: S608 - constant
    " EXISTS (SELECT 1 FROM erased_suppressions e WHERE e.workspace_id = ?), s.channel, s.purpose, s.reason, s.source,"
    " s.created_at FROM"
    " (SELECT COUNT(*) AS messages, MIN(created_at) AS first_at FROM messages"
    f" WHERE workspace_id = ? AND address = ? AND created_at > ? AND status NOT IN {_UNSENT}) AS recent"
    " LEFT JOIN suppressions AS s ON s.workspace_id = ? AND s.address = ? AND s.channel IN ('', ?)"
    " AND s.purpose IN ('', ?) LIMIT 1"
)
_SUPPRESS = (
    "INSERT INTO suppressions (id, workspace_id, address, channel, purpose, reason, source, evidence, created_at)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (workspace_id, address, channel, purpose) DO NOTHING"
)


class ConnectionRows(NamedTuple):
    """The rows a directory is made of; comparing two of these tells whether anything changed."""

    accounts: list[Row]
    routes: list[Row]
    workspaces: list[Row]
    catalogues: list[Row]  # (account, revision) of those whose templates were listed at least once
    facts: list[Row]  # (workspace, revision) of those that told something about themselves


class Lifted(NamedTuple):
    """A suppression that was removed."""

    address: str
    channel: str
    purpose: str
    reason: str


class Stop(NamedTuple):
    """A suppression that applies to one address on one channel for one purpose."""

    channel: str  # "" stands for any
    purpose: str  # likewise
    reason: str
    source: str
    created_at: int


class Standing(NamedTuple):
    """What is known of one address before another message to it."""

    messages: int  # given to it within the window
    first_at: int  # when the first of them was created; 0 when there are none
    stop: Stop | None
    erased: bool  # whether suppressions of erased people have to be looked at too


def connection_rows(tx: Transaction) -> ConnectionRows:
    """Read every account, route and workspace: tens to hundreds of rows in all."""
    return ConnectionRows(
        tx.rows(_ACCOUNTS), tx.rows(_ROUTES), tx.rows(_WORKSPACES), tx.rows(_CATALOGUES), fact_revisions(tx, now_ms())
    )


def template_copies(tx: Transaction, account_id: str) -> list[Row]:
    """
    (document, state, raw_state, category, quality, reason) of every template one provider keeps for an account.

    The columns count where they differ from the document: a callback changes only them.
    """
    return tx.rows(
        "SELECT document, state, raw_state, category, quality, reason FROM provider_templates WHERE account_id = ?"
        " ORDER BY name, language",
        (account_id,),
    )


def count_template_change(tx: Transaction, account_id: str) -> None:
    """Make every process read the account's templates again."""
    tx.run("UPDATE template_catalogues SET revision = revision + 1 WHERE account_id = ?", (account_id,))


def standing(
    tx: Transaction, workspace_id: str, address: str, channel: str, since: int, *, purpose: str = ""
) -> Standing:
    """
    Look up one address: messages created after `since` (uncommitted ones of this transaction too), suppression.

    Without a `purpose` only suppressions for every purpose count.
    """
    place = (workspace_id, address)
    row = tx.rows(_STANDING, (workspace_id, *place, since, *place, channel, purpose))[0]
    messages, first_at, erased, *stop = row
    return Standing(messages, first_at or 0, Stop(*stop) if stop[0] is not None else None, bool(erased))


def stops(tx: Transaction, workspace_id: str, addresses: Iterable[str]) -> dict[tuple[str, str, str], Stop]:
    """Find every suppression of many addresses with one query, by (address, channel, purpose)."""
    condition, parameter = tx.among(addresses)
    found = tx.rows(
        "SELECT address, channel, purpose, reason, source, created_at FROM suppressions"  # noqa: S608 - placeholders only
        f" WHERE workspace_id = ? AND address {condition}",
        (workspace_id, parameter),
    )
    return {(address, channel, purpose): Stop(channel, purpose, *rest) for address, channel, purpose, *rest in found}


def has_erased(tx: Transaction, workspace_id: str) -> bool:
    """Whether suppressions of erased people are kept."""
    return bool(tx.rows("SELECT 1 FROM erased_suppressions WHERE workspace_id = ? LIMIT 1", (workspace_id,)))


def erased_stops(tx: Transaction, workspace_id: str, digests: Iterable[str]) -> dict[tuple[str, str, str], Stop]:
    """Like `stops` for people who were erased, by (digest, channel, purpose)."""
    condition, parameter = tx.among(digests)
    found = tx.rows(
        "SELECT digest, channel, purpose, reason, created_at FROM erased_suppressions"  # noqa: S608 - placeholders only
        f" WHERE workspace_id = ? AND digest {condition}",
        (workspace_id, parameter),
    )
    return {
        (digest, channel, purpose): Stop(channel, purpose, reason, "an erased person", created_at)
        for digest, channel, purpose, reason, created_at in found
    }


def recent(tx: Transaction, workspace_id: str, addresses: Iterable[str], since: int) -> dict[str, tuple[int, int]]:
    """Count messages created after `since` with one query: (how many, first at); addresses without are left out."""
    condition, parameter = tx.among(addresses)
    found = tx.rows(
        "SELECT address, COUNT(*), MIN(created_at) FROM messages"  # noqa: S608 - placeholders only
        f" WHERE workspace_id = ? AND address {condition} AND created_at > ? AND status NOT IN {_UNSENT}"
        " GROUP BY address",
        (workspace_id, parameter, since),
    )
    return {address: (messages, first_at) for address, messages, first_at in found}


def suppress(
    tx: Transaction,
    workspace_id: str,
    address: str,
    *,
    channel: str,
    reason: str,
    source: str,
    now: int,
    purpose: str = "",
    evidence: str = "",
) -> bool:
    """Forbid an address, "" for every channel or purpose; False when it already was, and the older reason stays."""
    place = (workspace_id, address, channel, purpose)
    return tx.run(_SUPPRESS, (new_id(), *place, reason, source, evidence, now)) == 1


def unsuppress(tx: Transaction, workspace_id: str, address: str, *, channel: str, purpose: str = "") -> bool:
    """Lift exactly one suppression; False when there was none."""
    return bool(lift(tx, workspace_id, "address = ? AND channel = ? AND purpose = ?", (address, channel, purpose)))


def lift(tx: Transaction, workspace_id: str, condition: str, values: Sequence[Any]) -> list[Lifted]:
    """
    Remove the suppressions of a workspace that a condition of SQL finds.

    Each is noted: counts of people go on from what was known before, and look again only at those it was about.
    """
    found = tx.rows(
        f"DELETE FROM suppressions WHERE workspace_id = ? AND {condition}"  # noqa: S608 - conditions of ours
        " RETURNING id, created_at, address, channel, purpose, reason",
        (workspace_id, *values),
    )
    now = now_ms()
    tx.run_many(
        "INSERT INTO lifted_suppressions (workspace_id, id, suppression_id, address, made_at, lifted_at)"
        " VALUES (?, ?, ?, ?, ?, ?)",
        [(workspace_id, new_id(), suppression_id, address, made_at, now)
         for suppression_id, made_at, address, *_ in found],
    )  # fmt: skip
    return [Lifted(*about) for _, _, *about in found]


def pause_account(tx: Transaction, account_id: str, reason: str) -> bool:
    """Stop handing over through an account that must be repaired; False when it is paused already."""
    sql = "UPDATE accounts SET status = 'paused', pause_reason = ? WHERE id = ? AND status = 'active'"
    return tx.run(sql, (reason, account_id)) == 1


def keep_unreadable(
    tx: Transaction, workspace_id: str, account_id: str, *, reason: str, query: str, body: str, now: int
) -> None:
    """Keep a callback that could not be read, for a person to look at; texts are redacted by the caller."""
    tx.run(
        "INSERT INTO unreadable_callbacks (id, workspace_id, account_id, reason, query, body, received_at)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        (new_id(), workspace_id, account_id, reason, query, body, now),
    )


def keep_template_change(
    tx: Transaction, workspace_id: str, account_id: str, change: TemplateChange, *, now: int
) -> bool:
    """Bring our copy of a provider's template up to date; one not listed yet is kept by what is known of it."""
    count_template_change(tx, account_id)
    state = change.state.value if change.state else None
    changed = tx.run(
        "UPDATE provider_templates SET state = COALESCE(?, state), raw_state = COALESCE(NULLIF(?, ''), raw_state),"
        " category = COALESCE(NULLIF(?, ''), category), quality = COALESCE(NULLIF(?, ''), quality), reason = ?,"
        " synced_at = ? WHERE account_id = ? AND name = ? AND (? = '' OR language = ?)",
        (
            state,
            change.raw_state,
            change.category,
            change.quality,
            change.reason,
            now,
            account_id,
            change.name,
            change.language,
            change.language,
        ),
    )
    if changed:
        return True
    document = _encode({"name": change.name, "language": change.language, "state": state or "unmapped"}).decode()
    return bool(
        tx.run(
            "INSERT INTO provider_templates (id, workspace_id, account_id, name, language, state, raw_state, category,"
            " quality, reason, provider_ref, document, synced_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
            " ON CONFLICT DO NOTHING",
            (
                new_id(),
                workspace_id,
                account_id,
                change.name,
                change.language,
                state or "unmapped",
                change.raw_state,
                change.category,
                change.quality,
                change.reason,
                change.provider_ref,
                document,
                now,
            ),
        )
    )


def people_written(tx: Transaction, workspace_id: str, accounts: Iterable[str], since: int) -> int:
    """How many addresses got a message through any of these accounts, of messages made since then (milliseconds)."""
    condition, parameter = tx.among(accounts)
    (found,) = tx.rows(
        "SELECT COUNT(DISTINCT address) FROM messages WHERE id >= ? AND workspace_id = ?"  # noqa: S608 - placeholders only
        f" AND account_id {condition} AND sent_at IS NOT NULL",
        (compose_uuid7(since, 0), workspace_id, parameter),
    )
    return int(found[0])


def keep_notice(tx: Transaction, workspace_id: str, account_id: str, notice: AccountNotice, *, now: int) -> bool:
    """Keep what a provider says about an account; False when it said so before."""
    return bool(
        tx.run(
            "INSERT INTO account_notices (id, workspace_id, account_id, subject, detail, facts, dedupe_key,"
            " received_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
            (
                new_id(),
                workspace_id,
                account_id,
                notice.subject,
                notice.detail,
                _encode(dict(notice.facts)).decode(),
                notice.dedupe_key,
                now,
            ),
        )
    )


def newest_notice(tx: Transaction, account_id: str, subject: str) -> str | None:
    """The facts of the newest notice on a subject, as JSON; None without one."""
    found = tx.rows(
        "SELECT facts FROM account_notices WHERE account_id = ? AND subject = ? ORDER BY id DESC LIMIT 1",
        (account_id, subject),
    )
    return str(found[0][0]) if found else None


def hold_settings(tx: Transaction, account_id: str) -> bytes | None:
    """The sealed settings of an account, which nobody else changes until this transaction ends; None: it is gone."""
    found = tx.rows("UPDATE accounts SET sealed = sealed WHERE id = ? RETURNING sealed", (account_id,))
    return bytes(found[0][0]) if found else None


def replace_settings(tx: Transaction, account_id: str, sealed: bytes) -> None:
    """Keep other settings, sealed."""
    tx.run("UPDATE accounts SET sealed = ? WHERE id = ?", (sealed, account_id))


def lease_poll(tx: Transaction, account_id: str, *, now: int, until: int) -> bool:
    """Become the one worker that asks this account for reports until `until`; False when another is."""
    sql = "UPDATE accounts SET poll_lease_until = ? WHERE id = ? AND poll_lease_until <= ?"
    return tx.run(sql, (until, account_id, now)) == 1


def free_poll(tx: Transaction, account_id: str) -> None:
    """Let others ask this account for reports again."""
    tx.run("UPDATE accounts SET poll_lease_until = 0 WHERE id = ?", (account_id,))
