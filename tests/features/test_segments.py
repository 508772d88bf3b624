"""
Filters: read from text and from trees, refused with the place named, and counted alike in every way there is.
"""

import itertools
import random
from typing import Any

import pytest

from sendyard.domain.channels import Channel
from sendyard.domain.errors import Conflict, Invalid, NotFound
from sendyard.features.audience import Census, Question, Segments
from sendyard.features.audience.contacts.arrivals import note_inbound
from sendyard.features.audience.contacts.rows import Identity
from sendyard.features.audience.segments import census as census_module
from sendyard.features.audience.segments import queries as segment_queries
from sendyard.features.audience.segments import texts as texts_module
from sendyard.features.audience.segments.language import FilterError, parse
from sendyard.features.audience.segments.meaning import Filled, OneOf
from sendyard.features.audience.segments.store import understand
from sendyard.features.audience.segments.tree import from_json, to_json, to_text
from sendyard.storage.identifiers import now_ms
from tests.features.audience_play import Crowd, row
from tests.yard import TAIWANESE, Yard

DAY = 86_400_000
FILTERS = [
    "",
    "tag = vip",
    "tag = VIP and country = tw",
    "tag in (vip, new) or list = Spring",
    "not tag = vip",
    "tag != vip",
    "tag is set",
    "list is not set",
    "country in (TW, KR)",
    "country is not set",
    "language = zh-TW",
    'name contains "PERSON 1"',
    "name = 'Person 3'",
    "lead = new",
    "lead is set",
    "source = import",
    "time_zone = Asia/Taipei",
    "delivered within 30 days",
    "delivered within 1 day and not replied ever",
    "delivered in last 30 days and never replied",
    "(clicked or replied in the last 2 weeks) and created in last 1 day",
    "replied never or clicked ever",
    "delivered > 2020-01-01",
    "delivered <= 2020-01-01T00:00Z",
    "created within 1 hours or created = 2020-01-01",
    "created is set",
    "updated < 2020-01-01",
    "field.amount > 100",
    "field.amount >= 100 and field.amount <= 200",
    "field.amount = -5",
    "field.amount in (0, 100)",
    "field.amount is not set",
    "field.grade = gold",
    "field.grade in (Gold, Silver)",
    "field.grade is set",
    "field.city = 臺北",
    "field.city contains 北",
    "field.city != 臺北",
    "field.born < 1990-01-01",
    "has email",
    "not has line_id",
    "suppressed",
    "suppressed on sms and tag = vip",
    "tag = vip and country = TW and delivered within 30 days and not replied ever and field.amount > 100",
    "(tag = vip or tag = new) and not (country = TW or country = KR and field.grade = gold)",
]


@pytest.fixture
async def crowd(yard: Yard) -> Crowd:
    made = Crowd(yard)
    await made.fields.add(made.id, code="amount", type="number")
    await made.fields.add(made.id, code="grade", type="choice", choices=["Gold", "Silver"])
    await made.fields.add(made.id, code="city")
    await made.fields.add(made.id, code="born", type="date")
    return made


async def fill(crowd: Crowd, count: int = 40) -> None:  # noqa: C901 - one line for each kind of value
    chance = random.Random(7)
    rows = []
    for number in range(count):
        phone = f"+8869{number:08d}" if number % 3 else f"+8210{number:08d}"
        custom = {}
        if number % 4:
            custom["amount"] = str(chance.choice((-5, 0, 100, "100.5", 150, 200, 10**9)))
        if number % 2:
            custom["grade"] = chance.choice(("Gold", "Silver"))
        if number % 5:
            custom["city"] = chance.choice(("臺北", "新北", "Seoul"))
        if number % 3 == 0:
            custom["born"] = chance.choice(("1989-12-31", "1990-01-01", "1969-05-05"))
        fields = {"name": f"Person {number}"} | ({"language": "zh-TW"} if number % 3 else {})
        fields |= {"email": f"p{number}@x.example"} if number % 6 == 0 else {}
        fields |= {"lead_state": "new"} if number % 7 == 0 else {}
        tags = tuple(tag for tag in ("vip", "new", "old") if chance.random() < 0.4)
        rows.append(row(number + 2, phone, fields=fields, custom=custom, tags=tags))
    await crowd.load(rows)
    await crowd.lists.add(crowd.id, name="Spring")
    people = await crowd.contacts.list(crowd.id, limit=1000)
    await crowd.lists.put(crowd.id, "Spring", [one["id"] for one in people[::6]])
    for one in people[1::9]:
        await crowd.suppressions.add(crowd.id, to=str(one["phone"]))

    def activity(tx: Any) -> None:
        now = now_ms()
        for column, step in (("delivered_at", 2), ("replied_at", 5), ("clicked_at", 7)):
            for no in range(1, count + 1):
                if no % step == 0:
                    tx.run(f"UPDATE contacts SET {column} = ?, changed = 99 WHERE no = ?", (now - no * DAY, no))
        tx.run("UPDATE audience_clocks SET changed = 99")

    await crowd.yard.database.write(activity)


async def test_every_filter_counts_alike_by_looking_at_each_and_by_the_census(crowd: Crowd) -> None:
    await fill(crowd)
    sizes = {text: len(await crowd.found(text)) for text in FILTERS}
    assert sizes[""] == 40
    assert sizes["tag = vip"] + sizes["not tag = vip"] == 40
    assert sizes["tag = vip"] + sizes["tag != vip"] == 40
    assert sizes["field.amount = -5"] > 0
    assert sizes["field.amount is not set"] == 10
    assert sizes["delivered within 1 day and not replied ever"] == 0
    assert sizes["suppressed"] == len(range(1, 40, 9))
    assert sizes["has email"] == 7
    assert sizes["lead is set"] == 6
    assert sizes["created is set"] == 40
    assert sum(1 for size in sizes.values() if 0 < size < 40) > 30


async def test_made_up_filters_count_alike_too(crowd: Crowd) -> None:
    await fill(crowd, 30)
    await crowd.census.round()
    chance = random.Random(11)
    simple = [text for text in FILTERS if text and " and " not in text and " or " not in text]
    for _ in range(60):
        parts = [f"{chance.choice(('', 'not '))}({chance.choice(simple)})" for _ in range(chance.randint(2, 4))]
        text = "".join(f"{part} {chance.choice(('and', 'or'))} " for part in parts[:-1]) + parts[-1]
        looked = await crowd.segments.count(crowd.id, Question(text))
        assert (await crowd.counted.count(crowd.id, Question(text)))["count"] == looked["count"], text


async def test_the_census_sees_every_kind_of_change(crowd: Crowd, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(census_module, "_FEW", 3)
    await fill(crowd)
    await crowd.found("tag = vip")
    everyone = await crowd.contacts.list(crowd.id, limit=1000)
    before = await crowd.found("field.amount >= 100")
    person = next(one for one in everyone if one["name"] in before)
    await crowd.erasing.erase(crowd.id, person["id"])
    assert await crowd.found("field.amount >= 100") == [name for name in before if name != person["name"]]
    assert len(await crowd.found("")) == 39
    await crowd.fields.remove(crowd.id, "amount")
    await crowd.fields.add(crowd.id, code="height", type="number")
    assert await crowd.found("field.height is set") == []
    await crowd.add("+886933333333", name="Tall", fields={"height": 200})
    assert await crowd.found("field.height > 199") == ["Tall"]
    made = await crowd.load([row(2, "+886944444444", fields={"name": "Brief"}, tags=("vip",))])
    assert "Brief" in await crowd.found("tag = vip")
    await crowd.imports.undo(crowd.id, made["id"])
    assert "Brief" not in await crowd.found("tag = vip")


async def test_the_census_answers_every_kind_of_filter_by_itself(crowd: Crowd, monkeypatch: pytest.MonkeyPatch) -> None:
    # So few values are kept as sets that texts are searched, in columns everybody has as in custom ones.
    monkeypatch.setattr(census_module, "_MOST_VALUES", 1)
    monkeypatch.setattr(texts_module, "_LATELY", 3)
    await fill(crowd)
    await crowd.census.round()
    for text in [*FILTERS, "field.city = 臺北 or field.city contains 北", "country in (TW, KR)", "lead = new",
                 "country is set", "field.city is not set", 'name = "Nobody At All"']:  # fmt: skip
        _, test = await crowd.yard.database.read(
            lambda tx, text=text: understand(tx, crowd.id, Question(text), now=now_ms())  # type: ignore[misc]
        )
        looked = await crowd.segments.count(crowd.id, Question(text))
        assert await crowd.census.count(crowd.id, test) == looked["count"], text
    assert await crowd.census.count(crowd.id, OneOf("country", ("", "TW"))) == await crowd.yard.database.read(
        lambda tx: segment_queries.count(tx, crowd.id, OneOf("country", ("", "TW")))
    )
    assert await crowd.census.count(crowd.id, Filled("x16")) is None


async def test_suppressions_are_counted_as_they_are_at_the_moment(crowd: Crowd) -> None:
    await fill(crowd)
    before = await crowd.found("suppressed")
    assert await crowd.found("suppressed") == before
    (one, *_) = await crowd.suppressions.list(crowd.id)
    await crowd.suppressions.remove(crowd.id, to=one["address"])
    assert len(await crowd.found("suppressed")) == len(before) - 1
    free = (await crowd.contacts.list(crowd.id))[0]
    await crowd.suppressions.add(crowd.id, to=str(free["phone"]), channel=Channel.SMS)
    assert len(await crowd.found("suppressed on sms")) == len(before)
    assert len(await crowd.found("not suppressed")) == 40 - len(before) + 1


async def test_an_address_that_an_older_message_tells_is_counted(crowd: Crowd) -> None:
    await crowd.add(TAIWANESE, name="Ann")
    said = [Identity("phone", TAIWANESE), Identity("whatsapp_id", "TW.1")]

    async def hear(identities: list[Identity], at: int) -> None:
        await crowd.yard.database.write(
            lambda tx: note_inbound(tx, crowd.keys, crowd.id, identities, name="", channel="sms", at=at)
        )

    await hear(said[:1], now_ms())
    assert await crowd.found("has whatsapp_id") == []
    await hear(said, now_ms() - DAY)
    assert await crowd.found("has whatsapp_id") == ["Ann"]


async def test_the_census_leaves_to_the_database_what_it_cannot_read_in_time(
    crowd: Crowd, monkeypatch: pytest.MonkeyPatch
) -> None:
    await fill(crowd)
    assert len(await crowd.found("field.city = 臺北")) > 0
    monkeypatch.setattr(census_module, "_MOST_VALUES", 1)
    await crowd.add("+886955555555", name="Late", fields={"city": "another"})
    # One city too many is noticed while a question waits: the database answers it, and the next round reads anew.
    assert (await crowd.counted.count(crowd.id, Question("field.city = another")))["count"] == 1
    assert len(await crowd.found("field.city = another")) == 1
    monkeypatch.setattr(census_module, "_MOST_AT_ONCE", 2)
    await crowd.yard.database.write(lambda tx: tx.run("UPDATE contacts SET changed = 200"))
    await crowd.yard.database.write(lambda tx: tx.run("UPDATE audience_clocks SET changed = 200"))
    assert await crowd.census.labels(crowd.id) is None
    assert (await crowd.counted.count(crowd.id, Question("")))["count"] == 41
    without = Segments(crowd.yard.database, Census(crowd.yard.database))
    assert (await without.count(crowd.id, Question("")))["count"] == 41


@pytest.mark.parametrize(
    ("said", "read"),
    [
        ("never replied", "not replied ever"),
        ("(clicked)", "clicked ever"),
        ("read and not clicked", "read ever and not clicked ever"),
        ("delivered in the last 2 weeks", "delivered within 2 weeks"),
        ("created in last 30 days", "created within 30 days"),
    ],
)
def test_activity_may_be_said_as_people_say_it(said: str, read: str) -> None:
    assert to_text(parse(said)) == read


@pytest.mark.parametrize("text", [text for text in FILTERS if text])
def test_a_filter_reads_the_same_as_text_and_as_tree(text: str) -> None:
    tree = to_json(parse(text))
    assert to_json(from_json(tree)) == tree
    assert to_json(parse(to_text(from_json(tree)))) == tree


@pytest.mark.parametrize(
    ("text", "position", "expected"),
    [
        ("tag", 3, "=, !=, >, >=, <, <=, contains, in, or is set after tag"),
        ("tag =", 5, "a value"),
        ("tag = vip country = TW", 10, "and, or, or the end"),
        ("tag = vip and", 13, "a condition"),
        ("(tag = vip", 10, "a closing parenthesis"),
        ("tag in vip", 7, "an opening parenthesis"),
        ("tag in (vip", 11, "a comma or a closing parenthesis"),
        ("delivered lately", 10, "ever, never, or within"),
        ("delivered in the 30 days", 17, "last"),
        ("never ever", 0, "a condition"),
        ("delivered within ten days", 17, "a whole number"),
        ("delivered within 0 days", 17, "a number from 1"),
        ("delivered within 30 moons", 20, "one of minutes, hours, days, weeks"),
        ("tag is nice", 7, "set or not set"),
        ("tag is not nice", 11, "set"),
        ('name = "open', 7, "a closing quotation mark"),
        ("has fax", 4, "one of phone"),
        ("suppressed on = sms", 14, "a channel"),
        ("tag = vip & x", 10, "and, or, or the end"),
        ("tag ! vip", 4, "a word, a value or a sign"),
        ("x" * 4001, 4000, "at most 4,000"),
        ("(" * 30 + "tag = a" + ")" * 30, 21, "at most 20 levels"),
        (" or ".join(["tag = a"] * 201), 2200, "at most 200 conditions"),
    ],
)  # fmt: skip
def test_a_filter_that_cannot_be_read_names_the_place_and_what_was_expected(
    text: str, position: int, expected: str
) -> None:
    with pytest.raises(FilterError) as error:
        parse(text)
    assert error.value.position == position
    assert expected in error.value.expected
    assert f"At character {position + 1}" in error.value.detail


@pytest.mark.parametrize(
    ("text", "position", "words"),
    [
        ("tga = vip", 0, "did you mean tag?"),
        ("tag = vpi", 6, "did you mean vip?"),
        ("list = Nothing", 7, "there is none yet"),
        ("field.amont > 1", 0, "did you mean field.amount?"),
        ("field.amount > many", 15, "a value of amount"),
        ("field.amount contains 1", 0, "field.amount with one of ="),
        ("field.grade = Bronze", 14, "a value of grade"),
        ("country = Taiwan", 10, "two letters"),
        ("lead = hot", 7, "lead state"),
        ("created > yesterday", 10, "a day such as"),
        ("created contains 1", 0, "created with one of"),
        ("tag > vip", 0, "tag with one of"),
        ("suppressed on pigeon", 14, "channel"),
    ],
)
async def test_a_name_nobody_knows_is_pointed_at_with_a_suggestion(
    crowd: Crowd, text: str, position: int, words: str
) -> None:
    await crowd.add("+886911111111", tags=["vip"])
    with pytest.raises(FilterError) as error:
        await crowd.segments.count(crowd.id, Question(text))
    assert error.value.position == position
    assert words in error.value.detail


@pytest.mark.parametrize(
    ("tree", "pointer"),
    [
        ([], ""),
        ({"all": [{"field": "tag"}]}, "/all/0"),
        ({"any": []}, ""),
        ({"field": "tag", "op": "like", "value": "x"}, "/op"),
        ({"field": "tag", "op": "=", "value": None}, "/value"),
        ({"field": "tag", "op": "in", "value": "x"}, "/value"),
        ({"not": {"field": "tag", "op": "=", "value": "gone"}}, "/not/value"),
        ({"field": "tga", "op": "is set"}, "/field"),
        ({"activity": "sneezed"}, "/activity"),
        ({"activity": "sent", "within": {"count": 0, "unit": "days"}}, "/within"),
        ({"has": "fax"}, "/has"),
        ({"suppressed": "pigeon"}, "/suppressed"),
    ],
)
async def test_a_tree_that_is_none_names_the_place(crowd: Crowd, tree: Any, pointer: str) -> None:
    with pytest.raises(Invalid) as error:
        await crowd.segments.count(crowd.id, Question(tree=tree))
    assert error.value.errors[0].pointer == pointer


def test_a_tree_has_an_end() -> None:
    deep: Any = {"has": "phone"}
    for _ in range(30):
        deep = {"not": deep}
    with pytest.raises(Invalid, match="20 levels"):
        from_json(deep)
    with pytest.raises(Invalid, match="200 conditions"):
        from_json({"any": [{"has": "phone"}] * 300})


async def test_segments_are_saved_changed_counted_and_removed(crowd: Crowd) -> None:
    await fill(crowd)
    made = await crowd.segments.add(crowd.id, name=" Silent ", question=Question("replied never"))
    assert (made["name"], made["filter"]) == ("Silent", "replied never")
    assert made["tree"] == {"not": {"activity": "replied"}}
    counted = await crowd.segments.count_saved(crowd.id, "Silent")
    shown = await crowd.segments.preview_saved(crowd.id, made["id"], limit=3)
    assert shown["count"] == counted["count"] == 32
    assert len(shown["sample"]) == 3
    with pytest.raises(Conflict):
        await crowd.segments.add(crowd.id, name="Silent", question=Question(""))
    other = await crowd.segments.add(crowd.id, name="Other", question=Question(tree=made["tree"]))
    assert other["filter"] == "not replied ever"
    with pytest.raises(Conflict):
        await crowd.segments.edit(crowd.id, "Other", name="Silent")
    with pytest.raises(Conflict, match="'Silent' already, case makes no difference"):
        await crowd.segments.add(crowd.id, name=" SILENT", question=Question(""))
    with pytest.raises(Conflict):
        await crowd.segments.edit(crowd.id, "Other", name="silent")
    assert (await crowd.segments.edit(crowd.id, "Other", name="OTHER"))["name"] == "OTHER"
    await crowd.segments.edit(crowd.id, "OTHER", name="Other")
    changed = await crowd.segments.edit(crowd.id, "Other", name="Third", question=Question("tag = vip"))
    assert (changed["name"], changed["filter"]) == ("Third", "tag = vip")
    for wrong in (Question(), Question("x", {}), Question("tag = gone")):
        with pytest.raises(Invalid):
            await crowd.segments.add(crowd.id, name="Wrong", question=wrong)
    with pytest.raises(Invalid):
        await crowd.segments.add(crowd.id, name=" ", question=Question(""))
    await crowd.segments.remove(crowd.id, "Third")
    assert [one["name"] for one in await crowd.segments.list(crowd.id)] == ["Silent"]
    with pytest.raises(NotFound):
        await crowd.segments.get(crowd.id, "Third")
    assert await crowd.segments.size(crowd.id) == 40


async def test_workspaces_do_not_see_each_others_people(crowd: Crowd) -> None:
    await fill(crowd, 5)
    assert (await crowd.segments.count("another", Question("")))["count"] == 0
    assert list(itertools.islice(await crowd.segments.members("another", Question("")), 1)) == []
