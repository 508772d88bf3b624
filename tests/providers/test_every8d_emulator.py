"""
The emulated Every8d behaves as specification 2.2 and public code say.
"""

import json
from base64 import b64encode
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from sendyard.domain.errors import ErrorKind, Invalid
from sendyard.domain.status import ReportStatus
from sendyard.providers.contract import Accepted, Refused, Unknown
from sendyard.providers.emulation import Refusal
from sendyard.providers.every8d import EMULATOR
from sendyard.providers.every8d.console import Every8dState
from sendyard.providers.wire import HttpRequest
from tests.providers.every8d_wire import (
    CALLBACK_URL,
    LOGIN,
    NOW,
    PICTURE,
    arrive,
    batch_of,
    delivered,
    exchange,
    outgoing,
    param,
    picture_message,
    post,
    post_json,
    registered,
    reported,
    rows,
    send,
    submit,
)

TOMORROW = "20261122100000"  # in Taipei: a day after NOW
MMS: dict[str, Any] = {
    "DEST": "0912345678",
    "MSG": "hi",
    "SB": "sale",
    "ATTACHMENT": b64encode(PICTURE).decode(),
    "TYPE": "jpg",
}


def test_a_send_is_answered_with_credit_counts_and_a_batch_id() -> None:
    state = registered(credit=89)
    line = send(state, DEST="0912345678,+886922333444", MSG="【幸福氣】訂單已確認")
    assert line == "87.00,2,2,0,00000001-8506-49b2-93b7-000000000001"
    assert post("GetCredit.ashx", state) == "87.00"


def test_paths_are_taken_in_any_case_of_letters() -> None:
    state = registered(credit=1)
    assert post("sendsms.ASHX", state, DEST="0912345678", MSG="x").startswith("0.00,1,1,0,")


def test_a_send_for_which_the_credit_is_not_enough_is_sent_in_part() -> None:
    state = registered(credit=1)
    line = send(state, DEST="0912345678,0922333444,0933444555")
    assert line.startswith("0.00,1,1,2,")
    assert [row["STATUS"] for row in rows(state, batch_of(line))] == ["0", "301", "301"]


def test_bad_and_foreign_numbers_are_accepted_and_fail_in_their_report() -> None:
    state = registered(credit=10)
    line = send(state, DEST="0212345678,+819012345678,0912345678")
    assert line.startswith("9.00,1,1,0,")
    found = rows(state, batch_of(line))
    assert [(row["MOBILE"], row["STATUS"], row["COST"]) for row in found] == [
        ("0212345678", "-8", "0"),
        ("+819012345678", "500", "0"),
        ("+886912345678", "0", "1"),
    ]
    only_bad = send(state, DEST="12")
    assert only_bad.startswith("9.00,0,0,0,")


def test_international_numbers_are_reached_once_that_is_enabled() -> None:
    assert send(registered(international=True), DEST="+819012345678").split(",")[1] == "1"


def test_a_text_beyond_a_long_message_becomes_several_sends() -> None:
    state = registered()
    line = send(state, MSG="x" * 334)
    assert line.split(",")[1] == "2"
    assert [row["COST"] for row in rows(state, batch_of(line))] == ["3", "1"]


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"DEST": ""}, "-41"),
        ({"DEST": " , "}, "-41"),
        ({"MSG": " "}, "-24"),
        ({"RETRYTIME": "soon"}, "-1"),
        ({"ST": "tomorrow"}, "-4"),
        ({"ST": "20261341000000"}, "-4"),
        ({"ST": "20261119090000"}, "-4"),
        ({"EventID": "-1"}, "-290"),
    ],
)
def test_what_a_send_lacks_is_said_with_a_code_and_http_200(fields: dict[str, Any], code: str) -> None:
    assert send(registered(), **fields).partition(",")[0] == code


@pytest.mark.parametrize(
    ("login", "code"),
    [
        ({"UID": ""}, "-300"),
        ({"PWD": ""}, "-300"),
        ({"UID": "nobody"}, "-100"),
        ({"UID": "invalid-user"}, "-100"),
        ({"PWD": "wrong"}, "-101"),
        ({"PWD": "invalid"}, "-101"),
    ],
)
def test_credentials_are_judged_once_accounts_are_registered(login: dict[str, Any], code: str) -> None:
    assert post("GetCredit.ashx", registered(), **login).partition(",")[0] == code


def test_any_well_formed_credential_works_before_accounts_are_registered() -> None:
    state = EMULATOR.new_state()
    assert post("GetCredit.ashx", state, UID="anyone", PWD="anything") == "1000000000.00"
    assert post("GetCredit.ashx", state, UID="anyone", PWD="invalid").startswith("-101")


@pytest.mark.parametrize("wrong", [{"username": 7}, {"password": None}, {"senders": "x"}, {"reply_charset": "ebcdic"}])
def test_what_is_no_account_is_not_registered(wrong: dict[str, Any]) -> None:
    with pytest.raises(Invalid, match="no Every8d account"):
        registered(**wrong)


@pytest.mark.parametrize("path", ["/API21/HTTP/", "/API21/HTTP/SendSMS", "/SMS/BulkSMS", "/API21/http/MMS/x.ashx"])
def test_what_is_not_documented_is_not_found(path: str) -> None:
    request = HttpRequest("POST", f"https://emulator.test{path}", {}, b"UID=a&PWD=b")
    assert exchange(registered(), request).response.status == 404


def test_personal_texts_keep_their_references_and_names() -> None:
    state = registered()
    answer = param(
        state,
        {"Mobile": "0912345678", "Param": "王先生|A123|||", "MR": "m-001", "Name": "王"},
        {"Mobile": "0922333444", "Param": "a|%field1%|||", "Mr": "m-002"},
        MSG="【幸福氣】%field1%您好，訂單%field2%%field3%",
        SB="batch",
    )
    assert answer["Result"] is True
    assert [(row["MR"], row["NAME"]) for row in rows(state, batch_of(answer["Msg"]))] == [
        ("m-001", "王"),
        ("m-002", ""),
    ]
    texts = [text for _, _, text in state.texts]
    assert texts == ["【幸福氣】王先生您好，訂單A123", "【幸福氣】a您好，訂單%field1%"]


@pytest.mark.parametrize(
    ("recipients", "fields", "code"),
    [
        ([{"Mobile": "0912345678", "Param": "a|b"}], {"MSG": "%field1%"}, "-1"),
        ([{"Mobile": "0912345678", "Param": "a", "SendTime": "soon"}], {}, "-28"),
        ([{"Mobile": "0912345678", "Param": "a", "SendTime": "20261119000000"}], {}, "-4"),
        (
            [{"Mobile": "0912345678", "Param": "a", "MR": "1"}, {"Mobile": "0922333444", "Param": "a", "MR": "1"}],
            {},
            "-1",
        ),
        ([{"Mobile": "0912345678", "Param": ""}], {}, "-24"),
        ([], {}, "-41"),
        ([{"Mobile": "0912345678", "Param": "a"}], {"RETRYTIME": "soon"}, "-1"),
        ([{"Mobile": "0912345678", "Param": "a"}], {"PWD": "wrong"}, "-101"),
        ([{"Mobile": 912345678, "Param": "a"}], {}, "-1"),
    ],
)
def test_a_faulty_document_is_refused_as_a_whole(
    recipients: list[dict[str, str]], fields: dict[str, str], code: str
) -> None:
    answer = param(registered(), *recipients, **fields)
    assert (answer["Result"], answer["Status"]) == (False, code)


@pytest.mark.parametrize("path", ["SendParam.ashx", "ConnectionHandler.ashx"])
@pytest.mark.parametrize("body", [b"", b"[1]", b'{"UID":', b"\xff"])
def test_what_is_no_document_is_a_parameter_error(path: str, body: bytes) -> None:
    request = HttpRequest("POST", f"https://emulator.test/API21/HTTP/{path}", {}, body)
    assert json.loads(exchange(registered(), request).response.body)["Status"] == "-1"


def sign_in(state: Every8dState, **fields: Any) -> Any:
    return post_json("ConnectionHandler.ashx", state, {"HandlerType": 3, "VerifyType": 1, **LOGIN, **fields})


def test_a_token_opens_checks_and_closes() -> None:
    state = registered()
    bearer = {"authorization": f"Bearer {sign_in(state)['Msg']}"}
    check = {"HandlerType": 3, "VerifyType": 2}
    assert post("GetCredit.ashx", state, headers=bearer) == "1000000000.00"
    assert post_json("ConnectionHandler.ashx", state, check, headers=bearer) == {"Result": True}
    assert post_json("ConnectionHandler.ashx", state, {**check, "VerifyType": 3}, headers=bearer) == {"Result": True}
    assert post_json("ConnectionHandler.ashx", state, check, headers=bearer)["Status"] == "-101"
    assert post("GetCredit.ashx", state, headers=bearer).startswith("-101")


def test_a_token_ends_by_itself() -> None:
    state = registered()
    bearer = {"authorization": f"Bearer {sign_in(state)['Msg']}"}
    for hours, good in ((8, True), (9, False)):
        answer = post("GetCredit.ashx", state, headers=bearer, now=NOW + timedelta(hours=hours))
        assert answer.startswith("-101") is not good


@pytest.mark.parametrize(
    ("fields", "code"), [({"PWD": "wrong"}, "-101"), ({"VerifyType": 4}, "-1"), ({"HandlerType": 1}, "-1")]
)
def test_a_sign_in_that_is_wrong_gets_no_token(fields: dict[str, Any], code: str) -> None:
    assert sign_in(registered(), **fields)["Status"] == code


def test_no_more_than_a_thousand_tokens_are_kept() -> None:
    state = registered()
    for _ in range(1001):
        sign_in(state)
    assert len(state.tokens) == 1000


def filtered(state: Every8dState, **fields: Any) -> list[str]:
    return post("SendSMS4FilterMessage.ashx", state, **{"DEST": "0912345678", "MSG": "hello", **fields}).split(",")


def test_the_filter_holds_back_only_what_was_said_before() -> None:
    state = registered(credit=10)
    first = filtered(state)
    assert first[1:4] == ["1", "1", "0"]
    assert first[5:] == ["", ""]
    both = filtered(state, DEST="0912345678,0922333444")
    assert (both[0], both[1], both[5], both[6]) == ("8.00", "1", "0912345678", first[4])
    none = filtered(state, DEST="0912345678,0922333444")
    assert none[:5] == ["8.00", "0", "0", "0", ""]
    assert (none[5], none[6]) == ("0912345678/0922333444", f"{first[4]}/{both[4]}")
    assert filtered(state, MSG="another")[1] == "1"


def test_the_filter_only_asks_where_it_is_told_not_to_send() -> None:
    state = registered()
    assert filtered(state, IsSend="false")[1] == "0"
    assert filtered(state)[1] == "1"
    assert filtered(state, IsSend="False")[5] == "0912345678"


def test_a_booking_can_be_cancelled_and_its_points_come_back() -> None:
    state = registered(credit=10)
    line = send(state, ST=TOMORROW, DEST="0912345678,0922333444")
    assert [row["STATUS"] for row in rows(state, batch_of(line))] == ["300", "300"]
    assert post("EraseBooking.ashx", state, BID=batch_of(line)) == "2,2.00"
    assert [(row["STATUS"], row["REAL_COST"]) for row in rows(state, batch_of(line))] == [("303", "0")] * 2
    assert post("EraseBooking.ashx", state, BID=batch_of(line)) == "0,0.00"
    assert post("GetCredit.ashx", state) == "10.00"


def test_a_booking_of_which_nobody_knows_or_whose_time_has_come_is_not_cancelled() -> None:
    state = registered()
    booked = batch_of(send(state, ST=TOMORROW))
    assert post("EraseBooking.ashx", state, BID="unknown").startswith("-1,")
    assert post("EraseBooking.ashx", state, BID=booked, now=NOW + timedelta(days=2)) == "0,0.00"


def test_a_cancelled_booking_stays_cancelled_whatever_a_carrier_says() -> None:
    state = registered(callback_url=CALLBACK_URL)
    message = {"Mobile": "0912345678", "Param": "hi", "SendTime": TOMORROW, "MR": "m-1"}
    body = json.dumps({**LOGIN, "RecipientDataList": [message]}).encode()
    handled = exchange(state, HttpRequest("POST", "https://emulator.test/API21/HTTP/SendParam.ashx", {}, body))
    (received,) = handled.received
    assert received.at == NOW + timedelta(days=1)
    post("EraseBooking.ashx", state, BID=received.provider_ref)
    assert reported(state, received, ReportStatus.SENT) is None
    event = delivered(state, received)
    assert (event.raw_status, event.error and event.error.kind) == ("303", ErrorKind.EXPIRED)


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"SB": ""}, "-303"),
        ({"ATTACHMENT": ""}, "-304"),
        ({"ATTACHMENT": "not base64"}, "-304"),
        ({"TYPE": "bmp"}, "-305"),
        ({"ATTACHMENT": b64encode(bytes(51_201)).decode()}, "-314"),
        ({"DEST": ""}, "-41"),
    ],
)
def test_a_picture_is_judged_before_it_is_taken(fields: dict[str, Any], code: str) -> None:
    assert post("MMS/sendMMS.ashx", registered(), **{**MMS, **fields}).partition(",")[0] == code


def test_pictures_need_an_account_that_may_send_them() -> None:
    (receipt,), _ = submit(registered(mms=False), [picture_message()])
    assert isinstance(receipt, Refused)
    assert receipt.error.code == "-10"


def test_pictures_have_calls_of_their_own() -> None:
    state = registered(credit=10)
    batch_id = batch_of(post("MMS/sendMMS.ashx", state, **MMS, ST=TOMORROW))
    assert rows(state, batch_id) == []
    assert [row["STATUS"] for row in rows(state, batch_id, "MMS/getDeliveryStatus.ashx")] == ["300"]
    assert post("MMS/eraseBooking.ashx", state, BID=batch_id) == "1,1.00"


@pytest.mark.parametrize("kind", list(ErrorKind))
def test_every_class_of_refusal_is_said_in_some_way(kind: ErrorKind) -> None:
    for message in (outgoing(), picture_message()):
        (receipt,), handled = submit(registered(), [message], refusal=lambda _to: Refusal(kind))
        assert isinstance(receipt, Refused | Unknown)
        assert not handled.received


def test_a_refused_recipient_among_others_is_told_in_the_report() -> None:
    state = registered()
    batch = [outgoing(number) for number in (1, 2, 3)]
    wanted = batch[0].to.value
    refusal = Refusal(ErrorKind.INVALID_RECIPIENT)
    receipts, handled = submit(state, batch, refusal=lambda to: refusal if to == wanted else None)
    assert [received.to for received in handled.received] == [message.to.value for message in batch[1:]]
    assert isinstance(receipts[0], Accepted)
    found = rows(state, receipts[0].provider_ref)
    assert [row["STATUS"] for row in found] == ["-8", "0", "0"]


def test_a_refusal_by_a_code_of_reports_is_a_parameter_error_where_only_a_minus_refuses() -> None:
    (receipt,), _ = submit(registered(), [picture_message()], refusal=lambda _to: Refusal(ErrorKind.BLOCKED, "104"))
    assert isinstance(receipt, Refused)
    assert receipt.error.code == "-1"


def test_credit_keeps_its_decimals() -> None:
    state = registered(credit="1.5")
    assert send(state).startswith("0.50,1,1,0,")
    assert state.customers["sendyard"].credit == Decimal("0.5")


def test_a_proxys_limit_gives_its_waiting_time_only_when_known() -> None:
    request = arrive(HttpRequest("POST", "https://emulator.test/API21/HTTP/SendSMS.ashx"))
    assert EMULATOR.throttled(request, 3).headers["retry-after"] == "3"
    assert "retry-after" not in EMULATOR.throttled(request, None).headers
    assert EMULATOR.unavailable(request).status == 503
