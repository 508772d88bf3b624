"""
Korea's two-yearly reminder: found in time, worded as the law wants, sent once, and only then confirmed.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from sendyard.delivery.facts import Facts
from sendyard.domain.channels import Channel
from sendyard.domain.countries.situation import ConsentKind
from sendyard.domain.errors import Conflict, Invalid, NotFound
from sendyard.features.audience.opting.renewals import Renewals
from sendyard.features.audience.opting.wording import Reply
from tests.features.opting_play import BIZGO_SENDER, Listening
from tests.yard import AMERICAN, KOREAN, Yard, only_sqlite

SECOND = "+821012345679"
GIVEN = datetime(2024, 12, 1, 3, tzinfo=UTC)  # so that 2026-12-01 is the last day
NOON = datetime(2026, 11, 20, 3, tzinfo=UTC)  # 12:00 in Seoul
SHOP = Facts(business="한빛상점", opt_out_number="080-123-4567", home_zone="Asia/Seoul")


class Reminding:
    """A workspace that reminds people, with a clock that tests move."""

    def __init__(self, yard: Yard) -> None:
        self.yard, self.id = yard, yard.workspace_id
        self.listening = Listening.of(yard)
        self.now = NOON
        self.facts = SHOP
        self.renewals = Renewals(
            yard.database, yard.directory, yard.intake, clock=lambda: int(self.now.timestamp() * 1000)
        )

    async def agreed(self, to: str = KOREAN, at: datetime = GIVEN, **rest: Any) -> str:
        made = await self.listening.crowd.consents.add(self.id, to=to, at=at, evidence="form", **rest)
        return str(made["id"])

    async def due(self, days: int = 30) -> list[tuple[str, str, bool]]:
        return [
            (one["address"], f"{datetime.fromtimestamp(one['due_at'] / 1000, UTC):%Y-%m-%d}", one["overdue"])
            for one in await self.renewals.due(self.id, days=days)
        ]

    async def notices(self) -> list[str]:
        found = await self.renewals.due(self.id, days=180)
        return [one["notice"]["state"] if one["notice"] else "none" for one in found]

    async def carry(self, status: str) -> None:
        """Let every message end like this."""
        await self.yard.database.write(
            lambda tx: tx.run(
                "UPDATE messages SET status = ?, due_at = NULL, sent_at = ?, error_detail = 'handset off'",
                (status, int(self.now.timestamp() * 1000)),
            )
        )


@pytest.fixture
async def reminding(yard: Yard, monkeypatch: pytest.MonkeyPatch) -> Reminding:
    found = Reminding(yard)
    monkeypatch.setattr(yard.directory, "facts", lambda _: found.facts)
    await found.listening.account("bizgo", sender=BIZGO_SENDER)
    await yard.routes.set(found.id, channel=Channel.SMS, accounts=["bizgo"])
    return found


async def test_consents_of_korean_numbers_fall_due_after_two_years(reminding: Reminding) -> None:
    await reminding.agreed()
    await reminding.agreed(SECOND, GIVEN + timedelta(days=60))
    await reminding.agreed(AMERICAN)
    await reminding.agreed("+821012345670", state="withdrawn")
    await reminding.agreed("+821012345671", kind=ConsentKind.RELATIONSHIP)
    assert await reminding.due() == [(KOREAN, "2026-12-01", False)]
    assert await reminding.due(days=5) == []
    assert [address for address, _, _ in await reminding.due(days=100)] == [KOREAN, SECOND]
    reminding.now = datetime(2026, 12, 1, 3, 0, 1, tzinfo=UTC)
    assert await reminding.due() == [(KOREAN, "2026-12-01", True)]


async def test_a_round_makes_reminders_ready_once_and_sends_none_unless_told(reminding: Reminding) -> None:
    await reminding.agreed()
    for _ in range(2):
        await reminding.renewals.round()
    assert reminding.yard.rows("SELECT count(*) FROM renewal_notices") == [(1,)]
    assert reminding.listening.answers() == []
    ((text,),) = reminding.yard.rows("SELECT text FROM renewal_notices")
    assert text == (
        "[한빛상점] 광고성 정보 수신동의 확인 안내입니다. 고객님은 2024-12-01에 광고성 정보 수신에 동의하셨습니다. "
        "동의를 유지하시려면 따로 하실 일이 없습니다. 철회 방법: 무료수신거부 080-123-4567"
    )


async def test_reminders_go_once_and_the_consent_moves_when_the_message_was_handed_over(reminding: Reminding) -> None:
    consent = await reminding.agreed()
    await reminding.agreed(kind=ConsentKind.NIGHT)
    first, again = await reminding.renewals.remind(reminding.id), await reminding.renewals.remind(reminding.id)
    # One message reminds of both.
    assert (first, again) == ({"sent": 1, "left": []}, {"sent": 0, "left": []})
    (text,) = reminding.listening.answers()
    assert "광고성 정보 수신, 야간 광고성 정보 수신" in text
    assert reminding.yard.rows("SELECT purpose FROM messages") == [("transactional",)]
    assert await reminding.notices() == ["sending", "sending"]
    await reminding.renewals.round()
    assert await reminding.due() != []
    await reminding.carry("delivered")
    await reminding.renewals.round()
    assert await reminding.due() == []
    ((confirmed,),) = reminding.yard.rows("SELECT confirmed_at FROM consents WHERE id = ?", consent)
    assert confirmed == int(NOON.timestamp() * 1000)
    reminding.now = NOON + timedelta(days=725)
    assert [day for _, day, _ in await reminding.due()] == ["2028-11-20", "2028-11-20"]


async def test_a_reminder_that_failed_is_sent_again_by_hand_only(reminding: Reminding) -> None:
    await reminding.agreed()
    await reminding.renewals.change_settings(reminding.id, automatic=True)
    await reminding.renewals.round()
    await reminding.carry("failed")
    for _ in range(2):
        await reminding.renewals.round()
    (due,) = await reminding.renewals.due(reminding.id)
    assert (due["notice"]["state"], due["notice"]["error"]) == ("failed", "handset off")
    assert reminding.yard.rows("SELECT count(*) FROM messages") == [(1,)]
    assert (await reminding.renewals.remind(reminding.id))["sent"] == 1


async def test_what_is_switched_on_goes_by_itself_in_the_daytime(reminding: Reminding) -> None:
    await reminding.agreed()
    changed = await reminding.renewals.change_settings(
        reminding.id, automatic=True, days_before=15, account="bizgo", sender=BIZGO_SENDER
    )
    assert changed == {"automatic": True, "days_before": 15, "account": "bizgo", "sender": BIZGO_SENDER}
    reminding.now = NOON + timedelta(hours=10)  # 22:00
    await reminding.renewals.round()
    assert reminding.listening.answers() == []
    reminding.now = NOON + timedelta(hours=22)
    await reminding.renewals.round()
    assert len(reminding.listening.answers(KOREAN)) == 1
    assert await reminding.renewals.settings(reminding.id) == changed


async def test_the_law_s_words_are_needed_before_anything_is_sent(
    reminding: Reminding, caplog: pytest.LogCaptureFixture
) -> None:
    await reminding.agreed()
    reminding.facts = Facts()
    with pytest.raises(Conflict, match="sender's name"):
        await reminding.renewals.remind(reminding.id)
    await reminding.renewals.change_settings(reminding.id, automatic=True)
    await reminding.renewals.round()
    assert "sender's name" in caplog.text
    assert reminding.listening.answers() == []


async def test_whoever_refused_is_not_reminded_and_who_cannot_be_reached_is_told(reminding: Reminding) -> None:
    await reminding.agreed()
    await reminding.agreed(SECOND)
    suppressions = reminding.listening.crowd.suppressions
    await suppressions.add(reminding.id, to=KOREAN, reason="opted_out")
    await suppressions.add(reminding.id, to=SECOND, reason="invalid")
    done = await reminding.renewals.remind(reminding.id)
    assert (done["sent"], [one["address"] for one in done["left"]]) == (0, [SECOND])
    assert "must not be contacted" in done["left"][0]["detail"]
    assert await reminding.notices() == ["ready"]


async def test_single_consents_can_be_chosen_and_a_text_of_one_s_own_used(reminding: Reminding) -> None:
    await reminding.agreed()
    second = await reminding.agreed(SECOND)
    text = "{business}: {given} {kinds} 동의 확인. {refuse}"
    await reminding.listening.opting.vocabulary.set_text(reminding.id, reply=Reply.RENEWAL, language="ko", text=text)
    assert (await reminding.renewals.remind(reminding.id, consents=[second]))["sent"] == 1
    assert reminding.listening.answers() == [
        "한빛상점: 2024-12-01 광고성 정보 수신 동의 확인. 무료수신거부 080-123-4567"
    ]
    assert len(await reminding.renewals.due(reminding.id, limit=1)) == 1


async def test_a_page_of_reminders_goes_on_where_it_ended(reminding: Reminding, monkeypatch: Any) -> None:
    monkeypatch.setattr("sendyard.features.audience.opting.renewals._AT_ONCE", 2)
    for number in range(5):
        await reminding.agreed(f"+82101234560{number}")
    assert (await reminding.renewals.remind(reminding.id))["sent"] == 5
    first = await reminding.renewals.due(reminding.id, limit=2)
    rest = await reminding.renewals.due(reminding.id, after=first[-1]["id"], limit=10)
    assert [one["address"][-1] for one in first + rest] == list("01234")


@only_sqlite
async def test_settings_that_cannot_be_are_refused(reminding: Reminding) -> None:
    with pytest.raises(Invalid):
        await reminding.renewals.change_settings(reminding.id, days_before=0)
    with pytest.raises(NotFound):
        await reminding.renewals.change_settings(reminding.id, account="none")
    assert (await reminding.renewals.settings(reminding.id))["days_before"] == 30
