"""
Meta's side of the wire: numbers, messages, templates, files and signed webhooks, as Meta documents them.

What is said of numbers that nobody registered: every well-formed id with any token works, and a token that
contains `invalid` does not. All of them share one set of templates.
"""

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, ClassVar

from sendyard.domain.channels import Channel
from sendyard.domain.content import Content, TemplateRef
from sendyard.domain.errors import ErrorKind
from sendyard.domain.status import ReportStatus
from sendyard.providers.emulation import EmulatedRequest, Emulator, Handled, Received, Report
from sendyard.providers.meta_cloud import emulated_media, emulated_numbers, emulated_templates
from sendyard.providers.meta_cloud.emulated_errors import (
    CODE_OF,
    JSON_HEADERS,
    RefusedError,
    as_json,
    error_answer,
    unknown_path,
)
from sendyard.providers.meta_cloud.emulated_intake import Order, document_of, read_order
from sendyard.providers.meta_cloud.emulated_registration import (
    SAMPLE_LANGUAGE,
    SAMPLE_TEMPLATE,
    register,
    sample_template,
)
from sendyard.providers.meta_cloud.emulated_state import (
    PEOPLE_BY_TIER,
    Number,
    Portfolio,
    State,
    trim,
)
from sendyard.providers.meta_cloud.emulated_webhooks import (
    inbound_callback,
    quality_callback,
    status_callback,
    template_callback,
)
from sendyard.providers.meta_cloud.plans import PLANS
from sendyard.providers.meta_cloud.spec import SPEC
from sendyard.providers.meta_cloud.target import MetaCloudTarget
from sendyard.providers.wire import HttpRequest, HttpResponse

_PATH = re.compile(r"/v[0-9]{1,3}\.[0-9]/([0-9]{1,32})(?:/([a-z_]+))?")
_WORDS = {ReportStatus.SENT: "sent", ReportStatus.DELIVERED: "delivered", ReportStatus.READ: "read"}
_UNHEARD_OF = "warming"  # a status that is in no table
_CLOSED = "131047"
_DONE = {"success": True}
_JUDGED = {"APPROVED", "REJECTED", "PENDING", "PAUSED", "DISABLED"}


class MetaCloudEmulator(MetaCloudTarget, Emulator):
    """WhatsApp Cloud API under any version of the Graph API."""

    spec = SPEC
    sample_account: ClassVar[Mapping[str, str]] = {
        "phone_number_id": "100000000000001",
        "waba_id": "200000000000002",
        "access_token": "EAAGinventedtoken0000000000000",
        "app_secret": "0123456789abcdef0123456789abcdef",
        "verify_token": "a-word-of-our-own",
    }
    sample_sender = "100000000000001"
    sample_channel = Channel.WHATSAPP
    plans = PLANS

    def new_state(self) -> State:
        """An empty Meta that has approved the sample template."""
        state = State()
        state.keep_template("", sample_template("7000000000000000"))
        return state

    def sample_content(self, text: str) -> Content:
        """The sample template, whose only variable is the text."""
        return TemplateRef(SAMPLE_TEMPLATE, SAMPLE_LANGUAGE, {"1": text}, text)

    def register(self, state: State, account: Mapping[str, Any]) -> None:
        """Take the account's fields and the dashboards'; see `Registration` for their names."""
        register(state, account)

    def handle(self, request: EmulatedRequest, state: State) -> Handled:
        """Answer as Meta does: the path, then the token, then the object, then the method."""
        found = _PATH.fullmatch(request.path)
        if not found:
            return Handled(unknown_path(request.path))
        try:
            token = _token_of(request)
            return _route(request, state, token, found[1], found[2] or "") or Handled(unknown_path(request.path))
        except RefusedError as refused:
            return Handled(error_answer(refused.code, refused.details))

    def throttled(self, request: EmulatedRequest, retry_after: float | None) -> HttpResponse:
        """130429: more messages a second than the number may send; this one was not taken."""
        del request
        answer = error_answer("130429")
        if retry_after is None:
            return answer
        return HttpResponse(answer.status, {**JSON_HEADERS, "retry-after": f"{retry_after:.0f}"}, answer.body)

    def unavailable(self, request: EmulatedRequest) -> HttpResponse:
        """131016 with 503: the service is unavailable, and nothing was taken."""
        del request
        return error_answer("131016")

    def settle(self, state: State, received: Received, report: Report) -> HttpRequest | None:
        """Tell the status; outside the 24-hour window a free-form message fails instead of being sent."""
        number = state.numbers.get(received.account)
        if number is None:
            return None
        word, code = _WORDS.get(report.status, _UNHEARD_OF), ""
        if report.status is ReportStatus.FAILED:
            known = report.code and report.code.partition(":")[0].isdecimal()
            word, code = "failed", report.code if known else CODE_OF[report.kind or ErrorKind.UNDELIVERABLE]
        if received.extra["window"] == "closed" and not received.template:
            if report.status is not ReportStatus.SENT:
                return None
            word, code = "failed", _CLOSED
        return status_callback(
            number,
            to=received.to,
            wamid=received.provider_ref,
            word=word,
            reference=received.reference,
            pricing=received.extra["pricing"] if word in {"sent", "delivered"} else "",
            code=code,
            at=report.at,
        )

    def inbound(
        self, state: State, *, account: str, sender: str, recipient: str, text: str, now: datetime
    ) -> HttpRequest | None:
        """A person writes: the 24-hour window opens, and the number's address is told."""
        del recipient
        number = state.numbers.get(account)
        if number is None:
            return None
        number.hears(sender, now)
        return inbound_callback(number, sender=sender, text=text, wamid=state.next_wamid(sender), at=now)

    def judge_template(
        self, state: State, *, account: str, template_id: str, event: str, reason: str, now: datetime
    ) -> HttpRequest | None:
        """Meta decides on a template: the webhook that tells, or None without an address."""
        template = state.templates[template_id]
        if event in _JUDGED:
            emulated_templates.judge(template, event, reason, now)
        return template_callback(state.numbers[account], template, event, reason, now)

    def change_limit(self, state: State, *, account: str, tier: str, event: str, now: datetime) -> HttpRequest | None:
        """Meta moves a number to another messaging limit: the webhook that tells, or None without an address."""
        number = state.numbers[account]
        number.tier = tier
        return quality_callback(number, event, now)


def _token_of(request: EmulatedRequest) -> str:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise RefusedError("104", "An access token is required to request this resource.")
    if "invalid" in token:
        raise RefusedError("190:467", "Error validating access token.")
    return token


def _number(state: State, number_id: str, token: str) -> Number:
    number = state.numbers.get(number_id)
    if state.is_closed:
        if not any(known.access_token == token for known in state.numbers.values()):
            raise RefusedError("190:467", "Error validating access token.")
        if number is None or number.access_token != token:
            raise RefusedError("100:33", f"Object with ID '{number_id}' does not exist")
        return number
    if number is None:
        number = state.numbers[number_id] = Number(number_id)
        trim(state.numbers)
    return number


def _owner(state: State, waba_id: str, token: str) -> list[Number]:
    """The numbers of a WhatsApp Business Account that this token may see."""
    if not state.is_closed:
        return [_number(state, MetaCloudEmulator.sample_sender, token)]
    numbers = [number for number in state.numbers.values() if number.access_token == token]
    if not numbers:
        raise RefusedError("190:467", "Error validating access token.")
    owned = [number for number in numbers if number.waba_id == waba_id]
    if not owned:
        raise RefusedError("100:33", f"Object with ID '{waba_id}' does not exist")
    return owned


def _route(request: EmulatedRequest, state: State, token: str, node: str, edge: str) -> Handled | None:
    """The answer, or None for what Meta does not document."""
    method = request.method
    if not edge:
        return _object(request, state, token, node)
    if (method, edge) in _NUMBER_EDGES:
        return _NUMBER_EDGES[method, edge](request, state, _number(state, node, token))
    if (method, edge) in _ACCOUNT_EDGES:
        numbers = _owner(state, node, token)
        return Handled(_ACCOUNT_EDGES[method, edge](request, node, state, numbers))
    return None


def _object(request: EmulatedRequest, state: State, token: str, node: str) -> Handled | None:
    """A file, a template or a number, by its id alone."""
    method = request.method
    medium, template = state.media.get(node), state.templates.get(node)
    if medium and method in {"GET", "DELETE"}:
        answer = emulated_media.describe(medium) if method == "GET" else emulated_media.delete(medium, state)
        return Handled(answer)
    if template and method == "POST":
        return Handled(emulated_templates.edit_template(request, template))
    if method == "GET":
        return Handled(as_json(emulated_numbers.describe(_number(state, node, token), request.query)))
    return None


def _submit(request: EmulatedRequest, state: State, number: Number) -> Handled:
    given = document_of(request.body)
    if given.get("status") == "read" and "message_id" in given:
        return Handled(as_json(_DONE))
    order = read_order(given, number, state, request.now)
    is_marketing = request.path.endswith("/marketing_messages")
    if is_marketing and (not order.template or order.template.category != "MARKETING"):
        raise RefusedError("134100")
    _check_pace(order, number, state, request.now)
    if refusal := request.refusal(order.to):
        number_part = refusal.code.partition(":")[0]
        raise RefusedError(refusal.code if number_part.isdecimal() else CODE_OF[refusal.kind])
    wamid = state.next_wamid(order.input)
    is_open = number.is_open(order.to, request.now)
    received = Received(
        account=number.id,
        to=order.to,
        sender=number.id,
        channel=Channel.WHATSAPP,
        text=order.text,
        provider_ref=wamid,
        reference=order.reference,
        media=order.media,
        template=order.template.name if order.template else "",
        variables=order.variables,
        callback_url=number.callback_url,
        at=request.now,
        extra={"window": "open" if is_open else "closed", "pricing": _pricing(order, is_open=is_open)},
    )
    contact = {"input": order.input} | ({"wa_id": order.to[1:]} if order.to.startswith("+") else {"user_id": order.to})
    message = {"id": wamid} | ({"message_status": "accepted"} if order.template else {})
    answer = {"messaging_product": "whatsapp", "contacts": [contact], "messages": [message]}
    return Handled(as_json(answer), (received,))


def _check_pace(order: Order, number: Number, state: State, now: datetime) -> None:
    if not number.may_send(now):
        raise RefusedError("130429")
    if not number.may_send_to(order.to, now):
        raise RefusedError("131056")
    limit = PEOPLE_BY_TIER[number.tier]
    portfolio = state.portfolios.setdefault(number.waba_id, Portfolio()) if limit else None
    if portfolio and not number.is_open(order.to, now) and not portfolio.may_reach(order.to, limit, now):
        raise RefusedError("131048", f"The messaging limit of {limit} people in 24 hours is reached.")


def _pricing(order: Order, *, is_open: bool) -> str:
    category = order.template.category.lower() if order.template else "service"
    is_free = category == "service" or (category == "utility" and is_open)
    return f"{'free_customer_service' if is_free else 'regular'}:{category}"


def _upload(request: EmulatedRequest, state: State, number: Number) -> Handled:
    del number
    return Handled(emulated_media.upload(request, state))


def _templates(request: EmulatedRequest, waba_id: str, state: State, numbers: list[Number]) -> HttpResponse:
    del numbers
    return _TEMPLATE_CALLS[request.method](request, waba_id, state)


_TEMPLATE_CALLS: Mapping[str, Callable[[EmulatedRequest, str, State], HttpResponse]] = {
    "GET": emulated_templates.list_templates,
    "POST": emulated_templates.create_template,
    "DELETE": emulated_templates.delete_template,
}
_NUMBER_EDGES: Mapping[tuple[str, str], Callable[[EmulatedRequest, State, Number], Handled]] = {
    ("POST", "messages"): _submit,
    ("POST", "marketing_messages"): _submit,
    ("POST", "media"): _upload,
    ("GET", "whatsapp_business_profile"): emulated_numbers.profile,
    ("POST", "whatsapp_business_profile"): emulated_numbers.profile,
    ("POST", "register"): emulated_numbers.register,
}
_ACCOUNT_EDGES: Mapping[tuple[str, str], Callable[[EmulatedRequest, str, State, list[Number]], HttpResponse]] = {
    ("GET", "phone_numbers"): emulated_numbers.list_numbers,
    **{(method, "message_templates"): _templates for method in _TEMPLATE_CALLS},
    **{(method, "subscribed_apps"): emulated_numbers.subscription for method in ("GET", "POST", "DELETE")},
}
