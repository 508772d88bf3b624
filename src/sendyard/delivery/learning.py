"""
Settings of an account that its provider tells: taken over, so that preflight counts with what holds now.
"""

import logging
from collections.abc import Mapping
from datetime import UTC, datetime

import msgspec

from sendyard.delivery.credentials import merged, open_settings, parse_settings, seal_settings
from sendyard.delivery.directory import AccountEntry, Directory
from sendyard.delivery.queries import hold_settings, keep_notice, newest_notice, replace_settings
from sendyard.domain.errors import Invalid
from sendyard.providers.contract import AccountNotice
from sendyard.storage.transaction import Transaction

SUBJECT = "settings_learned"
"""Of the notice that says what was taken over."""

_log = logging.getLogger(__name__)
_decode = msgspec.json.Decoder(dict[str, str]).decode


class Learning:
    """Takes over what providers say of accounts."""

    def __init__(self, directory: Directory) -> None:
        """Take where accounts are, and what seals their settings."""
        self._directory = directory

    def hear(self, tx: Transaction, entry: AccountEntry, notice: AccountNotice, *, now: int) -> None:
        """Keep a notice, and take over what it says when it says so for the first time."""
        if keep_notice(tx, entry.workspace_id, entry.id, notice, now=now):
            self.learn(tx, entry, notice.facts, since=notice.occurred_at, now=now)

    def is_news(self, entry: AccountEntry, facts: Mapping[str, str]) -> bool:
        """Whether these facts tell anything new of this account, or of one that learns with it."""
        return any(one.adapter.learned(one.settings, facts) for one in self._directory.family(entry))

    def learn(
        self, tx: Transaction, entry: AccountEntry, facts: Mapping[str, str], *, since: datetime | None, now: int
    ) -> bool:
        """
        Take over the settings that these facts tell; False when they tell nothing new.

        They hold for all accounts of the workspace that learn with this one (`Adapter.learns_with`). `since` is when
        they became true, None for now. A word that is older than the last one taken over by any of them came late and
        changes nothing. What changed, and from what, is kept as a notice.
        """
        at = since or datetime.fromtimestamp(now / 1000, UTC)
        family = self._directory.family(entry)
        before = (newest_notice(tx, one.id, SUBJECT) for one in family)
        if any(datetime.fromisoformat(_decode(one)["since"]) > at for one in before if one is not None):
            return False
        taken = [self._take_over(tx, one, facts, entry, at, now) for one in family]
        return any(taken)

    def _take_over(
        self,
        tx: Transaction,
        entry: AccountEntry,
        facts: Mapping[str, str],
        heard: AccountEntry,
        at: datetime,
        now: int,
    ) -> bool:
        # The row may know more than the directory did when it was read last, or be gone.
        if (sealed := hold_settings(tx, entry.id)) is None:
            return False
        vault, says = self._directory.vault, entry.adapter.spec.name
        try:
            settings = open_settings(vault, entry.id, sealed, entry.adapter)
        except Invalid:
            return False
        learned = entry.adapter.learned(settings, facts)
        if not learned:
            return False
        try:
            fresh = parse_settings(entry.adapter, merged(settings, learned))
        except Invalid:
            _log.warning(
                "%s says %.200r of the account %s, which is new to us: not taken over", says, learned, entry.name
            )
            return False
        replace_settings(tx, entry.id, seal_settings(vault, entry.id, fresh))
        present = settings.model_dump(mode="json")
        told = ", ".join(
            f"{_title(entry, name)} is {value} now"
            + (f", it was {present[name]} here" if present[name] else ", nothing was entered here")
            for name, value in learned.items()
        )
        whom = "" if entry.id == heard.id else f" to {heard.name}"
        notice = AccountNotice(
            subject=SUBJECT,
            detail=f"{says} says{whom}: {told}. Preflight counts with it.",
            dedupe_key=f"{SUBJECT}:{now}:{sorted(learned.items())}",
            facts={**learned, **{f"{name}.before": str(present[name]) for name in learned}, "since": at.isoformat()},
        )
        keep_notice(tx, entry.workspace_id, entry.id, notice, now=now)
        return True


def _title(entry: AccountEntry, name: str) -> str:
    return entry.adapter.Account.model_fields[name].title or name
