"""
Templates as Gupshup keeps them: a flat record, and in `containerMeta` the parts as JSON in a text.

Sources: docs.gupshup.io/reference/get_wa-app-appid-template-templateid; for new ones
partner-docs.gupshup.io/reference/post_partner-app-appid-templates. Messages name a template by its id, so the id is
`ProviderTemplate.name` here, and `elementName`, the name people gave it, is `provider_ref`.
"""

import re
from collections.abc import Mapping, Sequence
from urllib.parse import urlencode

import msgspec

from sendyard.domain.errors import Invalid, ProviderError
from sendyard.providers.abilities import ProviderTemplate, TemplateButton, TemplatePage
from sendyard.providers.contract import ProtocolError
from sendyard.providers.gupshup_whatsapp.answers import decode, error_of
from sendyard.providers.gupshup_whatsapp.messages import BUTTON_PREFIX, HEADER_VARIABLE
from sendyard.providers.whatsapp_templates import state_of
from sendyard.providers.wire import HttpResponse

_PLACE = re.compile(r"\{\{ ?([1-9][0-9]?) ?\}\}")
_NAME = re.compile(r"[a-z0-9_]{1,180}")
_MAX_BODY = 1024
_MAX_MARGIN = 60
_MEDIA_FORMATS = frozenset({"image", "video", "document", "location"})
_CATEGORIES = frozenset({"AUTHENTICATION", "MARKETING", "UTILITY"})
_KINDS = {"QUICK_REPLY": "quick_reply", "URL": "url", "PHONE_NUMBER": "phone", "COPY_CODE": "copy_code", "OTP": "otp"}
_WORDS = {kind: word for word, kind in _KINDS.items()}


class _Button(msgspec.Struct, frozen=True):
    type: str = ""
    text: str | None = None
    url: str | None = None
    phone_number: str | None = None


class _Container(msgspec.Struct, frozen=True):
    data: str | None = None
    header: str | None = None
    footer: str | None = None
    buttons: list[_Button] | None = None


class _Template(msgspec.Struct, frozen=True):
    id: str
    elementName: str = ""  # noqa: N815 - the names on the wire
    status: str = ""
    category: str | None = None
    languageCode: str | None = None  # noqa: N815
    data: str | None = None
    templateType: str | None = None  # noqa: N815
    containerMeta: str | None = None  # noqa: N815
    reason: str | None = None
    quality: str | None = None


class _List(msgspec.Struct, frozen=True):
    status: str
    templates: list[_Template]


class _One(msgspec.Struct, frozen=True):
    status: str
    template: _Template


_list = msgspec.json.Decoder(_List)
_one = msgspec.json.Decoder(_One)
_container = msgspec.json.Decoder(_Container)


def read_templates(response: HttpResponse) -> TemplatePage | ProviderError:
    """Read all templates of an app; Gupshup gives them at once. Raises ProtocolError."""
    if response.status != 200:
        return error_of(response)
    answer = decode(_list, response.body, "a list of templates")
    if answer.status != "success":
        raise ProtocolError(f"expected a list of templates with status success, found {answer.status!r}")
    return TemplatePage([_template_of(one) for one in answer.templates])


def read_created(response: HttpResponse) -> ProviderTemplate | ProviderError:
    """Read the answer to a template handed in. Raises ProtocolError."""
    if not 200 <= response.status < 300:
        return error_of(response)
    answer = decode(_one, response.body, "the new template")
    if answer.status != "success" or not answer.template.id:
        raise ProtocolError(f"expected the new template with its id, found status {answer.status!r}")
    return _template_of(answer.template)


def new_template(template: ProviderTemplate, samples: Mapping[str, str]) -> bytes:
    """
    Write the form that hands a template in; `provider_ref` (else `name`) is the name it gets.

    For a header with a file, `samples["header"]` is the handle of an example file.

    Raises:
        Invalid: a part breaks a limit, or an example is missing.
    """
    element = template.provider_ref or template.name
    category = template.category.upper()
    if not _NAME.fullmatch(element):
        raise _unusable(f"the name has small letters, digits and underscores, up to 180; found {element!r}")
    if category not in _CATEGORIES:
        raise _unusable(f"the category is one of {', '.join(sorted(_CATEGORIES))}; found {template.category!r}")
    if not template.body or len(template.body) > _MAX_BODY:
        raise _unusable(f"the body has 1 to {_MAX_BODY} characters; found {len(template.body)}")
    if len(template.header) > _MAX_MARGIN or len(template.footer) > _MAX_MARGIN:
        raise _unusable(f"header and footer have up to {_MAX_MARGIN} characters each; shorten them")
    has_file = template.header_format in _MEDIA_FORMATS
    fields = {
        "elementName": element,
        "languageCode": template.language or "en_US",
        "category": category,
        "templateType": template.header_format.upper() if has_file else "TEXT",
        "vertical": element,
        "content": template.body,
        "example": _filled(template.body, samples),
        "enableSample": "true",
    }
    if template.header and not has_file:
        fields["header"] = template.header
        fields["exampleHeader"] = _PLACE.sub(lambda _: _sample(samples, HEADER_VARIABLE), template.header)
    if has_file and template.header_format != "location":
        fields["exampleMedia"] = _sample(samples, HEADER_VARIABLE)
    if template.footer:
        fields["footer"] = template.footer
    if template.buttons:
        buttons = [_button(index, button, samples) for index, button in enumerate(template.buttons)]
        fields["buttons"] = msgspec.json.encode(buttons).decode()
    return urlencode(fields).encode()


def _template_of(one: _Template) -> ProviderTemplate:
    container = _container_of(one)
    kind = (one.templateType or "TEXT").lower()
    header_format = kind if kind in _MEDIA_FORMATS else "text" if container.header else ""
    header = container.header or ""
    body = container.data or one.data or ""
    buttons = tuple(
        TemplateButton(
            _KINDS.get(button.type.upper(), button.type.lower()),
            button.text or "",
            button.url or "",
            button.phone_number or "",
        )
        for button in container.buttons or ()
    )
    return ProviderTemplate(
        name=one.id,
        state=state_of(one.status),
        language=one.languageCode or "",
        category=one.category or "",
        provider_ref=one.elementName,
        raw_state=one.status,
        body=body,
        header=header,
        header_format=header_format,
        footer=container.footer or "",
        buttons=buttons,
        variables=tuple(_variables(header, body, buttons)),
        reason=one.reason or "",
        quality=one.quality or "",
    )


def _container_of(one: _Template) -> _Container:
    """Read `containerMeta`; templates made long ago have none, and then `data` is all there is."""
    try:
        return _container.decode(one.containerMeta or "{}")
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return _Container()


def _variables(header: str, body: str, buttons: Sequence[TemplateButton]) -> list[str]:
    """Give the names in the order in which the values travel."""
    in_header = [HEADER_VARIABLE] if _PLACE.search(header) else []
    numbers = sorted({int(number) for number in _PLACE.findall(body)})
    in_buttons = [f"{BUTTON_PREFIX}{index}" for index, button in enumerate(buttons) if _PLACE.search(button.url)]
    return [*in_header, *map(str, numbers), *in_buttons]


def _filled(text: str, samples: Mapping[str, str]) -> str:
    return _PLACE.sub(lambda found: _sample(samples, found[1]), text)


def _sample(samples: Mapping[str, str], name: str) -> str:
    if not (sample := samples.get(name, "")):
        raise _unusable(f"WhatsApp wants an example value for the variable {name}; give one")
    return sample


def _button(index: int, button: TemplateButton, samples: Mapping[str, str]) -> dict[str, object]:
    """One button; a variable of its address is shown with an example."""
    made: dict[str, object] = {"type": _WORDS.get(button.kind, button.kind.upper()), "text": button.text}
    if button.phone:
        made["phone_number"] = button.phone
    if button.url:
        made["url"] = button.url
        if _PLACE.search(button.url):
            sample = _sample(samples, f"{BUTTON_PREFIX}{index}")
            made["example"] = [_PLACE.sub(lambda _: sample, button.url)]
    return made


def _unusable(why: str) -> Invalid:
    return Invalid("template_unusable", f"Gupshup would refuse this template: {why}.")
