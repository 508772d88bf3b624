"""
The body of `POST /{phone_number_id}/messages`, one function for each kind of content.

Source: https://github.com/facebook/openapi, `business-messaging-api_v23.0.yaml`.
"""

from collections.abc import Mapping
from typing import Any

from sendyard.domain.addresses import Address, AddressKind
from sendyard.domain.content import Content, Interactive, Media, MediaItem, TemplateRef

Body = dict[str, Any]

STICKER = "image/webp"
_KINDS = {
    STICKER: "sticker",
    "image/jpeg": "image",
    "image/jpg": "image",
    "image/png": "image",
    "video/mp4": "video",
    "video/3gpp": "video",
    "audio/aac": "audio",
    "audio/amr": "audio",
    "audio/mpeg": "audio",
    "audio/mp4": "audio",
    "audio/ogg": "audio",
}

# Prefixes in `TemplateRef.variables`, the button's sub type and the parameter's type on the wire.
BUTTON_VARIABLES: Mapping[str, tuple[str, str]] = {
    "button": ("url", "text"),
    "payload": ("quick_reply", "payload"),
    "coupon": ("copy_code", "coupon_code"),
}
_INDEXES = {str(index): index for index in range(10)}


def message_kind(content_type: str) -> str:
    """`image`, `video`, `audio` or `sticker`; everything else is a `document`."""
    return _KINDS.get(content_type.partition(";")[0].strip().lower(), "document")


def address_field(to: Address) -> tuple[str, str]:
    """`to` with digits for a phone, `recipient` with the business-scoped user id otherwise."""
    if to.kind is AddressKind.PHONE:
        return "to", to.value.removeprefix("+")
    return "recipient", to.value


def content_fields(content: Content) -> Body:
    """`type` and the object of the same name; what Meta cannot carry was refused by `limits` before."""
    if isinstance(content, TemplateRef):
        return {"type": "template", "template": _template(content)}
    if isinstance(content, Media):
        (item,) = content.items
        kind = message_kind(item.content_type)
        medium = _medium(item, kind)
        if content.body:
            medium["caption"] = content.body
        return {"type": kind, kind: medium}
    if isinstance(content, Interactive):
        return {"type": "interactive", "interactive": _interactive(content)}
    return {"type": "text", "text": {"body": content.body}}


def _medium(item: MediaItem, kind: str) -> Body:
    medium: Body = {"id": item.handle} if item.handle else {"link": item.url}
    if kind == "document" and item.filename:
        medium["filename"] = item.filename
    return medium


def _interactive(content: Interactive) -> Body:
    made: Body = {"body": {"text": content.body}}
    if content.list_label:
        rows = [
            {"id": choice.id, "title": choice.title}
            | ({"description": choice.description} if choice.description else {})
            for choice in content.choices
        ]
        made["type"] = "list"
        # One section needs no title; only several would.
        made["action"] = {"button": content.list_label, "sections": [{"rows": rows}]}
    else:
        made["type"] = "button"
        buttons = [{"type": "reply", "reply": {"id": choice.id, "title": choice.title}} for choice in content.choices]
        made["action"] = {"buttons": buttons}
    if content.header:
        made["header"] = {"type": "text", "text": content.header}
    if content.footer:
        made["footer"] = {"text": content.footer}
    return made


def _template(content: TemplateRef) -> Body:
    header: list[Body] = []
    body: list[tuple[int, Body]] = []
    buttons: list[tuple[int, Body]] = []
    for name, value in content.variables.items():
        if name.isdecimal():
            body.append((int(name), {"type": "text", "text": value}))
            continue
        place, _, detail = name.partition(":")
        if place == "header":
            header.append({"type": "text", "text": value} | ({"parameter_name": detail} if detail else {}))
        elif detail and place in BUTTON_VARIABLES:
            sub_type, kind = BUTTON_VARIABLES[place]
            parameters = [{"type": kind, kind: value}]
            button = {"type": "button", "sub_type": sub_type, "index": detail, "parameters": parameters}
            buttons.append((_INDEXES[detail], button))
        else:
            body.append((0, {"type": "text", "parameter_name": name, "text": value}))
    for item in content.media:
        kind = message_kind(item.content_type)
        header.append({"type": kind, kind: _medium(item, kind)})
    components: list[Body] = []
    if header:
        components.append({"type": "header", "parameters": header})
    if body:
        components.append({"type": "body", "parameters": [parameter for _, parameter in sorted(body, key=_place)]})
    components += [button for _, button in sorted(buttons, key=_place)]
    made: Body = {"name": content.name, "language": {"code": content.language}}
    if components:
        made["components"] = components
    return made


def _place(numbered: tuple[int, Body]) -> int:
    return numbered[0]
