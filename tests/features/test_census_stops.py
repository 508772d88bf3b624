"""
Who is suppressed is read once; what is added later is added, and a removal has everybody read again.
"""

import pytest

from sendyard.domain.channels import Channel
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


async def test_additions_are_added_and_a_removal_has_everybody_read_again(crowd: Crowd, readings: list[bool]) -> None:
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
    assert readings == [True, False, True]


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
