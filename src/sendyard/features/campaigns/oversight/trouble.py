"""
Trouble of the accounts that carry a campaign: refused by the provider, or nearly out of money.
"""

import time
from collections.abc import Awaitable, Callable, Sequence
from decimal import Decimal

from sendyard.delivery.directory import AccountEntry, Directory
from sendyard.domain.channels import Purpose
from sendyard.domain.errors import AppError, ErrorKind
from sendyard.features.campaigns.outcomes.queries import waiting_in_lane
from sendyard.features.campaigns.plan import AutoPause, read_plan
from sendyard.features.campaigns.queries import CampaignRow
from sendyard.storage.engine import Database

Balance = Callable[[str, str], Awaitable[Decimal]]
"""Asks the provider of (workspace, account) for the credit left. Raises AppError when it does not tell."""

_ASK_EVERY = 300.0  # seconds between questions about one balance
_REFUSED = tuple(f"{kind.value}:" for kind in ErrorKind)


class AccountTrouble:
    """Says which campaigns are to be paused because of an account that has messages of theirs."""

    def __init__(self, database: Database, directory: Directory, balance: Balance | None) -> None:
        """Take where messages wait, what accounts there are, and how to ask for their balance, if one may."""
        self._database = database
        self._directory = directory
        self._balance = balance
        self._asked: dict[str, float] = {}
        self._known: dict[str, Decimal] = {}

    async def look(self, active: Sequence[CampaignRow]) -> list[tuple[CampaignRow, str]]:
        """Give (campaign, reason) of those to be paused."""
        rules = {campaign.id: (campaign, read_plan(campaign.plan).auto_pause) for campaign in active}
        if not rules:
            return []
        found: dict[str, tuple[CampaignRow, str]] = {}
        for entry in self._directory.accounts():
            refused = not entry.is_active and entry.pause_reason.startswith(_REFUSED)
            asking = self._balance is not None and any(rule.balance_below for _, rule in rules.values())
            if not (refused or (entry.is_active and asking)):
                continue
            for campaign_id in await self._waiting(entry.id):
                if campaign_id not in rules or campaign_id in found:
                    continue
                campaign, rule = rules[campaign_id]
                reason = _refusal(entry, rule) if refused else await self._too_low(entry, rule)
                if reason:
                    found[campaign_id] = campaign, reason
        return list(found.values())

    async def _waiting(self, account_id: str) -> set[str]:
        return set(
            await self._database.read(
                lambda tx: [id_ for purpose in Purpose for id_ in waiting_in_lane(tx, account_id, purpose.priority)]
            )
        )

    async def _too_low(self, entry: AccountEntry, rule: AutoPause) -> str:
        if not rule.balance_below or self._balance is None:
            return ""
        now = time.monotonic()
        if now - self._asked.get(entry.id, -_ASK_EVERY) >= _ASK_EVERY:
            self._asked[entry.id] = now
            try:
                self._known[entry.id] = await self._balance(entry.workspace_id, entry.id)
            except AppError:
                # Whether a provider tells its balance is nothing a campaign should stop for.
                self._known.pop(entry.id, None)
        known = self._known.get(entry.id)
        if known is None or known >= Decimal(rule.balance_below):
            return ""
        return f"{entry.name} has {known} left, less than {rule.balance_below}. Top it up, then resume."


def _refusal(entry: AccountEntry, rule: AutoPause) -> str:
    if not rule.account_trouble:
        return ""
    return f"{entry.name} is paused: {entry.pause_reason.rstrip('.')}. Put it right and resume it, then the campaign."
