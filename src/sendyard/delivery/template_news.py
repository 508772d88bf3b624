"""
What a change of a provider's template means for people: paused, another category, a worse rating.
"""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from sendyard.delivery.queries import count_template_change, keep_notice, keep_template_change
from sendyard.providers.contract import AccountNotice, TemplateChange, TemplateState
from sendyard.storage.transaction import Transaction

Place = tuple[str, str]
"""Name and language: what tells the templates of one account apart."""

STOPPED = frozenset({TemplateState.PAUSED, TemplateState.REJECTED, TemplateState.DISABLED})
"""States in which a template that was approved goes out no more."""


_UNRATED = "UNKNOWN"  # as WhatsApp's platforms call what nobody has rated yet, or not lately


class Standing(NamedTuple):
    """Where a template stands at its provider."""

    state: str
    category: str
    quality: str
    reason: str


def hear(tx: Transaction, workspace_id: str, account_id: str, change: TemplateChange, *, now: int) -> None:
    """
    Take over what a provider says of a template, and note what people should know.

    A template that was never listed is asked for with the next look at catalogues, because a callback does not bring
    its text.
    """
    before = standings(tx, account_id, change.name)
    keep_template_change(tx, workspace_id, account_id, change, now=now)
    note_changes(tx, workspace_id, account_id, before, standings(tx, account_id, change.name), now=now)
    if not before:
        count_template_change(tx, account_id)
        tx.run("UPDATE template_catalogues SET asked_at = 0 WHERE account_id = ?", (account_id,))


def standings(tx: Transaction, account_id: str, name: str = "") -> dict[Place, Standing]:
    """Where an account's templates stand; of one name when it is given."""
    rows = tx.rows(
        "SELECT name, language, state, category, quality, reason FROM provider_templates WHERE account_id = ?"
        " AND (? = '' OR name = ?)",
        (account_id, name, name),
    )
    return {(row[0], row[1]): Standing(*row[2:]) for row in rows}


def note_changes(
    tx: Transaction,
    workspace_id: str,
    account_id: str,
    before: Mapping[Place, Standing],
    after: Mapping[Place, Standing],
    *,
    now: int,
) -> None:
    """Keep a notice for every change that people should know of."""
    for place, standing in after.items():
        if (known := before.get(place)) is not None:
            for notice in news(place, known, standing, now):
                keep_notice(tx, workspace_id, account_id, notice, now=now)


def news(place: Place, before: Standing, after: Standing, now: int) -> Iterator[AccountNotice]:
    """Say what is new about a template."""
    name, language = place
    called = f"The template {name!r}" + (f" ({language})" if language else "")
    facts = {"template": name, "language": language}
    if after.state != before.state and after.state in STOPPED:
        why = f": {after.reason.rstrip('.')}" if after.reason else ""
        detail = f"{called} is {after.state} at the provider{why}. Nothing goes out with it until it is approved again."
        yield _notice("template_state", detail, {**facts, "state": after.state, "before": before.state}, now)
    if before.category and after.category and after.category != before.category:
        detail = f"{called} is {after.category} now, it was {before.category}; price and rules may differ."
        yield _notice(
            "template_category", detail, {**facts, "category": after.category, "before": before.category}, now
        )
    if after.quality not in {"", _UNRATED, before.quality}:
        was = f", it was {before.quality}" if before.quality not in {"", _UNRATED} else ""
        detail = f"{called} is rated {after.quality} now{was}; a low rating gets it paused."
        yield _notice("template_quality", detail, {**facts, "quality": after.quality, "before": before.quality}, now)


def _notice(subject: str, detail: str, facts: Mapping[str, str], now: int) -> AccountNotice:
    key = ":".join((subject, facts["template"], facts["language"], str(now)))
    return AccountNotice(subject, detail, key, facts)
