"""
What differs between two versions, as data: word by word in every text, and by name elsewhere.
"""

import re
from collections.abc import Mapping
from difflib import SequenceMatcher
from typing import Any

import msgspec

from sendyard.features.templates.document import Document

_WORDS = re.compile(r"\{[^{}]*\}|[\u3040-\u30ff\u3400-\u9fff]|\w+|\s+|.", re.DOTALL)
"""Variables whole, Chinese and Japanese sign by sign, other scripts by words."""


def words_of(text: str) -> list[str]:
    """Split a text so that joining gives it back."""
    return _WORDS.findall(text)


def compare_words(old: str, new: str) -> list[dict[str, str]]:
    """Give the way from one text to another: pieces with `op` equal, removed or added."""
    before, after = words_of(old), words_of(new)
    pieces: list[dict[str, str]] = []
    matcher = SequenceMatcher(a=before, b=after, autojunk=False)
    for op, start, end, from_, to in matcher.get_opcodes():
        if op == "equal":
            pieces.append({"op": "equal", "text": "".join(before[start:end])})
            continue
        if start < end:
            pieces.append({"op": "removed", "text": "".join(before[start:end])})
        if from_ < to:
            pieces.append({"op": "added", "text": "".join(after[from_:to])})
    return pieces


def compare(old: Document, new: Document) -> dict[str, Any]:
    """
    Give what changed: `texts` with `{place, change, words}` (place as `sms/en/text`), `variables` and `settings` with
    `{name, old, new}`; None stands for what is not there.
    """
    before, after = dict(old.texts()), dict(new.texts())
    texts = [
        {
            "place": place,
            "change": "added" if place not in before else "removed" if place not in after else "changed",
            "words": compare_words(before.get(place, ""), after.get(place, "")),
        }
        for place in dict.fromkeys((*before, *after))
        if before.get(place) != after.get(place)
    ]
    settings = {name: getattr(old, name) for name in ("language", "purpose", "category", "samples")}
    changed = {name: getattr(new, name) for name in settings}
    return {
        "texts": texts,
        "variables": _by_name(old.variables, new.variables),
        "settings": _by_name(settings | _parts(old), changed | _parts(new)),
    }


def _parts(document: Document) -> dict[str, Any]:
    """What bodies have beside texts: kinds of buttons, types and names of files."""
    found: dict[str, Any] = {}
    for kind, by_language in document.bodies.items():
        for language, body in by_language.items():
            for name, values in (
                ("buttons", [button.kind for button in body.buttons]),
                ("media", [[one.content_type, one.filename] for one in body.media]),
            ):
                if values:
                    found[f"{kind}/{language}/{name}"] = values
    return found


def _by_name(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [
        {"name": name, "old": msgspec.to_builtins(old.get(name)), "new": msgspec.to_builtins(new.get(name))}
        for name in dict.fromkeys((*old, *new))
        if old.get(name) != new.get(name)
    ]
