"""
What is checked of a draft without asking the database.
"""

from typing import Any

import pytest

from sendyard.delivery import carriage, preflight
from sendyard.delivery.preflight import Draft, prepare
from sendyard.domain.addresses import Address
from sendyard.domain.channels import Channel, Purpose
from sendyard.domain.content import Content, Media, MediaItem, TemplateRef, Text
from sendyard.domain.errors import Invalid
from sendyard.domain.status import MessageStatus
from sendyard.ledger.entries import NewMessage
from sendyard.providers.spec import TextRules
from tests.yard import AMERICAN, KOREAN, TAIWANESE, Yard, only_sqlite

pytestmark = only_sqlite

NOW = 1_790_000_000_000
HOUR = 3_600_000
PICTURE = MediaItem("image/png", url="https://yard.example/cat.png")


def draft(to: str = TAIWANESE, content: Content | str = "Your parcel is here", **rest: Any) -> Draft:
    return Draft(to=to, content=Text(content) if isinstance(content, str) else content, **rest)


def prepared(yard: Yard, given: Draft, now: int = NOW) -> NewMessage:
    return prepare(yard.directory, yard.workspace_id, given, now)


def refused(yard: Yard, given: Draft) -> list[tuple[str, str]]:
    with pytest.raises(Invalid) as error:
        prepared(yard, given)
    assert error.value.code == error.value.errors[0].code
    assert error.value.detail == error.value.errors[0].detail
    return [(found.pointer, found.code) for found in error.value.errors]


@pytest.fixture
async def open_yard(yard: Yard) -> Yard:
    """A yard whose one route carries texts and pictures anywhere."""
    account_id = await yard.account("twilio", "world")
    for channel in (Channel.SMS, Channel.MMS):
        await yard.routes.set(yard.workspace_id, channel=channel, accounts=[account_id])
    return yard


async def test_a_good_draft_becomes_a_queued_message(open_yard: Yard) -> None:
    message = prepared(
        open_yard,
        draft(
            "0912-345-678",
            country="TW",
            reference="order 7",
            metadata={"order": 7, "gift": None},
            sender="+12025550111",
        ),
    )
    assert message.status is MessageStatus.QUEUED
    assert (message.to, message.country) == (Address.phone("+886912345678"), "TW")
    assert (message.parts, message.encoding) == (1, "GSM-7")
    assert message.route == (open_yard.directory.accounts()[0].id,)
    assert message.failover is True
    assert (message.created_at, message.send_at, message.expires_at) == (NOW, None, NOW + 24 * HOUR)
    assert (message.reference, message.metadata, message.sender) == (
        "order 7",
        '{"order":7,"gift":null}',
        "+12025550111",
    )
    assert message.workspace_id == open_yard.workspace_id


async def test_an_sms_without_a_sender_keeps_it_blank_for_the_account_to_fill(open_yard: Yard) -> None:
    assert prepared(open_yard, draft()).sender == ""


async def test_long_texts_are_counted_in_parts(open_yard: Yard) -> None:
    assert prepared(open_yard, draft(content="a" * 161)).parts == 2
    chinese = prepared(open_yard, draft(content="您" * 71))
    assert (chinese.parts, chinese.encoding) == (2, "UCS-2")


async def test_one_time_codes_expire_after_minutes_and_others_after_a_day(open_yard: Yard) -> None:
    lifetimes = {purpose: prepared(open_yard, draft(purpose=purpose)).expires_at - NOW for purpose in Purpose}
    assert lifetimes == {Purpose.OTP: 300_000, Purpose.TRANSACTIONAL: 24 * HOUR, Purpose.PROMOTIONAL: 24 * HOUR}
    assert prepared(open_yard, draft(expires_in=60)).expires_at == NOW + 60_000


async def test_a_later_time_makes_it_scheduled_and_expiry_counts_from_then(open_yard: Yard) -> None:
    message = prepared(open_yard, draft(send_at=NOW + HOUR, expires_in=60))
    assert (message.status, message.send_at) == (MessageStatus.SCHEDULED, NOW + HOUR)
    assert message.expires_at == NOW + HOUR + 60_000


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (draft(""), ("/to", "blank")),
        (draft("call me"), ("/to", "letters")),
        (draft("0912345678"), ("/to", "no_country")),
        (draft("+886223456789"), ("/to", "not_mobile")),
        (draft("8.2E+11"), ("/to", "exponent")),
        (draft(content=""), ("/text", "empty_text")),
        (draft(content=" \n\t "), ("/text", "empty_text")),
        (draft(content="zero \0 byte"), ("/text", "bad_character")),
        (draft(content="half \ud83d pair"), ("/text", "bad_character")),
        (draft(content=TemplateRef("")), ("/template", "empty_template")),
        (draft(content=Media([]), channel=Channel.MMS), ("/text", "empty_text")),
        (draft(content=Media([PICTURE])), ("/channel", "media_needs_mms")),
        (draft(send_at=NOW), ("/send_at", "past")),
        (draft(send_at=NOW - HOUR), ("/send_at", "past")),
        (draft(send_at=NOW * 1000), ("/send_at", "too_far")),
        (draft(expires_in=0), ("/expires_in", "bad_expiry")),
        (draft(expires_in=-5), ("/expires_in", "bad_expiry")),
        (draft(expires_in=31 * 86_400), ("/expires_in", "bad_expiry")),
        (draft(reference="r" * 256), ("/reference", "too_long")),
        (draft(reference="r\0"), ("/reference", "bad_character")),
        (draft(sender="s" * 65), ("/sender", "too_long")),
        (draft(sender="\udc80"), ("/sender", "bad_character")),
        (draft(metadata={"k": "v" * 5000}), ("/metadata", "too_long")),
        (draft(metadata={"k": "\0"}), ("/metadata", "bad_character")),
        (draft(metadata={"k": "\ud800"}), ("/metadata", "bad_character")),
        (draft(account="nobody"), ("/account", "unknown_account")),
        (draft(channel=Channel.LINE), ("/to", "not_a_line_id")),
        (draft(test=True), ("/to", "no_usable_account")),
        (draft(content="a" * 1601), ("/text", "text_too_long")),
    ],
)
async def test_each_thing_that_is_wrong_is_named_where_it_is(
    open_yard: Yard, given: Draft, expected: tuple[str, str]
) -> None:
    assert refused(open_yard, given) == [expected]


async def test_everything_wrong_with_a_draft_is_said_at_once(open_yard: Yard) -> None:
    found = refused(open_yard, draft("letters", "", send_at=1, expires_in=0, reference="\0"))
    assert [pointer for pointer, _ in found] == ["/to", "/text", "/reference", "/expires_in", "/send_at"]


async def test_a_picture_needs_no_text(open_yard: Yard) -> None:
    message = prepared(open_yard, draft(AMERICAN, Media([PICTURE]), channel=Channel.MMS))
    assert (message.parts, message.channel) == (1, Channel.MMS)


async def test_without_a_route_the_refusal_says_how_to_make_one(yard: Yard) -> None:
    with pytest.raises(Invalid, match="sendyard routes set --channel sms --country TW"):
        prepared(yard, draft())


async def test_a_number_that_was_parsed_before_is_not_parsed_again(
    open_yard: Yard, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(preflight, "read_recipient")
    message = prepared(open_yard, draft(KOREAN, checked=True, checked_country="KR"))
    assert (message.to.value, message.country) == (KOREAN, "KR")


async def test_an_account_that_cannot_carry_the_text_is_left_out_of_the_route(yard: Yard) -> None:
    taiwan, world = await yard.account("mitake", "taiwan"), await yard.account("twilio", "world")
    await yard.routes.set(yard.workspace_id, channel=Channel.SMS, accounts=[taiwan, world])
    assert prepared(yard, draft()).route == (taiwan, world)
    assert prepared(yard, draft(content="price: $$ 5")).route == (world,)


async def test_when_no_account_can_carry_the_text_the_first_ones_reason_is_given(yard: Yard) -> None:
    await yard.account("mitake", "taiwan")
    found = refused(yard, draft(content="price: $$ 5", account="taiwan"))
    assert found == [("/text", "forbidden_sequence")]


async def test_an_accounts_own_sender_is_what_its_provider_checks(yard: Yard) -> None:
    account_id = await yard.account("bizgo", "korea", sender="16009064")
    await yard.routes.set(yard.workspace_id, channel=Channel.SMS, accounts=[account_id])
    assert prepared(yard, draft(KOREAN)).sender == ""
    assert prepared(yard, draft(KOREAN, sender="16009065")).sender == "16009065"
    assert refused(yard, draft(KOREAN, sender="not a number")) == [("/sender", "sender_not_a_number")]


async def test_korean_texts_are_counted_in_bytes_and_foreign_characters_named(yard: Yard) -> None:
    account_id = await yard.account("bizgo", "korea", sender="16009064")
    await yard.routes.set(yard.workspace_id, channel=Channel.SMS, accounts=[account_id])
    message = prepared(yard, draft(KOREAN, "가" * 500))
    assert (message.parts, message.encoding) == (1, "CP949")
    assert refused(yard, draft(KOREAN, "가" * 1001)) == [("/text", "text_too_long")]
    with pytest.raises(Invalid) as error:
        prepared(yard, draft(KOREAN, "naïve 🎁\u200b"))
    assert error.value.errors[0].pointer == "/text"
    assert "'ï' (write 'i'), '🎁', '\\u200b' (leave out); replace them" in error.value.detail
    with pytest.raises(Invalid, match="and 3 more"):
        prepared(yard, draft(KOREAN, "🎁🎂🎃🎄🎅🎆🎇🎈"))


async def test_a_channel_that_is_no_text_message_has_one_part(yard: Yard) -> None:
    account_id = await yard.account("bizgo", "korea", sender="16009064")
    await yard.routes.set(yard.workspace_id, channel=Channel.ALIMTALK, accounts=[account_id])
    found = refused(yard, draft(KOREAN, "no template", channel=Channel.ALIMTALK))
    assert ("/template", "template_needed") in found


async def test_an_unreadable_account_still_takes_messages_to_wait_there(yard: Yard) -> None:
    account_id = await yard.account("twilio", "locked")
    await yard.database.write(lambda tx: tx.run("UPDATE accounts SET sealed = ?", (b"junk",)))
    await yard.directory.refresh()
    assert prepared(yard, draft(account="locked")).route == (account_id,)
    assert refused(yard, draft(account="locked", content="a" * 1601)) == [("/text", "text_too_long")]


async def test_an_account_removed_during_the_check_is_passed_over(
    open_yard: Yard, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(open_yard.directory, "account", lambda _id: None)
    assert refused(open_yard, draft(account="world")) == [("", "no_usable_account")]


async def test_two_accounts_of_one_provider_share_one_count(open_yard: Yard, monkeypatch: pytest.MonkeyPatch) -> None:
    second = await open_yard.account("twilio", "second", sender="+12025550122")
    await open_yard.routes.set(open_yard.workspace_id, channel=Channel.SMS, accounts=["world", second])
    counted: list[Content] = []
    measure = carriage.measure_content

    def counting(rules: TextRules, channel: Channel, content: Content) -> carriage.Measure:
        counted.append(content)
        return measure(rules, channel, content)

    monkeypatch.setattr(carriage, "measure_content", counting)
    assert len(prepared(open_yard, draft()).route) == 2
    assert counted == [Text("Your parcel is here")]


async def test_a_template_of_the_provider_needs_what_the_provider_asks(yard: Yard) -> None:
    account_id = await yard.account("bizgo", "korea", sender="16009064")
    await yard.routes.set(yard.workspace_id, channel=Channel.ALIMTALK, accounts=[account_id])
    found = refused(yard, draft(KOREAN, TemplateRef("ORDER_SENT"), channel=Channel.ALIMTALK))
    assert found == [("/sender", "sender_key_missing")]
