"""
What a caller says about a person, checked and brought into the form in which it is kept.
"""

import re
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any
from zoneinfo import available_timezones

import phonenumbers
from phonenumbers import timezone

from sendyard.delivery.preflight import is_storable
from sendyard.domain.addresses import LINE_USER_ID
from sendyard.domain.errors import FieldError, Invalid
from sendyard.domain.phone import country_of, parse_phone
from sendyard.features.audience.contacts.rows import EMAIL, GUESSED, KINDS, LEADS, LINE, PHONE, SET, Identity

LONGEST_NAME = 200
LONGEST_SOURCE = 100
LONGEST_IDENTITY = 200
MOST_IDENTITIES = 20
MOST_TAGS = 100
_EMAIL = re.compile(r"[^@\s]{1,64}@[^@\s]{1,190}")
_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(?:-[A-Za-z0-9]{2,8}){0,3}")
_COUNTRY = re.compile(r"[A-Z]{2}")
_AREA_DIGITS = 4  # of a North American number: what tells the zone


@dataclass(slots=True)
class Details:
    """
    What is said of a person; None leaves what is known as it is, and "" removes it.

    `identities` are (kind, value) as typed; `fields` are values by code; a `country` reads national numbers too.
    """

    identities: Sequence[tuple[str, str]] = ()
    name: str | None = None
    country: str | None = None
    language: str | None = None
    time_zone: str | None = None
    source: str | None = None
    lead: str | None = None
    tags: Sequence[str] | None = None
    lists: Sequence[str] | None = None
    fields: Mapping[str, object] = field(default_factory=dict)


def read_identities(given: Iterable[tuple[str, str]], country: str) -> list[Identity]:
    """
    Bring identities into the one spelling in which they are kept.

    Raises:
        Invalid: one is not usable; the pointer is `/identities/<index>`.
    """
    found: dict[Identity, None] = {}
    for index, (kind, value) in enumerate(given):
        found[_identity(kind, value, country, f"/identities/{index}")] = None
    if len(found) > MOST_IDENTITIES:
        raise _wrong("/identities", "too_many", f"Expected at most {MOST_IDENTITIES} identities, found {len(found)}.")
    return [*found]


def read_columns(details: Details) -> dict[str, Any]:
    """
    Check what stands in columns of its own, without labels and custom fields.

    Raises:
        Invalid: something is not usable.
    """
    columns: dict[str, Any] = {}
    for name, longest in (("name", LONGEST_NAME), ("source", LONGEST_SOURCE)):
        value = getattr(details, name)
        if value is not None:
            if len(value) > longest or not is_storable(value):
                raise _wrong(f"/{name}", "bad_text", f"Expected at most {longest} characters that can be stored.")
            columns[name] = value.strip()
    if details.country is not None:
        columns["country"] = _coded("country", details.country.upper(), _COUNTRY, "two letters such as TW")
    if details.language is not None:
        columns["language"] = _coded("language", details.language, _LANGUAGE, "a code such as zh-TW")
    if details.lead is not None:
        columns["lead"] = _chosen("lead", details.lead, LEADS, f"one of {', '.join(LEADS[1:])}, or nothing")
    if details.time_zone is not None:
        zones = available_timezones() | {""}
        columns["time_zone"] = _chosen("time_zone", details.time_zone, zones, "an IANA name such as Asia/Taipei")
        columns["zone_origin"] = SET if details.time_zone else ""
    if len(details.tags or ()) > MOST_TAGS:
        raise _wrong("/tags", "too_many", f"Expected at most {MOST_TAGS} tags, found {len(details.tags or ())}.")
    return columns


def _coded(name: str, value: str, pattern: re.Pattern[str], expected: str) -> str:
    plain = value.strip()
    if plain and not pattern.fullmatch(plain):
        raise _wrong(f"/{name}", f"bad_{name}", f"Expected {expected}, found {value!r:.30}.")
    return plain


def _chosen(name: str, value: str, known: Container[str], expected: str) -> str:
    if value not in known:
        raise _wrong(f"/{name}", f"bad_{name}", f"Expected {expected}; found {value!r:.60}.")
    return value


def guessed_columns(known: Mapping[str, Any], identities: Iterable[Identity]) -> dict[str, Any]:
    """What the person's number tells of country and time zone, where nobody said it."""
    phone = next((identity.value for identity in identities if identity.kind == PHONE), "")
    if not phone:
        return {}
    columns: dict[str, Any] = {}
    if not known.get("country") and len(country := country_of(phone)) == 2 and country.isalpha():
        columns["country"] = country
    if known.get("zone_origin") != SET and (zone := guess_zone(phone)) and zone != known.get("time_zone"):
        columns["time_zone"], columns["zone_origin"] = zone, GUESSED
    return columns


def guess_zone(e164: str) -> str:
    """
    The time zone a number is probably in: that of its area where the plan tells areas apart, "" when it does not tell.

    A mobile phone travels, so this is a guess; a person may correct it.
    """
    # Within one area code every number of North America has one answer; elsewhere the library needs all digits.
    return _zone_of(f"{e164[: 2 + _AREA_DIGITS - 1]}5550123"[:12]) if e164.startswith("+1") else _zone_by_plan(e164)


def _zone_by_plan(e164: str) -> str:
    # Of countries with one zone the first digits tell as much as all of them.
    return _zone_of(f"{e164[:6]}{'0' * (len(e164) - 6)}")


@lru_cache(maxsize=8192)
def _zone_of(e164: str) -> str:
    try:
        zones = timezone.time_zones_for_number(phonenumbers.parse(e164))
    except phonenumbers.NumberParseException:
        return ""
    if _BRITISH in zones:
        return _BRITISH
    zone = _RENAMED.get(zones[0], zones[0]) if len(zones) == 1 else ""
    return "" if zone == "Etc/Unknown" else zone


_BRITISH = "Europe/London"  # shares its numbers with islands that keep the same time

_RENAMED = {"Asia/Calcutta": "Asia/Kolkata", "Asia/Saigon": "Asia/Ho_Chi_Minh", "Asia/Katmandu": "Asia/Kathmandu"}


def _identity(kind: str, value: str, country: str, pointer: str) -> Identity:
    if kind not in KINDS:
        raise _wrong(f"{pointer}/kind", "unknown_kind", f"Expected one of {', '.join(KINDS)}; found {kind!r:.30}.")
    if kind == PHONE:
        number = parse_phone(value, country or None)
        # Nobody can text a landline, but a person may have one.
        if not number.e164:
            raise _wrong(pointer, number.reason, number.detail)
        return Identity(PHONE, number.e164)
    plain = value.strip()
    if kind == EMAIL:
        plain = plain.casefold()
        if not _EMAIL.fullmatch(plain):
            raise _wrong(pointer, "bad_email", f"Expected an e-mail address, found {value!r:.60}.")
    if kind == LINE and not LINE_USER_ID.fullmatch(plain):
        detail = "Expected LINE's user id, U and 32 digits or letters a to f, found something else."
        raise _wrong(pointer, "bad_line_user_id", detail)
    if not plain or len(plain) > LONGEST_IDENTITY or not is_storable(plain):
        raise _wrong(pointer, "bad_identity", f"Expected 1 to {LONGEST_IDENTITY} characters, found {value!r:.60}.")
    return Identity(kind, plain)


def _wrong(pointer: str, code: str, detail: str) -> Invalid:
    return Invalid(code, detail, errors=[FieldError(pointer, code, detail)])
