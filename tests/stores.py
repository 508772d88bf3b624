"""
A ledger with two accounts and a way to speak of its messages, for tests of what is written and read there.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from sendyard.domain.addresses import Address, AddressKind
from sendyard.domain.channels import Channel, Purpose
from sendyard.domain.content import Text
from sendyard.domain.errors import ProviderError
from sendyard.domain.ids import attempt_id
from sendyard.domain.status import AttemptStatus, MessageStatus, ReportStatus
from sendyard.ledger import queries
from sendyard.ledger.claim import claim
from sendyard.ledger.enqueue import enqueue
from sendyard.ledger.entries import (
    Claimed,
    Closing,
    EventKind,
    Exchange,
    NewMessage,
    NextStep,
    Outcome,
    Posting,
    Report,
)
from sendyard.ledger.posting import post
from sendyard.ledger.receipts import close
from sendyard.ledger.reports import AfterFailure, Recorded, record
from sendyard.storage.engine import Database
from sendyard.storage.identifiers import new_id
from sendyard.storage.schema import accounts, campaigns, suppressions, template_versions, templates, workspaces

NOW = 1_790_000_000_000
HOUR = 3_600_000
FIRST, SECOND = "account-1", "account-2"
OWNER, OTHER_OWNER = "worker-1", "worker-2"


def fail(message: Claimed, error: ProviderError) -> NextStep:
    """A policy that gives up."""
    del message, error
    return NextStep(MessageStatus.FAILED, EventKind.REPORT)


def fail_over(message: Claimed, error: ProviderError) -> NextStep:
    """A policy that goes on to the next account while there is one."""
    if len(message.route) == 1:
        return fail(message, error)
    return NextStep(MessageStatus.QUEUED, EventKind.FAILOVER, due_at=NOW + 5000, route=message.route[1:])


@dataclass
class Books:
    """The ledger of one workspace. Times are milliseconds; `now` moves only when a test moves it."""

    database: Database
    workspace_id: str = "workspace-1"
    now: int = NOW
    numbers: int = 0
    made: list[str] = field(default_factory=list)

    def open(self) -> None:
        """Write the rows that the ledger looks at: a workspace with two accounts."""
        self.database.write_now(lambda tx: tx.execute(workspaces.insert(), [_workspace(self.workspace_id)]))
        for account_id in (FIRST, SECOND):
            self.add_account(account_id)

    def add_account(self, account_id: str) -> None:
        row = {
            "id": account_id,
            "workspace_id": self.workspace_id,
            "provider": "none",
            "name": account_id,
            "sealed": b"",
            "callback_token": f"token of {account_id}",
            "sender": f"sender of {account_id}",
            "created_at": NOW,
        }
        self.database.write_now(lambda tx: tx.execute(accounts.insert(), [row]))

    def add_campaign(self, campaign_id: str, status: str = "sending") -> str:
        template = {"workspace_id": self.workspace_id, "created_at": NOW}
        campaign = {
            "id": campaign_id,
            "workspace_id": self.workspace_id,
            "name": campaign_id,
            "status": status,
            "template_version_id": f"version of {campaign_id}",
            "channel": "sms",
            "purpose": "promotional",
            "expires_in_seconds": 3600,
            "created_at": NOW,
        }

        def work(tx: Any) -> None:
            name = f"template of {campaign_id}"
            tx.execute(templates.insert(), [{**template, "id": name, "code": name, "name": name, "version": 1}])
            version = {**template, "id": f"version of {campaign_id}", "template_id": name, "version": 1, "body": "hi"}
            tx.execute(template_versions.insert(), [version])
            tx.execute(campaigns.insert(), [campaign])

        self.database.write_now(work)
        return campaign_id

    def set_campaign(self, campaign_id: str, status: str) -> None:
        self.database.write_now(
            lambda tx: tx.run("UPDATE campaigns SET status = ? WHERE id = ?", (status, campaign_id))
        )

    def suppress(self, address: str, channel: str = "", purpose: str = "") -> None:
        row = {
            "id": new_id(),
            "workspace_id": self.workspace_id,
            "address": address,
            "channel": channel,
            "purpose": purpose,
            "reason": "opted_out",
            "created_at": NOW,
        }
        self.database.write_now(lambda tx: tx.execute(suppressions.insert(), [row]))

    def message(self, **rest: Any) -> NewMessage:
        """A message to a number of its own, not stored yet."""
        self.numbers += 1
        to = rest.pop("to", f"+88691{self.numbers:07d}")
        plain = NewMessage(
            id=new_id(),
            workspace_id=self.workspace_id,
            status=MessageStatus.QUEUED,
            purpose=Purpose.TRANSACTIONAL,
            channel=Channel.SMS,
            to=Address(AddressKind.PHONE, to),
            country="TW",
            sender="",
            content=Text("hello"),
            parts=1,
            encoding="GSM-7",
            route=(FIRST, SECOND),
            failover=True,
            created_at=self.now,
            expires_at=self.now + HOUR,
        )
        return replace(plain, **rest)

    def enqueue(self, *messages: NewMessage) -> int:
        self.made += [message.id for message in messages]
        return self.database.write_now(lambda tx: enqueue(tx, messages))

    def queue(self, count: int = 1, **rest: Any) -> list[str]:
        """Store `count` alike messages; their ids in order."""
        messages = [self.message(**rest) for _ in range(count)]
        self.enqueue(*messages)
        return [message.id for message in messages]

    def claim(self, limit: int = 100, *, account_id: str = FIRST, owner: str = OWNER, **rest: Any) -> list[Claimed]:
        return self.database.write_now(
            lambda tx: claim(tx, account_id, limit, owner=owner, now=self.now, lease_until=self.now + 60_000, **rest)
        )

    def post(self, claimed: Sequence[Claimed], *, owner: str = OWNER, account_id: str = FIRST) -> Exchange:
        """Post messages as one exchange; only those that may leave are in it afterwards."""
        postings = [Posting(message, message.attempts + 1, "sender", self.now) for message in claimed]
        exchange = Exchange(new_id(), self.workspace_id, account_id, postings)
        going = self.database.write_now(
            lambda tx: post(tx, [exchange], owner=owner, now=self.now, lease_until=self.now + 60_000)
        )
        exchange.postings = [posting for posting in postings if posting.message.id in going]
        return exchange

    def hand_over(self, *, account_id: str = FIRST, owner: str = OWNER) -> Exchange:
        """Claim and post everything that is due on an account."""
        return self.post(self.claim(account_id=account_id, owner=owner), account_id=account_id, owner=owner)

    def close(self, exchange: Exchange, outcomes: Sequence[Outcome], **rest: Any) -> None:
        closing = Closing(exchange.id, exchange.account_id, outcomes, **rest)
        self.database.write_now(lambda tx: close(tx, [closing], now=self.now))

    def accept(self, exchange: Exchange, **rest: Any) -> None:
        """The provider took every message; its references are `ref of <message id>`."""
        self.close(exchange, [accepted(posting, **rest) for posting in exchange.postings])

    def sent(self, **rest: Any) -> str:
        """A message accepted by the first account."""
        (message_id,) = self.queue(**rest)
        self.accept(self.hand_over())
        return message_id

    def report(self, *reports: Report, account_id: str = FIRST, after_failure: AfterFailure = fail) -> Recorded:
        return self.database.write_now(
            lambda tx: record(tx, self.workspace_id, account_id, reports, now=self.now, after_failure=after_failure)
        )

    def row(self, message_id: str) -> dict[str, Any]:
        """The columns of a message that say where it stands."""
        names = (
            "status, due_at, account_id, route, attempts, retries, lease_owner, lease_until, sent_at, delivered_at,"
            " settled_at, error_kind, error_code, error_detail"
        )
        (values,) = self.rows(f"SELECT {names} FROM messages WHERE id = ?", message_id)
        return dict(zip(names.split(", "), values, strict=True))

    def status(self, message_id: str) -> str:
        return str(self.row(message_id)["status"])

    def attempt(self, message_id: str, number: int = 1) -> dict[str, Any]:
        names = (
            "status, rank, provider_ref, parts, cost_amount, cost_currency, error_kind, error_code, error_detail,"
            " settled_at, poll_at, polls"
        )
        (values,) = self.rows(f"SELECT {names} FROM attempts WHERE id = ?", attempt_id(message_id, number))
        return dict(zip(names.replace("\n", " ").split(", "), values, strict=True))

    def events(self, message_id: str) -> list[tuple[str, str]]:
        """Kinds and statuses, in the order in which they were written."""
        found = self.rows("SELECT kind, status FROM events WHERE message_id = ? ORDER BY seq", message_id)
        return [(kind, status) for kind, status in found]

    def timeline(self, message_id: str) -> list[dict[str, Any]]:
        return self.database.read_now(lambda tx: queries.timeline(tx, self.workspace_id, message_id))

    def rows(self, sql: str, *parameters: Any) -> list[tuple[Any, ...]]:
        return self.database.read_now(lambda tx: tx.rows(sql, parameters))

    def run(self, sql: str, *parameters: Any) -> int:
        return self.database.write_now(lambda tx: tx.run(sql, parameters))


def _workspace(workspace_id: str) -> dict[str, Any]:
    return {"id": workspace_id, "name": "Main", "created_at": NOW}


def accepted(posting: Posting, **rest: Any) -> Outcome:
    plain = Outcome(
        posting,
        AttemptStatus.SENT,
        MessageStatus.SENT,
        EventKind.ACCEPTED,
        provider_ref=f"ref of {posting.message.id}",
        parts=posting.message.parts,
    )
    return replace(plain, **rest)


def unknown(posting: Posting) -> Outcome:
    return Outcome(posting, AttemptStatus.UNKNOWN, MessageStatus.UNKNOWN, EventKind.UNKNOWN)


def report_of(message_id: str, status: ReportStatus, *, number: int = 1, **rest: Any) -> Report:
    """A report that names the attempt by our reference."""
    error = rest.pop("error", None)
    return Report(
        status,
        status.value,
        rest.pop("dedupe_key", f"{message_id} {number} {status.value}"),
        reference=rest.pop("reference", attempt_id(message_id, number)),
        error=error,
        **rest,
    )


@pytest.fixture
def books(database: Database) -> Books:
    found = Books(database)
    found.open()
    return found
