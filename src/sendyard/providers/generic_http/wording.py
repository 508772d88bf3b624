"""
What stands in the templates of an account: the places, the names each may use, and whether the format holds.
"""

import json
import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from urllib.parse import parse_qsl, urlsplit
from xml.parsers import expat

from sendyard.providers.generic_http.placeholders import (
    Escape,
    as_it_is,
    check_names,
    filled_with,
    in_form,
    in_json,
    in_xml,
    names_in,
)

KEYS = frozenset({"username", "secret", "secret_2"})
"""Values of the account."""

CREDENTIALS = KEYS | {"basic"}
"""For headers there is also what HTTP Basic wants after its word: Base64 of `username:secret`."""

MESSAGE = frozenset(
    {
        *("to", "text", "sender", "reference", "callback_url", "exchange", "timestamp"),
        *("purpose", "alphabet", "entity_id", "template_id", "country"),
    }
)
"""Values of a message and its moment."""

# In a path or a header only what cannot be chosen by whoever writes a text.
IN_SEND_PATH = KEYS | {"to", "reference"}
IN_SEND_QUERY = KEYS | MESSAGE
IN_HEADERS = CREDENTIALS | {"reference", "exchange", "timestamp"}
IN_QUESTION = KEYS | {"timestamp"}
IN_POLL = KEYS | {"to", "reference", "id"}

ESCAPES: Mapping[str, Escape] = MappingProxyType(
    {"json": in_json, "form": in_form, "xml": in_xml, "plain": as_it_is, "none": as_it_is}
)
CONTENT_TYPES: Mapping[str, str] = MappingProxyType(
    {
        "json": "application/json",
        "form": "application/x-www-form-urlencoded",
        "xml": "application/xml; charset=utf-8",
        "plain": "text/plain; charset=utf-8",
    }
)

_LINE_END = re.compile(r"\n|\\n")
_TOKEN = re.compile("[!#$%&'*+.^_`|~0-9A-Za-z-]{1,64}")
_CONTROL = re.compile("[\x00-\x1f\x7f]")
_NOT_IN_ADDRESS = re.compile(r"""[^\x21-\x7e]|[\\"<>^`|#]""")
_OURS = frozenset({"host", "content-length", "transfer-encoding", "connection", "expect", "upgrade", "te", "trailer"})
# Values that would break a format that does not escape them.
_AWKWARD = "a\"b\\c'd<e>&f=g;%s{x}\n\u00e9"


def has_control(text: str) -> bool:
    """Whether a character stands there that could end a header line."""
    return _CONTROL.search(text) is not None


def check_address(url: str) -> str:
    """Return the fixed part of every address, without a slash at its end. Raises ValueError."""
    parts = urlsplit(url)
    if "{" in url or "}" in url:
        raise ValueError("the address may hold no placeholder, so that no value can change the host")
    if (
        parts.scheme not in {"https", "http"}
        or not parts.hostname
        or "@" in parts.netloc
        or parts.query
        or parts.fragment
        or _NOT_IN_ADDRESS.search(url)
    ):
        raise ValueError(
            "expected an address such as https://api.carrier.example/v1, without name, password, question mark or #"
        )
    return url.rstrip("/")


def check_target(source: str, in_path: frozenset[str], in_query: frozenset[str]) -> None:
    """Check what follows the address. Raises ValueError."""
    if source and source[0] not in "/?":
        raise ValueError("what follows the address begins with a slash or a question mark")
    path, _, query = source.partition("?")
    if "//" in path:
        raise ValueError("two slashes stand together in the path; write one")
    for part, known in ((path, in_path), (query, in_query)):
        check_names(part, known)
        if strange := _NOT_IN_ADDRESS.search(filled_with(part, lambda _name: "x")):
            raise ValueError(f"{strange[0]!r} cannot stand in an address; percent-encode it")


def read_headers(text: str) -> dict[str, str]:
    r"""
    Read one `Name: value` a line; names come in small letters. A typed `\n` ends a line too, for one-line inputs.

    Raises:
        ValueError: a line is no header, a header is ours to set or stands twice, or a key is written out.
    """
    found: dict[str, str] = {}
    for line in filter(None, (piece.strip(" \t\r") for piece in _LINE_END.split(text))):
        name, colon, value = line.partition(":")
        name, value = name.strip().lower(), value.strip()
        if not colon or not _TOKEN.fullmatch(name):
            raise ValueError(f"expected lines such as X-Name: value, found a line that begins {line[:12]!r}")
        if name in _OURS:
            raise ValueError(f"the header {name} is set by the connection; leave it out")
        if name in found:
            raise ValueError(f"the header {name} stands there twice")
        if has_control(value) or not value.isascii():
            raise ValueError(f"the value of {name} has a control character or one that is not ASCII")
        if name in {"authorization", "proxy-authorization"} and not names_in(value) & CREDENTIALS:
            raise ValueError(f"{name} shows a key to everybody who sees this form; write {{secret}} or {{basic}} there")
        check_names(value, IN_HEADERS)
        found[name] = value
    return found


def check_body(kind: str, source: str, number: str) -> None:
    """
    Fill the template with awkward values and see that it is still in its format.

    `number` is what a recipient looks like. Raises ValueError.
    """
    if kind == "none" and source:
        raise ValueError("there is a body, but the kind of body is none; choose one, or empty the body")
    check_names(source, IN_SEND_QUERY, braces=kind == "json")
    if kind in _CHECKS:
        _CHECKS[kind](source, number)


def _sample(escape: Escape, number: str) -> Callable[[str], str]:
    # A number without a plus may stand in JSON without quotation marks.
    known = {"to": escape(number), "timestamp": "1700000000"}
    return lambda name: known.get(name) or escape(_AWKWARD)


def _check_json(source: str, number: str) -> None:
    try:
        json.loads(filled_with(source, _sample(in_json, number)))
    except ValueError as wrong:
        raise ValueError(
            f"is no JSON once it is filled in ({wrong}); put quotation marks around placeholders: "
            '{"to": "{to}", "text": "{text}"}'
        ) from wrong


def _check_form(source: str, number: str) -> None:
    filled = filled_with(source, _sample(in_form, number))
    try:
        parse_qsl(filled, keep_blank_values=True, strict_parsing=True)
    except ValueError as wrong:
        raise ValueError(
            f"is no form ({wrong}); write name=value pairs joined by &: to={{to}}&text={{text}}"
        ) from wrong
    if _NOT_IN_ADDRESS.search(filled):
        raise ValueError("has a blank, a line break or another character that a form must percent-encode")


def _check_xml(source: str, number: str) -> None:
    if "<!" in source:
        raise ValueError("may hold no declaration, comment or CDATA section: values are escaped for plain XML")
    reader = expat.ParserCreate()
    said: list[str] = []
    reader.CharacterDataHandler = said.append
    reader.StartElementHandler = lambda _name, attributes: said.extend(attributes.values())
    try:
        reader.Parse(filled_with(source, _sample(in_xml, number)), True)  # noqa: FBT003 - expat takes it by position only
    except expat.ExpatError as wrong:
        raise ValueError(
            f"is no XML once it is filled in ({wrong}); placeholders stand in texts or attributes"
        ) from wrong
    if "".join(said).count(_AWKWARD) < sum(name not in {"to", "timestamp"} for name in names_in(source)):
        raise ValueError("has a placeholder where XML does not keep its value; put it into a text or an attribute")


def _check_plain(source: str, number: str) -> None:
    del number
    if "{text}" in source and (source.count("{text}") > 1 or not source.endswith("{text}")):
        raise ValueError("{text} must stand at the very end of a plain body, since nothing marks where a text ends")


_CHECKS: Mapping[str, Callable[[str, str], None]] = MappingProxyType(
    {"json": _check_json, "form": _check_form, "xml": _check_xml, "plain": _check_plain}
)
