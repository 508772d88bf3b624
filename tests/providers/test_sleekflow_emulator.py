"""
The SleekFlow emulator: what it refuses, what its conversations show, and what its flows tell.
"""

import json
from dataclasses import replace
from functools import partial
from typing import Any

import pytest

from sendyard.domain.addresses import Address
from sendyard.domain.content import Choice, Content, Interactive, MediaItem, TemplateRef, Text
from sendyard.domain.errors import ErrorKind, Invalid
from sendyard.domain.status import ReportStatus
from sendyard.providers.abilities import Pending, Poll, Profile, ProviderSender, TemplatePage
from sendyard.providers.contract import Accepted, DeliveryEvent, Inbound, Outgoing, Receipt, Refused
from sendyard.providers.emulation import EmulatedRequest, Refusal, Report
from sendyard.providers.sleekflow import ADAPTER, EMULATOR
from sendyard.providers.sleekflow.emulated_state import (
    SAMPLE_NUMBER,
    SAMPLE_TEMPLATE,
    Company,
    conversation_id,
    digits_of,
)
from tests.providers.samples import NOW
from tests.providers.wire_pair import Pair

KEY = {"x-sleekflow-api-key": "sample-platform-api-key"}
FILE = MediaItem("image/jpeg", url="https://cdn.example.com/a.jpg")


def registered(**console: Any) -> Pair:
    return Pair("sleekflow", callbacks=True, console=console)


def said(pair: Pair, content: Content, **fields: Any) -> Receipt:
    """Send one message and give the receipt; `fields` change the account."""
    pair.account = pair.account.model_copy(update=fields)
    (receipt,) = pair.submit([replace(pair.outgoing(), content=content)])
    return receipt


def error_code(receipt: Receipt) -> str:
    assert isinstance(receipt, Refused), receipt
    return receipt.error.code


def ask(
    method: str, path: str, body: object = None, headers: dict[str, str] | None = None, state: Any = None
) -> tuple[int, Any]:
    """One raw call; status and decoded body."""
    path, _, query = path.partition("?")
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    request = EmulatedRequest(method, path, query, KEY if headers is None else headers, data, NOW)
    response = EMULATOR.handle(request, EMULATOR.new_state() if state is None else state).response
    return response.status, json.loads(response.body)


def polled(pair: Pair, message: Outgoing, receipt: Receipt, cursor: str = "") -> Poll:
    assert isinstance(receipt, Accepted)
    pending = [Pending(message.reference, receipt.provider_ref, message.to, pair.now)]
    call = pair.call()
    return ADAPTER.parse_poll(call, pending, pair.exchange(ADAPTER.build_poll(call, cursor, pending)))


def test_a_conversation_shows_each_step_of_a_message() -> None:
    pair, seen = registered(), []
    message = pair.outgoing()
    (receipt,) = pair.submit([message])
    for status in (None, ReportStatus.SENT, ReportStatus.DELIVERED, ReportStatus.READ, ReportStatus.SENT):
        if status:
            assert EMULATOR.settle(pair.state, pair.received[0], Report(status, pair.now)) is None
        (event,) = polled(pair, message, receipt).events
        assert isinstance(event, DeliveryEvent)
        assert event.key.reference == message.reference
        seen.append(event.raw_status)
    assert seen == ["Sending", "Sent", "Received", "Read", "Read"]


@pytest.mark.parametrize(
    ("report", "kind", "code"),
    [
        (Report(ReportStatus.FAILED, NOW, ErrorKind.UNDELIVERABLE, "131049"), ErrorKind.BLOCKED, "131049"),
        (Report(ReportStatus.FAILED, NOW, ErrorKind.OUT_OF_CREDIT), ErrorKind.OUT_OF_CREDIT, "OutOfCredit"),
        (Report(ReportStatus.FAILED, NOW, ErrorKind.UNDELIVERABLE, "Failed"), ErrorKind.UNDELIVERABLE, "Failed"),
        (Report(ReportStatus.FAILED, NOW), ErrorKind.UNDELIVERABLE, "Undelivered"),
        (Report(ReportStatus.FAILED, NOW, ErrorKind.INVALID_RECIPIENT), ErrorKind.INVALID_RECIPIENT, "131030"),
        (Report(ReportStatus.FAILED, NOW, ErrorKind.UNMAPPED), ErrorKind.UNMAPPED, "139999"),
    ],
)
def test_a_conversation_shows_why_a_message_failed(report: Report, kind: ErrorKind, code: str) -> None:
    pair = Pair("sleekflow")
    message = pair.outgoing()
    (receipt,) = pair.submit([message])
    EMULATOR.settle(pair.state, pair.received[0], report)
    (event,) = polled(pair, message, receipt).events
    assert isinstance(event, DeliveryEvent)
    assert event.error
    assert (event.status, event.error.kind, event.error.code) == (ReportStatus.FAILED, kind, code)


def test_a_status_that_is_new_is_shown_and_changes_nothing() -> None:
    pair = Pair("sleekflow")
    message = pair.outgoing()
    (receipt,) = pair.submit([message])
    EMULATOR.settle(pair.state, pair.received[0], Report(ReportStatus.UNMAPPED, NOW))
    (event,) = polled(pair, message, receipt).events
    assert isinstance(event, DeliveryEvent)
    assert (event.status, event.raw_status) == (ReportStatus.UNMAPPED, "Held")


def test_a_conversation_that_was_not_named_is_learnt_from_the_contact() -> None:
    pair = registered(tells_conversation=False)
    message = pair.outgoing()
    (receipt,) = pair.submit([message])
    first = polled(pair, message, receipt)
    assert not first.events
    second = polled(pair, message, receipt, first.cursor)
    assert [event.key.reference for event in second.events if isinstance(event, DeliveryEvent)] == [message.reference]


def test_a_report_of_a_message_nobody_knows_is_nothing() -> None:
    pair = Pair("sleekflow")
    pair.submit([pair.outgoing()])
    report = Report(ReportStatus.SENT, NOW)
    assert EMULATOR.settle(EMULATOR.new_state(), pair.received[0], report) is None
    assert EMULATOR.settle(pair.state, replace(pair.received[0], extra={}), report) is None


@pytest.mark.parametrize("form", ["nested", "flat", "camel"])
def test_a_flow_tells_what_a_person_writes_in_each_spelling(form: str) -> None:
    pair = registered(webhook_form=form, echoes=True)
    pair.submit([pair.outgoing()])
    echo = EMULATOR.settle(pair.state, pair.received[0], Report(ReportStatus.SENT, pair.now))
    assert echo
    assert pair.hear(echo).events == ()
    to = pair.outgoing().to.value
    told = EMULATOR.inbound(
        pair.state, account=SAMPLE_NUMBER, sender=to, recipient=SAMPLE_NUMBER, text="Hi", now=pair.now
    )
    assert told
    assert told.headers["x-webhook-secret"] == "invented-webhook-secret"
    (event,) = pair.hear(told).events
    assert isinstance(event, Inbound)
    assert event.content == Text("Hi")
    assert event.sender == ("c-1" if form == "flat" else to)
    assert pair.hear(told).events[0].dedupe_key == event.dedupe_key


def test_only_a_registered_number_hears_anything() -> None:
    pair = registered(webhook_secret=None)
    words: dict[str, Any] = {"sender": "+919876543210", "text": "Hi", "now": NOW}
    assert EMULATOR.inbound(pair.state, account="nobody", recipient="", **words) is None
    assert EMULATOR.inbound(pair.state, account=SAMPLE_NUMBER, recipient="85299999999", **words) is None
    told = EMULATOR.inbound(pair.state, account=SAMPLE_NUMBER, recipient="", **words)
    assert told
    assert "x-webhook-secret" not in told.headers
    deaf = EMULATOR.new_state()
    EMULATOR.register(deaf, {"api_key": "k"})
    assert EMULATOR.inbound(deaf, account=SAMPLE_NUMBER, recipient="", **words) is None


@pytest.mark.parametrize(
    "content",
    [
        Text("Hello\nthere"),
        Interactive("Hello\nthere", (Choice("yes", "Yes"),)),
        Interactive("Hello\nthere", (Choice("mo", "Monday"),), list_label="Days"),
    ],
)
def test_session_messages_arrive_as_written(content: Content) -> None:
    for channel in ("whatsappcloudapi", "whatsapp360dialog"):
        pair = registered(channel=channel)
        assert isinstance(said(pair, content, channel=channel), Accepted)
        assert [received.text for received in pair.received] == ["Hello\nthere"]


TEMPLATES = {
    "shipped": "Hi {{1}}, {{2}} has left. Bye {{1}}",
    "picture": {"text": "See, {{1}}", "header": "image"},
    "resting": {"text": "Rest", "status": "PAUSED"},
    "namaste": {"text": "Namaste", "language": "hi"},
}


@pytest.mark.parametrize(
    ("content", "result"),
    [
        (TemplateRef("shipped", variables={"1": "Asha", "2": "A-17"}), "Hi Asha, A-17 has left. Bye Asha"),
        (TemplateRef("picture", variables={"1": "Asha"}, media=(FILE,)), "See, Asha"),
        (TemplateRef("namaste", "hi"), "Namaste"),
        (TemplateRef("nobody"), "template_unknown"),
        (TemplateRef("resting"), "template_unknown"),
        (TemplateRef("namaste", "en"), "template_unknown"),
        (TemplateRef("shipped", variables={"1": "Asha"}), "template"),
        (TemplateRef("picture", variables={"1": "Asha"}), "template"),
    ],
)
def test_templates_are_filled_or_refused(content: Content, result: str) -> None:
    pair = registered(templates=TEMPLATES)
    receipt = said(pair, content)
    if isinstance(receipt, Accepted):
        assert [received.text for received in pair.received] == [result]
    else:
        assert error_code(receipt) == result


def test_a_template_of_360dialog_needs_its_namespace() -> None:
    pair = registered(channel="whatsapp360dialog")
    template = TemplateRef(SAMPLE_TEMPLATE, variables={"1": "Hi"})
    assert error_code(said(pair, template, channel="whatsapp360dialog")) == "template"
    assert isinstance(said(pair, template, template_namespace="ns_1"), Accepted)


def test_where_nobody_registered_names_decide() -> None:
    pair = Pair("sleekflow")
    assert isinstance(said(pair, TemplateRef("any", variables={"1": "Asha", "2": "A-17"})), Accepted)
    assert pair.received[0].text == "Asha, A-17"
    assert error_code(said(pair, TemplateRef("unknown_one"))) == "template_unknown"


def test_credit_runs_out() -> None:
    pair = registered(credit=1)
    assert isinstance(said(pair, Text("one")), Accepted)
    assert error_code(said(pair, Text("two"))) == "OutOfCredit"
    assert len(pair.received) == 1


def test_a_company_of_another_region_is_refused_here() -> None:
    pair = registered(in_other_region=True)
    assert error_code(said(pair, Text("Hello"))) == "auth"


def test_a_number_that_is_not_the_companys_is_refused() -> None:
    pair = registered(senders=("85200000009",))
    (receipt,) = pair.submit([pair.outgoing()])
    assert error_code(receipt) == "channel"


def test_classes_without_words_of_sleekflows_come_with_metas_number() -> None:
    pair = Pair("sleekflow")
    for kind, code in ((ErrorKind.OPTED_OUT, "131050"), (ErrorKind.BLOCKED, "131049"), (ErrorKind.EXPIRED, "http:400")):
        refusal = Refusal(kind)
        (receipt,) = pair.submit([pair.outgoing()], partial(_always, refusal))
        assert error_code(receipt) == code


def _always(refusal: Refusal, _to: str) -> Refusal:
    return refusal


@pytest.mark.parametrize(
    "account",
    [{}, {"api_key": ""}, {"api_key": "k", "no_such_field": 1}, {"api_key": "k", "webhook_form": "xml"}],
)
def test_an_account_that_is_none_is_not_registered(account: dict[str, Any]) -> None:
    with pytest.raises(Invalid):
        EMULATOR.register(EMULATOR.new_state(), account)


SEND = "/api/message/send/json"
GOOD = {
    "channel": "whatsappcloudapi",
    "from": SAMPLE_NUMBER,
    "to": "919876543210",
    "messageType": "text",
    "messageContent": "Hi",
}


def template_of(**part: Any) -> dict[str, Any]:
    extended = {"whatsappcloudapitemplateMESSAGEobject": part}
    return {"messageType": "template", "extendedMessage": extended}


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({}, 200),
        ({"from": "85299999999"}, 400),
        ({"channel": "sms"}, 400),
        ({"to": "+919876543210"}, 400),
        ({"to": 919876543210}, 400),
        ({"messageContent": ""}, 400),
        ({"messageType": "dance"}, 400),
        ({"messageType": "template"}, 400),
        ({"messageType": "interactive", "extendedMessage": {}}, 400),
        (
            {
                "messageType": "interactive",
                "extendedMessage": {
                    "whatsappCloudApiInteractiveObject": {
                        "type": "button",
                        "body": {"text": "x"},
                        "action": {"buttons": [1, 2, 3, 4]},
                    }
                },
            },
            400,
        ),
        (template_of(templateName=SAMPLE_TEMPLATE), 400),
        (template_of(templateName=SAMPLE_TEMPLATE, language="en", components=7), 400),
        (
            template_of(
                templateName=SAMPLE_TEMPLATE,
                language="en",
                components=[{"type": "BODY", "parameters": [{"type": "text", "text": "x"}]}, {"type": "footer"}],
            ),
            200,
        ),
        (
            template_of(
                templateName=SAMPLE_TEMPLATE,
                language="en",
                components=[{"type": "body", "parameters": [{"type": "text", "text": word}]} for word in "ab"],
            ),
            400,
        ),
        (
            template_of(
                templateName="any",
                language="en",
                components=[{"type": "header", "parameters": [{"type": "image", "image": "a.jpg"}]}],
            ),
            200,
        ),
        ({"analyticTags": "one"}, 200),
    ],
)
def test_a_message_is_checked_field_by_field(change: dict[str, Any], status: int) -> None:
    # The server ignores the case of paths.
    for path in (SEND, "/API/Message/Send/Json"):
        found, answer = ask("POST", path, {**GOOD, **change})
        assert found == status, answer
        assert ("id" in answer) == (status == 200)


@pytest.mark.parametrize("body", [b"{", b"[]"])
def test_a_body_that_is_no_object_is_refused(body: bytes) -> None:
    assert ask("POST", SEND, body)[0] == 400


@pytest.mark.parametrize("headers", [{}, {"x-sleekflow-api-key": "invalid-key"}, {"x-sleekflow-apikey": "k"}])
def test_every_call_wants_the_key(headers: dict[str, str]) -> None:
    for method, path in (
        ("POST", SEND),
        ("GET", "/api/contact"),
        ("GET", "/api/conversation/x"),
        ("GET", "/api/labels"),
    ):
        assert ask(method, path, headers=headers)[0] == 401


def test_contacts_are_kept_found_and_updated() -> None:
    pair = registered()
    person = Address.phone("+919876543210")
    missing = ADAPTER.parse_profile(pair.exchange(ADAPTER.build_profile(pair.call(), person)))
    assert not isinstance(missing, Profile)
    made = pair.exchange(ADAPTER.build_contact(pair.call(), person, "Asha Rao", {"email": "asha@example.com"}))
    assert ADAPTER.parse_contact(made) == "c-1"
    found = ADAPTER.parse_profile(pair.exchange(ADAPTER.build_profile(pair.call(), person)))
    assert isinstance(found, Profile)
    assert (found.name, found.facts["email"]) == ("Asha Rao", "asha@example.com")
    assert ask("POST", "/api/contact/update/c-1", {"firstName": "Usha"}, state=pair.state)[1]["firstName"] == "Usha"
    assert ask("POST", "/api/contact/update/c-2", {"firstName": "Usha"}, state=pair.state)[0] == 404
    assert ask("POST", "/api/contact/update/c-1", [], state=pair.state)[0] == 404
    assert ask("GET", "/api/contact?limit=1&offset=1", state=pair.state) == (200, [])
    assert ask("GET", "/api/contact?limit=1001", state=pair.state)[0] == 400
    assert ask("GET", "/api/contact?offset=x", state=pair.state)[0] == 400


@pytest.mark.parametrize("rows", [{}, [{"phoneNumber": "x"}], [7], [{"phoneNumber": "919876543210"}, {}]])
def test_one_bad_row_refuses_all_contacts(rows: object) -> None:
    state = EMULATOR.new_state()
    assert ask("POST", "/api/contact/addOrUpdate", rows, state=state)[0] == 400
    assert ask("GET", "/api/contact", state=state) == (200, [])


def test_conversations_are_listed_and_read_in_pages() -> None:
    pair = registered()
    for count in (1, 1, 2):
        pair.submit([pair.outgoing(count)])
    rows = ask("GET", "/api/conversation/all?limit=10&offset=0", state=pair.state)[1]
    assert [row["phoneNumber"] for row in rows] == [pair.outgoing(count).to.value[1:] for count in (1, 2)]
    path = f"/api/conversation/message/{rows[0]['conversationId']}"
    assert len(ask("GET", f"{path}?offset=0&limit=1000", state=pair.state)[1]) == 2
    assert len(ask("GET", f"{path}?offset=1&limit=1000", state=pair.state)[1]) == 1
    assert ask("GET", f"/api/conversation/{rows[0]['conversationId']}", state=pair.state)[1] == rows[0]
    for unknown in ("/api/conversation/message/none", "/api/conversation/none"):
        assert ask("GET", unknown, state=pair.state)[0] == 404


def test_templates_and_channels_are_listed() -> None:
    pair = registered(templates=TEMPLATES)
    page = ADAPTER.parse_templates(pair.call(), "", pair.exchange(ADAPTER.build_templates(pair.call(), "")))
    assert isinstance(page, TemplatePage)
    found = {one.name: (one.state.value, one.variables, one.header_format) for one in page.templates}
    assert found["shipped"] == ("approved", ("1", "2"), "")
    assert found["picture"] == ("approved", ("1",), "image")
    assert found["resting"][0] == "paused"
    senders = ADAPTER.parse_senders(pair.call(), pair.exchange(ADAPTER.build_senders(pair.call())))
    assert isinstance(senders, list)
    assert [one.sender for one in senders if isinstance(one, ProviderSender)] == [SAMPLE_NUMBER]
    assert ask("GET", "/api/cloudapi/template?channelNumber=1", state=pair.state)[0] == 400
    assert ask("GET", "/api/labels", state=pair.state) == (200, [])


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/v1/messages"),
        ("GET", SEND),
        ("POST", "/api/cloudapi/template"),
        ("GET", "/api/analytic"),
        ("DELETE", "/api/contact"),
    ],
)
def test_what_sleekflow_does_not_have_is_not_found(method: str, path: str) -> None:
    assert ask(method, path)[0] == 404


@pytest.mark.parametrize("digits", ["85212345", "919876543210", "123456789012345"])
def test_a_conversations_id_holds_its_number(digits: str) -> None:
    identifier = conversation_id(digits)
    assert len(identifier) == 36
    assert digits_of(identifier) == digits


def test_the_oldest_conversation_is_forgotten_in_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sendyard.providers.sleekflow.emulated_state._KEPT_CONVERSATIONS", 2)
    company = Company("open")
    for digits in ("85200000001", "85200000002", "85200000003"):
        company.conversation_with(digits)
    assert list(company.conversations) == ["85200000002", "85200000003"]
