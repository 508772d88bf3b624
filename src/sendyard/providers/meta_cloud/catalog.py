"""
The templates Meta has: `GET /{waba_id}/message_templates`, as values.

Source: https://developers.facebook.com/documentation/business-messaging/whatsapp/templates/overview.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from urllib.parse import urlencode

import msgspec

from sendyard.domain.content import TemplateRef
from sendyard.domain.errors import ProviderError
from sendyard.providers.abilities import ProviderTemplate, TemplateButton, TemplatePage
from sendyard.providers.contract import Problem, ProtocolError, TemplateState
from sendyard.providers.meta_cloud.answers import result_of
from sendyard.providers.meta_cloud.door import door_of
from sendyard.providers.meta_cloud.payloads import message_kind
from sendyard.providers.meta_cloud.spec import MetaCloudAccount
from sendyard.providers.wire import HttpRequest, HttpResponse

STATES: Mapping[str, TemplateState] = {
    "APPROVED": TemplateState.APPROVED,
    "REINSTATED": TemplateState.APPROVED,
    "UNARCHIVED": TemplateState.APPROVED,
    "PENDING": TemplateState.PENDING,
    "IN_APPEAL": TemplateState.PENDING,
    "REJECTED": TemplateState.REJECTED,
    "PAUSED": TemplateState.PAUSED,
    "DISABLED": TemplateState.DISABLED,
    "PENDING_DELETION": TemplateState.DISABLED,
    "DELETED": TemplateState.DISABLED,
    "ARCHIVED": TemplateState.DISABLED,
    "LIMIT_EXCEEDED": TemplateState.DISABLED,
}
"""Meta's words, of the list and of the webhook alike."""

FILES = frozenset({"image", "video", "document"})
VARIABLE = re.compile(r"\{\{\s*([A-Za-z0-9_]{1,64})\s*\}\}")
_PAGE_SIZE = 100
_FIELDS = "id,name,language,status,category,parameter_format,quality_score,rejected_reason,components"
_KINDS = {
    "QUICK_REPLY": "quick_reply",
    "URL": "url",
    "PHONE_NUMBER": "phone",
    "COPY_CODE": "copy_code",
    "OTP": "otp",
    "FLOW": "flow",
}


class _Button(msgspec.Struct, frozen=True):
    type: str
    text: str | None = None
    url: str | None = None
    phone_number: str | None = None


class _Component(msgspec.Struct, frozen=True):
    type: str
    format: str | None = None
    text: str | None = None
    buttons: list[_Button] | None = None


class _Quality(msgspec.Struct, frozen=True):
    score: str | None = None


class _Template(msgspec.Struct, frozen=True):
    name: str
    id: str | None = None
    language: str | None = None
    status: str | None = None
    category: str | None = None
    parameter_format: str | None = None
    quality_score: _Quality | None = None
    rejected_reason: str | None = None
    components: list[_Component] | None = None


class _Cursors(msgspec.Struct, frozen=True):
    after: str | None = None


class _Paging(msgspec.Struct, frozen=True):
    cursors: _Cursors | None = None
    next: str | None = None


class _Page(msgspec.Struct, frozen=True):
    data: list[_Template]
    paging: _Paging | None = None


_page = msgspec.json.Decoder(_Page)


def state_of(word: str) -> TemplateState:
    """Our state of Meta's word; `UNMAPPED` for one that is in no table."""
    return STATES.get(word.upper(), TemplateState.UNMAPPED)


def language_of(code: str) -> str:
    """`en_US`, which webhooks also write as `en-US`."""
    return code.replace("-", "_")


def templates_request(account: MetaCloudAccount, cursor: str) -> HttpRequest:
    """Ask for a page; `cursor` is what Meta named as `after`."""
    door = door_of(account)
    query = {"limit": str(_PAGE_SIZE), "fields": _FIELDS} | ({"after": cursor} if cursor else {})
    address = f"{door.root}/{account.waba_id}/message_templates?{urlencode(query, safe=',')}"
    return HttpRequest("GET", address, door.reading)


def read_templates(response: HttpResponse) -> TemplatePage | ProviderError:
    """Read a page. Raises ProtocolError."""
    found = result_of(_page, response, "a list of templates")
    if isinstance(found, ProviderError):
        return found
    if not all(template.name for template in found.data):
        raise ProtocolError("expected a name with each template, found an empty one")
    paging = found.paging or _Paging()
    # `after` stands on the last page as well; only `next` says that there is more.
    cursor = (paging.cursors.after or "") if paging.next and paging.cursors else ""
    return TemplatePage([_value(template) for template in found.data], cursor)


def _value(given: _Template) -> ProviderTemplate:
    parts = {component.type.upper(): component for component in given.components or ()}
    nothing = _Component("")
    header, body, footer = (parts.get(name, nothing) for name in ("HEADER", "BODY", "FOOTER"))
    buttons = parts.get("BUTTONS", nothing).buttons or []
    is_named = (given.parameter_format or "").upper() == "NAMED"
    variables = [
        *_header_variables(header, is_named=is_named),
        *_variables(body.text or ""),
        *_button_variables(buttons),
    ]
    if (given.category or "").upper() == "AUTHENTICATION" and "1" not in variables:
        # WhatsApp writes this text itself and does not always show where the code stands in it.
        variables.insert(0, "1")
    reason = given.rejected_reason or ""
    return ProviderTemplate(
        name=given.name,
        state=state_of(given.status or ""),
        language=language_of(given.language or ""),
        category=given.category or "",
        provider_ref=given.id or "",
        raw_state=given.status or "",
        body=body.text or "",
        header=header.text or "",
        header_format=(header.format or "text").lower() if header.type else "",
        footer=footer.text or "",
        buttons=tuple(
            TemplateButton(
                _KINDS.get(button.type.upper(), button.type.lower()),
                button.text or "",
                button.url or "",
                button.phone_number or "",
            )
            for button in buttons
        ),
        variables=tuple(dict.fromkeys(variables)),
        reason="" if reason.upper() == "NONE" else reason,
        quality=(given.quality_score.score or "") if given.quality_score else "",
    )


def _variables(text: str) -> list[str]:
    return list(dict.fromkeys(VARIABLE.findall(text)))


def _header_variables(header: _Component, *, is_named: bool) -> Iterator[str]:
    for name in _variables(header.text or ""):
        yield f"header:{name}" if is_named else "header"


def _button_variables(buttons: Sequence[_Button]) -> Iterator[str]:
    for index, button in enumerate(buttons):
        kind = button.type.upper()
        # A code is copied by a button that is sent as one with an address (sheet of authentication templates).
        if kind == "OTP" or (kind == "URL" and VARIABLE.search(button.url or "")):
            yield f"button:{index}"
        elif kind == "COPY_CODE":
            yield f"coupon:{index}"


def unfitting(template: ProviderTemplate, wanted: TemplateRef) -> list[Problem]:
    """What the number of variables and the header's file have wrong; Meta would answer 132000 or 132012."""
    found = []
    known = set(template.variables)
    extra = [name for name in wanted.variables if name not in known and not name.startswith("payload:")]
    if extra:
        detail = f"The template {wanted.name!r} has no variables {', '.join(extra)}: take them out, or sync it."
        found.append(Problem("template_variables_unknown", detail))
    kinds = [message_kind(item.content_type) for item in wanted.media]
    if template.header_format in FILES and kinds != [template.header_format]:
        detail = f"The header of {wanted.name!r} is a file: give one {template.header_format} as its media."
        found.append(Problem("template_media_missing", detail))
    elif template.header_format not in FILES and kinds:
        found.append(Problem("template_media_unknown", f"The template {wanted.name!r} has no file in its header."))
    if template.header_format == "location":
        detail = f"The header of {wanted.name!r} is a place, which cannot be filled in from here: use another template."
        found.append(Problem("template_header_unsupported", detail))
    return found
