"""
The templates of a workspace: listing them page by page, and handing one in.

Source: https://documenter.getpostman.com/view/14760594/2sA2r7zibM. `name` is the code name that sends want;
`buttons` is a text with JSON, now and then encoded twice.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any
from urllib.parse import urlencode

import msgspec

from sendyard.domain.errors import Invalid, ProviderError
from sendyard.providers.abilities import ProviderTemplate, TemplateButton, TemplatePage
from sendyard.providers.contract import ProtocolError, TemplateState
from sendyard.providers.interakt.answers import decode, error_of, refusal
from sendyard.providers.interakt.sending import BUTTON, HEADER, headers_of
from sendyard.providers.interakt.spec import InteraktAccount
from sendyard.providers.whatsapp import MAX_BODY, MAX_MARGIN
from sendyard.providers.whatsapp_templates import BUTTON_KINDS, state_of
from sendyard.providers.wire import HttpRequest, HttpResponse

LANGUAGES: Mapping[str, str] = MappingProxyType(
    {
        "en": "English",
        "en_GB": "English (UK)",
        "en_US": "English (US)",
        "hi": "Hindi",
        "bn": "Bengali",
        "gu": "Gujarati",
        "kn": "Kannada",
        "ml": "Malayalam",
        "mr": "Marathi",
        "pa": "Punjabi",
        "ta": "Tamil",
        "te": "Telugu",
        "ur": "Urdu",
        "ar": "Arabic",
        "id": "Indonesian",
    }
)
"""A template is handed in with the name of its language (Meta's English one), and sent with its code."""

_TYPES = {kind: word for word, kind in BUTTON_KINDS.items()}
_PLACEHOLDER = re.compile(r"\{\{(\d+)\}\}")
_WAITING = "WAITING"  # its own word for pending; the others are Meta's
_TIMES_ENCODED = 3


class _Template(msgspec.Struct):
    id: str | None = None
    name: str | None = None
    language: str | None = None
    category: str | None = None
    header_format: str | None = None
    header: str | None = None
    header_handle_file_url: str | None = None
    body: str | None = None
    footer: str | None = None
    buttons: Any = None
    approval_status: str | None = None


class _Results(msgspec.Struct):
    templates: list[_Template]


class _Page(msgspec.Struct):
    results: _Results
    has_next: bool | None = None


class _Made(msgspec.Struct):
    id: str | int | None = None


class _Creation(msgspec.Struct):
    result: bool | None = None
    message: str | None = None
    data: _Made | None = None


_page = msgspec.json.Decoder(_Page)
_creation = msgspec.json.Decoder(_Creation)
_buttons_text = msgspec.json.Decoder()
_body = msgspec.json.Encoder()


def list_request(account: InteraktAccount, **query: str) -> HttpRequest:
    """Ask for a page; `offset` alone moves it, and the filters are those of the collection."""
    url = f"{account.base_url}/track/organization/templates?{urlencode(query)}"
    return HttpRequest("GET", url, headers_of(account, writing=False))


def read_page(cursor: str, response: HttpResponse) -> TemplatePage | ProviderError:
    """Read one page; an empty one is the last, whatever it promises. Raises ProtocolError."""
    if response.status != 200:
        if error := error_of(response):
            return error
        raise ProtocolError(f"expected templates from Interakt, found HTTP {response.status}")
    page = decode(_page, response, "templates")
    found = [_template(one) for one in page.results.templates]
    following = str(int(cursor or "0") + len(found)) if found and page.has_next else ""
    return TemplatePage(found, following)


def _template(one: _Template) -> ProviderTemplate:
    buttons = tuple(_buttons(one.buttons))
    form = (one.header_format or "").casefold()
    raw = one.approval_status or ""
    body, header = one.body or "", one.header or ""
    return ProviderTemplate(
        name=one.name or "",
        state=TemplateState.PENDING if raw.upper() == _WAITING else state_of(raw),
        language=one.language or "",
        category=one.category or "",
        provider_ref=one.id or "",
        raw_state=raw,
        body=body,
        header=header or one.header_handle_file_url or "",
        header_format="" if form == "none" else form,
        footer=one.footer or "",
        buttons=buttons,
        variables=tuple(_variables(body, header, buttons)),
    )


def _variables(body: str, header: str, buttons: tuple[TemplateButton, ...]) -> Iterator[str]:
    yield from sorted(set(_PLACEHOLDER.findall(body)), key=int)
    if _PLACEHOLDER.search(header):
        yield HEADER
    for index, button in enumerate(buttons):
        if _PLACEHOLDER.search(button.url):
            yield f"{BUTTON}{index}"


def _buttons(given: Any) -> Iterator[TemplateButton]:
    for _ in range(_TIMES_ENCODED):
        if not isinstance(given, str):
            break
        try:
            given = _buttons_text.decode(given) if given else None
        except (msgspec.MsgspecError, RecursionError):
            return
    for one in given if isinstance(given, list) else ():
        if isinstance(one, dict):
            word = str(one.get("type") or "").upper()
            texts = [str(one.get(name) or "") for name in ("text", "url", "phone_number")]
            yield TemplateButton(BUTTON_KINDS.get(word, word.casefold()), *texts)


def create_request(account: InteraktAccount, template: ProviderTemplate, samples: Mapping[str, str]) -> HttpRequest:
    """Hand one in. Raises AppError `Invalid` for what the call cannot take."""
    _check(template, samples)
    body: dict[str, Any] = {
        "display_name": template.name,
        "language": LANGUAGES[template.language],
        "category": template.category.capitalize(),
        "header_format": "TEXT" if template.header_format else None,
        "body": template.body,
        "body_text": [samples[name] for name in sorted(set(_PLACEHOLDER.findall(template.body)), key=int)],
    }
    if template.header_format:
        body["header"] = template.header
        if _PLACEHOLDER.search(template.header):
            body["header_text"] = [samples[HEADER]]
    if template.footer:
        body["footer"] = template.footer
    if template.buttons:
        quick = all(one.kind == "quick_reply" for one in template.buttons)
        body["button_type"] = "Quick Reply" if quick else "Call To Action"
        body["buttons"] = [_button(one) for one in template.buttons]
        if texts := [samples[name] for name in template.variables if name.startswith(BUTTON)]:
            body["button_text"] = texts
    return HttpRequest("POST", f"{account.base_url}/track/templates/", headers_of(account), _body.encode(body))


def _check(template: ProviderTemplate, samples: Mapping[str, str]) -> None:
    wanted = {*template.variables, *_variables(template.body, template.header, template.buttons)}
    if missing := sorted(name for name in wanted if not samples.get(name, "").strip()):
        raise Invalid("samples_missing", f"Meta wants an example for every variable; add one for {', '.join(missing)}.")
    if not template.name or not template.category:
        raise Invalid("template_incomplete", "A template needs a name and a category (UTILITY, MARKETING, …).")
    if template.language not in LANGUAGES:
        known = ", ".join(LANGUAGES)
        detail = f"Interakt takes the languages {known} by this call; found {template.language!r}."
        raise Invalid("template_language", detail)
    if template.header_format not in {"", "text"}:
        detail = "Interakt takes the sample file of a header on its own website only; make this template there."
        raise Invalid("template_header", detail)
    for what, text, limit in (("body", template.body, MAX_BODY), ("footer", template.footer, MAX_MARGIN)):
        if len(text) > limit:
            detail = f"The {what} may have {limit} characters, found {len(text)}; shorten it."
            raise Invalid("template_too_long", detail)


def _button(one: TemplateButton) -> dict[str, str]:
    said = {"text": one.text, "url": one.url, "phone_number": one.phone}
    return {"type": _TYPES.get(one.kind, one.kind.upper()), **{name: value for name, value in said.items() if value}}


def read_creation(template: ProviderTemplate, response: HttpResponse) -> ProviderTemplate | ProviderError:
    """The template with Interakt's id; it waits for Meta now. Raises ProtocolError."""
    if response.status not in {200, 201}:
        if error := error_of(response):
            return error
        raise ProtocolError(f"expected the new template from Interakt, found HTTP {response.status}")
    answer = decode(_creation, response, "a new template")
    if answer.result is False:
        return refusal(answer.message or "")
    if answer.data is None or answer.data.id is None:
        raise ProtocolError("expected data.id of the new template from Interakt, found none")
    return replace(template, provider_ref=str(answer.data.id), state=TemplateState.PENDING, raw_state=_WAITING)
