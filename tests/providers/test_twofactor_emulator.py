"""
The emulated 2Factor: keys, codes, balances, DLT rejections and reports, as the sheet has them.
"""

from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs

import pytest

from sendyard.domain.addresses import Address
from sendyard.domain.channels import Channel
from sendyard.domain.content import Content, TemplateRef, Text
from sendyard.domain.errors import ErrorKind, Invalid
from sendyard.domain.money import Money
from sendyard.domain.status import ReportStatus
from sendyard.providers.abilities import OtpStarted, OtpWanted, Pending
from sendyard.providers.contract import Accepted, DeliveryEvent, Outgoing, Refused
from sendyard.providers.emulation import EmulatedRequest, Handled, Refusal, Report
from sendyard.providers.twofactor import ADAPTER, EMULATOR, panel
from sendyard.providers.twofactor.panel import PanelState
from sendyard.providers.wire import HttpRequest
from tests.providers.samples import NOW
from tests.providers.wire_pair import Pair

KEY = EMULATOR.sample_account["api_key"]
PHONE = "+919876543210"
CALLBACK = "https://gw.example.test/callbacks/twofactor/tok"


def ask(state: PanelState, path: str, method: str = "GET", body: str = "", **more: Any) -> Handled:
    path, _, query = path.partition("?")
    request = EmulatedRequest(method, path, query, {}, body.encode(), more.pop("now", NOW), **more)
    return EMULATOR.handle(request, state)


def v1(state: PanelState, call: str, method: str = "GET", body: str = "", **more: Any) -> tuple[int, str]:
    handled = ask(state, f"/API/V1/{KEY}/{call}", method, body, **more)
    return handled.response.status, handled.response.body.decode()


def pair(**fields: Any) -> Pair:
    return Pair("twofactor", callbacks=True, console=fields)


def message(content: Content, sender: str = "ACMEIN") -> Outgoing:
    return Outgoing("m1", "ref-1", Channel.SMS, Address.phone(PHONE), sender, content, country="IN")


def report(line: Pair, **fields: Any) -> HttpRequest | None:
    return line.emulator.settle(
        line.state, line.received[-1], Report(**{"status": ReportStatus.DELIVERED, "at": line.now, **fields})
    )


def wanted(**fields: Any) -> OtpWanted:
    return OtpWanted("otp-1", Address.phone(PHONE), template="ACME Login", **fields)


def start(line: Pair, **fields: Any) -> str:
    found = ADAPTER.parse_otp(line.exchange(ADAPTER.build_otp(line.call(), wanted(**fields))))
    assert isinstance(found, OtpStarted)
    return found.session


def check(line: Pair, session: str, code: str) -> str:
    return ADAPTER.parse_otp_check(line.exchange(ADAPTER.build_otp_check(line.call(), wanted(), session, code)))


def heard(line: Pair, callback: HttpRequest | None) -> DeliveryEvent:
    assert callback
    (event,) = line.hear(callback).events
    assert isinstance(event, DeliveryEvent)
    return event


def poll(line: Pair, session: str) -> list[Any]:
    pending = [Pending("ref-1", session, Address.phone(PHONE), NOW)]
    call = line.call()
    return list(ADAPTER.parse_poll(call, pending, line.exchange(ADAPTER.build_poll(call, "", pending))).events)


@pytest.mark.parametrize("length", [6, 4])
def test_a_code_made_by_2factor_is_checked_by_its_session(length: int) -> None:
    line = pair()
    session = start(line, length=length)
    code = line.received[0].variables["otp"]
    assert len(code) == length
    assert line.received[0].text == f"{code} is your ACME login code."
    assert check(line, session, "000000") == "wrong_code"
    assert check(line, session, code) == "verified"
    assert check(line, "5f0c0000-0000", code) == "no_session"


def test_a_right_code_after_its_time_is_expired_not_verified() -> None:
    line = pair(otp_seconds=60)
    session = start(line, code="482913")
    line.now += timedelta(seconds=61)
    assert check(line, session, "482913") == "expired"
    assert check(line, session, "111111") == "expired"


def test_the_number_alone_checks_where_sessions_are_lost() -> None:
    line = pair(sessions_lost=True)
    session = start(line)
    code = line.received[0].variables["otp"]
    assert check(line, session, code) == "no_session"
    line.account = line.account.model_copy(update={"verify_by": "phone"})
    assert check(line, session, code) == "verified"


def test_the_last_code_of_a_number_is_the_one() -> None:
    line = pair()
    start(line, code="111111")
    start(line, code="222222")
    assert (check(line, "", "111111"), check(line, "", "222222")) == ("wrong_code", "verified")


def test_an_own_code_leaves_as_a_message_and_its_report_comes_back() -> None:
    line = pair()
    code = TemplateRef("ACME Login", variables={"otp": "482913"}, body="482913 is your ACME login code.")
    (receipt,) = line.submit([message(code)])
    assert isinstance(receipt, Accepted)
    assert line.received[0].text == code.body
    callback = report(line)
    assert callback
    assert parse_qs(callback.body.decode())["mode"] == ["SMS_OTP"]
    assert heard(line, callback).key.provider_ref == receipt.provider_ref
    assert poll(line, receipt.provider_ref) == []


def test_a_template_is_filled_in_by_2factor() -> None:
    line = pair()
    (receipt,) = line.submit([message(TemplateRef("OrderShipped", variables={"1": "Asha", "2": "A-17"}))])
    assert isinstance(receipt, Accepted)
    assert line.received[0].text == "Hi Asha, your ACME order A-17 is packed."


@pytest.mark.parametrize(
    "content",
    [
        Text("Hi Asha, your Acme order A-17 is packed."),
        TemplateRef("OrderShipped", variables={"1": "Asha"}),
        TemplateRef("NoSuchTemplate", variables={"1": "Asha"}),
    ],
)
def test_wrong_dlt_data_is_accepted_and_rejected_by_the_report(content: Content) -> None:
    line = pair(templates={"OrderShipped": "Hi {#var#}, your ACME order {#var#} is packed."})
    (receipt,) = line.submit([message(content)])
    assert isinstance(receipt, Accepted)
    assert report(line, status=ReportStatus.SENT) is None
    for event in (heard(line, report(line)), *poll(line, receipt.provider_ref)):
        assert event.status is ReportStatus.FAILED
        assert event.error
        assert (event.error.kind, event.error.code) == (ErrorKind.CONTENT_REJECTED, "DLT-CNT-REJECT")


def test_a_text_that_fits_a_registered_template_is_delivered() -> None:
    line = pair(templates={"OrderShipped": "Hi {#var#}, your ACME order {#var#} is packed."})
    (receipt,) = line.submit([message(Text("Hi Asha, your ACME order A-17 is packed."))])
    assert isinstance(receipt, Accepted)
    assert poll(line, receipt.provider_ref) == []
    report(line)
    (event,) = poll(line, receipt.provider_ref)
    assert (event.status, str(event.cost)) == (ReportStatus.DELIVERED, "1 XPT")


def test_a_late_word_changes_nothing_that_is_final() -> None:
    line = pair()
    (receipt,) = line.submit([message(Text("Hi"))])
    assert isinstance(receipt, Accepted)
    report(line)
    report(line, status=ReportStatus.SENT)
    assert [event.status for event in poll(line, receipt.provider_ref)] == [ReportStatus.DELIVERED]


def test_both_interfaces_and_products_share_the_account() -> None:
    line = pair(senders=["ACMEIN"])
    for fields in ({"interface": "r1"}, {"product": "promotional"}, {"interface": "r1", "product": "promotional"}):
        base = line.account.model_copy(update=fields)
        line.account, before = base, line.account
        (receipt,) = line.submit([message(Text("Hi"))])
        assert isinstance(receipt, Accepted)
        report(line)
        assert [event.status for event in poll(line, receipt.provider_ref)] == [ReportStatus.DELIVERED]
        line.account = before
    (receipt,) = line.submit([message(Text("Hi"), "OTHERS")])
    assert isinstance(receipt, Refused)
    assert receipt.error.code == "unknown_sender"


def test_a_template_by_the_newer_interface_is_filled_in_too() -> None:
    line = pair()
    line.account = line.account.model_copy(update={"interface": "r1"})
    line.submit([message(TemplateRef("OrderShipped", variables={"1": "Asha", "2": "A-17"}))])
    assert line.received[0].text == "Hi Asha, your ACME order A-17 is packed."


@pytest.mark.parametrize(
    ("product", "purse"), [("transactional", "credit"), ("promotional", "promotional_credit"), ("otp", "otp_credit")]
)
def test_each_product_has_credit_of_its_own_and_runs_out_of_it(product: str, purse: str) -> None:
    line = pair(**{purse: 2})
    line.account = line.account.model_copy(update={"product": product})
    code = TemplateRef("ACME Login", variables={"otp": "482913"})
    content: Content = code if product == "otp" else Text("x" * 161)
    cost = 1 if product == "otp" else 2

    def balance() -> int:
        found = ADAPTER.parse_balance(line.exchange(ADAPTER.build_balance(line.call())))
        assert isinstance(found, Money)
        return int(found.amount)

    assert balance() == 2
    for left in range(2 - cost, -1, -cost):
        (receipt,) = line.submit([message(content)])
        assert isinstance(receipt, Accepted)
        assert balance() == left
    (receipt,) = line.submit([message(content)])
    assert isinstance(receipt, Refused)
    assert receipt.error.kind is ErrorKind.OUT_OF_CREDIT


@pytest.mark.parametrize("status", [200, 400, 401])
def test_an_unknown_key_is_refused_with_the_status_the_account_asked_for(status: int) -> None:
    state = EMULATOR.new_state()
    EMULATOR.register(state, {"api_key": KEY, "bad_key_status": status})
    for path in (f"/API/V1/{KEY}0/BAL/SMS", "/API/R1/?module=TRANS_SMS&apikey=other"):
        answer = ask(state, path).response
        assert (answer.status, b"Invalid API Key" in answer.body) == (status, True)


def test_a_registration_that_makes_no_sense_is_refused() -> None:
    with pytest.raises(Invalid):
        EMULATOR.register(EMULATOR.new_state(), {"api_key": KEY, "bad_key_status": 418})


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", f"/API/V1/{KEY}"),
        ("GET", f"/API/V1/{KEY}/ADDON_SERVICES/SEND/TSMS"),
        ("POST", f"/API/V1/{KEY}/ADDON_SERVICES/RPT/TSMS/x"),
        ("PUT", f"/API/V1/{KEY}/BAL/SMS"),
        ("GET", f"/API/V1/{KEY}/BAL/NOTHING"),
        ("GET", f"/API/V1/{KEY}/SMS/9876543210/AUTOGEN9"),
        ("GET", f"/API/V1/{KEY}/SMS/9876543210/123"),
        ("GET", f"/API/V1/{KEY}/VOICE/9876543210/1234/Template"),
        ("GET", "/API/R1/?module=NO_SUCH&apikey=k"),
        ("DELETE", "/API/R1/?module=TRANS_SMS&apikey=k"),
        ("GET", "/API/R1/more?module=TRANS_SMS&apikey=k"),
    ],
)
def test_what_is_not_documented_is_not_found(method: str, path: str) -> None:
    assert ask(EMULATOR.new_state(), path, method).response.status == 404


def test_the_code_is_told_to_who_asks_for_it() -> None:
    state = EMULATOR.new_state()
    status, body = v1(state, "SMS/+919876543210/AUTOGEN2")
    assert (status, '"OTP":"' in body) == (200, True)
    assert '"OTP"' not in v1(state, "SMS/9876543210/AUTOGEN/ACME%20Login")[1]


def test_a_call_needs_the_bare_ten_digits() -> None:
    line = pair()
    assert v1(line.state, "VOICE/919876543210/4829")[0] == 400
    handled = ask(line.state, f"/API/V1/{KEY}/VOICE/9876543210/4829")
    callback = EMULATOR.settle(line.state, handled.received[0], Report(ReportStatus.DELIVERED, NOW))
    assert callback
    assert heard(line, callback).status is ReportStatus.DELIVERED
    assert b"mode=VOICE_OTP" in callback.body


def test_codes_by_the_newer_interface() -> None:
    handled = ask(EMULATOR.new_state(), f"/API/R1/?module=SMS_OTP&apikey={KEY}&to=9876543210&otpvalue=4829")
    assert [one.text for one in handled.received] == ["4829 is your OTP."]


@pytest.mark.parametrize("numbers", ["12345", "", ",".join(["9876543210"] * 101)])
def test_numbers_that_are_none_or_too_many_are_refused(numbers: str) -> None:
    status, body = v1(EMULATOR.new_state(), "ADDON_SERVICES/SEND/TSMS", "POST", f"From=ACMEIN&To={numbers}&Msg=Hi")
    assert (status, "Invalid Phone Number" in body) == (400, True)


def test_several_numbers_share_one_session_and_one_log() -> None:
    state = EMULATOR.new_state()
    body = "From=ACMEIN&To=9876543210,9123456780&Msg=Hi"
    handled = ask(state, f"/API/V1/{KEY}/ADDON_SERVICES/SEND/TSMS", "POST", body)
    first, second = handled.received
    assert first.provider_ref == second.provider_ref
    EMULATOR.settle(state, second, Report(ReportStatus.FAILED, NOW, ErrorKind.OPTED_OUT))
    log = v1(state, f"ADDON_SERVICES/RPT/TSMS/{first.provider_ref}")[1]
    assert log.count("<sms>") == 2
    assert "<statusDesc>NDNC</statusDesc>" in log


def test_the_newer_interface_refuses_in_the_same_words() -> None:
    answer = ask(EMULATOR.new_state(), f"/API/R1/?module=TRANS_SMS&apikey={KEY}&to=12345&from=ACMEIN&msg=Hi").response
    assert (answer.status, b"Invalid Phone Number" in answer.body) == (400, True)


@pytest.mark.parametrize("body", ["From=ACMEIN&To=9876543210", "To=9876543210&Msg=Hi"])
def test_a_send_without_text_or_sender_is_refused(body: str) -> None:
    assert v1(EMULATOR.new_state(), "ADDON_SERVICES/SEND/TSMS", "POST", body)[0] == 400


def test_a_promotional_send_takes_no_template() -> None:
    body = "From=512345&To=9876543210&TemplateName=OrderShipped&VAR1=a"
    assert v1(EMULATOR.new_state(), "ADDON_SERVICES/SEND/PSMS", "POST", body)[0] == 400


@pytest.mark.parametrize(
    ("refusal", "code"),
    [
        (Refusal(ErrorKind.INVALID_RECIPIENT), "invalid_phone"),
        (Refusal(ErrorKind.OPTED_OUT), "Something Went Wrong"),
        (Refusal(ErrorKind.BLOCKED, "account_disabled"), "account_disabled"),
    ],
)
def test_a_code_is_refused_in_2factors_words(refusal: Refusal, code: str) -> None:
    line = pair()
    content = TemplateRef("ACME Login", variables={"otp": "482913"})
    (receipt,) = line.submit([message(content)], lambda _to: refusal)
    assert isinstance(receipt, Refused)
    assert receipt.error.code == code


def test_only_the_latest_messages_and_codes_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(panel, "KEPT", 2)
    line = pair()
    first = start(line, code="111111")
    oldest = line.received[0]
    start(line, code="222222")
    start(line, code="333333")
    assert check(line, first, "111111") == "no_session"
    assert line.emulator.settle(line.state, oldest, Report(ReportStatus.DELIVERED, line.now)) is None
    assert len(line.state.messages) == len(line.state.numbers) == len(line.state.codes) == 2


def test_there_is_no_inbound() -> None:
    state = EMULATOR.new_state()
    assert EMULATOR.inbound(state, account="a", sender=PHONE, recipient="x", text="Hi", now=NOW) is None


def test_an_unregistered_account_has_nobody_to_call_back() -> None:
    line = Pair("twofactor")
    line.submit([message(Text("Hi"))])
    assert report(line) is None
    assert CALLBACK not in line.received[0].callback_url
