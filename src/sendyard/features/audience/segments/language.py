r"""
The language of segments: `tag = vip and country in (TW, KR) and delivered within 30 days and not replied ever`.

    filter    = either { "or" either }
    either    = condition { "and" condition }
    condition = "not" condition | "(" filter ")" | "has" KIND | "suppressed" [ "on" CHANNEL ]
              | ACTIVITY [ "ever" | "never" | ( "within" | "in" [ "the" ] "last" ) NUMBER UNIT ] | "never" ACTIVITY
              | FIELD ( OPERATOR VALUE | "in" "(" VALUE { "," VALUE } ")" | "is" [ "not" ] "set" )

Words are understood in any case. A value with spaces stands in quotation marks; `\"` is one within them.
"""

import re
from collections.abc import Sequence
from typing import NamedTuple

from sendyard.domain.errors import FieldError, Invalid
from sendyard.features.audience.contacts.rows import ACTIVITIES, KINDS
from sendyard.features.audience.segments.tree import (
    DEEPEST,
    LONGEST_COUNT,
    MOST_CONDITIONS,
    UNITS,
    All,
    AnyOf,
    Compare,
    Did,
    Has,
    Node,
    Not,
    Suppressed,
)

LONGEST_FILTER = 4000
_TOKEN = re.compile(
    r"""\s*(?:
        (?P<sign>!=|<>|>=|<=|[=<>(),])
      | "(?P<double>(?:[^"\\]|\\.)*)"
      | '(?P<single>(?:[^'\\]|\\.)*)'
      | (?P<word>[^\s=<>!(),"']+)
    )""",
    re.VERBOSE | re.DOTALL,
)
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_SIGNS = {"=", "!=", ">", ">=", "<", "<="}
_COMPARING = {"is", "contains", "in"}
_SINGULAR = {unit[:-1]: unit for unit in UNITS}


class FilterError(Invalid):
    """A filter that cannot be read: `position` counts characters from 0, `expected` says what could stand there."""

    def __init__(self, position: int, expected: str, text: str) -> None:
        """Take the place, what was expected there, and the whole filter."""
        found = text[position : position + 20].strip()
        shown = f"found {found!r}" if found else "found the end"
        detail = f"At character {position + 1}: expected {expected}, {shown}."
        super().__init__("bad_filter", detail, errors=[FieldError("/filter", "bad_filter", detail)])
        self.position = position
        self.expected = expected
        self.pointed = f"{text}\n{' ' * position}^" if "\n" not in text else ""


class _Token(NamedTuple):
    kind: str  # sign, word, text, end
    value: str
    at: int

    @property
    def word(self) -> str:
        """What it says when it is a bare word, in small letters; "" otherwise."""
        return self.value.casefold() if self.kind == "word" else ""


def parse(text: str) -> Node:
    """
    Read a filter; a blank one stands for everybody.

    Raises:
        FilterError: with the position and what was expected there.
    """
    if len(text) > LONGEST_FILTER:
        raise FilterError(LONGEST_FILTER, f"at most {LONGEST_FILTER:,} characters", text)
    tokens = _tokens(text)
    if tokens[0].kind == "end":
        return All(())
    return _Parser(text, tokens).whole()


def _tokens(text: str) -> list[_Token]:
    tokens: list[_Token] = []
    at = 0
    end = len(text.rstrip())
    while at < end:
        found = _TOKEN.match(text, at)
        if found is None:
            at += len(text[at:]) - len(text[at:].lstrip())
            if text[at] in "\"'":
                raise FilterError(at, "a closing quotation mark for this one", text)
            raise FilterError(at, "a word, a value or a sign such as = or >", text)
        kind = str(found.lastgroup)
        value = found[kind]
        start = found.start(kind)
        if kind in {"double", "single"}:
            tokens.append(_Token("text", _ESCAPE.sub(r"\1", value), start - 1))
        else:
            tokens.append(_Token(kind, "!=" if value == "<>" else value, start))
        at = found.end()
    tokens.append(_Token("end", "", end))
    return tokens


class _Parser:
    def __init__(self, text: str, tokens: Sequence[_Token]) -> None:
        self._text = text
        self._tokens = tokens
        self._next = 0
        self._conditions = 0

    def whole(self) -> Node:
        found = self._any_of(0)
        if self._token.kind != "end":
            raise self._wrong("and, or, or the end")
        return found

    def _any_of(self, depth: int) -> Node:
        items = [self._all_of(depth)]
        while self._takes("or"):
            items.append(self._all_of(depth))
        return AnyOf(tuple(items)) if len(items) > 1 else items[0]

    def _all_of(self, depth: int) -> Node:
        items = [self._condition(depth)]
        while self._takes("and"):
            items.append(self._condition(depth))
        return All(tuple(items)) if len(items) > 1 else items[0]

    def _condition(self, depth: int) -> Node:
        self._conditions += 1
        if self._conditions > MOST_CONDITIONS:
            raise self._wrong(f"at most {MOST_CONDITIONS} conditions")
        if depth > DEEPEST:
            raise self._wrong(f"at most {DEEPEST} levels")
        token = self._token
        if self._takes("not"):
            return Not(self._condition(depth + 1))
        if self._takes_sign("("):
            found = self._any_of(depth + 1)
            if not self._takes_sign(")"):
                raise self._wrong("and, or, or a closing parenthesis")
            return found
        return self._said(token)

    def _said(self, token: _Token) -> Node:
        """A condition that begins with a word."""
        if token.word == "never" and self._following.word in ACTIVITIES:
            self._next += 2
            return Not(Did(self._tokens[self._next - 1].word, at=token.at))
        if token.kind != "word" or token.word in {"and", "or", "in", "is", "within", "ever", "never", "set"}:
            raise self._wrong("a condition, such as tag = vip or delivered within 30 days")
        self._next += 1
        if token.word == "has":
            return self._has()
        if token.word == "suppressed":
            return self._suppressed(token)
        if self._is_did(token.word):
            return self._did(token)
        return self._compare(token)

    def _is_did(self, word: str) -> bool:
        following = self._token
        if word in ACTIVITIES:
            ends = following.kind == "end" or (following.kind == "sign" and following.value == ")")
            return ends or self._is_lately() or (following.kind != "sign" and following.word not in _COMPARING)
        return word in {"created", "updated"} and self._is_lately()

    def _is_lately(self) -> bool:
        """Whether `within`, or its other spelling `in last` or `in the last`, comes next."""
        return self._token.word == "within" or (self._token.word == "in" and self._following.word in {"last", "the"})

    def _has(self) -> Node:
        token = self._token
        if token.word not in KINDS:
            raise self._wrong(f"one of {', '.join(KINDS)}")
        self._next += 1
        return Has(token.word, token.at)

    def _suppressed(self, token: _Token) -> Node:
        if not self._takes("on"):
            return Suppressed("", token.at)
        channel = self._token
        if channel.kind not in {"word", "text"}:
            raise self._wrong("a channel, such as sms")
        self._next += 1
        return Suppressed(channel.value.casefold(), channel.at)

    def _did(self, token: _Token) -> Node:
        if self._takes("ever"):
            return Did(token.word, at=token.at)
        if self._takes("never"):
            return Not(Did(token.word, at=token.at))
        if self._token.kind in {"end", "sign"} or self._token.word in {"and", "or"}:
            return Did(token.word, at=token.at)
        if self._takes("in"):
            self._takes("the")
            if not self._takes("last"):
                raise self._wrong("last, as in in the last 30 days")
        elif not self._takes("within"):
            raise self._wrong("ever, never, or within, as in within 30 days")
        number = self._token
        if number.kind != "word" or not number.value.isascii() or not number.value.isdigit():
            raise self._wrong("a whole number, such as 30")
        if not 1 <= int(number.value[:9]) <= LONGEST_COUNT or len(number.value) > 9:
            raise self._wrong(f"a number from 1 to {LONGEST_COUNT:,}")
        self._next += 1
        unit = _SINGULAR.get(self._token.word, self._token.word)
        if unit not in UNITS:
            raise self._wrong(f"one of {', '.join(UNITS)}")
        self._next += 1
        return Did(token.word, int(number.value), unit, token.at)

    def _compare(self, token: _Token) -> Node:
        field = token.value if token.word.startswith("field.") else token.word
        place = self._token
        if place.kind == "sign" and place.value in _SIGNS:
            self._next += 1
            value_at = self._token.at
            return Compare(field, place.value, (self._value(),), token.at, value_at)
        if self._takes("contains"):
            value_at = self._token.at
            return Compare(field, "contains", (self._value(),), token.at, value_at)
        if self._takes("in"):
            value_at = self._token.at
            return Compare(field, "in", self._values(), token.at, value_at)
        if self._takes("is"):
            negated = self._takes("not")
            if not self._takes("set"):
                raise self._wrong("set, as in is set" if negated else "set or not set, as in is not set")
            found = Compare(field, "is set", (), token.at, token.at)
            return Not(found) if negated else found
        raise self._wrong(f"=, !=, >, >=, <, <=, contains, in, or is set after {token.value}")

    def _values(self) -> tuple[str, ...]:
        if not self._takes_sign("("):
            raise self._wrong("an opening parenthesis, as in in (TW, KR)")
        values = [self._value()]
        while self._takes_sign(","):
            values.append(self._value())
        if not self._takes_sign(")"):
            raise self._wrong("a comma or a closing parenthesis")
        return tuple(values)

    def _value(self) -> str:
        token = self._token
        if token.kind not in {"word", "text"} or token.word in {"and", "or", "not"}:
            raise self._wrong("a value; one with spaces stands in quotation marks")
        self._next += 1
        return token.value

    @property
    def _token(self) -> _Token:
        return self._tokens[self._next]

    @property
    def _following(self) -> _Token:
        return self._tokens[min(self._next + 1, len(self._tokens) - 1)]

    def _takes(self, word: str) -> bool:
        if self._token.word != word:
            return False
        self._next += 1
        return True

    def _takes_sign(self, sign: str) -> bool:
        if self._token.kind != "sign" or self._token.value != sign:
            return False
        self._next += 1
        return True

    def _wrong(self, expected: str) -> FilterError:
        return FilterError(self._token.at, expected, self._text)
