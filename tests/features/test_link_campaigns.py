"""
Short links in campaigns: each recipient's own address in the text, counted as it is, and the click as theirs.
"""

import pytest

from sendyard.domain.errors import Invalid
from sendyard.domain.links.tokens import MOST_ROWS
from sendyard.domain.status import MessageStatus
from sendyard.features.audience import Census, Contacts, Details, Erasing, Question, Segments
from sendyard.features.campaigns import Changes, Tests
from sendyard.features.campaigns.plan import Plan, Record
from sendyard.features.connections.compliance import WorkspaceFacts
from sendyard.features.links import RowAddresses
from sendyard.features.people import Team
from sendyard.features.templates import Records, Templates
from sendyard.ledger.content_codec import decode_letter
from sendyard.storage.address_keys import AddressKeys
from sendyard.storage.identifiers import now_ms
from tests.features.campaign_play import Play, number, play_on, sheet
from tests.features.link_desk import LATER, LinkDesk
from tests.yard import PUBLIC_URL, Yard, only_sqlite

TEXT = "Hi {name}, see {link.sale}"


@pytest.fixture
async def play(yard: Yard) -> Play:
    return await play_on(yard)


@pytest.fixture
def desk(yard: Yard) -> LinkDesk:
    return LinkDesk(yard)


def texts(play: Play, campaign_id: str) -> list[str]:
    """What the messages of a campaign say, in the order of its rows."""
    found = play.rows("SELECT content FROM messages m WHERE group_id = ? ORDER BY m.row", campaign_id)
    return [decode_letter(content).content.body for (content,) in found]


def person(position: int, name: str) -> Details:
    return Details(identities=[("phone", f"+886{number(position)[1:]}")], name=name)


def addresses(play: Play, campaign_id: str) -> list[str]:
    return [text.split()[-1] for text in texts(play, campaign_id)]


async def test_every_recipient_has_an_address_that_leads_to_the_page_and_says_who_it_is(
    play: Play, desk: LinkDesk
) -> None:
    await desk.add()
    campaign_id = await play.prepared(sheet(30), text=TEXT)
    short = addresses(play, campaign_id)
    assert len(set(short)) == 30
    assert {len(one) for one in short} == {len(PUBLIC_URL) + len("/l/") + 9}
    rows = [
        found.row for one in short if (found := await desk.follow(one)) and found.url == "https://shop.example/sale"
    ]
    assert rows == [*range(2, 32)]
    assert play.rows("SELECT 1 FROM link_messages") == []


async def test_same_link_in_two_campaigns_has_other_addresses(play: Play, desk: LinkDesk) -> None:
    await desk.add()
    one, two = [await play.prepared(sheet(3), text=TEXT) for _ in range(2)]
    copy = (await Changes(play.yard.database, play.yard.directory).duplicate(play.yard.workspace_id, one))["id"]
    expander = play.expander()
    while await expander.round():
        pass
    await play.campaigns.start(play.yard.workspace_id, copy)
    while await expander.round():
        pass
    every = [*addresses(play, one), *addresses(play, two), *addresses(play, copy)]
    assert len(set(every)) == 9


async def test_click_is_the_recipients_and_shows_in_results_progress_and_segments(play: Play, desk: LinkDesk) -> None:
    await desk.add()
    yard = play.yard
    contacts = Contacts(yard.database, AddressKeys(yard.vault))
    for position in (0, 1):
        await contacts.add(yard.workspace_id, person(position, f"Name {position}"))
    campaign_id = await play.prepared(sheet(3), text=TEXT)
    first, second, third = addresses(play, campaign_id)
    await desk.visit(first)
    assert await desk.reasons() == ["not_sent"]
    play.hand_over(lambda _message: MessageStatus.SENT)
    for desk.now in (now_ms() - 1000, now_ms() + 1000):
        await desk.visit(second)
    desk.now += LATER
    await desk.visit(first)
    await desk.visit(first)
    assert await desk.reasons() == ["not_sent", "too_soon", "too_soon", "", ""]
    assert (await play.progress(campaign_id))["clicks"] == {"people": 1, "clicks": 2, "filtered": 3}
    results = await play.campaigns.recipients(yard.workspace_id, campaign_id)
    assert [one["clicked_at"] for one in results] == [desk.now, None, None]
    pieces = [piece async for piece in await play.campaigns.results_csv(yard.workspace_id, campaign_id)]
    lines = b"".join(pieces).decode("utf-8-sig").splitlines()
    assert lines[0].endswith(",clicked_at")
    assert [bool(line.rpartition(",")[2]) for line in lines[1:]] == [True, False, False]
    link = await desk.get()
    assert link["visits"] == {"people": 1, "clicks": 2, "filtered": 3}
    visit = (await desk.links.clicks(yard.workspace_id, "sale", counted=True))[0]
    assert (visit["campaign_id"], visit["row"], visit["to"]) == (campaign_id, 2, f"+886{number(0)[1:]}")
    assert visit["message_id"] == results[0]["message_id"]
    segments = Segments(yard.database, Census(yard.database))
    found = await segments.preview(yard.workspace_id, Question("clicked ever", None), limit=10)
    assert [one["name"] for one in found["sample"]] == ["Name 0"]
    never = await segments.count(yard.workspace_id, Question("clicked never", None))
    assert never["count"] == 1
    await desk.visit(third)
    assert (await desk.reasons())[5:] == [""]
    assert (await desk.get())["visits"]["people"] == 2


async def test_target_takes_what_the_recipients_row_has(play: Play, desk: LinkDesk) -> None:
    await desk.add("https://shop.example/track?no={number}&c={carrier}", "track")
    records = Records(play.yard.database)
    columns = {name: {"type": "text"} for name in ("id", "carrier")}
    await records.add(play.yard.workspace_id, name="carriers", key="id", columns=columns)
    await records.put(play.yard.workspace_id, "carriers", [{"id": "c1", "carrier": "Black & White"}])
    csv = f"phone,number\n{number(1)},47 11\n{number(2)},47/12\n{number(3)},\n".encode()
    campaign_id = await play.prepared(
        csv, text="See {link.track}", plan=Plan(record=Record(table="carriers", key="c1"))
    )
    found = [await desk.follow(one) for one in addresses(play, campaign_id)]
    assert [one and one.url for one in found] == [
        "https://shop.example/track?no=47%2011&c=Black%20%26%20White",
        "https://shop.example/track?no=47%2F12&c=Black%20%26%20White",
    ]
    refused = await play.campaigns.refused(play.yard.workspace_id, campaign_id)
    assert [(one["row"], one["code"]) for one in refused] == [(4, "missing_variable")]


async def test_target_takes_fields_of_contacts(play: Play, desk: LinkDesk) -> None:
    await desk.add("https://shop.example/hello?who={name}", "hello")
    yard = play.yard
    contacts = Contacts(yard.database, AddressKeys(yard.vault))
    made = await contacts.add(yard.workspace_id, person(5, "Ann"))
    campaign = await play.campaigns.create(
        yard.workspace_id,
        name="Hello",
        text="See {link.hello}",
        contacts=[made["id"]],
        purpose="transactional",
        country="TW",
        start=True,
    )
    expander = play.expander()
    while await expander.round():
        pass
    (short,) = addresses(play, campaign["id"])
    found = await desk.follow(short)
    assert found is not None
    assert found.url == "https://shop.example/hello?who=Ann"


async def test_file_without_the_column_that_a_target_needs_is_refused(play: Play, desk: LinkDesk) -> None:
    await desk.add("https://shop.example/track/{number}", "track")
    with pytest.raises(Invalid, match=r"column for \{number\}"):
        await play.draft(sheet(1), text="See {link.track}")


@only_sqlite
async def test_campaign_that_names_a_link_nobody_made_is_refused(play: Play) -> None:
    with pytest.raises(Invalid, match=r"no link for \{link.sale\}"):
        await play.draft(sheet(1), text=TEXT)


async def test_preflight_judges_the_address_that_people_get(play: Play, desk: LinkDesk) -> None:
    await desk.add(expires_in=3600)
    campaign_id = await play.draft(sheet(2), text="x" * 120 + " {link.sale}")
    found = await play.campaigns.preflight(play.yard.workspace_id, campaign_id)
    # 120 and a space and 35: one part. With the variable's own letters it would say nothing about the real one.
    assert found.parts == 2
    assert len(found.sample[0].content.body) == 121 + len(PUBLIC_URL) + len("/l/") + 9
    (check,) = [one for one in found.checks if one.check == "link"]
    assert check.level == "warn"
    assert f"{PUBLIC_URL}/l/" in check.detail
    assert "leads to https://shop.example/sale." in check.detail
    assert "ends within a day" in check.detail
    tw = next(line for line in found.rules if line.rule.id == "tw.url_allow_list")
    assert f"{PUBLIC_URL}/l/" in tw.examples[0].detail


async def test_registered_addresses_are_asked_about_the_page_too(play: Play, desk: LinkDesk) -> None:
    await desk.add()
    yard = play.yard
    campaign_id = await play.draft(sheet(2), text=TEXT)
    facts, seen = WorkspaceFacts(yard.database, yard.directory), []
    for urls in (["yard.example"], ["yard.example", "shop.example"]):
        await facts.change(yard.workspace_id, {"allowed_urls": urls}, by="me")
        found = await play.campaigns.preflight(yard.workspace_id, campaign_id)
        assert "tw.url_allow_list" not in {line.rule.id for line in found.rules}
        seen += [check for check in found.checks if check.check == "link"]
    assert [check.level for check in seen] == ["warn", "ok"]
    assert "do not cover where it leads" in seen[0].detail


async def test_tests_lead_there_and_count_for_nothing(play: Play, desk: LinkDesk) -> None:
    await desk.add()
    yard = play.yard
    team = Team(yard.database)
    await team.add(yard.workspace_id, name="Me", addresses=[f"+886{number(77)[1:]}"])
    campaign_id = await play.draft(sheet(2), text=TEXT)
    await Tests(yard.database, yard.directory, team).send(yard.workspace_id, campaign_id)
    ((content,),) = play.rows("SELECT content FROM messages")
    short = decode_letter(content).content.body.split()[-1]
    await desk.visit(short)
    assert await desk.reasons() == ["test"]
    await play.campaigns.start(yard.workspace_id, campaign_id)
    while await play.expander().round():
        pass
    assert short not in addresses(play, campaign_id)


async def test_link_that_ends_under_way_pauses_what_is_not_prepared_yet(play: Play, desk: LinkDesk) -> None:
    await desk.add()
    campaign_id = await play.started(sheet(3), text=TEXT)
    await desk.links.edit(play.yard.workspace_id, "sale", expires_in=0)
    while await play.expander().round():
        pass
    found = await play.get(campaign_id)
    assert (found["status"], "has ended" in found["pause_reason"]) == ("paused", True)
    assert texts(play, campaign_id) == []


async def test_person_who_was_erased_is_led_nowhere_personal(play: Play, desk: LinkDesk) -> None:
    await desk.add("https://shop.example/track/{number}", "track")
    yard = play.yard
    keys = AddressKeys(yard.vault)
    made = await Contacts(yard.database, keys).add(yard.workspace_id, person(1, "Ann"))
    campaign_id = await play.prepared(f"phone,number\n{number(1)},4711\n".encode(), text="See {link.track}")
    (short,) = addresses(play, campaign_id)
    play.hand_over()
    assert await desk.follow(short) is not None
    await Erasing(yard.database, keys).erase(yard.workspace_id, made["id"])
    assert await desk.follow(short) is None


@only_sqlite
async def test_template_with_a_button_and_a_registered_form_gets_the_same_address(play: Play, desk: LinkDesk) -> None:
    await desk.add()
    yard = play.yard
    await Templates(yard.database, yard.directory).add(
        yard.workspace_id,
        code="spring",
        document={
            "language": "en",
            "bodies": {"sms": {"en": {"text": "Hi {name}: {link.sale}"}}},
        },
    )
    campaign_id = await play.prepared(sheet(2), text=None, template_code="spring")
    assert all(PUBLIC_URL in text for text in texts(play, campaign_id))


def test_rows_beyond_what_addresses_tell_apart_are_refused() -> None:
    made = RowAddresses(lambda number, row: f"{number}-{row}", [("link.sale", "https://go.example/l/", 7)], ())
    assert made.of(MOST_ROWS - 1, {}) == {"link.sale": f"https://go.example/l/7-{MOST_ROWS - 1}"}
    with pytest.raises(Invalid) as refused:
        made.of(MOST_ROWS, {})
    assert refused.value.code == "too_many_rows"
