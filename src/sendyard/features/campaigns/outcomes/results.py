"""
What became of every row, as documents and as a file.
"""

import csv
import io
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, NamedTuple

import msgspec

from sendyard.delivery.directory import Directory
from sendyard.domain.formulas import neutral
from sendyard.features.campaigns.experiments.queries import variant_names
from sendyard.features.campaigns.outcomes import queries
from sendyard.features.campaigns.outcomes.queries import AttemptRow, ResultRow
from sendyard.features.campaigns.plan import read_plan
from sendyard.features.campaigns.queries import CampaignRow
from sendyard.storage.engine import Database
from sendyard.storage.transaction import Transaction

COLUMNS = (
    "row", "given", "to", "country", "status", "reason", "detail", "fixed", "message_id", "account", "provider",
    "provider_ref", "parts", "cost", "currency", "variant", "created_at", "sent_at", "delivered_at",
    "clicked_at",
)  # fmt: skip
"""The header of the file, in its order."""

_AT_ONCE = 1000
_decode = msgspec.json.Decoder(dict[str, str]).decode


class _Result(NamedTuple):
    """A recipient with the tries of the message, the first click, and the text of an experiment."""

    row: ResultRow
    attempts: Sequence[AttemptRow]
    clicked_at: int | None
    variant: str | None


class Results:
    """Reads recipients together with their messages."""

    def __init__(self, database: Database, directory: Directory) -> None:
        """Take where rows are and what accounts are called."""
        self._database = database
        self._directory = directory

    async def page(self, campaign: CampaignRow, *, after_row: int, limit: int, status: str) -> list[dict[str, Any]]:
        """Give rows of the file after `after_row` with what became of them; see `Campaigns.recipients`."""
        return [self._document(one) for one in await self._read(campaign, after_row, limit, status)]

    async def file(self, campaign: CampaignRow, *, status: str = "") -> AsyncIterator[bytes]:
        """Give all rows, or those of one status, piece by piece: CSV in UTF-8 with its mark."""
        yield b"\xef\xbb\xbf" + _lines([COLUMNS])
        after = 0
        while True:
            found = await self._read(campaign, after, _AT_ONCE, status)
            if not found:
                return
            yield _lines([self._cells(one) for one in found])
            after = found[-1].row.row

    async def _read(self, campaign: CampaignRow, after: int, limit: int, status: str) -> list[_Result]:
        if status == "waiting" and read_plan(campaign.plan).experiment is None:
            # Every row before is a message or refused; those of an experiment leave out of turn.
            after = max(after, campaign.expanded_to)

        def read(tx: Transaction) -> tuple[list[ResultRow], list[AttemptRow], dict[int, int], dict[int, str]]:
            found = queries.results(tx, campaign.workspace_id, campaign.id, after=after, limit=limit, status=status)
            tried = [(row.message_id, row.attempts) for row in found if row.message_id and row.attempts]
            clicked = queries.first_clicks(tx, campaign.id, first=found[0].row, last=found[-1].row) if found else {}
            names = variant_names(tx, campaign.id) if any(row.variant for row in found) else {}
            return found, queries.attempts_of(tx, tried) if tried else [], clicked, names

        found, attempts, clicked, names = await self._database.read(read)
        by_message: dict[str, list[AttemptRow]] = {}
        for attempt in attempts:
            by_message.setdefault(attempt.message_id, []).append(attempt)
        return [
            _Result(row, by_message.get(row.message_id or "", ()), clicked.get(row.row), names.get(row.variant))
            for row in found
        ]

    def _document(self, result: _Result) -> dict[str, Any]:
        row, attempts = result.row, result.attempts
        entry = self._directory.account(row.account_id or "")
        error = None
        if row.error_kind or row.error_code:
            error = {"kind": row.error_kind, "code": row.error_code, "detail": row.error_detail}
        return {
            "row": row.row,
            "given": row.given,
            "to": row.address or None,
            "country": row.country or None,
            "language": row.language or None,
            "variables": _decode(row.variables),
            "status": _status(row),
            "code": row.code,
            "detail": row.detail,
            "fixed": row.fixed,
            "message_id": row.message_id,
            "account_id": row.account_id or None,
            "account": entry.name if entry else None,
            "provider": entry.provider if entry else None,
            "provider_ref": next((one.provider_ref for one in reversed(attempts) if one.provider_ref), None),
            "error": error,
            "parts": next((one.parts for one in reversed(attempts) if one.parts), row.parts),
            "costs": [{"amount": str(amount), "currency": currency} for currency, amount in _costs(attempts).items()],
            "created_at": row.created_at,
            "sent_at": row.sent_at,
            "delivered_at": row.delivered_at,
            "clicked_at": result.clicked_at,
            "variant": result.variant,
        }

    def _cells(self, result: _Result) -> list[str]:
        found = self._document(result)
        error = found["error"] or {}
        costs = found["costs"]
        cells = {
            **found,
            "reason": found["code"] or error.get("kind") or "",
            "detail": found["detail"] or error.get("detail") or error.get("code") or "",
            "cost": " + ".join(cost["amount"] for cost in costs),
            "currency": " + ".join(cost["currency"] for cost in costs),
            **{name: _moment(found[name]) for name in ("created_at", "sent_at", "delivered_at", "clicked_at")},
        }
        return [neutral("" if cells[name] is None else str(cells[name])) for name in COLUMNS]


def _status(row: ResultRow) -> str:
    return "refused" if row.code else row.status or "waiting"


def _costs(attempts: Sequence[AttemptRow]) -> dict[str, Decimal]:
    sums: dict[str, Decimal] = {}
    for attempt in attempts:
        if attempt.amount is not None and attempt.currency is not None:
            sums[attempt.currency] = sums.get(attempt.currency, Decimal(0)) + Decimal(attempt.amount)
    return sums


def _moment(at: int | None) -> str:
    if at is None:
        return ""
    return datetime.fromtimestamp(at / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _lines(rows: Sequence[Sequence[str]]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerows(rows)
    return text.getvalue().encode("utf-8")
