"""
Short links: made, listed, and who followed them; and the hosts they begin with.
"""

from typing import Annotated, Any

import msgspec
from msgspec import Meta

from sendyard.api.message_bodies import Moment
from sendyard.api.message_views import moment, moment_or_none
from sendyard.api.operations import Ask, NoBody, NoQuery, Operation
from sendyard.features.links import Domains, ShortLinks

_Seconds = Annotated[int, Meta(ge=0)]


class LinkBody(msgspec.Struct, forbid_unknown_fields=True):
    """A short link."""

    url: Annotated[str, Meta(description="Where it leads; {name} behind the host is filled in for each recipient.")]
    code: Annotated[str, Meta(description="What texts call it, as in {link.CODE}; made up when absent.")] = ""
    title: str = ""
    domain: Annotated[str, Meta(description="A verified host; the workspace's first one, or the public address.")] = ""
    expires_in: Annotated[_Seconds | None, Meta(description="From now; then it leads nowhere. Null: never.")] = None
    preview_page: Annotated[bool, Meta(description="Show where it leads before going there.")] = False


class LinkChange(msgspec.Struct, forbid_unknown_fields=True):
    """What may change in a link; where it leads may not."""

    title: str | None = None
    expires_in: Annotated[_Seconds | None, Meta(description="From now; 0 ends it.")] = None
    preview_page: bool | None = None


class VisitCounts(msgspec.Struct):
    """How often a link was followed: by how many recipients, by anybody; and by machines, early, or late."""

    people: int
    clicks: int
    filtered: int


class LinkSummary(msgspec.Struct, kw_only=True):
    """A link, and how often it was followed."""

    id: str
    code: str
    variable: Annotated[str, Meta(description="What to write in a text.")]
    url: str
    title: str
    domain: str | None
    preview_page: bool
    expires_at: Moment | None
    created_at: Moment
    visits: VisitCounts


class LinkAnswer(LinkSummary, kw_only=True):
    """A link; `short_url` is for nobody in particular, and null where the target has variables."""

    short_url: str | None
    filtered_reasons: Annotated[dict[str, int], Meta(description="Why visits do not count.")]


class LinkList(msgspec.Struct):
    """Links, newest first."""

    data: list[LinkSummary]
    next: str | None


class LinkPage(msgspec.Struct, forbid_unknown_fields=True):
    """Where to go on."""

    after: str = ""
    limit: Annotated[int, Meta(ge=1, le=200)] = 50


class ClickAnswer(msgspec.Struct):
    """One visit; `filtered` says why it does not count."""

    id: int
    at: Moment
    campaign_id: str | None
    row: Annotated[int | None, Meta(description="Of the campaign.")]
    message_id: str | None
    to: str | None
    filtered: str | None
    device: str


class ClickList(msgspec.Struct):
    """Visits, newest first."""

    data: list[ClickAnswer]
    next: str | None


class ClickPage(msgspec.Struct, forbid_unknown_fields=True):
    """Which visits to list."""

    after: Annotated[int, Meta(ge=0, le=2**62)] = 0
    counted: Annotated[bool, Meta(description="Only those that count.")] = False
    limit: Annotated[int, Meta(ge=1, le=1000)] = 100


class DomainBody(msgspec.Struct, forbid_unknown_fields=True):
    """A host of your own."""

    host: Annotated[str, Meta(description="Such as go.example.com; https unless http:// stands before it.")]


class DomainAnswer(msgspec.Struct):
    """A host; short links may begin with it once it is verified."""

    id: str
    host: str
    origin: str
    check_url: Annotated[str, Meta(description="Where this server must answer for the host to be verified.")]
    created_at: Moment
    verified_at: Moment | None


class DomainList(msgspec.Struct):
    """Hosts, oldest first."""

    data: list[DomainAnswer]
    next: str | None


class LinkDoor:
    """The operations under `/links` and `/link-domains`."""

    def __init__(self, links: ShortLinks, domains: Domains) -> None:
        """Take the features they speak for."""
        self._links = links
        self._domains = domains

    def operations(self) -> list[Operation]:
        """Everything callers can do with short links."""
        tag, scope, one, domain = "Links", "campaigns", "/links/{id}", "/link-domains/{id}"
        return [
            Operation(method="POST", path="/links", handler=self.add, tag=tag, scope=scope, status=201,
                      summary="Make a short link", body=LinkBody, answers=LinkAnswer, creates=True, refuses=(404,)),
            Operation(method="GET", path="/links", handler=self.list, tag=tag, scope=scope,
                      summary="List short links, newest first", query=LinkPage, answers=LinkList),
            Operation(method="GET", path=one, handler=self.get, tag=tag, scope=scope,
                      summary="One link, by its id or code", answers=LinkAnswer, refuses=(404,)),
            Operation(method="PATCH", path=one, handler=self.change, tag=tag, scope=scope,
                      summary="Change a link, or end it", body=LinkChange, answers=LinkAnswer, refuses=(404,)),
            Operation(method="GET", path=f"{one}/clicks", handler=self.clicks, tag=tag, scope=scope,
                      summary="Who followed a link, newest first", query=ClickPage, answers=ClickList, refuses=(404,)),
            Operation(method="POST", path="/link-domains", handler=self.add_domain, tag=tag, scope=scope, status=201,
                      summary="Note a host for short links", body=DomainBody, answers=DomainAnswer, creates=True),
            Operation(method="GET", path="/link-domains", handler=self.list_domains, tag=tag, scope=scope,
                      summary="List hosts for short links", answers=DomainList),
            Operation(method="POST", path=f"{domain}/verify", handler=self.verify, tag=tag, scope=scope,
                      summary="See whether a host leads here", answers=DomainAnswer, refuses=(404, 409)),
            Operation(method="DELETE", path=domain, handler=self.remove_domain, tag=tag, scope=scope, status=204,
                      summary="Forget a host", refuses=(404, 409)),
        ]  # fmt: skip

    async def add(self, ask: Ask[LinkBody, NoQuery]) -> LinkAnswer:
        """Make a link."""
        body = ask.body
        return _whole(
            await self._links.add(
                ask.workspace_id,
                body.url,
                code=body.code,
                title=body.title,
                domain=body.domain,
                expires_in=body.expires_in,
                preview_page=body.preview_page,
            )
        )

    async def list(self, ask: Ask[NoBody, LinkPage]) -> LinkList:
        """List links."""
        limit = ask.query.limit
        found = await self._links.all(ask.workspace_id, after=ask.query.after, limit=limit + 1)
        shown = [msgspec.convert(_timed(one), LinkSummary) for one in found[:limit]]
        return LinkList(shown, shown[-1].id if len(found) > limit else None)

    async def get(self, ask: Ask[NoBody, NoQuery]) -> LinkAnswer:
        """Give one link."""
        return _whole(await self._links.get(ask.workspace_id, ask.path["id"]))

    async def change(self, ask: Ask[LinkChange, NoQuery]) -> LinkAnswer:
        """Change a link."""
        body = ask.body
        return _whole(
            await self._links.edit(
                ask.workspace_id,
                ask.path["id"],
                title=body.title,
                expires_in=body.expires_in,
                preview_page=body.preview_page,
            )
        )

    async def clicks(self, ask: Ask[NoBody, ClickPage]) -> ClickList:
        """List visits."""
        asked = ask.query
        found = await self._links.clicks(
            ask.workspace_id, ask.path["id"], before=asked.after, limit=asked.limit + 1, counted=asked.counted
        )
        shown = [ClickAnswer(**(one | {"at": moment(one["at"])})) for one in found[: asked.limit]]
        return ClickList(shown, str(shown[-1].id) if len(found) > asked.limit else None)

    async def add_domain(self, ask: Ask[DomainBody, NoQuery]) -> DomainAnswer:
        """Note a host."""
        return _domain(await self._domains.add(ask.workspace_id, ask.body.host))

    async def list_domains(self, ask: Ask[NoBody, NoQuery]) -> DomainList:
        """List hosts."""
        return DomainList([_domain(one) for one in await self._domains.all(ask.workspace_id)], None)

    async def verify(self, ask: Ask[NoBody, NoQuery]) -> DomainAnswer:
        """Verify a host."""
        return _domain(await self._domains.verify(ask.workspace_id, ask.path["id"]))

    async def remove_domain(self, ask: Ask[NoBody, NoQuery]) -> None:
        """Forget a host."""
        await self._domains.remove(ask.workspace_id, ask.path["id"])


def _timed(found: dict[str, Any]) -> dict[str, Any]:
    return found | {"created_at": moment(found["created_at"]), "expires_at": moment_or_none(found["expires_at"])}


def _whole(found: dict[str, Any]) -> LinkAnswer:
    return msgspec.convert(_timed(found), LinkAnswer)


def _domain(found: dict[str, Any]) -> DomainAnswer:
    times = {"created_at": moment(found["created_at"]), "verified_at": moment_or_none(found["verified_at"])}
    return DomainAnswer(**(found | times))
