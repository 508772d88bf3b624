"""
The SQL of files and of their forms.
"""

import json
from collections.abc import Collection, Iterable
from dataclasses import astuple, dataclass, fields

from sendyard.domain.content import OURS
from sendyard.storage.transaction import Transaction


@dataclass(frozen=True, slots=True)
class Medium:
    """One file as it was uploaded; times are milliseconds since 1970."""

    id: str
    workspace_id: str
    digest: bytes
    key: str
    content_type: str
    bytes: int
    width: int | None
    height: int | None
    name: str
    created_at: int
    kept_until: int


@dataclass(frozen=True, slots=True)
class Form:
    """A picture made to fit some limits."""

    id: str
    workspace_id: str
    medium_id: str
    recipe: str
    digest: bytes
    key: str
    content_type: str
    bytes: int
    width: int
    height: int
    changes: str  # JSON list
    created_at: int

    @property
    def told(self) -> list[str]:
        """What was done to it, in words."""
        found: list[str] = json.loads(self.changes)
        return found


_MEDIUM = ", ".join(field.name for field in fields(Medium))
_FORM = ", ".join(field.name for field in fields(Form))


def insert_medium(tx: Transaction, medium: Medium) -> Medium:
    """
    Store a file, or keep the one of the same bytes longer.

    Returns the row that is there now: `medium` itself, or the one that was there before.
    """
    tx.run(
        f"INSERT INTO media ({_MEDIUM}) VALUES ({', '.join('?' * len(fields(Medium)))})"  # noqa: S608 - our columns
        " ON CONFLICT (workspace_id, digest) DO UPDATE SET kept_until ="
        " CASE WHEN media.kept_until > excluded.kept_until THEN media.kept_until ELSE excluded.kept_until END",
        astuple(medium),
    )
    rows = tx.rows(
        f"SELECT {_MEDIUM} FROM media WHERE workspace_id = ? AND digest = ?",  # noqa: S608 - our columns
        (medium.workspace_id, medium.digest),
    )
    return _medium(rows[0])


def media(tx: Transaction, workspace_id: str, *, after: str | None, limit: int) -> list[Medium]:
    """List files, newest first."""
    rows = tx.rows(
        f"SELECT {_MEDIUM} FROM media WHERE workspace_id = ? AND id < ? ORDER BY id DESC LIMIT ?",  # noqa: S608
        (workspace_id, after or "~", limit),
    )
    return [_medium(row) for row in rows]


def some_media(tx: Transaction, workspace_id: str, ids: Iterable[str]) -> dict[str, Medium]:
    """Find several by their ids; unknown ones are left out."""
    condition, parameter = tx.among(ids)
    rows = tx.rows(
        f"SELECT {_MEDIUM} FROM media WHERE workspace_id = ? AND id {condition}",  # noqa: S608 - our columns
        (workspace_id, parameter),
    )
    return {found.id: found for found in map(_medium, rows)}


def keep_until(tx: Transaction, workspace_id: str, ids: Iterable[str], moment: int) -> None:
    """Keep files at least until then."""
    condition, parameter = tx.among(ids)
    tx.run(
        f"UPDATE media SET kept_until = ? WHERE workspace_id = ? AND kept_until < ? AND id {condition}",  # noqa: S608
        (moment, workspace_id, moment, parameter),
    )


def form_of(tx: Transaction, medium_id: str, recipe: str) -> Form | None:
    """Find the form of a picture for some limits."""
    rows = tx.rows(f"SELECT {_FORM} FROM media_forms WHERE medium_id = ? AND recipe = ?", (medium_id, recipe))  # noqa: S608
    return _form(rows[0]) if rows else None


def insert_form(tx: Transaction, form: Form) -> Form:
    """Store a form; returns the one that is there, which somebody else may have made meanwhile."""
    tx.run(
        f"INSERT INTO media_forms ({_FORM}) VALUES ({', '.join('?' * len(fields(Form)))})"  # noqa: S608 - our columns
        " ON CONFLICT (medium_id, recipe) DO NOTHING",
        astuple(form),
    )
    rows = tx.rows(
        f"SELECT {_FORM} FROM media_forms WHERE medium_id = ? AND recipe = ?",  # noqa: S608 - our columns
        (form.medium_id, form.recipe),
    )
    return _form(rows[0])


def by_link(tx: Transaction, file_id: str) -> Medium | Form | None:
    """Find what a link names, in any workspace: its signature is the permission."""
    rows = tx.rows(f"SELECT {_MEDIUM} FROM media WHERE id = ?", (file_id,))  # noqa: S608 - our columns
    if rows:
        return _medium(rows[0])
    rows = tx.rows(f"SELECT {_FORM} FROM media_forms WHERE id = ?", (file_id,))  # noqa: S608 - our columns
    return _form(rows[0]) if rows else None


def users_of(tx: Transaction, workspace_id: str, medium_id: str) -> tuple[str, int]:
    """
    Who still needs a file: a template, or a drip or campaign that is not over, names it, and how many messages wait.

    The former as a person calls it, "" for none.
    """
    named = f"%{OURS}{medium_id}%"
    templates = tx.rows(
        "SELECT 'template', t.code FROM template_versions v JOIN templates t ON t.id = v.template_id"
        " WHERE v.workspace_id = ? AND (v.registered LIKE ? OR v.document LIKE ?)"
        # Steps of drips are campaigns that may be over and go on again with the next person.
        " UNION ALL SELECT 'drip', d.name FROM drips d JOIN drip_steps s ON s.drip_id = d.id"
        " JOIN campaigns c ON c.id = s.campaign_id"
        " WHERE d.workspace_id = ? AND d.status <> 'cancelled' AND c.plan LIKE ?"
        " UNION ALL SELECT 'campaign', c.name FROM campaigns c WHERE c.workspace_id = ? AND c.plan LIKE ?"
        " AND c.status NOT IN ('completed', 'completed_with_failures', 'cancelled', 'failed') LIMIT 1",
        (workspace_id, named, named, *(workspace_id, named) * 2),
    )
    waiting = tx.rows(
        "SELECT count(*) FROM messages WHERE workspace_id = ? AND due_at IS NOT NULL AND content LIKE ?",
        (workspace_id, named),
    )
    return (f"{templates[0][0]} {templates[0][1]!r}" if templates else ""), waiting[0][0]


def delete_medium(tx: Transaction, workspace_id: str, medium_id: str) -> list[str]:
    """Remove a file with its forms; returns the keys of what is in the store."""
    found = tx.rows(
        "SELECT key FROM media WHERE workspace_id = ? AND id = ?"
        " UNION ALL SELECT key FROM media_forms WHERE workspace_id = ? AND medium_id = ?",
        (workspace_id, medium_id, workspace_id, medium_id),
    )
    tx.run("DELETE FROM media_forms WHERE workspace_id = ? AND medium_id = ?", (workspace_id, medium_id))
    tx.run("DELETE FROM media WHERE workspace_id = ? AND id = ?", (workspace_id, medium_id))
    return [key for (key,) in found]


def overdue(tx: Transaction, *, now: int, limit: int) -> list[tuple[str, str]]:
    """Find files that need not be kept any more: workspace and id."""
    rows = tx.rows("SELECT workspace_id, id FROM media WHERE kept_until < ? ORDER BY kept_until LIMIT ?", (now, limit))
    return [(workspace_id, medium_id) for workspace_id, medium_id in rows]


def unknown_keys(tx: Transaction, keys: Collection[str]) -> set[str]:
    """Which of these keys no row names."""
    condition, parameter = tx.among(keys)
    rows = tx.rows(
        f"SELECT key FROM media WHERE key {condition} UNION ALL SELECT key FROM media_forms WHERE key {condition}",  # noqa: S608
        (parameter, parameter),
    )
    return set(keys) - {key for (key,) in rows}


def _medium(row: tuple[object, ...]) -> Medium:
    return Medium(*row)  # type: ignore[arg-type]


def _form(row: tuple[object, ...]) -> Form:
    return Form(*row)  # type: ignore[arg-type]
