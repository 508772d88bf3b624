"""
Handing in an AlimTalk template: it is registered first, and its inspection asked for afterwards.

A template that BizGO does not have yet is registered and becomes a draft; handing in that draft (it has a
`provider_ref` then) asks Kakao to inspect it.

Source: `alimtalk.templates.create` and `.requestInspection` of `bizgo-sdk-comm` 1.2.0.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import msgspec

from sendyard.domain.errors import Invalid, ProviderError
from sendyard.providers.abilities import ProviderTemplate
from sendyard.providers.bizgo.answers import Envelope, read, refusal
from sendyard.providers.bizgo.extras import SENDER_KEY, read_extras
from sendyard.providers.bizgo.spec import ALIMTALK_CHARACTERS, BizgoAccount
from sendyard.providers.bizgo.templates import KakaoTemplate, alimtalk_template
from sendyard.providers.contract import TemplateState
from sendyard.providers.wire import HttpResponse

_CODE_CHARACTERS = 30
_TITLE_CHARACTERS = 50


class _Made(msgspec.Struct):
    alimtalk: KakaoTemplate | None = None


_MADE = msgspec.json.Decoder(Envelope[_Made])
_encode = msgspec.json.Encoder().encode


def waits_for_inspection(template: ProviderTemplate) -> bool:
    """Whether the template is registered already, so that handing it in asks for its inspection."""
    return bool(template.provider_ref) and template.state is TemplateState.DRAFT


def submission(account: BizgoAccount, template: ProviderTemplate, samples: Mapping[str, str]) -> tuple[str, bytes]:
    """Path and body. Raises AppError `Invalid` for what BizGO would refuse anyway."""
    sender_key = template.registration.get(SENDER_KEY) or account.sender_key
    if not sender_key:
        raise Invalid(
            "sender_key_missing",
            "A template belongs to a Kakao channel: enter its sender key (발신프로필 키) with the account.",
        )
    if not 1 <= len(template.name) <= _CODE_CHARACTERS:
        raise Invalid("template_code_malformed", f"Expected a template code of 1 to {_CODE_CHARACTERS} characters.")
    named = {"senderKey": sender_key, "templateCode": template.name}
    if waits_for_inspection(template):
        comment = ", ".join(f"#{{{name}}}: {sample}" for name, sample in samples.items())
        body = {"alimtalk": {**named, "comment": comment or "검수 부탁드립니다."}}
        return "/v1/center/alimtalk/template/request", _encode(body)
    return "/v1/center/alimtalk/template", _encode({"alimtalk": {**named, **_content(template)}})


def _content(template: ProviderTemplate) -> dict[str, Any]:
    if not 1 <= len(template.body) <= ALIMTALK_CHARACTERS:
        raise Invalid(
            "template_text_too_long",
            f"Expected 1 to {ALIMTALK_CHARACTERS} characters of text, found {len(template.body)}.",
        )
    if len(template.header) > _TITLE_CHARACTERS:
        raise Invalid("template_title_too_long", f"Expected a title of at most {_TITLE_CHARACTERS} characters.")
    extras = read_extras(template.registration)
    if extras.wrong:
        raise Invalid("registration_unusable", extras.wrong)
    fields = {name: value for name, value in extras.of("alimtalk").items() if name != "msgType"}
    if template.buttons:
        fields["attachment"] = {**fields.get("attachment", {}), "button": _buttons(template)}
    if template.header:
        fields["title"] = template.header
    if template.footer:
        fields["subTitle"] = template.footer
    if template.category:
        fields["categoryCode"] = template.category
    emphasis = "TEXT" if "title" in fields else "NONE"
    kind = {"templateMessageType": "BA", "templateEmphasizeType": emphasis}
    return {"templateName": template.name, **kind, "text": template.body, **fields}


def _buttons(template: ProviderTemplate) -> list[dict[str, str]]:
    if any(button.kind != "url" or not button.url for button in template.buttons):
        raise Invalid(
            "template_button_unknown",
            "Only buttons that open a page are documented here: give the others as 'alimtalk.attachment'.",
        )
    return [
        {"type": "WL", "name": button.text, "urlMobile": button.url, "urlPc": button.url} for button in template.buttons
    ]


def read_submission(template: ProviderTemplate, response: HttpResponse) -> ProviderTemplate | ProviderError:
    """Read the answer: the template as BizGO has it now; pending once its inspection is asked for."""
    envelope = read(_MADE, response)
    error = refusal(envelope, response)
    if error is not None:
        return error
    made = envelope.data.data.alimtalk if envelope.data and envelope.data.data else None
    if waits_for_inspection(template):
        known = replace(template, state=TemplateState.PENDING, raw_state="REQ")
    else:
        known = replace(template, provider_ref=template.name, state=TemplateState.DRAFT, raw_state="REG")
    if made is None or not made.inspection_status:
        return known
    told = alimtalk_template(made)
    return replace(known, state=told.state, raw_state=told.raw_state)
