"""
The emulated WATI: what it serves, what it refuses, and what reaches a person.
"""

from datetime import timedelta
from typing import Any

import pytest

from sendyard.domain.addresses import Address
from sendyard.domain.content import Choice, Content, Interactive, Media, MediaItem
from sendyard.domain.errors import ErrorKind, Invalid
from sendyard.domain.status import ReportStatus
from sendyard.providers.abilities import Found, Pending
from sendyard.providers.contract import (
    Accepted,
    DeliveryEvent,
    Refused,
)
from sendyard.providers.emulation import Refusal
from sendyard.providers.wati import ADAPTER, EMULATOR
from sendyard.providers.wati.emulated_state import Bucket, WatiState
from tests.providers.wati_wire import (
    CHANNEL,
    NOW,
    PERSON,
    account,
    arrive,
    ask,
    call,
    document,
    exchange,
    outgoing,
    person_writes,
    registered,
    submit,
)

SEND = "/api/ext/v3/messageTemplates/send"
TALK = "/api/ext/v3/conversations/messages"
ONE = {"phone_number": "919876543210", "custom_params": [{"name": "text", "value": "Hi"}]}
BODY = {"template_name": "sendyard_text", "broadcast_name": "b", "recipients": [ONE]}
OLD = {"template_name": "sendyard_text", "broadcast_name": "b", "parameters": [{"name": "text", "value": "Hi"}]}


def accepted(state: WatiState, **fields: Any) -> Accepted:
    receipts, _ = submit(state, outgoing(), given=account(**fields))
    (receipt,) = receipts
    assert isinstance(receipt, Accepted)
    return receipt


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("POST", "/100200/api/ext/v3/messageTemplates/send", 404),
        ("POST", "/100200/api/v1/sendBulkTemplateMessages", 404),
        ("POST", "/100200/api/v1/addContact", 404),
        ("GET", "/100200/api/v1/getMessages", 404),
        ("POST", "/100200/api/v1/webhookEndpoints", 404),
        ("GET", "/100200/api/v2/getContacts", 404),
        ("POST", "/999/api/v1/getMessageTemplates", 404),
        ("DELETE", SEND, 405),
        ("POST", "/100200/api/v1/getContacts", 405),
        ("GET", "/api/v1/getMessageTemplates", 200),
        ("GET", "/100200/api/v2/getMessageTemplates", 200),
        ("GET", "/api/ext/v3/channels", 200),
        ("GET", "/api/ext/v3/webhooks/event-types", 200),
        ("GET", "/api/ext/v3/contacts/count", 200),
        ("GET", "/api/ext/v3/contacts/919876543210", 404),
        ("GET", "/api/ext/v3/messageTemplates/none", 404),
        ("GET", "/100200/api/v1/whatsapp/messages/919876543210/none", 404),
    ],
)
def test_only_what_is_documented_is_served_and_v3_at_the_host_only(method: str, path: str, status: int) -> None:
    assert ask(EMULATOR.new_state(), method, path).status == status


@pytest.mark.parametrize("token", ["", "invalid", "my-invalid-token"])
def test_a_bad_token_is_told_in_plain_text(token: str) -> None:
    answer = ask(EMULATOR.new_state(), "POST", SEND, BODY, token=token)
    assert (answer.status, answer.headers["content-type"], answer.body) == (401, "text/plain", b"Unauthorized")


def test_once_accounts_are_registered_no_other_token_works() -> None:
    assert ask(registered(), "GET", "/api/ext/v3/channels", token="another").status == 401


@pytest.mark.parametrize(
    "fields",
    [
        {"api_token": "x", "no_such_field": 1},
        {"api_token": ""},
        {"api_token": "x", "plan": "gratis"},
        {},
        {"api_token": 7},
    ],
)
def test_an_account_that_wati_could_not_have_is_not_registered(fields: dict[str, Any]) -> None:
    with pytest.raises(Invalid):
        EMULATOR.register(EMULATOR.new_state(), fields)


@pytest.mark.parametrize(
    "body",
    [
        {**BODY, "recipients": []},
        {**BODY, "recipients": [ONE] * 10_001},
        {**BODY, "recipients": [{"custom_params": []}]},
        {"template_name": "sendyard_text"},
        [],
    ],
)
def test_a_malformed_send_is_a_400_with_code_message_and_timestamp(body: Any) -> None:
    answer = ask(EMULATOR.new_state(), "POST", SEND, body)
    assert (answer.status, set(document(answer))) == (400, {"code", "message", "timestamp"})


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"template_name": "unheard_of"}, "Template not found"),
        ({"template_name": "waiting_for_meta"}, "Template waiting_for_meta is not approved"),
        ({"template_name": "order_update"}, "Template order_update: parameter name is missing or blank"),
        ({"channel": "911140000009"}, "Channel not found"),
    ],
)
def test_a_send_that_cannot_be_is_answered_200_with_success_false(change: dict[str, str], words: str) -> None:
    answer = document(ask(registered(senders=(CHANNEL,)), "POST", SEND, {**BODY, **change}))
    assert (answer["success"], answer["error"], answer["recipients"]) == (False, words, [])


def test_a_number_that_is_none_fails_alone() -> None:
    state = EMULATOR.new_state()
    receipts, handled = submit(state, outgoing(to="+91234"), outgoing(reference="ref-2"))
    assert isinstance(receipts[0], Refused)
    assert receipts[0].error.kind is ErrorKind.INVALID_RECIPIENT
    assert receipts[1] == Accepted("m-ref-2", "ref-2")
    assert [one.reference for one in handled.received] == ["ref-2"]


def test_a_person_without_a_number_is_reached_by_v3() -> None:
    recipient = {"target": "US.13491208655302741918", "custom_params": [{"name": "text", "value": "Hi"}]}
    handled = EMULATOR.handle(arrive(ADAPTER.build_submit(call(), [outgoing()])), state := EMULATOR.new_state())
    assert handled.received[0].to == PERSON
    answer = document(ask(state, "POST", SEND, {**BODY, "recipients": [recipient]}))
    assert answer["recipients"][0]["errors"] == []


def test_credit_runs_out() -> None:
    state = registered(credit=1)
    accepted(state)
    (receipt,), _ = submit(state, outgoing(reference="ref-2"))
    assert isinstance(receipt, Refused)
    assert receipt.error.kind is ErrorKind.OUT_OF_CREDIT


@pytest.mark.parametrize(("plan", "size"), [("growth", 30), ("pro", 60), ("business", 100)])
def test_the_plan_is_a_bucket_of_ten_seconds(plan: str, size: int) -> None:
    state = registered(plan=plan)
    statuses = [ask(state, "POST", SEND, BODY).status for _ in range(size + 1)]
    assert statuses == [200] * size + [429]
    answer = ask(state, "POST", SEND, BODY)
    assert (answer.status, answer.headers["retry-after"]) == (429, "1")
    assert ask(state, "POST", SEND, BODY, now=NOW + timedelta(seconds=10 / size + 0.01)).status == 200


def test_the_waiting_time_may_be_missing() -> None:
    state = registered(retry_after=False)
    answers = [ask(state, "POST", SEND, BODY) for _ in range(31)]
    assert (answers[-1].status, "retry-after" in answers[-1].headers) == (429, False)


def test_histories_of_v1_have_a_limit_of_their_own() -> None:
    state = registered(plan="business")
    statuses = [ask(state, "GET", "/100200/api/v1/getMessages/919876543210").status for _ in range(11)]
    assert statuses == [200] * 10 + [429]
    assert ask(state, "POST", SEND, BODY).status == 200


def test_a_bucket_never_holds_more_than_its_size() -> None:
    bucket = Bucket(2)
    late = NOW + timedelta(hours=1)
    assert [bucket.take(NOW), bucket.take(late), bucket.take(late)] == [0.0, 0.0, 0.0]
    assert bucket.take(late) == pytest.approx(5.0)


def test_the_calls_of_a_month_run_out() -> None:
    state = registered(monthly_calls=1)
    accepted(state)
    (receipt,), _ = submit(state, outgoing(reference="ref-2"))
    assert isinstance(receipt, Refused)
    assert (receipt.error.kind, receipt.error.code) == (ErrorKind.OUT_OF_CREDIT, "quota")


@pytest.mark.parametrize("path", [SEND, "/100200/api/v2/sendTemplateMessage?whatsappNumber=919876543210"])
def test_a_token_that_may_only_read_sends_nothing(path: str) -> None:
    state = registered(read_only=True)
    assert ask(state, "POST", path, BODY).status == 403
    assert ask(state, "GET", "/api/ext/v3/channels").status == 200


def test_the_probe_leads_to_the_generation_that_is_served() -> None:
    state = registered(generations=("v1",))
    version, tried = "v3", []
    while version:
        given = call(account(api_version=version))
        result = ADAPTER.parse_probe(given, exchange(state, ADAPTER.build_probe(given)))
        tried.append((version, result.ok))
        version = result.facts.get("try_api_version", "")
    assert tried == [("v3", False), ("v2", False), ("v1", True)]


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_an_older_generation_sends_and_reports_under_its_own_label(version: str) -> None:
    state = registered()
    receipt = accepted(state, api_version=version)
    assert receipt.provider_ref not in {"", "ref-1"}
    given = call(account(api_version=version))
    pending = [Pending("ref-1", receipt.provider_ref, Address.phone(PERSON), NOW)]
    poll = ADAPTER.parse_poll(given, pending, exchange(state, ADAPTER.build_poll(given, "", pending)))
    assert poll.events == ()
    state.messages[receipt.provider_ref].status = "READ"
    (event,) = ADAPTER.parse_poll(given, pending, exchange(state, ADAPTER.build_poll(given, "", pending))).events
    assert isinstance(event, DeliveryEvent)
    assert (event.status, event.key.provider_ref) == (ReportStatus.READ, receipt.provider_ref)


def test_v2_sends_to_several_with_one_number_that_is_none() -> None:
    state = registered(senders=(CHANNEL,))
    given = account(api_version="v2", channel_number=CHANNEL)
    batch = [outgoing(), outgoing(reference="ref-2", to="+91234"), outgoing(reference="ref-3", to="+919876543211")]
    receipts, handled = submit(state, *batch, given=given)
    assert [type(receipt) for receipt in receipts] == [Accepted, Refused, Accepted]
    assert [(one.to, one.sender) for one in handled.received] == [(PERSON, CHANNEL), ("+919876543211", CHANNEL)]


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/100200/api/v2/sendTemplateMessages", {**OLD, "receivers": []}, 400),
        ("/100200/api/v2/sendTemplateMessages", {**OLD, "receivers": [{"customParams": []}]}, 400),
        ("/100200/api/v1/sendSessionMessage/919876543210", None, 400),
        ("/100200/api/v1/whatsapp/templates", {"elementName": "x"}, 400),
        ("/100200/api/v2/sendTemplateMessage", None, 400),
    ],
)
def test_older_generations_want_their_fields(path: str, body: Any, status: int) -> None:
    answer = ask(EMULATOR.new_state(), "POST", path, body)
    assert (answer.status, document(answer)["result"]) == (status, False)


@pytest.mark.parametrize(("version", "field"), [("v1", "info"), ("v2", "error")])
def test_older_generations_say_no_in_their_own_fields(version: str, field: str) -> None:
    path = f"/100200/api/{version}/sendTemplateMessage?whatsappNumber=919876543210"
    answer = document(ask(EMULATOR.new_state(), "POST", path, {**OLD, "template_name": "unheard_of"}))
    assert (answer["result"], answer[field]) == (False, "Template not found")


@pytest.mark.parametrize("version", ["v1", "v2"])
@pytest.mark.parametrize(
    ("kind", "wanted"),
    [(ErrorKind.INVALID_RECIPIENT, ErrorKind.INVALID_RECIPIENT), (ErrorKind.OPTED_OUT, ErrorKind.OPTED_OUT)],
)
def test_a_refusal_of_one_is_read_in_older_generations(version: str, kind: ErrorKind, wanted: ErrorKind) -> None:
    (receipt,), _ = submit(
        EMULATOR.new_state(), outgoing(), given=account(api_version=version), refusal=lambda _to: Refusal(kind)
    )
    assert isinstance(receipt, Refused)
    assert receipt.error.kind is wanted


@pytest.mark.parametrize("version", ["v1", "v3"])
def test_words_reach_a_person_only_while_the_conversation_is_open(version: str) -> None:
    state, given = registered(), account(api_version=version)
    (closed,), _ = submit(state, outgoing("Hi"), given=given)
    assert isinstance(closed, Refused)
    assert (closed.error.code, closed.error.kind) == ("window_closed", ErrorKind.CONTENT_REJECTED)
    person_writes(state)
    (receipt,), handled = submit(state, outgoing("Hi there & more"), given=given)
    assert isinstance(receipt, Accepted)
    assert [one.text for one in handled.received] == ["Hi there & more"]
    later = NOW + timedelta(hours=24)
    (late,), _ = submit(state, outgoing("Hi"), given=given, now=later)
    assert isinstance(late, Refused)
    looked_up = ADAPTER.build_lookup(call(given), outgoing("Hi there & more"), NOW)
    assert isinstance(ADAPTER.parse_lookup(outgoing("Hi there & more"), NOW, exchange(state, looked_up)), Found)


@pytest.mark.parametrize("version", ["v1", "v3"])
def test_a_refused_text_keeps_its_reason(version: str) -> None:
    state = registered()
    person_writes(state)
    (receipt,), _ = submit(
        state,
        outgoing("Hi"),
        given=account(api_version=version),
        refusal=lambda _to: Refusal(ErrorKind.OUT_OF_CREDIT),
    )
    assert isinstance(receipt, Refused)
    assert receipt.error.code == "balance"


def test_files_buttons_and_lists_arrive_in_an_open_conversation() -> None:
    state = registered(senders=(CHANNEL,))
    person_writes(state)
    choices = (Choice("y", "Yes"),)
    contents: list[Content] = [
        Media([MediaItem("image/jpeg", url="https://cdn.example.com/a.jpg")], "Look"),
        Interactive("Come?", choices),
        Interactive("Come?", choices, list_label="Choose"),
    ]
    arrived = []
    for content in contents:
        receipts, handled = submit(state, outgoing(content, sender=CHANNEL))
        assert isinstance(receipts[0], Accepted)
        arrived += [(one.text, one.media, one.sender) for one in handled.received]
    assert arrived == [
        ("Look", ("https://cdn.example.com/a.jpg",), CHANNEL),
        ("Come?", (), CHANNEL),
        ("Come?", (), CHANNEL),
    ]


def test_words_by_an_unknown_channel_fail() -> None:
    state = registered(senders=(CHANNEL,))
    person_writes(state)
    (receipt,), _ = submit(state, outgoing("Hi", sender="911140000009"))
    assert isinstance(receipt, Refused)
    assert receipt.error.kind is ErrorKind.NOT_REGISTERED


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("text", {"target": "919876543210"}),
        ("text", {"text": "Hi"}),
        ("fileViaUrl", {"target": "919876543210"}),
        ("interactive", {"target": "919876543210", "type": "buttons"}),
        ("interactive", {"target": "919876543210", "type": "list", "list_message": {"body": 7}}),
        ("interactive", {"target": "919876543210", "type": "carousel", "list_message": {"body": "x"}}),
    ],
)
def test_a_conversation_wants_its_fields(kind: str, body: Any) -> None:
    assert ask(EMULATOR.new_state(), "POST", f"{TALK}/{kind}", body).status == 400


@pytest.mark.parametrize(
    ("refusal", "status"),
    [
        (Refusal(ErrorKind.AUTH_FAILED), 401),
        (Refusal(ErrorKind.UNSUPPORTED), 405),
        (Refusal(ErrorKind.THROTTLED), 429),
        (Refusal(ErrorKind.UNMAPPED, "http:403"), 403),
        (Refusal(ErrorKind.UNMAPPED, "quota"), 429),
        (Refusal(ErrorKind.UNMAPPED, "131026"), 200),
        (Refusal(ErrorKind.UNMAPPED, "not_accepted"), 200),
    ],
)
def test_scenarios_refuse_by_status_or_by_words(refusal: Refusal, status: int) -> None:
    _, handled = submit(EMULATOR.new_state(), outgoing(), refusal=lambda _to: refusal)
    assert (handled.response.status, handled.received) == (status, ()) if status != 200 else not handled.received
