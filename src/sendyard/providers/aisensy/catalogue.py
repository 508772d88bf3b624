"""
Templates at AiSensy, by the Project API: the list (sheet, section 5), and handing one in, whose body nobody documents.

A row of the list has a name, a status and the body as `text`; rows in Meta's form, with `components`, are read as well.
"""

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import msgspec

from sendyard.domain.errors import Invalid
from sendyard.providers.abilities import ProviderTemplate, TemplateButton
from sendyard.providers.aisensy.answers import decode
from sendyard.providers.aisensy.messages import BUTTON, HEADER
from sendyard.providers.contract import TemplateState
from sendyard.providers.whatsapp import MAX_BODY
from sendyard.providers.whatsapp_templates import Template, body_variables, state_of, template_of, variables_of
from sendyard.providers.wire import HttpResponse

_BUTTON_WORDS = {"quick_reply": "QUICK_REPLY", "url": "URL", "phone": "PHONE_NUMBER"}
_CATEGORIES = frozenset({"MARKETING", "UTILITY", "AUTHENTICATION"})
_NAME = re.compile(r"[a-z0-9_]{1,512}")


class _Row(Template, frozen=True):
    text: str | None = None


class _List(msgspec.Struct, frozen=True):
    template: tuple[_Row, ...]


class _Made(msgspec.Struct, frozen=True):
    id: str | int | None = None
    status: str | None = None
    template: _Row | None = None


_list = msgspec.json.Decoder(_List)
_made = msgspec.json.Decoder(_Made)


def templates_of(response: HttpResponse) -> list[ProviderTemplate]:
    """Read the list. Raises ProtocolError."""
    return [_template(row) for row in decode(_list, response, "a list of templates").template if row.name]


def _template(row: _Row) -> ProviderTemplate:
    found = template_of(row)
    found = replace(found, body=found.body or row.text or "")
    return replace(found, variables=tuple(variables_of(found)))


def creation_of(template: ProviderTemplate, samples: Mapping[str, str]) -> dict[str, Any]:
    """
    Body of `POST …/wa_template`, in the form Meta documents for its own call.

    Raises:
        Invalid: a limit of Meta's is broken, or a variable has no sample.
    """
    _check(template, samples)
    components = []
    if template.header:
        header: dict[str, Any] = {"type": "HEADER", "format": "TEXT", "text": template.header}
        if HEADER in samples:
            header["example"] = {"header_text": [samples[HEADER]]}
        components.append(header)
    body: dict[str, Any] = {"type": "BODY", "text": template.body}
    if names := body_variables(template.body):
        body["example"] = {"body_text": [[samples[name] for name in names]]}
    components.append(body)
    if template.footer:
        components.append({"type": "FOOTER", "text": template.footer})
    if template.buttons:
        buttons = [_button(index, button, samples) for index, button in enumerate(template.buttons)]
        components.append({"type": "BUTTONS", "buttons": buttons})
    return {
        "name": template.name,
        "category": template.category.upper(),
        "language": template.language or "en",
        "components": components,
    }


def _check(template: ProviderTemplate, samples: Mapping[str, str]) -> None:
    if not _NAME.fullmatch(template.name):
        raise _unusable(f"Expected a name of small letters, digits and _, found {template.name!r}; change it.")
    if template.category.upper() not in _CATEGORIES:
        wanted = ", ".join(sorted(_CATEGORIES))
        raise _unusable(f"Expected one of the categories {wanted}, found {template.category!r}.")
    if not 1 <= len(template.body) <= MAX_BODY:
        raise _unusable(f"Expected a text of 1 to {MAX_BODY} characters, found {len(template.body)}.")
    if template.header_format not in {"", "text"}:
        raise _unusable("Make a template with a file in its header in AiSensy itself: Manage, Template Message.")
    if missing := [name for name in variables_of(template) if not samples.get(name)]:
        raise _unusable(f"Meta wants a sample for each variable; found none for {', '.join(missing)}.")


def _button(index: int, button: TemplateButton, samples: Mapping[str, str]) -> dict[str, Any]:
    word = _BUTTON_WORDS.get(button.kind)
    if word is None:
        raise _unusable(f"Make a template with a {button.kind} button in AiSensy itself: Manage, Template Message.")
    made: dict[str, Any] = {"type": word, "text": button.text}
    if button.kind == "phone":
        made["phone_number"] = button.phone
    if button.kind == "url":
        made["url"] = button.url
        if sample := samples.get(f"{BUTTON}{index}"):
            made["example"] = [sample]
    return made


def _unusable(detail: str) -> Invalid:
    return Invalid("template_not_usable", detail)


def made_of(template: ProviderTemplate, response: HttpResponse) -> ProviderTemplate:
    """The template as handed in; one whose status is not told waits for approval. Raises ProtocolError."""
    made = decode(_made, response, "what became of the template")
    inner = made.template or _Row()
    reference = made.id if made.id is not None else inner.id
    word = made.status or inner.status or ""
    # Some answers say only that the call succeeded.
    state = state_of(word)
    if state is TemplateState.UNMAPPED:
        state = TemplateState.PENDING
    return replace(template, provider_ref="" if reference is None else str(reference), raw_state=word, state=state)
