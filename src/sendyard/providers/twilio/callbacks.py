"""
Twilio's two callbacks, status reports and inbound messages, as events.

Sources: https://www.twilio.com/docs/messaging/guides/track-outbound-message-status and
https://www.twilio.com/docs/messaging/guides/webhook-request. Both are forms (or GET queries); parameters
are added without notice, so all of them are signed over and unknown ones are ignored.
"""

from collections.abc import Mapping

from sendyard.domain.channels import Channel
from sendyard.domain.content import Content, Media, MediaItem, Text
from sendyard.domain.status import ReportStatus
from sendyard.providers.contract import (
    CallbackRejected,
    CallbackResult,
    DeliveryEvent,
    Inbound,
    MessageKey,
    ProtocolError,
)
from sendyard.providers.twilio.answers import failure_of, plain_address, statement_key, status_of
from sendyard.providers.twilio.signature import (
    SETTINGS_HEADER,
    SIGNATURE_HEADER,
    is_body_intact,
    is_known_algorithm,
    is_signed,
    named_algorithm,
)
from sendyard.providers.twilio.spec import MAX_MEDIA, WHATSAPP_PREFIX, TwilioAccount
from sendyard.providers.wire import CallbackRequest, HttpResponse, form_fields

REFERENCE_PARAMETER = "ref"
"""Our reference in the query of `StatusCallback`; Twilio signs and returns it with every report."""

_NOTED = HttpResponse(200)
# TwiML without a verb: nothing is answered to the person.
_NO_ANSWER = HttpResponse(
    200, {"content-type": "text/xml"}, b'<?xml version="1.0" encoding="UTF-8"?><Response></Response>'
)
_OPT_OUT = {"STOP": True, "START": False}


def read_callback(account: TwilioAccount, request: CallbackRequest) -> CallbackResult:
    """Authenticate, then translate. Raises CallbackRejected or ProtocolError."""
    is_json = request.headers.get("content-type", "").strip().lower().startswith("application/json")
    form = [] if is_json or request.method == "GET" else form_fields(request.body.decode("utf-8", "replace"))
    _authenticate(account, request, form)
    if is_json:
        if not is_body_intact(request.query, request.body):
            raise CallbackRejected("bodySHA256 in the address is missing or is not the hash of the body")
        raise ProtocolError("expected a form of parameters, found a JSON body")
    query = form_fields(request.query)
    parameters = dict(query if request.method == "GET" else form)
    sid = parameters.get("MessageSid") or parameters.get("SmsSid") or parameters.get("SmsMessageSid")
    if not sid:
        raise ProtocolError("expected the parameter MessageSid or SmsSid, found neither")
    status = parameters.get("MessageStatus") or parameters.get("SmsStatus") or ""
    if status in {"received", "receiving"} or (not status and "Body" in parameters):
        return CallbackResult((_inbound(sid, parameters),), _NO_ANSWER)
    if not status:
        raise ProtocolError("expected the parameter MessageStatus, SmsStatus or Body, found none of them")
    reference = dict(query).get(REFERENCE_PARAMETER, "")
    return CallbackResult((_report(sid, status, parameters, reference),), _NOTED)


def _authenticate(account: TwilioAccount, request: CallbackRequest, form: list[tuple[str, str]]) -> None:
    given = request.headers.get(SIGNATURE_HEADER, "")
    if not given:
        raise CallbackRejected("the header X-Twilio-Signature is missing")
    settings = request.headers.get(SETTINGS_HEADER, "")
    algorithm = named_algorithm(settings)
    if not is_known_algorithm(algorithm):
        raise CallbackRejected(f"the signature is made with {algorithm[:40]}, which cannot be checked")
    shared = account.webhook_shared_key
    # Settings name a shared key; without them it is the Auth Token, which exists twice during a rotation.
    secrets = (shared,) if settings else (account.auth_token, account.secondary_auth_token)
    known = [secret.get_secret_value() for secret in secrets if secret]
    if not known:
        raise CallbackRejected("signed with a shared key: enter it as the account's webhook shared key")
    if not is_signed(given, algorithm, known, request.url, form):
        raise CallbackRejected(
            "X-Twilio-Signature does not fit the Auth Token (or shared key) and the public URL; "
            "check that the public URL is exactly the one Twilio calls"
        )


def _report(sid: str, word: str, parameters: Mapping[str, str], reference: str) -> DeliveryEvent:
    status = status_of(word)
    code = parameters.get("ErrorCode", "")
    failed = status is ReportStatus.FAILED
    # RawDlrDoneDate is left alone: Twilio says that its time zone varies even within one carrier
    # (https://www.twilio.com/en-us/changelog/addition-of-rawdlrdonedate-to-delivered-and-undelivered-status-webhooks).
    return DeliveryEvent(
        key=MessageKey(reference, sid, plain_address(parameters.get("To", ""))),
        status=status,
        raw_status=word,
        dedupe_key=statement_key(sid, word, code),
        error=failure_of(word, code, parameters.get("ChannelStatusMessage", "")) if failed else None,
    )


def _inbound(sid: str, parameters: Mapping[str, str]) -> Inbound:
    sender = parameters.get("From") or parameters.get("ExternalUserId", "")
    recipient = parameters.get("To", "")
    content = _content(parameters)
    replied = parameters.get("OriginalRepliedMessageSid")
    if sender.startswith(WHATSAPP_PREFIX):
        channel = Channel.WHATSAPP
    else:
        channel = Channel.MMS if isinstance(content, Media) else Channel.SMS
    return Inbound(
        sender=plain_address(sender),
        recipient=recipient,
        channel=channel,
        content=content,
        provider_ref=sid,
        dedupe_key=sid,
        in_reply_to=MessageKey(provider_ref=replied) if replied else None,
        opt_out=_OPT_OUT.get(parameters.get("OptOutType", "").upper()),
    )


def _content(parameters: Mapping[str, str]) -> Content:
    body = parameters.get("Body", "") or parameters.get("ButtonText", "") or _place(parameters)
    items = []
    for number in range(MAX_MEDIA):
        if not (url := parameters.get(f"MediaUrl{number}")):
            break
        items.append(MediaItem(parameters.get(f"MediaContentType{number}", "application/octet-stream"), url=url))
    return Media(tuple(items), body) if items else Text(body)


def _place(parameters: Mapping[str, str]) -> str:
    """A shared location, which comes without a body, as a line a person can read."""
    if not (parameters.get("Latitude") and parameters.get("Longitude")):
        return ""
    named = [parameters.get(name, "") for name in ("Label", "Address")]
    return ", ".join([*filter(None, named), f"{parameters['Latitude']}, {parameters['Longitude']}"])
