"""
Suppressions of recipients at the moment a message is accepted, those of erased people too.
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

from sendyard.delivery.directory import Directory
from sendyard.delivery.queries import Stop, erased_stops
from sendyard.domain.errors import ErrorKind, ProviderError
from sendyard.domain.status import MessageStatus
from sendyard.ledger.entries import NewMessage
from sendyard.storage.transaction import Transaction


def stop_of(message: NewMessage, address: str, stopped: Mapping[tuple[str, str, str], Stop]) -> Stop | None:
    """Find what forbids a message to an address, of suppressions by (address, channel, purpose); the broadest first."""
    channel, purpose = message.channel.value, message.purpose.value
    for place in ((address, "", ""), (address, channel, ""), (address, "", purpose), (address, channel, purpose)):
        if stop := stopped.get(place):
            return stop
    return None


def erased(
    directory: Directory, tx: Transaction, workspace_id: str, addresses: Iterable[str]
) -> dict[tuple[str, str, str], Stop]:
    """Find what erased people had forbidden, by their addresses as the caller knows them."""
    keys = directory.address_keys
    hashed = {keys.known_digest(tx, workspace_id, address): address for address in addresses}
    found = erased_stops(tx, workspace_id, (digest for digest in hashed if digest))
    return {(hashed[digest], channel, purpose): stop for (digest, channel, purpose), stop in found.items()}


def suppressed(message: NewMessage, stop: Stop) -> NewMessage:
    """Give the message as it is stored for someone who must not be contacted."""
    since = datetime.fromtimestamp(stop.created_at / 1000, UTC).date()
    source = f", from {stop.source}" if stop.source else ""
    detail = f"The recipient must not be contacted since {since} ({stop.reason}{source}); see `suppressions`."
    error = ProviderError(ErrorKind.OPTED_OUT, stop.reason, detail)
    return message.but(status=MessageStatus.SUPPRESSED, error=error, notes=())
