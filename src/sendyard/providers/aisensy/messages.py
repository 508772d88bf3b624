"""
Messages as AiSensy's two APIs want them.

The Campaign API fills the one template of a live campaign, its variables by position (sheet, section 3); the Project
API takes bodies in the form of Meta's Cloud API (sheet, section 5).
"""

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import unquote, urlsplit

from sendyard.domain.content import Interactive, Media, MediaItem, TemplateRef
from sendyard.providers.aisensy.spec import AiSensyAccount
from sendyard.providers.contract import Outgoing

HEADER = "header"
"""Name of the variable in a template's header; URL buttons have `button:0`, `button:1`, …"""

BUTTON = "button:"
DEFAULT_LANGUAGE = "en"


def goes_by_campaign(account: AiSensyAccount, outgoing: Outgoing) -> bool:
    """Whether a message travels by the Campaign API, which knows nothing but templates."""
    return account.send_via == "campaign" and isinstance(outgoing.content, TemplateRef)


def media_kind(content_type: str) -> str:
    """WhatsApp's word for a file: image, video, audio or document."""
    kind = content_type.partition("/")[0]
    return kind if kind in {"image", "video", "audio"} else "document"


def filename_of(item: MediaItem) -> str:
    """The file's name; without one, the last part of its address."""
    return item.filename or unquote(urlsplit(item.url).path.rpartition("/")[2]) or "file"


def body_values(variables: Mapping[str, str]) -> list[str]:
    """Values of the body: by number where all names are numbers, else in the order given."""
    named = [(name, value) for name, value in variables.items() if name != HEADER and not name.startswith(BUTTON)]
    if all(name.isascii() and name.isdecimal() for name, _ in named):
        named.sort(key=lambda pair: int(pair[0]))
    return [value for _, value in named]


def campaign_body(account: AiSensyAccount, key: str, to: str, template: TemplateRef) -> dict[str, Any]:
    """Body of `POST /campaign/t1/api/v2`."""
    variables = template.variables
    heading = [variables[HEADER]] if HEADER in variables else []
    body: dict[str, Any] = {
        "apiKey": key,
        "campaignName": template.name or account.default_campaign_name,
        "destination": to,
        "userName": account.contact_name,
        "templateParams": heading + body_values(variables),
    }
    if account.source:
        body["source"] = account.source
    if template.media:
        file = template.media[0]
        body["media"] = {"url": file.url, "filename": filename_of(file)}
    if buttons := _buttons(variables):
        body["buttons"] = buttons
    return body


def project_body(to: str, outgoing: Outgoing) -> dict[str, Any]:
    """Body of `POST …/messages` of the Project API."""
    content = outgoing.content
    body: dict[str, Any] = {"to": to.removeprefix("+"), "recipient_type": "individual"}
    if isinstance(content, TemplateRef):
        return {**body, "type": "template", "template": _template(content)}
    if isinstance(content, Media):
        item = content.items[0]
        kind = media_kind(item.content_type)
        file = {"link": item.url}
        if content.body:
            file["caption"] = content.body
        if kind == "document":
            file["filename"] = filename_of(item)
        return {**body, "type": kind, kind: file}
    if isinstance(content, Interactive):
        return {**body, "type": "interactive", "interactive": _interactive(content)}
    return {**body, "type": "text", "text": {"body": content.body}}


def _buttons(variables: Mapping[str, str]) -> list[dict[str, Any]]:
    return [
        {
            "type": "button",
            "sub_type": "url",
            "index": int(name.removeprefix(BUTTON)),
            "parameters": [{"type": "text", "text": value}],
        }
        for name, value in variables.items()
        if name.startswith(BUTTON)
    ]


def _texts(values: Sequence[str]) -> list[dict[str, str]]:
    return [{"type": "text", "text": value} for value in values]


def _template(template: TemplateRef) -> dict[str, Any]:
    variables = template.variables
    components: list[dict[str, Any]] = []
    if template.media:
        file = template.media[0]
        kind = media_kind(file.content_type)
        link = {"link": file.url} | ({"filename": filename_of(file)} if kind == "document" else {})
        components.append({"type": "header", "parameters": [{"type": kind, kind: link}]})
    elif HEADER in variables:
        components.append({"type": "header", "parameters": _texts([variables[HEADER]])})
    if values := body_values(variables):
        components.append({"type": "body", "parameters": _texts(values)})
    language = {"code": template.language or DEFAULT_LANGUAGE, "policy": "deterministic"}
    return {"name": template.name, "language": language, "components": components + _buttons(variables)}


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
    sections = [{"title": content.list_label, "rows": rows}]
    return {"type": "list", **body, "action": {"button": content.list_label, "sections": sections}}
