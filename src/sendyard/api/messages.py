"""
Sending messages and following them.
"""

from collections.abc import Callable, Sequence

from sendyard.api.desk import replay
from sendyard.api.drafting import Drafting, problems_of
from sendyard.api.message_bodies import (
    BatchAccepted,
    BatchAnswer,
    BatchRejected,
    MessageAnswer,
    MessageFilter,
    MessageList,
    SendBatch,
    SendMessage,
    Timeline,
)
from sendyard.api.message_views import new_message, stored_message, timeline_entry
from sendyard.api.operations import Answer, Ask, NoBody, NoQuery, Once, Operation, encode
from sendyard.api.problems import ProblemField
from sendyard.delivery.directory import Directory
from sendyard.delivery.intake import BatchOutcome, Intake, Store
from sendyard.delivery.recall import Recall, unknown_message
from sendyard.delivery.turnstile import Turnstile
from sendyard.domain.errors import AppError
from sendyard.features.people.team import Team, outsider
from sendyard.ledger import queries
from sendyard.storage import idempotency
from sendyard.storage.engine import Database
from sendyard.storage.identifiers import new_id, now_ms
from sendyard.storage.transaction import Transaction

BATCH_BODY_LIMIT = 32 * 1024 * 1024
_ACCEPTED = 202


class Messages:
    """The operations under `/messages`."""

    def __init__(
        self, database: Database, directory: Directory, intake: Intake, drafting: Drafting, team: Team
    ) -> None:
        """Take the ledger's reader, the accounts, the way in, what renders content, and whom team keys reach."""
        self._database = database
        self._directory = directory
        self._intake = intake
        self._drafting = drafting
        self._team = team
        self._turnstile = Turnstile(intake)
        self._recall = Recall(database)

    def operations(self) -> list[Operation]:
        """Everything callers can do with messages."""
        tag = "Messages"
        return [
            Operation(method="POST", path="/messages", handler=self.send, summary="Send one message", tag=tag,
                      scope="messages:send", body=SendMessage, answers=MessageAnswer, status=_ACCEPTED, creates=True,
                      own_transaction=True, refuses=(429,), is_hot=True),
            Operation(method="POST", path="/messages/batch", handler=self.send_batch, tag=tag,
                      summary="Send one content to up to 10,000 recipients", scope="messages:send", body=SendBatch,
                      answers=BatchAnswer, status=_ACCEPTED, creates=True, own_transaction=True,
                      body_limit=BATCH_BODY_LIMIT),
            Operation(method="GET", path="/messages", handler=self.list, summary="List messages, newest first",
                      tag=tag, scope="messages:read", query=MessageFilter, answers=MessageList),
            Operation(method="GET", path="/messages/{id}", handler=self.get, summary="One message", tag=tag,
                      scope="messages:read", answers=MessageAnswer, refuses=(404,)),
            Operation(method="GET", path="/messages/{id}/timeline", handler=self.timeline, tag=tag,
                      summary="Everything that happened to a message", scope="messages:read", answers=Timeline,
                      refuses=(404,)),
            Operation(method="POST", path="/messages/{id}/cancel", handler=self.cancel, tag=tag,
                      summary="Stop a message that has not left", scope="messages:send", answers=MessageAnswer,
                      refuses=(404, 409)),
        ]  # fmt: skip

    async def send(self, ask: Ask[SendMessage, NoQuery]) -> Answer:
        """Store one message; the idempotency key, if any, in the same transaction."""
        draft = await self._drafting.draft(ask.workspace_id, ask.body, test=ask.is_test)
        if ask.principal.is_team:
            await self._team.expect(ask.workspace_id, draft.channel, draft.to, draft.country)
        once = ask.once
        if once is None:
            accepted = await self._turnstile.accept(ask.workspace_id, draft)
            return Answer(_ACCEPTED, encode(new_message(accepted, self._directory)))

        def unless_known(tx: Transaction, store: Store) -> Answer | AppError:
            workspace_id = ask.workspace_id
            if earlier := idempotency.take(tx, workspace_id, once.key, once.fingerprint, now=now_ms()):
                return _again(earlier, once)
            outcome = store()
            if isinstance(outcome, AppError):
                idempotency.release(tx, workspace_id, once.key)
                return outcome
            body = encode(new_message(outcome, self._directory))
            idempotency.keep(tx, workspace_id, once.key, _ACCEPTED, body)
            return Answer(_ACCEPTED, body)

        return _raised(await self._intake.accept_as(ask.workspace_id, draft, unless_known))

    async def send_batch(self, ask: Ask[SendBatch, NoQuery]) -> Answer:
        """Store the good recipients of a batch in one transaction, with the idempotency key, if any."""
        workspace_id, batch_id, once = ask.workspace_id, new_id(), ask.once
        drafts, refused = await self._drafting.batch(workspace_id, ask.body, batch_id, test=ask.is_test)
        if ask.principal.is_team:
            given = [(draft.channel, draft.to, draft.country) for _, draft in drafts]
            others = await self._team.outsiders(workspace_id, given)
            refused += [(index, outsider()) for place, (index, _) in enumerate(drafts) if place in others]
            drafts = [one for place, one in enumerate(drafts) if place not in others]
        positions = [index for index, _ in drafts]

        def unless_known(tx: Transaction, store: Callable[[], BatchOutcome]) -> Answer | AppError:
            if once and (earlier := idempotency.take(tx, workspace_id, once.key, once.fingerprint, now=now_ms())):
                return _again(earlier, once)
            body = encode(_batch_answer(batch_id, store(), positions, refused))
            if once:
                idempotency.keep(tx, workspace_id, once.key, _ACCEPTED, body)
            return Answer(_ACCEPTED, body)

        only_drafts = [draft for _, draft in drafts]
        return _raised(await self._intake.accept_batch_as(workspace_id, only_drafts, unless_known))

    async def list(self, ask: Ask[NoBody, MessageFilter]) -> MessageList:
        """List messages, newest first."""
        asked = ask.query
        account = self._directory.find(ask.workspace_id, asked.account) if asked.account else None
        # In a query a plus sign means a blank, and few callers escape it.
        to = asked.to.replace(" ", "+") if asked.to else None
        found, following = await self._database.read(
            lambda tx: queries.messages_page(
                tx,
                ask.workspace_id,
                status=asked.status,
                to=to,
                campaign_id=asked.campaign,
                account_id=account.id if account else asked.account,
                reference=asked.reference,
                batch_id=asked.batch,
                after=asked.after,
                limit=asked.limit,
            )
        )
        data = [stored_message(entry, self._directory, with_text=False) for entry in found]
        return MessageList(data=data, next=following)

    async def get(self, ask: Ask[NoBody, NoQuery]) -> MessageAnswer:
        """Give one message."""
        message_id = ask.path["id"]
        found = await self._database.read(lambda tx: queries.message(tx, ask.workspace_id, message_id))
        if found is None:
            raise unknown_message(message_id)
        return stored_message(found, self._directory, with_text=True)

    async def timeline(self, ask: Ask[NoBody, NoQuery]) -> Timeline:
        """Give everything that happened to a message."""
        message_id = ask.path["id"]
        found = await self._database.read(lambda tx: queries.timeline(tx, ask.workspace_id, message_id))
        if not found:
            raise unknown_message(message_id)
        return Timeline([timeline_entry(entry, self._directory) for entry in found])

    async def cancel(self, ask: Ask[NoBody, NoQuery]) -> MessageAnswer:
        """Stop a message that has not left."""
        found = await self._recall.cancel(ask.workspace_id, ask.path["id"])
        return stored_message(found, self._directory, with_text=True)


def _again(earlier: idempotency.Earlier, once: Once) -> Answer | AppError:
    # Returned, not raised: a work function that raises costs its whole group the commit.
    try:
        return replay(earlier, once)
    except AppError as error:
        return error


def _raised(outcome: Answer | AppError) -> Answer:
    if isinstance(outcome, AppError):
        raise outcome
    return outcome


def _batch_answer(
    batch_id: str, outcome: BatchOutcome, positions: Sequence[int], refused: Sequence[tuple[int, AppError]]
) -> BatchAnswer:
    rejected = [*refused, *((positions[at], error) for at, error in outcome.rejected)]
    rejected.sort(key=lambda row: row[0])
    return BatchAnswer(
        batch_id=batch_id,
        accepted=[BatchAccepted(positions[at], message.id, message.status) for at, message in outcome.accepted],
        rejected=[
            BatchRejected(index, [ProblemField(e.pointer, e.code, e.detail) for e in problems_of(error)])
            for index, error in rejected
        ],
    )
