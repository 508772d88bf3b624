"""
Counts of campaigns that are kept, so that an old campaign is not counted again each time somebody looks.

Counts are kept for blocks of `BLOCK` rows. Whoever changes a message or a row of a campaign says so in the same
transaction, behind the first change (`outdate` and its kin): a block that is kept and of which nothing was said is what
counting would find. Saying so only adds a row, and only where a count is kept: no transaction waits for another one.

A count is kept in three steps, of which each is committed before the next begins. `arm` announces it: from then on
changes are told. Whoever changed something before and could not know of it must have ended: that is what `horizon` and
`is_past` tell. Only then is the block counted, and `fill` keeps the count unless somebody armed the block anew. What
is changed between counting and filling has outdated the block. Everything here may be deleted at any time.
"""

from collections.abc import Iterable, Sequence

from sendyard.domain.status import CampaignStatus
from sendyard.storage.transaction import Transaction

BLOCK = 512
"""Rows of a campaign whose counts are kept together; counts in the database are kept by it, so it cannot change."""

_FINAL = f"status IN ({', '.join(repr(status.value) for status in CampaignStatus if status.is_final)})"
_OUTDATED = "EXISTS (SELECT 1 FROM outdated_counts o WHERE o.campaign_id = k.campaign_id AND o.block = k.block)"
_OUTDATE = "INSERT INTO outdated_counts (workspace_id, campaign_id, block, at) SELECT DISTINCT k.workspace_id,"
# CROSS JOIN keeps SQLite from reading all that is kept and looking for its messages.
_OUTDATE_MESSAGES = (
    f"{_OUTDATE} k.campaign_id, k.block, CAST(? AS BIGINT) FROM messages m CROSS JOIN kept_counts k"
    f" WHERE m.id {{among}} AND k.campaign_id = m.group_id AND k.block = m.row / {BLOCK} AND NOT {_OUTDATED}"
)
_OUTDATE_ROWS = (
    f"{_OUTDATE} k.campaign_id, k.block, CAST(? AS BIGINT) FROM {{given}} CROSS JOIN kept_counts k"
    f" WHERE k.campaign_id = given.c0 AND k.block = given.c1 AND NOT {_OUTDATED}"
)


def outdate(tx: Transaction, messages: Iterable[tuple[str, str]], *, now: int) -> None:
    """Say that messages, each with its campaign or "", were made or changed their status, account or error."""
    by_campaign: dict[str, list[str]] = {}
    for message_id, campaign_id in messages:
        by_campaign.setdefault(campaign_id, []).append(message_id)
    by_campaign.pop("", None)
    for campaign_id in _with_counts(tx, by_campaign):
        outdate_ids(tx, by_campaign[campaign_id], now=now)


def outdate_ids(tx: Transaction, message_ids: Iterable[str], *, now: int) -> None:
    """Like `outdate` where nobody has the campaigns at hand: it looks each message up."""
    wanted = list(message_ids)
    if not wanted:
        return
    condition, parameter = tx.among(wanted)
    tx.run(_OUTDATE_MESSAGES.format(among=condition), (now, parameter))


def outdate_rows(tx: Transaction, rows: Iterable[tuple[str, int]], *, now: int) -> None:
    """Say that recipients, as (campaign, row), were added, refused or erased."""
    by_campaign: dict[str, set[int]] = {}
    for campaign_id, row in rows:
        by_campaign.setdefault(campaign_id, set()).add(row // BLOCK)
    for campaign_id in _with_counts(tx, by_campaign):
        given, parameter = tx.each([(campaign_id, block) for block in by_campaign[campaign_id]], "TEXT", "INTEGER")
        tx.run(_OUTDATE_ROWS.format(given=given), (now, parameter))


def _with_counts(tx: Transaction, campaign_ids: Iterable[str]) -> list[str]:
    """Those of which any count is kept: nearly never one that is under way."""
    wanted = list(campaign_ids)
    if not wanted:
        return []
    condition, parameter = tx.among(wanted)
    sql = f"SELECT DISTINCT campaign_id FROM kept_counts WHERE campaign_id {condition}"
    return [campaign_id for (campaign_id,) in tx.rows(sql, (parameter,))]


def arm(tx: Transaction, workspace_id: str, campaign_id: str, blocks: Iterable[int], *, token: str, now: int) -> None:
    """Announce that these blocks are about to be counted by whoever knows the token; what was kept of them is void."""
    given, parameter = tx.each([(block,) for block in sorted(blocks)], "INTEGER")
    tx.run(
        "INSERT INTO kept_counts (workspace_id, campaign_id, block, token, armed_at)"
        " SELECT CAST(? AS TEXT), CAST(? AS TEXT), c0, CAST(? AS TEXT), CAST(? AS BIGINT)"
        f" FROM {given} WHERE true ON CONFLICT (campaign_id, block) DO UPDATE"
        " SET token = excluded.token, armed_at = excluded.armed_at, counts = NULL",
        (workspace_id, campaign_id, token, now, parameter),
    )
    tx.run(
        f"DELETE FROM outdated_counts WHERE campaign_id = ? AND block IN (SELECT c0 FROM {given})",
        (campaign_id, parameter),
    )


def horizon(tx: Transaction) -> str:
    """
    Draw a line: every transaction that had changed anything by now is before it. "" where only one can write.

    To be called in a transaction that begins when `arm` is committed.
    """
    if tx.dialect == "sqlite":
        return ""
    return str(tx.rows("SELECT CAST(pg_current_xact_id() AS TEXT)")[0][0])


def is_past(tx: Transaction, line: str) -> bool:
    """Whether everything before a horizon has ended, so that this transaction sees it."""
    if not line:
        return True
    sql = "SELECT pg_snapshot_xmin(pg_current_snapshot()) >= CAST(CAST(? AS TEXT) AS xid8)"
    return bool(tx.rows(sql, (line,))[0][0])


def fill(tx: Transaction, campaign_id: str, counts: Sequence[tuple[int, str]], *, token: str) -> int:
    """Keep (block, count) of blocks that were armed with this token and by nobody else since; returns how many."""
    given, parameter = tx.each(counts, "INTEGER", "TEXT")
    return tx.run(
        f"UPDATE kept_counts SET counts = given.c1 FROM {given}"
        " WHERE campaign_id = ? AND block = given.c0 AND token = ?",
        (parameter, campaign_id, token),
    )


def kept(tx: Transaction, campaign_id: str) -> dict[int, str]:
    """The counts of a campaign that hold, by block."""
    found = tx.table(
        "k.block, k.counts",
        f"FROM kept_counts k WHERE k.campaign_id = ? AND k.counts IS NOT NULL AND NOT {_OUTDATED}",
        (campaign_id,),
    )
    return {block: counts for block, counts in found}  # noqa: C416 - rows of JSON are lists


def wanting(
    tx: Transaction, *, rows: int, ended_by: int, outdated_by: int, armed_by: int, limit: int
) -> list[tuple[str, str]]:
    """
    (workspace, id) of campaigns that are over and whose counts should be kept, or kept anew.

    Those of which nothing is kept, with at least so many `rows` and over by `ended_by`; and those with a block that
    was outdated by `outdated_by`, or armed by `armed_by` and never filled.
    """
    fresh = tx.rows(
        "SELECT c.workspace_id, c.id FROM campaigns c"
        f" WHERE c.{_FINAL} AND c.expanded_to >= ? AND COALESCE(c.finished_at, 0) <= ?"
        " AND NOT EXISTS (SELECT 1 FROM kept_counts k WHERE k.campaign_id = c.id) ORDER BY c.id DESC LIMIT ?",
        (rows, ended_by, limit),
    )
    again = tx.rows(
        "SELECT c.workspace_id, c.id FROM campaigns c WHERE c.id IN"
        " (SELECT o.campaign_id FROM outdated_counts o WHERE o.at <= ? UNION"
        " SELECT k.campaign_id FROM kept_counts k WHERE k.counts IS NULL AND k.armed_at <= ?)"
        f" AND c.{_FINAL} ORDER BY c.id DESC LIMIT ?",
        (outdated_by, armed_by, limit),
    )
    return [(workspace_id, campaign_id) for workspace_id, campaign_id in [*fresh, *again]]
