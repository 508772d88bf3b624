"""
BizGO, our side: what the shared samples cannot say.
"""

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr, ValidationError

from sendyard.domain.addresses import Address
from sendyard.domain.channels import Channel
from sendyard.domain.content import Content, Media, MediaItem, TemplateRef, Text
from sendyard.domain.errors import ErrorKind, Invalid, ProviderError
from sendyard.domain.status import ReportStatus
from sendyard.providers.abilities import Found, MediaFile, Poll
from sendyard.providers.bizgo import ADAPTER
from sendyard.providers.bizgo.answers import retry_after
from sendyard.providers.bizgo.codes import documented_status
from sendyard.providers.bizgo.report_codes import REPORT_CODES, report_meaning
from sendyard.providers.bizgo.reports import channel_of
from sendyard.providers.bizgo.spec import BizgoAccount
from sendyard.providers.contract import Call, CallbackRejected, Outgoing, ProtocolError
from sendyard.providers.wire import CallbackRequest, HttpResponse
from tests.providers.samples import cases, moment, outgoing_of, response_of

NOW = datetime(2026, 11, 21, 2, tzinfo=UTC)
ACCOUNT = BizgoAccount(api_key=SecretStr("mars_ak_invented"), webhook_secret=SecretStr("invented-hook-secret"))
CALL = Call(account=ACCOUNT, now=NOW, nonce="0123456789abcdef", exchange_id="exchange-1")
JPEG = b"\xff\xd8\xff\xe0 invented \xff\xd9"


def message(content: Content | str = "hi", **fields: Any) -> Outgoing:
    given: dict[str, Any] = {
        "message_id": "m1",
        "reference": "ref-1",
        "channel": Channel.SMS,
        "to": Address.phone("+821000000001"),
        "sender": "15880000",
        "content": Text(content) if isinstance(content, str) else content,
        "country": "KR",
    }
    return Outgoing(**(given | fields))


def body(*batch: Outgoing, now: datetime = NOW) -> dict[str, Any]:
    call = Call(account=ACCOUNT, now=now, nonce="n", exchange_id="exchange-1")
    return cast("dict[str, Any]", json.loads(ADAPTER.build_submit(call, batch).body))


def codes_of(content: Content | str, **fields: Any) -> list[str]:
    return [problem.code for problem in ADAPTER.check(ACCOUNT, message(content, **fields))]


def pictures(count: int, **fields: Any) -> tuple[MediaItem, ...]:
    return tuple(MediaItem("image/jpeg", **{"handle": f"FK-{number}", **fields}) for number in range(count))


def test_messages_that_differ_only_in_text_share_a_request() -> None:
    assert ADAPTER.batch_key(message("short")) == ADAPTER.batch_key(message("another"))


@pytest.mark.parametrize(
    "other",
    [
        message("x" * 91),
        message(sender="15880001"),
        message(Text("hi", title="news")),
        message(Media(pictures(1), "hi")),
        message(fallback=((Channel.SMS, Text("instead")),)),
        message(valid_until=NOW + timedelta(minutes=5)),
        message(registration={"sender_key": "SK"}),
        message(TemplateRef("T", body="hi"), channel=Channel.ALIMTALK),
    ],
)
def test_what_belongs_to_the_whole_request_keeps_messages_apart(other: Outgoing) -> None:
    assert ADAPTER.batch_key(message("hi")) != ADAPTER.batch_key(other)


def test_messages_valid_until_the_same_minute_share_a_request_and_its_shortest_time() -> None:
    batch = [
        message("a", valid_until=NOW + timedelta(seconds=121)),
        message("b", valid_until=NOW + timedelta(seconds=179)),
    ]
    assert ADAPTER.batch_key(batch[0]) == ADAPTER.batch_key(batch[1])
    assert body(*batch)["messageFlow"][0]["sms"]["ttl"] == "121"


def test_a_validity_that_is_over_is_the_shortest_bizgo_takes() -> None:
    late = message(valid_until=NOW - timedelta(seconds=3))
    assert body(late)["messageFlow"][0]["sms"]["ttl"] == "1"


def test_a_validity_of_days_is_cut_to_one() -> None:
    assert body(message(valid_until=NOW + timedelta(days=3)))["messageFlow"][0]["sms"]["ttl"] == "86400"


def test_a_rendered_template_on_sms_travels_as_text() -> None:
    short, long = TemplateRef("T", body="안내"), TemplateRef("T", body="x" * 91)
    assert body(message(short))["messageFlow"] == [{"sms": {"from": "15880000", "text": "안내"}}]
    assert body(message(long))["messageFlow"] == [{"mms": {"from": "15880000", "text": "x" * 91}}]


def test_equal_text_with_different_template_words_still_gives_everyone_their_own() -> None:
    flow = (
        (Channel.ALIMTALK, TemplateRef("T", variables={"name": "가"})),
        (Channel.ALIMTALK, TemplateRef("T", variables={"name": "나"})),
    )
    batch = [message("hi" if number else "ho", fallback=(fallback,)) for number, fallback in enumerate(flow)]
    assert [one["replaceWords"] for one in body(*batch)["destinations"]] == [
        {"text": "ho", "name": "가"},
        {"text": "hi", "name": "나"},
    ]


def test_a_good_message_has_no_problems() -> None:
    assert codes_of("안내 말씀") == []
    assert codes_of(Media(pictures(3), "새 메뉴", "안내"), channel=Channel.MMS) == []
    kakao = TemplateRef("T", variables={"name": "가"})
    assert codes_of(kakao, channel=Channel.ALIMTALK, registration={"sender_key": "SK"}) == []


@pytest.mark.parametrize(
    ("content", "fields", "code"),
    [
        (Text("hi"), {"to": Address.phone("+886912345678"), "channel": Channel.MMS}, "not_a_korean_mobile"),
        ("hi", {"to": Address.phone("+82220001234")}, "not_a_korean_mobile"),
        ("hi", {"sender": "SHOP"}, "sender_not_a_number"),
        ("", {}, "text_empty"),
        ("축하 🎉", {}, "characters_not_in_cp949"),
        ("x" * 2001, {}, "text_too_long"),
        (Text("hi", title="가" * 21), {}, "title_too_long"),
        (Text("hi", title="é"), {}, "characters_not_in_cp949"),
        (Text("hi", title="#{a}"), {}, "place_in_title"),
        (Media(pictures(4), "hi"), {"channel": Channel.MMS}, "too_many_pictures"),
        (Media((), "hi"), {"channel": Channel.MMS}, "too_many_pictures"),
        (Media(pictures(1, handle=""), "hi"), {"channel": Channel.MMS}, "picture_not_uploaded"),
        ("hi", {"channel": Channel.WHATSAPP}, "channel_not_carried"),
        ("hi", {"channel": Channel.ALIMTALK}, "template_needed"),
        (TemplateRef("T"), {"channel": Channel.ALIMTALK}, "sender_key_missing"),
        (
            TemplateRef("T", body="x" * 1301),
            {"channel": Channel.ALIMTALK, "registration": {"sender_key": "SK"}},
            "text_too_long",
        ),
        (
            TemplateRef("T", variables={"text2": "x"}),
            {"channel": Channel.ALIMTALK, "registration": {"sender_key": "SK"}},
            "variable_name_taken",
        ),
        ("hi", {"fallback": ((Channel.SMS, Text("x" * 2001)),)}, "text_too_long"),
    ],
)
def test_what_bizgo_cannot_carry_is_named_before_sending(
    content: Content | str, fields: Mapping[str, Any], code: str
) -> None:
    assert codes_of(content, **fields) == [code]


def test_the_problem_with_a_character_shows_it_and_never_the_whole_number() -> None:
    (character,) = ADAPTER.check(ACCOUNT, message("₩1,000"))
    assert "₩" in character.detail
    (elsewhere,) = ADAPTER.check(ACCOUNT, message(to=Address.phone("+886912345678"), channel=Channel.MMS))
    assert "912345678" not in elsewhere.detail


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"api_key": "Bearer abc"}, "without 'Bearer'"),
        ({"api_key": "abc\n"}, "without line ends"),
        ({"api_key": ""}, "printable ASCII"),
        ({"api_key": "k", "webhook_secret": " s "}, "blanks at its ends"),
        ({"api_key": "k", "base_url": "mars.ibapi.kr"}, "expected an address"),
        ({"api_key": "k", "base_url": "https://user:pw@host/api/comm"}, "expected an address"),
        ({"api_key": "k", "origin_cid": "1234567890"}, "9 characters"),
    ],
)
def test_account_fields_are_refused_with_what_was_expected(fields: Mapping[str, Any], expected: str) -> None:
    with pytest.raises(ValidationError, match=expected):
        BizgoAccount(**fields)


def test_a_base_url_may_end_with_a_slash() -> None:
    account = BizgoAccount(api_key=SecretStr("k"), base_url="http://127.0.0.1:9025/bizgo/api/comm/")
    assert account.base_url == "http://127.0.0.1:9025/bizgo/api/comm"


def upload(data: bytes, content_type: str = "image/jpeg", filename: str = "a.jpg") -> bytes:
    return ADAPTER.build_upload(CALL, MediaFile(Channel.MMS, filename, content_type, data)).body


@pytest.mark.parametrize(
    ("data", "content_type", "code"),
    [
        (b"\x89PNG", "image/png", "picture_not_jpeg"),
        (b"\x89PNG", "image/jpeg", "picture_not_jpeg"),
        (JPEG, "image/png", "picture_not_jpeg"),
        (b"", "image/jpeg", "picture_not_jpeg"),
        (JPEG.ljust(307_201, b"\0"), "image/jpeg", "picture_too_large"),
    ],
)
def test_a_picture_the_carriers_cannot_take_is_not_uploaded(data: bytes, content_type: str, code: str) -> None:
    with pytest.raises(Invalid) as refused:
        upload(data, content_type)
    assert refused.value.code == code


def test_a_file_name_cannot_add_to_the_form() -> None:
    form = upload(JPEG, filename='a"\r\nX-Forged: 1.jpg')
    assert b'filename="a_X-Forged_1.jpg"' in form
    assert b'filename="picture.jpg"' in upload(JPEG, filename="")


def test_the_largest_picture_is_taken_byte_for_byte() -> None:
    picture = JPEG.ljust(307_200, b"\0")
    assert picture in upload(picture, "image/jpg")


@pytest.mark.parametrize("case", [one for one in cases("bizgo", "lookup") if "on its way" in one["name"]], ids=str)
def test_a_message_on_its_way_is_found_without_a_report(case: Mapping[str, Any]) -> None:
    found = ADAPTER.parse_lookup(
        outgoing_of(case["outgoing"]), moment(case["submitted_at"]), response_of(case["response"])
    )
    assert isinstance(found, Found)
    assert found.event is None


def test_a_full_batch_of_reports_asks_for_the_next_one() -> None:
    def polled(count: int) -> Poll:
        reports = [{"msgKey": f"K{number}", "reportCode": "10000"} for number in range(count)]
        data = {"code": "A000", "data": {"reportId": "R1", "report": reports}}
        answer = json.dumps({"common": {"authCode": "A000"}, "data": data}).encode()
        return ADAPTER.parse_poll(CALL, (), HttpResponse(200, {}, answer))

    assert polled(1000).more
    assert not polled(999).more


def test_a_refused_poll_says_what_to_do() -> None:
    answer = b'{"common":{"authCode":"A403","authResult":"Forbidden"}}'
    with pytest.raises(ProtocolError, match=r"A403.*allow-list"):
        ADAPTER.parse_poll(CALL, (), HttpResponse(403, {}, answer))


@pytest.mark.parametrize(
    ("service", "kind", "channel"),
    [
        ("SMS", "SM", Channel.SMS),
        ("MMS", "LM", Channel.SMS),
        ("MMS", "MM", Channel.MMS),
        ("ALIMTALK", "AT", Channel.ALIMTALK),
        ("BRANDMESSAGE", "FT", Channel.BRANDMESSAGE),
        ("RCS", "RL", Channel.RCS),
        ("INTERNATIONAL", "", Channel.SMS),
        ("NAVERTALK", "", None),
    ],
)
def test_service_types_are_our_channels(service: str, kind: str, channel: Channel | None) -> None:
    assert channel_of(service, kind) is channel


@pytest.mark.parametrize(
    ("header", "seconds"),
    [("3", 3.0), ("0", 0.0), ("0.5", 0.5), ("90", 60.0), ("-1", None), ("nan", None), ("inf", None), ("", None)],
)
def test_a_time_to_wait_is_taken_only_when_it_makes_sense(header: str, seconds: float | None) -> None:
    assert retry_after({"retry-after": header}) == seconds


def test_no_time_to_wait_is_none() -> None:
    assert retry_after({}) is None


@pytest.mark.parametrize("code", ["63005", "6ME09", "56003", "55821", "41117", "70001"])
def test_an_uncertain_report_is_never_a_failure(code: str) -> None:
    assert report_meaning(code) is ReportStatus.SENT


@pytest.mark.parametrize(
    ("code", "meaning"),
    [
        ("22055", ErrorKind.UNDELIVERABLE),
        ("32055", ErrorKind.UNDELIVERABLE),
        ("42015", ErrorKind.CONTENT_REJECTED),
        ("72110", ErrorKind.CONTENT_REJECTED),
        ("23555", ReportStatus.UNMAPPED),
        ("220", ReportStatus.UNMAPPED),
        ("2200x", ReportStatus.UNMAPPED),
        ("", ReportStatus.UNMAPPED),
    ],
)
def test_codes_outside_the_table_go_by_their_series(code: str, meaning: object) -> None:
    assert report_meaning(code) is meaning


def test_rcs_repeats_the_codes_of_text_messages() -> None:
    assert REPORT_CODES["33023"] == REPORT_CODES["23023"]
    assert REPORT_CODES["32006"] == REPORT_CODES["22006"]


def test_service_codes_come_with_their_documented_status() -> None:
    assert [documented_status(code) for code in ("A000", "A020", "A306", "A802", "A920")] == [200, 429, 400, 403, 503]


_SOME_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.sampled_from(["A000", "A301", "A020", "10000"]),
    lambda inner: (
        st.lists(inner)
        | st.dictionaries(
            st.text()
            | st.sampled_from(["common", "authCode", "data", "code", "destinations", "to", "msgKey", "report"]),
            inner,
        )
    ),
).map(lambda value: json.dumps(value).encode())


@given(answer=st.binary() | _SOME_JSON, status=st.integers(100, 599))
def test_whatever_is_answered_only_a_protocol_error_is_raised(answer: bytes, status: int) -> None:
    response = HttpResponse(status, {}, answer)
    readings: list[Callable[[], object]] = [
        lambda: ADAPTER.parse_submit([message()], response),
        lambda: ADAPTER.parse_poll(CALL, (), response),
        lambda: ADAPTER.parse_lookup(message(), NOW, response),
        lambda: ADAPTER.parse_probe(CALL, response),
        lambda: ADAPTER.parse_upload(response),
    ]
    for reading in readings:
        try:
            assert reading() is not None
        except ProtocolError as error:
            assert str(error)  # noqa: PT017 - that nothing else is raised is the point


@given(given=st.binary() | _SOME_JSON, stamp=st.text(max_size=20), signature=st.text(max_size=70))
def test_whatever_calls_back_is_rejected_unless_signed(given: bytes, stamp: str, signature: str) -> None:
    headers = {"x-ib-timestamp": stamp, "x-ib-signature": signature}
    with pytest.raises(CallbackRejected):
        ADAPTER.parse_callback(CALL, CallbackRequest("POST", "https://gw.example.test/", "", headers, given))


def test_a_refused_upload_is_data_not_an_exception() -> None:
    answer = b'{"common":{"authCode":"A000"},"data":{"code":"A205","result":"Invalid MediaType"}}'
    refused = ADAPTER.parse_upload(HttpResponse(400, {}, answer))
    assert refused == ProviderError(ErrorKind.CONTENT_REJECTED, "A205", "Invalid MediaType")
