"""
How the emulated Twilio judges `POST Messages.json`, before anything is stored.

Source of the rules: https://www.twilio.com/docs/messaging/api/message-resource; of the magic numbers:
https://www.twilio.com/docs/iam/test-credentials.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType
from urllib.parse import parse_qsl, urlsplit

import msgspec

from sendyard.domain.channels import Channel
from sendyard.domain.parts import count_gsm
from sendyard.providers.twilio.codes import CODES
from sendyard.providers.twilio.spec import MAX_MEDIA, MAX_VALIDITY_SECONDS, SPEC, WHATSAPP_PREFIX
from sendyard.providers.twilio.switchboard import POOL_NUMBER, Customer

_NUMBER = re.compile(r"\+[1-9][0-9]{6,14}")
_WHATSAPP_USER = re.compile(r"[A-Z]{2}\.[A-Za-z0-9]+")  # business-scoped user id
_SHORT_CODE = re.compile(r"[0-9]{3,8}")
_NAME = re.compile(r"(?=.*[A-Za-z])[A-Za-z0-9 ]{1,11}")
_SERVICE = re.compile(r"MG[0-9a-fA-F]{32}")
_TEMPLATE = re.compile(r"HX[0-9a-fA-F]{32}")
_PLACEHOLDER = re.compile(r"\{\{([^{}]+)\}\}")
_NORTH_AMERICA = re.compile(r"\+1[2-9]")

_SOONEST, _LATEST = timedelta(seconds=300), timedelta(days=35)

_MAGIC_FROM = {"+15005550001": "21212", "+15005550007": "21606", "+15005550008": "21611"}
_MAGIC_ACCEPTED_FROM = "+15005550006"
_MAGIC_TO = {
    "+15005550001": "21211",
    "+15005550002": "21612",
    "+15005550003": "21408",
    "+15005550004": "21610",
    "+15005550009": "21614",
}

_variables = msgspec.json.Decoder(dict[str, str | None])
_NO_VARIABLES: Mapping[str, str] = MappingProxyType({})


class RefusedError(Exception):
    """Twilio says no with this code; the text replaces the code's title where it says more."""

    def __init__(self, code: str, text: str = "") -> None:
        known = CODES.get(code)
        super().__init__(text or (known.wording if known else f"Error {code}"))
        self.code = code


@dataclass(frozen=True, slots=True)
class Order:
    """A request that Twilio would take."""

    to: str  # as on the wire
    sender: str  # as on the wire; what the service picks when only a service was named
    channel: Channel
    is_sender_picked: bool
    service_sid: str
    body: str
    parts: int
    media: tuple[str, ...]
    template: str
    variables: Mapping[str, str]
    callback_url: str
    send_at: datetime | None

    @property
    def recipient(self) -> str:
        """E.164 or the person's id, without the channel."""
        return self.to.removeprefix(WHATSAPP_PREFIX)


def read_order(customer: Customer, form: bytes, now: datetime) -> Order:
    """Check everything that does not depend on earlier messages. Raises RefusedError."""
    pairs = parse_qsl(form.decode("utf-8", "replace"), keep_blank_values=True)
    fields = dict(pairs)
    to = _recipient(fields.get("To", ""))
    service_sid, sender = _sender(customer, fields, to)
    media = tuple([url for name, url in pairs if name == "MediaUrl"])
    template, variables = _template(customer, fields)
    body = fields.get("Body", "")
    if template:
        body = _PLACEHOLDER.sub(lambda found: variables.get(found[1], found[0]), customer.templates.get(template, ""))
    _content(body, media, template)
    _validity(fields.get("ValidityPeriod", ""))
    if to.startswith(WHATSAPP_PREFIX):
        channel = Channel.WHATSAPP
    else:
        channel = Channel.MMS if media or fields.get("SendAsMms", "").lower() == "true" else Channel.SMS
    return Order(
        to=to,
        sender=sender,
        channel=channel,
        is_sender_picked=not fields.get("From"),
        service_sid=service_sid,
        body=body,
        parts=1 if channel is not Channel.SMS else max(1, count_gsm(body).parts),
        media=media,
        template=template,
        variables=variables,
        callback_url=_callback_url(fields.get("StatusCallback", "")),
        send_at=_send_at(fields, service_sid, now),
    )


def check_magic(order: Order) -> None:
    """Apply the rules of test credentials, which refuse every live sender. Raises RefusedError."""
    if order.sender != _MAGIC_ACCEPTED_FROM:
        raise RefusedError(_MAGIC_FROM.get(order.sender, "21606"))
    if order.to in _MAGIC_TO:
        raise RefusedError(_MAGIC_TO[order.to])


def _recipient(to: str) -> str:
    if not to:
        raise RefusedError("21604")
    plain = to.removeprefix(WHATSAPP_PREFIX)
    if not (_NUMBER.fullmatch(plain) or (plain != to and _WHATSAPP_USER.fullmatch(plain))):
        raise RefusedError("21211", f"Invalid 'To' Phone Number: {to}")
    # Landlines in Taiwan are refused at once (https://www.twilio.com/en/guidelines/tw/sms).
    if to.startswith("+886") and not to.startswith("+8869"):
        raise RefusedError("21614")
    return to


def _sender(customer: Customer, fields: Mapping[str, str], to: str) -> tuple[str, str]:
    """Service and sender, each empty when not given; with a service alone, its pool gives the sender."""
    service_sid, sender = fields.get("MessagingServiceSid", ""), fields.get("From", "")
    if not service_sid and not sender:
        raise RefusedError("21603")
    if service_sid and not _SERVICE.fullmatch(service_sid):
        raise RefusedError("21705")
    if service_sid and customer.service_sid and service_sid != customer.service_sid:
        raise RefusedError("21701")
    prefix = WHATSAPP_PREFIX if to.startswith(WHATSAPP_PREFIX) else ""
    if sender:
        _check_sender(customer, sender, to, prefix)
    else:
        sender = _picked_sender(customer, prefix)
    return service_sid, sender


def _picked_sender(customer: Customer, prefix: str) -> str:
    pool = [owned for owned in customer.senders if owned.startswith(WHATSAPP_PREFIX) == bool(prefix)]
    if customer.senders and not pool:
        raise RefusedError("21703")
    return next(iter(pool), prefix + POOL_NUMBER)


def _check_sender(customer: Customer, sender: str, to: str, prefix: str) -> None:
    plain = sender.removeprefix(WHATSAPP_PREFIX)
    if not (_NUMBER.fullmatch(plain) or (plain == sender and (_SHORT_CODE.fullmatch(plain) or _NAME.fullmatch(plain)))):
        raise RefusedError("21212", f"Invalid From Number (caller ID): {sender}")
    if sender.startswith(WHATSAPP_PREFIX) != bool(prefix):
        raise RefusedError("21910")
    if customer.senders and sender not in customer.senders:
        raise RefusedError("63007" if prefix else "21606")
    # Names reach nobody in North America.
    if _NORTH_AMERICA.match(to) and _NAME.fullmatch(sender):
        raise RefusedError("21612")


def _template(customer: Customer, fields: Mapping[str, str]) -> tuple[str, Mapping[str, str]]:
    template, given = fields.get("ContentSid", ""), fields.get("ContentVariables", "")
    if not template:
        if given:
            raise RefusedError("21654")
        return "", _NO_VARIABLES
    if not _TEMPLATE.fullmatch(template) or (customer.templates and template not in customer.templates):
        raise RefusedError("21655")
    if not given:
        return template, _NO_VARIABLES
    try:
        variables = _variables.decode(given)
    except (msgspec.MsgspecError, RecursionError):
        raise RefusedError("21656") from None
    filled = {name: value for name, value in variables.items() if value}
    if len(filled) < len(variables):
        raise RefusedError("21656")
    return template, filled


def _content(body: str, media: Sequence[str], template: str) -> None:
    if not (body or media or template):
        raise RefusedError("21602")
    if len(body) > SPEC.text.max_characters:
        raise RefusedError("21617")
    if len(media) > MAX_MEDIA:
        raise RefusedError("21623")
    for url in media:
        if not _host(url):
            raise RefusedError("21620", f"Invalid media URL(s): {url}")


def _validity(period: str) -> None:
    if period and not (period.isascii() and period.isdigit() and 1 <= int(period[:9]) <= MAX_VALIDITY_SECONDS):
        raise RefusedError("21624")


def _callback_url(url: str) -> str:
    if url and ("_" in _host(url) or not _host(url)):
        raise RefusedError("21609", f"Invalid 'StatusCallback': {url}")
    return url


def _send_at(fields: Mapping[str, str], service_sid: str, now: datetime) -> datetime | None:
    if fields.get("ScheduleType", "").lower() != "fixed":
        return None
    if not service_sid:
        raise RefusedError("35118")
    if not fields.get("SendAt"):
        raise RefusedError("35111")
    try:
        send_at = datetime.fromisoformat(fields["SendAt"])
    except ValueError:
        raise RefusedError("35114") from None
    if send_at.tzinfo is None or send_at <= now + _SOONEST:
        raise RefusedError("35114")
    if send_at > now + _LATEST:
        raise RefusedError("35115")
    return send_at


def _host(url: str) -> str:
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    return (parts.hostname or "") if parts.scheme in {"http", "https"} else ""
