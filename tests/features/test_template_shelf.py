"""
Templates as one document, and the sets to begin with.
"""

import json
import tomllib
from typing import Any

import pytest

from sendyard.domain.channels import Channel
from sendyard.domain.errors import Invalid, NotFound
from sendyard.domain.parts import inspect_text
from sendyard.features.templates import Portable, PreviewWish, Starters, Templates
from sendyard.features.templates import portable as portable_module
from sendyard.features.templates.portable import read_file, to_toml
from sendyard.features.templates.starters import starter_sets
from tests.features.test_template_documents import ARRIVAL
from tests.yard import Yard, only_sqlite

SETS = ["appointments", "charter-flights", "codes", "delivery", "shop"]
LANGUAGES = ["en", "hi", "ko", "zh-Hant"]


@pytest.fixture
def templates(yard: Yard) -> Templates:
    return Templates(yard.database, yard.directory)


@pytest.fixture
def portable(templates: Templates) -> Portable:
    return Portable(templates)


async def filled(yard: Yard, templates: Templates) -> None:
    registered = {"forms": {"twilio": {"name": "HX1", "variables": {"1": "{name}"}}}}
    await templates.add(yard.workspace_id, code="arrival", document=ARRIVAL, registered=registered, name="Arrival")
    await templates.add(yard.workspace_id, code="plain", body='A "quoted" \\ text,\nin 2 lines\t\x7f {x}')
    await templates.archive(yard.workspace_id, "plain")


@pytest.mark.parametrize("written", [json.dumps, to_toml], ids=["json", "toml"])
async def test_what_is_taken_out_can_be_brought_in_elsewhere(
    yard: Yard, templates: Templates, portable: Portable, written: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(portable_module, "_PAGE", 1)
    await filled(yard, templates)
    document = read_file(written(await portable.export(yard.workspace_id)))
    unchanged = await portable.bring(yard.workspace_id, document)
    assert unchanged == {"added": [], "changed": [], "unchanged": ["arrival", "plain"], "refused": []}
    before = {code: await templates.get(yard.workspace_id, code) for code in ("arrival", "plain")}
    yard.database.write_now(lambda tx: [tx.run("DELETE FROM template_versions"), tx.run("DELETE FROM templates")])
    assert (await portable.bring(yard.workspace_id, document, dry_run=True))["added"] == ["arrival", "plain"]
    assert await templates.list(yard.workspace_id, archived=None) == []
    assert (await portable.bring(yard.workspace_id, document))["added"] == ["arrival", "plain"]
    kept = ("code", "name", "body", "document", "registered")
    for code, found in before.items():
        again = await templates.get(yard.workspace_id, code)
        assert {name: again[name] for name in kept} == {name: found[name] for name in kept}
        assert (again["archived_at"] is None) is (found["archived_at"] is None)


async def test_what_differs_becomes_a_version_and_what_is_wrong_is_told(
    yard: Yard, templates: Templates, portable: Portable
) -> None:
    await filled(yard, templates)
    document = await portable.export(yard.workspace_id, ["arrival"])
    (one,) = document["templates"]
    one["document"] = {"bodies": {"sms": {"": {"text": "Hi {name}"}}}}
    bad = {"code": "bad code", "document": one["document"]}
    worse = {"code": "worse", "document": {"bodies": {"sms": {"": {"text": "{"}}}}}
    found = await portable.bring(yard.workspace_id, {"templates": [one, bad, worse]})
    assert (found["changed"], [refused["code"] for refused in found["refused"]]) == (["arrival"], ["bad code", "worse"])
    assert "character 1" in found["refused"][1]["detail"]
    assert (await templates.get(yard.workspace_id, "arrival"))["version"] == 2
    with pytest.raises(NotFound):
        await portable.export(yard.workspace_id, ["nothing"])


@only_sqlite
@pytest.mark.parametrize("text", ["{", "a = ", '{"templates": [{}]}', "x = 1"])
async def test_a_file_that_is_none_is_refused(yard: Yard, portable: Portable, text: str) -> None:
    with pytest.raises(Invalid, match="Expected"):
        await portable.bring(yard.workspace_id, read_file(text))


@only_sqlite
async def test_no_more_are_taken_than_fit(yard: Yard, portable: Portable, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(portable_module, "MOST", 1)
    one = {"code": "a", "document": {"bodies": {}}}
    with pytest.raises(Invalid, match="at most 1 templates at once, found 2"):
        await portable.bring(yard.workspace_id, {"templates": [one, one]})


def test_toml_is_read_back_as_it_was() -> None:
    document = {"a b": 1, "list": [1, "x", True], "tables": [{"x": {"y": "z"}}, {}], "deep": {"ä": {"n": -1}}, "e": []}
    assert tomllib.loads(to_toml({**document, "none": None})) == document


async def test_a_set_is_installed_once_and_never_writes_over(yard: Yard, templates: Templates) -> None:
    starters = Starters(templates)
    mine = await templates.add(yard.workspace_id, code="delivery-done", body="Mine")
    done = await starters.install(yard.workspace_id, "delivery")
    assert (done["kept"], len(done["added"])) == (["delivery-done"], 5)
    again = await starters.install(yard.workspace_id, "delivery")
    assert (again["added"], len(again["kept"])) == ([], 6)
    assert await templates.get(yard.workspace_id, "delivery-done") == mine
    shown = {one["set"]: one for one in await starters.list(yard.workspace_id)}
    assert list(shown) == SETS
    assert all(one["installed"] for one in shown["delivery"]["templates"])
    assert not any(one["installed"] for one in shown["shop"]["templates"])
    assert all(one["languages"] == LANGUAGES and len(one["templates"]) >= 4 for one in shown.values())
    with pytest.raises(NotFound, match="no set 'nothing'; there are appointments"):
        await starters.install(yard.workspace_id, "nothing")


@only_sqlite
@pytest.mark.parametrize("slug", SETS)
async def test_a_set_is_complete_and_its_english_fits_one_part(yard: Yard, templates: Templates, slug: str) -> None:
    await Starters(templates).install(yard.workspace_id, slug)
    for one in starter_sets()[slug].carried():
        found = await templates.get(yard.workspace_id, one.code)
        assert sorted(found["document"]["bodies"]["sms"]) == LANGUAGES
        assert set(found["variables"]) == set(found["document"]["variables"])
        texts = []
        for language in LANGUAGES:
            wish = PreviewWish(values={}, sample=0, language=language, channel=Channel.SMS)
            shown = await templates.preview(yard.workspace_id, wish, code=one.code)
            texts.append(shown["rendered"])
            assert "광고" not in shown["rendered"]
            if language == "en":
                assert (shown["encoding"], shown["parts"]) == ("GSM-7", 1), shown["rendered"]
            else:
                assert shown["parts"] <= 3, shown["rendered"]
            if language == "ko":
                assert inspect_text(shown["rendered"], "KR").problem == ""
        assert len(set(texts)) == len(LANGUAGES)
