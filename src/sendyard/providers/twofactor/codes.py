"""
What 2Factor says, sorted: it has no numbers, only sentences in answers and words in reports.

A sentence gets a lower-case name of ours and is found by what it contains; a word of a report stands in upper case.
Source: sheet sections 4, 6 and 7; the DLT words are those that Indian operators put into reports.
"""

from functools import lru_cache
from types import MappingProxyType

from sendyard.domain.errors import ErrorKind
from sendyard.domain.status import ReportStatus
from sendyard.providers.spec import Code

_ELSEWHERE = "Operators let nothing through to this number; reach the person another way."
_KEY_PLACE = "Sign in at 2factor.in and copy the API key from the dashboard again, without blanks."
_DLT_PLACE = "Compare sender, template and entity with your DLT portal, and with what 2Factor has approved."
_TEXT_PLACE = "Send exactly the approved text: every space, sign and capital letter outside the variables counts."

SENTENCES = {
    "no_session": Code(
        ReportStatus.UNMAPPED,
        "Invalid API / SessionId Combination - No Entry Exists",
        "2Factor does not know this session. If it says so of new codes, set the account to check codes by number.",
    ),
    "invalid_api_key": Code(ErrorKind.AUTH_FAILED, "Invalid API Key", _KEY_PLACE),
    "authentication_failed": Code(
        ErrorKind.AUTH_FAILED,
        "Authentication Failed",
        f"{_KEY_PLACE} If the key is right, allow this server's public IP address for the account.",
    ),
    "account_disabled": Code(ErrorKind.AUTH_FAILED, "Account Disabled", "Ask 2Factor's support why, and to enable it."),
    "invalid_phone": Code(
        ErrorKind.INVALID_RECIPIENT,
        "Invalid Phone Number - Length Mismatch(Expected: 10)",
        "Indian mobile numbers have ten digits. If all numbers are refused so, change the account's number form.",
    ),
    "dlt_mismatch": Code(ErrorKind.REGISTRY_REFUSED, "DLT- registration not found (entity or PE-TM chain)", _DLT_PLACE),
    "unknown_template": Code(
        ErrorKind.NOT_REGISTERED,
        "Template not found or not approved",
        "Write the template's name exactly as it stands in the 2Factor panel, and wait until it is approved there.",
    ),
    "unknown_sender": Code(
        ErrorKind.NOT_REGISTERED,
        "Sender Id not approved",
        "Register the header on DLT and have 2Factor approve it; send without operator prefix and suffix.",
    ),
    "insufficient_balance": Code(
        ErrorKind.OUT_OF_CREDIT,
        "Insufficient Balance",
        "Buy credit in the 2Factor panel for this product: OTP, transactional and promotional are separate.",
    ),
    "too_many_requests": Code(
        ErrorKind.THROTTLED,
        "Too Many Requests",
        "2Factor takes 200 requests a second; is another system using the same account?",
    ),
    "otp_mismatch": Code(ReportStatus.UNMAPPED, "OTP Mismatch", "The person typed another code; let them try again."),
    "otp_expired": Code(ReportStatus.UNMAPPED, "OTP Expired", "Send a new code."),
}

_WORDS = {
    "DELIVERED": Code(ReportStatus.DELIVERED, "DELIVERED"),
    "PENDING": Code(ReportStatus.SENT, "PENDING"),
    "QUEUED": Code(ReportStatus.SENT, "QUEUED"),
    "ACCEPTED": Code(ReportStatus.SENT, "ACCEPTED"),
    "ACCEPTD": Code(ReportStatus.SENT, "ACCEPTD"),
    "SENT": Code(ReportStatus.SENT, "SENT"),
    "SUBMITTED": Code(ReportStatus.SENT, "SUBMITTED"),
    "FAILED": Code(ErrorKind.UNDELIVERABLE, "FAILED"),
    "UNDELIVERED": Code(ErrorKind.UNDELIVERABLE, "UNDELIVERED"),
    "UNDELIVERABLE": Code(ErrorKind.UNDELIVERABLE, "UNDELIVERABLE"),
    "EXPIRED": Code(ErrorKind.EXPIRED, "EXPIRED"),
    "DELETED": Code(ErrorKind.UNDELIVERABLE, "DELETED"),
    "REJECTED": Code(
        ErrorKind.BLOCKED, "REJECTED", "The carrier refused it; ask 2Factor's support with the session id."
    ),
}

# No automatic retry and no other provider helps against what the operators' registry refuses.
_DLT = {
    "DLT-CNT-REJECT": Code(ErrorKind.CONTENT_REJECTED, "The text does not match the DLT template", _TEXT_PLACE),
    "TEMPLATE-NOT-MATCHED": Code(ErrorKind.CONTENT_REJECTED, "The text does not match the template", _TEXT_PLACE),
    "TEMPLATE-VARIABLE-EXCEEDED-MAX-LENGTH": Code(
        ErrorKind.CONTENT_REJECTED, "A value is too long for its variable", "Shorten the value to 30 characters."
    ),
    "REJECTED-MULTIPART": Code(ErrorKind.CONTENT_REJECTED, "More than 160 characters", "Shorten the text."),
    "INVALID-TEMPLATE": Code(ErrorKind.REGISTRY_REFUSED, "The template is unknown on DLT", _DLT_PLACE),
    "TEMPLATE-INACTIVE": Code(ErrorKind.REGISTRY_REFUSED, "The template is inactive on DLT", _DLT_PLACE),
    "TEMPLATE-BLACKLISTED": Code(ErrorKind.REGISTRY_REFUSED, "The template is blacklisted on DLT", _DLT_PLACE),
    "SENDER-NOT-MATCHED": Code(ErrorKind.REGISTRY_REFUSED, "The sender does not belong to the template", _DLT_PLACE),
    "HEADER-NOT-REGISTERED": Code(ErrorKind.REGISTRY_REFUSED, "The sender is not registered on DLT", _DLT_PLACE),
    "SNDR-NT-REG": Code(ErrorKind.REGISTRY_REFUSED, "The sender is not registered on DLT", _DLT_PLACE),
    "SNDR-INACTVE": Code(ErrorKind.REGISTRY_REFUSED, "The sender is inactive on DLT", _DLT_PLACE),
    "NDNC": Code(ErrorKind.BLOCKED, "On the do-not-disturb register", "Send no offers to this number."),
    "NDNC-REJECTED": Code(ErrorKind.BLOCKED, "On the do-not-disturb register", "Send no offers to this number."),
    "DND": Code(ErrorKind.BLOCKED, "On the do-not-disturb register", "Send no offers to this number."),
    "DND-NUMB": Code(ErrorKind.BLOCKED, "On the do-not-disturb register", "Send no offers to this number."),
    "BLACKLIST": Code(ErrorKind.BLOCKED, "The number is on a list of blocked numbers", _ELSEWHERE),
    "BARRED": Code(ErrorKind.BLOCKED, "The number is barred from receiving", _ELSEWHERE),
    "SERIES-BLOCK": Code(ErrorKind.BLOCKED, "The number's series is blocked", _ELSEWHERE),
    "ABSENT-SUB": Code(ErrorKind.UNDELIVERABLE, "The handset was not in reach"),
    "MESSAGE-INBOX-FULL": Code(ErrorKind.UNDELIVERABLE, "The handset's memory is full"),
    "HANDSET-BUSY": Code(ErrorKind.UNDELIVERABLE, "The handset was busy"),
    "MOB-OFF": Code(ErrorKind.UNDELIVERABLE, "The handset was switched off"),
    "NET-ERR": Code(ErrorKind.UNDELIVERABLE, "The network failed"),
    "INVALID-SUB": Code(ErrorKind.INVALID_RECIPIENT, "No such subscriber", "Ask the person for a working number."),
}

CODES = MappingProxyType({**SENTENCES, **_WORDS, **_DLT})

# In this order: "Invalid API / SessionId" is no bad key, and a template that is inactive is no inactive account.
_CONTAINS = (
    ("no entry exists", "no_session"),
    ("session", "no_session"),
    ("invalid api key", "invalid_api_key"),
    ("authentication failed", "authentication_failed"),
    ("unauthor", "authentication_failed"),
    ("otp mismatch", "otp_mismatch"),
    ("otp expired", "otp_expired"),
    ("invalid phone", "invalid_phone"),
    ("length mismatch", "invalid_phone"),
    ("dlt-cnt-reject", "DLT-CNT-REJECT"),
    ("dlt-", "dlt_mismatch"),
    ("pe-tm", "dlt_mismatch"),
    ("entity", "dlt_mismatch"),
    ("template", "unknown_template"),
    ("sender id not approved", "unknown_sender"),
    ("account disabled", "account_disabled"),
    ("inactive", "account_disabled"),
    ("balance", "insufficient_balance"),
    ("credit", "insufficient_balance"),
    ("too many", "too_many_requests"),
    ("limit", "too_many_requests"),
)


@lru_cache(maxsize=512)
def name_of(sentence: str) -> str:
    """Our name of an error sentence, or its first 60 characters when nobody has described it."""
    lowered = sentence.lower()
    return next((name for words, name in _CONTAINS if words in lowered), sentence.strip()[:60])


@lru_cache(maxsize=512)
def word_of(said: str) -> str:
    """A word of a report in the spelling of the table: upper case, hyphens between."""
    return "-".join(said.upper().replace("_", " ").replace("-", " ").split())[:60]


def word_meaning(word: str) -> ErrorKind | ReportStatus:
    """What a word of a report means, including the families that have no complete list."""
    if known := CODES.get(word):
        return known.meaning
    if "NDNC" in word or "DND" in word:
        return ErrorKind.BLOCKED
    return ErrorKind.REGISTRY_REFUSED if word.startswith("DLT-") else ErrorKind.UNMAPPED
