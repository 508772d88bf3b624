"""
Links by themselves: what may be one, how its addresses look, where they lead, and which visits count.
"""

import asyncio
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sendyard.delivery.transport import NotSent
from sendyard.domain.errors import AppError, Conflict, Invalid, NotFound
from sendyard.domain.links.tokens import LENGTH, MOST_ROWS
from sendyard.domain.template import MissingVariable
from sendyard.features.links import queries
from sendyard.features.links.targets import checked_target, target_of
from sendyard.features.people import Workspaces
from sendyard.providers.wire import HttpResponse
from sendyard.storage.link_tokens import LinkTokens
from sendyard.storage.vault import Vault, generate_key
from tests.features.link_desk import LinkDesk
from tests.yard import PUBLIC_URL, Yard, only_sqlite


@pytest.fixture
def desk(yard: Yard) -> LinkDesk:
    return LinkDesk(yard)


# ---- what may be a link --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given_url", "kept"),
    [
        ("https://shop.example/sale?a=1#top", "https://shop.example/sale?a=1#top"),
        ("  HTTP://Shop.Example/Sale ", "http://shop.example/Sale"),
        ("https://café.example/é", "https://xn--caf-dma.example/é"),
        ("https://[2001:db8::1]:8443/", "https://[2001:db8::1]:8443/"),
        ("https://shop.example/track/{number}?to={name}", "https://shop.example/track/{number}?to={name}"),
        ("https://shop.example?no={number}", "https://shop.example?no={number}"),
    ],
)
def test_address_of_a_page_is_kept_with_its_host_in_ascii(given_url: str, kept: str) -> None:
    assert checked_target(given_url) == kept


@pytest.mark.parametrize(
    "url",
    [
        "",
        "shop.example/sale",
        "javascript:alert(1)",
        "data:text/html,hello",
        "ftp://shop.example/",
        "//shop.example/",
        "https://",
        "https:///sale",
        "https://{host}/sale",
        "https://shop{part}.example/",
        "https://shop.example:{port}/",
        "{scheme}://shop.example/",
        "https://shop.example@elsewhere.example/",
        "https://user:word@shop.example/",
        "https://shop.example\\@elsewhere.example/",
        "https://shop.example/a b",
        "https://shop.example/\r\nset-cookie:a=b",
        "https://shop.example:port/",
        "https://sho<p.example/",
        "https://.example/",
        "https://shop.example/{number|none}",
        "https://shop.example/{link.other}",
        "https://shop.example/{",
        "https://" + "a" * 70 + ".example/",
        "https://shop.example/" + "a" * 2000,
    ],
)
def test_what_is_no_plain_http_address_is_refused(url: str) -> None:
    with pytest.raises(Invalid) as refused:
        checked_target(url)
    assert refused.value.code == "bad_url"


@given(st.text(min_size=1, max_size=40).filter(lambda text: bool(text.strip())))
@example("@elsewhere.example/")
@example("/../../\\elsewhere.example")
@example("?a=b#c\r\nlocation: https://elsewhere.example")
def test_whatever_a_value_is_the_host_stays_and_the_address_is_plain_ascii(value: str) -> None:
    value = value.encode("utf-8", "ignore").decode() or "x"
    if not value.strip():
        value = "x"
    filled = target_of("https://shop.example/track/{number}?to={number}").fill({"number": value})
    assert filled.startswith("https://shop.example/track/")
    assert filled.isascii()
    assert filled.isprintable()
    assert filled.count("/") == 4
    assert filled.count("?") == 1
    assert "#" not in filled


def test_address_without_a_value_leads_nowhere() -> None:
    with pytest.raises(MissingVariable):
        target_of("https://shop.example/{number}").fill({"number": " "})


@only_sqlite
@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"code": "Spring Sale"}, "bad_code"),
        ({"code": "1st"}, "bad_code"),
        ({"title": "a" * 121}, "bad_title"),
        ({"title": "a\0"}, "bad_title"),
        ({"expires_in": 59}, "bad_expiry"),
        ({"expires_in": 11 * 366 * 86_400}, "bad_expiry"),
        ({"url": f"{PUBLIC_URL}/l/AbCdEfGhI"}, "bad_url"),
        ({"domain": "go.example"}, "unknown_domain"),
    ],
)
async def test_link_that_cannot_be_is_refused_with_its_field(
    desk: LinkDesk, options: dict[str, Any], code: str
) -> None:
    with pytest.raises(AppError) as refused:
        await desk.add(**options)
    assert refused.value.code == code


async def test_links_are_made_listed_and_changed(desk: LinkDesk) -> None:
    made = await desk.add(title=" Spring sale ", expires_in=3600)
    assert (made["code"], made["variable"], made["title"]) == ("sale", "{link.sale}", "Spring sale")
    assert made["short_url"].startswith(f"{PUBLIC_URL}/l/")
    assert len(made["short_url"]) == len(PUBLIC_URL) + len("/l/") + LENGTH
    with pytest.raises(Conflict, match="There is a link 'sale' already"):
        await desk.add()
    other = await desk.links.add(desk.yard.workspace_id, "https://shop.example/track/{number}")
    assert len(other["code"]) == 8
    assert other["short_url"] is None
    listed = await desk.links.all(desk.yard.workspace_id)
    assert [one["code"] for one in listed] == [other["code"], "sale"]
    behind = await desk.links.all(desk.yard.workspace_id, after=other["id"], limit=1)
    assert [one["id"] for one in behind] == [made["id"]]
    changed = await desk.links.edit(desk.yard.workspace_id, "sale", title="Sale", preview_page=True)
    assert (changed["title"], changed["preview_page"]) == ("Sale", True)
    assert changed["expires_at"] == made["expires_at"]
    assert changed["short_url"] == made["short_url"]
    unchanged = await desk.links.edit(desk.yard.workspace_id, made["id"])
    assert unchanged == changed
    longer = await desk.links.edit(desk.yard.workspace_id, "sale", expires_in=7200)
    assert longer["expires_at"] > made["expires_at"]
    with pytest.raises(NotFound, match="no link 'none'"):
        await desk.get("none")


async def test_links_of_one_workspace_are_nobody_elses(desk: LinkDesk) -> None:
    made = await desk.add()
    other = await Workspaces(desk.yard.database).add("Another")
    for name in ("sale", made["id"]):
        with pytest.raises(NotFound):
            await desk.links.get(other["id"], name)
    assert await desk.links.all(other["id"]) == []
    again = await desk.links.add(other["id"], "https://other.example/", code="sale")
    found = await desk.follow(again["short_url"])
    assert found is not None
    assert (found.url, found.use.workspace_id) == ("https://other.example/", other["id"])


@only_sqlite
async def test_without_an_address_to_begin_with_no_link_is_made(desk: LinkDesk) -> None:
    made = await desk.add()
    desk.yard.directory._public_url = ""
    with pytest.raises(Invalid) as refused:
        await desk.add(code="other")
    assert refused.value.code == "no_link_address"
    assert (await desk.get())["short_url"] is None
    assert await desk.addresses.samples(desk.yard.workspace_id) == {}
    desk.yard.directory._public_url = PUBLIC_URL
    assert (await desk.get())["short_url"] == made["short_url"]


# ---- where addresses lead ------------------------------------------------------------------------


async def test_address_leads_to_the_page_until_the_link_ends(desk: LinkDesk) -> None:
    made = await desk.add()
    found = await desk.follow(made["short_url"])
    assert found is not None
    assert (found.url, found.row, found.has_preview) == ("https://shop.example/sale", 0, False)
    await desk.links.edit(desk.yard.workspace_id, "sale", expires_in=0)
    ended = await desk.follow(made["short_url"])
    assert ended is not None
    assert ended.url == ""


async def test_changed_character_leads_nowhere(desk: LinkDesk) -> None:
    short = (await desk.add())["short_url"]
    for place in range(1, LENGTH + 1):
        for character in "0Az":
            changed = f"{short[: len(short) - place]}{character}{short[len(short) - place + 1 :]}"
            if changed != short:
                assert await desk.follow(changed) is None
    assert await desk.follow(desk.yard.directory.link_tokens.sample) is None
    assert await desk.follow("") is None


async def test_row_that_nobody_has_leads_nowhere_and_is_asked_for_once(
    desk: LinkDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    await desk.add()
    tokens = desk.yard.directory.link_tokens
    assert await desk.follow(tokens.write(1, 7)) is None
    asked = []
    monkeypatch.setattr(queries, "use", lambda _tx, use_no: asked.append(use_no))
    follower = desk.follower
    guess = tokens.write(4_711, 1)
    assert [await follower.find(guess) for _ in range(3)] == [None, None, None]
    assert asked == [4_711]


@only_sqlite
async def test_memory_of_guesses_is_bounded(desk: LinkDesk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sendyard.features.links.following._MOST_REMEMBERED", 3)
    tokens, follower = desk.yard.directory.link_tokens, desk.follower
    for number in range(1, 8):
        assert await follower.find(tokens.write(number, 1)) is None
    assert len(follower._known) <= 3


def test_addresses_live_as_long_as_their_key_is_in_the_ring() -> None:
    old, new = generate_key(), generate_key()
    token = LinkTokens(Vault([old])).write(7, 9)
    rotated = LinkTokens(Vault([new, old]))
    assert (7, 9) in rotated.read(token)
    assert rotated.write(7, 9) != token
    assert (7, 9) not in LinkTokens(Vault([new])).read(token)


# ---- single messages -----------------------------------------------------------------------------


async def test_each_message_has_an_address_of_its_own(desk: LinkDesk) -> None:
    await desk.add("https://shop.example/track/{number}", "track")
    make = desk.addresses.of_message
    one = await make(desk.yard.workspace_id, ["link.track", "name"], {"number": "4 711"}, "message-1")
    two = await make(desk.yard.workspace_id, ["link.track", "link.track.token"], {"number": "4712"}, "message-2")
    assert one.keys() == {"link.track"}
    assert one["link.track"] != two["link.track"]
    assert two["link.track"] == f"{PUBLIC_URL}/l/{two['link.track.token']}"
    first, second = await desk.follow(one["link.track"]), await desk.follow(two["link.track"])
    assert first is not None
    assert second is not None
    assert (first.url, second.url) == ("https://shop.example/track/4%20711", "https://shop.example/track/4712")
    assert await make(desk.yard.workspace_id, ["name"], {}, "message-3") == {}
    with pytest.raises(MissingVariable):
        await make(desk.yard.workspace_id, ["link.track"], {}, "message-4")
    kept = desk.yard.rows("SELECT message_id FROM link_messages ORDER BY row")
    assert kept == [("message-1",), ("message-2",)]


async def test_link_in_two_million_messages_goes_on_under_another_number(desk: LinkDesk) -> None:
    link = await desk.add()

    def take() -> tuple[int, int]:
        return desk.yard.database.write_now(lambda tx: queries.next_row(tx, desk.yard.workspace_id, link["id"]))

    number, row = take()
    assert row == 1
    desk.yard.database.write_now(
        lambda tx: tx.run("UPDATE link_uses SET last_row = ? WHERE no = ?", (MOST_ROWS - 2, number))
    )
    assert take() == (number, MOST_ROWS - 1)
    following, first = take()
    assert following != number
    assert first == 1


async def test_text_may_only_name_links_that_lead_somewhere(desk: LinkDesk) -> None:
    await desk.add(expires_in=3600)
    workspace_id = desk.yard.workspace_id
    named = await desk.addresses.named(workspace_id, ["name", "link.sale", "link.sale.token"])
    assert [(one.code, one.url) for one in named] == [("sale", "https://shop.example/sale")]
    assert await desk.addresses.named(workspace_id, ["name"]) == []
    with pytest.raises(Invalid, match=r"no link for \{link.none\}"):
        await desk.addresses.named(workspace_id, ["link.none"])
    sampled = await desk.addresses.sample(workspace_id, ["link.sale"], {}, "")
    assert sampled == {"link.sale": named[0].sample}
    assert await desk.addresses.sample(workspace_id, ["name"], {}, "") == {}
    await desk.links.edit(workspace_id, "sale", expires_in=0)
    with pytest.raises(Invalid) as ended:
        await desk.addresses.named(workspace_id, ["link.sale"])
    assert ended.value.code == "link_ended"


# ---- domains -------------------------------------------------------------------------------------


async def test_domain_is_used_once_it_was_seen_to_lead_here(desk: LinkDesk) -> None:
    workspace_id = desk.yard.workspace_id
    added = await desk.domains.add(workspace_id, "go.example")
    assert (added["host"], added["origin"], added["verified_at"]) == ("go.example", "https://go.example", None)
    assert (await desk.add())["short_url"].startswith(PUBLIC_URL)
    with pytest.raises(Conflict) as early:
        await desk.add(code="own", domain="go.example")
    assert early.value.code == "domain_not_verified"
    with pytest.raises(Conflict) as elsewhere:
        await desk.domains.verify(workspace_id, "go.example")
    assert elsewhere.value.code == "domain_elsewhere"
    assert "status 404" in elsewhere.value.detail
    assert await desk.domains.proof("nobody") is None
    proof = await desk.domains.proof(added["id"])
    assert proof is not None
    desk.line.answers = [HttpResponse(200, {}, proof + b"\n")]
    verified = await desk.domains.verify(workspace_id, added["id"])
    assert verified["verified_at"] is not None
    assert desk.line.requests[-1].url == added["check_url"]
    assert (await desk.get())["short_url"].startswith("https://go.example/l/")
    own = await desk.add(code="own", domain="go.example")
    assert own["domain"] == "https://go.example"
    assert (await desk.addresses.samples(workspace_id))["link.own"].startswith("https://go.example/l/")
    assert await desk.follow(own["short_url"]) is not None
    with pytest.raises(Conflict) as tied:
        await desk.domains.remove(workspace_id, "go.example")
    assert tied.value.code == "domain_in_use"


async def test_domain_that_is_elsewhere_taken_or_unknown_is_told_apart(desk: LinkDesk) -> None:
    workspace_id = desk.yard.workspace_id
    await desk.domains.add(workspace_id, "http://go.example:8080")
    other = await Workspaces(desk.yard.database).add("Another")
    with pytest.raises(Conflict) as taken:
        await desk.domains.add(other["id"], "http://go.example:8080/")
    assert taken.value.code == "domain_exists"
    with pytest.raises(NotFound):
        await desk.domains.verify(other["id"], "go.example:8080")
    desk.line.answers = [NotSent("no connection: refused")]
    with pytest.raises(Conflict, match="nobody answered"):
        await desk.domains.verify(workspace_id, "go.example:8080")
    await desk.domains.remove(workspace_id, "http://go.example:8080")
    assert await desk.domains.all(workspace_id) == []


@only_sqlite
@pytest.mark.parametrize(
    "host", ["", "go.example/path", "go.example?a", "go.example#a", "{host}", "a b", "ftp://a.example"]
)
async def test_what_is_no_host_is_refused(desk: LinkDesk, host: str) -> None:
    with pytest.raises(Invalid) as refused:
        await desk.domains.add(desk.yard.workspace_id, host)
    assert refused.value.code == "bad_domain"


# ---- many at once --------------------------------------------------------------------------------


@only_sqlite
async def test_visits_that_come_together_are_looked_up_together_and_each_gets_its_own(
    desk: LinkDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    await desk.add()
    make, workspace_id = desk.addresses.of_message, desk.yard.workspace_id
    tokens = [
        (await make(workspace_id, ["link.sale.token"], {}, f"m{index}"))["link.sale.token"] for index in range(120)
    ]
    looks = []
    read = desk.yard.database.read

    async def counted(work: Any) -> Any:
        looks.append(1)
        return await read(work)

    monkeypatch.setattr(desk.yard.database, "read", counted)
    follower = desk.follower
    impatient = asyncio.create_task(follower.find(tokens[0]))
    await asyncio.sleep(0)
    impatient.cancel()
    found = await asyncio.gather(*(follower.find(token) for token in tokens))
    assert [one and one.row for one in found] == [*range(1, 121)]
    assert len(looks) <= 4


@only_sqlite
async def test_whoever_asks_while_the_database_is_away_hears_so_and_later_ones_are_answered(
    desk: LinkDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    short = (await desk.add())["short_url"]
    follower, token = desk.follower, short.rpartition("/")[2]
    with monkeypatch.context() as broken:
        broken.setattr(desk.yard.database, "read", lambda _work: 1 / 0)
        found = await asyncio.gather(*(follower.find(token) for _ in range(3)), return_exceptions=True)
    assert [type(one) for one in found] == [ZeroDivisionError] * 3
    assert await follower.find(token) is not None


@only_sqlite
async def test_addresses_of_a_campaign_are_worked_out_once(desk: LinkDesk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sendyard.features.links.addresses._MOST_REMEMBERED", 2)
    await desk.add()
    workspace_id = desk.yard.workspace_id
    of = desk.addresses.of_campaign
    first = await of(workspace_id, "campaign-1", ["name", "link.sale"])
    assert await of(workspace_id, "campaign-1", ["link.sale", "name"]) is first
    assert await of(workspace_id, "campaign-1", ["name"]) is None
    for number in range(2, 5):
        other = await of(workspace_id, f"campaign-{number}", ["link.sale"])
        assert other is not None
        assert first is not None
        assert other.of(7, {}) != first.of(7, {})
    assert len(desk.addresses._known) <= 2
    # Worked out again, it is the same: numbers are kept.
    again = await LinkDesk(desk.yard).addresses.of_campaign(workspace_id, "campaign-1", ["link.sale"])
    assert again is not None
    assert first is not None
    assert again.of(7, {}) == first.of(7, {})
