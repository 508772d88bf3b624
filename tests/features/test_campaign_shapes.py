"""
A preflight renders as few texts as it can, and says the same as if it had rendered all.
"""

import random
from collections.abc import Sequence
from typing import Any

import pytest

from sendyard.delivery.forecast import Forecast, document
from sendyard.domain.addresses import Address
from sendyard.domain.countries.situation import ConsentKind
from sendyard.domain.errors import AppError
from sendyard.features.audience import Suppressions
from sendyard.features.campaigns import shapes
from sendyard.features.campaigns.audience.rows import Recipient
from sendyard.features.campaigns.drafts import prepare_rows
from sendyard.features.campaigns.finding import find
from sendyard.features.campaigns.rehearsal import rehearse
from sendyard.ledger.entries import NewMessage
from tests.features.campaign_play import Play, number, play_on
from tests.features.lawful import Lawful, milliseconds
from tests.situations import at
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


_MARKETING, _NIGHT, _WRITTEN = ConsentKind.MARKETING, ConsentKind.NIGHT, ConsentKind.WRITTEN
_NAMES = ("Ann {}", "Bob {}", "王小明{}", "김{}", "A" * 130 + "{}", "a" * 1590 + "{}", "")
_PREFIXES = ("+82102000", "+88691200", "+1212555", "+1808555", "+491512000", "+91902000")


async def crowd(play: Play) -> str:
    """A campaign to people of five countries, with consents of all kinds, some of whom must not be contacted."""
    lawful = Lawful(play.yard, play.account_id)
    await lawful.tell(business="행복가게", opt_out_number="080-123-4567")
    chance, rows = random.Random(11), []
    for position in range(240):
        address = f"{chance.choice(_PREFIXES)}{position:04d}"
        rows.append(f'{address},"{chance.choice(_NAMES).format(position % 10)}"')
        for kinds in chance.choices([(), (_MARKETING,), (_MARKETING, _NIGHT), (_WRITTEN,)], (2, 5, 1, 3)):
            await lawful.consent(address, *kinds, when=chance.choice(["2026-01-10 12:00", "2024-01-10 12:00"]))
        if not position % 9:
            await lawful.consent(address, state="withdrawn", when="2026-02-01 12:00")
        if not position % 11:
            await Suppressions(play.yard.database).add(play.yard.workspace_id, to=address, reason="manual")
    csv = "phone,name\n" + "\n".join(rows)
    return await play.draft(csv.encode(), purpose="promotional", text="{name|you}: 할인 10%", sender="+14155550123")


@pytest.mark.parametrize("when", ["2027-03-01 10:30", "2027-03-01 22:30"])
async def test_all_that_is_told_of_rows_that_share_a_message_is_what_is_told_of_each_by_itself(
    play: Play, monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    campaign = await find(play.yard.database, play.yard.workspace_id, await crowd(play))
    begins = milliseconds(at(when, "Asia/Seoul"))
    shared = document(await rehearse(play.yard.database, play.yard.directory, campaign, begins=begins))
    prepare = shapes.Shapes.prepare

    def each_its_own(self: shapes.Shapes, rows: Sequence[Recipient], moments: Any = ()) -> list[NewMessage | AppError]:
        return [
            one.but(to=Address.known(row.address), row=row.row) if isinstance(one, NewMessage) else one
            for row, one in zip(rows, prepare(self, rows, moments), strict=True)
        ]

    monkeypatch.setattr(shapes.Shapes, "prepare", each_its_own)
    alone = document(await rehearse(play.yard.database, play.yard.directory, campaign, begins=begins))
    assert shared == alone
    spoke = {line["id"]: line["level"] for line in shared["rules"]}
    assert {"kr.consent", "kr.consent_renewal", "us.consent", "tw.consent", "in.template_id", "kr.opt_out"} <= {*spoke}
    assert ("kr.night" in spoke) is ("22" in when)
    assert {one["check"] for one in shared["checks"] if one["count"]} >= {"suppression", "content", "hours", "rules"}


async def test_who_had_too_many_is_named_and_not_another_person_of_the_same_look(play: Play) -> None:
    await play.prepared(file("Ann 1"))
    await play.yard.hourly_limit(1)
    csv = f"phone,name\n{number(5)},Cid 3\n{number(0)},Ann 1\n".encode()
    found = await foreseen(play, csv)
    (limited,) = [one for one in found.checks if one.check == "recipient_limit"]
    assert (found.messages, limited.count) == (1, 1)
    assert "to +886***000 within" in limited.detail
