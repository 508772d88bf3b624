"""
Templates: versions that never change, rendering, previews.
"""

import asyncio
from typing import Any

import pytest

from sendyard.domain.channels import Channel
from sendyard.domain.errors import Conflict, Invalid, NotFound
from sendyard.domain.template import MissingVariable
from sendyard.features.templates import PreviewWish, Templates
from sendyard.features.templates import library as library_module
from tests.yard import Yard


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def templates(yard: Yard, clock: Clock) -> Templates:
    return Templates(yard.database, yard.directory, clock=clock)


async def test_a_template_tells_its_variables(yard: Yard, templates: Templates) -> None:
    added = await templates.add(yard.workspace_id, code="order.sent", body="Hi {name|there}, NT${amount}", name="Order")
    assert (added["code"], added["name"], added["version"]) == ("order.sent", "Order", 1)
    assert (added["variables"], added["required"]) == (["name", "amount"], ["amount"])
    assert await templates.get(yard.workspace_id, "order.sent") == added
    assert (await templates.add(yard.workspace_id, code="plain", body="Hello"))["name"] == "plain"


async def test_a_code_is_given_once(yard: Yard, templates: Templates) -> None:
    await templates.add(yard.workspace_id, code="order", body="one")
    with pytest.raises(Conflict, match="'order' already"):
        await templates.add(yard.workspace_id, code="order", body="two")
    assert [row[0] for row in yard.rows("SELECT body FROM template_versions")] == ["one"]


async def test_an_edit_makes_a_version_and_leaves_the_older_one_alone(yard: Yard, templates: Templates) -> None:
    first = await templates.add(yard.workspace_id, code="order", body="one")
    second = await templates.edit(yard.workspace_id, "order", body="two")
    assert (second["version"], second["body"], second["id"]) == (2, "two", first["id"])
    assert second["version_id"] != first["version_id"]
    versions = await templates.versions(yard.workspace_id, "order")
    assert [(found["version"], found["body"]) for found in versions] == [(2, "two"), (1, "one")]
    assert versions[1]["id"] == first["version_id"]


async def test_the_same_text_or_another_name_makes_no_version(yard: Yard, templates: Templates) -> None:
    await templates.add(yard.workspace_id, code="order", body="one")
    assert (await templates.edit(yard.workspace_id, "order", body="one"))["version"] == 1
    renamed = await templates.edit(yard.workspace_id, "order", name="Order sent")
    assert (renamed["version"], renamed["name"]) == (1, "Order sent")


async def test_edits_at_the_same_moment_get_different_numbers(yard: Yard, templates: Templates) -> None:
    await templates.add(yard.workspace_id, code="order", body="one")
    await asyncio.gather(*(templates.edit(yard.workspace_id, "order", body=f"text {n}") for n in range(6)))
    versions = await templates.versions(yard.workspace_id, "order")
    assert [found["version"] for found in versions] == [7, 6, 5, 4, 3, 2, 1]


async def test_templates_are_listed_by_code_in_pages(yard: Yard, templates: Templates) -> None:
    for code in ("c", "a", "b"):
        await templates.add(yard.workspace_id, code=code, body=code)
    first = await templates.list(yard.workspace_id, limit=2)
    rest = await templates.list(yard.workspace_id, after=first[-1]["code"], limit=2)
    assert [found["code"] for found in first + rest] == ["a", "b", "c"]
    assert await templates.list("another") == []


@pytest.mark.parametrize(
    ("given", "pointer"),
    [
        ({"code": ""}, "/code"),
        ({"code": "with blank"}, "/code"),
        ({"code": "c" * 65}, "/code"),
        ({"name": "n" * 101}, "/name"),
        ({"name": "\0"}, "/name"),
        ({"body": " \n"}, "/body"),
        ({"body": "b" * 10_001}, "/body"),
        ({"body": "half \ud800"}, "/body"),
    ],
)
async def test_what_is_wrong_with_a_template_is_named(
    yard: Yard, templates: Templates, given: dict[str, Any], pointer: str
) -> None:
    with pytest.raises(Invalid) as refused:
        await templates.add(yard.workspace_id, **{"code": "order", "body": "text", **given})
    assert [error.pointer for error in refused.value.errors] == [pointer]


async def test_a_malformed_text_is_refused_on_every_way_in(yard: Yard, templates: Templates) -> None:
    await templates.add(yard.workspace_id, code="order", body="one")
    for attempt in (
        templates.add(yard.workspace_id, code="other", body="Hi {name"),
        templates.edit(yard.workspace_id, "order", body="Hi {name"),
        templates.preview(yard.workspace_id, PreviewWish(values={}), body="Hi {name"),
    ):
        with pytest.raises(Invalid) as refused:
            await attempt
        assert refused.value.code == "bad_template"
    assert (await templates.get(yard.workspace_id, "order"))["version"] == 1


async def test_an_unknown_code_is_said_to_be_unknown(yard: Yard, templates: Templates) -> None:
    await templates.add(yard.workspace_id, code="order", body="one")
    for attempt in (
        templates.get(yard.workspace_id, "nothing"),
        templates.get("another", "order"),
        templates.edit("another", "order", body="stolen"),
        templates.versions(yard.workspace_id, "nothing"),
        templates.render(yard.workspace_id, "nothing", {}),
        templates.preview("another", PreviewWish(values={}), code="order"),
    ):
        with pytest.raises(NotFound):
            await attempt


async def test_rendering_uses_the_newest_version(yard: Yard, templates: Templates) -> None:
    await templates.add(yard.workspace_id, code="order", body="Hi {name}")
    assert (await templates.render(yard.workspace_id, "order", {"name": "Mina"})).text == "Hi Mina"
    edited = await templates.edit(yard.workspace_id, "order", body="Dear {name}")
    rendered = await templates.render(yard.workspace_id, "order", {"name": "Mina"})
    assert (rendered.text, rendered.version_id, rendered.version) == ("Dear Mina", edited["version_id"], 2)
    with pytest.raises(MissingVariable, match=r"\{name\}"):
        await templates.render(yard.workspace_id, "order", {})


async def test_an_edit_in_another_process_is_noticed_within_a_second(
    yard: Yard, templates: Templates, clock: Clock
) -> None:
    await templates.add(yard.workspace_id, code="order", body="one")
    elsewhere = Templates(yard.database, yard.directory, clock=clock)
    assert (await elsewhere.render(yard.workspace_id, "order", {})).text == "one"
    await templates.edit(yard.workspace_id, "order", body="two")
    assert (await elsewhere.render(yard.workspace_id, "order", {})).text == "one"
    clock.now += 1
    assert (await elsewhere.render(yard.workspace_id, "order", {})).text == "two"


async def test_a_template_is_compiled_once_for_each_version(
    yard: Yard, templates: Templates, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    await templates.add(yard.workspace_id, code="order", body="one")
    await templates.render(yard.workspace_id, "order", {})
    monkeypatch.setattr(library_module, "letters_of", None)
    for _ in range(3):
        clock.now += 1
        assert (await templates.render(yard.workspace_id, "order", {})).text == "one"


async def test_the_memory_of_templates_is_bounded(
    yard: Yard, templates: Templates, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(library_module, "_MOST_REMEMBERED", 2)
    for code in "abcde":
        await templates.add(yard.workspace_id, code=code, body=code)
        assert (await templates.render(yard.workspace_id, code, {})).text == code
    assert len(templates._remembered) <= 2


async def test_a_preview_shows_text_size_and_price(yard: Yard, templates: Templates) -> None:
    await yard.account("twilio", "world", price_per_part="0.0079")
    await yard.routes.set(yard.workspace_id, channel=Channel.SMS, accounts=["world"])
    await templates.add(yard.workspace_id, code="order", body="{text}")
    found = await templates.preview(
        yard.workspace_id, PreviewWish(values={"text": "a" * 200}, country="US"), code="order"
    )
    assert (found["encoding"], found["parts"], found["part_sizes"]) == ("GSM-7", 2, [153, 47])
    assert found["price"] == {"amount": "0.0158", "currency": "USD", "account": "world"}
    assert found["variables"] == ["text"]


async def test_a_preview_without_route_or_price_has_no_price(yard: Yard, templates: Templates) -> None:
    assert (await templates.preview(yard.workspace_id, PreviewWish(values={}), body="Hello"))["price"] is None
    await yard.account("twilio", "world")
    await yard.routes.set(yard.workspace_id, channel=Channel.SMS, accounts=["world"])
    found = await templates.preview(yard.workspace_id, PreviewWish(values={}, country="KR"), body="안녕하세요")
    assert (found["price"], found["class"]) == (None, "SMS")


@pytest.mark.parametrize("given", [{}, {"code": "order", "body": "text"}])
async def test_a_preview_is_of_one_thing(yard: Yard, templates: Templates, given: dict[str, Any]) -> None:
    with pytest.raises(Invalid, match="either"):
        await templates.preview(yard.workspace_id, PreviewWish(values={}), **given)
