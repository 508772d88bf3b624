"""
The emulated Quo: what it takes and refuses, what it keeps, and whom it tells.
"""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from sendyard.domain.errors import ErrorKind, Invalid
from sendyard.domain.status import ReportStatus
from sendyard.providers.contract import Accepted, CallbackRejected, DeliveryEvent, Inbound, Refused
from sendyard.providers.emulation import Refusal, Report
from sendyard.providers.openphone import ADAPTER, EMULATOR
from sendyard.providers.openphone.emulated_webhooks import new_key
from sendyard.providers.openphone.emulated_workspace import OpenPhoneState, org_of
from tests.providers.openphone_wire import (
    CALLBACK_URL,
    KEY,
    NOW,
    OURS,
    PERSON,
    account,
    arrive,
    ask,
    call,
    called_back,
    document,
    one,
    outgoing,
    submit,
)

DATED = "2026-03-30"
ORDER = {"content": "Hello", "from": OURS, "to": [PERSON]}


@pytest.fixture
def state() -> OpenPhoneState:
    return EMULATOR.new_state()


def registered(state: OpenPhoneState, **fields: Any) -> None:
    EMULATOR.register(state, {**EMULATOR.sample_account, "callback_url": CALLBACK_URL, **fields})


def report(status: ReportStatus, kind: ErrorKind | None = None, code: str = "") -> Report:
    return Report(status, NOW + timedelta(seconds=9), kind, code)


def refused(state: OpenPhoneState, **order: Any) -> tuple[int, str]:
    response = ask(state, "POST", "/v1/messages", {**ORDER, **order})
    return response.status, document(response).get("code", "")


def test_a_text_is_queued_and_reaches_the_mailbox_as_written(state: OpenPhoneState) -> None:
    receipt, handled = submit(state, outgoing("NT$ 5 & 100% {ok}\n第二行"))
    received = one(handled)
    assert receipt == Accepted("m1", received.provider_ref)
    assert (received.to, received.sender, received.text) == (PERSON, OURS, "NT$ 5 & 100% {ok}\n第二行")
    assert received.account == org_of(KEY)
    shown = document(handled.response)["data"]
    assert (handled.response.status, shown["status"], shown["text"]) == (202, "queued", received.text)
    assert "content" not in shown


def test_a_key_behind_bearer_is_refused_as_quo_does(state: OpenPhoneState) -> None:
    for key in (f"Bearer {KEY}", "", "an-invalid-key"):
        response = ask(state, "POST", "/v1/messages", ORDER, key=key)
        assert (response.status, document(response)["code"]) == (401, "0200401")


def test_only_registered_keys_work_once_there_is_one(state: OpenPhoneState) -> None:
    submit(state, outgoing())
    registered(state, api_key="another-key")
    assert refused(state) == (401, "0200401")
    assert ask(state, "POST", "/v1/messages", ORDER, key="another-key").status == 202


@pytest.mark.parametrize("version", ["", "2025-01-01"])
def test_the_dated_api_wants_its_version_before_it_looks_at_the_key(state: OpenPhoneState, version: str) -> None:
    assert ask(state, "GET", "/organization", key="an-invalid-key", version=version).status == 400
    answer = ask(state, "GET", "/organization", key="an-invalid-key", version=DATED)
    assert answer.status == 401
    assert "code" not in document(answer)
    assert document(ask(state, "GET", "/organization", version=DATED))["data"]["subscriptionStatus"] == "active"


@pytest.mark.parametrize(
    ("order", "path"),
    [
        ({"content": " \ufeff"}, "/content"),
        ({"content": "a" * 1601}, "/content"),
        ({"content": 5}, "/content"),
        ({"from": "Shop"}, "/from"),
        ({"to": PERSON}, "/to"),
        ({"to": []}, "/to"),
        ({"to": [PERSON] * 11}, "/to"),
        ({"to": [PERSON, "0912345678"]}, "/to/1"),
        ({"userId": "somebody"}, "/userId"),
        ({"setInboxStatus": "open"}, "/setInboxStatus"),
    ],
)
def test_a_bad_request_names_the_path_of_its_fault(state: OpenPhoneState, order: dict[str, Any], path: str) -> None:
    response = ask(state, "POST", "/v1/messages", {**ORDER, **order})
    assert response.status == 400
    assert [fault["path"] for fault in document(response)["errors"]] == [path]


def test_a_body_that_is_no_object_is_a_bad_request(state: OpenPhoneState) -> None:
    assert ask(state, "POST", "/v1/messages", b"\xff{").status == 400


def test_several_recipients_make_one_group_message(state: OpenPhoneState) -> None:
    people = [PERSON, "+12125550124"]
    raw = arrive(replace(ADAPTER.build_submit(call(), [outgoing()])))
    body = raw.body.replace(f'["{PERSON}"]'.encode(), f'["{people[0]}","{people[1]}"]'.encode())
    handled = EMULATOR.handle(replace(raw, body=body), state)
    assert [received.to for received in handled.received] == people
    assert len({received.provider_ref for received in handled.received}) == 1


@pytest.mark.parametrize(
    ("console", "order", "answer"),
    [
        ({"subscription": "expired"}, {}, (402, "0201402")),
        ({"credit": "0.00"}, {}, (402, "0200402")),
        ({"a2p": "pending"}, {}, (400, "0206400")),
        ({"international": False}, {"to": ["+886912345678"]}, (403, "")),
        ({"senders": ["+15555550199"]}, {}, (404, "0200404")),
        ({"users": ["US1"]}, {"userId": "US2"}, (403, "0202403")),
    ],
)
def test_what_the_workspace_lacks_is_said_with_its_code(
    state: OpenPhoneState, console: dict[str, Any], order: dict[str, Any], answer: tuple[int, str]
) -> None:
    registered(state, **console)
    assert refused(state, **order) == answer


def test_credit_is_used_up_by_segments(state: OpenPhoneState) -> None:
    registered(state, credit="0.03")
    assert ask(state, "POST", "/v1/messages", {**ORDER, "content": "a" * 300}).status == 202
    assert ask(state, "POST", "/v1/messages", ORDER).status == 202
    assert refused(state) == (402, "0200402")


def test_the_daily_cap_counts_texts_to_the_us_and_begins_anew(state: OpenPhoneState) -> None:
    registered(state, daily_cap=1)
    assert ask(state, "POST", "/v1/messages", ORDER).status == 202
    receipt, _ = submit(state, outgoing())
    assert isinstance(receipt, Refused)
    assert (receipt.error.kind, receipt.error.retry_after) == (ErrorKind.THROTTLED, 3600.0)
    assert ask(state, "POST", "/v1/messages", {**ORDER, "to": ["+886912345678"]}).status == 202
    assert ask(state, "POST", "/v1/messages", ORDER, now=NOW + timedelta(days=1)).status == 202


def test_more_than_ten_requests_a_second_are_refused(state: OpenPhoneState) -> None:
    statuses = [ask(state, "GET", "/v1/phone-numbers").status for _ in range(22)]
    assert statuses == [200] * 20 + [429] * 2
    later = [ask(state, "GET", "/v1/phone-numbers", now=NOW + timedelta(seconds=1)).status for _ in range(11)]
    assert later == [200] * 10 + [429]


def test_errors_come_wrapped_where_the_workspace_is_set_so(state: OpenPhoneState) -> None:
    registered(state, error_form="wrapped", subscription="expired")
    response = ask(state, "POST", "/v1/messages", ORDER)
    assert document(response)["error"]["key"] == "0201402"
    receipt, _ = submit(state, outgoing())
    assert isinstance(receipt, Refused)
    assert receipt.error.kind is ErrorKind.OUT_OF_CREDIT


def test_a_scenario_may_name_a_code_or_a_class(state: OpenPhoneState) -> None:
    for refusal, kind in (
        (Refusal(ErrorKind.UNMAPPED, "0202403"), ErrorKind.NOT_REGISTERED),
        (Refusal(ErrorKind.INVALID_RECIPIENT), ErrorKind.INVALID_RECIPIENT),
        (Refusal(ErrorKind.UNSUPPORTED, "no such code"), ErrorKind.UNSUPPORTED),
        (Refusal(ErrorKind.OPTED_OUT), ErrorKind.CONTENT_REJECTED),
    ):
        receipt, handled = submit(state, outgoing(), refusal=lambda _to, said=refusal: said)
        assert isinstance(receipt, Refused)
        assert receipt.error.kind is kind
        assert handled.received == ()


@pytest.mark.parametrize("generation", [DATED, "v2", "v3", "v4"])
def test_a_delivery_is_told_in_every_generation_with_its_signature(state: OpenPhoneState, generation: str) -> None:
    registered(state, callback_generation=generation)
    received = one(submit(state, outgoing())[1])
    assert EMULATOR.settle(state, received, report(ReportStatus.SENT)) is None
    request = called_back(EMULATOR.settle(state, received, report(ReportStatus.DELIVERED)))
    (event,) = ADAPTER.parse_callback(call(), request).events
    assert isinstance(event, DeliveryEvent)
    assert (event.status, event.key.provider_ref, event.key.recipient) == (
        ReportStatus.DELIVERED,
        received.provider_ref,
        PERSON,
    )
    assert event.dedupe_key == f"{received.provider_ref}:delivered:"


@pytest.mark.parametrize("generation", [DATED, "v4"])
def test_a_repetition_is_dated_anew_and_keeps_its_id_unless_the_key_is_another_by_now(
    state: OpenPhoneState, generation: str
) -> None:
    registered(state, callback_generation=generation)
    received = one(submit(state, outgoing())[1])
    made = EMULATOR.settle(state, received, report(ReportStatus.DELIVERED))
    assert made
    later = NOW + timedelta(hours=2)
    again = EMULATOR.sent_later(state, made, later)
    assert again.headers.get("webhook-id") == made.headers.get("webhook-id")
    assert ADAPTER.parse_callback(call(now=later), called_back(again)).events
    with pytest.raises(CallbackRejected, match="seconds away"):
        ADAPTER.parse_callback(call(now=later), called_back(made))
    for webhook in next(iter(state.orgs.values())).webhooks.values():
        webhook.key = new_key("another", is_current=webhook.is_current)
    assert EMULATOR.sent_later(state, made, later) == made


def test_a_failure_is_told_by_the_current_generation_only_and_shown_to_whoever_asks(state: OpenPhoneState) -> None:
    for generation in (DATED, "v4"):
        registered(state, callback_generation=generation)
        received = one(submit(state, outgoing())[1])
        told = EMULATOR.settle(state, received, report(ReportStatus.FAILED, ErrorKind.CONTENT_REJECTED))
        assert bool(told) == (generation == DATED)
        shown = document(ask(state, "GET", f"/v1/messages/{received.provider_ref}"))["data"]
        assert shown["status"] == "undelivered"


def test_a_late_word_does_not_take_back_a_delivery(state: OpenPhoneState) -> None:
    received = one(submit(state, outgoing())[1])
    for status in (ReportStatus.DELIVERED, ReportStatus.SENT):
        EMULATOR.settle(state, received, report(status))
    assert document(ask(state, "GET", f"/v1/messages/{received.provider_ref}"))["data"]["status"] == "delivered"


@pytest.mark.parametrize("generation", [DATED, "v2", "v3", "v4"])
def test_a_person_writes_and_stop_acts_at_once(state: OpenPhoneState, generation: str) -> None:
    registered(state, callback_generation=generation)

    def write(text: str) -> Inbound:
        told = EMULATOR.inbound(state, account=org_of(KEY), sender=PERSON, recipient=OURS, text=text, now=NOW)
        (event,) = ADAPTER.parse_callback(call(), called_back(told)).events
        assert isinstance(event, Inbound)
        return event

    event = write("stop")
    assert (event.sender, event.recipient, event.content.body) == (PERSON, OURS, "stop")
    assert isinstance(submit(state, outgoing())[0], Refused)
    write("START")
    write("thanks")
    assert isinstance(submit(state, outgoing())[0], Accepted)
    nobody = EMULATOR.inbound(state, account="OR0", sender=PERSON, recipient=OURS, text="hi", now=NOW)
    assert nobody is None


def test_one_fitting_signature_of_several_is_enough(state: OpenPhoneState) -> None:
    for generation, name, decoys in (
        (DATED, "webhook-signature", "v1,AAAA v2,BBBB "),
        ("v4", "openphone-signature", f"hmac;2;{int(NOW.timestamp() * 1000)};AAAA,"),
    ):
        registered(state, callback_generation=generation)
        received = one(submit(state, outgoing())[1])
        request = called_back(EMULATOR.settle(state, received, report(ReportStatus.DELIVERED)))
        headers = {**request.headers, name: decoys + request.headers[name]}
        assert len(ADAPTER.parse_callback(call(), replace(request, headers=headers)).events) == 1
        with pytest.raises(CallbackRejected):
            ADAPTER.parse_callback(call(), replace(request, headers={**headers, name: decoys.rstrip(" ,")}))


def test_webhooks_are_made_shown_rotated_and_deleted(state: OpenPhoneState) -> None:
    made = document(
        ask(state, "POST", "/webhooks", {"url": CALLBACK_URL, "events": ["message.delivered"]}, version=DATED)
    )
    sid, key = made["data"]["id"], made["data"]["key"]
    assert key.startswith("whsec_")
    assert "key" not in document(ask(state, "GET", f"/webhooks/{sid}", version=DATED))["data"]
    rotated = document(ask(state, "POST", f"/webhooks/{sid}/rotate", version=DATED))["data"]["key"]
    assert rotated != key
    received = one(submit(state, outgoing())[1])
    assert EMULATOR.settle(state, received, report(ReportStatus.FAILED)) is None
    request = called_back(EMULATOR.settle(state, received, report(ReportStatus.DELIVERED)))
    assert ADAPTER.parse_callback(call(account(signing_secret=rotated)), request).events
    assert ask(state, "GET", f"/v1/webhooks/{sid}").status == 404
    assert document(ask(state, "GET", "/webhooks", version=DATED))["data"][0]["url"] == CALLBACK_URL
    assert ask(state, "DELETE", f"/webhooks/{sid}", version=DATED).status == 204
    assert document(ask(state, "GET", "/webhooks", version=DATED))["data"] == []


def test_an_older_webhook_has_a_bare_key(state: OpenPhoneState) -> None:
    made = document(ask(state, "POST", "/v1/webhooks/messages", {"url": CALLBACK_URL, "events": []}))["data"]
    assert not made["key"].startswith("whsec_")
    received = one(submit(state, outgoing())[1])
    request = called_back(EMULATOR.settle(state, received, report(ReportStatus.DELIVERED)))
    assert ADAPTER.parse_callback(call(account(legacy_signing_key=made["key"])), request).events


def test_a_workspace_has_fifty_webhooks_with_addresses(state: OpenPhoneState) -> None:
    assert ask(state, "POST", "/webhooks", {"url": "nowhere"}, version=DATED).status == 400
    when = NOW
    for _ in range(50):
        when += timedelta(seconds=1)
        assert ask(state, "POST", "/webhooks", {"url": CALLBACK_URL}, version=DATED, now=when).status == 201
    assert ask(state, "POST", "/webhooks", {"url": CALLBACK_URL}, version=DATED, now=when).status == 400


def test_contacts_are_kept_changed_and_deleted(state: OpenPhoneState) -> None:
    request = ADAPTER.build_contact(call(), outgoing().to, "Ada", {"company": "Engines"})
    sid = ADAPTER.parse_contact(EMULATOR.handle(arrive(request), state).response)
    assert isinstance(sid, str)
    again = ADAPTER.parse_contact(EMULATOR.handle(arrive(request), state).response)
    assert not isinstance(again, str)
    assert again.code == "0800409"
    update = ADAPTER.build_contact(call(), outgoing().to, "Ada Lovelace", {"id": sid})
    assert ADAPTER.parse_contact(EMULATOR.handle(arrive(update), state).response) == sid
    shown = document(ask(state, "GET", f"/v1/contacts/{sid}"))["data"]
    assert shown["defaultFields"]["firstName"] == "Ada Lovelace"
    assert document(ask(state, "GET", "/v1/contacts"))["totalItems"] == 1
    assert ask(state, "DELETE", f"/v1/contacts/{sid}").status == 204
    assert ask(state, "GET", f"/v1/contacts/{sid}").status == 404
    assert ask(state, "POST", "/v1/contacts", {"defaultFields": {}}).status == 400


def test_numbers_are_listed_as_registered(state: OpenPhoneState) -> None:
    registered(state, senders=["+15555550199", "PN7"], international=False)
    found = ADAPTER.parse_senders(call(), EMULATOR.handle(arrive(ADAPTER.build_senders(call())), state).response)
    assert isinstance(found, list)
    assert [(one.sender, one.usable, one.facts["messaging_Intl"]) for one in found] == [
        ("+15555550199", True, "restricted")
    ]
    assert document(ask(state, "GET", "/v1/phone-numbers/PN15555550199"))["data"]["number"] == "+15555550199"
    assert ask(state, "GET", "/v1/phone-numbers/PN0").status == 404


def test_messages_are_listed_by_either_surface(state: OpenPhoneState) -> None:
    for count in range(3):
        submit(state, outgoing(f"text {count}"), call(now=NOW + timedelta(seconds=count)))
    number = "PN15555550100"
    v1 = f"/v1/messages?phoneNumberId={number}&participants=%2B12125550123&maxResults=2"
    assert [one["text"] for one in document(ask(state, "GET", v1))["data"]] == ["text 2", "text 1"]
    assert ask(state, "GET", "/v1/messages?maxResults=2").status == 400
    until = f"{v1}&createdBefore=2026-11-21T02:00:01.000Z"
    assert [one["text"] for one in document(ask(state, "GET", until))["data"]] == ["text 0"]
    dated = "/messages?to=%2B12125550123&limit=1"
    page = document(ask(state, "GET", dated, version=DATED))
    assert ([one["text"] for one in page["data"]], bool(page["nextCursor"])) == (["text 2"], True)
    other = document(ask(state, "GET", f"{dated}&from=%2B15555550999", version=DATED))
    assert (other["data"], other["nextCursor"]) == ([], None)
    assert ask(state, "GET", "/messages?limit=51", version=DATED).status == 400
    assert ask(state, "GET", "/v1/messages/AC0").status == 404


@pytest.mark.parametrize(
    "fields", [{"api_key": "two words"}, {"api_key": 5}, {"nothing": "known"}, {"signing_secret": "%"}]
)
def test_an_account_that_quo_would_not_know_cannot_be_registered(state: OpenPhoneState, fields: dict[str, Any]) -> None:
    with pytest.raises(Invalid):
        registered(state, **fields)


def test_a_registered_workspace_without_a_signing_secret_gets_one(state: OpenPhoneState) -> None:
    EMULATOR.register(state, {"api_key": KEY, "callback_url": CALLBACK_URL})
    received = one(submit(state, outgoing())[1])
    with pytest.raises(CallbackRejected):
        ADAPTER.parse_callback(call(), called_back(EMULATOR.settle(state, received, report(ReportStatus.DELIVERED))))
