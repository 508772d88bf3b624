"""
What would happen to a message or a campaign, before it is sent.
"""

from typing import Annotated

import msgspec
from msgspec import Meta

from sendyard.api.drafting import Drafting
from sendyard.api.message_bodies import MOST_RECIPIENTS, BatchRecipient, Moment, SendBatch, SendMessage, Wishes
from sendyard.api.message_views import moment, moment_or_none
from sendyard.api.messages import BATCH_BODY_LIMIT
from sendyard.api.operations import Ask, NoQuery, Operation
from sendyard.delivery.directory import Directory
from sendyard.delivery.forecast import Forecast, Level, document, forecast
from sendyard.delivery.intake import Intake, Outcome
from sendyard.domain.errors import AppError, FieldError, Invalid
from sendyard.storage.identifiers import now_ms


class PreflightWish(Wishes, forbid_unknown_fields=True, kw_only=True):
    """A message with `to`, or a batch with `recipients`."""

    to: str | None = None
    recipients: Annotated[list[BatchRecipient], Meta(max_length=MOST_RECIPIENTS)] = []  # noqa: RUF012 - msgspec copies it


class RuleExample(msgspec.Struct):
    """One message in which something was found; the number is masked."""

    row: Annotated[int | None, Meta(description="The row of a campaign; the position in `recipients` of a batch.")]
    to: str
    detail: str


class CheckAnswer(msgspec.Struct):
    """One thing that was looked at."""

    check: str
    level: Level
    count: int
    detail: str
    fix: str
    examples: Annotated[list[RuleExample], Meta(description="The first few, where it is about single people.")]


class CostRangeAnswer(msgspec.Struct):
    """From the cheapest account of the routes to the dearest."""

    low: str
    high: str
    currency: str


class Sample(msgspec.Struct):
    """One message as it would arrive."""

    to: str
    text: str
    parts: int
    encoding: str


class RuleLineAnswer(msgspec.Struct):
    """One rule that spoke, and how often."""

    id: str
    level: Annotated[str, Meta(description="block, defer, fix, warn; or waived, where it was set aside.")]
    count: int
    what: str
    detail: Annotated[str, Meta(description="What was found in the first of them.")]
    satisfy: str
    fix: Annotated[str, Meta(description="Where what it asks for is entered; empty where the text has to change.")]
    waivable_by: Annotated[str, Meta(description="nobody, owner, or manager (and so an owner).")]
    uncertain: Annotated[bool, Meta(description="Our sources for it are weak, old or in conflict.")]
    source: str
    source_url: str
    examples: list[RuleExample]


class Deferral(msgspec.Struct):
    """How many messages wait for one hour."""

    at: Annotated[Moment, Meta(description="The hour in which they may go.")]
    messages: int


class AccountCostAnswer(msgspec.Struct):
    """What the whole route would cost if this account alone carried all of it."""

    account: str
    amount: Annotated[str | None, Meta(description="Null where no price is entered.")]
    currency: str


class RouteCostAnswer(msgspec.Struct):
    """What goes through one chain of accounts, first choice first."""

    accounts: list[str]
    messages: int
    parts: int
    cost: CostRangeAnswer | None
    by_account: Annotated[list[AccountCostAnswer], Meta(description="Each of the accounts, in the same order.")]
    cost_note: Annotated[str, Meta(description="Why `cost` is null; empty where it is not.")]


class PreflightAnswer(msgspec.Struct):
    """What would happen; `cost` is null when an account has no price or currencies differ."""

    checks: list[CheckAnswer]
    messages: Annotated[int, Meta(description="How many people would be reached, now or later.")]
    parts: int
    cost: CostRangeAnswer | None
    costs: Annotated[
        list[CostRangeAnswer],
        Meta(description="By currency; what an account that bills otherwise may carry counts from nothing."),
    ]
    cost_note: Annotated[str, Meta(description="Why `cost` is null; empty where it is not.")]
    finish_at: Annotated[
        Moment | None, Meta(description="When the last would leave, at the present limits and within permitted hours.")
    ]
    sample: Annotated[list[Sample], Meta(description="As they would arrive, with all that rules add to the text.")]
    rules: list[RuleLineAnswer]
    deferrals: list[Deferral]
    routes: list[RouteCostAnswer]
    examined: Annotated[int, Meta(description="How many messages were looked at.")]
    complete: Annotated[bool, Meta(description="False when only the first part of a long list was looked at.")]


class Preflight:
    """The operation `/preflight`."""

    def __init__(self, directory: Directory, intake: Intake, drafting: Drafting) -> None:
        """Take the accounts, what judges drafts, and what renders content."""
        self._directory = directory
        self._intake = intake
        self._drafting = drafting

    def operations(self) -> list[Operation]:
        """The check before sending."""
        return [
            Operation(method="POST", path="/preflight", handler=self.check, tag="Messages", scope="messages:send",
                      summary="What would happen to a message or a batch; nothing is sent", body=PreflightWish,
                      answers=PreflightAnswer, body_limit=BATCH_BODY_LIMIT),
        ]  # fmt: skip

    async def check(self, ask: Ask[PreflightWish, NoQuery]) -> PreflightAnswer:
        """Judge a message or a batch without sending it."""
        wish = ask.body
        common = {name: getattr(wish, name) for name in Wishes.__struct_fields__}
        outcomes: list[Outcome] = []
        if (wish.to is None) == (not wish.recipients):
            detail = "Expected either `to` or `recipients`, found both or neither."
            raise Invalid("to_or_recipients", detail, errors=[FieldError("/to", "to_or_recipients", detail)])
        if wish.to is not None:
            draft = await self._drafting.draft(ask.workspace_id, SendMessage(**common, to=wish.to), test=ask.is_test)
            drafts, asked = [draft], [(0, wish.to)]
        else:
            batch = SendBatch(**common, recipients=wish.recipients)
            placed, refused = await self._drafting.batch(ask.workspace_id, batch, "", test=ask.is_test)
            drafts = [draft for _, draft in placed]
            outcomes += [error for _, error in refused]
            asked = [(place, wish.recipients[place].to) for place, _ in (*refused, *placed)]
        outcomes += await self._intake.examine(ask.workspace_id, drafts)
        whom = [
            (place, to if isinstance(outcome, AppError) else outcome.to.value)
            for (place, to), outcome in zip(asked, outcomes, strict=True)
        ]
        written = await self._intake.written(ask.workspace_id)
        return forecast_answer(forecast(self._directory, outcomes, now_ms(), whom, written))


def forecast_answer(found: Forecast) -> PreflightAnswer:
    """A forecast as callers get it."""
    told = document(found)
    told["finish_at"] = moment_or_none(found.finish_at)
    told["deferrals"] = [{"at": moment(at), "messages": messages} for at, messages in found.deferrals]
    return msgspec.convert(told, PreflightAnswer)
