"""
A long past for `bench history`: campaigns that were sent long ago, written into the real tables by the million.

Row by row through the ledger, ten million messages would take the better part of an hour; here each campaign is a
handful of statements, and indexes are built when all rows are there. Every message has its recipient, its attempt, its
two events and its share of an exchange, as sending and a delivery report leave them.
"""

import sys

from sendyard.domain.channels import Purpose
from sendyard.domain.status import RANK, AttemptStatus
from sendyard.storage.filling import filling
from sendyard.storage.identifiers import new_id

EACH = 100_000
"""Recipients of one old campaign."""
_PEOPLE = 1_000_003  # a prime, so that a step walks through everybody
_STEP = 7919
_BATCH = 200  # recipients of one exchange
_HOUR_MS = 3_600_000
_TABLES = ("messages", "attempts", "events", "exchanges", "campaign_recipients")
# Of each thousand: two failed, for different reasons, and three never had a report.
_STATUS = "CASE WHEN n % 1000 IN (7, 8) THEN 'failed' WHEN n % 1000 < 3 THEN 'sent' ELSE 'delivered' END"
_ERROR = "CASE WHEN n % 1000 = 7 THEN 'invalid_recipient' WHEN n % 1000 = 8 THEN 'undeliverable' END"
_RANK = f"CASE WHEN n % 1000 IN (7, 8) THEN {RANK[AttemptStatus.FAILED]} ELSE {RANK[AttemptStatus.DELIVERED]} END"


def write_past(url: str, workspace_id: str, account_id: str, *, messages: int, until: int) -> None:
    """
    Write `messages` old messages in campaigns of `EACH`, one an hour, the last an hour before `until` (milliseconds).

    The database is one that `upgrade` has made and that nobody else uses.
    """
    with filling(url, _TABLES) as (run, dialect):
        number = _Numbers(dialect)
        text_id = new_id()
        for sql in _text(workspace_id, text_id, until):
            run(sql)
        campaigns = -(-messages // EACH)
        for place in range(campaigns):
            first, size = place * EACH, min(EACH, messages - place * EACH)
            at = until - (campaigns - place) * _HOUR_MS
            for sql in _campaign(number, place, first, size, at, workspace_id, account_id, text_id):
                run(sql)
            sys.stderr.write(f"\r{first + size:,} of {messages:,} old messages")
        sys.stderr.write("; building indexes\n")


def _text(workspace_id: str, text_id: str, at: int) -> list[str]:
    return [
        (
            "INSERT INTO templates (id, workspace_id, code, name, version, created_at)"  # noqa: S608 - ours
            f" VALUES ('{text_id}', '{workspace_id}', 'old', 'Old', 1, {at})"
        ),
        (
            "INSERT INTO template_versions (id, workspace_id, template_id, version, body, created_at)"  # noqa: S608 - ours
            f" VALUES ('{text_id}', '{workspace_id}', '{text_id}', 1, 'Your order {{number}} arrives', {at})"
        ),
    ]


def _campaign(
    number: "_Numbers",
    place: int,
    first: int,
    size: int,
    at: int,
    workspace_id: str,
    account_id: str,
    text_id: str,
) -> list[str]:
    """Everything of one campaign, whose first message is number `first` of all."""
    campaign_id = _uuid(at, place)
    rows = number.between(first, first + size - 1)
    head, low = f"{at:012x}"[:8], f"{at:012x}"[8:]
    message = f"'{head}-{low}-7000-8000-' || {number.hex('n', 12)}"
    attempt = f"'{head}{low}70008000' || {number.hex('n', 12)} || '-1'"
    exchange = f"'{head}-{low}-7000-9000-' || {number.hex(f'n / {_BATCH}', 12)}"
    address = f"'+8210' || {number.digits(f'((n - {first}) * {_STEP} + {place} * 13007) % {_PEOPLE}', 8)}"
    arrived = f"CASE WHEN {_STATUS} = 'delivered' THEN {at + 60_000} END"
    settled = f"CASE WHEN {_STATUS} <> 'sent' THEN {at + 60_000} END"
    return [
        (
            "INSERT INTO campaigns (id, workspace_id, name, status, template_version_id, channel, purpose,"  # noqa: S608 - ours
            " expires_in_seconds, expanded_to, created_at, started_at, finished_at, given_rows) VALUES"
            f" ('{campaign_id}', '{workspace_id}', 'Old {place}', 'completed_with_failures', '{text_id}', 'sms',"
            f" 'transactional', 86400, {size + 1}, {at}, {at}, {at + 120_000}, {size + 1})"
        ),
        (
            "INSERT INTO campaign_recipients (campaign_id, row, workspace_id, given, address, country, variables)"
            f" SELECT '{campaign_id}', n - {first} + 2, '{workspace_id}', {address}, {address}, 'KR',"
            f" '{{\"number\":\"' || n || '\"}}' {rows}"
        ),
        (
            "INSERT INTO messages (id, workspace_id, status, purpose, priority, channel, address_kind, address,"
            " country, sender, content, parts, encoding, group_id, row, reference, metadata, route, failover,"
            " account_id, attempts, retries, expires_at, created_at, sent_at, delivered_at, settled_at, error_kind,"
            " error_code)"
            f" SELECT {message}, '{workspace_id}', {_STATUS}, '{Purpose.TRANSACTIONAL}',"
            f" {Purpose.TRANSACTIONAL.priority}, 'sms', 'phone', {address}, 'KR', '',"
            f" '\"Your order ' || n || ' arrives\"', 1, 'EUC-KR', '{campaign_id}', n - {first} + 2, '', '{{}}',"
            f" '[\"{account_id}\"]', {number.true}, '{account_id}', 1, 0, {at + 24 * _HOUR_MS}, {at},"
            f" {at + 10_000}, {arrived}, {settled}, {_ERROR}, {_ERROR} {rows}"
        ),
        (
            "INSERT INTO exchanges (id, workspace_id, account_id, status, size, tries, opened_at, closed_at, owner,"
            " lease_until, members, http_status, request, response)"
            f" SELECT DISTINCT {exchange}, '{workspace_id}', '{account_id}', 'closed', {_BATCH}, 1, {at + 9_000},"
            f" {at + 10_000}, 'bench', {at + 69_000}, '[]', 200, 'POST /send', '{{}}' {rows}"
        ),
        (
            "INSERT INTO attempts (id, workspace_id, message_id, account_id, exchange_id, status, rank, provider_ref,"
            " parts, cost_amount, cost_currency, submitted_at, settled_at, polls)"
            f" SELECT {attempt}, '{workspace_id}', {message}, '{account_id}', {exchange}, {_STATUS}, {_RANK},"
            f" 'p' || {number.digits('n', 12)}, 1, '9', 'KRW', {at + 9_000}, {at + 60_000}, 0 {rows}"
        ),
        (
            "INSERT INTO events (workspace_id, message_id, attempt_id, account_id, kind, status, at)"
            f" SELECT '{workspace_id}', {message}, {attempt}, '{account_id}', 'accepted', 'sent', {at + 10_000} {rows}"
        ),
        (
            "INSERT INTO events (workspace_id, message_id, attempt_id, account_id, kind, status, dedupe_key, at)"
            f" SELECT '{workspace_id}', {message}, {attempt}, '{account_id}', 'report', {_STATUS}, {_STATUS} || ' 00',"
            f" {at + 60_000} {rows}"
        ),
    ]


def _uuid(at: int, number: int) -> str:
    digits = f"{at:012x}7000a000{number:012x}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


class _Numbers:
    """What the two engines write differently: a run of numbers, and numbers as text of one length."""

    def __init__(self, dialect: str) -> None:
        self._is_sqlite = dialect == "sqlite"
        self.true = "1" if self._is_sqlite else "true"

    def between(self, first: int, last: int) -> str:
        """A `FROM` whose column `n` runs from `first` to `last`."""
        if self._is_sqlite:
            run = f"SELECT {first} UNION ALL SELECT n + 1 FROM run WHERE n < {last}"  # noqa: S608 - numbers
            return f"FROM (WITH RECURSIVE run(n) AS ({run}) SELECT n FROM run)"  # noqa: S608 - numbers
        return f"FROM generate_series({first}::bigint, {last}) AS n"

    def hex(self, value: str, width: int) -> str:
        return f"printf('%0{width}x', {value})" if self._is_sqlite else f"lpad(to_hex({value}), {width}, '0')"

    def digits(self, value: str, width: int) -> str:
        return f"printf('%0{width}d', {value})" if self._is_sqlite else f"lpad(({value})::text, {width}, '0')"
