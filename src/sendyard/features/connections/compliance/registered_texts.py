"""
Texts registered at India's DLT portals: entered by hand or taken over from a portal's export.
"""

import json
from collections import Counter
from collections.abc import Mapping
from typing import Any, TypeAlias

from sendyard.delivery.directory import Directory
from sendyard.domain.countries.situation import Registration
from sendyard.domain.errors import FieldError, Invalid, NotFound
from sendyard.features.connections.compliance import checks, queries
from sendyard.features.connections.compliance.dlt_file import FileRow, read_dlt_file
from sendyard.features.connections.compliance.telling import named, note_change, tell
from sendyard.storage.engine import Database
from sendyard.storage.identifiers import now_ms
from sendyard.storage.transaction import Transaction

Documents: TypeAlias = list[dict[str, Any]]

_CHECKS: Mapping[str, checks.Check] = {
    "text": checks.template_text,
    "category": checks.category,
    "state": checks.registration,
    "senders": checks.senders,
    "tags": checks.tags,
    "name": checks.plain,
}
_BLANK: Mapping[str, Any] = {
    "text": "",
    "category": "",
    "state": Registration.UNKNOWN,
    "senders": None,
    "tags": (),
    "name": "",
}
_NAMES = ("id", *_BLANK, "updated_by", "updated_at")


class RegisteredTexts:
    """The registered templates of every workspace."""

    def __init__(self, database: Database, directory: Directory) -> None:
        """Take where rows are and the directory to keep in step."""
        self._database = database
        self._directory = directory

    async def list(
        self, workspace_id: str, *, state: str = "", category: str = "", after: str = "", limit: int = 100
    ) -> Documents:
        """Give templates in the order of their ids, behind the id `after`; of one state or category when asked for."""
        rows = await self._database.read(
            lambda tx: queries.templates(tx, workspace_id, state=state, category=category, after=after, limit=limit)
        )
        return [_document(row) for row in rows]

    async def get(self, workspace_id: str, template_id: str) -> dict[str, Any]:
        """Give one template. Raises NotFound."""
        rows = await self._database.read(lambda tx: queries.templates_of(tx, workspace_id, [template_id]))
        if not rows:
            raise _unknown(template_id)
        return _document(rows[0])

    async def put(self, workspace_id: str, template_id: str, changes: Mapping[str, Any], *, by: str) -> dict[str, Any]:
        """
        Enter a template by hand, or change it; what is not given stays as it was.

        Args:
            workspace_id: whose it is.
            template_id: the 19 digits of the DLT portal.
            changes: `text`, exactly as approved; `category`; `state`; `senders`, None for "nobody told us"; `tags`,
                one for each variable; `name`, as the portal shows it.
            by: who changes it.

        Raises:
            Invalid: `bad_facts`, one error for each place; a new one needs a text.
        """
        (registry_id,) = checks.checked({"id": template_id}, {"id": _whole_id}, code="bad_facts").values()
        fields = checks.checked(changes, _CHECKS, code="bad_facts")

        def work(tx: Transaction) -> tuple[Any, ...]:
            present = queries.templates_of(tx, workspace_id, [registry_id])
            if not present and "text" not in fields:
                detail = "text: expected the text as approved, because this template is new here, found none."
                raise Invalid("bad_facts", detail, errors=[FieldError("/text", "required", detail)])
            row = _row(registry_id, _told(present[0]) if present else _BLANK, fields, (by, now_ms()))
            queries.put_templates(tx, workspace_id, [row])
            _note(tx, workspace_id, present[0] if present else None, row)
            return row

        return _document(await tell(self._database, self._directory, workspace_id, work))

    async def delete(self, workspace_id: str, template_id: str, *, by: str) -> None:
        """Forget a template; messages that name it are then compared with nothing. Raises NotFound."""

        def work(tx: Transaction) -> None:
            present = queries.templates_of(tx, workspace_id, [template_id])
            if not queries.delete_template(tx, workspace_id, template_id):
                raise _unknown(template_id)
            note_change(tx, workspace_id, "template", _told(present[0]), {}, (by, now_ms()), name=template_id)

        await tell(self._database, self._directory, workspace_id, work)

    async def load(
        self, workspace_id: str, text: str, *, state: str = "", dry_run: bool = False, by: str
    ) -> dict[str, Any]:
        """
        Take over a file as a DLT portal exports it; repeating it changes nothing, and nothing is removed.

        Args:
            workspace_id: whose templates they are.
            text: the file; see `dlt_file`.
            state: of templates whose row tells none; "" leaves it as it was.
            dry_run: only say what would be done.
            by: who does it.

        Returns:
            `{rows, added, changed, unchanged, refused, verdicts: [{row, id, verdict, code, detail, remarks}]}`.

        Raises:
            Invalid: the file is not usable as a whole.
        """
        usual = {} if not state else checks.checked({"state": state}, {"state": checks.registration}, code="bad_facts")
        rows = read_dlt_file(text)
        verdicts: Documents = []

        def judge(tx: Transaction) -> list[tuple[Any, ...]]:
            verdicts.clear()
            ids = [row.id for row in rows if not row.code]
            present = {found[0]: found for found in queries.templates_of(tx, workspace_id, ids)}
            audit = (by, now_ms())
            changed = []
            for row in rows:
                verdict, stored = _judge(row, present.get(row.id), usual, audit)
                verdicts.append(verdict)
                if stored is not None:
                    changed.append(stored)
            return changed

        def work(tx: Transaction) -> None:
            present = {row[0]: row for row in queries.templates_of(tx, workspace_id, [row.id for row in rows])}
            stored = judge(tx)
            queries.put_templates(tx, workspace_id, stored)
            for row in stored:
                _note(tx, workspace_id, present.get(row[0]), row)

        if await self._database.read(judge) and not dry_run:
            await tell(self._database, self._directory, workspace_id, work)
        counts = Counter(one["verdict"] for one in verdicts)
        return {
            "rows": len(verdicts),
            **{verdict: counts[verdict] for verdict in ("added", "changed", "unchanged", "refused")},
            "verdicts": verdicts,
        }


def _note(tx: Transaction, workspace_id: str, present: tuple[Any, ...] | None, row: tuple[Any, ...]) -> None:
    name, *_, by, at = row
    note_change(tx, workspace_id, "template", _told(present) if present else {}, _told(row), (by, at), name=name)


def _judge(
    row: FileRow, present: tuple[Any, ...] | None, usual: Mapping[str, Any], audit: tuple[str, int]
) -> tuple[dict[str, Any], tuple[Any, ...] | None]:
    """Give the verdict on a row of a file, and the row to store when something changes."""
    stored: tuple[Any, ...] | None = None
    if row.code:
        verdict = "refused"
    else:
        before = _told(present) if present else _BLANK
        stored = _row(row.id, before, {**usual, **row.told}, audit)
        verdict = "changed" if present else "added"
        if present and stored[: -len(audit)] == present[: -len(audit)]:
            verdict, stored = "unchanged", None
    told = {"row": row.row, "id": row.id, "verdict": verdict, "code": row.code, "detail": row.detail}
    return told | {"remarks": list(row.remarks)}, stored


def _row(
    registry_id: str, before: Mapping[str, Any], fields: Mapping[str, Any], audit: tuple[str, int]
) -> tuple[Any, ...]:
    whole = {**before, **fields}
    return (registry_id, *(_stored(whole[name]) for name in _BLANK), *audit)


def _stored(value: Any) -> Any:
    if isinstance(value, (tuple, list)):
        return json.dumps(value, ensure_ascii=False)
    return value.value if isinstance(value, Registration) else value


def _told(row: tuple[Any, ...]) -> dict[str, Any]:
    """The fields of a stored template."""
    document = named(_NAMES, row)
    senders = document["senders"]
    found = document | {
        "senders": None if senders is None else json.loads(senders),
        "tags": json.loads(document["tags"]),
    }
    return {name: found[name] for name in _BLANK}


def _document(row: tuple[Any, ...]) -> dict[str, Any]:
    return named(_NAMES, row) | _told(row)


def _whole_id(value: Any) -> str:
    number = checks.dlt_id(value)
    if not number:
        raise ValueError("expected the 19 digits of the DLT portal, found none")
    return number


def _unknown(template_id: str) -> NotFound:
    detail = f"There is no registered template {template_id!r:.60}; `sendyard compliance templates list` shows them."
    return NotFound("unknown_template", detail)
