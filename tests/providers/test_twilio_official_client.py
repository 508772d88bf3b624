"""
The `twilio` package from PyPI and our adapter say the same to Twilio, and the emulator understands both.
"""

from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest
import requests
from requests.adapters import BaseAdapter
from twilio.base.exceptions import TwilioRestException
from twilio.http.http_client import TwilioHttpClient
from twilio.request_validator import RequestValidator, get_signature_algorithm
from twilio.rest import Client

from sendyard.domain.addresses import Address
from sendyard.domain.channels import Channel
from sendyard.domain.content import Media, MediaItem, TemplateRef, Text
from sendyard.domain.status import ReportStatus
from sendyard.providers.abilities import Pending
from sendyard.providers.contract import Call, Outgoing
from sendyard.providers.emulation import Received
from sendyard.providers.twilio import ADAPTER, EMULATOR
from sendyard.providers.twilio.switchboard import TwilioState
from sendyard.providers.wire import HttpRequest
from tests.providers.twilio_wire import (
    AC,
    CALLBACK_URL,
    HX,
    MG,
    NOW,
    OURS,
    PERSON,
    SK,
    TOKEN,
    account,
    arrive,
    call,
    called_back,
    outgoing,
    report,
)


class Wire(BaseAdapter):
    """Answers the client's requests from the emulator, without a socket, and keeps them."""

    def __init__(self, state: TwilioState) -> None:
        super().__init__()
        self.state = state
        self.requests: list[HttpRequest] = []
        self.received: list[Received] = []

    def send(self, request: requests.PreparedRequest, *_: Any, **__: Any) -> requests.Response:
        body = request.body or b""
        assert isinstance(body, str | bytes)
        headers = {name.lower(): str(value) for name, value in request.headers.items()}
        raw = body.encode() if isinstance(body, str) else body
        made = HttpRequest(str(request.method), str(request.url), headers, raw)
        self.requests.append(made)
        handled = EMULATOR.handle(arrive(made), self.state)
        self.received += handled.received
        answer = requests.Response()
        answer.status_code = handled.response.status
        answer.headers.update(handled.response.headers)
        answer._content = handled.response.body
        answer.request = request
        return answer

    def close(self) -> None:
        """Nothing is open."""


@pytest.fixture
def wire() -> Wire:
    return Wire(EMULATOR.new_state())


def client(wire: Wire, user: str = AC, password: str = TOKEN) -> Client:
    http = TwilioHttpClient()
    assert http.session is not None
    http.session.mount("https://", wire)
    return Client(user, password, AC, http_client=http, environment={"none": "none"})


def normal(request: HttpRequest) -> tuple[Any, ...]:
    """A request without its order of parameters and without headers that only name the client."""
    parts = urlsplit(request.url)
    return (
        request.method,
        f"{parts.scheme}://{parts.netloc}{parts.path}",
        sorted(parse_qsl(parts.query, keep_blank_values=True)),
        sorted(parse_qsl(request.body.decode(), keep_blank_values=True)),
        request.headers["authorization"],
        request.headers.get("content-type") if request.method == "POST" else None,
        request.headers["accept"],
    )


TTL = datetime(2026, 11, 21, 2, 5, tzinfo=UTC)
STATUS = {"status_callback": f"{CALLBACK_URL}?ref=ref-1"}
KEYED = {"api_key_sid": SK, "api_key_secret": "s3cret"}


@pytest.mark.parametrize(
    ("message", "given", "theirs"),
    [
        (
            outgoing("Hi & bye, 王小姐 👍\n"),
            call(),
            {"to": PERSON, "from_": OURS, "body": "Hi & bye, 王小姐 👍\n", **STATUS},
        ),
        (
            outgoing("Hi", sender=""),
            call(account(messaging_service_sid=MG), callback_url=""),
            {"to": PERSON, "messaging_service_sid": MG, "body": "Hi"},
        ),
        (outgoing("Hi", sender=MG), call(), {"to": PERSON, "messaging_service_sid": MG, "body": "Hi", **STATUS}),
        (
            outgoing(
                Media([MediaItem("image/png", url=f"https://files.example.test/{name}.png") for name in "ab"], "Look"),
                channel=Channel.MMS,
            ),
            call(),
            {
                "to": PERSON,
                "from_": OURS,
                "body": "Look",
                "media_url": ["https://files.example.test/a.png", "https://files.example.test/b.png"],
                **STATUS,
            },
        ),
        (
            outgoing("Hi", channel=Channel.MMS),
            call(),
            {"to": PERSON, "from_": OURS, "body": "Hi", "send_as_mms": True, **STATUS},
        ),
        (
            outgoing(TemplateRef(HX, variables={"1": "Ann"}), channel=Channel.WHATSAPP, sender="+14155238886"),
            call(),
            {
                "to": f"whatsapp:{PERSON}",
                "from_": "whatsapp:+14155238886",
                "content_sid": HX,
                "content_variables": '{"1":"Ann"}',
                **STATUS,
            },
        ),
        (
            Outgoing("m1", "ref-1", Channel.SMS, Address.phone(PERSON), OURS, Text("Hi"), valid_until=TTL),
            call(account(smart_encoded=True)),
            {"to": PERSON, "from_": OURS, "body": "Hi", "validity_period": 300, "smart_encoded": True, **STATUS},
        ),
    ],
)
def test_our_message_equals_the_official_clients(
    wire: Wire, message: Outgoing, given: Call, theirs: dict[str, Any]
) -> None:
    made = client(wire).messages.create(**theirs)
    assert normal(ADAPTER.build_submit(given, [message])) == normal(wire.requests[0])
    assert made.sid == wire.received[0].provider_ref
    assert made.status in {"queued", "accepted"}


def test_our_other_questions_equal_the_official_clients(wire: Wire) -> None:
    official = client(wire)
    sid = str(official.messages.create(to=PERSON, from_=OURS, body="Hi").sid)
    wire.requests.clear()
    official.messages(sid).fetch()
    official.balance.fetch()
    official.api.accounts(AC).fetch()
    official.messages.list(to=PERSON, page_size=1000)
    pending = [Pending("ref-1", sid, Address.phone(PERSON), NOW)]
    ours = [
        ADAPTER.build_poll(call(), "", pending),
        ADAPTER.build_balance(call()),
        ADAPTER.build_probe(call()),
        ADAPTER.build_lookup(call(), outgoing("Hi"), NOW),
    ]
    assert [normal(request) for request in ours] == [normal(request) for request in wire.requests]


def test_an_api_key_signs_in_as_with_the_official_client(wire: Wire) -> None:
    client(wire, SK, "s3cret").messages.create(to=PERSON, from_=OURS, body="Hi")
    ours = ADAPTER.build_submit(call(account(**KEYED), callback_url=""), [outgoing("Hi")])
    assert normal(ours) == normal(wire.requests[0])


def test_the_official_client_reads_all_that_the_emulator_shows(wire: Wire) -> None:
    official = client(wire)
    made = official.messages.create(to=PERSON, from_=OURS, body="Hi", media_url=["https://files.example.test/a.gif"])
    EMULATOR.settle(wire.state, wire.received[0], report(ReportStatus.DELIVERED))
    sid = str(made.sid)
    found = official.messages(sid).fetch()
    assert (found.status, found.price, found.num_media) == ("delivered", "-0.02000", "1")
    assert found.date_sent == datetime(2026, 11, 21, 2, 0, 9, tzinfo=UTC)
    (medium,) = official.messages(sid).media.list()
    assert official.messages(sid).media(str(medium.sid)).fetch().content_type == "image/gif"
    assert official.messages(sid).media(str(medium.sid)).delete()
    assert official.messages(sid).media.list() == []
    assert official.messages(sid).update(body="").body == ""
    assert official.balance.fetch().currency == "USD"
    assert official.api.accounts(AC).fetch().status == "active"
    assert official.messages(sid).delete()
    with pytest.raises(TwilioRestException) as refusal:
        official.messages(sid).fetch()
    assert (refusal.value.status, refusal.value.code) == (404, 20404)


def test_the_official_client_pages_and_filters(wire: Wire) -> None:
    official = client(wire)
    for number in range(5):
        official.messages.create(to=PERSON, from_=OURS, body=str(number))
    found = official.messages.list(
        to=PERSON, from_=OURS, date_sent_after=datetime(2026, 11, 21, tzinfo=UTC), page_size=2
    )
    assert [message.body for message in found] == ["4", "3", "2", "1", "0"]
    assert official.messages.list(date_sent_before=datetime(2026, 11, 20, tzinfo=UTC)) == []


def test_the_official_client_schedules_and_cancels(wire: Wire) -> None:
    official = client(wire)
    made = official.messages.create(
        to=PERSON,
        messaging_service_sid=MG,
        body="Later",
        schedule_type="fixed",
        send_at=datetime(2026, 11, 22, tzinfo=UTC),
    )
    assert made.status == "scheduled"
    assert official.messages(str(made.sid)).update(status="canceled").status == "canceled"


@pytest.mark.parametrize(
    ("fields", "status", "code"),
    [({"to": "+1555"}, 400, 21211), ({"body": ""}, 400, 21602), ({"from_": "+1"}, 400, 21212)],
)
def test_the_official_client_raises_our_refusals(wire: Wire, fields: dict[str, str], status: int, code: int) -> None:
    with pytest.raises(TwilioRestException) as refusal:
        client(wire).messages.create(**{"to": PERSON, "from_": OURS, "body": "Hi", **fields})
    assert (refusal.value.status, refusal.value.code) == (status, code)


def test_the_official_client_is_refused_with_wrong_credentials(wire: Wire) -> None:
    with pytest.raises(TwilioRestException) as refusal:
        client(wire, password="invalid").messages.create(to=PERSON, from_=OURS, body="Hi")
    assert (refusal.value.status, refusal.value.code) == (401, 20003)


@pytest.mark.parametrize("shared_key", ["", "shared-key"])
def test_the_official_validator_believes_the_emulators_callbacks(wire: Wire, shared_key: str) -> None:
    if shared_key:
        EMULATOR.register(wire.state, {**EMULATOR.sample_account, "webhook_shared_key": shared_key})
    client(wire).messages.create(to=PERSON, from_=OURS, body="Hi 👍", status_callback=f"{CALLBACK_URL}?ref=1")
    callback = called_back(EMULATOR.settle(wire.state, wire.received[0], report(ReportStatus.DELIVERED)))
    parameters = dict(parse_qsl(callback.body.decode(), keep_blank_values=True))
    algorithm = get_signature_algorithm(callback.headers.get("x-twilio-webhooks-signature-settings"))
    validator = RequestValidator(shared_key or TOKEN)
    assert validator.validate(callback.url, parameters, callback.headers["x-twilio-signature"], algorithm)
    assert urlencode(parameters).encode() == callback.body
