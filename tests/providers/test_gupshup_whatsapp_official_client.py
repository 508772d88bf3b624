"""
The `gupshup-python` package from PyPI speaks to the emulator: it lists templates and sends one.

It uses Gupshup's older addresses (`/sm/api/v1`), and expects the caller to have put the template into JSON.
"""

import json
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
from gupshup.client import Client
from gupshup.exceptions import UnauthorizedError, WrongFormatInputError

from sendyard.providers.emulation import EmulatedRequest, Received
from sendyard.providers.gupshup_whatsapp import EMULATOR
from sendyard.providers.gupshup_whatsapp.desk import SAMPLE_TEMPLATE
from tests.providers.samples import NOW

SAMPLE = EMULATOR.sample_account


@pytest.fixture
def received(monkeypatch: pytest.MonkeyPatch) -> list[Received]:
    """Messages that arrive; the client's requests are answered without a socket."""
    state, arrived = EMULATOR.new_state(), list[Received]()

    def answer(method: str, url: str, **given: Any) -> requests.Response:
        made = requests.Request(method, url, headers=given["headers"], data=given.get("data")).prepare()
        parts = urlsplit(str(made.url))
        body = made.body or b""
        assert isinstance(body, str | bytes)
        headers = {name.lower(): str(value) for name, value in made.headers.items()}
        raw = body.encode() if isinstance(body, str) else body
        handled = EMULATOR.handle(EmulatedRequest(method, parts.path, parts.query, headers, raw, NOW), state)
        arrived.extend(handled.received)
        response = requests.Response()
        response.status_code = handled.response.status
        response.headers.update({"Content-Type": handled.response.headers["content-type"]})
        response._content = handled.response.body
        return response

    monkeypatch.setattr(requests, "request", answer)
    return arrived


def client(api_key: str = SAMPLE["api_key"]) -> Any:
    return Client(apikey=api_key, app_name=SAMPLE["app_name"])


def message(destination: str) -> dict[str, str]:
    template = json.dumps({"id": SAMPLE_TEMPLATE, "params": ["Order 17 is on its way."]})
    return {"source": SAMPLE["source"], "destination": destination, "template": template}


def test_it_sends_a_template(received: list[Received]) -> None:
    answer = json.loads(client().send_templates_msg(message("919876543210")))
    assert answer["status"] == "submitted"
    assert [(one.to, one.text, one.provider_ref) for one in received] == [
        ("+919876543210", "Order 17 is on its way.", answer["messageId"])
    ]


def test_it_lists_templates_and_their_variables(received: list[Received]) -> None:
    listed = client().get_templates_app()
    assert [one["id"] for one in listed["templates"]] == [SAMPLE_TEMPLATE]
    assert client().get_variables_for_template() == [
        {"data_vars": [1], "header_vars": [], "footer_vars": [], "template_id": SAMPLE_TEMPLATE}
    ]
    assert received == []


def test_it_understands_a_wrong_key_and_a_wrong_number(received: list[Received]) -> None:
    with pytest.raises(UnauthorizedError):
        client("invalid-key").send_templates_msg(message("919876543210"))
    with pytest.raises(WrongFormatInputError):
        client().send_templates_msg(message("98765"))
    assert received == []
