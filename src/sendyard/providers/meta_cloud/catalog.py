"""
The templates Meta has: `GET /{waba_id}/message_templates`, as values.

Source: https://developers.facebook.com/documentation/business-messaging/whatsapp/templates/overview.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from urllib.parse import urlencode

import msgspec

from sendyard.domain.content import TemplateRef
from sendyard.domain.errors import ProviderError
from sendyard.providers.abilities import ProviderTemplate, TemplatePage
from sendyard.providers.contract import Problem, ProtocolError
from sendyard.providers.meta_cloud.answers import result_of
from sendyard.providers.meta_cloud.door import door_of
from sendyard.providers.meta_cloud.payloads import message_kind
from sendyard.providers.meta_cloud.spec import MetaCloudAccount
from sendyard.providers.whatsapp_templates import NOTHING, Button, Component, Template, parts_of, template_of
from sendyard.providers.wire import HttpRequest, HttpResponse

FILES = frozenset({"image", "video", "document"})
VARIABLE = re.compile(r"\{\{\s*([A-Za-z0-9_]{1,64})\s*\}\}")
_PAGE_SIZE = 100
_FIELDS = "id,name,language,status,category,parameter_format,quality_score,rejected_reason,components"


class _Quality(msgspec.Struct, frozen=True):
    score: str | None = None


class _Template(Template, frozen=True):
    parameter_format: str | None = None
    quality_score: _Quality | None = None


class _Cursors(msgspec.Struct, frozen=True):
    after: str | None = None


class _Paging(msgspec.Struct, frozen=True):
    cursors: _Cursors | None = None
    next: str | None = None


class _Page(msgspec.Struct, frozen=True):
    data: list[_Template]
    paging: _Paging | None = None


_page = msgspec.json.Decoder(_Page)


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
    parts = parts_of(given.components)
    is_named = (given.parameter_format or "").upper() == "NAMED"
    variables = [
        *_header_variables(parts.get("HEADER", NOTHING), is_named=is_named),
        *_variables(parts.get("BODY", NOTHING).text or ""),
        *_button_variables(parts.get("BUTTONS", NOTHING).buttons or ()),
    ]
    if (given.category or "").upper() == "AUTHENTICATION" and "1" not in variables:
        # WhatsApp writes this text itself and does not always show where the code stands in it.
        variables.insert(0, "1")
    return replace(
        template_of(given),
        language=language_of(given.language or ""),
        variables=tuple(dict.fromkeys(variables)),
        quality=(given.quality_score.score or "") if given.quality_score else "",
    )


def _variables(text: str) -> list[str]:
    return list(dict.fromkeys(VARIABLE.findall(text)))


def _header_variables(header: Component, *, is_named: bool) -> Iterator[str]:
    for name in _variables(header.text or ""):
        yield f"header:{name}" if is_named else "header"


def _button_variables(buttons: Sequence[Button]) -> Iterator[str]:
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
