"""
An adapter and the emulator of the same provider, joined without sockets.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

from sendyard.domain.addresses import Address
from sendyard.providers.abilities import Pending, ReportPolling, Token, TokenAuth
from sendyard.providers.contract import (
    Accepted,
    AccountSettings,
    Adapter,
    Call,
    CallbackResult,
    DeliveryEvent,
    Outgoing,
    Problem,
    Receipt,
)
from sendyard.providers.emulation import EmulatedRequest, Emulator, Received, Refusal
from sendyard.providers.registry import adapters, emulators
from sendyard.providers.wire import CallbackRequest, HttpRequest, HttpResponse
from tests.providers.samples import NOW

ORIGIN = "http://emulator.test"
TEXT = "Your order 17 is on its way."
CALLBACK_URL = "https://gw.example.test/callbacks/provider/tok"
WEBHOOK_SECRET = "invented-webhook-secret"

TOLD_WHEN_ASKED = frozenset({"sleekflow"})
"""Providers with callbacks that never tell what became of a message: a poll does."""

_NUMBERS = {"KR": "+8210{:08d}", "TW": "+8869{:08d}", "US": "+1212{:07d}", "IN": "+9198{:08d}"}
_MAGIC = {"KR": "+821012{}", "TW": "+886912{}", "US": "+12125{}", "IN": "+919812{}"}


def country_of(adapter: Adapter) -> str:
    """A country this provider is made for; Taiwan for one that is bound to none."""
    return min(adapter.spec.home or adapter.spec.countries, default="TW")


def number(adapter: Adapter, count: int) -> str:
    """An invented mobile number that no magic recipient has."""
    return _NUMBERS[country_of(adapter)].format(2_345_000 + count)


def magic_address(adapter: Adapter, emulator: Emulator, ending: str) -> Address:
    return emulator.sample_address(_MAGIC[country_of(adapter)].format(ending))


def account_fields(adapter: Adapter, emulator: Emulator, *, callbacks: bool) -> dict[str, str]:
    """The sample account, with a webhook secret where the provider signs with one of its own."""
    fields = dict(emulator.sample_account)
    if callbacks and "webhook_secret" in adapter.Account.model_fields:
        fields["webhook_secret"] = WEBHOOK_SECRET
    return fields


def outgoing(adapter: Adapter, emulator: Emulator, count: int = 1, text: str = TEXT) -> Outgoing:
    return Outgoing(
        message_id=f"m{count}",
        reference=f"ref-{count:06d}",
        channel=emulator.sample_channel,
        to=emulator.sample_address(number(adapter, count)),
        sender=emulator.sample_sender,
        content=emulator.sample_content(text),
        country=country_of(adapter),
    )


def problems(adapter: Adapter, account: AccountSettings, message: Outgoing) -> list[Problem]:
    """Why preflight would refuse: the limits stated as data, and the adapter's own check."""
    rules, text = adapter.spec.text, message.content.body
    found = [Problem("forbidden", sequence) for sequence in rules.forbidden if sequence in text]
    if rules.max_characters and len(text) > rules.max_characters:
        found.append(Problem("too_long", f"{len(text)} characters"))
    return found + adapter.check(account, message)


def callback_request(request: HttpRequest) -> CallbackRequest:
    """A callback as the engine hands it to an adapter."""
    headers = {name.lower(): value for name, value in request.headers.items()}
    return CallbackRequest(request.method, request.url, urlsplit(request.url).query, headers, request.body)


@dataclass
class Pair:
    """Both sides of one wire; with `callbacks` the provider knows where to call."""

    slug: str
    callbacks: bool = False
    console: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        registered = adapters()[self.slug]
        self.emulator: Emulator = emulators()[self.slug]
        self.state = self.emulator.new_state()
        self.now = NOW
        fields = account_fields(registered, self.emulator, callbacks=self.callbacks)
        if self.callbacks:
            self.emulator.register(self.state, {**fields, "callback_url": CALLBACK_URL, **self.console})
        self.account = registered.Account(base_url=ORIGIN + self.emulator.base_path, **fields)
        self.adapter: Adapter = registered.for_account(self.account)
        self.received: list[Received] = []
        self._exchanges = 0

    def call(self) -> Call:
        """Everything an exchange needs; where the provider wants a token, it is fetched first."""
        token = ""
        if isinstance(self.adapter, TokenAuth) and self.adapter.wants_token(call := self._call("")):
            found = self.adapter.parse_token(call, self.exchange(self.adapter.build_token(call)))
            assert isinstance(found, Token), found
            token = found.value
        return self._call(token)

    def _call(self, token: str) -> Call:
        self._exchanges += 1
        return Call(
            account=self.account,
            now=self.now,
            nonce=f"{self._exchanges:016x}",
            exchange_id=f"01a1fbba-0000-7000-8000-{self._exchanges:012d}",
            token=token,
            callback_url=CALLBACK_URL if self.callbacks else "",
        )

    def exchange(
        self, request: HttpRequest, refusal: Callable[[str], Refusal | None] = lambda _to: None
    ) -> HttpResponse:
        # Providers limit calls a second; one second each keeps every one of them content.
        self.now += timedelta(seconds=1)
        split = urlsplit(request.url)
        headers = {name.lower(): value for name, value in request.headers.items()}
        handled = self.emulator.handle(
            EmulatedRequest(request.method, split.path, split.query, headers, request.body, self.now, refusal=refusal),
            self.state,
        )
        self.received.extend(handled.received)
        return handled.response

    def submit(
        self, batch: Sequence[Outgoing], refusal: Callable[[str], Refusal | None] = lambda _to: None
    ) -> list[Receipt]:
        response = self.exchange(self.adapter.build_submit(self.call(), batch), refusal)
        return self.adapter.parse_submit(batch, response)

    def hear(self, callback: HttpRequest) -> CallbackResult:
        return self.adapter.parse_callback(self.call(), callback_request(callback))

    def outgoing(self, count: int = 1, text: str = TEXT) -> Outgoing:
        return outgoing(self.adapter, self.emulator, count, text)

    def asked(self, receipt: Receipt) -> list[DeliveryEvent]:
        """Ask for the report of `outgoing()`, where it is told only when asked."""
        adapter, message = self.adapter, self.outgoing()
        assert isinstance(adapter, ReportPolling)
        assert isinstance(receipt, Accepted)
        pending = [Pending(message.reference, receipt.provider_ref, message.to, self.now)]
        call = self.call()
        poll = adapter.parse_poll(call, pending, self.exchange(adapter.build_poll(call, "", pending)))
        return [event for event in poll.events if isinstance(event, DeliveryEvent)]
