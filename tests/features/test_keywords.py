"""
What people write stops and starts messages: once each, confirmed once, for the whole person.
"""

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from sendyard.delivery.facts import Facts
from sendyard.domain.addresses import Address, AddressKind
from sendyard.domain.channels import Channel, Purpose
from sendyard.domain.countries.situation import ConsentKind
from sendyard.domain.errors import Invalid, NotFound
from sendyard.domain.keywords import Intent
from sendyard.features.audience import Hearing, Suppressions
from sendyard.features.audience.opting.wording import Reply
from sendyard.ledger.claim import claim
from sendyard.ledger.entries import Exchange, Posting
from sendyard.ledger.posting import post
from sendyard.storage.engine import Database
from sendyard.storage.identifiers import new_id, now_ms
from tests.features.opting_play import BIZGO_SENDER, SENDER, Listening
from tests.stores import Books
from tests.yard import AMERICAN, KOREAN, TAIWANESE, Yard, only_sqlite

INDIAN = "+919876543210"
LINE_USER = "U" + "1" * 32


@pytest.fixture
async def listening(yard: Yard) -> Listening:
    return Listening.of(yard)


@pytest.mark.parametrize(
    ("sender", "text", "said"),
    [
        (AMERICAN, "STOP ALL!", "You have unsubscribed"),
        (KOREAN, "수신거부", "수신거부 처리되었습니다"),
        (TAIWANESE, "退訂", "為您退訂"),
        (TAIWANESE, "N", "為您退訂"),
        (INDIAN, " बंद करो। ", "संदेश नहीं भेजे जाएँगे"),
        (KOREAN, "बंद करो", "You have unsubscribed"),  # Korean carriers cannot show the language of the word
        (KOREAN, "退訂", "You have unsubscribed"),
    ],
)
async def test_a_stop_word_stops_once_and_is_confirmed_once_in_its_language(
    listening: Listening, sender: str, text: str, said: str
) -> None:
    provider, shown = ("bizgo", BIZGO_SENDER) if sender == KOREAN else ("twilio", SENDER)
    entry = await listening.account(provider, sender=shown)
    await listening.hear(entry, sender, text)
    again = await listening.hear(entry, sender, text)
    # The provider repeats its callback.
    await listening.hear(entry, sender, text, dedupe_key=again)
    assert listening.stops() == [(sender, "opted_out")]
    (answer,) = listening.answers(sender)
    assert said in answer
    found = listening.yard.rows("SELECT account_id, sender, purpose, address FROM messages")
    assert found == [(entry.id, shown, "transactional", sender)]


@pytest.mark.parametrize("text", ["stop by tomorrow", "N", "yes", "STOP it if you like, or not", "", "👍"])
async def test_a_reply_is_no_stop_word(listening: Listening, text: str) -> None:
    entry = await listening.account("twilio", sender=SENDER)
    await listening.hear(entry, AMERICAN, text)
    assert (listening.stops(), listening.answers()) == ([], [])


async def test_a_word_that_the_provider_answers_itself_is_not_answered_twice(listening: Listening) -> None:
    entry = await listening.account("twilio", sender=SENDER)
    await listening.hear(entry, AMERICAN, "Stop.")
    await listening.hear(entry, TAIWANESE, "whatever it calls a stop word", opt_out=True)
    await listening.hear(entry, AMERICAN, "HELP")
    assert listening.stops() == [(AMERICAN, "opted_out"), (TAIWANESE, "opted_out")]
    await listening.hear(entry, AMERICAN, "start")
    assert listening.stops() == [(TAIWANESE, "opted_out")]
    assert listening.answers() == []
    # On WhatsApp it leaves these words to us.
    await listening.hear(entry, KOREAN, "stop", channel=Channel.WHATSAPP)
    assert len(listening.answers(KOREAN)) == 1


async def test_the_confirmation_leaves_though_the_person_is_suppressed_and_nothing_else_does(yard: Yard) -> None:
    listening = Listening.of(yard)
    entry = await listening.account("bizgo", sender=BIZGO_SENDER)
    books = Books(yard.database, yard.workspace_id)
    books.now = now_ms()
    waiting = books.message(to=KOREAN, route=(entry.id,), country="KR")
    books.enqueue(waiting)
    await listening.hear(entry, KOREAN, "수신거부")

    def hand_over(tx: Any) -> set[str]:
        now = now_ms()
        claimed = claim(tx, entry.id, 10, owner="play", now=now, lease_until=now + 60_000)
        postings = [Posting(message, 1, "") for message in claimed]
        exchange = Exchange(new_id(), yard.workspace_id, entry.id, postings)
        return post(tx, [exchange], owner="play", now=now, lease_until=now + 60_000)

    (gone,) = yard.database.write_now(hand_over)
    assert gone != waiting.id
    assert books.status(waiting.id) == "suppressed"
    assert books.status(gone) == "sending"
    # A later repeat lets nothing more through.
    await listening.hear(entry, KOREAN, "거부")
    assert yard.database.write_now(hand_over) == set()


async def test_a_running_campaign_stops_for_that_person_at_hand_over_also_in_another_process(yard: Yard) -> None:
    listening = Listening.of(yard)
    entry = await listening.account("bizgo", sender=BIZGO_SENDER)
    books = Books(yard.database, yard.workspace_id)
    books.now = now_ms()
    campaign = books.add_campaign(new_id())
    numbers = [KOREAN, "+821012345679"]
    for to in numbers:
        books.enqueue(books.message(to=to, route=(entry.id,), country="KR", campaign_id=campaign,
                                    purpose=Purpose.PROMOTIONAL))  # fmt: skip
    # The worker is a process of its own where the database has several: another connection with its own claims.
    worker = Database(yard.database.url) if yard.database.dialect == "postgresql" else yard.database
    try:
        now = now_ms()
        claimed = await worker.write(lambda tx: claim(tx, entry.id, 10, owner="w2", now=now, lease_until=now + 60_000))
        assert {message.to.value for message in claimed} == {*numbers}
        await listening.hear(entry, KOREAN, "거부")
        exchange = Exchange(new_id(), yard.workspace_id, entry.id, [Posting(message, 1, "") for message in claimed])
        going = await worker.write(lambda tx: post(tx, [exchange], owner="w2", now=now, lease_until=now + 60_000))
    finally:
        if worker is not yard.database:
            worker.close()
    found = dict(yard.rows("SELECT address, status FROM messages WHERE group_id = ?", campaign))
    assert found == {KOREAN: "suppressed", "+821012345679": "sending"}
    assert len(going) == 1


async def test_start_lifts_what_the_person_had_asked_for_and_nothing_else(listening: Listening) -> None:
    entry = await listening.account("bizgo", sender=BIZGO_SENDER)
    suppressions = Suppressions(listening.yard.database)
    await suppressions.add(listening.yard.workspace_id, to=TAIWANESE, reason="do_not_call")
    await listening.hear(entry, KOREAN, "거부")
    await listening.hear(entry, TAIWANESE, "訂閱")
    await listening.hear(entry, KOREAN, "수신동의")
    await listening.hear(entry, KOREAN, "수신동의")
    assert listening.stops() == [(TAIWANESE, "do_not_call")]
    assert listening.answers(TAIWANESE) == []
    stopped, started = listening.answers(KOREAN)
    assert "수신거부 처리" in stopped
    assert "수신동의 처리" in started


async def test_yes_starts_again_only_from_somebody_who_stopped(listening: Listening) -> None:
    entry = await listening.account("bizgo", sender=BIZGO_SENDER)
    await listening.hear(entry, KOREAN, "네")
    assert listening.answers() == []
    await listening.hear(entry, KOREAN, "거부")
    await listening.hear(entry, KOREAN, "네!")
    assert (listening.stops(), len(listening.answers())) == ([], 2)


async def test_a_refusal_takes_consents_back_and_start_gives_them_again(listening: Listening) -> None:
    entry = await listening.account("bizgo", sender=BIZGO_SENDER)
    consents, workspace = listening.crowd.consents, listening.yard.workspace_id
    await consents.add(workspace, to=KOREAN, evidence="shop form")
    await consents.add(workspace, to=KOREAN, kind=ConsentKind.NIGHT, channel=Channel.SMS)
    await consents.add(workspace, to=TAIWANESE, state="withdrawn")
    await listening.hear(entry, KOREAN, "거부")
    refused = [
        (KOREAN, "marketing", "withdrawn"),
        (KOREAN, "night", "withdrawn"),
        (TAIWANESE, "marketing", "withdrawn"),
    ]
    assert listening.consents() == refused
    (evidence,) = {
        row[0] for row in listening.yard.rows("SELECT evidence FROM consents WHERE source = 'inbound:bizgo'")
    }
    assert "“거부”" in evidence
    await listening.hear(entry, TAIWANESE, "訂閱")
    assert listening.consents() == refused  # they took that back elsewhere; START is no consent
    await listening.hear(entry, KOREAN, "수신동의")
    assert listening.consents()[:2] == [(KOREAN, "marketing", "granted"), (KOREAN, "night", "granted")]


async def test_a_word_counts_for_every_address_of_the_person(listening: Listening) -> None:
    entry = await listening.account("bizgo", sender=BIZGO_SENDER)
    await listening.crowd.add(KOREAN, identities=[("line_id", LINE_USER), ("email", "k@x.example")])
    await listening.hear(entry, KOREAN, "거부")
    assert listening.stops() == [(KOREAN, "opted_out"), (LINE_USER, "opted_out")]
    assert len(listening.answers()) == 1
    await listening.hear(entry, KOREAN, "수신동의")
    assert listening.stops() == []


async def test_addresses_that_the_provider_tells_are_stopped_too_but_not_a_stranger_s(listening: Listening) -> None:
    entry = await listening.account("bizgo", sender=BIZGO_SENDER)
    await listening.crowd.add(AMERICAN, identities=[("line_id", LINE_USER)])
    await listening.crowd.add(KOREAN)
    told = (Address(AddressKind.PHONE, AMERICAN),)
    await listening.hear(entry, KOREAN, "거부", identities=told)
    assert [address for address, _ in listening.stops()] == [AMERICAN, KOREAN]


async def test_whoever_unfollows_on_line_is_stopped_there_without_an_answer_and_a_follow_takes_it_back(
    listening: Listening,
) -> None:
    settings = {"channel_access_token": "invented", "channel_secret": "0" * 32, "base_url": "http://127.0.0.1:9"}
    entry = await listening.account("line", settings=settings)
    await listening.crowd.add(KOREAN, identities=[("line_id", LINE_USER)])
    event = {"channel": Channel.LINE, "sender_kind": AddressKind.LINE_ID, "recipient": "U" + "9" * 32}
    await listening.hear(entry, LINE_USER, "", opt_out=True, **event)
    assert listening.stops() == [(LINE_USER, "opted_out")]
    await listening.hear(entry, LINE_USER, "", opt_out=False, **event)
    assert (listening.stops(), listening.answers()) == ([], [])
    await listening.hear(entry, LINE_USER, "退訂", **event)
    assert [address for address, _ in listening.stops()] == [KOREAN, LINE_USER]
    assert len(listening.answers(LINE_USER)) == 1
    assert listening.yard.rows("SELECT channel, sender FROM messages") == [("line", "")]


async def test_somebody_erased_may_come_back_by_their_own_word(listening: Listening) -> None:
    entry = await listening.account("bizgo", sender=BIZGO_SENDER)
    made = await listening.crowd.add(KOREAN)
    await listening.hear(entry, KOREAN, "거부")
    await listening.crowd.erasing.erase(listening.yard.workspace_id, made["id"])
    assert listening.stops() == []
    await listening.hear(entry, KOREAN, "수신동의")
    await listening.crowd.add(KOREAN)
    assert listening.stops() == []


@pytest.mark.parametrize(
    "text", ["please stop texting me, I never asked for this and do not want it", "광고 문자 그만 보내지 마세요"]
)
async def test_a_refusal_in_a_sentence_holds_at_once_and_a_person_looks_at_it(listening: Listening, text: str) -> None:
    entry = await listening.account("bizgo", sender=BIZGO_SENDER)
    suppressions, workspace = Suppressions(listening.yard.database), listening.yard.workspace_id
    await suppressions.add(workspace, to=TAIWANESE)
    await listening.hear(entry, KOREAN, text)
    (found,) = await suppressions.list(workspace, to_review=True)
    assert (found["address"], found["needs_review"]) == (KOREAN, True)
    assert text[:20] in found["evidence"]
    assert len(listening.answers(KOREAN)) == 1
    await suppressions.reviewed(workspace, found["id"])
    assert await suppressions.list(workspace, to_review=True) == []
    with pytest.raises(NotFound):
        await suppressions.reviewed(workspace, found["id"])


async def test_help_names_the_business_also_to_somebody_who_stopped(
    listening: Listening, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry = await listening.account("bizgo", sender=BIZGO_SENDER)
    await listening.hear(entry, KOREAN, "도움말")
    assert "[" not in listening.answers()[0]
    facts = Facts(business="한빛상점", contact="02-123-4567", home_zone="Asia/Seoul")
    monkeypatch.setattr(listening.yard.directory, "facts", lambda _: facts)
    await listening.hear(entry, KOREAN, "거부")
    await listening.hear(entry, KOREAN, "도움말")
    assert listening.answers()[-1].startswith("[한빛상점] 문의 02-123-4567. ")
    assert listening.yard.rows("SELECT count(*) FROM suppressions s JOIN messages m ON m.id = s.spares") == [(1,)]


async def test_a_machine_that_answers_for_ever_is_not_answered_for_ever(listening: Listening) -> None:
    entry = await listening.account("bizgo", sender=BIZGO_SENDER)
    await listening.yard.hourly_limit(2)
    for _ in range(4):
        await listening.hear(entry, KOREAN, "도움말")
    assert len(listening.answers()) == 2
    # What the law wants to be confirmed passes.
    await listening.hear(entry, KOREAN, "거부")
    assert (len(listening.stops()), len(listening.answers())) == (1, 3)


async def test_an_account_that_cannot_answer_stops_all_the_same(listening: Listening) -> None:
    entry = await listening.account("bizgo", sender=BIZGO_SENDER)
    other = replace(entry, id="gone", name="gone")
    await listening.hear(other, KOREAN, "거부")
    assert (listening.stops(), listening.answers()) == ([(KOREAN, "opted_out")], [])


async def test_many_stop_words_at_once_are_confirmed_once(listening: Listening) -> None:
    entry = await listening.account("bizgo", sender=BIZGO_SENDER)
    others = [Listening.of(listening.yard) for _ in range(4)]
    for number, other in enumerate(others):
        other.said = number * 10
    await asyncio.gather(*(other.hear(entry, KOREAN, "거부") for other in others))
    assert (len(listening.stops()), len(listening.answers())) == (1, 1)


async def test_a_workspace_adds_words_and_texts_of_its_own(listening: Listening) -> None:
    entry = await listening.account("bizgo", sender=BIZGO_SENDER)
    vocabulary, workspace = listening.opting.vocabulary, listening.yard.workspace_id
    await vocabulary.add(workspace, word="Basta!", intent=Intent.OPT_OUT, language="en")
    await vocabulary.set_text(workspace, reply=Reply.OPT_OUT, language="EN", text="Bye from {business|us}.")
    await listening.hear(entry, KOREAN, "basta")
    assert listening.answers() == ["Bye from us."]
    # A text that needs what nobody told gives way to the built-in one.
    await vocabulary.set_text(workspace, reply=Reply.OPT_OUT, language="ko", text="{contact} 로 문의")
    await listening.hear(entry, "+821012345679", "거부")
    assert "수신거부 처리" in listening.answers()[-1]
    shown = await vocabulary.show(workspace)
    assert shown["words"][0] == {"word": "Basta!", "intent": "opt_out", "language": "en", "own": True}
    assert {"reply": "opt_out", "language": "en", "text": "Bye from {business|us}.", "own": True} in shown["texts"]
    await vocabulary.remove(workspace, "BASTA")
    assert (await vocabulary.reset_text(workspace, reply=Reply.OPT_OUT, language="en"))["own"] is False
    assert not any(one["own"] for one in (await vocabulary.show(workspace))["words"])
    for gone in (
        vocabulary.remove(workspace, "basta"),
        vocabulary.reset_text(workspace, reply=Reply.OPT_OUT, language="en"),
    ):
        with pytest.raises(NotFound):
            await gone


@only_sqlite
async def test_what_is_wrong_with_a_word_or_text_is_named(listening: Listening) -> None:
    vocabulary, workspace = listening.opting.vocabulary, listening.yard.workspace_id
    for word, language, code in (
        ("...", "en", "bad_word"),
        ("stop", "en", "bad_word"),
        ("si", "es", "unknown_language"),
    ):
        with pytest.raises(Invalid) as refused:
            await vocabulary.add(workspace, word=word, intent=Intent.HELP, language=language)
        assert refused.value.code == code
    for reply, text, code in (
        (Reply.HELP, " ", "bad_text"),
        (Reply.HELP, "{word}", "unknown_variable"),
        (Reply.ASK, "Say yes", "variable_needed"),
        (Reply.RENEWAL, "{business} {given}", "variable_needed"),
    ):
        with pytest.raises(Invalid) as refused:
            await vocabulary.set_text(workspace, reply=reply, language="en", text=text)
        assert refused.value.code == code


def test_hearing_is_what_the_server_listens_with() -> None:
    assert callable(Hearing)
