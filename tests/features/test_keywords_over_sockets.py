"""
A stop word on its whole way: from an emulated handset through the provider's signed callback, and the answer back.
"""

from datetime import UTC, datetime
from functools import partial

from sendyard.delivery.ingest import Ingest
from sendyard.emulator.callbacks import Callback
from sendyard.features.audience import Hearing
from tests.running import AMERICA, Running


async def test_a_stop_word_told_three_times_is_answered_at_the_handset_once(running: Running) -> None:
    directory = running.yard.directory
    running.door.ingest = Ingest(running.yard.database, directory, running.dispatcher.policy, Hearing(directory))
    account = await running.account("twilio")
    running.start()
    first = await running.queue(account, pattern=AMERICA)
    await running.reach(first, "delivered")
    person = running.letters()[0].received.to
    hosted = running.server.world.hosted["twilio"]
    entry = directory.account(account)
    assert entry is not None
    told = hosted.emulator.inbound(
        hosted.state,
        account=str(hosted.emulator.sample_account["account_sid"]),
        sender=person,
        recipient=entry.sender,
        text="수신거부",
        now=datetime.now(UTC),
    )
    assert told is not None
    for _ in range(3):
        running.server.world.sender.post(
            Callback(
                provider="twilio",
                provider_ref="",
                request=told,
                accepts=lambda response: response.status < 300,
                retries=hosted.emulator.callback_retries,
                sent_later=partial(hosted.emulator.sent_later, hosted.state),
            )
        )

    async def answered() -> bool:
        return running.letter_count(person) == 2 and len(running.door.answers) >= 4

    await running.until(answered)
    later = await running.queue(account, to=person)
    await running.reach(later, "suppressed")
    assert running.letter_count(person) == 2
    assert "수신거부" in running.letters()[-1].received.text
    assert running.yard.rows("SELECT address, reason FROM suppressions") == [(person, "opted_out")]
    assert set(running.door.answers) <= {200, 204}
