"""
What one feature tells another of people: as previews of templates see them, and when they clicked.
"""

from collections.abc import Mapping
from typing import Any

from sendyard.features.audience import Contacts
from sendyard.features.audience.contacts.arrivals import note_activity
from sendyard.features.audience.contacts.rows import Identity
from sendyard.features.templates.preview import Reader
from sendyard.storage.transaction import Transaction


async def reader_of(contacts: Contacts, workspace_id: str, contact_id: str) -> Reader:
    """
    Give what a contact fills in: name, number and every custom field, plain as templates take them.

    Raises:
        NotFound: there is no such contact.
    """
    found = await contacts.get(workspace_id, contact_id)
    own = {name: found[name] or "" for name in ("name", "phone", "country", "language")}
    fields = {code: _plain(value) for code, value in found["fields"].items() if value is not None}
    return Reader({**own, **fields}, found["language"] or "", found["country"] or "")


def note_clicks(tx: Transaction, workspace_id: str, times: Mapping[tuple[str, str], int]) -> int:
    """Note when people clicked, in milliseconds by (kind, address); gives how many of them are contacts."""
    return note_activity(tx, workspace_id, "clicked", {Identity(*person): at for person, at in times.items()})


def _plain(value: Any) -> str:
    return f"{value['amount']} {value['currency']}" if isinstance(value, dict) else str(value)
