"""
BizGO's side of the wire, checked against section 12 of its fact sheet.
"""

import json
from datetime import timedelta
from typing import Any

import pytest

from sendyard.domain.channels import Channel
from sendyard.domain.errors import ErrorKind, Invalid
from sendyard.domain.status import ReportStatus
from sendyard.providers.abilities import Found, MediaFile, NotFound, Poll, UploadedMedia
from sendyard.providers.bizgo import ADAPTER, EMULATOR
from sendyard.providers.bizgo.emulated_state import Bucket
from sendyard.providers.contract import Accepted, Refused
from sendyard.providers.emulation import EmulatedRequest, Refusal, Report
from sendyard.providers.wire import HttpResponse
from tests.providers.bizgo_wire import KEY, NOW, SMS, Yard, alimtalk, code_of, mms, parsed, rows_of, sms
from tests.providers.wire_pair import Pair

TO = "01000000001"
OTHER = "01000000002"
JPEG = b"\xff\xd8\xff\xe0 invented \xff\xd9"


@pytest.mark.parametrize("key", ["", f"Bearer {KEY}", "has-invalid-inside", "키"])
def test_a_key_bizgo_would_not_take_is_401_without_data(key: str) -> None:
    for response in (Yard().send(TO, key=key), Yard().ask("GET", "report/polling", key=key)):
        assert code_of(response) == (401, "A401")
        assert "data" not in parsed(response)


def test_only_registered_keys_work_once_one_is_registered() -> None:
    yard = Yard(senders=["1588-0000"])
    assert code_of(yard.send(TO)) == (200, "A000")
    assert code_of(yard.send(TO, key="mars_ak_other")) == (401, "A401")


@pytest.mark.parametrize(
    "fields",
    [
        {"api_key": "with blank"},
        {"api_key": ""},
        {"report_mode": "PIGEON"},
        {"report_mode": "WEBHOOK"},
        {"send_rate": 0},
        {"send_rate": "fast"},
        {"other_rate": True},
    ],
)
def test_an_account_that_cannot_exist_is_not_registered(fields: dict[str, Any]) -> None:
    with pytest.raises(Invalid):
        EMULATOR.register(EMULATOR.new_state(), {"api_key": KEY, **fields})


def test_the_account_is_named_by_something_that_is_no_secret() -> None:
    yard = Yard()
    yard.send(TO)
    assert yard.received[0].account.startswith("key-")
    assert KEY not in repr(yard.received)


def test_what_was_accepted_reaches_the_handset_as_it_was_sent() -> None:
    yard = Yard()
    response = yard.send(TO, flow=sms("#{text} #{other}"), ref="all")
    assert rows_of(response)[0]["code"] == "A000"
    document = {
        "destinations": [{"to": TO, "replaceWords": {"text": "안녕 #{other}"}, "ref": "mine"}],
        "messageFlow": sms("#{text}"),
    }
    yard.ask("POST", "send/omni", body=json.dumps(document).encode())
    unfilled, filled = yard.received
    assert (unfilled.text, unfilled.reference) == ("#{text} #{other}", "all")
    assert (filled.text, filled.reference) == ("안녕 #{other}", "mine")
    assert (filled.to, filled.sender, filled.channel) == ("+821000000001", "15880000", Channel.SMS)
    assert len(filled.provider_ref) == 32


def test_a_number_with_country_code_is_taken_as_production_once_did() -> None:
    yard = Yard()
    yard.send("821000000001")
    assert yard.received[0].to == "+821000000001"


def test_the_request_reference_comes_back() -> None:
    assert parsed(Yard().send(TO, ref="otp-1"))["data"]["ref"] == "otp-1"


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"{", "A010"),
        (b'{"ref":"\xff"}', "A010"),
        (b"[]", "A011"),
        (b'{"destinations":[{"to":1}]}', "A011"),
        (b'{"destinations":[{"to":"01000000001"}],"messageFlow":[{"sms":{"from":15880000}}]}', "A011"),
        (b"{}", "A307"),
    ],
)
def test_unreadable_requests_are_refused(body: bytes, code: str) -> None:
    assert code_of(Yard().ask("POST", "send/omni", body=body)) == (400, code)


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"idempotencyKey": "k"}, "A309"),
        ({"idempotencyKey": "k", "idempotencyTtl": 86_401}, "A309"),
        ({"idempotencyKey": "k" * 201, "idempotencyTtl": 60}, "A308"),
        ({"idempotencyKey": "", "idempotencyTtl": 60}, "A308"),
        ({"ref": "r" * 201}, "A305"),
        ({"paymentCode": "p" * 21}, "A310"),
        ({"flow": [{}]}, "A300"),
        ({"flow": [{**SMS, **mms()[0]}]}, "A300"),
        ({"flow": [{"pigeon": {}}]}, "A300"),
        ({"flow": [{"navertalk": {}}]}, "A325"),
        ({"flow": [{"sms": {"text": "hi"}}]}, "A302"),
        ({"flow": [{"sms": {"from": "SHOP", "text": "hi"}}]}, "A302"),
        ({"flow": sms("")}, "A303"),
        ({"flow": sms("축하 🎉")}, "A303"),
        ({"flow": sms("가" * 46)}, "A328"),
        ({"flow": sms("hi", ttl="soon")}, "A304"),
        ({"flow": sms("hi", title="news")}, "A300"),
        ({"flow": mms(text="x" * 2001)}, "A328"),
        ({"flow": mms(title="가" * 21)}, "A300"),
        ({"flow": mms(title="🎉")}, "A300"),
        ({"flow": mms(fileKey=["a", "b", "c", "d"])}, "A319"),
        ({"flow": mms(fileKey=["never uploaded"])}, "A217"),
        ({"flow": alimtalk(senderKey="")}, "A502"),
        ({"flow": alimtalk(templateCode="")}, "A505"),
        ({"flow": alimtalk(sendType="free")}, "A571"),
        ({"flow": alimtalk(msgType="")}, "A523"),
        ({"flow": alimtalk(text="")}, "A303"),
        ({"flow": alimtalk(text="x" * 1301)}, "A328"),
        ({"flow": alimtalk(sendType="template", msgType="", text="")}, "A300"),
    ],
)
def test_requests_against_the_rules_are_refused_whole(fields: dict[str, Any], code: str) -> None:
    yard = Yard()
    assert code_of(yard.send(TO, **fields)) == (400, code)
    assert not yard.received


def test_more_than_200_recipients_are_refused() -> None:
    yard = Yard(send_rate=1000)
    assert code_of(yard.send(*[TO] * 201)) == (400, "A318")
    assert code_of(yard.send(*[TO] * 200)) == (200, "A000")


def test_a_sender_that_is_not_registered_is_refused() -> None:
    yard = Yard(senders=["1600-9064"])
    assert code_of(yard.send(TO)) == (400, "A327")
    assert code_of(yard.send(TO, flow=[{"sms": {"from": "16009064", "text": "hi"}}])) == (200, "A000")


def test_a_bad_number_is_refused_alone() -> None:
    yard = Yard()
    rows = rows_of(yard.send(TO, "0100000", "0220001234"))
    assert [row["code"] for row in rows] == ["A000", "A306", "A306"]
    assert "msgKey" not in rows[1]
    assert len(yard.received) == 1


@pytest.mark.parametrize(("text", "code"), [("x" * 91, "A328"), ("🎉", "A303"), ("", "A303"), ("x" * 90, "A000")])
def test_limits_hold_for_the_text_after_filling_in(text: str, code: str) -> None:
    document = {"destinations": [{"to": TO, "replaceWords": {"text": text}}], "messageFlow": sms("#{text}")}
    assert rows_of(Yard().ask("POST", "send/omni", body=json.dumps(document).encode()))[0]["code"] == code


def test_the_allowance_is_used_up_by_what_was_accepted() -> None:
    yard = Yard(credit=3)
    assert code_of(yard.send(TO, "bad")) == (200, "A000")
    assert code_of(yard.send(TO, TO)) == (200, "A000")
    assert code_of(yard.send(TO)) == (400, "A320")


def test_a_repeated_key_sends_nothing_twice_until_it_is_forgotten() -> None:
    yard = Yard()
    fields: dict[str, Any] = {"idempotencyKey": "k", "idempotencyTtl": 60}
    first = rows_of(yard.send(TO, "bad", **fields))
    again = rows_of(yard.send(TO, "bad", **fields))
    assert [row["code"] for row in first] == ["A000", "A306"]
    assert [row["code"] for row in again] == ["A301", "A306"]
    assert "msgKey" not in again[0]
    assert len(yard.received) == 1
    yard.now += timedelta(seconds=60)
    assert rows_of(yard.send(TO, "bad", **fields))[0]["code"] == "A000"
    assert len(yard.received) == 2


def test_a_key_remembered_for_no_time_is_not_remembered() -> None:
    yard = Yard()
    for _ in range(2):
        assert rows_of(yard.send(TO, idempotencyKey="k", idempotencyTtl=0))[0]["code"] == "A000"


def test_sending_is_limited_by_recipients_not_by_requests() -> None:
    yard = Yard()
    yard.step = timedelta(milliseconds=10)
    assert code_of(yard.send(*[TO] * 200)) == (200, "A000")
    assert code_of(yard.send(TO, TO, TO)) == (429, "A020")
    yard.now += timedelta(milliseconds=500)
    assert code_of(yard.send(*[TO] * 100)) == (200, "A000")
    assert code_of(yard.send(*[TO] * 100)) == (429, "A020")


def test_everything_else_is_limited_to_five_requests_a_second() -> None:
    yard = Yard()
    yard.step = timedelta(0)
    answers = [code_of(yard.ask("GET", "report/polling")) for _ in range(6)]
    assert answers == [(200, "A000")] * 5 + [(429, "A020")]


def test_an_account_may_have_another_limit() -> None:
    yard = Yard(send_rate=50_000, other_rate=100)
    yard.step = timedelta(0)
    assert all(code_of(yard.send(*[TO] * 200)) == (200, "A000") for _ in range(20))
    assert all(code_of(yard.ask("GET", "report/polling")) == (200, "A000") for _ in range(20))


def test_a_request_larger_than_the_bucket_leaves_it_in_debt() -> None:
    bucket = Bucket(10)
    assert bucket.take(30, NOW)
    assert not bucket.take(1, NOW + timedelta(seconds=2))
    assert bucket.take(1, NOW + timedelta(seconds=3))


@pytest.mark.parametrize(
    ("refusal", "code"),
    [
        (Refusal(ErrorKind.INVALID_RECIPIENT), "A306"),
        (Refusal(ErrorKind.NOT_REGISTERED), "A327"),
        (Refusal(ErrorKind.UNMAPPED), "A777"),
        (Refusal(ErrorKind.CONTENT_REJECTED, "A323"), "A323"),
    ],
)
def test_a_scenario_refuses_one_recipient(refusal: Refusal, code: str) -> None:
    yard = Yard()
    rows = rows_of(yard.send(TO, OTHER, refusal=lambda to: refusal if to == "+821000000002" else None))
    assert [row["code"] for row in rows] == ["A000", code]


def test_every_class_of_refusal_has_a_code() -> None:
    for refusal in map(Refusal, ErrorKind):
        (row,) = rows_of(Yard().send(TO, refusal={"+821000000001": refusal}.get))
        assert row["code"].startswith("A")


def test_a_scenario_with_a_gateway_code_refuses_the_whole_request() -> None:
    yard = Yard()
    ban = Refusal(ErrorKind.AUTH_FAILED, "gateway:A403")
    response = yard.send(TO, OTHER, refusal=lambda to: ban if to == "+821000000002" else None)
    assert code_of(response) == (403, "A403")
    assert not yard.received
    assert code_of(yard.send(TO, refusal=lambda _to: Refusal(ErrorKind.UNMAPPED, "gateway:odd")))[0] == 500
    assert yard.data("message/history", "requestTime=2026-11-21T10:00:00")["messages"] == []


def form(
    data: bytes, content_type: str = "image/jpeg", name: str = "a.jpg", part: str = "file", extra: bytes = b""
) -> bytes:
    disposition = f'Content-Disposition: form-data; name="{part}"; filename="{name}"'
    head = f"--b\r\n{disposition}\r\nContent-Type: {content_type}\r\n\r\n"
    return extra + head.encode() + data + b"\r\n--b--\r\n"


def upload(body: bytes, content_type: str = "multipart/form-data; boundary=b") -> HttpResponse:
    return Yard().ask("POST", "file/mms", body=body, headers={"content-type": content_type})


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (form(JPEG, part="picture"), "A204"),
        (b"--b\r\nno head\r\n--b--", "A204"),
        (form(JPEG, name=""), "A208"),
        (form(b"\x89PNG"), "A205"),
        (form(JPEG, "image/png"), "A205"),
        (form(b"\x89PNG", "image/png"), "A206"),
        (form(JPEG.ljust(307_201, b"\0")), "A200"),
    ],
)
def test_files_against_the_rules_are_refused(body: bytes, code: str) -> None:
    assert code_of(upload(body)) == (400, code)


def test_an_upload_that_is_no_form_has_no_file() -> None:
    assert code_of(upload(JPEG, "image/jpeg")) == (400, "A204")


def test_an_upload_may_bring_its_own_key() -> None:
    own = b'--b\r\nContent-Disposition: form-data; name="fileKey"\r\n\r\nmine\r\n'
    data = parsed(upload(form(JPEG, extra=own)))["data"]["data"]
    assert data == {"fileKey": "mine", "expired": "2027-11-21T11:00:01+09:00"}


def test_the_wrong_method_is_405_and_the_unknown_path_404() -> None:
    assert code_of(Yard().ask("GET", "send/omni")) == (405, "A405")
    assert code_of(Yard().ask("POST", "report/polling")) == (405, "A405")
    assert code_of(Yard().ask("GET", "reservation")) == (405, "A405")
    assert code_of(Yard().ask("POST", "send/sms")) == (404, "A404")


@pytest.mark.parametrize(("wait", "header"), [(None, None), (2.0, "2"), (0.5, "0.5")])
def test_too_fast_is_429_with_a_wait_only_when_asked_for(wait: float | None, header: str | None) -> None:
    request = EmulatedRequest("POST", "/api/comm/v1/send/omni", "", {}, b"", NOW)
    response = EMULATOR.throttled(request, wait)
    assert code_of(response) == (429, "A020")
    assert response.headers.get("retry-after") == header
    assert code_of(EMULATOR.unavailable(request)) == (503, "A920")


def test_both_sides_agree_on_a_batch_with_its_reports() -> None:
    pair = Pair("bizgo")
    batch = [pair.outgoing(number, f"손님 {number}") for number in range(1, 4)]
    receipts = pair.submit(batch, lambda to: Refusal(ErrorKind.BLOCKED) if to == batch[1].to.value else None)
    assert [type(receipt) for receipt in receipts] == [Accepted, Refused, Accepted]
    assert [received.text for received in pair.received] == ["손님 1", "손님 3"]
    pair.emulator.settle(pair.state, pair.received[0], Report(ReportStatus.DELIVERED, pair.now))
    assert pair.adapter is ADAPTER
    poll = ADAPTER.parse_poll(pair.call(), (), pair.exchange(ADAPTER.build_poll(pair.call(), "", ())))
    assert [event.key.reference for event in poll.events if hasattr(event, "key")] == ["ref-000001"]
    assert poll.acknowledge
    assert pair.exchange(poll.acknowledge).status == 200
    assert ADAPTER.parse_poll(pair.call(), (), pair.exchange(ADAPTER.build_poll(pair.call(), "", ()))) == Poll(())


def test_both_sides_agree_on_a_repeated_exchange() -> None:
    pair = Pair("bizgo")
    batch = [pair.outgoing(1), pair.outgoing(2)]
    request = ADAPTER.build_submit(pair.call(), batch)
    first = ADAPTER.parse_submit(batch, pair.exchange(request))
    again = ADAPTER.parse_submit(batch, pair.exchange(request))
    assert all(isinstance(receipt, Accepted) and receipt.provider_ref for receipt in first)
    assert again == [Accepted("m1"), Accepted("m2")]
    assert len(pair.received) == 2


def test_both_sides_agree_on_what_was_lost() -> None:
    pair = Pair("bizgo")
    sent, lost = pair.outgoing(1), pair.outgoing(2)
    at = pair.now
    (receipt,) = pair.submit([sent])
    assert isinstance(receipt, Accepted)
    asked = pair.exchange(ADAPTER.build_lookup(pair.call(), sent, at))
    assert ADAPTER.parse_lookup(sent, at, asked) == Found(receipt.provider_ref)
    assert ADAPTER.parse_lookup(lost, at, asked) == NotFound()


def test_both_sides_agree_on_a_picture() -> None:
    pair = Pair("bizgo")
    request = ADAPTER.build_upload(pair.call(), MediaFile(Channel.MMS, "a.jpg", "image/jpeg", JPEG))
    uploaded = ADAPTER.parse_upload(pair.exchange(request))
    assert isinstance(uploaded, UploadedMedia)
    assert uploaded.expires_at
    flow = mms(fileKey=[uploaded.handle])
    body = json.dumps({"destinations": [{"to": TO}], "messageFlow": flow}).encode()
    headers = {"authorization": KEY}
    later = pair.now + timedelta(seconds=1)
    request_again = EmulatedRequest("POST", "/api/comm/v1/send/omni", "", headers, body, later)
    (received,) = EMULATOR.handle(request_again, pair.state).received
    assert (received.channel, received.media) == (Channel.MMS, (uploaded.handle,))


def test_both_sides_agree_on_the_connection_test() -> None:
    pair = Pair("bizgo")
    pair.submit([pair.outgoing(1)])
    result = ADAPTER.parse_probe(pair.call(), pair.exchange(ADAPTER.build_probe(pair.call())))
    assert result.ok
    assert result.facts["accepted_today"] == "1"


def test_both_sides_agree_on_a_title() -> None:
    yard = Yard()
    yard.send(TO, flow=mms(title="안내"))
    assert yard.received[0].extra == {"title": "안내"}
    assert yard.received[0].channel is Channel.SMS
