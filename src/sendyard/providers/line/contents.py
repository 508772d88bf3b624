"""
Content as LINE's message objects, and what of it LINE would refuse.

Source: https://developers.line.biz/en/reference/messaging-api/#message-objects. Lengths count UTF-16 units.
"""

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

import msgspec

from sendyard.domain.content import Choice, Content, Interactive, Media, MediaItem, TemplateRef, Text
from sendyard.domain.gsm import utf16_units
from sendyard.providers.contract import Problem
from sendyard.providers.line.spec import (
    FLEX,
    MAX_ALT,
    MAX_BUBBLE_BYTES,
    MAX_BUTTONS,
    MAX_DATA,
    MAX_LABEL,
    MAX_OBJECTS,
    MAX_TEMPLATE_TEXT,
    MAX_TEXT,
    MAX_TITLE,
    MAX_TITLED_TEXT,
    LineAccount,
)

_MAX_URL = 2000
_MAX_FLEX_BYTES = 50_000  # of a carousel; a single bubble has 30 KB
_encoder = msgspec.json.Encoder()


class _Container(msgspec.Struct, frozen=True):
    type: str


_container = msgspec.json.Decoder(_Container)


def objects_of(account: LineAccount, content: Content) -> list[dict[str, Any]]:
    """Say `content` in one to five message objects; what `problems_of` names is assumed away."""
    match content:
        case Text(body=body):
            return [{"type": "text", "text": body}]
        case Media(items=items, body=body):
            files = [_file(account, item) for item in items]
            return [*files, {"type": "text", "text": body}] if body else files
        case Interactive():
            return [_buttons(content) if _fits_buttons(content) else _bubble(content)]
        case TemplateRef(variables=variables, body=body):
            contents = msgspec.Raw(variables["contents"].encode())
            return [{"type": "flex", "altText": body, "contents": contents}]


def _file(account: LineAccount, item: MediaItem) -> dict[str, Any]:
    if item.content_type.startswith("video/"):
        preview = account.video_preview_url
        return {"type": "video", "originalContentUrl": item.url, "previewImageUrl": preview}
    return {"type": "image", "originalContentUrl": item.url, "previewImageUrl": item.url}


def _fits_buttons(content: Interactive) -> bool:
    """Whether LINE's plain buttons can show all of it; whatever has more to show becomes a Flex Message."""
    room = MAX_TITLED_TEXT if content.header else MAX_TEMPLATE_TEXT
    return (
        len(content.choices) <= MAX_BUTTONS
        and utf16_units(content.body) <= room
        and utf16_units(content.header) <= MAX_TITLE
        and not (content.footer or content.list_label)
        and not any(choice.description for choice in content.choices)
    )


def _action(choice: Choice) -> dict[str, str]:
    # The person sees their own answer in the chat; we get the id back as `postback.data`.
    return {"type": "postback", "label": choice.title, "data": choice.id, "displayText": choice.title}


def _buttons(content: Interactive) -> dict[str, Any]:
    template: dict[str, Any] = {"type": "buttons", "text": content.body}
    if content.header:
        template["title"] = content.header
    template["actions"] = [_action(choice) for choice in content.choices]
    return {"type": "template", "altText": _cut(content.body, MAX_ALT), "template": template}


def _bubble(content: Interactive) -> dict[str, Any]:
    foot: list[dict[str, Any]] = []
    if content.list_label:
        foot.append({"type": "text", "text": content.list_label, "weight": "bold", "size": "sm", "wrap": True})
    for choice in content.choices:
        foot.append({"type": "button", "height": "sm", "action": _action(choice)})
        if choice.description:
            foot.append(_small(choice.description))
    if content.footer:
        foot.append(_small(content.footer))
    bubble: dict[str, Any] = {"type": "bubble"}
    if content.header:
        bubble["header"] = _box([{"type": "text", "text": content.header, "weight": "bold", "wrap": True}])
    bubble["body"] = _box([{"type": "text", "text": content.body, "wrap": True}])
    bubble["footer"] = _box(foot)
    return {"type": "flex", "altText": _cut(content.body, MAX_ALT), "contents": bubble}


def _box(contents: list[dict[str, Any]]) -> dict[str, Any]:
    return {"type": "box", "layout": "vertical", "contents": contents}


def _small(text: str) -> dict[str, Any]:
    return {"type": "text", "text": text, "size": "xs", "color": "#8C8C8C", "wrap": True}


def _cut(text: str, units: int) -> str:
    """Begin with as much of `text` as `units` hold, without half a character pair."""
    if utf16_units(text) <= units:
        return text
    return text.encode("utf-16-le")[: 2 * units].decode("utf-16-le", "ignore")


def problems_of(account: LineAccount, content: Content) -> list[Problem]:
    """Everything wrong with a content that LINE's documentation names."""
    # Asked of both kinds of text before anything measures them: half a pair has no length in UTF-16.
    if not _is_unicode(content):
        return [Problem("text_broken", "The text holds half of a character pair; type it again.")]
    match content:
        case Text(body=body):
            return _text(body)
        case Media():
            return _media(account, content)
        case Interactive():
            return _interactive(content)
        case TemplateRef():
            return _flex(content)


def _is_unicode(content: Content) -> bool:
    try:
        _encoder.encode(content)
    except UnicodeEncodeError:
        return False
    return True


def _text(body: str) -> list[Problem]:
    if not body:
        return [Problem("text_empty", "LINE refuses an empty text: write something.")]
    if (units := utf16_units(body)) > MAX_TEXT:
        detail = f"LINE takes {MAX_TEXT} characters (an emoji counts two or more), found {units}: shorten the text."
        return [Problem("text_too_long", detail)]
    return []


def _media(account: LineAccount, content: Media) -> list[Problem]:
    found = _text(content.body) if content.body else []
    objects = len(content.items) + bool(content.body)
    if not content.items or objects > MAX_OBJECTS:
        detail = f"LINE takes 1 to {MAX_OBJECTS} files, the text counting as one; found {objects}."
        found.append(Problem("media_count", detail))
    for item in content.items:
        parts = urlsplit(item.url)
        if parts.scheme != "https" or not parts.hostname or len(item.url) > _MAX_URL:
            found.append(Problem("media_needs_https", "LINE fetches files itself: each needs a public https address."))
        if item.content_type.startswith("video/"):
            if not account.video_preview_url:
                detail = "LINE shows a picture until a video plays: give the account a picture before a video."
                found.append(Problem("video_needs_preview", detail))
        elif item.content_type not in {"image/jpeg", "image/png"}:
            detail = f"LINE takes JPEG, PNG and MP4, found {item.content_type}: write the file's link into the text."
            found.append(Problem("media_type", detail))
    return found


def _interactive(content: Interactive) -> list[Problem]:
    found = _text(content.body)
    if not content.choices:
        found.append(Problem("choices_missing", "Add a button, or send a text."))
    long = [choice.title for choice in content.choices if not 0 < utf16_units(choice.title) <= MAX_LABEL]
    if long:
        detail = f"A button has 1 to {MAX_LABEL} characters: change {_listed(long)}."
        found.append(Problem("button_too_long", detail))
    if any(not 0 < utf16_units(choice.id) <= MAX_DATA for choice in content.choices):
        found.append(Problem("choice_id", f"The id of a button has 1 to {MAX_DATA} characters: change it."))
    if not found and not _fits_buttons(content) and len(_encoder.encode(_bubble(content))) > MAX_BUBBLE_BYTES:
        detail = f"Text and buttons together are larger than LINE's {MAX_BUBBLE_BYTES} bytes: shorten them."
        found.append(Problem("interactive_too_large", detail))
    return found


def _listed(titles: Sequence[str]) -> str:
    return ", ".join(repr(title[:40]) for title in titles[:3])


def _flex(content: TemplateRef) -> list[Problem]:
    if content.name != FLEX:
        detail = f"LINE keeps no templates, found {content.name!r}: send a text, buttons, or the template {FLEX!r}."
        return [Problem("template_unsupported", detail)]
    found = []
    if not 0 < utf16_units(content.body) <= MAX_ALT:
        detail = f"A Flex Message needs a text of 1 to {MAX_ALT} characters for places that cannot show it."
        found.append(Problem("flex_alt_text", detail))
    contents = content.variables.get("contents", "").encode()
    try:
        kind = _container.decode(contents).type
    except (msgspec.MsgspecError, RecursionError):
        kind = ""
    if kind not in {"bubble", "carousel"}:
        found.append(Problem("flex_contents", "Expected the variable `contents` as JSON of a bubble or a carousel."))
    elif len(contents) > (MAX_BUBBLE_BYTES if kind == "bubble" else _MAX_FLEX_BYTES):
        found.append(Problem("flex_too_large", f"A {kind} of {len(contents)} bytes is too large for LINE: shorten it."))
    return found
