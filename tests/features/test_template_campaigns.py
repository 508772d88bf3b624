"""
Campaigns with templates in full: typed values in each person's language, records, templates stopped on the way.
"""

import time
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

import pytest

from sendyard.delivery.template_news import hear
from sendyard.domain.errors import Invalid, NotFound
from sendyard.features.templates import Templates, queries
from sendyard.features.templates.catalogue import kept_of
from sendyard.providers.abilities import ProviderTemplate
from sendyard.providers.contract import TemplateChange, TemplateState
from sendyard.storage.identifiers import now_ms
from tests.features.campaign_play import Play, play_on
from tests.yard import Yard

DOCUMENT = {
    "language": "en",
    "variables": {"date": {"type": "date"}, "fee": {"type": "money", "default": "80 TWD"}},
    "bodies": {
        "sms": {"en": {"text": "Hi {name}, it comes on {date}. Fee {fee}."}, "ko": {"text": "{name}님, {date}. {fee}"}}
    },
}
SID = "HX" + "1" * 32
PEOPLE = b"phone,name,date\n0912345678,Kim,2026-05-03\n0912345679,Lin,soon\n0912345670,Wu,\n"


@pytest.fixture
async def play(yard: Yard) -> Play:
    return await play_on(yard)


@pytest.fixture
def templates(play: Play) -> Templates:
    return Templates(play.yard.database, play.yard.directory)


async def test_each_row_is_written_by_the_types_of_its_values(play: Play, templates: Templates) -> None:
    await templates.add(play.yard.workspace_id, code="arrival", document=DOCUMENT)
    campaign_id = await play.prepared(PEOPLE, text=None, template_code="arrival")
    assert play.rows("SELECT content FROM messages") == [('"Hi Kim, it comes on May 3, 2026. Fee NT$80."',)]
    refused = await play.campaigns.refused(play.yard.workspace_id, campaign_id)
    assert [(row["row"], row["code"]) for row in refused] == [(3, "bad_value"), (4, "missing_value")]
    assert "{date}, found 'soon'" in refused[0]["detail"]


async def test_an_archived_template_starts_no_campaign(play: Play, templates: Templates) -> None:
    await templates.add(play.yard.workspace_id, code="arrival", body="Hi {name}")
    campaign_id = await play.draft(PEOPLE, text=None, template_code="arrival")
    await templates.archive(play.yard.workspace_id, "arrival")
    with pytest.raises((NotFound, Invalid)):
        await play.draft(PEOPLE, text=None, template_code="arrival")
    assert (await play.get(campaign_id))["text"] == "Hi {name}"


async def stopping(play: Play, templates: Templates) -> Callable[[], Awaitable[None]]:
    """Register a template `arrival` that is approved, and give what has the provider stop it."""
    form = {"name": SID, "language": "en", "variables": {"1": "{name}"}}
    registered = {"forms": {"twilio": form}}
    workspace_id, account_id = play.yard.workspace_id, play.account_id
    await templates.add(workspace_id, code="arrival", body="Hi {name}", registered=registered)
    copy = ProviderTemplate(SID, TemplateState.APPROVED, "en", body="Hi {{1}}", variables=("1",))

    def listed(tx: Any) -> None:
        now = now_ms()
        queries.lease_catalogue(tx, workspace_id, account_id, now=now, until=0, asked_before=now)
        queries.catalogue_read(tx, account_id, now=now)
        queries.keep_copies(tx, workspace_id, account_id, {(SID, "en"): kept_of(copy)}, now=now)

    async def stop() -> None:
        change = TemplateChange(SID, "k", "en", state=TemplateState.PAUSED, reason="low quality")
        await play.yard.database.write(
            partial(hear, workspace_id=workspace_id, account_id=account_id, change=change, now=now_ms())
        )
        await play.yard.directory.refresh()

    await play.yard.database.write(listed)
    await play.yard.directory.refresh()
    return stop


async def test_a_template_that_is_stopped_on_the_way_pauses_its_campaign_once(play: Play, templates: Templates) -> None:
    stop = await stopping(play, templates)
    touched = await play.started(PEOPLE, text=None, template_code="arrival", name="Touched")
    other = await play.started(PEOPLE, name="Other")
    expander = play.expander()
    await expander.round()
    await stop()
    expander._watch_at = 0.0
    await expander.round()
    found = await play.get(touched)
    assert (found["status"], await play.status(other)) == ("paused", "sending")
    assert f"has paused the template {SID!r} of world (low quality)" in found["pause_reason"]
    await play.campaigns.resume(play.yard.workspace_id, touched)
    expander._watch_at = 0.0
    await expander.round()
    assert await play.status(touched) != "paused"


async def test_whoever_has_no_message_yet_when_a_template_is_stopped_is_not_refused(
    play: Play, templates: Templates
) -> None:
    stop = await stopping(play, templates)
    touched = await play.started(PEOPLE, text=None, template_code="arrival")
    await stop()
    expander = play.expander()
    # The next look at what has to be paused is an hour away.
    expander._watch_at = time.monotonic() + 3600
    await expander.round()
    assert (await play.status(touched), await play.campaigns.refused(play.yard.workspace_id, touched)) == ("paused", [])
    assert play.rows("SELECT count(*) FROM messages") == [(0,)]
