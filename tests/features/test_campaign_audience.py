"""
Who gets a campaign: lists, segments, contacts, numbers and files together, frozen, each person once.
"""

import asyncio
import io
import random
import zipfile
from collections.abc import Sequence
from typing import Any

import pytest

from sendyard.domain.channels import Channel
from sendyard.domain.errors import Conflict, Invalid, NotFound
from sendyard.features.audience import Question
from sendyard.features.audience.reading.verdicts import RowVerdict
from sendyard.features.campaigns import Expander
from sendyard.features.campaigns.audience.gathering import Gathering
from sendyard.features.campaigns.plan import Audience, Plan, Record
from sendyard.features.campaigns.queries import active_campaigns
from sendyard.features.templates.records import Records
from sendyard.storage.engine import Database
from tests.features.audience_play import Crowd, row
from tests.features.campaign_play import Play, play_on
from tests.yard import Yard, only_sqlite


def phone(position: int) -> str:
    return f"+8869{position:08d}"


@pytest.fixture
async def play(yard: Yard) -> Play:
    return await play_on(yard)


@pytest.fixture
async def crowd(yard: Yard) -> Crowd:
    return Crowd(yard)


async def crowd_of(crowd: Crowd, count: int, **rest: Any) -> None:
    """Add people with the names P0, P1, …; every second is tagged even."""
    rows: list[RowVerdict] = [
        row(number + 2, phone(number), fields={"name": f"P{number}"}, tags=("even",) if number % 2 == 0 else ())
        for number in range(count)
    ]
    await crowd.load(rows, **rest)


async def made(play: Play, **options: Any) -> dict[str, Any]:
    audience = {name: tuple(options.pop(name)) for name in list(options) if name in Audience.__struct_fields__}
    plan = Plan(audience=Audience(**audience), **options.pop("plan", {}))
    options = {"name": "Spring", "text": "Hi {name}", "purpose": "transactional", "plan": plan, **options}
    return await play.campaigns.create(play.yard.workspace_id, **options)


async def settle(play: Play, campaign_id: str) -> dict[str, Any]:
    """Let the loop find everybody."""
    expander = play.expander()
    async with asyncio.timeout(60):
        while (await play.get(campaign_id))["gathering"]:
            await expander.round()
    return await play.get(campaign_id)


def kept(play: Play, campaign_id: str) -> Sequence[tuple[Any, ...]]:
    return play.rows("SELECT address, code FROM campaign_recipients WHERE campaign_id = ? ORDER BY row", campaign_id)


async def test_lists_and_segments_are_joined_less_those_left_out_each_person_once(play: Play, crowd: Crowd) -> None:
    await crowd_of(crowd, 9, list="all")
    await crowd.lists.add(crowd.id, name="out")
    people = await crowd.segments.members(crowd.id, Question("name = P4"))
    await crowd.lists.put(crowd.id, "out", [people[0]["id"]])
    await crowd.segments.add(crowd.id, name="evens", question=Question("tag = even"))
    await crowd.segments.add(crowd.id, name="last", question=Question("name = P8"))
    found = await made(play, lists=["all"], segments=["evens"], exclude_lists=["out"], exclude_segments=["last"])
    assert (found["status"], found["gathering"], found["recipients"]) == ("preparing", True, 0)
    assert (await settle(play, found["id"]))["status"] == "draft"
    assert [address for address, _ in kept(play, found["id"])] == [phone(at) for at in range(8) if at != 4]
    only = await made(play, segments=["evens"])
    assert (await settle(play, only["id"]))["recipients"] == 5


async def test_who_came_by_file_or_by_hand_stays_as_given_and_comes_once(play: Play, crowd: Crowd) -> None:
    await crowd_of(crowd, 4, list="all")
    people = await crowd.segments.members(crowd.id, Question("name = P1"))
    csv = f"phone,name\n{phone(0)},From the file\n".encode()
    found = await made(
        play, csv=csv, numbers=[phone(2), phone(0), "12"], contacts=[people[0]["id"]], lists=["all"], country="TW"
    )
    assert (found["columns"], found["suppressed"]) == ({"phone": "phone", "variables": {"name": "name"}}, 0)
    done = await settle(play, found["id"])
    assert (done["rows"], done["recipients"]) == (6, 4)
    rows = await play.campaigns.recipients(crowd.id, found["id"])
    assert [(one["row"], one["to"], one["variables"].get("name"), one["code"]) for one in rows] == [
        (2, phone(0), "From the file", ""),
        (3, phone(2), "P2", ""),
        (4, None, None, "duplicate"),
        (5, None, None, "too_short"),
        (6, phone(1), "P1", ""),
        (7, phone(3), "P3", ""),
    ]


async def test_later_changes_of_contacts_change_nothing(play: Play, crowd: Crowd) -> None:
    await crowd_of(crowd, 2, list="all")
    found = await made(play, lists=["all"])
    await settle(play, found["id"])
    await crowd.lists.remove(crowd.id, "all")
    await play.campaigns.start(crowd.id, found["id"])
    while await play.expander().round():
        pass
    assert play.addresses(found["id"]) == [phone(0), phone(1)]


async def test_custom_fields_fill_variables_as_people_of_the_country_write_them(play: Play, crowd: Crowd) -> None:
    await crowd.fields.add(crowd.id, code="city", type="text")
    await crowd.fields.add(crowd.id, code="debt", type="number")
    await crowd.add(phone(1), name="Lin", language="zh-TW", fields={"city": "臺北", "debt": "12.5"})
    await crowd.add(phone(2), name="Wu")
    await crowd.segments.add(crowd.id, name="everybody", question=Question("country = TW"))
    found = await made(play, segments=["everybody"], text="{Name} of {city}: {debt|0} {phone}")
    await settle(play, found["id"])
    rows = await play.campaigns.recipients(crowd.id, found["id"])
    assert [(one["status"], one["code"], one["language"]) for one in rows] == [
        ("waiting", "", "zh-TW"), ("refused", "missing_value", None),
    ]  # fmt: skip
    assert rows[0]["variables"] == {"Name": "Lin", "city": "臺北", "debt": "12.5", "phone": phone(1)}
    assert "{city}" in rows[1]["detail"]


async def test_contacts_fill_what_a_file_has_no_column_for_when_they_may(play: Play, crowd: Crowd) -> None:
    await crowd.add(phone(1), name="Lin")
    csv = f"phone\n{phone(1)}\n{phone(2)}\n".encode()
    with pytest.raises(Invalid, match="Expected a column"):
        await made(play, csv=csv)
    found = await made(play, csv=csv, contact_fields=True)
    rows = await play.campaigns.recipients(crowd.id, found["id"])
    assert [(one["variables"].get("name"), one["code"]) for one in rows] == [("Lin", ""), (None, "missing_value")]


async def test_a_record_fills_variables_alike_for_everybody(play: Play, crowd: Crowd) -> None:
    records = Records(play.yard.database)
    await records.add(crowd.id, name="flight", key="number", columns={"number": {}, "gate": {}})
    await records.put(crowd.id, "flight", [{"number": "CI100", "gate": "B7"}])
    found = await made(
        play, numbers=[phone(1)], text="Gate {gate}", plan={"record": Record(table="flight", key="CI100")}
    )
    assert found["recipients"] == 1
    await records.put(crowd.id, "flight", [{"number": "CI100", "gate": "C1"}])
    await play.campaigns.start(crowd.id, found["id"])
    while await play.expander().round():
        pass
    assert play.rows("SELECT content FROM messages") == [('"Gate B7"',)]
    with pytest.raises(NotFound):
        await made(play, numbers=[phone(1)], text="x", plan={"record": Record(table="flight", key="none")})


@pytest.mark.parametrize(
    ("channel", "addresses"),
    [
        (Channel.WHATSAPP, [phone(1), "TW.abc123"]),
        (Channel.LINE, ["U" + "1" * 32]),
        (Channel.SMS, [phone(1)]),
    ],
)
async def test_the_channel_picks_the_identity_and_the_unreachable_are_told(
    play: Play, crowd: Crowd, channel: Channel, addresses: list[str]
) -> None:
    await crowd.add(phone(1), name="A", identities=[("line_id", "U" + "1" * 32)])
    await crowd.contacts.add(crowd.id, await _details("whatsapp_id", "TW.abc123"))
    await crowd.segments.add(crowd.id, name="everybody", question=Question("created > 2000-01-01"))
    found = await made(play, segments=["everybody"], text="Hi", channel=channel)
    await settle(play, found["id"])
    assert [address for address, code in kept(play, found["id"]) if not code] == addresses
    assert {code for _, code in kept(play, found["id"]) if code} <= {"no_identity"}
    assert len(kept(play, found["id"])) == 2


async def _details(kind: str, value: str) -> Any:
    from sendyard.features.audience import Details  # noqa: PLC0415 - a name of its own here

    return Details(name="B", identities=[(kind, value)])


@pytest.mark.parametrize(
    ("options", "code", "pointer"),
    [
        ({}, "nobody", "/audience"),
        ({"numbers": ["1"] * 10_001}, "too_many", "/audience/numbers"),
        ({"numbers": [phone(1)], "text": "{color}"}, "missing_field", "/audience"),
    ],
)
async def test_an_audience_that_cannot_be_is_refused(
    play: Play, options: dict[str, Any], code: str, pointer: str
) -> None:
    with pytest.raises(Invalid) as refused:
        await made(play, **options)
    assert (refused.value.code, refused.value.errors[0].pointer) == (code, pointer)


async def test_lists_segments_and_contacts_that_are_not_there_are_not_found(play: Play) -> None:
    for options in ({"lists": ["x"]}, {"segments": ["x"]}, {"exclude_lists": ["x"], "numbers": [phone(1)]},
                    {"contacts": ["x"]}):  # fmt: skip
        with pytest.raises(NotFound):
            await made(play, **{"text": "Hi", **options})
    assert play.rows("SELECT id FROM campaigns") == []


async def test_a_list_that_goes_while_its_people_are_looked_for_fails_the_campaign(play: Play, crowd: Crowd) -> None:
    await crowd_of(crowd, 3, list="all")
    found = await made(play, lists=["all"])
    await crowd.lists.remove(crowd.id, "all")
    done = await settle(play, found["id"])
    assert done["status"] == "failed"
    assert "There is no list" in done["pause_reason"]


async def test_crashes_pauses_and_two_processes_while_looking_neither_skip_nor_repeat(play: Play, crowd: Crowd) -> None:
    await crowd_of(crowd, 300, list="all")
    csv = ("phone,name\n" + "".join(f"{phone(at)},F\n" for at in range(0, 300, 7))).encode()
    found = await made(play, csv=csv, lists=["all"])
    chance = random.Random(5)
    other = Database(play.yard.database.url)
    try:
        sides = [Gathering(play.yard.database), Gathering(other)]
        for _ in range(400):
            active = await play.yard.database.read(active_campaigns)
            if not active:
                await play.campaigns.resume(crowd.id, found["id"])
                continue
            stale = active[0]
            # Both may hold the same state; the one that is late finds that it is.
            steps = await asyncio.gather(*(side.step(stale, page=chance.randrange(1, 40)) for side in sides))
            if not any(steps):
                break
            if chance.random() < 0.2:
                await play.campaigns.pause(crowd.id, found["id"])
                assert await sides[0].step(stale, page=10)
    finally:
        other.close()
    done = await settle(play, found["id"])
    assert done["recipients"] == 300
    assert len({address for address, _ in kept(play, found["id"])}) == 300


async def test_a_campaign_cancelled_while_its_people_are_looked_for_stays_cancelled(play: Play, crowd: Crowd) -> None:
    await crowd_of(crowd, 5, list="all")
    found = await made(play, lists=["all"])
    (stale,) = await play.yard.database.read(active_campaigns)
    await play.campaigns.cancel(crowd.id, found["id"])
    await Gathering(play.yard.database).step(stale)
    assert (await play.get(found["id"]))["status"] == "cancelled"
    assert kept(play, found["id"]) == []


async def test_a_start_while_people_are_looked_for_holds_until_they_are_found(play: Play, crowd: Crowd) -> None:
    await crowd_of(crowd, 3, list="all")
    found = await made(play, lists=["all"])
    with pytest.raises(Conflict, match="looked for"):
        await play.campaigns.preflight(crowd.id, found["id"])
    assert (await play.campaigns.start(crowd.id, found["id"], by="k1"))["status"] == "preparing"
    while await play.expander().round():
        pass
    assert await play.status(found["id"]) == "sending"
    assert len(play.addresses(found["id"])) == 3


async def test_a_start_that_would_reach_nobody_leaves_a_draft_that_says_why(play: Play, crowd: Crowd) -> None:
    await crowd.lists.add(crowd.id, name="empty")
    found = await made(play, lists=["empty"], start=True)
    done = await settle(play, found["id"])
    assert done["status"] == "draft"
    assert "Nobody would get this message" in done["pause_reason"]


@only_sqlite
async def test_a_workbook_is_read_like_a_file(play: Play) -> None:
    found = await made(play, csv=workbook([["phone", "name"], ["0912345678", "Lin"], ["", ""], ["12", "Bad"]]),
                       country="TW")  # fmt: skip
    assert (found["encoding"], found["recipients"], found["refused"]) == ("xlsx", 1, 1)
    rows = await play.campaigns.recipients(play.yard.workspace_id, found["id"])
    assert [(one["row"], one["code"]) for one in rows] == [(2, ""), (4, "too_short")]
    with pytest.raises(Invalid) as refused:
        await made(play, csv=workbook([["0912345678", "0912345679"]]), country="TW")
    assert refused.value.errors[0].pointer == "/csv"


def workbook(rows: Sequence[Sequence[str]]) -> bytes:
    """A workbook of one sheet with text in its cells, as small as can be."""
    cells = "".join(
        f'<row r="{number}">'
        + "".join(
            f'<c r="{chr(65 + at)}{number}" t="inlineStr"><is><t>{text}</t></is></c>' for at, text in enumerate(line)
        )
        + "</row>"
        for number, line in enumerate(rows, start=1)
    )
    main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    package = "http://schemas.openxmlformats.org/package/2006/relationships"
    parts = {
        "[Content_Types].xml": "<Types/>",
        "_rels/.rels": f'<Relationships xmlns="{package}"><Relationship Id="r1" Type="{office}/officeDocument" '
        'Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'<workbook xmlns="{main}" xmlns:r="{office}"><sheets><sheet name="People" sheetId="1" '
        'r:id="r1"/></sheets></workbook>',
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{package}"><Relationship Id="r1" '
        f'Type="{office}/worksheet" Target="worksheets/sheet1.xml"/></Relationships>',
        "xl/worksheets/sheet1.xml": f'<worksheet xmlns="{main}"><sheetData>{cells}</sheetData></worksheet>',
    }
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return target.getvalue()


async def test_two_loops_at_once_prepare_everybody_once(play: Play, crowd: Crowd) -> None:
    await crowd_of(crowd, 2500, list="all")
    found = await made(play, lists=["all"], start=True)
    other = Database(play.yard.database.url)
    try:
        loops = [play.expander(), Expander(other, play.yard.directory)]

        async def work(expander: Expander) -> None:
            while await play.status(found["id"]) in {"preparing", "draft"}:
                await expander.round()

        await asyncio.wait_for(asyncio.gather(*map(work, loops)), 100)
    finally:
        other.close()
    assert sorted(play.addresses(found["id"])) == [phone(at) for at in range(2500)]
