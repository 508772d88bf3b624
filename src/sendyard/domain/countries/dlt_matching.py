"""
Does a finished text match its DLT template, as an operator will compare it, and if not, which words differ?

Operators compare exactly and case-sensitively; only variables vary. Nothing is trimmed or normalised before that
comparison except CRLF. When it fails, the text is compared again with one thing forgiven at a time (case, spacing,
look-alikes, punctuation), so that the person is shown the very characters to change.
"""

import unicodedata
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import takewhile

from sendyard.domain.countries.dlt_alignment import first_wrong_words
from sendyard.domain.countries.dlt_template import DltTemplate, Slot, value_fault

_STRAY = ".,;!-<> \t\n"
"""At the outer edge of a variable these are not part of its value but extra text that operators refuse."""

_LOOKALIKES = str.maketrans(
    {
        "’": "'", "‘": "'", "´": "'", "`": "'", "“": '"', "”": '"', "–": "-", "—": "-", "−": "-", "‐": "-",
        "\u00a0": " ", "\u202f": " ", "\u3000": " ", "…": "...", "\u200b": "", "\u200c": "", "\u200d": "",
        "\ufeff": "",
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Problem:
    """
    One reason why a text will be refused.

    Attributes:
        kind: case, spacing, lookalike, punctuation, missing_static, extra_text, wrong_words, differs, or a kind of
            `value_fault`.
        detail: what was expected and found, and what to do.
        start: where the offending characters begin in the text, and `end` where they end.
        expected: the template's words there, "" for a variable.
        found: the text's.
    """

    kind: str
    detail: str
    start: int
    end: int
    expected: str = ""
    found: str = ""


@dataclass(frozen=True, slots=True)
class Match:
    """
    The outcome; `values` are (start, end) per slot of the template when its fixed parts could be placed.

    A text matches when `problems` is empty or holds only empty values.
    """

    problems: tuple[Problem, ...]
    values: tuple[tuple[int, int], ...] = ()

    @property
    def ok(self) -> bool:
        """True when an operator will take it."""
        return all(problem.kind == "variable_empty" for problem in self.problems)


_DIFFERS = Problem("differs", "The fixed words differ. Look at one such message to see where.", 0, 0)


def match_template(template: DltTemplate, text: str, *, explain: bool = True) -> Match:
    """
    Compare a finished text with a template; see the module for how.

    Without `explain`, a text whose fixed words differ gets one problem of kind "differs" and no position.
    """
    text = text.replace("\r\n", "\n")
    placed = _place(template.statics, template.slots, text)
    if placed is None:
        return Match((_explain(template, text) if explain else _DIFFERS,))
    problems = []
    for number, (slot, (start, end)) in enumerate(zip(template.slots, placed, strict=True)):
        stray = _stray(template, number, text[start:end])
        kind, detail = value_fault(slot, text[start:end])
        if stray:
            at = start if stray == "before" else end - 1
            char = text[at]
            detail = f"Extra {char!r} {stray} {slot.name}; the template has nothing there. Remove it."
            problems.append(Problem("extra_text", detail, at, at + 1, "", char))
        elif kind:
            problems.append(Problem(kind, detail[0].upper() + detail[1:], start, end, "", text[start:end]))
    return Match(tuple(problems), placed)


def closest(candidates: Iterable[tuple[str, DltTemplate]], text: str) -> str | None:
    """Give the id of the first candidate that matches a text, such as another approved template of the account."""
    return next((one for one, template in candidates if match_template(template, text, explain=False).ok), None)


def _stray(template: DltTemplate, number: int, value: str) -> str:
    """Name the side on which an untagged variable at the edge of the text hides extra characters, or ""."""
    if template.slots[number].tag or not value.strip():
        return ""
    if number == 0 and not template.statics[0] and value[0] in _STRAY:
        return "before"
    if number == len(template.slots) - 1 and not template.statics[-1] and value[-1] in _STRAY:
        return "after"
    return ""


Placed = tuple[tuple[int, int], ...]


def _place(
    statics: Sequence[str], slots: Sequence[Slot], text: str, cost: Callable[[Slot, str], int] | None = None
) -> Placed | None:
    """
    Find where the values are, such that the fixed parts stand between them in order and at both ends.

    Among several ways the one with the fewest faulty values wins, then the one with shorter earlier values. None
    when there is no way.
    """
    cost = cost or _cost
    first, last = statics[0], statics[-1]
    if not text.startswith(first):
        return None
    if not slots:
        return () if text == first else None
    # Where the text may have been read up to, with the total cost and values so far.
    reached: dict[int, tuple[int, Placed]] = {len(first): (0, ())}
    for number, slot in enumerate(slots):
        static = statics[number + 1]
        final = number == len(slots) - 1
        onward: dict[int, tuple[int, Placed]] = {}
        for start, (spent, values) in reached.items():
            ends = _ending(text, last, start) if final else _occurrences(text, static, start)
            for end in ends:
                total = spent + cost(slot, text[start:end])
                known = onward.get(end + len(static))
                if known is None or total < known[0]:
                    onward[end + len(static)] = (total, (*values, (start, end)))
        reached = onward
    return min(reached.values(), key=lambda one: one[0])[1] if reached else None


def _cost(slot: Slot, value: str) -> int:
    kind, _ = value_fault(slot, value)
    # Too long outweighs everything: no operator ever stretches a limit.
    return 0 if not kind else 100 if kind == "variable_too_long" else 1


def _free(_slot: Slot, _value: str) -> int:
    return 0


def _ending(text: str, last: str, start: int) -> tuple[int, ...]:
    at = len(text) - len(last)
    return (at,) if at >= start and text.endswith(last) else ()


def _occurrences(text: str, static: str, start: int) -> list[int]:
    found, at = [], text.find(static, start)
    while at >= 0:
        found.append(at)
        at = text.find(static, at + 1)
    return found


@dataclass(frozen=True, slots=True)
class _Folded:
    """A text with some differences forgiven; `origin[i]` is where its i-th character came from."""

    text: str
    origin: tuple[int, ...]


def _fold(text: str, how: Callable[[str], str]) -> _Folded:
    chars, origin = [], []
    for at, char in enumerate(text):
        folded = how(char)
        chars.append(folded)
        origin.extend([at] * len(folded))
    return _Folded("".join(chars), tuple(origin))


def _no_space(char: str) -> str:
    return "" if char.isspace() else char


def _no_lookalike(char: str) -> str:
    return char.translate(_LOOKALIKES)


def _no_punctuation(char: str) -> str:
    return "" if unicodedata.category(char)[0] == "P" else char


_FORGIVEN: tuple[tuple[str, Callable[[str], str], str], ...] = (
    ("case", str.casefold, "Capital and small letters must be as approved."),
    ("lookalike", _no_lookalike, "The characters look alike but are different ones."),
    ("spacing", _no_space, "Spaces and line ends must be as approved."),
    ("punctuation", _no_punctuation, "Punctuation must be as approved."),
)


def _explain(template: DltTemplate, text: str) -> Problem:
    for kind, how, advice in _FORGIVEN:
        found = _difference(template, text, how)
        if found:
            start, end, expected = found
            return Problem(kind, _say(expected, text, start, end, advice), start, end, expected, text[start:end])
    wrong = first_wrong_words(template, text)
    kind = "extra_text" if not wrong.expected else "wrong_words" if wrong.end > wrong.start else "missing_static"
    detail = _say(wrong.expected, text, wrong.start, wrong.end, "")
    return Problem(kind, detail, wrong.start, wrong.end, wrong.expected, text[wrong.start : wrong.end])


def _difference(template: DltTemplate, text: str, how: Callable[[str], str]) -> tuple[int, int, str] | None:
    """Place the text with something forgiven; give where it first differs from the template, and what belongs there."""
    folded = _fold(text, how)
    placed = _place([_fold(static, how).text for static in template.statics], template.slots, folded.text, _free)
    if placed is None:
        return None
    # Positions in the text itself: what lies between the values is compared with the fixed parts as approved.
    values = [(_origin(folded, start, text), _end(folded, start, end, text)) for start, end in placed]
    begins = [0, *(end for _, end in values)]
    ends = [*(start for start, _ in values), len(text)]
    # The text itself could not be placed, so one of them differs.
    begin, static, found = next(
        (begin, static, text[begin:end])
        for static, begin, end in zip(template.statics, begins, ends, strict=True)
        if text[begin:end] != static
    )
    left, right, expected = _first_difference(static, found)
    return begin + left, begin + right, expected


def _origin(folded: _Folded, at: int, text: str) -> int:
    return folded.origin[at] if at < len(folded.origin) else len(text)


def _end(folded: _Folded, start: int, end: int, text: str) -> int:
    return folded.origin[end - 1] + 1 if end > start else _origin(folded, start, text)


def _first_difference(expected: str, found: str) -> tuple[int, int, str]:
    """Give the first stretch of `found` that differs, and what should stand there; whole words where letters differ."""
    steps = SequenceMatcher(None, expected, found, autojunk=False).get_opcodes()
    _, i1, i2, j1, j2 = next(step for step in steps if step[0] != "equal")
    if not (expected[i1:i2].isalnum() and found[j1:j2].isalnum()):
        return j1, j2, expected[i1:i2]
    before = _letters(expected[:i1][::-1], found[:j1][::-1])
    after = _letters(expected[i2:], found[j2:])
    return j1 - before, j2 + after, expected[i1 - before : i2 + after]


def _letters(one: str, other: str) -> int:
    """Count the letters with which both texts begin alike."""
    return sum(
        1 for _ in takewhile(lambda pair: pair[0] == pair[1] and pair[0].isalnum(), zip(one, other, strict=False))
    )


def _say(expected: str, text: str, start: int, end: int, advice: str) -> str:
    found = text[start:end]
    at = f"at character {start + 1}"
    if not expected:
        said = f"Extra {found!r:.80} {at}; the approved template has nothing there. Remove it."
    elif found:
        said = f"Expected {expected!r:.80} {at}, found {found!r:.80}. Write it as approved."
    else:
        said = f"{expected!r:.80} is missing {at}. Write it as approved."
    return f"{said} {advice}".rstrip()
