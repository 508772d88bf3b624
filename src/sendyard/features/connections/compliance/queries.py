"""
The SQL of what workspaces tell about themselves, and of waivers. Reading it for the engine is `delivery.fact_queries`.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sendyard.delivery.fact_queries import WAIVER
from sendyard.storage.transaction import Transaction

Row = tuple[Any, ...]

_WORKSPACE = (
    "home_zone, business, contact, opt_out_number, allowed_urls, allowed_numbers, options, updated_by, updated_at,"
    " revision"
)
_DLT = "account_id, entity_id, telemarketer_ids, chain, updated_by, updated_at"
_SENDER = (
    "account_id, value, business, identity_words, contact, opt_out_number, registration, receives_replies, note,"
    " updated_by, updated_at"
)
_TEMPLATE = "registry_id, text, category, state, senders, tags, name, updated_by, updated_at"
_PUT_TEMPLATE = (
    f"INSERT INTO registered_templates ({_TEMPLATE}, workspace_id)"  # noqa: S608 - constant
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
    " ON CONFLICT (workspace_id, registry_id) DO UPDATE SET text = excluded.text, category = excluded.category,"
    " state = excluded.state, senders = excluded.senders, tags = excluded.tags, name = excluded.name,"
    " updated_by = excluded.updated_by, updated_at = excluded.updated_at"
)
_CHANGE = "id, subject, name, account_id, changes, by, at"
_EDITABLE = ("home_zone", "business", "contact", "opt_out_number", "allowed_urls", "allowed_numbers", "options")


def count_change(tx: Transaction, workspace_id: str) -> None:
    """Make every process read the workspace's facts again; others that change them wait until this commits."""
    tx.run(
        "INSERT INTO workspace_facts (workspace_id, revision) VALUES (?, 1)"
        " ON CONFLICT (workspace_id) DO UPDATE SET revision = workspace_facts.revision + 1",
        (workspace_id,),
    )


def workspace(tx: Transaction, workspace_id: str) -> Row | None:
    """The workspace's own facts in the order of `_WORKSPACE`; None when nothing was ever told."""
    found = tx.rows(f"SELECT {_WORKSPACE} FROM workspace_facts WHERE workspace_id = ?", (workspace_id,))  # noqa: S608 - constant
    return found[0] if found else None


def update_workspace(tx: Transaction, workspace_id: str, columns: Mapping[str, Any], *, by: str, now: int) -> None:
    """Change some of the workspace's own facts; the row must be there, see `count_change`."""
    names = [name for name in _EDITABLE if name in columns]
    changes = ", ".join(f"{name} = ?" for name in (*names, "updated_by", "updated_at"))
    tx.run(
        f"UPDATE workspace_facts SET {changes} WHERE workspace_id = ?",  # noqa: S608 - names from a fixed list
        (*(columns[name] for name in names), by, now, workspace_id),
    )


def dlt(tx: Transaction, workspace_id: str) -> list[Row]:
    """Ids at India's DLT platform, those for every account first."""
    return tx.rows(f"SELECT {_DLT} FROM dlt_ids WHERE workspace_id = ? ORDER BY account_id", (workspace_id,))  # noqa: S608 - constant


def put_dlt(tx: Transaction, workspace_id: str, row: Sequence[Any]) -> None:
    """Store one account's ids, in the order of `_DLT`."""
    tx.run(
        f"INSERT INTO dlt_ids ({_DLT}, workspace_id) VALUES (?, ?, ?, ?, ?, ?, ?)"  # noqa: S608 - constant
        " ON CONFLICT (workspace_id, account_id) DO UPDATE SET entity_id = excluded.entity_id,"
        " telemarketer_ids = excluded.telemarketer_ids, chain = excluded.chain, updated_by = excluded.updated_by,"
        " updated_at = excluded.updated_at",
        (*row, workspace_id),
    )


def delete_dlt(tx: Transaction, workspace_id: str, account_id: str) -> None:
    """Forget one account's ids."""
    tx.run("DELETE FROM dlt_ids WHERE workspace_id = ? AND account_id = ?", (workspace_id, account_id))


def senders(tx: Transaction, workspace_id: str, *, account_id: str | None = None, value: str = "") -> list[Row]:
    """Facts of senders in the order of `_SENDER`; of one account ("" for every one) or one sender when asked for."""
    return tx.rows(
        f"SELECT {_SENDER} FROM sender_facts WHERE workspace_id = ? AND (? = 1 OR account_id = ?)"  # noqa: S608 - constant
        " AND (? = '' OR value = ?) ORDER BY value, account_id",
        (workspace_id, int(account_id is None), account_id or "", value, value),
    )


def put_sender(tx: Transaction, workspace_id: str, row: Sequence[Any]) -> None:
    """Store the facts of one sender, in the order of `_SENDER`."""
    tx.run(
        f"INSERT INTO sender_facts ({_SENDER}, workspace_id) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"  # noqa: S608 - constant
        " ON CONFLICT (workspace_id, account_id, value) DO UPDATE SET business = excluded.business,"
        " identity_words = excluded.identity_words, contact = excluded.contact,"
        " opt_out_number = excluded.opt_out_number, registration = excluded.registration,"
        " receives_replies = excluded.receives_replies, note = excluded.note, updated_by = excluded.updated_by,"
        " updated_at = excluded.updated_at",
        (*row, workspace_id),
    )


def delete_sender(tx: Transaction, workspace_id: str, account_id: str, value: str) -> bool:
    """Forget one sender; False when nothing was known of it."""
    return (
        tx.run(
            "DELETE FROM sender_facts WHERE workspace_id = ? AND account_id = ? AND value = ?",
            (workspace_id, account_id, value),
        )
        == 1
    )


def templates(
    tx: Transaction, workspace_id: str, *, state: str = "", category: str = "", after: str = "", limit: int
) -> list[Row]:
    """Registered texts in the order of their ids, columns in the order of `_TEMPLATE`."""
    return tx.rows(
        f"SELECT {_TEMPLATE} FROM registered_templates WHERE workspace_id = ? AND registry_id > ?"  # noqa: S608 - constant
        " AND (? = '' OR state = ?) AND (? = '' OR category = ?) ORDER BY registry_id LIMIT ?",
        (workspace_id, after, state, state, category, category, limit),
    )


def templates_of(tx: Transaction, workspace_id: str, ids: Iterable[str]) -> list[Row]:
    """Registered texts with these ids, columns in the order of `_TEMPLATE`."""
    condition, parameter = tx.among(ids)
    return tx.rows(
        f"SELECT {_TEMPLATE} FROM registered_templates WHERE workspace_id = ? AND registry_id {condition}",  # noqa: S608 - constants
        (workspace_id, parameter),
    )


def put_templates(tx: Transaction, workspace_id: str, rows: Iterable[Sequence[Any]]) -> None:
    """Store registered texts, each in the order of `_TEMPLATE`."""
    tx.run_many(_PUT_TEMPLATE, [(*row, workspace_id) for row in rows])


def delete_template(tx: Transaction, workspace_id: str, registry_id: str) -> bool:
    """Forget one registered text; False when there is none."""
    return (
        tx.run(
            "DELETE FROM registered_templates WHERE workspace_id = ? AND registry_id = ?", (workspace_id, registry_id)
        )
        == 1
    )


def add_fact_change(tx: Transaction, workspace_id: str, row: Sequence[Any]) -> None:
    """Keep one change of facts, in the order of `_CHANGE`."""
    tx.run(
        f"INSERT INTO fact_changes ({_CHANGE}, workspace_id) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",  # noqa: S608 - constant
        (*row, workspace_id),
    )


def fact_changes(tx: Transaction, workspace_id: str, *, subject: str, name: str, before: str, limit: int) -> list[Row]:
    """Changes of facts, newest first, before the id `before`; "" stands for any subject and name."""
    only, values = "", [workspace_id]
    for condition, value in (("subject = ?", subject), ("name = ?", name), ("id < ?", before)):
        if value:
            only, values = f"{only} AND {condition}", [*values, value]
    sql = f"SELECT {_CHANGE} FROM fact_changes WHERE workspace_id = ?{only} ORDER BY id DESC LIMIT ?"  # noqa: S608 - constants
    return tx.rows(sql, (*values, limit))


def insert_waiver(tx: Transaction, workspace_id: str, row: Sequence[Any]) -> None:
    """Store a waiver, in the order of `WAIVER` up to `created_at`."""
    tx.run(
        "INSERT INTO waivers (id, rule, campaign_id, until, who, role, reason, created_by, created_at, workspace_id)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (*row, workspace_id),
    )


def waivers(
    tx: Transaction,
    workspace_id: str,
    *,
    campaign_id: str | None = None,
    in_force: bool = False,
    now: int,
    before: str = "",
    limit: int,
) -> list[Row]:
    """Waivers, newest first; of one campaign ("" for the whole workspace), and only those in force, when asked for."""
    return tx.rows(
        f"SELECT {WAIVER} FROM waivers WHERE workspace_id = ? AND (? = 1 OR campaign_id = ?)"  # noqa: S608 - constant
        " AND (? = 0 OR (withdrawn_at IS NULL AND (until IS NULL OR until > ?))) AND (? = '' OR id < ?)"
        " ORDER BY id DESC LIMIT ?",
        (workspace_id, int(campaign_id is None), campaign_id or "", int(in_force), now, before, before, limit),
    )


def waiver(tx: Transaction, workspace_id: str, waiver_id: str) -> Row | None:
    """One waiver."""
    found = tx.rows(f"SELECT {WAIVER} FROM waivers WHERE workspace_id = ? AND id = ?", (workspace_id, waiver_id))  # noqa: S608 - constant
    return found[0] if found else None


def is_waived(tx: Transaction, workspace_id: str, rule: str, campaign_id: str, now: int) -> bool:
    """Whether a rule is set aside for exactly this campaign ("" for the whole workspace) already."""
    return bool(
        tx.rows(
            "SELECT 1 FROM waivers WHERE workspace_id = ? AND campaign_id = ? AND rule = ? AND withdrawn_at IS NULL"
            " AND (until IS NULL OR until > ?) LIMIT 1",
            (workspace_id, campaign_id, rule, now),
        )
    )


def withdraw_waiver(tx: Transaction, workspace_id: str, waiver_id: str, *, by: str, now: int) -> None:
    """End a waiver; the first time counts."""
    tx.run(
        "UPDATE waivers SET withdrawn_by = ?, withdrawn_at = ? WHERE workspace_id = ? AND id = ?"
        " AND withdrawn_at IS NULL",
        (by, now, workspace_id, waiver_id),
    )


def campaign_status(tx: Transaction, workspace_id: str, campaign_id: str) -> str | None:
    """Where a campaign stands; None when there is none."""
    found = tx.rows("SELECT status FROM campaigns WHERE workspace_id = ? AND id = ?", (workspace_id, campaign_id))
    return str(found[0][0]) if found else None


def countries_used(tx: Transaction, workspace_id: str) -> set[str]:
    """Countries that routes and campaigns name."""
    found = tx.rows(
        "SELECT country FROM routes WHERE workspace_id = ? UNION SELECT country FROM campaigns WHERE workspace_id = ?",
        (workspace_id, workspace_id),
    )
    return {country for (country,) in found if country}


def campaign_senders(tx: Transaction, workspace_id: str) -> list[tuple[str, str]]:
    """(account, sender) that campaigns name; the account "" where the route decides."""
    found = tx.rows(
        "SELECT DISTINCT account, sender FROM campaigns WHERE workspace_id = ? AND sender <> ''", (workspace_id,)
    )
    return [(account, value) for account, value in found]
