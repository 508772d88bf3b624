"""
Variables of a text that come from contacts: what everybody has, and custom fields by their codes.
"""

from collections.abc import Iterable, Mapping

from sendyard.features.audience.fields import EVERYBODY_HAS, CustomField, FieldSet
from sendyard.features.campaigns.audience.queries import PersonRow

STANDARD = EVERYBODY_HAS
"""Variables that every contact has, whether filled or not."""


class ContactVariables:
    """
    Takes the variables of one text from contacts; upper and lower case are the same.

    `columns` are those of the contact that are needed, in the order of `PersonRow.values`; `unknown` are the
    variables that no contact can fill.
    """

    def __init__(self, wanted: Iterable[str], fields: FieldSet) -> None:
        """Take the names of the variables and the custom fields of the workspace."""
        self._standard: list[tuple[str, str]] = []
        self._custom: list[tuple[str, CustomField]] = []
        unknown = []
        for name in dict.fromkeys(wanted):
            folded = name.casefold()
            if folded in STANDARD:
                self._standard.append((name, folded))
            elif field := fields.by_code.get(folded):
                self._custom.append((name, field))
            else:
                unknown.append(name)
        self.unknown = tuple(unknown)
        self.columns = tuple(field.slot for _, field in self._custom)

    @property
    def known(self) -> frozenset[str]:
        """The variables that contacts can fill."""
        return frozenset(name for name, _ in (*self._standard, *self._custom))

    def of(self, person: PersonRow) -> dict[str, str]:
        """Give what is known of one person; blanks are left out."""
        known: Mapping[str, str] = {
            "name": person.name,
            "country": person.country,
            "language": person.language,
            "phone": person.address or "",
        }
        found = {name: value for name, standard in self._standard if (value := known[standard])}
        for (name, field), held in zip(self._custom, person.values, strict=True):
            if held is not None and (written := field.written(held, person.country)):
                found[name] = written
        return found
