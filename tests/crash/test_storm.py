"""
Serving processes are killed again and again while everything that campaigns can be is under way, and people press.

Afterwards everybody has exactly one final outcome, what providers took agrees with the ledger, and nothing said that
it was completed before it was.
"""

import asyncio
import contextlib
from collections import Counter, defaultdict
from dataclasses import dataclass
from pathlib import Path

import pytest

from sendyard.domain.errors import ErrorKind
from sendyard.emulator.scenarios import Callbacks, Error, Latency, Outcome, Refuse, Reset, Throttle
from sendyard.features.links import Follower
from tests.crash.storm_play import KINDS, STEPS, Herd, Storm, herd_on, prepare, told
from tests.crash.test_kill import FORGETFUL
from tests.running import Running


def trouble(running: Running) -> None:
    """The emulated world is slow, loses answers, refuses and reports late, twice or never."""
    running.scenario(Latency(seconds=0.01, up_to=0.15))
    running.scenario(Refuse(kind=ErrorKind.INVALID_RECIPIENT), suffix="7")
    running.scenario(Outcome(status="failed", kind=ErrorKind.UNDELIVERABLE), suffix="4")
    for effect in (Reset(accepted=True), Reset(accepted=False), Error(accepted=True), Throttle(retry_after=0.1)):
        running.scenario(effect, probability=0.03)
    running.scenario(Callbacks(withheld=True), probability=0.1)
    running.scenario(Callbacks(copies=2, reordered=True), probability=0.2)


@pytest.mark.chaos
@pytest.mark.timeout(3600)
async def test_after_a_storm_of_deaths_everybody_has_one_outcome_and_providers_agree(
    running: Running, tmp_path: Path, full_size: bool
) -> None:
    await prepare(running)
    trouble(running)
    alone = running.yard.database.dialect == "sqlite"
    async with herd_on(running, tmp_path, processes=1 if alone else 2) as herd:
        for seed in range(100) if full_size else (1, 2):  # in the second somebody ends things by hand
            print(f"storm {seed}", flush=True)
            storm = Storm(running, seed)
            await storm.begin()
            watching = asyncio.create_task(storm.watch())
            try:
                await told(suffer(storm, herd, kills=6 if full_size else 3), storm, herd)
            finally:
                watching.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await watching
        assert herd.deaths > 0


async def suffer(storm: Storm, herd: Herd, *, kills: int) -> None:
    await storm.rage(herd, kills)
    await storm.calm(herd)
    await herd.end()
    assert storm.lies == []
    await judge(storm)


async def judge(storm: Storm) -> None:
    letters = letters_of(storm)
    for kind in storm.campaigns:
        judge_campaign(storm, kind, letters)
    judge_drip(storm, letters)
    judge_texts(storm, letters)
    await judge_links(storm, letters)
    judge_strangers(storm, letters)


Letters = dict[tuple[str, str], list[str]]
"""What providers took, by (beginning of the text, recipient): the rest of each text."""


def letters_of(storm: Storm) -> Letters:
    found = defaultdict(list)
    mailbox = storm.running.server.world.mailbox
    for fails in (False, True):
        for _, letter in mailbox.find(fails=fails):
            tag, _, rest = letter.received.text.partition(": ")
            if tag.startswith(f"S{storm.seed}-"):
                found[tag, letter.received.to].append(rest)
    return dict(found)


@dataclass(frozen=True, slots=True)
class Ended:
    """What the ledger says of one row of a campaign."""

    row: int
    address: str
    code: str  # why there is no message; "" when there is one
    status: str
    provider: str
    was_unknown: bool
    variant: int


def ended(storm: Storm, campaign_id: str) -> list[Ended]:
    """Everybody in a campaign, each as often as the ledger has them."""
    found = storm.running.yard.rows(
        "SELECT r.row, r.address, r.code, COALESCE(m.status, ''), COALESCE(a.provider, ''),"
        " EXISTS (SELECT 1 FROM events e WHERE e.message_id = m.id AND e.kind = 'unknown'), r.variant"
        " FROM campaign_recipients r LEFT JOIN messages m ON m.group_id = r.campaign_id AND m.group_id <> ''"
        " AND m.address = r.address LEFT JOIN accounts a ON a.id = m.account_id WHERE r.campaign_id = ?",
        campaign_id,
    )
    return [Ended(*row) for row in found]


def judge_campaign(storm: Storm, kind: str, letters: Letters) -> None:
    """Everybody is in it once, with one outcome, and with as many letters as that outcome allows."""
    campaign_id = storm.campaigns[kind]
    ((status, gathering),) = storm.running.yard.rows(
        "SELECT status, gathering FROM campaigns WHERE id = ?", campaign_id
    )
    people = ended(storm, campaign_id)
    good = [one for one in people if not one.code]
    addresses = [one.address for one in good]
    assert len(addresses) == len(set(addresses)), kind
    assert set(addresses) <= set(storm.people), kind
    ((count,),) = storm.running.yard.rows("SELECT count(*) FROM messages WHERE group_id = ?", campaign_id)
    assert count == sum(one.status != "" for one in good), kind
    assert gathering == "", kind
    if status == "cancelled":
        assert kind in storm.stopped
    else:
        # Nobody is left out, and the word at the end is the right one.
        assert sorted(addresses) == sorted(storm.people), kind
        assert all(one.status for one in good), kind
        bad = any(one.status in {"failed", "expired", "unknown"} for one in good)
        assert status == ("completed_with_failures" if bad else "completed"), kind
    wrong = [
        (one, copies)
        for one in good
        if not fits(one, copies := len(letters.get((storm.tag(kind), one.address), [])), at_end=status)
    ]
    assert wrong == [], kind


def fits(one: Ended, copies: int, *, at_end: str) -> bool:
    """Whether what a provider took of a message agrees with its outcome."""
    if copies > 1:
        return False
    match one.status:
        case "delivered" | "read":
            return copies == 1
        case "failed":
            return True  # refused, or taken and failed on the way
        case "unknown":
            return one.provider == FORGETFUL and one.was_unknown
        case "" | "cancelled":
            return copies == 0 and at_end == "cancelled"
        case _:
            return False


def judge_drip(storm: Storm, letters: Letters) -> None:
    """Everybody went through all steps once, or as far as the drip went before it was ended."""
    rows = storm.running.yard.rows
    ((status,),) = rows("SELECT status FROM drips WHERE id = ?", storm.drip_id)
    people = rows("SELECT address, state, why FROM drip_people WHERE drip_id = ?", storm.drip_id)
    addresses = [address for address, _, _ in people]
    assert len(addresses) == len(set(addresses))
    assert set(addresses) <= set(storm.people)
    reached: Counter[str] = Counter()
    for number, (campaign_id, _) in enumerate(storm.steps()):
        step = ended(storm, campaign_id)
        at_step = [one.address for one in step]
        assert len(at_step) == len(set(at_step)), number
        assert all(reached[address] == number for address in at_step), "a step was skipped"
        reached.update(at_step)
        wrong = [
            (one, copies)
            for one in step
            if not fits(one, copies := len(letters.get((storm.tag(f"drip{number}"), one.address), [])), at_end=status)
        ]
        assert wrong == [], number
    for address, state, why in people:
        assert (state, why) in {("done", ""), ("left", "cancelled")}
        assert state == "left" or reached[address] == STEPS
    if status == "cancelled":
        assert "drip" in storm.stopped
    else:
        assert sorted(addresses) == sorted(storm.people)
        assert {state for _, state, _ in people} == {"done"}


def judge_texts(storm: Storm, letters: Letters) -> None:
    """Each got the text that the record of the experiment has for them."""
    campaign_id = storm.campaigns["compared"]
    names = dict(
        storm.running.yard.rows("SELECT number, name FROM campaign_variants WHERE campaign_id = ?", campaign_id)
    )
    for one in ended(storm, campaign_id):
        for text in letters.get((storm.tag("compared"), one.address), []):
            assert text.split()[0] == names[one.variant], one


async def judge_links(storm: Storm, letters: Letters) -> None:
    """Each address that anybody got leads to the page, and to the one who got it."""
    yard = storm.running.yard
    follower = Follower(yard.database, yard.directory.link_tokens)
    places = {storm.tag(kind): id_ for kind, id_ in storm.campaigns.items()}
    places |= {storm.tag(f"drip{number}"): id_ for number, (id_, _) in enumerate(storm.steps())}
    for tag, campaign_id in places.items():
        rows = {one.address: one.row for one in ended(storm, campaign_id)}
        for address, row in rows.items():
            for text in letters.get((tag, address), []):
                found = await follower.find(text.rpartition("/")[2])
                assert found is not None, text
                assert (found.url, found.use.campaign_id, found.row) == ("https://shop.example/sale", campaign_id, row)


def judge_strangers(storm: Storm, letters: Letters) -> None:
    """Nobody got what was not asked for."""
    tags = {storm.tag(kind) for kind in (*KINDS, *(f"drip{number}" for number in range(STEPS)))}
    assert {tag for tag, _ in letters} <= tags
    assert {to for _, to in letters} <= set(storm.people)
