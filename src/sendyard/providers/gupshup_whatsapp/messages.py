"""
What a message is on Gupshup's wire: form fields, one of them JSON.

Sources: docs.gupshup.io/reference/msg, /docs/session-messages, /docs/template-messages. Parameters of a template
are positional: those of the header first, then the body's by number, then those of buttons.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any
from urllib.parse import quote_plus

import msgspec

from sendyard.domain.content import Interactive, Media, MediaItem, TemplateRef, Text
from sendyard.providers.contract import Outgoing
from sendyard.providers.whatsapp import kind_of

SESSION = "/wa/api/v1/msg"
TEMPLATE = "/wa/api/v1/template/msg"

HEADER_VARIABLE = "header"
BUTTON_PREFIX = "button:"
_FILE = "file"  # Gupshup's word for a document beside a text

_encode = msgspec.json.Encoder().encode


def path_of(outgoing: Outgoing) -> str:
    """Give the call that carries this content."""
    return TEMPLATE if isinstance(outgoing.content, TemplateRef) else SESSION


def form_of(app_name: str, source: str, outgoing: Outgoing) -> bytes:
    """Write the form of one message."""
    head = f"{_head(app_name, outgoing.sender or source)}{outgoing.to.value.removeprefix('+')}"
    content = outgoing.content
    if isinstance(content, TemplateRef):
        form = f"{head}&template={_json({'id': content.name, 'params': params_of(content.variables)})}"
        if content.media:
            form += f"&message={_json(_header_file(content.media[0]))}"
        return form.encode("ascii")
    if isinstance(content, Text):
        message: dict[str, Any] = {"type": "text", "text": content.body, "previewUrl": False}
        if outgoing.in_reply_to:
            message["context"] = {"msgId": outgoing.in_reply_to}
    elif isinstance(content, Media):
        message = _file(content.items[0], content.body)
    else:
        message = _list(content, outgoing.reference) if content.list_label else _buttons(content, outgoing.reference)
    return f"{head}&message={_json(message)}".encode("ascii")


def params_of(variables: Mapping[str, str]) -> list[str]:
    """Put the values into the order in which Gupshup counts them."""
    if len(variables) == 1:
        return list(variables.values())
    return [variables[name] for name in sorted(variables, key=_place)]


@lru_cache(maxsize=1024)
def _head(app_name: str, source: str) -> str:
    return f"channel=whatsapp&source={quote_plus(source)}&src.name={quote_plus(app_name)}&destination="


def _json(value: Any) -> str:
    return quote_plus(_encode(value))


def _place(name: str) -> tuple[int, int]:
    if name == HEADER_VARIABLE:
        return 0, 0
    if name.startswith(BUTTON_PREFIX):
        return 2, int(name.removeprefix(BUTTON_PREFIX))
    return 1, int(name)


def _header_file(item: MediaItem) -> dict[str, Any]:
    """The file of a template's header: by its address, or by the id of an upload."""
    kind = kind_of(item.content_type)
    file = {"link": item.url} if item.url else {"id": item.handle}
    if kind == "document" and item.filename:
        file["filename"] = item.filename
    return {"type": kind, kind: file}


def _file(item: MediaItem, caption: str) -> dict[str, Any]:
    kind = _FILE if (kind := kind_of(item.content_type)) == "document" else kind
    if kind == "image":
        message = {"type": kind, "originalUrl": item.url, "previewUrl": item.url}
    else:
        message = {"type": kind, "url": item.url}
    if kind == _FILE:
        message["filename"] = item.filename or item.url.rpartition("/")[2]
    if caption:
        message["caption"] = caption
    return message


def _buttons(content: Interactive, reference: str) -> dict[str, Any]:
    body = {"type": "text", "text": content.body}
    if content.header:
        body["header"] = content.header
    if content.footer:
        body["caption"] = content.footer
    options = [{"type": "text", "title": choice.title, "postbackText": choice.id} for choice in content.choices]
    return {"type": "quick_reply", "msgid": reference, "content": body, "options": options}


def _list(content: Interactive, reference: str) -> dict[str, Any]:
    options = [
        {"type": "text", "title": choice.title, "description": choice.description, "postbackText": choice.id}
        for choice in content.choices
    ]
    return {
        "type": "list",
        "title": content.header,
        "body": content.body,
        "msgid": reference,
        "globalButtons": [{"type": "text", "title": content.list_label}],
        "items": [{"title": content.list_label, "subtitle": "", "options": options}],
    }
