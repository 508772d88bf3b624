"""
What providers have of our templates: listed, compared with messages, kept in step.
"""

import json
from collections.abc import Sequence
from typing import Any

import pytest

from sendyard.delivery.copies import Copies, misfits
from sendyard.delivery.directory import Directory
from sendyard.delivery.preflight import Draft
from sendyard.delivery.queries import keep_template_change
from sendyard.delivery.transport import Lost, NotSent
from sendyard.domain.channels import Channel
from sendyard.domain.content import TemplateRef, Text
from sendyard.domain.errors import Conflict, NotFound
from sendyard.features.templates import catalogue as catalogue_module
from sendyard.features.templates import queries
from sendyard.features.templates.catalogue import EVERY_MS, GONE
from sendyard.ledger.entries import NewMessage
from sendyard.providers.contract import TemplateChange, TemplateState
from sendyard.providers.registry import adapter, emulators
from sendyard.providers.wire import HttpResponse
from tests.features.template_desk import Line, Shelf
from tests.running import Running
from tests.yard import PUBLIC_URL, Yard, only_sqlite

INDIAN = "+919812345678"
KAKAO = "+821012345678"


def page(*templates: dict[str, Any], after: str = "") -> HttpResponse:
    """A page of a list as Meta writes it."""
    paging = {"cursors": {"after": after}, "next": "https://graph.example/next"} if after else {}
    return HttpResponse(200, {}, json.dumps({"data": templates, "paging": paging}).encode())


def template(name: str, status: str = "APPROVED", language: str = "en_US", text: str = "Hi {{1}}!") -> dict[str, Any]:
    components = [{"type": "BODY", "text": text}]
    return {"id": f"id-{name}", "name": name, "language": language, "status": status, "components": components}


async def account(yard: Yard, provider: str, name: str = "", base_url: str = "", **settings: str) -> str:
    given = {**emulators()[provider].sample_account, "base_url": base_url or "http://127.0.0.1:9", **settings}
    options = {"sender": emulators()[provider].sample_sender}
    added = await yard.accounts.add(yard.workspace_id, provider=provider, name=name, settings=given, **options)
    return str(added["id"])


async def route(yard: Yard, *names: str, channel: Channel = Channel.WHATSAPP) -> None:
    await yard.routes.set(yard.workspace_id, channel=channel, accounts=names)


def counts(reports: Sequence[dict[str, Any]]) -> list[tuple[int, int, int, int]]:
    return [(one["added"], one["changed"], one["gone"], one["total"]) for one in reports]


def wanted(name: str = "order", language: str = "en_US", **variables: str) -> Draft:
    return Draft(to=INDIAN, content=TemplateRef(name, language, variables, "Hi Ann!"), channel=Channel.WHATSAPP)


async def test_templates_are_listed_through_the_emulator_and_a_second_time_nothing_changed(running: Running) -> None:
    shelf = Shelf(running.yard, running.transport)
    account_id = await account(running.yard, "meta_cloud", "wa", running.server.base_url("meta_cloud"))
    (report,) = await shelf.sync()
    assert (report["account"], report["provider"], report["error"]) == ("wa", "meta_cloud", "")
    assert report["added"] == report["total"] >= 1
    (copy,) = await shelf.copies(name="sample_message")
    assert (copy["account_id"], copy["account"], copy["state"], copy["variables"]) == (
        account_id, "wa", "approved", ("1",),
    )  # fmt: skip
    assert counts(await shelf.sync("wa")) == [(0, 0, 0, report["total"])]


async def test_every_page_is_read_and_what_changed_is_counted(yard: Yard) -> None:
    await account(yard, "meta_cloud", "wa")
    line = Line(page(template("order"), after="two"), page(template("bye")), page(template("order", "PAUSED")))
    shelf = Shelf(yard, line)
    assert counts(await shelf.sync()) == [(2, 0, 0, 2)]
    assert ["after=two" in request.url for request in line.requests] == [False, True]
    assert counts(await shelf.sync()) == [(0, 1, 1, 1)]
    found = {copy["name"]: copy for copy in await shelf.copies()}
    assert (found["order"]["state"], found["bye"]["state"], found["bye"]["reason"]) == ("paused", "disabled", GONE)
    assert counts(await shelf.sync()) == [(0, 0, 0, 1)]
    line.answers = [page(template("order"), template("bye"))]
    assert counts(await shelf.sync()) == [(0, 2, 0, 2)]
    assert [copy["state"] for copy in await shelf.copies()] == ["approved", "approved"]


async def test_copies_are_listed_in_pages_and_by_account_name_and_state(yard: Yard) -> None:
    await account(yard, "meta_cloud", "one")
    await account(yard, "meta_cloud", "two")
    shelf = Shelf(yard, Line(page(template("a"), template("b", "REJECTED"), template("a", language="de"))))
    await shelf.sync()
    first = await shelf.copies(limit=4)
    rest = await shelf.copies(after=first[-1]["id"], limit=4)
    assert len(first) == 4
    assert len(rest) == 2
    assert {copy["account"] for copy in await shelf.copies(account="two")} == {"two"}
    assert [copy["name"] for copy in await shelf.copies(account="one", state="rejected")] == ["b"]
    assert sorted(copy["language"] for copy in await shelf.copies(account="one", name="a")) == ["de", "en_US"]
    with pytest.raises(NotFound):
        await shelf.copies(account="nobody")
    assert await shelf.catalogue.list("another") == []


async def test_messages_are_compared_from_the_first_list_on(yard: Yard) -> None:
    await account(yard, "meta_cloud", "wa")
    await route(yard, "wa")
    shelf = Shelf(yard, Line(page(template("order"), template("slow", "PENDING"))))
    assert isinstance(shelf.outcome(wanted("nowhere")), NewMessage)
    await shelf.sync()
    assert isinstance(shelf.outcome(wanted(**{"1": "Ann"})), NewMessage)
    assert isinstance(shelf.outcome(wanted(language="en-us", **{"1": "Ann"})), NewMessage)
    assert shelf.outcome(wanted(language="fr", **{"1": "Ann"})) == ["template_unknown"]
    assert shelf.outcome(wanted()) == ["template_variables_missing"]
    assert shelf.outcome(wanted("slow", **{"1": "Ann"})) == ["template_not_approved"]
    assert shelf.outcome(wanted("nowhere")) == ["template_unknown"]


async def test_the_next_account_of_the_route_takes_what_the_first_has_no_template_for(yard: Yard) -> None:
    first = await account(yard, "meta_cloud", "first")
    second = await account(yard, "meta_cloud", "second")
    await route(yard, "first", "second")
    shelf = Shelf(yard, Line(page(template("order")), page(template("bye"))))
    await shelf.sync("first")
    await shelf.sync("second")
    for name, able in (("order", first), ("bye", second)):
        message = shelf.outcome(wanted(name, **{"1": "Ann"}))
        assert isinstance(message, NewMessage)
        assert message.route == (able,)


async def test_a_callback_that_pauses_a_template_counts_in_every_process(yard: Yard) -> None:
    account_id = await account(yard, "meta_cloud", "wa")
    await route(yard, "wa")
    shelf = Shelf(yard, Line(page(template("order"))))
    await shelf.sync()
    other = Directory(yard.database, yard.vault, PUBLIC_URL)
    other.load_now()
    change = TemplateChange(
        name="order", language="en_US", state=TemplateState.PAUSED, reason="too many blocks", dedupe_key="k1"
    )
    await yard.database.write(lambda tx: keep_template_change(tx, yard.workspace_id, account_id, change, now=shelf.now))
    for directory in (yard.directory, other):
        assert await directory.refresh()
        yard.directory = directory
        assert shelf.outcome(wanted(**{"1": "Ann"})) == ["template_not_approved"]
        assert not await directory.refresh()
    (copy,) = await shelf.copies()
    assert (copy["state"], copy["reason"], copy["body"]) == ("paused", "too many blocks", "Hi {{1}}!")


@only_sqlite
async def test_plain_texts_cost_no_look_at_the_copies(yard: Yard, monkeypatch: pytest.MonkeyPatch) -> None:
    await account(yard, "meta_cloud", "wa")
    await route(yard, "wa")
    shelf = Shelf(yard, Line(page(template("order"))))
    await shelf.sync()
    monkeypatch.setattr(Directory, "copies", lambda *_: pytest.fail("it looked"))
    assert isinstance(shelf.outcome(Draft(to=INDIAN, content=Text("Hi"), channel=Channel.WHATSAPP)), NewMessage)


@only_sqlite
async def test_kinds_of_templates_that_a_provider_does_not_list_are_not_compared(yard: Yard) -> None:
    await account(yard, "bizgo", "korea", sender_key="a" * 40, rcs_brand_key="b" * 10)
    for channel in (Channel.RCS, Channel.ALIMTALK):
        await route(yard, "korea", channel=channel)
    shelf = Shelf(yard, Line(_bizgo_list()))
    (report,) = await shelf.sync()
    assert report["error"] == ""
    content = TemplateRef("UNLISTED", "", {"name": "Ann"}, "안녕하세요")
    assert shelf.outcome(Draft(to=KAKAO, content=content, channel=Channel.ALIMTALK)) == ["template_unknown"]
    said = shelf.outcome(Draft(to=KAKAO, content=content, channel=Channel.RCS))
    assert isinstance(said, NewMessage)


def test_a_provider_that_lists_nothing_is_not_compared_with() -> None:
    assert misfits(Copies(1), adapter("twilio"), Channel.WHATSAPP, TemplateRef("HX1")) == ()


def _bizgo_list() -> HttpResponse:
    empty = {"list": [], "totalCount": 0}
    return HttpResponse(
        200,
        {},
        json.dumps(
            {
                "common": {"authCode": "A000", "authResult": "Success", "infobankTrId": "x"},
                "data": {"code": "A000", "result": "Success", "data": empty},
            }
        ).encode(),
    )


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (NotSent("connection refused"), "connection refused"),
        (Lost("no answer"), "no answer"),
        (TimeoutError(), "It did not answer in time."),
        (HttpResponse(200, {}, b"<html>"), "expected"),
        (HttpResponse(401, {}, b'{"error":{"message":"Bad token","type":"OAuthException","code":190}}'), "Bad token"),
    ],
)
@only_sqlite
async def test_a_provider_that_cannot_be_asked_leaves_everything_as_it_was(
    yard: Yard, answer: HttpResponse | Exception, said: str
) -> None:
    account_id = await account(yard, "meta_cloud", "wa")
    shelf = Shelf(yard, Line(page(template("order"), after="two"), answer))
    (report,) = await shelf.sync()
    assert said in report["error"]
    assert counts([report]) == [(0, 0, 0, 0)]
    assert await shelf.copies() == []
    assert yard.directory.copies(account_id) is None
    shelf.transport = Line(page(template("order")))
    assert counts(await shelf.sync()) == [(1, 0, 0, 1)]


@only_sqlite
async def test_a_list_that_leads_in_a_circle_is_left(yard: Yard, monkeypatch: pytest.MonkeyPatch) -> None:
    await account(yard, "meta_cloud", "wa")
    (report,) = await Shelf(yard, Line(page(template("order"), after="again"))).sync()
    assert "does not end" in report["error"]
    monkeypatch.setattr(catalogue_module, "_MOST_PAGES", 3)
    pages = [page(template(f"t{number}"), after=str(number)) for number in range(9)]
    line = Line(*pages)
    (report,) = await Shelf(yard, line).sync()
    assert "after 3 pages" in report["error"]
    assert len(line.requests) == 3


@only_sqlite
async def test_of_two_copies_in_one_language_the_approved_one_counts(yard: Yard) -> None:
    await account(yard, "meta_cloud", "wa")
    shelf = Shelf(yard, Line(page(template("order", "REJECTED"), template("order"), template("order", "PAUSED"))))
    assert counts(await shelf.sync()) == [(1, 0, 0, 1)]
    assert [copy["state"] for copy in await shelf.copies()] == ["approved"]


async def test_a_copy_known_only_from_a_callback_stands_for_every_language_until_it_is_listed(yard: Yard) -> None:
    account_id = await account(yard, "meta_cloud", "wa")
    await route(yard, "wa")
    shelf = Shelf(yard, Line(page()))
    await shelf.sync()
    change = TemplateChange(name="fresh", state=TemplateState.APPROVED, dedupe_key="k2")
    await yard.database.write(lambda tx: keep_template_change(tx, yard.workspace_id, account_id, change, now=shelf.now))
    await yard.directory.refresh()
    assert isinstance(shelf.outcome(wanted("fresh")), NewMessage)


async def test_asking_stops_at_accounts_that_list_nothing_or_do_not_exist(yard: Yard) -> None:
    await yard.account("twilio", "texts")
    shelf = Shelf(yard, Line(page()))
    assert await shelf.sync() == []
    with pytest.raises(Conflict, match="does not list templates"):
        await shelf.sync("texts")
    with pytest.raises(NotFound):
        await shelf.sync("nobody")


@only_sqlite
async def test_an_account_that_cannot_list_by_its_settings_does_not_hold_others_up(yard: Yard) -> None:
    await account(yard, "sleekflow", "plain", from_number="")
    await account(yard, "meta_cloud", "wa")
    reports = await Shelf(yard, Line(page(template("order")))).sync()
    assert {one["account"]: bool(one["error"]) for one in reports} == {"plain": True, "wa": False}


async def test_one_worker_asks_at_a_time_and_an_hour_passes_between(yard: Yard) -> None:
    account_id = await account(yard, "meta_cloud", "wa")
    line = Line(page(template("order")))
    shelf = Shelf(yard, line)
    assert counts(await shelf.catalogue.sync_due()) == [(1, 0, 0, 1)]
    assert await shelf.catalogue.sync_due() == []
    shelf.now += EVERY_MS - 1
    assert await shelf.catalogue.sync_due() == []
    shelf.now += 1
    both = [await shelf.catalogue.sync_due(), await shelf.catalogue.sync_due()]
    assert [counts(reports) for reports in both] == [[(0, 0, 0, 1)], []]
    assert len(line.requests) == 2
    shelf.now += EVERY_MS
    await yard.database.write(
        lambda tx: queries.lease_catalogue(
            tx, yard.workspace_id, account_id, now=shelf.now, until=shelf.now + 1000, asked_before=shelf.now
        )
    )
    (busy,) = await shelf.sync()
    assert "at this moment" in busy["error"]
    shelf.now += 1000
    assert counts(await shelf.sync()) == [(0, 0, 0, 1)]


async def test_of_two_that_ask_at_the_same_moment_one_does(yard: Yard) -> None:
    await account(yard, "meta_cloud", "wa")
    shelf = Shelf(yard, Line(page(template("order"))))
    before = shelf.now - EVERY_MS
    entries = yard.directory.accounts()
    first = await shelf.catalogue._sync(entries, asked_before=before)
    second = await shelf.catalogue._sync(entries, asked_before=before)
    assert [bool(report["error"]) for report in (*first, *second)] == [False, True]


@only_sqlite
async def test_the_timer_leaves_paused_accounts_alone_and_complains_once(
    yard: Yard, caplog: pytest.LogCaptureFixture
) -> None:
    await account(yard, "meta_cloud", "wa")
    shelf = Shelf(yard, Line(NotSent("connection refused")))
    for _ in range(3):
        (report,) = await shelf.catalogue.sync_due()
        assert "connection refused" in report["error"]
        shelf.now += EVERY_MS
    assert caplog.text.count("connection refused") == 1
    await yard.accounts.pause(yard.workspace_id, "wa")
    assert await shelf.catalogue.sync_due() == []


@only_sqlite
async def test_an_account_whose_credentials_cannot_be_opened_says_so(yard: Yard) -> None:
    await account(yard, "meta_cloud", "wa")
    await yard.database.write(lambda tx: tx.run("UPDATE accounts SET sealed = ?", (b"nothing",)))
    await yard.directory.refresh()
    (report,) = await Shelf(yard, Line(page())).sync()
    assert "credentials cannot be used" in report["error"]


async def test_a_provider_that_lists_only_what_it_is_told_is_told_our_registered_names(running: Running) -> None:
    shelf = Shelf(running.yard, running.transport)
    sample = emulators()["msg91"].sample_account["template_ids"]
    base_url = running.server.base_url("msg91")
    await account(running.yard, "msg91", "told", base_url)
    assert counts(await shelf.sync()) == [(1, 0, 0, 1)]
    await account(running.yard, "msg91", "untold", base_url, template_ids="")
    (refused,) = await shelf.sync("untold")
    assert "no call that lists templates" in refused["error"]
    for code, name in (("one", sample), ("two", "6" * 24)):
        forms = {"forms": {"msg91": {"name": name, "variables": {"text": "{text}"}}}}
        await shelf.templates.add(running.yard.workspace_id, code=code, body="{text}", registered=forms)
    assert counts(await shelf.sync("untold")) == [(2, 0, 0, 2)]
    states = {copy["name"]: copy["state"] for copy in await shelf.copies(account="untold")}
    assert states == {sample: "approved", "6" * 24: "disabled"}
    assert counts(await shelf.sync("told")) == [(1, 0, 0, 2)]
