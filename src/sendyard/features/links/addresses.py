"""
Short addresses for recipients: what `{link.CODE}` is in the message of each.

In a campaign an address is computed from the row alone, so a million people cost no row and no statement each. A
single message gets a row of its own, which remembers the message and what the target's variables were.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from time import monotonic

import msgspec

from sendyard.delivery.directory import Directory
from sendyard.domain.errors import FieldError, Invalid
from sendyard.domain.links.tokens import MOST_ROWS
from sendyard.domain.template import MissingVariable
from sendyard.features.links import queries
from sendyard.features.links.domains import PATH, home_of
from sendyard.features.links.names import PREFIX, TOKEN, code_of, codes_among, is_link_variable
from sendyard.features.links.queries import LinkRow
from sendyard.features.links.targets import target_of
from sendyard.storage.engine import Database
from sendyard.storage.identifiers import now_ms
from sendyard.storage.transaction import Transaction

_REMEMBERED = 60.0  # seconds; a host that changes is written a little later
_MOST_REMEMBERED = 1024
_MOST_SHOWN = 10_000
_encode = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True)
class NamedLink:
    """A link that a text names, with how its address looks there."""

    code: str
    url: str
    sample: str
    expires_at: int | None


@dataclass(frozen=True, slots=True)
class RowAddresses:
    """The addresses of one campaign's recipients, by row. Any thread may ask."""

    _write: Callable[[int, int], str]
    _places: Sequence[tuple[str, str, int]]  # variable, what stands before the token, number
    _needed: Sequence[str]  # variables of targets

    def of(self, row: int, values: Mapping[str, str]) -> dict[str, str]:
        """
        Give the values of link variables for the recipient in a row, whose other values are `values`.

        Raises:
            MissingVariable: a value is missing that a target needs.
            Invalid: the row is beyond what addresses can tell apart.
        """
        missing = [name for name in self._needed if not values.get(name, "").strip()]
        if missing:
            raise MissingVariable(missing)
        if not 0 < row < MOST_ROWS:
            detail = f"Expected at most {MOST_ROWS - 1:,} rows in a campaign with short links, found row {row:,}."
            raise Invalid("too_many_rows", detail)
        return {name: f"{before}{self._write(number, row)}" for name, before, number in self._places}


class Addresses:
    """Makes short addresses."""

    def __init__(self, database: Database, directory: Directory) -> None:
        """Take where rows are, and what writes tokens and knows the public address."""
        self._database = database
        self._directory = directory
        self._known: dict[tuple[str, str, tuple[str, ...]], tuple[float, RowAddresses]] = {}

    async def named(self, workspace_id: str, variables: Iterable[str]) -> list[NamedLink]:
        """
        Give the links that a text names.

        Raises:
            Invalid: there is no such link, or no address to begin with; each is named.
        """
        codes = codes_among(variables)
        if not codes:
            return []
        found, homes = await self._database.read(lambda tx: self._look(tx, workspace_id, codes))
        token = self._directory.link_tokens.sample
        return [
            NamedLink(code, found[code].url, f"{homes[code]}{PATH}{token}", found[code].expires_at) for code in codes
        ]

    async def of_campaign(
        self, workspace_id: str, campaign_id: str, variables: Iterable[str], *, test: bool = False
    ) -> RowAddresses | None:
        """
        Give the addresses of a campaign's recipients, or of its tests, whose visits count for nothing; None when its
        text names no link.

        Raises:
            Invalid: there is no such link, or no address to begin with.
        """
        names = tuple(sorted({name for name in variables if is_link_variable(name)}))
        if not names:
            return None
        kind = "test" if test else "campaign"
        key = campaign_id, kind, names
        known = self._known.get(key)
        if known and monotonic() < known[0]:
            return known[1]
        codes = codes_among(names)
        found, homes = await self._database.read(lambda tx: self._look(tx, workspace_id, codes))
        ids = {code: found[code].id for code in codes}
        numbers = await self._database.read(lambda tx: queries.uses(tx, ids.values(), campaign_id, kind))
        if len(numbers) < len(ids):
            numbers = await self._database.write(
                lambda tx: {one: queries.number(tx, workspace_id, one, campaign_id, kind) for one in ids.values()}
            )
        places = []
        for name in names:
            code, bare = code_of(name)
            places.append((name, "" if bare else f"{homes[code]}{PATH}", numbers[ids[code]]))
        needed = tuple(dict.fromkeys(name for code in codes for name in target_of(found[code].url).variables))
        made = RowAddresses(self._directory.link_tokens.write, tuple(places), needed)
        if len(self._known) >= _MOST_REMEMBERED:
            self._known.clear()
        self._known[key] = monotonic() + _REMEMBERED, made
        return made

    async def of_message(
        self, workspace_id: str, variables: Iterable[str], values: Mapping[str, str], message_id: str
    ) -> dict[str, str]:
        """
        Give the link variables of one message, and remember which message it is; {} when there are none.

        Raises:
            Invalid: there is no such link, no address to begin with, or a value that a target needs is missing.
        """
        names = [name for name in variables if is_link_variable(name)]
        codes = codes_among(names)
        if not codes:
            return {}
        found, homes = await self._database.read(lambda tx: self._look(tx, workspace_id, codes))
        kept: dict[str, str] = {}
        for code in codes:
            target = target_of(found[code].url)
            target.fill(values)
            kept[code] = _encode({name: values[name] for name in target.variables}).decode()

        def number(tx: Transaction) -> dict[str, str]:
            tokens = {}
            for code in codes:
                use_no, row = queries.next_row(tx, workspace_id, found[code].id)
                queries.insert_message(tx, workspace_id, use_no, row, message_id, kept[code])
                tokens[code] = self._directory.link_tokens.write(use_no, row)
            return tokens

        tokens = await self._database.write(number)
        shown = {}
        for name in names:
            code, bare = code_of(name)
            shown[name] = tokens[code] if bare else f"{homes[code]}{PATH}{tokens[code]}"
        return shown

    async def samples(self, workspace_id: str) -> dict[str, str]:
        """
        Give what the links of a workspace look like in a text, as long as real ones; they lead nowhere.

        Links for which there is no address to begin with are left out.
        """

        def read(tx: Transaction) -> list[tuple[str, str]]:
            found = queries.links(tx, workspace_id, after="", limit=_MOST_SHOWN)
            try:
                home = self._home(tx, workspace_id)
            except Invalid:
                home = ""
            return [(link.code, origin) for link in found if (origin := _own(link) or home)]

        token = self._directory.link_tokens.sample
        shown = {}
        for code, origin in await self._database.read(read):
            shown[f"{PREFIX}{code}"] = f"{origin}{PATH}{token}"
            shown[f"{PREFIX}{code}{TOKEN}"] = token
        return shown

    async def sample(
        self, workspace_id: str, variables: Iterable[str], _values: Mapping[str, str], _message_id: str
    ) -> dict[str, str]:
        """Like `of_message` for a message that is only looked at: nothing is kept. Raises Invalid."""
        names = [name for name in variables if is_link_variable(name)]
        await self.named(workspace_id, names)
        every = await self.samples(workspace_id) if names else {}
        return {name: every[name] for name in names}

    def _look(
        self, tx: Transaction, workspace_id: str, codes: Sequence[str]
    ) -> tuple[dict[str, LinkRow], dict[str, str]]:
        found = queries.links_by_code(tx, workspace_id, codes)
        missing = [code for code in codes if code not in found]
        if missing:
            named = ", ".join(f"{{{PREFIX}{code}}}" for code in missing)
            detail = f"There is no link for {named}; add one with `sendyard links add URL --code {missing[0]}`."
            raise Invalid("unknown_link", detail, errors=[FieldError("/text", "unknown_link", detail)])
        ended = [code for code, link in found.items() if link.expires_at is not None and link.expires_at <= now_ms()]
        if ended:
            detail = f"The link {ended[0]!r} has ended; give it a later end, or use another."
            raise Invalid("link_ended", detail, errors=[FieldError("/text", "link_ended", detail)])
        own = {code: _own(link) for code, link in found.items()}
        home = "" if all(own.values()) else self._home(tx, workspace_id)
        return found, {code: origin or home for code, origin in own.items()}

    def _home(self, tx: Transaction, workspace_id: str) -> str:
        return home_of(self._directory.public_url, queries.domains(tx, workspace_id))


def target_variables(tx: Transaction, workspace_id: str, variables: Iterable[str]) -> tuple[str, ...]:
    """Give the variables that the targets of the links in a text need; a link that is gone needs none."""
    codes = codes_among(variables)
    found = queries.links_by_code(tx, workspace_id, codes).values() if codes else ()
    return tuple(dict.fromkeys(name for link in found for name in target_of(link.url).variables))


def _own(link: LinkRow) -> str:
    return link.origin if link.origin and link.verified_at is not None else ""
