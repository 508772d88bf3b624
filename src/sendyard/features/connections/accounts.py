"""
Provider accounts: add, change, try out, pause.
"""

import json
import secrets
from collections.abc import Awaitable, Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any, TypeVar

from sendyard.delivery.credentials import masked, merged, parse_settings, place, seal_settings
from sendyard.delivery.directory import AccountEntry, Directory
from sendyard.delivery.learning import Learning
from sendyard.delivery.tokens import Tokens
from sendyard.delivery.transport import NotSent, Transport
from sendyard.domain.errors import AppError, Conflict, ErrorKind, FieldError, Invalid, ProviderError
from sendyard.features.connections import queries
from sendyard.features.connections.fields import check_fields
from sendyard.providers.abilities import AccountProbe, BalanceQuery, SenderList, UsageQuery
from sendyard.providers.contract import Call, ProtocolError
from sendyard.providers.registry import adapter as adapter_of
from sendyard.providers.wire import HttpRequest, HttpResponse
from sendyard.storage.engine import Database
from sendyard.storage.identifiers import new_id, now_ms
from sendyard.storage.transaction import Transaction
from sendyard.storage.vault import Vault

T = TypeVar("T")
Exchange = Callable[[AccountEntry, HttpRequest], Awaitable[HttpResponse]]
"""Moves one request for one account; whoever owns the HTTP client gives it. Raises OSError, TimeoutError, AppError."""

_DEFAULTS: Mapping[str, Any] = {
    "sender": "",
    "rate_per_second": None,
    "open_requests": None,
    "price_per_part": None,
    "currency": "USD",
}


class Accounts:
    """Accounts of every workspace. An account is named by its id or its name; secrets go in and never come out."""

    def __init__(
        self, database: Database, vault: Vault, directory: Directory, exchange: Exchange, tokens: Tokens | None = None
    ) -> None:
        """Take where rows are, what seals them, the directory to keep in step, the way to providers, their tokens."""
        self._tokens = tokens or Tokens(Transport())
        self._database = database
        self._vault = vault
        self._directory = directory
        self._exchange = exchange

    async def add(
        self, workspace_id: str, *, provider: str, settings: Mapping[str, Any], name: str = "", **options: Any
    ) -> dict[str, Any]:
        """
        Add an account.

        Args:
            workspace_id: whose account it is.
            provider: its slug.
            settings: the provider's own fields, secrets in clear.
            name: what people call it; "" takes the slug, with a number when that is taken.
            options: `sender`, `rate_per_second`, `open_requests`, `price_per_part`, `currency`.

        Raises:
            NotFound: there is no such provider.
            Invalid: a setting or option is not usable; one error each.
            Conflict: the name is taken.
        """
        adapter = adapter_of(provider)
        fields = dict(_DEFAULTS) | check_fields(options | ({"name": name} if name else {}))
        account_id = new_id()
        sealed = seal_settings(self._vault, account_id, parse_settings(adapter, settings))
        callback_token = secrets.token_urlsafe(32)

        def insert(tx: Transaction) -> bool:
            if "name" not in fields:
                fields["name"] = _free_name(provider, queries.account_names(tx, workspace_id))
            return queries.insert_account(
                tx,
                workspace_id,
                account_id=account_id,
                provider=provider,
                sealed=sealed,
                callback_token=callback_token,
                fields=fields,
                now=now_ms(),
            )

        if not await self._database.write(insert):
            raise _name_taken(fields["name"])
        await self._directory.refresh()
        return self.get(workspace_id, account_id)

    async def edit(self, workspace_id: str, account: str, changes: Mapping[str, Any]) -> dict[str, Any]:
        """
        Change options, or `settings` (those given replace the present ones; a masked secret stays as it is).

        Raises:
            NotFound: there is no such account.
            Invalid: a setting or option is not usable.
            Conflict: the new name is taken.
        """
        entry = self._directory.require(workspace_id, account)
        fields = check_fields({name: value for name, value in changes.items() if name != "settings"})
        if "settings" in changes:
            given = changes["settings"] if entry.unreadable else merged(entry.settings, changes["settings"])
            fields["sealed"] = seal_settings(self._vault, entry.id, parse_settings(entry.adapter, given))
        if not fields:
            raise Invalid("nothing_to_change", "Expected at least one option or setting to change, found none.")

        def update(tx: Transaction) -> bool:
            new_name = fields.get("name", entry.name)
            if new_name != entry.name and new_name in queries.account_names(tx, workspace_id):
                return False
            queries.update_account(tx, workspace_id, entry.id, fields)
            return True

        if not await self._database.write(update):
            raise _name_taken(fields["name"])
        await self._directory.refresh()
        return self.get(workspace_id, entry.id)

    def list(self, workspace_id: str) -> list[dict[str, Any]]:
        """Give every account, oldest first."""
        return [_document(entry) for entry in self._directory.accounts(workspace_id)]

    def get(self, workspace_id: str, account: str) -> dict[str, Any]:
        """Give one account. Raises NotFound."""
        return _document(self._directory.require(workspace_id, account))

    async def pause(self, workspace_id: str, account: str, reason: str = "") -> dict[str, Any]:
        """Stop handing messages to it; those waiting stay. Pausing a paused one changes only the reason."""
        return await self._set_status(workspace_id, account, "paused", reason.strip() or "Paused by hand.")

    async def resume(self, workspace_id: str, account: str) -> dict[str, Any]:
        """
        Hand messages to it again; harmless when it is not paused.

        Raises:
            Conflict: its credentials cannot be opened, so resuming would not help.
        """
        entry = self._directory.require(workspace_id, account)
        if entry.unreadable:
            raise Conflict("unreadable_credentials", entry.pause_reason)
        return await self._set_status(workspace_id, entry.id, "active", "")

    async def test(self, workspace_id: str, account: str) -> dict[str, Any]:
        """
        Try the credentials with a call that costs nothing: `{ok, detail, facts}`; settings it tells are taken over.

        Raises:
            NotFound: there is no such account.
            Conflict: its credentials cannot be opened, or the provider offers no such call.
        """
        entry = self._readable(workspace_id, account)
        adapter = entry.adapter
        if not isinstance(adapter, AccountProbe):
            detail = f"{adapter.spec.name} offers no call that tests an account; send a message instead."
            raise Conflict("not_supported", detail)
        token = await self._tokens.of(entry)
        if isinstance(token, ProviderError) and token.kind is not ErrorKind.UNAVAILABLE:
            return {"ok": False, "detail": _not_signed_in(entry, token), "facts": {}}
        try:
            call = await self._tokens.call(entry)
            probe = adapter.parse_probe(call, await self._exchange(entry, adapter.build_probe(call)))
        except _FAILURES as error:
            return {"ok": False, "detail": _unreachable(entry, error), "facts": {}}
        await self._learn(entry, probe.facts)
        return {"ok": probe.ok, "detail": probe.detail, "facts": dict(probe.facts)}

    async def balance(self, workspace_id: str, account: str) -> dict[str, Any]:
        """
        Ask the provider for the credit left: `{amount, currency}`.

        Raises:
            NotFound: there is no such account.
            Conflict: the provider has no such call, refused it, or could not be asked.
        """
        entry = self._readable(workspace_id, account)
        adapter = entry.adapter
        if not isinstance(adapter, BalanceQuery):
            raise Conflict("not_supported", f"{adapter.spec.name} does not tell its balance; see its own console.")
        found = await self._asked(entry, adapter.build_balance, lambda _call, answer: adapter.parse_balance(answer))
        return {"amount": str(found.amount), "currency": found.currency}

    async def credit(self, workspace_id: str, account: str) -> Decimal:
        """Like `balance`, as a number."""
        return Decimal((await self.balance(workspace_id, account))["amount"])

    async def senders(self, workspace_id: str, account: str) -> Sequence[dict[str, Any]]:
        """
        Ask the provider which senders this account may use: `{sender, name, channels, usable, facts}`.

        Raises:
            NotFound: there is no such account.
            Conflict: the provider has no such call, refused it, or could not be asked.
        """
        entry = self._readable(workspace_id, account)
        adapter = entry.adapter
        if not isinstance(adapter, SenderList):
            raise Conflict("not_supported", f"{adapter.spec.name} does not list senders; see its own console.")
        return [
            {
                "sender": one.sender,
                "name": one.name,
                "channels": sorted(channel.value for channel in one.channels),
                "usable": one.usable,
                "facts": dict(one.facts),
            }
            for one in await self._asked(entry, adapter.build_senders, adapter.parse_senders)
        ]

    async def usage(self, workspace_id: str, account: str) -> dict[str, str]:
        """
        Ask the provider how much of a quota or period is used, as named facts; settings it tells are taken over.

        Raises:
            NotFound: there is no such account.
            Conflict: the provider has no such call, refused it, or could not be asked.
        """
        entry = self._readable(workspace_id, account)
        adapter = entry.adapter
        if not isinstance(adapter, UsageQuery):
            raise Conflict("not_supported", f"{adapter.spec.name} tells no usage; see its own console.")
        found = dict(await self._asked(entry, adapter.build_usage, adapter.parse_usage))
        await self._learn(entry, found)
        return found

    async def notices(
        self, workspace_id: str, account: str, *, after: str = "", limit: int = 100
    ) -> Sequence[dict[str, Any]]:
        """
        Give what the provider said of itself about an account, newest first: subject, detail, facts and time.

        `after` is the id of the last one shown before.

        Raises:
            NotFound: there is no such account.
        """
        entry = self._directory.require(workspace_id, account)
        rows = await self._database.read(
            lambda tx: queries.notices(tx, workspace_id, entry.id, before=after, limit=limit)
        )
        return [
            {"id": id_, "subject": subject, "detail": detail, "facts": json.loads(facts), "received_at": at}
            for id_, subject, detail, facts, at in rows
        ]

    async def _learn(self, entry: AccountEntry, facts: Mapping[str, str]) -> None:
        """Take over settings that the provider told just now."""
        now, learning = now_ms(), Learning(self._directory)
        if not learning.is_news(entry, facts):
            return
        if await self._database.write(lambda tx: learning.learn(tx, entry, facts, since=None, now=now)):
            await self._directory.refresh()

    async def _asked(
        self,
        entry: AccountEntry,
        build: Callable[[Call], HttpRequest],
        parse: Callable[[Call, HttpResponse], T | ProviderError],
    ) -> T:
        """One question to a provider. Raises Conflict when it refuses or cannot be asked."""
        try:
            call = await self._tokens.call(entry)
            found = parse(call, await self._exchange(entry, build(call)))
        except _FAILURES as error:
            code = error.code if isinstance(error, Invalid) else "provider_unreachable"
            raise Conflict(code, _unreachable(entry, error)) from error
        if isinstance(found, ProviderError):
            raise Conflict("provider_refused", _said(entry, found))
        return found

    async def rotate_keys(self) -> int:
        """
        Seal again, with the newest key, what an older one sealed; returns how many accounts that were.

        Raises:
            Invalid: one cannot be opened with this ring; nothing was changed then.
        """

        def reseal(tx: Transaction) -> int:
            changed = 0
            for account_id, sealed in queries.sealed_settings(tx):
                if not self._vault.is_current(sealed):
                    fresh = self._vault.reseal(sealed, place(account_id))
                    changed += queries.replace_sealed(tx, account_id, sealed, fresh)
            return changed

        changed = await self._database.write(reseal)
        await self._directory.refresh()
        return changed

    async def _set_status(self, workspace_id: str, account: str, status: str, reason: str) -> dict[str, Any]:
        entry = self._directory.require(workspace_id, account)
        await self._database.write(lambda tx: queries.set_account_status(tx, workspace_id, entry.id, status, reason))
        await self._directory.refresh()
        return self.get(workspace_id, entry.id)

    def _readable(self, workspace_id: str, account: str) -> AccountEntry:
        entry = self._directory.require(workspace_id, account)
        if entry.unreadable:
            raise Conflict("unreadable_credentials", entry.pause_reason)
        return entry


_FAILURES = (NotSent, OSError, TimeoutError, ProtocolError, AppError)


def _document(entry: AccountEntry) -> dict[str, Any]:
    return {
        "id": entry.id,
        "provider": entry.provider,
        "name": entry.name,
        "status": entry.status,
        "pause_reason": entry.pause_reason,
        "sender": entry.sender,
        "settings": {} if entry.unreadable else masked(entry.settings),
        "callback_url": entry.callback_url,
        "rate_per_second": entry.rate_per_second,
        "rate_unit": entry.rate_unit.value,
        "open_requests": entry.open_requests,
        "price_per_part": None if entry.price_per_part is None else str(entry.price_per_part),
        "currency": entry.currency,
        "emulated": entry.is_emulated,
        "created_at": entry.created_at,
    }


def _free_name(provider: str, taken: set[str]) -> str:
    name, number = provider, 1
    while name in taken:
        number += 1
        name = f"{provider} {number}"
    return name


def _name_taken(name: str) -> Conflict:
    detail = f"There is an account named {name!r} already; choose another name."
    return Conflict("name_taken", detail, errors=[FieldError("/name", "name_taken", detail)])


def _said(entry: AccountEntry, error: ProviderError) -> str:
    said = (error.detail or error.kind.value).rstrip(". ")
    return f"{entry.adapter.spec.name} refused: {said} (code {error.code})."


def _not_signed_in(entry: AccountEntry, error: ProviderError) -> str:
    known = entry.adapter.spec.codes.get(error.code)
    return f"{_said(entry, error)} {known.advice if known else ''}".rstrip()


def _unreachable(entry: AccountEntry, error: Exception) -> str:
    if isinstance(error, Invalid):
        return error.detail  # what the account lacks for this question; nothing was asked
    said = str(error) or type(error).__name__
    for secret in entry.secrets:
        said = said.replace(secret, "••••")
    return (
        f"{entry.adapter.spec.name} gave no usable answer at {entry.settings.base_url}: {said.rstrip('. ')}. "
        "Check the address and that this machine may connect to it."
    )
