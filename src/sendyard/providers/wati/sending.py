"""
What is sent where: templates by generation, and what may be said while a conversation is open.

Sources: https://docs.wati.io/v2.2/reference/post_api-ext-v3-messagetemplates-send,
https://docs.wati.io/reference/conversations_sendinteractivemessage, …/messagetemplate_sendtemplatemessages.
"""

from collections.abc import Hashable, Sequence
from typing import Any, cast
from urllib.parse import quote, urlencode

import msgspec

from sendyard.domain.addresses import AddressKind
from sendyard.domain.content import Content, Interactive, Media, TemplateRef, Text
from sendyard.providers.contract import Outgoing
from sendyard.providers.wati.answers import wire_number
from sendyard.providers.wati.door import Door, door_of
from sendyard.providers.wati.spec import WatiAccount
from sendyard.providers.wire import HttpRequest

HEADER_PARAMETER = "header"
"""The parameter a header's file travels in: WATI takes its address as one more named value."""

_BODY = msgspec.json.Encoder()

Parameters = list[dict[str, str]]


def batch_key(outgoing: Outgoing) -> Hashable:
    """Templates of one name and sender travel together; everything else goes alone."""
    content = outgoing.content
    return (outgoing.sender, content.name) if isinstance(content, TemplateRef) else (outgoing.reference,)


def submit_request(account: WatiAccount, exchange_id: str, batch: Sequence[Outgoing]) -> HttpRequest:
    """Build the one exchange that carries a batch."""
    door = door_of(account)
    first = batch[0]
    channel = first.sender or account.channel_number
    if not isinstance(first.content, TemplateRef):
        return _session(account, door, first, channel)
    # A label only, but WATI groups its reports by it, so each request has one of its own.
    broadcast = f"sendyard-{exchange_id}"
    if account.api_version == "v3":
        return _broadcast(door, batch, first.content.name, broadcast, channel)
    return _legacy(account, door, batch, broadcast, channel)


def _broadcast(door: Door, batch: Sequence[Outgoing], name: str, broadcast: str, channel: str) -> HttpRequest:
    recipients = [
        {
            "phone_number" if one.to.kind is AddressKind.PHONE else "target": wire_number(one.to),
            "local_message_id": one.reference,
            "custom_params": _parameters(cast("TemplateRef", one.content)),
        }
        for one in batch
    ]
    body: dict[str, Any] = {"template_name": name, "broadcast_name": broadcast, "recipients": recipients}
    if channel:
        # An empty one is not the same as none: with a single number the key must be absent.
        body["channel"] = channel
    return HttpRequest("POST", f"{door.v3}/messageTemplates/send", door.writing, _BODY.encode(body))


def _legacy(account: WatiAccount, door: Door, batch: Sequence[Outgoing], broadcast: str, channel: str) -> HttpRequest:
    contents = [cast("TemplateRef", one.content) for one in batch]
    body: dict[str, Any] = {"template_name": contents[0].name, "broadcast_name": broadcast}
    if channel:
        body["channel_number"] = channel
    prefix = door.v2 if account.api_version == "v2" else door.v1
    if len(batch) == 1:
        body["parameters"] = _parameters(contents[0])
        url = f"{prefix}/sendTemplateMessage?whatsappNumber={wire_number(batch[0].to)}"
        return HttpRequest("POST", url, door.writing, _BODY.encode(body))
    body["receivers"] = [
        {"whatsappNumber": wire_number(one.to), "customParams": _parameters(content)}
        for one, content in zip(batch, contents, strict=True)
    ]
    return HttpRequest("POST", f"{prefix}/sendTemplateMessages", door.writing, _BODY.encode(body))


def _parameters(content: TemplateRef) -> Parameters:
    given = [{"name": name, "value": value} for name, value in content.variables.items()]
    if content.media:
        given.append({"name": HEADER_PARAMETER, "value": content.media[0].url})
    return given


def _session(account: WatiAccount, door: Door, one: Outgoing, channel: str) -> HttpRequest:
    number, content = wire_number(one.to), one.content
    if account.api_version != "v3":
        asked = {"messageText": cast("Text", content).body}
        if one.in_reply_to:
            asked["replyContextId"] = one.in_reply_to
        url = f"{door.v1}/sendSessionMessage/{number}?{urlencode(asked, quote_via=quote)}"
        return HttpRequest("POST", url, door.reading)
    # Without the channel before it, an account with several numbers answers from the default one.
    call, body = _in_conversation(content)
    body["target"] = f"{channel}:{number}" if channel else number
    return HttpRequest("POST", f"{door.v3}/conversations/messages/{call}", door.writing, _BODY.encode(body))


def _in_conversation(content: Content) -> tuple[str, dict[str, Any]]:
    if isinstance(content, Media):
        said = {"file_url": content.items[0].url}
        return "fileViaUrl", {**said, "caption": content.body} if content.body else {**said}
    if isinstance(content, Interactive):
        return "interactive", _interactive(content)
    return "text", {"text": content.body}


def _interactive(content: Interactive) -> dict[str, Any]:
    """Buttons and rows carry titles only: WATI has no place for ids of ours."""
    shown: dict[str, Any] = {"body": content.body}
    if content.footer:
        shown["footer"] = content.footer
    if not content.list_label:
        if content.header:
            shown["header"] = {"type": "Text", "text": content.header}
        shown["buttons"] = [{"text": choice.title} for choice in content.choices]
        return {"type": "buttons", "button_message": shown}
    if content.header:
        shown["header"] = content.header
    rows = [
        {"title": choice.title, "description": choice.description} if choice.description else {"title": choice.title}
        for choice in content.choices
    ]
    shown |= {"button_text": content.list_label, "sections": [{"title": content.list_label, "rows": rows}]}
    return {"type": "list", "list_message": shown}
