"""
MSG91's delivery log: the only witness of a message, since a send says success to almost anything.

One request id is asked for at a time and the answer brings all its recipients. A filter is cached for minutes and a
range holds at most three days, so the first day of the range changes every five minutes (sheet, section 7).
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, cast
from urllib.parse import urlencode

import msgspec

from sendyard.domain.errors import ErrorKind, ProviderError
from sendyard.domain.status import ReportStatus
from sendyard.providers.abilities import (
    Found,
    Inconclusive,
    NotFound,
    Pending,
    Poll,
    ReportPolling,
    SubmitLookup,
)
from sendyard.providers.contract import Call, DeliveryEvent, MessageKey, Outgoing, ProtocolError
from sendyard.providers.msg91.account_check import headers
from sendyard.providers.msg91.answers import Answer, explain, read, word
from sendyard.providers.msg91.codes import CODES, NOT_IN_LOG
from sendyard.providers.msg91.reports import IST, Said, event, given, moment
from sendyard.providers.msg91.spec import Msg91Account
from sendyard.providers.wire import HttpRequest, HttpResponse

LOGGED_WITHIN = timedelta(hours=2)
"""A message that is in no log after this time was dropped; our choice, the log itself shows one within minutes."""

YOUNGER_BY = timedelta(minutes=1)
"""How much later another message in the log must be for an absence to mean something."""

_CACHED = 300  # seconds; "minutes" in the sheet
_DAYS = 3
_CLOCKS_DIFFER = timedelta(minutes=5)


class _Row(msgspec.Struct, rename="camel"):
    request_id: Any = None
    tel_num: Any = None
    status: Any = None
    request_date: Any = None
    sent_date_time: Any = None
    delivery_date: Any = None
    delivery_time: Any = None
    credit: Any = None
    failure_reason: Any = None
    reference: Any = msgspec.field(default=None, name="CRQID")


_ROWS = msgspec.json.Decoder(list[_Row])


class Msg91Log(ReportPolling, SubmitLookup):
    """Reports by asking, and the answer to "did you get this one?"."""

    def build_poll(self, call: Call, cursor: str, pending: Sequence[Pending]) -> HttpRequest:
        """Ask for the request that one message, all that `poll_limit` lets in, travelled in."""
        del cursor
        return _ask(call, pending[0].submitted_at, requestId=pending[0].provider_ref)

    def parse_poll(self, call: Call, pending: Sequence[Pending], response: HttpResponse) -> Poll:
        """
        Read every recipient of the request, asked for or not; a message missing for two hours was dropped.

        Raises:
            ProtocolError: also when MSG91 refuses the question, with what to do about it.
        """
        answer = read(response)
        if not isinstance(answer, Answer):
            raise ProtocolError(explain(answer))
        rows, is_complete = _rows(answer)
        events = [_event(row) for row in rows if _names_a_message(row)]
        references = {event.key.reference for event in events}
        numbers = {(event.key.provider_ref, event.key.recipient) for event in events}
        events += [
            _dropped(one, call.now)
            for one in pending
            if is_complete
            and one.reference not in references
            and (one.provider_ref, one.to.value) not in numbers
            and call.now - one.submitted_at >= LOGGED_WITHIN
        ]
        return Poll(events)

    def build_lookup(self, call: Call, outgoing: Outgoing, submitted_at: datetime) -> HttpRequest:
        """Ask for the whole log of that day: there is no filter for our reference."""
        del outgoing
        return _ask(call, submitted_at)

    def parse_lookup(
        self, outgoing: Outgoing, submitted_at: datetime, response: HttpResponse
    ) -> Found | NotFound | Inconclusive:
        """
        Find our CRQID; its absence counts only in a whole log that already shows a younger message.

        Raises:
            ProtocolError: the answer is in no documented form.
        """
        answer = read(response)
        if not isinstance(answer, Answer):
            return Inconclusive(explain(answer))
        rows, is_complete = _rows(answer)
        for row in rows:
            if word(row.reference) == outgoing.reference:
                return Found(word(row.request_id), _event(row))
        if not is_complete:
            return Inconclusive("MSG91's log is longer than what it answered, and the reference is not in it")
        since = submitted_at + YOUNGER_BY
        if any(at and at >= since for at in (moment(word(row.request_date)) for row in rows)):
            return NotFound()
        return Inconclusive("MSG91's log does not have the reference, and nothing yet that is younger")


def _ask(call: Call, submitted_at: datetime, **further: str) -> HttpRequest:
    account = cast("Msg91Account", call.account)
    earliest = (submitted_at - _CLOCKS_DIFFER).astimezone(IST).date()
    latest = (submitted_at + _CLOCKS_DIFFER).astimezone(IST).date()
    spare = _DAYS - 1 - (latest - earliest).days
    earlier = int(call.now.timestamp() // _CACHED) % (spare + 1)
    first = earliest - timedelta(days=earlier)
    query = urlencode({"startDate": first.isoformat(), "endDate": latest.isoformat(), **further})
    return HttpRequest("POST", f"{account.base_url}/report/logs/p/sms?{query}", headers(account))


def _rows(answer: Answer) -> tuple[list[_Row], bool]:
    """The rows, and whether they are all there are; without a total they count as all."""
    try:
        rows = _ROWS.decode(answer.data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as wrong:
        raise ProtocolError(f"expected a list of messages in MSG91's log, found {wrong}") from wrong
    total = word(answer.metadata.get("total")) if isinstance(answer.metadata, dict) else ""
    return rows, not total.isdecimal() or (len(total) < 10 and int(total) <= len(rows))


def _names_a_message(row: _Row) -> bool:
    return bool(given(word(row.reference)) or (given(word(row.request_id)) and word(row.tel_num)))


def _event(row: _Row) -> DeliveryEvent:
    delivered = moment(word(row.delivery_date), word(row.delivery_time)) if word(row.delivery_date) else None
    return event(
        Said(
            reference=word(row.reference),
            request_id=word(row.request_id),
            number=word(row.tel_num),
            state=word(row.status),
            reason=word(row.failure_reason),
            at=delivered or moment(word(row.sent_date_time)) or moment(word(row.request_date)),
            credit=word(row.credit),
        )
    )


def _dropped(one: Pending, now: datetime) -> DeliveryEvent:
    return DeliveryEvent(
        key=MessageKey(one.reference, one.provider_ref, one.to.value),
        status=ReportStatus.FAILED,
        raw_status=NOT_IN_LOG,
        dedupe_key=f"{one.reference}:{NOT_IN_LOG}",
        error=ProviderError(ErrorKind.UNDELIVERABLE, NOT_IN_LOG, CODES[NOT_IN_LOG].wording),
        occurred_at=now,
    )
