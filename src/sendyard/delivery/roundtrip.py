"""
One exchange over the wire: whatever happens, every message of the batch gets a receipt.
"""

import logging

from sendyard.delivery.batches import Batch
from sendyard.delivery.directory import AccountEntry
from sendyard.delivery.redaction import redact
from sendyard.delivery.transport import Lost, NotSent, Transport
from sendyard.domain.errors import ErrorKind, ProviderError
from sendyard.providers.contract import ProtocolError, Receipt, Refused, Unknown
from sendyard.providers.wire import HttpResponse

_log = logging.getLogger(__name__)


async def round_trip(
    transport: Transport, entry: AccountEntry, batch: Batch
) -> tuple[list[Receipt], HttpResponse | None]:
    """Send the request of a batch; returns one receipt per message, and the answer if there was one."""
    if batch.withheld is not None:
        return kept_back(batch, batch.withheld), None
    if batch.request is None:
        return _unbuildable(batch), None
    try:
        response = await transport.exchange(batch.request, entry.adapter.spec.timeout)
    except NotSent as error:
        return _not_sent(batch, str(error)), None
    except Lost as error:
        return _silence(batch, str(error)), None
    return _read(batch, entry, response), response


def _read(batch: Batch, entry: AccountEntry, response: HttpResponse) -> list[Receipt]:
    """Exactly one receipt per message, whatever the provider or the adapter made of it."""
    try:
        receipts = entry.adapter.parse_submit(batch.outgoing, response)
    except ProtocolError as error:
        return _silence(batch, redact(f"unreadable answer: {error}", entry.secrets))
    except Exception:  # noqa: BLE001 - any fault of an adapter
        # A fault of ours must not lose the batch: whether it was taken is simply not known.
        _log.exception("the adapter could not read an answer", extra={"exchange": batch.exchange.id})
        return _silence(batch, "the answer could not be read")
    by_id = {receipt.message_id: receipt for receipt in receipts}
    if len(by_id) == len(batch.outgoing):
        return receipts
    return [
        by_id.get(outgoing.message_id) or Unknown(outgoing.message_id, "the answer does not mention this message")
        for outgoing in batch.outgoing
    ]


def _silence(batch: Batch, reason: str) -> list[Receipt]:
    """Nobody knows, for every message of the batch."""
    return [Unknown(outgoing.message_id, reason) for outgoing in batch.outgoing]


def kept_back(batch: Batch, error: ProviderError) -> list[Receipt]:
    """Nothing left, because the provider has just refused others of this account with `error`."""
    return [Refused(outgoing.message_id, error) for outgoing in batch.outgoing]


def _unbuildable(batch: Batch) -> list[Receipt]:
    """Nothing could leave through this provider; another may manage."""
    detail = "this message cannot be put into the provider's form; that is a fault of Sendyard, its log has more"
    error = ProviderError(ErrorKind.UNSUPPORTED, "cannot_build", detail)
    return kept_back(batch, error)


def _not_sent(batch: Batch, reason: str) -> list[Receipt]:
    """Nothing left, for every message of the batch."""
    error = ProviderError(ErrorKind.UNAVAILABLE, "no_connection", reason)
    return kept_back(batch, error)
