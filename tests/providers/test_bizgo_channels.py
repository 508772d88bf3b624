"""
BizGO beyond text messages: AlimTalk's fields, brand messages, RCS, messages abroad and reservations.
"""

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest
from pydantic import SecretStr, ValidationError

from sendyard.domain.addresses import Address
from sendyard.domain.channels import Channel, Purpose
from sendyard.domain.content import Choice, Content, Interactive, Media, MediaItem, TemplateRef, Text
from sendyard.domain.ids import compose_uuid7
from sendyard.providers.bizgo import ADAPTER
from sendyard.providers.bizgo.spec import BizgoAccount
from sendyard.providers.contract import Call, Outgoing
from sendyard.providers.registry import adapters_for

MADE = datetime(2026, 11, 21, 2, tzinfo=UTC)
EXCHANGE = compose_uuid7(int(MADE.timestamp() * 1000), 7)
ACCOUNT = BizgoAccount(
    api_key=SecretStr("mars_ak_invented"),
    sender_key="SK",
    targeting="M",
    opt_out_number="080-123-4567",
    rcs_brand_key="BK",
)
BARE = BizgoAccount(api_key=SecretStr("mars_ak_invented"))
PICTURE = (MediaItem("image/jpeg", handle="maapfile://MK-1"),)
ALIMTALK = TemplateRef("T", body="안내")


def message(content: Content | str = "hi", channel: Channel = Channel.SMS, **fields: Any) -> Outgoing:
    given: dict[str, Any] = {
        "message_id": "m1",
        "reference": "ref-1",
        "channel": channel,
        "to": Address.phone("+821000000001"),
        "sender": "15880000",
        "content": Text(content) if isinstance(content, str) else content,
        "country": "KR",
    }
    return Outgoing(**(given | fields))


def codes_of(
    content: Content | str,
    channel: Channel,
    account: BizgoAccount = ACCOUNT,
    *,
    registration: Mapping[str, Any] | None = None,
    **fields: Any,
) -> list[str]:
    brought = {
        key: value if isinstance(value, str) else json.dumps(value) for key, value in (registration or {}).items()
    }
    return [
        problem.code for problem in ADAPTER.check(account, message(content, channel, registration=brought, **fields))
    ]


def item_of(*batch: Outgoing, account: BizgoAccount = ACCOUNT) -> dict[str, Any]:
    """The first item of the flow."""
    body = sent(*batch, account=account)
    (item,) = body["messageFlow"][0].values()
    return cast("dict[str, Any]", item)


def sent(
    *batch: Outgoing, account: BizgoAccount = ACCOUNT, now: datetime = MADE, exchange: str = EXCHANGE
) -> dict[str, Any]:
    call = Call(account=account, now=now, nonce="n", exchange_id=exchange)
    return cast("dict[str, Any]", json.loads(ADAPTER.build_submit(call, batch).body))


def test_a_repeated_exchange_has_the_same_bytes_however_late_it_is() -> None:
    batch = [message(f"손님 {number}", valid_until=MADE + timedelta(minutes=10)) for number in range(3)]
    calls = [
        Call(account=ACCOUNT, now=MADE + timedelta(seconds=wait), nonce=f"n{wait}", exchange_id=EXCHANGE)
        for wait in (0, 1, 59, 3600)
    ]
    assert len({ADAPTER.build_submit(call, batch).body for call in calls}) == 1
    assert sent(*batch)["messageFlow"][0]["sms"]["ttl"] == "600"


@pytest.mark.parametrize("exchange", ["exchange-1", "", EXCHANGE.upper(), EXCHANGE.replace("-7", "-4", 1)])
def test_an_exchange_whose_name_tells_no_time_begins_now(exchange: str) -> None:
    late = message(valid_until=MADE + timedelta(minutes=10))
    body = sent(late, now=MADE + timedelta(minutes=9), exchange=exchange)
    assert body["messageFlow"][0]["sms"]["ttl"] == "60"


@pytest.mark.parametrize(
    ("content", "registration", "code"),
    [
        (ALIMTALK, {"alimtalk.title": "가" * 51}, "title_too_long"),
        (ALIMTALK, {"alimtalk.header": "가" * 17}, "header_too_long"),
        (ALIMTALK, {"alimtalk.msgType": "FT"}, "field_unusable"),
        (ALIMTALK, {"alimtalk.responseMethod": "pull"}, "field_unusable"),
        (ALIMTALK, {"alimtalk.timeout": "9"}, "field_unusable"),
        (ALIMTALK, {"alimtalk.timeout": "soon"}, "field_unusable"),
        (ALIMTALK, {"alimtalk.attachment": {"button": [{"type": "WL"}]}}, "field_unusable"),
        (ALIMTALK, {"alimtalk.attachment": {"button": ["WL"]}}, "field_unusable"),
        (ALIMTALK, {"alimtalk.attachment": {"itemHighlight": {"title": "가" * 31}}}, "field_unusable"),
        (
            ALIMTALK,
            {"alimtalk.msgType": "AI", "alimtalk.attachment": {"itemHighlight": {"description": "가" * 14}}},
            "field_unusable",
        ),
        (ALIMTALK, {"alimtalk.attachment": {"item": {"list": [{}]}}}, "field_unusable"),
        (
            ALIMTALK,
            {"alimtalk.supplement": {"quickReply": [{"type": "BK", "name": "가" * 15}]}},
            "field_unusable",
        ),
        (TemplateRef("T", variables={"a": "b"}), {"alimtalk.title": "안내"}, "fields_need_text"),
        (ALIMTALK, {"alimtalk.attachment": "{"}, "registration_unusable"),
        (ALIMTALK, {"alimtalk.attachment": []}, "registration_unusable"),
        (ALIMTALK, {"alimtalk.text": "another text"}, "registration_unusable"),
        (ALIMTALK, {"pigeon.title": "안내"}, "registration_unusable"),
        (ALIMTALK, {"send_at": "tomorrow"}, "registration_unusable"),
        (ALIMTALK, {"send_at": "2026-12-01T10:00:00"}, "registration_unusable"),
    ],
)
def test_alimtalk_fields_that_kakao_would_refuse_are_named(
    content: Content, registration: Mapping[str, Any], code: str
) -> None:
    assert codes_of(content, Channel.ALIMTALK, registration=registration) == [code]


def test_everything_an_alimtalk_may_bring_is_taken() -> None:
    brought = {
        "sender_key": "another",
        "entity_id": "of another regulator",
        "alimtalk.title": "안내",
        "alimtalk.link": {"urlMobile": "https://shop.example.test", "urlPc": "https://shop.example.test"},
        "alimtalk.attachment": {
            "button": [{"type": "WL", "name": "보기", "urlMobile": "https://shop.example.test"}],
            "itemHighlight": {"title": "가" * 30, "description": "가" * 19},
            "item": {"list": [{"title": "a", "description": "b"}] * 2},
        },
        "alimtalk.supplement": {"quickReply": [{"type": "BK", "name": "문의"}]},
        "alimtalk.price": "1000",
        "alimtalk.currencyType": "KRW",
        "alimtalk.timeout": "86400",
    }
    assert codes_of(ALIMTALK, Channel.ALIMTALK, BARE, registration=brought) == []
    texts = {key: value if isinstance(value, str) else json.dumps(value) for key, value in brought.items()}
    item = item_of(message(ALIMTALK, Channel.ALIMTALK, registration=texts))
    assert item["senderKey"] == "another"
    assert item["attachment"] == brought["alimtalk.attachment"]
    assert item["price"] == "1000"


def test_a_kakao_channel_must_be_known_by_its_key() -> None:
    assert codes_of(ALIMTALK, Channel.ALIMTALK, BARE) == ["sender_key_missing"]
    assert codes_of("안내", Channel.BRANDMESSAGE, BARE) == ["sender_key_missing"]


def brand(kind: str = "", **fields: Any) -> dict[str, Any]:
    return {**({"brandmessage.msgType": kind} if kind else {}), **{f"brandmessage.{k}": v for k, v in fields.items()}}


def buttons(count: int, **fields: str) -> dict[str, Any]:
    one = {"type": "WL", "name": "보기", "urlPc": "https://a.test", "urlMobile": "https://a.test"} | fields
    return {"button": [one] * count}


@pytest.mark.parametrize(
    ("content", "registration", "code"),
    [
        ("", {}, "text_empty"),
        ("가" * 1301, {}, "text_too_long"),
        ("가" * 77, brand("FP"), "text_too_long"),
        ("안내", brand("FX"), "field_unusable"),
        ("안내", brand("FI"), "picture_missing"),
        ("안내", brand(attachment={"image": "https://a.test/a.jpg"}), "field_unusable"),
        ("안내", brand("FW", attachment={"image": {"imgUrl": "u", "imgLink": "x" * 1001}}), "field_unusable"),
        (Media((), "안내"), {}, "picture_not_uploaded"),
        (Media((MediaItem("image/jpeg", url="https://a.test"),), "안내"), {}, "picture_not_uploaded"),
        (Media(PICTURE, "안내", "가" * 21), {}, "header_too_long"),
        ("안내", brand(header="가" * 21), "header_too_long"),
        ("안내", brand(groupTagKey="x" * 41), "groupTagKey_too_long"),
        ("안내", brand(adFlag="X"), "field_unusable"),
        ("", brand("FL", adFlag="N"), "field_unusable"),
        ("", brand("FC", carousel={"list": [{}]}), "field_unusable"),
        ("", brand("FA"), "field_unusable"),
        ("", brand("FG", attachment={"catalog": {"list": [{}, {}]}}), "field_unusable"),
        ("안내", {"targeting": "X"}, "field_unusable"),
        ("안내", brand(attachment=buttons(6)), "too_many_buttons"),
        ("안내", brand(attachment={"coupon": {}, **buttons(5)}), "too_many_buttons"),
        ("안내", brand(attachment=buttons(1, name="가" * 29)), "button_malformed"),
        ("안내", brand(attachment=buttons(1, urlPc="")), "button_malformed"),
        ("안내", brand(attachment=buttons(1, type="AL", urlMobile="")), "button_malformed"),
        (Interactive("안내", [Choice("yes", "예")]), {}, "button_without_address"),
        (Interactive("안내", [Choice("https://a.test", "예")], footer="끝"), {}, "lists_not_carried"),
        (Interactive("안내", [Choice("https://a.test", "예")], header="#{a}"), {}, "place_in_title"),
        (TemplateRef("T", variables={"text": "x"}), {}, "variable_name_taken"),
    ],
)
def test_brand_messages_that_kakao_would_refuse_are_named(
    content: Content | str, registration: Mapping[str, Any], code: str
) -> None:
    assert codes_of(content, Channel.BRANDMESSAGE, registration=registration) == [code]


@pytest.mark.parametrize(
    ("content", "registration"),
    [
        ("가" * 1300, {}),
        ("안내", brand(attachment=buttons(5))),
        ("안내", brand(attachment={"coupon": {}, **buttons(4)})),
        ("안내", brand(attachment=buttons(1, type="BK", urlPc="", urlMobile=""))),
        (Media(PICTURE, "가" * 400), {}),
        ("", brand("FC", carousel={"list": [{}, {}]})),
        ("", brand("FG", attachment={"catalog": {"list": [{}] * 3}}, header="가을")),
        ("안내", brand(adFlag="N")),
        (TemplateRef("T", variables={"name": "가"}), {}),
        (Interactive("안내", [Choice("https://a.test", "가" * 28)], header="가" * 20), {}),
    ],
)
def test_brand_messages_within_the_limits_are_taken(content: Content | str, registration: Mapping[str, Any]) -> None:
    assert codes_of(content, Channel.BRANDMESSAGE, registration=registration) == []


def test_a_template_of_a_brand_message_needs_an_audience() -> None:
    account = ACCOUNT.model_copy(update={"targeting": ""})
    assert codes_of(TemplateRef("T"), Channel.BRANDMESSAGE, account) == ["targeting_missing"]
    assert codes_of(TemplateRef("T"), Channel.BRANDMESSAGE, account, registration={"targeting": "I"}) == []
    assert codes_of("자유 문구", Channel.BRANDMESSAGE, account) == []


def test_a_template_takes_only_the_fields_that_bizgo_takes_with_one() -> None:
    brought = {"brandmessage.pushAlarm": "N", "brandmessage.header": "가을"}
    item = item_of(message(TemplateRef("T"), Channel.BRANDMESSAGE, registration=brought))
    assert item["pushAlarm"] == "N"
    assert "header" not in item


@pytest.mark.parametrize(
    ("content", "fields", "code"),
    [
        ("", {}, "text_empty"),
        ("(광고) 한빛", {}, "advert_label_typed"),
        ("안내", {"registration": {"rcs.header": "2"}}, "field_unusable"),
        ("안내", {"registration": {"rcs.copyAllowed": "yes"}}, "field_unusable"),
        ("안내", {"registration": {"rcs.expiryOption": "5"}}, "field_unusable"),
        ("안내", {"registration": {"rcs.footer": "080-123-4567"}}, "footer_without_label"),
        ("안내", {"registration": {"rcs.header": "1"}}, "opt_out_number_missing"),
        ("안내", {"purpose": Purpose.PROMOTIONAL, "registration": {"rcs.footer": "무료"}}, "opt_out_number_missing"),
        ("안내", {"registration": {"rcs.buttons": {}}}, "registration_unusable"),
        (Media((), "안내"), {}, "picture_not_uploaded"),
        (Media((MediaItem("image/png", handle="FK-1"),), "안내"), {}, "picture_not_uploaded"),
        (TemplateRef("F", body="안내", media=PICTURE * 2), {}, "picture_not_uploaded"),
        (TemplateRef("F"), {}, "text_empty"),
        (Text("안내", "#{a}"), {}, "place_in_title"),
        (Interactive("안내", [Choice("yes", "예")]), {}, "button_without_address"),
        (Interactive("안내", [Choice("tel:15880000", "전화")], list_label="메뉴"), {}, "lists_not_carried"),
    ],
)
def test_rcs_that_the_hub_would_refuse_is_named(content: Content | str, fields: Mapping[str, Any], code: str) -> None:
    assert codes_of(content, Channel.RCS, **fields) == [code]


@pytest.mark.parametrize(
    ("content", "fields"),
    [
        ("안내 😀", {}),
        ("안내", {"purpose": Purpose.PROMOTIONAL}),
        ("안내", {"purpose": Purpose.PROMOTIONAL, "registration": {"rcs.header": "0", "rcs.footer": ""}}),
        (Media(PICTURE, "안내"), {}),
        (TemplateRef("F", variables={"description": "안내"}, media=PICTURE), {}),
        (Interactive("안내", [Choice("tel:15880000", "전화"), Choice("https://a.test", "보기")]), {}),
    ],
)
def test_rcs_within_the_limits_is_taken(content: Content | str, fields: Mapping[str, Any]) -> None:
    assert codes_of(content, Channel.RCS, **fields) == []


def test_rcs_needs_the_key_of_its_brand() -> None:
    assert codes_of("안내", Channel.RCS, BARE) == ["brand_key_missing"]
    assert codes_of("안내", Channel.RCS, BARE, registration={"brand_key": "BK"}) == []


@pytest.mark.parametrize(
    ("seconds", "option"), [(30, "2"), (189, "2"), (190, "3"), (3599, "3"), (3600, "4"), (86_399, "4"), (90_000, None)]
)
def test_rcs_expires_by_the_longest_time_that_fits(seconds: int, option: str | None) -> None:
    item = item_of(message("안내", Channel.RCS, valid_until=MADE + timedelta(seconds=seconds)))
    assert item.get("expiryOption") == option


def test_an_rcs_format_without_variables_gets_the_text_as_its_description() -> None:
    item = item_of(message(TemplateRef("F", body="안내", media=PICTURE), Channel.RCS))
    assert item["formatId"] == "F"
    assert item["body"] == {"description": "안내", "media": "maapfile://MK-1"}


@pytest.mark.parametrize(
    ("content", "fields", "codes"),
    [
        ("您的訂單 😀", {}, []),
        ("x" * 1000, {}, []),
        (TemplateRef("T", body="hello"), {}, []),
        ("x" * 1001, {}, ["text_too_long"]),
        ("", {}, ["text_empty"]),
        (Text("hi", "title"), {}, ["title_not_carried"]),
        (Media(PICTURE, "hi"), {}, ["pictures_not_carried"]),
        ("hi", {"to": Address.phone("+1234567")}, ["number_not_carried"]),
        ("hi", {"fallback": ((Channel.MMS, Text("hi")),)}, ["not_a_korean_mobile"]),
        ("hi", {"fallback": ((Channel.SMS, Text("")),)}, ["text_empty"]),
        ("hi", {"fallback": ((Channel.WHATSAPP, Text("hi")),)}, ["not_a_korean_mobile", "channel_not_carried"]),
    ],
)
def test_abroad_only_texts_travel(content: Content | str, fields: Mapping[str, Any], codes: list[str]) -> None:
    abroad = {"to": Address.phone("+886912000001"), "country": "TW", **fields}
    assert codes_of(content, Channel.SMS, **abroad) == codes


@pytest.mark.parametrize("channel", [Channel.ALIMTALK, Channel.BRANDMESSAGE, Channel.RCS])
def test_kakao_and_rcs_stay_in_korea(channel: Channel) -> None:
    content = ALIMTALK if channel is Channel.ALIMTALK else "안내"
    assert codes_of(content, channel, to=Address.phone("+886912000001")) == ["not_a_korean_mobile"]


def test_texts_are_counted_by_the_rules_of_the_recipients_country() -> None:
    assert ADAPTER.text_rules("KR") is ADAPTER.text_rules("") is ADAPTER.spec.text
    assert ADAPTER.text_rules("TW").max_characters == 1000
    assert ADAPTER.text_rules("TW").max_bytes == 0


def test_messages_to_korea_and_abroad_never_share_a_request() -> None:
    home, abroad = message(), message(to=Address.phone("+886912000001"))
    assert ADAPTER.batch_key(home) != ADAPTER.batch_key(abroad)


def test_bizgo_is_the_first_choice_at_home_and_the_last_elsewhere() -> None:
    at_home, elsewhere = adapters_for("KR", Channel.SMS), adapters_for("JP", Channel.SMS)
    assert at_home[0] is ADAPTER
    assert elsewhere[-1] is ADAPTER


def test_advertising_and_other_messages_never_share_a_request() -> None:
    assert ADAPTER.batch_key(message()) != ADAPTER.batch_key(message(purpose=Purpose.PROMOTIONAL))


def test_a_reservation_carries_one_message_and_is_never_repeated_blindly() -> None:
    later = {"send_at": "2026-12-01T10:00:00+09:00"}
    first, second = (message(reference=name, registration=later) for name in ("ref-1", "ref-2"))
    assert ADAPTER.batch_key(first) != ADAPTER.batch_key(second)
    assert (ADAPTER.dedup_seconds(first), ADAPTER.dedup_seconds(message())) == (0, 86_400)


@pytest.mark.parametrize(
    "fields", [{"opt_out_number": "02-123-4567"}, {"opt_out_code": "12a"}, {"targeting": "X"}, {"sender_key": "k" * 41}]
)
def test_account_options_that_cannot_be_are_refused(fields: Mapping[str, str]) -> None:
    with pytest.raises(ValidationError):
        BizgoAccount.model_validate({"api_key": "k", **fields})
