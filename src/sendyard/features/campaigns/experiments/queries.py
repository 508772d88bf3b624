"""
The SQL of experiments: variants, parts, counts by variant, looks.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

from sendyard.storage.identifiers import new_id
from sendyard.storage.transaction import Transaction

_EXPERIMENT = (
    "SELECT campaign_id, workspace_id, state, round, threshold, dealt_to, last_row, shares, limit_row, looks, seen,"
    " look_at, decided_at, decision FROM campaign_experiments"
)
# `group_id <> ''` lets SQLite use the partial index on messages of campaigns.
_SENT = (
    " FROM campaign_recipients r JOIN messages m ON m.group_id = r.campaign_id AND m.group_id <> ''"
    " AND m.row = r.row WHERE r.campaign_id = ? AND r.variant > 0 AND m.sent_at IS NOT NULL AND m.sent_at <= ?"
)
_WITHIN = {
    "delivered": "m.delivered_at IS NOT NULL AND m.delivered_at <= m.sent_at + ?",
    "read": (
        "EXISTS (SELECT 1 FROM events e WHERE e.message_id = m.id AND e.status = 'read' AND e.at <= m.sent_at + ?)"
    ),
    "replied": (
        "EXISTS (SELECT 1 FROM inbound_messages i WHERE i.workspace_id = m.workspace_id AND i.channel = m.channel"
        " AND i.sender = m.address AND i.received_at >= m.sent_at AND i.received_at <= m.sent_at + ?)"
    ),
    "clicked": (
        "EXISTS (SELECT 1 FROM link_clicks k WHERE k.campaign_id = r.campaign_id AND k.reason = '' AND k.row = r.row"
        " AND k.at <= m.sent_at + ?)"
    ),
    "opted_out": (
        "EXISTS (SELECT 1 FROM suppressions s WHERE s.workspace_id = m.workspace_id AND s.address = m.address"
        " AND s.reason IN ('opted_out', 'complaint') AND s.created_at >= m.sent_at"
        " AND s.created_at <= m.sent_at + ?)"
    ),
}
COUNTED = tuple(_WITHIN)
"""What is counted of the people whose message has left, each within the same time."""


class VariantRow(NamedTuple):
    """One variant with its text."""

    number: int
    name: str
    share: float
    version_id: str
    version: int
    body: str
    newest_version: int  # 0 for a text of its own
    code: str
    registered: str
    document: str


class ExperimentRow(NamedTuple):
    """Where a comparison stands."""

    campaign_id: str
    workspace_id: str
    state: str
    round: int
    threshold: int
    dealt_to: int
    last_row: int
    shares: str
    limit_row: int | None
    looks: str
    seen: int
    look_at: int
    decided_at: int | None
    decision: str


class LookRow(NamedTuple):
    """One look at it."""

    at: int
    tallies: str
    verdict: str
    shares: str
    seed: str
    action: str
    by: str


def insert_variants(
    tx: Transaction, workspace_id: str, campaign_id: str, variants: Sequence[tuple[int, str, str, float]]
) -> None:
    """Store variants, given as (number, name, version id, share)."""
    tx.run_many(
        "INSERT INTO campaign_variants (campaign_id, workspace_id, number, name, template_version_id, share)"
        " VALUES (?, ?, ?, ?, ?, ?)",
        [(campaign_id, workspace_id, *variant) for variant in variants],
    )


def copy_variants(tx: Transaction, source_id: str, target_id: str) -> None:
    """Give a copy of a campaign the same variants."""
    tx.run(
        "INSERT INTO campaign_variants (campaign_id, workspace_id, number, name, template_version_id, share)"
        " SELECT ?, workspace_id, number, name, template_version_id, share FROM campaign_variants"
        " WHERE campaign_id = ?",
        (target_id, source_id),
    )


def variants(tx: Transaction, campaign_id: str) -> list[VariantRow]:
    """The variants of a campaign in their order; none when it is no experiment."""
    found = tx.rows(
        "SELECT c.number, c.name, c.share, v.id, v.version, v.body, t.version, t.code, v.registered, v.document"
        " FROM campaign_variants c JOIN template_versions v ON v.id = c.template_version_id"
        " JOIN templates t ON t.id = v.template_id WHERE c.campaign_id = ? ORDER BY c.number",
        (campaign_id,),
    )
    return [VariantRow(*row) for row in found]


def variant_names(tx: Transaction, campaign_id: str) -> dict[int, str]:
    """What the variants of a campaign are called, by number."""
    return dict(tx.rows("SELECT number, name FROM campaign_variants WHERE campaign_id = ?", (campaign_id,)))


def experiment(tx: Transaction, campaign_id: str) -> ExperimentRow | None:
    """Where the comparison of a campaign stands; None before its first rows are dealt out."""
    found = tx.rows(f"{_EXPERIMENT} WHERE campaign_id = ?", (campaign_id,))
    return ExperimentRow(*found[0]) if found else None


def begin(
    tx: Transaction, workspace_id: str, campaign_id: str, *, threshold: int, last_row: int, shares: str, now: int
) -> None:
    """Lay an experiment out; harmless when another process did so."""
    tx.run(
        "INSERT INTO campaign_experiments (campaign_id, workspace_id, state, threshold, last_row, shares, look_at)"
        " VALUES (?, ?, 'sample', ?, ?, ?, ?) ON CONFLICT DO NOTHING",
        (campaign_id, workspace_id, threshold, last_row, shares, now),
    )


def undealt(tx: Transaction, campaign_id: str, *, after: int, limit: int) -> list[tuple[int, str]]:
    """(row, address) of the next good rows."""
    return [
        (row, address)
        for row, address in tx.rows(
            "SELECT row, address FROM campaign_recipients WHERE campaign_id = ? AND row > ? AND code = ''"
            " ORDER BY row LIMIT ?",
            (campaign_id, after, limit),
        )
    ]


def deal(tx: Transaction, campaign_id: str, dealt: Sequence[tuple[int, str, int]], *, known: int, to: int) -> bool:
    """Keep (row, part, variant) of the rows behind `known`, up to `to`; False when another process did so."""
    sql = "UPDATE campaign_experiments SET dealt_to = ? WHERE campaign_id = ? AND dealt_to = ?"
    if tx.run(sql, (to, campaign_id, known)) != 1:
        return False
    given, parameter = tx.each(dealt, "INTEGER", "TEXT", "INTEGER")
    tx.run(
        "UPDATE campaign_recipients SET part = given.c1, variant = given.c2"  # noqa: S608 - placeholders only
        f" FROM {given} WHERE campaign_id = ? AND row = given.c0",
        (parameter, campaign_id),
    )
    return True


def variants_of(tx: Transaction, campaign_id: str, *, first: int, last: int, part: str) -> dict[int, int]:
    """Which variant each row of a part between these has; 0 for those that have none yet."""
    return dict(
        tx.rows(
            "SELECT row, variant FROM campaign_recipients WHERE campaign_id = ? AND row BETWEEN ? AND ? AND part = ?",
            (campaign_id, first, last, part),
        )
    )


def give_variants(tx: Transaction, campaign_id: str, given: Sequence[tuple[int, int]]) -> None:
    """Keep (row, variant) of rows that had none."""
    tx.run_many(
        "UPDATE campaign_recipients SET variant = ? WHERE campaign_id = ? AND row = ? AND variant = 0",
        [(variant, campaign_id, row) for row, variant in given],
    )


def is_in_round(tx: Transaction, campaign_id: str, number: int) -> bool:
    """Whether nothing was decided since; holds that off until this transaction ends."""
    sql = "UPDATE campaign_experiments SET round = round WHERE campaign_id = ? AND round = ?"
    return tx.run(sql, (campaign_id, number)) == 1


def move(tx: Transaction, campaign_id: str, state: str, *, known: int) -> bool:
    """Go to another state from the round `known`; False when another process did something."""
    sql = "UPDATE campaign_experiments SET state = ?, round = round + 1 WHERE campaign_id = ? AND round = ?"
    return tx.run(sql, (state, campaign_id, known)) == 1


def claim_look(tx: Transaction, campaign_id: str, *, known: int, following: int) -> bool:
    """Take the next look for this process; False when another has."""
    sql = "UPDATE campaign_experiments SET look_at = ? WHERE campaign_id = ? AND look_at = ?"
    return tx.run(sql, (following, campaign_id, known)) == 1


def note_look(tx: Transaction, campaign_id: str, *, looks: str, seen: int) -> None:
    """Keep the looks taken so far and how many people the newest had."""
    tx.run("UPDATE campaign_experiments SET looks = ?, seen = ? WHERE campaign_id = ?", (looks, seen, campaign_id))


def decide(
    tx: Transaction,
    campaign_id: str,
    *,
    shares: str,
    limit_row: int | None,
    decision: str,
    known: int,
    now: int,
) -> bool:
    """Let the rest go with these shares, up to a row; False when something was decided meanwhile."""
    sql = (
        "UPDATE campaign_experiments SET state = 'rest', round = round + 1, shares = ?, limit_row = ?,"
        " decided_at = ?, decision = ? WHERE campaign_id = ? AND round = ?"
    )
    return tx.run(sql, (shares, limit_row, now, decision, campaign_id, known)) == 1


def insert_look(tx: Transaction, workspace_id: str, campaign_id: str, look: LookRow) -> None:
    """Add a look to the record."""
    tx.run(
        "INSERT INTO experiment_looks (id, workspace_id, campaign_id, at, tallies, verdict, shares, seed, action,"
        " chosen_by) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (new_id(), workspace_id, campaign_id, *look),
    )


def looks(tx: Transaction, campaign_id: str) -> list[LookRow]:
    """Every look, the first first."""
    found = tx.rows(
        "SELECT at, tallies, verdict, shares, seed, action, chosen_by FROM experiment_looks WHERE campaign_id = ?"
        " ORDER BY id",
        (campaign_id,),
    )
    return [LookRow(*row) for row in found]


def dealt_counts(tx: Transaction, campaign_id: str) -> list[tuple[str, int, int]]:
    """(part, variant, how many good rows) of what is dealt out."""
    return [
        (part, variant, count)
        for part, variant, count in tx.rows(
            "SELECT part, variant, count(*) FROM campaign_recipients WHERE campaign_id = ? AND code = ''"
            " GROUP BY part, variant ORDER BY part, variant",
            (campaign_id,),
        )
    ]


def counts(
    tx: Transaction, campaign_id: str, wanted: Sequence[str], *, until: int, within: int
) -> dict[int, tuple[int, ...]]:
    """
    By variant: how many people's messages had left by `until`, and how many of them did each of `wanted`.

    What is wanted are names of `COUNTED`; each counts when it came within so many milliseconds after the message left.
    """
    sums = "".join(f", sum(CASE WHEN {_WITHIN[name]} THEN 1 ELSE 0 END)" for name in wanted)
    found = tx.rows(
        f"SELECT r.variant, count(*){sums}{_SENT} GROUP BY r.variant",
        (*[within] * len(wanted), campaign_id, until),
    )
    return {row[0]: tuple(int(count) for count in row[1:]) for row in found}


def costs(tx: Transaction, campaign_id: str) -> list[tuple[int, str, str, int]]:
    """(variant, amount, currency, how often) of every attempt that cost something."""
    return [
        (variant, amount, currency, count)
        for variant, amount, currency, count in tx.rows(
            "SELECT r.variant, a.cost_amount, a.cost_currency, count(*)"
            " FROM campaign_recipients r JOIN messages m ON m.group_id = r.campaign_id AND m.group_id <> ''"
            " AND m.row = r.row JOIN attempts a ON a.id >= replace(m.id, '-', '') || '-'"
            " AND a.id < replace(m.id, '-', '') || '.'"
            " WHERE r.campaign_id = ? AND r.variant > 0 AND a.cost_amount IS NOT NULL"
            " GROUP BY r.variant, a.cost_amount, a.cost_currency",
            (campaign_id,),
        )
    ]


def last_sent(tx: Transaction, campaign_id: str) -> int:
    """When the newest message of a campaign left; 0 when none has."""
    ((found,),) = tx.rows(
        "SELECT max(sent_at) FROM messages WHERE group_id = ? AND group_id <> '' AND sent_at IS NOT NULL",
        (campaign_id,),
    )
    return int(found or 0)


def rest_row(tx: Transaction, campaign_id: str, *, after: int, place: int) -> int:
    """The row of the rest that stands so many places behind `after`; the last of them beyond the end."""
    found: list[tuple[Any, ...]] = tx.rows(
        "SELECT max(picked.row) FROM (SELECT r.row FROM campaign_recipients r WHERE r.campaign_id = ? AND r.row > ?"
        " AND r.code = '' AND r.part = 'rest' ORDER BY r.row LIMIT ?) AS picked",
        (campaign_id, after, place),
    )
    return int(found[0][0] or after)
