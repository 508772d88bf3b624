"""
What providers have of our templates.
"""

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from sendyard.api.message_bodies import Moment, Value
from sendyard.api.message_views import moment, moment_or_none
from sendyard.api.operations import Ask, NoBody, NoQuery, Operation
from sendyard.api.template_bodies import Code, TagOf, WordPiece
from sendyard.features.templates import Catalogue, Standings, Submissions, SubmissionWish
from sendyard.providers.abilities import TemplateButton
from sendyard.providers.contract import TemplateState

ButtonKind = Literal["quick_reply", "url", "phone", "copy_code", "otp", "flow"]


class SyncTemplates(msgspec.Struct, forbid_unknown_fields=True):
    """Which account to ask."""

    account: Annotated[str, Meta(description="Id or name; every account that lists templates when empty.")] = ""


class SyncAnswer(msgspec.Struct):
    """What listing one account's templates brought; with an `error` nothing was changed."""

    account: str
    provider: str
    added: int
    changed: int
    gone: Annotated[int, Meta(description="Listed before and no longer; they count as disabled.")]
    total: int
    error: str


class SyncList(msgspec.Struct):
    """One report per account."""

    data: list[SyncAnswer]
    next: str | None = None


class Button(msgspec.Struct, forbid_unknown_fields=True):
    """A button of a template; `url` may hold a variable in the provider's notation."""

    kind: ButtonKind
    text: Annotated[str, Meta(max_length=100)] = ""
    url: Annotated[str, Meta(max_length=2000)] = ""
    phone: Annotated[str, Meta(max_length=30)] = ""


class SubmitTemplate(msgspec.Struct, forbid_unknown_fields=True):
    """Hand the newest version in for approval, as its registered form at the account's provider says."""

    account: Annotated[str, Meta(description="Id or name.")]
    category: Annotated[str, Meta(description="The provider's word.", max_length=100, examples=["UTILITY"])] = ""
    samples: Annotated[
        dict[str, Value],
        Meta(description="Example values by our variables' names; `header` and `button:0` by the provider's."),
    ] = {}
    footer: Annotated[str, Meta(max_length=500)] = ""
    buttons: Annotated[list[Button], Meta(max_length=20)] = []
    with_text: Annotated[bool, Meta(description="False where the provider writes the text, as of code templates.")] = (
        True
    )
    language: Annotated[TagOf, Meta(description="Of ours; the template's own when empty.")] = ""


class ShownButton(msgspec.Struct):
    """A button as the provider has it."""

    kind: str
    text: str
    url: str
    phone: str


class ProviderCopy(msgspec.Struct, kw_only=True):
    """A template as the provider has it; only approved ones can be sent."""

    account_id: str
    account: str
    provider: str
    name: str
    language: str
    state: TemplateState
    raw_state: Annotated[str, Meta(description="The provider's own word for the state.")]
    category: str
    quality: str
    reason: Annotated[str, Meta(description="Why it was refused, paused or disabled.")]
    provider_ref: str
    body: str
    header: str
    header_format: str
    footer: str
    buttons: list[ShownButton]
    variables: list[str]
    registration: dict[str, str]


class ListedCopy(ProviderCopy, kw_only=True):
    """A template as the provider has it, and when we last heard of it."""

    id: str
    synced_at: Moment


class CopyList(msgspec.Struct):
    """Templates of providers in the order they became known."""

    data: list[ListedCopy]
    next: str | None


class SubmittedTemplate(ProviderCopy, kw_only=True):
    """What the provider made of it, with our code and version; a new version when it gave another name."""

    code: Code
    version: int


class CopyFilter(msgspec.Struct, forbid_unknown_fields=True):
    """Which templates to list."""

    account: Annotated[str, Meta(description="Id or name.")] = ""
    name: str = ""
    state: TemplateState | None = None
    after: str = ""
    limit: Annotated[int, Meta(ge=1, le=1000)] = 50


class Stale(msgspec.Struct):
    """Why a provider's copy and our text are not in step."""

    kind: Literal["never_listed", "not_there", "text_unknown", "text_differs", "variables_differ"]
    detail: str


class StandingAnswer(msgspec.Struct):
    """A registered form at one account; `words` is the way from the provider's text to ours where they differ."""

    account: str
    provider: str
    name: str
    language: str
    our_language: str
    state: TemplateState | None
    category: str
    quality: str
    reason: str
    synced_at: Moment | None
    stale: list[Stale]
    words: list[WordPiece]


class StandingList(msgspec.Struct):
    """Every registered form at every account of its provider."""

    data: list[StandingAnswer]
    next: str | None = None


class ProposeForm(msgspec.Struct, forbid_unknown_fields=True):
    """Which template of a provider is this text; with `apply` the proposal becomes a new version."""

    account: Annotated[str, Meta(description="Id or name.")]
    name: Annotated[str, Meta(description="What it is called at the provider.")]
    language: TagOf = ""
    apply: bool = False


class ProposalAnswer(msgspec.Struct):
    """
    How the provider's variables are filled from ours.

    `unplaced` are its variables for which nothing was found, `unused` ours that its text has no place for.
    """

    code: str
    account: str
    provider: str
    name: str
    language: str
    state: TemplateState
    variables: dict[str, str]
    unplaced: list[str]
    unused: list[str]
    exact: bool
    words: list[WordPiece]
    registered: dict[str, Any]
    version: int
    applied: bool


class CatalogueDoor:
    """The operations under `/templates` that concern providers."""

    def __init__(self, catalogue: Catalogue, submissions: Submissions, standings: Standings) -> None:
        """Take the features they speak for."""
        self._catalogue = catalogue
        self._submissions = submissions
        self._standings = standings

    def operations(self) -> list[Operation]:
        """Everything callers can do with providers' copies."""
        tag, scope = "Templates", "templates"
        return [
            Operation(method="POST", path="/templates/sync", handler=self.sync, tag=tag,
                      summary="Ask providers which templates they have", scope=scope, body=SyncTemplates,
                      body_optional=True, answers=SyncList, refuses=(404, 409)),
            Operation(method="GET", path="/templates/provider", handler=self.copies, tag=tag,
                      summary="What providers have, with their state", scope=scope, query=CopyFilter,
                      answers=CopyList, refuses=(404,)),
            Operation(method="POST", path="/templates/{code}/submit", handler=self.submit, tag=tag,
                      summary="Hand a template in for approval", scope=scope, body=SubmitTemplate,
                      answers=SubmittedTemplate, refuses=(404, 409)),
            Operation(method="GET", path="/templates/{code}/standing", handler=self.standing, tag=tag,
                      summary="Where its registered forms stand, and what is stale", scope=scope,
                      answers=StandingList, refuses=(404,)),
            Operation(method="POST", path="/templates/{code}/propose", handler=self.propose, tag=tag,
                      summary="Propose a registered form from a provider's copy", scope=scope, body=ProposeForm,
                      answers=ProposalAnswer, refuses=(404, 409)),
        ]  # fmt: skip

    async def sync(self, ask: Ask[SyncTemplates, Any]) -> SyncList:
        """Ask providers which templates they have."""
        found = await self._catalogue.sync(ask.workspace_id, ask.body.account)
        return SyncList([SyncAnswer(**report) for report in found])

    async def copies(self, ask: Ask[NoBody, CopyFilter]) -> CopyList:
        """List what providers have."""
        asked = ask.query
        found = await self._catalogue.list(
            ask.workspace_id,
            account=asked.account,
            name=asked.name,
            state=asked.state.value if asked.state else "",
            after=asked.after,
            limit=asked.limit + 1,
        )
        shown = [_copy(one) for one in found[: asked.limit]]
        return CopyList(shown, shown[-1].id if len(found) > asked.limit else None)

    async def submit(self, ask: Ask[SubmitTemplate, Any]) -> SubmittedTemplate:
        """Hand a template in."""
        given = ask.body
        wish = SubmissionWish(
            account=given.account,
            category=given.category,
            samples={name: str(value) for name, value in given.samples.items()},
            footer=given.footer,
            buttons=[TemplateButton(one.kind, one.text, one.url, one.phone) for one in given.buttons],
            with_text=given.with_text,
            language=given.language,
        )
        return msgspec.convert(
            await self._submissions.submit(ask.workspace_id, ask.path["code"], wish), SubmittedTemplate
        )

    async def standing(self, ask: Ask[NoBody, NoQuery]) -> StandingList:
        """Say where registered forms stand."""
        found = await self._standings.of(ask.workspace_id, ask.path["code"])
        dated = [one | {"synced_at": moment_or_none(one["synced_at"])} for one in found]
        return StandingList(msgspec.convert(dated, list[StandingAnswer]))

    async def propose(self, ask: Ask[ProposeForm, Any]) -> ProposalAnswer:
        """Propose a registered form."""
        wish = ask.body
        found = await self._standings.propose(
            ask.workspace_id,
            ask.path["code"],
            account=wish.account,
            name=wish.name,
            language=wish.language,
            apply=wish.apply,
        )
        return msgspec.convert(found, ProposalAnswer)


def _copy(found: dict[str, Any]) -> ListedCopy:
    return msgspec.convert(found | {"synced_at": moment(found["synced_at"])}, ListedCopy)
