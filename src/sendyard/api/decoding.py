"""
Turning what callers send into values, and what is wrong with it into problems that name the place.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar
from urllib.parse import parse_qsl

import msgspec

from sendyard.api.problems import MalformedBody
from sendyard.domain.choices import strangers
from sendyard.domain.errors import FieldError, Invalid

T = TypeVar("T")

_PLACE = re.compile(r"^(?P<what>.*?)(?: - at (?:`(?P<part>\w+)` in )?`\$(?P<path>.*)`)?$", re.DOTALL)
_STEP = re.compile(r"\.([^.\[]+)|\[(\d+|\.\.\.)\]")
_UNKNOWN = re.compile(r"^Object contains unknown field `(.*)`$", re.DOTALL)
_MISSING = re.compile(r"^Object missing required field `(.*)`$", re.DOTALL)
_CODES: Sequence[tuple[re.Pattern[str], str]] = (
    (re.compile(r"^Expected .* of length "), "length"),
    (re.compile(r"^Expected `(int|float)` (<|>|that)"), "range"),
    (re.compile(r"^Integer (value )?out of range"), "range"),
    (re.compile(r"^Invalid enum value "), "choice"),
    (re.compile(r"^Expected `str` matching regex "), "pattern"),
    (re.compile(r"^(Invalid RFC3339|Expected `datetime`)"), "time"),
)
_WORDS = {
    "`str`": "text",
    "`int`": "a whole number",
    "`float`": "a number",
    "`bool`": "true or false",
    "`null`": "null",
    "`object`": "an object",
    "`array`": "a list",
    "`datetime`": "a time",
    "`bytes`": "base64 text",
}


def decode_body(decoder: msgspec.json.Decoder[T], raw: bytes) -> T:
    """
    Read a JSON body.

    Raises:
        MalformedBody: not JSON, or not UTF-8.
        Invalid: JSON of another shape than the decoder's; each fault with its place.
    """
    try:
        value = decoder.decode(raw)
    except msgspec.ValidationError as error:
        raise _invalid(error, "body", decoder.type, lambda: _whole(raw)) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise MalformedBody("malformed_json", f"The body is not JSON in UTF-8: {error}.") from None
    # PostgreSQL cannot store the character, and no text anybody means to send has it.
    if b"\\u0000" in raw and (pointer := find_nul(msgspec.to_builtins(value))) is not None:
        raise _nul(pointer, "body")
    return value


def decode_query(query_string: bytes, shape: type[T]) -> T:
    """
    Read query parameters into a Struct; of a repeated parameter the last one counts.

    Raises:
        Invalid: an unknown parameter or an unusable value, named.
    """
    given = dict(parse_qsl(query_string.decode("latin-1"), keep_blank_values=True, errors="replace"))
    for name, value in given.items():
        if "\0" in name or "\0" in value:
            raise _nul(name.replace("\0", ""), "query")
    try:
        return msgspec.convert(given, shape, strict=False)
    except msgspec.ValidationError as error:
        raise _invalid(error, "query", shape, lambda: given) from None


def find_nul(value: Any, pointer: str = "") -> str | None:
    """Where the character U+0000 stands inside plain JSON values, as a JSON pointer."""
    if isinstance(value, str):
        return pointer if "\0" in value else None
    if isinstance(value, Mapping):
        for key, item in value.items():
            found = pointer if "\0" in key else find_nul(item, f"{pointer}/{_escape(key)}")
            if found is not None:
                return found
    if isinstance(value, list):
        for index, item in enumerate(value):
            if (found := find_nul(item, f"{pointer}/{index}")) is not None:
                return found
    return None


def _nul(pointer: str, where: str) -> Invalid:
    detail = "The character U+0000 was found; leave it out."
    return Invalid(
        "nul_character",
        f"The {where} holds a character that no text may hold.",
        errors=[FieldError(pointer, "nul_character", detail)],
    )


def _invalid(error: msgspec.ValidationError, where: str, shape: Any, given: Callable[[], Any]) -> Invalid:
    fault = _fault(str(error))
    if fault.code == "choice" and (unknown := next(strangers(shape, given()), None)):
        pointer = "".join(f"/{_escape(step)}" for step in unknown.path)
        fault = FieldError(pointer, fault.code, unknown.detail)
    if where == "query":
        fault = FieldError(fault.pointer.removeprefix("/"), fault.code, fault.detail)
    return Invalid(
        f"invalid_{where}", f"The {where} is not usable: {fault.pointer or where}: {fault.detail}", errors=[fault]
    )


def _whole(raw: bytes) -> Any:
    """The body as it is; nothing where it is broken behind the fault that was found."""
    try:
        return msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def _fault(message: str) -> FieldError:
    found = _PLACE.match(message)
    what, path = (found["what"], found["path"] or "") if found else (message, "")
    pointer = _pointer(path)
    code = next((code for pattern, code in _CODES if pattern.match(what)), "type")
    detail = what
    for wire, word in _WORDS.items():
        detail = detail.replace(wire, word)
    if unknown := _UNKNOWN.match(what):
        pointer, code = f"{pointer}/{_escape(unknown[1])}", "unknown"
        detail = f"{unknown[1]!r} is not known here; see the OpenAPI document for what is"
    if missing := _MISSING.match(what):
        pointer, code, detail = f"{pointer}/{missing[1]}", "required", "this is required and was not given"
    return FieldError(pointer, code, detail + ".")


def _pointer(path: str) -> str:
    steps = []
    for name, index in _STEP.findall(path):
        # Of an object with free keys the decoder does not tell which one; the object itself is named then.
        if index == "...":
            break
        steps.append(_escape(name or index))
    return "".join(f"/{step}" for step in steps)


def _escape(step: str) -> str:
    return step.replace("~", "~0").replace("/", "~1")
