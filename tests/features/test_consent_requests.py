"""
Double opt-in: asked by a message, agreed by the answer, and by nothing else.
"""

from datetime import UTC, datetime
from typing import Any

import pytest

from sendyard.domain.channels import Channel, Purpose
from sendyard.domain.countries.situation import ConsentKind
from sendyard.domain.errors import AppError, Conflict, Invalid, NotFound, RateLimited
from sendyard.features.audience.consent_lists import ConsentLists, Word
from sendyard.features.audience.opting.requests import Composed, RequestWish
from sendyard.storage.identifiers import now_ms
from tests.features.opting_play import BIZGO_SENDER, SENDER, Listening
from tests.yard import AMERICAN, KOREAN, TAIWANESE, Yard, only_sqlite


class Asking:
    """A workspace that asks people through two carriers."""

    def __init__(self, listening: Listening) -> None:
        self.listening = listening
        self.id = listening.yard.workspace_id
        self.requests = listening.opting.requests

    async def open(self) -> None:
        self.kr = await self.listening.account("bizgo", sender=BIZGO_SENDER)
        self.us = await self.listening.account("twilio", sender=SENDER)

    async def ask(self, to: str = KOREAN, **wish: Any) -> dict[str, Any]:
        account = "twilio" if to == AMERICAN else "bizgo"
        return await self.requests.ask(self.id, RequestWish(to=to, account=account, **wish))

    async def state(self, request: dict[str, Any]) -> str:
        return str((await self.requests.get(self.id, request["id"]))["state"])


@pytest.fixture
async def asking(yard: Yard) -> Asking:
    found = Asking(Listening.of(yard))
    await found.open()
    return found


async def test_the_answer_makes_the_consent_and_is_its_evidence(asking: Asking) -> None:
    request = await asking.ask(channel=Channel.SMS, source="newsletter form")
    listening = asking.listening
    assert (request["state"], request["language"]) == ("waiting", "ko")
    assert listening.consents() == [(KOREAN, "marketing", "asked")]
    assert "네 라고 답장" in listening.answers(KOREAN)[0]
    await listening.hear(asking.kr, KOREAN, "언제까지인가요?")
    assert await asking.state(request) == "waiting"
    await listening.hear(asking.kr, KOREAN, "네.")
    assert listening.consents() == [(KOREAN, "marketing", "granted")]
    granted = (await listening.crowd.consents.in_force(asking.id, to=KOREAN))[0]
    assert (granted["channel"], granted["purpose"]) == ("sms", "promotional")
    ((inbound,),) = listening.yard.rows("SELECT id FROM inbound_messages WHERE text = '네.'")
    assert inbound in granted["evidence"]
    assert inbound in (await asking.requests.get(asking.id, request["id"]))["evidence"]
    assert "수신동의 처리" in listening.answers(KOREAN)[-1]
    # Once more it is an ordinary reply.
    await listening.hear(asking.kr, KOREAN, "네")
    assert len(listening.answers(KOREAN)) == 2
    with pytest.raises(Conflict, match="agreed already"):
        await asking.ask()


async def test_a_code_is_the_person_s_own_and_is_shown_to_nobody_else(asking: Asking) -> None:
    request = await asking.ask(AMERICAN, by_code=True, text="Answer {code} to get our offers", kind=ConsentKind.WRITTEN)
    (text,) = asking.listening.answers(AMERICAN)
    code = next(word for word in text.split() if word.isdigit())
    assert len(code) == 6
    assert code not in str(await asking.requests.list(asking.id))
    await asking.listening.hear(asking.us, AMERICAN, "yes")
    await asking.listening.hear(asking.us, AMERICAN, str((int(code) + 1) % 1_000_000).zfill(6))
    assert await asking.state(request) == "waiting"
    await asking.listening.hear(asking.us, AMERICAN, code)
    assert asking.listening.consents() == [(AMERICAN, "written", "granted")]


async def test_words_may_be_chosen_and_a_template_may_ask(asking: Asking) -> None:
    async def compose(word: str) -> Composed:
        return Composed(f"Say {word} for our club")

    wish = RequestWish(to=AMERICAN, account="twilio", words=("Join us",), purpose=Purpose.PROMOTIONAL)
    request = await asking.requests.ask(asking.id, wish, compose)
    assert request["words"] == ["join us"]
    assert asking.listening.answers() == ["Say Join us for our club"]
    await asking.listening.hear(asking.us, AMERICAN, "JOIN US!")
    assert await asking.state(request) == "granted"


async def test_a_refusal_ends_the_question_and_stops_the_person(asking: Asking) -> None:
    request = await asking.ask()
    await asking.listening.hear(asking.kr, KOREAN, "거부")
    assert await asking.state(request) == "refused"
    await asking.listening.hear(asking.kr, KOREAN, "네")
    # That took the refusal back, but it is no answer any more, and so no consent.
    assert asking.listening.consents() == [(KOREAN, "marketing", "asked")]
    assert asking.listening.stops() == []


async def test_after_its_time_an_answer_comes_too_late(asking: Asking) -> None:
    request = await asking.ask(expires_in=300)
    await asking.listening.yard.database.write(
        lambda tx: tx.run("UPDATE consent_requests SET expires_at = ?", (now_ms() - 1,))
    )
    await asking.listening.hear(asking.kr, KOREAN, "네")
    assert await asking.state(request) == "expired"
    assert asking.listening.consents() == [(KOREAN, "marketing", "asked")]
    assert [one["id"] for one in await asking.requests.list(asking.id, state="expired", to=KOREAN)] == [request["id"]]
    assert await asking.requests.list(asking.id, state="waiting") == []


async def test_a_newer_question_about_the_same_replaces_the_older(asking: Asking) -> None:
    first, second = await asking.ask(), await asking.ask()
    other = await asking.ask(kind=ConsentKind.NIGHT)
    assert [await asking.state(one) for one in (first, second, other)] == ["replaced", "waiting", "waiting"]
    # A word answers what was asked last.
    await asking.listening.hear(asking.kr, KOREAN, "예")
    assert [await asking.state(one) for one in (second, other)] == ["waiting", "granted"]
    assert [one["id"] for one in await asking.requests.list(asking.id, state="granted")] == [other["id"]]


async def test_whoever_must_not_be_contacted_is_not_asked_and_nothing_is_kept(asking: Asking) -> None:
    await asking.listening.crowd.suppressions.add(asking.id, to=KOREAN)
    with pytest.raises(Conflict, match="must not be contacted"):
        await asking.ask()
    assert await asking.requests.list(asking.id) == []
    assert (asking.listening.consents(), asking.listening.answers()) == ([], [])


async def test_somebody_who_had_enough_messages_this_hour_is_not_asked_either(asking: Asking) -> None:
    await asking.listening.yard.hourly_limit(1)
    await asking.ask()
    with pytest.raises(RateLimited):
        await asking.ask(kind=ConsentKind.NIGHT)
    assert len(await asking.requests.list(asking.id)) == 1


async def test_a_long_list_of_consents_is_taken_over_in_pieces(asking: Asking, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sendyard.features.audience.consent_lists._AT_ONCE", 2)
    lists = ConsentLists(asking.listening.yard.database)
    words = [Word(f"+82101234560{number}", state="withdrawn") for number in range(5)]
    words += [Word("+821012345600"), Word("+821012345600", channel="fax"), Word("+821012345601", state="withdrawn")]
    done = await lists.load(asking.id, enumerate(words, 10), source="a list")
    assert (done["rows"], done["added"], done["known"]) == (8, 5, 1)
    assert [(one["row"], one["code"]) for one in done["refused"]] == [(15, "refused_before"), (16, "bad_channel")]
    pieces = [piece async for piece in lists.file(asking.id)]
    assert sum(piece.count(b"\r\n") for piece in pieces) == 6


async def test_a_yes_lifts_an_earlier_refusal_of_the_person_only(asking: Asking) -> None:
    suppressions = asking.listening.crowd.suppressions
    request = await asking.ask()
    await suppressions.add(asking.id, to=KOREAN, reason="opted_out", source="by phone")
    await suppressions.add(asking.id, to=KOREAN, channel=Channel.MMS, reason="complaint")
    await asking.listening.hear(asking.kr, KOREAN, "네")
    assert await asking.state(request) == "granted"
    assert asking.listening.stops() == [(KOREAN, "complaint")]


async def test_whoever_is_erased_leaves_no_question_behind(asking: Asking) -> None:
    crowd = asking.listening.crowd
    contact = await crowd.add(KOREAN)
    request = await asking.ask(source="form 7")
    await crowd.erasing.erase(asking.id, contact["id"])
    found = await asking.requests.get(asking.id, request["id"])
    assert found["address"].startswith("erased-")
    assert (found["source"], found["state"]) == ("", "replaced")


@only_sqlite
@pytest.mark.parametrize(
    ("wish", "code"),
    [
        ({"text": "Join us"}, "word_missing"),
        ({"words": ("stop",)}, "bad_word"),
        ({"words": ("?",)}, "bad_word"),
        ({"words": tuple("abcdefghijk")}, "too_many"),
        ({"expires_in": 10}, "bad_expiry"),
        ({"language": "fr"}, "unknown_language"),
        ({"source": "x" * 300}, "bad_source"),
        ({"to": "nobody"}, "letters"),
    ],
)
async def test_a_question_that_cannot_be_asked_says_why(asking: Asking, wish: dict[str, Any], code: str) -> None:
    with pytest.raises(AppError) as refused:
        await asking.ask(**wish)
    assert refused.value.code == code
    assert asking.listening.consents() == []


@only_sqlite
async def test_what_is_not_there_is_not_found(asking: Asking) -> None:
    with pytest.raises(NotFound):
        await asking.requests.get(asking.id, "none")
    with pytest.raises(Invalid):
        await asking.requests.list(asking.id, state="lost")


async def test_consents_of_every_kind_stand_side_by_side_and_marketing_takes_all_with_it(asking: Asking) -> None:
    consents = asking.listening.crowd.consents
    for kind in (ConsentKind.MARKETING, ConsentKind.NIGHT, ConsentKind.WRITTEN):
        await consents.add(asking.id, to=KOREAN, kind=kind, at=datetime(2026, 1, 2, tzinfo=UTC))
    await consents.add(asking.id, to=KOREAN, kind=ConsentKind.NIGHT, state="withdrawn")
    assert asking.listening.consents() == [
        (KOREAN, "marketing", "granted"),
        (KOREAN, "night", "withdrawn"),
        (KOREAN, "written", "granted"),
    ]
    await consents.add(asking.id, to=KOREAN, state="withdrawn")
    assert {state for _, _, state in asking.listening.consents()} == {"withdrawn"}
    confirmed = (await consents.list(asking.id))[0]
    assert (await consents.confirm(asking.id, confirmed["id"]))["confirmed_at"] >= confirmed["created_at"]
    # An earlier reminder that is noted later moves nothing back.
    earlier = await consents.confirm(asking.id, confirmed["id"], at=datetime(2026, 2, 2, tzinfo=UTC))
    assert earlier["confirmed_at"] >= confirmed["created_at"]
    with pytest.raises(NotFound):
        await consents.confirm(asking.id, "none")
    with pytest.raises(Invalid):
        await consents.confirm(asking.id, confirmed["id"], at=datetime(2099, 1, 1, tzinfo=UTC))
    assert await asking.requests.list(asking.id, to=TAIWANESE) == []
