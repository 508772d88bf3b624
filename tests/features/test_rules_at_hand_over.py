"""
Rules of countries in the moment a message leaves: what changed since it was accepted counts, in every process.
"""

from dataclasses import replace

import pytest

from sendyard.delivery.directory import Directory
from sendyard.delivery.forecast import forecast
from sendyard.delivery.preflight import Draft
from sendyard.domain.channels import Channel, Purpose
from sendyard.domain.content import Text
from sendyard.domain.countries.situation import ConsentKind
from sendyard.ledger.cancel import cancel_message
from sendyard.ledger.entries import NewMessage
from sendyard.ledger.inbound import keep_inbound
from sendyard.storage.engine import Database
from sendyard.storage.identifiers import now_ms
from sendyard.storage.transaction import Transaction
from tests.features.lawful import KOREAN_SENDER, Lawful, milliseconds
from tests.running import Running
from tests.situations import at
from tests.yard import AMERICAN, KOREAN, TAIWANESE, Yard

SEOUL = "Asia/Seoul"
NOON, EVENING, MORNING = (
    at("2026-11-20 12:00", SEOUL),
    at("2026-11-20 20:55", SEOUL),
    at("2026-11-21 08:00", SEOUL),
)
DAY_MS = 86_400_000
INDIAN = "+919876543210"


@pytest.fixture
async def lawful(yard: Yard) -> Lawful:
    return await Lawful.of(yard)


async def offer(lawful: Lawful, to: str = KOREAN) -> NewMessage:
    """Advertising that was accepted at noon, with consent."""
    await lawful.consent(to)
    return lawful.accept(to, "할인", NOON, sender=KOREAN_SENDER)


async def test_what_is_allowed_leaves(lawful: Lawful) -> None:
    message = await offer(lawful)
    assert lawful.hand_over(NOON) == [KOREAN]
    assert lawful.row(message.id)[0] == "sending"


async def test_what_did_not_leave_before_closing_time_is_moved_once_and_continues_in_the_morning(
    lawful: Lawful,
) -> None:
    message = await offer(lawful)
    opening = milliseconds(MORNING)
    assert lawful.hand_over(EVENING) == []
    assert lawful.row(message.id) == ("scheduled", opening, opening + DAY_MS, None)
    assert lawful.events(message.id)[-1] == ("deferred", "kr.night")
    # Nothing is left to be claimed all night.
    assert lawful.claim(at("2026-11-21 03:00", SEOUL)) == []
    assert lawful.hand_over(MORNING) == [KOREAN]
    assert [kind for kind, _ in lawful.events(message.id)].count("deferred") == 1


async def test_the_time_to_live_is_not_used_up_by_nights(lawful: Lawful) -> None:
    await lawful.consent(KOREAN)
    short = lawful.accept(KOREAN, "할인", NOON, sender=KOREAN_SENDER, expires_in=36_000)
    assert lawful.hand_over(at("2026-11-20 21:30", SEOUL)) == []
    assert lawful.row(short.id)[2] == milliseconds(MORNING) + 36_000_000


async def test_a_consent_withdrawn_meanwhile_stops_that_person_and_nobody_else(lawful: Lawful) -> None:
    other = "+821087654321"
    stopped, going = await offer(lawful), await offer(lawful, other)
    await lawful.consent(KOREAN, state="withdrawn", when="2026-02-01 12:00")
    assert lawful.hand_over(NOON) == [other]
    assert lawful.row(stopped.id)[0::3] == ("suppressed", "kr.consent")
    assert lawful.events(stopped.id)[-1] == ("suppressed", "kr.consent")
    assert lawful.row(going.id)[0] == "sending"
    assert lawful.hand_over(MORNING) == []


async def test_a_withdrawal_in_another_process_stops_what_this_one_has_claimed(
    lawful: Lawful, database: Database
) -> None:
    message = await offer(lawful)
    claimed = lawful.claim(NOON)
    second = Lawful(replace(lawful.yard, directory=Directory(database, lawful.yard.vault)), lawful.account_id)
    await second.yard.directory.refresh()
    await second.consent(KOREAN, state="withdrawn", when="2026-02-01 12:00")
    assert lawful.post(claimed, NOON) == []
    assert lawful.row(message.id)[0] == "suppressed"


async def test_what_somebody_cancelled_meanwhile_is_left_alone(lawful: Lawful) -> None:
    message = await offer(lawful)
    claimed = lawful.claim(EVENING)
    lawful.yard.database.write_now(
        lambda tx: cancel_message(tx, lawful.yard.workspace_id, message.id, now=milliseconds(EVENING))
    )
    assert lawful.post(claimed, EVENING) == []
    assert lawful.row(message.id)[0] == "cancelled"
    assert [kind for kind, _ in lawful.events(message.id)][-1] == "cancelled"


async def test_a_sender_that_lost_its_registration_leads_to_the_next_account_or_ends_it(lawful: Lawful) -> None:
    second = await lawful.yard.account("twilio", "second", sender="+14155550124")
    first_one, second_one = (
        lawful.accept(to, "Your parcel is here", NOON, purpose=Purpose.TRANSACTIONAL)
        for to in (AMERICAN, "+12025550124")
    )
    lawful.following[first_one.id] = [second]
    await lawful.sender("+14155550123", registration="rejected")
    assert lawful.hand_over(NOON) == []
    assert lawful.yard.rows("SELECT account_id, status FROM messages WHERE id = ?", first_one.id) == [
        (second, "queued")
    ]
    assert lawful.events(first_one.id) == [("failover", None)]
    assert lawful.row(second_one.id)[0::3] == ("failed", "us.registration")
    assert lawful.events(second_one.id) == [("refused", "us.registration")]


async def test_orders_and_codes_leave_whatever_the_hour(lawful: Lawful) -> None:
    for to in (KOREAN, TAIWANESE, INDIAN):
        lawful.accept(to, "Your parcel is here", NOON, purpose=Purpose.TRANSACTIONAL)
    lawful.accept(AMERICAN, "123456", NOON, purpose=Purpose.OTP, sender="+14155550123")
    assert sorted(lawful.hand_over(NOON)) == sorted([KOREAN, TAIWANESE, INDIAN, AMERICAN])


async def test_a_whatsapp_window_that_closed_while_it_waited_ends_the_message(yard: Yard) -> None:
    lawful = await Lawful.of(yard)
    wrote_at = milliseconds(at("2026-11-20 10:00", SEOUL))

    def somebody_writes(tx: Transaction) -> str:
        return keep_inbound(
            tx,
            yard.workspace_id,
            lawful.account_id,
            sender=KOREAN,
            recipient="+14155550123",
            channel=Channel.WHATSAPP.value,
            text="hello",
            provider_ref="MO1",
            dedupe_key="mo1",
            received_at=wrote_at,
        )

    yard.database.write_now(somebody_writes)
    message = lawful.accept(
        KOREAN, "", NOON, content=Text("It is on its way"), channel=Channel.WHATSAPP, purpose=Purpose.TRANSACTIONAL
    )
    assert lawful.hand_over(at("2026-11-21 10:30", SEOUL)) == []
    assert lawful.row(message.id)[0::3] == ("failed", "wa.window")


async def test_handsets_get_exactly_what_preflight_showed_and_who_withdrew_gets_nothing(running: Running) -> None:
    yard = running.yard
    lawful = Lawful(yard, await running.account("bizgo"))
    await yard.routes.set(yard.workspace_id, channel=Channel.SMS, accounts=[lawful.account_id])
    await lawful.tell(business="행복가게", opt_out_number="080-123-4567")
    leaver, stayer = "+821087654321", KOREAN
    for one in (leaver, stayer):
        await lawful.consent(one, ConsentKind.MARKETING, ConsentKind.NIGHT)  # at whatever hour the test runs
    drafts = [Draft(to=one, content=Text("오늘만 할인"), purpose=Purpose.PROMOTIONAL) for one in (leaver, stayer)]
    shown = forecast(yard.directory, await yard.intake.examine(yard.workspace_id, drafts), now_ms())
    stored = await yard.intake.accept_batch(yard.workspace_id, drafts)
    ids = [message.id for _, message in stored.accepted]
    await lawful.consent(leaver, state="withdrawn", when="2026-02-01 12:00")
    running.start()
    await running.reach([ids[1]], "sent", "delivered")
    await running.reach([ids[0]], "suppressed")
    (letter,) = running.letters()
    assert letter.received.to == stayer
    assert letter.received.text == shown.sample[0].content.body
    assert letter.received.text == "(광고)행복가게 오늘만 할인\n무료수신거부 080-123-4567"
    assert shown.parts == sum(message.parts for _, message in stored.accepted)
