"""
Contacts and figures of a project, by the Project API (sheet, section 5).

Nobody documents the names in the figures' answer, so they are looked for in every row there is.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta, timezone
from decimal import Decimal, InvalidOperation
from typing import Any

import msgspec

from sendyard.providers.abilities import Profile
from sendyard.providers.aisensy.answers import decode
from sendyard.providers.contract import ProtocolError
from sendyard.providers.wire import HttpResponse

INDIA = timezone(timedelta(hours=5, minutes=30), "Asia/Kolkata")
"""Days of the figures are taken to be India's."""

_FIGURES: Mapping[str, str] = {
    "sent": "sent",
    "delivered": "delivered",
    "read": "read",
    "failed": "failed",
    "credit": "credits",
    "credit_usage": "credits",
    "creditusage": "credits",
}


class _Contact(msgspec.Struct, frozen=True):
    id: str | int | None = None
    old_id: str | None = msgspec.field(default=None, name="_id")
    name: str | None = None
    phone_number: str | None = None
    country_code: str | int | None = None
    source: str | None = None
    created_at: str | int | None = None


class _ContactAnswer(_Contact, frozen=True):
    contact: _Contact | None = None


_contact = msgspec.json.Decoder(_ContactAnswer)
_anything = msgspec.json.Decoder(Any)


def contact_id(response: HttpResponse) -> str:
    """AiSensy's id of a contact, wherever it stands; "" where it gives none. Raises ProtocolError."""
    contact = _contact_of(response)
    identifier = contact.id if contact.id is not None else contact.old_id
    return "" if identifier is None else str(identifier)


def profile_of(response: HttpResponse) -> Profile:
    """What AiSensy knows of a person. Raises ProtocolError."""
    contact = _contact_of(response)
    named = {"source": contact.source, "country_code": contact.country_code, "created_at": contact.created_at}
    return Profile(contact.name or "", facts={name: str(value) for name, value in named.items() if value})


def _contact_of(response: HttpResponse) -> _Contact:
    answer = decode(_contact, response, "a contact")
    return answer.contact or answer


def month_of(now: datetime) -> tuple[str, str]:
    """First and present day of the month, as the figures are asked for."""
    today = now.astimezone(INDIA)
    return f"{today:%Y-%m}-01", f"{today:%Y-%m-%d}"


def figures_of(response: HttpResponse) -> Mapping[str, str]:
    """Sums over all rows. Raises ProtocolError where no row has a figure."""
    totals: dict[str, Decimal] = {}
    for row in _rows(decode(_anything, response, "figures of a campaign")):
        for key, value in row.items():
            name = _FIGURES.get(key.lower().removeprefix("total_").removesuffix("_count"))
            number = _number(value)
            if name and number is not None:
                totals[name] = totals.get(name, Decimal(0)) + number
    if not totals:
        raise ProtocolError(f"expected daily figures (sent, delivered, read, failed), found {response.body[:60]!r}")
    return {name: f"{total:f}" for name, total in totals.items()}


def _rows(found: Any) -> Iterator[Mapping[str, Any]]:
    """Days stand in a list; an answer without any list is itself the only row."""
    waiting, lists = [found], False
    while waiting:
        value = waiting.pop()
        if isinstance(value, list):
            lists = True
            yield from (row for row in value if isinstance(row, dict))
        elif isinstance(value, dict):
            waiting += [inner for inner in value.values() if isinstance(inner, dict | list)]
    if not lists and isinstance(found, dict):
        yield from (found, *(inner for inner in found.values() if isinstance(inner, dict)))


def _number(value: Any) -> Decimal | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str) or len(str(value)) > 30:
        return None
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        return None
    return number if number.is_finite() and abs(number) < 10**15 else None
