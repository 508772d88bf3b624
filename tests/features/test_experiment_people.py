"""
Experiments seen by single people: another try, and tests to the team.
"""

import pytest

from sendyard.domain.errors import Invalid
from sendyard.domain.status import MessageStatus
from sendyard.features.campaigns import Changes, Tests
from sendyard.features.campaigns.experiments.terms import SampleSize
from sendyard.features.people import Team
from sendyard.ledger.content_codec import decode_letter
from tests.features.campaign_play import Play, play_on, sheet
from tests.features.test_experiments import TEXTS, begun, compared, work
from tests.yard import Yard


@pytest.fixture
async def play(yard: Yard) -> Play:
    return await play_on(yard)


async def test_another_try_gives_each_person_the_text_that_was_theirs(play: Play) -> None:
    campaign_id = await begun(play, 60, sample=SampleSize(percent=90))
    variants = dict(play.rows("SELECT address, variant FROM campaign_recipients WHERE campaign_id = ?", campaign_id))
    sent = {number for number in variants.values() if number}
    play.hand_over(lambda _message: MessageStatus.FAILED)
    await play.campaigns.cancel(play.yard.workspace_id, campaign_id)
    retry = await play.campaigns.retry_failed(play.yard.workspace_id, campaign_id)
    assert retry["plan"].kept_variants
    assert sent == {1, 2}
    found = await play.campaigns.preflight(play.yard.workspace_id, retry["id"])
    assert {message.content.body.split()[0] for message in found.sample} == {"Hi", "Dear"}
    assert "sample" not in {check.check for check in found.checks}
    play.yard.database.write_now(
        lambda tx: tx.run(
            "UPDATE campaign_recipients SET variant = 0 WHERE campaign_id = ? AND row = 5", (retry["id"],)
        )
    )
    await play.campaigns.start(play.yard.workspace_id, retry["id"])
    await work(play)
    texts = {
        address: decode_letter(content).content.body.split()[0]
        for address, content in play.rows("SELECT address, content FROM messages WHERE group_id = ?", retry["id"])
    }
    assert set(texts) <= set(variants)
    assert len(texts) > 30
    fifth = play.rows("SELECT address FROM campaign_recipients WHERE campaign_id = ? AND row = 5", retry["id"])
    for address in texts.keys() - {one for (one,) in fifth}:
        assert texts[address] == {1: "Hi", 2: "Dear"}[variants[address]]
    again = await Changes(play.yard.database, play.yard.directory).duplicate(play.yard.workspace_id, retry["id"])
    await work(play)
    kept = play.rows("SELECT address, variant FROM campaign_recipients WHERE campaign_id = ? AND row <> 5", again["id"])
    assert {variants[address] == variant for address, variant in kept} == {True}


async def test_the_team_gets_every_variant_or_the_one_that_is_named(play: Play) -> None:
    team = Team(play.yard.database)
    await team.add(play.yard.workspace_id, name="Mina", addresses=["+886900000099", "+886900000098"])
    made = await play.campaigns.create(
        play.yard.workspace_id, name="Spring", csv=sheet(40), country="TW", variants=TEXTS, plan=compared(),
        purpose="transactional",
    )  # fmt: skip
    tests = Tests(play.yard.database, play.yard.directory, team)
    sent = await tests.send(play.yard.workspace_id, made["id"])
    assert [(one["variant"], one["error"]) for one in sent] == [("plain", None)] * 2 + [("warm", None)] * 2
    assert len({one["to"] for one in sent}) == 2
    (warm,) = await tests.send(play.yard.workspace_id, made["id"], to=["+886900000099"], variant="warm")
    assert warm["variant"] == "warm"
    newest = play.rows("SELECT content FROM messages WHERE id = ?", warm["message_id"])[0][0]
    assert decode_letter(newest).content.body == "Dear Name 0!"
    with pytest.raises(Invalid, match="there are plain, warm"):
        await tests.send(play.yard.workspace_id, made["id"], variant="cold")
    single = await play.draft(sheet(1))
    with pytest.raises(Invalid, match="it has one text only"):
        await tests.send(play.yard.workspace_id, single, variant="warm")
