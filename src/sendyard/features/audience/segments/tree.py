"""
What a segment asks, as a tree: the same for the language, for the builder on screen, and for what runs it.

As JSON: `{"all": […]}`, `{"any": […]}`, `{"not": …}`, `{"field": "country", "op": "=", "value": "TW"}` (`value` is a
list for `in`, and left out for `is set`), `{"activity": "delivered", "within": {"count": 30, "unit": "days"}}` (without
`within`: ever), `{"has": "phone"}` and `{"suppressed": ""}` (or a channel).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from sendyard.domain.errors import FieldError, Invalid

OPERATORS = ("=", "!=", ">", ">=", "<", "<=", "contains", "in", "is set")
UNITS = {"minutes": 60, "hours": 3600, "days": 86_400, "weeks": 7 * 86_400}
"""Seconds of each."""
LONGEST_COUNT = 100_000
DEEPEST = 20
MOST_CONDITIONS = 200


@dataclass(frozen=True, slots=True)
class All:
    """Every one of these holds; of none, everybody."""

    items: tuple["Node", ...]


@dataclass(frozen=True, slots=True)
class AnyOf:
    """At least one of these holds."""

    items: tuple["Node", ...]


@dataclass(frozen=True, slots=True)
class Not:
    """This does not hold; also where nothing is known."""

    item: "Node"


@dataclass(frozen=True, slots=True)
class Compare:
    """A field against values. `at` is where it stands: a position in the text, or a JSON pointer."""

    field: str
    op: str
    values: tuple[str, ...]
    at: int | str = 0
    value_at: int | str = 0


@dataclass(frozen=True, slots=True)
class Did:
    """Something happened to the person, ever or within the last so many units."""

    activity: str
    count: int | None = None
    unit: str = "days"
    at: int | str = 0


@dataclass(frozen=True, slots=True)
class Has:
    """There is an identity of this kind."""

    kind: str
    at: int | str = 0


@dataclass(frozen=True, slots=True)
class Suppressed:
    """An address of the person is suppressed for every purpose: on this channel, or with "" on every one."""

    channel: str = ""
    at: int | str = 0


Node: TypeAlias = All | AnyOf | Not | Compare | Did | Has | Suppressed


def to_json(node: Node) -> dict[str, Any]:  # noqa: PLR0911 - one branch for each kind
    """Write a tree for the builder."""
    match node:
        case All(items):
            return {"all": [to_json(item) for item in items]}
        case AnyOf(items):
            return {"any": [to_json(item) for item in items]}
        case Not(item):
            return {"not": to_json(item)}
        case Compare(field, op, values):
            shown: dict[str, Any] = {"field": field, "op": op}
            if op == "in":
                shown["value"] = list(values)
            elif op != "is set":
                shown["value"] = values[0]
            return shown
        case Did(activity, count, unit):
            within = {} if count is None else {"within": {"count": count, "unit": unit}}
            return {"activity": activity, **within}
        case Has(kind):
            return {"has": kind}
        case Suppressed(channel):
            return {"suppressed": channel}


def to_text(node: Node) -> str:  # noqa: PLR0911 - one branch for each kind
    """Write a tree in the language; reading it again gives the same tree."""
    match node:
        case All(items):
            return " and ".join(_bracketed(item, (AnyOf,)) for item in items)
        case AnyOf(items):
            return " or ".join(to_text(item) for item in items)
        case Not(item):
            return f"not {_bracketed(item, (All, AnyOf))}"
        case Compare(field, "is set", _):
            return f"{field} is set"
        case Compare(field, "in", values):
            return f"{field} in ({', '.join(map(quoted, values))})"
        case Compare(field, op, values):
            return f"{field} {op} {quoted(values[0])}"
        case Did(activity, count, unit):
            return f"{activity} ever" if count is None else f"{activity} within {count} {unit}"
        case Has(kind):
            return f"has {kind}"
        case Suppressed(channel):
            return f"suppressed on {channel}" if channel else "suppressed"


def from_json(document: Any) -> Node:
    """
    Read a tree from the builder.

    Raises:
        Invalid: it is none; the error's pointer names the place.
    """
    return _Reader().node(document, "", 0)


def quoted(value: str) -> str:
    """A value as it stands in the language: bare where that is readable, else in quotation marks."""
    bare = value.replace("_", "").replace("-", "").replace(".", "").replace("+", "")
    if bare.isalnum() and value.casefold() not in RESERVED:
        return value
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


RESERVED = frozenset(
    {"and", "or", "not", "in", "is", "set", "within", "ever", "never", "has", "suppressed", "contains"}
)
"""Words that stand for themselves nowhere."""


def _bracketed(node: Node, kinds: tuple[type, ...]) -> str:
    written = to_text(node)
    return f"({written})" if isinstance(node, kinds) and len(getattr(node, "items", ())) > 1 else written


class _Reader:
    def __init__(self) -> None:
        self._conditions = 0

    def node(self, document: Any, pointer: str, depth: int) -> Node:  # noqa: C901, PLR0911 - one branch for each kind
        if depth > DEEPEST:
            raise _wrong(pointer, f"Expected at most {DEEPEST} levels, found more.")
        if not isinstance(document, Mapping):
            raise _wrong(pointer, 'Expected an object such as {"field": "tag", "op": "=", "value": "vip"}.')
        self._conditions += 1
        if self._conditions > MOST_CONDITIONS:
            raise _wrong(pointer, f"Expected at most {MOST_CONDITIONS} conditions, found more.")
        match document:
            case {"all": list(items), **rest} if not rest:
                return All(self._items(items, f"{pointer}/all", depth))
            case {"any": list(items), **rest} if not rest and items:
                return AnyOf(self._items(items, f"{pointer}/any", depth))
            case {"not": item, **rest} if not rest:
                return Not(self.node(item, f"{pointer}/not", depth + 1))
            case {"field": str(field), "op": str(op), **rest}:
                return _compare(field, op, rest, pointer)
            case {"activity": str(activity), **rest}:
                return _did(activity, rest, pointer)
            case {"has": str(kind), **rest} if not rest:
                return Has(kind, f"{pointer}/has")
            case {"suppressed": str(channel), **rest} if not rest:
                return Suppressed(channel, f"{pointer}/suppressed")
        raise _wrong(
            pointer,
            "Expected one of all, any, not, field with op and value, activity, has or suppressed; nothing else.",
        )

    def _items(self, items: Sequence[Any], pointer: str, depth: int) -> tuple[Node, ...]:
        return tuple(self.node(item, f"{pointer}/{index}", depth + 1) for index, item in enumerate(items))


def _compare(field: str, op: str, rest: Mapping[str, Any], pointer: str) -> Compare:
    if op not in OPERATORS:
        raise _wrong(f"{pointer}/op", f"Expected one of {', '.join(OPERATORS)}; found {op!r:.30}.")
    place = f"{pointer}/field"
    match rest:
        case {} if op == "is set" and not rest:
            return Compare(field, op, (), place, place)
        case {"value": list(values)} if op == "in" and values and len(rest) == 1:
            written = tuple(_written(value, f"{pointer}/value/{index}") for index, value in enumerate(values))
            return Compare(field, op, written, place, f"{pointer}/value")
        case {"value": value} if op not in {"in", "is set"} and len(rest) == 1:
            return Compare(field, op, (_written(value, f"{pointer}/value"),), place, f"{pointer}/value")
    raise _wrong(f"{pointer}/value", "Expected a list of values for `in`, none for `is set`, and one value otherwise.")


def _written(value: Any, pointer: str) -> str:
    if isinstance(value, str) and "\0" not in value:
        return value
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    raise _wrong(pointer, "Expected a text or a number.")


def _did(activity: str, rest: Mapping[str, Any], pointer: str) -> Did:
    match rest:
        case {} if not rest:
            return Did(activity, at=f"{pointer}/activity")
        case {"within": {"count": int(count), "unit": str(unit)}} if (
            len(rest) == 1 and unit in UNITS and 1 <= count <= LONGEST_COUNT
        ):
            return Did(activity, count, unit, f"{pointer}/activity")
    raise _wrong(f"{pointer}/within", f"Expected {{count, unit}} with a unit of {', '.join(UNITS)}.")


def _wrong(pointer: str, detail: str) -> Invalid:
    return Invalid(
        "bad_filter", f"The filter is not usable: {detail}", errors=[FieldError(pointer, "bad_filter", detail)]
    )
