"""
API keys: shown once, stored as a digest, believed for a moment without asking again.
"""

import hashlib
import json
import secrets
import string
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from sendyard.delivery.preflight import is_storable
from sendyard.domain.errors import FieldError, Invalid, NotFound, Unauthorized
from sendyard.features.people import queries
from sendyard.storage.engine import Database
from sendyard.storage.identifiers import new_id, now_ms

KINDS = ("live", "team", "test")
SCOPES = (
    "*",
    "messages:send",
    "messages:read",
    "otp",
    "campaigns",
    "templates",
    "audience",
    "compliance",
    "accounts",
    "routes",
    "events",
    "keys",
)
"""What a key may be allowed; `*` is everything."""

LONGEST_NAME = 100
_ALPHABET = string.digits + string.ascii_letters
_SECRET_LENGTH = 43  # base62 characters: 256 bits
_HINT_LENGTH = len("sy_live_") + 4
_BELIEVED_SECONDS = 1.5  # revocation takes effect within 2 s in every process
_MOST_REMEMBERED = 10_000


@dataclass(frozen=True, slots=True)
class Principal:
    """Whom a key stands for."""

    id: str
    workspace_id: str
    kind: str
    scopes: frozenset[str]

    @property
    def is_test(self) -> bool:
        """Whether messages of this key may only be carried by emulated accounts."""
        return self.kind == "test"

    @property
    def is_owner(self) -> bool:
        """Whether who holds this key may decide as an owner: it is live and limited in nothing."""
        return self.kind == "live" and "*" in self.scopes

    @property
    def is_team(self) -> bool:
        """Whether messages of this key may only reach people of the workspace's team."""
        return self.kind == "team"

    @property
    def reach(self) -> str:
        """Whom campaigns of this key reach: all, or team or test."""
        return "all" if self.kind == "live" else self.kind

    def may(self, scope: str) -> bool:
        """Whether the key may do what `scope` names."""
        return scope in self.scopes or "*" in self.scopes


class ApiKeys:
    """The API keys of every workspace."""

    def __init__(self, database: Database, *, clock: Callable[[], float] = time.monotonic) -> None:
        """Take where rows are, and a clock in seconds that never goes back."""
        self._database = database
        self._clock = clock
        self._believed: dict[bytes, tuple[float, Principal]] = {}

    async def create(
        self, workspace_id: str, *, name: str, kind: str = "live", scopes: Sequence[str] = ("*",)
    ) -> dict[str, Any]:
        """
        Make a key; `key` in the answer is the only time it is ever seen.

        Raises:
            Invalid: name, kind or scopes are not usable.
        """
        _check(name, kind, scopes)
        key = f"sy_{kind}_" + "".join(secrets.choice(_ALPHABET) for _ in range(_SECRET_LENGTH))
        key_id, moment = new_id(), now_ms()
        granted = sorted(set(scopes))
        await self._database.write(
            lambda tx: queries.insert_key(
                tx,
                workspace_id,
                key_id=key_id,
                name=name.strip(),
                kind=kind,
                hint=key[:_HINT_LENGTH],
                digest=_digest(key),
                scopes=json.dumps(granted),
                now=moment,
            )
        )
        row = (key_id, name.strip(), kind, key[:_HINT_LENGTH], json.dumps(granted), moment, None)
        return _document(row) | {"key": key}

    async def list(self, workspace_id: str) -> list[dict[str, Any]]:
        """Give every key, oldest first, without the keys themselves."""
        return [_document(row) for row in await self._database.read(lambda tx: queries.keys(tx, workspace_id))]

    async def revoke(self, workspace_id: str, key_id: str) -> None:
        """
        End a key: at once in this process, within two seconds in others. Harmless when repeated.

        Raises:
            NotFound: the workspace has no such key.
        """
        moment = now_ms()
        digest = await self._database.write(lambda tx: queries.revoke_key(tx, workspace_id, key_id, moment))
        if digest is None:
            raise NotFound("unknown_key", f"There is no key {key_id!r}; `sendyard keys list` shows those there are.")
        self._believed.pop(digest, None)

    def remembered(self, key: str) -> Principal | None:
        """Give whom a key stands for if that was asked a moment ago; never waits."""
        found = self._believed.get(_digest(key))
        return found[1] if found and self._clock() < found[0] else None

    async def authenticate(self, key: str) -> Principal:
        """
        Find whom a key stands for.

        Raises:
            Unauthorized: no such key, or it was revoked.
        """
        if principal := self.remembered(key):
            return principal
        digest = _digest(key)
        found = await self._database.read(lambda tx: queries.key_by_digest(tx, digest))
        if found is None:
            raise Unauthorized("bad_key", "Expected an API key in force (sy_live_… or sy_test_…), found another value.")
        key_id, workspace_id, kind, scopes = found
        principal = Principal(key_id, workspace_id, kind, frozenset(json.loads(scopes)))
        if len(self._believed) >= _MOST_REMEMBERED:
            self._believed.clear()
        self._believed[digest] = (self._clock() + _BELIEVED_SECONDS, principal)
        return principal


def _check(name: str, kind: str, scopes: Sequence[str]) -> None:
    errors: list[FieldError] = []
    if not name.strip() or len(name) > LONGEST_NAME or not is_storable(name):
        detail = f"Expected a name of 1 to {LONGEST_NAME} characters that says what the key is for."
        errors.append(FieldError("/name", "bad_name", detail))
    if kind not in KINDS:
        errors.append(FieldError("/kind", "unknown_kind", f"Expected live, team or test, found {kind!r:.50}."))
    unknown = [scope for scope in scopes if scope not in SCOPES]
    if unknown or not scopes:
        found = ", ".join(repr(scope)[:50] for scope in unknown) or "none"
        errors.append(FieldError("/scopes", "unknown_scope", f"Expected some of {', '.join(SCOPES)}; found {found}."))
    if errors:
        raise Invalid(errors[0].code, errors[0].detail, errors=errors)


def _digest(key: str) -> bytes:
    # Fast on purpose: the key has 256 random bits, so there is nothing to guess.
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).digest()


def _document(row: tuple[Any, ...]) -> dict[str, Any]:
    names = ("id", "name", "kind", "hint", "scopes", "created_at", "revoked_at")
    document = dict(zip(names, row, strict=True))
    return document | {"scopes": json.loads(document["scopes"])}
