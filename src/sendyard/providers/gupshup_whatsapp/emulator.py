"""
Gupshup's side of the WhatsApp wire: forms with JSON in them, ids, and webhooks without a signature.

What is said of accounts that nobody registered: any API key works with any app name, app id and number, unless the
key contains `invalid`. Both hosts of Gupshup's, `api.` and `partner.`, are this one here.
"""

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import Decimal
from types import MappingProxyType
from typing import Any, ClassVar

import msgspec

from sendyard.domain.channels import Channel
from sendyard.domain.content import Content, TemplateRef
from sendyard.domain.errors import Invalid
from sendyard.providers.emulation import EmulatedRequest, Emulator, Handled, Received, Report
from sendyard.providers.gupshup_whatsapp import emulated_console as console
from sendyard.providers.gupshup_whatsapp.desk import (
    GENEROUS_CREDIT,
    SAMPLE_TEMPLATE,
    Customer,
    GupshupState,
    Template,
    sample_templates,
)
from sendyard.providers.gupshup_whatsapp.emulated_events import inbound_webhook, report_webhook, template_webhook
from sendyard.providers.gupshup_whatsapp.emulated_send import take
from sendyard.providers.gupshup_whatsapp.replies import RefusedError, refusal
from sendyard.providers.gupshup_whatsapp.spec import SPEC
from sendyard.providers.spec import ProviderSpec
from sendyard.providers.wire import HttpRequest, HttpResponse

_SAMPLE_NUMBER = "917834811114"

_Action = Callable[..., Handled]


class _Template(msgspec.Struct, forbid_unknown_fields=True):
    id: str
    element_name: str
    body: str
    language: str = "en_US"
    status: str = "APPROVED"
    category: str = "UTILITY"
    kind: str = "TEXT"
    header: str = ""
    footer: str = ""
    buttons: list[dict[str, Any]] = []


class _Registration(msgspec.Struct, forbid_unknown_fields=True):
    """An account's fields, and what its owner sets in Gupshup's console."""

    api_key: str
    app_name: str
    app_id: str
    source: str
    base_url: str = ""
    partner_token: str | None = None
    webhook_header: str = "x-webhook-key"
    webhook_secret: str | None = None
    callback_url: str = ""
    event_version: int = 2
    first_event: str = "sent"
    drops_gs_id: bool = False
    codes_as_text: bool = False
    senders: tuple[str, ...] = ()
    templates: list[_Template] = []
    credit: Decimal = GENEROUS_CREDIT
    per_second: int = 0
    opted_out: tuple[str, ...] = ()
    is_young: bool = False


class GupshupWhatsappEmulator(Emulator):
    """Gupshup's WhatsApp API and the Partner Portal."""

    spec: ClassVar[ProviderSpec] = SPEC
    sample_account: ClassVar[Mapping[str, str]] = MappingProxyType(
        {
            "api_key": "inventedapikey0123456789",
            "app_name": "ShopApp",
            "app_id": "07c7c72d-0000-4000-8000-14d1186eeec8",
            "source": _SAMPLE_NUMBER,
            "partner_token": "sk_invented0123456789",
        }
    )
    sample_sender: ClassVar[str] = _SAMPLE_NUMBER
    sample_channel: ClassVar[Channel] = Channel.WHATSAPP
    callback_retries: ClassVar[tuple[float, ...]] = (5.0, 30.0, 120.0)  # "after short pauses"; the numbers are invented

    def new_state(self) -> GupshupState:
        """An empty Gupshup."""
        return GupshupState()

    def sample_content(self, text: str) -> Content:
        """A template that consists of its one variable."""
        return TemplateRef(SAMPLE_TEMPLATE, "en_US", {"1": text}, text)

    def register(self, state: GupshupState, account: Mapping[str, Any]) -> None:
        """Take the account's fields and the console's; see `_Registration` for their names. Raises Invalid."""
        try:
            given = msgspec.convert(dict(account), _Registration)
        except msgspec.ValidationError as problem:
            detail = f"Expected the fields of a Gupshup account; found: {problem}."
            raise Invalid("account_not_usable", detail) from None
        templates = {one.id: Template(**msgspec.structs.asdict(one)) for one in given.templates}
        state.is_closed = True
        state.add(
            Customer(
                given.api_key,
                given.app_name,
                given.app_id,
                senders=given.senders or (given.source,),
                partner_token=given.partner_token or "",
                callback_url=given.callback_url,
                webhook_header=given.webhook_header,
                webhook_secret=given.webhook_secret or "",
                event_version=given.event_version,
                first_event=given.first_event,
                drops_gs_id=given.drops_gs_id,
                codes_as_text=given.codes_as_text,
                credit=given.credit,
                per_second=given.per_second,
                opted_out=dict.fromkeys(given.opted_out),
                is_young=given.is_young,
                templates={**sample_templates(), **templates},
            )
        )

    def handle(self, request: EmulatedRequest, state: GupshupState) -> Handled:
        """Answer as Gupshup does: the address first, then the key, then the form."""
        try:
            return _route(request, state)
        except RefusedError as refused:
            return Handled(refusal(refused))

    def throttled(self, request: EmulatedRequest, retry_after: float | None) -> HttpResponse:
        """429; Gupshup documents no waiting time, one is sent only if the scenario gives it."""
        del request
        answer = refusal(RefusedError(429, "Too Many Requests"))
        if retry_after is None:
            return answer
        return HttpResponse(429, {**answer.headers, "retry-after": f"{retry_after:.0f}"}, answer.body)

    def unavailable(self, request: EmulatedRequest) -> HttpResponse:
        """A bare 503: Gupshup documents no answer that means "not now, and not taken"."""
        del request
        return HttpResponse(503)

    def settle(self, state: GupshupState, received: Received, report: Report) -> HttpRequest | None:
        """Tell the report at the app's webhook; nothing where none is set."""
        customer = state.apps.get(received.account)
        return report_webhook(customer, received, report) if customer and customer.callback_url else None

    def inbound(
        self, state: GupshupState, *, account: str, sender: str, recipient: str, text: str, now: datetime
    ) -> HttpRequest | None:
        """Tell what a person wrote; `account` is the app's name."""
        del recipient
        customer = state.apps.get(account)
        if customer is None or not customer.callback_url:
            return None
        customer.incoming += 1
        return inbound_webhook(customer, sender, text, state.next_id(now).replace("-", ""), now)

    def decide(
        self, state: GupshupState, app: str, template_id: str, status: str, now: datetime, reason: str = ""
    ) -> HttpRequest | None:
        """
        Let WhatsApp decide on a template; gives the webhook that tells.

        Raises:
            Invalid: the app has no such template.
        """
        customer = state.apps.get(app)
        template = customer.templates.get(template_id) if customer else None
        if customer is None or template is None:
            raise Invalid("template_unknown", f"The app {app!r} has no template {template_id!r}; hand it in first.")
        template.status, template.reason = status, reason
        return template_webhook(customer, template, now) if customer.callback_url else None


def _route(request: EmulatedRequest, state: GupshupState) -> Handled:
    for methods, pattern, action in _ROUTES:
        if request.method in methods and (found := pattern.fullmatch(request.path)):
            return action(request, state, *found.groups())
    return Handled(HttpResponse(404, {"content-type": "text/plain"}, b"Not Found"))


def _keyed(request: EmulatedRequest, state: GupshupState, app: str = "") -> Customer:
    key = request.headers.get("apikey", "")
    if not key or "invalid" in key:
        raise RefusedError(401, "Authentication Failed")
    customer = state.by_key(key)
    if customer is None:
        raise RefusedError(401, "Portal User Not Found With APIKey")
    return _admitted(request, customer, app)


def _tokened(request: EmulatedRequest, state: GupshupState, app: str) -> Customer:
    token = request.headers.get("authorization") or request.headers.get("token", "")
    customer = state.by_token(token) if token and "invalid" not in token else None
    if customer is None:
        raise RefusedError(401, "Unauthorised access to the resource. Please review request parameters and headers")
    return _admitted(request, customer, app)


def _admitted(request: EmulatedRequest, customer: Customer, app: str) -> Customer:
    if app and customer.app_id and app != customer.app_id:
        raise RefusedError(400, "App not found")
    if customer.is_too_fast(request.now):
        raise RefusedError(429, "Too Many Requests")
    return customer


def _by_key(action: Callable[[EmulatedRequest, Customer], HttpResponse]) -> _Action:
    """A call of the self-serve interface; an app in its path must be the customer's."""
    return lambda request, state, app="": Handled(action(request, _keyed(request, state, app)))


def _by_token(action: Callable[[EmulatedRequest, GupshupState, Customer], HttpResponse]) -> _Action:
    """A call of the Partner Portal."""
    return lambda request, state, app="": Handled(action(request, state, _tokened(request, state, app)))


def _route_of(methods: str, path: str, action: _Action) -> tuple[frozenset[str], re.Pattern[str], _Action]:
    return frozenset(methods.split()), re.compile(path), action


_ROUTES = (
    _route_of(
        "POST",
        r"/(?:wa|sm)/api/v1/template/msg",
        lambda request, state: take(request, state, _keyed(request, state), is_template=True),
    ),
    _route_of(
        "POST",
        r"/(?:wa|sm)/api/v1/msg",
        lambda request, state: take(request, state, _keyed(request, state), is_template=False),
    ),
    _route_of("GET", r"/wa/app/([^/]+)/template", _by_key(lambda _, customer: console.list_templates(customer))),
    _route_of(
        "GET",
        r"/wa/app/([^/]+)/template/([^/]+)",
        lambda request, state, app, name: Handled(console.one_template(_keyed(request, state, app), name)),
    ),
    _route_of("GET", r"/sm/api/v1/template/list/[^/]+", _by_key(lambda _, customer: console.list_templates(customer))),
    _route_of(
        "POST",
        r"/sm/api/v1/app/opt/(in|out)/([^/]+)",
        lambda request, state, way, name: Handled(console.opt(request, _keyed(request, state), way, name)),
    ),
    _route_of(
        "GET",
        r"/sm/api/v1/users/([^/]+)",
        lambda request, state, name: Handled(console.opted(_keyed(request, state), name)),
    ),
    _route_of("GET POST DELETE", r"/wa/app/([^/]+)/subscription", _by_key(console.subscriptions)),
    _route_of("PUT", r"/wa/app/([^/]+)/msg/[^/]+/read", _by_key(lambda _, __: HttpResponse(202))),
    _route_of(
        "POST",
        r"/wa/([^/]+)/wa/media/",
        lambda request, state, app: Handled(console.upload(request, state, _keyed(request, state, app))),
    ),
    _route_of(
        "GET",
        r"/partner/app/([^/]+)/wallet/balance",
        _by_token(lambda _, __, customer: console.wallet(customer)),
    ),
    _route_of(
        "GET",
        r"/partner/app/([^/]+)/usage",
        _by_token(lambda request, _, customer: console.usage(request, customer)),
    ),
    _route_of(
        "GET",
        r"/partner/app/([^/]+)/waba/info",
        _by_token(lambda _, __, customer: console.waba(customer, _SAMPLE_NUMBER)),
    ),
    _route_of(
        "GET",
        r"/partner/app/([^/]+)/templates",
        _by_token(lambda _, __, customer: console.list_templates(customer)),
    ),
    _route_of("POST", r"/partner/app/([^/]+)/templates", _by_token(console.create_template)),
    _route_of("POST", r"/partner/app/([^/]+)/media", _by_token(console.upload)),
)
