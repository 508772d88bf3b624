"""
Contacts as interfaces show them.
"""

from collections.abc import Sequence
from typing import Any

from sendyard.features.audience.contacts import queries
from sendyard.features.audience.contacts.rows import ACTIVITIES, PHONE, ContactRow, Identity
from sendyard.features.audience.fields import FieldSet, field_set
from sendyard.features.audience.labels import LIST, TAG, LabelSet, label_set
from sendyard.storage.transaction import Transaction


def documents(tx: Transaction, workspace_id: str, rows: Sequence[ContactRow]) -> list[dict[str, Any]]:
    """Show contacts with their identities, labels and fields."""
    if not rows:
        return []
    identities = queries.identities_of(tx, workspace_id, [row["no"] for row in rows])
    labels, fields = label_set(tx, workspace_id), field_set(tx, workspace_id)
    return [document(row, identities.get(row["no"], []), labels, fields) for row in rows]


def document(row: ContactRow, identities: Sequence[Identity], labels: LabelSet, fields: FieldSet) -> dict[str, Any]:
    """Show one contact."""
    return {
        "id": row["id"],
        "number": row["no"],
        "name": row["name"],
        "phone": next((identity.value for identity in identities if identity.kind == PHONE), None),
        "identities": [{"kind": kind, "value": value} for kind, value in identities],
        "country": row["country"],
        "language": row["language"],
        "time_zone": row["time_zone"],
        "time_zone_origin": row["zone_origin"],
        "tags": labels.names(TAG, row["marks"]),
        "lists": labels.names(LIST, row["marks"]),
        "fields": fields.shown(row),
        "source": row["source"],
        "lead": row["lead"],
        "activity": {activity: at for activity in ACTIVITIES if (at := row[f"{activity}_at"]) is not None},
        "created_at": row["created_at"],
        "updated_at": row["updated_at"],
    }
