"""
BizGO's Kakao channel: templates listed, compared, handed in and inspected; the opt-out number; pictures.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sendyard.domain.channels import Channel
from sendyard.domain.content import TemplateRef
from sendyard.domain.errors import Invalid, ProviderError
from sendyard.domain.status import ReportStatus
from sendyard.providers.abilities import MediaFile, OptOutNumber, ProviderTemplate, TemplateButton, TemplatePage
from sendyard.providers.bizgo import ADAPTER
from sendyard.providers.bizgo.places import fill, matches, names_in
from sendyard.providers.contract import Call, ProtocolError, TemplateState
from sendyard.providers.wire import HttpResponse
from tests.providers.bizgo_wire import KEY, Yard, alimtalk, code_of, settle
from tests.providers.samples import Case, account_of, assert_same_request, call_for, cases, response_of
from tests.providers.wire_pair import Pair

TO = "01000000001"
ORDER = ProviderTemplate("ORDER", TemplateState.APPROVED, body="#{name}님, 주문 #{no} 접수", variables=("name", "no"))
DRAFT = ProviderTemplate("NEW_01", TemplateState.DRAFT, body="#{name}님, 안내")


def each(kind: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("case", [pytest.param(case, id=case["name"]) for case in cases("bizgo", kind)])


def call_of(case: Case) -> Call:
    return call_for("bizgo", account_of(ADAPTER, case))


@each("templates")
def test_templates_are_listed_as_bizgo_has_them(case: Case) -> None:
    call, cursor = call_of(case), case["cursor"]
    if "request" in case:
        assert_same_request(ADAPTER.build_templates(call, cursor), case["request"])
    if "raises" in case:
        with pytest.raises(ProtocolError):
            ADAPTER.parse_templates(call, cursor, response_of(case["response"]))
        return
    page, expected = ADAPTER.parse_templates(call, cursor, response_of(case["response"])), case["expected"]
    if isinstance(page, ProviderError):
        assert (page.kind, page.code) == (expected["kind"], expected["code"])
        return
    assert page.cursor == expected["cursor"]
    assert len(page.templates) == expected.get("count", len(expected.get("templates", ())))
    for template, wanted in zip(page.templates, expected.get("templates", ()), strict=False):
        for name, value in wanted.items():
            assert _plain(getattr(template, name)) == value, name


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return [[one.kind, one.text, one.url, one.phone] if isinstance(one, TemplateButton) else one for one in value]
    return value


@each("template_create")
def test_templates_are_handed_in(case: Case) -> None:
    call = call_of(case)
    made = {**case["template"], "state": TemplateState(case["template"]["state"])}
    made["buttons"] = tuple(TemplateButton(**button) for button in made.get("buttons", ()))
    template = ProviderTemplate(**made)
    if "request" in case:
        assert_same_request(ADAPTER.build_template(call, template, case["samples"]), case["request"])
    found, expected = ADAPTER.parse_template(template, response_of(case["response"])), case["expected"]
    if isinstance(found, ProviderError):
        assert (found.kind, found.code) == (expected["kind"], expected["code"])
        return
    assert {name: getattr(found, name) for name in expected} == expected
    assert found.body == template.body


@each("opt_out")
def test_an_opt_out_number_is_registered(case: Case) -> None:
    wanted = OptOutNumber(case["number"], case["code"])
    assert_same_request(ADAPTER.build_opt_out(call_of(case), wanted), case["request"])
    refused, expected = ADAPTER.parse_opt_out(response_of(case["response"])), case["expected"]
    assert ((refused.kind, refused.code) if refused else ()) == tuple(expected.values())


def settings(**fields: str) -> Any:
    return ADAPTER.Account.model_validate({"api_key": KEY, "sender_key": "SK", **fields})


def call(**fields: str) -> Call:
    return replace(call_for("bizgo", settings()), account=settings(**fields))


def test_without_a_kakao_channel_there_is_nothing_to_ask_for() -> None:
    bare = call(sender_key="")
    attempts: list[Callable[[], object]] = [
        lambda: ADAPTER.build_templates(bare, ""),
        lambda: ADAPTER.build_template(bare, DRAFT, {}),
        lambda: ADAPTER.build_opt_out(bare, OptOutNumber("080-123-4567")),
    ]
    for attempt in attempts:
        with pytest.raises(Invalid) as refused:
            attempt()
        assert refused.value.code == "sender_key_missing"


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"name": ""}, "template_code_malformed"),
        ({"name": "x" * 31}, "template_code_malformed"),
        ({"body": ""}, "template_text_too_long"),
        ({"body": "x" * 1301}, "template_text_too_long"),
        ({"header": "가" * 51}, "template_title_too_long"),
        ({"buttons": (TemplateButton("phone", "전화", phone="15880000"),)}, "template_button_unknown"),
        ({"buttons": (TemplateButton("url", "보기"),)}, "template_button_unknown"),
        ({"registration": {"alimtalk.attachment": "{"}}, "registration_unusable"),
    ],
)
def test_a_template_bizgo_would_refuse_is_not_handed_in(fields: Mapping[str, Any], code: str) -> None:
    with pytest.raises(Invalid) as refused:
        ADAPTER.build_template(call(), replace(DRAFT, **fields), {})
    assert refused.value.code == code


@pytest.mark.parametrize(("number", "code"), [("02-123-4567", ""), ("080-12-4567", ""), ("080-123-4567", "12a")])
def test_an_opt_out_number_that_is_none_is_not_registered(number: str, code: str) -> None:
    with pytest.raises(Invalid):
        ADAPTER.build_opt_out(call(), OptOutNumber(number, code))


WORDS = {"name": "가", "no": "A-1"}


@pytest.mark.parametrize(
    ("template", "wanted", "codes"),
    [
        (None, TemplateRef("ORDER"), ["template_unknown"]),
        (replace(ORDER, state=TemplateState.PENDING), TemplateRef("ORDER"), ["template_not_approved"]),
        (ORDER, TemplateRef("ORDER", variables={"name": "가"}), ["template_variables_missing"]),
        (ORDER, TemplateRef("ORDER", variables=WORDS), []),
        (ORDER, TemplateRef("ORDER", variables=WORDS, body="가님, 주문 A-1 접수"), []),
        (ORDER, TemplateRef("ORDER", variables=WORDS, body="가님, 주문 A-1 접수!"), ["template_text_differs"]),
        (replace(ORDER, body=""), TemplateRef("ORDER", variables=WORDS, body="anything"), []),
    ],
)
def test_what_leaves_is_compared_with_what_was_approved(
    template: ProviderTemplate | None, wanted: TemplateRef, codes: list[str]
) -> None:
    assert [problem.code for problem in ADAPTER.fits(template, wanted)] == codes


@pytest.mark.parametrize(
    ("approved", "text", "fits"),
    [
        ("안내", "안내", True),
        ("안내", "안내 ", False),
        ("#{a}", "", True),
        ("#{a}", "무엇이든\n둘째 줄", True),
        ("가#{a}나#{b}다", "가1나2다", True),
        ("가#{a}나#{b}다", "가나나다", True),
        ("가#{a}나#{b}다", "가1다", False),
        ("가#{a}가", "가", False),
        ("#{a}나#{b}나#{c}", "나", False),
        ("x#{a}", "y", False),
        ("#{a}x", "y", False),
    ],
)
def test_only_places_may_differ(approved: str, text: str, fits: bool) -> None:
    assert matches(approved, text) is fits


PIECES = st.lists(st.text("ab ", max_size=4), min_size=1, max_size=5)


@given(pieces=PIECES, values=st.lists(st.text("ab ", max_size=4), min_size=5, max_size=5))
def test_a_filled_template_always_matches_itself(pieces: list[str], values: list[str]) -> None:
    approved = "".join(f"{piece}#{{{place}}}" for place, piece in enumerate(pieces))
    words = {str(place): value for place, value in enumerate(values)}
    assert matches(approved, fill(approved, words))
    assert names_in(approved) == [str(place) for place in range(len(pieces))]


def test_a_place_without_a_word_stays() -> None:
    assert fill("#{a} #{b}", {"a": "#{b}"}) == "#{b} #{b}"


@pytest.mark.parametrize(
    ("channel", "filename", "content_type", "data", "code"),
    [
        (Channel.RCS, "a.gif", "image/gif", b"GIF89a", "picture_not_jpeg_or_png"),
        (Channel.RCS, "a.png", "image/jpeg", b"\x89PNG\r\n\x1a\n", "picture_not_jpeg_or_png"),
        (Channel.BRANDMESSAGE, "a.jpg", "image/jpeg", b"\xff\xd8\xff".ljust(512_001, b"\0"), "picture_too_large"),
        (
            Channel.BRANDMESSAGE,
            "wide/a.jpg",
            "image/jpeg",
            b"\xff\xd8\xff".ljust(5_242_881, b"\0"),
            "picture_too_large",
        ),
        (Channel.ALIMTALK, "a.jpg", "image/jpeg", b"\xff\xd8\xff", "upload_not_needed"),
    ],
)
def test_a_picture_a_channel_cannot_take_is_not_uploaded(
    channel: Channel, filename: str, content_type: str, data: bytes, code: str
) -> None:
    with pytest.raises(Invalid) as refused:
        ADAPTER.build_upload(call(), MediaFile(channel, filename, content_type, data))
    assert refused.value.code == code


def test_an_upload_without_a_handle_is_no_answer() -> None:
    answer = b'{"common":{"authCode":"A000"},"data":{"code":"A000","data":{"expired":"2027-11-21T10:30:00+09:00"}}}'
    with pytest.raises(ProtocolError, match="fileKey, media or imgUrl"):
        ADAPTER.parse_upload(HttpResponse(200, {}, answer))


_ANSWERS = st.binary(max_size=60) | st.sampled_from(
    [
        b'{"common":{"authCode":"A000"},"data":{"code":"A000","data":%s}}' % inner
        for inner in (
            b"null",
            b"[]",
            b'{"alimtalk":[]}',
            b'{"alimtalk":{"templates":[1]}}',
            b'{"alimtalk":{"templates":[{"templateCode":"T","attachment":[1],"link":7,"comments":[1,{}]}]}}',
            b'{"alimtalk":{"templates":[{"templateCode":"T","inspectionStatus":"REJ","comments":["x"]}]}}',
            b'{"alimtalk":{"templates":[{"templateCode":"T","attachment":{"button":["x",{"name":1}]}}]}}',
            b'{"alimtalk":{"templates":[{"templateCode":"T","attachment":{"button":7},"block":[true]}]}}',
        )
    ]
)


@given(answer=_ANSWERS, status=st.sampled_from([200, 400, 500]), cursor=st.sampled_from(["", "brandmessage:0"]))
def test_whatever_is_answered_only_a_protocol_error_is_raised(answer: bytes, status: int, cursor: str) -> None:
    response = HttpResponse(status, {}, answer)
    readings: list[Callable[[], object]] = [
        lambda: ADAPTER.parse_templates(call(), cursor, response),
        lambda: ADAPTER.parse_template(DRAFT, response),
        lambda: ADAPTER.parse_opt_out(response) or True,
    ]
    for reading in readings:
        try:
            assert reading()
        except ProtocolError as error:
            assert str(error)  # noqa: PT017 - that nothing else is raised is the point


class Channelled(Pair):
    """Both sides, with a Kakao channel."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.account = self.account.model_copy(update={"sender_key": "SK"})

    def page(self, cursor: str = "") -> TemplatePage:
        page = ADAPTER.parse_templates(self.call(), cursor, self.exchange(ADAPTER.build_templates(self.call(), cursor)))
        assert isinstance(page, TemplatePage), page
        return page

    def hand_in(self, template: ProviderTemplate) -> ProviderTemplate | ProviderError:
        request = ADAPTER.build_template(self.call(), template, {"name": "가"})
        return ADAPTER.parse_template(template, self.exchange(request))


@pytest.mark.parametrize(("body", "state"), [("#{name}님", "approved"), ("#{name}님 reject", "rejected")])
def test_both_sides_agree_on_a_template_from_draft_to_decision(body: str, state: str) -> None:
    pair = Channelled("bizgo")
    draft = pair.hand_in(replace(DRAFT, body=body))
    assert isinstance(draft, ProviderTemplate)
    assert [one.state for one in pair.page().templates] == ["draft"]
    pending = pair.hand_in(draft)
    assert isinstance(pending, ProviderTemplate)
    assert pending.state is TemplateState.PENDING
    assert [one.state for one in pair.page().templates] == ["pending"]
    again = pair.hand_in(draft)
    assert isinstance(again, ProviderError)
    pair.now += timedelta(minutes=1)
    (decided,) = pair.page().templates
    assert (decided.state, decided.variables) == (state, ("name",))
    assert bool(decided.reason) is (state == "rejected")


def test_both_sides_agree_on_pages_of_templates() -> None:
    console = {
        "templates": [{"templateCode": f"T{number}", "text": "안내"} for number in range(150)],
        "brand_templates": [{"templateCode": "BM"}],
    }
    pair = Channelled("bizgo", callbacks=True, console=console)
    cursor, names = "", []
    for _ in range(3):
        page = pair.page(cursor)
        names += [one.name for one in page.templates]
        cursor = page.cursor
    assert (names, cursor) == ([*(f"T{number}" for number in range(150)), "BM"], "")


def test_both_sides_agree_on_an_opt_out_number() -> None:
    pair = Channelled("bizgo")
    request = ADAPTER.build_opt_out(pair.call(), OptOutNumber("080-123-4567", "12345"))
    assert ADAPTER.parse_opt_out(pair.exchange(request)) is None
    (account,) = pair.state.accounts.values()
    assert account.opt_out_numbers == {"SK": "080-123-4567"}


APPROVED = {"templateCode": "T", "text": "#{name}님 안내", "attachment": {"button": [{"type": "WL", "name": "보기"}]}}


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"text": "가님 안내", "attachment": APPROVED["attachment"]}, "10000"),
        ({"text": "가님 안내!", "attachment": APPROVED["attachment"]}, "63016"),
        ({"text": "가님 안내"}, "63027"),
        ({"templateCode": "U"}, "63015"),
        ({"templateCode": "W"}, "63015"),
        ({"sendType": "template", "msgType": "", "text": ""}, "10000"),
    ],
)
def test_an_alimtalk_unlike_its_template_fails_and_the_next_channel_carries_it(
    fields: dict[str, Any], code: str
) -> None:
    waiting = {"templateCode": "W", "text": "안내", "inspectionStatus": "REQ"}
    yard = Yard(templates=[APPROVED, waiting])
    words: dict[str, Any] = {"destinations": [{"to": TO, "replaceWords": {"name": "가"}}]}
    yard.send(flow=alimtalk(**fields), **words)
    flow = [*alimtalk(**fields), {"sms": {"from": "15880000", "text": "안내"}}]
    yard.send(flow=flow, **words)
    for number in (0, 1):
        settle(yard, number, ReportStatus.DELIVERED)
    alone, chain = yard.data("report/polling")["report"]
    assert alone["reportCode"] == code
    assert chain["reportCode"] == "10000"
    assert chain["serviceType"] == ("ALIMTALK" if code == "10000" else "SMS")


def test_a_template_bizgo_fills_in_itself_arrives_whole() -> None:
    yard = Yard(templates=[APPROVED])
    yard.send(
        flow=alimtalk(sendType="template", msgType="", text=""),
        destinations=[{"to": TO, "replaceWords": {"name": "가"}}],
    )
    assert yard.received[0].text == "가님 안내"


def test_a_failing_chain_says_why_its_last_channel_failed() -> None:
    yard = Yard(templates=[APPROVED])
    yard.send(TO, flow=[*alimtalk(text="다른 글"), {"sms": {"from": "15880000", "text": "안내"}}])
    settle(yard, 0, ReportStatus.SENT)
    assert yard.data("report/polling")["report"] is None
    settle(yard, 0, ReportStatus.FAILED)
    (row,) = yard.data("report/polling")["report"]
    assert (row["serviceType"], row["reportCode"]) == ("SMS", "22003")
    assert [one["reportCode"] for one in yard.data(f"report/inquiry/{row['msgKey']}")["report"]] == ["63016", "22003"]


@pytest.mark.parametrize("rows", [{"templateCode": "T"}, ["T"], [{"text": "T"}]])
def test_templates_that_are_none_are_not_registered(rows: Any) -> None:
    with pytest.raises(Invalid):
        Yard(templates=rows)


def test_what_the_channel_is_asked_without_its_key_is_refused() -> None:
    yard = Yard()
    assert code_of(yard.ask("GET", "center/alimtalk/template/list"))[1] == "A502"
    assert code_of(yard.ask("GET", "center/alimtalk/template/list", "senderKey=SK&limit=x"))[1] == "A300"
    assert code_of(yard.ask("GET", "center/alimtalk/template", "senderKey=SK&templateCode=T"))[1] == "A820"
    assert code_of(yard.ask("POST", "center/brandmessage/unSubscribeContent", body=b"{"))[1] == "A502"
    assert (
        code_of(
            yard.ask(
                "POST",
                "center/brandmessage/unSubscribeContent",
                body=b'{"brandmessage":{"senderKey":"SK","unsubscribePhoneNumber":"free"}}',
            )
        )[1]
        == "A300"
    )


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"{", "A011"),
        (b'{"alimtalk":{"templateCode":"T"}}', "A502"),
        (b'{"alimtalk":{"senderKey":"SK"}}', "A505"),
        (b'{"alimtalk":{"senderKey":"SK","templateCode":"T"}}', "A303"),
        (b'{"alimtalk":{"senderKey":"SK","templateCode":"T","text":"%s"}}' % (b"x" * 1301), "A328"),
        (b'{"alimtalk":{"senderKey":"SK","templateCode":"T","text":"x"}}', "A300"),
        (
            b'{"alimtalk":{"senderKey":"SK","templateCode":"T","text":"x","templateName":"T","templateMessageType":"BA"}}',
            "A300",
        ),
    ],
)
def test_a_template_against_the_rules_is_not_taken(body: bytes, code: str) -> None:
    assert code_of(Yard().ask("POST", "center/alimtalk/template", body=body))[1] == code


def test_an_inspection_can_be_called_off() -> None:
    yard = Yard(templates=[{"templateCode": "T", "text": "안내", "inspectionStatus": "REG"}])
    named = b'{"alimtalk":{"senderKey":"SK","templateCode":"T","comment":"x"}}'
    assert code_of(yard.ask("POST", "center/alimtalk/template/request/cancel", body=named))[1] == "A300"
    assert code_of(yard.ask("POST", "center/alimtalk/template/request", body=named))[1] == "A000"
    assert code_of(yard.ask("POST", "center/alimtalk/template/request/cancel", body=named))[1] == "A000"
    yard.now += timedelta(minutes=5)
    shown = yard.data("center/alimtalk/template", "senderKey=SK&templateCode=T")
    assert shown["alimtalk"]["inspectionStatus"] == "REG"
    for body, code in ((b'{"alimtalk":{"senderKey":"SK"}}', "A505"), (b"{}", "A502")):
        assert code_of(yard.ask("POST", "center/alimtalk/template/request", body=body))[1] == code
