"""
How WATI answers a send, in all three generations, and which words say what.

Accepted is: HTTP 2xx, `success`/`result`/`ok` true, the recipient present, and no `errors` beside it.
Sources: https://docs.wati.io/reference/errors; shapes of v1 from public clients, as in `samples/`.
"""

import math
from collections.abc import Iterable, Sequence
from typing import TypeVar

import msgspec

from sendyard.domain.addresses import Address, AddressKind
from sendyard.domain.errors import ErrorKind, ProviderError
from sendyard.providers.contract import Accepted, Outgoing, ProtocolError, Receipt, Refused, Unknown
from sendyard.providers.wati.spec import SPEC
from sendyard.providers.wire import HttpResponse

_LONGEST_WAIT = 3600.0  # seconds

T = TypeVar("T")


class Recipient(msgspec.Struct):
    """One recipient in an answer of v3."""

    local_message_id: str | None = None
    phone_number: str | None = None
    target: str | None = None
    errors: list[str] | None = None


class Receiver(msgspec.Struct, rename="camel"):
    """One recipient in an answer of v2."""

    local_message_id: str | None = None
    wa_id: str | None = None
    errors: list[str] | None = None
    is_valid: bool | None = msgspec.field(default=None, name="isValidWhatsAppNumber")


class SessionMessage(msgspec.Struct):
    """A message in an open conversation; v3 writes snake case, v1 camel case."""

    id: str | None = None
    status: str | int | None = None
    local_message_id: str | None = None
    legacy_local_id: str | None = msgspec.field(default=None, name="localMessageId")
    failed_detail: str | None = None


class Model(msgspec.Struct):
    """What v1 calls the message it made."""

    ids: list[str] | None = None


class Answer(msgspec.Struct):
    """Every form of an answer to a send; which fields are there tells the generation."""

    success: bool | None = None
    result: bool | str | None = None
    ok: bool | None = None
    error: str | None = None
    info: str | None = None
    message: SessionMessage | str | None = None
    recipients: list[Recipient] | None = None
    receivers: list[Receiver] | None = None
    model: Model | None = None
    is_valid: bool | None = msgspec.field(default=None, name="validWhatsAppNumber")
    ticket_status: str | None = msgspec.field(default=None, name="ticketStatus")


class _Said(msgspec.Struct):
    message: str | None = None
    error: str | None = None
    info: str | None = None


_answer = msgspec.json.Decoder(Answer)
_said = msgspec.json.Decoder(_Said)

# Statuses that say that nothing was done; with any other the fate of the request is open.
_REFUSING = frozenset({400, 401, 403, 404, 405, 429, 501})
_QUOTA = ("quota", "plan", "usage")
_CLOSED = ("24", "session", "window", "expired", "ticket", "closed", "template")
_SENTENCES = (
    ("opted_out", ("opted out", "opt-out", "unsubscribed")),
    ("template_parameters", ("param",)),
    ("template", ("template",)),
    ("balance", ("credit", "balance", "wallet", "payment")),
    ("channel", ("channel",)),
    ("number", ("number", "whatsapp", "phone")),
)


def decode(decoder: "msgspec.json.Decoder[T]", response: HttpResponse, what: str) -> T:
    """Read a body. Raises ProtocolError that names `what` was expected."""
    try:
        return decoder.decode(response.body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as problem:
        raise ProtocolError(f"expected {what} from WATI as JSON, found HTTP {response.status} with {problem}") from None


def wire_number(to: Address) -> str:
    """Digits with the country code, without the plus; a business-scoped id as it is."""
    return to.value[1:] if to.kind is AddressKind.PHONE else to.value


def words_of(response: HttpResponse) -> str:
    """What an error answer says, be it JSON, plain text or nothing."""
    try:
        said = _said.decode(response.body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return response.body[:200].decode("utf-8", "replace").strip()
    return said.message or said.error or said.info or ""


def error_of(response: HttpResponse) -> ProviderError | None:
    """Judge by HTTP status: None for one that leaves open whether WATI acted."""
    status = response.status
    if status not in _REFUSING:
        return None
    words = words_of(response)
    code = f"http:{status}"
    if status == 429:
        if any(word in words.casefold() for word in _QUOTA):
            return _error("quota", words)
        return ProviderError(ErrorKind.THROTTLED, code, words or SPEC.codes[code].wording, retry_after(response))
    named = name_of(words) if status == 400 else ""
    return _error(named if named in {"template", "template_parameters"} else code, words)


def name_of(words: str) -> str:
    """Our name for one of WATI's sentences, which are documented nowhere; `refused` for any other."""
    folded = words.casefold()
    if "template" in folded and any(hint in folded for hint in ("param", "blank", "empty", "variable")):
        return "template_parameters"
    return next((name for name, hints in _SENTENCES if any(hint in folded for hint in hints)), "refused")


def refusal(words: str, *, in_session: bool = False) -> ProviderError:
    """Class one sentence; in a conversation most sentences mean that it is no longer open."""
    if in_session and any(hint in words.casefold() for hint in _CLOSED):
        return _error("window_closed", words)
    return _error(name_of(words), words)


def retry_after(response: HttpResponse) -> float | None:
    """Seconds of a `Retry-After` header, at most an hour; None when absent or unusable."""
    try:
        seconds = float(response.headers["retry-after"])
    except (KeyError, ValueError):
        return None
    return min(seconds, _LONGEST_WAIT) if math.isfinite(seconds) and seconds >= 0 else None


def receipts_of(batch: Sequence[Outgoing], response: HttpResponse) -> list[Receipt]:
    """One receipt per message. Raises ProtocolError."""
    if not 200 <= response.status < 300:
        if error := error_of(response):
            return _refuse_all(batch, error)
        reason = f"WATI answered HTTP {response.status}, which leaves open whether it took the message"
        return [Unknown(one.message_id, reason) for one in batch]
    answer = decode(_answer, response, "an answer to a send")
    receipts = _in_session(batch, answer) or _of_template(batch, answer)
    if receipts is None:
        raise ProtocolError(f"expected success, result or message from WATI, found {response.body[:80]!r}")
    return receipts


def _in_session(batch: Sequence[Outgoing], answer: Answer) -> list[Receipt] | None:
    """Receipts of a send into a conversation, if the answer is one: it alone has a message."""
    if isinstance(answer.message, SessionMessage):
        return [_session_receipt(one.message_id, answer, answer.message) for one in batch]
    if isinstance(answer.message, str) and (answer.result is False or answer.ok is False):
        error = refusal(answer.message, in_session=True)
        # v1 tells the state of the ticket with it; in words that say nothing else, that is the reason.
        if error.code == "refused" and answer.ticket_status is not None:
            error = _error("window_closed", answer.message)
        return _refuse_all(batch, error)
    return None


def _of_template(batch: Sequence[Outgoing], answer: Answer) -> list[Receipt] | None:
    """Receipts of a template send, by the generation whose fields are there."""
    if answer.success is not None:
        return _receipts_v3(batch, answer)
    if answer.result is False:
        words = answer.info or answer.error or ""
        return _refuse_all(batch, _error("number", words) if answer.is_valid is False else refusal(words))
    if answer.result is True and answer.receivers is not None:
        return _receipts_v2(batch, answer.receivers)
    if answer.result is True and answer.model is not None:
        return [_receipt_v1(one.message_id, answer.model.ids, answer) for one in batch]
    return None


def _session_receipt(message_id: str, answer: Answer, message: SessionMessage) -> Receipt:
    words = message.failed_detail or answer.error or answer.info or ""
    if str(message.status).casefold() == "failed" or answer.ok is False or answer.result is False:
        return Refused(message_id, refusal(words, in_session=True))
    name = message.local_message_id or message.legacy_local_id or message.id
    if not name:
        return Unknown(message_id, "WATI's answer names no message")
    return Accepted(message_id, name)


def _receipts_v3(batch: Sequence[Outgoing], answer: Answer) -> list[Receipt]:
    known = {one.local_message_id: one for one in answer.recipients or () if one.local_message_id}
    # An answer that echoes other labels than ours is matched by number.
    others = _by_number(answer.recipients or (), known.keys() - {one.reference for one in batch})
    receipts: list[Receipt] = []
    for one in batch:
        found = known.get(one.reference) or _next_of(others, wire_number(one.to))
        if found is not None and found.errors:
            receipts.append(Refused(one.message_id, refusal("; ".join(found.errors))))
        elif not answer.success:
            receipts.append(Refused(one.message_id, refusal(answer.error or "")))
        elif found is None:
            receipts.append(Refused(one.message_id, _error("not_accepted", "")))
        else:
            receipts.append(Accepted(one.message_id, found.local_message_id or one.reference))
    return receipts


def _by_number(recipients: Iterable[Recipient], strange: Iterable[str]) -> dict[str, list[Recipient]]:
    labels = {None, "", *strange}
    found: dict[str, list[Recipient]] = {}
    for one in recipients:
        if one.local_message_id in labels:
            found.setdefault(one.phone_number or one.target or "", []).append(one)
    return found


def _receipts_v2(batch: Sequence[Outgoing], receivers: Sequence[Receiver]) -> list[Receipt]:
    waiting: dict[str, list[Receiver]] = {}
    for one in receivers:
        waiting.setdefault((one.wa_id or "").lstrip("+"), []).append(one)
    return [_receipt_v2(one.message_id, _next_of(waiting, wire_number(one.to))) for one in batch]


def _next_of(waiting: dict[str, list[T]], number: str) -> T | None:
    """The first of those with this number that nobody took yet: one person may stand in a batch twice."""
    queue = waiting.get(number)
    return queue.pop(0) if queue else None


def _receipt_v2(message_id: str, found: Receiver | None) -> Receipt:
    if found is None:
        return Refused(message_id, _error("not_accepted", ""))
    if found.is_valid is False:
        return Refused(message_id, _error("number", "; ".join(found.errors or ())))
    if found.errors:
        return Refused(message_id, refusal("; ".join(found.errors)))
    if not found.local_message_id:
        return Unknown(message_id, "WATI's answer names no localMessageId")
    return Accepted(message_id, found.local_message_id)


def _receipt_v1(message_id: str, ids: Sequence[str] | None, answer: Answer) -> Receipt:
    if answer.is_valid is False:
        return Refused(message_id, _error("number", ""))
    if not ids:
        return Unknown(message_id, "WATI says yes but names no message")
    return Accepted(message_id, ids[0])


def _refuse_all(batch: Sequence[Outgoing], error: ProviderError) -> list[Receipt]:
    return [Refused(one.message_id, error) for one in batch]


def _error(code: str, words: str) -> ProviderError:
    return ProviderError(SPEC.error_kind(code), code, words or SPEC.codes[code].wording)
