"""
What the answer to one send says about each of its messages.

BizGO's order of judgement: gateway, service, HTTP status, then one row per recipient. An answer that may hide an
acceptance is `Unknown`, never a refusal: the same exchange can be repeated under its idempotency key.
"""

from collections import defaultdict, deque
from collections.abc import Sequence

import msgspec

from sendyard.domain.errors import ErrorKind, ProviderError
from sendyard.providers.bizgo.answers import Envelope, Row, bare_status, error_of, read, refusal
from sendyard.providers.bizgo.codes import ACCEPTED, AMBIGUOUS, DUPLICATE
from sendyard.providers.bizgo.numbers import comparable, wire_number
from sendyard.providers.contract import Accepted, Outgoing, ProtocolError, Receipt, Refused, Unknown
from sendyard.providers.wire import HttpResponse


class _Rows(msgspec.Struct):
    destinations: list[Row] | None = None


_SUBMITTED = msgspec.json.Decoder(Envelope[_Rows])
_OF_ONE_MESSAGE = frozenset({ErrorKind.INVALID_RECIPIENT, ErrorKind.BLOCKED, ErrorKind.CONTENT_REJECTED})
_SERVER_FAULT = 500


def read_receipts(batch: Sequence[Outgoing], response: HttpResponse) -> list[Receipt]:
    """
    Judge one answer to a batch.

    Both places of the rows are read: `data.data.destinations`, and `data.destinations` of older answers.

    Raises:
        ProtocolError: the answer is in no documented form and its HTTP status says nothing by itself.
    """
    try:
        envelope = read(_SUBMITTED, response)
    except ProtocolError:
        error = bare_status(response)
        if error is None or (error.kind is ErrorKind.UNMAPPED and response.status < _SERVER_FAULT):
            raise
        return _whole_request(batch, error, response.status)
    error = refusal(envelope, response)
    if error is not None:
        return _whole_request(batch, error, response.status)
    data = envelope.data
    rows = ((data.data.destinations if data.data else None) or data.destinations) if data else None
    if rows is None:
        raise ProtocolError("expected data.data.destinations in BizGO's answer to a send, found none")
    return _match(batch, rows)


def _whole_request(batch: Sequence[Outgoing], error: ProviderError, status: int) -> list[Receipt]:
    """Read a refusal of the whole request."""
    if error.code == DUPLICATE:
        return [Accepted(outgoing.message_id) for outgoing in batch]
    if error.code in AMBIGUOUS or error.code.startswith("http:"):
        reason = f"BizGO answered {error.code} (HTTP {status}), which does not say whether the request was taken"
        return [Unknown(outgoing.message_id, reason) for outgoing in batch]
    if error.kind in _OF_ONE_MESSAGE and len(batch) > 1:
        # BizGO may refuse the whole request for one bad recipient or text (sheet section 5) without saying which:
        # nothing was taken, but nobody may be marked as unreachable for it.
        detail = f"{error.detail}: refused the whole request because of one of {len(batch)} messages"
        error = ProviderError(ErrorKind.UNAVAILABLE, f"batch:{error.code}", detail)
    return [Refused(outgoing.message_id, error) for outgoing in batch]


def _match(batch: Sequence[Outgoing], rows: list[Row]) -> list[Receipt]:
    """Rows stand in the order of the request; where they do not, the n-th row of a number is its n-th message."""
    numbers = [wire_number(outgoing.to.value) for outgoing in batch]
    if numbers == [row.to for row in rows]:
        return [_receipt(outgoing, row) for outgoing, row in zip(batch, rows, strict=True)]
    waiting: defaultdict[str, deque[Row]] = defaultdict(deque)
    for row in rows:
        waiting[comparable(row.to)].append(row)
    receipts = []
    for number, outgoing in zip(numbers, batch, strict=True):
        own = waiting.get(number)
        if own:
            receipts.append(_receipt(outgoing, own.popleft()))
    return receipts


def _receipt(outgoing: Outgoing, row: Row) -> Receipt:
    code = row.code
    if code in {ACCEPTED, DUPLICATE}:
        return Accepted(outgoing.message_id, row.msg_key or "")
    if not code or code in AMBIGUOUS:
        return Unknown(outgoing.message_id, f"BizGO answered {code or 'no code'} for this recipient ({row.result})")
    return Refused(outgoing.message_id, error_of(code, row.result))
