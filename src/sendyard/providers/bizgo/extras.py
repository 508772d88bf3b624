"""
What a message may bring beside its content: `Outgoing.registration`, by BizGO's own names.

Plain keys: `sender_key` (Kakao channel), `targeting` (brand messages), `brand_key` (RCS), and `send_at` (ISO 8601 with
offset: BizGO shall keep the message until then). `<channel>.<field>` sets a documented field of that channel's flow
item, objects as JSON: `alimtalk.attachment`, `brandmessage.msgType`, `rcs.formatId`, ….

Sources: sheet sections 4.3 to 4.6.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Final

import msgspec

SENDER_KEY: Final = "sender_key"
TARGETING: Final = "targeting"
BRAND_KEY: Final = "brand_key"
SEND_AT: Final = "send_at"

_JSON: Final[Mapping[str, type]] = {
    "link": dict,
    "attachment": dict,
    "supplement": dict,
    "carousel": dict,
    "buttons": list,
}
"""Fields that are objects or lists; all the others are strings, numbers included."""
_FIELDS: Final[Mapping[str, frozenset[str]]] = {
    "alimtalk": frozenset(
        {
            *("msgType", "title", "header", "link", "attachment", "supplement"),
            *("price", "currencyType", "responseMethod", "timeout"),
        }
    ),
    "brandmessage": frozenset(
        {
            *("msgType", "header", "headerDescription", "additionalContent", "attachment", "carousel"),
            *("adFlag", "adult", "pushAlarm", "groupTagKey", "unsubscribePhoneNumber", "unsubscribeAuthNumber"),
        }
    ),
    "rcs": frozenset(
        {
            *("formatId", "buttons", "brandId", "groupId", "agencyId", "agencyKey"),
            *("expiryOption", "copyAllowed", "header", "footer"),
        }
    ),
    "international": frozenset({"clientSubId"}),
}
_PLAIN = frozenset({SENDER_KEY, TARGETING, BRAND_KEY, SEND_AT})
_PLACE = re.compile(r"#\{")
_NOTHING: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Extras:
    """A registration, read; `wrong` names the first key that cannot be used and says why."""

    plain: Mapping[str, str] = field(default_factory=lambda: _NOTHING)
    fields: Mapping[str, Mapping[str, Any]] = field(default_factory=lambda: _NOTHING)  # by channel
    send_at: datetime | None = None
    has_places: bool = False  # some field says `#{…}`, so the template's variables must travel
    wrong: str = ""

    def of(self, service: str) -> Mapping[str, Any]:
        """Fields for one kind of flow item."""
        return self.fields.get(service, _NOTHING)


NO_EXTRAS: Final = Extras()


def read_extras(registration: Mapping[str, str]) -> Extras:
    """Read a registration; those of one campaign are all alike, so the work is done once."""
    return _read(tuple(registration.items())) if registration else NO_EXTRAS


@lru_cache(maxsize=256)
def _read(items: tuple[tuple[str, str], ...]) -> Extras:
    plain: dict[str, str] = {}
    fields: dict[str, dict[str, Any]] = {}
    wrong, send_at, has_places = "", None, False
    for key, text in items:
        service, dot, name = key.partition(".")
        if not dot:
            # Other providers' keys, such as India's `entity_id`, may stand beside ours.
            if key in _PLAIN:
                plain[key] = text
            continue
        if name not in _FIELDS.get(service, ()):
            wrong = wrong or f"BizGO documents no field {name!r} of {service!r} that may be set here."
            continue
        value = _value(name, text)
        if value is None:
            wrong = wrong or f"Expected JSON in {key!r}: {'a list' if _JSON[name] is list else 'an object'}."
            continue
        has_places = has_places or _PLACE.search(text) is not None
        fields.setdefault(service, {})[name] = value
    if SEND_AT in plain:
        send_at = _moment(plain[SEND_AT])
        if send_at is None:
            wrong = wrong or f"Expected a time with its offset in {SEND_AT!r}, such as 2026-12-01T10:00:00+09:00."
    return Extras(plain, fields, send_at, has_places, wrong)


def _value(name: str, text: str) -> Any:
    if name not in _JSON:
        return text
    try:
        value = msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
        return None
    return value if isinstance(value, _JSON[name]) else None


def _moment(text: str) -> datetime | None:
    try:
        read = datetime.fromisoformat(text)
    except ValueError:
        return None
    return read if read.tzinfo is not None else None
