"""
Consents in files of people: kinds of their own with day and source, and that no import makes anybody agree again.
"""

import io
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from sendyard.domain.channels import Channel
from sendyard.domain.countries.situation import ConsentKind
from sendyard.domain.errors import Invalid
from sendyard.features.audience import Wish
from sendyard.features.audience.reading import Reading, Repeated, inspect_file, map_columns, read
from tests.features.audience_play import Crowd
from tests.yard import KOREAN, TAIWANESE, Yard

HEADER = "phone,consent,consent date,night consent,night consent date,night consent source,consent source"


@pytest.fixture
def crowd(yard: Yard) -> Crowd:
    return Crowd(yard)


def reading(*lines: str, header: str = HEADER, consent_at: str = "") -> Reading:
    stream = io.BytesIO("\n".join([header, *lines, ""]).encode())
    shape = inspect_file(stream, has_header=True)
    return read(stream, map_columns(shape), shape=shape, consent_at=consent_at, repeated=Repeated.PASS)


async def load(crowd: Crowd, *lines: str, **how: str) -> dict[str, Any]:
    return await crowd.imports.run(crowd.id, reading(*lines, **how), Wish("people.csv"))


async def said(crowd: Crowd, to: str = KOREAN) -> list[tuple[str, str, str]]:
    """Kind, state and day of everything that was said, in the order it was kept."""
    return [
        (one["kind"], one["state"], datetime.fromtimestamp(one["at"] / 1000, UTC).date().isoformat())
        for one in await crowd.consents.list(crowd.id, to=to)
    ]


async def in_force(crowd: Crowd, to: str = KOREAN) -> dict[str, str]:
    return {one["kind"]: one["state"] for one in await crowd.consents.in_force(crowd.id, to=to)}


async def test_each_kind_is_kept_with_its_day_and_source_once_and_taken_back(crowd: Crowd) -> None:
    line = f"{KOREAN},yes,2026-01-05,yes,2026-01-06,shop in 강남,web form"
    done = await load(crowd, line)
    assert await said(crowd) == [("marketing", "granted", "2026-01-05"), ("night", "granted", "2026-01-06")]
    assert [one["evidence"] for one in await crowd.consents.list(crowd.id)] == [
        "people.csv, row 2: web form", "people.csv, row 2: shop in 강남",
    ]  # fmt: skip
    again = await load(crowd, line)
    assert (again["counts"]["unchanged"], len(await said(crowd))) == (1, 2)
    later = await load(crowd, line.replace("2026-01-06", "2026-03-01"))
    assert (await said(crowd))[2:] == [("night", "granted", "2026-03-01")]
    await crowd.imports.undo(crowd.id, later["id"])
    assert len(await said(crowd)) == 2
    await crowd.imports.undo(crowd.id, done["id"])
    assert await said(crowd) == []


async def test_every_kind_has_columns_and_shares_the_source(crowd: Crowd) -> None:
    header = "phone,written consent,written consent date,dlt consent,dlt consent date,deal ended,consent source"
    await load(crowd, f"{KOREAN},yes,2026-01-01,yes,2026-01-02,2026-01-03,till", header=header)
    assert await said(crowd) == [
        ("written", "granted", "2026-01-01"), ("registered", "granted", "2026-01-02"),
        ("relationship", "granted", "2026-01-03"),
    ]  # fmt: skip
    assert {one["evidence"] for one in await crowd.consents.list(crowd.id)} == {"people.csv, row 2: till"}


async def test_a_no_in_a_file_takes_every_kind_back(crowd: Crowd) -> None:
    await crowd.consents.add(crowd.id, to=KOREAN, kind=ConsentKind.NIGHT)
    await crowd.consents.add(crowd.id, to=KOREAN, kind=ConsentKind.WRITTEN, channel=Channel.SMS)
    # The day in the file is that of an older answer.
    done = await load(crowd, f"{KOREAN},no,2020-01-05,,,,")
    words = await crowd.consents.in_force(crowd.id, to=KOREAN)
    assert {(one["channel"], one["kind"], one["state"]) for one in words} == {
        ("", "marketing", "withdrawn"), ("", "night", "granted"), ("sms", "written", "granted"),
    }  # fmt: skip
    await crowd.imports.undo(crowd.id, done["id"])
    await load(crowd, f"{KOREAN},no,,,,,")
    assert {one["state"] for one in await crowd.consents.in_force(crowd.id, to=KOREAN)} == {"withdrawn"}
    before = await said(crowd)
    await load(crowd, f"{KOREAN},no,,,,,")
    assert await said(crowd) == before


async def test_a_no_holds_although_its_day_is_before_that_of_the_yes(crowd: Crowd) -> None:
    await crowd.consents.add(crowd.id, to=KOREAN, at=datetime(2026, 2, 1, tzinfo=UTC))
    await load(crowd, f"{KOREAN},no,2026-01-05,,,,")
    assert await in_force(crowd) == {"marketing": "withdrawn"}


async def test_no_kind_comes_back_by_an_import(crowd: Crowd) -> None:
    await crowd.consents.add(crowd.id, to=KOREAN, state="withdrawn")
    await crowd.consents.add(crowd.id, to=TAIWANESE, kind=ConsentKind.NIGHT, state="withdrawn")
    await crowd.suppressions.add(crowd.id, to="+886911111111", reason="opted_out")
    lines = [f"{to},,,yes,2026-03-01,," for to in (KOREAN, TAIWANESE, "+886911111111")]
    done = await load(crowd, *lines)
    assert (done["counts"]["added"], done["counts"]["suppressed"]) == (3, 1)
    assert await in_force(crowd) == {"marketing": "withdrawn"}
    assert await in_force(crowd, TAIWANESE) == {"night": "withdrawn"}
    assert await in_force(crowd, "+886911111111") == {}
    assert len(await crowd.suppressions.list(crowd.id)) == 1


async def test_within_a_file_a_no_is_not_taken_back_by_a_later_row(crowd: Crowd) -> None:
    await load(crowd, f"{KOREAN},no,,,,,", f"{KOREAN},yes,2026-01-05,yes,2026-01-05,,")
    assert await in_force(crowd) == {"marketing": "withdrawn"}


async def test_an_answer_to_a_question_is_kept_unless_it_is_older_than_the_question(crowd: Crowd) -> None:
    asked = datetime(2026, 2, 1, tzinfo=UTC)
    await crowd.consents.add(crowd.id, to=KOREAN, state="asked", at=asked)
    await load(crowd, f"{KOREAN},yes,2026-01-05,,,,")
    assert await in_force(crowd) == {"marketing": "asked"}
    await load(crowd, f"{KOREAN},yes,2026-03-05,,,,")
    assert await in_force(crowd) == {"marketing": "granted"}


async def test_a_day_that_has_only_come_further_east_is_kept_once(crowd: Crowd) -> None:
    tomorrow = (datetime.now(UTC) + timedelta(hours=14)).date().isoformat()
    line = f"{KOREAN},yes,2026-01-05,yes,{tomorrow},,"
    await load(crowd, line)
    await load(crowd, line)
    words = await crowd.consents.list(crowd.id)
    assert len(words) == 2
    assert all(one["at"] <= one["created_at"] for one in words)


async def test_a_stated_day_is_that_of_consents_without_one(crowd: Crowd) -> None:
    days = {datetime.now(UTC).date().isoformat()}
    await load(crowd, f"{KOREAN},yes,,yes,,,", f"{TAIWANESE},,,no,,,", consent_at="2026-03-01")
    days.add(datetime.now(UTC).date().isoformat())
    assert await said(crowd) == [("marketing", "granted", "2026-03-01"), ("night", "granted", "2026-03-01")]
    assert [state for _, state, _ in await said(crowd, TAIWANESE)] == ["withdrawn"]
    assert (await said(crowd, TAIWANESE))[0][2] in days


@pytest.mark.parametrize("day", ["2999-01-01", "soon", "20260301"])
def test_a_stated_day_must_be_one_that_was(day: str) -> None:
    with pytest.raises(Invalid) as refused:
        reading(consent_at=day)
    assert (refused.value.code, refused.value.errors[0].pointer) == ("bad_consent_at", "/consent_at")


def test_a_source_that_is_too_long_refuses_its_row() -> None:
    (verdict,) = reading(f"{KOREAN},yes,2026-01-05,,,,{'x' * 201}")
    assert (verdict.code, verdict.column) == ("too_long", "consent source")
