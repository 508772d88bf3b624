"""
WhatsApp on Kaleyra's wire: Meta's own object in JSON (v2), or a form (v1).

Sources: developers.kaleyra.io, whatsapp-api-v2-send-template-messages, send-a-text-template-message-through-whatsapp,
send-a-media-template-message-through-whatsapp.
"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from sendyard.domain.content import Choice, Interactive, Media, MediaItem, TemplateRef, Text
from sendyard.providers.contract import Outgoing
from sendyard.providers.kaleyra.proof import address_of
from sendyard.providers.kaleyra.spec import KaleyraAccount
from sendyard.providers.whatsapp import kind_of

HEADER_VARIABLE = "header"
BUTTON_PREFIX = "button:"


def meta_object(outgoing: Outgoing) -> dict[str, Any]:
    """Build `messaging_object` of version 2."""
    content = outgoing.content
    message: dict[str, Any] = {
        "messaging_product": "whatsapp",
        "recipient_type": "individual",
        "to": outgoing.to.value.removeprefix("+"),
    }
    if outgoing.in_reply_to:
        message["context"] = {"message_id": outgoing.in_reply_to}
    if isinstance(content, TemplateRef):
        return {**message, "type": "template", "template": _template(content)}
    if isinstance(content, Text):
        return {**message, "type": "text", "text": {"body": content.body, "preview_url": False}}
    if isinstance(content, Media):
        kind, file = _file(content.items[0])
        if content.body:
            file["caption"] = content.body
        return {**message, "type": kind, kind: file}
    return {**message, "type": "interactive", "interactive": _interactive(content)}


def form(account: KaleyraAccount, number: str, outgoing: Outgoing, callback_url: str) -> bytes:
    """Build the form of version 1; the callback address carries our reference, because no field does."""
    content = outgoing.content
    fields = {
        "channel": "whatsapp",
        "from": number,
        "to": outgoing.to.value.removeprefix("+"),
    }
    if isinstance(content, TemplateRef):
        fields |= _template_fields(content)
    elif isinstance(content, Media):
        fields |= {"type": "media", "media_url": content.items[0].url, "caption": content.body}
    else:
        fields |= {"type": "text", "body": content.body}
    if callback_url:
        fields["callback_url"] = address_of(account, callback_url, outgoing.reference)
    return urlencode({name: value for name, value in fields.items() if value}).encode("ascii")


def _template_fields(content: TemplateRef) -> dict[str, str]:
    variables = content.variables
    body = [variables[name] for name in _body_names(variables)]
    return {
        "type": "mediatemplate" if content.media else "template",
        "template_name": content.name,
        "lang_code": content.language or "en",
        "params": ",".join(f'"{value}"' for value in body),
        "param_header": variables.get(HEADER_VARIABLE, ""),
        "param_url": variables.get(f"{BUTTON_PREFIX}0", ""),
        "media_url": content.media[0].url if content.media else "",
    }


def _body_names(variables: Mapping[str, str]) -> list[str]:
    """Names of the body's variables, numbers in their order, others as they were given."""
    names = [name for name in variables if name != HEADER_VARIABLE and not name.startswith(BUTTON_PREFIX)]
    return sorted(names, key=int) if all(name.isascii() and name.isdecimal() for name in names) else names


def _template(content: TemplateRef) -> dict[str, Any]:
    components: list[dict[str, Any]] = []
    variables = content.variables
    if content.media:
        kind, file = _file(content.media[0])
        components.append({"type": "header", "parameters": [{"type": kind, kind: file}]})
    elif header := variables.get(HEADER_VARIABLE):
        components.append({"type": "header", "parameters": [{"type": "text", "text": header}]})
    if names := _body_names(variables):
        components.append({"type": "body", "parameters": [_parameter(name, variables[name]) for name in names]})
    components += [
        {
            "type": "button",
            "sub_type": "url",
            "index": name.removeprefix(BUTTON_PREFIX),
            "parameters": [{"type": "text", "text": variables[name]}],
        }
        for name in sorted(variables)
        if name.startswith(BUTTON_PREFIX)
    ]
    template: dict[str, Any] = {"name": content.name, "language": {"code": content.language or "en"}}
    return {**template, "components": components} if components else template


def _parameter(name: str, value: str) -> dict[str, str]:
    """Templates made with named parameters want the name again."""
    if name.isascii() and name.isdecimal():
        return {"type": "text", "text": value}
    return {"type": "text", "parameter_name": name, "text": value}


def _file(item: MediaItem) -> tuple[str, dict[str, str]]:
    kind = kind_of(item.content_type)
    file = {"link": item.url} if item.url else {"id": item.handle}
    if kind == "document" and item.filename:
        file["filename"] = item.filename
    return kind, file


def _interactive(content: Interactive) -> dict[str, Any]:
    made: dict[str, Any] = {"type": "list" if content.list_label else "button", "body": {"text": content.body}}
    if content.header:
        made["header"] = {"type": "text", "text": content.header}
    if content.footer:
        made["footer"] = {"text": content.footer}
    if content.list_label:
        rows = [_row(choice) for choice in content.choices]
        made["action"] = {"button": content.list_label, "sections": [{"title": content.list_label, "rows": rows}]}
    else:
        buttons = [{"type": "reply", "reply": {"id": choice.id, "title": choice.title}} for choice in content.choices]
        made["action"] = {"buttons": buttons}
    return made


def _row(choice: Choice) -> dict[str, str]:
    row = {"id": choice.id, "title": choice.title}
    return {**row, "description": choice.description} if choice.description else row
