"""
Messages as SleekFlow's `POST /api/message/send/json` wants them (sheet, section 4).

Components of templates and interactive objects have the form of Meta's Cloud API. The key of an interactive object is
that of public code in Go which sends with it, and of the vendor's own web client.
"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote, urlsplit

from sendyard.domain.content import Interactive, MediaItem, TemplateRef
from sendyard.providers.contract import Outgoing
from sendyard.providers.sleekflow.spec import SleekFlowAccount

TAG = "gw:"
"""Stands before our reference among the labels of a message."""

HEADER = "header"
"""Name of the variable in a template's header; URL buttons have `button:0`, `button:1`, …"""

BUTTON = "button:"
DEFAULT_LANGUAGE = "en"


def message_body(account: SleekFlowAccount, outgoing: Outgoing) -> dict[str, Any]:
    """Body of one message; the sender is left out where neither message nor account names one."""
    content = outgoing.content
    body: dict[str, Any] = {"channel": account.channel}
    if sender := outgoing.sender.removeprefix("+") or account.from_number:
        body["from"] = sender
    body["to"] = outgoing.to.value.removeprefix("+")
    body["analyticTags"] = [TAG + outgoing.reference]
    if isinstance(content, TemplateRef):
        body["messageType"] = "template"
        body["extendedMessage"] = _template(account, content)
    elif isinstance(content, Interactive):
        body["messageType"] = "interactive"
        body["messageContent"] = content.body
        direct = account.channel == "whatsappcloudapi"
        key = "whatsappCloudApiInteractiveObject" if direct else "whatsapp360DialogInteractiveObject"
        body["extendedMessage"] = {key: _interactive(content)}
    else:
        body["messageType"] = "text"
        body["messageContent"] = content.body
    return body


def media_kind(content_type: str) -> str:
    """WhatsApp's word for a file in a header: image, video or document."""
    kind = content_type.partition("/")[0]
    return kind if kind in {"image", "video"} else "document"


def _template(account: SleekFlowAccount, template: TemplateRef) -> dict[str, Any]:
    named: dict[str, Any] = {"templateName": template.name, "language": template.language or DEFAULT_LANGUAGE}
    named["components"] = _components(template)
    if account.channel == "whatsappcloudapi":
        return {"WhatsappCloudApiTemplateMessageObject": named}
    return {"whatsapp360DialogTemplateMessage": {"templateNamespace": account.template_namespace, **named}}


def _components(template: TemplateRef) -> list[dict[str, Any]]:
    """All variables of the body in one component: one for each would be refused."""
    variables = template.variables
    components: list[dict[str, Any]] = []
    if template.media:
        components.append({"type": "header", "parameters": [_file(template.media[0])]})
    elif HEADER in variables:
        components.append({"type": "header", "parameters": [_text(variables[HEADER])]})
    if parameters := _body_parameters(variables):
        components.append({"type": "body", "parameters": parameters})
    components += [
        {"type": "button", "sub_type": "url", "index": int(name.removeprefix(BUTTON)), "parameters": [_text(value)]}
        for name, value in variables.items()
        if name.startswith(BUTTON)
    ]
    return components


def _body_parameters(variables: Mapping[str, str]) -> list[dict[str, str]]:
    named = [(name, value) for name, value in variables.items() if name != HEADER and not name.startswith(BUTTON)]
    if all(name.isascii() and name.isdecimal() for name, _ in named):
        named.sort(key=lambda pair: int(pair[0]))
        return [_text(value) for _, value in named]
    return [{**_text(value), "parameter_name": name} for name, value in named]


def _text(value: str) -> dict[str, str]:
    return {"type": "text", "text": value}


def _file(item: MediaItem) -> dict[str, Any]:
    kind = media_kind(item.content_type)
    link = {"link": item.url}
    if kind == "document":
        link["filename"] = item.filename or unquote(urlsplit(item.url).path.rpartition("/")[2]) or "file"
    return {"type": kind, kind: link}


def _interactive(content: Interactive) -> dict[str, Any]:
    body: dict[str, Any] = {"body": {"text": content.body}}
    if content.header:
        body["header"] = {"type": "text", "text": content.header}
    if content.footer:
        body["footer"] = {"text": content.footer}
    if not content.list_label:
        replies = [{"type": "reply", "reply": {"id": one.id, "title": one.title}} for one in content.choices]
        return {"type": "button", **body, "action": {"buttons": replies}}
    rows = [
        {"id": one.id, "title": one.title} | ({"description": one.description} if one.description else {})
        for one in content.choices
    ]
    return {
        "type": "list",
        **body,
        "action": {"button": content.list_label, "sections": [{"title": content.list_label, "rows": rows}]},
    }
