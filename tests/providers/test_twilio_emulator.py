"""
The emulated Twilio as it takes messages: accounts, refusals, test credentials, and that the adapter understands them.
"""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sendyard.domain.channels import Channel
from sendyard.domain.content import Media, MediaItem, TemplateRef
from sendyard.domain.errors import ErrorKind, Invalid
from sendyard.domain.status import ReportStatus
from sendyard.providers.contract import (
    Accepted,
    Refused,
    Unknown,
)
from sendyard.providers.emulation import EmulatedRequest, Refusal
from sendyard.providers.twilio import ADAPTER, EMULATOR
from sendyard.providers.twilio.spec import SPEC
from sendyard.providers.twilio.switchboard import POOL_NUMBER, TwilioState
from sendyard.providers.wire import HttpRequest, HttpResponse
from tests.providers.twilio_wire import (
    AC,
    CALLBACK_URL,
    HX,
    MG,
    NOW,
    OURS,
    PERSON,
    SK,
    account,
    arrive,
    ask,
    call,
    document,
    one,
    outgoing,
    report,
    submit,
)

PICTURE = MediaItem("image/png", url="https://files.example.test/a.png?v=2")
DELIVERED = ReportStatus.DELIVERED


@pytest.fixture
def state() -> TwilioState:
    return EMULATOR.new_state()


def registered(state: TwilioState, **fields: Any) -> None:
    EMULATOR.register(state, {**EMULATOR.sample_account, **fields})


def code_of(response: HttpResponse) -> tuple[int, str]:
    said = document(response)
    assert set(said) == {"code", "message", "more_info", "status"}
    assert said["status"] == response.status
    assert said["message"]
    return response.status, str(said["code"])


def order(state: TwilioState, /, **fields: Any) -> HttpResponse:
    usual = {"To": PERSON, "From": OURS, "Body": "Hello"}
    return ask(
        state, "POST", "/Messages.json", {name: value for name, value in {**usual, **fields}.items() if value != ""}
    )


def test_a_message_with_a_sender_is_queued_and_reaches_the_mailbox_as_written(state: TwilioState) -> None:
    receipt, handled = submit(state, outgoing("NT$ 5 & 100% {ok}\n第二行"))
    received = one(handled)
    assert receipt == Accepted("m1", received.provider_ref, 1)
    assert (received.account, received.to, received.sender, received.channel) == (AC, PERSON, OURS, Channel.SMS)
    assert (received.text, received.parts, received.at) == ("NT$ 5 & 100% {ok}\n第二行", 1, NOW)
    assert received.callback_url == f"{CALLBACK_URL}?ref=ref-1"
    assert handled.response.status == 201
    shown = document(handled.response)
    assert shown["status"] == "queued"
    assert shown["date_created"] == "Sat, 21 Nov 2026 02:00:00 +0000"
    assert (shown["num_segments"], shown["num_media"], shown["price"], shown["error_code"]) == ("1", "0", None, None)


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=300))
def test_any_text_that_check_accepts_arrives_as_exactly_that(text: str) -> None:
    message = outgoing(text)
    assert ADAPTER.check(account(), message) == []
    receipt, handled = submit(EMULATOR.new_state(), message)
    assert isinstance(receipt, Accepted)
    assert (one(handled).text, one(handled).to) == (text, PERSON)


def test_identifiers_are_never_repeated_and_depend_on_nothing_else() -> None:
    def sids() -> list[str]:
        state = EMULATOR.new_state()
        return [one(submit(state, outgoing())[1]).provider_ref for _ in range(3)]

    assert sids() == sids()
    assert len(set(sids())) == 3
    assert all(len(sid) == 34 and sid.startswith("SM") for sid in sids())


def test_a_messaging_service_answers_accepted_before_it_has_picked_a_sender(state: TwilioState) -> None:
    receipt, handled = submit(state, outgoing(sender=""), call(account(messaging_service_sid=MG)))
    shown = document(handled.response)
    assert (shown["status"], shown["from"], shown["num_segments"]) == ("accepted", None, "0")
    assert shown["messaging_service_sid"] == MG
    assert isinstance(receipt, Accepted)
    assert receipt.parts is None
    assert one(handled).sender == POOL_NUMBER
    callback = EMULATOR.settle(state, one(handled), report(DELIVERED))
    assert callback is not None
    assert f"MessagingServiceSid={MG}".encode() in callback.body
    later = document(ask(state, "GET", f"/Messages/{one(handled).provider_ref}.json"))
    assert (later["status"], later["from"], later["num_segments"]) == ("delivered", POOL_NUMBER, "1")


def test_pictures_make_an_mms_whose_files_are_listed_fetched_and_deleted(state: TwilioState) -> None:
    message = outgoing(
        Media([PICTURE, MediaItem("video/mp4", url="https://files.example.test/b")], "Look"), channel=Channel.MMS
    )
    receipt, handled = submit(state, message)
    assert isinstance(receipt, Accepted)
    sid = receipt.provider_ref
    assert sid.startswith("MM")
    assert one(handled).media == (PICTURE.url, "https://files.example.test/b")
    listed = document(ask(state, "GET", f"/Messages/{sid}/Media.json"))["media_list"]
    assert [item["content_type"] for item in listed] == ["image/png", "application/octet-stream"]
    medium = f"/Messages/{sid}/Media/{listed[0]['sid']}.json"
    assert document(ask(state, "GET", medium)) == listed[0]
    assert ask(state, "DELETE", medium) == HttpResponse(204)
    assert code_of(ask(state, "GET", medium)) == (404, "20404")
    assert document(ask(state, "GET", f"/Messages/{sid}/Media.json"))["media_list"] == listed[1:]


def test_a_registered_template_is_filled_in_and_another_is_refused(state: TwilioState) -> None:
    registered(state, templates={HX: "Hi {{1}}, {{2}} and {{1}} {{x}}"})
    _, handled = submit(state, outgoing(TemplateRef(HX, variables={"1": "Ann", "2": "{{1}}"})))
    received = one(handled)
    assert (received.text, received.template) == ("Hi Ann, {{1}} and Ann {{x}}", HX)
    assert received.variables == {"1": "Ann", "2": "{{1}}"}
    receipt, _ = submit(state, outgoing(TemplateRef(f"HX{2:032x}")))
    assert isinstance(receipt, Refused)
    assert (receipt.error.kind, receipt.error.code) == (ErrorKind.CONTENT_REJECTED, "21655")


def test_a_template_without_variables_is_taken(state: TwilioState) -> None:
    receipt, handled = submit(state, outgoing(TemplateRef(HX)))
    assert isinstance(receipt, Accepted)
    assert (one(handled).template, one(handled).variables, one(handled).text) == (HX, {}, "")


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"To": ""}, "21604"),
        ({"To": "15551230001"}, "21211"),
        ({"To": "+1555"}, "21211"),
        ({"To": "US.1234"}, "21211"),
        ({"To": "+886223456789"}, "21614"),
        ({"From": ""}, "21603"),
        ({"From": "+1"}, "21212"),
        ({"From": "A name too long"}, "21212"),
        ({"From": "whatsapp:MyShop"}, "21212"),
        ({"From": "whatsapp:+14155238886"}, "21910"),
        ({"To": f"whatsapp:{PERSON}"}, "21910"),
        ({"To": "+14155552671", "From": "MyShop"}, "21612"),
        ({"From": "", "MessagingServiceSid": "MG1"}, "21705"),
        ({"Body": ""}, "21602"),
        ({"Body": "x" * 1601}, "21617"),
        ({"MediaUrl": ["https://files.example.test/a"] * 11}, "21623"),
        ({"MediaUrl": ["ftp://files.example.test/a"]}, "21620"),
        ({"MediaUrl": ["http://[bad"]}, "21620"),
        ({"ContentVariables": '{"1":"a"}'}, "21654"),
        ({"ContentSid": "HX1"}, "21655"),
        ({"ContentSid": HX, "ContentVariables": "{"}, "21656"),
        ({"ContentSid": HX, "ContentVariables": '{"1":""}'}, "21656"),
        ({"ContentSid": HX, "ContentVariables": '{"1":null}'}, "21656"),
        ({"StatusCallback": "/relative"}, "21609"),
        ({"StatusCallback": "https://my_host.example.test/x"}, "21609"),
        ({"ValidityPeriod": "0"}, "21624"),
        ({"ValidityPeriod": "36001"}, "21624"),
        ({"ValidityPeriod": "soon"}, "21624"),
        ({"ScheduleType": "fixed", "SendAt": "2026-11-21T03:00:00Z"}, "35118"),
        ({"ScheduleType": "fixed", "MessagingServiceSid": MG}, "35111"),
        ({"ScheduleType": "fixed", "MessagingServiceSid": MG, "SendAt": "tomorrow"}, "35114"),
        ({"ScheduleType": "fixed", "MessagingServiceSid": MG, "SendAt": "2026-11-21T03:00:00"}, "35114"),
        ({"ScheduleType": "fixed", "MessagingServiceSid": MG, "SendAt": "2026-11-21T02:05:00Z"}, "35114"),
        ({"ScheduleType": "fixed", "MessagingServiceSid": MG, "SendAt": "2026-12-27T02:00:00Z"}, "35115"),
    ],
)
def test_what_twilio_refuses_is_refused_with_its_code(state: TwilioState, fields: dict[str, Any], code: str) -> None:
    assert code_of(order(state, **fields)) == (400, code)
    assert state.messages == {}


@pytest.mark.parametrize(
    "fields",
    [
        {"Body": "x" * 1600},
        {"From": "12345"},
        {"To": "+886912345678", "From": "My Shop 1"},
        {"To": "whatsapp:US.1234abcd", "From": "whatsapp:+14155238886"},
        {"ValidityPeriod": "36000"},
        {"Body": "", "MediaUrl": ["https://files.example.test/a"] * 10},
        {"StatusCallback": "http://localhost:8025/x"},
    ],
)
def test_what_stands_at_a_limit_is_taken(state: TwilioState, fields: dict[str, Any]) -> None:
    assert order(state, **fields).status == 201


@pytest.mark.parametrize(
    ("fields", "status", "code"),
    [
        ({"From": "+15550009999"}, 400, "21606"),
        ({"To": f"whatsapp:{PERSON}", "From": "whatsapp:+15550009999"}, 400, "63007"),
        ({"From": "", "MessagingServiceSid": f"MG{2:032x}"}, 400, "21701"),
        ({"From": "", "MessagingServiceSid": MG, "To": f"whatsapp:{PERSON}"}, 400, "21703"),
    ],
)
def test_a_registered_account_sends_from_its_own_senders_only(
    state: TwilioState, fields: dict[str, Any], status: int, code: str
) -> None:
    registered(state, senders=[OURS], messaging_service_sid=MG)
    assert code_of(order(state, **fields)) == (status, code)
    assert order(state, From="", MessagingServiceSid=MG).status == 201


@pytest.mark.parametrize(
    "authorization",
    [
        "",
        "Bearer x",
        "Basic ???",
        "Basic QUM6eA==",  # AC:x
        "Digest QUMwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDp4",
        "Basic QUMwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDo=",  # an empty password
        "Basic QUMwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMTp4",  # another account than in the path
        "Basic /////w==",
    ],
)
def test_missing_malformed_or_foreign_credentials_are_refused(state: TwilioState, authorization: str) -> None:
    path = f"/2010-04-01/Accounts/{AC}.json"
    request = EmulatedRequest("GET", path, "", {"authorization": authorization} if authorization else {}, b"", NOW)
    assert code_of(EMULATOR.handle(request, state).response) == (401, "20003")


@pytest.mark.parametrize(
    "options",
    [{"auth_token": "is-invalid"}, {"api_key_sid": SK, "api_key_secret": "invalid"}],
)
def test_a_credential_that_says_invalid_is_refused_as_twilio_refuses(
    state: TwilioState, options: dict[str, str]
) -> None:
    receipt, handled = submit(state, outgoing(), call(account(**options)))
    assert isinstance(receipt, Refused)
    assert (handled.response.status, receipt.error.kind, receipt.error.code) == (401, ErrorKind.AUTH_FAILED, "20003")


KEYED = {"api_key_sid": SK, "api_key_secret": "s3cret"}


@pytest.mark.parametrize(
    ("options", "works"),
    [
        ({}, True),
        ({"auth_token": "other"}, False),
        ({"auth_token": "second"}, True),
        (KEYED, True),
        ({**KEYED, "api_key_secret": "wrong"}, False),
        ({**KEYED, "api_key_sid": f"SK{2:032x}"}, False),
        ({"account_sid": f"AC{2:032x}"}, False),
    ],
)
def test_once_an_account_is_registered_only_its_own_credentials_work(
    state: TwilioState, options: dict[str, str], works: bool
) -> None:
    registered(state, **KEYED, secondary_auth_token="second")
    probe = ask(state, "GET", "/Messages.json", given=account(**options))
    assert probe.status == (200 if works else 401)


def test_an_account_used_before_registration_closed_the_door_is_refused(state: TwilioState) -> None:
    assert ask(state, "GET", "/Balance.json").status == 200
    registered(state, account_sid=f"AC{2:032x}")
    assert ask(state, "GET", "/Balance.json").status == 401


def test_an_api_key_works_without_registration(state: TwilioState) -> None:
    keyed = call(account(**KEYED))
    assert isinstance(submit(state, outgoing(), keyed)[0], Accepted)
    answer = EMULATOR.handle(arrive(ADAPTER.build_probe(keyed)), state).response
    assert ADAPTER.parse_probe(keyed, answer).ok


@pytest.mark.parametrize(
    "fields",
    [{"account_sid": "AC1"}, {"auth_token": ""}, {"credit": "much"}, {"unheard_of": 1}, {"account_sid": SK}],
)
def test_an_account_that_cannot_be_is_not_registered(state: TwilioState, fields: dict[str, Any]) -> None:
    with pytest.raises(Invalid, match="Expected"):
        registered(state, **fields)
    assert not state.is_closed


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/Calls.json", 404, "20404"),
        ("GET", "/Messages", 404, "20404"),
        ("GET", "/Messages/SM1.json", 404, "20404"),
        ("GET", "/Messages/SM1/Media.json", 404, "20404"),
        ("DELETE", "/Messages.json", 405, "20004"),
        ("POST", "/Balance.json", 405, "20004"),
        ("POST", ".json", 405, "20004"),
    ],
)
def test_what_twilio_does_not_document_is_not_found(
    state: TwilioState, method: str, path: str, status: int, code: str
) -> None:
    assert code_of(ask(state, method, path)) == (status, code)


def test_another_api_and_what_lies_below_a_message_are_not_found(state: TwilioState) -> None:
    foreign = HttpRequest("GET", "https://api.twilio.com/v1/Services.json")
    assert code_of(EMULATOR.handle(arrive(foreign), state).response) == (404, "20404")
    sid = document(order(state))["sid"]
    assert code_of(ask(state, "GET", f"/Messages/{sid}/Feedback.json")) == (404, "20404")
    assert code_of(ask(state, "GET", f"/Messages/{sid}/Media/ME1.json")) == (404, "20404")
    assert code_of(ask(state, "GET", f"/Messages/{sid}/Media/ME1/x.json")) == (404, "20404")
    other = account(account_sid=f"AC{2:032x}")
    assert code_of(ask(state, "GET", f"/Messages/{sid}.json", given=other)) == (404, "20404")


TEST = {"auth_token": "test0123456789abcdef", "test_credentials": True}
MAGIC_SENDER = "+15005550006"


@pytest.mark.parametrize(
    ("sender", "to", "code"),
    [
        ("+15005550001", PERSON, "21212"),
        ("+15005550007", PERSON, "21606"),
        ("+15005550008", PERSON, "21611"),
        ("+15550001111", PERSON, "21606"),
        (MAGIC_SENDER, "+15005550001", "21211"),
        (MAGIC_SENDER, "+15005550002", "21612"),
        (MAGIC_SENDER, "+15005550003", "21408"),
        (MAGIC_SENDER, "+15005550004", "21610"),
        (MAGIC_SENDER, "+15005550009", "21614"),
    ],
)
def test_magic_numbers_answer_test_credentials(state: TwilioState, sender: str, to: str, code: str) -> None:
    receipt, handled = submit(state, outgoing(sender=sender, to=to), call(account(**TEST)))
    assert isinstance(receipt, Refused)
    assert (receipt.error.code, receipt.error.kind) == (code, SPEC.meaning(code))
    assert handled.received == ()


def test_test_credentials_pretend_to_send_and_store_nothing(state: TwilioState) -> None:
    made = call(account(**TEST))
    receipt, handled = submit(state, outgoing(sender=MAGIC_SENDER), made)
    assert isinstance(receipt, Accepted)
    assert (handled.received, state.messages) == ((), {})
    assert code_of(ask(state, "GET", "/Messages.json", given=account(**TEST))) == (403, "20008")
    assert code_of(ask(state, "GET", ".json", given=account(**TEST))) == (403, "20008")
    answer = EMULATOR.handle(arrive(ADAPTER.build_probe(made)), state).response
    assert ADAPTER.parse_probe(made, answer).ok


def test_a_registered_account_may_be_one_of_test_credentials(state: TwilioState) -> None:
    registered(state, test_credentials=True)
    assert code_of(order(state, From="+15550001111")) == (400, "21606")
    assert order(state).status == 201
    assert state.messages == {}


def test_a_live_account_pays_no_heed_to_magic_numbers(state: TwilioState) -> None:
    assert order(state, To="+15005550004").status == 201


@pytest.mark.parametrize("kind", list(ErrorKind))
def test_a_scenario_refuses_with_a_code_of_the_wanted_class(state: TwilioState, kind: ErrorKind) -> None:
    nearest = {
        ErrorKind.OUT_OF_CREDIT: ErrorKind.AUTH_FAILED,
        ErrorKind.REGISTRY_REFUSED: ErrorKind.NOT_REGISTERED,
        ErrorKind.BLOCKED: ErrorKind.UNSUPPORTED,
        ErrorKind.UNDELIVERABLE: ErrorKind.UNSUPPORTED,
    }
    wishes = {PERSON: Refusal(kind)}
    receipt, handled = submit(state, outgoing(), refusal=wishes.get)
    assert handled.received == ()
    if kind is ErrorKind.UNAVAILABLE:
        assert isinstance(receipt, Unknown)
        return
    assert isinstance(receipt, Refused)
    assert receipt.error.kind is nearest.get(kind, kind)


@pytest.mark.parametrize(("code", "wanted"), [("21635", "21635"), ("29123", "29123"), ("soon", "21211")])
def test_a_scenario_may_name_the_code(state: TwilioState, code: str, wanted: str) -> None:
    receipt, _ = submit(state, outgoing(), refusal=lambda _to: Refusal(ErrorKind.INVALID_RECIPIENT, code))
    assert isinstance(receipt, Refused)
    assert receipt.error.code == wanted


@pytest.mark.parametrize(("retry_after", "wanted"), [(None, None), (7.0, 7.0)])
def test_the_throttled_answer_is_understood(retry_after: float | None, wanted: float | None) -> None:
    response = EMULATOR.throttled(arrive(ADAPTER.build_submit(call(), [outgoing()])), retry_after)
    (receipt,) = ADAPTER.parse_submit([outgoing()], response)
    assert isinstance(receipt, Refused)
    assert (receipt.error.kind, receipt.error.code) == (ErrorKind.THROTTLED, "20429")
    assert receipt.error.retry_after == wanted


def test_the_unavailable_answer_leaves_the_outcome_open() -> None:
    response = EMULATOR.unavailable(arrive(ADAPTER.build_submit(call(), [outgoing()])))
    assert response == HttpResponse(503)
    assert isinstance(ADAPTER.parse_submit([outgoing()], response)[0], Unknown)


def test_more_requests_at_once_than_the_account_may_have_are_throttled(state: TwilioState) -> None:
    registered(state, concurrency=2)
    assert isinstance(submit(state, outgoing(), open_requests=2)[0], Accepted)
    receipt, _ = submit(state, outgoing(), open_requests=3)
    assert isinstance(receipt, Refused)
    assert receipt.error.kind is ErrorKind.THROTTLED


@given(st.binary(max_size=200), st.sampled_from(["GET", "POST", "DELETE", "PUT"]), st.text(max_size=60))
def test_no_request_breaks_the_emulator(body: bytes, method: str, tail: str) -> None:
    headers = ADAPTER.build_balance(call()).headers
    for path in (f"/2010-04-01/Accounts/{AC}{tail}.json", f"/2010-04-01/Accounts/{AC}/Messages.json", tail):
        handled = EMULATOR.handle(EmulatedRequest(method, path, tail, headers, body, NOW), EMULATOR.new_state())
        assert 200 <= handled.response.status < 500
