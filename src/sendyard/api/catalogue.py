"""
What providers have of our templates.
"""

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from sendyard.api.message_bodies import Moment, Value
from sendyard.api.message_views import moment
from sendyard.api.operations import Ask, NoBody, Operation
from sendyard.api.templates import Code
from sendyard.features.templates import Catalogue, Submissions, SubmissionWish
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


class CatalogueDoor:
    """The operations under `/templates` that concern providers."""

    def __init__(self, catalogue: Catalogue, submissions: Submissions) -> None:
        """Take the features they speak for."""
        self._catalogue = catalogue
        self._submissions = submissions

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
        )
        return msgspec.convert(
            await self._submissions.submit(ask.workspace_id, ask.path["code"], wish), SubmittedTemplate
        )


def _copy(found: dict[str, Any]) -> ListedCopy:
    return msgspec.convert(found | {"synced_at": moment(found["synced_at"])}, ListedCopy)
