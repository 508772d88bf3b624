"""
Both sides of Every8d's wire joined without sockets: what the adapter builds, the emulator answers.
"""

import json
from base64 import b64encode
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode, urlsplit

from sendyard.domain.addresses import Address
from sendyard.domain.channels import Channel
from sendyard.domain.content import Content, Media, MediaItem, Text
from sendyard.domain.status import ReportStatus
from sendyard.providers.abilities import Pending, Poll
from sendyard.providers.contract import Call, CallbackEvent, DeliveryEvent, Outgoing, Receipt
from sendyard.providers.emulation import EmulatedRequest, Handled, Received, Report
from sendyard.providers.every8d import ADAPTER, EMULATOR
from sendyard.providers.every8d.console import Every8dState
from sendyard.providers.every8d.spec import Every8dAccount
from sendyard.providers.wire import CallbackRequest, HttpRequest

NOW = datetime(2026, 11, 21, 2, 0, tzinfo=UTC)
CALLBACK_URL = "https://gw.example.test/callbacks/every8d/tok"
LOGIN = {"UID": "sendyard", "PWD": "invented-1"}
PICTURE = bytes.fromhex("ffd8ffe0") + bytes(60)


def account(**fields: Any) -> Every8dAccount:
    return Every8dAccount(**{**EMULATOR.sample_account, **fields})


def call(given: Every8dAccount | None = None, *, now: datetime = NOW, token: str = "") -> Call:
    exchange_id = "01a1fbba-0000-7000-8000-000000000001"
    return Call(given or account(), now, "0123456789abcdef", exchange_id, token)


def outgoing(
    number: int = 1, text: str = "【幸福氣】訂單已確認", *, to: str = "", content: Content | None = None, **more: Any
) -> Outgoing:
    return Outgoing(
        **{
            "message_id": f"m{number}",
            "reference": f"ref-{number}",
            "channel": Channel.SMS,
            "to": Address.phone(to or f"+8869{number:08d}"),
            "sender": "",
            "content": content or Text(text),
            "country": "TW",
            **more,
        }
    )


def picture_message(*items: MediaItem, data: bytes = PICTURE, title: str = "特價", body: str = "週年慶") -> Outgoing:
    inline = MediaItem("image/jpeg", url=f"data:image/jpeg;base64,{b64encode(data).decode()}")
    return outgoing(content=Media(items or (inline,), body, title), channel=Channel.MMS)


def arrive(request: HttpRequest, now: datetime = NOW, **more: Any) -> EmulatedRequest:
    """The request as the emulator's server hands it over."""
    parts = urlsplit(request.url)
    return EmulatedRequest(request.method, parts.path, parts.query, request.headers, request.body, now, **more)


def exchange(state: Every8dState, request: HttpRequest, now: datetime = NOW, **more: Any) -> Handled:
    return EMULATOR.handle(arrive(request, now, **more), state)


def submit(
    state: Every8dState, batch: Sequence[Outgoing], given: Call | None = None, **more: Any
) -> tuple[list[Receipt], Handled]:
    """One exchange: what the adapter makes of the answer, and what the emulator took."""
    made = given or call()
    handled = exchange(state, ADAPTER.build_submit(made, batch), made.now, **more)
    return ADAPTER.parse_submit(batch, handled.response), handled


def pending(message: Outgoing, provider_ref: str) -> Pending:
    return Pending(message.reference, provider_ref, message.to, NOW)


def poll(state: Every8dState, one: Pending, given: Call | None = None, cursor: str = "") -> Poll:
    made = given or call()
    answer = exchange(state, ADAPTER.build_poll(made, cursor, [one]), made.now).response
    return ADAPTER.parse_poll(made, [one], answer)


def post(
    path: str, state: Every8dState, *, now: datetime = NOW, headers: dict[str, str] | None = None, **fields: Any
) -> str:
    """One raw form; `fields` join the login."""
    form = urlencode({**({} if headers else LOGIN), **fields}).encode()
    url = f"https://emulator.test/API21/HTTP/{path}"
    response = exchange(state, HttpRequest("POST", url, headers or {}, form), now).response
    assert response.status == 200
    return response.body.decode()


def post_json(
    path: str, state: Every8dState, body: Any, *, now: datetime = NOW, headers: dict[str, str] | None = None
) -> Any:
    """One raw document."""
    url = f"https://emulator.test/API21/HTTP/{path}"
    response = exchange(state, HttpRequest("POST", url, headers or {}, json.dumps(body).encode()), now).response
    assert response.status == 200
    return json.loads(response.body)


def send(state: Every8dState, *, now: datetime = NOW, **fields: Any) -> str:
    return post("SendSMS.ashx", state, now=now, **{"DEST": "0912345678", "MSG": "hello", **fields})


def batch_of(line: str) -> str:
    """The batch id in an answer to a send."""
    return line.split(",")[4]


def registered(**fields: Any) -> Every8dState:
    state = EMULATOR.new_state()
    EMULATOR.register(state, {**EMULATOR.sample_account, **fields})
    return state


def reported(state: Every8dState, received: Received, status: ReportStatus, **more: Any) -> HttpRequest | None:
    return EMULATOR.settle(state, received, Report(status, NOW, **more))


def heard(callback: HttpRequest | None) -> CallbackEvent:
    """What the adapter makes of a callback."""
    assert callback
    assert (callback.method, callback.body) == ("GET", b"")
    request = CallbackRequest("GET", callback.url, urlsplit(callback.url).query, {}, b"")
    (event,) = ADAPTER.parse_callback(call(), request).events
    return event


def delivered(state: Every8dState, received: Received) -> DeliveryEvent:
    """The report of a message that now reaches its handset."""
    event = heard(reported(state, received, ReportStatus.DELIVERED))
    assert isinstance(event, DeliveryEvent)
    return event


def param(state: Every8dState, *recipients: dict[str, str], **fields: Any) -> Any:
    return post_json("SendParam.ashx", state, {**LOGIN, "RecipientDataList": list(recipients), **fields})


def rows(state: Every8dState, batch_id: str, path: str = "GetDeliveryStatus.ashx") -> list[dict[str, str]]:
    answer = json.loads(post(path, state, BID=batch_id, PNO=1, RESPFORMAT=1))
    assert answer["BID"] == batch_id
    found: list[dict[str, str]] = answer.get("DATA", [])
    assert answer["SMS_COUNT"] == len(found)
    return found
