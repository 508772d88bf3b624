"""
The SQL of templates, their versions and the copies that providers have of them.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from sendyard.storage.identifiers import new_id
from sendyard.storage.transaction import Transaction

_NEWEST = (
    "SELECT t.id, t.code, t.name, t.version, t.created_at, t.archived_at, v.id, v.body, v.registered, v.document,"
    " v.created_at FROM templates t JOIN template_versions v ON v.template_id = t.id AND v.version = t.version"
    " WHERE t.workspace_id = ?"
)

_COPY = (
    "SELECT p.id, p.account_id, p.document, p.state, p.raw_state, p.category, p.quality, p.reason, p.synced_at"
    " FROM provider_templates p WHERE p.workspace_id = ?"
)
_LEASE = (
    "INSERT INTO template_catalogues (account_id, workspace_id, asked_at, lease_until) VALUES (?, ?, ?, ?)"
    " ON CONFLICT (account_id) DO UPDATE SET asked_at = excluded.asked_at, lease_until = excluded.lease_until"
    " WHERE template_catalogues.lease_until <= ? AND template_catalogues.asked_at <= ?"
)
_KEEP = (
    "INSERT INTO provider_templates (id, workspace_id, account_id, name, language, state, raw_state, category,"
    " quality, reason, provider_ref, document, synced_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
    " ON CONFLICT (account_id, name, language) DO UPDATE SET state = excluded.state, raw_state = excluded.raw_state,"
    " category = excluded.category, quality = excluded.quality, reason = excluded.reason,"
    " provider_ref = excluded.provider_ref, document = excluded.document, synced_at = excluded.synced_at"
)

Place = tuple[str, str]
"""Name and language: what tells the templates of one account apart."""


class TemplateRow(NamedTuple):
    """A template with its newest version."""

    id: str
    code: str
    name: str
    version: int
    created_at: int
    archived_at: int | None
    version_id: str
    body: str
    registered: str
    document: str
    updated_at: int


class VersionRow(NamedTuple):
    """One version."""

    id: str
    version: int
    body: str
    created_at: int
    registered: str
    document: str


class Said(NamedTuple):
    """What a version keeps: its main text, its registered forms, and its document ("" where the text says all)."""

    body: str
    registered: str
    document: str


class Kept(NamedTuple):
    """A provider's template as a row has it."""

    state: str
    raw_state: str
    category: str
    quality: str
    reason: str
    provider_ref: str
    document: str


def insert_template(tx: Transaction, workspace_id: str, *, code: str, name: str, said: Said, now: int) -> bool:
    """Store a template with its first version; False when the code is taken."""
    template_id = new_id()
    stored = tx.run(
        "INSERT INTO templates (id, workspace_id, code, name, version, created_at) VALUES (?, ?, ?, ?, 1, ?)"
        " ON CONFLICT (workspace_id, code) DO NOTHING",
        (template_id, workspace_id, code, name, now),
    )
    if stored:
        _insert_version(tx, workspace_id, template_id, 1, said, now)
    return stored == 1


def add_version(tx: Transaction, workspace_id: str, template_id: str, said: Said, *, now: int) -> int:
    """Store the next version and make it the newest; returns its number."""
    # The update takes the row, so that two edits at once get two numbers.
    ((version,),) = tx.rows(
        "UPDATE templates SET version = version + 1 WHERE workspace_id = ? AND id = ? RETURNING version",
        (workspace_id, template_id),
    )
    _insert_version(tx, workspace_id, template_id, version, said, now)
    return int(version)


def archive(tx: Transaction, workspace_id: str, template_id: str, at: int | None) -> None:
    """Take a template from what is offered, or offer it again."""
    tx.run("UPDATE templates SET archived_at = ? WHERE workspace_id = ? AND id = ?", (at, workspace_id, template_id))


def rename(tx: Transaction, workspace_id: str, template_id: str, name: str) -> None:
    """Change what people call it."""
    tx.run("UPDATE templates SET name = ? WHERE workspace_id = ? AND id = ?", (name, workspace_id, template_id))


def newest(tx: Transaction, workspace_id: str, code: str) -> TemplateRow | None:
    """One template with its newest version."""
    found = tx.rows(f"{_NEWEST} AND t.code = ?", (workspace_id, code))
    return TemplateRow(*found[0]) if found else None


def taken(tx: Transaction, workspace_id: str, codes: Sequence[str]) -> set[str]:
    """Which of these codes there are."""
    condition, parameter = tx.among(codes)
    sql = f"SELECT code FROM templates WHERE workspace_id = ? AND code {condition}"  # noqa: S608 - constants
    return {code for (code,) in tx.rows(sql, (workspace_id, parameter))}


def templates(
    tx: Transaction, workspace_id: str, *, after: str, limit: int, archived: bool | None
) -> list[TemplateRow]:
    """Templates with their newest version, by code, after the code `after`; archived ones, others, or both."""
    which = "" if archived is None else f" AND t.archived_at IS {'NOT ' if archived else ''}NULL"
    rows = tx.rows(f"{_NEWEST}{which} AND t.code > ? ORDER BY t.code LIMIT ?", (workspace_id, after, limit))
    return [TemplateRow(*row) for row in rows]


def versions(tx: Transaction, workspace_id: str, template_id: str) -> list[VersionRow]:
    """Every version, newest first."""
    rows = tx.rows(
        "SELECT id, version, body, created_at, registered, document FROM template_versions WHERE workspace_id = ?"
        " AND template_id = ? ORDER BY version DESC",
        (workspace_id, template_id),
    )
    return [VersionRow(*row) for row in rows]


def _insert_version(tx: Transaction, workspace_id: str, template_id: str, version: int, said: Said, now: int) -> None:
    tx.run(
        "INSERT INTO template_versions (id, workspace_id, template_id, version, body, registered, document,"
        " created_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (new_id(), workspace_id, template_id, version, *said, now),
    )


def registered_forms(tx: Transaction, workspace_id: str) -> list[str]:
    """What the newest versions say about registered forms, of those that have any."""
    return [
        registered
        for (registered,) in tx.rows(
            "SELECT v.registered FROM templates t JOIN template_versions v"
            " ON v.template_id = t.id AND v.version = t.version WHERE t.workspace_id = ? AND v.registered <> '{}'",
            (workspace_id,),
        )
    ]


def asked(tx: Transaction) -> dict[str, tuple[int, str]]:
    """When each account was last asked for its templates, and why that brought nothing ("" when it did)."""
    rows = tx.rows("SELECT account_id, asked_at, error FROM template_catalogues")
    return {account_id: (asked_at, error) for account_id, asked_at, error in rows}


def lease_catalogue(
    tx: Transaction, workspace_id: str, account_id: str, *, now: int, until: int, asked_before: int
) -> bool:
    """Become the one that asks for an account's templates; False when another is, or did after `asked_before`."""
    return tx.run(_LEASE, (account_id, workspace_id, now, until, now, asked_before)) == 1


def free_catalogue(tx: Transaction, account_id: str, error: str) -> None:
    """Let others ask again, and say why this try brought nothing ("" when it did)."""
    tx.run("UPDATE template_catalogues SET lease_until = 0, error = ? WHERE account_id = ?", (error, account_id))


def catalogue_read(tx: Transaction, account_id: str, *, now: int) -> None:
    """Note that the whole list is known."""
    tx.run("UPDATE template_catalogues SET synced_at = ? WHERE account_id = ?", (now, account_id))


def kept_copies(tx: Transaction, account_id: str) -> dict[Place, Kept]:
    """Every template that one account's provider is known to have."""
    rows = tx.rows(
        "SELECT name, language, state, raw_state, category, quality, reason, provider_ref, document"
        " FROM provider_templates WHERE account_id = ?",
        (account_id,),
    )
    return {(name, language): Kept(*rest) for name, language, *rest in rows}


def keep_copies(tx: Transaction, workspace_id: str, account_id: str, copies: Mapping[Place, Kept], *, now: int) -> None:
    """Store templates; what was known of them is replaced."""
    tx.run_many(
        _KEEP,
        [(new_id(), workspace_id, account_id, *place, *kept, now) for place, kept in copies.items()],
    )


def disable_copies(
    tx: Transaction, account_id: str, places: Iterable[Place], *, state: str, reason: str, now: int
) -> None:
    """Note of templates that the provider has no more what becomes of them."""
    tx.run_many(
        "UPDATE provider_templates SET state = ?, raw_state = '', reason = ?, synced_at = ?"
        " WHERE account_id = ? AND name = ? AND language = ?",
        [(state, reason, now, account_id, *place) for place in places],
    )


def drop_copies(tx: Transaction, account_id: str, places: Iterable[Place]) -> None:
    """Forget templates that are known by another place now."""
    tx.run_many(
        "DELETE FROM provider_templates WHERE account_id = ? AND name = ? AND language = ?",
        [(account_id, *place) for place in places],
    )


def copies(
    tx: Transaction, workspace_id: str, *, account_id: str, name: str, state: str, after: str, limit: int
) -> Sequence[tuple[Any, ...]]:
    """
    (id, account, document, state, raw_state, category, quality, reason, synced) in the order they became known.

    Blank filters let everything through.
    """
    filters = {"p.account_id = ?": account_id, "p.name = ?": name, "p.state = ?": state, "p.id > ?": after}
    given = {condition: value for condition, value in filters.items() if value}
    where = "".join(f" AND {condition}" for condition in given)
    return tx.rows(f"{_COPY}{where} ORDER BY p.id LIMIT ?", (workspace_id, *given.values(), limit))


def synced(tx: Transaction, workspace_id: str) -> dict[str, int | None]:
    """When the whole list of each account was last read."""
    return dict(
        tx.rows("SELECT account_id, synced_at FROM template_catalogues WHERE workspace_id = ?", (workspace_id,))
    )
