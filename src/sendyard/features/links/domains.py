"""
Hosts of a workspace's own for its short addresses.

A host is trusted once a request to it was answered by us: we ask for `/.well-known/sendyard/ID` there and expect the
proof that only this install can give. Until then its addresses would lead nowhere, so none is written with it.
"""

from typing import Any, Protocol
from urllib.parse import urlsplit

from sendyard.delivery.directory import Directory
from sendyard.delivery.transport import Lost, NotSent
from sendyard.domain.errors import Conflict, FieldError, Invalid, NotFound
from sendyard.features.links import queries
from sendyard.features.links.queries import DomainRow
from sendyard.features.links.targets import checked_target
from sendyard.providers.spec import Timeout
from sendyard.providers.wire import HttpRequest, HttpResponse
from sendyard.storage.engine import Database
from sendyard.storage.identifiers import now_ms
from sendyard.storage.vault import Vault

WELL_KNOWN = "/.well-known/sendyard/"
PATH = "/l/"
"""What stands between a host and a token."""

_PLACE = "link domain"
_PATIENCE = Timeout(connect=5.0, total=10.0)


class Fetch(Protocol):
    """Asks another server; `delivery.outside.Outside` does, and nobody inside this network."""

    async def exchange(self, request: HttpRequest, timeout: Timeout) -> HttpResponse:  # noqa: ASYNC109 - as the transport has it
        """Send one request. Raises NotSent or Lost."""


class Domains:
    """Adds, verifies and removes hosts."""

    def __init__(self, database: Database, directory: Directory, vault: Vault, fetch: Fetch) -> None:
        """Take where rows are, the public address, what makes proofs, and what asks other servers."""
        self._database = database
        self._directory = directory
        self._vault = vault
        self._fetch = fetch

    async def add(self, workspace_id: str, host: str) -> dict[str, Any]:
        """
        Note a host; https unless `http://` stands before it.

        Raises:
            Invalid: it is no host.
            Conflict: somebody here has it already.
        """
        origin = _origin(host)
        made = await self._database.write(lambda tx: queries.insert_domain(tx, workspace_id, origin, now=now_ms()))
        if made is None:
            detail = f"{origin} is in use here already; see `sendyard links domains`, or choose another host."
            raise Conflict("domain_exists", detail)
        return self._document(made)

    async def all(self, workspace_id: str) -> list[dict[str, Any]]:
        """List hosts, oldest first; the first verified one is that of links which name none."""
        found = await self._database.read(lambda tx: queries.domains(tx, workspace_id))
        return [self._document(row) for row in found]

    async def verify(self, workspace_id: str, name: str) -> dict[str, Any]:
        """
        See whether a host, named by itself or its id, leads here.

        Raises:
            NotFound: there is no such host.
            Conflict: it leads elsewhere, or nobody answers.
        """
        row = await self._require(workspace_id, name)
        url = f"{row.origin}{WELL_KNOWN}{row.id}"
        try:
            answer = await self._fetch.exchange(HttpRequest("GET", url), _PATIENCE)
        except (NotSent, Lost) as error:
            raise _unproven(url, f"nobody answered ({error})") from None
        if answer.status != 200 or answer.body.strip() != self._proof(row.id):
            raise _unproven(url, f"another answer (status {answer.status})")
        now = now_ms()
        await self._database.write(lambda tx: queries.verify_domain(tx, workspace_id, row.id, now=now))
        return self._document(row._replace(verified_at=now))

    async def remove(self, workspace_id: str, name: str) -> None:
        """
        Forget a host; addresses written with it work as long as it leads here.

        Raises:
            NotFound: there is no such host.
            Conflict: links are tied to it.
        """
        row = await self._require(workspace_id, name)
        if not await self._database.write(lambda tx: queries.remove_domain(tx, workspace_id, row.id)):
            raise Conflict("domain_in_use", f"Links are tied to {row.origin}; it can go once none is.")

    async def proof(self, domain_id: str) -> bytes | None:
        """Answer whoever asks whether a host leads here; None for a host that nobody noted."""
        known = await self._database.read(lambda tx: queries.has_domain(tx, domain_id))
        return self._proof(domain_id) if known else None

    async def require(self, workspace_id: str, name: str) -> DomainRow:
        """
        Give a host that may be written into addresses.

        Raises:
            NotFound: there is no such host.
            Conflict: nobody has seen yet that it leads here.
        """
        row = await self._require(workspace_id, name)
        if row.verified_at is None:
            detail = f"{row.origin} is not verified; run `sendyard links domains verify {urlsplit(row.origin).netloc}`."
            raise Conflict("domain_not_verified", detail)
        return row

    async def _require(self, workspace_id: str, name: str) -> DomainRow:
        found = await self._database.read(lambda tx: queries.domains(tx, workspace_id))
        for row in found:
            if name in {row.id, row.origin, urlsplit(row.origin).netloc}:
                return row
        detail = f"There is no domain {name!r:.80}; `sendyard links domains list` shows those there are."
        raise NotFound("unknown_domain", detail)

    def _proof(self, domain_id: str) -> bytes:
        return self._vault.fingerprint(domain_id.encode(), _PLACE).hex().encode()

    def _document(self, row: DomainRow) -> dict[str, Any]:
        return {
            "id": row.id,
            "host": urlsplit(row.origin).netloc,
            "origin": row.origin,
            "check_url": f"{row.origin}{WELL_KNOWN}{row.id}",
            "created_at": row.created_at,
            "verified_at": row.verified_at,
        }


def home_of(public_url: str, domains: list[DomainRow]) -> str:
    """Give what links without a domain of their own begin with: the first verified host, else the public address."""
    own = next((row.origin for row in domains if row.verified_at is not None), public_url)
    if not own:
        detail = (
            "There is no address that short links could begin with. Set SENDYARD_PUBLIC_URL to the address under which "
            "this server is reached, or verify a domain with `sendyard links domains add`."
        )
        raise Invalid("no_link_address", detail, errors=[FieldError("/domain", "no_link_address", detail)])
    return own


def _origin(host: str) -> str:
    given = host.strip()
    try:
        origin = checked_target(given if "://" in given else f"https://{given}").rstrip("/")
    except Invalid:
        origin = ""
    if not origin or any(sign in origin.partition("://")[2] for sign in "/?#{"):
        detail = f"Expected a host such as go.example.com, found {given!r:.80}."
        raise Invalid("bad_domain", detail, errors=[FieldError("/host", "bad_domain", detail)])
    return origin


def _unproven(url: str, found: str) -> Conflict:
    return Conflict(
        "domain_elsewhere",
        f"Expected this server's proof at {url}, found {found}. Point the host's DNS entry and your reverse proxy at "
        "this server, then verify it again.",
    )
