"""
What an answer means, judged by the account's own rules; nothing is ever taken for an acceptance by guess.
"""

import re
from decimal import Decimal, InvalidOperation

from sendyard.domain.errors import ErrorKind, ProviderError
from sendyard.domain.money import Money
from sendyard.providers.contract import Accepted, Outgoing, Receipt, Refused, Unknown
from sendyard.providers.generic_http.paths import Document, Path, search
from sendyard.providers.generic_http.wire import Wire
from sendyard.providers.wire import HttpResponse

_SECONDS = re.compile("[0-9]{1,5}")
_LONGEST_ID = 200
_COUNT = re.compile("[1-9][0-9]{0,2}")
_NO_ID = frozenset({"", ".", "..", "0", "null"})
"""What stands where an id should be; dots would walk up in the path of a poll."""


def judge(wire: Wire, message: Outgoing, response: HttpResponse) -> Receipt:
    """Throttled, accepted, refused by code or by status, or unknown: in this order."""
    document = Document.of_body(response.body)
    if response.status not in wire.throttled and _is_accepted(wire, response, document):
        reference = document.find(wire.id)
        if wire.id is not None and (reference in _NO_ID or len(reference) > _LONGEST_ID):
            return Unknown(message.message_id, f"{wire.account.carrier} accepted, but gave no id at {wire.id.source}")
        return Accepted(
            message.message_id, reference, _parts(document.find(wire.parts)), _money(wire, document.find(wire.cost))
        )
    error = refusal(wire, response, document)
    if error is not None:
        return Refused(message.message_id, error)
    said = document.text[:80]
    return Unknown(message.message_id, f"HTTP {response.status} settles nothing by the account's rules: {said!r}")


def refusal(wire: Wire, response: HttpResponse, document: Document) -> ProviderError | None:
    """Give the carrier's no; None when nothing proves that it took nothing."""
    status = f"http:{response.status}"
    code = document.find(wire.error)[:100] or status
    detail = document.find(wire.error_text)[:300]
    if response.status in wire.throttled:
        return ProviderError(ErrorKind.THROTTLED, code, detail, _retry_after(response))
    for key in (code, status):
        if key in wire.kinds:
            kind = wire.kinds[key]
            if kind is None:
                return None
            wait = _retry_after(response) if kind is ErrorKind.THROTTLED else None
            return ProviderError(kind, key, detail, wait)
    if response.status in wire.refused:
        return ProviderError(ErrorKind.UNMAPPED, code, detail)
    return None


def amount(wire: Wire, document: Document, path: Path | None) -> Money | None:
    """Read an amount in the account's currency."""
    return _money(wire, document.find(path))


def _is_accepted(wire: Wire, response: HttpResponse, document: Document) -> bool:
    account = wire.account
    return (
        response.status in wire.accepted
        and (wire.success is None or document.find(wire.success).casefold() in wire.success_values)
        and account.success_contains in document.text
        and (wire.success_pattern is None or search(wire.success_pattern, document))
    )


def _parts(text: str) -> int | None:
    return int(text) if _COUNT.fullmatch(text) else None


def _money(wire: Wire, text: str) -> Money | None:
    if len(text) > 30:
        return None
    try:
        found = Decimal(text.strip().replace(",", ""))
    except InvalidOperation:
        return None
    return Money(found, wire.account.currency) if found.is_finite() else None


def _retry_after(response: HttpResponse) -> float | None:
    given = response.headers.get("retry-after", "").strip()
    return float(given) if _SECONDS.fullmatch(given) else None
