"""
People: their identities, labels and fields; merging, splitting, exporting and erasing.
"""

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest

from sendyard.delivery.preflight import Draft, check
from sendyard.domain.addresses import AddressKind
from sendyard.domain.channels import Channel
from sendyard.domain.content import Text
from sendyard.domain.errors import Conflict, Invalid, NotFound
from sendyard.domain.status import MessageStatus, ReportStatus
from sendyard.features.audience import Arrivals, Details
from sendyard.features.audience.contacts.arrivals import note_activity
from sendyard.features.audience.contacts.details import guess_zone
from sendyard.features.audience.contacts.rows import Identity
from sendyard.ledger.inbound import keep_inbound
from sendyard.storage.identifiers import now_ms
from tests.features.audience_play import Crowd
from tests.stores import Books, report_of
from tests.yard import AMERICAN, KOREAN, TAIWANESE, Yard

LINE = "U" + "a" * 32


@pytest.fixture
def crowd(yard: Yard) -> Crowd:
    return Crowd(yard)


async def test_a_person_is_kept_with_everything_that_was_said(crowd: Crowd) -> None:
    await crowd.fields.add(crowd.id, code="amount", type="money", currency="TWD", name="Spent")
    await crowd.fields.add(crowd.id, code="born", type="date")
    await crowd.fields.add(crowd.id, code="points", type="number")
    await crowd.fields.add(crowd.id, code="grade", type="choice", choices=["Gold", "Silver"])
    await crowd.fields.add(crowd.id, code="city")
    await crowd.lists.add(crowd.id, name="Spring")
    values = {"amount": "1,200.50", "born": "1990-01-31", "points": 7.25, "grade": "gold", "city": "臺北"}
    made = await crowd.add(
        "0912-345-678", identities=[("email", "A@B.example"), ("line_id", LINE)], name=" 王小明 ", country="tw",
        language="zh-TW", tags=["VIP", "vip ", "new"], lists=["spring"], fields=values, lead="new",
    )  # fmt: skip
    assert made["phone"] == TAIWANESE
    assert {(one["kind"], one["value"]) for one in made["identities"]} == {
        ("phone", TAIWANESE), ("email", "a@b.example"), ("line_id", LINE),
    }  # fmt: skip
    assert (made["name"], made["country"], made["time_zone"], made["time_zone_origin"]) == (
        "王小明", "TW", "Asia/Taipei", "guessed",
    )  # fmt: skip
    assert (made["tags"], made["lists"], made["lead"], made["source"]) == (["VIP", "new"], ["Spring"], "new", "manual")
    assert made["fields"] == {
        "amount": {"amount": "1200.5", "currency": "TWD"}, "born": "1990-01-31", "points": 7.25, "grade": "Gold",
        "city": "臺北",
    }  # fmt: skip
    assert await crowd.contacts.get(crowd.id, made["id"]) == made
    assert await crowd.contacts.find(crowd.id, "email", "a@B.EXAMPLE") == made
    assert await crowd.contacts.list(crowd.id) == [made]


async def test_a_phone_is_not_needed_and_one_identity_is_of_one_person(crowd: Crowd) -> None:
    first = await crowd.contacts.add(crowd.id, Details(identities=[("line_id", LINE)]))
    assert (first["phone"], first["time_zone"]) == (None, "")
    with pytest.raises(Conflict, match=first["id"]) as taken:
        await crowd.add(KOREAN, identities=[("line_id", LINE)])
    assert taken.value.errors[0].pointer == "/identities/1"
    assert await crowd.contacts.find(crowd.id, "phone", KOREAN) is None


async def test_many_who_add_one_person_make_one(crowd: Crowd) -> None:
    outcomes = await asyncio.gather(*(crowd.add(KOREAN) for _ in range(6)), return_exceptions=True)
    assert sum(isinstance(one, dict) for one in outcomes) == 1
    assert sum(isinstance(one, Conflict) for one in outcomes) == 5


@pytest.mark.parametrize(
    ("wrong", "pointer"),
    [
        ({"identities": [("fax", "1")]}, "/identities/1/kind"),
        ({"identities": [("email", "nobody")]}, "/identities/1"),
        ({"identities": [("external_id", " ")]}, "/identities/1"),
        ({"identities": [("line_id", "wang.line")]}, "/identities/1"),
        ({"identities": [("line_id", "C" + "a" * 32)]}, "/identities/1"),
        ({"identities": [("external_id", str(number)) for number in range(30)]}, "/identities"),
        ({"name": "x" * 201}, "/name"),
        ({"country": "Taiwan"}, "/country"),
        ({"language": "Chinese!"}, "/language"),
        ({"lead": "hot"}, "/lead"),
        ({"time_zone": "Taipei"}, "/time_zone"),
        ({"tags": ["x"] * 101}, "/tags"),
        ({"tags": [" "]}, "/tags"),
        ({"fields": {"nothing": 1}}, "/fields/nothing"),
    ],
)
async def test_what_is_wrong_with_a_person_is_named(crowd: Crowd, wrong: dict[str, Any], pointer: str) -> None:
    with pytest.raises(Invalid) as error:
        await crowd.add(KOREAN, **wrong)
    assert error.value.errors[0].pointer == pointer
    assert await crowd.contacts.list(crowd.id) == []


async def test_somebody_without_identity_cannot_be_added(crowd: Crowd) -> None:
    with pytest.raises(Invalid, match="found none"):
        await crowd.contacts.add(crowd.id, Details(name="Nobody"))


async def test_a_change_leaves_alone_what_it_does_not_mention(crowd: Crowd) -> None:
    made = await crowd.add(KOREAN, name="김", tags=["a", "b"], language="ko")
    changed = await crowd.contacts.edit(
        crowd.id, made["id"], Details(identities=[("email", "k@x.example")], tags=["b", "c"], time_zone="Asia/Tokyo")
    )
    assert (changed["name"], changed["language"], changed["tags"]) == ("김", "ko", ["b", "c"])
    assert (changed["time_zone"], changed["time_zone_origin"]) == ("Asia/Tokyo", "set")
    again = await crowd.contacts.edit(crowd.id, made["id"], Details(time_zone="", name=""))
    assert (again["name"], again["time_zone"], again["time_zone_origin"]) == ("", "Asia/Seoul", "guessed")
    only = await crowd.add(TAIWANESE)
    with pytest.raises(Conflict, match="only identity"):
        await crowd.contacts.drop_identity(crowd.id, only["id"], "phone", TAIWANESE)
    left = await crowd.contacts.drop_identity(crowd.id, made["id"], "email", "k@x.example")
    assert [one["kind"] for one in left["identities"]] == ["phone"]
    with pytest.raises(NotFound, match="has no email"):
        await crowd.contacts.drop_identity(crowd.id, made["id"], "email", "k@x.example")
    with pytest.raises(NotFound):
        await crowd.contacts.edit(crowd.id, "nobody", Details(name="x"))


@pytest.mark.parametrize(
    ("number", "zone"),
    [
        (TAIWANESE, "Asia/Taipei"), (KOREAN, "Asia/Seoul"), (AMERICAN, "America/New_York"),
        ("+14155550123", "America/Los_Angeles"), ("+919812345678", "Asia/Kolkata"), ("+447400123456", "Europe/London"),
        ("+61412345678", ""), ("+0", ""),
    ],
)  # fmt: skip
def test_the_time_zone_is_guessed_where_the_number_tells_it(number: str, zone: str) -> None:
    assert guess_zone(number) == zone


async def test_a_merge_keeps_everything_and_can_be_taken_back(crowd: Crowd) -> None:
    kept = await crowd.add(KOREAN, name="", tags=["a"], language="ko")
    other = await crowd.add(TAIWANESE, name="王", tags=["b"], language="zh", identities=[("email", "w@x.example")])
    merged = await crowd.merging.merge(crowd.id, kept["id"], other["id"])
    assert (merged["name"], merged["language"], merged["tags"]) == ("王", "ko", ["a", "b"])
    assert len(merged["identities"]) == 3
    assert (await crowd.contacts.get(crowd.id, other["id"]))["id"] == kept["id"]
    assert len(await crowd.contacts.list(crowd.id)) == 1
    (note,) = await crowd.merging.history(crowd.id, kept["id"])
    assert (note["kind"], note["other"], note["taken_back"]) == ("merged", other["id"], False)
    await crowd.contacts.edit(crowd.id, kept["id"], Details(name="김"))
    parted = await crowd.merging.split(crowd.id, kept["id"], merge=note["id"])
    assert parted["other"]["id"] == other["id"]
    assert (parted["other"]["name"], parted["other"]["tags"], parted["other"]["language"]) == ("王", ["b"], "zh")
    assert {one["kind"] for one in parted["other"]["identities"]} == {"phone", "email"}
    assert (parted["contact"]["name"], parted["contact"]["tags"]) == ("김", ["a"])
    with pytest.raises(Conflict, match="already"):
        await crowd.merging.split(crowd.id, kept["id"], merge=note["id"])
    with pytest.raises(NotFound):
        await crowd.merging.split(crowd.id, kept["id"], merge="nothing")
    with pytest.raises(Invalid, match="twice"):
        await crowd.merging.merge(crowd.id, kept["id"], kept["id"])


async def test_identities_can_be_split_off_as_another_person(crowd: Crowd) -> None:
    made = await crowd.add(KOREAN, name="김", tags=["a"], identities=[("phone", TAIWANESE)])
    parted = await crowd.merging.split(crowd.id, made["id"], identities=[("phone", TAIWANESE)])
    assert (parted["other"]["phone"], parted["other"]["name"], parted["other"]["tags"]) == (TAIWANESE, "", ["a"])
    assert (parted["other"]["country"], parted["other"]["time_zone"]) == ("TW", "Asia/Taipei")
    assert [one["value"] for one in parted["contact"]["identities"]] == [KOREAN]
    assert [one["kind"] for one in await crowd.merging.history(crowd.id, parted["other"]["id"])] == ["split_off"]
    with pytest.raises(Invalid, match="at least one"):
        await crowd.merging.split(crowd.id, made["id"], identities=[("phone", KOREAN)])
    with pytest.raises(NotFound):
        await crowd.merging.split(crowd.id, made["id"], identities=[("phone", AMERICAN)])
    with pytest.raises(Invalid, match="either"):
        await crowd.merging.split(crowd.id, made["id"])


async def test_custom_fields_have_room_rules_and_an_end(crowd: Crowd) -> None:
    field = await crowd.fields.add(crowd.id, code="grade", type="choice", choices=["A", "B"])
    made = await crowd.add(KOREAN, fields={"grade": "b"})
    assert (await crowd.fields.edit(crowd.id, "grade", name="Grade", choices=["A", "C"]))["choices"] == ["A", "C"]
    assert (await crowd.contacts.get(crowd.id, made["id"]))["fields"] == {"grade": "B"}
    with pytest.raises(Invalid, match="Grade: Expected one of the field's choices"):
        await crowd.contacts.edit(crowd.id, made["id"], Details(fields={"grade": "B"}))
    with pytest.raises(Conflict, match="already"):
        await crowd.fields.add(crowd.id, code="grade")
    for wrong in ({"code": "1"}, {"code": "x", "type": "y"}, {"code": "x", "type": "money"}, {"code": "x", "name": " "},
                  {"code": "x", "type": "choice", "choices": [" "]}, {"code": "x", "choices": ["a"]}):  # fmt: skip
        with pytest.raises(Invalid):
            await crowd.fields.add(crowd.id, **wrong)
    assert await crowd.fields.remove(crowd.id, "grade") == 1
    assert (await crowd.contacts.get(crowd.id, made["id"]))["fields"] == {}
    with pytest.raises(NotFound):
        await crowd.fields.remove(crowd.id, "grade")
    for index in range(16):
        await crowd.fields.add(crowd.id, code=f"n{index}", type="number")
    with pytest.raises(Conflict, match="room for 16"):
        await crowd.fields.add(crowd.id, code="more", type="date")
    assert field["type"] == "choice"
    assert len(await crowd.fields.list(crowd.id)) == 16
    with pytest.raises(Invalid, match="6 behind"):
        await crowd.contacts.edit(crowd.id, made["id"], Details(fields={"n0": "0.1234567"}))
    changed = await crowd.contacts.edit(crowd.id, made["id"], Details(fields={"n0": "-0.123456", "n1": 3}))
    assert changed["fields"] == {"n0": -0.123456, "n1": 3}


async def test_lists_are_made_filled_renamed_and_removed(crowd: Crowd) -> None:
    made = [await crowd.add(number) for number in (KOREAN, TAIWANESE)]
    spring = await crowd.lists.add(crowd.id, name="Spring  sale")
    ids = [one["id"] for one in made]
    assert await crowd.lists.put(crowd.id, "spring sale", ids) == 2
    assert await crowd.lists.put(crowd.id, spring["id"], ids) == 0
    assert await crowd.lists.take(crowd.id, spring["id"], ids[:1]) == 1
    await crowd.census.round()
    assert await crowd.counted.label_counts(crowd.id, [spring["number"]]) == {spring["number"]: 1}
    assert await crowd.segments.label_counts(crowd.id, [spring["number"]]) == {spring["number"]: 1}
    with pytest.raises(Conflict):
        await crowd.lists.add(crowd.id, name="SPRING sale")
    await crowd.lists.add(crowd.id, name="Other")
    with pytest.raises(Conflict):
        await crowd.lists.edit(crowd.id, "Other", name="Spring sale")
    assert (await crowd.lists.edit(crowd.id, "Other", name="other", description="x"))["description"] == "x"
    with pytest.raises(NotFound):
        await crowd.lists.put(crowd.id, "Other", ["nobody"])
    with pytest.raises(Invalid):
        await crowd.lists.put(crowd.id, "Other", ["x"] * 10_001)
    with pytest.raises(Invalid):
        await crowd.lists.add(crowd.id, name="x", description="x" * 501)
    assert await crowd.lists.remove(crowd.id, "Spring sale") == 1
    assert [one["name"] for one in await crowd.lists.all(crowd.id)] == ["other"]
    assert (await crowd.contacts.get(crowd.id, ids[1]))["lists"] == []


async def test_an_erased_person_leaves_only_what_is_counted_and_stays_suppressed(crowd: Crowd) -> None:
    yard = crowd.yard
    await yard.account("mitake", "tw")
    await yard.routes.set(yard.workspace_id, channel=Channel.SMS, accounts=["tw"])
    books = Books(yard.database, yard.workspace_id, now=now_ms())
    account = yard.directory.accounts()[0].id
    made = await crowd.add(TAIWANESE, name="王")
    ids = await asyncio.to_thread(lambda: books.queue(2, to=TAIWANESE, content=Text("secret words"), route=(account,)))
    first = await asyncio.to_thread(lambda: books.claim(1, account_id=account))
    exchange = await asyncio.to_thread(lambda: books.post(first, account_id=account))
    await asyncio.to_thread(lambda: books.accept(exchange))
    await crowd.suppressions.add(crowd.id, to=TAIWANESE, reason="opted_out", source="his words")
    await crowd.consents.add(crowd.id, to=TAIWANESE, evidence="form 7")
    await asyncio.to_thread(lambda: yard.database.write_now(lambda tx: keep(tx, crowd.id, account, TAIWANESE)))
    exported = await crowd.erasing.export(crowd.id, made["id"])
    assert [len(exported[part]) for part in ("messages", "inbound", "suppressions", "consents")] == [2, 1, 1, 1]
    assert await crowd.erasing.erase(crowd.id, made["id"]) == {"id": made["id"], "messages": 2, "suppressions": 1}
    for table in ("messages", "inbound_messages", "contacts", "identities", "suppressions", "consents",
                  "erased_suppressions", "contact_history", "exchanges", "attempts"):  # fmt: skip
        dump = str(yard.rows(f"SELECT * FROM {table}"))
        for word in (TAIWANESE, "secret words", "王", "form 7", "his words"):
            assert word not in dump, (table, word)
    statuses = dict(yard.rows("SELECT id, status FROM messages"))
    assert sorted(statuses[one] for one in ids) == ["cancelled", "sent"]
    report = report_of(first[0].id, ReportStatus.DELIVERED, number=1)
    await asyncio.to_thread(lambda: books.report(report, account_id=account))
    assert dict(yard.rows("SELECT id, status FROM messages"))[first[0].id] == "delivered"
    draft = Draft(to=TAIWANESE, content=Text("again"))
    found = await asyncio.to_thread(
        lambda: yard.database.write_now(lambda tx: check(yard.directory, tx, crowd.id, draft, now_ms()))
    )
    assert (found.status, found.error and found.error.code) == (MessageStatus.SUPPRESSED, "opted_out")
    with pytest.raises(NotFound):
        await crowd.contacts.get(crowd.id, made["id"])
    await crowd.add(TAIWANESE)
    (back,) = await crowd.suppressions.list(crowd.id)
    assert (back["address"], back["reason"]) == (TAIWANESE, "opted_out")
    assert await crowd.erasing.rotate_keys() == 0


def keep(tx: Any, workspace_id: str, account_id: str, sender: str, **rest: Any) -> str:
    return keep_inbound(
        tx, workspace_id, account_id, sender=sender, sender_kind=rest.get("kind", "phone"),
        identities=rest.get("identities", []), profile_name=rest.get("name", ""), choice="", recipient="1",
        channel=rest.get("channel", "sms"), text="hello", provider_ref="", dedupe_key=rest.get("key", sender[::-1]),
        received_at=rest.get("at", 1_000_000),
    )  # fmt: skip


async def test_an_unknown_sender_becomes_a_lead_once_and_a_known_one_has_replied(crowd: Crowd) -> None:
    arrivals = Arrivals(crowd.yard.database, crowd.keys)
    known = await crowd.add(KOREAN)
    telling = [(AddressKind.WHATSAPP_ID.value, "TW.123")]

    def write(tx: Any) -> None:
        keep(tx, crowd.id, "a", TAIWANESE, name=" Wang  Ming ", identities=telling, channel="whatsapp")
        keep(tx, crowd.id, "a", KOREAN)
        keep(tx, crowd.id, "a", "12345")
        keep(tx, crowd.id, "a", "TW.123", kind="whatsapp_id", at=2_000_000)

    await crowd.yard.database.write(write)
    assert await arrivals.round() == 4
    for _ in range(2):
        await arrivals.round()
    people = await crowd.contacts.list(crowd.id)
    assert len(people) == 2
    lead = people[1]
    assert (lead["phone"], lead["name"], lead["lead"], lead["source"]) == (
        TAIWANESE, "Wang Ming", "new", "inbound:whatsapp",
    )  # fmt: skip
    assert ("whatsapp_id", "TW.123") in {(one["kind"], one["value"]) for one in lead["identities"]}
    assert lead["activity"] == {"replied": 2_000_000}
    assert (await crowd.contacts.get(crowd.id, known["id"]))["activity"] == {"replied": 1_000_000}


async def test_activity_follows_the_ledger_and_never_goes_back(crowd: Crowd) -> None:
    arrivals = Arrivals(crowd.yard.database, crowd.keys)
    account = await crowd.yard.account("mitake", "tw")
    made = await crowd.add(TAIWANESE)
    long_ago = int(datetime(2026, 1, 1, tzinfo=UTC).timestamp() * 1000)
    books = Books(crowd.yard.database, crowd.id, now=long_ago)
    await asyncio.to_thread(lambda: books.queue(1, to=TAIWANESE, route=(account,)))
    exchange = await asyncio.to_thread(lambda: books.post(books.claim(account_id=account), account_id=account))
    await asyncio.to_thread(lambda: books.accept(exchange))
    message = exchange.postings[0].message.id
    await asyncio.to_thread(lambda: books.report(report_of(message, ReportStatus.DELIVERED), account_id=account))
    await arrivals.round()
    assert (await crowd.contacts.get(crowd.id, made["id"]))["activity"] == {"sent": long_ago, "delivered": long_ago}
    times = {Identity("phone", TAIWANESE): long_ago + 5000, Identity("phone", KOREAN): 1}
    assert await crowd.yard.database.write(lambda tx: note_activity(tx, crowd.id, "clicked", times)) == 1
    assert (
        await crowd.yard.database.write(lambda tx: note_activity(tx, crowd.id, "clicked", {next(iter(times)): 1})) == 0
    )
    assert (await crowd.contacts.get(crowd.id, made["id"]))["activity"]["clicked"] == long_ago + 5000


async def test_what_is_left_of_deleted_people_goes_after_a_day(crowd: Crowd) -> None:
    made = await crowd.add(KOREAN)
    await crowd.erasing.erase(crowd.id, made["id"])
    assert await crowd.contacts.tidy() == 0
    await crowd.yard.database.write(lambda tx: tx.run("UPDATE contacts SET updated_at = 0"))
    assert await crowd.contacts.tidy() == 1


async def test_the_ledger_is_not_read_for_nobody(crowd: Crowd) -> None:
    arrivals = Arrivals(crowd.yard.database, crowd.keys)
    account = await crowd.yard.account("mitake", "tw")
    books = Books(crowd.yard.database, crowd.id)
    await asyncio.to_thread(lambda: books.queue(3, status=MessageStatus.SUPPRESSED, route=(account,)))
    assert await arrivals.round() == 1  # the cursor went to the end at once
    assert await arrivals.round() == 0
    made = await crowd.add(TAIWANESE)
    await arrivals.round()
    assert (await crowd.contacts.get(crowd.id, made["id"]))["activity"] == {}
