"""
The SQL of drips: made, moved from one state to the next, and who is where in them.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from sendyard.features.campaigns.audience.rows import Recipient
from sendyard.storage.transaction import Transaction

STANDING = 2**31 - 1
"""Value of `expanded_to` in the campaign of a step: no row of it waits to be made into a message by others."""

_DRIP = (
    "id, workspace_id, name, status, pause_reason, plan, channel, purpose, country, reach, created_by, created_at,"
    " started_at, finished_at, sweep_at, turn, round, bring_to, reserved"
)
_PERSON = (
    "no, given, address, country, variables, language, zone, contact_no, round, step, next_at, state, why, entered_at,"
    " ended_at"
)
_PEOPLE = ", ".join(f"p.{column}" for column in _PERSON.split(", "))


class DripRow(NamedTuple):
    """
    One drip; `plan` is that of its newest version.

    `round` is where those come in who were never in it, `bring_to` the version to which people inside are being
    moved, 0 for none, and `reserved` what the messages made so far may cost, in millionths.
    """

    id: str
    workspace_id: str
    name: str
    status: str
    pause_reason: str
    plan: str
    channel: str
    purpose: str
    country: str
    reach: str
    created_by: str
    created_at: int
    started_at: int | None
    finished_at: int | None
    sweep_at: int | None
    turn: int
    round: int
    bring_to: int
    reserved: int


class RoundRow(NamedTuple):
    """Those who go through one version of a drip for the same time: the first one is visit 1."""

    round: int
    version: int
    visit: int
    plan: str
    made_at: int
    made_by: str


def new_drip(values: Mapping[str, Any]) -> DripRow:
    """The row that these columns make: a draft."""
    return DripRow(
        **values, pause_reason="", started_at=None, finished_at=None, sweep_at=None, turn=0, round=1, bring_to=0,
        reserved=0,
    )  # fmt: skip


class PersonInDrip(NamedTuple):
    """One person in a drip; `step` is the next one, `next_at` when it is due."""

    no: int
    given: str
    address: str
    country: str
    variables: str
    language: str
    zone: str
    contact_no: int | None
    round: int
    step: int
    next_at: int | None
    state: str
    why: str
    entered_at: int
    ended_at: int | None

    @property
    def row(self) -> Recipient:
        """The same as a row of a step's campaign."""
        return Recipient(
            self.no, self.given, self.address, self.country, self.variables, "", "", "", self.language, self.zone,
            self.contact_no,
        )  # fmt: skip


class StepRow(NamedTuple):
    """Which campaign carries a step of a round, and how it stands."""

    number: int
    round: int
    campaign_id: str
    status: str
    pause_reason: str


def insert_drip(tx: Transaction, values: Mapping[str, Any]) -> None:
    """Store a drip by the names of its columns."""
    names = ", ".join(values)
    tx.run(f"INSERT INTO drips ({names}) VALUES ({', '.join('?' * len(values))})", tuple(values.values()))  # noqa: S608 - column names are ours


def insert_round(tx: Transaction, drip: DripRow, row: RoundRow) -> None:
    """Store a round."""
    tx.run(
        "INSERT INTO drip_rounds (drip_id, workspace_id, round, version, visit, plan, made_at, made_by)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (drip.id, drip.workspace_id, *row),
    )


def rounds(tx: Transaction, drip_id: str) -> dict[int, RoundRow]:
    """The rounds of a drip by their number, in the order in which they were made."""
    found = tx.rows(
        "SELECT round, version, visit, plan, made_at, made_by FROM drip_rounds WHERE drip_id = ? ORDER BY round",
        (drip_id,),
    )
    return {row[0]: RoundRow(*row) for row in found}


def edit(tx: Transaction, drip: DripRow, values: Mapping[str, Any]) -> bool:
    """Change columns of a drip; False when somebody else changed it meanwhile. Who has read people reads again."""
    settings = ", ".join(f"{name} = ?" for name in values)
    return (
        tx.run(
            f"UPDATE drips SET {settings}, turn = turn + 1 WHERE id = ? AND round = ? AND status = ? AND plan = ?",  # noqa: S608 - column names are ours
            (*values.values(), drip.id, drip.round, drip.status, drip.plan),
        )
        == 1
    )


def finish_import(tx: Transaction, drip_id: str) -> None:
    """Let a drip be seen: everybody who came with the request is in it."""
    tx.run("UPDATE drips SET status = 'draft' WHERE id = ? AND status = 'importing'", (drip_id,))


def forgotten_imports(tx: Transaction, *, before: int) -> list[str]:
    """Ids of drips that were begun before `before` and whose people were never read to the end."""
    found = tx.rows("SELECT id FROM drips WHERE status = 'importing' AND created_at < ?", (before,))
    return [id_ for (id_,) in found]


def forget_import(tx: Transaction, drip_id: str, *, limit: int) -> bool:
    """Remove up to `limit` people of a drip that nobody has seen, at last the drip itself; False when all is gone."""
    slice_ = tx.one_of("SELECT no FROM drip_people WHERE drip_id = ? LIMIT ?")
    if tx.run(f"DELETE FROM drip_people WHERE drip_id = ? AND no {slice_}", (drip_id, drip_id, limit)):  # noqa: S608 - constants
        return True
    tx.run("DELETE FROM drip_rounds WHERE drip_id = ?", (drip_id,))
    tx.run("DELETE FROM drips WHERE id = ? AND status = 'importing'", (drip_id,))
    return False


def insert_step(
    tx: Transaction, workspace_id: str, drip_id: str, *, number: int, round_: int, campaign_id: str
) -> None:
    """Say which campaign carries a step."""
    tx.run(
        "INSERT INTO drip_steps (drip_id, number, round, workspace_id, campaign_id) VALUES (?, ?, ?, ?, ?)",
        (drip_id, number, round_, workspace_id, campaign_id),
    )


def drip(tx: Transaction, workspace_id: str, drip_id: str) -> DripRow | None:
    """One drip of a workspace."""
    found = tx.rows(f"SELECT {_DRIP} FROM drips WHERE workspace_id = ? AND id = ? AND status <> 'importing'",  # noqa: S608 - constants
                    (workspace_id, drip_id))  # fmt: skip
    return DripRow(*found[0]) if found else None


def drips(tx: Transaction, workspace_id: str, *, after: str, limit: int) -> list[DripRow]:
    """Drips of a workspace, newest first, before the id `after` unless that is ""."""
    bound, values = (" AND id < ?", (after,)) if after else ("", ())
    sql = f"SELECT {_DRIP} FROM drips WHERE workspace_id = ? AND status <> 'importing'{bound} ORDER BY id DESC LIMIT ?"  # noqa: S608 - constants
    return [DripRow(*row) for row in tx.rows(sql, (workspace_id, *values, limit))]


def active_drips(tx: Transaction) -> list[DripRow]:
    """Every drip that goes on, oldest first."""
    return [DripRow(*row) for row in tx.rows(f"SELECT {_DRIP} FROM drips WHERE status = 'active' ORDER BY id")]  # noqa: S608 - constants


def steps(tx: Transaction, drip_id: str) -> list[StepRow]:
    """The campaigns of a drip, by round and step."""
    found = tx.rows(
        "SELECT s.number, s.round, s.campaign_id, c.status, c.pause_reason FROM drip_steps s"
        " JOIN campaigns c ON c.id = s.campaign_id WHERE s.drip_id = ? ORDER BY s.round, s.number",
        (drip_id,),
    )
    return [StepRow(*row) for row in found]


def pace_leader(tx: Transaction, drip_id: str) -> str:
    """The campaign whose pace all steps of a drip share: that of its very first step."""
    ((campaign_id,),) = tx.rows(
        "SELECT campaign_id FROM drip_steps WHERE drip_id = ? AND number = 1 AND round = 1", (drip_id,)
    )
    return str(campaign_id)


def start(tx: Transaction, drip: DripRow, *, sweep: bool, now: int) -> bool:
    """Leave the draft, and let the campaigns of the steps go; False when it was left before."""
    started = tx.run(
        "UPDATE drips SET status = 'active', started_at = ?, sweep_at = ? WHERE id = ? AND status = 'draft'",
        (now, now if sweep else None, drip.id),
    )
    if started:
        tx.run(
            "UPDATE campaigns SET status = 'sending', started_at = ? WHERE status = 'draft' AND id IN"
            " (SELECT campaign_id FROM drip_steps WHERE drip_id = ?)",
            (now, drip.id),
        )
    return started == 1


def pause(tx: Transaction, drip_id: str, reason: str) -> bool:
    """Take no further step and hand nothing more over; False when it does not go on anyway."""
    paused = tx.run(
        "UPDATE drips SET status = 'paused', pause_reason = ? WHERE id = ? AND status = 'active'", (reason, drip_id)
    )
    if paused:
        tx.run(
            "UPDATE campaigns SET status = 'paused', pause_reason = ? WHERE status = 'sending' AND id IN"
            " (SELECT campaign_id FROM drip_steps WHERE drip_id = ?)",
            (reason, drip_id),
        )
    return paused == 1


def resume(tx: Transaction, drip_id: str) -> None:
    """Let a paused drip go on, and steps that were paused for a reason of their own."""
    tx.run("UPDATE drips SET status = 'active', pause_reason = '' WHERE id = ? AND status = 'paused'", (drip_id,))
    tx.run(
        "UPDATE campaigns SET status = 'sending', pause_reason = '' WHERE status = 'paused' AND id IN"
        " (SELECT s.campaign_id FROM drip_steps s JOIN drips d ON d.id = s.drip_id"
        " WHERE s.drip_id = ? AND d.status = 'active')",
        (drip_id,),
    )
    tx.wake()


def cancel(tx: Transaction, drip_id: str, *, now: int) -> bool:
    """End a drip and the campaigns of its steps; False when it had ended."""
    ended = tx.run(
        "UPDATE drips SET status = 'cancelled', pause_reason = '', sweep_at = NULL, finished_at = ?"
        " WHERE id = ? AND status <> 'cancelled'",
        (now, drip_id),
    )
    if ended:
        tx.run(
            "UPDATE campaigns SET status = 'cancelled', pause_reason = '', finished_at = ?"
            " WHERE status IN ('draft', 'sending', 'paused') AND id IN"
            " (SELECT campaign_id FROM drip_steps WHERE drip_id = ?)",
            (now, drip_id),
        )
    return ended == 1


def let_go(tx: Transaction, drip_id: str, *, now: int, limit: int) -> int:
    """Say of up to `limit` people of a cancelled drip that they left; returns how many."""
    slice_ = tx.one_of("SELECT no FROM drip_people WHERE drip_id = ? AND state = 'active' LIMIT ?")
    return tx.run(
        f"UPDATE drip_people SET state = 'left', why = 'cancelled', next_at = NULL, ended_at = ?"  # noqa: S608 - constants
        f" WHERE drip_id = ? AND state = 'active' AND no {slice_}",
        (now, drip_id, drip_id, limit),
    )


def half_cancelled(tx: Transaction) -> list[str]:
    """Cancelled drips that somebody is still in: the process that ended them did not come to the last one."""
    found = tx.rows(
        "SELECT id FROM drips WHERE status = 'cancelled' AND EXISTS"
        " (SELECT 1 FROM drip_people p WHERE p.drip_id = drips.id AND p.state = 'active')"
    )
    return [id_ for (id_,) in found]


def sweep_again(tx: Transaction, drip: DripRow, *, at: int | None) -> None:
    """Set when lists and segments are asked next, unless others are meant meanwhile; None is never."""
    tx.run(
        "UPDATE drips SET sweep_at = ? WHERE id = ? AND plan = ? AND sweep_at = ?",
        (at, drip.id, drip.plan, drip.sweep_at),
    )


def looks_for(tx: Transaction, drip: DripRow) -> bool:
    """Whether a drip still means those who were looked for; holds off that this changes until the transaction ends."""
    sql = "UPDATE drips SET sweep_at = sweep_at WHERE id = ? AND plan = ? AND sweep_at = ?"
    return tx.run(sql, (drip.id, drip.plan, drip.sweep_at)) == 1


def take_turn(tx: Transaction, drip: DripRow) -> bool:
    """Take the people that were read with this drip; False when somebody else has, or it was stopped."""
    sql = "UPDATE drips SET turn = turn + 1 WHERE id = ? AND turn = ? AND status = 'active'"
    return tx.run(sql, (drip.id, drip.turn)) == 1


def reserve(tx: Transaction, drip_id: str, price: int) -> None:
    """Note that messages for so many millionths more were made."""
    tx.run("UPDATE drips SET reserved = reserved + ? WHERE id = ?", (price, drip_id))


def inside(tx: Transaction, drip_id: str, *, after: int, limit: int) -> list[tuple[int, int, int]]:
    """People on their way behind the number `after`, as (number, round, next step)."""
    found = tx.rows(
        "SELECT no, round, step FROM drip_people WHERE drip_id = ? AND no > ? AND state = 'active' ORDER BY no LIMIT ?",
        (drip_id, after, limit),
    )
    return [(no, round_, step) for no, round_, step in found]


def bring(tx: Transaction, drip_id: str, moved: Iterable[tuple[int, int, bool]], *, now: int) -> None:
    """Move people to other rounds, as (number, round, whether no step is left for them there)."""
    tx.run_many(
        "UPDATE drip_people SET round = ?, state = ?, next_at = CASE WHEN ? = 'done' THEN NULL ELSE next_at END,"
        " ended_at = ? WHERE drip_id = ? AND no = ?",
        [
            (round_, state, state, now if over else None, drip_id, no)
            for no, round_, over in moved
            for state in ["done" if over else "active"]
        ],
    )


def end_bringing(tx: Transaction, drip_id: str, version: int) -> None:
    """Note that everybody inside is in this version."""
    tx.run("UPDATE drips SET bring_to = 0 WHERE id = ? AND bring_to = ?", (drip_id, version))


def numbers_for(tx: Transaction, drip_id: str, count: int) -> tuple[int, str, int]:
    """
    Give the first of so many new numbers for people, the drip's status, and the round of who comes in now.

    Others wait until the end of this transaction.
    """
    ((last, status, round_),) = tx.rows(
        "UPDATE drips SET last_no = last_no + ? WHERE id = ? RETURNING last_no, status, round", (count, drip_id)
    )
    return last - count + 1, status, round_


def known_contacts(tx: Transaction, drip_id: str, contact_nos: Iterable[int]) -> set[int]:
    """Which of these contacts are or were in the drip."""
    source, parameter = tx.each([(no,) for no in contact_nos], "BIGINT")
    found = tx.rows(
        f"SELECT DISTINCT p.contact_no FROM {source} JOIN drip_people p ON p.drip_id = ? AND p.contact_no = given.c0",  # noqa: S608 - placeholders only
        (parameter, drip_id),
    )
    return {no for (no,) in found}


def known_addresses(tx: Transaction, drip_id: str, addresses: Iterable[str]) -> set[str]:
    """Which of these addresses are or were in the drip."""
    condition, parameter = tx.among(addresses)
    found = tx.rows(
        f"SELECT DISTINCT address FROM drip_people WHERE drip_id = ? AND address <> '' AND address {condition}",  # noqa: S608 - placeholders only
        (drip_id, parameter),
    )
    return {address for (address,) in found}


def insert_people(tx: Transaction, workspace_id: str, drip_id: str, found: Sequence[PersonInDrip]) -> None:
    """Store people; their addresses are new to the drip in their round."""
    tx.run_many(
        f"INSERT INTO drip_people (drip_id, workspace_id, {_PERSON}) VALUES ({', '.join('?' * 17)})",  # noqa: S608 - constants
        [(drip_id, workspace_id, *person) for person in found],
    )


def newest_of(tx: Transaction, drip_id: str, address: str) -> PersonInDrip | None:
    """Whoever has this address in the drip, as of the newest round."""
    found = tx.rows(
        f"SELECT {_PERSON} FROM drip_people WHERE drip_id = ? AND address = ? ORDER BY round DESC LIMIT 1",  # noqa: S608 - constants
        (drip_id, address),
    )
    return PersonInDrip(*found[0]) if found else None


def people(tx: Transaction, drip_id: str, *, after: int, limit: int, state: str = "") -> list[PersonInDrip]:
    """People of a drip behind the number `after`, of one state unless that is ""."""
    only, values = (" AND state = ?", (state,)) if state else ("", ())
    sql = f"SELECT {_PERSON} FROM drip_people WHERE drip_id = ? AND no > ?{only} ORDER BY no LIMIT ?"  # noqa: S608 - constants
    return [PersonInDrip(*row) for row in tx.rows(sql, (drip_id, after, *values, limit))]


def unscheduled(tx: Transaction, drip_id: str, *, limit: int) -> list[PersonInDrip]:
    """People whose first step has no moment yet."""
    sql = f"SELECT {_PERSON} FROM drip_people WHERE drip_id = ? AND state = 'active' AND next_at IS NULL LIMIT ?"  # noqa: S608 - constants
    return [PersonInDrip(*row) for row in tx.rows(sql, (drip_id, limit))]


def schedule(tx: Transaction, drip_id: str, moments: Iterable[tuple[int, int]], *, now: int) -> None:
    """Give people without a moment theirs, as (number, moment); they come in now."""
    tx.run_many(
        "UPDATE drip_people SET next_at = ?, entered_at = ?"
        " WHERE drip_id = ? AND no = ? AND state = 'active' AND next_at IS NULL",
        [(moment, now, drip_id, no) for no, moment in moments],
    )


def due(tx: Transaction, drip_id: str, *, now: int, limit: int) -> list[PersonInDrip]:
    """People whose moment has come, the longest overdue first; those before a paused step wait."""
    found = tx.rows(
        f"SELECT {_PEOPLE} FROM drip_people p JOIN drip_steps s ON s.drip_id = p.drip_id AND s.number = p.step"  # noqa: S608 - constants
        " AND s.round = p.round JOIN campaigns c ON c.id = s.campaign_id"
        " WHERE p.drip_id = ? AND p.state = 'active' AND p.next_at <= ? AND c.status <> 'paused'"
        " ORDER BY p.next_at, p.no LIMIT ?",
        (drip_id, now, limit),
    )
    return [PersonInDrip(*row) for row in found]


def move_people(tx: Transaction, drip_id: str, moved: Sequence[PersonInDrip]) -> None:
    """Note where people are now."""
    tx.run_many(
        "UPDATE drip_people SET step = ?, next_at = ?, state = ?, why = ?, ended_at = ? WHERE drip_id = ? AND no = ?",
        [(one.step, one.next_at, one.state, one.why, one.ended_at, drip_id, one.no) for one in moved],
    )


def tally(tx: Transaction, drip_id: str) -> list[tuple[int, str, str, int, int]]:
    """People as (round, state, why, next step, how many)."""
    found = tx.rows(
        "SELECT round, state, why, step, count(*) FROM drip_people WHERE drip_id = ? GROUP BY round, state, why, step",
        (drip_id,),
    )
    return [(round_, state, why, step, count) for round_, state, why, step, count in found]


def next_moments(tx: Transaction, drip_id: str) -> dict[tuple[int, int], int]:
    """When the first of those who wait is due, by round and step."""
    found = tx.rows(
        "SELECT round, step, min(next_at) FROM drip_people WHERE drip_id = ? AND state = 'active'"
        " AND next_at IS NOT NULL GROUP BY round, step",
        (drip_id,),
    )
    return {(round_, step): moment for round_, step, moment in found}


def outcomes(tx: Transaction, drip_id: str) -> list[tuple[int, int, str, int]]:
    """Messages as (round, step, status, how many); those that could not be made are `refused`."""
    found = tx.rows(
        "SELECT s.round, s.number, m.status, count(*) FROM drip_steps s JOIN messages m"
        " ON m.group_id = s.campaign_id AND m.group_id <> '' WHERE s.drip_id = ? GROUP BY s.round, s.number, m.status"
        " UNION ALL SELECT s.round, s.number, 'refused', count(*) FROM drip_steps s JOIN campaign_recipients r"
        " ON r.campaign_id = s.campaign_id AND r.code <> '' WHERE s.drip_id = ? GROUP BY s.round, s.number",
        (drip_id, drip_id),
    )
    return [(round_, number, status, count) for round_, number, status, count in found]


def results(
    tx: Transaction, drip_id: str, *, first: int, last: int
) -> list[tuple[int, int, str, str, int | None, int | None]]:
    """What became of the steps of people with these numbers: (number, step, status, code, sent, delivered)."""
    return [
        (no, step, status, code, sent_at, delivered_at)
        for no, step, status, code, sent_at, delivered_at in tx.rows(
            "SELECT r.row, s.number, CASE WHEN r.code <> '' THEN 'refused' ELSE COALESCE(m.status, '') END,"
            " CASE WHEN r.code <> '' THEN r.code ELSE COALESCE(m.error_code, '') END, m.sent_at, m.delivered_at"
            " FROM drip_steps s JOIN campaign_recipients r ON r.campaign_id = s.campaign_id LEFT JOIN messages m"
            " ON m.group_id = r.campaign_id AND m.group_id <> '' AND m.row = r.row AND r.address <> ''"
            " WHERE s.drip_id = ? AND r.row >= ? AND r.row <= ? ORDER BY r.row, s.number",
            (drip_id, first, last),
        )
    ]


def reachable(tx: Transaction, drip_id: str, *, limit: int) -> list[PersonInDrip]:
    """The first people that have an address."""
    sql = f"SELECT {_PERSON} FROM drip_people WHERE drip_id = ? AND address <> '' ORDER BY no LIMIT ?"  # noqa: S608 - constants
    return [PersonInDrip(*row) for row in tx.rows(sql, (drip_id, limit))]
