"""
Tokens of the accounts that sign in first: fetched when one is needed, kept in memory until they end.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from sendyard.delivery.batches import call_for
from sendyard.delivery.directory import AccountEntry
from sendyard.delivery.redaction import redact
from sendyard.delivery.transport import Lost, NotSent, Transport
from sendyard.domain.errors import ErrorKind, ProviderError
from sendyard.providers.abilities import Token, TokenAuth
from sendyard.providers.contract import AccountSettings, Call, ProtocolError, Receipt, Refused
from sendyard.storage.identifiers import new_id

_MARGIN = timedelta(seconds=60)  # before its end a token is not begun with
_NOT_SIGNED_IN = "not signed in"
_NO_ANSWER = "no_token"
_YOUNG = timedelta(seconds=30)  # one refused at this age was never good: the credentials are to blame


@dataclass(frozen=True, slots=True)
class _Held:
    token: Token
    settings: AccountSettings  # what it was fetched with: an edit of the account ends it
    fetched_at: datetime


class Tokens:
    """Signs accounts in, each at most once at a time. Use it from one event loop."""

    def __init__(self, transport: Transport, *, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        """Take the way to providers, and a clock (aware, UTC)."""
        self._transport = transport
        self._clock = clock
        self._held: dict[str, _Held] = {}
        self._locks: dict[str, asyncio.Lock] = {}

    async def of(self, entry: AccountEntry) -> str | ProviderError:
        """Give the token of an account, "" for one that does not sign in, or why there is none."""
        if not entry.signs_in:
            return ""
        async with self._locks.setdefault(entry.id, asyncio.Lock()):
            held = self._held.get(entry.id)
            if held is not None and held.settings == entry.settings and not self._ends(held):
                return held.token.value
            found = await self._fetch(entry)
            if isinstance(found, ProviderError):
                self._held.pop(entry.id, None)
                return found
            self._held[entry.id] = _Held(found, entry.settings, self._clock())
            return found.value

    async def call(self, entry: AccountEntry, exchange_id: str = "") -> Call:
        """
        Make a call with the account's token.

        Raises:
            NotSent: the account could not be signed in; the message says why.
        """
        token = await self.of(entry)
        if isinstance(token, ProviderError):
            said = token.detail or token.code
            raise NotSent(said if token.code == _NO_ANSWER else f"{_NOT_SIGNED_IN}: {said}")
        return call_for(entry, exchange_id or new_id(), token)

    def second_chance(self, entry: AccountEntry, call: Call, receipts: list[Receipt]) -> list[Receipt]:
        """
        Let what was refused for its token go again with a new one.

        A token can end before its time. Only one that had worked gets this chance; else the credentials are wrong.
        """
        held = self._held.get(entry.id)
        if not call.token or not any(_is_auth(receipt) for receipt in receipts):
            return receipts
        if held is not None and held.token.value == call.token:
            if self._clock() - held.fetched_at < _YOUNG:
                return receipts
            del self._held[entry.id]
        return [_again(receipt) for receipt in receipts]

    def _ends(self, held: _Held) -> bool:
        return held.token.expires_at is not None and self._clock() >= held.token.expires_at - _MARGIN

    async def _fetch(self, entry: AccountEntry) -> Token | ProviderError:
        adapter = entry.adapter
        if not isinstance(adapter, TokenAuth):
            raise TypeError(f"{entry.provider} does not sign in")
        call = call_for(entry, new_id())
        try:
            return adapter.parse_token(
                call, await self._transport.exchange(adapter.build_token(call), adapter.spec.timeout)
            )
        except (NotSent, Lost, ProtocolError) as error:
            detail = redact(f"{_NOT_SIGNED_IN}: {error}", entry.secrets)
            return ProviderError(ErrorKind.UNAVAILABLE, _NO_ANSWER, detail)


def _is_auth(receipt: Receipt) -> bool:
    return isinstance(receipt, Refused) and receipt.error.kind is ErrorKind.AUTH_FAILED


def _again(receipt: Receipt) -> Receipt:
    if not isinstance(receipt, Refused) or not _is_auth(receipt):
        return receipt
    error = replace(receipt.error, kind=ErrorKind.UNAVAILABLE, code="token_ended", retry_after=0.0)
    return Refused(receipt.message_id, error)
