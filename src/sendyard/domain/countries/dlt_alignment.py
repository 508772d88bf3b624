"""
Which words of a text differ from a DLT template, when no forgiveness of case, spacing or punctuation explains it.

The words of both are aligned at the least cost; a word of the template that holds a variable may take several words
of the text. Costs: a missing or extra word 1, a different word between 0.5 and 1 by how little it resembles.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher

from sendyard.domain.countries.dlt_template import DltTemplate

_MOST_WORDS_IN_A_VALUE = 8
_A_WORD_MORE = 0.01
"""Keeps a variable from swallowing words that a fixed part needs."""

_BAD_VALUE = 0.7


@dataclass(frozen=True, slots=True)
class WrongWords:
    """What differs first: the template's words ("" when the text has extra ones) and where in the text."""

    expected: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class _Word:
    """A word of the template; with a variable in it, what stands before the first and after the last."""

    text: str
    before: str = ""
    after: str = ""
    has_variable: bool = False


@dataclass(frozen=True, slots=True)
class _Step:
    """One pair of the alignment: template words [i0, i1) against text words [j0, j1)."""

    i0: int
    i1: int
    j0: int
    j1: int
    cost: float


def first_wrong_words(template: DltTemplate, text: str) -> WrongWords:
    """Align the words and give the first stretch of fixed words that differs; the text must not match."""
    wanted = _template_words(template)
    spans = [match.span() for match in re.finditer(r"\S+", text)]
    words = [text[start:end] for start, end in spans]
    steps = [step for step in _align(wanted, words) if step.cost >= 0.5]
    if not steps:
        # The fault is between two variables of one word, which are not told apart here.
        return WrongWords(" ".join(word.text for word in wanted), 0, len(text))
    first = last = steps[0]
    for step in steps[1:]:
        if (step.i0, step.j0) != (last.i1, last.j1):
            break
        last = step
    expected = " ".join(word.text for word in wanted[first.i0 : last.i1])
    if last.j1 > first.j0:
        return WrongWords(expected, spans[first.j0][0], spans[last.j1 - 1][1])
    at = spans[first.j0][0] if first.j0 < len(spans) else len(text)
    return WrongWords(expected, at, at)


def _template_words(template: DltTemplate) -> list[_Word]:
    # The variables' own spelling does not matter here, only where they stand.
    return [_word(piece) for piece in "\0".join(template.statics).split()]


def _word(piece: str) -> _Word:
    if "\0" not in piece:
        return _Word(piece)
    return _Word(piece.replace("\0", "{#var#}"), piece.partition("\0")[0], piece.rpartition("\0")[2], has_variable=True)


def _align(wanted: list[_Word], words: list[str]) -> list[_Step]:
    best: dict[tuple[int, int], tuple[float, _Step | None]] = {(0, 0): (0.0, None)}
    for i in range(len(wanted) + 1):
        for j in range(len(words) + 1):
            spent = best[i, j][0]
            for step in _steps(wanted, words, i, j):
                there = (step.i1, step.j1)
                if there not in best or spent + step.cost < best[there][0]:
                    best[there] = (spent + step.cost, step)
    path = []
    before = best[len(wanted), len(words)][1]
    while before is not None:
        path.append(before)
        before = best[before.i0, before.j0][1]
    return path[::-1]


def _steps(wanted: list[_Word], words: list[str], i: int, j: int) -> Iterator[_Step]:
    if j < len(words):
        yield _Step(i, i, j, j + 1, 1.0)
    if i == len(wanted):
        return
    word = wanted[i]
    yield _Step(i, i + 1, j, j, 1.0)
    if word.has_variable:
        for end in range(j + 1, min(j + _MOST_WORDS_IN_A_VALUE, len(words)) + 1):
            fits = words[j].startswith(word.before) and words[end - 1].endswith(word.after)
            if end == j + 1:
                fits = fits and len(words[j]) >= len(word.before) + len(word.after)
            yield _Step(i, i + 1, j, end, (0.0 if fits else _BAD_VALUE) + _A_WORD_MORE * (end - j))
    elif j < len(words):
        likeness = SequenceMatcher(None, word.text, words[j], autojunk=False).ratio()
        yield _Step(i, i + 1, j, j + 1, 0.0 if word.text == words[j] else 1.0 - likeness / 2)
