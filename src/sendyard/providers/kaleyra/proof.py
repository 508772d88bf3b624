"""
What proves that a callback comes from Kaleyra, which signs nothing: a static header, or what we put into the address.

WhatsApp of version 1 calls an address that each message names and sends no headers along; there the address carries
our reference and a digest of it that only we can make.
"""

import hmac
from urllib.parse import parse_qs, quote

from sendyard.providers.contract import CallbackRejected
from sendyard.providers.kaleyra.spec import KaleyraAccount
from sendyard.providers.wire import CallbackRequest

REFERENCE_PARAMETER = "sendyard_ref"
"""Our reference in the query of an address that we give for one message."""

_PROOF_PARAMETER = "sendyard_proof"


def address_of(account: KaleyraAccount, callback_url: str, reference: str) -> str:
    """Write the callback address of one message."""
    joint = "&" if "?" in callback_url else "?"
    address = f"{callback_url}{joint}{REFERENCE_PARAMETER}={quote(reference, safe='')}"
    if account.webhook_secret is None:
        return address
    return f"{address}&{_PROOF_PARAMETER}={_digest(account.webhook_secret.get_secret_value(), reference)}"


def check_proof(account: KaleyraAccount, request: CallbackRequest) -> None:
    """Do nothing where no secret is agreed on. Raises CallbackRejected."""
    if account.webhook_secret is None:
        return
    secret = account.webhook_secret.get_secret_value()
    given = request.headers.get(account.webhook_header.lower(), "")
    if _equal(given, secret):
        return
    query = parse_qs(request.query, errors="replace")
    reference, proof = (query.get(name, [""])[0] for name in (REFERENCE_PARAMETER, _PROOF_PARAMETER))
    if not _equal(proof, _digest(secret, reference)):
        raise CallbackRejected(f"the header {account.webhook_header} is missing or has another value")


def _digest(secret: str, reference: str) -> str:
    return hmac.digest(secret.encode(), reference.encode("utf-8", "surrogatepass"), "sha256").hex()[:32]


def _equal(given: str, expected: str) -> bool:
    return hmac.compare_digest(given.encode("utf-8", "surrogatepass"), expected.encode())
