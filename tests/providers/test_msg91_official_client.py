"""
The `msg91-py` package from PyPI (written by a user of MSG91) and the emulator: where it speaks version 5, it is heard.
"""

import json
from typing import Any

import httpx
import pytest
from msg91 import Client
from msg91.exceptions import APIError, AuthenticationError, ValidationError

from sendyard.domain.addresses import Address
from sendyard.domain.channels import Channel
from sendyard.domain.content import TemplateRef
from sendyard.providers.contract import Outgoing
from sendyard.providers.emulation import EmulatedRequest, Received
from sendyard.providers.msg91 import ADAPTER, EMULATOR
from sendyard.providers.msg91.emulated_state import SAMPLE_TEMPLATE
from tests.providers.samples import NOW, assert_same_request, call_for

KEY = EMULATOR.sample_account["authkey"]
RECIPIENT = {"mobiles": "919876543210", "text": "Order A-17 left"}


class Wire:
    """Answers the client's requests from the emulator, without a socket, and keeps them."""

    def __init__(self) -> None:
        self.state = EMULATOR.new_state()
        self.requests: list[httpx.Request] = []
        self.received: list[Received] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        query = request.url.query.decode()
        seen = EmulatedRequest(request.method, request.url.path, query, dict(request.headers), request.content, NOW)
        handled = EMULATOR.handle(seen, self.state)
        self.received += handled.received
        answer = handled.response
        return httpx.Response(answer.status, headers=dict(answer.headers), content=answer.body)


@pytest.fixture
def wire() -> Wire:
    return Wire()


def client(wire: Wire, key: str = KEY) -> Client:
    # Its own default address ends without a slash, so that it asks at /api/flow, which does not exist.
    return Client(key, base_url="https://control.msg91.com/api/v5/", transport=httpx.MockTransport(wire))


def send(wire: Wire, recipients: list[dict[str, Any]], key: str = KEY) -> dict[str, Any]:
    """With the recipients spelled out, because those the client makes have `mobile` and nested variables."""
    answer: dict[str, Any] = client(wire, key).sms.send_template(
        SAMPLE_TEMPLATE, "", sender_id="ACMEIN", short_url=False, recipients=recipients
    )
    return answer


def test_a_send_is_the_same_request_but_for_what_we_add(wire: Wire) -> None:
    answer = send(wire, [RECIPIENT])
    assert answer["type"] == "success"
    assert [(one.to, one.text, one.provider_ref) for one in wire.received] == [
        ("+919876543210", "Order A-17 left", answer["message"])
    ]
    message = Outgoing(
        "m1",
        "ref-1",
        Channel.SMS,
        Address.phone("+919876543210"),
        "ACMEIN",
        TemplateRef(SAMPLE_TEMPLATE, variables={"text": "Order A-17 left"}),
    )
    call = call_for("msg91", ADAPTER.Account.model_validate(EMULATOR.sample_account))
    theirs = json.loads(wire.requests[0].content)
    recipients = [{**theirs["recipients"][0], "CRQID": "ref-1"}]
    wanted = {
        "method": "POST",
        "url": str(wire.requests[0].url),
        "headers": {"authkey": KEY, "content-type": "application/json"},
        "body": {**theirs, "recipients": recipients, "realTimeResponse": "1"},
    }
    assert_same_request(ADAPTER.build_submit(call, [message]), wanted)


def test_the_recipients_as_the_client_makes_them_name_no_number(wire: Wire) -> None:
    answer = client(wire).sms.send_template(SAMPLE_TEMPLATE, "919876543210", {"text": "x"})
    assert (answer["type"], answer["code"]) == ("error", "101")
    assert wire.received == []


def test_a_bad_number_is_refused(wire: Wire) -> None:
    assert send(wire, [{**RECIPIENT, "mobiles": "12"}])["code"] == "202"
    assert wire.received == []


def test_a_bad_key_is_told_by_every_call_but_a_send(wire: Wire) -> None:
    assert send(wire, [RECIPIENT], "invalid-key")["type"] == "success"
    assert wire.received == []
    with pytest.raises(AuthenticationError):
        client(wire, "invalid-key").template.get(SAMPLE_TEMPLATE)


def test_template_calls_are_understood(wire: Wire) -> None:
    (version,) = client(wire).template.get(SAMPLE_TEMPLATE)["data"]
    assert (version["template_data"], version["active_status"]) == ("##text##", "1")
    created = client(wire).template.create("Order", "Order ##order##", "ACMEIN")["data"]["template_id"]
    added = client(wire).template.add_version(created, "Order ##order## left", "ACMEIN")["data"]["id"]
    assert client(wire).template.set_default(created, added)["status"] == "success"
    with pytest.raises(ValidationError, match="Template ID Missing"):
        client(wire).template.get("6a4503e82abed18d7607ffff")


def test_our_question_for_a_template_is_the_clients(wire: Wire) -> None:
    client(wire).template.get(SAMPLE_TEMPLATE)
    call = call_for("msg91", ADAPTER.Account.model_validate(EMULATOR.sample_account))
    asked = wire.requests[0]
    wanted = {"method": "POST", "url": str(asked.url), "headers": {"authkey": KEY}, "body": asked.content.decode()}
    assert_same_request(ADAPTER.build_templates(call, ""), wanted)


def test_the_log_is_read_with_the_names_of_the_days_spelled_out(wire: Wire) -> None:
    send(wire, [RECIPIENT])
    logs = client(wire).sms.get_logs(startDate="2026-11-20", endDate="2026-11-21")
    assert [(row["telNum"], row["status"]) for row in logs["data"]] == [("919876543210", "Submitted")]
    assert client(wire).sms.get_logs("2026-11-20", "2026-11-21")["type"] == "error"


def test_one_time_codes_of_the_client_are_of_an_older_interface(wire: Wire) -> None:
    with pytest.raises(APIError):
        client(wire).otp.send("919876543210")
    assert wire.requests[0].url.path == "/sendotp.php"
