"""
Content as the text a row keeps. Plain text, by far the most frequent, is a bare JSON string.
"""

from typing import Any

import msgspec

from sendyard.domain.channels import Channel
from sendyard.domain.content import Choice, Content, Interactive, Media, MediaItem, TemplateRef, Text

_encode = msgspec.json.Encoder().encode
_decode_text = msgspec.json.Decoder(str).decode
_decode_any = msgspec.json.Decoder().decode


def encode_content(content: Content, fallback: tuple[tuple[Channel, Content], ...] = ()) -> str:
    """Turn content, with what the provider itself may fall back to, into JSON."""
    if isinstance(content, Text) and not content.title and not fallback:
        return _encode(content.body).decode()
    document: dict[str, Any] = {"content": _document(content)}
    if fallback:
        document["fallback"] = [[channel, _document(item)] for channel, item in fallback]
    return _encode(document).decode()


def decode_content(stored: str) -> tuple[Content, tuple[tuple[Channel, Content], ...]]:
    """Undo `encode_content`: the content and its fallbacks."""
    if stored[0] == '"':
        return Text(_decode_text(stored)), ()
    document = _decode_any(stored)
    fallback = tuple((Channel(channel), _content(item)) for channel, item in document.get("fallback", ()))
    return _content(document["content"]), fallback


_KINDS: dict[type[Content], str] = {
    Text: "text",
    Media: "media",
    TemplateRef: "template",
    Interactive: "interactive",
}


def _document(content: Content) -> dict[str, Any]:
    return {"kind": _KINDS[type(content)], **msgspec.to_builtins(content)}


def _content(document: dict[str, Any]) -> Content:
    fields = {name: value for name, value in document.items() if name != "kind"}
    kind = document["kind"]
    if kind == "text":
        return Text(**fields)
    if kind == "media":
        return Media(**{**fields, "items": tuple(MediaItem(**item) for item in fields["items"])})
    if kind == "interactive":
        return Interactive(**{**fields, "choices": tuple(Choice(**choice) for choice in fields["choices"])})
    # Rows written before templates could have a file do not name any.
    return TemplateRef(**{**fields, "media": tuple(MediaItem(**item) for item in fields.get("media", ()))})
