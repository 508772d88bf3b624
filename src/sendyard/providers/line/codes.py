"""
What LINE's answers mean.

LINE has no error codes, only HTTP statuses and sentences (https://developers.line.biz/en/reference/messaging-api/), so
the names here are ours: one for each documented sentence, `http:<status>` where the status says all.
"""

from collections.abc import Mapping
from types import MappingProxyType

from sendyard.domain.errors import ErrorKind
from sendyard.domain.status import ReportStatus
from sendyard.providers.spec import OUR_REQUEST, Code

WHERE_TOKENS_ARE = "LINE Developers Console, your channel, Messaging API, Channel access token (long-lived), Issue"
WHERE_SECRETS_ARE = "LINE Developers Console, your channel, Basic settings, Channel ID and Channel secret"

CODES: Mapping[str, Code] = MappingProxyType(
    {
        "accepted": Code(ReportStatus.SENT, "taken by LINE, which never tells of one message whether it arrived"),
        "already_accepted": Code(ReportStatus.SENT, "The retry key is already accepted"),
        "http:401": Code(
            ErrorKind.AUTH_FAILED,
            "Authentication failed. Confirm that the access token in the authorization header is valid.",
            f"Copy the channel access token again: {WHERE_TOKENS_ARE}.",
        ),
        "invalid_client": Code(
            ErrorKind.AUTH_FAILED,
            "the channel id or the channel secret is not valid",
            f"Copy both again: {WHERE_SECRETS_ARE}.",
        ),
        "http:403": Code(
            ErrorKind.AUTH_FAILED,
            "Access to this API is not available for your account",
            "The plan or the kind of the Official Account does not allow it: LINE Official Account Manager, Settings.",
        ),
        "monthly_limit": Code(
            ErrorKind.OUT_OF_CREDIT,
            "You have reached your monthly limit.",
            "Wait for the next month or choose a larger plan: LINE Official Account Manager, Settings, Monthly plan.",
        ),
        "rate_limit": Code(ErrorKind.THROTTLED, "The API rate limit has been exceeded. Try again later."),
        "invalid_to": Code(
            ErrorKind.INVALID_RECIPIENT,
            "The property, 'to', in the request body is invalid",
            "Use the id of the person in this channel (U and 32 hexadecimal digits); it comes with each webhook event.",
        ),
        "failed_to_send": Code(
            ErrorKind.INVALID_RECIPIENT,
            "Failed to send messages",
            "The person is no friend of the Official Account, or the id belongs to another channel.",
        ),
        "profile_not_found": Code(
            ErrorKind.INVALID_RECIPIENT,
            "Not found: unknown, no friend of the Official Account, or it is blocked",
            "Ask the person to add the Official Account as a friend.",
        ),
        "http:422": Code(
            ErrorKind.INVALID_RECIPIENT,
            "the phone number cannot be reached (phone-based push only)",
            "Write to the person's LINE user id instead.",
        ),
        "invalid_body": Code(
            ErrorKind.CONTENT_REJECTED, "The request body has X error(s)", "Change what the detail names."
        ),
        "invalid_reply_token": Code(
            ErrorKind.EXPIRED, "Invalid reply token", "It was used, or a minute has passed: send without replying."
        ),
        "http:409": Code(ErrorKind.CONTENT_REJECTED, "in conflict with the present state", OUR_REQUEST),
        "http:410": Code(
            ErrorKind.CONTENT_REJECTED,
            "Gone: the content is no longer kept",
            "LINE no longer has it: ask the person to send it again.",
        ),
        "http:413": Code(ErrorKind.CONTENT_REJECTED, "the request is larger than 2 MB", "Shorten the message."),
        "http:415": Code(
            ErrorKind.CONTENT_REJECTED,
            "the type of the file is not supported",
            "Send a file of another type: a JPEG or PNG picture, an MP4 film, an M4A sound.",
        ),
        "http:404": Code(
            ErrorKind.UNSUPPORTED, "Not found", "Check the interface address; it ends without a slash or path."
        ),
        "narrowcast:1": Code(ErrorKind.UNDELIVERABLE, "The narrowcast failed inside LINE", "Send it once more."),
        "narrowcast:2": Code(
            ErrorKind.INVALID_RECIPIENT, "Too few recipients", "Choose an audience of more people: LINE wants 50."
        ),
        # Which of the two requests did the work, LINE does not say; the first one may have reached everybody.
        "narrowcast:3": Code(ReportStatus.UNMAPPED, "In conflict with the same request, accepted before"),
        "narrowcast:4": Code(
            ErrorKind.INVALID_RECIPIENT,
            "An audience of the condition has fewer than 50 people",
            "Choose another audience, or wait until this one has grown.",
        ),
        "narrowcast:5": Code(
            ErrorKind.UNDELIVERABLE,
            "Cancelled so that not only a part of the audience gets it",
            "Compare the size of the audience with the messages left this month.",
        ),
        "nobody_reached": Code(
            ErrorKind.UNDELIVERABLE,
            "Succeeded, but reached nobody",
            "Look at the audience in LINE's manager.",
        ),
        "sending": Code(ReportStatus.SENT, "The narrowcast is under way"),
        "waiting": Code(ReportStatus.SENT, "The narrowcast waits for its audience to be picked"),
        "succeeded": Code(ReportStatus.DELIVERED, "The narrowcast reached its audience"),
        # Nobody else's fault: the others in the same call were not sent to either, and go again.
        "batch_refused": Code(
            ErrorKind.UNAVAILABLE,
            "The whole multicast was refused because of another recipient's id",
            "Remove the id that LINE refuses, or switch off multicast for this account.",
        ),
        # These say nothing about whether the message was taken; a submit that gets one is repeated under its key.
        "http:500": Code(ErrorKind.UNAVAILABLE, "Internal server error"),
        "http:502": Code(ErrorKind.UNAVAILABLE, "Bad gateway"),
        "http:503": Code(ErrorKind.UNAVAILABLE, "Service unavailable"),
    }
)
"""Of one class, the most telling first."""
