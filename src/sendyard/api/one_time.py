"""
One-time codes.
"""

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from sendyard.api.message_bodies import Moment, Value
from sendyard.api.message_views import moment, moment_or_none
from sendyard.api.operations import Ask, NoBody, NoQuery, Operation
from sendyard.domain.channels import Channel
from sendyard.features.otp import CodeWish, OneTimeCodes
from sendyard.features.otp.wishes import (
    DEFAULT_LENGTH,
    DEFAULT_LIFE,
    LONGEST,
    LONGEST_LIFE,
    SHORTEST,
    SHORTEST_LIFE,
    Verdict,
)
from sendyard.features.people import Team

CodeStatus = Literal["pending", "unknown", "verified", "failed", "expired", "cancelled"]
Reason = Literal["wrong_code", "expired", "locked", "used", "cancelled", "no_session", "unavailable"]
Length = Annotated[int, Meta(ge=SHORTEST, le=LONGEST, description="Digits.")]


class SendCode(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """A code for one person."""

    to: Annotated[str, Meta(description="A phone number, best as E.164.", examples=["+886912345678"])]
    country: Annotated[str, Meta(description="Country code by which national numbers are read.", max_length=2)] = ""
    channel: Channel = Channel.SMS
    account: Annotated[
        str,
        Meta(description="Id or name of the one account to use; one whose provider makes codes is asked for its own."),
    ] = ""
    provider: Annotated[
        bool | None,
        Meta(description="True: a provider makes and checks the code. False: we do. Null: as `account` can."),
    ] = None
    template: Annotated[
        str,
        Meta(description="A stored template with `{code}` and, if it likes, `{minutes}`; or the provider's own one."),
    ] = ""
    variables: Annotated[dict[str, Value], Meta(description="Other variables of the template.")] = {}
    language: Annotated[
        str, Meta(description="Of the usual text: en, ko, zh-Hant or hi; by the number's country when empty.")
    ] = ""
    sender: str = ""
    length: Length = DEFAULT_LENGTH
    expires_in: Annotated[int, Meta(ge=SHORTEST_LIFE, le=LONGEST_LIFE, description="Seconds the code is good for.")] = (
        DEFAULT_LIFE
    )
    reference: Annotated[str, Meta(description="Your own id of it.")] = ""


class ResendCode(msgspec.Struct, forbid_unknown_fields=True):
    """How a code is to be sent again; the last two count only where the provider cannot repeat a code."""

    by_voice: Annotated[bool, Meta(description="By a call, where the provider makes them.")] = False
    template: Annotated[str, Meta(description="The provider's own one.")] = ""
    length: Length = DEFAULT_LENGTH


class CheckCode(msgspec.Struct, forbid_unknown_fields=True):
    """What a person typed; blanks and hyphens do not count."""

    code: Annotated[str, Meta(max_length=64)]


class CodeAnswer(msgspec.Struct):
    """
    A one-time code, without the code. The status unknown means that a provider was asked to send it and gave no
    answer: it may arrive, and can be checked.
    """

    id: str
    status: CodeStatus
    to: str
    channel: Channel
    account: Annotated[str, Meta(description="The account whose provider makes and checks it; empty for our own.")]
    provider: str
    message: Annotated[str | None, Meta(description="The message that carries a code of our own.")]
    reference: str
    attempts_left: int
    sends: int
    created_at: Moment
    expires_at: Moment
    resend_after: Annotated[Moment, Meta(description="Before it no other code leaves for this address.")]
    verified_at: Moment | None


class VerdictAnswer(msgspec.Struct):
    """Whether it is the code, and if not, why."""

    verified: bool
    reason: Reason | None
    attempts_left: int


class OneTime:
    """The operations under `/otp`."""

    def __init__(self, codes: OneTimeCodes, team: Team) -> None:
        """Take the feature they speak for, and whom team keys reach."""
        self._codes = codes
        self._team = team

    def operations(self) -> list[Operation]:
        """Everything callers can do with one-time codes."""
        tag, scope = "One-time codes", "otp"
        return [
            Operation(method="POST", path="/otp", handler=self.send, summary="Send a code", tag=tag, scope=scope,
                      body=SendCode, answers=CodeAnswer, status=202, creates=True, refuses=(409, 429)),
            Operation(method="GET", path="/otp/{id}", handler=self.get, summary="How a code stands", tag=tag,
                      scope=scope, answers=CodeAnswer, refuses=(404,)),
            Operation(method="POST", path="/otp/{id}/verify", handler=self.verify, tag=tag, scope=scope,
                      summary="Check what a person typed", body=CheckCode, answers=VerdictAnswer, refuses=(404,)),
            Operation(method="POST", path="/otp/{id}/resend", handler=self.resend, tag=tag, scope=scope,
                      summary="Send a code once more", body=ResendCode, body_optional=True, answers=CodeAnswer,
                      status=202, creates=True, refuses=(404, 409, 429)),
        ]  # fmt: skip

    async def send(self, ask: Ask[SendCode, NoQuery]) -> CodeAnswer:
        """Send a code."""
        given = ask.body
        values = {name: value if isinstance(value, str) else str(value) for name, value in given.variables.items()}
        fields = {name: getattr(given, name) for name in given.__struct_fields__}
        if ask.principal.is_team:
            await self._team.expect(ask.workspace_id, given.channel, given.to, given.country)
        wish = CodeWish(**fields | {"variables": values})
        return _shown(await self._codes.send(ask.workspace_id, wish, test=ask.is_test))

    async def get(self, ask: Ask[NoBody, NoQuery]) -> CodeAnswer:
        """Give one code."""
        return _shown(await self._codes.get(ask.workspace_id, ask.path["id"]))

    async def verify(self, ask: Ask[CheckCode, NoQuery]) -> VerdictAnswer:
        """Check a code."""
        return told(await self._codes.verify(ask.workspace_id, ask.path["id"], ask.body.code, test=ask.is_test))

    async def resend(self, ask: Ask[ResendCode, NoQuery]) -> CodeAnswer:
        """Send a code again."""
        how = ask.body
        if ask.principal.is_team:
            code = await self._codes.get(ask.workspace_id, ask.path["id"])
            await self._team.expect(ask.workspace_id, Channel(code["channel"]), code["to"], "")
        found = await self._codes.resend(
            ask.workspace_id,
            ask.path["id"],
            by_voice=how.by_voice,
            template=how.template,
            length=how.length,
            test=ask.is_test,
        )
        return _shown(found)


def told(verdict: Verdict) -> VerdictAnswer:
    """A verdict as callers get it."""
    return msgspec.convert(
        {"verified": verdict.verified, "reason": verdict.reason or None, "attempts_left": verdict.attempts_left},
        VerdictAnswer,
    )


def _shown(found: dict[str, Any]) -> CodeAnswer:
    times = {name: moment(found[name]) for name in ("created_at", "expires_at", "resend_after")}
    return msgspec.convert(found | times | {"verified_at": moment_or_none(found["verified_at"])}, CodeAnswer)
