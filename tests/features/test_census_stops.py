"""
Who is suppressed is read once; from then on those are read about whom something was added or removed.
"""

import random
from collections.abc import Awaitable, Callable

import pytest

from sendyard.domain.channels import Channel
from sendyard.features.audience import Question
from sendyard.features.audience.contacts import store
from sendyard.features.audience.segments import queries
from sendyard.features.audience.segments.queries import Stamp
from sendyard.storage.transaction import Transaction
from tests.features.audience_play import Crowd, row
from tests.yard import Yard

_stopped_contacts = queries.stopped_contacts


@pytest.fixture
def crowd(yard: Yard) -> Crowd:
    return Crowd(yard)


@pytest.fixture
def readings(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Of each reading of suppressed contacts, whether it was of everybody."""
    seen: list[bool] = []

    def noted(tx: Transaction, workspace_id: str, made: tuple[Stamp, Stamp] | None = None) -> list[tuple[int, str]]:
        seen.append(made is None)
        return _stopped_contacts(tx, workspace_id, made)

    monkeypatch.setattr(queries, "stopped_contacts", noted)
    return seen


def phone(number: int) -> str:
    return f"+8869{number:08d}"


async def test_of_additions_and_removals_only_those_they_are_about_are_read(crowd: Crowd, readings: list[bool]) -> None:
    await crowd.load([row(number, phone(number)) for number in range(2, 12)])
    await crowd.suppressions.add(crowd.id, to=phone(2))
    assert len(await crowd.found("suppressed")) == 1
    assert readings == [True]
    await crowd.suppressions.add(crowd.id, to=phone(3), channel=Channel.SMS)
    await crowd.suppressions.add(crowd.id, to=phone(4))
    assert len(await crowd.found("suppressed")) == 2
    assert len(await crowd.found("suppressed on sms")) == 3
    assert len(await crowd.found("suppressed on line or suppressed on sms")) == 3
    assert readings == [True, False]
    await crowd.suppressions.remove(crowd.id, to=phone(2))
    await crowd.suppressions.add(crowd.id, to=phone(5))
    assert len(await crowd.found("not suppressed")) == 8
    await crowd.suppressions.remove(crowd.id, to=phone(5))
    await crowd.suppressions.add(crowd.id, to=phone(5))
    await crowd.suppressions.add(crowd.id, to=phone(6))
    await crowd.suppressions.remove(crowd.id, to=phone(6))
    assert len(await crowd.found("suppressed")) == 2
    await crowd.suppressions.remove(crowd.id, to=phone(3), channel=Channel.SMS)
    await crowd.suppressions.remove(crowd.id, to=phone(4))
    assert len(await crowd.found("suppressed on sms")) == 1
    assert not any(readings[1:])


async def test_who_has_another_suppressed_address_stays_suppressed_when_one_is_lifted(
    crowd: Crowd, readings: list[bool]
) -> None:
    await crowd.add(phone(1), identities=[("phone", phone(2)), ("whatsapp_id", "886900000003")])
    for address in (phone(1), phone(2)):
        await crowd.suppressions.add(crowd.id, to=address)
    assert len(await crowd.found("suppressed")) == 1
    await crowd.suppressions.remove(crowd.id, to=phone(1))
    assert len(await crowd.found("suppressed")) == 1
    await crowd.suppressions.remove(crowd.id, to=phone(2))
    assert len(await crowd.found("suppressed")) == 0
    assert readings[0]
    assert not any(readings[1:])


async def test_notes_of_what_was_removed_are_dropped_after_a_while_and_then_everybody_is_read_again(
    crowd: Crowd, readings: list[bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    await crowd.load([row(number, phone(number)) for number in range(2, 6)])
    for number in range(2, 5):
        await crowd.suppressions.add(crowd.id, to=phone(number))
    assert len(await crowd.found("suppressed")) == 3
    await crowd.suppressions.remove(crowd.id, to=phone(2))
    await crowd.contacts.tidy()
    assert len(await crowd.found("suppressed")) == 2
    await crowd.suppressions.remove(crowd.id, to=phone(3))
    monkeypatch.setattr(store, "_NOTICED_MS", -1000)
    await crowd.contacts.tidy()
    assert crowd.yard.rows("SELECT COUNT(*) FROM lifted_suppressions") == [(0,)]
    assert len(await crowd.found("suppressed")) == 1
    await crowd.suppressions.remove(crowd.id, to=phone(4))
    assert len(await crowd.found("suppressed")) == 0
    assert readings[0]
    assert readings.count(True) == 2


async def test_a_removal_that_comes_to_light_behind_later_ones_is_not_missed(
    crowd: Crowd, readings: list[bool]
) -> None:
    await crowd.load([row(number, phone(number)) for number in range(2, 7)])
    for number in range(2, 6):
        await crowd.suppressions.add(crowd.id, to=phone(number))
    await crowd.suppressions.remove(crowd.id, to=phone(2))
    assert len(await crowd.found("suppressed")) == 3
    await crowd.suppressions.remove(crowd.id, to=phone(3))
    await crowd.yard.database.write(
        lambda tx: tx.run("UPDATE lifted_suppressions SET id = '0' WHERE address = ?", (phone(3),))
    )
    assert len(await crowd.found("suppressed")) == 2
    assert readings == [True, True]


async def test_the_address_of_somebody_erased_is_not_kept_in_notes_unless_somebody_else_has_it(crowd: Crowd) -> None:
    same = "U0123456789abcdef0123456789abcdef"
    erased = await crowd.add(phone(1), name="Ann", identities=[("whatsapp_id", same)])
    await crowd.add(phone(2), name="Bo", identities=[("line_id", same)])
    await crowd.suppressions.add(crowd.id, to=phone(1))
    await crowd.suppressions.remove(crowd.id, to=phone(1))
    await crowd.suppressions.add(crowd.id, to=phone(1))
    await crowd.yard.database.write(
        lambda tx: tx.run(
            "INSERT INTO suppressions (id, workspace_id, address, reason, created_at) VALUES ('0', ?, ?, 'manual', 7)",
            (crowd.id, same),
        )
    )
    assert sorted(await crowd.found("suppressed")) == ["Ann", "Bo"]
    await crowd.erasing.erase(crowd.id, erased["id"])
    kept = crowd.yard.rows("SELECT address FROM lifted_suppressions ORDER BY address")
    assert kept == [("",), ("",), (same,)]
    assert await crowd.found("suppressed") == []


async def test_counts_stay_right_whatever_happens_to_people_and_what_they_forbid(  # noqa: C901 - one short way for each change
    crowd: Crowd, readings: list[bool]
) -> None:
    chance = random.Random(41)
    await crowd.load([row(number, phone(number), fields={"name": f"P{number}"}) for number in range(2, 32)])
    files: list[str] = []

    async def somebody() -> str:
        people = await crowd.contacts.list(crowd.id, limit=1000)
        return str(chance.choice(people)["id"])

    def anything() -> str:
        return phone(chance.randrange(2, 40))

    async def forbid() -> None:
        await crowd.suppressions.add(crowd.id, to=anything(), channel=chance.choice((None, Channel.SMS, Channel.LINE)))

    async def allow() -> None:
        found = await crowd.suppressions.list(crowd.id, limit=1000)
        for one in chance.sample(found, min(len(found), chance.randrange(1, 4))):
            channel = Channel(one["channel"]) if one["channel"] else None
            await crowd.suppressions.remove(crowd.id, to=one["address"], channel=channel)

    async def forbid_again() -> None:
        await allow()
        await forbid()

    async def merge() -> None:
        first, second = await somebody(), await somebody()
        if first != second:
            await crowd.merging.merge(crowd.id, first, second)

    async def split() -> None:
        one = await crowd.contacts.get(crowd.id, await somebody())
        having = [(identity["kind"], identity["value"]) for identity in one["identities"]]
        if len(having) > 1:
            await crowd.merging.split(crowd.id, one["id"], identities=having[:1])

    async def erase() -> None:
        await crowd.erasing.erase(crowd.id, await somebody())

    async def load() -> None:
        made = await crowd.load([row(2, anything(), fields={"name": "L"}), row(3, phone(chance.randrange(40, 60)))])
        files.append(made["id"])

    async def undo() -> None:
        if files:
            await crowd.imports.undo(crowd.id, files.pop())

    changes: list[Callable[[], Awaitable[None]]] = [
        forbid, forbid, forbid, allow, allow, forbid_again, merge, split, erase, load, undo,
    ]  # fmt: skip
    for _ in range(60):
        for change in chance.choices(changes, k=chance.randrange(1, 4)):
            await change()
        for text in ("suppressed", "suppressed on sms", "not suppressed on line"):
            looked = (await crowd.segments.count(crowd.id, Question(text)))["count"]
            await crowd.census.round()
            assert (await crowd.counted.count(crowd.id, Question(text)))["count"] == looked, text
    assert readings[0]
    assert not any(readings[1:])


async def test_suppressions_that_come_to_light_behind_later_ones_are_not_missed(
    crowd: Crowd, readings: list[bool]
) -> None:
    await crowd.load([row(number, phone(number)) for number in range(2, 6)])
    await crowd.suppressions.add(crowd.id, to=phone(2))
    assert len(await crowd.found("suppressed")) == 1
    await crowd.yard.database.write(
        lambda tx: tx.run(
            "INSERT INTO suppressions (id, workspace_id, address, reason, created_at) VALUES ('0', ?, ?, 'manual', 7)",
            (crowd.id, phone(3)),
        )
    )
    assert len(await crowd.found("suppressed")) == 2
    assert readings == [True, True]


async def test_nobody_asks_the_database_again_before_the_first_question_after_a_start(
    crowd: Crowd, readings: list[bool]
) -> None:
    await crowd.load([row(2, phone(2))])
    await crowd.suppressions.add(crowd.id, to=phone(2))
    await crowd.census.round()
    assert readings == [True]
    assert len(await crowd.found("suppressed")) == 1
    await crowd.census.round()
    assert readings == [True]
