"""
The emulated Interakt: what it refuses, what it remembers, and what its webhooks say.
"""

from datetime import timedelta
from typing import Any

import pytest

from sendyard.domain.addresses import Address
from sendyard.domain.channels import Purpose
from sendyard.domain.content import Choice, Content, Interactive, Media, MediaItem
from sendyard.domain.errors import ErrorKind, Invalid
from sendyard.domain.money import Money
from sendyard.domain.status import ReportStatus
from sendyard.providers.abilities import ProviderTemplate, TemplateButton, TemplatePage
from sendyard.providers.contract import Accepted, DeliveryEvent, Inbound, Receipt, Refused, TemplateState
from sendyard.providers.emulation import Refusal
from sendyard.providers.interakt import ADAPTER, EMULATOR
from sendyard.providers.interakt.emulated_state import KEPT, Bucket, InteraktState, Message
from sendyard.providers.wire import HttpResponse
from tests.providers.interakt_wire import (
    CALLBACK_URL,
    DIGITS,
    FILE,
    KEY,
    NOW,
    PERSON,
    account,
    ask,
    call,
    called_back,
    document,
    encoded,
    exchange,
    outgoing,
    person_writes,
    registered,
    report,
    submit,
    template,
)

SEND = {
    "fullPhoneNumber": DIGITS,
    "type": "Template",
    "template": {"name": "sendyard_text", "languageCode": "en", "bodyValues": ["Hi"]},
}


def error(receipt: Receipt) -> tuple[str, str]:
    assert isinstance(receipt, Refused)
    return receipt.error.kind, receipt.error.code


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "message"),
        ("GET", "message/"),
        ("POST", "track/users"),
        ("GET", "balance/"),
        ("GET", "message/history/"),
        ("GET", "track/organization/templates/"),
    ],
)
def test_only_what_is_documented_is_served_to_the_slash(method: str, path: str) -> None:
    answer = ask(EMULATOR.new_state(), method, path, SEND)
    assert (answer.status, document(answer)["result"]) == (404, False)


@pytest.mark.parametrize(
    "key",
    [
        "",
        "bare-secret",
        encoded(encoded("interakt-demo-secret")),
        encoded("my-invalid-secret"),
        encoded(""),
        encoded("two words"),
        "aGVsbG8=",
        "/////w==",
    ],
)
def test_a_bad_key_and_one_encoded_twice_are_401(key: str) -> None:
    answer = ask(EMULATOR.new_state(), "POST", "message/", SEND, key=key)
    assert (answer.status, document(answer)["message"]) == (401, "Invalid token provided")


def test_both_right_forms_of_a_key_open_the_same_workspace() -> None:
    state = EMULATOR.new_state()
    for fields in ({"api_key": encoded("s3cret")}, {"api_key": "s3cret", "encode_key": "always"}):
        receipt, _ = submit(state, outgoing(), account(**fields))
        assert isinstance(receipt, Accepted)
    assert len(state.workspaces) == 1


def test_once_accounts_are_registered_no_other_key_works() -> None:
    assert ask(registered(), "POST", "message/", SEND, key=encoded("another")).status == 401
    state = registered(api_key="bare-secret")
    assert ask(state, "POST", "message/", SEND, key=encoded("bare-secret")).status == 201


def test_a_plan_without_the_public_api_is_403() -> None:
    receipt, _ = submit(registered(has_public_api=False), outgoing())
    assert error(receipt) == (ErrorKind.AUTH_FAILED, "http:403")


@pytest.mark.parametrize(
    "fields", [{"api_key": "x", "no_such_field": 1}, {"api_key": ""}, {"api_key": "x", "plan": "starter"}, {}]
)
def test_an_account_that_interakt_could_not_have_is_not_registered(fields: dict[str, Any]) -> None:
    with pytest.raises(Invalid):
        EMULATOR.register(EMULATOR.new_state(), fields)


def test_a_send_is_answered_201_and_not_200() -> None:
    answer = ask(EMULATOR.new_state(), "POST", "message/", SEND)
    assert (answer.status, document(answer)["message"]) == (201, "Message created successfully")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"countryCode": "+91", "phoneNumber": "9876543210"}, "Give either fullPhoneNumber"),
        ({"fullPhoneNumber": "123"}, "Phone number is not valid"),
        ({"fullPhoneNumber": ""}, "Phone number is not valid"),
        ({"fullPhoneNumber": "", "phoneNumber": "9876543210"}, "Phone number is not valid"),
        ({"callbackData": "x" * 513}, "callbackData"),
        ({"campaignId": "c-1"}, "campaignId"),
        ({"template": None}, "template is required"),
        ({"template": {"name": "unheard_of", "languageCode": "en"}}, "does not exist"),
        ({"template": {"name": "sendyard_text", "languageCode": "hi"}}, "does not exist"),
        ({"template": {"name": "waiting_for_meta", "languageCode": "en", "bodyValues": ["x"]}}, "does not exist"),
        ({"template": {"name": "sendyard_text", "languageCode": "en", "bodyValues": []}}, "bodyValues wants 1"),
        ({"template": {"name": "sendyard_text", "languageCode": "en", "bodyValues": [" "]}}, "bodyValues wants 1"),
        ({"template": {"name": "greeting", "languageCode": "en"}}, "headerValues wants 1"),
        ({"template": {"name": "invoice", "languageCode": "en", "bodyValues": ["x"]}}, "headerValues wants 1"),
        ({"template": {"name": "order_update", "languageCode": "en", "bodyValues": ["x", "y"]}}, "button 1"),
        ({"template_category": "marketing"}, "Category UTILITY does not match"),
        ({"type": "Carrier pigeon"}, "type and data do not fit"),
        ({"type": "Text", "data": {}}, "type and data do not fit"),
        ({"type": "Image", "data": {"message": "x"}}, "type and data do not fit"),
        ({"type": "InteractiveButton", "data": {"message": "x"}}, "type and data do not fit"),
        ({"template": 7}, "not as documented"),
    ],
)
def test_a_send_that_cannot_be_is_a_400_with_a_sentence(change: dict[str, Any], words: str) -> None:
    answer = ask(EMULATOR.new_state(), "POST", "message/", {**SEND, **change})
    assert (answer.status, document(answer)["result"]) == (400, False)
    assert words in document(answer)["message"]


def test_the_other_form_of_a_number_works_as_well() -> None:
    state = EMULATOR.new_state()
    body = {**SEND, "fullPhoneNumber": "", "countryCode": "+91", "phoneNumber": "9876543210"}
    assert ask(state, "POST", "message/", body).status == 201
    (message,) = state.messages.values()
    assert message.contact == DIGITS


def test_templates_want_header_values_and_buttons_where_they_stand() -> None:
    state = EMULATOR.new_state()
    contents = [
        template("order_update", v1="Asha", v2="A-17", button1="A-17"),
        template("greeting", header="Asha"),
        template("invoice", v1="A-17", media=(FILE,)),
    ]
    arrived = []
    for content in contents:
        _, handled = submit(state, outgoing(content))
        arrived += [(one.text, one.media, one.template) for one in handled.received]
    assert arrived == [
        ("Hi Asha, order A-17 left.", (), "order_update"),
        ("Welcome!", (), "greeting"),
        ("Your invoice A-17", (FILE.url,), "invoice"),
    ]


def test_a_one_time_code_fits_an_authentication_template() -> None:
    message = outgoing(template("login_code", v1="123456"), purpose=Purpose.OTP)
    receipt, _ = submit(EMULATOR.new_state(), message)
    assert isinstance(receipt, Accepted)
    without, _ = submit(EMULATOR.new_state(), message, account(otp_button=False))
    assert error(without) == (ErrorKind.CONTENT_REJECTED, "template_values")


def test_the_guard_keeps_a_template_that_became_marketing_from_leaving() -> None:
    message = outgoing(template("became_marketing", v1="Asha"))
    receipt, _ = submit(EMULATOR.new_state(), message, account(guard_utility=True))
    assert error(receipt) == (ErrorKind.NOT_REGISTERED, "template_category")
    receipt, _ = submit(EMULATOR.new_state(), message)
    assert isinstance(receipt, Accepted)


def test_credit_runs_out() -> None:
    state = registered(credit=1)
    assert isinstance(submit(state, outgoing())[0], Accepted)
    assert error(submit(state, outgoing())[0]) == (ErrorKind.OUT_OF_CREDIT, "balance")


@pytest.mark.parametrize(
    ("console", "size"), [({}, 300), ({"plan": "advanced"}, 600), ({"requests_per_minute": 40}, 40)]
)
def test_the_plan_is_a_bucket_of_a_minute(console: dict[str, Any], size: int) -> None:
    state = registered(**console)
    (workspace,) = state.workspaces.values()
    assert sum(workspace.bucket.take(NOW) for _ in range(size + 5)) == size
    answer = ask(state, "POST", "message/", SEND)
    assert (answer.status, document(answer)) == (429, {"message": "Rate limit exceeded for this resource"})
    assert ask(state, "POST", "message/", SEND, now=NOW + timedelta(seconds=60 / size + 0.01)).status == 201


def test_a_bucket_never_holds_more_than_its_size() -> None:
    bucket, late = Bucket(2), NOW + timedelta(hours=1)
    assert [bucket.take(NOW), *(bucket.take(late) for _ in range(3))] == [True, True, True, False]


def test_words_files_and_buttons_reach_a_person_only_while_the_conversation_is_open() -> None:
    state = registered()
    choices = (Choice("y", "Yes"),)
    contents: list[Content | str] = [
        "Hi there",
        Media([MediaItem("image/jpeg", url="https://cdn.example.com/a.jpg")], "Look"),
        Interactive("Come?", choices, header="Dinner", footer="Ours"),
        Interactive("Come?", choices, list_label="Choose"),
    ]
    for content in contents:
        assert error(submit(state, outgoing(content))[0]) == (ErrorKind.CONTENT_REJECTED, "window_closed")
    person_writes(state)
    arrived = []
    for content in contents:
        receipt, handled = submit(state, outgoing(content))
        assert isinstance(receipt, Accepted)
        arrived += [(one.text, one.media) for one in handled.received]
    assert arrived == [
        ("Hi there", ()),
        ("Look", ("https://cdn.example.com/a.jpg",)),
        ("Come?", ()),
        ("Come?", ()),
    ]
    late, _ = submit(state, outgoing("Hi"), now=NOW + timedelta(hours=24))
    assert error(late)[1] == "window_closed"


@pytest.mark.parametrize(
    ("refusal", "wanted"),
    [
        (Refusal(ErrorKind.AUTH_FAILED), (ErrorKind.AUTH_FAILED, "http:401")),
        (Refusal(ErrorKind.UNSUPPORTED), (ErrorKind.UNSUPPORTED, "http:404")),
        (Refusal(ErrorKind.THROTTLED), (ErrorKind.THROTTLED, "http:429")),
        (Refusal(ErrorKind.NOT_REGISTERED), (ErrorKind.NOT_REGISTERED, "template")),
        (Refusal(ErrorKind.BLOCKED), (ErrorKind.BLOCKED, "blocked")),
        (Refusal(ErrorKind.UNMAPPED, "131050"), (ErrorKind.OPTED_OUT, "opted_out")),
        (Refusal(ErrorKind.UNMAPPED, "http:400"), (ErrorKind.UNMAPPED, "http:400")),
        (Refusal(ErrorKind.UNMAPPED, "no_id"), (ErrorKind.UNMAPPED, "refused")),
        (Refusal(ErrorKind.EXPIRED), (ErrorKind.UNMAPPED, "refused")),
    ],
)
def test_scenarios_refuse_by_status_or_by_words(refusal: Refusal, wanted: tuple[str, str]) -> None:
    receipt, handled = submit(EMULATOR.new_state(), outgoing(), refusal=lambda _to: refusal)
    assert (error(receipt), handled.received) == (wanted, ())


def test_a_text_may_be_refused_as_if_its_template_were_unknown() -> None:
    state = registered()
    person_writes(state)
    receipt, _ = submit(state, outgoing("Hi"), refusal=lambda _to: Refusal(ErrorKind.NOT_REGISTERED))
    assert error(receipt) == (ErrorKind.NOT_REGISTERED, "template")


def told(state: InteraktState, handled: Any, status: ReportStatus, kind: ErrorKind | None = None) -> DeliveryEvent:
    callback = EMULATOR.settle(state, handled.received[0], report(status, kind))
    assert callback
    assert callback.url == CALLBACK_URL
    (event,) = ADAPTER.parse_callback(call(), called_back(callback)).events
    assert isinstance(event, DeliveryEvent)
    return event


def test_signed_webhooks_follow_a_message() -> None:
    state = registered()
    receipt, handled = submit(state, outgoing())
    assert isinstance(receipt, Accepted)
    for status in (ReportStatus.SENT, ReportStatus.DELIVERED, ReportStatus.READ):
        event = told(state, handled, status)
        assert (event.status, event.key.reference, event.key.provider_ref) == (status, "ref-1", receipt.provider_ref)
        assert event.key.recipient == PERSON
        assert isinstance(event.cost, Money) == (status is ReportStatus.DELIVERED)
        assert event.occurred_at == (NOW if status is ReportStatus.SENT else NOW + timedelta(seconds=9))


def test_a_report_in_no_table_is_unmapped() -> None:
    state = registered()
    _, handled = submit(state, outgoing())
    assert told(state, handled, ReportStatus.UNMAPPED).status is ReportStatus.UNMAPPED


def test_a_failure_brings_metas_number_or_no_reason() -> None:
    state = registered()
    _, handled = submit(state, outgoing())
    failed = told(state, handled, ReportStatus.FAILED, ErrorKind.OPTED_OUT)
    assert failed.error
    assert (failed.error.code, failed.error.kind) == ("131050", ErrorKind.OPTED_OUT)
    failed = told(state, handled, ReportStatus.FAILED)
    assert failed.error
    assert (failed.error.code, failed.error.kind) == ("failed", ErrorKind.UNDELIVERABLE)


def test_five_bad_answers_in_a_row_switch_the_webhook_off() -> None:
    state = registered()
    _, handled = submit(state, outgoing())
    (received,) = handled.received
    for status, good in ((201, False), (500, False), (404, False), (503, False), (200, True), (204, False)):
        assert EMULATOR.callback_accepted(received, HttpResponse(status)) is good
    assert EMULATOR.settle(state, received, report(ReportStatus.SENT))
    for _ in range(4):
        EMULATOR.callback_accepted(received, HttpResponse(500))
    assert EMULATOR.settle(state, received, report(ReportStatus.DELIVERED)) is None
    assert person_writes(state) is None


def test_without_an_address_nobody_is_told_and_without_a_secret_nothing_is_signed() -> None:
    state = EMULATOR.new_state()
    _, handled = submit(state, outgoing())
    assert EMULATOR.settle(state, handled.received[0], report(ReportStatus.SENT)) is None
    unsigned = person_writes(registered(webhook_secret=None))
    assert unsigned
    assert "interakt-signature" not in unsigned.headers


def test_a_message_that_was_forgotten_is_not_reported() -> None:
    state = registered()
    _, handled = submit(state, outgoing())
    state.messages.clear()
    assert EMULATOR.settle(state, handled.received[0], report(ReportStatus.SENT)) is None


def test_only_the_latest_messages_are_remembered() -> None:
    state = InteraktState()
    message = Message("last", "s", "91", "Hi", "", is_template=True, created=NOW)
    state.messages = {f"x{count}": message for count in range(KEPT)}
    state.keep(message)
    assert ("x0" in state.messages, "last" in state.messages, len(state.messages)) == (False, True, KEPT)


def test_what_a_person_writes_is_heard() -> None:
    state = registered()
    (event,) = ADAPTER.parse_callback(call(), called_back(person_writes(state, "STOP"))).events
    assert isinstance(event, Inbound)
    assert (event.sender, event.content.body, event.profile_name) == (PERSON, "STOP", "Person 3210")
    assert EMULATOR.inbound(state, account="nobody", sender=PERSON, recipient="", text="x", now=NOW) is None


def every_page(state: InteraktState) -> list[ProviderTemplate]:
    found: list[ProviderTemplate] = []
    cursor = ""
    while True:
        page = ADAPTER.parse_templates(call(), cursor, exchange(state, ADAPTER.build_templates(call(), cursor)))
        assert isinstance(page, TemplatePage)
        found += page.templates
        cursor = page.cursor
        if not cursor:
            return found


def test_templates_come_in_pages_of_a_hundred_with_buttons_encoded_twice() -> None:
    state = registered(templates={f"t{count}": "Hi {{1}}" for count in range(200)})
    found = {one.name: one for one in every_page(state)}
    assert len(found) == 207
    assert found["order_update"].variables == ("1", "2", "button:1")
    assert found["login_code"].variables == ("1", "button:0")
    assert found["greeting"].variables == ("header",)
    assert found["waiting_for_meta"].state is TemplateState.PENDING
    assert ADAPTER.fits(found["order_update"], template("order_update", v1="a", v2="b", button1="c")) == []


def test_filters_are_those_of_the_collection_and_others_are_passed_over() -> None:
    state = EMULATOR.new_state()

    def names(query: str) -> list[str]:
        answer = document(ask(state, "GET", f"track/organization/templates?{query}"))
        return [one["name"] for one in answer["results"]["templates"]]

    assert names("template_name=invoice") == ["invoice"]
    assert names("approval_status=WAITING&language=en") == ["waiting_for_meta"]
    assert names("language=hi") == []
    assert len(names("name=invoice&offset=soon&language=all")) == 7
    assert names("offset=7") == []


def test_a_template_that_is_handed_in_waits_for_meta() -> None:
    state = EMULATOR.new_state()
    button = TemplateButton("url", "Track", "https://example.com/{{1}}")
    made = ProviderTemplate(
        "Order news",
        TemplateState.DRAFT,
        "en",
        "UTILITY",
        body="Hi {{1}}",
        header="Hello {{1}}",
        header_format="text",
        footer="Ours",
        buttons=(button,),
        variables=("1", "header", "button:0"),
    )
    built = ADAPTER.build_template(call(), made, {"1": "Asha", "header": "Asha", "button:0": "A-17"})
    found = ADAPTER.parse_template(made, exchange(state, built))
    assert isinstance(found, ProviderTemplate)
    assert (found.state, bool(found.provider_ref)) == (TemplateState.PENDING, True)
    (listed,) = [one for one in every_page(state) if one.provider_ref == found.provider_ref]
    assert (listed.name, listed.state, listed.variables) == (
        "order_news",
        TemplateState.PENDING,
        ("1", "header", "button:0"),
    )
    assert not isinstance(ADAPTER.parse_template(made, exchange(state, built)), ProviderTemplate)
    hindi = {"display_name": "x", "language": "Hindi", "category": "Utility", "body": "{{1}}", "body_text": []}
    assert ask(state, "POST", "track/templates/", hindi).status == 400


def test_contacts_are_kept_and_found() -> None:
    state = EMULATOR.new_state()
    for city in ("Delhi", "Pune"):
        answer = exchange(state, ADAPTER.build_contact(call(), Address.phone(PERSON), "Asha", {"city": city}))
        assert (answer.status, ADAPTER.parse_contact(answer)) == (202, "")
    ask(state, "POST", "track/users/", {"userId": "u-7", "traits": {"city": "Pune"}, "tags": ["vip"]})

    def found(city: str, query: str = "") -> Any:
        filters = [{"trait": "city", "op": "eq", "val": city}]
        return document(ask(state, "POST", f"apis/users/{query}", {"filters": filters}))

    assert found("Pune")["total_customers"] == 2
    assert found("Delhi")["data"]["customers"] == []
    assert found("Pune", "?offset=1")["data"]["customers"][0]["tags"] == ["vip"]
    by_number = document(ask(state, "GET", "apis/users/phone_number/9876543210"))["data"]["customers"]
    by_id = document(ask(state, "GET", f"apis/users/id/{by_number[0]['id']}"))["data"]["customers"]
    assert by_number == by_id
    assert by_number[0]["traits"] == {"name": "Asha", "city": "Pune"}
    odd = {"filters": [{"trait": "city", "op": "like", "val": "P"}]}
    assert ask(state, "POST", "apis/users/", odd).status == 400


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("track/events/", {"fullPhoneNumber": DIGITS, "event": "order_placed", "traits": {"amount": 7}}, 201),
        ("track/events/", {"userId": "u-7", "event": "order_placed"}, 201),
        ("track/events/", {"fullPhoneNumber": DIGITS}, 400),
        ("track/events/", {"event": "order_placed"}, 400),
        ("assignment/", {"user_phone_number": DIGITS, "agent_email": "ops@example.com"}, 200),
        ("assignment/", {"user_phone_number": DIGITS, "agent_email": "ops"}, 400),
    ],
)
def test_events_and_assignments_are_taken(path: str, body: Any, status: int) -> None:
    answer = ask(EMULATOR.new_state(), "POST", path, body)
    assert (answer.status, document(answer)["result"]) == (status, status != 400)


def test_an_api_campaign_is_made_and_sent_in() -> None:
    state = EMULATOR.new_state()
    wanted = {
        "campaign_name": "Diwali",
        "campaign_type": "PublicAPI",
        "template_name": "sendyard_text",
        "language_code": "en",
    }
    answer = ask(state, "POST", "create-campaign/", wanted)
    made = document(answer)["data"]
    assert (answer.status, made["type"]) == (201, "PublicAPI")
    receipt, _ = submit(state, outgoing(), account(campaign_id=made["campaignId"]))
    assert isinstance(receipt, Accepted)
    for change in ({"campaign_type": "Bulk"}, {"template_name": "unheard_of"}):
        assert ask(state, "POST", "create-campaign/", {**wanted, **change}).status == 400
    receipt, _ = submit(registered(campaign_id="c-9"), outgoing(), account(campaign_id="c-9"))
    assert isinstance(receipt, Accepted)


def test_the_name_of_an_account_is_no_secret() -> None:
    _, handled = submit(EMULATOR.new_state(), outgoing())
    assert handled.received[0].account.startswith("org-")
    assert KEY not in handled.received[0].account
