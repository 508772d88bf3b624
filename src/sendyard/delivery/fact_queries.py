"""
The SQL of what a workspace has told about itself, and of preflight results kept as evidence.
"""

from collections import defaultdict
from typing import Any

import msgspec

from sendyard.delivery.facts import Facts
from sendyard.domain.countries.situation import Allowed, DltIds, Options, RegisteredTemplate, Registration, Sender
from sendyard.storage.identifiers import now_ms
from sendyard.storage.transaction import Transaction

Row = tuple[Any, ...]

WAIVER = "id, rule, campaign_id, until, who, role, reason, created_by, created_at, withdrawn_by, withdrawn_at"
"""The columns of a waiver, as `waiver_document` takes them."""
WAIVER_NAMES = tuple(WAIVER.split(", "))

_texts = msgspec.json.Decoder(tuple[str, ...]).decode
_options = msgspec.json.Decoder(Options).decode

# A waiver that runs out changes no row, so the number of those that did is part of the revision.
_REVISIONS = (
    "SELECT f.workspace_id, f.revision + (SELECT COUNT(*) FROM waivers w WHERE w.workspace_id = f.workspace_id"
    " AND w.campaign_id = '' AND w.until <= ?) FROM workspace_facts f ORDER BY f.workspace_id"
)
_WORKSPACE = (
    "SELECT home_zone, business, contact, opt_out_number, allowed_urls, allowed_numbers, options FROM workspace_facts"
    " WHERE workspace_id = ?"
)
_SENDERS = (
    "SELECT account_id, value, business, identity_words, contact, opt_out_number, registration, receives_replies"
    " FROM sender_facts WHERE workspace_id = ?"
)
_DLT = "SELECT account_id, entity_id, telemarketer_ids, chain FROM dlt_ids WHERE workspace_id = ?"
_TEMPLATES = "SELECT registry_id, text, category, state, senders, tags FROM registered_templates WHERE workspace_id = ?"
_IN_FORCE = "withdrawn_at IS NULL AND (until IS NULL OR until > ?)"


def fact_revisions(tx: Transaction, now: int) -> list[Row]:
    """(workspace, revision) of those that told something; a revision grows also when a waiver has run out by `now`."""
    return tx.rows(_REVISIONS, (now,))


def read_facts(tx: Transaction, workspace_id: str, revision: int) -> Facts:
    """Read everything one workspace has told; it must have a row of facts."""
    zone, business, contact, opt_out, urls, numbers, options = tx.rows(_WORKSPACE, (workspace_id,))[0]
    waived: dict[str, set[str]] = defaultdict(set)
    for campaign_id, rule in tx.rows(
        f"SELECT campaign_id, rule FROM waivers WHERE workspace_id = ? AND {_IN_FORCE}",  # noqa: S608 - constant
        (workspace_id, now_ms()),
    ):
        waived[campaign_id].add(rule)
    return Facts(
        revision=revision,
        home_zone=zone or Facts().home_zone,
        business=business,
        contact=contact,
        opt_out_number=opt_out,
        senders={row[:2]: _sender(row) for row in tx.rows(_SENDERS, (workspace_id,))},
        dlt={
            account_id: DltIds(entity_id, _texts(telemarketers), Registration(chain))
            for account_id, entity_id, telemarketers, chain in tx.rows(_DLT, (workspace_id,))
        },
        allowed=Allowed(_list(urls), _list(numbers)),
        options=_options(options),
        templates={row[0]: template_of(row) for row in tx.rows(_TEMPLATES, (workspace_id,))},
        waived={campaign_id: frozenset(rules) for campaign_id, rules in waived.items()},
    )


def template_of(row: Row) -> RegisteredTemplate:
    """Make a template of (id, text, category, state, senders, tags) as they are stored."""
    registry_id, text, category, state, senders, tags = row
    return RegisteredTemplate(registry_id, text, category, Registration(state), _list(senders), _texts(tags))


def waivers_in_force(tx: Transaction, workspace_id: str, campaign_id: str, now: int) -> list[Row]:
    """Every waiver that holds for a campaign at a moment, those of the whole workspace too, oldest first."""
    return tx.rows(
        f"SELECT {WAIVER} FROM waivers WHERE workspace_id = ? AND campaign_id IN ('', ?) AND {_IN_FORCE}"  # noqa: S608 - constants
        " ORDER BY id",
        (workspace_id, campaign_id, now),
    )


def waiver_document(row: Row) -> dict[str, Any]:
    """Name the columns of a waiver."""
    return dict(zip(WAIVER_NAMES, row, strict=True))


def insert_preflight(
    tx: Transaction,
    workspace_id: str,
    *,
    result_id: str,
    campaign_id: str,
    report: str,
    rules_revision: str,
    waivers: str,
    now: int,
) -> None:
    """Keep one preflight result."""
    tx.run(
        "INSERT INTO preflight_results (id, workspace_id, campaign_id, report, rules_revision, waivers, at)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        (result_id, workspace_id, campaign_id, report, rules_revision, waivers, now),
    )


def preflight_rows(tx: Transaction, workspace_id: str, campaign_id: str, *, before: str, limit: int) -> list[Row]:
    """(id, campaign, at, rules revision, waivers, report) of kept results, newest first, older than `before`."""
    return tx.rows(
        "SELECT id, campaign_id, at, rules_revision, waivers, report FROM preflight_results"
        " WHERE workspace_id = ? AND campaign_id = ? AND (? = '' OR id < ?) ORDER BY id DESC LIMIT ?",
        (workspace_id, campaign_id, before, before, limit),
    )


def _sender(row: Row) -> Sender:
    _, value, business, words, contact, opt_out, registration, replies = row
    return Sender(value, business, _texts(words), contact, opt_out, Registration(registration), bool(replies))


def _list(stored: str | None) -> tuple[str, ...] | None:
    return None if stored is None else _texts(stored)
