"""
The emulated Twilio after a message was taken: reports, prices, lists, texts of people, and what a lookup finds.
"""

from datetime import timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

import pytest

from sendyard.domain.addresses import Address
from sendyard.domain.channels import Channel
from sendyard.domain.content import MediaItem
from sendyard.domain.errors import ErrorKind
from sendyard.domain.money import Money
from sendyard.domain.status import ReportStatus
from sendyard.providers.abilities import Found, Inconclusive, NotFound, Pending
from sendyard.providers.contract import Accepted, DeliveryEvent, Inbound, Outgoing, Refused
from sendyard.providers.emulation import Report
from sendyard.providers.twilio import ADAPTER, EMULATOR
from sendyard.providers.twilio.spec import TwilioAccount
from sendyard.providers.twilio.switchboard import POOL_NUMBER, TwilioState
from sendyard.providers.wire import HttpRequest, HttpResponse
from tests.providers.twilio_wire import (
    AC,
    CALLBACK_URL,
    MG,
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


def heard(state: TwilioState, received: Any, said: Report, given: TwilioAccount | None = None) -> DeliveryEvent:
    """The event our adapter makes of the callback, whose signature it checks."""
    (event,) = ADAPTER.parse_callback(call(given), called_back(EMULATOR.settle(state, received, said))).events
    assert isinstance(event, DeliveryEvent)
    return event


def fetched(state: TwilioState, sid: str) -> DeliveryEvent:
    pending = [Pending("ref-1", sid, Address.phone(PERSON), NOW)]
    (event,) = ADAPTER.parse_poll(
        call(), pending, EMULATOR.handle(arrive(ADAPTER.build_poll(call(), "", pending)), state).response
    ).events
    assert isinstance(event, DeliveryEvent)
    return event


def test_whatsapp_keeps_its_prefix_on_the_wire_and_loses_it_in_the_mailbox(state: TwilioState) -> None:
    receipt, handled = submit(state, outgoing(channel=Channel.WHATSAPP, sender="+14155238886"))
    assert isinstance(receipt, Accepted)
    received = one(handled)
    assert (received.to, received.sender, received.channel) == (PERSON, "whatsapp:+14155238886", Channel.WHATSAPP)
    event = heard(state, received, report(ReportStatus.READ))
    assert (event.status, event.key.recipient) == (ReportStatus.READ, PERSON)


@pytest.mark.parametrize(
    ("said", "word"),
    [(ReportStatus.SENT, "sent"), (DELIVERED, "delivered"), (ReportStatus.READ, "read")],
)
def test_a_report_is_called_back_signed_and_shown_to_a_poll(state: TwilioState, said: ReportStatus, word: str) -> None:
    received = one(submit(state, outgoing())[1])
    event = heard(state, received, report(said))
    assert (event.status, event.raw_status, event.error) == (said, word, None)
    assert (event.key.reference, event.key.provider_ref, event.key.recipient) == (
        "ref-1",
        received.provider_ref,
        PERSON,
    )
    polled = fetched(state, received.provider_ref)
    assert (polled.status, polled.key, polled.dedupe_key) == (event.status, event.key, event.dedupe_key)
    assert polled.occurred_at == NOW + timedelta(seconds=9)


@pytest.mark.parametrize("kind", [None, *ErrorKind])
@pytest.mark.parametrize("sent_first", [False, True])
def test_a_failure_carries_a_code_of_the_wanted_class(
    state: TwilioState, kind: ErrorKind | None, sent_first: bool
) -> None:
    received = one(submit(state, outgoing())[1])
    if sent_first:
        heard(state, received, report(ReportStatus.SENT, after=timedelta(seconds=1)))
    event = heard(state, received, report(ReportStatus.FAILED, kind))
    nearest = {
        None: ErrorKind.UNDELIVERABLE,
        ErrorKind.OUT_OF_CREDIT: ErrorKind.AUTH_FAILED,
        ErrorKind.REGISTRY_REFUSED: ErrorKind.NOT_REGISTERED,
    }
    wanted = nearest.get(kind, kind)
    assert event.error
    assert (event.status, event.error.kind) == (ReportStatus.FAILED, wanted)
    assert event.raw_status == ("undelivered" if sent_first else "failed")
    polled = fetched(state, received.provider_ref)
    assert polled.error
    assert (polled.error.kind, polled.error.code, polled.dedupe_key) == (wanted, event.error.code, event.dedupe_key)


@pytest.mark.parametrize(("code", "wanted"), [("63016", "63016"), ("39111", "39111"), ("late", "30003")])
def test_a_failure_may_name_the_code(state: TwilioState, code: str, wanted: str) -> None:
    received = one(submit(state, outgoing(channel=Channel.WHATSAPP))[1])
    event = heard(state, received, report(ReportStatus.FAILED, None, code))
    assert event.error
    assert event.error.code == wanted


def test_a_status_in_no_table_is_unmapped_and_changes_nothing_shown(state: TwilioState) -> None:
    received = one(submit(state, outgoing())[1])
    heard(state, received, report(DELIVERED))
    assert heard(state, received, report(ReportStatus.UNMAPPED)).status is ReportStatus.UNMAPPED
    assert fetched(state, received.provider_ref).status is DELIVERED


def test_a_late_report_is_called_back_but_does_not_turn_the_message_back(state: TwilioState) -> None:
    received = one(submit(state, outgoing())[1])
    heard(state, received, report(DELIVERED))
    assert heard(state, received, report(ReportStatus.SENT)).status is ReportStatus.SENT
    assert fetched(state, received.provider_ref).status is DELIVERED


def test_the_price_is_filled_in_once_the_message_is_final_and_taken_from_the_credit(state: TwilioState) -> None:
    registered(state, credit="10.00")
    received = one(submit(state, outgoing("x" * 161))[1])
    heard(state, received, report(ReportStatus.SENT))
    assert fetched(state, received.provider_ref).cost is None
    heard(state, received, report(DELIVERED))
    heard(state, received, report(ReportStatus.READ))
    polled = fetched(state, received.provider_ref)
    assert (polled.cost, polled.parts) == (Money(Decimal("0.01580"), "USD"), 2)
    balance = ADAPTER.parse_balance(EMULATOR.handle(arrive(ADAPTER.build_balance(call())), state).response)
    assert balance == Money(Decimal("9.98"), "USD")


@pytest.mark.parametrize("options", [{"credit": "0"}, {"status": "suspended"}])
def test_an_account_without_credit_or_suspended_is_not_active(state: TwilioState, options: dict[str, str]) -> None:
    registered(state, **options)
    receipt, _ = submit(state, outgoing())
    assert isinstance(receipt, Refused)
    assert (receipt.error.kind, receipt.error.code) == (ErrorKind.AUTH_FAILED, "20005")


@pytest.mark.parametrize(("options", "ok"), [({}, True), ({"type": "Trial"}, True), ({"status": "closed"}, False)])
def test_the_probe_sees_the_accounts_state(state: TwilioState, options: dict[str, str], ok: bool) -> None:
    registered(state, **options)
    result = ADAPTER.parse_probe(call(), EMULATOR.handle(arrive(ADAPTER.build_probe(call())), state).response)
    assert (result.ok, result.facts["status"]) == (ok, options.get("status", "active"))


def test_without_any_callback_address_a_report_is_only_shown(state: TwilioState) -> None:
    received = one(submit(state, outgoing(), call(callback_url=""))[1])
    assert EMULATOR.settle(state, received, report(DELIVERED)) is None
    assert fetched(state, received.provider_ref).status is DELIVERED


def test_the_services_own_address_is_called_when_the_message_names_none(state: TwilioState) -> None:
    registered(state, status_callback=f"{CALLBACK_URL}#rc=2&rp=all")
    received = one(submit(state, outgoing(), call(callback_url=""))[1])
    callback = EMULATOR.settle(state, received, report(DELIVERED))
    assert called_back(callback).url == CALLBACK_URL
    (event,) = ADAPTER.parse_callback(call(), called_back(callback)).events
    assert isinstance(event, DeliveryEvent)
    assert event.key.provider_ref == received.provider_ref


def test_a_shared_key_signs_instead_of_the_token(state: TwilioState) -> None:
    registered(state, webhook_secret="shared-key")
    received = one(submit(state, outgoing())[1])
    assert heard(state, received, report(DELIVERED), account(webhook_shared_key="shared-key")).status is DELIVERED


def test_our_answer_to_a_callback_satisfies_twilio(state: TwilioState) -> None:
    received = one(submit(state, outgoing())[1])
    result = ADAPTER.parse_callback(call(), called_back(EMULATOR.settle(state, received, report(DELIVERED))))
    assert EMULATOR.callback_accepted(received, result.reply)
    assert not EMULATOR.callback_accepted(received, HttpResponse(403))


def write_in(state: TwilioState, text: str, *, recipient: str = OURS, sender: str = PERSON) -> HttpRequest | None:
    return EMULATOR.inbound(state, account=AC, sender=sender, recipient=recipient, text=text, now=NOW)


def inbound_of(callback: HttpRequest | None) -> Inbound:
    (event,) = ADAPTER.parse_callback(call(), called_back(callback)).events
    assert isinstance(event, Inbound)
    return event


def test_stop_blocks_this_person_at_this_sender_until_start(state: TwilioState) -> None:
    registered(state, callback_url=CALLBACK_URL)
    told = inbound_of(write_in(state, " stop "))
    assert (told.sender, told.recipient, told.channel, told.content.body) == (PERSON, OURS, Channel.SMS, " stop ")
    assert told.opt_out is None
    receipt, handled = submit(state, outgoing())
    assert isinstance(receipt, Refused)
    assert (receipt.error.kind, receipt.error.code, handled.received) == (ErrorKind.OPTED_OUT, "21610", ())
    assert isinstance(submit(state, outgoing(to="+15551230002"))[0], Accepted)
    assert isinstance(submit(state, outgoing(sender="+15550001111"))[0], Accepted)
    write_in(state, "stop, he is not coming")
    write_in(state, "Help")
    assert isinstance(submit(state, outgoing())[0], Refused)
    write_in(state, "Start")
    assert isinstance(submit(state, outgoing())[0], Accepted)


@pytest.mark.parametrize(("word", "wanted"), [("STOP", True), ("UNSTOP", False), ("INFO", None), ("hello", None)])
def test_a_messaging_service_says_what_it_did_with_a_word(state: TwilioState, word: str, wanted: bool | None) -> None:
    registered(state, callback_url=CALLBACK_URL, messaging_service_sid=MG)
    assert inbound_of(write_in(state, word, recipient=POOL_NUMBER)).opt_out is wanted
    receipt, _ = submit(state, outgoing(sender=MG))
    assert isinstance(receipt, Refused) is (word == "STOP")


def test_stop_on_whatsapp_is_a_text_like_any_other(state: TwilioState) -> None:
    registered(state, callback_url=CALLBACK_URL)
    told = inbound_of(write_in(state, "STOP", recipient="whatsapp:+14155238886"))
    assert (told.sender, told.recipient, told.channel) == (PERSON, "whatsapp:+14155238886", Channel.WHATSAPP)
    assert isinstance(submit(state, outgoing(channel=Channel.WHATSAPP, sender="+14155238886"))[0], Accepted)


def test_an_account_nobody_registered_is_told_where_its_reports_go(state: TwilioState) -> None:
    assert write_in(state, "hi") is None
    submit(state, outgoing(), call(callback_url=""))
    assert write_in(state, "hi") is None
    submit(state, outgoing())
    callback = write_in(state, "hi")
    assert called_back(callback).url == CALLBACK_URL
    told = inbound_of(callback)
    assert document(ask(state, "GET", f"/Messages/{told.provider_ref}.json"))["direction"] == "inbound"


def test_a_text_can_be_redacted_and_a_message_deleted(state: TwilioState) -> None:
    received = one(submit(state, outgoing())[1])
    path = f"/Messages/{received.provider_ref}.json"
    later = NOW + timedelta(minutes=1)
    assert document(ask(state, "POST", path, {"Body": ""}, now=later))["body"] == ""
    assert code_of(ask(state, "POST", path, {"Body": "other"})) == (400, "20001")
    assert document(ask(state, "GET", path))["date_updated"] == "Sat, 21 Nov 2026 02:01:00 +0000"
    assert ask(state, "DELETE", path) == HttpResponse(204)
    assert code_of(ask(state, "GET", path)) == (404, "20404")
    assert document(ask(state, "GET", "/Messages.json"))["messages"] == []
    assert EMULATOR.settle(state, received, report(DELIVERED)) is None
    pending = [Pending("ref-1", received.provider_ref, Address.phone(PERSON), NOW)]
    answer = EMULATOR.handle(arrive(ADAPTER.build_poll(call(), "", pending)), state).response
    assert ADAPTER.parse_poll(call(), pending, answer).events == ()


def test_only_a_scheduled_message_can_be_cancelled_and_then_never_arrives(state: TwilioState) -> None:
    fields = {"MessagingServiceSid": MG, "ScheduleType": "fixed", "SendAt": "2026-11-21T03:00:00Z"}
    made = {"To": PERSON, "Body": "Later", "StatusCallback": CALLBACK_URL, **fields}
    request = arrive(ADAPTER.build_submit(call(), [outgoing()]))
    form = HttpRequest(request.method, "https://x.test" + request.path, request.headers, urlencode(made).encode())
    handled = EMULATOR.handle(arrive(form), state)
    assert document(handled.response)["status"] == "scheduled"
    assert one(handled).at == NOW + timedelta(hours=1)
    path = f"/Messages/{one(handled).provider_ref}.json"
    assert document(ask(state, "POST", path, {"Status": "canceled"}))["status"] == "canceled"
    assert code_of(ask(state, "POST", path, {"Status": "canceled"})) == (400, "30409")
    event = heard(state, one(handled), report(DELIVERED))
    assert (event.status, event.raw_status) == (ReportStatus.FAILED, "canceled")
    assert document(ask(state, "GET", path))["status"] == "canceled"


def test_the_list_is_newest_first_paged_and_filtered(state: TwilioState) -> None:
    for number in range(5):
        submit(state, outgoing(f"text {number}", to=f"+1555123000{number % 2}"))
    submit(state, outgoing("picked", sender=MG))

    def bodies(query: str) -> list[str]:
        return [message["body"] for message in document(ask(state, "GET", f"/Messages.json{query}"))["messages"]]

    assert bodies("") == ["picked", "text 4", "text 3", "text 2", "text 1", "text 0"]
    assert bodies("?To=%2B15551230000") == ["text 4", "text 2", "text 0"]
    assert bodies(f"?From=%2B{OURS[1:]}&To=%2B15551230001") == ["picked", "text 3", "text 1"][1:]
    assert bodies("?DateSent=2026-11-21") == bodies("")
    assert bodies("?DateSent%3E=2026-11-22") == bodies("?DateSent%3C=2026-11-20") == []
    assert bodies("?DateSent%3E=2026-11-20T23:00:00Z&DateSent%3C=2026-11-22") == bodies("")
    assert bodies("?PageSize=0") == ["picked"]
    assert code_of(ask(state, "GET", "/Messages.json?DateSent=today")) == (400, "20001")
    first = document(ask(state, "GET", "/Messages.json?PageSize=4"))
    assert (first["start"], first["end"], first["previous_page_uri"]) == (0, 3, None)
    second = document(ask(state, "GET", f"/Messages.json?{first['next_page_uri'].partition('?')[2]}"))
    assert [message["body"] for message in second["messages"]] == ["text 1", "text 0"]
    assert (second["page"], second["start"], second["next_page_uri"]) == (1, 4, None)
    assert second["previous_page_uri"] == first["uri"] == first["first_page_uri"]


def looked_up(state: TwilioState, message: Outgoing) -> object:
    answer = EMULATOR.handle(arrive(ADAPTER.build_lookup(call(), message, NOW)), state).response
    return ADAPTER.parse_lookup(message, NOW, answer)


def test_a_lookup_settles_whether_a_message_without_an_answer_was_taken(state: TwilioState) -> None:
    assert looked_up(state, outgoing()) == NotFound()
    received = one(submit(state, outgoing())[1])
    found = looked_up(state, outgoing())
    assert isinstance(found, Found)
    assert found.provider_ref == received.provider_ref
    assert looked_up(state, outgoing("another text")) == NotFound()
    submit(state, outgoing())
    assert isinstance(looked_up(state, outgoing()), Inconclusive)
    assert isinstance(looked_up(state, outgoing(channel=Channel.WHATSAPP)), NotFound)


def test_every_answer_of_the_emulator_has_the_fields_of_the_samples(state: TwilioState) -> None:
    documented = {
        "account_sid", "api_version", "body", "date_created", "date_sent", "date_updated", "direction", "error_code",
        "error_message", "from", "messaging_service_sid", "num_media", "num_segments", "price", "price_unit", "sid",
        "status", "subresource_uris", "to", "uri",
    }  # fmt: skip
    shown = document(order(state))
    assert set(shown) == documented
    listed = document(ask(state, "GET", "/Messages.json"))
    assert listed["messages"] == [shown]
    assert set(listed) == {
        "messages", "end", "first_page_uri", "next_page_uri", "page", "page_size", "previous_page_uri", "start", "uri",
    }  # fmt: skip
    assert set(document(ask(state, "GET", "/Balance.json"))) == {"account_sid", "balance", "currency"}
