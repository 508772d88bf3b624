"""
Templates that are for something else than the campaign that sends them.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from sendyard.domain.channels import Channel
from sendyard.domain.errors import Invalid
from sendyard.features.campaigns.drips.plan import Step
from sendyard.features.templates import Templates
from tests.features.campaign_play import Play, play_on, sheet
from tests.features.drip_play import DripPlay, phone
from tests.features.lawful import Lawful
from tests.features.test_template_standing import META, Wall
from tests.yard import Yard

DLT = "1007165158208125859"
INDIANS = b"phone,name\n+919876543210,Asha\n"


@pytest.fixture
async def play(yard: Yard) -> Play:
    return await play_on(yard)


async def template(yard: Yard, code: str, *, purpose: str = "", body: str = "Hi {name}", **registered: Any) -> None:
    document = {"bodies": {"sms": {"en": {"text": body}}}, "language": "en", "purpose": purpose}
    said = {"document": document} if purpose else {"body": body}
    await Templates(yard.database, yard.directory).add(yard.workspace_id, code=code, registered=registered, **said)


async def told(play: Play, csv: bytes, **options: Any) -> list[tuple[str, str]]:
    """The lines about the purpose in a preflight, as (level, detail)."""
    campaign_id = await play.draft(csv, text=None, **options)
    found = await play.campaigns.preflight(play.yard.workspace_id, campaign_id)
    return [(check.level.value, check.detail) for check in found.checks if check.check == "purpose"]


@pytest.mark.parametrize(("own", "campaign"), [("promotional", "transactional"), ("transactional", "promotional")])
async def test_a_template_for_something_else_is_told_and_may_be_sent(play: Play, own: str, campaign: str) -> None:
    await template(play.yard, "offer", purpose=own)
    expected = [("warn", f"Template 'offer' is {own}, and the campaign is {campaign}.")]
    assert await told(play, sheet(1), template_code="offer", purpose=campaign) == expected
    assert await told(play, sheet(1), template_code="offer", purpose=own) == []
    await play.started(sheet(1), text=None, template_code="offer", purpose=campaign)


async def test_a_plain_text_and_a_plain_template_are_for_whatever_the_campaign_is_for(play: Play) -> None:
    await template(play.yard, "plain")
    for purpose in ("promotional", "transactional"):
        assert await told(play, sheet(1), template_code="plain", purpose=purpose) == []
    campaign_id = await play.draft(sheet(1))
    found = await play.campaigns.preflight(play.yard.workspace_id, campaign_id)
    assert "purpose" not in {check.check for check in found.checks}


@pytest.mark.parametrize(
    ("category", "purpose", "blocks"),
    [
        ("promotional", "transactional", True),
        ("service_implicit", "promotional", True),
        ("service_implicit", "transactional", False),
        ("service_explicit", "promotional", False),
    ],
)
async def test_a_text_registered_in_india_for_the_other_purpose_keeps_the_campaign_from_starting(
    yard: Yard, category: str, purpose: str, *, blocks: bool
) -> None:
    lawful = await Lawful.of(yard)
    await lawful.template(DLT, text="Hi {#var#}", category=category, state="approved")
    await template(yard, "order", registration={"template_id": DLT})
    play = Play(yard, lawful.account_id)
    found = await told(play, INDIANS, template_code="order", purpose=purpose, country="IN")
    assert [level for level, _ in found] == (["block"] if blocks else [])
    if blocks:
        assert f"registered in India as {category}" in found[0][1]
        with pytest.raises(Invalid) as refused:
            await play.started(INDIANS, text=None, template_code="order", purpose=purpose, country="IN")
        assert refused.value.code == "wrong_purpose"
        until = datetime.now(UTC) + timedelta(days=1)
        await lawful.waive("in.category", role="owner", until=until)
        assert [level for level, _ in await told(play, INDIANS, template_code="order", purpose=purpose)] == ["warn"]
    # Elsewhere it is nobody's business what is registered in India.
    assert await told(play, sheet(1), template_code="order", purpose=purpose) == []


async def test_our_own_word_counts_where_the_registry_has_none(yard: Yard) -> None:
    lawful = await Lawful.of(yard)
    await template(yard, "offer", purpose="promotional", registration={"template_id": DLT})
    play = Play(yard, lawful.account_id)
    assert [level for level, _ in await told(play, INDIANS, template_code="offer", purpose="transactional")] == [
        "block"
    ]
    assert [level for level, _ in await told(play, sheet(1), template_code="offer", purpose="transactional")] == [
        "warn"
    ]


async def test_marketing_on_whatsapp_is_not_sent_as_a_transactional_campaign(yard: Yard) -> None:
    account_id = await yard.account("meta_cloud", "wa", settings=META)
    await yard.routes.set(yard.workspace_id, channel=Channel.WHATSAPP, accounts=[account_id])
    wall, play = Wall(yard, account_id), Play(yard, account_id)
    form = {"name": "arrival", "language": "en_US", "variables": {"1": "{name}"}}
    await template(yard, "arrival", forms={"meta_cloud": form})
    options = {"template_code": "arrival", "channel": "whatsapp", "purpose": "transactional"}
    assert await told(play, sheet(1), **options) == []
    await wall.has(category="MARKETING", body="Hi {{1}}", variables=("1",))
    ((level, detail),) = await told(play, sheet(1), **options)
    assert (level, "has the template 'arrival' of wa as marketing" in detail) == ("block", True)
    with pytest.raises(
        Invalid, match="Make the campaign promotional, or choose a template that is transactional"
    ) as no:
        await play.started(sheet(1), text=None, **options)
    assert no.value.code == "wrong_purpose"
    assert await told(play, sheet(1), **{**options, "purpose": "promotional"}) == []
    await wall.has(category="UTILITY", body="Hi {{1}}", variables=("1",))
    assert await told(play, sheet(1), **options) == []


async def test_each_step_of_a_drip_is_looked_at(yard: Yard) -> None:
    play = await DripPlay.on(yard)
    await yard.routes.set(yard.workspace_id, channel=Channel.WHATSAPP, accounts=[play.play.account_id])
    await template(yard, "offer", purpose="promotional")
    made = await play.make(Step(text="Hi"), Step(template="offer"), numbers=[phone(1)])
    assert {(one["step"], one["level"]) for one in made["checks"] if one["check"] == "purpose"} == {(2, "warn")}
    form = {"name": "HX" + "1" * 32, "language": "en", "variables": {"1": "{name}"}}
    await template(yard, "wa_offer", purpose="promotional", body="Hi {name|you}", forms={"twilio": form})
    blocked = await play.make(Step(template="wa_offer", channel=Channel.WHATSAPP), numbers=[phone(1)])
    lines = [(one["check"], one["level"]) for one in blocked["checks"] if one["level"] == "block"]
    assert ("purpose", "block") in lines
    with pytest.raises(Invalid, match="Step 1: Template 'wa_offer' is promotional"):
        await play.drips.start(play.id, blocked["id"])
