"""
Approved templates of WhatsApp as Meta writes them, and as many providers pass them on: words, parts and buttons.

Source: https://developers.facebook.com/documentation/business-messaging/whatsapp/templates.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType

import msgspec

from sendyard.providers.abilities import ProviderTemplate, TemplateButton
from sendyard.providers.contract import TemplateState

_STATES: Mapping[str, TemplateState] = {
    "APPROVED": TemplateState.APPROVED,
    "REINSTATED": TemplateState.APPROVED,
    "UNARCHIVED": TemplateState.APPROVED,
    "FLAGGED": TemplateState.APPROVED,  # a warning: it may still be sent
    "PENDING": TemplateState.PENDING,
    "SUBMITTED": TemplateState.PENDING,
    "IN_APPEAL": TemplateState.PENDING,
    "DRAFT": TemplateState.DRAFT,
    "REJECTED": TemplateState.REJECTED,
    "FAILED": TemplateState.REJECTED,
    "PAUSED": TemplateState.PAUSED,
    "DISABLED": TemplateState.DISABLED,
    "LOCKED": TemplateState.DISABLED,
    "DEACTIVATED": TemplateState.DISABLED,
    "LIMIT_EXCEEDED": TemplateState.DISABLED,
    "PENDING_DELETION": TemplateState.DISABLED,
    "DELETED": TemplateState.DISABLED,
    "ARCHIVED": TemplateState.DISABLED,
}
BUTTON_KINDS: Mapping[str, str] = MappingProxyType(
    {
        "QUICK_REPLY": "quick_reply",
        "URL": "url",
        "PHONE_NUMBER": "phone",
        "COPY_CODE": "copy_code",
        "OTP": "otp",
        "FLOW": "flow",
    }
)
"""Meta's words for buttons, and ours."""

_VARIABLE = re.compile(r"\{\{\s*([^{}]+?)\s*\}\}")


class Button(msgspec.Struct, frozen=True):
    """One button of a template."""

    type: str = ""
    text: str | None = None
    url: str | None = None
    phone_number: str | None = None


class Component(msgspec.Struct, frozen=True):
    """One part of a template: HEADER, BODY, FOOTER or BUTTONS."""

    type: str = ""
    format: str | None = None
    text: str | None = None
    buttons: tuple[Button, ...] | None = None


NOTHING = Component()


class Template(msgspec.Struct, frozen=True):
    """A template in a list, as far as all lists have it."""

    name: str = ""
    id: str | int | None = None
    language: str | None = None
    category: str | None = None
    status: str | None = None
    rejected_reason: str | None = None
    components: tuple[Component, ...] | None = None


def state_of(word: str) -> TemplateState:
    """Our state of Meta's word, of a list or of a webhook; `UNMAPPED` for one that is in no table."""
    return _STATES.get(word.upper(), TemplateState.UNMAPPED)


def parts_of(components: Iterable[Component] | None) -> dict[str, Component]:
    """Components by their type in capitals."""
    return {component.type.upper(): component for component in components or ()}


def template_of(row: Template) -> ProviderTemplate:
    """Give a row as the catalogue keeps it, but for its variables, which providers name differently."""
    parts = parts_of(row.components)
    header, body, footer = (parts.get(name, NOTHING) for name in ("HEADER", "BODY", "FOOTER"))
    reason = row.rejected_reason or ""
    return ProviderTemplate(
        name=row.name,
        state=state_of(row.status or ""),
        language=row.language or "",
        category=row.category or "",
        provider_ref="" if row.id is None else str(row.id),
        raw_state=row.status or "",
        body=body.text or "",
        header=header.text or "",
        header_format=(header.format or "text").lower() if header.type else "",
        footer=footer.text or "",
        buttons=tuple(
            TemplateButton(
                BUTTON_KINDS.get(button.type.upper(), button.type.lower()),
                button.text or "",
                button.url or "",
                button.phone_number or "",
            )
            for button in parts.get("BUTTONS", NOTHING).buttons or ()
        ),
        reason="" if reason.upper() == "NONE" else reason,
    )


def variables_of(template: ProviderTemplate) -> Iterator[str]:
    """Yield `header`, the names in the body in their order, and `button:N` for addresses that end in a variable."""
    if _VARIABLE.search(template.header):
        yield "header"
    yield from body_variables(template.body)
    for index, button in enumerate(template.buttons):
        if _VARIABLE.search(button.url):
            yield f"button:{index}"


def body_variables(body: str) -> list[str]:
    """Give the names between two pairs of braces, each once, in their order."""
    return list(dict.fromkeys(_VARIABLE.findall(body)))
