"""
The emulated Mitake behaves as specification 2.14 and production do.
"""

from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import pytest

from sendyard.domain.errors import Invalid
from sendyard.domain.money import Money
from sendyard.domain.status import ReportStatus
from sendyard.providers.contract import Accepted, Refused
from sendyard.providers.emulation import Handled, Report
from sendyard.providers.mitake import ADAPTER, EMULATOR
from sendyard.providers.mitake.counter import MitakeState
from sendyard.providers.wire import HttpRequest
from tests.providers.mitake_wire import NOW, account, arrive, call, outgoing, submit

LOGIN = {"username": "sendyard", "password": "invented-1"}


def post(
    endpoint: str,
    state: MitakeState,
    *,
    query: str = "CharsetURL=UTF8",
    body: bytes | None = None,
    method: str = "POST",
    prefix: str = "/api/mtk",
    now: Any = NOW,
    **fields: Any,
) -> Handled:
    """One raw request; `fields` join the login in the form unless `body` is given."""
    form = urlencode({**LOGIN, **fields}).encode() if body is None else body
    url = f"https://emulator.test{prefix}/{endpoint}?{query}"
    return EMULATOR.handle(arrive(HttpRequest(method, url, {}, form), now), state)


def send(state: MitakeState, **fields: Any) -> str:
    return text(post("SmSend", state, **{"dstaddr": "0912345678", "smbody": "hello", **fields}))


def bulk(state: MitakeState, *lines: str, query: str = "Encoding_PostIn=UTF8", charset: str = "utf-8") -> Handled:
    return post("SmBulkSend", state, query=f"{urlencode(LOGIN)}&{query}", body="\n".join(lines).encode(charset))


def text(handled: Handled) -> str:
    assert handled.response.status == 200
    return handled.response.body.decode("cp950")


def registered(**fields: Any) -> MitakeState:
    state = EMULATOR.new_state()
    EMULATOR.register(state, {**LOGIN, **fields})
    return state


def test_a_single_message_is_answered_as_the_specification_shows() -> None:
    state = registered(credit=12573)
    assert send(state, clientid="7b1f", smsPointFlag="1") == (
        "[7b1f]\r\nmsgid=0000000001\r\nstatuscode=1\r\nAccountPoint=12572\r\nsmsPoint=1\r\n"
    )
    assert send(state) == "[1]\r\nmsgid=0000000002\r\nstatuscode=1\r\nAccountPoint=12571\r\n"


def test_a_bulk_answer_has_a_block_for_each_record_and_the_points_once() -> None:
    state = registered(credit=100)
    handled = bulk(
        state,
        "a1$$0912345678$$$$$$$$https://gw.example.test/hooks/mitake$$【幸福氣】訂單已確認",
        "a2$$0922333444$$20261122090000$$$$$$$$【幸福氣】配送提醒",
        "a3$$0222333444$$$$$$$$$$landline",
        "",
    )
    assert text(handled) == (
        "[a1]\r\nmsgid=0000000001\r\nstatuscode=1\r\n[a2]\r\nmsgid=0000000002\r\nstatuscode=0\r\n"
        "[a3]\r\nstatuscode=v\r\nError=無效的手機號碼\r\nAccountPoint=98\r\n"
    )
    assert [(one.to, one.callback_url) for one in handled.received] == [
        ("+886912345678", "https://gw.example.test/hooks/mitake"),
        ("+886922333444", ""),
    ]
    assert [one.at.isoformat() for one in handled.received if one.at] == [
        "2026-11-21T02:00:00+00:00",
        "2026-11-22T01:00:00+00:00",
    ]


def test_bulk_points_are_told_for_each_message_when_asked() -> None:
    answer = text(bulk(registered(credit=5), "a$$0912345678$$$$$$$$$$x", query="Encoding_PostIn=UTF8&smsPointFlag=1"))
    assert answer == "[a]\r\nmsgid=0000000001\r\nstatuscode=1\r\nsmsPoint=1\r\nAccountPoint=4\r\n"


@pytest.mark.parametrize("record", ["a$$0912345678$$only four$$fields", "$$0912345678$$$$$$$$$$no client id"])
def test_a_record_that_is_none_is_a_parameter_error_of_its_own(record: str) -> None:
    state = EMULATOR.new_state()
    handled = bulk(state, record, "b$$0912345678$$$$$$$$$$good")
    assert "statuscode=y\r\n" in text(handled)
    assert [one.text for one in handled.received] == ["good"]


def test_no_record_at_all_is_a_parameter_error_of_the_request() -> None:
    assert text(bulk(EMULATOR.new_state())).startswith("statuscode=y\r\n")


@pytest.mark.parametrize("prefix", ["/api/mtk", "/b2c/mtk"])
def test_both_prefixes_answer(prefix: str) -> None:
    assert "AccountPoint=" in text(post("SmQuery", EMULATOR.new_state(), prefix=prefix))


def test_an_account_of_one_edition_does_not_work_on_the_other() -> None:
    state = registered(edition="b2c")
    assert "AccountPoint=" in text(post("SmQuery", state, prefix="/b2c/mtk"))
    assert text(post("SmQuery", state, prefix="/api/mtk")).startswith("statuscode=e\r\n")


@pytest.mark.parametrize(
    ("method", "prefix", "endpoint"),
    [
        ("POST", "/api/mtk", "SmQueryGet"),
        ("POST", "/api/mtk", "SmSend/"),
        ("POST", "", "SmSend"),
        ("POST", "/api", "SmSend"),
        ("PUT", "/api/mtk", "SmSend"),
        ("GET", "/api/mtk", "SmBulkSend"),
    ],
)
def test_what_is_not_documented_does_not_exist(method: str, prefix: str, endpoint: str) -> None:
    assert post(endpoint, EMULATOR.new_state(), method=method, prefix=prefix).response.status == 404


def test_everything_may_stand_in_the_query_of_a_get() -> None:
    query = urlencode({**LOGIN, "CharsetURL": "UTF-8", "dstaddr": "0912345678", "smbody": "字"})
    [received] = post("SmSend", EMULATOR.new_state(), method="GET", query=query, body=b"").received
    assert received.text == "字"


def test_without_charset_everything_is_taken_for_big5() -> None:
    state = EMULATOR.new_state()
    [right] = post(
        "SmSend",
        state,
        query="",
        body=urlencode({**LOGIN, "dstaddr": "0912345678", "smbody": "訂單"}, encoding="cp950").encode(),
    ).received
    [wrong] = post("SmSend", state, query="", dstaddr="0912345678", smbody="訂單").received
    [bulk_right] = bulk(state, "a$$0912345678$$$$$$$$$$訂單", query="", charset="cp950").received
    [bulk_wrong] = bulk(state, "b$$0912345678$$$$$$$$$$訂單", query="").received
    assert (right.text, bulk_right.text) == ("訂單", "訂單")
    assert wrong.text == bulk_wrong.text == "訂單".encode().decode("cp950", "replace")


@pytest.mark.parametrize(
    ("dstaddr", "to"),
    [
        ("0912345678", "+886912345678"),
        ("0912-345-678", "+886912345678"),
        ("0912.345 678", "+886912345678"),
        ("+886912345678", "+886912345678"),
        ("886912345678", "+886912345678"),
        ("+8860912345678", "+886912345678"),
    ],
)
def test_numbers_are_cleaned_as_since_version_2_14(dstaddr: str, to: str) -> None:
    [received] = post("SmSend", EMULATOR.new_state(), dstaddr=dstaddr, smbody="x").received
    assert received.to == to


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"dstaddr": "0223456789"}, "v"),
        ({"dstaddr": "+821012345678"}, "v"),
        ({"dstaddr": "++886912345678"}, "v"),
        ({"dstaddr": ""}, "v"),
        ({"smbody": ""}, "u"),
        ({"smbody": " \x06 "}, "u"),
        ({"clientid": "c" * 37}, "y"),
        ({"destname": "n" * 37}, "y"),
        ({"response": "https://gw.example.test/".ljust(257, "x")}, "y"),
        ({"dstaddr": "0912345678 . . . . . ."}, "y"),
        ({"dlvtime": "20261121101000"}, "y"),
        ({"dlvtime": "600"}, "y"),
        ({"dlvtime": "soon"}, "y"),
        ({"dlvtime": "20261341250000"}, "y"),
        ({"dlvtime": "9999999999999"}, "y"),
        ({"vldtime": "20261121095959"}, "t"),
        ({"vldtime": "-1"}, "y"),
        ({"dlvtime": "20261121120000", "vldtime": "20261121110000"}, "t"),
    ],
)
def test_a_message_that_breaks_a_rule_is_refused_with_the_code_for_it(fields: dict[str, Any], code: str) -> None:
    state = registered(credit=9)
    answer = send(state, **fields)
    assert f"]\r\nstatuscode={code}\r\nError=" in answer
    assert "msgid" not in answer
    assert "AccountPoint=9" in answer


@pytest.mark.parametrize(
    ("fields", "state_code", "due"),
    [
        ({"dlvtime": "20261121101001"}, "0", timedelta(seconds=601)),
        ({"dlvtime": "601"}, "0", timedelta(seconds=601)),
        ({"dlvtime": "20261121095959"}, "1", timedelta()),
        ({"dlvtime": "0"}, "1", timedelta()),
        ({"vldtime": "20261121100001"}, "1", timedelta()),
        ({"vldtime": "60"}, "1", timedelta()),
    ],
)
def test_a_reservation_must_be_more_than_ten_minutes_ahead(
    fields: dict[str, Any], state_code: str, due: timedelta
) -> None:
    handled = post("SmSend", EMULATOR.new_state(), dstaddr="0912345678", smbody="x", **fields)
    assert f"statuscode={state_code}\r\n" in text(handled)
    assert [one.at for one in handled.received] == [NOW + due]


def test_a_repeated_clientid_sends_nothing_for_twelve_hours_and_gets_the_old_answer() -> None:
    state = registered(credit=9)
    fields: dict[str, Any] = {"dstaddr": "0912345678", "smbody": "x", "clientid": "c1", "smsPointFlag": "1"}
    first = post("SmSend", state, **fields)
    again = post("SmSend", state, now=NOW + timedelta(hours=11, minutes=59), **fields)
    assert text(again) == text(first) + "Duplicate=Y\r\n"
    assert again.received == []
    in_bulk = bulk(state, "c1$$0912345678$$$$$$$$$$x", "c2$$0912345678$$$$$$$$$$y", "c2$$0912345678$$$$$$$$$$y")
    assert [one.reference for one in in_bulk.received] == ["c2"]
    assert text(in_bulk).count("Duplicate=Y") == 2
    later = post("SmSend", state, now=NOW + timedelta(hours=12), **fields)
    assert "msgid=0000000003" in text(later)
    assert "AccountPoint=6" in text(later)


def test_a_repeated_reservation_is_still_called_one() -> None:
    state = EMULATOR.new_state()
    fields: dict[str, Any] = {"dlvtime": "3600", "clientid": "c1"}
    assert "statuscode=0\r\n" in send(state, **fields)
    assert "statuscode=0\r\n" in send(state, **fields)


def test_a_refused_clientid_may_be_repeated_and_another_accounts_is_its_own() -> None:
    state = registered(credit=0)
    EMULATOR.register(state, {"username": "other", "password": "p"})
    assert "statuscode=s\r\nError=帳務處理失敗，無法發送簡訊\r\n" in send(state, clientid="c1")
    EMULATOR.register(state, {**LOGIN, "credit": 1})
    assert "Duplicate" not in send(state, clientid="c1")
    assert "Duplicate" not in send(state, clientid="c1", username="other", password="p")


def test_points_are_counted_by_parts_and_run_out() -> None:
    state = registered(credit=3)
    assert "AccountPoint=1\r\nsmsPoint=2" in send(state, smbody="字" * 71, smsPointFlag="1")
    assert "statuscode=s" in send(state, smbody="字" * 71)
    assert text(post("SmQuery", state)) == "AccountPoint=1\r\n"


def test_without_the_permission_for_long_messages_the_text_is_cut() -> None:
    [received] = post("SmSend", registered(long_sms=False), dstaddr="0912345678", smbody="字" * 80).received
    assert (received.text, received.parts) == ("字" * 67, 1)


def test_ids_with_hash_are_plain_in_queries_and_callbacks() -> None:
    state = registered(hash_msgid=True)
    receipts, handled = submit(state, [outgoing()])
    assert b"msgid=#000000001\r\n" in handled.response.body
    assert [one.provider_ref for one in receipts if isinstance(one, Accepted)] == ["000000001"]
    assert handled.received[0].provider_ref == "000000001"
    assert text(post("SmQuery", state, msgid="#000000001")) == "#000000001\tz\t\r\n"
    assert text(post("SmQuery", state, msgid="000000001")).startswith("000000001\t1\t")


@pytest.mark.parametrize(
    ("login", "code"),
    [
        ({"username": ""}, "c"),
        ({"password": ""}, "d"),
        ({"username": "invalid-shop"}, "e"),
        ({"password": "invalid"}, "e"),
        ({"username": "u" * 21}, "e"),
        ({"password": "p" * 25}, "e"),
    ],
)
def test_a_credential_that_cannot_be_is_refused(login: dict[str, Any], code: str) -> None:
    assert text(post("SmQuery", EMULATOR.new_state(), **login)).startswith(f"statuscode={code}\r\nError=")


def test_once_accounts_are_registered_only_they_work() -> None:
    state = registered()
    assert "AccountPoint" in text(post("SmQuery", state))
    assert text(post("SmQuery", state, password="other")) == "statuscode=e\r\nError=帳號、密碼錯誤\r\n"
    assert text(post("SmQuery", state, username="other")) == "statuscode=e\r\nError=帳號、密碼錯誤\r\n"


def test_an_unregistered_ip_is_told_so_whatever_the_password() -> None:
    state = registered(unregistered_ip=True)
    for password in ("invented-1", "wrong"):
        assert text(post("SmQuery", state, password=password)) == "statuscode=k\r\nError=無效的連線位址\r\n"


@pytest.mark.parametrize("code", list("fhmnpabr*"))
def test_a_troubled_account_gets_its_code_without_a_block(code: str) -> None:
    assert send(registered(refuse_with=code)).startswith(f"statuscode={code}\r\nError=")


@pytest.mark.parametrize(
    "wrong",
    [
        {"username": 5},
        {"credit": "many"},
        {"edition": "c2c"},
        {"refuse_with": "statusstr:DELIVRD"},
        {"refuse_with": "g"},
    ],
)
def test_an_account_that_cannot_be_registered_says_why(wrong: dict[str, Any]) -> None:
    with pytest.raises(Invalid, match=r"Mitake"):
        registered(**wrong)


def test_more_than_fifteen_connections_are_refused() -> None:
    batch = [outgoing()]
    receipts, _ = submit(EMULATOR.new_state(), batch, open_requests=15)
    assert isinstance(receipts[0], Accepted)
    receipts, handled = submit(EMULATOR.new_state(), batch, open_requests=16)
    assert [(one.error.kind, one.error.code) for one in receipts if isinstance(one, Refused)] == [("throttled", "l")]
    assert handled.received == ()


def test_a_query_names_at_most_a_hundred_messages_in_an_order_of_its_own() -> None:
    state = EMULATOR.new_state()
    bulk(state, *(f"c{n}$$0912345678$$$$$$$$$$x" for n in range(101)))
    ids = [f"{n:010d}" for n in range(1, 102)]
    assert text(post("SmQuery", state, msgid=",".join(ids))) == "statuscode=w\r\nError=查詢筆數超過上限\r\n"
    lines = text(post("SmQuery", state, msgid=",".join(ids[:100]), smsPointFlag="1")).split("\r\n")
    assert lines[0] == f"{ids[99]}\t1\t20261121100000\t1"
    assert sorted(line.split("\t")[0] for line in lines if line) == ids[:100]


def test_a_query_for_an_unknown_or_foreign_message_finds_no_data() -> None:
    state = EMULATOR.new_state()
    send(state, username="other")
    assert text(post("SmQuery", state, msgid="0000000001,5")) == "5\tz\t\r\n0000000001\tz\t\r\n"


def test_only_a_pending_reservation_can_be_cancelled() -> None:
    state = registered(credit=9)
    send(state, dlvtime="3600")
    send(state)
    named = "0000000001,0000000002,0000000009"
    late = post("SmCancel", state, msgid="0000000001", now=NOW + timedelta(hours=1))
    assert text(late) == "0000000001=0\r\n"
    assert text(post("SmCancel", state, msgid=named)) == "0000000001=9\r\n0000000002=1\r\n0000000009=?\r\n"
    assert text(post("SmQuery", state)) == "AccountPoint=8\r\n"
    assert text(post("SmCancel", state)).startswith("statuscode=y")
    assert text(post("SmCancel", state, msgid="1," * 100)).startswith("statuscode=w")


def test_a_cancelled_message_reports_that_and_nothing_else() -> None:
    state = EMULATOR.new_state()
    handled = post(
        "SmSend", state, dstaddr="0912345678", smbody="x", dlvtime="3600", response="https://gw.example.test/?k=1"
    )
    post("SmCancel", state, msgid="0000000001")
    callback = EMULATOR.settle(state, handled.received[0], Report(ReportStatus.DELIVERED, NOW))
    assert callback is not None
    assert callback.url.startswith("https://gw.example.test/?k=1&msgid=0000000001&")
    assert callback.url.endswith("&statusstr=DELETED&statuscode=0&StatusFlag=9")


def test_there_is_nobody_who_could_write_back() -> None:
    written = EMULATOR.inbound(
        EMULATOR.new_state(), account="sendyard", sender="+886912345678", recipient="", text="hi", now=NOW
    )
    assert written is None
    assert not ADAPTER.spec.inbound


def test_balance_and_probe_tell_the_same_points() -> None:
    state = registered(credit=110)
    answer = EMULATOR.handle(arrive(ADAPTER.build_balance(call())), state).response
    balance = ADAPTER.parse_balance(answer)
    probe = ADAPTER.parse_probe(call(), EMULATOR.handle(arrive(ADAPTER.build_probe(call())), state).response)
    assert isinstance(balance, Money)
    assert (str(balance), probe.ok, probe.facts) == ("110 XPT", True, {"points": "110"})


def test_a_probe_with_a_wrong_password_says_where_to_look() -> None:
    made = call(account(password="wrong"))
    probe = ADAPTER.parse_probe(made, EMULATOR.handle(arrive(ADAPTER.build_probe(made)), registered()).response)
    assert not probe.ok
    assert "sign in at the Mitake console" in probe.detail
    assert "wrong account or password" in probe.detail


def test_repeating_an_exchange_gives_the_same_receipts_and_sends_nothing() -> None:
    state = EMULATOR.new_state()
    batch = [outgoing(n) for n in range(1, 4)]
    receipts, _ = submit(state, batch)
    again, handled = submit(state, batch, call(now=NOW + timedelta(hours=11)))
    assert again == receipts
    assert handled.received == []
