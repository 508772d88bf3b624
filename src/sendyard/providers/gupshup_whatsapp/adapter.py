"""
Our side of Gupshup's WhatsApp wire: forms out, JSON in, one recipient a request.

Source: https://docs.gupshup.io/reference/msg. There is no idempotency key and no field for our reference, so only
the message's id joins what comes later to what was sent.
"""

import hmac
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import ClassVar, cast

import msgspec

from sendyard.domain.addresses import Address
from sendyard.domain.channels import Channel
from sendyard.domain.errors import ErrorKind, ProviderError
from sendyard.domain.money import Money
from sendyard.providers.abilities import (
    AccountProbe,
    BalanceQuery,
    ContactPush,
    MediaFile,
    MediaUpload,
    OptOutList,
    OptOutPage,
    OptOutTelling,
    ProbeResult,
    ProviderSender,
    ProviderTemplate,
    SenderList,
    TemplateCatalog,
    TemplatePage,
    TemplateSubmission,
    UploadedMedia,
    UsageQuery,
)
from sendyard.providers.contract import (
    AccountSettings,
    Adapter,
    Call,
    CallbackRejected,
    CallbackResult,
    Outgoing,
    Problem,
    Receipt,
)
from sendyard.providers.gupshup_whatsapp.answers import decode, receipt
from sendyard.providers.gupshup_whatsapp.codes import CODES
from sendyard.providers.gupshup_whatsapp.events import Envelope, events_of
from sendyard.providers.gupshup_whatsapp.limits import problems_of
from sendyard.providers.gupshup_whatsapp.messages import form_of, path_of
from sendyard.providers.gupshup_whatsapp.meta_events import Webhook, meta_events_of
from sendyard.providers.gupshup_whatsapp.opting import listed_request, read_listed, read_telling, telling_request
from sendyard.providers.gupshup_whatsapp.partner import (
    partner_request,
    read_balance,
    read_senders,
    read_upload,
    read_usage,
    upload_request,
    usage_path,
)
from sendyard.providers.gupshup_whatsapp.spec import SPEC, GupshupWhatsappAccount
from sendyard.providers.gupshup_whatsapp.templates import new_template, read_created, read_templates
from sendyard.providers.spec import ProviderSpec
from sendyard.providers.wire import CallbackRequest, HttpRequest, HttpResponse

_envelope = msgspec.json.Decoder(Envelope)
_webhook = msgspec.json.Decoder(Webhook)

_NOTED = HttpResponse(200)


class GupshupWhatsappAdapter(
    Adapter,
    AccountProbe,
    BalanceQuery,
    TemplateCatalog,
    TemplateSubmission,
    MediaUpload,
    SenderList,
    UsageQuery,
    ContactPush,
    OptOutList,
    OptOutTelling,
):
    """Gupshup's WhatsApp API, messages of version 1, webhooks of versions 2 and 3."""

    spec: ClassVar[ProviderSpec] = SPEC
    Account: ClassVar[type[AccountSettings]] = GupshupWhatsappAccount
    minds_language = False  # an id names one template in one language
    listed_channel = told_channel = Channel.WHATSAPP

    def check(self, account: AccountSettings, outgoing: Outgoing) -> list[Problem]:
        """Name what Gupshup or WhatsApp would refuse."""
        del account
        return list(problems_of(outgoing))

    def build_submit(self, call: Call, batch: Sequence[Outgoing]) -> HttpRequest:
        """Build a session or a template message for one recipient."""
        (outgoing,) = batch
        account = cast("GupshupWhatsappAccount", call.account)
        url = f"{account.base_url}{path_of(outgoing)}"
        return HttpRequest("POST", url, _writing(account), form_of(account.app_name, account.source, outgoing))

    def parse_submit(self, batch: Sequence[Outgoing], response: HttpResponse) -> list[Receipt]:
        """Read the message's id or why there is none. Raises ProtocolError."""
        (outgoing,) = batch
        return [receipt(outgoing.message_id, response)]

    def parse_callback(self, call: Call, request: CallbackRequest) -> CallbackResult:
        """Compare the custom header, if one is agreed on, then read a webhook of either version."""
        account = cast("GupshupWhatsappAccount", call.account)
        if account.webhook_secret is not None:
            given = request.headers.get(account.webhook_header, "").encode("utf-8", "surrogatepass")
            if not hmac.compare_digest(given, account.webhook_secret.get_secret_value().encode()):
                raise CallbackRejected(f"the header {account.webhook_header} is missing or has another value")
        # `type` is required in version 2 and `entry` in version 3, so neither is taken for the other.
        if b'"entry"' in request.body:
            webhook = decode(_webhook, request.body, "a webhook of version 3")
            return CallbackResult(meta_events_of(webhook, account.source), _NOTED)
        envelope = decode(_envelope, request.body, "a webhook with its type")
        return CallbackResult(events_of(envelope, account.source), _NOTED)

    def build_probe(self, call: Call) -> HttpRequest:
        """List the templates: that proves key and app id, sends nothing and costs nothing."""
        return self.build_templates(call, "")

    def parse_probe(self, call: Call, response: HttpResponse) -> ProbeResult:
        """Say which of the two is wrong and where the right one is. Raises ProtocolError."""
        account = cast("GupshupWhatsappAccount", call.account)
        if 400 <= response.status < 500 and response.status not in {401, 408, 429}:
            error = ProviderError(ErrorKind.AUTH_FAILED, f"http:{response.status}", "the app id is not of this account")
            detail = (
                f"The API key works, but Gupshup does not know the app id {account.app_id} (HTTP {response.status}). "
                "Copy it again: Gupshup console, WhatsApp, your app, Settings."
            )
            return ProbeResult(ok=False, detail=detail, error=error)
        found = read_templates(response)
        if isinstance(found, TemplatePage):
            count = len(found.templates)
            detail = f"API key and app id work; the app has {count} template{'' if count == 1 else 's'}."
            return ProbeResult(ok=True, detail=detail, facts={"templates": str(count)})
        known = CODES.get(found.code)
        advice = f" {known.advice}" if known and known.advice else " Try again later."
        return ProbeResult(ok=False, detail=f"Gupshup answered: {found.detail}.{advice}", error=found)

    def build_templates(self, call: Call, cursor: str) -> HttpRequest:
        """Ask for all templates of the app; there are no pages."""
        del cursor
        account = cast("GupshupWhatsappAccount", call.account)
        return HttpRequest("GET", f"{account.base_url}/wa/app/{account.app_id}/template", _reading(account))

    def parse_templates(self, call: Call, cursor: str, response: HttpResponse) -> TemplatePage | ProviderError:
        """Read them. Raises ProtocolError."""
        del call, cursor
        return read_templates(response)

    def build_template(self, call: Call, template: ProviderTemplate, samples: Mapping[str, str]) -> HttpRequest:
        """Hand a template in at the Partner Portal. Raises Invalid."""
        account = cast("GupshupWhatsappAccount", call.account)
        return partner_request(account, "POST", "/templates", new_template(template, samples))

    def parse_template(self, template: ProviderTemplate, response: HttpResponse) -> ProviderTemplate | ProviderError:
        """Read the template as Gupshup has it now. Raises ProtocolError."""
        del template
        return read_created(response)

    def build_balance(self, call: Call) -> HttpRequest:
        """Ask for the wallet. Raises Invalid without a partner token."""
        return partner_request(cast("GupshupWhatsappAccount", call.account), "GET", "/wallet/balance")

    def parse_balance(self, response: HttpResponse) -> Money | ProviderError:
        """Read it. Raises ProtocolError."""
        return read_balance(response)

    def build_usage(self, call: Call) -> HttpRequest:
        """Ask for the days of this month. Raises Invalid without a partner token."""
        return partner_request(cast("GupshupWhatsappAccount", call.account), "GET", usage_path(call))

    def parse_usage(self, call: Call, response: HttpResponse) -> Mapping[str, str] | ProviderError:
        """Add them up. Raises ProtocolError."""
        del call
        return read_usage(response)

    def build_senders(self, call: Call) -> HttpRequest:
        """Ask for the state of the app's number. Raises Invalid without a partner token."""
        return partner_request(cast("GupshupWhatsappAccount", call.account), "GET", "/waba/info")

    def parse_senders(self, call: Call, response: HttpResponse) -> Sequence[ProviderSender] | ProviderError:
        """Read it. Raises ProtocolError."""
        del call
        return read_senders(response)

    def build_upload(self, call: Call, file: MediaFile) -> HttpRequest:
        """Hand over a file for the header of a template. Raises Invalid."""
        return upload_request(call, cast("GupshupWhatsappAccount", call.account), file)

    def parse_upload(self, response: HttpResponse) -> UploadedMedia | ProviderError:
        """Read its id. Raises ProtocolError."""
        return read_upload(response)

    def build_contact(self, call: Call, person: Address, name: str, fields: Mapping[str, str]) -> HttpRequest:
        """
        Mark a person's opt-in, all that Gupshup keeps of one; apps created after August 2025 have no such call.

        Raises:
            Invalid: the person is not known by a phone number.
        """
        del name, fields
        return self.build_telling(call, person, refuses=False)

    def parse_contact(self, response: HttpResponse) -> str | ProviderError:
        """Any 2xx is a yes, usually without a body. Raises ProtocolError."""
        return self.parse_telling(response) or ""

    def build_listed(self, call: Call, cursor: str) -> HttpRequest:
        """Ask for everybody who opted in or out."""
        del cursor
        account = cast("GupshupWhatsappAccount", call.account)
        return listed_request(account, _reading(account))

    def parse_listed(self, call: Call, cursor: str, response: HttpResponse) -> OptOutPage | ProviderError:
        """Read them. Raises ProtocolError."""
        del call, cursor
        return read_listed(response)

    def build_telling(self, call: Call, person: Address, *, refuses: bool) -> HttpRequest:
        """Mark one person as opted in or out. Raises Invalid."""
        account = cast("GupshupWhatsappAccount", call.account)
        return telling_request(account, _writing(account), person, refuses=refuses)

    def parse_telling(self, response: HttpResponse) -> ProviderError | None:
        """Read whether it is marked. Raises ProtocolError."""
        return read_telling(response)


@lru_cache(maxsize=256)
def _reading(account: GupshupWhatsappAccount) -> Mapping[str, str]:
    return {"apikey": account.api_key.get_secret_value(), "accept": "application/json"}


@lru_cache(maxsize=256)
def _writing(account: GupshupWhatsappAccount) -> Mapping[str, str]:
    return {**_reading(account), "content-type": "application/x-www-form-urlencoded"}
