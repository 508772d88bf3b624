"""
Rules of countries where messages are accepted, on both databases.
"""

from collections.abc import Callable
from typing import Any

import pytest

from sendyard.domain.channels import Channel, Purpose
from sendyard.domain.content import Media, MediaItem, Text
from sendyard.domain.countries.situation import ConsentKind
from sendyard.domain.errors import Invalid
from sendyard.domain.status import MessageStatus
from sendyard.features.audience import Suppressions
from sendyard.ledger.entries import NewMessage
from tests.features.audience_play import Crowd
from tests.features.lawful import FREE_NUMBER, KOREAN_SENDER, SHOP, Lawful, milliseconds
from tests.situations import at
from tests.yard import AMERICAN, KOREAN, TAIWANESE, Yard, only_sqlite

SEOUL, TAIPEI = "Asia/Seoul", "Asia/Taipei"
NOON, NIGHT, MORNING = (
    at("2026-11-20 12:00", SEOUL),
    at("2026-11-20 21:30", SEOUL),
    at("2026-11-21 08:00", SEOUL),
)
DAY_MS = 86_400_000
GERMAN = "+4915112345678"
MARKETING, WRITTEN, AT_NIGHT = ConsentKind.MARKETING, ConsentKind.WRITTEN, ConsentKind.NIGHT


@pytest.fixture
async def lawful(yard: Yard) -> Lawful:
    return await Lawful.of(yard)


def korean(lawful: Lawful, when: Any = NOON, text: str = "오늘만 할인", **rest: Any) -> NewMessage:
    return lawful.accept(KOREAN, text, when, **{"sender": KOREAN_SENDER, **rest})


def refusal(offer: Callable[[], NewMessage]) -> tuple[str, str, str]:
    """Code, place and sentence of what forbids a message."""
    with pytest.raises(Invalid) as error:
        offer()
    first = error.value.errors[0]
    assert (first.code, first.detail) == (error.value.code, error.value.detail)
    return first.code, first.pointer, first.detail


class TestAccepting:
    async def test_what_is_added_to_a_text_is_stored_counted_and_told(self, lawful: Lawful) -> None:
        await lawful.consent(KOREAN)
        plain = korean(lawful, purpose=Purpose.TRANSACTIONAL, text="주문이 왔어요")
        message = korean(lawful)
        assert message.content == Text(f"(광고){SHOP} 오늘만 할인\n무료수신거부 {FREE_NUMBER}")
        assert message.parts > 0
        assert len(message.content.body) > len(plain.content.body)
        assert lawful.events(message.id) == [
            ("changed", "kr.label"),
            ("changed", "kr.sender_name"),
            ("changed", "kr.opt_out"),
        ]
        assert lawful.events(plain.id) == []
        stored = lawful.yard.rows("SELECT parts, encoding FROM messages WHERE id = ?", message.id)
        assert stored == [(message.parts, message.encoding)]

    async def test_a_footer_makes_one_part_two_where_there_was_just_room_for_one(self, lawful: Lawful) -> None:
        await lawful.consent(AMERICAN, WRITTEN)
        await lawful.tell(business="Acme")
        when = at("2026-11-20 14:00", "America/New_York")
        text = "Acme: " + "a" * 150
        message = lawful.accept(AMERICAN, text, when)
        assert message.content.body == f"{text} Reply STOP to opt out."
        assert (message.parts, lawful.accept(AMERICAN, text, when, purpose=Purpose.TRANSACTIONAL).parts) == (2, 1)

    async def test_without_consent_nothing_is_stored_and_the_answer_says_how_to_satisfy(self, lawful: Lawful) -> None:
        code, place, detail = refusal(lambda: korean(lawful))
        assert (code, place) == ("kr.consent", "/to")
        assert "record when and how it was given" in detail
        assert "sendyard rules show kr.consent" in detail
        assert lawful.yard.rows("SELECT count(*) FROM messages") == [(0,)]

    async def test_wrong_words_are_refused_at_their_place(self, lawful: Lawful) -> None:
        await lawful.consent(KOREAN)
        code, place, detail = refusal(lambda: korean(lawful, text="[광고] 할인"))
        assert (code, place) == ("kr.wrong_label", "/text")
        assert "'[광고]'" in detail

    async def test_a_sender_that_is_known_to_be_unregistered_is_refused_and_an_unknown_one_is_not(
        self, lawful: Lawful
    ) -> None:
        await lawful.consent(KOREAN)
        assert "kr.sender_registered" in {note.rule for note in korean(lawful).notes if note.level == "warn"}
        await lawful.sender(KOREAN_SENDER, registration="rejected")
        assert refusal(lambda: korean(lawful))[:2] == ("kr.sender_registered", "/sender")
        await lawful.sender(KOREAN_SENDER, registration="approved")
        assert "kr.sender_registered" not in {note.rule for note in korean(lawful).notes}

    async def test_at_night_in_seoul_advertising_waits_for_the_morning_and_lives_a_day_from_then(
        self, lawful: Lawful
    ) -> None:
        await lawful.consent(KOREAN)
        message = korean(lawful, NIGHT)
        opening = milliseconds(MORNING)
        assert (message.status, message.send_at, message.expires_at) == (
            MessageStatus.SCHEDULED,
            opening,
            opening + DAY_MS,
        )
        assert lawful.row(message.id)[:2] == ("scheduled", opening)
        assert lawful.events(message.id)[-1] == ("deferred", "kr.night")

    async def test_a_night_consent_lets_it_go_at_once(self, lawful: Lawful) -> None:
        await lawful.consent(KOREAN, MARKETING, AT_NIGHT)
        assert korean(lawful, NIGHT).status is MessageStatus.QUEUED

    async def test_a_message_for_later_is_judged_by_the_hour_it_is_for(self, lawful: Lawful) -> None:
        await lawful.consent(KOREAN)
        evening = korean(lawful, NOON, send_at=milliseconds(NIGHT))
        assert evening.send_at == milliseconds(MORNING)
        morning = milliseconds(at("2026-11-21 09:00", SEOUL))
        assert korean(lawful, NIGHT, send_at=morning).send_at == morning

    async def test_a_korean_number_whose_owner_says_los_angeles_waits_for_both_places(self, lawful: Lawful) -> None:
        await lawful.consent(KOREAN)
        await Crowd(lawful.yard).add(KOREAN, time_zone="America/Los_Angeles")
        message = korean(lawful, NIGHT)
        # 08:00 in Seoul is 15:00 in Los Angeles, so Seoul alone decides the end of the wait.
        assert message.send_at == milliseconds(MORNING)
        assert [note.rule for note in message.notes if note.level == "defer"] == ["kr.night", "kr.courtesy"]
        # At 20:00 the law would let it go, and in Los Angeles it is 03:00: once they are up there, Seoul is closed.
        asleep = korean(lawful, at("2026-11-20 20:00", SEOUL))
        assert asleep.send_at == milliseconds(MORNING)
        await lawful.waive("kr.courtesy", until=at("2027-01-01 00:00"))
        assert korean(lawful, at("2026-11-20 20:00", SEOUL)).status is MessageStatus.QUEUED

    async def test_an_american_number_is_judged_where_its_area_code_is_or_its_owner_says(self, lawful: Lawful) -> None:
        await lawful.tell(business="Acme")
        angeleno = "+13105550123"
        await lawful.consent(angeleno, WRITTEN)
        offer = "Acme: 20% off. Reply STOP to opt out."
        first = lawful.accept(angeleno, offer, NIGHT)  # 04:30 in Los Angeles
        assert first.send_at == milliseconds(at("2026-11-20 08:00", "America/Los_Angeles"))
        await Crowd(lawful.yard).add(angeleno, time_zone=SEOUL)
        second = lawful.accept(angeleno, offer, NIGHT)
        assert second.send_at == milliseconds(MORNING)

    async def test_a_state_of_shorter_hours_closes_earlier(self, lawful: Lawful) -> None:
        await lawful.tell(business="Acme")
        crowd = Crowd(lawful.yard)
        await crowd.fields.add(lawful.yard.workspace_id, code="state")
        floridian = "+13055550123"
        await lawful.consent(floridian, WRITTEN)
        await crowd.add(floridian, fields={"state": "FL"})
        evening = at("2026-11-20 20:30", "America/New_York")
        message = lawful.accept(floridian, "Acme: hello. Reply STOP to opt out.", evening)
        assert [note.rule for note in message.notes if note.level == "defer"] == ["us.state_hours"]

    async def test_somebody_suppressed_is_not_asked_about_at_all(self, lawful: Lawful) -> None:
        await Suppressions(lawful.yard.database).add(lawful.yard.workspace_id, to=KOREAN)
        message = korean(lawful)
        assert message.status is MessageStatus.SUPPRESSED
        assert lawful.events(message.id) == [("suppressed", "manual")]

    async def test_the_first_message_to_an_american_lacks_help_and_the_second_does_not_need_it(
        self, lawful: Lawful
    ) -> None:
        await lawful.consent(AMERICAN, WRITTEN)
        await lawful.tell(business="Acme")
        when = at("2026-11-20 14:00", "America/New_York")
        offer = "Acme: 20% off. Reply STOP to opt out."
        first, second = lawful.accept(AMERICAN, offer, when), lawful.accept(AMERICAN, offer, when)
        assert "us.first_message" in {note.rule for note in first.notes}
        assert "us.first_message" not in {note.rule for note in second.notes}

    async def test_a_waived_rule_lets_through_and_one_that_nobody_may_waive_does_not(self, lawful: Lawful) -> None:
        noon_break = at("2026-11-20 13:00", TAIPEI)
        text = f"{SHOP} 八折，回覆「退訂」停止接收"
        assert lawful.accept(TAIWANESE, text, noon_break).status is MessageStatus.SCHEDULED
        await lawful.waive("tw.hours", until=at("2027-01-01 00:00"))
        message = lawful.accept(TAIWANESE, text, noon_break)
        assert message.status is MessageStatus.QUEUED
        assert ("tw.hours", "waived") in {(note.rule, note.level) for note in message.notes}
        assert lawful.events(message.id) == []

    async def test_a_country_without_a_pack_has_the_hours_of_the_house(self, lawful: Lawful) -> None:
        message = lawful.accept(GERMAN, "Acme: Rabatt. STOP zum Abmelden.", at("2026-11-20 22:00", "Europe/Berlin"))
        assert message.send_at == milliseconds(at("2026-11-21 09:00", "Europe/Berlin"))
        order = lawful.accept(GERMAN, "Your parcel", NIGHT, purpose=Purpose.TRANSACTIONAL)
        assert (order.status, order.notes) == (MessageStatus.QUEUED, ())

    async def test_pictures_and_titles_are_judged_with_their_text(self, lawful: Lawful) -> None:
        await lawful.yard.routes.set(lawful.yard.workspace_id, channel=Channel.MMS, accounts=[lawful.account_id])
        await lawful.consent(KOREAN)
        picture = Media([MediaItem("image/png", url="https://yard.example/cat.png")], "할인", "가을")
        message = korean(lawful, content=picture, channel=Channel.MMS)
        assert isinstance(message.content, Media)
        assert message.content.body.startswith(f"(광고){SHOP} 할인\n")
        assert "kr.title_label" in {note.rule for note in message.notes}

    async def test_what_a_provider_may_fall_back_to_is_put_right_as_well(self, lawful: Lawful) -> None:
        await lawful.consent(KOREAN)
        fallback = ((Channel.SMS, Text("할인")), (Channel.LINE, Text("할인")))
        message = korean(lawful, fallback=fallback)
        assert message.fallback[0] == (Channel.SMS, Text(f"(광고){SHOP} 할인\n무료수신거부 {FREE_NUMBER}"))
        assert message.fallback[1] == fallback[1]
        wrong = ((Channel.SMS, Text("[광고] 할인")),)
        assert refusal(lambda: korean(lawful, fallback=wrong))[:2] == ("kr.wrong_label", "/fallback/0")

    @only_sqlite
    async def test_a_fallback_is_judged_even_where_the_message_itself_is_not(self, lawful: Lawful) -> None:
        fallback = ((Channel.SMS, Text("hello")),)
        message = lawful.accept(GERMAN, "hi", NOON, purpose=Purpose.TRANSACTIONAL, fallback=fallback)
        assert message.fallback == fallback

    async def test_the_account_that_carries_it_is_the_one_that_is_judged(self, yard: Yard) -> None:
        # The first account cannot carry the text, so the second's sender counts.
        taiwan = await yard.account("mitake", "taiwan")
        world = await yard.account("twilio", "world", sender="+12025550111")
        await yard.routes.set(yard.workspace_id, channel=Channel.SMS, accounts=[taiwan, world])
        lawful = Lawful(yard, world)
        await lawful.sender("+12025550111", identity_words=["幸福氣"])
        order = lawful.accept(TAIWANESE, "包裹 $$ 到了", NOON, purpose=Purpose.TRANSACTIONAL)
        assert (order.route, order.content.body) == ((world,), "【幸福氣】包裹 $$ 到了")
        other = lawful.accept(TAIWANESE, "包裹到了", NOON, purpose=Purpose.TRANSACTIONAL)
        assert (other.route[0], other.content.body) == (taiwan, "包裹到了")

    async def test_one_time_codes_are_neither_kept_nor_quoted(self, lawful: Lawful) -> None:
        await lawful.sender("+14155550123", identity_words=["幸福氣"])
        code = lawful.accept(TAIWANESE, "Your code is 123456", NOON, purpose=Purpose.OTP)
        assert code.content.body == "【幸福氣】Your code is 123456"
        assert "123456" not in str(code.notes)
        briefs = [one for key, one in lawful.yard.directory.memo.items() if key[0] == "brief"]
        assert briefs
        assert not any(brief.texts for brief in briefs)
        assert "123456" not in str([(brief.spare, brief.spare_explained) for brief in briefs])
