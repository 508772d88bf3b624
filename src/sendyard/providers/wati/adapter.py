"""
Our side of WATI's wire: templates in bulk, words while a conversation is open, contacts and templates.

Three generations of its API stand behind one adapter; the account says which. None of them recognises a
repeated send, so what became of an unanswered one is read from the conversation's history.
"""

from collections.abc import Hashable, Mapping, Sequence
from datetime import datetime
from typing import cast

from sendyard.domain.addresses import Address
from sendyard.domain.channels import Channel
from sendyard.domain.content import TemplateRef
from sendyard.domain.errors import ProviderError
from sendyard.providers.abilities import (
    AccountProbe,
    ContactPush,
    Found,
    Inconclusive,
    NotFound,
    OptOutList,
    OptOutPage,
    Pending,
    Poll,
    ProbeResult,
    ProviderSender,
    ProviderTemplate,
    ReportPolling,
    SenderList,
    SubmitLookup,
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
from sendyard.providers.spec import Rate
from sendyard.providers.wati import catalogue, contacts, history, probe, sending, webhooks
from sendyard.providers.wati.answers import receipts_of
from sendyard.providers.wati.limits import problems_of
from sendyard.providers.wati.spec import MOST_RECEIVERS, PER_TEN_SECONDS, SPEC, WatiAccount
from sendyard.providers.wire import CallbackRequest, HttpRequest, HttpResponse


def _account(call: Call) -> WatiAccount:
    return cast("WatiAccount", call.account)


class WatiAdapter(
    Adapter,
    ReportPolling,
    SubmitLookup,
    AccountProbe,
    TemplateCatalog,
    TemplateSubmission,
    SenderList,
    ContactPush,
    OptOutList,
):
    """WhatsApp through WATI, API v3, v2 or v1."""

    spec = SPEC
    Account = WatiAccount
    minds_language = False  # messages name a template without a language
    listed_channel = Channel.WHATSAPP
    lists_advertising = True  # `allowBroadcast` is about broadcasts

    def check(self, account: AccountSettings, outgoing: Outgoing) -> list[Problem]:
        """Name what WATI or WhatsApp would refuse."""
        return list(problems_of(cast("WatiAccount", account), outgoing))

    def rate(self, account: AccountSettings) -> Rate:
        """Requests in ten seconds by plan."""
        per_second = PER_TEN_SECONDS[cast("WatiAccount", account).plan] / 10
        return Rate(per_second, SPEC.rate.unit, SPEC.rate.open_requests)

    def batch_limit(self, account: AccountSettings) -> int:
        """The slices of v3; in v2 a hundred, if the number that sends is known; in v1 one."""
        given = cast("WatiAccount", account)
        if given.api_version == "v3":
            return given.slice_size
        return min(given.slice_size, MOST_RECEIVERS) if given.api_version == "v2" and given.channel_number else 1

    def batch_key(self, outgoing: Outgoing) -> Hashable:
        """One template of one sender; words in a conversation go alone."""
        return sending.batch_key(outgoing)

    def build_submit(self, call: Call, batch: Sequence[Outgoing]) -> HttpRequest:
        """A broadcast of one template, or one message into an open conversation."""
        return sending.submit_request(_account(call), call.exchange_id, batch)

    def parse_submit(self, batch: Sequence[Outgoing], response: HttpResponse) -> list[Receipt]:
        """One receipt per recipient; `answers` says how an answer is judged."""
        return receipts_of(batch, response)

    def parse_callback(self, call: Call, request: CallbackRequest) -> CallbackResult:
        """Read one event; the unguessable address is its only proof, checked before this is called."""
        del call
        return webhooks.read_callback(request)

    def build_poll(self, call: Call, cursor: str, pending: Sequence[Pending]) -> HttpRequest:
        """The conversation with the one person asked for."""
        del cursor
        (asked,) = pending
        return history.history_request(_account(call), asked.to)

    def parse_poll(self, call: Call, pending: Sequence[Pending], response: HttpResponse) -> Poll:
        """How far the one message came; nothing when the history does not show it."""
        del call
        return history.read_poll(pending, response)

    def build_lookup(self, call: Call, outgoing: Outgoing, submitted_at: datetime) -> HttpRequest:
        """The conversation with the recipient."""
        del submitted_at
        return history.history_request(_account(call), outgoing.to, outgoing.sender)

    def parse_lookup(
        self, outgoing: Outgoing, submitted_at: datetime, response: HttpResponse
    ) -> Found | NotFound | Inconclusive:
        """By our label where WATI keeps it, else by text; `history` says what proves what."""
        return history.judge(outgoing, submitted_at, response)

    def build_probe(self, call: Call) -> HttpRequest:
        """A call that costs nothing, in the account's generation."""
        return probe.probe_request(_account(call))

    def parse_probe(self, call: Call, response: HttpResponse) -> ProbeResult:
        """Say which value is wrong, or which generation this workspace has."""
        return probe.read_probe(_account(call), response)

    def build_templates(self, call: Call, cursor: str) -> HttpRequest:
        """One page of templates."""
        return catalogue.list_request(_account(call), cursor)

    def parse_templates(self, call: Call, cursor: str, response: HttpResponse) -> TemplatePage | ProviderError:
        """Read one page; variables are the template's named parameters."""
        del call
        return catalogue.read_page(cursor, response)

    def fits(self, template: ProviderTemplate | None, wanted: TemplateRef) -> list[Problem]:
        """As everywhere, but a file of the header fills its parameter."""
        return super().fits(catalogue.without_media(wanted, template), wanted)

    def build_template(self, call: Call, template: ProviderTemplate, samples: Mapping[str, str]) -> HttpRequest:
        """Hand a template in; v1 has the only call for it, whatever the account's generation."""
        return catalogue.create_request(_account(call), template, samples)

    def parse_template(self, template: ProviderTemplate, response: HttpResponse) -> ProviderTemplate | ProviderError:
        """The template with WATI's id and its state, mostly pending."""
        return catalogue.read_creation(template, response)

    def build_senders(self, call: Call) -> HttpRequest:
        """The channels of the workspace."""
        return probe.senders_request(_account(call))

    def parse_senders(self, call: Call, response: HttpResponse) -> Sequence[ProviderSender] | ProviderError:
        """Each channel as a sender."""
        del call
        return probe.read_senders(response)

    def build_contact(self, call: Call, person: Address, name: str, fields: Mapping[str, str]) -> HttpRequest:
        """Add a contact, with its fields as attributes."""
        return contacts.contact_request(_account(call), person, name, fields)

    def parse_contact(self, response: HttpResponse) -> str | ProviderError:
        """WATI's id of the contact."""
        return contacts.read_contact(response)

    def build_listed(self, call: Call, cursor: str) -> HttpRequest:
        """One page of contacts, by v1's call whatever the generation."""
        return contacts.listed_request(_account(call), cursor)

    def parse_listed(self, call: Call, cursor: str, response: HttpResponse) -> OptOutPage | ProviderError:
        """Who may have no broadcasts, and who opted in."""
        del call
        return contacts.read_listed(cursor, response)
