"""
What providers are told and asked beside messages.
"""

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from sendyard.api.message_bodies import Moment
from sendyard.api.message_views import moment_or_none
from sendyard.api.operations import Ask, NoBody, NoQuery, Operation
from sendyard.features.audience import Errands

Kind = Literal["profile", "contact", "opt_out_number", "opt_out"]
State = Literal["waiting", "done", "refused"]


class PushBody(msgspec.Struct, forbid_unknown_fields=True):
    """Where to bring a contact."""

    account: Annotated[str, Meta(description="Id or name of an account whose provider keeps contacts.")]


class OptOutNumberBody(msgspec.Struct, forbid_unknown_fields=True):
    """A free number people call to refuse; the workspace's own when blank."""

    number: Annotated[str, Meta(examples=["080-123-4567"])] = ""
    code: Annotated[str, Meta(description="What they type there, where its operator asks for something.")] = ""


class ErrandAnswer(msgspec.Struct):
    """
    Something a provider is asked or told. While it is waiting it is tried again at `next_try_at`; `result` is the
    provider's id or answer, `error` what stands in the way.
    """

    id: str
    account: str
    kind: Kind
    subject: Annotated[str, Meta(description="An address, a contact's id, or blank for the account itself.")]
    state: State
    result: str
    error: str
    tries: int
    next_try_at: Moment | None
    created_at: Moment
    settled_at: Moment | None


class ErrandList(msgspec.Struct):
    """Errands in the order they were first asked for."""

    data: list[ErrandAnswer]
    next: str | None


class ErrandFilter(msgspec.Struct, forbid_unknown_fields=True):
    """Which errands to list."""

    kind: Kind | None = None
    subject: str = ""
    state: State | None = None
    after: str = ""
    limit: Annotated[int, Meta(ge=1, le=1000)] = 50


class ErrandDoor:
    """The operations that let a provider be told or asked something."""

    def __init__(self, errands: Errands) -> None:
        """Take the feature they speak for."""
        self._errands = errands

    def operations(self) -> list[Operation]:
        """Everything callers can do with errands."""
        return [
            Operation(method="POST", path="/contacts/{id}/push", handler=self.push, tag="Contacts", scope="audience",
                      summary="Bring a contact to a provider", body=PushBody, answers=ErrandAnswer, status=202,
                      creates=True, refuses=(404,)),
            Operation(method="POST", path="/accounts/{id}/opt-out-number", handler=self.register, tag="Accounts",
                      scope="accounts", summary="Tell a provider the number people refuse by",
                      body=OptOutNumberBody, answers=ErrandAnswer, status=202, creates=True, refuses=(404,)),
            Operation(method="GET", path="/errands", handler=self.list, tag="Errands", scope="audience",
                      summary="List what providers are asked and told", query=ErrandFilter, answers=ErrandList),
        ]  # fmt: skip

    async def push(self, ask: Ask[PushBody, NoQuery]) -> ErrandAnswer:
        """Bring a contact to a provider."""
        found = await self._errands.push_contact(ask.workspace_id, ask.path["id"], account=ask.body.account)
        return _errand(found)

    async def register(self, ask: Ask[OptOutNumberBody, NoQuery]) -> ErrandAnswer:
        """Tell a provider the number people refuse by."""
        found = await self._errands.register_opt_out_number(
            ask.workspace_id, account=ask.path["id"], number=ask.body.number, code=ask.body.code
        )
        return _errand(found)

    async def list(self, ask: Ask[NoBody, ErrandFilter]) -> ErrandList:
        """List what providers are asked and told."""
        asked = ask.query
        found = await self._errands.list(
            ask.workspace_id,
            kind=asked.kind or "",
            subject=asked.subject,
            state=asked.state or "",
            after=asked.after,
            limit=asked.limit + 1,
        )
        shown = found[: asked.limit]
        return ErrandList([_errand(one) for one in shown], shown[-1]["id"] if len(found) > asked.limit else None)


def _errand(found: dict[str, Any]) -> ErrandAnswer:
    timed = {name: moment_or_none(found[name]) for name in ("next_try_at", "created_at", "settled_at")}
    return msgspec.convert(found | timed, ErrandAnswer)
