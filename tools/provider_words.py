"""
The words in which the provider pages say what is data elsewhere: one sentence for each member of a closed list.
"""

from collections.abc import Mapping

from sendyard.delivery.policy import Rule
from sendyard.domain.channels import Channel
from sendyard.domain.errors import ErrorKind
from sendyard.domain.status import ReportStatus
from sendyard.providers.spec import AddressFormat, CallbackAuth, Counting, RateUnit

CHANNELS: Mapping[Channel, str] = {
    Channel.SMS: "SMS",
    Channel.MMS: "MMS",
    Channel.WHATSAPP: "WhatsApp",
    Channel.ALIMTALK: "Kakao AlimTalk",
    Channel.BRANDMESSAGE: "Kakao BrandMessage",
    Channel.RCS: "RCS",
    Channel.LINE: "LINE",
}

KINDS: Mapping[ErrorKind, str] = {
    ErrorKind.THROTTLED: "too fast",
    ErrorKind.UNAVAILABLE: "the provider says it did not take the message, or could not be reached",
    ErrorKind.AUTH_FAILED: "the credentials are refused",
    ErrorKind.OUT_OF_CREDIT: "there is no money left at the provider",
    ErrorKind.NOT_REGISTERED: "sender or template is unknown to the provider",
    ErrorKind.REGISTRY_REFUSED: "the regulator's registry refuses sender, template or entity, whoever sends it",
    ErrorKind.UNSUPPORTED: "this account cannot carry it (country, channel, region)",
    ErrorKind.INVALID_RECIPIENT: "the address cannot receive it, whoever sends it",
    ErrorKind.OPTED_OUT: "the person asked not to be contacted",
    ErrorKind.BLOCKED: "a do-not-disturb list or the carrier blocks it",
    ErrorKind.CONTENT_REJECTED: "the text, template or file is not allowed",
    ErrorKind.EXPIRED: "its validity passed at the provider",
    ErrorKind.UNDELIVERABLE: "handset or network could not receive it",
    ErrorKind.UNMAPPED: "a code that is missing from our table",
}

REPORTS: Mapping[ReportStatus, str] = {
    ReportStatus.SENT: "the provider, or a carrier, has the message",
    ReportStatus.DELIVERED: "the handset has the message",
    ReportStatus.READ: "the person opened it",
    ReportStatus.FAILED: "it did not arrive; a code or a class says why",
    ReportStatus.UNMAPPED: "a word that is missing from our table: it is kept and shown, and changes nothing",
}

PROOFS: Mapping[CallbackAuth, str] = {
    CallbackAuth.SIGNATURE: "a signature over what is said",
    CallbackAuth.TIMESTAMP_SIGNATURE: "a signature that does not cover the body, and the unguessable address",
    CallbackAuth.SHARED_SECRET: "a shared secret that travels with every callback",
    CallbackAuth.URL_TOKEN: "the unguessable address alone, so keep it to yourself",
}

COUNTING: Mapping[Counting, str] = {
    Counting.GSM: "GSM-7 (160 characters, then 153 a part), else UCS-2 (70, then 67)",
    Counting.CP949: "bytes of CP949 (90 are an SMS, 2,000 an LMS)",
}

NUMBERS: Mapping[AddressFormat, str] = {
    AddressFormat.E164: "with plus and country code: `+886912345678`",
    AddressFormat.NO_PLUS: "with country code, without plus: `886912345678`",
    AddressFormat.NATIONAL: "as dialled in the country: `0912345678`",
}

RATES: Mapping[RateUnit, str] = {
    RateUnit.REQUEST: "requests",
    RateUnit.MESSAGE: "messages",
    RateUnit.PART: "message parts",
}

SHARED: Mapping[str, str] = {
    "channel": "channel",
    "content": "content",
    "sender": "sender",
    "purpose": "purpose",
    "registration": "ids at the regulator",
    "fallback": "fallback",
    "valid_until": "validity",
}
"""Fields of `Outgoing` by which messages share a request; one that is not here goes by its own name."""


def consequence(rule: Rule) -> str:
    """What the engine does about an error of this class, in the order in which it does it."""
    steps = []
    if rule.pauses_account:
        steps.append("pauses the account and says why")
    if rule.suppresses:
        steps.append("never writes to this address again")
    if rule.same_route:
        steps.append("waits and tries the same account again")
    if rule.next_route:
        steps.append("goes on to the next account of the route, where failover is on")
    return "; ".join(steps) or "gives the message up as failed"


def lasting(seconds: float) -> str:
    """A length of time as people say it: `90 s`, `10 min`, `12 h`, `2 days`."""
    for unit, size in (("days", 86_400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * size and seconds % size == 0:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:g} s"
