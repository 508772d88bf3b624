"""
What Twilio's codes and status words mean.

Titles are Twilio's own, from https://www.twilio.com/docs/api/errors/<code>. Twilio warns that codes may be
split or refined, so a code that is not here is `UNMAPPED`, never an exception. Where a code could belong
to two classes, the comment says why it stands where it does.
"""

from collections.abc import Mapping
from types import MappingProxyType

from sendyard.domain.errors import ErrorKind
from sendyard.domain.status import ReportStatus
from sendyard.providers.spec import OUR_REQUEST, Code

_KEYS_PLACE = "Twilio Console, Account, API keys & tokens"
_SENDER_PLACE = "Twilio Console, Phone Numbers, Active numbers"
_SERVICE_PLACE = "Twilio Console, Messaging, Services"

STATUSES: Mapping[str, Code] = MappingProxyType(
    {
        "accepted": Code(ReportStatus.SENT, "accepted by the Messaging Service, a sender is being chosen"),
        "scheduled": Code(ReportStatus.SENT, "waits at Twilio for its time"),
        "queued": Code(ReportStatus.SENT, "waits in the queue of its sender"),
        "sending": Code(ReportStatus.SENT, "on its way to the carrier"),
        "sent": Code(ReportStatus.SENT, "the carrier has it"),
        # Neither delivered nor failed: some recipients or parts lack it, and sending again would double the rest.
        "partially_delivered": Code(ReportStatus.SENT, "delivered in part"),
        "delivered": Code(ReportStatus.DELIVERED, "the carrier or handset confirmed it"),
        "read": Code(ReportStatus.READ, "the person opened it"),
        "undelivered": Code(ReportStatus.FAILED, "the carrier says that it did not arrive"),
        "failed": Code(ReportStatus.FAILED, "Twilio could not send it"),
        "canceled": Code(ReportStatus.FAILED, "a scheduled message was cancelled at Twilio"),
    }
)
"""Values of `status` and `MessageStatus` on what we send; `receiving` and `received` belong to inbound messages."""

SYNCHRONOUS: Mapping[str, Code] = MappingProxyType(
    {
        "20003": Code(
            ErrorKind.AUTH_FAILED,
            "Authenticate",
            f"Copy the Account SID and the Auth Token (or the API key and its secret) again from {_KEYS_PLACE}.",
        ),
        "20005": Code(
            ErrorKind.AUTH_FAILED,
            "Account not active",
            "Sign in at Twilio: the account is suspended or closed, often because its balance ran out.",
        ),
        "20006": Code(ErrorKind.AUTH_FAILED, "Access Denied", f"Give the API key access to messages: {_KEYS_PLACE}."),
        "20008": Code(
            ErrorKind.AUTH_FAILED,
            "Test Credentials",
            f"These are test credentials, which can only pretend to send; take the live ones from {_KEYS_PLACE}.",
        ),
        "20404": Code(
            ErrorKind.AUTH_FAILED,
            "Not Found",
            f"Check the Account SID: {_KEYS_PLACE}. Check the interface address too.",
        ),
        "20004": Code(
            ErrorKind.UNSUPPORTED, "Method not allowed", "Check the interface address: it should be Twilio's own."
        ),
        "21606": Code(
            ErrorKind.NOT_REGISTERED,
            "The 'From' phone number provided is not a valid message-capable Twilio phone number for this destination.",
            f"Use a sender that this account owns and that can send messages: {_SENDER_PLACE}.",
        ),
        "21212": Code(
            ErrorKind.NOT_REGISTERED,
            "Invalid From Number (caller ID)",
            "Write the sender as +15551230000, as a short code, or as a name of up to 11 letters and digits.",
        ),
        "21601": Code(
            ErrorKind.NOT_REGISTERED,
            "Phone number is not a valid SMS-capable inbound phone number",
            f"Choose a sender with the SMS capability: {_SENDER_PLACE}.",
        ),
        "21603": Code(
            ErrorKind.NOT_REGISTERED,
            "A 'From' or 'MessagingServiceSid' parameter is required to send a message",
            "Give the message a sender, or the account a Messaging Service.",
        ),
        "21607": Code(
            ErrorKind.NOT_REGISTERED,
            "The 'from' phone number must be the sandbox phone number for trial accounts.",
            "Upgrade the trial account at Twilio, or send from its trial number.",
        ),
        "21616": Code(
            ErrorKind.NOT_REGISTERED,
            "The 'From' number matches multiple numbers for your account",
            "Write the sender with its country code.",
        ),
        "21659": Code(
            ErrorKind.NOT_REGISTERED,
            "'From' is not a Twilio phone number or Short Code country mismatch",
            f"Use a sender of this account that may send to that country: {_SENDER_PLACE}.",
        ),
        "21660": Code(
            ErrorKind.NOT_REGISTERED,
            "Mismatch between the 'From' number and the account",
            f"The sender belongs to another account or sub-account: {_SENDER_PLACE}.",
        ),
        "21661": Code(
            ErrorKind.NOT_REGISTERED,
            "'From' number is not SMS-capable",
            f"Choose a sender with the SMS capability: {_SENDER_PLACE}.",
        ),
        "21701": Code(
            ErrorKind.NOT_REGISTERED,
            "The Messaging Service does not exist",
            f"Copy the service's SID (MG…) again from {_SERVICE_PLACE}.",
        ),
        "21702": Code(
            ErrorKind.NOT_REGISTERED,
            "The Messaging Service is not available to send new messages",
            f"Look at the service's state: {_SERVICE_PLACE}.",
        ),
        "21703": Code(
            ErrorKind.NOT_REGISTERED,
            "The Messaging Service does not have a phone number available to send a message",
            f"Add a sender that reaches this country to the service's sender pool: {_SERVICE_PLACE}.",
        ),
        "21704": Code(
            ErrorKind.NOT_REGISTERED,
            "The Messaging Service contains no phone numbers",
            f"Add a sender to the service's sender pool: {_SERVICE_PLACE}.",
        ),
        "21705": Code(
            ErrorKind.NOT_REGISTERED,
            "The Messaging Service is invalid",
            f"Copy the service's SID (MG…) again from {_SERVICE_PLACE}.",
        ),
        "21910": Code(
            ErrorKind.NOT_REGISTERED,
            "Invalid From and To pair. From and To should be of the same channel.",
            "Use a WhatsApp sender for WhatsApp and a phone number for SMS.",
        ),
        "63007": Code(
            ErrorKind.NOT_REGISTERED,
            "Twilio could not find a Channel with the specified From address",
            "Register the WhatsApp sender first: Twilio Console, Messaging, Senders, WhatsApp senders.",
        ),
        "21211": Code(ErrorKind.INVALID_RECIPIENT, "Invalid 'To' Phone Number", "Ask the person for a working number."),
        "21217": Code(
            ErrorKind.INVALID_RECIPIENT,
            "Phone number does not appear to be valid",
            "Ask the person for a working number.",
        ),
        "21401": Code(ErrorKind.INVALID_RECIPIENT, "Invalid Phone Number", "Ask the person for a working number."),
        "21604": Code(
            ErrorKind.INVALID_RECIPIENT, "The destination 'To' phone number is required to send an SMS", "Add a number."
        ),
        "21614": Code(
            ErrorKind.INVALID_RECIPIENT,
            "'To' number is not a valid mobile number",
            "Ask the person for a mobile number.",
        ),
        "21635": Code(ErrorKind.INVALID_RECIPIENT, "'To' number is a landline", "Ask the person for a mobile number."),
        "21408": Code(
            ErrorKind.UNSUPPORTED,
            "Permission to send an SMS has not been enabled for the region indicated by the 'To' number",
            "Enable the country: Twilio Console, Messaging, Settings, Geo permissions.",
        ),
        # About the pair of sender and recipient, so that another route may well reach the person.
        "21612": Code(
            ErrorKind.UNSUPPORTED,
            "The 'To' phone number is not currently reachable via SMS",
            "Try another sender for this country, or another provider.",
        ),
        # The restriction is the trial account's; the number itself may be fine.
        "21608": Code(
            ErrorKind.UNSUPPORTED,
            "The 'to' phone number provided is not yet verified for this account.",
            "Upgrade the trial account at Twilio, or verify this number there.",
        ),
        "21609": Code(
            ErrorKind.UNSUPPORTED,
            "Invalid 'StatusCallback'",
            "Set the public URL to one that Twilio can reach, with a host name without underscores.",
        ),
        "21610": Code(
            ErrorKind.OPTED_OUT,
            "Attempt to send to unsubscribed recipient",
            "The person wrote STOP to this sender; only their own START lifts it.",
        ),
        "21618": Code(ErrorKind.CONTENT_REJECTED, "The message body cannot be sent", "Change the text."),
        "21602": Code(ErrorKind.CONTENT_REJECTED, "Message body is required", "Write a text."),
        "21617": Code(
            ErrorKind.CONTENT_REJECTED,
            "The concatenated message body exceeds the 1600 character limit",
            "Shorten the text to 1600 characters.",
        ),
        "21619": Code(ErrorKind.CONTENT_REJECTED, "Unable to create record", "Write a text or add a picture."),
        "21620": Code(
            ErrorKind.CONTENT_REJECTED,
            "Invalid media URL(s)",
            "Twilio must be able to fetch the file from a public http or https address.",
        ),
        "21623": Code(
            ErrorKind.CONTENT_REJECTED, "Number of media files exceeds allowed limit", "Send at most 10 files."
        ),
        "21654": Code(ErrorKind.CONTENT_REJECTED, "ContentSid Required", "Choose the template (HX…) to fill in."),
        "21655": Code(
            ErrorKind.CONTENT_REJECTED,
            "The ContentSid is Invalid",
            "Copy the template's SID (HX…) again: Twilio Console, Messaging, Content Template Builder.",
        ),
        "21656": Code(
            ErrorKind.CONTENT_REJECTED,
            "The ContentVariables Parameter is invalid",
            "Give every variable of the template a value; an empty value is refused.",
        ),
        "20001": Code(ErrorKind.CONTENT_REJECTED, "Unknown parameters", OUR_REQUEST),
        "20429": Code(ErrorKind.THROTTLED, "Too Many Requests"),
        "14107": Code(ErrorKind.THROTTLED, "SMS send rate limit exceeded"),
        "21611": Code(
            ErrorKind.THROTTLED,
            "This 'From' number has exceeded the maximum number of queued messages",
            "Send slower, or use a Messaging Service with more senders.",
        ),
        "63017": Code(ErrorKind.THROTTLED, "Rate limit exceeded"),
        "63018": Code(ErrorKind.THROTTLED, "Rate limit exceeded for Channel"),
        "21624": Code(ErrorKind.EXPIRED, "Invalid validity period value"),
        "35111": Code(ErrorKind.CONTENT_REJECTED, "SendAt timestamp is missing", OUR_REQUEST),
        "35114": Code(ErrorKind.EXPIRED, "Scheduling does not support this timestamp"),
        "35115": Code(ErrorKind.EXPIRED, "Scheduling does not support this timestamp"),
        "35117": Code(ErrorKind.EXPIRED, "Scheduling does not support this timestamp"),
        "35118": Code(
            ErrorKind.UNSUPPORTED,
            "MessagingServiceSid is required to schedule a message",
            "Give the account a Messaging Service.",
        ),
        "20500": Code(ErrorKind.UNAVAILABLE, "Internal Server Error"),
    }
)
"""Codes that can refuse a request; of one class, the most telling first."""

HTTP_STATUS: Mapping[str, int] = MappingProxyType(
    {"20003": 401, "20005": 403, "20006": 403, "20008": 403, "20404": 404, "20004": 405, "20429": 429, "20500": 500}
)
"""Status that carries a synchronous code; any other comes with 400."""

DELIVERY: Mapping[str, Code] = MappingProxyType(
    {
        "30002": Code(ErrorKind.AUTH_FAILED, "Account suspended", "Sign in at Twilio and settle what it asks for."),
        "63001": Code(
            ErrorKind.AUTH_FAILED,
            "Channel could not authenticate the request. "
            "Please see Channel specific error message for more information",
            "Connect the WhatsApp sender again: Twilio Console, Messaging, Senders, WhatsApp senders.",
        ),
        "30034": Code(
            ErrorKind.NOT_REGISTERED,
            "Message from an Unregistered Number",
            "Register brand and campaign (A2P 10DLC): Twilio Console, Messaging, Regulatory Compliance.",
        ),
        "30032": Code(
            ErrorKind.NOT_REGISTERED,
            "Toll-Free Number Has Not Been Verified",
            "Verify the toll-free number: Twilio Console, Phone Numbers, Active numbers, Regulatory information.",
        ),
        "30024": Code(
            ErrorKind.NOT_REGISTERED,
            "Numeric Sender ID Not Provisioned on Carrier",
            "The carrier does not know this sender; use one registered for that country.",
        ),
        "30018": Code(
            ErrorKind.NOT_REGISTERED,
            "Destination carrier requires sender ID pre-registration",
            "Register the sender name for that country: Twilio Console, Messaging, Senders, Alphanumeric sender IDs.",
        ),
        # Switched off or out of reach: nothing is wrong with the number, and later it may work.
        "30003": Code(ErrorKind.UNDELIVERABLE, "Unreachable destination handset", "Try again later, once."),
        "30005": Code(
            ErrorKind.INVALID_RECIPIENT, "Unknown destination handset", "Ask the person for a working number."
        ),
        "30006": Code(
            ErrorKind.INVALID_RECIPIENT, "Landline or unreachable carrier", "Ask the person for a mobile number."
        ),
        "63003": Code(
            ErrorKind.INVALID_RECIPIENT, "Channel could not find To address", "The number has no WhatsApp account."
        ),
        "63024": Code(ErrorKind.INVALID_RECIPIENT, "Invalid message recipient", "Ask the person for a working number."),
        "63015": Code(
            ErrorKind.UNSUPPORTED,
            "Channel Sandbox can only send messages to phone numbers that have joined the Sandbox",
            "Use a WhatsApp sender of your own, or let the person join the sandbox first.",
        ),
        "30010": Code(
            ErrorKind.UNSUPPORTED, "Message price exceeds max price", "Raise the price limit of the Messaging Service."
        ),
        "21610": SYNCHRONOUS["21610"],
        # The person blocked the business on WhatsApp: their own wish, so it counts as an opt-out.
        "63033": Code(ErrorKind.OPTED_OUT, "Recipient blocked to receive message", "The person blocked this sender."),
        "30004": Code(
            ErrorKind.BLOCKED,
            "Message blocked",
            "The handset or the carrier refuses messages; reach the person another way.",
        ),
        "30007": Code(
            ErrorKind.CONTENT_REJECTED,
            "Message filtered",
            "A carrier took it for spam: name the sender, avoid shortened links, keep to the registered use.",
        ),
        "30019": Code(ErrorKind.CONTENT_REJECTED, "Content size exceeds carrier limit", "Send a smaller file."),
        "63005": Code(
            ErrorKind.CONTENT_REJECTED,
            "Channel did not accept given content. Please see Channel specific error message for more information",
            "Change the text or the file.",
        ),
        "63013": Code(
            ErrorKind.CONTENT_REJECTED, "Channel policy violation", "The content breaks a rule of WhatsApp; change it."
        ),
        "63016": Code(
            ErrorKind.CONTENT_REJECTED,
            "Failed to send freeform message because you are outside the allowed window. "
            "If you are using WhatsApp, please use a Message Template.",
            "More than 24 hours have passed since the person wrote; send an approved template (HX…).",
        ),
        "63019": Code(
            ErrorKind.CONTENT_REJECTED,
            "Media failed to download",
            "Twilio must be able to fetch the file from a public http or https address.",
        ),
        "63021": Code(
            ErrorKind.CONTENT_REJECTED, "Channel invalid content error", "Keep a filled-in template to 1024 characters."
        ),
        "63027": Code(
            ErrorKind.CONTENT_REJECTED,
            "Template does not exist for a language and locale",
            "Have the template approved in this language.",
        ),
        "63028": Code(
            ErrorKind.CONTENT_REJECTED,
            "Number of parameters provided does not match the expected number of parameters",
            "The template changed at Twilio: read it again and fill in exactly its variables.",
        ),
        "63032": Code(
            ErrorKind.CONTENT_REJECTED,
            "We cannot send this message to this user because of a WhatsApp limitation.",
            "WhatsApp holds back marketing to this person; reach them on another channel.",
        ),
        "63040": Code(
            ErrorKind.CONTENT_REJECTED, "Template submission failure", "WhatsApp rejected the template; change it."
        ),
        "63041": Code(
            ErrorKind.CONTENT_REJECTED,
            "Template paused",
            "WhatsApp paused the template after complaints; use another one.",
        ),
        "30001": Code(ErrorKind.THROTTLED, "Queue overflow", "Send slower, or use a Messaging Service."),
        "30022": Code(ErrorKind.THROTTLED, "US A2P 10DLC - Rate Limits Exceeded", "Send slower to US numbers."),
        "30023": Code(
            ErrorKind.THROTTLED,
            "US A2P 10DLC - Daily Message Cap Reached",
            "The day's allowance is used up; it begins anew at midnight, Pacific time.",
        ),
        "63018": SYNCHRONOUS["63018"],
        "63038": Code(
            ErrorKind.THROTTLED, "Account exceeded the daily messages limit", "Ask Twilio for a higher daily limit."
        ),
        "30036": Code(ErrorKind.EXPIRED, "Validity Period Expired", "It waited too long at Twilio; send slower."),
        "30017": Code(ErrorKind.UNAVAILABLE, "Carrier network congestion"),
        "30008": Code(ErrorKind.UNAVAILABLE, "Unknown error"),
        "30020": Code(ErrorKind.UNAVAILABLE, "Internal Failure with Message Scheduling"),
        "30410": Code(ErrorKind.UNAVAILABLE, "Provider Timeout Error"),
        "63010": Code(ErrorKind.UNAVAILABLE, "Twilio's platform encountered an internal error processing this message"),
        "63012": Code(ErrorKind.UNAVAILABLE, "Channel provider returned an internal service error"),
        "63023": Code(ErrorKind.UNAVAILABLE, "Channel generic error"),
    }
)
"""Codes of `ErrorCode` in a callback and `error_code` in a message; of one class, the most telling first."""

CODES: Mapping[str, Code] = MappingProxyType({**STATUSES, **SYNCHRONOUS, **DELIVERY})
