"""
What the emulated Twilio shows: messages, their media, the account and its credit, as JSON.

Forms: https://www.twilio.com/docs/messaging/api/message-resource and /media-resource,
https://www.twilio.com/docs/usage/twilios-response for pages.
"""

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from email.utils import format_datetime
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qsl, urlencode

import msgspec

from sendyard.providers.twilio.intake import RefusedError
from sendyard.providers.twilio.spec import API_VERSION
from sendyard.providers.twilio.switchboard import Customer, Message, TwilioState
from sendyard.providers.wire import HttpResponse

ACCOUNTS_PATH = f"/{API_VERSION}/Accounts/"
JSON_HEADERS: Mapping[str, str] = {"content-type": "application/json"}

_CONTENT_TYPES = {"jpg": "image/jpeg", "jpeg": "image/jpeg", "png": "image/png", "gif": "image/gif"}
_encoder = msgspec.json.Encoder()


def as_json(status: int, document: Mapping[str, Any]) -> HttpResponse:
    """An answer with this document."""
    return HttpResponse(status, JSON_HEADERS, _encoder.encode(document))


@lru_cache(maxsize=1024)
def _second_as_rfc2822(second: datetime) -> str:
    return format_datetime(second)


def _as_rfc2822(moment: datetime | None) -> str | None:
    """`Sat, 21 Nov 2026 04:00:00 +0000`, the form of every date in Twilio's JSON."""
    return None if moment is None else _second_as_rfc2822(moment.replace(microsecond=0))


def as_resource(message: Message) -> dict[str, Any]:
    """The Message resource, with the types of https://www.twilio.com/docs/messaging/api/message-resource."""
    unassigned = message.is_unassigned
    path = f"{ACCOUNTS_PATH}{message.account}/Messages/{message.sid}"
    return {
        "account_sid": message.account,
        "api_version": API_VERSION,
        "body": message.body,
        "date_created": _as_rfc2822(message.created),
        "date_sent": _as_rfc2822(message.sent),
        "date_updated": _as_rfc2822(message.updated),
        "direction": message.direction,
        "error_code": int(message.error_code) if message.error_code else None,
        "error_message": message.error_message or None,
        "from": None if unassigned else message.sender,
        "messaging_service_sid": message.service_sid or None,
        "num_media": str(len(message.media)),
        "num_segments": "0" if unassigned else str(message.parts),
        "price": None if message.price is None else str(message.price),
        "price_unit": "USD",
        "sid": message.sid,
        "status": message.status,
        "subresource_uris": {"media": f"{path}/Media.json"},
        "to": message.to,
        "uri": f"{path}.json",
    }


def medium_of(message: Message, sid: str, url: str) -> dict[str, Any]:
    """The Media resource; a file's type is told from its name, as nothing is fetched here."""
    extension = url.partition("?")[0].rpartition(".")[2].lower()
    return {
        "account_sid": message.account,
        "content_type": _CONTENT_TYPES.get(extension, "application/octet-stream"),
        "date_created": _as_rfc2822(message.created),
        "date_updated": _as_rfc2822(message.updated),
        "parent_sid": message.sid,
        "sid": sid,
        "uri": f"{ACCOUNTS_PATH}{message.account}/Messages/{message.sid}/Media/{sid}.json",
    }


def media_list_of(message: Message) -> HttpResponse:
    """The files of a message that were not deleted."""
    uri = f"{ACCOUNTS_PATH}{message.account}/Messages/{message.sid}/Media.json"
    return _page("media_list", [medium_of(message, sid, url) for sid, url in message.media_sids()], uri, {})


def list_of(customer: Customer, query: str, state: TwilioState) -> HttpResponse:
    """One page of the account's messages, newest first. Raises RefusedError for a date in another form."""
    asked = dict(parse_qsl(query, keep_blank_values=True))
    found: Iterable[Message] = state.newest_first(customer.sid, asked.get("To", ""))
    if asked.get("From"):
        found = [message for message in found if message.sender == asked["From"] and not message.is_unassigned]
    for name, fits in _DATE_FILTERS.items():
        if asked.get(name):
            day = _day(asked[name])
            found = [message for message in found if fits((message.sent or message.created).date(), day)]
    resources = [as_resource(message) for message in found]
    return _page("messages", resources, f"{ACCOUNTS_PATH}{customer.sid}/Messages.json", asked)


_DATE_FILTERS = {"DateSent": date.__eq__, "DateSent<": date.__le__, "DateSent>": date.__ge__}


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text[:10])
    except ValueError:
        raise RefusedError("20001", f"Expected DateSent as YYYY-MM-DD, found {text}") from None


def _page(key: str, resources: list[dict[str, Any]], uri: str, asked: Mapping[str, str]) -> HttpResponse:
    size = min(max(_number(asked.get("PageSize", ""), 50), 1), 1000)
    number = _number(asked.get("Page", ""), 0)
    start = number * size
    shown = resources[start : start + size]

    def link(page: int) -> str:
        return f"{uri}?{urlencode({**asked, 'PageSize': str(size), 'Page': str(page)})}"

    return as_json(
        200,
        {
            "end": max(start + len(shown) - 1, 0),
            "first_page_uri": link(0),
            "next_page_uri": link(number + 1) if start + size < len(resources) else None,
            "page": number,
            "page_size": size,
            "previous_page_uri": link(number - 1) if number else None,
            "start": start,
            "uri": link(number),
            key: shown,
        },
    )


def _number(text: str, default: int) -> int:
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 7 else default


def account_of(customer: Customer) -> HttpResponse:
    """The Account resource."""
    return as_json(
        200,
        {
            "friendly_name": f"Emulated account {customer.sid[-4:]}",
            "owner_account_sid": customer.sid,
            "sid": customer.sid,
            "status": customer.status,
            "type": customer.type,
            "uri": f"{ACCOUNTS_PATH}{customer.sid}.json",
        },
    )


def balance_of(customer: Customer) -> HttpResponse:
    """The credit left, as a string with two decimals."""
    return as_json(200, {"account_sid": customer.sid, "balance": f"{customer.credit:.2f}", "currency": "USD"})
