"""
The team of a workspace: people who get test messages, and the only ones that keys of the kind `team` reach.
"""

from collections.abc import Sequence
from typing import Any

from sendyard.delivery.preflight import is_storable
from sendyard.domain.addresses import Address, AddressKind
from sendyard.domain.channels import Channel
from sendyard.domain.errors import FieldError, Forbidden, Invalid, NotFound
from sendyard.domain.recipients import read_recipient
from sendyard.features.people import queries
from sendyard.storage.engine import Database
from sendyard.storage.identifiers import new_id, now_ms
from sendyard.storage.transaction import Transaction

LONGEST_NAME = 100
MOST_ADDRESSES = 10
MOST_MEMBERS = 200


class Team:
    """The teams of every workspace."""

    def __init__(self, database: Database) -> None:
        """Take where rows are."""
        self._database = database

    async def add(self, workspace_id: str, *, name: str, addresses: Sequence[str], country: str = "") -> dict[str, Any]:
        """
        Add a person: `{id, name, addresses, created_at}`.

        `addresses` are phone numbers, or ids of WhatsApp or LINE. One that another member had is this one's from now.

        Raises:
            Invalid: the name or an address is not usable, or the team is full.
        """
        _check(name, addresses)
        found = [_address(place, given, country) for place, given in enumerate(addresses)]
        member_id, moment = new_id(), now_ms()

        def insert(tx: Transaction) -> bool:
            if len(queries.members(tx, workspace_id)) >= MOST_MEMBERS:
                return False
            queries.add_member(tx, workspace_id, member_id=member_id, name=name.strip(), addresses=found, now=moment)
            return True

        if not await self._database.write(insert):
            raise Invalid("team_full", f"A team has at most {MOST_MEMBERS} people; remove somebody first.")
        return {"id": member_id, "name": name.strip(), "addresses": sorted(set(found)), "created_at": moment}

    async def remove(self, workspace_id: str, member_id: str) -> None:
        """Remove a person. Raises NotFound."""
        if not await self._database.write(lambda tx: queries.remove_member(tx, workspace_id, member_id)):
            detail = f"There is nobody {member_id!r:.80} in the team; `sendyard team list` shows who is."
            raise NotFound("unknown_member", detail)

    async def reachable(self, workspace_id: str, channel: Channel) -> list[str]:
        """Give the addresses of the team that a channel reaches."""
        found = await self._database.read(lambda tx: queries.team_addresses(tx, workspace_id))
        return sorted(address for address in found if _fits(Address.known(address).kind, channel))

    async def outsiders(self, workspace_id: str, recipients: Sequence[tuple[Channel, str, str]]) -> set[int]:
        """
        Say which of these, given as (channel, as typed, country), are not in the team, by their place.

        What is no address of the channel is nobody's, and left to be refused for that.
        """
        team = await self._database.read(lambda tx: queries.team_addresses(tx, workspace_id))
        found = set()
        for place, (channel, given, country) in enumerate(recipients):
            address = read_recipient(channel, given, country).address
            if address is not None and address.value not in team:
                found.add(place)
        return found

    async def expect(self, workspace_id: str, channel: Channel, to: str, country: str) -> None:
        """
        Let a team key reach the team only.

        Raises:
            Forbidden: the recipient is somebody else.
        """
        if await self.outsiders(workspace_id, [(channel, to, country)]):
            raise outsider()

    async def list(self, workspace_id: str) -> list[dict[str, Any]]:
        """Give everybody, oldest first."""

        def read(tx: Transaction) -> list[dict[str, Any]]:
            addresses = queries.member_addresses(tx, workspace_id)
            return [
                {
                    "id": member_id,
                    "name": name,
                    "addresses": [address for owner, address in addresses if owner == member_id],
                    "created_at": at,
                }
                for member_id, name, at in queries.members(tx, workspace_id)
            ]

        return await self._database.read(read)


def outsider() -> Forbidden:
    """The error for a recipient that a team key may not reach."""
    detail = "This key is of the kind team and reaches only people of the team; add the person, or use a live key."
    return Forbidden("not_in_team", detail, errors=[FieldError("/to", "not_in_team", detail)])


def _fits(kind: AddressKind, channel: Channel) -> bool:
    if channel is Channel.LINE:
        return kind is AddressKind.LINE_ID
    return kind is AddressKind.PHONE or (channel is Channel.WHATSAPP and kind is AddressKind.WHATSAPP_ID)


def _check(name: str, addresses: Sequence[str]) -> None:
    if not name.strip() or len(name) > LONGEST_NAME or not is_storable(name):
        detail = f"Expected a name of 1 to {LONGEST_NAME} characters, found {name!r:.50}."
        raise Invalid("bad_name", detail, errors=[FieldError("/name", "bad_name", detail)])
    if not 1 <= len(addresses) <= MOST_ADDRESSES:
        detail = f"Expected 1 to {MOST_ADDRESSES} addresses, found {len(addresses)}."
        raise Invalid("bad_addresses", detail, errors=[FieldError("/addresses", "bad_addresses", detail)])


def _address(place: int, given: str, country: str) -> str:
    for channel in (Channel.WHATSAPP, Channel.LINE):
        # WhatsApp's reader takes numbers too; where neither can read it, the number's reader says why.
        found = read_recipient(channel, given, country)
        if found.address is not None:
            return found.address.value
    found = read_recipient(Channel.SMS, given, country)
    raise Invalid(found.code, found.detail, errors=[FieldError(f"/addresses/{place}", found.code, found.detail)])
