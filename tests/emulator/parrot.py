"""
A provider that exists only here: as small as the contract allows, so that tests show the server and nothing else.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Any, ClassVar

from sendyard.domain.channels import Channel
from sendyard.domain.errors import Invalid
from sendyard.domain.status import ReportStatus
from sendyard.providers.emulation import EmulatedRequest, Emulator, Handled, Received, Report
from sendyard.providers.spec import ProviderSpec
from sendyard.providers.wire import HttpRequest, HttpResponse


@dataclass
class Cage:
    """What the parrot remembers."""

    known: set[str] = field(default_factory=set)
    reports: dict[str, str] = field(default_factory=dict)
    open_requests_seen: list[int] = field(default_factory=list)
    taken: int = 0


def answer(status: int, document: object, headers: Mapping[str, str] | None = None) -> HttpResponse:
    return HttpResponse(status, headers or {}, json.dumps(document).encode())


class Parrot(Emulator):
    """
    `POST /send {account, to: [...], text, channel?, callback?}`, `GET /report/<id>`, `GET /ping?account=`.

    `POST /send` to anybody in `+000` breaks the emulator itself.
    """

    spec: ClassVar[ProviderSpec] = ProviderSpec(slug="parrot", name="Parrot", channels=frozenset({Channel.SMS}))
    base_path: ClassVar[str] = "/v1"
    sample_account: ClassVar[Mapping[str, str]] = MappingProxyType({"name": "polly"})
    sample_sender: ClassVar[str] = "Polly"
    callback_retries: ClassVar[tuple[float, ...]] = (1.0, 1.0)

    def new_state(self) -> Cage:
        return Cage()

    def register(self, state: Cage, account: Mapping[str, Any]) -> None:
        if "name" not in account:
            raise Invalid("no_name", f"Expected name, found {sorted(account)}.")
        state.known.add(account["name"])

    def handle(self, request: EmulatedRequest, state: Cage) -> Handled:
        if request.path == "/v1/ping":
            return Handled(answer(200, {"open": request.open_requests}))
        if request.path.startswith("/v1/report/"):
            return Handled(answer(200, {"status": state.reports.get(request.path.rpartition("/")[2])}))
        if request.path != "/v1/send":
            return Handled(HttpResponse(404))
        state.open_requests_seen.append(request.open_requests)
        order = json.loads(request.body)
        if state.known and order["account"] not in state.known:
            return Handled(answer(401, {"error": "who?"}))
        results, received = [], []
        for to in order["to"]:
            if to.startswith("+000"):
                raise ZeroDivisionError
            if refusal := request.refusal(to):
                results.append({"to": to, "refused": refusal.code or refusal.kind.value})
                continue
            state.taken += 1
            results.append({"to": to, "id": f"P{state.taken}"})
            received.append(
                Received(
                    account=order["account"],
                    to=to,
                    sender="Polly",
                    channel=Channel(order.get("channel", "sms")),
                    text=order["text"],
                    provider_ref=f"P{state.taken}",
                    reference=order.get("reference", ""),
                    callback_url=order.get("callback", ""),
                )
            )
        return Handled(answer(201, results), received)

    def throttled(self, request: EmulatedRequest, retry_after: float | None) -> HttpResponse:
        return HttpResponse(429, {} if retry_after is None else {"retry-after": f"{retry_after:g}"}, b"squawk")

    def unavailable(self, request: EmulatedRequest) -> HttpResponse:
        return HttpResponse(503, {}, b"asleep")

    def settle(self, state: Cage, received: Received, report: Report) -> HttpRequest | None:
        state.reports[received.provider_ref] = report.status.value
        if not received.callback_url:
            return None
        failed = report.status is ReportStatus.FAILED
        document = {
            "id": received.provider_ref,
            "status": report.status.value,
            "code": (report.code or (report.kind.value if report.kind else "")) if failed else "",
        }
        return HttpRequest(
            "POST", received.callback_url, {"content-type": "application/json"}, json.dumps(document).encode()
        )

    def inbound(
        self, state: Cage, *, account: str, sender: str, recipient: str, text: str, now: datetime
    ) -> HttpRequest | None:
        if not account.startswith("http"):
            return None
        return HttpRequest("POST", account, {}, json.dumps({"from": sender, "to": recipient, "text": text}).encode())
