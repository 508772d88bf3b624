"""
How a provider behaves where nobody wrote it down as data: found out by one message between adapter and emulator.

Both are pure, so this takes no socket and no time. What it finds decides which faults a campaign can survive.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from sendyard.domain.errors import ErrorKind
from sendyard.domain.status import ReportStatus
from sendyard.providers.abilities import ReportPolling, SubmitLookup, Token, TokenAuth
from sendyard.providers.contract import Accepted, Adapter, Call, DeliveryEvent, Outgoing, ProtocolError, Refused
from sendyard.providers.emulation import EmulatedRequest, Emulator, Handled, Report
from sendyard.providers.wire import CallbackRequest, HttpRequest, HttpResponse

_ORIGIN = "http://provider.invalid"
_CALLBACK_URL = "http://here.invalid/callbacks/rehearsal"
_EPOCH = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)
_FINAL = frozenset({ReportStatus.DELIVERED, ReportStatus.READ})


@dataclass(frozen=True, slots=True)
class Manners:
    """What one provider does."""

    settles_doubt: bool
    """An accepted message whose answer was lost is settled by repeating, by asking, or by its report."""
    refuses_when_resting: bool
    """Its documented "not now" is read as a refusal, not as silence."""
    reports: bool
    """What became of a message is told or can be asked; if not, acceptance is all one ever hears."""


def account_fields(adapter: Adapter, emulator: Emulator) -> dict[str, str]:
    """The sample account, with a webhook secret where the provider signs with one of its own."""
    fields = dict(emulator.sample_account)
    if "webhook_secret" in adapter.Account.model_fields:
        fields.setdefault("webhook_secret", "invented-secret-of-the-demo")
    return fields


def manners(adapter: Adapter, emulator: Emulator, outgoing: Outgoing) -> Manners:
    """
    Send one message there and look what happens.

    Raises:
        ProtocolError: the emulator does not accept it.
    """
    return _Rehearsal(adapter, emulator).of(outgoing)


class _Rehearsal:
    def __init__(self, adapter: Adapter, emulator: Emulator) -> None:
        self._emulator = emulator
        self._state: Any = emulator.new_state()
        self._now = _EPOCH
        fields = account_fields(adapter, emulator)
        emulator.register(self._state, {**fields, "callback_url": _CALLBACK_URL})
        self._account = adapter.Account.model_validate({**fields, "base_url": _ORIGIN + emulator.base_path})
        self._adapter = adapter.for_account(self._account)

    def of(self, outgoing: Outgoing) -> Manners:
        """Send, let it be delivered, and ask once more while the provider rests."""
        call = self._call(self._token())
        request = self._adapter.build_submit(call, [outgoing])
        handled = self._emulator.handle(self._received(request), self._state)
        receipts = self._adapter.parse_submit([outgoing], handled.response)
        if not handled.received or not isinstance(receipts[0], Accepted):
            name = self._adapter.spec.name
            raise ProtocolError(f"expected {name} to accept a sample message, found {receipts or handled.response}")
        told = self._told(handled, call)
        return Manners(
            settles_doubt=self._adapter.dedup_seconds(outgoing) > 0
            or isinstance(self._adapter, SubmitLookup)
            or any(event.key.reference == outgoing.reference for event in told),
            refuses_when_resting=self._refuses(outgoing, self._emulator.unavailable(self._received(request))),
            reports=bool(told) or (isinstance(self._adapter, ReportPolling) and self._adapter.reports_on(outgoing.to)),
        )

    def _told(self, handled: Handled, call: Call) -> list[DeliveryEvent]:
        report = Report(ReportStatus.DELIVERED, self._now)
        callback = self._emulator.settle(self._state, handled.received[0], report)
        if callback is None:
            return []
        headers = {name.lower(): value for name, value in callback.headers.items()}
        heard = CallbackRequest(callback.method, callback.url, urlsplit(callback.url).query, headers, callback.body)
        events = self._adapter.parse_callback(call, heard).events
        return [event for event in events if isinstance(event, DeliveryEvent) and event.status in _FINAL]

    def _refuses(self, outgoing: Outgoing, response: HttpResponse) -> bool:
        try:
            receipts = self._adapter.parse_submit([outgoing], response)
        except ProtocolError:
            return False
        return all(isinstance(one, Refused) and one.error.kind is ErrorKind.UNAVAILABLE for one in receipts)

    def _token(self) -> str:
        call = self._call("")
        if not isinstance(self._adapter, TokenAuth) or not self._adapter.wants_token(call):
            return ""
        request = self._received(self._adapter.build_token(call))
        token = self._adapter.parse_token(call, self._emulator.handle(request, self._state).response)
        return token.value if isinstance(token, Token) else ""

    def _call(self, token: str) -> Call:
        # Providers limit calls a second; a second each keeps every one of them content.
        self._now += timedelta(seconds=1)
        return Call(self._account, self._now, "0" * 16, "01a1fbba-0000-7000-8000-000000000001", token, _CALLBACK_URL)

    def _received(self, request: HttpRequest) -> EmulatedRequest:
        split = urlsplit(request.url)
        headers = {name.lower(): value for name, value in request.headers.items()}
        return EmulatedRequest(request.method, split.path, split.query, headers, request.body, self._now)
