"""
Reads single cells of the standard fields: each gives the value, or says what is wrong with the cell.
"""

import re
import unicodedata
from collections.abc import Callable
from functools import lru_cache
from typing import TypeAlias

from sendyard.domain.addresses import LINE_USER_ID
from sendyard.domain.fields import LONGEST_VALUE, FieldDefinition, FieldType, parse_field, plain_amount, store_value
from sendyard.domain.formulas import restore
from sendyard.features.audience.reading.headers import Field
from sendyard.features.audience.reading.verdicts import Fix
from sendyard.features.audience.reading.vocabulary import read_answer, read_country, read_language, read_time_zone

LONGEST_TAG = 100
MOST_TAGS = 50
_LONGEST_NAME = 200
_LONGEST_SOURCE = 200

# An atom, an at sign, labels with dots; whether anyone reads mail there nobody can see from the text.
_EMAIL = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~\-\u0080-\U0010ffff]{1,64}@(?:[\w-]{1,63}\.)+[\w-]{2,63}")
# `CC.digits` or `CC.ENT.digits` (Meta, "Business-scoped user IDs").
_WHATSAPP_ID = re.compile(r"[A-Z]{2}\.(?:ENT\.)?[A-Za-z0-9]{1,128}", re.ASCII)
_LANGUAGE_TAG = re.compile(r"[A-Za-z]{2,3}(?:-[A-Za-z0-9]{2,8}){0,3}", re.ASCII)
_TAG_JOINTS = re.compile(r"[,;|\n、，；]")

_DETAILS = {
    "bad_email": "Expected an e-mail address, found something else. Correct it or empty the cell.",
    "bad_whatsapp_id": (
        "Expected WhatsApp's own id such as US.13491208655302741918, found something else. "
        "If the column holds numbers, map it to phone."
    ),
    "bad_line_user_id": (
        "Expected LINE's user id, U and 32 digits or letters a to f, found something else. "
        "The id people choose for themselves does not reach them."
    ),
    "unknown_language": "Expected a language such as ko, zh-Hant or Hindi, found something else.",
    "unknown_country": "Expected a country such as TW or Korea, found something else.",
    "unknown_time_zone": "Expected a time zone such as Asia/Seoul or UTC+8, found something else.",
    "unclear_consent": "Expected yes or no to the consent, found something else. Nobody's consent is guessed.",
    "consent_without_date": (
        "Expected the day of the consent, found none. Fill the column of its date, or state one day for the whole file."
    ),
    "consent_in_future": "Expected a day on which something was said, found one that is still to come.",
    "consent_contradicts": (
        "Expected no further consent of somebody who says no to advertising, found a yes. Correct one of the two."
    ),
    "too_many_tags": f"Expected at most {MOST_TAGS} tags of {LONGEST_TAG} characters, found more.",
    "no_identity": "Expected a number, a WhatsApp id or a LINE user id, found none. Fill one or remove the row.",
    "bad_quotes": (
        "Expected quotation marks in pairs, found one that is not closed or not doubled. "
        'A cell that begins with " must end with one, and a " inside it is written twice.'
    ),
    "too_long_row": "Expected a row of a contact list, found one that is far too long. Look for a missing line end.",
    "bad_character": (
        "Expected readable characters, found one that is damaged or cannot be sent. Type the cell again, or choose "
        "another encoding if there are many."
    ),
    "too_long": f"Expected at most {LONGEST_VALUE} characters in a cell, found more. Shorten it.",
}


CellReader: TypeAlias = Callable[[str, str, str, list[Fix]], str]
"""Text, column, country, and the list that fixes are added to → value; raises `Wrong`."""


class Wrong(Exception):
    """A cell that cannot be taken: code, sentence, column."""

    def __init__(self, code: str, column: str, detail: str = "") -> None:
        """Take the sentence from the table unless one is given."""
        super().__init__(code)
        self.code = code
        self.column = column
        self.detail = detail or _DETAILS[code]


_TEXT = FieldDefinition("text")
_DAY = FieldDefinition("day", FieldType.DATE)


def read_text(text: str, column: str, _country: str, fixes: list[Fix]) -> str:
    """Take a text as it is, but for the apostrophe before a formula."""
    if text[0] not in "'#" and len(text) <= LONGEST_VALUE:
        return text  # nearly every cell
    found = parse_field(text, _TEXT)
    if found.value is None:
        raise Wrong(found.reason, column, found.detail)
    plain = restore(text)
    if plain != text:
        fixes.append(Fix(column, "value_rewritten", "removed the apostrophe of a spreadsheet"))
    return plain


def read_name(text: str, column: str, country: str, fixes: list[Fix]) -> str:
    """Take a name with single spaces."""
    plain = read_text(text, column, country, fixes)
    if not plain.isalnum():
        plain = " ".join(plain.split())
    if len(plain) > _LONGEST_NAME:
        raise Wrong("too_long", column, f"Expected a name of at most {_LONGEST_NAME} characters, found more.")
    return plain


def read_email(text: str, column: str, _country: str, fixes: list[Fix]) -> str:
    """Take an e-mail address; full-width characters and spaces are mended."""
    plain = restore(text).removeprefix("mailto:")
    if not plain.isascii():
        plain = unicodedata.normalize("NFKC", plain)
    if " " in plain:
        plain = "".join(plain.split())
    if not _EMAIL.fullmatch(plain) or ".." in plain:
        raise Wrong("bad_email", column)
    if plain != text:
        fixes.append(Fix(column, "value_rewritten", f"read as {plain}"))
    return plain


def read_language_cell(text: str, column: str, _country: str, _fixes: list[Fix]) -> str:
    """Give the BCP 47 tag."""
    return _known(read_language(text), "unknown_language", column)


def read_country_cell(text: str, column: str, _country: str, _fixes: list[Fix]) -> str:
    """Give the ISO 3166 code."""
    return _known(read_country(text), "unknown_country", column)


def read_time_zone_cell(text: str, column: str, country: str, _fixes: list[Fix]) -> str:
    """Give the IANA name."""
    return _known(read_time_zone(text, country), "unknown_time_zone", column)


def read_day(text: str, column: str, country: str, _fixes: list[Fix]) -> str:
    """Give the day in ISO 8601."""
    found = parse_field(text, _DAY, country)
    if found.value is None:
        raise Wrong(found.reason, column, found.detail)
    return store_value(found.value)


def read_yes_no(text: str, column: str, _country: str, _fixes: list[Fix]) -> str:
    """Give "yes" or "no"."""
    answer = read_answer(text)
    if answer is None:
        raise Wrong("unclear_consent", column)
    return "yes" if answer else "no"


def read_consent_source(text: str, column: str, country: str, fixes: list[Fix]) -> str:
    """Take where a consent was given."""
    plain = read_text(text, column, country, fixes)
    if len(plain) > _LONGEST_SOURCE:
        raise Wrong("too_long", column, f"Expected a source of at most {_LONGEST_SOURCE} characters, found more.")
    return plain


def read_whatsapp_id(text: str, column: str, _country: str, _fixes: list[Fix]) -> str:
    """Take a business-scoped id of WhatsApp."""
    return _known(text if _WHATSAPP_ID.fullmatch(text) else "", "bad_whatsapp_id", column)


def read_line_user_id(text: str, column: str, _country: str, _fixes: list[Fix]) -> str:
    """Take a user id of LINE."""
    return _known(text if LINE_USER_ID.fullmatch(text) else "", "bad_line_user_id", column)


def typed_reader(definition: FieldDefinition) -> CellReader:
    """Give what reads the cells of a custom field that is not of text."""

    def read(text: str, column: str, country: str, fixes: list[Fix]) -> str:
        if value := plain_amount(text, definition):
            return value
        found = parse_field(text, definition, country)
        if found.value is None:
            raise Wrong(found.reason, column, found.detail)
        if found.fixed:
            fixes.append(Fix(column, "value_rewritten", found.fixed))
        return store_value(found.value)

    return read


def read_tags(text: str, column: str, country: str, fixes: list[Fix]) -> str:
    """Give the tags of a cell, a line each."""
    tags = _tags(read_text(text, column, country, fixes))
    if tags is None:
        raise Wrong("too_many_tags", column)
    return tags


@lru_cache(maxsize=1024)
def _tags(text: str) -> str | None:
    tags = {" ".join(tag.split()): None for tag in _TAG_JOINTS.split(text) if tag.strip()}
    return None if len(tags) > MOST_TAGS or any(len(tag) > LONGEST_TAG for tag in tags) else "\n".join(tags)


READERS: dict[Field, CellReader] = {
    Field.EMAIL: read_email,
    Field.NAME: read_name,
    Field.FIRST_NAME: read_name,
    Field.LAST_NAME: read_name,
    Field.LANGUAGE: read_language_cell,
    Field.TIME_ZONE: read_time_zone_cell,
    Field.CONSENT_AT: read_day,
    Field.CONSENT_SOURCE: read_consent_source,
    Field.WRITTEN_CONSENT: read_yes_no,
    Field.WRITTEN_CONSENT_AT: read_day,
    Field.WRITTEN_CONSENT_SOURCE: read_consent_source,
    Field.NIGHT_CONSENT: read_yes_no,
    Field.NIGHT_CONSENT_AT: read_day,
    Field.NIGHT_CONSENT_SOURCE: read_consent_source,
    Field.REGISTERED_CONSENT: read_yes_no,
    Field.REGISTERED_CONSENT_AT: read_day,
    Field.REGISTERED_CONSENT_SOURCE: read_consent_source,
    Field.RELATIONSHIP_AT: read_day,
    Field.RELATIONSHIP_SOURCE: read_consent_source,
}


def read_own_language(text: str, column: str, country: str, fixes: list[Fix]) -> str:
    """Take the tag as it stands, where we wrote the file ourselves."""
    return text if _LANGUAGE_TAG.fullmatch(text) else read_language_cell(text, column, country, fixes)


OWN_READERS: dict[Field, CellReader] = READERS | {Field.NAME: read_text, Field.LANGUAGE: read_own_language}
"""How a file is read that we wrote: what it says was checked when it was kept."""


def _known(value: str, code: str, column: str) -> str:
    if not value:
        raise Wrong(code, column)
    return value
