"""
Phone numbers: from what people type to E.164, and from E.164 to a country's own spelling.

Senders never pass through here: `16009064` is a Korean sender as it stands, and no number anyone can text.
"""

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any, NamedTuple

import phonenumbers
from phonenumbers import (
    NumberParseException,
    PhoneMetadata,
    PhoneNumber,
    PhoneNumberFormat,
    PhoneNumberType,
    ValidationResult,
)

from sendyard.domain.phone_field import read_field
from sendyard.domain.values import dataclass

LONGEST_INPUT = 200
"""A field of more characters than this holds something else than a number."""

_TYPES = {
    PhoneNumberType.MOBILE: "mobile",
    PhoneNumberType.FIXED_LINE: "fixed_line",
    PhoneNumberType.FIXED_LINE_OR_MOBILE: "fixed_line_or_mobile",
    PhoneNumberType.TOLL_FREE: "toll_free",
    PhoneNumberType.PREMIUM_RATE: "premium_rate",
    PhoneNumberType.SHARED_COST: "shared_cost",
    PhoneNumberType.VOIP: "voip",
    PhoneNumberType.PERSONAL_NUMBER: "personal",
    PhoneNumberType.PAGER: "pager",
    PhoneNumberType.UAN: "uan",
    PhoneNumberType.VOICEMAIL: "voicemail",
}
_TEXTABLE = frozenset({"mobile", "fixed_line_or_mobile"})

_DETAILS = {
    "": "",
    "blank": "Expected a phone number, found nothing. Fill the field or remove the row.",
    "letters": "Expected digits, found letters. Write the number in digits, with its country code if you can.",
    "formula": "Expected a phone number, found a spreadsheet formula. Store the column as text, values only.",
    "exponent": (
        "Expected a phone number, found a spreadsheet's exponent such as 8.2E+11, which has lost digits. "
        "Format the column as text in the original file, enter the numbers again and export."
    ),
    "several": "Expected one number in the field, found several. Give each its own row.",
    "too_short": "Expected a whole phone number, found too few digits. Add the missing ones, with the area code.",
    "too_long": "Expected one phone number, found too many digits. Check for repeated or joined digits.",
    "invalid": "Expected a number of that country's numbering plan, found none. Check the digits and the country.",
    "not_mobile": "Expected a number that receives text messages, found one that does not. Give a mobile number.",
    "no_country": (
        "Expected a country code, found none. Start the number with + and its country code, or choose the country."
    ),
}


class ParsedNumber(NamedTuple):
    """
    What became of one number as a person typed it.

    `ok` means it can be the target of a message. `e164` and `national` (digits only) are also filled for numbers
    that exist but cannot be texted (`reason` "not_mobile"). `country` is ISO 3166, "001" for numbers of no country.
    `fixed` says what was changed beyond punctuation, or is "". `reason` is "" or one of: blank, letters, formula,
    exponent, several, too_short, too_long, invalid, not_mobile, no_country; `detail` is its sentence.
    """

    input: str
    ok: bool
    e164: str
    national: str
    type: str
    country: str
    fixed: str
    reason: str
    detail: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Give the document `numbers inspect --json` prints for each number."""
        return self._asdict()


def can_text(parsed: ParsedNumber) -> bool:
    """Say whether text messages reach this kind of number; North America does not tell mobiles from landlines."""
    return parsed.type in _TEXTABLE


def parse_phone(text: str, country: str | None = None) -> ParsedNumber:
    """
    Read a number as people type, paste and export it. Never raises.

    Args:
        text: one number; spaces, hyphens, dots, parentheses, full-width digits, invisible characters, a leading
            00, 001, 002 or 011, and an extension are understood.
        country: ISO 3166 code by which a number without a country code is read.
    """
    region = country.strip().upper() if country else ""
    if region not in phonenumbers.SUPPORTED_REGIONS:
        region = ""
    # Not remembered: reading such a number takes no longer than finding it again would.
    if common := _common(text, region):
        return common
    return _parse(text, region) if len(text) <= LONGEST_INPUT else _refused(text, "too_long", region, ())


def plain_mobile(text: str, region: str) -> tuple[str, str] | None:
    """
    Give E.164 and country of a number that can be texted and is written as the region writes its mobiles.

    None says nothing: `parse_phone` then tells what the number is. `region` is an ISO 3166 code in capitals, or "".
    """
    if common := _COMMON.get(region):
        code, pattern = common
        found = pattern.fullmatch(text) or pattern.fullmatch(text.replace("-", "").replace(" ", ""))
        return (code + found[1], region) if found else None
    parsed = _common(text, region)
    return (parsed.e164, parsed.country) if parsed and parsed.ok else None


def national_digits(e164: str, country: str) -> str:
    """
    Give the digits as dialled inside the country: `+886912345678`, `TW` → `0912345678`.

    Raises:
        ValueError: the number is not one of that country.
    """
    if country == "KR" and e164.startswith("+82"):
        return e164[3:] if _KOREAN_COMPANY.fullmatch(e164, 3) else "0" + e164[3:]
    if country == "TW" and e164.startswith("+886"):
        return "0" + e164[4:]
    if country == "US" and e164.startswith("+1"):
        return e164[2:]
    found = country_of(e164)
    if not found or found != country:
        raise ValueError(f"expected an E.164 number of {country}, found one of {found or 'no country'}")
    return e164[2:] if e164.startswith("+1") else _national(phonenumbers.parse(e164))


def country_of(e164: str) -> str:
    """Give the ISO 3166 code of a number's country; "001" for numbers of no country, "" when nobody has it."""
    if e164.startswith("+82"):
        return "KR"
    if e164.startswith("+886"):
        return "TW"
    if e164.startswith("+1") and len(e164) == _NANP_LENGTH:
        # In North America the area code alone decides; the rest only has to be possible.
        return _region_of(f"{e164[:5]}2345678")
    return _region_of(e164)


@lru_cache(maxsize=4096)
def _region_of(e164: str) -> str:
    try:
        return phonenumbers.region_code_for_number(phonenumbers.parse(e164)) or ""
    except NumberParseException:
        return ""


def _national(number: PhoneNumber) -> str:
    written = phonenumbers.format_number(number, PhoneNumberFormat.NATIONAL)
    return "".join(filter(str.isdigit, written))


# Korea's nationwide company numbers (15xx, 16xx, 18xx, the newer 14xx) are dialled as they stand, without a 0.
_KOREAN_COMPANY = re.compile(r"1[4568]\d{6}")

# The commonest numbers by far skip the library, which takes 26 µs each. Never wider than its own patterns.
_COMMON = {
    "KR": ("+82", re.compile(r"(?:\+82|0)(10[0-46-9]\d{7})", re.ASCII)),
    "TW": ("+886", re.compile(r"(?:\+886|0)(9[0-8]\d{7})", re.ASCII)),
}

# In North America the first four digits tell type and country: the area code, and for a few codes one more.
_AMERICAN = re.compile(r"(?:\+?1[ .-]?)?\(?([2-9]\d{2})\)?[ .-]?([2-9]\d{2})[ .-]?(\d{4})", re.ASCII)
_NORTH_AMERICA = frozenset({"US", "CA"})
_PLAN_DIGITS = 4

# India writes its mobiles without the 0: ten digits lack nothing. The patterns are the library's own.
_INDIAN = re.compile(r"(?:\+91|0)?([6-9]\d{9})", re.ASCII)


_PLAN_KINDS = (
    "mobile", "fixed_line", "toll_free", "premium_rate", "shared_cost", "voip", "personal_number", "pager", "uan",
    "voicemail",
)  # fmt: skip


def _patterns(region: str) -> tuple[re.Pattern[str], tuple[re.Pattern[str], ...]]:
    """Give the library's pattern of a region's mobiles, and those of its other kinds of numbers."""
    plan = PhoneMetadata.metadata_for_region(region)
    written = {kind: getattr(getattr(plan, kind), "national_number_pattern", None) for kind in _PLAN_KINDS}
    patterns = {kind: re.compile(pattern, re.ASCII) for kind, pattern in written.items() if pattern}
    return patterns.pop("mobile"), tuple(patterns.values())


_INDIAN_MOBILE, _INDIAN_OTHERS = _patterns("IN")

_NANP_LENGTH = len("+14155550123")

_MOBILE_LENGTHS = {82: ("10", 10), 886: ("9", 9)}
"""Country code → how today's mobile numbers start and how many digits they have, both without the 0."""

_KNOWN_BARE = ("82", "886")
"""Country codes believed without a plus, and only before a mobile number: other countries' numbers look alike."""

_LONGEST_MOBILE_011 = 11
"""Korea's old 011 mobiles have at most this many digits; more digits after 011 are a North American exit code."""

_E164_DIGITS = range(7, 16)


@dataclass(frozen=True, slots=True)
class _Reading:
    """One way to understand the digits: E.164 with its plus, or as dialled within a region."""

    digits: str
    region: str = ""
    note: str = ""
    mobile_only: bool = False


@lru_cache(maxsize=4096)
def _parse(text: str, region: str) -> ParsedNumber:
    field = read_field(text)
    if field.reason:
        return _refused(text, field.reason, region, field.notes)
    if region == "KR" and not field.plus and _KOREAN_COMPANY.fullmatch(field.digits):
        return _result(text, "", field.digits, "uan", "KR", field.notes)
    readings = list(_readings(field.digits, region, plus=field.plus))
    for reading in readings:
        if (number := _read(reading)) is None:
            continue
        kind = _TYPES.get(phonenumbers.number_type(number), "")
        if kind and not _mobile_length(number) and not (reading.mobile_only and kind not in _TEXTABLE):
            e164 = f"+{number.country_code}{phonenumbers.national_significant_number(number)}"
            found = country_of(e164)
            notes = (*field.notes, *_changes(number, reading))
            return _result(text, e164, national_digits(e164, found), kind, found, notes)
    reason = _why(readings[0]) if readings else _why_homeless(field.digits)
    if reason == "invalid" and readings[0].mobile_only:
        reason = "no_country"
    return _refused(text, reason, region, field.notes)


def _common(text: str, region: str) -> ParsedNumber | None:
    if text.startswith("+1") or (region in _NORTH_AMERICA and text[:1] != "+"):
        return _american(text)
    if text.startswith("+91") or (region == "IN" and text[:1] != "+"):
        return _indian(text)
    country = "KR" if text.startswith("+82") else "TW" if text.startswith("+886") else region
    if country not in _COMMON or text[:1] not in "0+":
        return None
    code, pattern = _COMMON[country]
    found = pattern.fullmatch(text.replace("-", "").replace(" ", ""))
    if not found:
        return None
    return ParsedNumber(text, True, code + found[1], "0" + found[1], "mobile", country, "", "")  # noqa: FBT003


def _american(text: str) -> ParsedNumber | None:
    found = _AMERICAN.fullmatch(text)
    if found is None:
        return None
    national = "".join(found.groups())
    kind, country = _american_plan(national[:_PLAN_DIGITS])
    # The library explains what it does not take, and knows what is dialled otherwise.
    return _result(text, "+1" + national, national, kind, country, ()) if kind else None


def _indian(text: str) -> ParsedNumber | None:
    found = _INDIAN.fullmatch(text.replace("-", "").replace(" ", ""))
    # The library explains what is no mobile, and what is one and something else at the same time.
    if (
        not found
        or not _INDIAN_MOBILE.fullmatch(found[1])
        or any(other.fullmatch(found[1]) for other in _INDIAN_OTHERS)
    ):
        return None
    return _result(text, "+91" + found[1], "0" + found[1], "mobile", "IN", ())


@lru_cache(maxsize=8192)
def _american_plan(start: str) -> tuple[str, str]:
    """
    Type and country of every number that begins with these four digits, in the United States and Canada.

    ("", "") where the islands' finer plans, special services or unused codes begin so.
    """
    kinds = set()
    for rest in ("000000", "345678", "999999"):
        number = phonenumbers.parse(f"+1{start}{rest}")
        kinds.add((_TYPES.get(phonenumbers.number_type(number), ""), phonenumbers.region_code_for_number(number) or ""))
    plan = kinds.pop() if len(kinds) == 1 else ("", "")
    return plan if plan in {("fixed_line_or_mobile", "US"), ("fixed_line_or_mobile", "CA")} else ("", "")


def _readings(digits: str, region: str, *, plus: bool) -> Iterator[_Reading]:
    """Give every way to understand the digits, the likeliest first."""
    if plus:
        yield _Reading("+" + digits)
        return
    if region:
        yield _Reading(digits, region)
    for code in ("00", "001", "002", "011"):
        rest = digits.removeprefix(code)
        if rest != digits and not rest.startswith("0") and (code != "011" or len(digits) > _LONGEST_MOBILE_011):
            yield _Reading("+" + rest, note=f"read {code} as the way out of the country")
    if digits.startswith(_KNOWN_BARE):
        yield _Reading("+" + digits, note="added the + before the country code", mobile_only=True)


def _read(reading: _Reading) -> PhoneNumber | None:
    try:
        return phonenumbers.parse(reading.digits, reading.region or None)
    except NumberParseException:
        return None


def _changes(number: PhoneNumber, reading: _Reading) -> Iterator[str]:
    """Say what reading changed in the digits, beyond adding the chosen country's code."""
    if reading.note:
        yield reading.note
    code, significant = str(number.country_code), phonenumbers.national_significant_number(number)
    if not reading.digits.endswith(significant):
        yield "rewrote the number as it is dialled from abroad"
        return
    before = reading.digits.removesuffix(significant)
    if not reading.region:
        if dropped := before.removeprefix("+" + code):
            yield f"dropped the {dropped} after the country code"
    elif not before:
        if _national(number) == "0" + significant:
            yield "added the 0 in front, as spreadsheets drop it"
    elif len(before) > 1 and code in before:
        yield f"read {before} as {'the way out and ' if before.startswith('0') else ''}the country code"


def _why(reading: _Reading) -> str:
    """Name what is wrong with digits that are no number of their country."""
    try:
        number = phonenumbers.parse(reading.digits, reading.region or None)
    except NumberParseException as wrong:
        return _UNREADABLE.get(wrong.error_type, "invalid")
    possible = phonenumbers.is_possible_number_with_reason(number)
    return _mobile_length(number) or _IMPOSSIBLE.get(possible, "invalid")


def _mobile_length(number: PhoneNumber) -> str:
    """Judge the length where it is fixed; the library knows only lengths that some mobile once had."""
    significant = phonenumbers.national_significant_number(number)
    start, length = _MOBILE_LENGTHS.get(number.country_code or 0, ("-", 0))
    if not significant.startswith(start) or len(significant) == length:
        return ""
    return "too_short" if len(significant) < length else "too_long"


def _why_homeless(digits: str) -> str:
    if len(digits) in _E164_DIGITS:
        return "no_country"
    return "too_short" if len(digits) < _E164_DIGITS.start else "too_long"


_UNREADABLE = {
    NumberParseException.NOT_A_NUMBER: "too_short",
    NumberParseException.TOO_SHORT_AFTER_IDD: "too_short",
    NumberParseException.TOO_SHORT_NSN: "too_short",
    NumberParseException.TOO_LONG: "too_long",
}
_IMPOSSIBLE = {
    ValidationResult.TOO_SHORT: "too_short",
    ValidationResult.IS_POSSIBLE_LOCAL_ONLY: "too_short",
    ValidationResult.TOO_LONG: "too_long",
}


def _result(text: str, e164: str, national: str, kind: str, country: str, notes: tuple[str, ...]) -> ParsedNumber:
    reason = "" if kind in _TEXTABLE else "not_mobile"
    return ParsedNumber(
        input=text,
        ok=not reason,
        e164=e164,
        national=national,
        type=kind,
        country=country,
        fixed="; ".join(notes),
        reason=reason,
        detail=_DETAILS[reason],
    )


def _refused(text: str, reason: str, country: str, notes: tuple[str, ...]) -> ParsedNumber:
    return ParsedNumber(
        input=text,
        ok=False,
        e164="",
        national="",
        type="unknown",
        country=country,
        fixed="; ".join(notes),
        reason=reason,
        detail=_DETAILS[reason],
    )
