"""
The SQL of campaigns and their recipients, and what campaigns read of the ledger.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from sendyard.domain.ids import attempt_id
from sendyard.features.campaigns.rows import Recipient
from sendyard.storage.identifiers import new_id
from sendyard.storage.transaction import Transaction

IMPORTING = -1
"""Value of `expanded_to` while the file is still being read: such a campaign is nobody's yet."""

_FAILED = "('failed', 'expired')"
_NOT_ARRIVED = "('failed', 'expired', 'unknown')"
_ACTIVE = "('preparing', 'sending')"
# Asking again would bring the same answer.
_HOPELESS = "('invalid_recipient', 'opted_out')"
# Every statement about a campaign's messages says `group_id <> ''`: the index on them is partial, and only this very
# term lets SQLite use it.
_OF_CAMPAIGN = "group_id = ? AND group_id <> ''"
_MESSAGE_OF_ROW = "m.group_id = r.campaign_id AND m.group_id <> '' AND m.address = r.address"
_CAMPAIGN = (
    "SELECT c.id, c.workspace_id, c.name, c.status, c.channel, c.purpose, c.sender, c.country, c.expires_in_seconds,"
    " c.pause_reason, c.expanded_to, c.created_at, c.started_at, c.finished_at, v.id, v.version, v.body, t.version,"
    " t.code, c.account, v.registered FROM campaigns c JOIN template_versions v ON v.id = c.template_version_id"
    " JOIN templates t ON t.id = v.template_id"
)
_RECIPIENT = "r.row, r.given, r.address, r.country, r.variables, r.code, r.detail, r.fixed"
_RESULT = (
    "m.id, m.status, m.account_id, m.error_kind, m.error_code, m.error_detail, m.parts, m.attempts, m.created_at,"
    " m.sent_at, m.delivered_at, m.settled_at"
)
_JOINED = (
    f"SELECT {_RECIPIENT}, {_RESULT} FROM campaign_recipients r"  # noqa: S608 - constants
    f" LEFT JOIN messages m ON {_MESSAGE_OF_ROW}"
    " WHERE r.campaign_id = ? AND r.workspace_id = ? AND r.row > ?"
)


class CampaignRow(NamedTuple):
    """One campaign with the text it sends."""

    id: str
    workspace_id: str
    name: str
    status: str
    channel: str
    purpose: str
    sender: str
    country: str
    expires_in: int
    pause_reason: str
    expanded_to: int
    created_at: int
    started_at: int | None
    finished_at: int | None
    version_id: str
    version: int
    body: str
    newest_version: int  # 0 for a text written for this campaign alone
    code: str
    account: str
    registered: str


class ResultRow(NamedTuple):
    """A recipient with what became of the message; everything from `message_id` on is None without one."""

    row: int
    given: str
    address: str
    country: str
    variables: str
    code: str
    detail: str
    fixed: str
    message_id: str | None
    status: str | None
    account_id: str | None
    error_kind: str | None
    error_code: str | None
    error_detail: str | None
    parts: int | None
    attempts: int | None
    created_at: int | None
    sent_at: int | None
    delivered_at: int | None
    settled_at: int | None


class AttemptRow(NamedTuple):
    """What one attempt cost and how the provider calls it."""

    message_id: str
    provider_ref: str | None
    parts: int | None
    amount: str | None
    currency: str | None


# ---- making one ----------------------------------------------------------------------------------


def newest_template(tx: Transaction, workspace_id: str, code: str) -> tuple[str, str, str] | None:
    """(version id, body, registered forms) of the newest version of a listed template."""
    found = tx.rows(
        "SELECT v.id, v.body, v.registered FROM templates t JOIN template_versions v ON v.template_id = t.id"
        " AND v.version = t.version WHERE t.workspace_id = ? AND t.code = ?",
        (workspace_id, code),
    )
    return (found[0][0], found[0][1], found[0][2]) if found else None


def insert_unlisted_version(tx: Transaction, workspace_id: str, campaign_id: str, body: str, *, now: int) -> str:
    """
    Keep a text as a version that no list shows, and give the version's id.

    Its template says that its newest version is number 0, which does not exist; the code cannot be typed by anyone.
    """
    template_id, version_id = new_id(), new_id()
    tx.run(
        "INSERT INTO templates (id, workspace_id, code, name, version, created_at) VALUES (?, ?, ?, '', 0, ?)",
        (template_id, workspace_id, f"_campaign:{campaign_id}", now),
    )
    tx.run(
        "INSERT INTO template_versions (id, workspace_id, template_id, version, body, created_at)"
        " VALUES (?, ?, ?, 1, ?, ?)",
        (version_id, workspace_id, template_id, body, now),
    )
    return version_id


def insert_campaign(tx: Transaction, campaign_id: str, workspace_id: str, *, version_id: str, name: str, channel: str,
                    purpose: str, sender: str, account: str, country: str, expires_in: int,
                    now: int) -> None:  # fmt: skip
    """Store a campaign that nobody sees before `finish_import`."""
    tx.run(
        "INSERT INTO campaigns (id, workspace_id, name, status, template_version_id, channel, purpose, sender, account,"
        " country, expires_in_seconds, expanded_to, created_at) VALUES (?, ?, ?, 'draft', ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            campaign_id,
            workspace_id,
            name,
            version_id,
            channel,
            purpose,
            sender,
            account,
            country,
            expires_in,
            IMPORTING,
            now,
        ),
    )


def insert_recipients(tx: Transaction, workspace_id: str, campaign_id: str, recipients: Sequence[Recipient]) -> None:
    """Store rows of the file."""
    tx.run_many(
        "INSERT INTO campaign_recipients (campaign_id, workspace_id, row, given, address, country, variables, code,"
        " detail, fixed) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [(campaign_id, workspace_id, *recipient) for recipient in recipients],
    )


def finish_import(tx: Transaction, campaign_id: str) -> None:
    """Let the campaign be seen: its file was read to the end."""
    tx.run("UPDATE campaigns SET expanded_to = 0 WHERE id = ? AND expanded_to = ?", (campaign_id, IMPORTING))


def forgotten_imports(tx: Transaction, *, before: int) -> list[str]:
    """Ids of campaigns whose file was begun before `before` and never read to its end."""
    found = tx.rows("SELECT id FROM campaigns WHERE expanded_to = ? AND created_at < ?", (IMPORTING, before))
    return [id_ for (id_,) in found]


def forget_import(tx: Transaction, campaign_id: str, *, limit: int) -> bool:
    """Remove up to `limit` rows of an unfinished import, at last the campaign itself; False when all is gone."""
    removed = tx.run(
        "DELETE FROM campaign_recipients WHERE campaign_id = ? AND row IN"
        " (SELECT r.row FROM campaign_recipients r WHERE r.campaign_id = ? LIMIT ?)",
        (campaign_id, campaign_id, limit),
    )
    if removed:
        return True
    tx.run("DELETE FROM campaigns WHERE id = ? AND expanded_to = ?", (campaign_id, IMPORTING))
    unlisted = "SELECT t.id FROM templates t WHERE t.version = 0 AND t.code = ?"
    code = f"_campaign:{campaign_id}"
    tx.run(f"DELETE FROM template_versions WHERE template_id IN ({unlisted})", (code,))  # noqa: S608 - constant
    tx.run("DELETE FROM templates WHERE version = 0 AND code = ?", (code,))
    return False


def copy_failed(tx: Transaction, source_id: str, target_id: str, *, after: int, up_to: int) -> int:
    """Copy the rows `after < row <= up_to` that failed and may do better; returns how many."""
    return tx.run(
        "INSERT INTO campaign_recipients (campaign_id, workspace_id, row, given, address, country, variables, code,"  # noqa: S608 - constants
        " detail, fixed) SELECT ?, r.workspace_id, r.row, r.given, r.address, r.country, r.variables, '', '', r.fixed"
        f" FROM campaign_recipients r LEFT JOIN messages m ON {_MESSAGE_OF_ROW}"
        " WHERE r.campaign_id = ? AND r.row > ? AND r.row <= ? AND r.address <> '' AND (r.code <> ''"
        f" OR (m.status IN {_FAILED} AND (m.error_kind IS NULL OR m.error_kind NOT IN {_HOPELESS})))",
        (target_id, source_id, after, up_to),
    )


def last_row(tx: Transaction, campaign_id: str) -> int:
    """The highest row number, 0 without rows."""
    ((found,),) = tx.rows("SELECT max(r.row) FROM campaign_recipients r WHERE r.campaign_id = ?", (campaign_id,))
    return found or 0


# ---- reading -------------------------------------------------------------------------------------


def campaign(tx: Transaction, workspace_id: str, campaign_id: str) -> CampaignRow | None:
    """One campaign of a workspace."""
    found = tx.rows(
        f"{_CAMPAIGN} WHERE c.workspace_id = ? AND c.id = ? AND c.expanded_to >= 0", (workspace_id, campaign_id)
    )
    return CampaignRow(*found[0]) if found else None


def campaigns(tx: Transaction, workspace_id: str, *, after: str, limit: int) -> list[CampaignRow]:
    """Campaigns of a workspace, newest first, before the id `after` unless that is ""."""
    before, values = (" AND c.id < ?", (after,)) if after else ("", ())
    found = tx.rows(
        f"{_CAMPAIGN} WHERE c.workspace_id = ? AND c.expanded_to >= 0{before} ORDER BY c.id DESC LIMIT ?",
        (workspace_id, *values, limit),
    )
    return [CampaignRow(*row) for row in found]


def active_campaigns(tx: Transaction) -> list[CampaignRow]:
    """Every campaign that is being prepared or sent, oldest first."""
    return [CampaignRow(*row) for row in tx.rows(f"{_CAMPAIGN} WHERE c.status IN {_ACTIVE} ORDER BY c.id")]


def refusals(tx: Transaction, campaign_id: str) -> list[tuple[str, bool, int, int]]:
    """Rows by (code, whether the file is not to blame, how many, how many of them repaired); code "" for good ones."""
    return [
        (code, bool(ours), count, fixed)
        for code, ours, count, fixed in tx.rows(
            "SELECT code, CASE WHEN code <> '' AND address <> '' THEN 1 ELSE 0 END AS ours, count(*),"
            " sum(CASE WHEN fixed <> '' THEN 1 ELSE 0 END) FROM campaign_recipients WHERE campaign_id = ?"
            " GROUP BY code, ours ORDER BY code",
            (campaign_id,),
        )
    ]


def suppressed_count(tx: Transaction, campaign_id: str, channel: str) -> int:
    """How many good rows are of people who must not be contacted at this moment."""
    ((count,),) = tx.rows(
        "SELECT count(*) FROM campaign_recipients r WHERE r.campaign_id = ? AND r.code = '' AND EXISTS"
        " (SELECT 1 FROM suppressions s WHERE s.workspace_id = r.workspace_id AND s.address = r.address"
        " AND s.channel IN ('', ?) AND s.purpose IN ('', (SELECT purpose FROM campaigns WHERE id = ?)))",
        (campaign_id, channel, campaign_id),
    )
    return int(count)


def good_rows(tx: Transaction, campaign_id: str, *, after: int, limit: int) -> list[Recipient]:
    """Rows to be sent, after the row `after`, in their order."""
    found = tx.rows(
        f"SELECT {_RECIPIENT} FROM campaign_recipients r"  # noqa: S608 - constants
        " WHERE r.campaign_id = ? AND r.row > ? AND r.code = '' ORDER BY r.row LIMIT ?",
        (campaign_id, after, limit),
    )
    return [Recipient(*row) for row in found]


def results(
    tx: Transaction, workspace_id: str, campaign_id: str, *, after: int, limit: int, status: str = ""
) -> list[ResultRow]:
    """Recipients with their messages after the row `after`; `status` is that of messages, refused, waiting or ""."""
    only, values = _only(status)
    found = tx.rows(f"{_JOINED}{only} ORDER BY r.row LIMIT ?", (campaign_id, workspace_id, after, *values, limit))
    return [ResultRow(*row) for row in found]


def _only(status: str) -> tuple[str, tuple[str, ...]]:
    match status:
        case "":
            return "", ()
        case "refused":
            return " AND r.code <> ''", ()
        case "waiting":
            return " AND r.code = '' AND m.id IS NULL", ()
        case _:
            return " AND m.status = ?", (status,)


def attempts_of(tx: Transaction, messages: Iterable[tuple[str, int]]) -> list[AttemptRow]:
    """Attempts of messages, given as (id, how many attempts), oldest first."""
    condition, parameter = tx.among(
        attempt_id(message_id, number) for message_id, attempts in messages for number in range(1, attempts + 1)
    )
    found = tx.rows(
        "SELECT message_id, provider_ref, parts, cost_amount, cost_currency FROM attempts"  # noqa: S608 - placeholders only
        f" WHERE id {condition} ORDER BY submitted_at",
        (parameter,),
    )
    return [AttemptRow(*row) for row in found]


def tally(tx: Transaction, campaign_id: str, *, since: int) -> list[tuple[str, str, str, int, int]]:
    """Messages by (status, account, kind of error, how many, how many of them were sent after `since`)."""
    return [
        (status, account_id, kind, count, int(lately or 0))
        for status, account_id, kind, count, lately in tx.rows(
            "SELECT status, account_id, COALESCE(error_kind, '') AS kind, count(*),"  # noqa: S608 - constant
            " sum(CASE WHEN sent_at > ? THEN 1 ELSE 0 END) FROM messages"
            f" WHERE {_OF_CAMPAIGN}"
            " GROUP BY status, account_id, kind",
            (since, campaign_id),
        )
    ]


# ---- moving --------------------------------------------------------------------------------------


def start(tx: Transaction, workspace_id: str, campaign_id: str, *, now: int) -> bool:
    """Leave the draft; False when it was left before."""
    sql = (
        "UPDATE campaigns SET status = 'preparing', started_at = ?"
        " WHERE id = ? AND workspace_id = ? AND status = 'draft' AND expanded_to = 0"
    )
    return tx.run(sql, (now, campaign_id, workspace_id)) == 1


def pause(tx: Transaction, workspace_id: str, campaign_id: str, reason: str) -> bool:
    """Stop handing over; False when the campaign is not under way."""
    sql = (
        f"UPDATE campaigns SET status = 'paused', pause_reason = ?"  # noqa: S608 - constant
        f" WHERE id = ? AND workspace_id = ? AND status IN {_ACTIVE}"
    )
    return tx.run(sql, (reason, campaign_id, workspace_id)) == 1


def resume(tx: Transaction, workspace_id: str, campaign_id: str) -> bool:
    """Go on where it stopped; False when the campaign is not paused."""
    resumed = tx.run(
        "UPDATE campaigns SET pause_reason = '', status = CASE WHEN EXISTS (SELECT 1 FROM campaign_recipients r"
        " WHERE r.campaign_id = campaigns.id AND r.row > campaigns.expanded_to AND r.code = '')"
        " THEN 'preparing' ELSE 'sending' END WHERE id = ? AND workspace_id = ? AND status = 'paused'",
        (campaign_id, workspace_id),
    )
    if resumed:
        tx.wake()
    return resumed == 1


def cancel(tx: Transaction, workspace_id: str, campaign_id: str, *, now: int) -> bool:
    """End it for good; False when it had ended."""
    sql = (
        "UPDATE campaigns SET status = 'cancelled', pause_reason = '', finished_at = ? WHERE id = ?"
        " AND workspace_id = ? AND status IN ('draft', 'scheduled', 'preparing', 'sending', 'paused')"
        " AND expanded_to >= 0"
    )
    return tx.run(sql, (now, campaign_id, workspace_id)) == 1


def advance(tx: Transaction, campaign_id: str, *, known: int, to: int) -> bool:
    """Take the rows `known < row <= to` for this transaction; False when someone else has, or the campaign stopped."""
    sql = "UPDATE campaigns SET expanded_to = ? WHERE id = ? AND expanded_to = ? AND status = 'preparing'"
    return tx.run(sql, (to, campaign_id, known)) == 1


def finish_expansion(tx: Transaction, campaign_id: str, *, known: int) -> bool:
    """From preparing to sending, when no row is left after `known`."""
    sql = "UPDATE campaigns SET status = 'sending' WHERE id = ? AND expanded_to = ? AND status = 'preparing'"
    return tx.run(sql, (campaign_id, known)) == 1


def refuse_rows(tx: Transaction, campaign_id: str, refused: Sequence[tuple[int, str, str]]) -> None:
    """Note (row, code, detail) of rows that were good in the file and cannot be sent; they keep their address."""
    tx.run_many(
        "UPDATE campaign_recipients SET code = ?, detail = ? WHERE campaign_id = ? AND row = ?",
        [(code, detail, campaign_id, row) for row, code, detail in refused],
    )


def complete(tx: Transaction, campaign_id: str, status: str, *, now: int) -> bool:
    """End a campaign whose messages are all settled; False when it was stopped meanwhile."""
    sql = "UPDATE campaigns SET status = ?, finished_at = ? WHERE id = ? AND status = 'sending'"
    return tx.run(sql, (status, now, campaign_id)) == 1


def reopen(tx: Transaction, campaign_id: str) -> None:
    """Go back to sending: a report that came later made one of its messages wait again."""
    tx.run(
        "UPDATE campaigns SET status = 'sending', finished_at = NULL"
        " WHERE id = ? AND status IN ('completed', 'completed_with_failures')",
        (campaign_id,),
    )
    tx.wake()


# ---- watching ------------------------------------------------------------------------------------


def is_under_way(tx: Transaction, campaign_id: str, *, reports_since: int) -> bool:
    """Whether a message waits, is being handed over, or was handed over after `reports_since` and has no report."""
    return bool(
        tx.rows(
            f"SELECT 1 FROM messages WHERE {_OF_CAMPAIGN} AND (status IN ('queued', 'scheduled', 'sending')"  # noqa: S608 - constant
            " OR (status = 'sent' AND sent_at > ?)) LIMIT 1",
            (campaign_id, reports_since),
        )
    )


def is_in_doubt(tx: Transaction, campaign_id: str) -> bool:
    """Whether someone still asks about a message whose outcome is not known."""
    unknown = tx.rows(
        f"SELECT id, attempts FROM messages WHERE {_OF_CAMPAIGN} AND status = 'unknown'",  # noqa: S608 - constant
        (campaign_id,),
    )
    if not unknown:
        return False
    condition, parameter = tx.among(attempt_id(message_id, attempts) for message_id, attempts in unknown)
    return bool(
        tx.rows(
            "SELECT 1 FROM attempts a JOIN exchanges x ON x.id = a.exchange_id"  # noqa: S608 - placeholders only
            f" WHERE a.id {condition} AND x.status IN ('open', 'doubtful') LIMIT 1",
            (parameter,),
        )
    )


def has_failures(tx: Transaction, campaign_id: str) -> bool:
    """Whether anybody of the audience got no message, or may have got none."""
    return bool(
        tx.rows(
            f"SELECT 1 FROM messages WHERE {_OF_CAMPAIGN} AND status IN {_NOT_ARRIVED} LIMIT 1",  # noqa: S608 - constant
            (campaign_id,),
        )
        or tx.rows(
            "SELECT 1 FROM campaign_recipients WHERE campaign_id = ? AND code <> '' AND address <> '' LIMIT 1",
            (campaign_id,),
        )
    )


def failures_between(tx: Transaction, *, after: int, up_to: int) -> list[tuple[str, int]]:
    """(campaign, row) of messages that failed in the events `after < number <= up_to`."""
    return [
        (campaign_id, row)
        for campaign_id, row in tx.rows(
            "SELECT m.group_id, m.row FROM events e JOIN messages m ON m.id = e.message_id"  # noqa: S608 - constants
            f" WHERE e.seq > ? AND e.seq <= ? AND e.status IN {_FAILED} AND m.group_id <> '' AND m.row IS NOT NULL"
            f" AND m.status IN {_FAILED}",
            (after, up_to),
        )
    ]


def ended_with_waiting(tx: Transaction, account_id: str, priority: int) -> list[tuple[str, str]]:
    """
    (id, status) of ended campaigns that still have messages waiting in one lane.

    Jumps from one campaign to the next along the lane index, as claiming does.
    """
    return [
        (id_, status)
        for id_, status in tx.rows(
            "WITH RECURSIVE lane(group_id) AS ("
            "  SELECT min(group_id) FROM messages WHERE account_id = ? AND priority = ? AND due_at IS NOT NULL"
            "  UNION ALL SELECT (SELECT min(m.group_id) FROM messages m WHERE m.account_id = ? AND m.priority = ?"
            "    AND m.due_at IS NOT NULL AND m.group_id > lane.group_id) FROM lane WHERE lane.group_id IS NOT NULL)"
            " SELECT c.id, c.status FROM lane JOIN campaigns c ON c.id = lane.group_id"
            " WHERE c.status IN ('cancelled', 'completed', 'completed_with_failures')",
            (account_id, priority, account_id, priority),
        )
    ]
