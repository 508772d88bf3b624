"""
How far a campaign is, counted from its rows and messages at the moment of asking; see `counting` for what is kept.
"""

import time
from collections import Counter
from typing import Any

from sendyard.delivery.directory import Directory
from sendyard.domain.status import MessageStatus
from sendyard.features.campaigns.experiments.showing import summary
from sendyard.features.campaigns.outcomes import queries
from sendyard.features.campaigns.outcomes.counting import Counted, counted
from sendyard.features.campaigns.queries import CampaignRow, step_of_drip
from sendyard.features.campaigns.scheduling.queries import waves
from sendyard.features.campaigns.scheduling.showing import next_document, wave_document
from sendyard.storage.engine import Database
from sendyard.storage.identifiers import now_ms
from sendyard.storage.transaction import Transaction

RATE_WINDOW_MS = 10_000
"""The rate is that of the last ten seconds."""

_COSTLY = 0.05  # seconds; a count that took longer is shown again for a while
_SHARE = 4  # … for this many times as long as it took
_MOST_REMEMBERED = 100
_WITHOUT_MESSAGE = ("failed", "expired", "suppressed", "unknown", "cancelled")
_WAITING = ("scheduled", "queued")


class Progress:
    """Counts campaigns; a count of very many messages is reused for a moment, whoever asks."""

    def __init__(self, database: Database, directory: Directory) -> None:
        """Take where rows are and what accounts are called."""
        self._database = database
        self._directory = directory
        self._known: dict[str, tuple[float, str, dict[str, Any]]] = {}

    async def of(self, campaign: CampaignRow) -> dict[str, Any]:
        """
        Count one campaign.

        `recipients` are the good rows, of which `waiting_rows` are not messages yet; `refused` are the others, by
        `refused_reasons`. `counts` has every message by its status, `settled` those that are final. `accounts` has the
        same by account, `reasons` says why messages did not arrive. `rate_per_second` is how fast they left within the
        last ten seconds; `finish_at` (milliseconds) when the last would leave at that rate, None when it is not known.
        `clicks` has how many people followed a link, how often, and the visits that do not count; `experiment` says in
        a sentence where it stands, "" for a campaign that compares nothing. `drip` is as in `step_of_drip`.
        """
        remembered = self._known.get(campaign.id)
        if remembered and time.monotonic() < remembered[0] and remembered[1] == campaign.status:
            return {**remembered[2], **_state(campaign, now_ms())}
        began = time.monotonic()
        now = now_ms()

        def count(tx: Transaction) -> tuple[Counted, dict[str, Any]]:
            known = counted(tx, campaign.id, since=now - RATE_WINDOW_MS)
            compared = summary(tx, campaign.id)
            more = {
                "waves": [wave_document(row) for row in waves(tx, campaign.id)],
                "clicks": queries.clicks(tx, campaign.id),
                "experiment": compared["told"] if compared else "",
                "drip": step_of_drip(tx, campaign.id),
            }
            return known, more

        known, more = await self._database.read(count)
        found = {**_state(campaign, now), **rows_document(known.rows), **self._messages(campaign, known, now)}
        found |= more
        took = time.monotonic() - began
        self._known.pop(campaign.id, None)
        if took > _COSTLY:
            if len(self._known) >= _MOST_REMEMBERED:
                self._known.clear()
            self._known[campaign.id] = time.monotonic() + _SHARE * took, campaign.status, found
        return found

    def _messages(self, campaign: CampaignRow, known: Counted, now: int) -> dict[str, Any]:
        counts: Counter[str] = Counter()
        accounts: dict[str, Counter[str]] = {}
        reasons: Counter[tuple[str, str, str]] = Counter()
        lately = 0
        for status, account_id, kind, count, fresh in known.messages:
            counts[status] += count
            accounts.setdefault(account_id, Counter())[status] += count
            lately += fresh
            if status in _WITHOUT_MESSAGE:
                reasons[status, kind, account_id] += count
        total = counts.total()
        waiting_rows = max(0, sum(count for code, _, count, _ in known.rows if not code) - total)
        waiting = waiting_rows + sum(counts[status] for status in _WAITING)
        since = max(now - RATE_WINDOW_MS, campaign.started_at or 0)
        rate = lately / (max(1000, now - since) / 1000)
        under_way = campaign.status in {"preparing", "sending"}
        return {
            "waiting_rows": waiting_rows,
            "messages": total,
            "counts": dict(sorted(counts.items())),
            "settled": sum(count for status, count in counts.items() if MessageStatus(status).is_final),
            "accounts": [
                {"account_id": account_id, "account": self._name(account_id), "counts": dict(sorted(by_status.items()))}
                for account_id, by_status in sorted(accounts.items())
            ],
            "reasons": [
                {"status": status, "kind": kind, "account_id": account_id, "account": self._name(account_id),
                 "count": count}
                for (status, kind, account_id), count in reasons.most_common()
            ],
            "rate_per_second": round(rate, 1),
            "finish_at": now + int(1000 * waiting / rate) if under_way and waiting and rate else None,
        }  # fmt: skip

    def _name(self, account_id: str) -> str:
        entry = self._directory.account(account_id)
        return entry.name if entry else ""


def rows_document(rows: list[tuple[str, bool, int, int]]) -> dict[str, Any]:
    """What became of the rows of the file: how many are good, repaired and refused, and why."""
    reasons: Counter[str] = Counter()
    for code, _, count, _ in rows:
        if code:
            reasons[code] += count
    return {
        "rows": sum(count for _, _, count, _ in rows),
        "recipients": sum(count for code, _, count, _ in rows if not code),
        "fixed": sum(fixed for code, _, _, fixed in rows if not code),
        "refused": reasons.total(),
        "refused_reasons": [{"code": code, "count": count} for code, count in reasons.most_common()],
    }


def _state(campaign: CampaignRow, now: int) -> dict[str, Any]:
    return {
        "id": campaign.id,
        "name": campaign.name,
        "status": campaign.status,
        "pause_reason": campaign.pause_reason,
        "started_at": campaign.started_at,
        "finished_at": campaign.finished_at,
        "next": next_document(campaign, now),
    }
