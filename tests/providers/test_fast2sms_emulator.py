"""
The emulated Fast2SMS: every route with what it refuses, wallet, delivery log, DLT Manager and webhook.
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from sendyard.domain.addresses import Address
from sendyard.domain.channels import Channel
from sendyard.domain.content import TemplateRef, Text
from sendyard.domain.errors import ErrorKind, Invalid
from sendyard.domain.money import Money
from sendyard.domain.status import ReportStatus
from sendyard.providers.abilities import Pending, TemplatePage
from sendyard.providers.contract import Accepted, DeliveryEvent, Outgoing, Refused
from sendyard.providers.emulation import EmulatedRequest, Handled, Refusal, Report
from sendyard.providers.fast2sms import ADAPTER, EMULATOR, wallet
from sendyard.providers.fast2sms.wallet import WalletState
from sendyard.providers.wire import HttpRequest
from tests.providers.samples import NOW
from tests.providers.wire_pair import Pair

KEY = EMULATOR.sample_account["api_key"]
BAD = "+919000000001"


def ask(state: WalletState, path: str, method: str = "GET", **more: Any) -> Handled:
    path, _, query = path.partition("?")
    body, headers = more.pop("body", b""), more.pop("headers", {"authorization": KEY})
    return EMULATOR.handle(EmulatedRequest(method, path, query, headers, body, NOW, **more), state)


def send(state: WalletState, fields: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    headers = {"authorization": KEY, "content-type": "application/json"}
    handled = ask(state, "/dev/bulkV2", "POST", body=msgspec.json.encode(fields), headers=headers, **more)
    found: dict[str, Any] = msgspec.json.decode(handled.response.body)
    return {**found, "http": handled.response.status, "texts": [one.text for one in handled.received]}


def pair(**fields: Any) -> Pair:
    return Pair("fast2sms", callbacks=True, console=fields)


def message(number: int = 1, content: Any = None, to: str = "") -> Outgoing:
    address = Address.phone(to or f"+9198765432{number:02d}")
    return Outgoing(f"m{number}", f"ref-{number}", Channel.SMS, address, "ACMEIN", content or Text("Hi"), country="IN")


def settle(line: Pair, place: int = -1, **fields: Any) -> HttpRequest | None:
    report = Report(**{"status": ReportStatus.DELIVERED, "at": line.now, **fields})
    return line.emulator.settle(line.state, line.received[place], report)


def poll(line: Pair, request_id: str) -> dict[str, DeliveryEvent]:
    pending = [Pending("ref-1", request_id, Address.phone("+919876543201"), NOW)]
    call = line.call()
    found = ADAPTER.parse_poll(call, pending, line.exchange(ADAPTER.build_poll(call, "", pending)))
    return {event.key.recipient: event for event in found.events if isinstance(event, DeliveryEvent)}


DLT = {"route": "dlt", "sender_id": "ACMEIN", "message": "111112", "numbers": "9876543210"}
MANUAL = {"route": "dlt_manual", "sender_id": "ACMEIN", "message": "Hi", "numbers": "9876543210"}
QUICK = {"route": "q", "message": "Hi", "language": "english", "numbers": "9876543210"}
CODE = {"route": "otp", "variables_values": "482913", "numbers": "9876543210"}


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({**DLT, "variables_values": "Asha|A-17"}, "Hi Asha, your ACME order A-17 is packed."),
        (MANUAL, "Hi"),
        (QUICK, "Hi"),
        ({**QUICK, "message": "नमस्ते", "language": "unicode"}, "नमस्ते"),
        (CODE, "Your OTP: 482913"),
        ({**CODE, "numbers": 9876543210}, "Your OTP: 482913"),
    ],
)
def test_each_route_has_its_text(fields: Mapping[str, Any], text: str) -> None:
    said = send(EMULATOR.new_state(), fields)
    assert (said["return"], said["texts"], len(said["request_id"])) == (True, [text], 15)


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({**DLT, "sender_id": ""}, 401),
        ({**DLT, "message": ""}, 402),
        ({**CODE, "variables_values": ""}, 402),
        ({**DLT, "route": ""}, 403),
        ({**QUICK, "language": ""}, 404),
        ({**DLT, "numbers": ""}, 405),
        ({**DLT, "sender_id": "OTHERS"}, 406),
        ({**MANUAL, "sender_id": "A"}, 406),
        ({**QUICK, "message": "free casino"}, 407),
        ({**DLT, "route": "express"}, 408),
        ({**QUICK, "language": "hindi"}, 410),
        ({**DLT, "numbers": "12345"}, 411),
        ({**QUICK, "message": "नमस्ते"}, 417),
        ({**DLT, "message": "999999", "variables_values": "a"}, 424),
        ({**DLT, "variables_values": "Asha"}, 425),
        ({**MANUAL, "message": "Something else"}, 425),
        ({**DLT, "variables_values": "Asha|https://x.example"}, 426),
        ({**DLT, "route": "v3"}, 990),
        ({**CODE, "numbers": "9876543210,9876543210"}, 995),
        ({**CODE, "variables_values": "48a9"}, 997),
        ({**QUICK, "numbers": ",".join(f"98765{number:05d}" for number in range(101))}, 998),
    ],
)
@pytest.mark.parametrize("as_200", [False, True])
def test_each_refusal_has_its_code(fields: Mapping[str, Any], code: int, *, as_200: bool) -> None:
    state = EMULATOR.new_state()
    templates = {"111112": "Hi {#var#}, your ACME order {#var#} is packed.", "111113": "Hi"}
    console = {"senders": ["ACMEIN"], "templates": templates, "forbidden_words": ["casino"], "errors_as_200": as_200}
    EMULATOR.register(state, {"api_key": KEY, **console})
    said = send(state, fields)
    assert (said["return"], said["status_code"], said["http"]) == (False, code, 200 if as_200 else 400)
    assert said["texts"] == []


@pytest.mark.parametrize("code", ["409", "413", "414", "415", "500", "996", "999"])
def test_what_is_wrong_with_an_account_is_told_to_every_send(code: str) -> None:
    line = pair(refuse_with=code)
    (receipt,) = line.submit([message()])
    assert isinstance(receipt, Refused)
    assert receipt.error.code == code


@pytest.mark.parametrize("fields", [{"refuse_with": "12"}, {"refuse_with": "dnd"}, {"webhook_form": "xml"}])
def test_a_registration_that_makes_no_sense_is_refused(fields: dict[str, str]) -> None:
    with pytest.raises(Invalid):
        EMULATOR.register(EMULATOR.new_state(), {"api_key": KEY, **fields})


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", f"/dev/bulkV2?authorization={KEY}&route=otp&variables_values=4829&numbers=9876543210", 200),
        ("GET", "/dev/bulkv2", 404),
        ("PUT", "/dev/bulkV2", 404),
        ("POST", "/dev/dlr/x", 404),
        ("GET", "/dev/dlt_manager?type=header", 404),
        ("GET", "/dev/dlt_manager/add_template", 404),
        ("GET", "/dev/bulk?authorization=k", 400),
        ("GET", "/dev/wallet?authorization=invalid", 401),
        ("GET", "/dev/wallet", 401),
    ],
)
def test_addresses_and_keys_are_taken_as_documented(method: str, path: str, status: int) -> None:
    assert ask(EMULATOR.new_state(), path, method, headers={}).response.status == status


def test_a_form_is_as_good_as_json_and_a_broken_body_is_empty() -> None:
    state = EMULATOR.new_state()
    body = b"route=otp&variables_values=4829&numbers=9876543210"
    assert [one.text for one in ask(state, "/dev/bulkV2", "POST", body=body).received] == ["Your OTP: 4829"]
    headers = {"authorization": KEY, "content-type": "application/json"}
    for broken in (b"{", b"[]"):
        assert ask(state, "/dev/bulkV2", "POST", body=broken, headers=headers).response.status == 400


def test_an_unregistered_key_does_not_work_once_one_is_registered() -> None:
    line = pair()
    line.account = line.account.model_copy(update={"api_key": type(line.account.api_key)("AnotherInventedKey")})  # type: ignore[attr-defined]
    (receipt,) = line.submit([message()])
    assert isinstance(receipt, Refused)
    assert receipt.error.kind is ErrorKind.AUTH_FAILED


def test_too_many_messages_to_one_number_are_spam_for_a_minute() -> None:
    line = pair(repeats=2)
    receipts = [line.submit([message()])[0] for _ in range(3)]
    assert [type(receipt) for receipt in receipts] == [Accepted, Accepted, Refused]
    assert isinstance(receipts[2], Refused)
    assert (receipts[2].error.kind, receipts[2].error.retry_after) == (ErrorKind.THROTTLED, 300.0)
    assert isinstance(line.submit([message(2)])[0], Accepted)
    line.now += timedelta(seconds=61)
    assert isinstance(line.submit([message()])[0], Accepted)


def test_the_wallet_pays_by_part_and_number_and_runs_dry() -> None:
    line = pair(credit="1.00")

    def left() -> str:
        found = ADAPTER.parse_balance(line.exchange(ADAPTER.build_balance(line.call())))
        assert isinstance(found, Money)
        return str(found)

    long = Text("x" * 161)
    assert left() == "1.0000 INR"
    assert isinstance(line.submit([message(1, long), message(2, long)])[0], Accepted)
    assert left() == "0.2000 INR"
    (receipt,) = line.submit([message(3, long)])
    assert isinstance(receipt, Refused)
    assert receipt.error.kind is ErrorKind.OUT_OF_CREDIT
    assert left() == "0.2000 INR"


def test_a_bad_number_does_not_spoil_its_call_and_its_row_says_why() -> None:
    line = pair()
    batch = [message(1), message(2, to=BAD), message(3)]
    receipts = line.submit(batch, lambda to: Refusal(ErrorKind.INVALID_RECIPIENT) if to == BAD else None)
    assert [type(receipt) for receipt in receipts] == [Accepted] * 3
    assert [one.to for one in line.received] == [batch[0].to.value, batch[2].to.value]
    for place in (0, 1):
        settle(line, place)
    assert isinstance(receipts[0], Accepted)
    events = poll(line, receipts[0].provider_ref)
    assert [events[one.to.value].status for one in batch] == ["delivered", "failed", "delivered"]
    bad = events[BAD].error
    assert bad
    assert (bad.kind, bad.code) == (ErrorKind.INVALID_RECIPIENT, "invalid_number")


@pytest.mark.parametrize("refusal", [Refusal(ErrorKind.OUT_OF_CREDIT), Refusal(ErrorKind.BLOCKED, "411")])
def test_what_is_not_about_one_number_refuses_the_whole_call(refusal: Refusal) -> None:
    line = pair()
    receipts = line.submit([message(1), message(2, to=BAD)], lambda to: refusal if to == BAD else None)
    assert [type(receipt) for receipt in receipts] == [Refused, Refused]
    assert line.received == []


def test_a_call_with_bad_numbers_only_is_refused_and_marks_nobody() -> None:
    line = pair()
    receipts = line.submit([message(1), message(2)], lambda _to: Refusal(ErrorKind.INVALID_RECIPIENT))
    assert [receipt.error.code for receipt in receipts if isinstance(receipt, Refused)] == ["411:several"] * 2


@pytest.mark.parametrize("form", ["json", "form", "form-json", "get"])
def test_a_webhook_of_any_form_brings_the_reference_back(form: str) -> None:
    line = pair(webhook_form=form)
    (receipt,) = line.submit([message()])
    assert isinstance(receipt, Accepted)
    assert settle(line, status=ReportStatus.SENT) is None
    callback = settle(line)
    assert callback
    (event,) = line.hear(callback).events
    assert isinstance(event, DeliveryEvent)
    assert (event.key.reference, event.key.provider_ref) == ("ref-1", receipt.provider_ref)
    assert event.key.recipient == "+919876543201"
    assert event.occurred_at == line.now.replace(microsecond=0)
    assert poll(line, receipt.provider_ref)["+919876543201"].dedupe_key == event.dedupe_key


def test_a_webhook_body_of_ones_own_says_what_stands_in_it() -> None:
    line = pair(webhook_body='{"udf1":"{{udf1}}","number":"{{mobile}}","delivery_status":"{{status}}"}')
    line.submit([message()])
    callback = settle(line)
    assert callback
    assert callback.body == b'{"udf1":"ref-1","number":"9876543201","delivery_status":"Delivered"}'
    (event,) = line.hear(callback).events
    assert isinstance(event, DeliveryEvent)
    assert (event.key.provider_ref, event.status) == ("", ReportStatus.DELIVERED)


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        (ErrorKind.CONTENT_REJECTED, "dlt_text"),
        (ErrorKind.REGISTRY_REFUSED, "dlt_registration"),
        (ErrorKind.OPTED_OUT, "dnd"),
        (ErrorKind.BLOCKED, "blocked"),
        (ErrorKind.UNDELIVERABLE, "failed"),
        (ErrorKind.EXPIRED, "expired"),
    ],
)
def test_reports_fail_in_fast2sms_words(kind: ErrorKind, code: str) -> None:
    line = pair()
    line.submit([message()])
    callback = settle(line, status=ReportStatus.FAILED, kind=kind)
    assert callback
    (event,) = line.hear(callback).events
    assert isinstance(event, DeliveryEvent)
    assert event.error
    assert event.error.code == code


def test_a_late_word_changes_nothing_that_is_final() -> None:
    line = pair()
    (receipt,) = line.submit([message()])
    assert isinstance(receipt, Accepted)
    assert poll(line, receipt.provider_ref)["+919876543201"].status is ReportStatus.SENT
    settle(line)
    settle(line, status=ReportStatus.UNMAPPED)
    assert poll(line, receipt.provider_ref)["+919876543201"].status is ReportStatus.DELIVERED


def test_the_log_is_also_found_by_query_and_has_nothing_of_others() -> None:
    line = pair()
    (receipt,) = line.submit([message()])
    assert isinstance(receipt, Accepted)
    body = ask(line.state, f"/dev/dlr?request_id={receipt.provider_ref}").response.body
    assert b'"mobile":9876543201' in body
    assert poll(line, "lw0000000000fff") == {}
    EMULATOR.register(line.state, {"api_key": "AnotherInventedKey"})
    other = ask(line.state, f"/dev/dlr/{receipt.provider_ref}", headers={"authorization": "AnotherInventedKey"})
    assert b'"data":[]' in other.response.body


def test_the_manager_lists_what_can_be_sent() -> None:
    line = pair(senders=["ACMEIN"], templates={"111112": "Hi {#VAR#}".replace("VAR", "var"), "odd": "x"})
    call = line.call()
    page = ADAPTER.parse_templates(call, "", line.exchange(ADAPTER.build_templates(call, "")))
    assert isinstance(page, TemplatePage)
    (found,) = page.templates
    wanted = TemplateRef(found.name, variables={"1": "Asha"})
    assert ADAPTER.fits(found, wanted) == []
    assert isinstance(line.submit([message(1, wanted)])[0], Accepted)
    assert line.received[0].text == "Hi Asha"
    senders = ADAPTER.parse_senders(call, line.exchange(ADAPTER.build_senders(call)))
    assert [sender.sender for sender in senders] == ["ACMEIN"]  # type: ignore[union-attr]


def test_only_the_latest_calls_and_numbers_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wallet, "KEPT", 2)
    line = pair()
    for number in (1, 2, 3):
        line.submit([message(number)])
    assert len(line.state.calls) == len(line.state.seen) == 2
    assert settle(line, 0) is None
    assert settle(line, 1) is not None


def test_there_is_no_inbound_and_no_callback_without_an_address() -> None:
    line = Pair("fast2sms")
    line.submit([message()])
    assert settle(line) is None
    found = EMULATOR.inbound(line.state, account="a", sender="+919876543210", recipient="x", text="Hi", now=NOW)
    assert found is None
