"""
Magic recipients: every ending does what its line in the table and in the documentation says.
"""

import asyncio
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from sendyard.emulator.magic import MAGIC, is_magic
from tests.emulator.conftest import Caller, Listener

PAGE = Path(__file__).parents[2] / "docs" / "emulator.md"


def number(ending: str) -> str:
    return f"+886912{ending}"


def test_the_documentation_lists_every_ending_in_the_words_of_the_table() -> None:
    page = PAGE.read_text("utf-8")
    for magic in MAGIC:
        assert f"| `…{magic.ending}` | {magic.does} |" in page


def test_endings_are_six_digits_in_the_magic_range_and_each_occurs_once() -> None:
    endings = [magic.ending for magic in MAGIC]
    assert len(set(endings)) == len(endings)
    assert all(is_magic(number(ending)) and len(ending) == 6 for ending in endings)


@pytest.mark.parametrize(("to", "magic"), [("+886912990001", True), ("+886912990101", False), ("+886999000123", False)])
def test_the_magic_range_is_known_by_its_ending(to: str, magic: bool) -> None:
    assert is_magic(to) is magic


@pytest.mark.parametrize(
    ("ending", "kind"),
    [
        ("990001", "invalid_recipient"),
        ("990003", "opted_out"),
        ("990004", "content_rejected"),
        ("990018", "not_registered"),
    ],
)
async def test_refused_at_every_try(caller: Caller, ending: str, kind: str) -> None:
    for _ in range(2):
        assert await caller.send(number(ending)) == (201, [{"to": number(ending), "refused": kind}])
    assert await caller.mailbox() == []


@pytest.mark.parametrize(
    ("ending", "status", "accepted"),
    [("990002", 429, 0), ("990010", 500, 1), ("990013", 503, 0), ("990016", 200, 1)],
)
async def test_the_first_answer_is_bad_the_second_good(caller: Caller, ending: str, status: int, accepted: int) -> None:
    assert (await caller.send(number(ending)))[0] == status
    assert len(await caller.mailbox()) == accepted
    assert (await caller.send(number(ending)))[0] == 201


@pytest.mark.parametrize(("ending", "accepted"), [("990014", 0), ("990015", 1)])
async def test_the_first_connection_is_reset(caller: Caller, ending: str, accepted: int) -> None:
    with pytest.raises(aiohttp.ClientOSError):
        await caller.send(number(ending))
    assert len(await caller.mailbox()) == accepted
    assert (await caller.send(number(ending)))[0] == 201


async def test_the_first_request_gets_no_answer_though_accepted(caller: Caller, client: aiohttp.ClientSession) -> None:
    async def accepted() -> bool:
        return len(await caller.mailbox()) == 1

    await caller.give_up(number("990009"), once=accepted)
    assert (await caller.send(number("990009")))[0] == 201


async def _impatiently(caller: Caller, to: str) -> Any:
    async with asyncio.timeout(0.2):
        return await caller.send(to)


@pytest.mark.parametrize(
    ("ending", "channel", "told"),
    [
        ("990005", "sms", ["sent", "failed"]),
        ("990006", "sms", []),
        ("990007", "sms", ["sent", "sent", "delivered", "delivered"]),
        ("990008", "sms", ["delivered", "sent"]),
        ("990011", "sms", ["sent", "delivered"]),
        ("990012", "sms", ["sent", "delivered"]),
        ("990012", "whatsapp", ["sent", "delivered", "read"]),
        ("990017", "sms", []),
        ("990050", "sms", ["sent", "delivered"]),
    ],
)
async def test_reports_come_as_the_table_says(
    caller: Caller, listener: Listener, ending: str, channel: str, told: list[str]
) -> None:
    await caller.send_and_wait(number(ending), channel=channel)
    assert listener.told("P1") == told


async def test_one_slow_recipient_delays_the_answer(caller: Caller) -> None:
    with pytest.raises(TimeoutError):
        await _impatiently(caller, number("990019"))


async def test_a_magic_recipient_in_a_batch_leaves_the_others_alone(caller: Caller, listener: Listener) -> None:
    others = ["+886911111111", "+886922222222"]
    _, results = await caller.send_and_wait(others[0], number("990001"), others[1], number("990005"))
    assert [("refused" in result) for result in results] == [False, True, False, False]
    assert [letter["to"] for letter in await caller.mailbox()] == others
