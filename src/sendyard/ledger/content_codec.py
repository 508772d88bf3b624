"""
What a message says, as the text a row keeps. Plain text, by far the most frequent, is a bare JSON string.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec

from sendyard.domain.channels import Channel
from sendyard.domain.content import Choice, Content, Interactive, Media, MediaItem, TemplateRef, Text
from sendyard.ledger.entries import NOTHING

_encode = msgspec.json.Encoder().encode
_decode_text = msgspec.json.Decoder(str).decode
_decode_any = msgspec.json.Decoder().decode


class Letter(NamedTuple):
    """Content with all that goes with it; the names are those of `entries.NewMessage`."""

    content: Content
    fallback: tuple[tuple[Channel, Content], ...] = ()
    variants: Mapping[str, Content] = NOTHING
    registration: Mapping[str, str] = NOTHING


def encode_letter(letter: Letter) -> str:
    """Turn a letter into JSON."""
    content, fallback, variants, registration = letter
    if isinstance(content, Text) and not (content.title or fallback or variants or registration):
        return _encode(content.body).decode()
    document: dict[str, Any] = {"content": _document(content)}
    if fallback:
        document["fallback"] = [[channel, _document(item)] for channel, item in fallback]
    if variants:
        document["variants"] = {provider: _document(item) for provider, item in variants.items()}
    if registration:
        document["registration"] = dict(registration)
    return _encode(document).decode()


def decode_letter(stored: str) -> Letter:
    """Undo `encode_letter`."""
    if stored[0] == '"':
        return Letter(Text(_decode_text(stored)))
    document = _decode_any(stored)
    fallback = tuple((Channel(channel), _content(item)) for channel, item in document.get("fallback", ()))
    variants = {provider: _content(item) for provider, item in document.get("variants", {}).items()}
    return Letter(_content(document["content"]), fallback, variants or NOTHING, document.get("registration", NOTHING))


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
