"""
How providers write variables in a text: `{{1}}`, `#{name}`, `{#var#}`, `##name##`; and lining two texts up by their
fixed words.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import pairwise

from sendyard.domain.template import compile_template
from sendyard.features.templates.differences import words_of

_SLOT = re.compile(r"\{\{\s*([^{}]+?)\s*\}\}|#\{([^{}]+)\}|\{#([^{}#]+)#\}|##([^#\s]+)##")
_MARK, _THEIRS = "\0", "\1"  # stand for variables among words, and are never the same word
_SPACE = re.compile(r"\s+")


@dataclass(frozen=True, slots=True)
class TheirText:
    """A provider's text: fixed words around variables, `statics[0] names[0] statics[1] …`."""

    statics: tuple[str, ...]
    names: tuple[str, ...]

    def filled(self, values: Mapping[str, str]) -> str:
        """The text as the provider would send it; a variable without a value keeps its name in brackets."""
        pieces = [self.statics[0]]
        for name, static in zip(self.names, self.statics[1:], strict=True):
            pieces += (values.get(name, f"[{name}]"), static)
        return "".join(pieces)


def read_text(text: str, variables: Sequence[str] = ()) -> TheirText:
    """
    Read a provider's text; `variables` are the names its messages carry, which count where places have no own names.

    `{#var#}` and its tagged kin say what may stand there, not which variable it is, so those are numbered from 1
    unless there is a name in `variables` for each.
    """
    statics, names = [], []
    at = 0
    for number, match in enumerate(_SLOT.finditer(text)):
        named, tagged = match[1] or match[2] or match[4], match[3]
        if tagged:
            named = variables[number] if number < len(variables) else str(number + 1)
        statics.append(text[at : match.start()])
        names.append(named.strip())
        at = match.end()
    return TheirText((*statics, text[at:]), tuple(names))


@dataclass(frozen=True, slots=True)
class Proposal:
    """
    What stands for each variable of a provider's text in ours.

    Attributes:
        variables: the provider's name to a text of ours, such as `{name}` or fixed words.
        unplaced: its variables for which nothing was found.
        unused: variables of ours that its text has no place for.
        exact: the fixed words are the same, but for spaces.
    """

    variables: Mapping[str, str]
    unplaced: tuple[str, ...]
    unused: tuple[str, ...]
    exact: bool


def propose(ours: str, theirs: TheirText) -> Proposal:
    """
    Line a text of ours up with a provider's, and say what its variables are.

    Raises:
        Invalid: our text does not compile.
    """
    template = compile_template(ours)
    left, right = _split(template.rewritten(lambda _: _MARK)), _split(_THEIRS.join(theirs.statics))
    sources, names = iter(template.slots), iter(theirs.names)
    found: dict[str, str] = {}
    for here, there in _gaps(left, right):
        given = [next(sources) for token in here if token == _MARK]
        asked = [next(names) for token in there if token == _THEIRS]
        if len(asked) == 1 and "".join(there).strip() == _THEIRS:
            # Where they have a variable and nothing else, whatever we have there is what it holds.
            written = _written(here, given).strip()
            if written:
                found.setdefault(asked[0], written)
        elif len(given) == len(asked):
            for name, source in zip(asked, given, strict=True):
                found.setdefault(name, source)
    used = {name for text in found.values() for name in compile_template(text).variables}
    return Proposal(
        found,
        tuple(name for name in dict.fromkeys(theirs.names) if name not in found),
        tuple(name for name in template.variables if name not in used),
        [one for one in left if one.strip()] == [one.replace(_THEIRS, _MARK) for one in right if one.strip()],
    )


def _gaps(left: Sequence[str], right: Sequence[str]) -> Iterator[tuple[Sequence[str], Sequence[str]]]:
    """What stands between the words that both texts have, side by side."""
    matcher = SequenceMatcher(a=left, b=right, autojunk=False)
    blocks = [one for one in matcher.get_matching_blocks() if any(map(str.strip, left[one.a : one.a + one.size]))]
    edges = [(0, 0, 0), *((one.a, one.b, one.size) for one in blocks), (len(left), len(right), 0)]
    for (a, b, size), (next_a, next_b, _) in pairwise(edges):
        yield left[a + size : next_a], right[b + size : next_b]


def _split(text: str) -> list[str]:
    return [_SPACE.sub(" ", word) for word in words_of(text)]


def _written(words: Sequence[str], sources: Sequence[str]) -> str:
    remaining = iter(sources)
    return "".join(next(remaining) if word == _MARK else word.replace("{", "{{").replace("}", "}}") for word in words)
