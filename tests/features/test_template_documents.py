"""
Templates with bodies by channel and language, typed variables, versions, archive and copies.
"""

from typing import Any

import pytest

from sendyard.domain.channels import Channel, Purpose
from sendyard.domain.content import Choice, Interactive, Media, MediaItem, Text
from sendyard.domain.errors import Conflict, Invalid, NotFound
from sendyard.domain.template import MissingVariable
from sendyard.features.templates import Rendered, Templates
from tests.yard import Yard, only_sqlite

ARRIVAL: dict[str, Any] = {
    "purpose": "transactional",
    "category": "delivery",
    "language": "en",
    "variables": {
        "name": {"label": "Recipient", "sample": "Mina"},
        "date": {"type": "date", "sample": "2026-05-03"},
        "fee": {"type": "money", "currency": "TWD", "default": "80"},
        "note": {"required": False},
    },
    "bodies": {
        "sms": {
            "en": {"text": "Hi {name}, it comes on {date}. Fee {fee}.{note}"},
            "ko": {"text": "{name}님, {date} 도착. 요금 {fee}"},
            "zh-Hant": {"text": "{name}，{date} 送達，運費 {fee}"},
        },
        "lms": {
            "en": {"title": "Arrival", "text": "Hi {name}"},
            "ko": {"title": "{name}님", "text": "{date} 도착 예정"},
        },
        "mms": {
            "en": {
                "text": "Here it is, {name}",
                "media": [{"url": "https://files.example/{name}.jpg", "content_type": "image/jpeg"}],
            }
        },
        "whatsapp": {
            "en": {
                "header": "Your parcel",
                "text": "Hi {name}",
                "footer": "ACME",
                "buttons": [
                    {"kind": "reply", "text": "Thanks", "value": "thanks"},
                    {"kind": "reply", "text": "Later"},
                    {"kind": "url", "text": "Track", "value": "https://t.example/{name}"},
                ],
            }
        },
        "line": {"en": {"text": "Hi {name}", "header": "Parcel"}},
    },
    "samples": [{"name": "Ann", "date": "2026-06-01"}],
}
VALUES = {"name": "Mina", "date": "2026-05-03"}


@pytest.fixture
def templates(yard: Yard) -> Templates:
    return Templates(yard.database, yard.directory)


async def render(templates: Templates, yard: Yard, **wish: Any) -> Rendered:
    return await templates.render(yard.workspace_id, "arrival", wish.pop("values", VALUES), **wish)


async def test_a_document_tells_what_it_is_made_of(yard: Yard, templates: Templates) -> None:
    added = await templates.add(yard.workspace_id, code="arrival", document=ARRIVAL)
    assert (added["purpose"], added["category"]) == ("transactional", "delivery")
    assert added["channels"] == ["sms", "lms", "mms", "whatsapp", "line"]
    assert added["languages"] == ["en", "ko", "zh-Hant"]
    assert (added["variables"], added["required"]) == (["name", "date", "fee", "note"], ["name", "date"])
    assert added["body"] == ARRIVAL["bodies"]["sms"]["en"]["text"]
    assert added["document"]["bodies"]["lms"] == ARRIVAL["bodies"]["lms"]
    assert await Templates(yard.database, yard.directory).get(yard.workspace_id, "arrival") == added


async def test_values_are_written_in_the_recipients_language(yard: Yard, templates: Templates) -> None:
    await templates.add(yard.workspace_id, code="arrival", document=ARRIVAL)
    found = {
        language: (await render(templates, yard, language=language)).text
        for language in ("", "ko-KR", "zh-TW", "fr", "nonsense")
    }
    assert found == {
        "": "Hi Mina, it comes on May 3, 2026. Fee NT$80.",
        "ko-KR": "Mina님, 2026. 5. 3. 도착. 요금 NT$80",
        "zh-TW": "Mina，2026年5月3日 送達，運費 NT$80",
        "fr": "Hi Mina, it comes on May 3, 2026. Fee NT$80.",
        "nonsense": "Hi Mina, it comes on May 3, 2026. Fee NT$80.",
    }
    with pytest.raises(Invalid, match=r"Expected a day such as 2026-05-03 for \{date\}, found 'soon'"):
        await render(templates, yard, values={"name": "Mina", "date": "soon"})
    with pytest.raises(MissingVariable, match=r"\{name\}, \{date\}"):
        await render(templates, yard, values={"name": " "})


@only_sqlite
async def test_each_channel_gets_its_own_form(yard: Yard, templates: Templates) -> None:
    await templates.add(yard.workspace_id, code="arrival", document=ARRIVAL)
    korean = await render(templates, yard, country="KR", language="ko")
    assert (korean.kind, korean.content, korean.title) == ("lms", Text("2026. 5. 3. 도착 예정", "Mina님"), "Mina님")
    assert (await render(templates, yard, channel=Channel.MMS, language="ko")).content == Media(
        [MediaItem("image/jpeg", "https://files.example/Mina.jpg")], "Here it is, Mina", ""
    )
    whatsapp = await render(templates, yard, channel=Channel.WHATSAPP)
    assert whatsapp.content == Interactive(
        "Hi Mina\nTrack: https://t.example/Mina",
        [Choice("thanks", "Thanks"), Choice("Later", "Later")],
        "Your parcel",
        "ACME",
    )
    assert (whatsapp.body, whatsapp.language) == ("Hi Mina", "en")
    assert (await render(templates, yard, channel=Channel.LINE)).content == Text("Parcel\nHi Mina")
    assert (await render(templates, yard, channel=Channel.ALIMTALK)).kind == "lms"


@only_sqlite
async def test_a_template_for_one_channel_serves_others_as_text(yard: Yard, templates: Templates) -> None:
    document = {"language": "en", "bodies": {"whatsapp": {"en": {"text": "Hi {name}", "footer": "ACME"}}}}
    added = await templates.add(yard.workspace_id, code="arrival", document=document)
    assert added["body"] == "Hi {name}"
    assert (await render(templates, yard)).text == "Hi Mina\nACME"


async def test_a_new_main_text_leaves_everything_else_alone(yard: Yard, templates: Templates) -> None:
    await templates.add(yard.workspace_id, code="arrival", document=ARRIVAL)
    edited = await templates.edit(yard.workspace_id, "arrival", body="{name}: {date}")
    assert edited["version"] == 2
    assert edited["document"]["bodies"]["sms"]["en"] == {"text": "{name}: {date}"}
    assert edited["document"]["bodies"]["line"] == ARRIVAL["bodies"]["line"]
    assert (await render(templates, yard)).text == "Mina: May 3, 2026"
    same = await templates.edit(yard.workspace_id, "arrival", document=edited["document"])
    assert same["version"] == 2
    plain = await templates.edit(yard.workspace_id, "arrival", document={"bodies": {"sms": {"": {"text": "Hi"}}}})
    assert (plain["version"], plain["languages"]) == (3, [])
    assert yard.rows("SELECT document FROM template_versions WHERE version = 3") == [("",)]


async def test_two_versions_are_compared_word_by_word(yard: Yard, templates: Templates) -> None:
    await templates.add(yard.workspace_id, code="arrival", document=ARRIVAL)
    changed = {**ARRIVAL, "category": "parcels", "variables": {**ARRIVAL["variables"], "name": {}}}
    changed["bodies"] = {**ARRIVAL["bodies"], "sms": {**ARRIVAL["bodies"]["sms"], "hi": {"text": "नमस्ते {name}"}}}
    changed["bodies"]["sms"]["en"] = {"text": "Hello {name}, it comes on {date}. Fee {fee}.{note}"}
    del changed["bodies"]["mms"]
    await templates.edit(yard.workspace_id, "arrival", document=changed)
    found = await templates.differences(yard.workspace_id, "arrival", 1, 2)
    assert [(text["place"], text["change"]) for text in found["texts"]] == [
        ("sms/en/text", "changed"),
        ("mms/en/text", "removed"),
        ("mms/en/media/0/url", "removed"),
        ("sms/hi/text", "added"),
    ]
    assert found["texts"][0]["words"][:2] == [{"op": "removed", "text": "Hi"}, {"op": "added", "text": "Hello"}]
    assert found["variables"] == [{"name": "name", "old": {"label": "Recipient", "sample": "Mina"}, "new": {}}]
    assert [change["name"] for change in found["settings"]] == ["category", "mms/en/media"]
    assert found["registered"] is False
    with pytest.raises(NotFound, match="no version 3 of 'arrival'; there are 1 to 2"):
        await templates.differences(yard.workspace_id, "arrival", 1, 3)


async def test_an_archived_template_is_not_offered_and_cannot_be_sent(yard: Yard, templates: Templates) -> None:
    await templates.add(yard.workspace_id, code="arrival", document=ARRIVAL)
    assert (await render(templates, yard)).version == 1
    archived = await templates.archive(yard.workspace_id, "arrival")
    assert archived["archived_at"] is not None
    assert await templates.archive(yard.workspace_id, "arrival") == archived
    assert await templates.list(yard.workspace_id) == []
    assert [one["code"] for one in await templates.list(yard.workspace_id, archived=True)] == ["arrival"]
    assert [one["code"] for one in await templates.list(yard.workspace_id, archived=None)] == ["arrival"]
    with pytest.raises(Invalid, match="is archived") as refused:
        await render(templates, yard)
    assert refused.value.code == "template_archived"
    back = await templates.archive(yard.workspace_id, "arrival", archived=False)
    assert (back["archived_at"], back["version"]) == (None, 1)
    assert (await render(templates, yard)).version == 1
    with pytest.raises(NotFound):
        await templates.archive(yard.workspace_id, "nothing")


async def test_a_copy_says_the_same_under_another_code(yard: Yard, templates: Templates) -> None:
    first = await templates.add(yard.workspace_id, code="arrival", document=ARRIVAL, name="Arrival")
    copy = await templates.copy(yard.workspace_id, "arrival", to="arrival-2")
    assert (copy["name"], copy["document"], copy["version"]) == ("Arrival (2)", first["document"], 1)
    with pytest.raises(Conflict):
        await templates.copy(yard.workspace_id, "arrival", to="arrival-2")


def without(**changes: Any) -> dict[str, Any]:
    return {"language": "en", "bodies": {"sms": {"en": {"text": "Hi {x}"}}}, **changes}


@only_sqlite
@pytest.mark.parametrize(
    ("document", "pointer", "detail"),
    [
        ({}, "/document", "missing required field `bodies`"),
        (without(bodies={}), "/document/bodies", "found none"),
        (
            without(bodies={"fax": {"en": {"text": "x"}}}),
            "/document/bodies/fax",
            "bodies/fax: Expected one of sms, lms, mms, whatsapp, alimtalk, line, found 'fax'.",
        ),
        (
            without(purpose="marketing"),
            "/document/purpose",
            "purpose: Expected one of otp, transactional, promotional, found 'marketing'.",
        ),
        (
            without(bodies={"line": {"en": {"text": "x", "buttons": [{"kind": "link", "text": "t"}]}}}),
            "/document/bodies/line/en/buttons/0/kind",
            "Expected one of copy_code, phone, reply, url, found 'link'.",
        ),
        (
            without(variables={"x": {"type": "date", "style": "huge"}}),
            "/document/variables/x/style",
            "Expected one of short, medium, long, full, found 'huge'.",
        ),
        (without(language="ko"), "/document/bodies/sms", "default language ko, found 'en'"),
        (without(language=""), "/document/bodies/sms", "no language"),
        (without(language="no such!"), "/document/language", "found 'no such!'"),
        (without(bodies={"sms": {"?": {"text": "x"}}}), "/document/bodies/sms", "language tag"),
        (
            without(language="", bodies={"sms": {"": {"text": "x"}, "ko": {"text": "y"}}}),
            "/document/language",
            "there are several",
        ),
        (without(bodies={"sms": {"en": {"text": "Hi {"}}}), "/document/bodies/sms/en/text", "At character 4"),
        (without(bodies={"sms": {"en": {"text": " "}}}), "/document/bodies/sms/en/text", "1 to 10,000"),
        (
            without(bodies={"sms": {"en": {"text": "x", "title": "t"}}}),
            "/document/bodies/sms/en/title",
            "sms has no title; it may have text",
        ),
        (without(bodies={"mms": {"en": {"text": "x"}}}), "/document/bodies/mms/en/media", "a picture"),
        (
            without(
                bodies={
                    "line": {"en": {"text": "x", "header": "h", "media": [{"url": "https://x", "content_type": "a/b"}]}}
                }
            ),
            "/document/bodies/line/en/header",
            "found both",
        ),
        (
            without(bodies={"line": {"en": {"text": "x", "buttons": [{"kind": "url", "text": "t", "value": "v"}]}}}),
            "/document/bodies/line/en/buttons/0/kind",
            "one of reply on line",
        ),
        (
            without(bodies={"whatsapp": {"en": {"text": "x", "buttons": [{"kind": "url", "text": "t"}]}}}),
            "/document/bodies/whatsapp/en/buttons/0/value",
            "leads to",
        ),
        (without(variables={"1x": {}}), "/document/variables/1x", "Expected a name"),
        (
            without(variables={"x": {"type": "colour"}}),
            "/document/variables/x/type",
            "Expected one of text, number, money, date, time, link, list, found 'colour'.",
        ),
        (without(variables={"x": {"type": 7}}), "/document", "Expected `str`, got `int`"),
        (without(variables={"x": {"type": "date", "default": "soon"}}), "/document/variables/x/default", "'soon'"),
        (without(variables={"x": {"type": "date", "sample": "soon"}}), "/document/variables/x/sample", "'soon'"),
        (
            without(variables={"x": {"type": "number"}}, samples=[{}, {"x": "many"}]),
            "/document/samples/1/x",
            "'many'",
        ),
        (without(samples=[{}] * 21), "/document/samples", "at most 20"),
    ],
)
async def test_what_is_wrong_with_a_document_is_named(
    yard: Yard, templates: Templates, document: dict[str, Any], pointer: str, detail: str
) -> None:
    with pytest.raises(Invalid) as refused:
        await templates.add(yard.workspace_id, code="arrival", document=document)
    assert refused.value.errors[0].pointer == pointer
    assert detail in refused.value.errors[0].detail


@only_sqlite
async def test_every_fault_of_a_document_is_told_at_once(yard: Yard, templates: Templates) -> None:
    bad = {"language": "en", "bodies": {"sms": {"en": {"text": "{"}, "ko": {"text": "}", "title": "t"}}}}
    with pytest.raises(Invalid) as refused:
        await templates.add(yard.workspace_id, code="arrival", document=bad)
    assert [error.pointer.removeprefix("/document/bodies/sms/") for error in refused.value.errors] == [
        "en/text",
        "ko/title",
        "ko/text",
        "ko/title",
    ][:3]
    strange = {"purpose": "news", "bodies": {"fax": {"en": {"text": "x"}}, "sms": {"en": {"text": "x"}}}}
    with pytest.raises(Invalid) as refused:
        await templates.add(yard.workspace_id, code="arrival", document=strange)
    assert [error.pointer for error in refused.value.errors] == ["/document/bodies/fax", "/document/purpose"]


@only_sqlite
@pytest.mark.parametrize("given", [{}, {"body": "x", "document": ARRIVAL}])
async def test_a_template_is_a_text_or_a_document(yard: Yard, templates: Templates, given: dict[str, Any]) -> None:
    with pytest.raises(Invalid, match="either a body or a document"):
        await templates.add(yard.workspace_id, code="arrival", **given)
    await templates.add(yard.workspace_id, code="other", body="x")
    if given:
        with pytest.raises(Invalid, match="either a body or a document"):
            await templates.edit(yard.workspace_id, "other", **given)


@only_sqlite
async def test_tags_are_spelled_alike_and_purpose_is_kept(yard: Yard, templates: Templates) -> None:
    document = {"language": "ZH_hant", "purpose": "promotional", "bodies": {"sms": {"zh-hant": {"text": "優惠"}}}}
    added = await templates.add(yard.workspace_id, code="arrival", document=document)
    assert added["languages"] == ["zh-Hant"]
    assert (await render(templates, yard)).purpose is Purpose.PROMOTIONAL


@only_sqlite
async def test_registered_forms_go_by_language(yard: Yard, templates: Templates) -> None:
    form = {"name": "arrival_en", "language": "en", "variables": {"1": "{date}"}}
    korean = {"name": "arrival_ko", "language": "ko", "variables": {"1": "{date}", "2": "{name}"}}
    registered = {"forms": {"twilio": {**form, "languages": {"ko": korean}}}}
    await templates.add(yard.workspace_id, code="arrival", document=ARRIVAL, registered=registered)
    english, found = [(await render(templates, yard, language=tag)).variants["twilio"] for tag in ("en", "ko")]
    assert (english.name, english.variables) == ("arrival_en", {"1": "May 3, 2026"})  # type: ignore[union-attr]
    assert (found.name, found.variables) == ("arrival_ko", {"1": "2026. 5. 3.", "2": "Mina"})  # type: ignore[union-attr]
    nested = {"forms": {"twilio": {**form, "languages": {"ko": {**korean, "languages": {"en": form}}}}}}
    with pytest.raises(Invalid, match="without further languages"):
        await templates.edit(yard.workspace_id, "arrival", registered=nested)
