"""
What the carrier tells by itself: proof first, then reports and messages from people.
"""

import hmac
from base64 import b64encode
from collections.abc import Sequence
from hashlib import sha256
from urllib.parse import parse_qs

from sendyard.domain.channels import Channel
from sendyard.domain.content import Text
from sendyard.domain.errors import ErrorKind, ProviderError
from sendyard.domain.phone import parse_phone
from sendyard.domain.status import ReportStatus
from sendyard.providers.contract import (
    Call,
    CallbackEvent,
    CallbackRejected,
    DeliveryEvent,
    Inbound,
    MessageKey,
    ProtocolError,
)
from sendyard.providers.generic_http.paths import UNREAD, Document, moment
from sendyard.providers.generic_http.wire import Wire
from sendyard.providers.wire import CallbackRequest

_WINDOW = 300  # seconds a signed timestamp may be off, either way


def check_proof(wire: Wire, call: Call, request: CallbackRequest) -> None:
    """Do nothing where the unguessable address is the only proof. Raises CallbackRejected."""
    account = wire.account
    if account.callback_proof == "url_token":
        return
    secret = account.webhook_secret.get_secret_value().encode()
    if account.callback_proof == "query":
        given = parse_qs(request.query, errors="replace").get(account.proof_name, [""])[0]
    else:
        given = request.headers.get(account.proof_name.lower(), "")
    if account.callback_proof != "signature":
        if not _equal(given, secret):
            raise CallbackRejected(f"the {account.callback_proof} {account.proof_name} is missing or has another value")
        return
    signed = request.body or request.query.encode("utf-8", "surrogatepass")
    if account.timestamp_header:
        stamp = request.headers.get(account.timestamp_header.lower(), "")
        if not (stamp.isascii() and stamp.isdecimal() and len(stamp) <= 12):
            raise CallbackRejected(f"the header {account.timestamp_header} is missing or holds no Unix seconds")
        if abs(call.now.timestamp() - int(stamp)) > _WINDOW:
            raise CallbackRejected(f"the timestamp is more than {_WINDOW} seconds off; check this machine's clock")
        signed = stamp.encode() + b"." + signed
    digest = hmac.digest(secret, signed, account.signature_algorithm)
    expected = account.signature_prefix
    if account.signature_encoding == "hex":
        given, expected = given.lower(), f"{expected.lower()}{digest.hex()}"
    else:
        expected += b64encode(digest).decode()
    if not _equal(given, expected.encode()):
        raise CallbackRejected(f"the signature in {account.proof_name} is missing or belongs to another secret or body")


def events_of(wire: Wire, request: CallbackRequest) -> list[CallbackEvent]:
    """Translate; one callback may bring several. Raises ProtocolError."""
    return [_event(wire, document) for document in _documents(wire, request)]


def report(wire: Wire, key: MessageKey, word: str, code: str, when: str = "") -> DeliveryEvent:
    """One statement about one message, from a callback or a poll."""
    status = wire.statuses.get(word.casefold(), ReportStatus.UNMAPPED)
    error = None
    if status is ReportStatus.FAILED:
        known = code or word
        kind = wire.kinds.get(known, ErrorKind.UNMAPPED if code else ErrorKind.UNDELIVERABLE)
        error = ProviderError(kind or ErrorKind.UNMAPPED, known)
    return DeliveryEvent(
        key=key,
        status=status,
        raw_status=word,
        dedupe_key=f"{key.provider_ref or key.reference}:{key.recipient}:{word}:{code}",
        error=error,
        occurred_at=moment(when),
    )


def _documents(wire: Wire, request: CallbackRequest) -> Sequence[Document]:
    way = wire.account.callback_format
    if way == "none":
        raise ProtocolError("expected no callback, since the account's settings describe none; fill them in")
    if way == "query":
        return [Document.of_form(request.query)]
    try:
        text = request.body.decode("utf-8-sig")
    except UnicodeDecodeError as wrong:
        raise ProtocolError("expected a callback in UTF-8, found other bytes") from wrong
    if way == "form":
        return [Document.of_form(text)]
    whole = Document(text)
    if whole.tree is UNREAD:
        raise ProtocolError(f"expected a callback in JSON, found {text[:40]!r}")
    if wire.callback_list is None:
        return [whole]
    several = whole.node(wire.callback_list)
    if not isinstance(several, list):
        raise ProtocolError(f"expected a list at {wire.callback_list.source} of the callback, found none")
    return [Document.of_tree(one) for one in several]


def _event(wire: Wire, document: Document) -> CallbackEvent:
    paths, inbound = wire.callback, wire.inbound
    word = document.find(paths.status)
    if inbound.text is not None and (
        document.find(inbound.when).casefold() in inbound.when_values if inbound.when else not word
    ):
        return _inbound(wire, document)
    if not word:
        where = paths.status.source if paths.status else "callback_status, which is not set"
        raise ProtocolError(f"expected a status in the callback at {where}, found none")
    key = MessageKey(
        reference=document.find(paths.reference),
        provider_ref=document.find(paths.id),
        recipient=_number(wire, document.find(paths.recipient)),
    )
    if not key.reference and not key.provider_ref:
        raise ProtocolError("expected the id of a message in the callback, found neither ours nor theirs")
    return report(wire, key, word, document.find(paths.error), document.find(paths.time))


def _inbound(wire: Wire, document: Document) -> Inbound:
    paths = wire.inbound
    told, text = document.find(paths.sender), document.find(paths.text)
    sender = _number(wire, told)
    if not sender:
        raise ProtocolError(f"expected the number of a person in the callback, found {told[:20]!r}")
    reference, when = document.find(paths.id), document.find(paths.time)
    fingerprint = sha256(f"{sender}\x1f{when}\x1f{text}".encode("utf-8", "surrogatepass")).hexdigest()[:32]
    return Inbound(
        sender=sender,
        recipient=document.find(paths.recipient),
        channel=Channel.SMS,
        content=Text(text),
        provider_ref=reference,
        dedupe_key=reference or fingerprint,
        occurred_at=moment(when),
    )


def _number(wire: Wire, told: str) -> str:
    """Bring a number back to E.164; "" for what is none, or cannot be told without its country."""
    digits = told.strip().lstrip("+")
    if not (digits.isascii() and digits.isdecimal() and 4 <= len(digits) <= 20):
        return ""
    if wire.account.number_format == "national" and not told.strip().startswith("+"):
        return parse_phone(digits, wire.account.country).e164
    return f"+{digits}"


def _equal(given: str, expected: bytes) -> bool:
    return hmac.compare_digest(given.encode("utf-8", "surrogatepass"), expected)
