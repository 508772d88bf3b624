"""
What became of messages: rows of GetDeliveryStatus, and the parameters of a callback.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b
from urllib.parse import parse_qsl

import msgspec

from sendyard.domain.channels import Channel
from sendyard.domain.content import Text
from sendyard.domain.errors import ErrorKind
from sendyard.domain.money import Money
from sendyard.domain.status import ReportStatus
from sendyard.providers.contract import CallbackEvent, DeliveryEvent, Inbound, MessageKey, ProtocolError
from sendyard.providers.every8d.answers import Scalar, decoded, error_in, moment, points, provider_error
from sendyard.providers.every8d.carriage import e164_of
from sendyard.providers.every8d.codes import CODES, REPLY
from sendyard.providers.every8d.spec import SPEC
from sendyard.providers.wire import HttpResponse

MMS_MARK = "mms/"
"""Begins our reference of a batch of MMS, whose reports are asked for elsewhere than those of texts."""

_TAB_COLUMNS = 5


class Row(msgspec.Struct):
    """One message of a batch, as GetDeliveryStatus tells it in JSON."""

    STATUS: Scalar
    MR: Scalar = ""
    MOBILE: Scalar = ""
    COST: Scalar = ""
    REAL_COST: Scalar = ""
    SEND_TIME: Scalar = ""
    RECEIVED_TIME: Scalar = ""


class _Page(msgspec.Struct):
    SMS_COUNT: Scalar = 0
    DATA: list[Row] | None = None


_decode_page = msgspec.json.Decoder(_Page).decode


@dataclass(frozen=True, slots=True)
class StatusPage:
    """Some rows of one batch, and how many it has in all."""

    total: int
    rows: Sequence[Row]


def read_status(response: HttpResponse) -> StatusPage:
    """Read GetDeliveryStatus in JSON, or TAB-separated as the MMS one may still answer. Raises ProtocolError."""
    if response.status != 200:
        raise ProtocolError(f"expected HTTP 200 from GetDeliveryStatus, found {response.status}")
    text = decoded(response.body).strip()
    if text.startswith("{"):
        try:
            page = _decode_page(text)
        except msgspec.MsgspecError as error:
            raise ProtocolError(f"expected SMS_COUNT and DATA from GetDeliveryStatus: {error}") from error
        return StatusPage(_count(_text(page.SMS_COUNT)), page.DATA or [])
    if refused := error_in(text):
        raise ProtocolError(f"expected reports from GetDeliveryStatus, found code {refused.code!r}: {refused.detail}")
    count, *lines = text.split("\n")
    return StatusPage(_count(count), [_tab_row(line) for line in lines if line.strip()])


def row_event(row: Row, batch: str) -> DeliveryEvent:
    """The statement of one row; `batch` is our reference of its batch."""
    key = MessageKey(_text(row.MR), batch, e164_of(_text(row.MOBILE)))
    cost = points(_text(row.REAL_COST)) or points(_text(row.COST))
    return _event(key, _text(row.STATUS), _text(row.RECEIVED_TIME), cost)


def callback_event(query: str) -> CallbackEvent:
    """The statement, or the reply of a person, that a callback brings. Raises ProtocolError."""
    pairs = parse_qsl(query, keep_blank_values=True, encoding="latin-1")
    given = {name: _tolerant(value) for name, value in pairs}
    code, batch, reference = (given.get(name, "").strip() for name in ("STATUS", "BatchID", "MR"))
    if not code:
        raise ProtocolError("expected the parameter STATUS in Every8d's callback, found none")
    mobile = e164_of(given.get("RM", ""))
    told = given.get("RT", "")
    is_mms = given.get("TYPE", "").strip().upper() == "MMS"
    key = MessageKey(reference, f"{MMS_MARK}{batch}" if batch and is_mms else batch, mobile)
    if code == REPLY:
        if not mobile:
            raise ProtocolError(f"expected a mobile number in RM of Every8d's callback, found {given.get('RM')!r:.30}")
        text = given.get("SM", "")
        digest = blake2b(text.encode("utf-8", "replace"), digest_size=8).hexdigest()
        return Inbound(
            sender=mobile,
            recipient="",
            channel=Channel.SMS,
            content=Text(text),
            provider_ref=given.get("MSGID", "") or batch,
            dedupe_key=f"{batch}:{mobile}:{code}:{told}:{digest}",
            in_reply_to=key,
            occurred_at=moment(told),
        )
    if not batch and not reference:
        raise ProtocolError("expected BatchID or MR in Every8d's callback, found neither")
    return _event(key, code, told, None)


def _event(key: MessageKey, code: str, when: str, cost: Money | None) -> DeliveryEvent:
    meaning = SPEC.meaning(code)
    if isinstance(meaning, ErrorKind):
        # A negative code is a failure even where no table has it.
        failed = code in CODES or code.startswith("-")
        status, error = ReportStatus.FAILED if failed else ReportStatus.UNMAPPED, provider_error(code)
    else:
        status, error = meaning, None
    return DeliveryEvent(
        key=key,
        status=status,
        raw_status=code,
        # A batch has a number once; older callbacks have no MR, so it cannot be part of the key.
        dedupe_key=f"{key.provider_ref}:{key.recipient or key.reference}:{code}",
        error=error,
        occurred_at=moment(when),
        cost=cost,
    )


def _tab_row(line: str) -> Row:
    """`NAME⇥MOBILE⇥SEND_TIME⇥COST⇥STATUS`."""
    columns = line.strip("\r").split("\t")
    if len(columns) < _TAB_COLUMNS:
        raise ProtocolError(f"expected five columns from GetDeliveryStatus, found {line[:60]!r}")
    _, mobile, sent_at, cost, status, *_ = columns
    return Row(STATUS=status, MOBILE=mobile, COST=cost, SEND_TIME=sent_at)


def _count(text: str) -> int:
    if not (text := text.strip()).isdecimal() or len(text) > 9:
        raise ProtocolError(f"expected a count from GetDeliveryStatus, found {text[:60]!r}")
    return int(text)


def _text(value: Scalar) -> str:
    return "" if value is None else str(value).strip()


def _tolerant(value: str) -> str:
    """A value that has a character for each byte of the query, as text."""
    try:
        return decoded(value.encode("latin-1"))
    except UnicodeEncodeError:
        return value  # it was not percent-encoded at all
