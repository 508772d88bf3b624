"""
The LINE adapter: what may travel together, what check refuses, what a channel tells; the contract suite does the rest.
"""

import json
from typing import Any

import pytest
from pydantic import ValidationError

from sendyard.domain.addresses import Address, AddressKind
from sendyard.domain.content import Choice, Content, Interactive, Media, MediaItem, TemplateRef, Text
from sendyard.domain.errors import ProviderError
from sendyard.providers.abilities import Profile, Token
from sendyard.providers.contract import Inbound, Outgoing, ProtocolError
from sendyard.providers.line import ADAPTER
from sendyard.providers.line.spec import LineAccount
from tests.providers.line_wire import GROUP, account, call, crowd, outgoing, person
from tests.providers.samples import Case, address, assert_same_request, callback_of, cases, moment, response_of

PICTURE = MediaItem("image/png", url="https://files.example.test/a.png")
VIDEO = MediaItem("video/mp4", url="https://files.example.test/b.mp4")
BUBBLE = '{"type":"bubble","body":{"type":"box","layout":"vertical","contents":[]}}'


def each(kind: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("case", [pytest.param(case, id=case["name"]) for case in cases("line", kind)])


def is_refused(found: object, expected: Case) -> bool:
    """Whether this is the refusal that the sample expects."""
    if not isinstance(found, ProviderError):
        return False
    assert (found.kind, found.code) == (expected["kind"], expected["code"])
    return True


@each("usage")
def test_usage_is_read_or_refused(case: Case) -> None:
    given = call(LineAccount(**case["account"]))
    assert_same_request(ADAPTER.build_usage(given), case["request"])
    if "raises" in case:
        with pytest.raises(ProtocolError):
            ADAPTER.parse_usage(given, response_of(case["response"]))
        return
    found = ADAPTER.parse_usage(given, response_of(case["response"]))
    assert is_refused(found, case["expected"]) or found == case["expected"]


@each("senders")
def test_the_official_account_is_the_only_sender(case: Case) -> None:
    given = call(LineAccount(**case["account"]))
    assert_same_request(ADAPTER.build_senders(given), case["request"])
    if "raises" in case:
        with pytest.raises(ProtocolError):
            ADAPTER.parse_senders(given, response_of(case["response"]))
        return
    found, expected = ADAPTER.parse_senders(given, response_of(case["response"])), case["expected"]
    if is_refused(found, expected):
        return
    assert not isinstance(found, ProviderError)
    (sender,) = found
    assert {"sender": sender.sender, "name": sender.name, "facts": sender.facts} == expected
    (message,) = json.loads(ADAPTER.build_submit(call(), [outgoing(sender=sender.sender)]).body)["messages"]
    assert "sender" not in message


@each("profile")
def test_a_friend_is_told_from_a_stranger(case: Case) -> None:
    assert_same_request(
        ADAPTER.build_profile(call(LineAccount(**case["account"])), address(case["person"])), case["request"]
    )
    if "raises" in case:
        with pytest.raises(ProtocolError):
            ADAPTER.parse_profile(response_of(case["response"]))
        return
    found = ADAPTER.parse_profile(response_of(case["response"]))
    assert is_refused(found, case["expected"]) or found == Profile(**case["expected"])


@each("token")
def test_a_channel_without_a_token_signs_in(case: Case) -> None:
    given = call(LineAccount(**case["account"]))
    assert ADAPTER.wants_token(given)
    assert_same_request(ADAPTER.build_token(given), case["request"])
    if "raises" in case:
        with pytest.raises(ProtocolError):
            ADAPTER.parse_token(given, response_of(case["response"]))
        return
    found, expected = ADAPTER.parse_token(given, response_of(case["response"])), case["expected"]
    if is_refused(found, expected):
        return
    assert found == Token(expected["token"], moment(expected["expires_at"]))
    assert isinstance(found, Token)
    signed_in = call(LineAccount(**case["account"]), token=found.value)
    assert ADAPTER.build_submit(signed_in, [outgoing()]).headers["authorization"] == f"Bearer {found.value}"
    assert ADAPTER.parse_probe(signed_in, response_of({"status": 200, "body": {"type": "none"}})).ok


def test_a_channel_with_a_token_uses_it_whatever_was_fetched() -> None:
    given = call(token="another")
    assert not ADAPTER.wants_token(given)
    assert ADAPTER.build_usage(given).headers["authorization"] == "Bearer invented-channel-access-token"


def test_equal_content_to_people_travels_together_and_nothing_else_does() -> None:
    buttons = Interactive("Yes?", [Choice("y", "Yes")])
    same = [
        (outgoing("a"), outgoing("a", number=2)),
        (outgoing(buttons), outgoing(Interactive("Yes?", [Choice("y", "Yes")]), number=2)),
        (outgoing(Media([PICTURE])), outgoing(Media([PICTURE]), number=2)),
        (
            outgoing(TemplateRef("flex", variables={"contents": BUBBLE, "x": "1"}, body="b")),
            outgoing(TemplateRef("flex", variables={"x": "1", "contents": BUBBLE}, body="b"), number=2),
        ),
    ]
    for one, other in same:
        assert ADAPTER.batch_key(one) == ADAPTER.batch_key(other)
    different = [
        (outgoing("a"), outgoing("b", number=2)),
        (outgoing("a"), outgoing("a", number=2, sender="Shop")),
        (outgoing("a", to=GROUP), outgoing("a", number=2, to=GROUP)),
        (outgoing("Yes?"), outgoing(buttons, number=2)),
    ]
    for one, other in different:
        assert hash(ADAPTER.batch_key(one)) != hash(ADAPTER.batch_key(other))


def test_without_multicast_each_message_is_a_push_at_the_rate_of_pushes() -> None:
    alone, together = account(multicast=False), account()
    assert (ADAPTER.batch_limit(alone), ADAPTER.rate(alone).per_second) == (1, 2000)
    assert (ADAPTER.batch_limit(together), ADAPTER.rate(together).per_second) == (500, 200)


def test_the_retry_key_is_the_exchange_and_stays_with_it() -> None:
    first = ADAPTER.build_submit(call(exchange=7), crowd(3))
    assert first.headers["x-line-retry-key"] == "01a1fbba-0000-7000-8000-000000000007"
    assert ADAPTER.build_submit(call(exchange=7), crowd(3)) == first


def interactive(body: str = "Body", choices: int = 1, **more: Any) -> Interactive:
    return Interactive(body, [Choice(f"c{number}", f"Choice {number}") for number in range(choices)], **more)


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (Text(""), "text_empty"),
        (Text("a" * 5001), "text_too_long"),
        (Text("😀" * 2501), "text_too_long"),
        (Text("half a pair \ud83d"), "text_broken"),
        (interactive("half a pair \ud83d"), "text_broken"),
        (Media([]), "media_count"),
        (Media([PICTURE] * 5, "text"), "media_count"),
        (Media([PICTURE], "a" * 5001), "text_too_long"),
        (Media([MediaItem("image/png", url="http://files.example.test/a.png")]), "media_needs_https"),
        (Media([MediaItem("image/png", handle="123")]), "media_needs_https"),
        (Media([MediaItem("application/pdf", url="https://files.example.test/a.pdf")]), "media_type"),
        (Media([MediaItem("audio/mpeg", url="https://files.example.test/a.mp3")]), "media_type"),
        (Media([VIDEO]), "video_needs_preview"),
        (interactive(choices=0), "choices_missing"),
        (interactive(""), "text_empty"),
        (Interactive("Body", [Choice("c", "a" * 21)]), "button_too_long"),
        (Interactive("Body", [Choice("c", "")]), "button_too_long"),
        (Interactive("Body", [Choice("c" * 301, "a")]), "choice_id"),
        (Interactive("Body", [Choice("", "a")]), "choice_id"),
        (interactive(choices=400), "interactive_too_large"),
        (TemplateRef("welcome", body="Welcome"), "template_unsupported"),
        (TemplateRef("flex", variables={"contents": BUBBLE}), "flex_alt_text"),
        (TemplateRef("flex", variables={"contents": BUBBLE}, body="a" * 401), "flex_alt_text"),
        (TemplateRef("flex", body="Sale"), "flex_contents"),
        (TemplateRef("flex", variables={"contents": "nothing"}, body="Sale"), "flex_contents"),
        (TemplateRef("flex", variables={"contents": '{"type":"box"}'}, body="Sale"), "flex_contents"),
        (TemplateRef("flex", variables={"contents": BUBBLE + " " * 30_000}, body="Sale"), "flex_too_large"),
    ],
)
def test_content_that_line_would_refuse_is_named_with_what_to_do(content: Content, code: str) -> None:
    problems = ADAPTER.check(account(), outgoing(content))
    assert [problem.code for problem in problems] == [code]
    assert all(len(problem.detail) > 20 for problem in problems)


@pytest.mark.parametrize(
    "content",
    [
        Text("😀" * 2500),
        Media([PICTURE] * 4, "Look"),
        Media([VIDEO]),
        interactive(),
        interactive("a" * 5000, choices=20, header="Head", footer="Foot", list_label="Open"),
        TemplateRef("flex", variables={"contents": BUBBLE}, body="Sale"),
        TemplateRef("flex", variables={"contents": '{"type":"carousel","contents":[]}'}, body="Sale"),
    ],
)
def test_content_that_line_takes_passes(content: Content) -> None:
    given = account(video_preview_url="https://files.example.test/p.png")
    assert ADAPTER.check(given, outgoing(content)) == []


@pytest.mark.parametrize(
    "content",
    [
        interactive("a" * 161),
        interactive("a" * 61, header="Head"),
        interactive(header="h" * 41),
        interactive(choices=5),
        interactive(footer="Foot"),
        interactive(list_label="Open"),
        Interactive("Body", [Choice("c", "Choice", "explained")]),
    ],
)
def test_what_plain_buttons_cannot_show_becomes_a_flex_message(content: Interactive) -> None:
    (message,) = json.loads(ADAPTER.build_submit(call(), [outgoing(content)]).body)["messages"]
    assert message["type"] == "flex"
    assert message["contents"]["body"]["contents"][0]["text"] == content.body


def test_an_alternative_text_is_cut_without_breaking_a_character() -> None:
    (message,) = json.loads(ADAPTER.build_submit(call(), [outgoing(interactive("a" + "😀" * 300))]).body)["messages"]
    assert message["altText"] == "a" + "😀" * 199


@pytest.mark.parametrize(
    "to",
    [
        Address.phone("+886912345678"),
        Address(AddressKind.LINE_ID, "U123"),
        Address(AddressKind.LINE_ID, "u" + "0" * 32),
        Address(AddressKind.WHATSAPP_ID, person()),
    ],
)
def test_an_address_that_is_no_line_id_is_named(to: Address) -> None:
    message = outgoing()
    (problem,) = ADAPTER.check(account(), Outgoing("m1", "r1", message.channel, to, "", message.content))
    assert problem.code == "recipient_not_a_line_id"


def test_a_name_at_the_message_has_twenty_characters() -> None:
    assert ADAPTER.check(account(), outgoing(sender="a" * 20)) == []
    assert ADAPTER.check(account(), outgoing(sender="@" + "a" * 30)) == []
    (problem,) = ADAPTER.check(account(), outgoing(sender="a" * 21))
    assert problem.code == "sender_too_long"


@pytest.mark.parametrize(
    "fields",
    [
        {"channel_access_token": "Bearer abc"},
        {"channel_access_token": "abc\r\nx-forged: 1"},
        {"channel_access_token": None},
        {"channel_secret": ""},
        {"channel_id": "my channel"},
        {"aggregation_unit": "two words"},
        {"video_preview_url": "http://files.example.test/p.png"},
        {"base_url": "https://api.line.me/?x=1"},
    ],
)
def test_an_account_copied_from_the_wrong_place_is_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        account(**fields)


@pytest.mark.parametrize(
    ("name", "base_url", "url", "kind"),
    [
        ("a picture kept by LINE", "", "https://api-data.line.me/v2/bot/message/444573844083572737/content", "image/*"),
        (
            "a picture kept by LINE",
            "http://127.0.0.1:9/line",
            "http://127.0.0.1:9/line/v2/bot/message/444573844083572737/content",
            "image/*",
        ),
        ("a video kept elsewhere", "", "https://files.example.test/v.mp4", "video/*"),
    ],
)
def test_a_file_that_a_person_sent_has_its_address(name: str, base_url: str, url: str, kind: str) -> None:
    (case,) = [case for case in cases("line", "callback") if case["name"] == name]
    given = account(base_url=base_url) if base_url else account()
    (event,) = ADAPTER.parse_callback(call(given), callback_of(case["request"])).events
    assert isinstance(event, Inbound)
    assert isinstance(event.content, Media)
    (item,) = event.content.items
    assert (item.url, item.content_type) == (url, kind)


def test_a_quoted_message_is_found_by_its_id() -> None:
    (case,) = [case for case in cases("line", "callback") if case["name"] == "a text in answer to one of ours"]
    (event,) = ADAPTER.parse_callback(call(), callback_of(case["request"])).events
    assert isinstance(event, Inbound)
    assert event.in_reply_to
    assert event.in_reply_to.provider_ref == "461230966842064897"
