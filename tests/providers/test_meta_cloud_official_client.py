"""
The `pywa` package from PyPI and our adapter say the same to Meta, and the emulator understands both.

Meta publishes no client for Python; pywa is the one in wide use.
"""

import json
from datetime import UTC, datetime, timedelta
from importlib import import_module
from typing import Any

import httpx
import pytest

from sendyard.domain.addresses import Address, AddressKind
from sendyard.domain.channels import Channel
from sendyard.domain.content import Choice, Content, Interactive, Media, MediaItem, TemplateRef, Text
from sendyard.domain.status import ReportStatus
from sendyard.providers.contract import Outgoing
from sendyard.providers.emulation import EmulatedRequest, Received, Report
from sendyard.providers.meta_cloud import ADAPTER, EMULATOR
from sendyard.providers.meta_cloud.emulated_state import REVIEW
from sendyard.providers.meta_cloud.spec import MetaCloudAccount
from tests.providers.samples import call_for

# Imported as untyped: what pywa exports and decorates is beyond what a strict type checker follows.
PYWA: Any = import_module("pywa")
TYPES: Any = import_module("pywa.types")
TEMPLATES: Any = import_module("pywa.types.templates")
ERRORS: Any = import_module("pywa.errors")
ENGLISH = TEMPLATES.TemplateLanguage.ENGLISH_US

ID, WABA = EMULATOR.sample_account["phone_number_id"], EMULATOR.sample_account["waba_id"]
TOKEN, SECRET = EMULATOR.sample_account["access_token"], EMULATOR.sample_account["app_secret"]
CALLBACK_URL = "https://gw.example.test/callbacks/meta_cloud/tok"
PERSON, USER = "919812345678", "US.13491208655302741918"


class Wire(httpx.BaseTransport):
    """Answers the client's requests from the emulator, without a socket, and keeps them."""

    def __init__(self) -> None:
        self.state = EMULATOR.new_state()
        self.now = datetime(2026, 11, 21, 2, tzinfo=UTC)
        self.requests: list[httpx.Request] = []
        self.received: list[Received] = []

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        body = request.read()
        self.requests.append(request)
        path = request.url.raw_path.decode().partition("?")[0]
        headers = {name.lower(): value for name, value in request.headers.items()}
        query = request.url.query.decode()
        handled = EMULATOR.handle(EmulatedRequest(request.method, path, query, headers, body, self.now), self.state)
        self.received += handled.received
        return httpx.Response(
            handled.response.status, headers=dict(handled.response.headers), content=handled.response.body
        )


@pytest.fixture
def wire() -> Wire:
    return Wire()


def client(wire: Wire, token: str = TOKEN) -> Any:
    session = httpx.Client(transport=wire)
    return PYWA.WhatsApp(phone_id=ID, token=token, waba_id=WABA, session=session, api_version=25.0, app_secret=SECRET)


def ours(content: Content, to: Address) -> tuple[str, dict[str, Any], str]:
    call = call_for("meta_cloud", MetaCloudAccount.model_validate(EMULATOR.sample_account))
    made = ADAPTER.build_submit(call, [Outgoing("m1", "ref-1", Channel.WHATSAPP, to, "", content)])
    return made.url, plain(json.loads(made.body)), made.headers["authorization"]


def theirs(request: httpx.Request) -> tuple[str, dict[str, Any], str]:
    return str(request.url), plain(json.loads(request.content)), request.headers["authorization"]


def plain(body: dict[str, Any]) -> dict[str, Any]:
    """Without what says the same in two spellings: Meta reads component types in either case, and defaults."""
    body.get("text", {}).pop("preview_url", None)
    for component in body.get("template", {}).get("components", ()):
        component["type"] = component["type"].lower()
        if "index" in component:
            component["index"] = str(component["index"])
            component["sub_type"] = component["sub_type"].lower()
    for section in body.get("interactive", {}).get("action", {}).get("sections", ()):
        section.pop("title", None)
    return body


YES = Choice("y", "Yes")
PHONE = Address.phone(f"+{PERSON}")


@pytest.mark.parametrize(
    ("content", "to", "call"),
    [
        (Text("Hi & bye 👍\n"), PHONE, lambda wa: wa.send_message(PERSON, "Hi & bye 👍\n", tracker="ref-1")),
        (
            Text("Hi"),
            Address(AddressKind.WHATSAPP_ID, USER),
            lambda wa: wa.send_message(USER, "Hi", tracker="ref-1"),
        ),
        (
            Interactive("Come in?", (YES,), "Party", "Saturday"),
            PHONE,
            lambda wa: wa.send_message(
                PERSON, "Come in?", "Party", "Saturday", buttons=[TYPES.Button("Yes", "y")], tracker="ref-1"
            ),
        ),
        (
            Interactive("Which?", (Choice("a", "Tea", "hot"),), list_label="Choose"),
            PHONE,
            lambda wa: wa.send_message(
                PERSON,
                "Which?",
                buttons=TYPES.SectionList("Choose", [TYPES.Section("All", [TYPES.SectionRow("Tea", "a", "hot")])]),
                tracker="ref-1",
            ),
        ),
        (
            Media([MediaItem("image/png", url="https://files.example.test/a.png")], "Look"),
            PHONE,
            lambda wa: wa.send_image(
                PERSON, "https://files.example.test/a.png", "Look", mime_type="image/png", tracker="ref-1"
            ),
        ),
        (
            TemplateRef("sample_message", "en_US", {"1": "Your order shipped."}),
            PHONE,
            lambda wa: wa.send_template(
                PERSON,
                "sample_message",
                ENGLISH,
                [TEMPLATES.BodyText.params("Your order shipped.")],
                tracker="ref-1",
            ),
        ),
    ],
    ids=["text", "user id", "buttons", "list", "picture", "template"],
)
def test_both_make_the_same_request(wire: Wire, content: Content, to: Address, call: Any) -> None:
    sent = call(client(wire))
    assert theirs(wire.requests[0]) == ours(content, to)
    (received,) = wire.received
    assert (sent.id, received.reference) == (received.provider_ref, "ref-1")


def test_template_buttons_are_addressed_alike(wire: Wire) -> None:
    wa = client(wire)
    components = [
        TEMPLATES.BodyText("Hi {{1}}, it left.", "Asha"),
        TEMPLATES.Buttons(
            buttons=[
                TEMPLATES.QuickReplyButton(text="Track"),
                TEMPLATES.URLButton(text="Open", url="https://s.example.test/{{1}}", example="17"),
            ]
        ),
    ]
    made = wa.create_template(
        TEMPLATES.Template(
            name="order_left",
            language=ENGLISH,
            category=TEMPLATES.TemplateCategory.UTILITY,
            components=components,
        )
    )
    wire.now += REVIEW
    names = [(template.name, template.status.value) for template in wa.get_templates()]
    assert names == [("sample_message", "APPROVED"), ("order_left", "APPROVED")]
    wa.send_template(
        PERSON,
        "order_left",
        ENGLISH,
        [
            TEMPLATES.BodyText.params("Asha"),
            TEMPLATES.QuickReplyButton.params(callback_data="TRACK-17", index=0),
            TEMPLATES.URLButton.params(url_variable="17", index=1),
        ],
        tracker="ref-1",
    )
    values = {"1": "Asha", "payload:0": "TRACK-17", "button:1": "17"}
    assert theirs(wire.requests[-1]) == ours(TemplateRef("order_left", "en_US", values), PHONE)
    assert made.id
    assert wire.received[-1].text == "Hi Asha, it left."


def test_the_client_reads_numbers_files_and_profile(wire: Wire) -> None:
    wa = client(wire)
    assert wa.get_business_phone_number().quality_rating == "GREEN"
    assert [number.id for number in wa.get_business_phone_numbers()] == [ID]
    media = wa.upload_media(b"\xff\xd8\xff", mime_type="image/jpeg", filename="a.jpg")
    assert wa.get_media_url(media.id).mime_type == "image/jpeg"
    wa.update_business_profile(about="Open")
    assert wa.get_business_profile().about == "Open"
    assert wa.mark_message_as_read("wamid.X").success
    assert wa.delete_media(media.id).success


@pytest.mark.parametrize(
    ("call", "error", "code"),
    [
        (lambda wa: wa.send_message("15550783881", "Hi"), ERRORS.RecipientCannotBeSender, 131021),
        (lambda wa: wa.send_message("12", "Hi"), ERRORS.WhatsAppError, 131009),
        (
            lambda wa: wa.send_template(PERSON, "nope", ENGLISH, []),
            ERRORS.TemplateNotExists,
            132001,
        ),
        (
            lambda wa: wa.send_template(PERSON, "sample_message", ENGLISH, []),
            ERRORS.TemplateParamCountMismatch,
            132000,
        ),
    ],
)
def test_the_client_raises_our_refusals(wire: Wire, call: Any, error: type[Exception], code: int) -> None:
    with pytest.raises(error) as refusal:
        call(client(wire))
    assert getattr(refusal.value, "code", None) == code


def test_the_client_knows_the_pair_limit(wire: Wire) -> None:
    wa = client(wire)
    for _ in range(45):
        wa.send_message(PERSON, "Hi")
    with pytest.raises(ERRORS.WhatsAppError) as refusal:
        wa.send_message(PERSON, "Hi")
    assert refusal.value.code == 131056
    wire.now += timedelta(seconds=16)
    assert wa.send_message(PERSON, "Hi").id


def test_the_client_is_refused_with_a_wrong_token(wire: Wire) -> None:
    with pytest.raises(ERRORS.ExpiredAccessToken):
        client(wire, token="invalid").send_message(PERSON, "Hi")


def test_the_client_believes_and_reads_the_emulators_webhooks(wire: Wire) -> None:
    EMULATOR.register(wire.state, {**EMULATOR.sample_account, "callback_url": CALLBACK_URL})
    wa = client(wire)
    sent = wa.send_template(
        PERSON,
        "sample_message",
        ENGLISH,
        [TEMPLATES.BodyText.params("Hé/lo")],
        tracker="ref-1",
    )
    callback = EMULATOR.settle(wire.state, wire.received[0], Report(ReportStatus.DELIVERED, wire.now))
    written = EMULATOR.inbound(
        wire.state, account=ID, sender=f"+{PERSON}", recipient=ID, text="Grüß / dich 👍", now=wire.now
    )
    assert callback
    assert written
    for post in (callback, written):
        assert PYWA.utils.webhook_updates_validator(SECRET, post.body, post.headers["x-hub-signature-256"])
    status = TYPES.MessageStatus.from_update(wa, json.loads(callback.body))
    assert (status.id, status.status, status.tracker) == (sent.id, TYPES.MessageStatusType.DELIVERED, "ref-1")
    message = TYPES.Message.from_update(wa, json.loads(written.body))
    assert (message.text, message.from_user.wa_id) == ("Grüß / dich 👍", PERSON)
