"""
The SQL of campaigns themselves: made, changed, read, moved from one state to the next.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

from sendyard.storage.identifiers import new_id
from sendyard.storage.transaction import Transaction

IMPORTING = -1
"""Value of `expanded_to` while the request is still being read: such a campaign is nobody's yet."""

_ACTIVE = "('preparing', 'sending')"
_CAMPAIGN = (
    "SELECT c.id, c.workspace_id, c.name, c.status, c.channel, c.purpose, c.sender, c.country, c.expires_in_seconds,"
    " c.pause_reason, c.expanded_to, c.created_at, c.started_at, c.finished_at, v.id, v.version, v.body, t.version,"
    " t.code, c.account, v.registered, c.plan, c.given_rows, c.gathering, c.start_wanted, c.send_at, c.parent_id,"
    " c.run_at, c.created_by, c.reach, c.reserved, c.archived_at, v.document FROM campaigns c"
    " JOIN template_versions v ON v.id = c.template_version_id JOIN templates t ON t.id = v.template_id"
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
    plan: str
    given_rows: int
    gathering: str
    start_wanted: str
    send_at: int | None
    parent_id: str | None
    run_at: int | None
    created_by: str
    reach: str
    reserved: int
    archived_at: int | None
    document: str  # of the template's version, see features.templates.document


def newest_template(tx: Transaction, workspace_id: str, code: str) -> tuple[str, str, str, str] | None:
    """(version id, body, document, registered forms) of the newest version of a template that is offered."""
    found = tx.rows(
        "SELECT v.id, v.body, v.document, v.registered FROM templates t JOIN template_versions v"
        " ON v.template_id = t.id AND v.version = t.version WHERE t.workspace_id = ? AND t.code = ?"
        " AND t.archived_at IS NULL",
        (workspace_id, code),
    )
    return (found[0][0], found[0][1], found[0][2], found[0][3]) if found else None


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


def insert_campaign(tx: Transaction, values: Mapping[str, Any]) -> None:
    """Store a campaign by the names of its columns; nobody sees one whose `expanded_to` is `IMPORTING`."""
    names = ", ".join(values)
    tx.run(f"INSERT INTO campaigns ({names}) VALUES ({', '.join('?' * len(values))})", tuple(values.values()))  # noqa: S608 - column names are ours


def insert_run(tx: Transaction, values: Mapping[str, Any]) -> bool:
    """Store one run of a repeating campaign; False when this run was made before."""
    names = ", ".join(values)
    sql = f"INSERT INTO campaigns ({names}) VALUES ({', '.join('?' * len(values))}) ON CONFLICT DO NOTHING"  # noqa: S608 - column names are ours
    return tx.run(sql, tuple(values.values())) == 1


def change(
    tx: Transaction, workspace_id: str, campaign_id: str, values: Mapping[str, Any], *, known: CampaignRow
) -> bool:
    """Change columns of a campaign; False when its plan was changed or the draft was left since it was read."""
    settings = ", ".join(f"{name} = ?" for name in values)
    return (
        tx.run(
            f"UPDATE campaigns SET {settings} WHERE id = ? AND workspace_id = ? AND plan = ?"  # noqa: S608 - column names are ours
            " AND CASE WHEN status = 'draft' THEN 1 ELSE 0 END = ?",
            (*values.values(), campaign_id, workspace_id, known.plan, 1 if known.status == "draft" else 0),
        )
        == 1
    )


def archive(tx: Transaction, workspace_id: str, campaign_id: str, at: int | None) -> bool:
    """Put a campaign that is over or a draft away, or back with None; False when it is under way."""
    return (
        tx.run(
            "UPDATE campaigns SET archived_at = CASE WHEN CAST(? AS BIGINT) IS NULL THEN NULL"
            " ELSE COALESCE(archived_at, ?) END WHERE id = ? AND workspace_id = ? AND status IN"
            " ('draft', 'completed', 'completed_with_failures', 'cancelled', 'failed')",
            (at, at, campaign_id, workspace_id),
        )
        == 1
    )


def begin_removal(tx: Transaction, workspace_id: str, campaign_id: str) -> bool:
    """Take a draft out of sight, to be removed piece by piece; False when it is none."""
    sql = (
        "UPDATE campaigns SET expanded_to = ? WHERE id = ? AND workspace_id = ? AND status = 'draft'"
        " AND expanded_to = 0"
    )
    return tx.run(sql, (IMPORTING, campaign_id, workspace_id)) == 1


def search(tx: Transaction, campaign_id: str, gathering: str, *, given_rows: int, wanted: str) -> None:
    """Say which rows came with the request, and begin to look for other people unless `gathering` is ""."""
    tx.run(
        "UPDATE campaigns SET gathering = ?, given_rows = ?, start_wanted = ?,"
        " status = CASE WHEN CAST(? AS TEXT) = '' THEN 'draft' ELSE 'preparing' END WHERE id = ?",
        (gathering, given_rows, wanted, gathering, campaign_id),
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
    unlisted = tx.rows(
        "SELECT t.id FROM campaigns c JOIN template_versions v ON v.id = c.template_version_id"
        " JOIN templates t ON t.id = v.template_id WHERE c.id = ? AND t.version = 0"
        " UNION SELECT t.id FROM campaign_variants c JOIN template_versions v ON v.id = c.template_version_id"
        " JOIN templates t ON t.id = v.template_id WHERE c.campaign_id = ? AND t.version = 0",
        (campaign_id, campaign_id),
    )
    tx.run("DELETE FROM campaign_variants WHERE campaign_id = ?", (campaign_id,))
    tx.run("DELETE FROM campaigns WHERE id = ? AND expanded_to = ?", (campaign_id, IMPORTING))
    # A text of its own stays while a copy of the campaign uses it.
    used = (
        "SELECT 1 FROM campaigns c JOIN template_versions v ON v.id = c.template_version_id"
        " WHERE v.template_id = ? UNION ALL SELECT 1 FROM campaign_variants c"
        " JOIN template_versions v ON v.id = c.template_version_id WHERE v.template_id = ? LIMIT 1"
    )
    for (template_id,) in unlisted:
        if not tx.rows(used, (template_id, template_id)):
            tx.run("DELETE FROM template_versions WHERE template_id = ?", (template_id,))
            tx.run("DELETE FROM templates WHERE id = ?", (template_id,))
    return False


def campaign(tx: Transaction, workspace_id: str, campaign_id: str) -> CampaignRow | None:
    """One campaign of a workspace."""
    found = tx.rows(
        f"{_CAMPAIGN} WHERE c.workspace_id = ? AND c.id = ? AND c.expanded_to >= 0", (workspace_id, campaign_id)
    )
    return CampaignRow(*found[0]) if found else None


def campaigns(
    tx: Transaction, workspace_id: str, *, after: str, limit: int, archived: bool = False, parent: str = ""
) -> list[CampaignRow]:
    """Campaigns of a workspace, newest first, before the id `after` unless that is ""; of one parent if given."""
    terms = [f"c.archived_at IS {'NOT ' if archived else ''}NULL"]
    values = []
    for term, value in (("c.id < ?", after), ("c.parent_id = ?", parent)):
        if value:
            terms.append(term)
            values.append(value)
    found = tx.rows(
        f"{_CAMPAIGN} WHERE c.workspace_id = ? AND c.expanded_to >= 0 AND {' AND '.join(terms)}"
        " ORDER BY c.id DESC LIMIT ?",
        (workspace_id, *values, limit),
    )
    return [CampaignRow(*row) for row in found]


def active_campaigns(tx: Transaction) -> list[CampaignRow]:
    """Every campaign that is being prepared or sent, oldest first."""
    return [
        CampaignRow(*row)
        for row in tx.rows(f"{_CAMPAIGN} WHERE c.status IN {_ACTIVE} AND c.expanded_to >= 0 ORDER BY c.id")
    ]


def due_campaigns(tx: Transaction, *, now: int) -> list[CampaignRow]:
    """Every scheduled campaign whose moment has come, the longest overdue first."""
    found = tx.rows(
        f"{_CAMPAIGN} WHERE c.send_at IS NOT NULL AND c.send_at <= ? AND c.status = 'scheduled' ORDER BY c.send_at",
        (now,),
    )
    return [CampaignRow(*row) for row in found]


def schedule(tx: Transaction, workspace_id: str, campaign_id: str, at: int) -> bool:
    """From draft to scheduled; False when the draft was left before."""
    sql = (
        "UPDATE campaigns SET status = 'scheduled', send_at = ?, pause_reason = '' WHERE id = ? AND workspace_id = ?"
        " AND status = 'draft' AND expanded_to = 0"
    )
    return tx.run(sql, (at, campaign_id, workspace_id)) == 1


def start(tx: Transaction, workspace_id: str, campaign_id: str, *, now: int) -> bool:
    """Leave the draft; False when it was left before."""
    sql = (
        "UPDATE campaigns SET status = 'preparing', started_at = ?, pause_reason = ''"
        " WHERE id = ? AND workspace_id = ? AND status = 'draft' AND expanded_to = 0"
    )
    return tx.run(sql, (now, campaign_id, workspace_id)) == 1


def want_start(tx: Transaction, workspace_id: str, campaign_id: str, by: str) -> bool:
    """Note that a campaign whose people are still being looked for is to be started then; False when it is none."""
    sql = "UPDATE campaigns SET start_wanted = ? WHERE id = ? AND workspace_id = ? AND gathering <> ''"
    return tx.run(sql, (by, campaign_id, workspace_id)) == 1


def fire(tx: Transaction, campaign_id: str, *, known: int, now: int) -> bool:
    """From scheduled to preparing, when its moment `known` has come; False when another process was quicker."""
    sql = (
        "UPDATE campaigns SET status = 'preparing', started_at = ?, send_at = NULL"
        " WHERE id = ? AND status = 'scheduled' AND send_at = ?"
    )
    return tx.run(sql, (now, campaign_id, known)) == 1


def miss(tx: Transaction, campaign_id: str, reason: str, *, known: int) -> bool:
    """From scheduled to paused: its moment `known` went by while nobody worked."""
    sql = (
        "UPDATE campaigns SET status = 'paused', pause_reason = ?, send_at = NULL"
        " WHERE id = ? AND status = 'scheduled' AND send_at = ?"
    )
    return tx.run(sql, (reason, campaign_id, known)) == 1


def move_on(tx: Transaction, campaign_id: str, *, known: int, following: int | None, now: int) -> bool:
    """Set the next run of a repeating campaign, or end it when there is none; False when somebody was quicker."""
    if following is not None:
        sql = "UPDATE campaigns SET send_at = ? WHERE id = ? AND status = 'scheduled' AND send_at = ?"
        return tx.run(sql, (following, campaign_id, known)) == 1
    sql = (
        "UPDATE campaigns SET status = 'completed', send_at = NULL, finished_at = ?"
        " WHERE id = ? AND status = 'scheduled' AND send_at = ?"
    )
    return tx.run(sql, (now, campaign_id, known)) == 1


def pause(tx: Transaction, workspace_id: str, campaign_id: str, reason: str) -> bool:
    """Stop handing over, or the timer; False when the campaign is neither under way nor scheduled."""
    sql = (
        "UPDATE campaigns SET status = 'paused', pause_reason = ?, send_at = NULL WHERE id = ? AND workspace_id = ?"
        " AND status IN ('scheduled', 'preparing', 'sending')"
    )
    return tx.run(sql, (reason, campaign_id, workspace_id)) == 1


def resume(tx: Transaction, workspace_id: str, campaign_id: str, *, now: int) -> bool:
    """Go on where it stopped; False when the campaign is not paused."""
    resumed = tx.run(
        "UPDATE campaigns SET pause_reason = '', status = CASE WHEN gathering <> '' OR started_at IS NULL"
        " OR EXISTS (SELECT 1 FROM campaign_recipients r"
        " WHERE r.campaign_id = campaigns.id AND r.row > campaigns.expanded_to AND r.code = '')"
        # Rows of the sample may stand behind the last of the rest, so an experiment says itself whether rows are left.
        " AND NOT EXISTS (SELECT 1 FROM campaign_experiments e WHERE e.campaign_id = campaigns.id)"
        " OR EXISTS (SELECT 1 FROM campaign_experiments e WHERE e.campaign_id = campaigns.id AND e.state <> 'done')"
        " THEN 'preparing' ELSE 'sending' END,"
        " started_at = CASE WHEN gathering <> '' THEN started_at ELSE COALESCE(started_at, ?) END"
        " WHERE id = ? AND workspace_id = ? AND status = 'paused'",
        (now, campaign_id, workspace_id),
    )
    if resumed:
        tx.wake()
    return resumed == 1


def schedule_again(tx: Transaction, workspace_id: str, campaign_id: str, at: int) -> bool:
    """From paused back to scheduled; False when it is not paused."""
    sql = (
        "UPDATE campaigns SET status = 'scheduled', send_at = ?, pause_reason = ''"
        " WHERE id = ? AND workspace_id = ? AND status = 'paused'"
    )
    return tx.run(sql, (at, campaign_id, workspace_id)) == 1


def cancel(tx: Transaction, workspace_id: str, campaign_id: str, *, now: int) -> bool:
    """End it for good; False when it had ended."""
    sql = (
        "UPDATE campaigns SET status = 'cancelled', pause_reason = '', send_at = NULL, gathering = '',"
        " finished_at = ? WHERE id = ? AND workspace_id = ? AND expanded_to >= 0"
        " AND status IN ('draft', 'scheduled', 'preparing', 'sending', 'paused')"
    )
    return tx.run(sql, (now, campaign_id, workspace_id)) == 1


def gathered(tx: Transaction, campaign_id: str, *, known: str, progress: str) -> bool:
    """Note how far the search for people came; False when it was stopped, or another process was quicker."""
    sql = "UPDATE campaigns SET gathering = ? WHERE id = ? AND gathering = ? AND status = 'preparing'"
    return tx.run(sql, (progress, campaign_id, known)) == 1


def finish_gathering(tx: Transaction, campaign_id: str, *, known: str, wanted: str) -> bool:
    """The audience is complete: back to draft; False when it was stopped, or somebody's wish to start it changed."""
    sql = (
        "UPDATE campaigns SET gathering = '', start_wanted = '', status = 'draft'"
        " WHERE id = ? AND gathering = ? AND start_wanted = ? AND status = 'preparing'"
    )
    return tx.run(sql, (campaign_id, known, wanted)) == 1


def give_up(tx: Transaction, campaign_id: str, reason: str, *, known: str, now: int, ended: bool) -> None:
    """Say why a campaign does not go on: failed when it is `ended`, else a draft for somebody to look at."""
    status, at = ("failed", now) if ended else ("draft", None)
    tx.run(
        "UPDATE campaigns SET status = ?, gathering = '', start_wanted = '', pause_reason = ?, finished_at = ?"
        " WHERE id = ? AND gathering = ? AND status = 'preparing'",
        (status, reason, at, campaign_id, known),
    )


def advance(tx: Transaction, campaign_id: str, *, known: int, to: int, price: int = 0) -> bool:
    """
    Take the rows `known < row <= to` for this transaction; False when someone else has, or the campaign stopped.

    `price` is what their messages may cost, in millionths.
    """
    sql = (
        "UPDATE campaigns SET expanded_to = ?, reserved = reserved + ?"
        " WHERE id = ? AND expanded_to = ? AND status = 'preparing' AND gathering = ''"
    )
    return tx.run(sql, (to, price, campaign_id, known)) == 1


def rows_left(tx: Transaction, campaign_id: str, *, up_to: int) -> bool:
    """Whether a row up to this one is still to be turned into a message."""
    sql = (
        "SELECT 1 FROM campaign_recipients r JOIN campaigns c ON c.id = r.campaign_id"
        " WHERE r.campaign_id = ? AND r.row > c.expanded_to AND r.row <= ? AND r.code = '' LIMIT 1"
    )
    return bool(tx.rows(sql, (campaign_id, up_to)))


def finish_expansion(tx: Transaction, campaign_id: str, *, known: int) -> bool:
    """From preparing to sending, when no row is left after `known`."""
    sql = (
        "UPDATE campaigns SET status = 'sending'"
        " WHERE id = ? AND expanded_to = ? AND status = 'preparing' AND gathering = ''"
    )
    return tx.run(sql, (campaign_id, known)) == 1


def turn_of(tx: Transaction, campaign_id: str) -> int:
    """How often people were moved in the drip whose step this campaign is; 0 for a campaign that is none."""
    sql = "SELECT d.turn FROM drip_steps s JOIN drips d ON d.id = s.drip_id WHERE s.campaign_id = ?"
    found = tx.rows(sql, (campaign_id,))
    return int(found[0][0]) if found else 0


def step_of_drip(tx: Transaction, campaign_id: str) -> dict[str, Any] | None:
    """
    Which step of which drip a campaign carries: `{id, name, step, people_may_come}`; None for a campaign that is none.

    People come until the drip or the step is cancelled: to its newest version whenever somebody is added, to an older
    one while somebody of it has not had the step.
    """
    found = tx.rows(
        "SELECT d.id, d.name, s.number, d.status <> 'cancelled' AND c.status <> 'cancelled' AND ("
        "  r.version = (SELECT n.version FROM drip_rounds n WHERE n.drip_id = d.id AND n.round = d.round)"
        "  OR EXISTS (SELECT 1 FROM drip_people p WHERE p.drip_id = d.id AND p.state = 'active' AND p.round = s.round"
        "    AND p.step <= s.number))"
        " FROM drip_steps s JOIN drips d ON d.id = s.drip_id JOIN campaigns c ON c.id = s.campaign_id"
        " JOIN drip_rounds r ON r.drip_id = s.drip_id AND r.round = s.round WHERE s.campaign_id = ?",
        (campaign_id,),
    )
    if not found:
        return None
    drip_id, name, step, may_come = found[0]
    return {"id": drip_id, "name": name, "step": step, "people_may_come": bool(may_come)}


def complete(tx: Transaction, campaign_id: str, status: str, *, turn: int, now: int) -> bool:
    """
    End a campaign whose messages are all settled; False when it was stopped meanwhile, or has new people.

    `turn` is what `turn_of` said before the messages were looked at.
    """
    sql = "UPDATE campaigns SET status = ?, finished_at = ? WHERE id = ? AND status = 'sending'"
    if tx.run(sql, (status, now, campaign_id)) != 1:
        return False
    # Only asked behind the update: its row is locked now, so whoever brings people waits, or is seen here.
    if turn_of(tx, campaign_id) == turn:
        return True
    tx.run("UPDATE campaigns SET status = 'sending', finished_at = NULL WHERE id = ?", (campaign_id,))
    return False


def reopen(tx: Transaction, campaign_id: str) -> None:
    """
    Go back to sending: one of its messages waits again, or it has new people.

    A campaign that is sending is written too, so that two transactions, this and `complete`, come one after the other.
    """
    tx.run(
        "UPDATE campaigns SET status = 'sending', finished_at = NULL"
        " WHERE id = ? AND status IN ('sending', 'completed', 'completed_with_failures')",
        (campaign_id,),
    )
    tx.wake()


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
