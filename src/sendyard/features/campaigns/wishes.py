"""
What a caller wants a campaign to be, before the file is opened.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from sendyard.delivery.preflight import LONGEST_EXPIRES_IN, LONGEST_SENDER, is_storable
from sendyard.domain.channels import Channel, Purpose
from sendyard.domain.errors import FieldError, Invalid
from sendyard.features.templates.library import LONGEST_BODY

LONGEST_NAME = 200  # characters


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """Everything but the file; see `Campaigns.create`."""

    name: str
    template_code: str | None
    text: str | None
    channel: str
    purpose: str
    country: str  # upper case
    sender: str
    account: str
    expires_in: int

    def check(self) -> None:
        """
        Look at every field.

        Raises:
            Invalid: one error per field at fault.
        """
        errors = [*self._faults_of_labels(), *self._faults_of_text(), *self._faults_of_kind(), *self._faults_of_way()]
        if errors:
            raise Invalid(errors[0].code, errors[0].detail, errors=errors)

    def _faults_of_labels(self) -> Iterator[FieldError]:
        if not self.name.strip() or len(self.name) > LONGEST_NAME or not is_storable(self.name):
            detail = f"Expected a name of 1 to {LONGEST_NAME} ordinary characters, found {len(self.name)}."
            yield FieldError("/name", "bad_name", detail)
        if len(self.sender) > LONGEST_SENDER or not is_storable(self.sender):
            detail = f"Expected at most {LONGEST_SENDER} ordinary characters, found {len(self.sender)}."
            yield FieldError("/sender", "bad_sender", detail)

    def _faults_of_text(self) -> Iterator[FieldError]:
        text = self.text
        if (text is None) == (self.template_code is None):
            detail = "Expected either a text or the code of a template, found both or neither."
            yield FieldError("/text", "text_or_template", detail)
        elif text is not None and (not text.strip() or len(text) > LONGEST_BODY or not is_storable(text)):
            detail = f"Expected a text of 1 to {LONGEST_BODY:,} ordinary characters, found {len(text):,}."
            yield FieldError("/text", "bad_text", detail)

    def _faults_of_kind(self) -> Iterator[FieldError]:
        if self.channel not in set(Channel):
            detail = f"Expected one of {', '.join(Channel)}, found {self.channel!r:.40}."
            yield FieldError("/channel", "bad_channel", detail)
        if self.purpose not in {Purpose.TRANSACTIONAL, Purpose.PROMOTIONAL}:
            detail = f"Expected transactional or promotional, found {self.purpose!r:.40}: codes go to one person each."
            yield FieldError("/purpose", "bad_purpose", detail)

    def _faults_of_way(self) -> Iterator[FieldError]:
        country = self.country
        if country and not (len(country) == 2 and country.isascii() and country.isalpha()):
            detail = f"Expected a country code of two letters such as TW, found {country!r:.40}."
            yield FieldError("/country", "bad_country", detail)
        if not 1 <= self.expires_in <= LONGEST_EXPIRES_IN:
            detail = f"Expected 1 to {LONGEST_EXPIRES_IN:,} seconds, found {self.expires_in:,}."
            yield FieldError("/expires_in", "bad_expiry", detail)
