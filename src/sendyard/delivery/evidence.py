"""
Preflight results kept with their campaign: what was found, by which rules, and which of them a person had set aside.
"""

import hashlib
from collections.abc import Collection, Mapping
from functools import cache
from typing import Any

import msgspec

from sendyard.delivery import fact_queries
from sendyard.domain.countries.registry import RULES
from sendyard.storage.identifiers import new_id
from sendyard.storage.transaction import Transaction

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder().decode


@cache
def rules_revision() -> str:
    """Name the rules of this build: 16 hexadecimal digits that change when any rule says something else."""
    digest = hashlib.sha256()
    for rule in RULES.values():
        told = (rule.id, rule.what, str(rule.source), rule.level, rule.satisfy, rule.waiver, str(rule.uncertain))
        digest.update("\0".join((*told, *sorted(rule.channels), *sorted(rule.purposes), "\n")).encode())
    return digest.hexdigest()[:16]


def keep_preflight(
    tx: Transaction,
    workspace_id: str,
    campaign_id: str,
    report: Mapping[str, Any],
    *,
    now: int,
    waived: Collection[str] = (),
) -> str:
    """
    Keep what a preflight said, and give the id of the record; nothing ever changes or removes it.

    Args:
        tx: the transaction that starts the campaign.
        workspace_id: whose it is.
        campaign_id: whose evidence it is.
        report: what a person was shown, of JSON values.
        now: milliseconds since 1970.
        waived: ids of rules that found something and were set aside. Their waivers, as they stand in this transaction,
            are kept whole: by whom, why and since when.
    """
    result_id = new_id()
    waivers = [
        fact_queries.waiver_document(row) for row in fact_queries.waivers_in_force(tx, workspace_id, campaign_id, now)
    ]
    fact_queries.insert_preflight(
        tx,
        workspace_id,
        result_id=result_id,
        campaign_id=campaign_id,
        report=_encode(report).decode(),
        rules_revision=rules_revision(),
        waivers=_encode([one for one in waivers if one["rule"] in waived]).decode(),
        now=now,
    )
    return result_id


def preflights(
    tx: Transaction, workspace_id: str, campaign_id: str, *, after: str = "", limit: int = 100
) -> list[dict[str, Any]]:
    """
    Give what was kept of a campaign, newest first: `{id, campaign_id, at, rules_revision, waivers, report}`.

    `after` continues behind the result with that id.
    """
    return [
        {
            "id": result_id,
            "campaign_id": campaign,
            "at": at,
            "rules_revision": revision,
            "waivers": _decode(waivers),
            "report": _decode(report),
        }
        for result_id, campaign, at, revision, waivers, report in fact_queries.preflight_rows(
            tx, workspace_id, campaign_id, before=after, limit=limit
        )
    ]
