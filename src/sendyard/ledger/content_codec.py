"""
Content as the text a row keeps. Plain text, by far the most frequent, is a bare JSON string.
"""

from typing import Any

import msgspec

from sendyard.domain.channels import Channel
from sendyard.domain.content import Content, Media, MediaItem, TemplateRef, Text

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


def _document(content: Content) -> dict[str, Any]:
    kind = {Text: "text", Media: "media", TemplateRef: "template"}[type(content)]
    fields = msgspec.to_builtins(content)
    return {"kind": kind, **fields}


def _content(document: dict[str, Any]) -> Content:
    fields = {name: value for name, value in document.items() if name != "kind"}
    if document["kind"] == "text":
        return Text(**fields)
    if document["kind"] == "media":
        return Media(**{**fields, "items": tuple(MediaItem(**item) for item in fields["items"])})
    return TemplateRef(**fields)
