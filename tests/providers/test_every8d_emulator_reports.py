"""
What the emulated Every8d tells afterwards: reports, callbacks and replies.
"""

import json
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from sendyard.domain.content import Text
from sendyard.domain.errors import ErrorKind
from sendyard.domain.status import ReportStatus
from sendyard.providers.contract import Accepted, DeliveryEvent, Inbound
from sendyard.providers.every8d import EMULATOR, console
from sendyard.providers.every8d.console import Every8dState
from sendyard.providers.wire import HttpRequest, HttpResponse
from tests.providers.every8d_wire import (
    CALLBACK_URL,
    NOW,
    batch_of,
    delivered,
    heard,
    outgoing,
    param,
    pending,
    poll,
    post,
    registered,
    reported,
    rows,
    send,
    submit,
)


def test_reports_come_tab_separated_in_json_and_in_xml() -> None:
    state = registered()
    answer = param(state, {"Mobile": "0912345678", "Param": "hi", "MR": "m<1", "Name": "王"})
    batch_id = batch_of(answer["Msg"])
    tabs = post("GetDeliveryStatus.ashx", state, BID=batch_id)
    assert tabs == "1\r\n王\t+886912345678\t2026/11/21 10:00:00\t1\t0\r\n"
    (row,) = rows(state, batch_id)
    assert (row["SEND_TIME"], row["RECEIVED_TIME"]) == ("2026-11-21 10:00:00", "")
    xml = post("GetDeliveryStatus.ashx", state, BID=batch_id, RESPFORMAT=2)
    assert f"<SMS_COUNT>1</SMS_COUNT><BID>{batch_id}</BID><DATA><MR>m&lt;1</MR>" in xml


@pytest.mark.parametrize("page", ["0", "-1", "x", "²", "9" * 5000])
def test_a_page_that_is_none_is_a_parameter_error(page: str) -> None:
    state = registered()
    assert post("GetDeliveryStatus.ashx", state, BID="x", PNO=page).startswith("-1,")


def test_another_customers_batch_does_not_exist() -> None:
    state = registered()
    EMULATOR.register(state, {"username": "other", "password": "invented-2"})
    batch_id = batch_of(send(state))
    theirs = json.loads(
        post("GetDeliveryStatus.ashx", state, UID="other", PWD="invented-2", BID=batch_id, RESPFORMAT=1)
    )
    assert theirs == {"SMS_COUNT": 0, "BID": batch_id}


@pytest.mark.parametrize(
    ("fields", "text", "code"),
    [
        ({"senders": ["【幸福氣】"]}, "no label", "105"),
        ({"carrier_keywords": ["casino"]}, "the casino", "105"),
        ({"system_keywords": ["casino"]}, "the casino", "106"),
        ({"senders": ["【幸福氣】"]}, "【幸福氣】hello", "100"),
    ],
)
def test_what_content_forbids_is_blocked_on_the_way(fields: dict[str, Any], text: str, code: str) -> None:
    state = registered(callback_url=CALLBACK_URL, **fields)
    (receipt,), handled = submit(state, [outgoing(text=text)])
    assert isinstance(receipt, Accepted)
    assert delivered(state, handled.received[0]).raw_status == code


def test_callbacks_have_the_newer_parameters_unless_an_account_is_older() -> None:
    newer = {"ST", "SUBJECT", "NAME", "SOURCE", "CHARGE", "TYPE"}
    for is_newer in (True, False):
        state = registered(callback_url=f"{CALLBACK_URL}?a=b", newer_callbacks=is_newer)
        _, handled = submit(state, [outgoing()])
        callback = reported(state, handled.received[0], ReportStatus.DELIVERED)
        assert callback
        query = parse_qs(urlsplit(callback.url).query, keep_blank_values=True)
        assert (query["a"], query["MR"], query["RT"]) == (["b"], ["ref-1"], ["20261121100000"])
        assert newer.issubset(query) is is_newer
        assert isinstance(heard(callback), DeliveryEvent)


def test_a_final_report_is_called_back_once_and_shown_from_then_on() -> None:
    state = registered(callback_url=CALLBACK_URL)
    (receipt,), handled = submit(state, [outgoing()])
    assert isinstance(receipt, Accepted)
    (received,) = handled.received
    assert reported(state, received, ReportStatus.SENT) is None
    failed = heard(reported(state, received, ReportStatus.FAILED, kind=ErrorKind.BLOCKED))
    assert isinstance(failed, DeliveryEvent)
    assert reported(state, received, ReportStatus.DELIVERED) is None
    (event,) = poll(state, pending(outgoing(), receipt.provider_ref)).events
    assert isinstance(event, DeliveryEvent)
    assert (event.raw_status, event.occurred_at) == ("104", NOW)


def test_without_an_address_reports_are_shown_only() -> None:
    state = registered()
    (receipt,), handled = submit(state, [outgoing()])
    assert isinstance(receipt, Accepted)
    assert reported(state, handled.received[0], ReportStatus.FAILED) is None
    assert rows(state, receipt.provider_ref)[0]["STATUS"] == "101"


def test_only_http_200_ends_the_repetition_of_a_callback() -> None:
    _, handled = submit(registered(), [outgoing()])
    (received,) = handled.received
    for status, accepted in ((200, True), (204, False), (500, False)):
        assert EMULATOR.callback_accepted(received, HttpResponse(status)) is accepted


def reply(state: Every8dState, text: str = "好", sender: str = "+886900000001") -> HttpRequest | None:
    return EMULATOR.inbound(state, account="sendyard", sender=sender, recipient="", text=text, now=NOW)


@pytest.mark.parametrize("charset", ["utf-8", "big5"])
def test_a_reply_names_the_message_it_answers(charset: str) -> None:
    state = registered(callback_url=CALLBACK_URL, reply_charset=charset)
    (receipt,), _ = submit(state, [outgoing()])
    assert isinstance(receipt, Accepted)
    event = heard(reply(state))
    assert isinstance(event, Inbound)
    assert (event.sender, event.content, event.occurred_at) == ("+886900000001", Text("好"), NOW)
    assert event.in_reply_to
    assert (event.in_reply_to.reference, event.in_reply_to.provider_ref) == ("ref-1", receipt.provider_ref)


def test_the_same_reply_carries_one_key_and_another_text_another() -> None:
    state = registered(callback_url=CALLBACK_URL)
    keys = [heard(reply(state, text)).dedupe_key for text in ("a", "a", "b")]
    assert keys[0] == keys[1] != keys[2]


def test_a_reply_to_nothing_names_no_batch() -> None:
    event = heard(reply(registered(callback_url=CALLBACK_URL)))
    assert isinstance(event, Inbound)
    assert event.in_reply_to
    assert event.in_reply_to.provider_ref == ""


def test_replies_can_be_asked_for_where_nobody_is_called() -> None:
    state = registered()
    (receipt,), _ = submit(state, [outgoing()])
    assert isinstance(receipt, Accepted)
    assert reply(state) is None
    answer = json.loads(post("GetReplyMessage.ashx", state, BID=receipt.provider_ref, RESPFORMAT=1))
    row = {"NAME": "", "MOBILE": "+886900000001", "CONTENT": "好", "RECEIVED_TIME": "2026-11-21 10:00:00"}
    assert answer == {"SMS_COUNT": 1, "BID": receipt.provider_ref, "DATA": [row]}
    tabs = post("GetReplyMessage.ashx", state, BID=receipt.provider_ref)
    assert tabs == "1\r\n\t+886900000001\t好\t2026-11-21 10:00:00\r\n"
    assert post("GetReplyMessage.ashx", state, BID="unknown") == "0\r\n"


def test_a_reply_to_an_account_nobody_has_goes_nowhere() -> None:
    assert EMULATOR.inbound(registered(), account="?", sender="+886900000001", recipient="", text="x", now=NOW) is None


@pytest.mark.parametrize("kind", list(ErrorKind))
def test_every_class_of_failure_has_a_code(kind: ErrorKind) -> None:
    state = registered(callback_url=CALLBACK_URL)
    _, handled = submit(state, [outgoing()])
    event = heard(reported(state, handled.received[0], ReportStatus.FAILED, kind=kind))
    assert isinstance(event, DeliveryEvent)
    assert event.error
    assert event.status is ReportStatus.FAILED


def test_the_oldest_batches_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(console, "_KEPT", 2)
    state = registered(callback_url=CALLBACK_URL)
    _, first = submit(state, [outgoing(1)])
    for number in (2, 3):
        submit(state, [outgoing(number)])
    assert len(state.batches) == len(state.texts) == len(state.last_batch) == 2
    assert reported(state, first.received[0], ReportStatus.DELIVERED) is None
