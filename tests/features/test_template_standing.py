"""
How our registered forms stand at providers, proposals from their copies, and news about them.
"""

from typing import Any

import pytest

from sendyard.delivery.queries import count_template_change
from sendyard.delivery.template_news import hear
from sendyard.domain.errors import Conflict, NotFound
from sendyard.features.templates import Standings, Templates, queries
from sendyard.features.templates.catalogue import kept_of
from sendyard.providers.abilities import ProviderTemplate
from sendyard.providers.contract import TemplateChange, TemplateState
from sendyard.storage.identifiers import now_ms
from tests.yard import Yard, only_sqlite

META = {
    "phone_number_id": "106540352242922", "waba_id": "102290129340398", "access_token": "invented-token",
    "app_secret": "0123456789abcdef0123456789abcdef", "verify_token": "invented-verify",
}  # fmt: skip
FORM = {"name": "arrival", "language": "en_US", "variables": {"1": "{name}"}}


class Wall:
    """A text of ours with a form at an account, and what its provider has of it."""

    def __init__(self, yard: Yard, account_id: str) -> None:
        self.yard = yard
        self.account_id = account_id
        self.templates = Templates(yard.database, yard.directory)
        self.standings = Standings(yard.database, yard.directory, self.templates)

    async def has(self, **template: Any) -> None:
        """Let the provider's list hold a template."""
        given = {"name": "arrival", "state": TemplateState.APPROVED, "language": "en_US", "category": "UTILITY"}
        found = ProviderTemplate(**{**given, **template})
        place = {(found.name, found.language): kept_of(found)}
        now = now_ms()

        def keep(tx: Any) -> None:
            queries.lease_catalogue(tx, self.yard.workspace_id, self.account_id, now=now, until=0, asked_before=now)
            queries.catalogue_read(tx, self.account_id, now=now)
            queries.keep_copies(tx, self.yard.workspace_id, self.account_id, place, now=now)
            count_template_change(tx, self.account_id)

        await self.yard.database.write(keep)
        await self.yard.directory.refresh()

    async def hears(self, **change: Any) -> None:
        """Let the provider call us about a template."""
        given = {"name": "arrival", "language": "en_US", "dedupe_key": "k", **change}
        await self.yard.database.write(
            lambda tx: hear(tx, self.yard.workspace_id, self.account_id, TemplateChange(**given), now=now_ms())
        )
        await self.yard.directory.refresh()

    async def kinds(self) -> list[str]:
        (one,) = await self.standings.of(self.yard.workspace_id, "arrival")
        return [stale["kind"] for stale in one["stale"]]

    async def proposal(self, **wish: Any) -> dict[str, Any]:
        given = {"account": "wa", "name": "arrival", **wish}
        return await self.standings.propose(self.yard.workspace_id, "arrival", **given)

    def notices(self) -> list[tuple[Any, ...]]:
        return self.yard.rows("SELECT subject, detail FROM account_notices ORDER BY id")


@pytest.fixture
async def wall(yard: Yard) -> Wall:
    account_id = await yard.account("meta_cloud", "wa", settings=META)
    found = Wall(yard, account_id)
    await found.templates.add(
        yard.workspace_id,
        code="arrival",
        body="Hi {name|friend}, it is here.",
        registered={"forms": {"meta_cloud": FORM}},
    )
    return found


async def test_what_is_stale_is_said(wall: Wall) -> None:
    assert await wall.kinds() == ["never_listed"]
    await wall.has(name="other")
    assert await wall.kinds() == ["not_there"]
    await wall.has(body="Hi {{1}}, it is here.", variables=("1",), quality="GREEN")
    (good,) = await wall.standings.of(wall.yard.workspace_id, "arrival")
    assert (good["state"], good["quality"], good["stale"], good["words"]) == ("approved", "GREEN", [], [])
    assert good["synced_at"] is not None
    await wall.has(body="Hi {{1}}, it is there at {{2}}.", variables=("1", "2"))
    assert await wall.kinds() == ["text_differs", "variables_differ"]
    await wall.has(body="")
    assert await wall.kinds() == ["text_unknown"]


@only_sqlite
async def test_a_provider_that_lists_nothing_makes_nothing_stale(wall: Wall) -> None:
    await wall.yard.account("twilio", "texts")
    registered = {"forms": {"twilio": {"name": "HX1", "variables": {"1": "{name}"}}}}
    await wall.templates.edit(wall.yard.workspace_id, "arrival", registered=registered)
    (one,) = await wall.standings.of(wall.yard.workspace_id, "arrival")
    assert (one["account"], one["state"]) == ("texts", None)


async def test_a_form_is_proposed_from_the_providers_copy_and_kept_when_wished(wall: Wall) -> None:
    await wall.has(
        name="arrival_v2",
        body="Hi {{customer}}, it is at {{place}}.",
        variables=("customer", "place"),
        registration={"template_id": "1107000000000000001"},
    )
    found = await wall.proposal(name="arrival_v2")
    assert found["variables"] == {"customer": "{name|friend}", "place": "here"} or found["unplaced"]
    assert (found["exact"], found["applied"], found["version"]) == (False, False, 1)
    assert (await wall.templates.get(wall.yard.workspace_id, "arrival"))["version"] == 1
    kept = await wall.proposal(name="arrival_v2", apply=True)
    assert (kept["applied"], kept["version"]) == (True, 2)
    ours = await wall.templates.get(wall.yard.workspace_id, "arrival")
    assert ours["registered"]["forms"]["meta_cloud"]["name"] == "arrival_v2"
    assert ours["registered"]["registration"] == {"template_id": "1107000000000000001"}


@only_sqlite
async def test_a_proposal_may_be_for_a_further_language(wall: Wall) -> None:
    await wall.has(body="Hi {{1}}, it is here.", variables=("1",))
    await wall.has(language="ko", body="{{1}}님, 도착했습니다.", variables=("1",))
    document = {
        "language": "en",
        "bodies": {"sms": {"en": {"text": "Hi {name}, it is here."}, "ko": {"text": "{name}님, 도착했습니다."}}},
    }
    await wall.templates.edit(wall.yard.workspace_id, "arrival", document=document)
    found = await wall.proposal(language="ko", apply=True)
    assert (found["language"], found["variables"], found["exact"]) == ("ko", {"1": "{name}"}, True)
    ours = await wall.templates.get(wall.yard.workspace_id, "arrival")
    assert ours["registered"]["forms"]["meta_cloud"]["languages"]["ko"]["language"] == "ko"
    standings = await wall.standings.of(wall.yard.workspace_id, "arrival")
    assert [(one["our_language"], one["language"], one["stale"]) for one in standings] == [
        ("en", "en_US", []),
        ("ko", "ko", []),
    ]
    main = await wall.proposal(language="en")
    assert main["language"] == "en_US"
    assert "ko" in main["registered"]["forms"]["meta_cloud"]["languages"]


@only_sqlite
async def test_nothing_is_proposed_from_what_is_not_known(wall: Wall) -> None:
    with pytest.raises(NotFound, match="no template 'arrival' that we know of"):
        await wall.proposal()
    await wall.hears(state=TemplateState.APPROVED)
    await wall.has(name="other")
    with pytest.raises(Conflict, match="not known yet"):
        await wall.proposal()
    with pytest.raises(NotFound):
        await wall.proposal(account="nobody")


async def test_a_pause_another_category_and_a_rating_become_notices_once(wall: Wall) -> None:
    await wall.has(body="Hi {{1}}, it is here.", variables=("1",), quality="GREEN")
    await wall.hears(state=TemplateState.PAUSED, reason="People reported it.")
    await wall.hears(state=TemplateState.PAUSED, reason="People reported it.")
    await wall.hears(category="MARKETING")
    await wall.hears(quality="RED")
    await wall.hears(quality="UNKNOWN")
    await wall.hears(quality="YELLOW")
    called = "The template 'arrival' (en_US)"
    assert wall.notices() == [
        (
            "template_state",
            f"{called} is paused at the provider: People reported it. "  # noqa: ISC004 - one sentence after another
            "Nothing goes out with it until it is approved again.",
        ),
        (
            "template_category",
            f"{called} is MARKETING now, it was UTILITY; price and rules may differ.",
        ),
        (
            "template_quality",
            f"{called} is rated RED now, it was GREEN; a low rating gets it paused.",
        ),
        (
            "template_quality",
            f"{called} is rated YELLOW now; a low rating gets it paused.",
        ),
    ]
    (one,) = await wall.standings.of(wall.yard.workspace_id, "arrival")
    assert (one["state"], one["category"], one["quality"]) == ("paused", "MARKETING", "YELLOW")


async def test_a_template_known_from_a_callback_only_is_listed_soon(wall: Wall) -> None:
    await wall.has(name="other")
    asked = "SELECT asked_at FROM template_catalogues"
    assert wall.yard.rows(asked)[0][0] > 0
    await wall.hears(name="other", state=TemplateState.DISABLED)
    assert wall.yard.rows(asked)[0][0] > 0
    await wall.hears(state=TemplateState.APPROVED)
    assert wall.yard.rows(asked) == [(0,)]
    assert await wall.kinds() == ["text_unknown"]
    assert [notice[0] for notice in wall.notices()] == ["template_state"]
