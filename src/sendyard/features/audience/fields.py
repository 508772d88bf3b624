"""
Custom fields: what a workspace knows of people besides what every workspace does.

Each field has a column of the contact. Numbers, amounts and days are kept exactly, as whole numbers (millionths, and
days since 1970), so that both databases compare them alike.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from sendyard.delivery.preflight import is_storable
from sendyard.domain.errors import Conflict, FieldError, Invalid, NotFound
from sendyard.domain.fields import FieldDefinition, FieldType, Value, parse_field, show_value, store_value
from sendyard.domain.money import Money
from sendyard.features.audience import queries
from sendyard.features.audience.contacts.queries import begin_change, clear_slot
from sendyard.features.audience.contacts.rows import NUMBERS, TEXTS
from sendyard.features.audience.queries import FieldRow
from sendyard.storage.engine import Database
from sendyard.storage.identifiers import new_id, now_ms
from sendyard.storage.transaction import Transaction

EVERYBODY_HAS = ("name", "country", "language", "phone")
"""What texts mean by these names, so that no custom field may be called so."""

LONGEST_NAME = 100
MOST_CHOICES = 200
LONGEST_CHOICE = 100
_CODE = re.compile(r"[a-z][a-z0-9_]{0,39}")
_CURRENCY = re.compile(r"[A-Z]{3}")
_MILLION = 1_000_000
_WHOLE_DIGITS = 12
_LARGEST = 10**_WHOLE_DIGITS  # what millionths of fit into 64 bits, with room to compare
_EPOCH = date(1970, 1, 1).toordinal()
_TEXTUAL = frozenset({FieldType.TEXT, FieldType.CHOICE})


@dataclass(frozen=True, slots=True)
class CustomField:
    """One field and the column it is kept in."""

    id: str
    name: str
    slot: str
    definition: FieldDefinition
    created_at: int

    @property
    def code(self) -> str:
        """How filters, imports and templates call it."""
        return self.definition.key

    @property
    def is_textual(self) -> bool:
        """Whether the column holds text."""
        return self.definition.type in _TEXTUAL

    def read(self, given: object, country: str = "") -> int | str | None:
        """
        Turn what a caller gives into what the column holds; None empties it.

        Raises:
            Invalid: the value is none of this field; the pointer is `/fields/<code>`.
        """
        if given is None or given == "":
            return None
        text = given if isinstance(given, str) else format(given, "f") if isinstance(given, Decimal) else str(given)
        found = parse_field(text, self.definition, country)
        if found.value is None:
            raise self.refusal(found.reason, found.detail)
        return self.column_value(found.value)

    def column_value(self, value: Value) -> int | str:
        """What the column holds for a value. Raises Invalid when it is beyond what can be kept exactly."""
        if isinstance(value, Money):
            if value.currency != self.definition.currency:
                raise self.refusal(
                    "other_currency", f"Expected an amount in {self.definition.currency}, found {value.currency}."
                )
            return self._millionths(value.amount)
        if isinstance(value, Decimal):
            return self._millionths(value)
        if isinstance(value, date):
            return value.toordinal() - _EPOCH
        if not is_storable(value):
            raise self.refusal("bad_character", "It holds a character that cannot be stored; type it again.")
        return value

    def stored(self, text: str) -> int | str:
        """What the column holds for a value as `domain.fields.store_value` writes it. Raises Invalid."""
        if self.slot[0] == "x":
            return text
        if self.definition.type is FieldType.DATE:
            return date.fromisoformat(text).toordinal() - _EPOCH
        amount, _, currency = text.partition(" ")
        if currency != self.definition.currency:
            return self.column_value(Money(Decimal(amount), currency))
        # Nearly all are whole: an import has millions of them.
        if amount.isascii() and amount.isdigit() and len(amount) <= _WHOLE_DIGITS:
            return int(amount) * _MILLION
        return self._millionths(Decimal(amount))

    def value(self, held: int | str) -> Value:
        """The value of what the column holds."""
        if isinstance(held, str):
            return held
        if self.definition.type is FieldType.DATE:
            return date.fromordinal(held + _EPOCH)
        amount = (Decimal(held) / _MILLION).normalize()
        amount = amount.quantize(Decimal(1)) if amount == amount.to_integral_value() else amount
        return Money(amount, self.definition.currency) if self.definition.type is FieldType.MONEY else amount

    def shown(self, held: int | str) -> Any:
        """As documents have it: a number or text; of money `{amount, currency}`."""
        value = self.value(held)
        if isinstance(value, Money):
            return {"amount": format(value.amount, "f"), "currency": value.currency}
        if isinstance(value, Decimal):
            return int(value) if value == value.to_integral_value() else float(value)
        return store_value(value)

    def written(self, held: int | str, country: str = "") -> str:
        """As people of the country write it."""
        return show_value(self.value(held), country)

    def document(self) -> dict[str, Any]:
        """The field itself."""
        return {
            "id": self.id,
            "code": self.code,
            "name": self.name,
            "type": self.definition.type.value,
            "currency": self.definition.currency,
            "choices": list(self.definition.choices),
            "created_at": self.created_at,
        }

    def refusal(self, code: str, detail: str) -> Invalid:
        """The error that names this field."""
        detail = f"{self.name}: {detail}"
        return Invalid(code, detail, errors=[FieldError(f"/fields/{self.code}", code, detail)])

    def _millionths(self, amount: Decimal) -> int:
        scaled = amount * _MILLION
        if abs(amount) >= _LARGEST or scaled != scaled.to_integral_value():
            raise self.refusal(
                "too_exact", "Expected at most 12 digits before and 6 behind the decimal point, found more."
            )
        return int(scaled)


class FieldSet:
    """The fields of one workspace at one moment."""

    def __init__(self, found: Sequence[FieldRow]) -> None:
        """Take their rows."""
        self.by_code = {row.code: _field(row) for row in found}
        self.by_slot = {field.slot: field for field in self.by_code.values()}
        self.text_slots = {field.code: field.slot for field in self.by_code.values() if field.slot[0] == "x"}

    @property
    def definitions(self) -> dict[str, FieldDefinition]:
        """What readers of files want to know."""
        return {code: field.definition for code, field in self.by_code.items()}

    def read(self, values: Mapping[str, object], country: str = "") -> dict[str, int | str | None]:
        """
        Turn values by code into values by column.

        Raises:
            Invalid: there is no such field, or a value is none of it; every fault is named.
        """
        columns: dict[str, int | str | None] = {}
        errors: list[FieldError] = []
        for code, given in values.items():
            field = self.by_code.get(code)
            if field is None:
                detail = f"There is no field {code!r:.60}; {self._there()}."
                errors.append(FieldError(f"/fields/{code}", "unknown_field", detail))
                continue
            try:
                columns[field.slot] = field.read(given, country)
            except Invalid as error:
                errors.extend(error.errors)
        if errors:
            raise Invalid(errors[0].code, errors[0].detail, errors=errors)
        return columns

    def shown(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """The values of a contact by code; fields without one are left out."""
        return {
            field.code: field.shown(held) for slot, field in self.by_slot.items() if (held := row[slot]) is not None
        }

    def _there(self) -> str:
        return f"the fields are: {', '.join(self.by_code)}" if self.by_code else "there are no custom fields yet"


def field_set(tx: Transaction, workspace_id: str) -> FieldSet:
    """Read the fields of a workspace."""
    return FieldSet(queries.fields(tx, workspace_id))


class CustomFields:
    """The custom fields of every workspace."""

    def __init__(self, database: Database) -> None:
        """Take where rows are."""
        self._database = database

    async def add(
        self,
        workspace_id: str,
        *,
        code: str,
        type: str = "text",  # noqa: A002 - what callers call it
        name: str = "",
        currency: str = "",
        choices: Sequence[str] = (),
    ) -> dict[str, Any]:
        """
        Make a field.

        Raises:
            Invalid: something given is not usable.
            Conflict: the code is taken, or there is no room for another of this kind.
        """
        if code in EVERYBODY_HAS:
            detail = f"Everybody has {code!r} anyway, and texts mean that by {{{code}}}; choose another code."
            raise Invalid("reserved_code", detail, errors=[FieldError("/code", "reserved_code", detail)])
        kind = _check(code, type, name or code, currency, choices)
        moment = now_ms()

        def insert(tx: Transaction) -> CustomField | Conflict:
            found = field_set(tx, workspace_id)
            if code in found.by_code:
                detail = f"There is a field {code!r} already; change that one, or choose another code."
                return Conflict("code_taken", detail, errors=[FieldError("/code", "code_taken", detail)])
            slots = TEXTS if kind in _TEXTUAL else NUMBERS
            free = next((slot for slot in slots if slot not in found.by_slot), "")
            if not free:
                what = "texts and choices" if kind in _TEXTUAL else "numbers, amounts and dates"
                return Conflict(
                    "no_room", f"A workspace has room for {len(slots)} fields of {what}; remove one that is not used."
                )
            row = FieldRow(
                new_id(), code, name or code, kind.value, json.dumps(list(choices), ensure_ascii=False), currency, free,
                moment,
            )  # fmt: skip
            queries.insert_field(tx, workspace_id, row)
            return _field(row)

        made = await self._database.write(insert)
        if isinstance(made, Conflict):
            raise made
        return made.document()

    async def list(self, workspace_id: str) -> list[dict[str, Any]]:
        """Give every field, oldest first."""
        found = await self._database.read(lambda tx: field_set(tx, workspace_id))
        return [field.document() for field in found.by_code.values()]

    async def definitions(self, workspace_id: str) -> Sequence[FieldDefinition]:
        """Give what files are read by, oldest first."""
        found = await self._database.read(lambda tx: field_set(tx, workspace_id))
        return tuple(found.definitions.values())

    async def edit(
        self, workspace_id: str, code: str, *, name: str | None = None, choices: Sequence[str] | None = None
    ) -> dict[str, Any]:
        """
        Change what a field is called, or what may be chosen; values that people have stay as they are.

        Raises:
            Invalid: something given is not usable.
            NotFound: there is no such field.
        """

        def change(tx: Transaction) -> dict[str, Any]:
            field = _require(tx, workspace_id, code)
            kept = field.definition
            options = kept.choices if choices is None else tuple(choices)
            _check(code, kept.type.value, field.name if name is None else name, kept.currency, options)
            written = json.dumps(list(options), ensure_ascii=False)
            queries.change_field(tx, workspace_id, field.id, name=name or field.name, options=written)
            return _require(tx, workspace_id, code).document()

        return await self._database.write(change)

    async def remove(self, workspace_id: str, code: str) -> int:
        """Remove a field and its values; gives how many people had one. Raises NotFound."""

        def delete(tx: Transaction) -> int:
            field = _require(tx, workspace_id, code)
            emptied = clear_slot(tx, workspace_id, begin_change(tx, workspace_id), field.slot)
            queries.delete_field(tx, workspace_id, field.id)
            return emptied

        return await self._database.write(delete)


def _require(tx: Transaction, workspace_id: str, code: str) -> CustomField:
    field = field_set(tx, workspace_id).by_code.get(code)
    if field is None:
        raise NotFound("unknown_field", f"There is no field {code!r:.60}; list them to see those there are.")
    return field


def _field(row: FieldRow) -> CustomField:
    definition = FieldDefinition(row.code, FieldType(row.type), row.currency, tuple(json.loads(row.options)))
    return CustomField(row.id, row.name, row.slot, definition, row.created_at)


def _check(code: str, kind: str, name: str, currency: str, choices: Sequence[str]) -> FieldType:
    errors: list[FieldError] = []

    def wrong(pointer: str, error: str, detail: str) -> None:
        errors.append(FieldError(pointer, error, detail))

    if not _CODE.fullmatch(code):
        wrong("/code", "bad_code", "Expected 1 to 40 small letters, digits and _, beginning with a letter.")
    if not name.strip() or len(name) > LONGEST_NAME or not is_storable(name):
        wrong("/name", "bad_name", f"Expected a name of 1 to {LONGEST_NAME} characters.")
    if kind not in {*FieldType}:
        wrong("/type", "unknown_type", f"Expected one of {', '.join(FieldType)}; found {kind!r:.50}.")
    if (kind == FieldType.MONEY) != bool(currency) or (currency and not _CURRENCY.fullmatch(currency)):
        wrong("/currency", "bad_currency", "Expected an ISO 4217 code such as TWD for money, and none otherwise.")
    if (kind == FieldType.CHOICE) != bool(choices) or len(choices) > MOST_CHOICES or len(set(choices)) < len(choices):
        wrong("/choices", "bad_choices", f"Expected 1 to {MOST_CHOICES} different choices for a choice, and none "
                                         "otherwise.")  # fmt: skip
    elif any(not one.strip() or len(one) > LONGEST_CHOICE or not is_storable(one) for one in choices):
        wrong("/choices", "bad_choice", f"Expected choices of 1 to {LONGEST_CHOICE} characters.")
    if errors:
        raise Invalid(errors[0].code, errors[0].detail, errors=errors)
    return FieldType(kind)
