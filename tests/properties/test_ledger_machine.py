"""
The ledger as a state machine: whatever happens in whatever order, nobody is lost and nothing goes backwards.
"""

import atexit
import shutil
import tempfile
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from sendyard.domain.channels import Purpose
from sendyard.domain.errors import ErrorKind, ProviderError
from sendyard.domain.ids import split_attempt_id
from sendyard.domain.status import RANK, AttemptStatus, MessageStatus, ReportStatus
from sendyard.ledger.cancel import cancel_message, expire
from sendyard.ledger.claim import release
from sendyard.ledger.entries import Claimed, EventKind, Exchange, Outcome, Posting
from sendyard.ledger.moving import move
from sendyard.ledger.recovery import recover, take_doubtful
from sendyard.ledger.reports import match_again
from sendyard.storage.engine import Database
from sendyard.storage.migrations import upgrade
from tests.stores import FIRST, OWNER, SECOND, Books, accepted, fail_over, report_of, unknown

ACCOUNTS = st.sampled_from([FIRST, SECOND])
REPORTS = st.sampled_from([ReportStatus.SENT, ReportStatus.DELIVERED, ReportStatus.READ, ReportStatus.FAILED])
UNREGISTERED = ProviderError(ErrorKind.NOT_REGISTERED, "30034")
FINAL = {status.value for status in MessageStatus if status.is_final}
SETTLED = FINAL | {"sent", "unknown"}
_shape: list[Path] = []


def shape() -> Path:
    """An empty database of the newest shape, made once."""
    if not _shape:
        folder = Path(tempfile.mkdtemp(prefix="sendyard-ledger-"))
        atexit.register(shutil.rmtree, folder)
        path = folder / "shape.db"
        database = Database(f"sqlite:///{path}")
        upgrade(database)
        database.close()
        _shape.append(path)
    return _shape[0]


def turned_down(posting: Posting, now: int) -> Outcome:
    """A refusal: another account while there is one, else the end."""
    rest = posting.message.route[1:]
    if not rest:
        return Outcome(posting, AttemptStatus.REFUSED, MessageStatus.FAILED, EventKind.REFUSED, error=UNREGISTERED)
    return Outcome(
        posting, AttemptStatus.REFUSED, MessageStatus.QUEUED, EventKind.FAILOVER, error=UNREGISTERED, due_at=now,
        route=rest,
    )  # fmt: skip


class LedgerMachine(RuleBasedStateMachine):
    """One dispatcher with two lanes, providers that answer anything or nothing, and a clock."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory(prefix="sendyard-ledger-")
        path = Path(self.folder.name) / "yard.db"
        path.write_bytes(shape().read_bytes())
        self.database = Database(f"sqlite:///{path}", readers=1)
        self.books = Books(self.database)
        self.books.open()
        self.held: dict[str, list[Claimed]] = {FIRST: [], SECOND: []}
        self.open: list[Exchange] = []
        self.doubtful: list[Exchange] = []
        self.ranks: dict[str, int] = {}
        self.delivered: set[str] = set()

    def teardown(self) -> None:
        self.database.close()
        self.folder.cleanup()

    @initialize(count=st.integers(1, 4))
    def begin(self, count: int) -> None:
        self.books.queue(count)

    @rule(purpose=st.sampled_from(list(Purpose)), route=st.sampled_from([(FIRST,), (FIRST, SECOND), (SECOND, FIRST)]))
    def accept_message(self, purpose: Purpose, route: tuple[str, ...]) -> None:
        self.books.queue(purpose=purpose, route=route)

    @rule(ms=st.sampled_from([1, 5000, 60_001]))
    def wait(self, ms: int) -> None:
        self.books.now += ms

    @rule(account=ACCOUNTS, limit=st.integers(1, 4))
    def claim(self, account: str, limit: int) -> None:
        held = [message.id for message in self.held[account]]
        self.held[account] += self.books.claim(limit, account_id=account, held=held)

    @rule(account=ACCOUNTS)
    def post(self, account: str) -> None:
        batch, self.held[account] = self.held[account][:3], self.held[account][3:]
        exchange = self.books.post(batch, account_id=account)
        if exchange.postings:
            self.open.append(exchange)

    @precondition(lambda self: self.open)
    @rule(data=st.data())
    def answer(self, data: st.DataObject) -> None:
        exchange = self.open.pop(data.draw(st.integers(0, len(self.open) - 1)))
        self._close(exchange, data)

    def _close(self, exchange: Exchange, data: st.DataObject) -> None:
        kinds = [data.draw(st.sampled_from("aru")) for _ in exchange.postings]
        make: dict[str, Any] = {"a": accepted, "r": lambda one: turned_down(one, self.books.now), "u": unknown}
        outcomes = [make[kind](posting) for kind, posting in zip(kinds, exchange.postings, strict=True)]
        if "u" in kinds:
            self.books.close(exchange, outcomes, status="doubtful", next_try_at=self.books.now)
        else:
            self.books.close(exchange, outcomes)

    @rule()
    def crash(self) -> None:
        posted = self._with_status("sending")
        waiting = self._with_status("queued")
        self.held, self.open, self.doubtful = {FIRST: [], SECOND: []}, [], []
        self.database.write_now(lambda tx: recover(tx, now=self.books.now, everything=True))

        # What had been posted may have arrived: it must not simply be sent again. What had not, waits.
        assert posted <= self._with_status("unknown")
        assert waiting == self._with_status("queued")

    def _with_status(self, status: str) -> set[str]:
        return {id_ for (id_,) in self.books.rows("SELECT id FROM messages WHERE status = ?", status)}

    @rule()
    def take_doubt(self) -> None:
        self.doubtful += self.database.write_now(
            lambda tx: take_doubtful(tx, owner=OWNER, now=self.books.now, busy_until=self.books.now + 1)
        )

    @precondition(lambda self: self.doubtful)
    @rule(data=st.data())
    def settle_doubt(self, data: st.DataObject) -> None:
        exchange = self.doubtful.pop()
        exchange.postings = [posting for posting in exchange.postings if posting.in_doubt]
        self._close(exchange, data)

    @precondition(lambda self: self.ranks or self.open)
    @rule(data=st.data(), status=REPORTS, twice=st.booleans())
    def report(self, data: st.DataObject, status: ReportStatus, twice: bool) -> None:
        known = sorted(self.ranks) + [posting.attempt_id for exchange in self.open for posting in exchange.postings]
        split = split_attempt_id(data.draw(st.sampled_from(known)))
        assert split is not None
        message_id, number = split
        (found,) = self.books.rows("SELECT account_id FROM messages WHERE id = ?", message_id)
        account = self._account_of(message_id, number) or found[0]
        error = UNREGISTERED if status is ReportStatus.FAILED else None
        report = report_of(message_id, status, number=number, error=error)
        for _ in range(1 + twice):
            self.books.report(report, account_id=account, after_failure=fail_over)

    def _account_of(self, message_id: str, number: int) -> str:
        rows = self.books.rows("SELECT id, account_id FROM attempts WHERE message_id = ?", message_id)
        return str(dict(rows).get(f"{message_id.replace('-', '')}-{number}", ""))

    @rule(account=ACCOUNTS)
    def sweep(self, account: str) -> None:
        self.database.write_now(lambda tx: match_again(tx, account, now=self.books.now, after_failure=fail_over))

    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        message_id = data.draw(st.sampled_from(self.books.made))
        self.database.write_now(lambda tx: cancel_message(tx, self.books.workspace_id, message_id, now=self.books.now))

    @rule(data=st.data())
    def expire(self, data: st.DataObject) -> None:
        message_id = data.draw(st.sampled_from(self.books.made))
        self.books.run("UPDATE messages SET expires_at = ? WHERE id = ?", self.books.now, message_id)
        self.database.write_now(lambda tx: expire(tx, [message_id], now=self.books.now))

    @rule(account=ACCOUNTS)
    def give_back(self, account: str) -> None:
        ids = [message.id for message in self.held[account]]
        self.held[account] = []
        self.database.write_now(lambda tx: release(tx, ids, owner=OWNER, now=self.books.now))

    @precondition(lambda self: any(len(message.route) > 1 for message in self.held[FIRST]))
    @rule()
    def lead_away(self) -> None:
        moves = [(message, message.route[1:]) for message in self.held[FIRST] if len(message.route) > 1]
        self.held[FIRST] = [message for message in self.held[FIRST] if len(message.route) == 1]
        self.database.write_now(lambda tx: move(tx, moves, owner=OWNER, now=self.books.now, reason="down"))

    @invariant()
    def nobody_is_lost(self) -> None:
        rows = self.books.rows("SELECT id, status, due_at, settled_at, attempts FROM messages")
        assert sorted(row[0] for row in rows) == sorted(self.books.made)
        members = {
            attempt
            for (attempt,) in self.books.rows(
                "SELECT value FROM exchanges, json_each(exchanges.members) WHERE exchanges.status = 'open'"
            )
        }
        for message_id, status, due_at, settled_at, attempts in rows:
            newest = f"{message_id.replace('-', '')}-{attempts}"
            waits = due_at is not None
            assert waits == (status in {"queued", "scheduled"})
            assert (settled_at is not None) == (status in FINAL)
            # Waiting, open, or settled: exactly one of them.
            assert waits + (status == "sending") + (status in SETTLED) == 1
            if status == "sending":
                assert newest in members

    @invariant()
    def attempts_only_climb(self) -> None:
        for attempt, status, rank in self.books.rows("SELECT id, status, rank FROM attempts"):
            assert rank == RANK[AttemptStatus(status)]
            assert rank >= self.ranks.get(attempt, 0)
            self.ranks[attempt] = rank

    @invariant()
    def what_arrived_stays_so(self) -> None:
        arrived = {message_id for (message_id,) in self.books.rows("SELECT message_id FROM attempts WHERE rank >= 5")}
        shown = {id_ for (id_,) in self.books.rows("SELECT id FROM messages WHERE status IN ('delivered', 'read')")}
        assert arrived == shown
        assert self.delivered <= arrived
        self.delivered = arrived


LedgerMachine.TestCase.settings = settings(
    max_examples=40, stateful_step_count=30, deadline=None, suppress_health_check=list(HealthCheck)
)
TestLedger = LedgerMachine.TestCase
