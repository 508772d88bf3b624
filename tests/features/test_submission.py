"""
Texts handed in at providers for approval.
"""

import json
from typing import Any

import pytest

from sendyard.delivery.transport import Lost
from sendyard.domain.errors import Conflict, Invalid, NotFound
from sendyard.domain.template import MissingVariable
from sendyard.features.templates import SubmissionWish
from sendyard.providers.abilities import TemplateButton
from sendyard.providers.contract import TemplateState
from sendyard.providers.wire import HttpResponse
from tests.features.template_desk import Line, Shelf
from tests.features.test_catalogue import account, wanted
from tests.running import Running
from tests.yard import Yard, only_sqlite

BODY = "Hi {name}, it arrives on {date|soon}. Bye!"
VARIABLES = {"1": "{name}", "2": "{date|soon}"}
SAMPLES = {"name": "Ann"}


async def text(shelf: Shelf, provider: str, name: str = "arrival", body: str = BODY, **form: Any) -> None:
    """Our template `arrival` with one registered form."""
    forms = {provider: {"name": name, "language": "en", "variables": VARIABLES, **form}}
    registration = {"header": "ACMEIN", "template_id": "1107000000000000001"}
    registered = {"forms": forms, "registration": registration}
    await shelf.templates.add(shelf.yard.workspace_id, code="arrival", body=body, registered=registered)


async def submit(shelf: Shelf, **wish: Any) -> dict[str, Any]:
    given = {"account": "there", "category": "UTILITY", "samples": SAMPLES, **wish}
    return await shelf.submissions.submit(shelf.yard.workspace_id, "arrival", SubmissionWish(**given))


async def there(running: Running, provider: str, **settings: str) -> Shelf:
    """A shelf with an account that leads to the emulator."""
    await account(running.yard, provider, "there", running.server.base_url(provider), **settings)
    return Shelf(running.yard, running.transport)


@pytest.mark.parametrize("provider", ["meta_cloud", "interakt", "wati"])
async def test_a_text_handed_in_is_known_and_then_listed(running: Running, provider: str) -> None:
    shelf = await there(running, provider)
    await text(shelf, provider)
    made = await submit(shelf, footer="ACME")
    assert (made["code"], made["version"], made["name"], made["account"]) == ("arrival", 1, "arrival", "there")
    assert made["state"] in {"pending", "approved"}
    (copy,) = await shelf.copies(name="arrival")
    assert {name: copy[name] for name in ("state", "provider_ref", "body")} == {
        name: made[name] for name in ("state", "provider_ref", "body")
    }
    assert copy["body"] == "Hi {{1}}, it arrives on {{2}}. Bye!"
    (report,) = await shelf.sync()
    assert (report["error"], report["gone"]) == ("", 0)
    (listed,) = await shelf.copies(name="arrival")
    assert listed["footer"] == "ACME"


@pytest.mark.parametrize(("provider", "written"), [("msg91", "Hi ##1##, it arrives on ##2##. Bye!")])
async def test_a_name_that_the_provider_gives_goes_into_a_new_version(
    running: Running, provider: str, written: str
) -> None:
    shelf = await there(running, provider)
    await text(shelf, provider)
    made = await submit(shelf)
    assert made["version"] == 2
    assert made["name"] != "arrival"
    assert made["body"] == written
    ours = await shelf.templates.get(shelf.yard.workspace_id, "arrival")
    assert (ours["version"], ours["registered"]["forms"][provider]["name"]) == (2, made["name"])
    assert ours["registered"]["forms"][provider]["variables"] == VARIABLES
    (report,) = await shelf.sync()
    assert (report["error"], report["gone"]) == ("", 0)
    assert made["name"] in {copy["name"] for copy in await shelf.copies()}


async def test_a_draft_handed_in_again_goes_to_inspection(running: Running) -> None:
    shelf = await there(running, "bizgo", sender_key="a" * 40)
    await text(shelf, "bizgo", "ARRIVAL")
    made = await submit(shelf, category="")
    assert (made["state"], made["body"]) == ("draft", "Hi #{1}, it arrives on #{2}. Bye!")
    assert (await submit(shelf, category=""))["state"] == "pending"


@only_sqlite
async def test_header_buttons_and_examples_go_along(yard: Yard) -> None:
    await account(yard, "meta_cloud", "there")
    line = Line(HttpResponse(200, {}, b'{"id":"77","status":"APPROVED","category":"MARKETING"}'))
    shelf = Shelf(yard, line)
    header = {"url": "https://files.example/a.png", "content_type": "image/png"}
    await text(shelf, "meta_cloud", header=header)
    buttons = [TemplateButton("url", "Open", "https://shop.example/{{1}}")]
    samples = {**SAMPLES, "header": "4::handle", "button:0": "42"}
    made = await submit(shelf, samples=samples, buttons=buttons)
    assert (made["state"], made["category"], made["provider_ref"], made["header_format"]) == (
        "approved", "MARKETING", "77", "image",
    )  # fmt: skip
    sent = {part["type"]: part for part in json.loads(line.requests[0].body)["components"]}
    assert sent["HEADER"]["example"] == {"header_handle": ["4::handle"]}
    assert sent["BODY"]["example"] == {"body_text": [["Ann", "soon"]]}
    assert sent["BUTTONS"]["buttons"][0]["example"] == ["https://shop.example/42"]


@only_sqlite
async def test_what_was_handed_in_counts_before_sending_once_the_list_is_known(yard: Yard) -> None:
    await account(yard, "meta_cloud", "there")
    line = Line(HttpResponse(200, {}, b'{"data":[]}'))
    shelf = Shelf(yard, line)
    await yard.routes.set(yard.workspace_id, channel=wanted().channel, accounts=["there"])
    await text(shelf, "meta_cloud")
    await shelf.sync()
    line.answers = [HttpResponse(200, {}, b'{"id":"77","status":"PENDING"}')]
    await submit(shelf)
    assert shelf.outcome(await shelf.draft("arrival", "+919812345678", name="Ann")) == ["template_not_approved"]


@only_sqlite
async def test_a_text_that_the_provider_writes_itself_is_left_out(yard: Yard) -> None:
    await account(yard, "meta_cloud", "there")
    shelf = Shelf(yard, Line(HttpResponse(200, {}, b'{"id":"77"}')))
    await text(shelf, "meta_cloud")
    made = await submit(shelf, category="AUTHENTICATION", with_text=False)
    assert (made["body"], made["state"]) == ("", TemplateState.PENDING)


@only_sqlite
async def test_what_keeps_a_text_from_being_handed_in_is_said(yard: Yard) -> None:
    await account(yard, "meta_cloud", "there")
    await account(yard, "wati", "elsewhere")
    await yard.account("twilio", "texts")
    line = Line(HttpResponse(200, {}, b"{}"))
    shelf = Shelf(yard, line)
    with pytest.raises(NotFound, match="no template"):
        await submit(shelf)
    await text(shelf, "meta_cloud")
    with pytest.raises(NotFound, match="no account"):
        await submit(shelf, account="nobody")
    with pytest.raises(Conflict, match="takes no templates in"):
        await submit(shelf, account="texts")
    with pytest.raises(Invalid, match="no form at wati"):
        await submit(shelf, account="elsewhere")
    with pytest.raises(MissingVariable, match=r"\{name\}"):
        await submit(shelf, samples={})
    with pytest.raises(Invalid, match="Expected one of"):
        await submit(shelf, category="NEWS")
    assert line.requests == []
    with pytest.raises(Conflict, match="no usable answer"):
        await submit(shelf)
    line.answers = [Lost("reset")]
    with pytest.raises(Conflict, match="no usable answer"):
        await submit(shelf)
    await shelf.templates.edit(yard.workspace_id, "arrival", body="Hi {name}, {place} is open. Bye!")
    with pytest.raises(Invalid, match=r"\{place\}, but no variable"):
        await submit(shelf)
    assert await shelf.copies() == []
    await yard.database.write(lambda tx: tx.run("UPDATE accounts SET sealed = ?", (b"nothing",)))
    await yard.directory.refresh()
    with pytest.raises(Conflict, match="credentials cannot be used"):
        await submit(shelf)


@only_sqlite
async def test_a_variable_that_is_part_of_a_longer_value_does_not_stand_for_the_text(yard: Yard) -> None:
    await account(yard, "meta_cloud", "there")
    shelf = Shelf(yard, Line(HttpResponse(200)))
    await text(shelf, "meta_cloud", variables={"1": "Dear {name}", "2": "{date}"})
    with pytest.raises(Invalid, match=r"\{name\}, but no variable"):
        await submit(shelf, samples={"name": "Ann", "date": "May 3"})


async def test_a_refusal_by_the_provider_is_passed_on(running: Running) -> None:
    shelf = await there(running, "meta_cloud")
    await text(shelf, "meta_cloud")
    await submit(shelf)
    with pytest.raises(Conflict, match="already content in this language"):
        await submit(shelf)


@only_sqlite
async def test_a_document_brings_its_own_category_footer_buttons_and_samples(yard: Yard) -> None:
    await account(yard, "meta_cloud", "there")
    line = Line(HttpResponse(200, {}, b'{"id":"77","status":"PENDING"}'))
    shelf = Shelf(yard, line)
    body = {"text": "Hi {name}, on {day}.", "header": "Parcel", "footer": "ACME",
            "buttons": [{"kind": "reply", "text": "Thanks"},
                        {"kind": "phone", "text": "Call", "value": "+886223456789"}]}  # fmt: skip
    document = {
        "language": "en",
        "category": "UTILITY",
        "variables": {"day": {"type": "date", "sample": "2026-05-03"}, "name": {"sample": "Ann"}},
        "bodies": {"whatsapp": {"en": body, "ko": {"text": "안녕하세요 {name}님, {day} 도착합니다."}}},
    }
    korean = {"name": "arrival", "language": "ko", "variables": {"1": "{name}", "2": "{day}"}}
    form = {"name": "arrival", "language": "en_US", "variables": korean["variables"], "languages": {"ko": korean}}
    await shelf.templates.add(
        yard.workspace_id, code="arrival", document=document, registered={"forms": {"meta_cloud": form}}
    )
    await submit(shelf, category="", samples={})
    parts = {part["type"]: part for part in json.loads(line.requests[0].body)["components"]}
    assert (parts["HEADER"]["text"], parts["FOOTER"]["text"]) == ("Parcel", "ACME")
    assert (parts["BODY"]["text"], parts["BODY"]["example"]) == (
        "Hi {{1}}, on {{2}}.",
        {"body_text": [["Ann", "May 3, 2026"]]},
    )
    assert [button["type"] for button in parts["BUTTONS"]["buttons"]] == ["QUICK_REPLY", "PHONE_NUMBER"]
    await submit(shelf, category="", samples={}, language="ko")
    second = json.loads(line.requests[1].body)
    assert (second["language"], second["category"]) == ("ko", "UTILITY")
    assert second["components"][0]["example"] == {"body_text": [["Ann", "2026. 5. 3."]]}
