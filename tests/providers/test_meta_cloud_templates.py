"""
Templates between the adapter and the emulated Meta: handed in, reviewed, listed, sent, judged, deleted.
"""

from dataclasses import replace
from typing import Any

import pytest

from sendyard.domain.content import MediaItem, TemplateRef
from sendyard.providers.abilities import (
    ProviderTemplate,
    TemplateButton,
    TemplatePage,
)
from sendyard.providers.contract import (
    TemplateChange,
    TemplateState,
)
from sendyard.providers.meta_cloud import ADAPTER, EMULATOR
from sendyard.providers.meta_cloud import emulated_state as memory
from tests.providers.meta_cloud_wire import BASE, ID, USER, WABA, ask, code_of, error, events, pair, said, send
from tests.providers.wire_pair import Pair


def page(line: Pair, cursor: str = "") -> TemplatePage:
    call = line.call()
    found = ADAPTER.parse_templates(call, cursor, line.exchange(ADAPTER.build_templates(call, cursor)))
    assert isinstance(found, TemplatePage)
    return found


def hand_in(line: Pair, name: str = "order_left", **changes: Any) -> ProviderTemplate:
    given = ProviderTemplate(name, TemplateState.DRAFT, "en_US", "UTILITY", body="Hi {{1}}, your order left.")
    given = replace(given, **changes)
    wanted = {"1": "Asha", "header": "4::x", "button:0": "17", "coupon:1": "SAVE10", "first_name": "Asha"}
    found = ADAPTER.parse_template(given, line.exchange(ADAPTER.build_template(line.call(), given, wanted)))
    assert isinstance(found, ProviderTemplate)
    return found


def test_a_template_is_reviewed_approved_and_sent() -> None:
    line = pair()
    made = hand_in(line)
    assert (made.state, made.provider_ref != "") == (TemplateState.PENDING, True)
    wanted = TemplateRef("order_left", "en_US", {"1": "Asha"}, "Hi Asha, your order left.")
    assert code_of(send(line, wanted)) == "132001"
    line.now += memory.REVIEW
    (sample, ours) = page(line).templates
    assert (sample.name, ours.state, ours.variables) == ("sample_message", TemplateState.APPROVED, ("1",))
    assert ADAPTER.fits(ours, wanted) == []
    assert code_of(send(line, wanted)) == ""
    assert line.received[-1].text == wanted.body


def test_a_template_with_all_parts_is_sent_as_the_catalog_says() -> None:
    line = pair()
    buttons = (TemplateButton("url", "Open", "https://s.example.test/{{1}}"), TemplateButton("copy_code", ""))
    hand_in(line, header_format="image", footer="Corner Shop", buttons=buttons, category="MARKETING")
    line.now += memory.REVIEW
    (*_, ours) = page(line).templates
    assert ours.variables == ("1", "button:0", "coupon:1")
    picture = MediaItem("image/png", url="https://files.example.test/a.png")
    values = {"1": "Asha", "button:0": "17", "coupon:1": "SAVE10"}
    whole = TemplateRef("order_left", "en_US", values, media=(picture,))
    assert ADAPTER.fits(ours, whole) == []
    assert code_of(send(line, whole)) == ""
    assert line.received[-1].media == (picture.url,)
    for variables, media, code in (
        ({"1": "Asha", "button:0": "17"}, (picture,), "131008"),
        ({"1": "Asha", "coupon:1": "X"}, (picture,), "131008"),
        ({**values, "button:5": "x"}, (picture,), "132018"),
        (values, (), "132012"),
        (values, (replace(picture, content_type="video/mp4"),), "132012"),
        ({**values, "2": "B"}, (picture,), "132000"),
    ):
        assert code_of(send(line, TemplateRef("order_left", "en_US", variables, media=media))) == code, variables


def test_named_variables_arrive_by_their_names() -> None:
    line = pair()
    hand_in(line, body="Hi {{first_name}}, your order left.")
    line.now += memory.REVIEW
    assert code_of(send(line, TemplateRef("order_left", "en_US", {"first_name": "Asha"}))) == ""
    assert line.received[-1].text == "Hi Asha, your order left."
    assert code_of(send(line, TemplateRef("order_left", "en_US", {"name": "Asha"}))) == "132018"


def test_a_header_text_wants_its_value() -> None:
    line = pair()
    hand_in(line, header="Order {{1}}")
    line.now += memory.REVIEW
    assert code_of(send(line, TemplateRef("order_left", "en_US", {"1": "Asha", "header": "17"}))) == ""
    assert code_of(send(line, TemplateRef("order_left", "en_US", {"1": "Asha"}))) == "132000"


def test_handing_in_again_what_was_registered_takes_its_place() -> None:
    line = pair(templates=[{"name": "sale", "body": "Sale"}, {"name": "sale", "body": "Sale today"}])
    assert [(template.name, template.body) for template in page(line).templates] == [
        ("sample_message", "{{1}}"),
        ("sale", "Sale today"),
    ]
    deleted = ask(line, "DELETE", f"/{WABA}/message_templates?name=sale")
    assert said(deleted) == {"success": True}


def test_one_time_codes_go_to_phone_numbers_only() -> None:
    line = pair()
    hand_in(line, body="", category="AUTHENTICATION", buttons=(TemplateButton("otp", "Copy"),))
    line.now += memory.REVIEW
    (*_, ours) = page(line).templates
    assert ours.variables == ("1", "button:0")
    code = TemplateRef("order_left", "en_US", {"1": "123456", "button:0": "123456"})
    assert code_of(send(line, code)) == ""
    assert code_of(send(line, code, USER)) == "131062"


def test_a_bad_name_is_rejected_in_review() -> None:
    line = pair()
    hand_in(line, "rejected_offer")
    line.now += memory.REVIEW
    (*_, ours) = page(line).templates
    assert (ours.state, ours.reason) == (TemplateState.REJECTED, "INVALID_FORMAT")


@pytest.mark.parametrize(
    ("event", "state", "code"),
    [
        ("PAUSED", TemplateState.PAUSED, "132015"),
        ("DISABLED", TemplateState.DISABLED, "132016"),
        ("REJECTED", TemplateState.REJECTED, "132001"),
        ("APPROVED", TemplateState.APPROVED, ""),
        ("FLAGGED", None, ""),
    ],
)
def test_a_judgement_is_told_and_kept(event: str, state: TemplateState | None, code: str) -> None:
    line = pair()
    made = hand_in(line)
    line.now += memory.REVIEW
    page(line)
    callback = EMULATOR.judge_template(
        line.state, account=ID, template_id=made.provider_ref, event=event, reason="NONE", now=line.now
    )
    (change,) = events(line, callback)
    assert isinstance(change, TemplateChange)
    assert (change.name, change.language, change.state) == ("order_left", "en_US", state)
    assert change.provider_ref == made.provider_ref
    assert code_of(send(line, TemplateRef("order_left", "en_US", {"1": "Asha"}))) == code


def test_many_templates_come_in_pages() -> None:
    given = [{"name": f"t{n:03d}", "body": "Hi"} for n in range(150)]
    line = pair(templates=given)
    first = page(line)
    second = page(line, first.cursor)
    assert (len(first.templates), len(second.templates), second.cursor) == (100, 51, "")
    named = said(ask(line, "GET", f"/{WABA}/message_templates?name=t007&status=APPROVED"))["data"]
    assert [one["name"] for one in named] == ["t007"]
    assert said(ask(line, "GET", f"/{WABA}/message_templates?status=REJECTED")) == {"data": [], "paging": {}}


def test_templates_are_counted() -> None:
    line = pair(templates=[{"name": f"t{n:03d}", "body": "Hi"} for n in range(249)])
    body = {"name": "t", "language": "en_US", "category": "UTILITY", "components": [{"type": "BODY", "text": "Hi"}]}
    assert error(ask(line, "POST", f"/{WABA}/message_templates", body)) == (400, 100, 2388019)


@pytest.mark.parametrize(
    ("changes", "subcode"),
    [
        ({"name": "Order"}, None),
        ({"language": ""}, None),
        ({"category": "NEWS"}, None),
        ({"name": "sample_message"}, None),
        ({"components": []}, 2388072),
        ({"components": "none"}, 2388072),
        ({"components": [{"type": "BODY", "text": ""}]}, 2388040),
        ({"components": [{"type": "BODY", "text": "{{1}} left", "example": {}}]}, 2388299),
        ({"components": [{"type": "BODY", "text": "x {{1}}{{2}} y{{3}} z", "example": {}}]}, None),
        ({"components": [{"type": "BODY", "text": "x {{1}} {{2}} {{3}} z"}]}, 2388293),
        ({"components": [{"type": "BODY", "text": "Hi {{1}}, hello"}]}, 2388072),
        ({"components": [{"type": "BODY", "text": "Hi"}, {"type": "HEADER", "text": "x" * 61}]}, 2388047),
        ({"components": [{"type": "BODY", "text": "Hi"}, {"type": "HEADER", "format": "IMAGE"}]}, 2388047),
        ({"components": [{"type": "BODY", "text": "Hi"}, {"type": "FOOTER", "text": "x" * 61}]}, 2388073),
        ({"components": [{"type": "BODY", "text": "Hi"}, {"type": "FOOTER", "text": "{{1}}"}]}, 2388073),
        ({"components": [{"type": "BODY", "text": "Hi"}, {"type": "BUTTONS", "buttons": [{}] * 11}]}, 2388039),
    ],
)
def test_a_malformed_template_is_refused_with_its_subcode(changes: dict[str, Any], subcode: int | None) -> None:
    body = {"name": "t", "language": "en_US", "category": "UTILITY", "components": [{"type": "BODY", "text": "Hi"}]}
    answer = ask(pair(), "POST", f"/{WABA}/message_templates", {**body, **changes})
    if "x {{1}}{{2}} y{{3}} z" in str(changes):
        subcode = 2388072
    assert error(answer) == (400, 100, subcode)


def test_a_template_is_edited_reviewed_again_and_deleted() -> None:
    line = pair()
    made = hand_in(line)
    line.now += memory.REVIEW
    edited = ask(line, "POST", f"/{made.provider_ref}", {"components": [{"type": "BODY", "text": "It left."}]})
    assert said(edited) == {"success": True}
    (*_, ours) = page(line).templates
    assert (ours.state, ours.body) == (TemplateState.PENDING, "It left.")
    path = f"/{WABA}/message_templates?name=order_left"
    assert error(ask(line, "DELETE", f"{path}&hsm_id=1")) == (400, 100, None)
    assert said(ask(line, "DELETE", f"{path}&hsm_id={made.provider_ref}")) == {"success": True}
    assert [template.name for template in page(line).templates] == ["sample_message"]


@pytest.mark.parametrize(
    ("components", "code"),
    [
        ([{"type": "footer"}], 132018),
        ([{"type": "button", "index": "x"}], 132018),
        ([{"type": "button", "index": 99}], 132018),
        ([{"type": "body", "parameters": [{"type": "currency"}]}], 132012),
        ([{"type": "body", "parameters": [{"type": "text", "text": ""}]}], 131008),
        ([{"type": "body", "parameters": [{"type": "text", "text": "x" * 1025}]}], 132005),
        ([{"type": "header", "parameters": [{"type": "text", "text": "x"}]}], 132000),
        ([], 132000),
    ],
)
def test_parameters_that_do_not_fit_the_template_are_refused(components: list[Any], code: int) -> None:
    given = {"name": "sample_message", "language": {"code": "en_US"}, "components": components}
    assert error(ask(pair(), "POST", f"/{ID}/messages", {**BASE, "type": "template", "template": given}))[1] == code


def test_a_second_account_has_templates_of_its_own() -> None:
    line = pair(templates=[{"name": "sale", "body": "Sale"}])
    second = {**EMULATOR.sample_account, "phone_number_id": "100000000000005", "waba_id": "200000000000005"}
    EMULATOR.register(line.state, {**second, "access_token": "EAAGsecond"})
    line.account = type(line.account).model_validate(
        {**second, "access_token": "EAAGsecond", "base_url": line.account.base_url}
    )
    assert [template.name for template in page(line).templates] == ["sample_message"]
    assert code_of(send(line, TemplateRef("sale", "en_US"))) == "132001"
