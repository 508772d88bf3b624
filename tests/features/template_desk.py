"""
A catalogue of templates and its way to the providers, with a clock that tests move.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from sendyard.delivery.preflight import Draft, prepare
from sendyard.delivery.tokens import Tokens
from sendyard.delivery.transport import Transport
from sendyard.domain.channels import Channel
from sendyard.domain.errors import Invalid
from sendyard.features.templates import Catalogue, Submissions, Templates
from sendyard.ledger.entries import NewMessage
from sendyard.providers.spec import Timeout
from sendyard.providers.wire import HttpRequest, HttpResponse
from sendyard.storage.identifiers import now_ms
from tests.yard import Yard


class Line(Transport):
    """Stands where the HTTP client is: gives answers in turn, the last one for ever."""

    def __init__(self, *answers: HttpResponse | Exception) -> None:
        super().__init__()
        self.answers = list(answers)
        self.requests: list[HttpRequest] = []

    async def exchange(self, request: HttpRequest, timeout: Timeout) -> HttpResponse:  # noqa: ASYNC109 - as the real one
        del timeout
        self.requests.append(request)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer


@dataclass
class Shelf:
    """Templates of ours and of providers, over one yard."""

    yard: Yard
    transport: Transport
    now: int = field(default_factory=now_ms)

    @property
    def templates(self) -> Templates:
        return Templates(self.yard.database, self.yard.directory)

    @property
    def catalogue(self) -> Catalogue:
        return Catalogue(
            self.yard.database, self.yard.directory, self.transport, Tokens(self.transport), clock=lambda: self.now
        )

    @property
    def submissions(self) -> Submissions:
        return Submissions(
            self.yard.database, self.yard.directory, self.templates, self.transport, Tokens(self.transport)
        )

    async def sync(self, account: str = "") -> Sequence[dict[str, Any]]:
        return await self.catalogue.sync(self.yard.workspace_id, account)

    async def copies(self, **wanted: Any) -> list[dict[str, Any]]:
        return await self.catalogue.list(self.yard.workspace_id, **wanted)

    async def draft(self, code: str, to: str, channel: Channel = Channel.WHATSAPP, **values: str) -> Draft:
        """A message made of one of our templates, as the API makes it."""
        rendered = await self.templates.render(self.yard.workspace_id, code, values)
        (content, *_) = rendered.variants.values()
        return Draft(
            to=to, content=content, channel=channel, variants=rendered.variants, registration=rendered.registration
        )

    def outcome(self, draft: Draft) -> NewMessage | list[str]:
        """The prepared message, or the codes of what is wrong with it."""
        try:
            return prepare(self.yard.directory, self.yard.workspace_id, draft, now_ms())
        except Invalid as refused:
            return [error.code for error in refused.errors]
