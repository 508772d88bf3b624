"""
Registered forms: the same text as a template that a provider has approved.
"""

from typing import Any

import pytest

from sendyard.domain.channels import Channel
from sendyard.domain.content import MediaItem, TemplateRef
from sendyard.domain.errors import Invalid
from sendyard.domain.template import MissingVariable
from sendyard.features.campaigns import Campaigns
from sendyard.features.templates import Templates
from sendyard.features.templates.registered import check_registered, forms_of
from tests.yard import Yard

FORMS: dict[str, Any] = {
    "registration": {"template_id": "1107000000000000001"},
    "forms": {
        "twilio": {"name": "HX1", "language": "en", "variables": {"1": "{name}", "2": "{date|soon}"}},
        "mitake": {"name": "m", "header": {"url": "https://files.example/a.jpg", "content_type": "image/jpeg"}},
    },
}


def test_every_form_is_filled_in_like_the_text() -> None:
    forms = forms_of(check_registered(FORMS))
    assert forms is not None
    assert forms.variables == ("name",)
    assert forms.registration == FORMS["registration"]
    assert forms.render({"name": "Ann {x}"}, "Hi Ann") == {
        "twilio": TemplateRef("HX1", "en", {"1": "Ann {x}", "2": "soon"}, "Hi Ann"),
        "mitake": TemplateRef("m", "", {}, "Hi Ann", (MediaItem("image/jpeg", "https://files.example/a.jpg"),)),
    }
    with pytest.raises(MissingVariable):
        forms.render({}, "")


@pytest.mark.parametrize("nothing", [None, {}])
def test_a_text_that_is_registered_nowhere_has_no_forms(nothing: dict[str, Any] | None) -> None:
    assert forms_of(check_registered(nothing)) is None


@pytest.mark.parametrize(
    ("document", "pointer"),
    [
        ({"forms": {"nobody": {"name": "x"}}}, "/registered/forms/nobody"),
        ({"forms": {"twilio": {"name": " "}}}, "/registered/forms/twilio/name"),
        ({"forms": {"twilio": {"name": "x", "variables": {"1": "{"}}}}, "/registered/forms/twilio/variables/1"),
        ({"forms": {"twilio": {"name": "x", "nonsense": 1}}}, "/registered"),
        ({"forms": []}, "/registered"),
    ],
)
def test_what_cannot_be_used_is_named(document: dict[str, Any], pointer: str) -> None:
    with pytest.raises(Invalid) as refused:
        check_registered(document)
    assert refused.value.errors[0].pointer == pointer


async def test_a_version_keeps_its_forms(yard: Yard) -> None:
    templates = Templates(yard.database, yard.directory)
    made = await templates.add(yard.workspace_id, code="arrival", body="Hi {name}", registered=FORMS)
    assert made["registered"]["forms"]["twilio"]["name"] == "HX1"
    again = await templates.edit(yard.workspace_id, "arrival", registered=FORMS)
    assert again["version"] == 1
    changed = await templates.edit(yard.workspace_id, "arrival", registered={})
    assert (changed["version"], changed["registered"]) == (2, {})
    assert [one["registered"] != {} for one in await templates.versions(yard.workspace_id, "arrival")] == [False, True]


async def test_rendering_gives_the_forms_too(yard: Yard) -> None:
    templates = Templates(yard.database, yard.directory)
    await templates.add(yard.workspace_id, code="arrival", body="Hi {name}", registered=FORMS)
    rendered = await templates.render(yard.workspace_id, "arrival", {"name": "Ann"})
    assert rendered.text == "Hi Ann"
    assert rendered.variants["twilio"].body == "Hi Ann"
    assert rendered.registration == FORMS["registration"]


async def test_a_campaign_needs_the_columns_of_its_forms_and_may_be_bound_to_an_account(yard: Yard) -> None:
    templates, campaigns = Templates(yard.database, yard.directory), Campaigns(yard.database, yard.directory)
    account = await yard.account("mitake", "one")
    forms = {"forms": {"twilio": {"name": "HX1", "variables": {"1": "{order}"}}}}
    await templates.add(yard.workspace_id, code="arrival", body="Hi {name}", registered=forms)
    wish: dict[str, Any] = {"name": "c", "template_code": "arrival", "channel": Channel.SMS, "country": "TW"}
    with pytest.raises(Invalid, match="order"):
        await campaigns.create(yard.workspace_id, csv=b"phone,name\n0912345678,Ann\n", **wish)
    with pytest.raises(Invalid) as refused:
        await campaigns.create(yard.workspace_id, csv=b"phone,name,order\n", account="nobody", **wish)
    assert refused.value.errors[0].pointer == "/account"
    made = await campaigns.create(yard.workspace_id, csv=b"phone,name,order\n0912345678,Ann,7\n", account="one", **wish)
    rows = yard.rows("SELECT account FROM campaigns WHERE id = ?", made["id"])
    assert rows == [(account,)]
