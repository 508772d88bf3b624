"""
The emulated WATI: what its webhooks say, and what it remembers of templates, contacts and messages.
"""

from typing import Any

import pytest

from sendyard.domain.addresses import Address
from sendyard.domain.errors import ErrorKind
from sendyard.domain.status import ReportStatus
from sendyard.providers.abilities import Found, OptOutPage, ProviderTemplate, TemplatePage
from sendyard.providers.contract import (
    Accepted,
    AccountNotice,
    Inbound,
    TemplateState,
)
from sendyard.providers.wati import ADAPTER, EMULATOR
from sendyard.providers.wati.emulated_state import KEPT, Message, WatiState
from tests.providers.wati_wire import (
    CALLBACK_URL,
    CHANNEL,
    NOW,
    PERSON,
    account,
    ask,
    call,
    called_back,
    document,
    exchange,
    outgoing,
    person_writes,
    registered,
    report,
    submit,
    template,
)


def accepted(state: WatiState, **fields: Any) -> Accepted:
    receipts, _ = submit(state, outgoing(), given=account(**fields))
    (receipt,) = receipts
    assert isinstance(receipt, Accepted)
    return receipt


def tell(state: WatiState, handled: Any, status: ReportStatus, kind: ErrorKind | None = None, code: str = "") -> Any:
    callback = EMULATOR.settle(state, handled.received[0], report(status, kind, code))
    assert callback
    return callback, ADAPTER.parse_callback(call(), called_back(callback)).events


def test_webhooks_follow_a_message_and_name_its_number_only_at_first() -> None:
    state = registered(senders=(CHANNEL,))
    _, handled = submit(state, outgoing())
    seen = []
    for status in (ReportStatus.SENT, ReportStatus.DELIVERED, ReportStatus.READ):
        callback, (event,) = tell(state, handled, status)
        body = document(callback)
        assert callback.url == CALLBACK_URL
        seen.append((body["eventType"], "waId" in body, event.status, event.key.reference))
    assert seen == [
        ("templateMessageSent_v2", True, "sent", "ref-1"),
        ("sentMessageDELIVERED_v2", False, "delivered", "ref-1"),
        ("sentMessageREAD_v2", False, "read", "ref-1"),
    ]


def test_first_forms_of_events_have_no_label_when_sent() -> None:
    state = registered(event_form="")
    _, handled = submit(state, outgoing())
    _, (event,) = tell(state, handled, ReportStatus.SENT)
    assert event.key.reference == ""
    assert event.key.provider_ref.startswith("wamid.")
    _, (event,) = tell(state, handled, ReportStatus.DELIVERED)
    assert event.key.reference == "ref-1"


def test_words_are_reported_as_session_messages() -> None:
    state = registered()
    person_writes(state)
    _, handled = submit(state, outgoing("Hi"))
    callback, _ = tell(state, handled, ReportStatus.SENT)
    assert document(callback)["eventType"] == "sessionMessageSent_v2"
    callback, (event,) = tell(state, handled, ReportStatus.FAILED, ErrorKind.BLOCKED)
    assert document(callback)["eventType"] == "sessionMessageFailed"
    assert event.error.code == "131049"


def test_a_report_in_no_table_is_unmapped() -> None:
    state = registered()
    _, handled = submit(state, outgoing())
    _, (event,) = tell(state, handled, ReportStatus.UNMAPPED)
    assert event.status is ReportStatus.UNMAPPED


def test_without_an_address_nobody_is_told_but_the_history_shows_it() -> None:
    state = EMULATOR.new_state()
    _, handled = submit(state, outgoing())
    assert EMULATOR.settle(state, handled.received[0], report(ReportStatus.DELIVERED)) is None
    message = outgoing()
    found = ADAPTER.parse_lookup(message, NOW, exchange(state, ADAPTER.build_lookup(call(), message, NOW)))
    assert isinstance(found, Found)
    assert found.event
    assert found.event.status is ReportStatus.DELIVERED


def test_a_message_that_was_forgotten_is_not_reported() -> None:
    state = registered()
    _, handled = submit(state, outgoing())
    state.messages.clear()
    assert EMULATOR.settle(state, handled.received[0], report(ReportStatus.DELIVERED)) is None


def test_only_the_latest_messages_are_remembered() -> None:
    state = registered()
    accepted(state)
    (workspace,) = state.workspaces.values()
    for count in range(KEPT):
        state.messages[f"x{count}"] = state.messages["ref-1"]
    state.messages.pop("ref-1")
    state.messages["first"] = state.messages["x0"]
    state.keep(workspace, Message("1", "last", "w", workspace.token, "91", "Hi", NOW))
    assert ("x0" in state.messages, "last" in state.messages, len(state.messages)) == (False, True, KEPT + 1)


def test_what_a_person_writes_is_heard() -> None:
    state = registered()
    (event,) = ADAPTER.parse_callback(call(), called_back(person_writes(state, "STOP"))).events
    assert isinstance(event, Inbound)
    assert (event.sender, event.recipient, event.content.body) == (PERSON, CHANNEL, "STOP")
    assert EMULATOR.inbound(state, account="nobody", sender=PERSON, recipient="", text="x", now=NOW) is None


def test_the_webhook_may_be_set_and_switched_off_by_api() -> None:
    state = registered(callback_url="")
    assert person_writes(state) is None
    path = "/100200/api/v2/webhookEndpoints"
    hook = {"phoneNumber": CHANNEL, "url": CALLBACK_URL, "status": 1, "eventTypes": ["message"]}
    assert document(ask(state, "POST", path, [hook]))["ok"] is True
    assert person_writes(state)
    ask(state, "POST", path, [{**hook, "status": 0}])
    assert person_writes(state) is None


@pytest.mark.parametrize("version", ["v1", "v2", "v3"])
def test_a_template_that_is_handed_in_waits_for_meta(version: str) -> None:
    state, given = registered(templates={"hello": "Hello {{name}}"}), call(account(api_version=version))
    made = ProviderTemplate(
        "news", TemplateState.DRAFT, "en", "MARKETING", body="Hi {{name}}", footer="Ours", variables=("name",)
    )
    answer = exchange(state, ADAPTER.build_template(given, made, {"name": "Asha"}))
    found = ADAPTER.parse_template(made, answer)
    assert isinstance(found, ProviderTemplate)
    assert (found.state, bool(found.provider_ref)) == (TemplateState.PENDING, True)
    page = ADAPTER.parse_templates(given, "", exchange(state, ADAPTER.build_templates(given, "")))
    assert isinstance(page, TemplatePage)
    listed = {one.name: one for one in page.templates}
    assert set(listed) == {"sendyard_text", "order_update", "waiting_for_meta", "hello", "news"}
    assert (listed["news"].state, listed["news"].variables) == (TemplateState.PENDING, ("name",))
    assert listed["order_update"].variables == ("name", "order")
    assert ADAPTER.fits(listed["hello"], template("hello", name="Asha")) == []
    again = ADAPTER.parse_template(made, exchange(state, ADAPTER.build_template(given, made, {"name": "Asha"})))
    assert not isinstance(again, ProviderTemplate)


def test_a_template_without_samples_is_refused() -> None:
    body = {"elementName": "x", "category": "UTILITY", "language": "en", "body": "Hi {{name}}"}
    answer = document(ask(EMULATOR.new_state(), "POST", "/100200/api/v1/whatsapp/templates", body))
    assert answer["ok"] is False


def test_one_template_is_shown_by_its_id() -> None:
    state = EMULATOR.new_state()
    every = document(ask(state, "GET", "/api/ext/v3/messageTemplates?page_number=2&page_size=1"))
    assert (every["total"], [one["name"] for one in every["templates"]]) == (3, ["order_update"])
    found = document(ask(state, "GET", f"/api/ext/v3/messageTemplates/{every['templates'][0]['id']}"))
    assert found["name"] == "order_update"


def test_contacts_are_kept_and_made_by_sending() -> None:
    state = registered()
    for version, city in (("v3", "Pune"), ("v1", "Delhi")):
        given = call(account(api_version=version))
        built = ADAPTER.build_contact(given, Address.phone(PERSON), "Asha", {"city": city})
        assert ADAPTER.parse_contact(exchange(state, built))
        kept = document(ask(state, "GET", "/api/ext/v3/contacts/919876543210"))
        assert (kept["name"], kept["city"]) == ("Asha", city)
    accepted(state)
    submit(state, outgoing(to="+919876543211", reference="ref-2"))
    assert document(ask(state, "GET", "/api/ext/v3/contacts/count")) == {"contact_count": 2}
    assert len(document(ask(state, "GET", "/api/ext/v3/contacts"))["contact_list"]) == 2
    assert len(document(ask(state, "GET", "/100200/api/v1/getContacts?pageSize=1"))["contact_list"]) == 1
    change = {"contacts": [{"target": "919876543210", "customParams": [{"name": "city", "value": "Agra"}]}]}
    answer = document(ask(state, "PUT", "/api/ext/v3/contacts", change))
    assert answer["contact_list"][0]["city"] == "Agra"


def test_a_refusal_is_a_switched_off_broadcast_and_a_person_who_writes_has_opted_in() -> None:
    state = registered(no_broadcasts=["+919876543219"])
    accepted(state)
    submit(state, outgoing(to="+919876543211", reference="ref-2"))
    person_writes(state, "Hi")
    for version in ("v1", "v2", "v3"):
        given = call(account(api_version=version))
        page = ADAPTER.parse_listed(given, "", exchange(state, ADAPTER.build_listed(given, "")))
        assert isinstance(page, OptOutPage)
        assert {one.person.value: one.refuses for one in page.people} == {"+919876543219": True, PERSON: False}
        assert page.cursor == ""


def test_the_channels_are_the_registered_senders() -> None:
    state = registered(senders=(CHANNEL, "911140000002"))
    found = ADAPTER.parse_senders(call(), exchange(state, ADAPTER.build_senders(call())))
    assert isinstance(found, list)
    assert [one.sender for one in found] == [CHANNEL, "911140000002"]
    result = ADAPTER.parse_probe(call(), exchange(state, ADAPTER.build_probe(call())))
    assert (result.ok, "2 channels" in result.detail) == (True, True)


def test_one_message_of_v1_is_shown_by_number_and_label() -> None:
    state = registered()
    accepted(state)
    path = "/100200/api/v1/whatsapp/messages"
    assert document(ask(state, "GET", f"{path}/919876543210/ref-1"))["message"]["localMessageId"] == "ref-1"
    assert ask(state, "GET", f"{path}/919876543211/ref-1").status == 404


def test_an_event_of_the_account_is_kept_as_a_notice() -> None:
    body = called_back(person_writes(registered()))
    changed = body.body.replace(b'"message"', b'"channelDisconnected"', 1).replace(b'"statusString":"SENT",', b"")
    (event,) = ADAPTER.parse_callback(call(), type(body)("POST", body.url, "", body.headers, changed)).events
    assert isinstance(event, AccountNotice)
    assert event.subject == "channelDisconnected"
