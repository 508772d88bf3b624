"""
Handing in a template for approval: `POST /{waba_id}/message_templates`.

Source: https://developers.facebook.com/documentation/business-messaging/whatsapp/templates/overview and
…/templates/authentication-templates.
"""

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import msgspec

from sendyard.domain.errors import Invalid, ProviderError
from sendyard.providers.abilities import ProviderTemplate, TemplateButton
from sendyard.providers.contract import ProtocolError
from sendyard.providers.meta_cloud.answers import result_of
from sendyard.providers.meta_cloud.catalog import FILES, VARIABLE, language_of
from sendyard.providers.meta_cloud.door import door_of
from sendyard.providers.meta_cloud.spec import MetaCloudAccount
from sendyard.providers.whatsapp_templates import state_of
from sendyard.providers.wire import HttpRequest, HttpResponse

CATEGORIES = ("MARKETING", "UTILITY", "AUTHENTICATION")
_MAX_BODY = 1024
_MAX_SHORT = 60
_MAX_BUTTONS = 10
_MAX_BUTTON_TEXT = 25
_NAME = re.compile(r"[a-z0-9_]{1,512}")

_encode = msgspec.json.Encoder().encode
_Component = dict[str, Any]


class _Made(msgspec.Struct, frozen=True):
    id: str
    status: str | None = None
    category: str | None = None


_made = msgspec.json.Decoder(_Made)


def template_request(account: MetaCloudAccount, template: ProviderTemplate, samples: Mapping[str, str]) -> HttpRequest:
    """Build the request. Raises AppError `Invalid` for what Meta would refuse anyway."""
    category = template.category.upper()
    if not _NAME.fullmatch(template.name):
        raise Invalid(
            "template_name_malformed",
            f"Expected lower-case letters, digits and underscores as the template's name, found {template.name!r}.",
        )
    if category not in CATEGORIES:
        raise Invalid(
            "template_category_unknown", f"Expected one of {', '.join(CATEGORIES)}, found {template.category!r}."
        )
    if not template.language:
        raise Invalid("template_language_missing", "Give the template a language, such as en_US.")
    names = VARIABLE.findall(template.body) + VARIABLE.findall(template.header)
    is_named = any(not name.isdecimal() for name in names)
    body: dict[str, Any] = {
        "name": template.name,
        "language": language_of(template.language),
        "category": category,
        "components": (_code_components(template) if category == "AUTHENTICATION" else _components(template, samples)),
    }
    if is_named:
        body["parameter_format"] = "NAMED"
    door = door_of(account)
    return HttpRequest("POST", f"{door.root}/{account.waba_id}/message_templates", door.writing, _encode(body))


def read_template(template: ProviderTemplate, response: HttpResponse) -> ProviderTemplate | ProviderError:
    """Read id, state and category: Meta may have changed the last. Raises ProtocolError."""
    found = result_of(_made, response, "a new template")
    if isinstance(found, ProviderError):
        return found
    if not found.id:
        raise ProtocolError("expected the id of the new template, found an empty one")
    word = found.status or "PENDING"
    return replace(
        template,
        provider_ref=found.id,
        state=state_of(word),
        raw_state=word,
        category=found.category or template.category,
    )


def _code_components(template: ProviderTemplate) -> list[_Component]:
    """WhatsApp writes the text of one-time codes itself; only the button that copies the code is ours."""
    if template.body or template.header or template.header_format or template.footer:
        raise Invalid(
            "template_text_fixed",
            "WhatsApp writes the text of AUTHENTICATION templates itself: leave header, text and footer blank.",
        )
    label = next((button.text for button in template.buttons if button.text), "")
    button = {"type": "OTP", "otp_type": "COPY_CODE"} | ({"text": label} if label else {})
    return [{"type": "BODY", "add_security_recommendation": True}, {"type": "BUTTONS", "buttons": [button]}]


def _components(template: ProviderTemplate, samples: Mapping[str, str]) -> list[_Component]:
    made = [*_header(template, samples), _body(template.body, samples)]
    if template.footer:
        if len(template.footer) > _MAX_SHORT or VARIABLE.search(template.footer):
            raise Invalid(
                "template_footer", f"A footer has up to {_MAX_SHORT} characters and no variables: shorten it."
            )
        made.append({"type": "FOOTER", "text": template.footer})
    if len(template.buttons) > _MAX_BUTTONS:
        raise Invalid(
            "template_buttons", f"A template has up to {_MAX_BUTTONS} buttons, found {len(template.buttons)}."
        )
    if template.buttons:
        buttons = [_button(index, button, samples) for index, button in enumerate(template.buttons)]
        made.append({"type": "BUTTONS", "buttons": buttons})
    return made


def _sample(samples: Mapping[str, str], *names: str) -> str:
    found = next((samples[name] for name in names if samples.get(name)), "")
    if not found:
        raise Invalid("template_sample_missing", f"Give an example value for {names[0]}: WhatsApp reviews with it.")
    return found


def _header(template: ProviderTemplate, samples: Mapping[str, str]) -> list[_Component]:
    kind = template.header_format.lower() or ("text" if template.header else "")
    if not kind:
        return []
    if kind in FILES:
        return [{"type": "HEADER", "format": kind.upper(), "example": {"header_handle": [_sample(samples, "header")]}}]
    if kind == "location":
        return [{"type": "HEADER", "format": "LOCATION"}]
    names = VARIABLE.findall(template.header)
    if kind != "text" or not template.header or len(template.header) > _MAX_SHORT or len(names) > 1:
        raise Invalid(
            "template_header",
            f"A header is an image, video, document or location, or a text of up to {_MAX_SHORT} characters with at "
            "most one variable.",
        )
    made: _Component = {"type": "HEADER", "format": "TEXT", "text": template.header}
    if names:
        value = _sample(samples, f"header:{names[0]}", "header")
        made["example"] = (
            {"header_text": [value]}
            if names[0].isdecimal()
            else {"header_text_named_params": [{"param_name": names[0], "example": value}]}
        )
    return [made]


def _body(text: str, samples: Mapping[str, str]) -> _Component:
    stripped = text.strip()
    if not stripped or len(text) > _MAX_BODY:
        raise Invalid("template_body", f"The text needs 1 to {_MAX_BODY} characters, found {len(text)}.")
    names = list(dict.fromkeys(VARIABLE.findall(text)))
    if not names:
        return {"type": "BODY", "text": text}
    first, *_, last = *VARIABLE.finditer(stripped), *VARIABLE.finditer(stripped)
    if first.start() == 0 or last.end() == len(stripped):
        raise Invalid("template_variable_at_edge", "WhatsApp wants words before the first and after the last variable.")
    if all(map(str.isdecimal, names)):
        wanted = [str(number) for number in range(1, len(names) + 1)]
        if sorted(names, key=int) != wanted:
            raise Invalid("template_variables_gap", f"Number the variables {', '.join(wanted)} without gaps.")
        return {
            "type": "BODY",
            "text": text,
            "example": {"body_text": [[_sample(samples, name) for name in wanted]]},
        }
    if any(map(str.isdecimal, names)):
        raise Invalid("template_variables_mixed", "Number all variables or name all of them.")
    named = [{"param_name": name, "example": _sample(samples, name)} for name in names]
    return {"type": "BODY", "text": text, "example": {"body_text_named_params": named}}


def _button(index: int, button: TemplateButton, samples: Mapping[str, str]) -> _Component:
    made: _Component
    match button.kind:
        case "quick_reply":
            made = {"type": "QUICK_REPLY", "text": button.text}
        case "url":
            made = {"type": "URL", "text": button.text, "url": button.url}
            if found := VARIABLE.search(button.url):
                made["example"] = [button.url.replace(found[0], _sample(samples, f"button:{index}"))]
        case "phone":
            made = {"type": "PHONE_NUMBER", "text": button.text, "phone_number": button.phone}
        case "copy_code":
            # Its label is WhatsApp's own.
            return {"type": "COPY_CODE", "example": _sample(samples, f"coupon:{index}")}
        case _:
            raise Invalid(
                "template_button_kind",
                f"Buttons made here are quick_reply, url, phone and copy_code, found {button.kind!r}: make this "
                "template in WhatsApp Manager and sync it.",
            )
    if not 1 <= len(button.text) <= _MAX_BUTTON_TEXT:
        raise Invalid(
            "template_button_text", f"A button's label has 1 to {_MAX_BUTTON_TEXT} characters, found {button.text!r}."
        )
    return made
