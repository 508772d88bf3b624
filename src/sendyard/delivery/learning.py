"""
Settings of an account that its provider tells: taken over, so that preflight counts with what holds now.
"""

from collections.abc import Mapping
from datetime import UTC, datetime

import msgspec

from sendyard.delivery.credentials import merged, open_settings, parse_settings, seal_settings
from sendyard.delivery.directory import AccountEntry
from sendyard.delivery.queries import hold_settings, keep_notice, newest_notice, replace_settings
from sendyard.domain.errors import Invalid
from sendyard.providers.contract import AccountNotice
from sendyard.storage.transaction import Transaction
from sendyard.storage.vault import Vault

SUBJECT = "settings_learned"
"""Of the notice that says what was taken over."""

_decode = msgspec.json.Decoder(dict[str, str]).decode


class Learning:
    """Takes over what providers say of accounts."""

    def __init__(self, vault: Vault) -> None:
        """Take what seals settings."""
        self._vault = vault

    def hear(self, tx: Transaction, entry: AccountEntry, notice: AccountNotice, *, now: int) -> None:
        """Keep a notice, and take over what it says when it says so for the first time."""
        if keep_notice(tx, entry.workspace_id, entry.id, notice, now=now):
            self.learn(tx, entry, notice.facts, since=notice.occurred_at, now=now)

    def learn(
        self, tx: Transaction, entry: AccountEntry, facts: Mapping[str, str], *, since: datetime | None, now: int
    ) -> bool:
        """
        Take over the settings that these facts tell; False when they tell nothing new.

        `since` is when they became true, None for now. A word that is older than the last one taken over came late and
        changes nothing. What changed, and from what, is kept as a notice.
        """
        at = since or datetime.fromtimestamp(now / 1000, UTC)
        before = newest_notice(tx, entry.id, SUBJECT)
        if before is not None and datetime.fromisoformat(_decode(before)["since"]) > at:
            return False
        # The row may know more than the directory did when it was read last.
        sealed = hold_settings(tx, entry.id)
        try:
            settings = open_settings(self._vault, entry.id, sealed, entry.adapter)
            learned = entry.adapter.learned(settings, facts)
            fresh = parse_settings(entry.adapter, merged(settings, learned))
        except Invalid:
            return False
        if not learned:
            return False
        replace_settings(tx, entry.id, seal_settings(self._vault, entry.id, fresh))
        present = settings.model_dump(mode="json")
        told = ", ".join(
            f"{_title(entry, name)} is {value} now"
            + (f", it was {present[name]} here" if present[name] else ", nothing was entered here")
            for name, value in learned.items()
        )
        notice = AccountNotice(
            subject=SUBJECT,
            detail=f"{entry.adapter.spec.name} says: {told}. Preflight counts with it.",
            dedupe_key=f"{SUBJECT}:{now}:{sorted(learned.items())}",
            facts={**learned, **{f"{name}.before": str(present[name]) for name in learned}, "since": at.isoformat()},
        )
        keep_notice(tx, entry.workspace_id, entry.id, notice, now=now)
        return True


def _title(entry: AccountEntry, name: str) -> str:
    return entry.adapter.Account.model_fields[name].title or name
