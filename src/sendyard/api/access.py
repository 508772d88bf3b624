"""
API keys.
"""

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from sendyard.api.message_bodies import Moment
from sendyard.api.message_views import moment, moment_or_none
from sendyard.api.operations import Ask, NoBody, NoQuery, Operation
from sendyard.domain.errors import Forbidden
from sendyard.features.people import ApiKeys

Kind = Literal["live", "team", "test"]


class CreateKey(msgspec.Struct, forbid_unknown_fields=True):
    """A key for a program; a `team` key reaches the workspace's team only, a `test` key emulated accounts only."""

    name: Annotated[str, Meta(description="What it is for.", examples=["web shop"])]
    kind: Kind = "live"
    scopes: list[str] = msgspec.field(default_factory=lambda: ["*"])


class KeyAnswer(msgspec.Struct):
    """A key, without the key itself; `hint` is how it begins."""

    id: str
    name: str
    kind: Kind
    hint: str
    scopes: list[str]
    created_at: Moment
    revoked_at: Moment | None


class NewKeyAnswer(KeyAnswer):
    """A new key; `key` is shown this once."""

    key: str


class KeyList(msgspec.Struct):
    """Keys, oldest first, revoked ones too."""

    data: list[KeyAnswer]
    next: str | None = None


class Access:
    """The operations under `/keys`."""

    def __init__(self, keys: ApiKeys) -> None:
        """Take the feature they speak for."""
        self._keys = keys

    def operations(self) -> list[Operation]:
        """Everything callers can do with keys."""
        tag, scope = "Keys", "keys"
        return [
            Operation(method="POST", path="/keys", handler=self.create, summary="Make a key", tag=tag, scope=scope,
                      body=CreateKey, answers=NewKeyAnswer, status=201, creates=True, secret_answer=True),
            Operation(method="GET", path="/keys", handler=self.list, summary="List keys", tag=tag, scope=scope,
                      answers=KeyList),
            Operation(method="DELETE", path="/keys/{id}", handler=self.revoke, tag=tag, status=204, scope=scope,
                      summary="Revoke a key, effective within two seconds", refuses=(404,)),
        ]  # fmt: skip

    async def create(self, ask: Ask[CreateKey, NoQuery]) -> NewKeyAnswer:
        """
        Make a key.

        Raises:
            Forbidden: it could do more than the key that asks for it.
        """
        wish, principal = ask.body, ask.principal
        beyond = [scope for scope in wish.scopes if not principal.may(scope)]
        if beyond:
            detail = f"A key can only give scopes it has; this one lacks {', '.join(map(repr, beyond))}."
            raise Forbidden("beyond_own_scopes", detail)
        if principal.is_test and wish.kind != "test":
            raise Forbidden("beyond_own_kind", "A test key can only make test keys.")
        found = await self._keys.create(ask.workspace_id, name=wish.name, kind=wish.kind, scopes=wish.scopes)
        return NewKeyAnswer(**_times(found))

    async def list(self, ask: Ask[NoBody, NoQuery]) -> KeyList:
        """List keys."""
        return KeyList([KeyAnswer(**_times(found)) for found in await self._keys.list(ask.workspace_id)])

    async def revoke(self, ask: Ask[NoBody, NoQuery]) -> None:
        """Revoke a key."""
        await self._keys.revoke(ask.workspace_id, ask.path["id"])


def _times(found: dict[str, Any]) -> dict[str, Any]:
    return found | {"created_at": moment(found["created_at"]), "revoked_at": moment_or_none(found["revoked_at"])}
