"""
Messages that BizGO keeps until their time: how one is found again.

A reservation has no idempotency key, so repeating it could send twice; it carries our reference as its name instead.

Source: sheet sections 3 and 7; rows as in `bizgo-sdk-comm` 1.2.0.
"""

from urllib.parse import quote

import msgspec

from sendyard.providers.abilities import Found, Inconclusive, NotFound
from sendyard.providers.bizgo.answers import Envelope, explain, payload, read, refusal
from sendyard.providers.bizgo.extras import read_extras
from sendyard.providers.bizgo.flow import korean_clock
from sendyard.providers.contract import Call, Outgoing
from sendyard.providers.wire import HttpResponse

_PAGE = 1000


class _Reservation(msgspec.Struct, rename="camel"):
    resv_key: str | None = None
    resv_name: str | None = None


class _Reservations(msgspec.Struct, rename="camel"):
    reservations: list[_Reservation] | None = None
    has_next: bool | None = None


_LISTED = msgspec.json.Decoder(Envelope[_Reservations])


def list_path(call: Call, outgoing: Outgoing) -> str:
    """Path and query of the reservations from this message's time on."""
    at = read_extras(outgoing.registration).send_at or call.now
    return f"/v1/reservation/list?resvSendTime={quote(korean_clock(at), safe=':')}&limit={_PAGE}"


def find(outgoing: Outgoing, response: HttpResponse) -> Found | NotFound | Inconclusive:
    """Find the reservation of our name; its messages get their reports under our reference. Raises ProtocolError."""
    envelope = read(_LISTED, response)
    error = refusal(envelope, response)
    if error is not None:
        return Inconclusive(explain(error))
    listed = payload(envelope)
    if any(row.resv_name == outgoing.reference for row in listed.reservations or ()):
        return Found("")
    if listed.has_next:
        return Inconclusive(f"more than {_PAGE} reservations follow; the reference is not among the first")
    return NotFound()
