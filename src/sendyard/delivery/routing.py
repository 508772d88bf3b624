"""
Which accounts a message may go through, in which order, and why: the same answer for sending and explaining.
"""

from collections.abc import Iterable

from sendyard.delivery.directory import AccountEntry, Directory, RouteEntry
from sendyard.domain.channels import Channel, Purpose
from sendyard.domain.values import dataclass

_MEMO_LIMIT = 4096  # senders are free text, so the keys have no natural end


@dataclass(frozen=True, slots=True)
class Step:
    """What was decided about one account, in a plain sentence."""

    account_id: str
    account: str  # its name; the id when it no longer exists
    usable: bool
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """
    The accounts a message may use, first choice first; none when `code` says why.

    `code` is "" or one of: no_route, unknown_account, no_usable_account. `detail` says which route applied, or what
    to do when none did.
    """

    detail: str
    accounts: tuple[str, ...] = ()
    failover: bool = False
    reasons: tuple[Step, ...] = ()
    code: str = ""
    route_id: str = ""


def decide(
    directory: Directory,
    workspace_id: str,
    *,
    channel: Channel,
    country: str,
    purpose: Purpose,
    account: str = "",
    sender: str = "",
    emulated_only: bool = False,
) -> Decision:
    """
    Choose the accounts for one message.

    The route comes from `Directory.resolve`; `account` (id or name) pins one instead. Left out are accounts whose
    provider lacks the channel or country, paused ones while another can be used, and, when an account of the route
    has exactly this `sender`, those that have another. If all that fit are paused, the message waits for the first.
    Failover goes by the route, else by purpose: promotional no, the others yes; never from a pinned account.

    Args:
        directory: what there is.
        workspace_id: whose accounts and routes count.
        channel: what the recipient gets.
        country: ISO 3166 code of the recipient's number, "" when unknown.
        purpose: why it is sent.
        account: the one account to use.
        sender: what the caller wants the recipient to see; "" for the account's own.
        emulated_only: leave out every account that could reach a real handset.
    """
    key = (workspace_id, channel, country, purpose, account, sender, emulated_only)
    memo = directory.memo
    known: Decision | None = memo.get(key)
    if known is not None:
        return known
    found = _decide(directory, workspace_id, channel, country, purpose, account, sender, emulated_only=emulated_only)
    if len(memo) >= _MEMO_LIMIT:
        memo.clear()
    memo[key] = found
    return found


def _decide(
    directory: Directory,
    workspace_id: str,
    channel: Channel,
    country: str,
    purpose: Purpose,
    account: str,
    sender: str,
    *,
    emulated_only: bool,
) -> Decision:
    named: list[tuple[str, AccountEntry | None]]
    if account:
        entry = directory.find(workspace_id, account)
        if entry is None:
            return Decision(
                detail=f"There is no account {account!r}; `sendyard accounts list` shows those there are.",
                code="unknown_account",
            )
        named = [(entry.id, entry)]
        failover, route_id, detail = False, "", f"The account {entry.name} was asked for, so no route applies."
    else:
        route = directory.resolve(workspace_id, channel, country, purpose)
        if route is None:
            return Decision(detail=_no_route(channel, country, purpose), code="no_route")
        named = [(account_id, directory.account(account_id)) for account_id in route.accounts]
        failover = purpose is not Purpose.PROMOTIONAL if route.failover is None else route.failover
        route_id, detail = route.id, f"The route for {describe(route)} applies."
    refusals = {
        account_id: _cannot(entry, channel, country, emulated_only=emulated_only) for account_id, entry in named
    }
    fitting = [entry for account_id, entry in named if entry is not None and not refusals[account_id]]
    if sender and any(entry.sender == sender for entry in fitting):
        for entry in fitting:
            if entry.sender not in {sender, ""}:
                refusals[entry.id] = f"Its sender is {entry.sender}; another account of the route has {sender}."
        fitting = [entry for entry in fitting if not refusals[entry.id]]
    chosen = [entry for entry in fitting if entry.is_active] or fitting
    reasons = tuple(_step(key, entry, refusals[key], chosen, failover=failover) for key, entry in named)
    if not chosen:
        why = " ".join(f"{step.account}: {step.detail}" for step in reasons)
        detail, code = f"{detail} No account of it can carry this message. {why}", "no_usable_account"
    else:
        code = ""
    return Decision(
        detail=detail,
        accounts=tuple(entry.id for entry in chosen),
        failover=failover,
        reasons=reasons,
        code=code,
        route_id=route_id,
    )


def describe(route: RouteEntry) -> str:
    """Name a route as people do: `sms to TW, promotional`."""
    return f"{route.channel} to {route.country or 'any country'}, {route.purpose or 'any purpose'}"


def _cannot(entry: AccountEntry | None, channel: Channel, country: str, *, emulated_only: bool) -> str:
    if entry is None:
        return "The account no longer exists; set the route again without it."
    spec = entry.adapter.spec
    if channel not in spec.channels:
        return f"{spec.name} does not carry {channel}; it carries {_listed(spec.channels)}."
    if country and spec.countries and country not in spec.countries:
        return f"{spec.name} does not reach {country}; it reaches {_listed(spec.countries)}."
    if emulated_only and not entry.is_emulated:
        return "A test key reaches emulated accounts only, and this one leads to the real provider."
    return ""


def _step(
    account_id: str, entry: AccountEntry | None, refusal: str, chosen: list[AccountEntry], *, failover: bool
) -> Step:
    if entry is None or refusal:
        usable, detail = False, refusal
    elif entry not in chosen:
        usable, detail = False, f"It is paused: {_reason(entry)} Another account is used meanwhile."
    elif not entry.is_active:
        first = entry is chosen[0]
        waits = "The message waits here until it is resumed." if first else "It comes after the accounts before it."
        usable, detail = True, f"It is paused: {_reason(entry)} {waits}"
    elif entry is chosen[0]:
        usable, detail = True, "First choice."
    else:
        usable = True
        detail = "Used when the accounts before it fail." if failover else "Not used: this route has no failover."
    return Step(account_id, entry.name if entry else account_id, usable=usable, detail=detail)


def _reason(entry: AccountEntry) -> str:
    reason = entry.pause_reason or "no reason was given"
    return reason if reason.endswith(".") else f"{reason}."


def _no_route(channel: Channel, country: str, purpose: Purpose) -> str:
    place = f" to {country}" if country else ""
    only = f" --country {country}" if country else ""
    return (
        f"There is no route for {channel}{place} ({purpose}). Make one with "
        f"`sendyard routes set --channel {channel}{only} ACCOUNT…` or PUT /api/v1/routes, or name an account."
    )


def _listed(values: Iterable[str]) -> str:
    return ", ".join(sorted(values))
