"""
What BizGO answers when it takes or refuses: gateway codes and service codes.

The same string means different things in the two layers (gateway A401 is a wrong key, service A401 a
bad `paymentCode`), so gateway codes carry the prefix `gateway:` here and everywhere behind the adapter;
service codes and report codes stand as BizGO writes them.

Source: https://developers.bizgo.io/api-sdk/api-reference/error-codes as of 2026-09-23. The wording is the
provider's `authResult` and `result`.
"""

from collections.abc import Iterable, Iterator

from sendyard.domain.errors import ErrorKind
from sendyard.domain.status import ReportStatus
from sendyard.providers.spec import OUR_REQUEST, Code

GATEWAY = "gateway:"
ACCEPTED = "A000"
DUPLICATE = "A301"  # of a service answer: this idempotency key was accepted earlier
THROTTLED = "A020"
NOT_POLLING = "A801"
NO_PERMISSION = "A325"

AMBIGUOUS = frozenset({"gateway:A100", "gateway:A500", "gateway:A502", "gateway:A504", "A910", "A999"})
"""Documented as temporary, but nothing says that the message was not taken before it went wrong."""

Group = tuple[ErrorKind | ReportStatus, str, str]
"""Meaning, advice for a person, and lines of `<code> <provider's wording>`."""


def expand(groups: Iterable[Group], prefix: str = "") -> Iterator[tuple[str, Code]]:
    """Turn groups into rows of a code table, in the order written."""
    for meaning, advice, lines in groups:
        for line in lines.strip().splitlines():
            code, _, wording = line.partition(" ")
            yield prefix + code, Code(meaning, wording, advice)


_WRONG_ADDRESS = "Check the base URL of the account: it ends with /api/comm and must not be redirected."
_KEY = (
    "Copy the API key again from the BizGO console (발송관리 > 연동관리), without 'Bearer', and check that the public "
    "IP address of this server is on the key's allow-list there."
)

_GATEWAY: tuple[Group, ...] = (
    (ReportStatus.SENT, "", "A000 SUCCESS"),
    (
        ErrorKind.AUTH_FAILED,
        _KEY,
        """
A401 Unauthorized
A403 Forbidden
A407 Proxy Authentication Required
A511 Network Authentication Required
""",
    ),
    (
        ErrorKind.UNAVAILABLE,
        "",
        """
A503 Service Unavailable
A500 Internal Server Error
A502 Bad Gateway
A504 Gateway Timeout
A100 Failed
""",
    ),
    (
        ErrorKind.UNSUPPORTED,
        _WRONG_ADDRESS,
        """
A301 Moved Permanently
A302 Found
A303 See Other
A304 Not Modified
A307 Temporary Redirect
A308 Permanent Redirect
A404 Not Found
A405 Method Not Allowed
""",
    ),
    (
        ErrorKind.UNSUPPORTED,
        OUR_REQUEST,
        """
A400 Bad Request
A406 Not Acceptable
A413 Request Entity Too Large
A414 Request URI Too Long
A415 Unsupported Media Type
A501 Not Implemented
""",
    ),
)

_SERVICE: tuple[Group, ...] = (
    (ReportStatus.SENT, "", "A000 Success"),
    (
        ReportStatus.SENT,
        "Accepted earlier under the same key; nothing was sent twice.",
        "A301 Duplicate idempotencyKey",
    ),
    (ErrorKind.THROTTLED, "", "A020 Number of 'Ratelimit' exceeded"),
    (ErrorKind.UNAVAILABLE, "", "A920 Server busy\nA910 Internal server error\nA999 Unknown error"),
    (
        ErrorKind.UNAVAILABLE,
        "Upload the picture again later.",
        "A214 Failed to process image file\nA215 Upload to Mobile carrier failed",
    ),
    (
        ErrorKind.AUTH_FAILED,
        "Check the account's state in the BizGO console or with BizGO's support.",
        """
A110 Blocked account
A111 Blocked account
A001 Expired token
A002 Invalid token
A100 Invaild authentication information
A113 Invaild Expired Set Value
""",
    ),
    (
        ErrorKind.OUT_OF_CREDIT,
        "Raise the message allowance or top up in the BizGO console.",
        "A320 Number of 'client message count' exceeded",
    ),
    (
        ErrorKind.UNSUPPORTED,
        "Ask BizGO to enable this channel (and fallback) for the account.",
        "A325 No permission 'Message-Send'\nA326 No Permission 'fallback'",
    ),
    (
        ErrorKind.UNSUPPORTED,
        "The key is in WEBHOOK mode: switch it to POLLING in the BizGO console, or rely on its callbacks.",
        "A801 No permission to POLLING API",
    ),
    (
        ErrorKind.INVALID_RECIPIENT,
        "Korean recipients need a mobile number; others 8 to 15 digits with their country code.",
        "A306 Invalid or empty 'to'\nA307 Missing required destination field(to, appUserId, userKey)",
    ),
    (ErrorKind.BLOCKED, "BizGO blocks this recipient as spam.", "A324 Spam filtering(to)"),
    (
        ErrorKind.NOT_REGISTERED,
        "Register the sender number in the BizGO console (발신번호) with its certificate of ownership.",
        "A327 Not Allowed 'from'\nA302 Invalid or empty 'from'",
    ),
    (ErrorKind.NOT_REGISTERED, "BizGO blocks this sender number: ask its support why.", "A323 Spam filtering(from)"),
    (
        ErrorKind.NOT_REGISTERED,
        "Check the Kakao sender key, template code, brand or partner key in the BizGO console.",
        """
A502 Invalid or empty 'senderKey'
A505 Invalid or empty 'templateCode'
A418 Invalid or empty 'agencyKey'
A419 Invalid or empty 'brandId'
A420 Invalid or empty 'brandKey'
A601 Invalid or empty 'partnerKey'
""",
    ),
    (
        ErrorKind.CONTENT_REJECTED,
        "Change the text: BizGO's filter refuses it.",
        "A322 Spam filtering(text)",
    ),
    (
        ErrorKind.CONTENT_REJECTED,
        "Shorten the text (SMS 90 bytes, LMS and MMS 2,000 bytes) and remove characters outside CP949, such as emoji.",
        """
A303 Invalid or empty 'text'
A328 Length of 'text' exceeded
A314 Invalid or empty 'fallback.text'
A329 Length of 'fallback.text' exceeded
""",
    ),
    (
        ErrorKind.CONTENT_REJECTED,
        "Attach at most three JPEG pictures of at most 300 KB, uploaded within their period of use.",
        """
A319 Number of 'filekey' exceeded
A317 Number of 'fallback.filekey' exceeded
A217 Invaild fileKey
A200 Oversize attached file
A201 Overlength the image title
A202 Invaild file
A203 Invalid Image resolution
A204 Missing file in the request
A205 Invalid MediaType
A206 Unsupported file format
A207 Invalid or Empty Content-Disposition
A208 Invalid or Empty fileName
A213 Wrong request
A219 Invalid serviceType
A220 Invalid msgType
""",
    ),
    (
        ErrorKind.CONTENT_REJECTED,
        "International messages carry neither a title nor pictures.",
        "A321 Not Allowed 'title' or 'fileKey' for international SMS",
    ),
    (
        ErrorKind.BLOCKED,
        "Advertising may be reserved for 08:00 to 20:00 Korean time only.",
        "A330 Not allowed reservation time for ad message",
    ),
    (
        ErrorKind.UNSUPPORTED,
        OUR_REQUEST,
        """
A300 Wrong request
A010 Cannot parse JSON
A011 Cannot mapping JSON
A250 Invalid formId
A304 Invalid or empty 'ttl'
A305 Invalid or empty 'ref'
A308 Invalid or empty 'idempotencyKey'
A309 Invalid 'idempotencyTtl'
A310 Length of 'paymentCode' exceeded
A311 Invalid or empty 'groupKey'
A312 Invalid or empty 'fallback.type'
A313 Invalid or empty 'clientSubId'
A315 Invalid or empty 'resvSendTime'
A316 Invalid reservation send time
A318 Number of 'to' exceeded
A331 Reservation send time exceeded
A332 Length of 'resvName' exceeded
A401 Invalid or empty 'paymentCode'
A402 Invalid or empty 'clientSubId'
A403 Invalid or empty 'transferTime'
A802 Invalid Report ID
A820 Requested data not found
A821 Session is invalid or has expired
A823 Invalid reservation send time
A824 Invalid reservation status
""",
    ),
    (
        ErrorKind.CONTENT_REJECTED,
        "Correct the named field of the RCS message.",
        """
A404 Invalid or empty 'formatId'
A406 Invalid or empty 'RCS button'
A407 Invalid or empty 'copyallowed'
A408 Invalid or empty 'expiryOption'
A409 Invalid or empty 'groupId'
A411 Invalid or empty 'header'
A412 Invalid or empty 'footer'
A413 Invalid or empty 'agencyId'
A415 Invalid or empty 'rcs.content'
A417 Number of 'Carousel card' exceeded
A424 Number of 'SubContent' exceeded
A425 buttons field is optional when using body field
A426 Invalid or empty 'button.type'
A427 Invalid or empty 'button.name'
A428 Invalid or empty button.type 'MAP_LOC'
A429 Invalid or empty button.type 'MAP_QRY'
A430 Invalid or empty button.type 'CALENDAR'
A431 Invalid or empty button.type 'COPY'
A432 Invalid or empty button.type 'COM_T'
A433 Invalid or empty button.type 'COM_V'
A434 Invalid or empty button.type 'DIAL'
""",
    ),
    (
        ErrorKind.CONTENT_REJECTED,
        "Correct the named field of the Kakao message; it must equal the approved template.",
        """
A501 Invalid or empty 'responseMethod'
A503 Invalid or empty 'button'
A506 Invalid or empty 'adFlag'
A513 Invalid or empty 'image'
A521 Invalid or empty 'item.title/description'
A523 Invalid or empty 'msgType'
A524 Invalid or empty 'button.type'
A525 Invalid or empty 'button.name'
A526 Invalid or empty 'timeout'
A559 Invalid or empty 'price'
A560 Invalid or empty 'itemHighlight.title/description'
A561 Invalid or empty 'item.summary'
A562 Invalid or empty 'supplement.quickReply'
A563 Invalid or empty 'supplement.quickReply.type'
A564 Invalid or empty 'supplement.quickReply.name'
A565 Invalid or empty 'header'
A567 Invalid or empty 'carousel'
A568 Wrong FC/FA request
A569 Invalid or empty 'adult'
A570 Invalid or empty 'targeting'
A571 Invalid or empty 'sendType'
A572 Invalid or empty 'message'
A573 Invalid or empty 'attachment'
""",
    ),
    (
        ErrorKind.CONTENT_REJECTED,
        "Correct the named field of the Naver message.",
        """
A602 Invalid 'productCode'
A603 Invalid 'buttons'
A604 Invalid 'type'
A605 Invalid 'buttonCode'
A606 WEB_LINK buttons must include 'mobileUrl'
A607 APP_LINK buttons must include both 'aOsAppScheme' and 'iOsAppScheme'
A608 Invalid 'gift'
A609 Invalid 'coupon'
""",
    ),
)

GATEWAY_CODES = dict(expand(_GATEWAY, GATEWAY))
SERVICE_CODES = dict(expand(_SERVICE))

_SERVICE_STATUS = {
    "A000": 200,
    "A001": 401,
    "A002": 403,
    "A020": 429,
    "A100": 401,
    "A110": 403,
    "A111": 403,
    "A113": 403,
    "A214": 500,
    "A215": 500,
    "A802": 403,
    "A910": 500,
    "A920": 503,
    "A999": 500,
}


def documented_status(code: str) -> int:
    """HTTP status that BizGO documents for a service code; 400 for all it does not set apart."""
    return _SERVICE_STATUS.get(code, 400)
