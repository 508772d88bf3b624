"""
People who write to a workspace, without sockets: what they say goes through ingest as callbacks do.
"""

from dataclasses import dataclass, field
from typing import Any

from sendyard.delivery.directory import AccountEntry
from sendyard.delivery.ingest import Ingest
from sendyard.delivery.policy import Policy
from sendyard.domain.channels import Channel
from sendyard.domain.content import Text
from sendyard.features.audience import Hearing, Opting
from sendyard.ledger.content_codec import decode_letter
from sendyard.providers.contract import Inbound
from tests.features.audience_play import Crowd
from tests.yard import Yard

SENDER = "+15005550006"
BIZGO_SENDER = "15880000"


@dataclass
class Listening:
    """A workspace that hears people."""

    yard: Yard
    crowd: Crowd
    ingest: Ingest
    opting: Opting
    said: int = 0
    accounts: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, yard: Yard) -> "Listening":
        policy = Policy(usable=lambda _: True, jitter=lambda: 0.5)
        ingest = Ingest(yard.database, yard.directory, policy, Hearing(yard.directory))
        return cls(yard, Crowd(yard), ingest, Opting(yard.database, yard.directory, yard.intake))

    async def account(self, provider: str, **options: Any) -> AccountEntry:
        """An account of a provider, made once."""
        if provider not in self.accounts:
            self.accounts[provider] = await self.yard.account(provider, provider, **options)
        entry = self.yard.directory.account(self.accounts[provider])
        assert entry is not None
        return entry

    async def hear(self, entry: AccountEntry, sender: str, text: str, **rest: Any) -> str:
        """Let somebody write once; gives what tells their message from others."""
        self.said += 1
        event = Inbound(
            **{
                "sender": sender,
                "recipient": entry.sender,
                "channel": Channel.SMS,
                "content": Text(text),
                "provider_ref": f"MO{self.said}",
                "dedupe_key": f"mo{self.said}",
                **rest,
            }
        )
        await self.ingest.store(entry, [event])
        return event.dedupe_key

    def stops(self) -> list[tuple[str, str]]:
        """Who is suppressed, and why."""
        return [
            (address, reason)
            for address, reason in self.yard.rows("SELECT address, reason FROM suppressions ORDER BY address")
        ]

    def answers(self, to: str = "") -> list[str]:
        """What was answered, in order."""
        found = self.yard.rows("SELECT address, content, status FROM messages ORDER BY id")
        assert {status for _, _, status in found} <= {"queued"}
        return [decode_letter(content).content.body for address, content, _ in found if to in {"", address}]

    def consents(self) -> list[tuple[str, str, str]]:
        """The newest word of each kind: address, kind, state."""
        found: dict[tuple[str, str, str, str], str] = {}
        for address, channel, purpose, kind, state in self.yard.rows(
            "SELECT address, channel, purpose, kind, state FROM consents ORDER BY at, id"
        ):
            found[address, channel, purpose, kind] = state
        return sorted((address, kind, state) for (address, _, _, kind), state in found.items())
