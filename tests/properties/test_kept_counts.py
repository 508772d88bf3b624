"""
Counts that are kept of campaigns, as a state machine: whatever the ledger does, they say what counting says.
"""

from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import invariant, precondition, rule

from sendyard.domain.errors import ErrorKind
from sendyard.domain.status import MessageStatus
from sendyard.features.campaigns.outcomes import queries
from sendyard.features.campaigns.outcomes.counting import block_of, counted, missing_blocks
from sendyard.ledger.cancel import cancel_campaign
from sendyard.ledger.entries import NewMessage
from sendyard.ledger.holding import Deferral, Stopping, defer, stop
from sendyard.ledger.kept_counts import BLOCK, arm, fill
from sendyard.storage.identifiers import new_id
from sendyard.storage.transaction import Transaction
from tests.properties.test_ledger_machine import ACCOUNTS, LedgerMachine
from tests.stores import NOW, OWNER, Books

CAMPAIGN = "campaign-1"
APART = BLOCK // 3  # rows from one message to the next, so that few share a block


class CampaignBooks(Books):
    """Books in which every message is of one campaign."""

    def message(self, **rest: Any) -> NewMessage:
        return super().message(campaign_id=CAMPAIGN, row=2 + APART * self.numbers, **rest)


class CountsMachine(LedgerMachine):
    """The ledger, and somebody who counts at any pace beside it."""

    def __init__(self) -> None:
        super().__init__()
        workspace = self.books
        self.books = CampaignBooks(self.database, workspace.workspace_id)
        self.books.add_campaign(CAMPAIGN)
        self.suppressed: set[str] = set()
        self.armed: tuple[str, list[int]] | None = None
        self.counts: tuple[str, list[tuple[int, str]]] | None = None

    @rule()
    def arm(self) -> None:
        blocks = self.database.read_now(lambda tx: missing_blocks(tx, CAMPAIGN))
        token = new_id()
        self.database.write_now(
            lambda tx: arm(tx, self.books.workspace_id, CAMPAIGN, blocks, token=token, now=self.books.now)
        )
        self.armed = token, blocks

    @precondition(lambda self: self.armed)
    @rule()
    def count(self) -> None:
        assert self.armed
        token, blocks = self.armed
        self.counts = token, self.database.read_now(lambda tx: [(one, block_of(tx, CAMPAIGN, one)) for one in blocks])

    @precondition(lambda self: self.counts)
    @rule()
    def fill(self) -> None:
        assert self.counts
        token, counts = self.counts
        self.database.write_now(lambda tx: fill(tx, CAMPAIGN, counts, token=token))

    @rule()
    def keep(self) -> None:
        self.arm()
        self.count()
        self.fill()
        assert self.database.read_now(lambda tx: missing_blocks(tx, CAMPAIGN)) == []

    @rule()
    def cancel_all(self) -> None:
        self.database.write_now(
            lambda tx: cancel_campaign(tx, self.books.workspace_id, CAMPAIGN, now=self.books.now, limit=3)
        )

    @precondition(lambda self: any(self.held.values()))
    @rule(account=ACCOUNTS, ends=st.booleans())
    def hold(self, account: str, ends: bool) -> None:
        ids = [message.id for message in self.held[account]]
        self.held[account] = []
        now = self.books.now
        if ends:
            said = [Stopping(id_, MessageStatus.SUPPRESSED, ErrorKind.OPTED_OUT, "rule", "no") for id_ in ids]
            self.database.write_now(lambda tx: stop(tx, said, owner=OWNER, now=now))
        else:
            later = [Deferral(id_, now + 1, "rule", "later") for id_ in ids]
            self.database.write_now(lambda tx: defer(tx, later, owner=OWNER, now=now))

    @rule(data=st.data())
    def suppress(self, data: st.DataObject) -> None:
        message_id = data.draw(st.sampled_from(self.books.made))
        ((address,),) = self.books.rows("SELECT address FROM messages WHERE id = ?", message_id)
        if address not in self.suppressed:
            self.books.suppress(address)
            self.suppressed.add(address)

    @invariant()
    def what_is_kept_is_what_counting_says(self) -> None:
        def look(tx: Transaction) -> None:
            for since in (NOW + 5000, 2 * NOW):
                plain = sorted(one[:5] for one in queries.tally(tx, CAMPAIGN, since=since))
                assert counted(tx, CAMPAIGN, since=since).messages == plain

        self.database.read_now(look)


CountsMachine.TestCase.settings = settings(
    max_examples=10, stateful_step_count=30, deadline=None, suppress_health_check=list(HealthCheck)
)
TestKeptCounts = CountsMachine.TestCase
