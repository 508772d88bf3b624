"""
The throttle of one campaign, exact and shared by every process: asked in the transaction that lets messages leave.

Each message of a throttled campaign has a moment of its own, `step_us` behind the one before. When a campaign is
prepared, its messages are promised their moments beforehand, so that nearly all come when they may leave; those that
come too early, after a pause or because many are due at one time, are promised another moment here.
"""

from collections.abc import Sequence

from sendyard.ledger.entries import Exchange
from sendyard.storage.transaction import Transaction

_LATENESS = 50_000  # microseconds: what a message lost by waiting for a commit is not lost to the next one
_NEAR = 1_000_000  # microseconds: what is too early by less keeps its place, the rest goes behind what is promised


def set_pace(
    tx: Transaction, workspace_id: str, campaign_id: str, step_us: int | None, *, now: int, leader: str = ""
) -> None:
    """
    Let a campaign's messages leave one by one, `step_us` microseconds apart; None takes the throttle away.

    With a `leader`, another campaign, they share the pace of that one, which must have one.
    """
    if step_us is None:
        tx.run("DELETE FROM campaign_paces WHERE campaign_id = ?", (campaign_id,))
        return
    tx.run(
        "INSERT INTO campaign_paces (campaign_id, workspace_id, step_us, next_us, promised_us, leader)"
        " VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (campaign_id) DO UPDATE SET step_us = excluded.step_us",
        (campaign_id, workspace_id, step_us, 1000 * now, 1000 * now, leader),
    )


def promised(tx: Transaction, campaign_id: str) -> tuple[int, int] | None:
    """(microseconds between messages, the first moment promised to nobody); None without a throttle."""
    found = tx.rows("SELECT step_us, promised_us FROM campaign_paces WHERE campaign_id = ?", (campaign_id,))
    return (found[0][0], found[0][1]) if found else None


def promise(tx: Transaction, campaign_id: str, until_us: int) -> None:
    """Note that every moment before `until_us` is somebody's."""
    tx.run(
        "UPDATE campaign_paces SET promised_us = ? WHERE campaign_id = ? AND promised_us < ?",
        (until_us, campaign_id, until_us),
    )


def keep_pace(tx: Transaction, exchanges: Sequence[Exchange], *, owner: str, now: int) -> set[str]:
    """Give back what its campaign's throttle does not let leave yet, with a new moment; returns those ids."""
    groups: dict[str, list[str]] = {}
    for exchange in exchanges:
        for posting in exchange.postings:
            if posting.message.group_id:
                groups.setdefault(posting.message.group_id, []).append(posting.message.id)
    if not groups:
        return set()
    condition, parameter = tx.among(groups)
    # Locked in one order, because two processes may hand over messages of the same campaigns.
    lock = " FOR UPDATE OF p" if tx.dialect == "postgresql" else ""
    found = tx.rows(
        "SELECT g.campaign_id, p.campaign_id, p.step_us, p.next_us, p.promised_us FROM campaign_paces g"
        " JOIN campaign_paces p ON p.campaign_id = CASE WHEN g.leader = '' THEN g.campaign_id ELSE g.leader END"
        f" WHERE g.campaign_id {condition} ORDER BY p.campaign_id{lock}",
        (parameter,),
    )
    paces: dict[str, tuple[int, int, int, list[str]]] = {}
    for group, leader, step, known, noted in found:
        paces.setdefault(leader, (step, known, noted, []))[3].extend(groups[group])
    kept: set[str] = set()
    for campaign_id, (step, known, noted, ids) in paces.items():
        base = max(known, 1000 * now - _LATENESS)
        going = 0 if known > 1000 * now else min(len(ids), (1000 * now - base) // step + 1)
        following = base + going * step
        early = ids[going:]
        near = max(1, _NEAR // step)
        moments = [following + step * place for place in range(min(near, len(early)))]
        assured = max(noted, following + step * near)
        moments += [assured + step * place for place in range(len(early) - len(moments))]
        tx.run(
            "UPDATE campaign_paces SET next_us = ?, promised_us = ? WHERE campaign_id = ?",
            (following, assured + step * max(0, len(early) - near), campaign_id),
        )
        tx.run_many(
            "UPDATE messages SET due_at = ?, lease_owner = NULL, lease_until = NULL WHERE id = ?"
            " AND status IN ('queued', 'scheduled') AND (due_at IS NOT NULL OR lease_owner = ?)",
            [(-(-moment // 1000), id_, owner) for moment, id_ in zip(moments, early, strict=True)],
        )
        kept.update(early)
    return kept
