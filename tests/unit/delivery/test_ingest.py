"""
Callbacks: who may speak, what is kept, and what the provider is answered.
"""

import asyncio
from datetime import UTC, datetime
from decimal import Decimal
from urllib.parse import urlencode

import pytest

from sendyard.delivery.ingest import Ingest
from sendyard.domain.channels import Channel
from sendyard.domain.content import TemplateRef, Text
from sendyard.domain.errors import ErrorKind, ProviderError
from sendyard.domain.money import Money
from sendyard.domain.status import ReportStatus
from sendyard.emulator.scenarios import Outcome
from sendyard.providers.contract import DeliveryEvent, Inbound, MessageKey
from sendyard.providers.wire import CallbackRequest, HttpResponse
from tests.running import AMERICA, Running

MITAKE = {"msgid": "X1", "dstaddr": "0912345678", "statusstr": "DELIVRD", "StatusFlag": "4"}


def token_of(running: Running, account: str) -> str:
    entry = running.yard.directory.account(account)
    assert entry is not None
    return entry.callback_token


async def say(running: Running, provider: str, token: str, query: str = "", body: bytes = b"") -> HttpResponse:
    request = CallbackRequest("GET", f"{running.door.url}/callbacks/{provider}/{token}", query, {}, body)
    return await running.ingest.receive(provider, token, request)


def stored(running: Running) -> int:
    tables = ("events", "unmatched_reports", "inbound_messages", "unreadable_callbacks")
    return sum(int(running.yard.rows(f"SELECT count(*) FROM {table}")[0][0]) for table in tables)


async def test_an_address_of_nobody_is_not_found(running: Running) -> None:
    account = await running.account("mitake")
    assert (await say(running, "mitake", "made-up", urlencode(MITAKE))).status == 404
    assert (await say(running, "twilio", token_of(running, account), urlencode(MITAKE))).status == 404
    assert (running.ingest.counts, stored(running)) == ({"unaddressed": 2}, 0)


async def test_an_account_another_process_added_is_found(running: Running) -> None:
    account = await running.account("mitake")
    token = token_of(running, account)
    fresh = type(running.yard.directory)(running.yard.database, running.yard.vault, running.door.url)
    ingest = Ingest(running.yard.database, fresh, running.dispatcher.policy)
    request = CallbackRequest("GET", "", urlencode(MITAKE), {}, b"")
    assert (await ingest.receive("mitake", token, request)).status == 200


async def test_the_provider_is_answered_in_its_own_words_after_the_report_is_stored(running: Running) -> None:
    account = await running.account("mitake")
    answer = await say(running, "mitake", token_of(running, account), urlencode(MITAKE))
    assert (answer.status, answer.body) == (200, b"magicid=sms_gateway_rpack\nmsgid=X1\n")
    assert running.yard.rows("SELECT provider_ref FROM unmatched_reports") == [("X1",)]
    assert running.ingest.counts == {"taken": 1}


async def test_without_proof_nothing_is_stored(running: Running, caplog: pytest.LogCaptureFixture) -> None:
    account = await running.account("twilio")
    body = urlencode({"MessageSid": "SM" + "1" * 32, "MessageStatus": "delivered"}).encode()
    answer = await say(running, "twilio", token_of(running, account), body=body)
    assert (answer.status, stored(running)) == (403, 0)
    assert running.ingest.counts == {"rejected": 1}
    assert token_of(running, account) not in caplog.text


async def test_a_proof_of_one_account_does_not_open_another(running: Running) -> None:
    mine = await running.account("twilio", "mine")
    settings = {"account_sid": "AC" + "9" * 32, "auth_token": "another-invented-token"}
    other = await running.account("twilio", "other", settings=settings)
    ids = await running.queue(mine, pattern=AMERICA)
    real = running.ingest.receive
    swapped: list[int] = []

    async def swap(provider: str, token: str, request: CallbackRequest) -> HttpResponse:
        wrong = token_of(running, other)
        url = request.url.replace(token, wrong)
        answer = await real(
            provider, wrong, CallbackRequest(request.method, url, request.query, request.headers, request.body)
        )
        tampered = await real(
            provider,
            token,
            CallbackRequest(request.method, request.url, request.query, request.headers, request.body + b"&x=1"),
        )
        swapped.extend([answer.status, tampered.status])
        return await real(provider, token, request)

    running.ingest.receive = swap  # type: ignore[method-assign]
    running.start()
    await running.reach(ids, "delivered")
    assert set(swapped) == {403}


async def test_reports_that_bring_only_the_providers_second_id_find_their_message(running: Running) -> None:
    """Gupshup's first event says which id the message has at WhatsApp; here that one stands alone in all later ones."""
    hosted = running.server.world.hosted["gupshup_whatsapp"]
    account = await running.account("gupshup_whatsapp")
    entry = running.yard.directory.account(account)
    assert entry is not None
    console = {"first_event": "enqueued", "drops_gs_id": True, "callback_url": entry.callback_url}
    hosted.emulator.register(hosted.state, {**hosted.emulator.sample_account, **console})
    content = hosted.emulator.sample_content("Your order 17 is on its way.")
    running.scenario(Outcome(status="read"))
    sender, pattern = hosted.emulator.sample_sender, "+9198123{:05d}"
    ids = await running.queue(account, channel=Channel.WHATSAPP, content=content, sender=sender, pattern=pattern)
    running.start()
    await running.reach(ids, "read")
    ((first, second),) = running.yard.rows("SELECT provider_ref, other_ref FROM attempts")
    assert first != second
    assert second.startswith("gBEG")


async def test_what_cannot_be_read_is_kept_for_a_person_and_not_asked_for_again(running: Running) -> None:
    account = await running.account("mitake")
    token = token_of(running, account)
    query = urlencode({"nonsense": f"{token} invented-1 \x00"}) + "&raw=\x00" + "x" * 9000
    answer = await say(running, "mitake", token, query, b"\xff\x00 invented-1")
    assert answer.status == 200
    assert running.ingest.counts == {"unreadable": 1}
    ((reason, kept_query, kept_body),) = running.yard.rows("SELECT reason, query, body FROM unreadable_callbacks")
    assert "msgid" in reason
    assert token not in kept_query
    assert "invented-1" not in kept_query + kept_body
    assert len(kept_query) <= 4000


def event(**rest: object) -> DeliveryEvent:
    fields: dict[str, object] = {
        "key": MessageKey(provider_ref="P1", recipient="+12025550001"),
        "status": ReportStatus.DELIVERED,
        "raw_status": "delivered",
        "dedupe_key": "k1",
    }
    return DeliveryEvent(**{**fields, **rest})  # type: ignore[arg-type]


def inbound(text: str = "hello", **rest: object) -> Inbound:
    fields: dict[str, object] = {
        "sender": "+12025550001",
        "recipient": "+15005550006",
        "channel": Channel.SMS,
        "content": Text(text),
        "provider_ref": "MO1",
        "dedupe_key": "mo1",
    }
    return Inbound(**{**fields, **rest})  # type: ignore[arg-type]


async def test_a_failure_because_of_an_opt_out_stops_further_messages(running: Running) -> None:
    account = await running.account("twilio")
    running.scenario(Outcome(status="failed", kind=ErrorKind.OPTED_OUT))
    ids = await running.queue(account, pattern=AMERICA)
    running.start()
    await running.reach(ids, "failed")
    assert running.yard.rows("SELECT reason FROM suppressions") == [("opted_out",)]


async def test_other_failures_suppress_nobody(running: Running) -> None:
    entry = running.yard.directory.account(await running.account("twilio"))
    assert entry is not None
    error = ProviderError(ErrorKind.BLOCKED, "30004")
    await running.ingest.store(entry, [event(status=ReportStatus.FAILED, error=error)])
    error = ProviderError(ErrorKind.OPTED_OUT, "21610")
    nameless = event(status=ReportStatus.FAILED, error=error, key=MessageKey(provider_ref="P2"), dedupe_key="k2")
    await running.ingest.store(entry, [nameless])
    assert running.yard.rows("SELECT count(*) FROM suppressions") == [(0,)]


async def test_nothing_said_is_nothing_stored(running: Running) -> None:
    entry = running.yard.directory.account(await running.account("twilio"))
    assert entry is not None
    await running.ingest.store(entry, [])
    assert stored(running) == 0


async def test_everything_a_report_says_is_kept(running: Running) -> None:
    account = await running.account("twilio")
    entry = running.yard.directory.account(account)
    assert entry is not None
    (message_id,) = await running.queue(account, pattern=AMERICA)
    exchange = await asyncio.to_thread(running.books.hand_over, account_id=account)
    await asyncio.to_thread(running.books.accept, exchange)
    key = MessageKey(provider_ref=f"ref of {message_id}")
    at = datetime(2026, 11, 21, 12, tzinfo=UTC)
    said = event(key=key, parts=2, cost=Money(Decimal("0.0158"), "USD"), occurred_at=at)
    await running.ingest.store(entry, [said, said])
    row = running.books.row(message_id)
    assert (row["status"], row["delivered_at"]) == ("delivered", int(at.timestamp() * 1000))
    attempt = running.books.attempt(message_id)
    assert (attempt["parts"], attempt["cost_amount"], attempt["cost_currency"]) == (2, "0.0158", "USD")


async def test_what_people_write_is_stored_once_and_their_stop_word_counts(running: Running) -> None:
    entry = running.yard.directory.account(await running.account("twilio"))
    assert entry is not None
    await running.ingest.store(entry, [inbound("STOP\x00", opt_out=True)])
    assert running.yard.rows("SELECT text FROM inbound_messages") == [("STOP",)]
    assert running.yard.rows("SELECT address, reason FROM suppressions") == [("+12025550001", "opted_out")]
    # Somebody lifts it by hand; the provider repeating its old callback does not bring it back.
    await running.run_sql("DELETE FROM suppressions")
    await running.ingest.store(entry, [inbound("STOP", opt_out=True)])
    assert running.yard.rows("SELECT count(*) FROM suppressions") == [(0,)]


async def test_a_start_word_lifts_the_suppression(running: Running) -> None:
    entry = running.yard.directory.account(await running.account("twilio"))
    assert entry is not None
    await running.ingest.store(entry, [inbound("STOP", opt_out=True)])
    await running.ingest.store(entry, [inbound("hm", dedupe_key="mo2")])
    assert running.yard.rows("SELECT count(*) FROM suppressions") == [(1,)]
    await running.ingest.store(entry, [inbound("START", opt_out=False, dedupe_key="mo3")])
    assert running.yard.rows("SELECT count(*) FROM suppressions") == [(0,)]


async def test_a_template_somebody_pressed_is_kept_by_its_name(running: Running) -> None:
    entry = running.yard.directory.account(await running.account("twilio"))
    assert entry is not None
    await running.ingest.store(entry, [inbound(content=TemplateRef("button 1"))])
    assert running.yard.rows("SELECT text FROM inbound_messages") == [("button 1",)]
