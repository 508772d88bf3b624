"""
The Gupshup SMS gateway beyond the contract: what is refused beforehand, and how the emulated gateway judges.
"""

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from pydantic import ValidationError

from sendyard.domain.addresses import Address, AddressKind
from sendyard.domain.channels import Channel
from sendyard.domain.content import Content, Media, Text
from sendyard.domain.errors import ErrorKind, Invalid
from sendyard.domain.status import ReportStatus
from sendyard.providers.contract import Accepted, DeliveryEvent, Outgoing, Refused
from sendyard.providers.emulation import EmulatedRequest, Handled, Report
from sendyard.providers.gupshup_sms import ADAPTER, EMULATOR
from sendyard.providers.gupshup_sms.emulator import GatewayState
from sendyard.providers.gupshup_sms.spec import GupshupSmsAccount
from tests.providers.samples import NOW
from tests.providers.wire_pair import CALLBACK_URL, Pair

SLUG = "gupshup_sms"
SAMPLE = EMULATOR.sample_account
LOGIN = {"userid": SAMPLE["userid"], "password": SAMPLE["password"], "auth_scheme": "PLAIN"}
SEND = {"method": "SendMessage", "v": "1.1", **LOGIN, "send_to": "9876543210", "msg": "Hello", "msg_type": "TEXT"}


def account(**fields: Any) -> GupshupSmsAccount:
    return GupshupSmsAccount(**{**SAMPLE, **fields})


HELLO = Text("Hello")


def outgoing(content: Content = HELLO, **changes: Any) -> Outgoing:
    to = Address.phone("+919876543210")
    return replace(Outgoing("m1", "ref-1", Channel.SMS, to, "SHOPIN", content, country="IN"), **changes)


@pytest.mark.parametrize(
    ("message", "code"),
    [
        (outgoing(to=Address.phone("+886912345678")), "unsupported"),
        (outgoing(to=Address.phone("+911123456789")), "unsupported"),
        (outgoing(to=Address(AddressKind.LINE_ID, "U1")), "unsupported"),
        (outgoing(sender="VM-SHOPIN-S"), "sender_not_a_header"),
        (outgoing(registration={"template_id": "1107"}), "dlt_template_id_missing"),
        (outgoing(Media([], "Look")), "unsupported"),
        (outgoing(Text(" ")), "text_empty"),
        (outgoing(Text("a\ud800")), "text_broken"),
    ],
)
def test_what_cannot_be_carried_is_named_beforehand(message: Outgoing, code: str) -> None:
    assert [problem.code for problem in ADAPTER.check(account(), message)] == [code]


def test_texts_without_dlt_ids_are_named_beforehand() -> None:
    found = ADAPTER.check(account(entity_id="", template_id=""), outgoing())
    assert [problem.code for problem in found] == ["dlt_entity_id_missing", "dlt_template_id_missing"]
    given = {"entity_id": SAMPLE["entity_id"], "template_id": SAMPLE["template_id"]}
    assert ADAPTER.check(account(entity_id="", template_id=""), outgoing(registration=given)) == []


@pytest.mark.parametrize(
    ("field", "value"),
    [("base_url", "https://x.test/?a=b"), ("userid", "shop"), ("mask", "VM-SHOPIN"), ("entity_id", "12")],
)
def test_an_account_that_could_not_work_is_refused(field: str, value: str) -> None:
    with pytest.raises(ValidationError):
        account(**{field: value})


def ask(
    state: GatewayState, fields: Mapping[str, str], *, method: str = "POST", now: datetime = NOW, path: str = ""
) -> Handled:
    form = urlencode(fields)
    query, body = (form, b"") if method == "GET" else ("", form.encode())
    return EMULATOR.handle(EmulatedRequest(method, path or EMULATOR.base_path, query, {}, body, now), state)


def registered(**fields: Any) -> GatewayState:
    state = EMULATOR.new_state()
    EMULATOR.register(state, {**SAMPLE, "callback_url": CALLBACK_URL, **fields})
    return state


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_both_methods_and_both_forms_are_answered(method: str) -> None:
    state = registered()
    plain = ask(state, SEND, method=method)
    assert plain.response.body.decode() == f"success | 919876543210 | {plain.received[0].provider_ref}"
    as_json = json.loads(ask(state, {**SEND, "format": "JSON"}, method=method).response.body)["response"]
    assert (as_json["status"], as_json["phone"]) == ("success", "919876543210")


def test_several_numbers_get_a_line_each() -> None:
    handled = ask(registered(), {**SEND, "send_to": "9876543210, 12,919876543211"})
    lines = handled.response.body.decode().split("\n")
    assert [line.split(" | ")[0] for line in lines] == ["success", "error", "success"]
    assert [one.to for one in handled.received] == ["+919876543210", "+919876543211"]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"method": "TWO_FACTOR_AUTH"}, "106"),
        ({"v": "1.0"}, "107"),
        ({"password": ""}, "101"),
        ({"auth_scheme": ""}, "101"),
        ({"userid": "invalid"}, "102"),
        ({"password": "another"}, "102"),
        ({"userid": "2000000009"}, "103"),
        ({"send_to": ""}, "101"),
        ({"msg": " "}, "101"),
        ({"msg_type": "VOICE"}, "101"),
        ({"send_to": "12345"}, "105"),
        ({"send_to": ",".join(["9876543210"] * 101)}, "105"),
        ({"send_to": "886912345678"}, "175"),
        ({"mask": "X"}, "108"),
        ({"mask": "OTHERS"}, "108"),
        ({"override_dnd": "maybe"}, "109"),
    ],
)
def test_the_gateway_judges_with_its_codes_under_http_200(changes: dict[str, str], code: str) -> None:
    handled = ask(registered(senders=["SHOPIN"]), {**SEND, **changes})
    assert (handled.response.status, list(handled.received)) == (200, [])
    assert handled.response.body.decode().startswith(f"error | {code} | ")


def test_a_disabled_account_is_told_so() -> None:
    assert b"| 104 |" in ask(registered(is_disabled=True), SEND).response.body


def test_numbers_abroad_are_reached_where_that_is_enabled() -> None:
    (received,) = ask(registered(may_send_abroad=True), {**SEND, "send_to": "886912345678"}).received
    assert received.to == "+886912345678"


def test_credit_runs_out_by_parts() -> None:
    pair = Pair(SLUG, callbacks=True, console={"credit": 3})
    receipts = [pair.submit([pair.outgoing(count, "x" * 200)])[0] for count in (1, 2)]
    assert [type(receipt) for receipt in receipts] == [Accepted, Refused]
    refused = receipts[1]
    assert isinstance(refused, Refused)
    assert refused.error.kind is ErrorKind.OUT_OF_CREDIT


def test_more_requests_a_second_than_allowed_are_refused() -> None:
    state = registered(per_second=1)
    assert [ask(state, SEND).response.status for _ in range(2)] == [200, 429]
    assert ask(state, SEND, now=NOW + timedelta(seconds=1)).response.status == 200


def test_nothing_but_the_gateway_answers() -> None:
    assert ask(registered(), SEND, method="PUT").response.status == 404
    assert ask(registered(), SEND, path="/GatewayAPI/other").response.status == 404


def test_registering_needs_the_fields_of_an_account() -> None:
    with pytest.raises(Invalid, match="Gupshup SMS account"):
        EMULATOR.register(EMULATOR.new_state(), {"userid": "1"})


def report(pair: Pair, given: Report) -> DeliveryEvent:
    callback = EMULATOR.settle(pair.state, pair.received[0], given)
    assert callback
    (event,) = pair.hear(callback).events
    assert isinstance(event, DeliveryEvent)
    assert event.key.provider_ref == pair.received[0].provider_ref
    return event


@pytest.mark.parametrize("way", ["GET", "POST"])
@pytest.mark.parametrize(
    ("given", "status", "code"),
    [
        (Report(ReportStatus.DELIVERED, NOW), "delivered", None),
        (Report(ReportStatus.UNMAPPED, NOW), "sent", None),
        (Report(ReportStatus.FAILED, NOW, ErrorKind.BLOCKED), "failed", "006"),
        (Report(ReportStatus.FAILED, NOW), "failed", "001"),
        (Report(ReportStatus.FAILED, NOW, None, "009"), "failed", "009"),
        (Report(ReportStatus.FAILED, NOW, ErrorKind.UNAVAILABLE, "102"), "failed", "004"),
    ],
)
def test_reports_come_either_way(way: str, given: Report, status: str, code: str | None) -> None:
    pair = Pair(SLUG, callbacks=True, console={"reports_by": way})
    pair.submit([pair.outgoing()])
    event = report(pair, given)
    assert (event.status, event.error and event.error.code) == (status, code)
    assert (event.occurred_at, event.parts, event.key.recipient) == (NOW, 1, pair.received[0].to)


def test_the_address_for_reports_may_have_a_query_of_its_own() -> None:
    pair = Pair(SLUG, callbacks=True, console={"callback_url": f"{CALLBACK_URL}?a=b"})
    pair.submit([pair.outgoing()])
    callback = EMULATOR.settle(pair.state, pair.received[0], Report(ReportStatus.DELIVERED, NOW))
    assert callback
    assert parse_qs(urlsplit(callback.url).query)["a"] == ["b"]


def test_only_final_reports_are_told_and_only_to_those_who_listen() -> None:
    pair = Pair(SLUG, callbacks=True)
    pair.submit([pair.outgoing()])
    assert EMULATOR.settle(pair.state, pair.received[0], Report(ReportStatus.SENT, NOW)) is None
    deaf = Pair(SLUG)
    deaf.submit([deaf.outgoing()])
    assert EMULATOR.settle(deaf.state, deaf.received[0], Report(ReportStatus.DELIVERED, NOW)) is None
    given: dict[str, Any] = {"sender": "+919876543210", "recipient": "SHOPIN", "text": "STOP", "now": NOW}
    assert EMULATOR.inbound(pair.state, account=SAMPLE["userid"], **given) is None


def test_the_password_never_stands_in_the_address() -> None:
    pair = Pair(SLUG)
    for request in (ADAPTER.build_submit(pair.call(), [pair.outgoing()]), ADAPTER.build_probe(pair.call())):
        assert urlsplit(request.url).query == ""
        assert SAMPLE["password"].encode() in request.body
