"""
One message as the body of `POST /message/`.

Source: https://documenter.getpostman.com/view/14760594/2sA2r7zibM (Send Templates, Send Session Messages);
buttons and lists have Meta's own form.
"""

from collections.abc import Mapping, Sequence
from typing import Any, cast

import msgspec

from sendyard.domain.channels import Purpose
from sendyard.domain.content import Interactive, Media, MediaItem, TemplateRef
from sendyard.providers.contract import Call, Outgoing
from sendyard.providers.interakt.spec import InteraktAccount, authorization
from sendyard.providers.wire import HttpRequest

HEADER = "header"
BUTTON = "button:"
_KINDS = (("image/webp", "Sticker"), ("image/", "Image"), ("video/", "Video"), ("audio/", "Audio"))

_body = msgspec.json.Encoder()


def headers_of(account: InteraktAccount, *, writing: bool = True) -> Mapping[str, str]:
    """The headers of every call."""
    said = {"authorization": authorization(account), "accept": "application/json"}
    return {**said, "content-type": "application/json"} if writing else said


def submit_request(call: Call, outgoing: Outgoing) -> HttpRequest:
    """Build the one exchange for one message; the path ends with a slash, as documented."""
    account = cast("InteraktAccount", call.account)
    body: dict[str, Any] = {"fullPhoneNumber": outgoing.to.value[1:]}
    if outgoing.reference:
        body["callbackData"] = outgoing.reference
    if account.campaign_id:
        body["campaignId"] = account.campaign_id
    content = outgoing.content
    if isinstance(content, TemplateRef):
        body["type"] = "Template"
        if account.guard_utility and outgoing.purpose is Purpose.TRANSACTIONAL:
            body["template_category"] = "utility"
        is_code = account.otp_button and outgoing.purpose is Purpose.OTP
        body["template"] = _template(content, is_code=is_code)
    elif isinstance(content, Media):
        body["type"], body["data"] = _media(content.items[0], content.body)
    elif isinstance(content, Interactive):
        body["type"] = "InteractiveList" if content.list_label else "InteractiveButton"
        body["data"] = {"message": _interactive(content)}
    else:
        body["type"], body["data"] = "Text", {"message": content.body}
    return HttpRequest("POST", f"{account.base_url}/message/", headers_of(account), _body.encode(body))


def body_variables(variables: Mapping[str, str]) -> Sequence[str]:
    """Names of the variables of the body, in the order of their numbers."""
    return sorted((name for name in variables if name.isdecimal()), key=int)


def button_variables(variables: Mapping[str, str]) -> Mapping[str, str]:
    """Index of each button with a variable (it counts all buttons), and its value."""
    return {name.removeprefix(BUTTON): value for name, value in variables.items() if name.startswith(BUTTON)}


def _template(content: TemplateRef, *, is_code: bool) -> dict[str, Any]:
    variables = content.variables
    values = [variables[name] for name in body_variables(variables)]
    template: dict[str, Any] = {"name": content.name, "languageCode": content.language, "bodyValues": values}
    if content.media:
        template["headerValues"] = [content.media[0].url]
        if content.media[0].filename:
            template["fileName"] = content.media[0].filename
    elif HEADER in variables:
        template["headerValues"] = [variables[HEADER]]
    buttons = {index: [value] for index, value in button_variables(variables).items()}
    if is_code and values and not buttons:
        buttons = {"0": [values[0]]}
    if buttons:
        template["buttonValues"] = buttons
    return template


def _media(item: MediaItem, caption: str) -> tuple[str, dict[str, str]]:
    kind = next((kind for start, kind in _KINDS if item.content_type.startswith(start)), "Document")
    said = {"message": caption, "mediaUrl": item.url, "fileName": item.filename}
    return kind, {name: value for name, value in said.items() if value}


def _interactive(content: Interactive) -> dict[str, Any]:
    shown: dict[str, Any] = {"type": "list" if content.list_label else "button", "body": {"text": content.body}}
    if content.header:
        shown["header"] = {"type": "text", "text": content.header}
    if content.footer:
        shown["footer"] = {"text": content.footer}
    if not content.list_label:
        buttons = [{"type": "reply", "reply": {"id": one.id, "title": one.title}} for one in content.choices]
        return {**shown, "action": {"buttons": buttons}}
    rows = [
        {"id": one.id, "title": one.title, **({"description": one.description} if one.description else {})}
        for one in content.choices
    ]
    sections = [{"title": content.list_label, "rows": rows}]
    return {**shown, "action": {"button": content.list_label, "sections": sections}}
