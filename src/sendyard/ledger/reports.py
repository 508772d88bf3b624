"""
Delivery reports find their attempt and move it forward; those without one are kept until it is known.

Any order and any repetition ends in the same state: attempts only climb `domain.status.RANK`, and a
message follows its attempts (delivered by any of them is delivered).
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from sendyard.domain.errors import ErrorKind, ProviderError
from sendyard.domain.status import RANK, AttemptStatus, MessageStatus, ReportStatus
from sendyard.ledger.claim import CLAIMED_COLUMNS, claimed_from
from sendyard.ledger.entries import Claimed, EventKind, NextStep, Report
from sendyard.ledger.kept_counts import outdate
from sendyard.storage.transaction import Transaction

AfterFailure = Callable[[Claimed, ProviderError], NextStep]
"""What to do with a message whose newest attempt failed after it was accepted."""

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Report).decode
_ATTEMPT_STATUS = {
    ReportStatus.SENT: AttemptStatus.SENT,
    ReportStatus.DELIVERED: AttemptStatus.DELIVERED,
    ReportStatus.READ: AttemptStatus.READ,
    ReportStatus.FAILED: AttemptStatus.FAILED,
}
_BY_REF_CHUNK = 500
ASKED_AFTER_MS = 600_000
"""After so long the provider is asked what became of an attempt of which only a report, and no answer, said it left."""


@dataclass(slots=True)
class Recorded:
    """What a call of `record` did with its reports."""

    matched: int = 0
    repeated: int = 0
    unmatched: int = 0


@dataclass(slots=True)
class _Known:
    id: str
    message_id: str
    workspace_id: str
    rank: int
    recipient: str
    provider_ref: str | None
    other_ref: str | None
    campaign_id: str

    @property
    def number(self) -> int:
        """Which attempt of its message it is."""
        return int(self.id.rpartition("-")[2])


_Said = tuple[_Known, Report]


def record(
    tx: Transaction,
    workspace_id: str,
    account_id: str,
    reports: Sequence[Report],
    *,
    now: int,
    after_failure: AfterFailure,
) -> Recorded:
    """Store reports of one account: matched ones as events, the others aside until `match_again` places them."""
    done = Recorded()
    said: list[_Said] = []
    orphans: list[Report] = []
    for report, attempt in zip(reports, _find(tx, account_id, reports), strict=True):
        if attempt is None:
            orphans.append(report)
        else:
            said.append((attempt, report))
    done.unmatched = sum(_keep(tx, workspace_id, account_id, report, now) for report in orphans)
    fresh = _note(tx, account_id, said, now=now)
    done.matched, done.repeated = len(fresh), len(said) - len(fresh)
    _apply(tx, fresh, now=now, after_failure=after_failure)
    return done


def place_early(tx: Transaction, account_id: str, provider_refs: Collection[str], *, now: int) -> int:
    """
    Place the reports of one account that came before the receipt with one of these references was written.

    Failures are left for the sweep, which can decide about them, and so are reports that name only our own
    reference. Returns how many were placed.
    """
    any_kept = "SELECT 1 FROM unmatched_reports WHERE account_id = ? LIMIT 1"
    if not provider_refs or not tx.rows(any_kept, (account_id,)):
        return 0
    condition, parameter = tx.among(provider_refs)
    rows = tx.rows(
        f"SELECT dedupe_key, report FROM unmatched_reports WHERE account_id = ? AND provider_ref {condition}"
        " ORDER BY received_at",
        (account_id, parameter),
    )
    return _place(tx, account_id, rows, now=now, after_failure=None)


def match_again(tx: Transaction, account_id: str, *, now: int, after_failure: AfterFailure, since: int = 0) -> int:
    """
    Try to place the reports of one account that came after `since` and before their attempt was known.

    Returns how many were placed.
    """
    rows = tx.rows(
        "SELECT u.dedupe_key, u.report FROM unmatched_reports u WHERE u.account_id = ? AND u.received_at >= ?"
        " AND (EXISTS (SELECT 1 FROM attempts a WHERE a.account_id = u.account_id AND a.provider_ref = u.provider_ref)"
        " OR EXISTS (SELECT 1 FROM attempts a WHERE a.account_id = u.account_id AND a.other_ref = u.provider_ref)"
        " OR EXISTS (SELECT 1 FROM attempts a WHERE a.id = u.reference AND a.account_id = u.account_id))"
        " ORDER BY u.received_at LIMIT ?",
        (account_id, since, _BY_REF_CHUNK),
    )
    return _place(tx, account_id, rows, now=now, after_failure=after_failure)


def forget_unmatched(tx: Transaction, *, before: int) -> int:
    """Remove reports that nobody has been found for since before that moment; returns how many."""
    return tx.run("DELETE FROM unmatched_reports WHERE received_at < ?", (before,))


def _place(
    tx: Transaction,
    account_id: str,
    rows: Sequence[tuple[Any, ...]],
    *,
    now: int,
    after_failure: AfterFailure | None,
) -> int:
    placed, said = [], []
    reports = [_decode(report) for _, report in rows]
    for (dedupe_key, _), report, attempt in zip(rows, reports, _find(tx, account_id, reports), strict=True):
        if attempt is None or (report.status is ReportStatus.FAILED and after_failure is None):
            continue
        said.append((attempt, report))
        placed.append((account_id, dedupe_key))
    _apply(tx, _note(tx, account_id, said, now=now), now=now, after_failure=after_failure or _never)
    tx.run_many("DELETE FROM unmatched_reports WHERE account_id = ? AND dedupe_key = ?", placed)
    return len(placed)


def _never(_message: Claimed, _error: ProviderError) -> NextStep:
    raise AssertionError("failures are left to the sweep")


def _find(tx: Transaction, account_id: str, reports: Sequence[Report]) -> list[_Known | None]:
    columns = "a.id, a.message_id, a.workspace_id, a.rank, m.address, a.provider_ref, a.other_ref, m.group_id"
    source = "FROM attempts a JOIN messages m ON m.id = a.message_id WHERE a.account_id = ? AND"
    by_id: dict[str, _Known] = {}
    references = {report.reference for report in reports if report.reference}
    if references:
        condition, parameter = tx.among(references)
        for row in tx.table(columns, f"{source} a.id {condition}", (account_id, parameter)):
            by_id[row[0]] = _Known(*row)
    by_ref: dict[str, list[_Known]] = {}
    refs = {r.provider_ref for r in reports if r.provider_ref and r.reference not in by_id}
    for column in ("provider_ref", "other_ref"):
        if sought := refs - by_ref.keys():
            condition, parameter = tx.among(sought)
            for *row, ref in tx.table(
                f"{columns}, a.{column}", f"{source} a.{column} {condition}", (account_id, parameter)
            ):
                # One attempt found in several ways must stay one: what a report does to it, the next one builds on.
                by_ref.setdefault(ref, []).append(by_id.setdefault(row[0], _Known(*row)))
    return [by_id.get(report.reference) or _choose(by_ref.get(report.provider_ref, []), report) for report in reports]


def _choose(candidates: list[_Known], report: Report) -> _Known | None:
    # Some providers give one id to a whole batch, and some prove nothing but their address: the
    # recipient, where the report names one, must be the attempt's own.
    fitting = [known for known in candidates if not report.recipient or known.recipient == report.recipient]
    return fitting[0] if len(fitting) == 1 else None


def _keep(tx: Transaction, workspace_id: str, account_id: str, report: Report, now: int) -> int:
    return tx.run(
        "INSERT INTO unmatched_reports (account_id, dedupe_key, workspace_id, reference, provider_ref, recipient,"
        " report, received_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
        (
            account_id,
            report.dedupe_key,
            workspace_id,
            report.reference,
            report.provider_ref,
            report.recipient,
            _encode(report).decode(),
            now,
        ),
    )


def _note(tx: Transaction, account_id: str, said: Sequence[_Said], *, now: int) -> list[_Said]:
    """Write what was said as events, all with one statement; returns what nobody had said before."""
    first: dict[tuple[str, str], _Said] = {}
    for attempt, report in said:
        first.setdefault((attempt.id, report.dedupe_key), (attempt, report))
    if not first:
        return []
    if tx.dialect == "postgresql":
        fresh = _insert_events(tx, account_id, first, now=now)
        return [one for key, one in first.items() if key in fresh]
    # Nearly always all of them are new, and a count tells so. Otherwise the only writer may ask first.
    tx.run("SAVEPOINT note")
    if len(_insert_events(tx, account_id, first, now=now)) < len(first):
        tx.run("ROLLBACK TO note")
        condition, parameter = tx.among({attempt_id for attempt_id, _ in first})
        for known in tx.rows(
            f"SELECT attempt_id, dedupe_key FROM events WHERE attempt_id {condition} AND dedupe_key IS NOT NULL",
            (parameter,),
        ):
            first.pop(known, None)
        _insert_events(tx, account_id, first, now=now)
    tx.run("RELEASE note")
    return list(first.values())


def _insert_events(
    tx: Transaction, account_id: str, said: Mapping[tuple[str, str], _Said], *, now: int
) -> Collection[tuple[str, str]]:
    """Returns the keys of those that were new; on SQLite as many keys as were new, whichever they are."""
    rows = []
    for attempt, report in said.values():
        error = report.error
        rows.append(
            (
                attempt.message_id,
                attempt.id,
                attempt.workspace_id,
                report.status.value,
                error.code if error else report.raw_status,
                error.detail if error else None,
                report.dedupe_key,
                report.occurred_at or now,
            )
        )
    given, parameter = tx.each(rows, "TEXT", "TEXT", "TEXT", "TEXT", "TEXT", "TEXT", "TEXT", "BIGINT")
    statement = (
        "INSERT INTO events (message_id, attempt_id, workspace_id, status, code, detail, dedupe_key, at, account_id,"
        f" kind) SELECT c0, c1, c2, c3, c4, c5, c6, c7, ?, ? FROM {given} WHERE true ON CONFLICT DO NOTHING"
    )
    values = (account_id, EventKind.REPORT.value, parameter)
    if tx.dialect == "postgresql":
        return {(row[0], row[1]) for row in tx.rows(f"{statement} RETURNING attempt_id, dedupe_key", values)}
    return list(said)[: tx.run(statement, values)]


def _apply(tx: Transaction, said: Sequence[_Said], *, now: int, after_failure: AfterFailure) -> None:
    """Move attempts and messages forward, alike ones with one statement; from the lowest status to the highest."""
    _add_facts(tx, said)
    for status in (ReportStatus.SENT, ReportStatus.DELIVERED, ReportStatus.READ):
        heard = _ATTEMPT_STATUS[status]
        climbing: list[_Said] = []
        for attempt, report in said:
            if report.status is not status:
                continue
            if attempt.rank < RANK[heard]:
                attempt.rank = RANK[heard]
                climbing.append((attempt, report))
            elif heard is AttemptStatus.DELIVERED:
                # "Read" came first and stood in for it.
                at = report.occurred_at or now
                tx.run(
                    "UPDATE messages SET delivered_at = ? WHERE id = ? AND delivered_at > ?",
                    (at, attempt.message_id, at),
                )
        if climbing:
            _climb(tx, [attempt.id for attempt, _ in climbing], heard, now=now)
            (_leave if heard is AttemptStatus.SENT else _arrive)(tx, climbing, heard, now=now)
    for attempt, report in said:
        if report.status is ReportStatus.FAILED and attempt.rank < RANK[AttemptStatus.FAILED]:
            attempt.rank = RANK[AttemptStatus.FAILED]
            error = report.error or ProviderError(ErrorKind.UNMAPPED, report.raw_status)
            _climb(tx, [attempt.id], AttemptStatus.FAILED, now=now, error=report.error)
            _fail(tx, attempt, error, now=now, after_failure=after_failure)
    outdate(tx, [(attempt.message_id, attempt.campaign_id) for attempt, _ in said], now=now)


def _add_facts(tx: Transaction, said: Sequence[_Said]) -> None:
    """Keep what a report knows of its attempt beyond the status, where it adds anything."""
    for attempt, report in said:
        names_it = (report.provider_ref and attempt.provider_ref is None) or (
            report.other_ref and attempt.other_ref is None
        )
        if names_it or report.parts is not None or report.cost_amount is not None:
            attempt.provider_ref = attempt.provider_ref or report.provider_ref or None
            attempt.other_ref = attempt.other_ref or report.other_ref or None
            tx.run(
                "UPDATE attempts SET provider_ref = COALESCE(provider_ref, ?), other_ref = COALESCE(other_ref, ?),"
                " parts = COALESCE(?, parts), cost_amount = COALESCE(?, cost_amount),"
                " cost_currency = COALESCE(?, cost_currency) WHERE id = ?",
                (
                    report.provider_ref or None,
                    report.other_ref or None,
                    report.parts,
                    report.cost_amount,
                    report.cost_currency,
                    attempt.id,
                ),
            )


def _climb(
    tx: Transaction, attempt_ids: Sequence[str], heard: AttemptStatus, *, now: int, error: ProviderError | None = None
) -> None:
    rank = RANK[heard]
    condition, parameter = tx.among(attempt_ids)
    tx.run(
        "UPDATE attempts SET status = ?, rank = ?, settled_at = COALESCE(settled_at, ?), error_kind = ?,"
        " error_code = ?, error_detail = ?, poll_at = CASE WHEN ? THEN NULL ELSE COALESCE(poll_at, ?) END"
        f" WHERE id {condition} AND rank < ?",
        (
            heard.value,
            rank,
            now,
            error.kind.value if error else None,
            error.code if error else None,
            error.detail if error else None,
            rank > RANK[AttemptStatus.SENT],
            now + ASKED_AFTER_MS,
            parameter,
            rank,
        ),
    )


def _leave(tx: Transaction, climbing: Sequence[_Said], heard: AttemptStatus, *, now: int) -> None:
    """The carrier has them: only the newest attempt speaks for its message."""
    by_number: dict[int, list[str]] = {}
    for attempt, _ in climbing:
        by_number.setdefault(attempt.number, []).append(attempt.message_id)
    for number, message_ids in by_number.items():
        condition, parameter = tx.among(message_ids)
        tx.run(
            "UPDATE messages SET status = ?, sent_at = COALESCE(sent_at, ?)"
            f" WHERE id {condition} AND attempts = ? AND status IN ('sending', 'unknown')",
            (heard.value, now, parameter, number),
        )


def _arrive(tx: Transaction, climbing: Sequence[_Said], heard: AttemptStatus, *, now: int) -> None:
    """Delivered by any attempt is delivered, and whatever else was under way is called off."""
    rows = [(attempt.message_id, report.occurred_at or now) for attempt, report in climbing]
    given, parameter = tx.each(rows, "TEXT", "BIGINT")
    tx.run(
        "UPDATE messages SET status = ?, delivered_at = COALESCE(delivered_at, given.c1),"
        " sent_at = COALESCE(sent_at, given.c1), settled_at = COALESCE(settled_at, ?), due_at = NULL,"
        " lease_owner = NULL, lease_until = NULL, error_kind = NULL, error_code = NULL, error_detail = NULL"
        f" FROM {given} WHERE messages.id = given.c0 AND status NOT IN ('read', ?)",
        (heard.value, now, parameter, heard.value),
    )


def _fail(tx: Transaction, attempt: _Known, error: ProviderError, *, now: int, after_failure: AfterFailure) -> None:
    lock = " FOR UPDATE" if tx.dialect == "postgresql" else ""
    rows: list[tuple[Any, ...]] = tx.rows(
        f"SELECT {CLAIMED_COLUMNS} FROM messages"
        f" WHERE id = ? AND attempts = ? AND status IN ('sending', 'sent', 'unknown'){lock}",
        (attempt.message_id, attempt.number),
    )
    if not rows:
        return
    message = claimed_from(rows[0])
    step = after_failure(message, error)
    waiting = step.message_status is MessageStatus.QUEUED
    route = list(step.route) or message.route
    tx.run(
        "UPDATE messages SET status = ?, settled_at = ?, error_kind = ?, error_code = ?, error_detail = ?, due_at = ?,"
        " account_id = ?, route = ?, retries = 0, lease_owner = NULL, lease_until = NULL WHERE id = ?",
        (
            step.message_status.value,
            None if waiting else now,
            error.kind.value,
            error.code,
            error.detail,
            step.due_at if waiting else None,
            route[0],
            _encode(route).decode(),
            message.id,
        ),
    )
    if waiting:
        tx.run(
            "INSERT INTO events (workspace_id, message_id, attempt_id, account_id, kind, status, code, detail, at)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                message.workspace_id,
                message.id,
                attempt.id,
                route[0],
                step.event.value,
                step.message_status.value,
                error.code,
                error.detail,
                now,
            ),
        )
        tx.wake()
