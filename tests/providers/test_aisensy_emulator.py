"""
The AiSensy emulator: what it refuses, what it remembers, and what it tells.
"""

import hmac
import json
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from pydantic import SecretStr

from sendyard.domain.addresses import Address
from sendyard.domain.content import Choice, Content, Interactive, Media, MediaItem, TemplateRef, Text
from sendyard.domain.errors import ErrorKind, Invalid
from sendyard.domain.status import ReportStatus
from sendyard.providers.abilities import Profile, ProviderTemplate, TemplatePage
from sendyard.providers.aisensy import ADAPTER, EMULATOR
from sendyard.providers.aisensy.emulated_state import SAMPLE_CAMPAIGN, AiSensyState
from sendyard.providers.contract import Accepted, DeliveryEvent, Inbound, Refused, TemplateState
from sendyard.providers.emulation import EmulatedRequest, Refusal, Report
from sendyard.providers.wire import HttpRequest
from tests.providers.aisensy_wire import PROJECT, ask, error_code, registered, said
from tests.providers.samples import NOW
from tests.providers.wire_pair import Pair

FILE = MediaItem("image/jpeg", url="https://cdn.example.com/a.jpg")
BY_PROJECT = {"send_via": "project"}


@pytest.mark.parametrize("fields", [{}, BY_PROJECT])
@pytest.mark.parametrize(
    ("content", "text"),
    [
        (TemplateRef("shipped", variables={"1": "Asha", "2": "A-17"}), "Hi Asha, A-17 has left. Bye Asha"),
        (TemplateRef("picture", variables={"1": "Asha"}, media=(FILE,)), "See, Asha"),
    ],
)
def test_a_template_is_filled_by_either_api(fields: dict[str, str], content: Content, text: str) -> None:
    pair = registered(
        templates={
            "shipped": "Hi {{1}}, {{2}} has left. Bye {{1}}",
            "picture": {"text": "See, {{1}}", "header": "image"},
        }
    )
    assert isinstance(said(pair, content, **fields), Accepted)
    assert pair.received[0].text == text
    assert pair.received[0].media == (() if isinstance(content, TemplateRef) and not content.media else (FILE.url,))


@pytest.mark.parametrize(
    ("content", "campaign", "project"),
    [
        (TemplateRef("nobody"), "campaign_unknown", "132001"),
        (TemplateRef("paused_campaign"), "campaign_not_live", "132001"),
        (TemplateRef("shipped"), "params_mismatch", "132000"),
        (TemplateRef("picture", variables={"1": "Asha"}), "params_mismatch", "132012"),
        (TemplateRef("resting"), "template", "132015"),
        (TemplateRef("gone"), "template", "132016"),
        (TemplateRef("refused"), "template", "132001"),
    ],
)
def test_templates_that_cannot_be_sent_are_refused_in_the_words_of_each_api(
    content: Content, campaign: str, project: str
) -> None:
    console: dict[str, Any] = {
        "templates": {
            "shipped": "Hi {{1}}",
            "picture": {"text": "See, {{1}}", "header": "image"},
            "resting": {"text": "Rest", "status": "PAUSED"},
            "gone": {"text": "Gone", "status": "DISABLED"},
            "refused": {"text": "No", "status": "REJECTED"},
        },
        "campaigns": {"paused_campaign": {"template": "shipped", "status": "PAUSED"}, "second": "shipped"},
    }
    assert error_code(said(registered(**console), content)) == campaign
    assert error_code(said(registered(**console), content, **BY_PROJECT)) == project


def test_a_campaign_may_have_another_name_than_its_template() -> None:
    pair = registered(templates={"shipped": "Hi {{1}}"}, campaigns={"spring_live": "shipped"})
    assert isinstance(said(pair, TemplateRef("spring_live", variables={"1": "Asha"})), Accepted)
    assert (pair.received[0].template, pair.received[0].text) == ("shipped", "Hi Asha")


@pytest.mark.parametrize(
    ("name", "code"), [("any_name", ""), ("unknown_one", "campaign_unknown"), ("paused_one", "campaign_not_live")]
)
def test_where_nobody_registered_names_decide(name: str, code: str) -> None:
    pair = Pair("aisensy")
    receipt = said(pair, TemplateRef(name, variables={"1": "Asha", "2": "A-17"}))
    if code:
        assert error_code(receipt) == code
    else:
        assert [received.text for received in pair.received] == ["Asha, A-17"]
    project = said(Pair("aisensy"), TemplateRef(name), **BY_PROJECT)
    assert isinstance(project, Refused) == (name == "unknown_one")


@pytest.mark.parametrize(
    "content",
    [
        Text("Hello\nthere"),
        Media((FILE,), "Hello\nthere"),
        Interactive("Hello\nthere", (Choice("yes", "Yes"),)),
        Interactive("Hello\nthere", (Choice("mo", "Monday"),), list_label="Days"),
    ],
)
def test_session_messages_arrive_as_written(content: Content) -> None:
    pair = registered()
    assert isinstance(said(pair, content), Accepted)
    assert [received.text for received in pair.received] == ["Hello\nthere"]
    callback = EMULATOR.settle(pair.state, pair.received[0], Report(ReportStatus.DELIVERED, pair.now))
    assert callback
    (event,) = pair.hear(callback).events
    assert isinstance(event, DeliveryEvent)
    assert event.key.provider_ref == pair.received[0].provider_ref


def test_a_closed_window_takes_no_plain_text_until_the_person_writes() -> None:
    pair = registered(strict_window=True)
    assert error_code(said(pair, Text("Hello"))) == "131047"
    to = pair.outgoing().to.value
    account = pair.account.model_dump()["project_id"]
    callback = EMULATOR.inbound(pair.state, account=account, sender=to, recipient="", text="Hi", now=pair.now)
    assert callback
    (event,) = pair.hear(callback).events
    assert isinstance(event, Inbound)
    assert (event.sender, event.content, event.recipient) == (to, Text("Hi"), account)
    assert isinstance(said(pair, Text("Hello")), Accepted)
    pair.now += timedelta(hours=25)
    assert error_code(said(pair, Text("Hello"))) == "131047"


def test_nobody_is_told_of_what_an_unregistered_account_hears() -> None:
    state = EMULATOR.new_state()
    assert EMULATOR.inbound(state, account="x", sender="+919876543210", recipient="", text="Hi", now=NOW) is None
    pair = Pair("aisensy")
    pair.submit([pair.outgoing()])
    assert EMULATOR.settle(pair.state, pair.received[0], Report(ReportStatus.SENT, NOW)) is None
    assert EMULATOR.settle(EMULATOR.new_state(), pair.received[0], Report(ReportStatus.SENT, NOW)) is None


def test_webhooks_are_signed_over_their_bytes_and_repeat_one_id() -> None:
    pair = registered()
    pair.submit([pair.outgoing()])
    report = Report(ReportStatus.DELIVERED, pair.now)
    first, second = (EMULATOR.settle(pair.state, pair.received[0], report) for _ in range(2))
    assert first
    assert first == second
    signature = hmac.new(b"invented-webhook-secret", first.body, "sha256").hexdigest()
    assert first.headers["x-aisensy-signature"] == signature
    assert [event.dedupe_key for event in pair.hear(first).events] == [json.loads(first.body)["id"]]


def test_without_ids_the_receipt_has_none_and_the_report_names_the_message() -> None:
    pair = registered(tells_ids=False, webhook_secret=None)
    (receipt,) = pair.submit([pair.outgoing()])
    assert isinstance(receipt, Accepted)
    assert receipt.provider_ref == ""
    callback = EMULATOR.settle(pair.state, pair.received[0], Report(ReportStatus.SENT, pair.now))
    assert callback
    assert "x-aisensy-signature" not in callback.headers
    pair.account = pair.account.model_copy(update={"webhook_secret": None})
    (event,) = pair.hear(callback).events
    assert isinstance(event, DeliveryEvent)
    assert event.key.provider_ref.startswith("wamid.")
    assert event.key.recipient == pair.outgoing().to.value


def test_a_report_of_another_code_is_told_with_metas_words() -> None:
    pair = registered()
    pair.submit([pair.outgoing()])
    report = Report(ReportStatus.FAILED, pair.now, ErrorKind.UNDELIVERABLE, "131049")
    callback = EMULATOR.settle(pair.state, pair.received[0], report)
    assert callback
    assert json.loads(callback.body)["data"]["message"]["failureResponse"] == {
        "code": 131049,
        "reason": "Not delivered to maintain healthy ecosystem engagement",
    }


def test_credit_runs_out() -> None:
    pair = registered(credit=1)
    assert isinstance(said(pair, TemplateRef(SAMPLE_CAMPAIGN, variables={"1": "one"})), Accepted)
    assert error_code(said(pair, TemplateRef(SAMPLE_CAMPAIGN, variables={"1": "two"}))) == "balance"


def test_more_requests_a_second_than_agreed_are_refused() -> None:
    pair = registered(rate=2)
    request = ADAPTER.build_submit(pair.call(), [pair.outgoing()])
    statuses = [EMULATOR.handle(_arrived(request, pair), pair.state).response.status for _ in range(3)]
    assert statuses == [200, 200, 429]
    assert ask_registered(pair, "GET", f"{PROJECT}/wa_template/")[0] == 429


def _arrived(request: HttpRequest, pair: Pair) -> EmulatedRequest:
    path = request.url.removeprefix("http://emulator.test")
    return EmulatedRequest(request.method, path, "", dict(request.headers), request.body, pair.now)


def ask_registered(pair: Pair, method: str, path: str, body: object = None) -> tuple[int, Any]:
    return ask(method, path, body, state=pair.state)


def test_a_registered_project_has_one_key_and_one_password() -> None:
    pair = registered()
    wrong = {"api_key": SecretStr("another"), "project_api_password": SecretStr("x")}
    pair.account = pair.account.model_copy(update=wrong)
    assert error_code(said(pair, TemplateRef(SAMPLE_CAMPAIGN, variables={"1": "one"}))) == "api_key"
    assert error_code(said(pair, Text("Hello"))) == "api_key"
    assert ask("GET", f"{PROJECT}9/wa_template/", state=pair.state)[0] == 401


@pytest.mark.parametrize(
    "account",
    [{}, {"api_key": ""}, {"api_key": "k", "no_such_field": 1}, {"api_key": "k", "credit": "much"}],
)
def test_an_account_that_is_none_is_not_registered(account: dict[str, Any]) -> None:
    with pytest.raises(Invalid):
        EMULATOR.register(EMULATOR.new_state(), account)


def test_an_account_with_the_key_alone_is_named_without_it() -> None:
    state = EMULATOR.new_state()
    EMULATOR.register(state, {"api_key": "invented-campaign-key", "senders": ("+919000000009",)})
    (name,) = state.projects
    assert name.startswith("key-")
    assert "invented" not in name
    status, _ = ask("POST", "/campaign/t1/api/v2", {**GOOD, "apiKey": "invented-campaign-key"}, state=state)
    assert status == 200


GOOD = {
    "apiKey": "k",
    "campaignName": SAMPLE_CAMPAIGN,
    "destination": "+919876543210",
    "userName": "Asha",
    "templateParams": ["Hi"],
}


@pytest.mark.parametrize(
    ("change", "status", "message"),
    [
        ({}, 200, None),
        ({"destination": "9876543210"}, 200, None),
        ({"apiKey": ""}, 401, "Invalid API key"),
        ({"apiKey": 7}, 401, "Invalid API key"),
        ({"campaignName": None}, 400, "Campaign does not exist."),
        ({"campaignName": "test"}, 400, "Campaign does not exist."),
        ({"userName": ""}, 400, "userName is required"),
        ({"destination": "nobody"}, 400, "Invalid destination phone number"),
        ({"destination": None}, 400, "Invalid destination phone number"),
        ({"templateParams": "Hi"}, 400, "Template params does not match the campaign"),
        ({"templateParams": []}, 400, "Template params does not match the campaign"),
        ({"media": {"url": "a.jpg"}}, 400, "The media URL could not be reached"),
        ({"media": "a.jpg"}, 400, "The media URL could not be reached"),
    ],
)
def test_the_campaign_api_checks_its_fields(change: dict[str, Any], status: int, message: str | None) -> None:
    for path in ("/campaign/t1/api/v2", "/campaign/t1/api"):
        found, body = ask("POST", path, {**GOOD, **change})
        assert (found, body.get("message")) == (status, message)
        assert status != 200 or body["success"] == "true"


def test_a_number_without_country_is_taken_for_an_indian_one() -> None:
    state = EMULATOR.new_state()
    request = EmulatedRequest(
        "POST", "/campaign/t1/api/v2", "", {}, json.dumps({**GOOD, "destination": "9876543210"}).encode(), NOW
    )
    (received,) = EMULATOR.handle(request, state).received
    assert received.to == "+919876543210"


def test_a_body_that_is_no_object_has_no_key() -> None:
    for body in (b"[]", b"{"):
        request = EmulatedRequest("POST", "/campaign/t1/api/v2", "", {}, body, NOW)
        assert EMULATOR.handle(request, EMULATOR.new_state()).response.status == 401


def test_campaign_details_tell_the_fields() -> None:
    state = EMULATOR.new_state()
    EMULATOR.register(state, {"api_key": "k", "templates": {"picture": {"text": "{{a}} {{b}}", "header": "image"}}})
    path = "/campaign/t1/api/campaign-details"
    assert ask("POST", path, {"apiKey": "k", "campaignName": "picture"}, state=state)[1] == {
        "success": True,
        "requestBody": {
            "campaignName": "picture",
            "destination": "",
            "userName": "",
            "templateParams": ["$Valuea", "$Valueb"],
            "media": {"url": "", "filename": ""},
        },
    }
    assert ask("POST", path, {"apiKey": "k", "campaignName": "none"}, state=state)[0] == 400
    status, body = ask("POST", path, {"apiKey": "k", "campaignName": "anything"})
    assert (status, body["requestBody"]["templateParams"]) == (200, [])


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"to": "nobody", "type": "text", "recipient_type": "individual", "text": {"body": "x"}}, 100),
        ({"to": "919876543210", "type": "text", "text": {"body": "x"}}, 100),
        ({"to": "919876543210", "type": "dance", "recipient_type": "individual", "dance": {}}, 131051),
        ({"to": "919876543210", "type": 7, "recipient_type": "individual"}, 131051),
        ({"to": "919876543210", "type": "text", "recipient_type": "individual", "text": "x"}, 131051),
        ({"to": "919876543210", "type": "text", "recipient_type": "individual", "text": {"body": ""}}, 131008),
        ({"to": "919876543210", "type": "image", "recipient_type": "individual", "image": {"link": "a"}}, 131053),
        ({"to": "919876543210", "type": "template", "recipient_type": "individual", "template": {"name": "x"}}, 131008),
        (
            {
                "to": "919876543210",
                "type": "interactive",
                "recipient_type": "individual",
                "interactive": {"type": "button"},
            },
            131009,
        ),
        (
            {
                "to": "919876543210",
                "type": "interactive",
                "recipient_type": "individual",
                "interactive": {"type": "button", "body": {"text": "x"}, "action": {"buttons": [1, 2, 3, 4]}},
            },
            131009,
        ),
    ],
)
def test_the_project_api_checks_its_fields(body: dict[str, Any], code: int) -> None:
    status, answer = ask("POST", f"{PROJECT}/messages", body)
    assert (status, answer["error"]["code"]) == (400, code)


def test_parts_of_a_template_that_nobody_knows_are_passed_over() -> None:
    part = {"name": "any", "language": {"code": "en"}, "components": [{"type": "footer"}, 7]}
    body = {"to": "919876543210", "type": "template", "recipient_type": "individual", "template": part}
    assert ask("POST", f"{PROJECT}/messages", body)[0] == 200


def _always(refusal: Refusal, _to: str) -> Refusal:
    return refusal


def test_the_project_api_refuses_by_class_and_by_number() -> None:
    pair = Pair("aisensy")
    message = replace(pair.outgoing(), content=Text("Hello"))
    for refusal, code in (
        (Refusal(ErrorKind.OPTED_OUT), "131050"),
        (Refusal(ErrorKind.INVALID_RECIPIENT, "131026"), "131026"),
        (Refusal(ErrorKind.UNMAPPED), "139999"),
        (Refusal(ErrorKind.EXPIRED), "139999"),
    ):
        (receipt,) = pair.submit([message], partial(_always, refusal))
        assert error_code(receipt) == code


def test_a_template_that_was_handed_in_is_approved_after_a_minute() -> None:
    pair = registered()
    template = ProviderTemplate("greeting", TemplateState.DRAFT, category="UTILITY", body="Hi {{1}}")
    made = ADAPTER.parse_template(template, pair.exchange(ADAPTER.build_template(pair.call(), template, {"1": "Asha"})))
    assert isinstance(made, ProviderTemplate)
    assert (made.state, made.raw_state) == (TemplateState.PENDING, "PENDING")
    assert error_code(said(pair, TemplateRef("greeting", variables={"1": "Asha"}))) == "template"
    pair.now += timedelta(minutes=1)
    page = ADAPTER.parse_templates(pair.call(), "", pair.exchange(ADAPTER.build_templates(pair.call(), "")))
    assert isinstance(page, TemplatePage)
    states = {found.name: (found.state, found.variables) for found in page.templates}
    assert states["greeting"] == (TemplateState.APPROVED, ("1",))
    assert isinstance(said(pair, TemplateRef("greeting", variables={"1": "Asha"})), Accepted)
    again = pair.exchange(ADAPTER.build_template(pair.call(), template, {"1": "Asha"}))
    assert again.status == 400
    assert ask("POST", f"{PROJECT}/wa_template", {"name": "x"})[0] == 400


def test_contacts_are_kept_and_found() -> None:
    pair = registered()
    person = Address.phone("+919876543210")
    missing = ADAPTER.parse_profile(pair.exchange(ADAPTER.build_profile(pair.call(), person)))
    assert not isinstance(missing, Profile)
    assert missing.kind is ErrorKind.INVALID_RECIPIENT
    for _ in range(2):
        made = ADAPTER.parse_contact(pair.exchange(ADAPTER.build_contact(pair.call(), person, "Asha", {})))
        assert made == "k000001"
    found = ADAPTER.parse_profile(pair.exchange(ADAPTER.build_profile(pair.call(), person)))
    assert isinstance(found, Profile)
    assert (found.name, found.facts["source"]) == ("Asha", "API")
    assert ask("GET", f"{PROJECT}/contact?action=Other")[0] == 400
    assert ask("POST", f"{PROJECT}/contact", {"mobile_number": "x", "name": "y"})[0] == 400


def test_figures_follow_the_reports() -> None:
    pair = registered()
    for count in range(3):
        pair.submit([pair.outgoing(count)])
    for received in pair.received:
        EMULATOR.settle(pair.state, received, Report(ReportStatus.SENT, pair.now))
    for status in (ReportStatus.DELIVERED, ReportStatus.READ, ReportStatus.SENT):
        EMULATOR.settle(pair.state, pair.received[0], Report(status, pair.now))
    EMULATOR.settle(pair.state, pair.received[1], Report(ReportStatus.FAILED, pair.now, ErrorKind.UNDELIVERABLE))
    answered, listed = ask_registered(pair, "POST", f"{PROJECT}/campaigns", {"skip": 0, "limit": 10})
    assert (answered, listed["campaigns"][0]["submitted"]) == (200, 3)
    identifier = ask_registered(pair, "GET", f"{PROJECT}/campaign/api")[1]["campaigns"][0]["id"]
    pair.account = pair.account.model_copy(update={"campaign_id": identifier})
    call = pair.call()
    assert ADAPTER.parse_usage(call, pair.exchange(ADAPTER.build_usage(call))) == {
        "sent": "3",
        "delivered": "1",
        "read": "1",
        "failed": "1",
        "credits": "1",
        "from": "2026-11-01",
        "to": "2026-11-21",
    }


def test_campaigns_are_made_listed_and_measured() -> None:
    state = EMULATOR.new_state()
    wanted = {"campaign_name": "spring", "template_name": SAMPLE_CAMPAIGN}
    status, made = ask("POST", f"{PROJECT}/campaign/api", wanted, state=state)
    assert (status, made["status"]) == (200, "LIVE")
    assert ask("GET", f"{PROJECT}/campaign/api/{made['id']}", state=state)[1] == made
    assert ask("GET", f"{PROJECT}/campaign/api/none", state=state)[0] == 404
    assert ask("POST", f"{PROJECT}/campaign/api", wanted, state=state)[0] == 400
    assert ask("POST", f"{PROJECT}/campaign/api", {**wanted, "campaign_name": "b", "template_name": "c"})[0] == 400
    assert ask("POST", f"{PROJECT}/campaigns", {"limit": 101})[0] == 400
    days = {"start_date": "2026-11-01", "end_date": "2026-11-21"}
    status, figures = ask("POST", f"{PROJECT}/campaign/analytics/{made['id']}", days, state=state)
    assert (status, figures["data"][0]["sent"]) == (200, 0)
    assert ask("POST", f"{PROJECT}/campaign/analytics/none", days)[0] == 404
    assert ask("POST", f"{PROJECT}/campaign/analytics/none", {"start_date": "yesterday"})[0] == 400


def test_the_project_api_sends_by_campaign_as_well() -> None:
    body = {"campaign_name": SAMPLE_CAMPAIGN, "phone_number": "919876543210", "template_params": ["Hi"]}
    status, answer = ask("POST", f"{PROJECT}/campaign/api/send", body)
    assert (status, answer["success"]) == (200, "true")
    assert ask("POST", f"{PROJECT}/get-media", {"id": "m1", "response_type": "document"})[0] == 404


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/campaign/t1/api/v2/bulk-template-messaging"),
        ("GET", "/campaign/t1/api/v1/template-list"),
        ("POST", "/campaign/t1/api/v1/create-template"),
        ("GET", "/campaign/t1/api/v1/campaign-analytics/c00001"),
        ("GET", "/campaign/t1/api/v2"),
        ("DELETE", f"{PROJECT}/wa_template"),
        ("GET", f"{PROJECT}/campaign/analytics/c00001"),
    ],
)
def test_what_aisensy_does_not_have_is_not_found(method: str, path: str) -> None:
    assert ask(method, path)[0] == 404


@pytest.mark.parametrize("headers", [{}, {"x-aisensy-project-api-pwd": "invalid-password"}])
def test_the_project_api_wants_its_password(headers: dict[str, str]) -> None:
    assert ask("GET", f"{PROJECT}/wa_template/", headers=headers) == (401, {"message": "Unauthorized"})


def test_the_oldest_messages_are_forgotten_in_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sendyard.providers.aisensy.emulated_state._KEPT_MESSAGES", 20)
    pair = Pair("aisensy")
    for count in range(21):
        pair.submit([pair.outgoing(count)])
    assert isinstance(pair.state, AiSensyState)
    assert len(pair.state.messages) == 19
    assert pair.received[0].extra["id"] not in pair.state.messages
