"""
One-time codes over a yard, with a clock that tests move and a way to look over the recipient's shoulder.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from sendyard.delivery.queries import suppress
from sendyard.delivery.tokens import Tokens
from sendyard.delivery.transport import Transport
from sendyard.domain.channels import Channel
from sendyard.features.otp import CodeWish, Limits, OneTimeCodes, Verdict
from sendyard.features.templates import Templates
from sendyard.storage.identifiers import now_ms
from tests.yard import TAIWANESE, Yard

MINUTE, HOUR = 60_000, 3_600_000
INDIAN = "+919876543210"


@dataclass
class Desk:
    """Sends and checks codes; every address may have as many as a test wants unless it sets `limits`."""

    yard: Yard
    limits: Limits = field(default_factory=lambda: Limits(pause_ms=0, hourly=1000, burned=1000, unverified=1000))
    now: int = field(default_factory=now_ms)

    def __post_init__(self) -> None:
        self.codes = OneTimeCodes(
            self.yard.database,
            self.yard.directory,
            self.yard.intake,
            self.templates,
            self.yard.vault,
            self.yard.provider.exchange,
            Tokens(Transport()),
            limits=self.limits,
            clock=lambda: self.now,
        )

    @property
    def templates(self) -> Templates:
        return Templates(self.yard.database, self.yard.directory)

    async def open(self) -> None:
        """An account with a route to everywhere."""
        await self.yard.account("twilio", "main", sender="+15005550006", settings={"base_url": "http://127.0.0.1:9"})
        await self.yard.routes.set(self.yard.workspace_id, channel=Channel.SMS, accounts=["main"])

    async def send(self, to: str = TAIWANESE, *, test: bool = False, **wish: Any) -> dict[str, Any]:
        return await self.codes.send(self.yard.workspace_id, CodeWish(to=to, **wish), test=test)

    async def verify(self, code_id: str, typed: str, *, test: bool = False) -> Verdict:
        return await self.codes.verify(self.yard.workspace_id, code_id, typed, test=test)

    async def resend(self, code_id: str, **how: Any) -> dict[str, Any]:
        return await self.codes.resend(self.yard.workspace_id, code_id, **how)

    def suppress(self, address: str) -> None:
        """Forbid an address."""
        self.yard.database.write_now(
            partial(
                suppress,
                workspace_id=self.yard.workspace_id,
                address=address,
                channel="",
                reason="manual",
                source="",
                now=self.now,
            )
        )

    async def status(self, code_id: str) -> str:
        return str((await self.codes.get(self.yard.workspace_id, code_id))["status"])

    def content(self, message_id: str) -> Any:
        ((stored,),) = self.yard.rows("SELECT content FROM messages WHERE id = ?", message_id)
        return json.loads(stored)

    def text(self, message_id: str) -> str:
        content = self.content(message_id)
        return str(content["content"]["body"] if isinstance(content, dict) else content)

    def code(self, found: Mapping[str, Any]) -> str:
        """The code as the recipient reads it."""
        digits = re.search(r"[0-9]{4,10}", self.text(found["message"]))
        assert digits
        return digits[0]


def wrong(code: str) -> str:
    """Another code of the same length."""
    return f"{(int(code) + 1) % 10 ** len(code):0{len(code)}d}"
