"""
The links of a workspace: made, listed, changed, and what is known of their visits.
"""

import secrets
from typing import Any

from sendyard.delivery.directory import Directory
from sendyard.delivery.preflight import is_storable
from sendyard.domain.errors import Conflict, FieldError, Invalid, NotFound
from sendyard.features.links import queries
from sendyard.features.links.domains import PATH, Domains, home_of
from sendyard.features.links.names import PREFIX, is_code
from sendyard.features.links.queries import LinkRow, Tally
from sendyard.features.links.targets import checked_target, target_of
from sendyard.storage.engine import Database
from sendyard.storage.identifiers import new_id, now_ms
from sendyard.storage.transaction import Transaction

LONGEST_TITLE = 120
SHORTEST_LIFE, LONGEST_LIFE = 60, 10 * 366 * 86_400  # seconds
_LETTERS = "abcdefghjkmnpqrstuvwxyz"


class ShortLinks:
    """Keeps links."""

    def __init__(self, database: Database, directory: Directory, domains: Domains) -> None:
        """Take where rows are, what writes tokens, and the hosts."""
        self._database = database
        self._directory = directory
        self._domains = domains

    async def add(
        self,
        workspace_id: str,
        url: str,
        *,
        code: str = "",
        title: str = "",
        domain: str = "",
        expires_in: int | None = None,
        preview_page: bool = False,
    ) -> dict[str, Any]:
        """
        Make a link.

        Args:
            workspace_id: whose it is.
            url: where it leads; may have variables behind its host, as in https://shop.example.com/track?no={number}.
            code: what texts call it; one is made up when "".
            title: for people, and for the preview page.
            domain: a verified host of its own, by name or id; the workspace's when "".
            expires_in: seconds from now after which it ends; None for never.
            preview_page: whether people see where it leads before they go there.

        Raises:
            Invalid: something of it is not usable, or there is no address that it could begin with.
            NotFound: there is no such domain.
            Conflict: the code is taken, or the domain not verified.
        """
        target = checked_target(url)
        now = now_ms()
        code = code or "".join(secrets.choice(_LETTERS) for _ in range(8))
        if not is_code(code):
            detail = f"Expected small letters, digits and underscores such as spring_sale, found {code!r:.60}."
            raise Invalid("bad_code", detail, errors=[FieldError("/code", "bad_code", detail)])
        own = await self._domains.require(workspace_id, domain) if domain else None
        await self._expect_home(workspace_id, target, own.origin if own else "")
        values = {
            "id": new_id(),
            "code": code,
            "url": target,
            "title": _title(title),
            "domain_id": own.id if own else None,
            "preview_page": preview_page,
            "expires_at": _end(expires_in, now),
            "created_at": now,
        }
        if not await self._database.write(lambda tx: queries.insert_link(tx, workspace_id, values)):
            raise Conflict("code_taken", f"There is a link {code!r} already; choose another code.")
        return await self.get(workspace_id, code)

    async def get(self, workspace_id: str, name: str) -> dict[str, Any]:
        """
        Give one link, named by its code or id, with its visits and why some of them do not count.

        `short_url` leads there for nobody in particular, as for a poster; None where the target has variables.

        Raises:
            NotFound: there is no such link.
        """
        row = await self._require(workspace_id, name)
        no = None
        if not target_of(row.url).variables:
            no = (await self._database.read(lambda tx: queries.uses(tx, [row.id], "", "plain"))).get(row.id)
            if no is None:
                no = await self._database.write(lambda tx: queries.number(tx, workspace_id, row.id, "", "plain"))

        def read(tx: Transaction) -> tuple[Tally, dict[str, int], str]:
            tally = queries.tallies(tx, [row.id]).get(row.id, Tally())
            return tally, queries.reasons(tx, row.id), self._home(tx, workspace_id, row)

        tally, reasons, home = await self._database.read(read)
        short = f"{home}{PATH}{self._directory.link_tokens.write(no)}" if no is not None and home else None
        return self._document(row, tally) | {"short_url": short, "filtered_reasons": reasons}

    async def all(self, workspace_id: str, *, after: str = "", limit: int = 50) -> list[dict[str, Any]]:
        """Give links with their visits, newest first, before the id `after`."""

        def read(tx: Transaction) -> tuple[list[LinkRow], dict[str, Tally]]:
            found = queries.links(tx, workspace_id, after=after, limit=limit)
            return found, queries.tallies(tx, [row.id for row in found])

        found, tallies = await self._database.read(read)
        return [self._document(row, tallies.get(row.id, Tally())) for row in found]

    async def edit(
        self,
        workspace_id: str,
        name: str,
        *,
        title: str | None = None,
        expires_in: int | None = None,
        preview_page: bool | None = None,
    ) -> dict[str, Any]:
        """
        Change a link; what is None stays. `expires_in` counts from now, and 0 ends it at once.

        Where it leads never changes: people who have its address were promised that page.

        Raises:
            NotFound: there is no such link.
            Invalid: a value is not usable.
        """
        row = await self._require(workspace_id, name)
        now = now_ms()
        values: dict[str, Any] = {}
        if title is not None:
            values["title"] = _title(title)
        if expires_in is not None:
            values["expires_at"] = now if expires_in == 0 else _end(expires_in, now)
        if preview_page is not None:
            values["preview_page"] = preview_page
        if values:
            await self._database.write(lambda tx: queries.update_link(tx, workspace_id, row.id, values))
        return await self.get(workspace_id, row.id)

    async def clicks(
        self, workspace_id: str, name: str, *, before: int = 0, limit: int = 100, counted: bool = False
    ) -> list[dict[str, Any]]:
        """
        Give visits of a link, newest first, before the number `before`; `counted` leaves out those that do not count.

        Raises:
            NotFound: there is no such link.
        """
        row = await self._require(workspace_id, name)
        found = await self._database.read(
            lambda tx: queries.clicks(tx, row.id, before=before, limit=limit, counted=counted)
        )
        return [
            {
                "id": one.id,
                "at": one.at,
                "campaign_id": one.campaign_id or None,
                "row": one.row if one.campaign_id else None,
                "message_id": one.message_id,
                "to": one.address,
                "filtered": one.reason or None,
                "device": one.device,
            }
            for one in found
        ]

    async def _require(self, workspace_id: str, name: str) -> LinkRow:
        row = await self._database.read(lambda tx: queries.link(tx, workspace_id, name))
        if row is None:
            detail = f"There is no link {name!r:.80}; `sendyard links list` shows those there are."
            raise NotFound("unknown_link", detail)
        return row

    async def _expect_home(self, workspace_id: str, target: str, own: str) -> None:
        domains = await self._database.read(lambda tx: queries.domains(tx, workspace_id))
        homes = {own or home_of(self._directory.public_url, domains), self._directory.public_url}
        if any(home and target.lower().startswith(f"{home.lower()}{PATH}") for home in homes):
            detail = "Expected an address of a page, found a short address of this server; give the page itself."
            raise Invalid("bad_url", detail, errors=[FieldError("/url", "bad_url", detail)])

    def _home(self, tx: Transaction, workspace_id: str, row: LinkRow) -> str:
        if row.origin and row.verified_at is not None:
            return row.origin
        try:
            return home_of(self._directory.public_url, queries.domains(tx, workspace_id))
        except Invalid:
            return ""  # the address it was made with is not configured any more

    def _document(self, row: LinkRow, tally: Tally) -> dict[str, Any]:
        return {
            "id": row.id,
            "code": row.code,
            "variable": f"{{{PREFIX}{row.code}}}",
            "url": row.url,
            "title": row.title,
            "domain": row.origin,
            "preview_page": bool(row.preview_page),
            "expires_at": row.expires_at,
            "created_at": row.created_at,
            "visits": {"people": tally.people, "clicks": tally.clicks, "filtered": tally.filtered},
        }


def _title(given: str) -> str:
    if len(given) > LONGEST_TITLE or not is_storable(given):
        detail = f"Expected a title of at most {LONGEST_TITLE} ordinary characters, found {len(given)}."
        raise Invalid("bad_title", detail, errors=[FieldError("/title", "bad_title", detail)])
    return given.strip()


def _end(expires_in: int | None, now: int) -> int | None:
    if expires_in is None:
        return None
    if not SHORTEST_LIFE <= expires_in <= LONGEST_LIFE:
        detail = f"Expected {SHORTEST_LIFE} to {LONGEST_LIFE:,} seconds, found {expires_in:,}."
        raise Invalid("bad_expiry", detail, errors=[FieldError("/expires_in", "bad_expiry", detail)])
    return now + 1000 * expires_in
