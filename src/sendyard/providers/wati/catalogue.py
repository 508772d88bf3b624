"""
The templates of a workspace: listing them in every generation, handing one in by the only call there is (v1).

The body of that call is documented nowhere in full; its form here is that of WATI's own answers.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any, cast

import msgspec

from sendyard.domain.content import TemplateRef
from sendyard.domain.errors import Invalid, ProviderError
from sendyard.providers.abilities import ProviderTemplate, TemplateButton, TemplatePage
from sendyard.providers.contract import ProtocolError, TemplateState
from sendyard.providers.wati.answers import decode, error_of, refusal
from sendyard.providers.wati.door import door_of
from sendyard.providers.wati.sending import HEADER_PARAMETER
from sendyard.providers.wati.spec import WatiAccount
from sendyard.providers.whatsapp import MAX_BODY, MAX_MARGIN
from sendyard.providers.wire import HttpRequest, HttpResponse

PAGE = 100

STATES: Mapping[str, TemplateState] = MappingProxyType(
    {
        "draft": TemplateState.DRAFT,
        "pending": TemplateState.PENDING,
        "approved": TemplateState.APPROVED,
        "rejected": TemplateState.REJECTED,
        "deleted": TemplateState.DISABLED,
        "internal pending": TemplateState.PENDING,
        "disabled": TemplateState.DISABLED,
        "paused": TemplateState.PAUSED,
    }
)
"""In the order of the numbers 0 to 7 that webhooks write instead of the words."""

_KINDS = MappingProxyType(
    {
        "quick_reply": "quick_reply",
        "quickreply": "quick_reply",
        "url": "url",
        "call": "phone",
        "phone_number": "phone",
        "phone": "phone",
        "copy_code": "copy_code",
        "otp": "otp",
        "flow": "flow",
    }
)
_LANGUAGE = re.compile(r"[a-z]{2,3}([_-][A-Za-z]{2,4})?")
_NAME = re.compile(r"[a-z0-9_]{1,512}")


class _Language(msgspec.Struct):
    key: str | None = None
    value: str | None = None
    text: str | None = None


class _Parameter(msgspec.Struct):
    name: str | None = None
    legacy_name: str | None = msgspec.field(default=None, name="paramName")


class _Template(msgspec.Struct):
    """The second half of the names is that of v1 and v2."""

    id: str | None = None
    name: str | None = None
    category: str | None = None
    status: str | int | None = None
    language_option: _Language | None = None
    custom_params: list[_Parameter] | None = None
    header: Any = None
    body: str | None = None
    body_original: str | None = None
    footer: str | None = None
    buttons: Any = None
    quality: str | int | None = None
    legacy_name: str | None = msgspec.field(default=None, name="elementName")
    legacy_language: _Language | str | None = msgspec.field(default=None, name="language")
    legacy_params: list[_Parameter] | None = msgspec.field(default=None, name="customParams")
    legacy_body: str | None = msgspec.field(default=None, name="bodyOriginal")


class _Link(msgspec.Struct):
    total: int | None = None


class _Page(msgspec.Struct):
    """v3 has been seen with three names for its list."""

    templates: list[_Template] | None = None
    message_templates: list[_Template] | None = None
    template_list: list[_Template] | None = None
    total: int | None = None
    legacy: list[_Template] | None = msgspec.field(default=None, name="messageTemplates")
    link: _Link | None = None


class _Created(msgspec.Struct):
    id: str | None = None
    status: str | int | None = None


class _Creation(msgspec.Struct):
    ok: bool | None = None
    result: _Created | str | bool | None = None
    error: str | None = None
    message: str | None = None
    info: str | None = None


_page = msgspec.json.Decoder(_Page)
_creation = msgspec.json.Decoder(_Creation)
_body = msgspec.json.Encoder()


def list_request(account: WatiAccount, cursor: str, page_size: int = PAGE) -> HttpRequest:
    """Ask for one page; the cursor is its number."""
    door, number = door_of(account), cursor or "1"
    if account.api_version == "v3":
        url = f"{door.v3}/messageTemplates?page_number={number}&page_size={page_size}"
    else:
        prefix = door.v2 if account.api_version == "v2" else door.v1
        url = f"{prefix}/getMessageTemplates?pageSize={page_size}&pageNumber={number}"
    return HttpRequest("GET", url, door.reading)


def read_page(cursor: str, response: HttpResponse) -> TemplatePage | ProviderError:
    """Read one page. Raises ProtocolError."""
    if response.status != 200:
        if error := error_of(response):
            return error
        raise ProtocolError(f"expected templates from WATI, found HTTP {response.status}")
    page = decode(_page, response, "templates")
    lists = (page.templates, page.message_templates, page.template_list, page.legacy)
    found = next((one for one in lists if one is not None), None)
    if found is None:
        raise ProtocolError("expected a list of templates from WATI, found none")
    number = int(cursor or "1")
    total = page.link.total if page.link else page.total
    # Without a total a full page promises another one.
    more = len(found) >= PAGE if total is None else bool(found) and number * PAGE < total
    return TemplatePage([_template(one) for one in found], str(number + 1) if more else "")


def without_media(wanted: TemplateRef, template: ProviderTemplate | None) -> ProviderTemplate | None:
    """A file of the header fills its parameter, so that one is not missing."""
    if template is None or not wanted.media:
        return template
    return replace(template, variables=tuple(name for name in template.variables if name != HEADER_PARAMETER))


def state_of(word: str | int | None) -> TemplateState:
    """The state behind a word or number of WATI's; `UNMAPPED` for one in no table."""
    text = str(word).casefold().replace("_", " ")
    if text.isdecimal() and len(text) == 1 and int(text) < len(STATES):
        return list(STATES.values())[int(text)]
    return STATES.get(text, TemplateState.UNMAPPED)


def _template(one: _Template) -> ProviderTemplate:
    header = cast("dict[str, Any]", one.header) if isinstance(one.header, dict) else {}
    form = str(header.get("type") or header.get("typeString") or "").casefold()
    parameters = one.custom_params if one.custom_params is not None else one.legacy_params
    names = [parameter.name or parameter.legacy_name or "" for parameter in parameters or ()]
    raw = "" if one.status is None else str(one.status)
    return ProviderTemplate(
        name=one.name or one.legacy_name or "",
        state=state_of(raw),
        language=_language(one.language_option or one.legacy_language),
        category=one.category or "",
        provider_ref=one.id or "",
        raw_state=raw,
        body=one.body_original or one.legacy_body or one.body or "",
        header=str(header.get("text") or header.get("link") or ""),
        header_format="" if form == "none" else form,
        footer=one.footer or "",
        buttons=tuple(_buttons(one.buttons)),
        variables=tuple(dict.fromkeys(filter(None, names))),
        quality="" if one.quality is None else str(one.quality),
    )


def _language(given: _Language | str | None) -> str:
    """Code of the language: WATI has it now in `value`, now in `key`, beside its name."""
    if not isinstance(given, _Language):
        return given or ""
    words = [word for word in (given.value, given.key, given.text) if word]
    return next((word for word in words if _LANGUAGE.fullmatch(word)), words[0] if words else "")


def _buttons(given: Any) -> Iterable[TemplateButton]:
    for one in given if isinstance(given, list) else ():
        if not isinstance(one, dict):
            continue
        inner = one.get("parameter")
        said = {**one, **inner} if isinstance(inner, dict) else one
        kind = str(one.get("type", "")).casefold()
        phone = said.get("phone_number") or said.get("phoneNumber") or ""
        yield TemplateButton(
            _KINDS.get(kind, kind), str(said.get("text") or ""), str(said.get("url") or ""), str(phone)
        )


def create_request(account: WatiAccount, template: ProviderTemplate, samples: Mapping[str, str]) -> HttpRequest:
    """Hand one in. Raises AppError `Invalid` for limits of WhatsApp and missing samples."""
    _check(template, samples)
    door = door_of(account)
    body: dict[str, Any] = {
        "type": "template",
        "category": template.category.upper(),
        "subCategory": "STANDARD",
        "elementName": template.name,
        "language": template.language,
        "body": template.body,
        "buttonsType": _buttons_type(template.buttons),
        "buttons": [_button(one) for one in template.buttons],
        "customParams": [{"paramName": name, "paramValue": samples[name]} for name in template.variables],
    }
    if template.header_format == "text":
        body["header"] = {"type": "text", "text": template.header}
    elif template.header_format:
        body["header"] = {"type": template.header_format, "link": template.header}
    if template.footer:
        body["footer"] = template.footer
    return HttpRequest("POST", f"{door.v1}/whatsapp/templates", door.writing, _body.encode(body))


def _check(template: ProviderTemplate, samples: Mapping[str, str]) -> None:
    missing = [name for name in template.variables if not samples.get(name, "").strip()]
    if missing:
        raise Invalid("samples_missing", f"Meta wants an example for every variable; add one for {', '.join(missing)}.")
    if not _NAME.fullmatch(template.name):
        detail = f"Expected a name of a-z, 0-9 and _, found {template.name!r}; rename the template."
        raise Invalid("template_name", detail)
    if not template.language or not template.category:
        raise Invalid("template_incomplete", "A template needs a language (such as en) and a category (UTILITY, …).")
    for what, text, limit in (("body", template.body, MAX_BODY), ("footer", template.footer, MAX_MARGIN)):
        if len(text) > limit:
            detail = f"The {what} may have {limit} characters, found {len(text)}; shorten it."
            raise Invalid("template_too_long", detail)


def _buttons_type(buttons: tuple[TemplateButton, ...]) -> str:
    if not buttons:
        return "none"
    return "quick_reply" if all(one.kind == "quick_reply" for one in buttons) else "call_to_action"


def _button(one: TemplateButton) -> dict[str, Any]:
    parameter = {"text": one.text}
    if one.url:
        parameter["url"] = one.url
    if one.phone:
        parameter["phoneNumber"] = one.phone
    return {"type": "call" if one.kind == "phone" else one.kind, "parameter": parameter}


def read_creation(template: ProviderTemplate, response: HttpResponse) -> ProviderTemplate | ProviderError:
    """Read what became of a template handed in. Raises ProtocolError."""
    if not 200 <= response.status < 300:
        if error := error_of(response):
            return error
        raise ProtocolError(f"expected the new template from WATI, found HTTP {response.status}")
    answer = decode(_creation, response, "a new template")
    if answer.ok is False or answer.result is False:
        said = answer.error or answer.message or answer.info or ""
        return refusal(said)
    if answer.ok is None and answer.result is None:
        raise ProtocolError("expected ok or result from WATI, found neither")
    made = answer.result if isinstance(answer.result, _Created) else _Created()
    raw = "PENDING" if made.status is None else str(made.status)
    return replace(template, provider_ref=made.id or template.provider_ref, state=state_of(raw), raw_state=raw)
