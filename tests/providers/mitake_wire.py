"""
Both sides of Mitake's wire joined without sockets: what the adapter builds, the emulator answers.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from sendyard.domain.addresses import Address
from sendyard.domain.channels import Channel
from sendyard.domain.content import Content, Text
from sendyard.providers.contract import Call, Outgoing, Receipt
from sendyard.providers.emulation import EmulatedRequest, Handled
from sendyard.providers.mitake import ADAPTER, EMULATOR
from sendyard.providers.mitake.counter import MitakeState
from sendyard.providers.mitake.spec import MitakeAccount
from sendyard.providers.wire import HttpRequest

NOW = datetime(2026, 11, 21, 2, 0, tzinfo=UTC)
CALLBACK_URL = "https://gw.example.test/callbacks/mitake/tok"


def account(**fields: Any) -> MitakeAccount:
    return MitakeAccount(**{**EMULATOR.sample_account, **fields})


def call(given: MitakeAccount | None = None, *, now: datetime = NOW, callback_url: str = CALLBACK_URL) -> Call:
    exchange_id = "01a1fbba-0000-7000-8000-000000000001"
    return Call(given or account(), now, "0123456789abcdef", exchange_id, callback_url=callback_url)


def outgoing(
    number: int = 1,
    text: str = "【幸福氣】訂單已確認",
    *,
    to: str = "",
    content: Content | None = None,
    valid_until: datetime | None = None,
) -> Outgoing:
    return Outgoing(
        message_id=f"m{number}",
        reference=f"ref-{number}",
        channel=Channel.SMS,
        to=Address.phone(to or f"+8869{number:08d}"),
        sender="",
        content=content or Text(text),
        country="TW",
        valid_until=valid_until,
    )


def arrive(request: HttpRequest, now: datetime = NOW, **more: Any) -> EmulatedRequest:
    """The request as the emulator's server hands it over."""
    parts = urlsplit(request.url)
    return EmulatedRequest(request.method, parts.path, parts.query, request.headers, request.body, now, **more)


def submit(
    state: MitakeState, batch: Sequence[Outgoing], given: Call | None = None, **more: Any
) -> tuple[list[Receipt], Handled]:
    """One exchange: what the adapter makes of the answer, and what the emulator took."""
    made = given or call()
    handled = EMULATOR.handle(arrive(ADAPTER.build_submit(made, batch), made.now, **more), state)
    return ADAPTER.parse_submit(batch, handled.response), handled
