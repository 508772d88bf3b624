"""
Both sides of MSG91's wire, and what tests ask of them.
"""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from sendyard.domain.status import ReportStatus
from sendyard.providers.abilities import (
    Pending,
    Poll,
    TemplatePage,
)
from sendyard.providers.contract import Accepted, DeliveryEvent, Outgoing, Receipt
from sendyard.providers.emulation import EmulatedRequest, Refusal, Report
from sendyard.providers.msg91 import ADAPTER, EMULATOR
from sendyard.providers.wire import HttpRequest, HttpResponse
from tests.providers.wire_pair import ORIGIN, Pair

KEY = EMULATOR.sample_account["authkey"]
ORDER = "6a4503e82abed18d7607c633"
ORDER_TEMPLATE = {
    "template_id": ORDER,
    "text": "Dear ##name##, order ##order## is out for delivery. - ACMEIN",
    "name": "Order_Update",
}


def nobody(_to: str) -> Refusal | None:
    return None


class Yard(Pair):
    """Both sides of MSG91; panel settings make the account a registered one."""

    def __init__(self, **panel: Any) -> None:
        super().__init__("msg91", callbacks=bool(panel), console=panel)
        self.account = self.account.model_copy(update={"check_key": False})

    def ask(
        self,
        method: str,
        path: str,
        query: str = "",
        body: Any = None,
        *,
        key: str = KEY,
        refusal: Callable[[str], Refusal | None] = nobody,
    ) -> HttpResponse:
        self.now += timedelta(seconds=1)
        headers = {"authkey": key} if key else {}
        raw = b"" if body is None else json.dumps(body).encode()
        request = EmulatedRequest(method, f"/api{path}", query, headers, raw, self.now, refusal=refusal)
        handled = EMULATOR.handle(request, self.state)
        self.received.extend(handled.received)
        return handled.response

    def send(self, *messages: Outgoing) -> list[Receipt]:
        return self.submit(messages or [self.outgoing()])

    def poll(self, receipt: Receipt, message: Outgoing, *, later: timedelta = timedelta()) -> Poll:
        assert isinstance(receipt, Accepted)
        pending = [Pending(message.reference, receipt.provider_ref, message.to, self.now)]
        self.now += later
        call = self.call()
        return ADAPTER.parse_poll(call, pending, self.exchange(ADAPTER.build_poll(call, "", pending)))

    def settle(self, report: Report, place: int = 0) -> HttpRequest | None:
        return EMULATOR.settle(self.state, self.received[place], report)

    def delivered(self, place: int = 0) -> HttpRequest | None:
        return self.settle(Report(ReportStatus.DELIVERED, self.now), place)

    def with_key(self, key: str) -> "Yard":
        self.account = ADAPTER.Account.model_validate(
            {**EMULATOR.sample_account, "authkey": key, "base_url": f"{ORIGIN}/api/v5", "check_key": False}
        )
        return self


def events(poll: Poll) -> list[DeliveryEvent]:
    return [event for event in poll.events if isinstance(event, DeliveryEvent)]


def statuses(poll: Poll) -> list[str]:
    return [event.error.code if event.error else event.status for event in events(poll)]


def said(response: HttpResponse) -> Any:
    return json.loads(response.body)


def page(yard: Yard, cursor: str) -> TemplatePage:
    call = yard.call()
    found = ADAPTER.parse_templates(call, cursor, yard.exchange(ADAPTER.build_templates(call, cursor)))
    assert isinstance(found, TemplatePage)
    return found
