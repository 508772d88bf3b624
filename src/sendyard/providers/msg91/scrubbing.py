"""
What India's operators answer when they compare a message with the DLT registration, and what handsets answer.

These come in `failureReason`, `failedReason` or `desc` of a report, as a number, as a name, or as both.
Source: the shared sheet on India's rules, section 11 (several operators' and vendors' lists agree).
"""

import re
from functools import lru_cache

from sendyard.domain.errors import ErrorKind
from sendyard.providers.spec import Code

_ENTITY = "Correct the principal entity (PE) of this sender on the DLT portal; nothing else will get through."
_CHAIN = "Ask MSG91 for its telemarketer id, accept the PE-TM chain on the DLT portal, then send again."
_HEADER = "Check the header on the DLT portal: registered, active, spelled with the same capitals, and of this entity."
_TEMPLATE = "Check the content template on the DLT portal, and its DLT id in MSG91, SMS > Templates."
_TEXT = "Compare the text with the approved one letter by letter: only the variables may differ."
_LATER = "The network could not deliver it now; it may work later."
_LISTED = "The operator does not let messages of this kind through to this number."

_GROUPS: tuple[tuple[ErrorKind, str, dict[str, str]], ...] = (
    (
        ErrorKind.REGISTRY_REFUSED,
        _ENTITY,
        {
            "600": "ENTITY_NOT_FOUND",
            "601": "ENTITY_NOT_REGISTERED",
            "602": "ENTITY_INACTIVE",
            "603": "ENTITY_BLACKLISTED",
            "604": "INVALID_ENTITY_ID",
            "801": "AIRTEL_ENTITY_BLACKLISTED",
            "802": "AIRTEL_ENTITY_INACTIVE",
        },
    ),
    (
        ErrorKind.REGISTRY_REFUSED,
        _CHAIN,
        {
            "605": "ENTITY_ID_NOT_ALLOWED_FOR_TM",
            "610": "TELEMARKETER_NOT_REGISTERED",
            "611": "TELEMARKETER_INACTIVE",
            "612": "TELEMARKETER_BLACKLISTED",
            "613": "TELEMARKETER_NOT_ALLOWED_FOR_ENTITY",
            "614": "PE_TM_HASH_NOT_RECEIVED",
            "615": "PE_TM_HASH_NOT_REGISTERED",
            "616": "PE_TM_HASH_INACTIVE",
            "617": "PE_TM_HASH_BLACKLISTED",
            "618": "PE_TM_HASH_SUSPENDED",
        },
    ),
    (
        ErrorKind.REGISTRY_REFUSED,
        _HEADER,
        {
            "620": "HEADER_NOT_FOUND",
            "621": "HEADER_INACTIVE",
            "622": "HEADER_BLACKLISTED",
            "623": "PEID_NOT_MATCHED_WITH_HEADER",
            "624": "HEADER_SUSPENDED_VALIDITY",
            "625": "HEADER_SUSPENDED_USAGE",
            "634": "HEADER_NOT_REGISTERED_FOR_TEMPLATE",
            "683": "SMS_TYPE_DIFFERS_FROM_HEADER",
            "687": "SMS_TYPE_DIFFERS_FROM_TEMPLATE",
            "803": "AIRTEL_HEADER_BLACKLISTED",
            "804": "AIRTEL_HEADER_INACTIVE",
            "SENDER-NOT-MATCHED": "",
            "HEADER-NOT-REGISTERED": "",
            "SNDR-NT-REG": "",
            "SNDR-INACTVE": "",
        },
    ),
    (
        ErrorKind.REGISTRY_REFUSED,
        _TEMPLATE,
        {
            "630": "TEMPLATE_NOT_FOUND",
            "631": "TEMPLATE_INACTIVE",
            "632": "TEMPLATE_BLACKLISTED",
            "636": "ERROR_IDENTIFYING_TEMPLATE",
            "637": "INVALID_TEMPLATE_ID",
            "INVALID-TEMPLATE": "",
        },
    ),
    (
        ErrorKind.CONTENT_REJECTED,
        _TEXT,
        {"633": "TEMPLATE_NOT_MATCHED", "666": "CONTENT_MISMATCH", "DLT-CNT-REJECT": ""},
    ),
    (
        ErrorKind.CONTENT_REJECTED,
        "Shorten the values: 30 characters for an untagged variable, 40 for a tagged alphanumeric one.",
        {"635": "TEMPLATE_VARIABLE_EXCEEDED_MAX_LENGTH"},
    ),
    (
        ErrorKind.CONTENT_REJECTED,
        "The operator took no text of more than 160 characters here; shorten it.",
        {"REJECTED-MULTIPART": ""},
    ),
    (
        ErrorKind.BLOCKED,
        "The person takes no promotional messages (DND); send such ones only with their consent.",
        {"650": "PREFERENCE_NOT_MATCHED", "NDNC-REJECTED": "", "DND-NUMB": "", "NDNC": "", "DND": ""},
    ),
    (
        ErrorKind.BLOCKED,
        "No consent of this person is recorded on the DLT portal; record it there, or do not write to them.",
        {"660": "CONSENT_FAILED"},
    ),
    (ErrorKind.BLOCKED, _LISTED, {"BLACKLIST": "", "BARRED": "", "SERIES-BLOCK": ""}),
    (ErrorKind.UNDELIVERABLE, _LATER, {"670": "SCRUBBING_FAILED"}),
    (
        ErrorKind.UNDELIVERABLE,
        _LATER,
        {
            "ABSENT-SUB": "",
            "MESSAGE-INBOX-FULL": "",
            "HANDSET-BUSY": "",
            "MOB-OFF": "",
            "NET-ERR": "",
        },
    ),
    (ErrorKind.EXPIRED, "The operator gave up after the message's validity; it may work later.", {"EXPIRED": ""}),
    (ErrorKind.INVALID_RECIPIENT, "Nobody has this number; correct or remove it.", {"INVALID-SUB": ""}),
)

SCRUB_CODES: dict[str, Code] = {
    code: Code(kind, name or code, advice) for kind, advice, codes in _GROUPS for code, name in codes.items()
}
"""By number, and by the textual form where operators give no number (capitals, hyphens between words)."""

_NOT_WORDS = re.compile(r"[^A-Z0-9]+")
_NUMBER = re.compile(r"(?<![0-9])[68][0-9]{2}(?![0-9])")


def _named(text: str) -> str:
    return _NOT_WORDS.sub("-", text.upper()).strip("-")


_BY_NAME = {_named(known.wording): code for code, known in SCRUB_CODES.items()}


@lru_cache(maxsize=1024)
def scrub_code(reason: str) -> str:
    """The code a reason stands for, by its name or by a number in it; "" for words in no table."""
    if found := _BY_NAME.get(_named(reason)):
        return found
    return next((number for number in _NUMBER.findall(reason) if number in SCRUB_CODES), "")
