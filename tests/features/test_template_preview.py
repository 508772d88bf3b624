"""
Previews in full: words as they leave, rules, price, registered texts.
"""

from dataclasses import replace
from typing import Any

import pytest

from sendyard.delivery.preflight import Draft, prepare
from sendyard.delivery.queries import count_template_change
from sendyard.domain.channels import Channel, Purpose
from sendyard.domain.countries.situation import RegisteredTemplate, Registration
from sendyard.domain.errors import Invalid
from sendyard.features.templates import PreviewWish, Templates, queries
from sendyard.features.templates.catalogue import kept_of
from sendyard.providers.abilities import ProviderTemplate
from sendyard.providers.contract import TemplateState
from sendyard.storage.identifiers import now_ms
from tests.yard import KOREAN, TAIWANESE, Yard, only_sqlite

META = {
    "phone_number_id": "106540352242922", "waba_id": "102290129340398", "access_token": "invented-token",
    "app_secret": "0123456789abcdef0123456789abcdef", "verify_token": "invented-verify",
}  # fmt: skip


@pytest.fixture
def templates(yard: Yard) -> Templates:
    return Templates(yard.database, yard.directory)


async def preview(templates: Templates, yard: Yard, body: str = "", code: str = "", **wish: Any) -> dict[str, Any]:
    values = wish.pop("values", {})
    return await templates.preview(yard.workspace_id, PreviewWish(values=values, **wish), body=body, code=code)


async def copy(yard: Yard, account_id: str, **template: Any) -> None:
    """Let the provider have a template."""
    found = ProviderTemplate(**{"name": "arrival", "state": TemplateState.APPROVED, "language": "en_US", **template})
    kept = kept_of(found)

    def keep(tx: Any) -> None:
        queries.lease_catalogue(tx, yard.workspace_id, account_id, now=now_ms(), until=0, asked_before=now_ms())
        queries.catalogue_read(tx, account_id, now=now_ms())
        queries.keep_copies(tx, yard.workspace_id, account_id, {(found.name, found.language): kept}, now=now_ms())
        count_template_change(tx, account_id)

    await yard.database.write(keep)
    await yard.directory.refresh()


async def test_advertising_in_korea_is_shown_with_what_the_rules_add(yard: Yard, templates: Templates) -> None:
    found = await preview(templates, yard, "봄 할인 20%", country="KR", purpose=Purpose.PROMOTIONAL)
    assert found["rendered"] == "봄 할인 20%"
    assert found["text"].startswith("(광고)")
    assert found["bytes"] == len(found["text"].encode("cp949"))
    assert {"kr.label"} <= {rule["rule"] for rule in found["rules"]}
    assert all(rule["satisfy"] and rule["source"] for rule in found["rules"])
    plain = await preview(templates, yard, "봄 할인 20%", country="KR", purpose=Purpose.TRANSACTIONAL)
    assert plain["text"] == plain["rendered"]


@only_sqlite
async def test_samples_language_and_costly_characters_are_shown(yard: Yard, templates: Templates) -> None:
    document = {
        "language": "en",
        "purpose": "otp",
        "variables": {"when": {"type": "date", "sample": "2026-05-03"}, "name": {"sample": "Ann"}},
        "bodies": {"sms": {"en": {"text": "Hi {name}… {when}"}, "ko": {"text": "{name}님 {when}"}}},
        "samples": [{"name": "Mina"}],
    }
    await templates.add(yard.workspace_id, code="order", document=document)
    found = await preview(templates, yard, code="order", sample=0)
    assert (found["text"], found["purpose"], found["encoding"]) == ("Hi Mina… May 3, 2026", "otp", "UCS-2")
    assert [(one["char"], one["suggestion"]) for one in found["forcing"]] == [("…", "...")]
    assert found["values"] == {"name": "Mina", "when": "May 3, 2026"}
    korean = await preview(templates, yard, code="order", sample=5, language="ko-KR", values={"name": "민아"})
    assert (korean["text"], korean["language"], korean["kind"]) == ("민아님 2026. 5. 3.", "ko", "sms")
    whole = await templates.preview(
        yard.workspace_id, PreviewWish(values={}, sample=0, language="ko"), document=document
    )
    assert whole["text"] == "Mina님 2026. 5. 3."
    with pytest.raises(Invalid, match="several or none"):
        await templates.preview(yard.workspace_id, PreviewWish(values={}), code="order", document=document)


@only_sqlite
async def test_files_and_titles_count(yard: Yard, templates: Templates) -> None:
    picture = {"url": "https://files.example/a.jpg", "content_type": "image/jpeg"}
    document = {"bodies": {"mms": {"": {"title": "제목", "text": "안녕", "media": [picture]}}}}
    await templates.add(yard.workspace_id, code="picture", document=document)
    found = await preview(templates, yard, code="picture", country="KR")
    assert (found["title"], found["class"], found["content"]["type"]) == ("제목", "MMS", "media")


async def test_a_registered_text_that_differs_is_shown_word_by_word(yard: Yard, templates: Templates) -> None:
    account_id = await yard.account("meta_cloud", "wa", settings=META)
    form = {"name": "arrival", "language": "en_US", "variables": {"1": "{name}"}}
    await templates.add(
        yard.workspace_id, code="arrival", body="Hi {name}, it is here.", registered={"forms": {"meta_cloud": form}}
    )
    wish: dict[str, Any] = {"code": "arrival", "values": {"name": "Ann"}, "channel": Channel.WHATSAPP}
    (unknown,) = (await preview(templates, yard, **wish))["registered"]
    assert (unknown["account"], unknown["state"], unknown["matches"]) == ("wa", None, None)
    await copy(yard, account_id, body="Hi {{1}}, it is there.", variables=("1",))
    (differs,) = (await preview(templates, yard, **wish))["registered"]
    assert (differs["state"], differs["matches"]) == ("approved", False)
    assert [piece for piece in differs["words"] if piece["op"] != "equal"] == [
        {"op": "removed", "text": "there"},
        {"op": "added", "text": "here"},
    ]
    assert [problem["kind"] for problem in differs["problems"]] == ["text_differs"]
    await copy(yard, account_id, body="Hi {{1}}, it is here.", variables=("1",), state=TemplateState.PAUSED)
    (paused,) = (await preview(templates, yard, **wish))["registered"]
    assert (paused["state"], paused["matches"], paused["words"]) == ("paused", True, [])
    assert [problem["kind"] for problem in paused["problems"]] == ["template_not_approved"]
    await copy(yard, account_id, body="")
    (without,) = (await preview(templates, yard, **wish))["registered"]
    assert without["matches"] is None


@only_sqlite
async def test_a_text_registered_at_dlt_is_compared_exactly(
    yard: Yard, templates: Templates, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = "1107000000000000001"
    known = RegisteredTemplate(number, "Hi {#var#}, your order is here.", state=Registration.APPROVED)
    facts = replace(yard.directory.facts(yard.workspace_id), templates={number: known})
    monkeypatch.setattr(type(yard.directory), "facts", lambda *_: facts)
    registered = {"registration": {"template_id": number}}
    for code, body in (("same", "Hi {name}, your order is here."), ("other", "Hi {name}, your order was here.")):
        await templates.add(yard.workspace_id, code=code, body=body, registered=registered)
    wish: dict[str, Any] = {"values": {"name": "Ann"}, "country": "IN"}
    (same,) = (await preview(templates, yard, code="same", **wish))["registered"]
    assert (same["at"], same["matches"], same["problems"]) == ("DLT", True, [])
    (other,) = (await preview(templates, yard, code="other", **wish))["registered"]
    assert (other["matches"], other["problems"][0]["found"]) == (False, "was")
    long = await preview(templates, yard, code="same", values={"name": "A" * 31}, country="IN")
    assert [one["kind"] for one in long["registered"][0]["problems"]] == ["variable_too_long"]
    assert any("31" in rule["detail"] for rule in long["rules"])


def pressed(*labels: str, kind: str = "whatsapp", **body: Any) -> dict[str, Any]:
    """A document of one text with these buttons."""
    buttons = [{"kind": "reply", "text": label} for label in labels]
    return {"bodies": {kind: {"": {"text": "Hi", "buttons": buttons, **body}}}}


def texted(text: str) -> dict[str, Any]:
    return {"bodies": {"sms": {"": {"text": text}}}}


async def refused(templates: Templates, yard: Yard, document: dict[str, Any], wish: PreviewWish, to: str) -> list[Any]:
    """What sending the same would say."""
    letters = await templates.add(yard.workspace_id, code="same", document=document)
    rendered = await templates.render(
        yard.workspace_id, letters["code"], {}, channel=wish.channel, country=wish.country
    )
    draft = Draft(to=to, content=rendered.content, channel=wish.channel, purpose=rendered.purpose)
    try:
        prepare(yard.directory, yard.workspace_id, draft, now_ms())
    except Invalid as error:
        return [{"code": one.code, "detail": one.detail} for one in error.errors]
    return []


PICTURE = {"url": "https://files.example/a.jpg", "content_type": "image/jpeg"}


@only_sqlite
@pytest.mark.parametrize(
    ("document", "channel", "to", "codes"),
    [
        (pressed("Yes", "No"), Channel.WHATSAPP, TAIWANESE, []),
        (pressed("1", "2", "3", "4"), Channel.WHATSAPP, TAIWANESE, ["choices_count"]),
        (
            pressed("Y" * 21, header="h" * 61, footer="f" * 61),
            Channel.WHATSAPP,
            TAIWANESE,
            ["choice_length", "header_too_long", "footer_too_long"],
        ),
        (pressed("Y" * 41, kind="line"), Channel.LINE, "U" + "0" * 32, ["button_too_long"]),
        (pressed("Yes", kind="alimtalk"), Channel.ALIMTALK, KOREAN, ["buttons_not_carried"]),
        (texted("안녕 🎉"), Channel.SMS, KOREAN, ["characters_not_carried"]),
        (texted("가" * 1001), Channel.SMS, KOREAN, ["text_too_long"]),
        ({"bodies": {"mms": {"": {"text": "Hi", "media": [PICTURE]}}}}, Channel.SMS, KOREAN, ["media_needs_mms"]),
    ],
)
async def test_a_preview_says_what_sending_would_refuse(
    yard: Yard, templates: Templates, document: dict[str, Any], channel: Channel, to: str, codes: list[str]
) -> None:
    await yard.account("meta_cloud", "wa", settings=META, sender="106540352242922")
    await yard.account("line", "line", settings={"channel_id": "1234567890", "channel_secret": "0" * 32})
    await yard.account("bizgo", "kr", sender="0212345678")
    for account, carries in (("wa", "whatsapp"), ("line", "line"), ("kr", "sms"), ("kr", "alimtalk")):
        await yard.routes.set(yard.workspace_id, channel=Channel(carries), accounts=[account])
    wish = PreviewWish(values={}, channel=channel, country="KR" if to == KOREAN else "")
    found = await templates.preview(yard.workspace_id, wish, document=document)
    assert [one["code"] for one in found["problems"]] == codes
    assert found["problems"] == await refused(templates, yard, document, wish, to)
    assert found["account"] is not None


@only_sqlite
async def test_a_preview_passes_over_an_account_that_cannot_carry_it(yard: Yard, templates: Templates) -> None:
    await yard.account("mitake", "tw", price_per_part="0.9", currency="TWD")
    await yard.account("twilio", "world", price_per_part="0.02", currency="USD")
    await yard.routes.set(yard.workspace_id, channel=Channel.SMS, country="TW", accounts=["tw", "world"])
    plain = await preview(templates, yard, "Hi", country="TW")
    assert (plain["account"], plain["problems"]) == ("tw", [])
    awkward = await preview(templates, yard, "Hi $$", country="TW", account="tw")
    assert (awkward["account"], [one["code"] for one in awkward["problems"]]) == ("tw", ["forbidden_sequence"])
    either = await preview(templates, yard, "Hi $$", country="TW")
    assert (either["account"], either["price"]["account"], either["problems"]) == ("world", "world", [])


@only_sqlite
async def test_a_preview_without_an_account_says_what_is_wrong_everywhere(yard: Yard, templates: Templates) -> None:
    async def problems(document: dict[str, Any], **wish: Any) -> list[str]:
        given = PreviewWish(values={}, **wish)
        found = await templates.preview(yard.workspace_id, given, document=document)
        assert found["account"] is None
        return [one["code"] for one in found["problems"]]

    assert await problems(pressed("Yes", kind="alimtalk"), channel=Channel.ALIMTALK) == ["buttons_not_carried"]
    assert await problems(pressed("1", "2", "3", "4"), channel=Channel.WHATSAPP) == []
    assert await problems(texted("안녕 🎉"), country="KR") == ["characters_not_carried"]
    assert await problems(texted("안녕 🎉")) == []


@only_sqlite
async def test_a_registered_form_is_judged_in_place_of_the_text(yard: Yard, templates: Templates) -> None:
    await yard.account("meta_cloud", "wa", settings=META, sender="106540352242922")
    await yard.routes.set(yard.workspace_id, channel=Channel.WHATSAPP, accounts=["wa"])
    form = {"name": "arrival", "language": "en_US", "variables": {"1": "{name}"}}
    document = pressed("1", "2", "3", "4", text="Hi {name}")
    for code, registered in (("free", None), ("held", {"forms": {"meta_cloud": form}})):
        await templates.add(yard.workspace_id, code=code, document=document, registered=registered)
    wish: dict[str, Any] = {"channel": Channel.WHATSAPP, "values": {"name": "Ann"}}
    assert [one["code"] for one in (await preview(templates, yard, code="free", **wish))["problems"]] == [
        "choices_count"
    ]
    assert (await preview(templates, yard, code="held", **wish))["problems"] == []
    wish["values"] = {"name": "Ann\tB"}
    assert [one["code"] for one in (await preview(templates, yard, code="held", **wish))["problems"]] == [
        "variable_layout"
    ]
