"""
Short links over one yard, with a clock for visits that tests move.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sendyard.bootstrap.readers import note_clicks
from sendyard.domain.links.visits import TOO_SOON_MS
from sendyard.features.links import Addresses, Clicks, Destination, Domains, Follower, ShortLinks
from sendyard.providers.wire import HttpResponse
from sendyard.storage.identifiers import now_ms
from tests.features.template_desk import Line
from tests.yard import Yard

PHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/22B83"
CRAWLER = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"
LATER = TOO_SOON_MS + 60_000
"""Milliseconds after which a person has read a message."""


@dataclass
class LinkDesk:
    """Everything that short links are made of."""

    yard: Yard
    line: Line = field(default_factory=lambda: Line(HttpResponse(404)))
    now: int = field(default_factory=now_ms)

    def __post_init__(self) -> None:
        """Open what has a memory of its own."""
        self.clicks = Clicks(self.yard.database, self.yard.vault, note_clicks, clock=lambda: self.now)
        self.addresses = Addresses(self.yard.database, self.yard.directory)

    @property
    def domains(self) -> Domains:
        return Domains(self.yard.database, self.yard.directory, self.yard.vault, self.line)

    @property
    def links(self) -> ShortLinks:
        return ShortLinks(self.yard.database, self.yard.directory, self.domains)

    @property
    def follower(self) -> Follower:
        return Follower(self.yard.database, self.yard.directory.link_tokens)

    async def add(self, url: str = "https://shop.example/sale", code: str = "sale", **options: Any) -> dict[str, Any]:
        return await self.links.add(self.yard.workspace_id, url, code=code, **options)

    async def get(self, name: str = "sale") -> dict[str, Any]:
        return await self.links.get(self.yard.workspace_id, name)

    async def follow(self, address: str) -> Destination | None:
        """Look a short address up, however it is written."""
        return await self.follower.find(address.rpartition("/")[2])

    async def visit(
        self,
        address: str,
        *,
        agent: str = PHONE,
        source: str = "",
        method: str = "GET",
        headers: Mapping[str, str] | None = None,
    ) -> Destination:
        """Follow a short address at the desk's time."""
        found = await self.follow(address)
        assert found is not None
        self.clicks.saw(found, method, {"user-agent": agent, **(headers or {})}, source)
        return found

    async def reasons(self) -> list[str]:
        """Why visits do not count, in their order, once all are written down."""
        await self.clicks.flush()
        return [reason for (reason,) in self.yard.rows("SELECT reason FROM link_clicks ORDER BY id")]
