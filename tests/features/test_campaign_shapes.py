"""
A preflight renders as few texts as it can, and says the same as if it had rendered all.
"""

from typing import Any

import pytest

from sendyard.delivery.forecast import Forecast
from sendyard.features.campaigns import shapes
from sendyard.features.campaigns.drafts import prepare_rows
from tests.features.campaign_play import Play, number, play_on
from tests.yard import Yard, only_sqlite

pytestmark = only_sqlite


@pytest.fixture
async def play(yard: Yard) -> Play:
    return await play_on(yard)


@pytest.fixture
def rendered(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The rows that were really rendered, in order."""
    found: list[int] = []

    def counting(directory: Any, campaign: Any, rows: Any, moment: int, **rest: Any) -> Any:
        found.extend(row.row for row in rows)
        return prepare_rows(directory, campaign, rows, moment, **rest)

    monkeypatch.setattr(shapes, "prepare_rows", counting)
    return found


def file(*names: str) -> bytes:
    return ("phone,name\n" + "".join(f"{number(at)},{name}\n" for at, name in enumerate(names))).encode()


async def foreseen(play: Play, csv: bytes, **rest: Any) -> Forecast:
    return await play.campaigns.preflight(play.yard.workspace_id, await play.draft(csv, **rest))


async def test_names_that_look_alike_share_one_text(play: Play, rendered: list[int]) -> None:
    found = await foreseen(play, file("Ann 1", "Bob 2", "王小明", "陳怡君", "Ann-1", "Annabel 1", "Cid 3"))
    assert rendered == [2, 4, 6, 7]
    assert (found.messages, found.parts) == (7, 7)
    assert {one.row for one in found.sample} == {2, 7}  # the first and the longest are rows of the file


@pytest.mark.parametrize("names", [("A" * 150, "B" * 159), ("A" * 150, "甲" * 60, "乙" * 70)])
async def test_the_sums_are_those_of_every_row(
    play: Play, monkeypatch: pytest.MonkeyPatch, names: tuple[str, ...]
) -> None:
    csv = file(*names * 30)
    quick = await foreseen(play, csv)
    monkeypatch.setattr(shapes, "_MOST", 0)
    full = await foreseen(play, csv)
    assert (quick.messages, quick.parts, quick.cost) == (full.messages, full.parts, full.cost)
    assert [(one.check, one.count) for one in quick.checks] == [(one.check, one.count) for one in full.checks]


async def test_the_first_refusals_are_worked_out_in_their_own_words(play: Play, rendered: list[int]) -> None:
    too_long = [f"{letter * 1600}" for letter in "abcdefghij"]
    found = await foreseen(play, file("Ann", *too_long))
    assert found.messages == 1
    assert {one.check: one.count for one in found.checks}["content"] == 10
    assert len(rendered) == 11  # a chunk looks at all of one shape that are not known yet
    assert rendered[0] == 2


async def test_rows_with_times_of_their_own_are_all_checked(play: Play, rendered: list[int]) -> None:
    campaign_id = await play.draft(file("Ann 1", "Bob 2", "Cid 3"))
    plan = '{"when":{"mode":"local","time":"10:00"}}'
    await play.yard.database.write(lambda tx: tx.run("UPDATE campaigns SET plan = ? WHERE id = ?", (plan, campaign_id)))
    await play.campaigns.preflight(play.yard.workspace_id, campaign_id)
    assert rendered == [2, 3, 4]
