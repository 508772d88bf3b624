"""
The codes of Pigeon, the imaginary carrier of the emulator, and what an HTTP status means by itself.

A real carrier's codes stand in the settings of its account ("Error classes").
"""

from collections.abc import Mapping
from types import MappingProxyType

from sendyard.domain.errors import ErrorKind
from sendyard.providers.spec import Code

CODES: Mapping[str, Code] = MappingProxyType(
    {
        "http:401": Code(ErrorKind.AUTH_FAILED, "Unauthorized", "Check the account's user name and secret."),
        "http:402": Code(ErrorKind.OUT_OF_CREDIT, "Payment required", "Top up at the carrier, then resume."),
        "http:403": Code(ErrorKind.AUTH_FAILED, "Forbidden", "Check the secret, and whether this address may call."),
        "PGN_BAD_KEY": Code(ErrorKind.AUTH_FAILED, "unknown loft or key", "Copy the key again from Pigeon's loft."),
        "PGN_NO_GRAIN": Code(ErrorKind.OUT_OF_CREDIT, "no grain left", "Buy grain in Pigeon's loft, then resume."),
        "PGN_UNKNOWN_SENDER": Code(ErrorKind.NOT_REGISTERED, "sender not registered", "Register it with Pigeon."),
        "PGN_BAD_NUMBER": Code(ErrorKind.INVALID_RECIPIENT, "not a number", "Correct the recipient's number."),
        "PGN_NO_ROUTE": Code(ErrorKind.UNSUPPORTED, "no route to this country", "Route the country elsewhere."),
        "PGN_TEXT_REFUSED": Code(ErrorKind.CONTENT_REJECTED, "text refused", "Change the text."),
        "PGN_TEXT_TOO_LONG": Code(ErrorKind.CONTENT_REJECTED, "text too long", "Shorten it to 1,600 characters."),
        "PGN_OPTED_OUT": Code(ErrorKind.OPTED_OUT, "recipient opted out", "Do not write to this person."),
        "PGN_BLOCKED": Code(ErrorKind.BLOCKED, "blocked by the network", "Ask Pigeon which list blocks it."),
        "PGN_TOO_FAST": Code(ErrorKind.THROTTLED, "too many requests", "Lower the account's rate."),
        "PGN_RESTING": Code(ErrorKind.UNAVAILABLE, "the pigeons are resting", "It is repeated by itself."),
        "PGN_UNREACHABLE": Code(ErrorKind.UNDELIVERABLE, "handset not reached", "Try again later."),
        "PGN_EXPIRED": Code(ErrorKind.EXPIRED, "validity passed", "Send it again if it still matters."),
    }
)
