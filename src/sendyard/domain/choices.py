"""
Where a value is none of those that a place of a document knows, and which those are.

The decoder's own message tells neither the allowed values nor, inside an object with free keys, the place.
"""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from msgspec import inspect


class Stranger(NamedTuple):
    """A value that its place does not know; `path` are the steps to it from the whole."""

    path: tuple[str, ...]
    found: str
    allowed: tuple[str, ...]

    @property
    def detail(self) -> str:
        """The sentence for a person."""
        return f"Expected one of {', '.join(self.allowed)}, found {self.found!r:.60}."


def strangers(shape: Any, given: Any) -> Iterator[Stranger]:
    """Find every value that none of the choices of its place allows; keys of objects are values too."""
    return _strangers(inspect.type_info(shape), given, ())


def _strangers(kind: inspect.Type, given: Any, path: tuple[str, ...]) -> Iterator[Stranger]:
    match kind:
        case inspect.Metadata():
            yield from _strangers(kind.type, given, path)
        case inspect.UnionType():
            for one in kind.types:
                yield from _strangers(one, given, path)
        case inspect.EnumType():
            yield from _unless_in([one.value for one in kind.cls], given, path)
        case inspect.LiteralType():
            yield from _unless_in(kind.values, given, path)
        case inspect.StructType() | inspect.DictType() if isinstance(given, Mapping):
            yield from _inside(kind, given, path)
        case inspect.ListType() | inspect.VarTupleType() if isinstance(given, list | tuple):
            for index, value in enumerate(given):
                yield from _strangers(kind.item_type, value, (*path, str(index)))


def _inside(
    kind: inspect.StructType | inspect.DictType, given: Mapping[str, Any], path: tuple[str, ...]
) -> Iterator[Stranger]:
    if isinstance(kind, inspect.DictType):
        for key, value in given.items():
            yield from _strangers(kind.key_type, key, (*path, key))
            yield from _strangers(kind.value_type, value, (*path, key))
        return
    for field in kind.fields:
        if field.encode_name in given:
            yield from _strangers(field.type, given[field.encode_name], (*path, field.encode_name))


def _unless_in(allowed: Any, given: Any, path: tuple[str, ...]) -> Iterator[Stranger]:
    # What is no text is of the wrong type rather than an unknown word, and of `X or null` only X has words.
    words = tuple(map(str, allowed))
    if isinstance(given, str) and given not in words:
        yield Stranger(path, given, words)
