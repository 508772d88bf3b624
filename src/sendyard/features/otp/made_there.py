"""
Codes that a provider makes, sends and checks: which account is asked, and what its answers mean.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import cast

from sendyard.delivery.directory import AccountEntry, Directory
from sendyard.delivery.redaction import redact
from sendyard.delivery.routing import Decision, decide
from sendyard.delivery.tokens import Tokens
from sendyard.delivery.transport import NotSent
from sendyard.domain.channels import Purpose
from sendyard.domain.errors import Conflict, ErrorKind, FieldError, Invalid, ProviderError
from sendyard.features.connections.accounts import Exchange
from sendyard.features.otp.wishes import CodeWish
from sendyard.providers.abilities import OtpCheck, OtpResend, OtpStarted, OtpWanted, ProviderOtp
from sendyard.providers.contract import Call, ProtocolError
from sendyard.providers.wire import HttpRequest, HttpResponse


@dataclass(frozen=True, slots=True)
class Lost:
    """The request left, or may have left, and no answer says what became of it."""


@dataclass(frozen=True, slots=True)
class Ready:
    """A request to send a code, built; nothing has left yet."""

    entry: AccountEntry
    request: HttpRequest
    again: bool = False  # the same code once more


class MadeThere:
    """Speaks to the providers that make codes."""

    def __init__(self, directory: Directory, exchange: Exchange, tokens: Tokens) -> None:
        """Take the accounts, and the way to their providers."""
        self._directory = directory
        self._exchange = exchange
        self._tokens = tokens

    def account_for(self, workspace_id: str, wish: CodeWish, country: str, *, test: bool) -> AccountEntry | None:
        """
        Choose the account whose provider makes the code; None when the code is ours to make.

        A named account is asked when it can, unless the caller wants ours. Without one, `provider` true takes the
        first account of the route that can, or else of the workspace.

        Raises:
            Invalid: a code of a provider is wanted, and no usable account makes any.
        """
        named = self._directory.find(workspace_id, wish.account) if wish.account else None
        makes = named is not None and isinstance(named.adapter, ProviderOtp)
        if wish.provider is False or (wish.provider is None and not makes):
            return None
        if named is not None and not makes:
            detail = f"{named.adapter.spec.name} makes no codes; leave `provider` out to have one made here."
            raise Invalid("not_supported", detail, errors=[FieldError("/account", "not_supported", detail)])
        refusal = ""
        for decision in self._decisions(workspace_id, wish, country, test=test):
            for account_id in decision.accounts:
                entry = self._directory.account(account_id)
                if entry is None or not isinstance(entry.adapter, ProviderOtp):
                    continue
                if entry.is_active:
                    return entry
                refusal = refusal or f"{entry.name} is paused: {entry.pause_reason or 'no reason was given'}"
            refusal = refusal or decision.detail * bool(decision.code and wish.account)
        detail = refusal or "No account of a provider that makes codes can carry this one; `sendyard providers` shows "
        detail += "" if refusal else "who makes them (otp)."
        pointer = "/account" if wish.account else "/provider"
        raise Invalid("no_usable_account", detail, errors=[FieldError(pointer, "no_usable_account", detail)])

    async def ready(self, entry: AccountEntry, wanted: OtpWanted) -> Ready:
        """
        Build the request for a new code.

        Raises:
            Invalid: the provider has no such codes, or the account lacks a setting for them.
            Conflict: the account could not be signed in.
        """
        return Ready(entry, _maker(entry).build_otp(await self._call(entry), wanted))

    async def ready_again(self, entry: AccountEntry, wanted: OtpWanted, session: str, *, by_voice: bool) -> Ready:
        """
        Build the request to send a code once more: the same where the provider can, else a new one.

        Raises:
            Invalid, Conflict: as `ready`; `not_supported` for a call where the provider makes none.
        """
        adapter = entry.adapter
        if isinstance(adapter, OtpResend):
            request = adapter.build_otp_resend(await self._call(entry), wanted, session, by_voice=by_voice)
            return Ready(entry, request, again=True)
        if by_voice:
            raise Conflict("not_supported", f"{adapter.spec.name} tells no code by a call; leave `by_voice` out.")
        return await self.ready(entry, wanted)

    async def send(self, ready: Ready) -> OtpStarted | ProviderError | Lost:
        """Let a request leave. A refusal means that nothing was sent; a 5xx or silence leaves that open."""
        entry = ready.entry
        adapter = entry.adapter
        try:
            response = await self._exchange(entry, ready.request)
            if ready.again:
                found = cast("OtpResend", adapter).parse_otp_resend(response)
            else:
                found = _maker(entry).parse_otp(response)
        except (OSError, TimeoutError, ProtocolError) as error:
            if isinstance(error.__cause__, NotSent):
                return ProviderError(ErrorKind.UNAVAILABLE, "no_connection", str(error))
            return Lost()
        return Lost() if isinstance(found, ProviderError) and response.status >= 500 else found

    async def check(self, entry: AccountEntry, wanted: OtpWanted, session: str, code: str) -> OtpCheck:
        """Ask about a typed code; whatever keeps the provider from answering is `UNAVAILABLE`."""
        adapter = _maker(entry)
        try:
            call = await self._tokens.call(entry)
            response: HttpResponse = await self._exchange(entry, adapter.build_otp_check(call, wanted, session, code))
            return adapter.parse_otp_check(response)
        except (NotSent, OSError, TimeoutError, ProtocolError):
            return OtpCheck.UNAVAILABLE

    async def _call(self, entry: AccountEntry) -> Call:
        try:
            return await self._tokens.call(entry)
        except NotSent as error:
            raise Conflict("provider_unreachable", f"{entry.adapter.spec.name}: {error}.") from error

    def _decisions(self, workspace_id: str, wish: CodeWish, country: str, *, test: bool) -> Iterator[Decision]:
        """Where a code of a provider might go: the way of the route, then every account by itself."""
        others = [entry.id for entry in self._directory.accounts(workspace_id)]
        for account in [wish.account] if wish.account else ["", *others]:
            yield decide(
                self._directory,
                workspace_id,
                channel=wish.channel,
                country=country,
                purpose=Purpose.OTP,
                account=account,
                sender=wish.sender,
                emulated_only=test,
            )


def refused(entry: AccountEntry, error: ProviderError) -> Conflict:
    """Tell a caller that the provider said no."""
    known = entry.adapter.spec.codes.get(error.code)
    said = redact(error.detail or error.code, entry.secrets).rstrip(".")
    advice = f" {known.advice}" if known and known.advice else ""
    detail = f"{entry.adapter.spec.name} did not send the code: {said} (code {error.code}).{advice}"
    return Conflict("provider_refused", detail, retry_after=error.retry_after)


def _maker(entry: AccountEntry) -> ProviderOtp:
    return cast("ProviderOtp", entry.adapter)  # `account_for` chooses no other
