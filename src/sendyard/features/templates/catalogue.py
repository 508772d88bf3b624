"""
The catalogues of providers: which templates they have of ours, and in which state.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from typing import Any

import msgspec

from sendyard.delivery.copies import template_of
from sendyard.delivery.directory import AccountEntry, Directory
from sendyard.delivery.queries import Row, count_template_change
from sendyard.delivery.redaction import redact
from sendyard.delivery.template_news import Standing, note_changes
from sendyard.delivery.tokens import Tokens
from sendyard.delivery.transport import Lost, NotSent, Transport
from sendyard.domain.errors import AppError, Conflict, ErrorKind, ProviderError
from sendyard.features.templates import queries
from sendyard.features.templates.queries import Kept, Place
from sendyard.features.templates.registered import names_at
from sendyard.providers.abilities import ProviderTemplate, TemplateCatalog, TemplatePage
from sendyard.providers.contract import ProtocolError, TemplateState
from sendyard.storage.engine import Database
from sendyard.storage.identifiers import now_ms
from sendyard.storage.transaction import Transaction

EVERY_MS = 3_600_000
"""How often an account is asked by itself."""
GONE = "The provider lists it no longer."

_LEASE_MS = 300_000
_LONGEST = 240.0  # seconds for all pages of one account, so that the lease outlasts them
_MOST_PAGES = 1000
_AT_ONCE = 8  # accounts
_BUSY = "It is being asked at this moment; look again in a minute."
_FAILURES = (NotSent, Lost, TimeoutError, ProtocolError, AppError)
_encode = msgspec.json.Encoder().encode
_log = logging.getLogger(__name__)


class Catalogue:
    """Knows what providers have of our templates, for every workspace."""

    def __init__(
        self,
        database: Database,
        directory: Directory,
        transport: Transport,
        tokens: Tokens,
        *,
        clock: Callable[[], int] = now_ms,
    ) -> None:
        """Take where rows are, the accounts, the way to providers with its tokens, and a clock in milliseconds."""
        self._database = database
        self._directory = directory
        self._transport = transport
        self._tokens = tokens
        self._clock = clock

    async def sync(self, workspace_id: str, account: str = "") -> Sequence[dict[str, Any]]:
        """
        Ask one account, or all whose provider lists templates, for everything it has.

        Gives for each `{account, provider, added, changed, gone, total, error}`; with an error nothing was changed.

        Raises:
            NotFound: there is no such account.
            Conflict: the provider of the named account does not list templates.
        """
        if account:
            entry = self._directory.require(workspace_id, account)
            if not isinstance(entry.adapter, TemplateCatalog):
                detail = f"{entry.adapter.spec.name} does not list templates; nothing is compared before sending."
                raise Conflict("not_supported", detail)
            chosen = [entry]
        else:
            chosen = [one for one in self._directory.accounts(workspace_id) if isinstance(one.adapter, TemplateCatalog)]
        return await self._sync(chosen, asked_before=self._clock())

    async def sync_due(self) -> Sequence[dict[str, Any]]:
        """Ask every account that nobody asked within the hour; for a timer, in as many processes as there are."""
        before = self._clock() - EVERY_MS
        asked = await self._database.read(queries.asked)
        due = [
            entry
            for entry in self._directory.accounts()
            if entry.is_active and isinstance(entry.adapter, TemplateCatalog)
            if asked.get(entry.id, (0, ""))[0] <= before
        ]
        reports = await self._sync(due, asked_before=before)
        for entry, report in zip(due, reports, strict=True):
            known = asked.get(entry.id, (0, ""))[1]
            if report["error"] not in {"", _BUSY, known}:
                _log.warning("could not list the templates of %s: %s", entry.name, report["error"])
        return reports

    async def list(
        self,
        workspace_id: str,
        *,
        account: str = "",
        name: str = "",
        state: str = "",
        after: str = "",
        limit: int = 100,
    ) -> list[dict[str, Any]]:
        """
        Give what providers have, after the id `after`; blank filters let everything through.

        Raises:
            NotFound: there is no such account.
        """
        account_id = self._directory.require(workspace_id, account).id if account else ""
        rows = await self._database.read(
            lambda tx: queries.copies(
                tx, workspace_id, account_id=account_id, name=name, state=state, after=after, limit=limit
            )
        )
        return [self._document(row) for row in rows]

    async def _sync(self, entries: Sequence[AccountEntry], *, asked_before: int) -> Sequence[dict[str, Any]]:
        places = asyncio.Semaphore(_AT_ONCE)

        async def one(entry: AccountEntry) -> dict[str, Any]:
            async with places:
                return await self._sync_one(entry, asked_before)

        reports = await asyncio.gather(*(one(entry) for entry in entries))
        if not all(report["error"] for report in reports):
            await self._directory.refresh()
        return reports

    async def _sync_one(self, entry: AccountEntry, asked_before: int) -> dict[str, Any]:
        report = {"account": entry.name, "provider": entry.provider, "added": 0, "changed": 0, "gone": 0, "total": 0}
        if entry.unreadable:
            return report | {"error": entry.pause_reason}
        now = self._clock()
        if not await self._database.write(
            lambda tx: queries.lease_catalogue(
                tx, entry.workspace_id, entry.id, now=now, until=now + _LEASE_MS, asked_before=asked_before
            )
        ):
            return report | {"error": _BUSY}
        error = ""
        try:
            async with asyncio.timeout(_LONGEST):
                found = await self._walk(entry)
            report |= await self._database.write(lambda tx: _keep(tx, entry, found, now))
        except _FAILURES as failure:
            error = redact(str(failure) or "It did not answer in time.", entry.secrets)
        finally:
            await self._database.write(lambda tx: queries.free_catalogue(tx, entry.id, error))
        return report | {"error": error}

    async def _walk(self, entry: AccountEntry) -> dict[Place, ProviderTemplate]:
        """Read every page. Raises one of `_FAILURES`; then nothing is known."""
        adapter = entry.adapter
        if not isinstance(adapter, TemplateCatalog):
            raise TypeError(f"{entry.provider} does not list templates")
        names: list[str] = []
        if adapter.asks_by_name:
            forms = await self._database.read(lambda tx: queries.registered_forms(tx, entry.workspace_id))
            names = names_at(entry.provider, forms)
        found: dict[Place, ProviderTemplate] = {}
        async for page in self._pages(entry, adapter, may_name_none=bool(names)):
            _put(found, page)
        known = {name for name, _ in found}
        for name in names:
            if name not in known:
                _put(found, _granted(await self._page(entry, adapter, name)))
        return found

    async def _pages(
        self, entry: AccountEntry, adapter: TemplateCatalog, *, may_name_none: bool
    ) -> AsyncIterator[TemplatePage]:
        """Every page from the first on; with `may_name_none` it is no failure that the settings name no templates."""
        cursor, seen = "", {""}
        while True:
            answer = await self._page(entry, adapter, cursor)
            if may_name_none and isinstance(answer, ProviderError) and answer.kind is ErrorKind.NOT_REGISTERED:
                return
            page = _granted(answer)
            yield page
            cursor = page.cursor
            if not cursor:
                return
            if cursor in seen or len(seen) >= _MOST_PAGES:
                raise ProtocolError(f"its list does not end: after {len(seen):,} pages it leads to {cursor!r:.40}")
            seen.add(cursor)

    async def _page(self, entry: AccountEntry, adapter: TemplateCatalog, cursor: str) -> TemplatePage | ProviderError:
        call = await self._tokens.call(entry)
        answer = await self._transport.exchange(adapter.build_templates(call, cursor), entry.adapter.spec.timeout)
        return adapter.parse_templates(call, cursor, answer)

    def _document(self, row: Row) -> dict[str, Any]:
        copy_id, account_id, *kept, synced_at = row
        entry = self._directory.account(account_id)
        return {
            "id": copy_id,
            "account_id": account_id,
            "account": entry.name if entry else "",
            "provider": entry.provider if entry else "",
            **msgspec.to_builtins(template_of(*kept)),
            "synced_at": synced_at,
        }


def kept_of(template: ProviderTemplate) -> Kept:
    """A template as a row keeps it; PostgreSQL takes no U+0000 in its columns."""
    return Kept(
        template.state.value,
        _clean(template.raw_state),
        _clean(template.category),
        _clean(template.quality),
        _clean(template.reason),
        _clean(template.provider_ref),
        _encode(template).decode(),
    )


def _clean(text: str) -> str:
    return text.replace("\0", "")


def _put(found: dict[Place, ProviderTemplate], page: TemplatePage) -> None:
    """Add a page; of two with the same name and language the approved one counts, else the first."""
    for template in page.templates:
        place = _clean(template.name), _clean(template.language)
        if place not in found or (
            template.state is TemplateState.APPROVED and found[place].state is not TemplateState.APPROVED
        ):
            found[place] = template


def _keep(tx: Transaction, entry: AccountEntry, found: Mapping[Place, ProviderTemplate], now: int) -> dict[str, int]:
    """Bring our rows up to date with a whole list, and count what that changed."""
    known = queries.kept_copies(tx, entry.id)
    listed = {place: kept_of(template) for place, template in found.items()}
    fresh = {place: kept for place, kept in listed.items() if known.get(place) != kept}
    disabled = TemplateState.DISABLED.value
    replaced = _replaced(entry, known, listed)
    gone = [
        place
        for place, kept in known.items()
        if place not in listed and place not in replaced and (kept.state, kept.reason) != (disabled, GONE)
    ]
    queries.keep_copies(tx, entry.workspace_id, entry.id, fresh, now=now)
    queries.drop_copies(tx, entry.id, replaced)
    queries.disable_copies(tx, entry.id, gone, state=disabled, reason=GONE, now=now)
    queries.catalogue_read(tx, entry.id, now=now)
    if fresh or gone or replaced:
        count_template_change(tx, entry.id)
    again = {name for name, _ in replaced}
    before = {place: _standing(kept) for place, kept in known.items()}
    after = {place: _standing(kept) for place, kept in fresh.items()}
    after |= {place: before[place]._replace(state=disabled, reason=GONE) for place in gone}
    note_changes(tx, entry.workspace_id, entry.id, before, after, now=now)
    added = sum(place not in known and place[0] not in again for place in fresh)
    return {"added": added, "changed": len(fresh) - added, "gone": len(gone), "total": len(listed)}


def _standing(kept: Kept) -> Standing:
    return Standing(kept.state, kept.category, kept.quality, kept.reason)


def _replaced(entry: AccountEntry, known: Iterable[Place], listed: Mapping[Place, Kept]) -> set[Place]:
    """Places of templates that are listed in another: handed in with a language of ours, listed with one or none."""
    if not isinstance(entry.adapter, TemplateCatalog) or entry.adapter.minds_language:
        return set()
    names = {name for name, _ in listed}
    return {place for place in known if place not in listed and place[0] in names}


def _granted(answer: TemplatePage | ProviderError) -> TemplatePage:
    if isinstance(answer, ProviderError):
        raise Conflict("provider_refused", answer.detail or f"It refused with the code {answer.code}.")
    return answer
