"""
SleekFlow's side of the wire: the Platform API of one region, and the calls of a flow.

What is said of companies that nobody registered: every key works unless it contains `invalid`; templates nobody made
known exist with any number of variables unless their name contains `unknown`.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, ClassVar

import msgspec

from sendyard.domain.channels import Channel
from sendyard.domain.content import Content, TemplateRef
from sendyard.domain.errors import ErrorKind, Invalid
from sendyard.domain.status import ReportStatus
from sendyard.providers.emulation import EmulatedRequest, Emulator, Handled, Received, Report
from sendyard.providers.sleekflow.codes import META
from sendyard.providers.sleekflow.emulated_console import answer
from sendyard.providers.sleekflow.emulated_flow import flow_webhook
from sendyard.providers.sleekflow.emulated_intake import JSON, RefusedError, said
from sendyard.providers.sleekflow.emulated_state import (
    SAMPLE_NUMBER,
    SAMPLE_TEMPLATE,
    Company,
    SleekFlowState,
    sampled,
    template_from,
)
from sendyard.providers.sleekflow.spec import SPEC
from sendyard.providers.wire import HttpRequest, HttpResponse

_WORDS = {ReportStatus.SENT: "Sent", ReportStatus.DELIVERED: "Received", ReportStatus.READ: "Read"}
_NEW_NUMBER = "139999"

_encode = msgspec.json.Encoder().encode


class _Registration(msgspec.Struct, forbid_unknown_fields=True):
    """An account's fields, and what its owner sets in SleekFlow."""

    api_key: str
    base_url: str = ""
    channel: str = "whatsappcloudapi"
    from_number: str = ""
    template_namespace: str = ""
    webhook_secret: str | None = None
    callback_url: str = ""
    webhook_form: str = "nested"
    echoes: bool = False
    in_other_region: bool = False
    tells_conversation: bool = True
    senders: tuple[str, ...] = ()
    credit: int | None = None
    templates: dict[str, str | dict[str, str]] = {}


class SleekFlowEmulator(Emulator):
    """SleekFlow's Platform API; no webhook tells what became of a message, its conversation does."""

    spec = SPEC
    base_path = ""
    sample_account: ClassVar[Mapping[str, str]] = {
        "api_key": "sample-platform-api-key",
        "from_number": SAMPLE_NUMBER,
    }
    sample_sender = SAMPLE_NUMBER
    sample_channel = Channel.WHATSAPP

    def new_state(self) -> SleekFlowState:
        """An empty SleekFlow."""
        return SleekFlowState()

    def sample_content(self, text: str) -> Content:
        """Give `text` as the only variable of the sample template."""
        return TemplateRef(SAMPLE_TEMPLATE, "en", {"1": text}, text)

    def register(self, state: SleekFlowState, account: Mapping[str, Any]) -> None:
        """Take the account's fields and the company's settings; see `_Registration` for their names."""
        try:
            given = msgspec.convert(dict(account), _Registration)
        except (msgspec.ValidationError, TypeError) as problem:
            detail = f"Expected the fields of a SleekFlow account; found: {problem}."
            raise Invalid("account_not_usable", detail) from None
        if not given.api_key or given.webhook_form not in {"nested", "flat", "camel"}:
            raise Invalid("account_not_usable", "Expected an api_key, and webhook_form nested, flat or camel.")
        number = (given.senders[0] if given.senders else given.from_number) or SAMPLE_NUMBER
        company = sampled(
            Company(
                number,
                key=given.api_key,
                number=number,
                channel=given.channel,
                callback_url=given.callback_url,
                webhook_secret=given.webhook_secret or "",
                webhook_form=given.webhook_form,
                echoes=given.echoes,
                in_other_region=given.in_other_region,
                tells_conversation=given.tells_conversation,
                is_strict=bool(given.templates),
                credit=given.credit,
            )
        )
        for name, about in given.templates.items():
            company.templates[name] = template_from(name, about)
        state.companies[given.api_key] = company

    def handle(self, request: EmulatedRequest, state: SleekFlowState) -> Handled:
        """Answer as SleekFlow does; paths are read whatever their case."""
        try:
            return answer(request, state)
        except RefusedError as refused:
            return said(refused.status, {"code": refused.status, "message": str(refused)})

    def throttled(self, request: EmulatedRequest, retry_after: float | None) -> HttpResponse:
        """429; its text is documented nowhere."""
        del request
        wait = {} if retry_after is None else {"retry-after": f"{retry_after:.0f}"}
        return HttpResponse(429, {**JSON, **wait}, _encode({"code": 429, "message": "Too many requests"}))

    def unavailable(self, request: EmulatedRequest) -> HttpResponse:
        """A bare 503: SleekFlow documents no answer that means "not now, and not taken"."""
        del request
        return HttpResponse(503)

    def settle(self, state: SleekFlowState, received: Received, report: Report) -> HttpRequest | None:
        """Move the message on, so that its conversation shows it; only its departure may be echoed by a flow."""
        company = state.companies.get(received.extra.get("key", ""), state.open_company)
        conversation = company.conversations.get(received.to.removeprefix("+"))
        identifier = received.extra.get("id", "")
        messages = conversation.messages if conversation else ()
        message = next((one for one in reversed(messages) if str(one.id) == identifier), None)
        if conversation is None or message is None:
            return None
        if report.status is ReportStatus.FAILED:
            word, reason = _failure(report)
            message.move_to(word, report.at, reason)
        else:
            message.move_to(_WORDS.get(report.status, "Held"), report.at)
        echoed = company.echoes and report.status is ReportStatus.SENT
        return flow_webhook(company, conversation, message) if echoed else None

    def inbound(
        self, state: SleekFlowState, *, account: str, sender: str, recipient: str, text: str, now: datetime
    ) -> HttpRequest | None:
        """Take a text of a person: it stands in the conversation, and a flow tells it."""
        company = next((one for one in state.companies.values() if one.name == account), None)
        if company is None or recipient.removeprefix("+") not in {"", company.number}:
            return None
        conversation = company.conversation_with(sender.removeprefix("+"))
        message = state.next_message("text", text, now, sent_by_us=False)
        message.status = "Received"
        conversation.messages.append(message)
        return flow_webhook(company, conversation, message)


def _failure(report: Report) -> tuple[str, str]:
    """Status and reason of a failure: SleekFlow's own word, or `Failed` with a number of Meta's."""
    if report.code in {"Failed", "Undelivered", "OutOfCredit"}:
        return report.code, ""
    if report.code in META:
        return "Failed", f"(#{report.code}) {META[report.code].wording}"
    if report.kind is ErrorKind.OUT_OF_CREDIT:
        return "OutOfCredit", "No credit left"
    if report.kind is None or report.kind is ErrorKind.UNDELIVERABLE:
        return "Undelivered", "The person could not be reached"
    known = (code for code, about in META.items() if about.meaning is report.kind)
    return "Failed", f"(#{next(known, _NEW_NUMBER)}) Message failed"
