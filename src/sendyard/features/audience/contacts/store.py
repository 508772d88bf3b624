"""
People: added, changed, found, and shown.
"""

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

from sendyard.domain.errors import Conflict, FieldError, Invalid, NotFound
from sendyard.features.audience import queries as audience_queries
from sendyard.features.audience.contacts import queries
from sendyard.features.audience.contacts.details import Details, guessed_columns, read_columns, read_identities
from sendyard.features.audience.contacts.queries import begin_change
from sendyard.features.audience.contacts.rows import ContactRow, Identity, marks_of, numbers_of
from sendyard.features.audience.contacts.showing import documents
from sendyard.features.audience.erased import revive
from sendyard.features.audience.fields import field_set
from sendyard.features.audience.labels import LIST, TAG, label_set, require_list, require_tags
from sendyard.storage.address_keys import AddressKeys
from sendyard.storage.engine import Database
from sendyard.storage.identifiers import new_id, now_ms
from sendyard.storage.transaction import Transaction

Documents: TypeAlias = list[dict[str, Any]]
_NOTICED_MS = 86_400_000


class Contacts:
    """The people of every workspace."""

    def __init__(self, database: Database, keys: AddressKeys) -> None:
        """Take where rows are, and what recognises the addresses of people who were erased."""
        self._database = database
        self._keys = keys

    async def add(self, workspace_id: str, details: Details) -> dict[str, Any]:
        """
        Make a person.

        Raises:
            Invalid: something said is not usable; there must be an identity at least.
            Conflict: an identity is somebody's already; `errors` names it, and the detail whose.
        """
        identities = read_identities(details.identities, details.country or "")
        if not identities:
            detail = "Expected a phone number or another identity, found none; without one nobody can be found again."
            raise Invalid("no_identity", detail, errors=[FieldError("/identities", "no_identity", detail)])
        columns = read_columns(details)
        moment = now_ms()

        def insert(tx: Transaction) -> dict[str, Any]:
            change = begin_change(tx, workspace_id, contacts=1)
            expect_free(tx, workspace_id, identities)
            known = {**columns, **_labelled_and_custom(tx, workspace_id, details, ",", moment)}
            row = {"source": "manual", **known, **guessed_columns(known, identities)}
            number = {"no": change.contact, "id": new_id(), "created_at": moment, "updated_at": moment}
            queries.insert_contact(tx, workspace_id, change, number | row)
            queries.add_identities(tx, workspace_id, change.contact, identities, now=moment)
            revive(tx, self._keys, workspace_id, [identity.value for identity in identities], now=moment)
            return show(tx, workspace_id, str(number["id"]))

        return await self._database.write(insert)

    async def get(self, workspace_id: str, contact_id: str) -> dict[str, Any]:
        """Give one person; of one who was merged, the person who has everything now. Raises NotFound."""
        return await self._database.read(lambda tx: show(tx, workspace_id, survivor(tx, workspace_id, contact_id)))

    async def list(self, workspace_id: str, *, after: int = 0, limit: int = 100) -> Documents:
        """Give people in the order they were made, after the number `after`."""
        return await self._database.read(
            lambda tx: documents(tx, workspace_id, queries.page(tx, workspace_id, after=after, limit=limit))
        )

    async def find(self, workspace_id: str, kind: str, value: str, country: str = "") -> dict[str, Any] | None:
        """Give whoever has this identity, or None. Raises Invalid."""
        (identity,) = read_identities([(kind, value)], country)

        def read(tx: Transaction) -> dict[str, Any] | None:
            found = queries.holders(tx, workspace_id, [identity]).get(identity)
            shown = [] if found is None else queries.contacts_by_number(tx, workspace_id, [found])
            return documents(tx, workspace_id, shown)[0] if shown else None

        return await self._database.read(read)

    async def edit(self, workspace_id: str, contact_id: str, details: Details) -> dict[str, Any]:
        """
        Change what is known of a person; identities are added to those there are.

        Raises:
            Invalid: something said is not usable.
            NotFound: there is no such person.
            Conflict: an identity is somebody else's.
        """
        identities = read_identities(details.identities, details.country or "")
        columns = read_columns(details)
        moment = now_ms()

        def change(tx: Transaction) -> dict[str, Any]:
            stamp = begin_change(tx, workspace_id)
            row = require(tx, workspace_id, contact_id)
            fresh = expect_free(tx, workspace_id, identities, besides=row["no"])
            values = {**columns, **_labelled_and_custom(tx, workspace_id, details, row["marks"], moment)}
            queries.add_identities(tx, workspace_id, row["no"], fresh, now=moment)
            revive(tx, self._keys, workspace_id, [identity.value for identity in fresh], now=moment)
            having = queries.identities_of(tx, workspace_id, [row["no"]]).get(row["no"], [])
            values |= guessed_columns({**row, **values}, having) if fresh or details.time_zone == "" else {}
            if values or fresh:
                values = values or {"name": row["name"]}
                queries.update_contact(tx, workspace_id, stamp, row["no"], values, now=moment)
            return show(tx, workspace_id, contact_id)

        return await self._database.write(change)

    async def drop_identity(self, workspace_id: str, contact_id: str, kind: str, value: str) -> dict[str, Any]:
        """
        Take one identity away; suppressions of the address stay.

        Raises:
            NotFound: the person does not have it.
            Conflict: it is the only one.
        """

        def change(tx: Transaction) -> dict[str, Any]:
            stamp = begin_change(tx, workspace_id)
            row = require(tx, workspace_id, contact_id)
            having = queries.identities_of(tx, workspace_id, [row["no"]]).get(row["no"], [])
            if Identity(kind, value) not in having:
                raise NotFound("unknown_identity", f"This person has no {kind} {value!r:.60}.")
            if len(having) == 1:
                raise Conflict("only_identity", "It is the person's only identity; add another first, or erase them.")
            queries.remove_identities(tx, workspace_id, [Identity(kind, value)])
            queries.update_contact(tx, workspace_id, stamp, row["no"], {"name": row["name"]}, now=now_ms())
            return show(tx, workspace_id, contact_id)

        return await self._database.write(change)

    async def tidy(self) -> int:
        """
        Remove what is left of contacts deleted long enough ago for everyone to have noticed; gives how many.

        Of removed suppressions the same: who counts and did not look for so long reads all of them once.
        """
        before = now_ms() - _NOTICED_MS

        def remove(tx: Transaction) -> int:
            audience_queries.forget_lifted(tx, before=before)
            return queries.purge(tx, before=before)

        return await self._database.write(remove)


def require(tx: Transaction, workspace_id: str, contact_id: str) -> ContactRow:
    """Find a person by id. Raises NotFound."""
    row = queries.contact(tx, workspace_id, contact_id)
    if row is None:
        raise NotFound("unknown_contact", f"There is no contact {contact_id!r:.60}; it may have been erased.")
    return row


def survivor(tx: Transaction, workspace_id: str, contact_id: str) -> str:
    """The id under which a person is known now, who may have been merged since."""
    seen: set[str] = set()
    while contact_id not in seen and queries.contact(tx, workspace_id, contact_id) is None:
        seen.add(contact_id)
        kept = [row for row in queries.history(tx, workspace_id, contact_id) if row.kind == "merged_into"]
        if not kept:
            break
        contact_id = kept[-1].document
    return contact_id


def show(tx: Transaction, workspace_id: str, contact_id: str) -> dict[str, Any]:
    """Show one person. Raises NotFound."""
    return documents(tx, workspace_id, [require(tx, workspace_id, contact_id)])[0]


def expect_free(
    tx: Transaction, workspace_id: str, identities: Sequence[Identity], *, besides: int = 0
) -> list[Identity]:
    """
    Give those identities that are nobody's, besides those that are of the contact `besides` already.

    Raises:
        Conflict: one is somebody else's.
    """
    held: Mapping[Identity, int] = queries.holders(tx, workspace_id, identities)
    errors = []
    for index, identity in enumerate(identities):
        if (holder := held.get(identity)) is not None and holder != besides:
            whose = queries.ids_of(tx, workspace_id, [holder])[holder]
            detail = f"This {identity.kind} is of the contact {whose} already; change that one, or merge the two."
            errors.append(FieldError(f"/identities/{index}", "identity_taken", detail))
    if errors:
        raise Conflict("identity_taken", errors[0].detail, errors=errors)
    return [identity for identity in identities if identity not in held]


def _labelled_and_custom(tx: Transaction, workspace_id: str, details: Details, marks: str, now: int) -> dict[str, Any]:
    columns: dict[str, Any] = dict(field_set(tx, workspace_id).read(details.fields, details.country or ""))
    if details.tags is None and details.lists is None:
        return columns
    known = label_set(tx, workspace_id)
    kept = numbers_of(marks)
    if details.tags is not None:
        of_kind = {row.no for row in known.of_kind(TAG)}
        kept = [number for number in kept if number not in of_kind]
        kept += require_tags(tx, workspace_id, known, details.tags, now=now)
    if details.lists is not None:
        of_kind = {row.no for row in known.of_kind(LIST)}
        kept = [number for number in kept if number not in of_kind]
        kept += [require_list(tx, workspace_id, name).no for name in details.lists]
    return columns | {"marks": marks_of(kept)}
