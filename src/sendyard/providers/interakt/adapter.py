"""
Our side of Interakt's wire: one request a message, everything else by signed webhooks.

Interakt offers neither a history nor a balance, and recognises no repetition: a send that was not answered is
settled by the webhook that carries our `callbackData`, or not at all.
"""

from collections.abc import Mapping, Sequence
from typing import cast

from sendyard.domain.addresses import Address
from sendyard.domain.errors import ProviderError
from sendyard.providers.abilities import (
    AccountProbe,
    ContactPush,
    ProbeResult,
    ProviderTemplate,
    TemplateCatalog,
    TemplatePage,
    TemplateSubmission,
)
from sendyard.providers.contract import (
    AccountSettings,
    Adapter,
    Call,
    CallbackResult,
    Outgoing,
    Problem,
    Receipt,
)
from sendyard.providers.interakt import catalogue, contacts, probe
from sendyard.providers.interakt.answers import receipt_of
from sendyard.providers.interakt.limits import problems_of
from sendyard.providers.interakt.sending import submit_request
from sendyard.providers.interakt.signature import authenticate
from sendyard.providers.interakt.spec import PER_MINUTE, SPEC, InteraktAccount
from sendyard.providers.interakt.webhooks import read_callback
from sendyard.providers.spec import Rate
from sendyard.providers.wire import CallbackRequest, HttpRequest, HttpResponse


def _account(call: Call) -> InteraktAccount:
    return cast("InteraktAccount", call.account)


class InteraktAdapter(Adapter, AccountProbe, TemplateCatalog, TemplateSubmission, ContactPush):
    """WhatsApp through Interakt's public API."""

    spec = SPEC
    Account = InteraktAccount

    def check(self, account: AccountSettings, outgoing: Outgoing) -> list[Problem]:
        """Name what Interakt or WhatsApp would refuse."""
        del account
        return list(problems_of(outgoing))

    def rate(self, account: AccountSettings) -> Rate:
        """Requests a minute by plan, or as Interakt told."""
        given = cast("InteraktAccount", account)
        per_minute = given.requests_per_minute or PER_MINUTE[given.plan]
        return Rate(per_minute / 60, SPEC.rate.unit, SPEC.rate.open_requests)

    def build_submit(self, call: Call, batch: Sequence[Outgoing]) -> HttpRequest:
        """`POST /message/` for one recipient."""
        (outgoing,) = batch
        return submit_request(call, outgoing)

    def parse_submit(self, batch: Sequence[Outgoing], response: HttpResponse) -> list[Receipt]:
        """201 with an id is acceptance; a 5xx says nothing about whether Interakt took the message."""
        (outgoing,) = batch
        return [receipt_of(outgoing.message_id, response)]

    def parse_callback(self, call: Call, request: CallbackRequest) -> CallbackResult:
        """Check Interakt-Signature, then read one event or several."""
        account = _account(call)
        secret = account.webhook_secret
        authenticate(request.headers, secret.get_secret_value() if secret else "", request.body)
        return read_callback(request, account.currency)

    def build_probe(self, call: Call) -> HttpRequest:
        """The first page of approved templates."""
        return probe.probe_request(_account(call))

    def parse_probe(self, call: Call, response: HttpResponse) -> ProbeResult:
        """Say whether key and plan are right."""
        return probe.read_probe(_account(call), response)

    def build_templates(self, call: Call, cursor: str) -> HttpRequest:
        """One page of all templates; the cursor is the offset."""
        return catalogue.list_request(_account(call), offset=cursor or "0", language="all")

    def parse_templates(self, call: Call, cursor: str, response: HttpResponse) -> TemplatePage | ProviderError:
        """Read one page; variables are counted, with `header` and `button:0` beside them."""
        del call
        return catalogue.read_page(cursor, response)

    def build_template(self, call: Call, template: ProviderTemplate, samples: Mapping[str, str]) -> HttpRequest:
        """Hand a template in."""
        return catalogue.create_request(_account(call), template, samples)

    def parse_template(self, template: ProviderTemplate, response: HttpResponse) -> ProviderTemplate | ProviderError:
        """The template with Interakt's id."""
        return catalogue.read_creation(template, response)

    def build_contact(self, call: Call, person: Address, name: str, fields: Mapping[str, str]) -> HttpRequest:
        """Add a contact with its traits."""
        return contacts.contact_request(_account(call), person, name, fields)

    def parse_contact(self, response: HttpResponse) -> str | ProviderError:
        """Nothing: Interakt gives no id."""
        return contacts.read_contact(response)
