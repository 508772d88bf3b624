"""
BizGO's side of the wire after a message was accepted: reports, callbacks, inquiries, messages from people.
"""

import base64
import hashlib
import hmac
import json
from datetime import timedelta
from typing import Any

import pytest

from sendyard.domain.channels import Channel
from sendyard.domain.errors import ErrorKind
from sendyard.domain.status import ReportStatus
from sendyard.providers.bizgo import EMULATOR
from sendyard.providers.wire import HttpResponse
from tests.providers.bizgo_wire import CALLBACK_URL, KEY, SECRET, Yard, alimtalk, code_of, mms, settle, sms

TO = "01000000001"
OTHER = "01000000002"
JPEG = b"\xff\xd8\xff\xe0 invented \xff\xd9"


def test_reports_are_held_until_they_are_acknowledged() -> None:
    yard = Yard()
    yard.send(TO, OTHER, ref="r")
    assert yard.data("report/polling") == {"reportId": "", "report": None}
    settle(yard, 0, ReportStatus.SENT)
    assert yard.data("report/polling")["report"] is None
    settle(yard, 0, ReportStatus.DELIVERED)
    first = yard.data("report/polling")
    settle(yard, 1, ReportStatus.FAILED, ErrorKind.INVALID_RECIPIENT)
    assert yard.data("report/polling") == first
    assert code_of(yard.ask("DELETE", "report/polling/other")) == (403, "A802")
    assert code_of(yard.ask("DELETE", f"report/polling/{first['reportId']}")) == (200, "A000")
    assert code_of(yard.ask("DELETE", f"report/polling/{first['reportId']}")) == (403, "A802")
    second = yard.data("report/polling")
    assert [row["reportCode"] for row in first["report"] + second["report"]] == ["10000", "23001"]
    assert second["reportId"] != first["reportId"]
    assert first["report"][0]["reportTime"].endswith("+09:00")
    assert "." not in first["report"][0]["reportTime"]
    assert {"msgKey", "serviceType", "msgType", "sendTime", "reportText", "carrier", "ref"} <= set(first["report"][0])


def test_a_poll_hands_out_a_thousand_at_most() -> None:
    yard = Yard(send_rate=10_000)
    for _ in range(6):
        yard.send(*[TO] * 200)
    for number in range(1200):
        settle(yard, number, ReportStatus.DELIVERED)
    first = yard.data("report/polling")
    yard.ask("DELETE", f"report/polling/{first['reportId']}")
    assert (len(first["report"]), len(yard.data("report/polling")["report"])) == (1000, 200)


def test_reports_nobody_fetched_are_gone_after_three_days() -> None:
    yard = Yard()
    yard.send(TO)
    settle(yard, 0, ReportStatus.DELIVERED)
    yard.now += timedelta(days=3, seconds=1)
    assert yard.data("report/polling")["report"] is None


def webhook(**fields: Any) -> Yard:
    return Yard(callback_url=CALLBACK_URL, webhook_secret=SECRET, **fields)


def test_a_key_in_webhook_mode_is_called_back_and_cannot_poll() -> None:
    yard = webhook()
    yard.send(TO, ref="r")
    callback = settle(yard, 0, ReportStatus.FAILED, ErrorKind.UNDELIVERABLE, "23015")
    assert (callback.method, callback.url) == ("POST", CALLBACK_URL)
    stamp = callback.headers["x-ib-timestamp"]
    assert stamp == str(int(yard.now.timestamp() * 1000))
    expected = hmac.new(SECRET.encode(), stamp.encode(), hashlib.sha256)
    assert callback.headers["x-ib-signature"] == expected.hexdigest()
    report = json.loads(callback.body)
    assert (report["reportCode"], report["reportText"], report["ref"]) == ("23015", "전송 경로 없음", "r")
    assert report["reportTime"].endswith(".000+09:00")
    assert code_of(yard.ask("GET", "report/polling")) == (400, "A801")


def test_signatures_may_be_base64() -> None:
    yard = webhook(signature_encoding="base64")
    yard.send(TO)
    headers = settle(yard, 0, ReportStatus.DELIVERED).headers
    digest = hmac.new(SECRET.encode(), headers["x-ib-timestamp"].encode(), hashlib.sha256).digest()
    assert headers["x-ib-signature"] == base64.b64encode(digest).decode()


def test_an_account_with_an_address_may_still_poll() -> None:
    yard = webhook(report_mode="polling")
    yard.send(TO)
    assert settle(yard, 0, ReportStatus.DELIVERED) is None
    assert len(yard.data("report/polling")["report"]) == 1


def test_a_callback_is_accepted_by_its_own_key_only() -> None:
    yard = webhook()
    yard.send(TO)
    received = yard.received[0]
    right = json.dumps({"msgKey": received.provider_ref}).encode()
    assert EMULATOR.callback_accepted(received, HttpResponse(200, {}, right))
    for answer in (HttpResponse(202, {}, right), HttpResponse(200, {}, b"{}"), HttpResponse(200, {}, b"OK")):
        assert not EMULATOR.callback_accepted(received, answer)
    assert len(EMULATOR.callback_retries) == 3


CHAIN = [*alimtalk(), *sms("대신")]


def chain_yard() -> Yard:
    yard = Yard()
    yard.send(TO, flow=CHAIN)
    return yard


def test_a_flow_that_fell_back_shows_a_row_for_each_channel() -> None:
    yard = chain_yard()
    assert yard.received[0].channel is Channel.ALIMTALK
    assert yard.received[0].fallback == ((Channel.SMS, "대신"),)
    settle(yard, 0, ReportStatus.DELIVERED, code="63019")
    rows = yard.data(f"message/inquiry/msgKey/{yard.received[0].provider_ref}")["messages"]
    seen = [(row["serviceType"], row["fallback"], row["reportCode"]) for row in rows]
    assert seen == [("ALIMTALK", "N", "63019"), ("SMS", "Y", "10000")]
    assert {row["msgKey"] for row in rows} == {yard.received[0].provider_ref}
    (report,) = yard.data("report/polling")["report"]
    assert (report["serviceType"], report["reportCode"]) == ("SMS", "10000")


@pytest.mark.parametrize(
    ("kind", "code", "codes"),
    [
        (None, "", ["63019", "22003"]),
        (ErrorKind.UNDELIVERABLE, "63021", ["63021", "22003"]),
        (ErrorKind.CONTENT_REJECTED, "", ["63016", "23022"]),
        (ErrorKind.OPTED_OUT, "", ["63020", "63020"]),
        (ErrorKind.AUTH_FAILED, "", ["63019", "22003"]),
        (ErrorKind.UNMAPPED, "", ["98765", "98765"]),
        (ErrorKind.UNMAPPED, "12345", ["12345", "12345"]),
        (ErrorKind.NOT_REGISTERED, "A327", ["61003", "23023"]),
    ],
)
def test_a_failed_flow_failed_on_every_channel(kind: ErrorKind | None, code: str, codes: list[str]) -> None:
    yard = chain_yard()
    settle(yard, 0, ReportStatus.FAILED, kind, code)
    rows = yard.data(f"report/inquiry/{yard.received[0].provider_ref}")["report"]
    assert [row["reportCode"] for row in rows] == codes


@pytest.mark.parametrize(
    ("status", "code", "codes"),
    [
        (ReportStatus.DELIVERED, "", ["10000"]),
        (ReportStatus.READ, "", ["10000"]),
        (ReportStatus.SENT, "63005", ["63005"]),
        (ReportStatus.SENT, "23001", []),
        (ReportStatus.UNMAPPED, "", ["98765"]),
        (ReportStatus.UNMAPPED, "55555", ["55555"]),
    ],
)
def test_reports_end_on_the_first_channel_when_it_is_enough(status: ReportStatus, code: str, codes: list[str]) -> None:
    yard = chain_yard()
    settle(yard, 0, status, code=code)
    rows = yard.data(f"report/inquiry/{yard.received[0].provider_ref}")["report"]
    assert [row["reportCode"] for row in rows] == codes


def test_a_message_can_be_asked_for_before_any_report() -> None:
    yard = Yard()
    yard.send(TO, ref="r")
    key = yard.received[0].provider_ref
    (row,) = yard.data(f"message/inquiry/msgKey/{key}")["messages"]
    assert (row["to"], row["ref"], row["fallback"], row["responseCode"]) == (TO, "r", "N", "A000")
    assert not {"sendTime", "reportCode"} & set(row)
    settle(yard, 0, ReportStatus.SENT)
    assert "sendTime" in yard.data(f"message/inquiry/msgKey/{key}")["messages"][0]


def test_all_messages_of_one_request_can_be_asked_for() -> None:
    yard = Yard()
    yard.send(TO)
    yard.send(TO, OTHER)
    key = yard.received[1].provider_ref
    rows = yard.data(f"message/inquiry/requestId/{key[:-3]}")["messages"]
    assert [row["to"] for row in rows] == [TO, OTHER]
    assert yard.received[0].provider_ref[:-3] != key[:-3]


@pytest.mark.parametrize(
    "path",
    ["message/inquiry/msgKey/x", "message/inquiry/requestId/x", "report/inquiry/x", "message/inquiry/mo/msgKey/x"],
)
def test_what_was_never_sent_is_not_found(path: str) -> None:
    assert code_of(Yard().ask("GET", path)) == (400, "A820")


@pytest.mark.parametrize("path", ["message/inquiry/msgKey/", "report/inquiry/"])
def test_messages_of_another_account_are_not_shown(path: str) -> None:
    yard = Yard()
    yard.send(TO)
    assert code_of(yard.ask("GET", path + yard.received[0].provider_ref, key="mars_ak_other")) == (400, "A820")


def test_the_history_is_read_page_by_page() -> None:
    yard = Yard()
    for _ in range(3):
        yard.send(TO, OTHER)
    yard.send(TO, flow=mms())
    page = yard.data("message/history", "requestTime=2026-11-21T11:00:02&limit=3&serviceType=SMS")
    assert (len(page["messages"]), page["lastSeq"], page["hasNext"]) == (3, 5, True)
    pictures = yard.data("message/history", "requestTime=2026-11-21T11:00:00&serviceType=MMS,ALIMTALK")
    assert [row["serviceType"] for row in pictures["messages"]] == ["MMS"]
    rest = yard.data("message/history", "requestTime=2026-11-21T11:00:02&lastSeq=5")
    assert ([row["serviceType"] for row in rest["messages"]], rest["hasNext"]) == (["SMS", "MMS"], False)


@pytest.mark.parametrize(
    "query",
    ["", "requestTime=today", "requestTime=2026-11-21T11:00:00&limit=0", "requestTime=2026-11-21T11:00:00&lastSeq=x"],
)
def test_a_history_query_without_sense_is_refused(query: str) -> None:
    assert code_of(Yard().ask("GET", "message/history", query)) == (400, "A300")


def test_statistics_count_what_was_taken_and_what_became_of_it() -> None:
    yard = Yard()
    yard.send(TO, OTHER, "bad")
    settle(yard, 0, ReportStatus.DELIVERED)
    settle(yard, 1, ReportStatus.FAILED)
    (day,) = yard.data("message/statistics", "startDate=20261121")["statistics"]
    assert day == {
        "statDate": "20261121",
        "recvTotalCnt": 3,
        "recvSuccCnt": 2,
        "recvFailCnt": 1,
        "reportTotalCnt": 2,
        "reportSuccCnt": 1,
        "reportFailCnt": 1,
    }
    assert yard.data("message/statistics", "startDate=20261122&endDate=20261130")["statistics"] == []
    assert code_of(yard.ask("GET", "message/statistics", "startDate=today")) == (400, "A300")


def written(yard: Yard, account: str = KEY) -> Any:
    return EMULATOR.inbound(
        yard.state, account=account, sender="+821000000001", recipient="0220001234", text="거부", now=yard.now
    )


def test_a_person_who_writes_is_called_back_and_kept() -> None:
    yard = webhook()
    body = json.loads(written(yard).body)
    assert (body["serviceType"], body["originator"], body["to"], body["content"]) == ("MO", TO, "0220001234", "거부")
    query = "occurredTime=2026-11-21T10:00:00%2B09:00&from=01000000001"
    assert yard.data("message/history/mo", query)["messages"] == [body]
    assert yard.data("message/history/mo", query + "&to=0")["messages"] == []
    assert yard.data(f"message/inquiry/mo/msgKey/{body['msgKey']}")["messages"] == [body]
    assert code_of(yard.ask("GET", "message/history/mo", "occurredTime=x")) == (400, "A300")


def test_a_person_writes_to_an_account_by_its_public_name() -> None:
    yard = webhook()
    yard.send(TO)
    assert written(yard, yard.received[0].account)


def test_nobody_is_told_where_no_address_or_no_such_account_is() -> None:
    assert written(Yard(senders=["15880000"])) is None
    assert written(webhook(), "mars_ak_other") is None
