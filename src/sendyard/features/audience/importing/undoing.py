"""
Taking an import back, a step at a time.
"""

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sendyard.features.audience import queries as audience_queries
from sendyard.features.audience.contacts.queries import (
    begin_change,
    blank_contacts,
    contacts_by_number,
    holders,
    remove_identities,
)
from sendyard.features.audience.contacts.rows import ContactRow, Identity, marks_of, numbers_of
from sendyard.features.audience.importing import queries
from sendyard.storage.transaction import Transaction

_AT_ONCE = 1000


@dataclass(frozen=True, slots=True)
class Step:
    """What one step did, and where the next one begins."""

    after: int
    done: bool = False
    counts: Counter[str] = field(default_factory=Counter)


def undo_step(tx: Transaction, workspace_id: str, import_no: int, import_id: str, after: int, *, now: int) -> Step:
    """
    Take back a part of what an import did: first its changes, then the people it made after the number `after`.

    A person who was changed since is kept, a value that was changed since stays.
    """
    changes = queries.next_changes(tx, workspace_id, import_no, _AT_ONCE)
    if changes:
        change = begin_change(tx, workspace_id)
        rows = {row["no"]: row for row in contacts_by_number(tx, workspace_id, [one.contact_no for one in changes])}
        values: dict[int, Mapping[str, Any]] = {}
        leaving: list[Identity] = []
        for one in changes:
            if (row := rows.get(one.contact_no)) is None:
                continue
            before, changed = json.loads(one.before), json.loads(one.after)
            added = [Identity(*identity) for identity in changed.pop("identities", [])]
            held = holders(tx, workspace_id, added) if added else {}
            leaving += [identity for identity, holder in held.items() if holder == one.contact_no]
            values[one.contact_no] = _restored(row, before, changed)
        queries.update_contacts(tx, workspace_id, change, values, now=now)
        remove_identities(tx, workspace_id, leaving)
        queries.forget_changes(tx, workspace_id, import_no, [one.contact_no for one in changes])
        return Step(after, counts=Counter(restored=len(values)))
    made = queries.untouched(tx, workspace_id, import_no, after, _AT_ONCE)
    if not made:
        audience_queries.forget_consents(tx, workspace_id, f"import:{import_id}")
        return Step(after, done=True)
    change = begin_change(tx, workspace_id)
    same = [number for number, unchanged in made if unchanged]
    queries.remove_identities_of(tx, workspace_id, same)
    blank_contacts(tx, workspace_id, change, same, now=now)
    return Step(made[-1][0], counts=Counter(deleted=len(same), kept=len(made) - len(same)))


def _restored(row: ContactRow, before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    restored: dict[str, Any] = {}
    for name, value in after.items():
        if name == "marks":
            # Of labels exactly those come and go that the import added.
            had, got, now = (set(numbers_of(marks)) for marks in (before[name], value, row[name]))
            restored[name] = marks_of([*(now - (got - had))])
        elif row[name] == value:
            restored[name] = before[name]
    return restored
