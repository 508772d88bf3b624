"""
Accounts that the tests of the generic provider share: the README's examples and small changes of them.
"""

import json
import re
from importlib.resources import files
from typing import Any

from sendyard.domain.addresses import Address
from sendyard.domain.channels import Channel, Purpose
from sendyard.domain.content import Content, Text
from sendyard.providers.contract import Accepted, Call, Outgoing, Receipt
from sendyard.providers.generic_http import ADAPTER, EMULATOR
from sendyard.providers.generic_http.account import GenericHttpAccount
from sendyard.providers.generic_http.adapter import GenericHttpAdapter
from sendyard.providers.wire import HttpRequest, HttpResponse
from tests.providers.samples import call_for

README = (files("sendyard.providers.generic_http") / "README.md").read_text("utf-8")
EXAMPLES: dict[str, dict[str, Any]] = {
    example["carrier"]: example for example in map(json.loads, re.findall(r"```json\n(.*?)```", README, re.DOTALL))
}
PIGEON: dict[str, Any] = {"base_url": "https://api.pigeon.example/v1", **EMULATOR.sample_account}

SMALL: dict[str, Any] = {
    "base_url": "https://api.carrier.example",
    "send_path": "/send",
    "body": '{"to": "{to}", "text": "{text}"}',
    "id_path": "id",
}
"""The least that describes a carrier."""


def account(carrier: str = "Pigeon", **changes: Any) -> GenericHttpAccount:
    return GenericHttpAccount(**{**(PIGEON if carrier == "Pigeon" else EXAMPLES[carrier]), **changes})


def small(**changes: Any) -> GenericHttpAccount:
    return GenericHttpAccount(**{**SMALL, **changes})


def outgoing(
    content: Content | str = "Hi Asha", *, to: str = "+886912345601", sender: str = "ACME", **more: Any
) -> Outgoing:
    text = Text(content) if isinstance(content, str) else content
    known = {"country": "TW", "purpose": Purpose.TRANSACTIONAL, **more}
    return Outgoing("m1", "ref-1", Channel.SMS, Address.phone(to), sender, text, **known)


def call(settings: GenericHttpAccount) -> Call:
    return call_for("generic_http", settings)


def adapter(settings: GenericHttpAccount) -> GenericHttpAdapter:
    return ADAPTER.for_account(settings)


def built(settings: GenericHttpAccount, message: Outgoing | None = None) -> HttpRequest:
    return adapter(settings).build_submit(call(settings), [message or outgoing()])


def judged(settings: GenericHttpAccount, response: HttpResponse) -> Receipt:
    message = outgoing()
    (receipt,) = adapter(settings).parse_submit([message], response)
    return receipt


def is_taken(settings: GenericHttpAccount, body: str, status: int = 200) -> bool:
    return isinstance(judged(settings, HttpResponse(status, {}, body.encode())), Accepted)
