"""
A workspace with people, for tests of what is asked of them.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sendyard.features.audience import (
    Census,
    Consents,
    Contacts,
    CustomFields,
    Details,
    Erasing,
    Imports,
    Lists,
    Merging,
    Question,
    Segments,
    Suppressions,
    Wish,
)
from sendyard.features.audience.reading.verdicts import Outcome, RowVerdict
from sendyard.storage.address_keys import AddressKeys
from tests.yard import Yard


@dataclass
class Crowd:
    """Everything of the audience over one database."""

    yard: Yard

    def __post_init__(self) -> None:
        database = self.yard.database
        self.keys: AddressKeys = self.yard.directory.address_keys
        self.contacts = Contacts(database, self.keys)
        self.merging = Merging(database)
        self.erasing = Erasing(database, self.keys)
        self.fields = CustomFields(database)
        self.lists = Lists(database)
        self.imports = Imports(database, self.keys)
        self.suppressions = Suppressions(database)
        self.consents = Consents(database)
        self.census = Census(database, least=1)
        self.segments = Segments(database)
        self.counted = Segments(database, self.census)
        self.id = self.yard.workspace_id

    async def add(self, phone: str, **rest: Any) -> dict[str, Any]:
        more = rest.pop("identities", [])
        return await self.contacts.add(self.id, Details(identities=[("phone", phone), *more], **rest))

    async def load(self, rows: Iterable[RowVerdict], **wish: Any) -> dict[str, Any]:
        return await self.imports.run(self.id, rows, Wish(wish.pop("name", "people.csv"), **wish))

    async def found(self, text: str) -> list[str]:
        """The names of whom a filter finds, counted in every way there is."""
        people = await self.segments.members(self.id, Question(text), limit=1000)
        assert (await self.segments.count(self.id, Question(text)))["count"] == len(people)
        await self.census.round()
        assert (await self.counted.count(self.id, Question(text)))["count"] == len(people)
        return [one["name"] for one in people]


def row(number: int, phone: str, **rest: Any) -> RowVerdict:
    """A row that was read without fault."""
    country = "KR" if phone.startswith("+82") else "TW" if phone else ""
    return RowVerdict(number, 0, Outcome.OK, (), phone, country, **rest)
