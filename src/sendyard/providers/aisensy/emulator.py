"""
AiSensy's side of the wire: the Campaign API, the Project API and the webhooks.

What is said of projects that nobody registered: every API key and every password works unless it contains `invalid`;
of the campaigns and templates nobody made known, those with `unknown` in their name do not exist, those with `paused`
are not live, and all others take any number of variables.
"""

from collections.abc import Mapping
from datetime import datetime
from hashlib import blake2b
from typing import Any, ClassVar

import msgspec

from sendyard.domain.channels import Channel
from sendyard.domain.content import Content, TemplateRef
from sendyard.domain.errors import ErrorKind, Invalid
from sendyard.domain.status import ReportStatus
from sendyard.providers.aisensy.codes import META, SENTENCES
from sendyard.providers.aisensy.emulated_project import NUMBERS, MetaRefusalError, answer, note_contact
from sendyard.providers.aisensy.emulated_state import (
    SAMPLE_CAMPAIGN,
    SAMPLE_NUMBER,
    AiSensyState,
    Project,
    sampled,
    template_from,
)
from sendyard.providers.aisensy.emulated_webhooks import inbound_webhook, status_webhook
from sendyard.providers.aisensy.spec import SPEC
from sendyard.providers.emulation import EmulatedRequest, Emulator, Handled, Received, Report
from sendyard.providers.wire import HttpRequest, HttpResponse

_JSON = {"content-type": "application/json"}
_CAMPAIGN = "/campaign/t1/api"
_PROJECT = "/project-apis/v1/project/"
_WORDS = {
    ReportStatus.SENT: "SENT",
    ReportStatus.DELIVERED: "DELIVERED",
    ReportStatus.READ: "READ",
    ReportStatus.FAILED: "FAILED",
}
_REFUSALS = {
    ErrorKind.CONTENT_REJECTED: "params_mismatch",
    ErrorKind.NOT_REGISTERED: "campaign_unknown",
    ErrorKind.OUT_OF_CREDIT: "balance",
    ErrorKind.AUTH_FAILED: "api_key",
    ErrorKind.INVALID_RECIPIENT: "recipient",
    ErrorKind.THROTTLED: "rate_limit",
}
_STATUSES = {"api_key": 401, "rate_limit": 429}
_UNHEARD_OF = "The message was refused for reasons of our own"

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder().decode


class _RefusedError(Exception):
    """A no of the Campaign API: the stable name of its sentence, or a sentence of its own."""

    def __init__(self, name: str, text: str = "") -> None:
        super().__init__(text or SENTENCES[name].wording)
        self.status = _STATUSES.get(name, 400)


class _Registration(msgspec.Struct, forbid_unknown_fields=True):
    """An account's fields, and what its owner sets in AiSensy's dashboard."""

    api_key: str
    base_url: str = ""
    project_base_url: str = ""
    default_campaign_name: str = ""
    project_id: str = ""
    project_api_password: str | None = None
    send_via: str = "campaign"
    webhook_secret: str | None = None
    contact_name: str = ""
    source: str = ""
    campaign_id: str = ""
    callback_url: str = ""
    senders: tuple[str, ...] = ()
    credit: int | None = None
    rate: int = 0
    tells_ids: bool = True
    strict_window: bool = False
    templates: dict[str, str | dict[str, str]] = {}  # name → text, or text, header, status, …
    campaigns: dict[str, str | dict[str, str]] = {}  # name → template, or template and status


class AiSensyEmulator(Emulator):
    """AiSensy, both APIs; every template has a live campaign of the same name unless campaigns say otherwise."""

    spec = SPEC
    base_path = ""
    sample_account: ClassVar[Mapping[str, str]] = {
        "api_key": "sample-campaign-api-key",
        "project_id": "650000000000000000000001",
        "project_api_password": "sample-project-password",
        "default_campaign_name": SAMPLE_CAMPAIGN,
    }
    sample_sender = SAMPLE_NUMBER
    sample_channel = Channel.WHATSAPP
    callback_retries = (10.0, 30.0, 60.0, 180.0)

    def new_state(self) -> AiSensyState:
        """An empty AiSensy."""
        return AiSensyState()

    def sample_content(self, text: str) -> Content:
        """Give `text` as the only variable of the sample campaign."""
        return TemplateRef(SAMPLE_CAMPAIGN, "en", {"1": text}, text)

    def register(self, state: AiSensyState, account: Mapping[str, Any]) -> None:
        """Take the account's fields and the dashboard's; see `_Registration` for their names."""
        try:
            given = msgspec.convert(dict(account), _Registration)
            templates = [template_from(name, about) for name, about in given.templates.items()]
        except (msgspec.ValidationError, TypeError) as problem:
            raise Invalid(
                "account_not_usable", f"Expected the fields of an AiSensy account; found: {problem}."
            ) from None
        if not given.api_key:
            raise Invalid("account_not_usable", "Expected an api_key, found an empty one.")
        project = sampled(
            Project(
                given.project_id or _name_of(given.api_key),
                key=given.api_key,
                password=given.project_api_password or "",
                webhook_secret=given.webhook_secret or "",
                callback_url=given.callback_url,
                number=given.senders[0] if given.senders else SAMPLE_NUMBER,
                credit=given.credit,
                rate=given.rate,
                tells_ids=given.tells_ids,
                strict_window=given.strict_window,
                is_strict=bool(given.templates or given.campaigns),
            )
        )
        for template in templates:
            project.add_template(template)
        for name, about in given.campaigns.items():
            known = {"template": about} if isinstance(about, str) else about
            project.add_campaign(name, known.get("template", name), known.get("status", "LIVE"))
        state.keys[given.api_key] = state.projects[project.name] = project

    def handle(self, request: EmulatedRequest, state: AiSensyState) -> Handled:
        """Answer as AiSensy does."""
        try:
            if request.path.startswith(_PROJECT):
                return _project_call(request, state)
            if request.method == "POST" and request.path in {_CAMPAIGN, f"{_CAMPAIGN}/v2"}:
                return _campaign_send(request, state)
            if request.method == "POST" and request.path == f"{_CAMPAIGN}/campaign-details":
                return _campaign_details(request, state)
        except _RefusedError as refused:
            return _said(refused.status, {"message": str(refused)})
        except MetaRefusalError as refused:
            error = {"code": int(refused.code), "message": str(refused), "type": "OAuthException"}
            return _said(404 if refused.code == "132001" else 400, {"error": error})
        return _said(404, {"message": "Not Found"})

    def throttled(self, request: EmulatedRequest, retry_after: float | None) -> HttpResponse:
        """429; no text of it is documented."""
        del request
        wait = {} if retry_after is None else {"retry-after": f"{retry_after:.0f}"}
        return HttpResponse(429, {**_JSON, **wait}, _encode({"message": SENTENCES["rate_limit"].wording}))

    def unavailable(self, request: EmulatedRequest) -> HttpResponse:
        """A bare 503: AiSensy documents no answer that means "not now, and not taken"."""
        del request
        return HttpResponse(503)

    def settle(self, state: AiSensyState, received: Received, report: Report) -> HttpRequest | None:
        """Move the message on, count it in its campaign's figures, and tell."""
        message = state.messages.get(received.extra.get("id", ""))
        if message is None:
            return None
        word = _WORDS.get(report.status, "HELD")
        failure = None
        if word == "FAILED":
            code = report.code if report.code.isdecimal() else NUMBERS.get(report.kind or ErrorKind.UNDELIVERABLE, "")
            known = META.get(code)
            failure = {"code": int(code), "reason": known.wording if known else "Something new"} if code else None
        if message.move_to(word, report.at) and message.campaign_id:
            message.project.count(message.campaign_id, message.day, word.lower())
        return status_webhook(message, word, report.at, failure)

    def inbound(
        self, state: AiSensyState, *, account: str, sender: str, recipient: str, text: str, now: datetime
    ) -> HttpRequest | None:
        """Take a text of a person, which opens the 24-hour window, and tell."""
        del recipient
        project = state.projects.get(account)
        if project is None:
            return None
        digits = sender.removeprefix("+")
        project.heard_from[digits] = now
        return inbound_webhook(project, state.keep(project, digits, "TEXT", now), text, now)


def _name_of(key: str) -> str:
    """A name for who has only an API key: it may stand in mailboxes, the key may not."""
    return f"key-{blake2b(key.encode('utf-8', 'replace'), digest_size=6).hexdigest()}"


def _said(status: int, body: Mapping[str, Any], received: tuple[Received, ...] = ()) -> Handled:
    return Handled(HttpResponse(status, _JSON, _encode(body)), received)


def _body_of(request: EmulatedRequest) -> dict[str, Any]:
    try:
        body = _decode(request.body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return {}
    return body if isinstance(body, dict) else {}


def _by_key(body: Mapping[str, Any], request: EmulatedRequest, state: AiSensyState) -> Project:
    key = body.get("apiKey")
    project = state.keys.get(key) if isinstance(key, str) else None
    if project is None:
        if state.is_closed or not isinstance(key, str) or not key or "invalid" in key:
            raise _RefusedError("api_key")
        project = state.open_project
    if project.is_too_fast(request.now):
        raise _RefusedError("rate_limit")
    return project


def _campaign_details(request: EmulatedRequest, state: AiSensyState) -> Handled:
    body = _body_of(request)
    project = _by_key(body, request, state)
    template = _live_template(project, body.get("campaignName"))
    found = project.templates.get(template)
    fields: dict[str, Any] = {"campaignName": body["campaignName"], "destination": "", "userName": ""}
    fields["templateParams"] = [f"$Value{name}" for name in found.variables] if found else []
    if found and found.header:
        fields["media"] = {"url": "", "filename": ""}
    return _said(200, {"success": True, "requestBody": fields})


def _live_template(project: Project, name: object) -> str:
    """The template of a live campaign, by the campaign's name."""
    if not isinstance(name, str) or not name:
        raise _RefusedError("campaign_unknown")
    campaign = project.campaigns.get(name)
    if campaign is None:
        if project.is_strict or "unknown" in name or name == "test":
            raise _RefusedError("campaign_unknown")
        if "paused" in name:
            raise _RefusedError("campaign_not_live")
        return name
    if campaign.status != "LIVE":
        raise _RefusedError("campaign_not_live")
    return campaign.template


def _campaign_send(request: EmulatedRequest, state: AiSensyState) -> Handled:
    body = _body_of(request)
    project = _by_key(body, request, state)
    return _send(project, _name_of(str(body["apiKey"])), request, state, body)


def _send(project: Project, who: str, request: EmulatedRequest, state: AiSensyState, body: dict[str, Any]) -> Handled:
    name, user = body.get("campaignName"), body.get("userName")
    template_name = _live_template(project, name)
    if not isinstance(user, str) or not user:
        raise _RefusedError("", "userName is required")
    digits = _digits(body.get("destination"))
    values = body.get("templateParams", [])
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        raise _RefusedError("params_mismatch")
    media = _media(body.get("media"))
    template = project.templates.get(template_name)
    if template and (len(values) != len(template.variables) or (template.header and not media)):
        raise _RefusedError("params_mismatch")
    if template and template.status_at(request.now) != "APPROVED":
        raise _RefusedError("template")
    if refusal := request.refusal(f"+{digits}"):
        named = refusal.code if refusal.code in SENTENCES else _REFUSALS.get(refusal.kind, "")
        raise _RefusedError(named, "" if named else _UNHEARD_OF)
    if project.credit is not None:
        if project.credit <= 0:
            raise _RefusedError("balance")
        project.credit -= 1
    if state.is_closed:
        note_contact(project, digits, user, str(body.get("source") or "API"), request)
    campaign = project.campaigns.get(str(name))
    message = state.keep(project, digits, "TEMPLATE", request.now, campaign.id if campaign else "")
    received = Received(
        account=project.name if state.is_closed else who,
        to=f"+{digits}",
        sender=project.number,
        channel=Channel.WHATSAPP,
        text=template.filled(values) if template else ", ".join(values),
        provider_ref=message.submitted_id,
        media=media,
        template=template_name,
        variables={str(place): value for place, value in enumerate(values, 1)},
        at=request.now,
        extra={"id": message.id},
    )
    told = {"success": "true"}
    if project.tells_ids:
        told["submitted_message_id"] = message.submitted_id
    return _said(200, told, (received,))


def _digits(destination: object) -> str:
    """A number's digits; ten of them without a country are taken for an Indian number."""
    given = destination if isinstance(destination, str) else ""
    digits = given.removeprefix("+")
    if not (digits.isascii() and digits.isdecimal() and 8 <= len(digits) <= 15):
        raise _RefusedError("recipient")
    return f"91{digits}" if len(digits) == 10 and not given.startswith("+") else digits


def _media(given: object) -> tuple[str, ...]:
    if given is None:
        return ()
    url = given.get("url") if isinstance(given, dict) else None
    if not isinstance(url, str) or not url.startswith(("http://", "https://")):
        raise _RefusedError("media")
    return (url,)


def _project_call(request: EmulatedRequest, state: AiSensyState) -> Handled:
    project_id, *call = request.path.removeprefix(_PROJECT).split("/")
    password = request.headers.get("x-aisensy-project-api-pwd", "")
    project = state.projects.get(project_id)
    if project is None and not state.is_closed:
        project = state.open_project
    is_right = password == project.password if project and state.is_closed else "invalid" not in password
    if project is None or not project_id or not password or not is_right:
        return _said(401, {"message": "Unauthorized"})
    if project.is_too_fast(request.now):
        raise _RefusedError("rate_limit")
    body = _body_of(request) if request.method == "POST" else {}
    if (request.method, call) == ("POST", ["campaign", "api", "send"]):
        # The same as the Campaign API, spelt with underscores.
        spelt = {
            "campaignName": body.get("campaign_name"),
            "destination": body.get("phone_number"),
            "userName": "Customer",
            "templateParams": body.get("template_params", []),
        }
        return _send(project, project_id, request, state, spelt)
    status, told, received = answer(project, state, request, call, body)
    return _said(status, told, received)
