"""
BizGO's side of the wire beyond text messages: what it refuses of each channel, and its reservations.
"""

import json
from datetime import timedelta
from typing import Any

import pytest

from sendyard.domain.channels import Channel
from sendyard.domain.errors import ErrorKind
from sendyard.domain.status import ReportStatus
from sendyard.providers.emulation import Refusal
from tests.providers.bizgo_wire import NOW, SMS, Yard, code_of, parsed, rows_of, settle

TO = "01000000001"
ABROAD = "886912000001"


def brand(**fields: Any) -> list[Any]:
    return [{"brandmessage": {"sendType": "free", "msgType": "FT", "senderKey": "SK", "text": "안내", **fields}}]


def rcs(**fields: Any) -> list[Any]:
    body = {"description": "안내"}
    return [{"rcs": {"from": "15880000", "formatId": "RPSSAXX001", "brandKey": "BK", "body": body, **fields}}]


def abroad(**fields: Any) -> list[Any]:
    return [{"international": {"from": "15880000", "text": "hi 😀", **fields}}]


BUTTON = {"type": "WL", "name": "보기", "urlPc": "https://a.test", "urlMobile": "https://a.test"}


@pytest.mark.parametrize(
    ("flow", "code"),
    [
        (brand(), "A000"),
        (brand(senderKey=""), "A502"),
        (brand(sendType="pigeon"), "A571"),
        (brand(msgType="TEXT"), "A523"),
        (brand(sendType="template", msgType=""), "A505"),
        (brand(sendType="template", msgType="", templateCode="T"), "A570"),
        (brand(sendType="template", msgType="", templateCode="T", targeting="M"), "A300"),
        (brand(targeting="X"), "A570"),
        (brand(header="가" * 21), "A565"),
        (brand(adFlag="X"), "A506"),
        (brand(msgType="FL", adFlag="N"), "A506"),
        (brand(adFlag="N"), "A000"),
        (brand(attachment={"button": [BUTTON] * 6}), "A503"),
        (brand(attachment={"button": [{**BUTTON, "urlPc": ""}]}), "A524"),
        (brand(attachment={"button": [{**BUTTON, "name": ""}]}), "A525"),
        (brand(attachment={"button": [BUTTON] * 5}), "A000"),
        (brand(msgType="FI"), "A513"),
        (brand(msgType="FI", attachment={"image": {"imgUrl": "https://never.uploaded.test"}}), "A513"),
        (brand(msgType="FC", carousel={"list": [{}]}), "A567"),
        (brand(msgType="FC", carousel={"list": [{}, {}]}), "A000"),
        (brand(text=""), "A303"),
        (brand(text="가" * 1301), "A328"),
        (brand(msgType="FW", text="가" * 77, attachment={"image": "x"}), "A513"),
        (rcs(), "A000"),
        (rcs(**{"from": "SHOP"}), "A302"),
        (rcs(formatId=""), "A404"),
        (rcs(brandKey=""), "A420"),
        (rcs(body={}), "A415"),
        (rcs(body={"description": "안내", "media": "maapfile://never-uploaded"}), "A415"),
        (rcs(expiryOption="5"), "A408"),
        (rcs(copyAllowed="2"), "A407"),
        (rcs(header="2"), "A411"),
        (rcs(header="1"), "A412"),
        (rcs(header="1", footer="080-123-4567"), "A000"),
        (rcs(buttons=[{}]), "A406"),
        (rcs(buttons=["x"]), "A406"),
        (rcs(buttons=[{"suggestions": [{"displayText": "보기"}]}]), "A000"),
        (rcs(ttl="soon"), "A304"),
        (
            [{"alimtalk": {"senderKey": "SK", "templateCode": "T", "msgType": "AT", "text": "a", "header": "가" * 17}}],
            "A565",
        ),
        (
            [
                {
                    "alimtalk": {
                        "senderKey": "SK",
                        "templateCode": "T",
                        "msgType": "AT",
                        "text": "a",
                        "attachment": {"button": [{"name": "보기"}]},
                    }
                }
            ],
            "A524",
        ),
        (
            [
                {
                    "alimtalk": {
                        "senderKey": "SK",
                        "templateCode": "T",
                        "msgType": "AT",
                        "text": "a",
                        "attachment": {"button": [{"type": "WL"}]},
                    }
                }
            ],
            "A525",
        ),
    ],
)
def test_each_channel_has_rules_of_its_own(flow: list[Any], code: str) -> None:
    yard = Yard()
    assert code_of(yard.send(TO, flow=flow))[1] == code
    assert len(yard.received) == (code == "A000")


@pytest.mark.parametrize(
    ("flow", "code"),
    [
        (abroad(), "A000"),
        (abroad(**{"from": ""}), "A302"),
        (abroad(title="news"), "A321"),
        (abroad(fileKey=["FK-1"]), "A321"),
        (abroad(text=""), "A303"),
        (abroad(text="x" * 1001), "A328"),
        (abroad(text="x" * 1000), "A000"),
        (abroad(clientSubId="x" * 21), "A313"),
        (abroad(ttl="soon"), "A304"),
    ],
)
def test_messages_abroad_have_rules_of_their_own(flow: list[Any], code: str) -> None:
    assert code_of(Yard().send(ABROAD, flow=flow))[1] == code


@pytest.mark.parametrize("to", ["+886912000001", "0886912000001", "1234567", "1234567890123456", "x"])
def test_a_number_abroad_is_written_with_its_country_code_only(to: str) -> None:
    assert [row["code"] for row in rows_of(Yard().send(to, ABROAD, flow=abroad()))] == ["A306", "A000"]


def test_a_korean_number_is_taken_abroad_with_its_country_code() -> None:
    yard = Yard()
    yard.send("821000000001", flow=abroad())
    assert yard.received[0].to == "+821000000001"


def test_a_message_to_a_korean_number_is_not_sent_abroad_and_the_other_way_round() -> None:
    assert [row["code"] for row in rows_of(Yard().send(ABROAD, flow=[SMS]))] == ["A306"]
    assert [row["code"] for row in rows_of(Yard().send(TO, flow=abroad()))] == ["A306"]


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"header": "1", "footer": "무료거부"}, "33107"),
        ({"header": "0", "footer": "080-123-4567"}, "33105"),
        ({"body": {"description": "(광고) 할인"}}, "55701"),
        ({}, "10000"),
    ],
)
def test_rcs_that_the_carriers_refuse_fails_in_its_report(fields: dict[str, Any], code: str) -> None:
    yard = Yard()
    yard.send(TO, flow=rcs(**fields))
    settle(yard, 0, ReportStatus.DELIVERED)
    (row,) = yard.data("report/polling")["report"]
    assert (row["serviceType"], row["msgType"], row["reportCode"]) == ("RCS", "RS", code)
    day = yard.data("message/statistics", "startDate=20261121")["statistics"][0]
    assert (day["reportSuccCnt"], day["reportFailCnt"]) == ((1, 0) if code == "10000" else (0, 1))


def test_a_reading_after_the_delivery_is_no_second_report() -> None:
    yard = Yard()
    yard.send(TO, flow=rcs())
    settle(yard, 0, ReportStatus.DELIVERED)
    settle(yard, 0, ReportStatus.READ)
    assert len(yard.data("report/polling")["report"]) == 1


@pytest.mark.parametrize(
    ("flow", "service", "code"),
    [(brand(), "BRANDMESSAGE", "63019"), (rcs(), "RCS", "33101"), (rcs(formatId="OWN"), "RCS", "33101")],
)
def test_each_channel_fails_in_its_own_way(flow: list[Any], service: str, code: str) -> None:
    yard = Yard()
    yard.send(TO, flow=flow)
    settle(yard, 0, ReportStatus.FAILED)
    (row,) = yard.data("report/polling")["report"]
    assert (row["serviceType"], row["reportCode"]) == (service, code)


def test_parts_abroad_are_told_in_the_report() -> None:
    yard = Yard()
    yard.send(ABROAD, flow=abroad(text="x" * 200))
    assert (yard.received[0].parts, yard.received[0].channel) == (2, Channel.SMS)
    settle(yard, 0, ReportStatus.DELIVERED)
    (row,) = yard.data("report/polling")["report"]
    assert (row["serviceType"], row["resCnt"]) == ("INTERNATIONAL", "2")


@pytest.mark.parametrize("target", ["rcs", "brandmessage/default", "brandmessage/catalog/oddFirst"])
def test_pictures_of_other_channels_may_be_png(target: str) -> None:
    form = (
        b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.png"\r\nContent-Type: image/png\r\n\r\n'
        b"\x89PNG invented\r\n--b--\r\n"
    )
    yard = Yard()
    headers = {"content-type": "multipart/form-data; boundary=b"}
    data = parsed(yard.ask("POST", f"file/{target}", body=form, headers=headers))["data"]["data"]
    assert data.get("media", data.get("imgUrl", "")).startswith(("maapfile://", "https://"))
    assert code_of(yard.ask("POST", "file/brandmessage/huge", body=form, headers=headers)) == (404, "A404")


def at(hours: float) -> str:
    korean = NOW + timedelta(hours=9 + hours)
    return f"{korean:%Y-%m-%d %H:%M:%S}"


def reserve(yard: Yard, *, to: tuple[str, ...] = (TO,), refusal: Any = None, **fields: Any) -> Any:
    document = {"destinations": [{"to": one} for one in to], "messageFlow": [SMS], "resvSendTime": at(1), **fields}
    extra = {"refusal": refusal} if refusal else {}
    return yard.ask("POST", "reservation", body=json.dumps(document).encode(), **extra)


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"resvSendTime": "soon"}, "A315"),
        ({"resvSendTime": "2026-13-01 10:00:00"}, "A315"),
        ({"resvSendTime": at(0.1)}, "A316"),
        ({"resvSendTime": at(24 * 366)}, "A331"),
        ({"resvName": "x" * 101}, "A332"),
        ({"messageFlow": brand(), "resvSendTime": at(10)}, "A330"),
        ({"messageFlow": brand(), "resvSendTime": at(20)}, "A330"),
        ({"messageFlow": brand(), "resvSendTime": at(3)}, "A000"),
        ({"resvSendTime": at(10)}, "A000"),
        ({"resvSendTime": at(1).replace(" ", "T")}, "A000"),
        ({"destinations": []}, "A307"),
        ({"messageFlow": [{"sms": {"from": "15880000", "text": ""}}]}, "A303"),
    ],
)
def test_reservations_keep_their_rules(fields: dict[str, Any], code: str) -> None:
    assert code_of(reserve(Yard(), **fields))[1] == code


def test_a_reservation_needs_a_key_and_keeps_the_rate() -> None:
    yard = Yard(send_rate=1)
    assert code_of(yard.ask("POST", "reservation", key="no key")) == (401, "A401")
    yard.step *= 0
    assert code_of(reserve(yard))[1] == "A000"
    assert code_of(reserve(yard)) == (429, "A020")


def test_a_scenario_may_refuse_a_reservation_or_one_of_its_recipients() -> None:
    yard = Yard()
    ban = Refusal(ErrorKind.AUTH_FAILED, "gateway:A403")
    assert code_of(reserve(yard, refusal=lambda _to: ban)) == (403, "A403")
    rows = rows_of(reserve(yard, to=(TO, "bad"), ref="all"))
    assert [row["code"] for row in rows] == ["A000", "A306"]


def test_reserved_messages_leave_when_their_time_has_come() -> None:
    yard = Yard()
    answer = parsed(reserve(yard, resvName="tomorrow", ref="r"))["data"]
    assert (answer["ref"], yard.received) == ("r", [])
    yard.now = NOW + timedelta(minutes=59)
    yard.data("report/polling")
    assert not yard.received
    yard.now = NOW + timedelta(hours=1)
    yard.send(TO)
    reserved, direct = yard.received
    assert (reserved.provider_ref, reserved.reference) == (answer["data"]["destinations"][0]["msgKey"], "r")
    assert direct.provider_ref != reserved.provider_ref
    settle(yard, 0, ReportStatus.DELIVERED)
    assert yard.data("report/polling")["report"][0]["ref"] == "r"
    listed = yard.data("reservation/list", f"resvSendTime={at(0)}")
    assert [(row["resvName"], row["status"], row["sentCnt"]) for row in listed["reservations"]] == [
        ("tomorrow", "PROCESSING", 1)
    ]


def test_a_reservation_can_be_moved_and_called_off() -> None:
    yard = Yard()
    key = parsed(reserve(yard))["data"]["resvKey"]
    other = parsed(reserve(yard))["data"]["resvKey"]

    def put(**fields: Any) -> str:
        code: str = code_of(yard.ask("PUT", f"reservation/resvKey/{key}", body=json.dumps(fields).encode()))[1]
        return code

    assert put(resvSendTime=at(2), resvName="later") == "A000"
    assert put(resvSendTime=at(2)) == "A000"
    assert put(resvSendTime=at(0)) == "A316"
    assert put(resvSendTime=1) == "A011"
    assert yard.data(f"reservation/resvKey/{key}")["resvName"] == "later"
    assert code_of(yard.ask("POST", f"reservation/resvKey/{other}/cancel"))[1] == "A000"
    assert code_of(yard.ask("POST", f"reservation/resvKey/{other}/cancel"))[1] == "A824"
    yard.now = NOW + timedelta(hours=1, minutes=1)
    yard.data("report/polling")
    assert not yard.received
    yard.now = NOW + timedelta(hours=2)
    yard.data("report/polling")
    assert len(yard.received) == 1
    assert put(resvSendTime=at(4)) == "A824"
    assert code_of(yard.ask("POST", f"reservation/resvKey/{key}/stop"))[1] == "A000"
    assert code_of(yard.ask("POST", f"reservation/resvKey/{key}/resume"))[1] == "A000"
    assert code_of(yard.ask("GET", "reservation/resvKey/unknown"))[1] == "A820"


def test_reservations_are_listed_page_by_page() -> None:
    yard = Yard()
    for number in range(3):
        reserve(yard, resvName=f"r{number}", resvSendTime=at(1 + number))
    first = yard.data("reservation/list", f"resvSendTime={at(2)}&limit=1")
    assert ([row["resvName"] for row in first["reservations"]], first["hasNext"]) == (["r1"], True)
    second = yard.data("reservation/list", f"resvSendTime={at(2)}&limit=1&lastSeq={first['lastSeq']}")
    assert ([row["resvName"] for row in second["reservations"]], second["hasNext"]) == (["r2"], False)
    assert yard.data("reservation/list", f"resvSendTime={at(30)}")["lastSeq"] == 0
    for query in ("resvSendTime=soon", f"resvSendTime={at(1)}&limit=0", f"resvSendTime={at(1)}&lastSeq=x"):
        assert code_of(yard.ask("GET", "reservation/list", query))[1] == "A300"
