"""
Templates by their code: each edit makes a version, and a version never changes.
"""

import json
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sendyard.delivery.directory import Directory
from sendyard.delivery.preflight import is_storable
from sendyard.delivery.routing import decide
from sendyard.domain.channels import Channel, Purpose
from sendyard.domain.content import Content
from sendyard.domain.errors import Conflict, FieldError, Invalid, NotFound
from sendyard.domain.parts import inspect_text
from sendyard.domain.template import Template, compile_template
from sendyard.features.templates import queries
from sendyard.features.templates.registered import Forms, check_registered, forms_of
from sendyard.ledger.entries import NOTHING
from sendyard.storage.engine import Database
from sendyard.storage.identifiers import now_ms
from sendyard.storage.transaction import Transaction

LONGEST_BODY = 10_000  # characters
LONGEST_NAME = 100
_TAKEN = frozenset({"provider", "sync"})  # words that stand in a code's place in addresses
_CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
_BELIEVED_SECONDS = 1.0  # how late an edit in another process may be noticed
_MOST_REMEMBERED = 1000


@dataclass(frozen=True, slots=True)
class Rendered:
    """A text made of one version."""

    text: str
    version_id: str
    version: int
    variants: Mapping[str, Content] = field(default_factory=lambda: NOTHING)  # by provider, where it is registered
    registration: Mapping[str, str] = field(default_factory=lambda: NOTHING)


@dataclass(frozen=True, slots=True)
class _Compiled:
    until: float
    version_id: str
    version: int
    template: Template
    forms: Forms | None


class Templates:
    """The templates of every workspace."""

    def __init__(
        self, database: Database, directory: Directory, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Take where rows are, what prices come from, and a clock in seconds that never goes back."""
        self._database = database
        self._directory = directory
        self._clock = clock
        self._compiled: dict[tuple[str, str], _Compiled] = {}

    async def add(
        self,
        workspace_id: str,
        *,
        code: str,
        body: str,
        name: str = "",
        registered: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        """
        Store a template with its first version; `registered` is as `registered.Registered` has it.

        Raises:
            Invalid: the code, name, text or a registered form is not usable; `bad_template` says where.
            Conflict: the code is taken.
        """
        _check(code=code, name=name, body=body)
        compile_template(body)
        kept = check_registered(registered)
        moment = now_ms()
        if not await self._database.write(
            lambda tx: queries.insert_template(
                tx, workspace_id, code=code, name=name or code, body=body, registered=kept, now=moment
            )
        ):
            detail = f"There is a template {code!r} already; edit that one, or choose another code."
            raise Conflict("code_taken", detail, errors=[FieldError("/code", "code_taken", detail)])
        return await self.get(workspace_id, code)

    async def edit(
        self,
        workspace_id: str,
        code: str,
        *,
        body: str | None = None,
        name: str | None = None,
        registered: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        """
        Change the name, or the text or its registered forms, which makes a new version unless nothing differs.

        Raises:
            Invalid: the text, the name or a registered form is not usable.
            NotFound: there is no such template.
        """
        _check(name=name, body=body)
        if body is not None:
            compile_template(body)
        kept = None if registered is None else check_registered(registered)
        moment = now_ms()

        def change(tx: Transaction) -> bool:
            row = queries.newest(tx, workspace_id, code)
            if row is None:
                return False
            wanted = (row[6] if body is None else body, row[8] if kept is None else kept)
            if wanted != (row[6], row[8]):
                queries.add_version(tx, workspace_id, row[0], body=wanted[0], registered=wanted[1], now=moment)
            if name:
                queries.rename(tx, workspace_id, row[0], name)
            return True

        if not await self._database.write(change):
            raise _unknown(code)
        self._compiled.pop((workspace_id, code), None)
        return await self.get(workspace_id, code)

    async def get(self, workspace_id: str, code: str) -> dict[str, Any]:
        """Give one template with its newest text. Raises NotFound."""
        row = await self._database.read(lambda tx: queries.newest(tx, workspace_id, code))
        if row is None:
            raise _unknown(code)
        return _document(row)

    async def versions(self, workspace_id: str, code: str) -> list[dict[str, Any]]:
        """Give every version, newest first. Raises NotFound."""
        template_id = (await self.get(workspace_id, code))["id"]
        rows = await self._database.read(lambda tx: queries.versions(tx, workspace_id, template_id))
        return [
            {"id": id_, "version": version, "body": body, "created_at": at, "registered": json.loads(registered)}
            for id_, version, body, at, registered in rows
        ]

    async def render(self, workspace_id: str, code: str, variables: Mapping[str, str]) -> Rendered:
        """
        Fill in the newest version.

        Raises:
            NotFound: there is no such template.
            MissingVariable: a variable has neither value nor default.
        """
        compiled = await self._newest(workspace_id, code)
        text = compiled.template.render(variables)
        forms = compiled.forms
        if forms is None:
            return Rendered(text, compiled.version_id, compiled.version)
        variants = forms.render(variables, text)
        return Rendered(text, compiled.version_id, compiled.version, variants, forms.registration)

    async def preview(
        self,
        workspace_id: str,
        *,
        code: str = "",
        body: str = "",
        variables: Mapping[str, str],
        country: str = "",
        channel: Channel = Channel.SMS,
        purpose: Purpose = Purpose.TRANSACTIONAL,
    ) -> dict[str, Any]:
        """
        Show what would be sent: the text, its size as `text inspect` gives it, and the price at the first account.

        Give the `code` of a template, or the `body` of one that is not stored yet. `price` is None when no route
        applies or the account has no price.

        Raises:
            Invalid: neither or both of code and body, a malformed body, or a value missing.
            NotFound: there is no such template.
        """
        if bool(code) == bool(body):
            raise Invalid("code_or_body", "Expected either the code of a template or a body, found both or neither.")
        if body:
            _check(body=body)
        template = compile_template(body) if body else (await self._newest(workspace_id, code)).template
        text = template.render(variables)
        measured = inspect_text(text, country, channel.value).to_dict()
        return {
            "text": text,
            "variables": list(template.variables),
            **measured,
            "price": self._price(workspace_id, channel, country, purpose, measured["parts"]),
        }

    async def list(self, workspace_id: str, *, after: str = "", limit: int = 100) -> list[dict[str, Any]]:
        """Give templates by code, after the code `after`, each with its newest text."""
        rows = await self._database.read(lambda tx: queries.templates(tx, workspace_id, after=after, limit=limit))
        return [_document(row) for row in rows]

    def _price(
        self, workspace_id: str, channel: Channel, country: str, purpose: Purpose, parts: int
    ) -> dict[str, str] | None:
        decision = decide(self._directory, workspace_id, channel=channel, country=country, purpose=purpose)
        entry = self._directory.account(decision.accounts[0]) if decision.accounts else None
        if entry is None or entry.price_per_part is None:
            return None
        return {"amount": str(entry.price_per_part * parts), "currency": entry.currency, "account": entry.name}

    async def _newest(self, workspace_id: str, code: str) -> _Compiled:
        known = self._compiled.get((workspace_id, code))
        if known and self._clock() < known.until:
            return known
        row = await self._database.read(lambda tx: queries.newest(tx, workspace_id, code))
        if row is None:
            raise _unknown(code)
        same = known is not None and known.version_id == row[5]
        template = known.template if known is not None and same else compile_template(row[6])
        if len(self._compiled) >= _MOST_REMEMBERED:
            self._compiled.clear()
        found = _Compiled(self._clock() + _BELIEVED_SECONDS, row[5], row[3], template, forms_of(row[8]))
        self._compiled[workspace_id, code] = found
        return found


def _check(*, code: str | None = None, name: str | None = None, body: str | None = None) -> None:
    errors: list[FieldError] = []
    if code is not None and not _CODE.fullmatch(code):
        detail = f"Expected 1 to 64 letters, digits, dots, hyphens or underscores, found {code!r:.80}."
        errors.append(FieldError("/code", "bad_code", detail))
    elif code in _TAKEN:
        detail = f"The code {code!r} has a meaning of its own in addresses; choose another one."
        errors.append(FieldError("/code", "reserved_code", detail))
    if name is not None and (len(name) > LONGEST_NAME or not is_storable(name)):
        detail = f"Expected at most {LONGEST_NAME} ordinary characters, found {len(name)}, or U+0000."
        errors.append(FieldError("/name", "bad_name", detail))
    if body is not None and (not body.strip() or len(body) > LONGEST_BODY or not is_storable(body)):
        detail = f"Expected 1 to {LONGEST_BODY:,} ordinary characters, found {len(body):,}, or U+0000."
        errors.append(FieldError("/body", "bad_body", detail))
    if errors:
        raise Invalid(errors[0].code, errors[0].detail, errors=errors)


def _unknown(code: str) -> NotFound:
    return NotFound("unknown_template", f"There is no template {code!r:.80}; `sendyard templates list` shows them.")


def _document(row: tuple[Any, ...]) -> dict[str, Any]:
    template_id, code, name, version, created_at, version_id, body, updated_at, registered = row
    template = compile_template(body)
    return {
        "id": template_id,
        "code": code,
        "name": name,
        "version": version,
        "version_id": version_id,
        "body": body,
        "registered": json.loads(registered),
        "variables": list(template.variables),
        "required": list(template.required),
        "created_at": created_at,
        "updated_at": updated_at,
    }
