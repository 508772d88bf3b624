"""
Provider accounts, routes and what providers can do.
"""

from typing import Annotated, Any

import msgspec
from msgspec import Meta

from sendyard.api.message_bodies import Moment
from sendyard.api.message_views import moment
from sendyard.api.operations import Ask, NoBody, NoQuery, Operation
from sendyard.domain.channels import Channel, Purpose
from sendyard.features.connections import Accounts, Routes
from sendyard.features.connections.capabilities import capabilities, capabilities_of

Decimal = Annotated[str, Meta(description="A decimal number.", max_length=30, examples=["0.0079"])]


class AccountOptions(msgspec.Struct, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """What is ours to set on an account; the provider's default counts where nothing is given."""

    name: str | msgspec.UnsetType = msgspec.UNSET
    sender: Annotated[str, Meta(description="Used when a message names none.")] | msgspec.UnsetType = msgspec.UNSET
    rate_per_second: float | msgspec.UnsetType | None = msgspec.UNSET
    open_requests: int | msgspec.UnsetType | None = msgspec.UNSET
    price_per_part: Decimal | msgspec.UnsetType | None = msgspec.UNSET
    currency: str | msgspec.UnsetType = msgspec.UNSET


class AddAccount(AccountOptions, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """Credentials at a provider; `GET /providers/{slug}` lists the settings each one needs."""

    provider: Annotated[str, Meta(description="Its slug, as `GET /providers` lists it.")]
    settings: dict[str, Any]


class ChangeAccount(AccountOptions, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """Only what is given changes; a secret that comes back masked stays as it is."""

    settings: dict[str, Any] | msgspec.UnsetType = msgspec.UNSET


class PauseAccount(msgspec.Struct, forbid_unknown_fields=True):
    """Why an account is paused."""

    reason: Annotated[str, Meta(max_length=500)] = ""


class AccountAnswer(msgspec.Struct):
    """An account; secrets are masked."""

    id: str
    provider: str
    name: str
    status: str
    pause_reason: str
    sender: str
    settings: dict[str, Any]
    callback_url: str
    rate_per_second: float
    rate_unit: str
    open_requests: int
    price_per_part: str | None
    currency: str
    emulated: bool
    created_at: Moment


class AccountList(msgspec.Struct):
    """Accounts, oldest first."""

    data: list[AccountAnswer]
    next: str | None = None


class TestAnswer(msgspec.Struct):
    """Whether the credentials work."""

    ok: bool
    detail: str
    facts: dict[str, str]


class BalanceAnswer(msgspec.Struct):
    """The credit left at the provider; points have the currency XPT."""

    amount: str
    currency: str


class SenderAnswer(msgspec.Struct):
    """A sender the provider lets this account use."""

    sender: Annotated[str, Meta(description="As a message wants it.")]
    name: str
    channels: list[Channel]
    usable: bool
    facts: Annotated[dict[str, str], Meta(description="Quality, messaging limit and the like, as the provider says.")]


class SenderList(msgspec.Struct):
    """Senders as the provider lists them."""

    data: list[SenderAnswer]
    next: str | None = None


class UsageAnswer(msgspec.Struct):
    """How much of a quota or period is used, as the provider names it."""

    facts: dict[str, str]


class NoticeAnswer(msgspec.Struct):
    """What a provider said about an account: a limit, its quality, a restriction."""

    id: str
    subject: str
    detail: str
    facts: dict[str, Any]
    received_at: Moment


class NoticeList(msgspec.Struct):
    """Notices, newest first."""

    data: list[NoticeAnswer]
    next: str | None


class NoticePage(msgspec.Struct, forbid_unknown_fields=True):
    """Which notices to list: those older than the one with the id `after`."""

    after: str = ""
    limit: Annotated[int, Meta(ge=1, le=1000)] = 50


class SetRoute(msgspec.Struct, forbid_unknown_fields=True):
    """Which accounts carry what; replaces the route for the same channel, country and purpose."""

    channel: Channel
    accounts: Annotated[list[str], Meta(description="Ids or names, first choice first.", min_length=1, max_length=50)]
    country: Annotated[str, Meta(description="Any when empty.", max_length=2)] = ""
    purpose: Annotated[Purpose | None, Meta(description="Any when null.")] = None
    failover: Annotated[bool | None, Meta(description="By purpose when null: promotional no, the others yes.")] = None


class AccountName(msgspec.Struct):
    """An account of a route; the name is empty when it no longer exists."""

    id: str
    name: str


class RouteAnswer(msgspec.Struct):
    """A route; blank country or purpose stands for any."""

    id: str
    channel: Channel
    country: str
    purpose: str
    accounts: list[AccountName]
    failover: bool | None
    detail: str


class RouteList(msgspec.Struct):
    """Routes, oldest first."""

    data: list[RouteAnswer]
    next: str | None = None


class ExplainQuery(msgspec.Struct, forbid_unknown_fields=True):
    """The message whose way is to be explained."""

    to: str = ""
    channel: Channel = Channel.SMS
    purpose: Purpose = Purpose.TRANSACTIONAL
    country: str = ""
    account: str = ""
    sender: str = ""


class ExplainBody(ExplainQuery, forbid_unknown_fields=True):
    """The message whose way is to be explained."""


class ConsideredAccount(msgspec.Struct):
    """What was decided about one account."""

    id: str
    name: str
    usable: bool
    detail: str


class Explanation(msgspec.Struct):
    """Where a message would go, and why; `code` says what is wrong when nothing can carry it."""

    to: str
    country: str
    channel: Channel
    purpose: Purpose
    route: RouteAnswer | None
    failover: bool
    code: str
    detail: str
    accounts: list[ConsideredAccount]


class ProviderSetting(msgspec.Struct):
    """One field of a provider's account."""

    name: str
    title: str
    description: str
    required: bool
    secret: bool
    choices: Annotated[list[str], Meta(description="The only values there are; any when empty.")]
    default: Annotated[str | bool | int | float | None, Meta(description="Counts where nothing is given.")]


class ProviderAnswer(msgspec.Struct):
    """
    What a provider can do; without countries it is not bound to any.

    A limit of 0 means that the provider states none.
    """

    slug: str
    name: str
    channels: list[Channel]
    countries: list[str]
    home: Annotated[list[str], Meta(description="Where it is the natural choice, though it reaches further.")]
    abilities: list[str]
    batch_limit: Annotated[int, Meta(description="Messages one request takes.")]
    batch_shared: Annotated[list[str], Meta(description="What messages of one request must have in common.")]
    address_format: str
    text_counting: str
    max_characters: int
    max_bytes: int
    forbidden: Annotated[list[str], Meta(description="What a text must not contain.")]
    callback_auth: str
    confirm_within: Annotated[float, Meta(description="Seconds after which a missing report is asked for.")]
    rate_per_second: float
    rate_unit: str
    open_requests: int
    dedup_seconds: int
    docs: list[str]
    settings: list[ProviderSetting]


class ProviderList(msgspec.Struct):
    """Every provider, by its slug."""

    data: list[ProviderAnswer]
    next: str | None = None


class Connections:
    """The operations under `/accounts`, `/routes` and `/providers`."""

    def __init__(self, accounts: Accounts, routes: Routes) -> None:
        """Take the features they speak for."""
        self._accounts = accounts
        self._routes = routes

    def operations(self) -> list[Operation]:
        """Everything callers can do with connections."""
        accounts, routes, providers = "Accounts", "Routes", "Providers"
        return [
            Operation(method="POST", path="/accounts", handler=self.add, summary="Add an account", tag=accounts,
                      scope="accounts", body=AddAccount, answers=AccountAnswer, status=201, creates=True,
                      refuses=(404,)),
            Operation(method="GET", path="/accounts", handler=self.list, summary="List accounts", tag=accounts,
                      scope="accounts", answers=AccountList),
            Operation(method="GET", path="/accounts/{id}", handler=self.get, summary="One account", tag=accounts,
                      scope="accounts", answers=AccountAnswer, refuses=(404,)),
            Operation(method="PATCH", path="/accounts/{id}", handler=self.change, summary="Change an account",
                      tag=accounts, scope="accounts", body=ChangeAccount, answers=AccountAnswer, refuses=(404, 409)),
            Operation(method="POST", path="/accounts/{id}/test", handler=self.test, tag=accounts,
                      summary="Try the credentials; costs nothing", scope="accounts", answers=TestAnswer,
                      refuses=(404, 409)),
            Operation(method="GET", path="/accounts/{id}/balance", handler=self.balance, tag=accounts,
                      summary="Ask the provider for the credit left", scope="accounts", answers=BalanceAnswer,
                      refuses=(404, 409)),
            Operation(method="GET", path="/accounts/{id}/usage", handler=self.usage, tag=accounts,
                      summary="Ask the provider how much of a quota is used", scope="accounts", answers=UsageAnswer,
                      refuses=(404, 409)),
            Operation(method="GET", path="/accounts/{id}/senders", handler=self.senders, tag=accounts,
                      summary="Ask the provider which senders there are", scope="accounts", answers=SenderList,
                      refuses=(404, 409)),
            Operation(method="GET", path="/accounts/{id}/notices", handler=self.notices, tag=accounts,
                      summary="What the provider said about the account", scope="accounts", query=NoticePage,
                      answers=NoticeList, refuses=(404,)),
            Operation(method="POST", path="/accounts/{id}/pause", handler=self.pause, tag=accounts,
                      summary="Stop handing messages to it; those waiting stay", scope="accounts",
                      body=PauseAccount, body_optional=True, answers=AccountAnswer, refuses=(404, 409)),
            Operation(method="POST", path="/accounts/{id}/resume", handler=self.resume, tag=accounts,
                      summary="Hand messages to it again", scope="accounts", answers=AccountAnswer,
                      refuses=(404, 409)),
            Operation(method="GET", path="/routes", handler=self.routes, summary="List routes", tag=routes,
                      scope="routes", answers=RouteList),
            Operation(method="PUT", path="/routes", handler=self.set_route, summary="Set a route", tag=routes,
                      scope="routes", body=SetRoute, answers=RouteAnswer),
            Operation(method="POST", path="/routes", handler=self.set_route_again, tag=routes, status=201,
                      summary="Set a route, like PUT", scope="routes", body=SetRoute, answers=RouteAnswer,
                      creates=True),
            Operation(method="DELETE", path="/routes/{id}", handler=self.delete_route, summary="Remove a route",
                      tag=routes, scope="routes", status=204, refuses=(404,)),
            Operation(method="GET", path="/routes/explain", handler=self.explain, tag=routes,
                      summary="Where a message would go, and why", scope="routes", query=ExplainQuery,
                      answers=Explanation),
            Operation(method="POST", path="/routes/explain", handler=self.explain_body, tag=routes,
                      summary="Where a message would go, and why", scope="routes", body=ExplainBody,
                      answers=Explanation),
            Operation(method="GET", path="/providers", handler=self.providers, tag=providers,
                      summary="What every provider can do", scope="", answers=ProviderList),
            Operation(method="GET", path="/providers/{slug}", handler=self.provider, tag=providers,
                      summary="What one provider can do, and the settings its accounts need", scope="",
                      answers=ProviderAnswer, refuses=(404,)),
        ]  # fmt: skip

    async def add(self, ask: Ask[AddAccount, NoQuery]) -> AccountAnswer:
        """Add an account."""
        return _account(await self._accounts.add(ask.workspace_id, **_given(ask.body)))

    async def list(self, ask: Ask[NoBody, NoQuery]) -> AccountList:
        """List accounts."""
        return AccountList([_account(found) for found in self._accounts.list(ask.workspace_id)])

    async def get(self, ask: Ask[NoBody, NoQuery]) -> AccountAnswer:
        """Give one account."""
        return _account(self._accounts.get(ask.workspace_id, ask.path["id"]))

    async def change(self, ask: Ask[ChangeAccount, NoQuery]) -> AccountAnswer:
        """Change an account."""
        return _account(await self._accounts.edit(ask.workspace_id, ask.path["id"], _given(ask.body)))

    async def test(self, ask: Ask[NoBody, NoQuery]) -> TestAnswer:
        """Try the credentials."""
        return msgspec.convert(await self._accounts.test(ask.workspace_id, ask.path["id"]), TestAnswer)

    async def balance(self, ask: Ask[NoBody, NoQuery]) -> BalanceAnswer:
        """Ask for the credit left."""
        return msgspec.convert(await self._accounts.balance(ask.workspace_id, ask.path["id"]), BalanceAnswer)

    async def usage(self, ask: Ask[NoBody, NoQuery]) -> UsageAnswer:
        """Ask how much is used."""
        return UsageAnswer(await self._accounts.usage(ask.workspace_id, ask.path["id"]))

    async def senders(self, ask: Ask[NoBody, NoQuery]) -> SenderList:
        """Ask which senders there are."""
        found = await self._accounts.senders(ask.workspace_id, ask.path["id"])
        return SenderList([msgspec.convert(one, SenderAnswer) for one in found])

    async def notices(self, ask: Ask[NoBody, NoticePage]) -> NoticeList:
        """Give what the provider said."""
        limit = ask.query.limit
        found = await self._accounts.notices(ask.workspace_id, ask.path["id"], after=ask.query.after, limit=limit + 1)
        shown = [NoticeAnswer(**(one | {"received_at": moment(one["received_at"])})) for one in found[:limit]]
        return NoticeList(shown, shown[-1].id if len(found) > limit else None)

    async def pause(self, ask: Ask[PauseAccount, NoQuery]) -> AccountAnswer:
        """Stop handing messages to an account."""
        return _account(await self._accounts.pause(ask.workspace_id, ask.path["id"], ask.body.reason))

    async def resume(self, ask: Ask[NoBody, NoQuery]) -> AccountAnswer:
        """Hand messages to an account again."""
        return _account(await self._accounts.resume(ask.workspace_id, ask.path["id"]))

    async def routes(self, ask: Ask[NoBody, NoQuery]) -> RouteList:
        """List routes."""
        return RouteList([_route(found) for found in self._routes.list(ask.workspace_id)])

    async def set_route(self, ask: Ask[SetRoute, NoQuery]) -> RouteAnswer:
        """Set a route."""
        wish = ask.body
        return _route(
            await self._routes.set(
                ask.workspace_id,
                channel=wish.channel,
                accounts=wish.accounts,
                country=wish.country,
                purpose=wish.purpose,
                failover=wish.failover,
            )
        )

    async def set_route_again(self, ask: Ask[SetRoute, NoQuery]) -> RouteAnswer:
        """Set a route by POST, for clients that create that way."""
        return await self.set_route(ask)

    async def delete_route(self, ask: Ask[NoBody, NoQuery]) -> None:
        """Remove a route."""
        await self._routes.delete(ask.workspace_id, ask.path["id"])

    async def explain(self, ask: Ask[NoBody, ExplainQuery]) -> Explanation:
        """Say where a message would go."""
        # In a query a plus sign means a blank, and few callers escape it.
        return self._explain(ask.workspace_id, ask.query, ask.query.to.replace(" ", "+", 1).strip())

    async def explain_body(self, ask: Ask[ExplainBody, NoQuery]) -> Explanation:
        """Say where a message would go."""
        return self._explain(ask.workspace_id, ask.body, ask.body.to)

    async def providers(self, ask: Ask[NoBody, NoQuery]) -> ProviderList:
        """Give the capability matrix."""
        del ask
        return ProviderList([msgspec.convert(found, ProviderAnswer) for found in capabilities()])

    async def provider(self, ask: Ask[NoBody, NoQuery]) -> ProviderAnswer:
        """Give one provider."""
        return msgspec.convert(capabilities_of(ask.path["slug"]), ProviderAnswer)

    def _explain(self, workspace_id: str, wish: ExplainQuery, to: str) -> Explanation:
        found = self._routes.explain(
            workspace_id,
            to=to,
            channel=wish.channel,
            purpose=wish.purpose,
            country=wish.country,
            account=wish.account,
            sender=wish.sender,
        )
        return msgspec.convert(found, Explanation)


def _given(wish: msgspec.Struct) -> dict[str, Any]:
    """The fields a caller wrote, and no others."""
    return {name: value for name, value in msgspec.structs.asdict(wish).items() if value is not msgspec.UNSET}


def _account(found: dict[str, Any]) -> AccountAnswer:
    return AccountAnswer(**(found | {"created_at": moment(found["created_at"])}))


def _route(found: dict[str, Any]) -> RouteAnswer:
    return msgspec.convert(found, RouteAnswer)
