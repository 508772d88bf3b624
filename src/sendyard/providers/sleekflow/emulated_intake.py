"""
How the emulated SleekFlow takes a message in: whose it is, whether it is well-formed, and what it says.
"""

import re
from collections.abc import Mapping
from hashlib import blake2b
from typing import Any

import msgspec

from sendyard.domain.channels import Channel
from sendyard.domain.errors import ErrorKind
from sendyard.providers.emulation import EmulatedRequest, Handled, Received
from sendyard.providers.sleekflow.codes import META, SENTENCES, STATUSES
from sendyard.providers.sleekflow.emulated_flow import as_message
from sendyard.providers.sleekflow.emulated_state import Company, SleekFlowState
from sendyard.providers.sleekflow.spec import SPEC
from sendyard.providers.wire import HttpResponse

DIGITS = re.compile(r"[0-9]{8,15}")
JSON = {"content-type": "application/json"}
_REFUSALS = {
    ErrorKind.CONTENT_REJECTED: "template",
    ErrorKind.NOT_REGISTERED: "template_unknown",
    ErrorKind.OUT_OF_CREDIT: "balance",
    ErrorKind.AUTH_FAILED: "auth",
    ErrorKind.INVALID_RECIPIENT: "recipient",
    ErrorKind.THROTTLED: "rate_limit",
    ErrorKind.OPTED_OUT: "131050",
    ErrorKind.BLOCKED: "131049",
    ErrorKind.UNSUPPORTED: "130497",
}
_STATUSES = {"auth": 401, "wrong_address": 404, "rate_limit": 429}

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder().decode


class RefusedError(Exception):
    """A no: HTTP status and sentence."""

    def __init__(self, status: int, text: str) -> None:
        """Take both."""
        super().__init__(text)
        self.status = status


def said(status: int, body: object, received: tuple[Received, ...] = ()) -> Handled:
    """An answer in JSON, with what it made SleekFlow accept."""
    return Handled(HttpResponse(status, JSON, _encode(body)), received)


def company_of(request: EmulatedRequest, state: SleekFlowState) -> Company:
    """Whose request it is. Raises RefusedError."""
    key = request.headers.get("x-sleekflow-api-key", "")
    company = state.companies.get(key)
    if company is None:
        if state.companies or not key or "invalid" in key:
            raise RefusedError(401, "Unauthorized")
        return state.open_company
    if company.in_other_region:
        raise RefusedError(401, "Unauthorized")
    return company


def json_of(request: EmulatedRequest) -> Any:
    """The decoded body. Raises RefusedError."""
    try:
        return _decode(request.body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise RefusedError(400, "The body is not valid JSON") from None


def send(company: Company, request: EmulatedRequest, state: SleekFlowState) -> Handled:
    """Answer `POST /api/message/send/json`. Raises RefusedError."""
    given = json_of(request)
    if not isinstance(given, dict):
        raise RefusedError(400, "The body must be an object")
    to, sender = given.get("to"), given.get("from", company.number)
    if not isinstance(to, str) or not DIGITS.fullmatch(to):
        raise RefusedError(400, SENTENCES["recipient"].wording)
    if sender != company.number or given.get("channel") != company.channel:
        raise RefusedError(400, SENTENCES["channel"].wording)
    name, text, media = _content(company, given)
    immediate = ""
    if refusal := request.refusal(f"+{to}"):
        code = refusal.code if refusal.code in SPEC.codes else _REFUSALS.get(refusal.kind, "")
        if code not in STATUSES:
            raise _refused(code)
        immediate = code
    if company.credit is not None:
        if company.credit <= 0:
            immediate = "OutOfCredit"
        company.credit -= 1
    tags = given.get("analyticTags", [])
    message = state.next_message(str(given.get("messageType")), text, request.now, sent_by_us=True)
    message.tags = [str(tag) for tag in tags] if isinstance(tags, list) else []
    message.status = immediate or "Sending"
    company.contact(to)
    company.conversation_with(to).messages.append(message)
    told = as_message(company, message, to)
    if not company.tells_conversation:
        del told["conversationId"]
    if immediate:
        return said(200, told)
    received = Received(
        account=company.name if company.key else _name_of(request.headers.get("x-sleekflow-api-key", "")),
        to=f"+{to}",
        sender=company.number,
        channel=Channel.WHATSAPP,
        text=text,
        provider_ref=str(message.id),
        reference=message.tags[0].removeprefix("gw:") if message.tags else "",
        media=media,
        template=name,
        at=request.now,
        extra={"id": str(message.id), "key": company.key},
    )
    return said(200, told, (received,))


def _refused(code: str) -> RefusedError:
    if code in META:
        return RefusedError(400, f"(#{code}) {META[code].wording}")
    if code in SENTENCES:
        return RefusedError(_STATUSES.get(code, 400), SENTENCES[code].wording)
    return RefusedError(400, "The message was refused for reasons of our own")


def _name_of(key: str) -> str:
    """A name for who has only a key: it may stand in mailboxes, the key may not."""
    return f"key-{blake2b(key.encode('utf-8', 'replace'), digest_size=6).hexdigest()}"


Said = tuple[str, str, tuple[str, ...]]
"""Name of the template ("" without one), text and files."""


def _content(company: Company, given: Mapping[str, Any]) -> Said:
    text = given.get("messageContent")
    extended = given.get("extendedMessage")
    # The server reads names of the extended message whatever their case.
    parts = {str(name).lower(): part for name, part in extended.items()} if isinstance(extended, dict) else {}
    direct = company.channel == "whatsappcloudapi"
    match given.get("messageType"):
        case "text" if isinstance(text, str) and 1 <= len(text) <= 4096:
            return "", text, ()
        case "interactive":
            key = "whatsappcloudapiinteractiveobject" if direct else "whatsapp360dialoginteractiveobject"
            return "", _interactive(parts.get(key)), ()
        case "template":
            key = "whatsappcloudapitemplatemessageobject" if direct else "whatsapp360dialogtemplatemessage"
            return _template(company, parts.get(key), needs_namespace=not direct)
        case _:
            raise RefusedError(400, "messageType or messageContent is missing")


def _interactive(part: Any) -> str:
    match part:
        case {"type": "button", "body": {"text": str(text)}, "action": {"buttons": list(pressed)}}:
            fits = 1 <= len(pressed) <= 3
        case {"type": "list", "body": {"text": str(text)}, "action": {"button": str(), "sections": [{"rows": rows}]}}:
            fits = isinstance(rows, list) and 1 <= len(rows) <= 10
        case _:
            fits, text = False, ""
    if not fits or not text:
        raise RefusedError(400, "(#131009) Parameter value is not valid")
    return text


def _template(company: Company, part: Any, *, needs_namespace: bool) -> Said:
    match part:
        case {"templateName": str(name), "language": str(language)}:
            given = part.get("components", [])
        case _:
            raise RefusedError(400, SENTENCES["template"].wording)
    if needs_namespace and not part.get("templateNamespace"):
        raise RefusedError(400, "templateNamespace of the template is missing")
    values, media = _values(given)
    template = company.templates.get(name)
    if template is None:
        if company.is_strict or "unknown" in name:
            raise RefusedError(400, SENTENCES["template_unknown"].wording)
        return name, ", ".join(values), media
    if template.language != language or template.status != "APPROVED":
        raise RefusedError(400, SENTENCES["template_unknown"].wording)
    if len(values) != len(template.variables) or (template.header and not media):
        raise RefusedError(400, SENTENCES["template"].wording)
    return name, template.filled(values), media


def _values(components: object) -> tuple[list[str], tuple[str, ...]]:
    """Values of the body and files of the header; two bodies are one too many."""
    bodies: list[list[str]] = []
    media: tuple[str, ...] = ()
    for component in components if isinstance(components, list) else ():
        match component:
            case {"type": str(kind), "parameters": list(parameters)} if kind.lower() == "body":
                bodies.append([str(one.get("text", "")) for one in parameters if isinstance(one, dict)])
            case {"type": str(kind), "parameters": [{"type": str(file), **about}]} if kind.lower() == "header":
                link = about.get(file)
                media = (str(link.get("link", "")),) if isinstance(link, dict) else ()
    if len(bodies) > 1:
        raise RefusedError(400, SENTENCES["template"].wording)
    return (bodies[0] if bodies else []), media
