"""
Addresses that must not be contacted.
"""

import asyncio

import pytest

from sendyard.domain.channels import Channel, Purpose
from sendyard.domain.errors import Invalid, NotFound
from sendyard.features.audience import Consents, Stop, Suppressions, read_stops
from sendyard.features.audience import suppressions as suppressions_module
from sendyard.features.audience.consents import consented
from tests.yard import AMERICAN, KOREAN, TAIWANESE, Yard


@pytest.fixture
def suppressions(yard: Yard) -> Suppressions:
    return Suppressions(yard.database)


async def test_a_number_is_kept_in_one_spelling_however_it_is_typed(yard: Yard, suppressions: Suppressions) -> None:
    first = await suppressions.add(yard.workspace_id, to="0912-345-678", country="TW", source="a letter")
    again = await suppressions.add(yard.workspace_id, to="+886 912 345 678", reason="complaint")
    assert again == first
    assert (first["address"], first["channel"], first["reason"], first["source"]) == (
        TAIWANESE,
        "",
        "manual",
        "a letter",
    )


async def test_a_landline_may_be_suppressed_too(yard: Yard, suppressions: Suppressions) -> None:
    assert (await suppressions.add(yard.workspace_id, to="+886223456789"))["address"] == "+886223456789"


async def test_channels_are_suppressed_and_lifted_one_by_one(yard: Yard, suppressions: Suppressions) -> None:
    await suppressions.add(yard.workspace_id, to=TAIWANESE)
    await suppressions.add(yard.workspace_id, to=TAIWANESE, channel=Channel.SMS)
    await suppressions.remove(yard.workspace_id, to=TAIWANESE)
    assert [found["channel"] for found in await suppressions.list(yard.workspace_id)] == ["sms"]
    with pytest.raises(NotFound, match="all channels"):
        await suppressions.remove(yard.workspace_id, to=TAIWANESE)
    with pytest.raises(NotFound, match="mms"):
        await suppressions.remove(yard.workspace_id, to=TAIWANESE, channel=Channel.MMS)
    await suppressions.remove(yard.workspace_id, to=TAIWANESE, channel=Channel.SMS)
    assert await suppressions.list(yard.workspace_id) == []


async def test_the_list_is_read_in_pages_in_the_order_it_was_made(yard: Yard, suppressions: Suppressions) -> None:
    for number in (TAIWANESE, KOREAN, AMERICAN):
        await suppressions.add(yard.workspace_id, to=number)
    first = await suppressions.list(yard.workspace_id, limit=2)
    rest = await suppressions.list(yard.workspace_id, after=first[-1]["id"], limit=2)
    assert [found["address"] for found in first + rest] == [TAIWANESE, KOREAN, AMERICAN]


async def test_one_number_can_be_looked_up(yard: Yard, suppressions: Suppressions) -> None:
    await suppressions.add(yard.workspace_id, to=TAIWANESE)
    await suppressions.add(yard.workspace_id, to=KOREAN)
    found = await suppressions.list(yard.workspace_id, to="010-1234-5678", country="KR")
    assert [entry["address"] for entry in found] == [KOREAN]


async def test_many_at_once_add_one_row(yard: Yard, suppressions: Suppressions) -> None:
    found = await asyncio.gather(*(suppressions.add(yard.workspace_id, to=KOREAN) for _ in range(8)))
    assert len({entry["id"] for entry in found}) == 1


async def test_workspaces_do_not_see_each_others_suppressions(yard: Yard, suppressions: Suppressions) -> None:
    await suppressions.add(yard.workspace_id, to=KOREAN)
    assert await suppressions.list("another") == []
    with pytest.raises(NotFound):
        await suppressions.remove("another", to=KOREAN)


async def test_what_is_wrong_is_named(yard: Yard, suppressions: Suppressions) -> None:
    with pytest.raises(Invalid) as no_number:
        await suppressions.add(yard.workspace_id, to="nobody")
    assert no_number.value.errors[0].pointer == "/to"
    with pytest.raises(Invalid, match="manual, opted_out"):
        await suppressions.add(yard.workspace_id, to=KOREAN, reason="mood")
    for source in ("s" * 201, "\0"):
        with pytest.raises(Invalid) as no_source:
            await suppressions.add(yard.workspace_id, to=KOREAN, source=source)
        assert no_source.value.errors[0].pointer == "/source"
    assert await suppressions.list(yard.workspace_id) == []


async def test_purposes_and_ids_of_messengers_are_suppressed_one_by_one(yard: Yard, suppressions: Suppressions) -> None:
    line = "U" + "b" * 32
    for to, purpose in ((line, Purpose.PROMOTIONAL), (line, None), ("KR.1234", None)):
        await suppressions.add(yard.workspace_id, to=to, purpose=purpose, evidence="said so")
    found = await suppressions.list(yard.workspace_id, to=line)
    assert [(one["purpose"], one["evidence"]) for one in found] == [("promotional", "said so"), ("", "said so")]
    await suppressions.remove(yard.workspace_id, to=line)
    with pytest.raises(NotFound, match="all channels for transactional"):
        await suppressions.remove(yard.workspace_id, to=line, purpose=Purpose.TRANSACTIONAL)
    assert len(await suppressions.list(yard.workspace_id)) == 2
    with pytest.raises(Invalid):
        await suppressions.add(yard.workspace_id, to=KOREAN, evidence="x" * 2001)


async def test_a_list_is_taken_over_in_bulk_with_its_bad_lines_named(
    yard: Yard, suppressions: Suppressions, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(suppressions_module, "_AT_ONCE", 2)
    stops = [*read_stops(f"{KOREAN}\n\n{TAIWANESE}\nhello\n{AMERICAN}\n"), (7, Stop(KOREAN, channel="pigeon"))]
    done = await suppressions.load(yard.workspace_id, stops, reason="do_not_call", source="registry")
    assert (done["rows"], done["added"], done["known"]) == (5, 3, 0)
    assert [(one["row"], one["code"]) for one in done["refused"]] == [(4, "letters"), (7, "bad_channel")]
    again = await suppressions.load(yard.workspace_id, stops[:2])
    assert (again["added"], again["known"]) == (0, 2)
    written = b"".join([piece async for piece in suppressions.file(yard.workspace_id)]).decode("utf-8-sig")
    assert len(written.splitlines()) == 4
    assert [stop.address for _, stop in read_stops(written)] == [KOREAN, TAIWANESE, AMERICAN]
    assert list(read_stops("")) == []


async def test_rows_of_a_list_are_those_that_a_spreadsheet_shows(yard: Yard, suppressions: Suppressions) -> None:
    evidence = '"said so\non the phone"'
    lines = ["evidence,phone", f"{evidence},{KOREAN}", "", ",hello", f"{evidence},12", ",", f",{AMERICAN}", ",nobody"]
    for ending in ("\n", "\r\n", "\r"):
        stops = [*read_stops(ending.join(lines))]
        assert [(row, stop.address) for row, stop in stops] == [
            (2, KOREAN), (4, "hello"), (5, "12"), (7, AMERICAN), (8, "nobody"),
        ]  # fmt: skip
        done = await suppressions.load(yard.workspace_id, stops)
        assert (done["rows"], [one["row"] for one in done["refused"]]) == (5, [4, 5, 8])
    with pytest.raises(Invalid, match="row 3; is a quote open"):
        list(read_stops(f'phone\n{KOREAN}\n"{AMERICAN}\n{"x" * 140_000}'))


async def test_the_newest_word_about_a_channel_permits_or_forbids(yard: Yard) -> None:
    consents = Consents(yard.database)
    await consents.add(yard.workspace_id, to=KOREAN)
    await consents.add(yard.workspace_id, to=KOREAN, channel=Channel.SMS, state="withdrawn")
    await consents.add(yard.workspace_id, to=TAIWANESE, state="asked")

    def allowed(channel: str) -> set[str]:
        return yard.database.read_now(
            lambda tx: {*consented(tx, yard.workspace_id, {KOREAN, TAIWANESE}, channel=channel, purpose="promotional")}
        )

    assert await asyncio.to_thread(allowed, "sms") == set()
    assert await asyncio.to_thread(allowed, "line") == {KOREAN}
    assert len(await consents.in_force(yard.workspace_id, to=KOREAN)) == 2
    with pytest.raises(Invalid, match="asked, granted"):
        await consents.add(yard.workspace_id, to=KOREAN, state="maybe")
