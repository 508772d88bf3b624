"""
An emulated BizGO without sockets, asked with plain values.
"""

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from sendyard.domain.errors import ErrorKind
from sendyard.domain.status import ReportStatus
from sendyard.providers.bizgo import EMULATOR
from sendyard.providers.emulation import EmulatedRequest, Handled, Received, Refusal, Report
from sendyard.providers.wire import HttpResponse

NOW = datetime(2026, 11, 21, 2, tzinfo=UTC)
KEY = EMULATOR.sample_account["api_key"]
SECRET = EMULATOR.sample_account["webhook_secret"]
CALLBACK_URL = "https://gw.example.test/callbacks/bizgo/tok"
SMS: dict[str, Any] = {"sms": {"from": "15880000", "text": "안내"}}


def nobody_refuses(_to: str) -> Refusal | None:
    return None


class Yard:
    """One emulated BizGO and everything it accepted; each request comes a second after the one before."""

    def __init__(self, **console: Any) -> None:
        self.state = EMULATOR.new_state()
        self.now = NOW
        self.step = timedelta(seconds=1)
        self.received: list[Received] = []
        if console:
            EMULATOR.register(self.state, {"api_key": KEY, **console})

    def ask(
        self,
        method: str,
        path: str,
        query: str = "",
        body: bytes = b"",
        *,
        key: str = KEY,
        headers: Mapping[str, str] | None = None,
        refusal: Callable[[str], Refusal | None] = nobody_refuses,
    ) -> HttpResponse:
        self.now += self.step
        given = {"authorization": key, **(headers or {})}
        request = EmulatedRequest(method, f"/api/comm/v1/{path}", query, given, body, self.now, refusal=refusal)
        handled: Handled = EMULATOR.handle(request, self.state)
        self.received += handled.received
        return handled.response

    def send(
        self,
        *to: str,
        flow: list[Any] | None = None,
        refusal: Callable[[str], Refusal | None] = nobody_refuses,
        key: str = KEY,
        **fields: Any,
    ) -> HttpResponse:
        document = {"destinations": [{"to": one} for one in to], "messageFlow": flow or [SMS], **fields}
        return self.ask("POST", "send/omni", body=json.dumps(document).encode(), refusal=refusal, key=key)

    def data(self, path: str, query: str = "") -> Any:
        """The payload of an answer that must succeed."""
        answer = parsed(self.ask("GET", path, query))
        assert answer["data"]["code"] == "A000", answer
        return answer["data"]["data"]


def parsed(response: HttpResponse) -> Any:
    return json.loads(response.body)


def code_of(response: HttpResponse) -> tuple[int, str]:
    """HTTP status and the code of the layer that spoke last."""
    answer = parsed(response)
    common = answer["common"]["authCode"]
    return response.status, common if common != "A000" else answer["data"]["code"]


def rows_of(response: HttpResponse) -> list[Any]:
    rows: list[Any] = parsed(response)["data"]["data"]["destinations"]
    return rows


def settle(yard: Yard, number: int, status: ReportStatus, kind: ErrorKind | None = None, code: str = "") -> Any:
    """Report on the message accepted as `number`; gives the callback, typed loosely because tests know it is there."""
    return EMULATOR.settle(yard.state, yard.received[number], Report(status, yard.now, kind, code))


def mms(**fields: Any) -> list[Any]:
    return [{"mms": {"from": "15880000", "text": "안내", **fields}}]


def sms(text: str, **fields: Any) -> list[Any]:
    return [{"sms": {"from": "15880000", "text": text, **fields}}]


def alimtalk(**fields: Any) -> list[Any]:
    return [{"alimtalk": {"senderKey": "SK", "templateCode": "T", "msgType": "AT", "text": "안내", **fields}}]
