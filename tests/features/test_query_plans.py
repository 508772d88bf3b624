"""
No statement of a campaign's life, nor of what people look at, reads a history it has nothing to do with.

Every statement is caught as it is run, and SQLite is asked how it would find its rows.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from sendyard.domain.status import MessageStatus
from sendyard.features.campaigns.library import ROW_STATUSES
from sendyard.features.campaigns.queries import active_campaigns
from sendyard.ledger import queries
from sendyard.ledger.claim import next_due
from sendyard.storage.transaction import Transaction
from tests.features.campaign_play import Play, play_on, sheet
from tests.yard import Yard, only_sqlite

pytestmark = only_sqlite

# Long are these; the other tables grow with people and campaigns, not with what was sent.
LONG = re.compile(r"\b(messages|attempts|events|exchanges|campaign_recipients|kept_counts)\b")
# What these hold is under way: rows leave them again.
PASSING = ("ix_messages_lane", "ix_messages_lease", "ix_exchanges_open")
# Newest first, and no further than a page or a fixed number of rows.
WALK = re.compile(r"ORDER BY (m\.)?id DESC LIMIT (\?|1 OFFSET \?)$")

Said = dict[str, Sequence[Any]]


@pytest.fixture
async def play(yard: Yard) -> Play:
    return await play_on(yard)


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch, play: Play) -> Iterator[Said]:
    """Every statement that is run from here on, with the parameters of one of its runs."""
    found: Said = {}
    rows, run, run_many = Transaction.rows, Transaction.run, Transaction.run_many

    def note_rows(self: Transaction, sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        found[sql] = parameters
        return rows(self, sql, parameters)

    def note_run(self: Transaction, sql: str, parameters: Sequence[Any] = ()) -> int:
        found[sql] = parameters
        return run(self, sql, parameters)

    def note_many(self: Transaction, sql: str, parameters: Sequence[Sequence[Any]]) -> int:
        if parameters:
            found[sql] = parameters[0]
        return run_many(self, sql, parameters)

    del play  # its own statements are made before
    with monkeypatch.context() as patched:
        patched.setattr(Transaction, "rows", note_rows)
        patched.setattr(Transaction, "run", note_run)
        patched.setattr(Transaction, "run_many", note_many)
        yield found


def long_ways(play: Play, said: Said) -> list[tuple[str, str]]:
    """The steps by which a statement would read a long table from one end to the other."""
    found = []
    for sql, parameters in list(said.items()):
        if not sql.lstrip().upper().startswith(("SELECT", "INSERT", "UPDATE", "DELETE", "WITH")):
            continue
        names = {name: name for name in LONG.findall(sql)}
        names |= {alias: name for name, alias in re.findall(LONG.pattern + r" ([a-z])\b", sql)}
        for _, _, _, step in play.rows(f"EXPLAIN QUERY PLAN {sql}", *parameters):
            way = re.match(r"(SCAN|SEARCH) (\w+)(.*)", step)
            if not way or way[2] not in names or any(index in step for index in PASSING) or WALK.search(sql):
                continue
            # A workspace's own messages are most of what there is.
            if way[1] == "SCAN" or way[3].endswith("(workspace_id=?)"):
                found.append((step, sql))
    return found


async def test_a_campaign_from_its_file_to_its_end_reads_only_its_own_rows(play: Play, said: Said) -> None:
    campaign_id = await play.prepared(sheet(30))
    (campaign,) = await play.yard.database.read(active_campaigns)
    reached = play.hand_over(
        lambda message: MessageStatus.FAILED if message.to.value.endswith("7") else MessageStatus.DELIVERED
    )
    play.yard.database.read_now(lambda tx: next_due(tx, play.account_id, after=0))
    await play.expander().watch([campaign])
    assert len(reached) == 30
    assert await play.status(campaign_id) == "completed_with_failures"
    assert len(said) > 40
    assert long_ways(play, said) == []


async def test_what_people_see_of_campaigns_reads_only_their_rows(play: Play, said: Said) -> None:
    campaign_id = await play.prepared(sheet(30, text="phone,name\n12,Nobody\n"))
    play.hand_over(limit=10)
    await play.progress(campaign_id)
    await play.campaigns.list(play.yard.workspace_id)
    for status in (None, *ROW_STATUSES):
        await play.campaigns.recipients(play.yard.workspace_id, campaign_id, status=status, after_row=3)
    assert long_ways(play, said) == []


async def test_lists_of_messages_walk_ids_or_take_an_index(play: Play, said: Said) -> None:
    campaign_id = await play.prepared(sheet(30))
    play.hand_over()
    workspace_id = play.yard.workspace_id

    def look(tx: Transaction) -> None:
        (first, *_), _ = queries.messages_page(tx, workspace_id, limit=1)
        for status in (None, *MessageStatus):
            queries.messages_page(tx, workspace_id, status=status, after=first["id"])
            queries.messages_page(tx, workspace_id, status=status, campaign_id=campaign_id)
        for given in ({"to": first["address"]}, {"reference": "7"}, {"batch_id": "7"}, {"account_id": "7"}):
            queries.messages_page(tx, workspace_id, **given)
        queries.message(tx, workspace_id, first["id"])
        queries.timeline(tx, workspace_id, first["id"])
        queries.lanes(tx, workspace_id)

    play.yard.database.read_now(look)
    assert long_ways(play, said) == []


def test_a_scan_would_be_noticed(play: Play) -> None:
    scans: Said = {"SELECT count(*) FROM messages m WHERE m.sender = ?": ("",),
                   "SELECT id FROM messages WHERE workspace_id = ? AND sender = ?": ("", "")}  # fmt: skip
    assert [sql for _, sql in long_ways(play, scans)] == list(scans)
