"""
Our side of the WhatsApp Cloud API: JSON both ways, one recipient a request, statuses by webhook only.

Source: https://github.com/facebook/openapi, `business-messaging-api_v23.0.yaml`.
"""

from collections.abc import Mapping, Sequence
from typing import Any, cast

import msgspec

from sendyard.domain.channels import Purpose
from sendyard.domain.content import TemplateRef
from sendyard.domain.errors import ProviderError
from sendyard.providers.abilities import (
    AccountProbe,
    MediaFile,
    MediaUpload,
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
    CallbackResult,
    Outgoing,
    Problem,
    Receipt,
)
from sendyard.providers.meta_cloud.answers import receipt_of
from sendyard.providers.meta_cloud.callbacks import read_callback
from sendyard.providers.meta_cloud.catalog import read_templates, templates_request, unfitting
from sendyard.providers.meta_cloud.door import door_of
from sendyard.providers.meta_cloud.limits import problems_of
from sendyard.providers.meta_cloud.media import read_upload, upload_request
from sendyard.providers.meta_cloud.numbers import (
    health_request,
    learned_limit,
    portfolio_of,
    read_probe,
    read_senders,
    read_usage,
    senders_request,
)
from sendyard.providers.meta_cloud.payloads import address_field, content_fields
from sendyard.providers.meta_cloud.spec import PEOPLE_PER_DAY, SPEC, MetaCloudAccount
from sendyard.providers.meta_cloud.submission import read_template, template_request
from sendyard.providers.spec import Rate, RateUnit
from sendyard.providers.wire import CallbackRequest, HttpRequest, HttpResponse

_encode = msgspec.json.Encoder().encode


class MetaCloudAdapter(Adapter, AccountProbe, MediaUpload, TemplateCatalog, TemplateSubmission, SenderList, UsageQuery):
    """WhatsApp Cloud API; the Graph API's version is the account's."""

    spec = SPEC
    Account = MetaCloudAccount

    def check(self, account: AccountSettings, outgoing: Outgoing) -> list[Problem]:
        """Name what Meta would refuse: addresses, lengths, counts, and marketing to the United States."""
        del account
        return list(problems_of(outgoing))

    def rate(self, account: AccountSettings) -> Rate:
        """80 messages/s, or what Meta gave this number; open requests for answers that take 0.3 s."""
        per_second = cast("MetaCloudAccount", account).messages_per_second
        return Rate(float(per_second), RateUnit.MESSAGE, max(SPEC.rate.open_requests, per_second * 3 // 10))

    def daily_people(self, account: AccountSettings) -> int | None:
        """By the messaging limit that was entered; the whole business shares it."""
        return PEOPLE_PER_DAY.get(cast("MetaCloudAccount", account).messaging_limit)

    def learned(self, account: AccountSettings, facts: Mapping[str, str]) -> Mapping[str, str]:
        """The messaging limit, from the connection test or a webhook."""
        return learned_limit(cast("MetaCloudAccount", account), facts)

    def learns_with(self, account: AccountSettings) -> str:
        """The messaging limit is of all numbers of a business."""
        return portfolio_of(cast("MetaCloudAccount", account))

    def build_submit(self, call: Call, batch: Sequence[Outgoing]) -> HttpRequest:
        """Build `POST /{phone_number_id}/messages`, or the Marketing Messages API's for promotional templates."""
        (outgoing,) = batch
        account = cast("MetaCloudAccount", call.account)
        door = door_of(account)
        content = outgoing.content
        field, value = address_field(outgoing.to)
        body: dict[str, Any] = {"messaging_product": "whatsapp", "recipient_type": "individual", field: value}
        body |= content_fields(content)
        if outgoing.reference:
            body["biz_opaque_callback_data"] = outgoing.reference
        if outgoing.in_reply_to:
            body["context"] = {"message_id": outgoing.in_reply_to}
        by_marketing = (
            account.marketing_messages and outgoing.purpose is Purpose.PROMOTIONAL and isinstance(content, TemplateRef)
        )
        edge = "marketing_messages" if by_marketing else "messages"
        sender = outgoing.sender or account.phone_number_id
        return HttpRequest("POST", f"{door.root}/{sender}/{edge}", door.writing, _encode(body))

    def parse_submit(self, batch: Sequence[Outgoing], response: HttpResponse) -> list[Receipt]:
        """Read the message id or an error code; 200 is acceptance only, most failures come by webhook."""
        (outgoing,) = batch
        return [receipt_of(outgoing, response)]

    def parse_callback(self, call: Call, request: CallbackRequest) -> CallbackResult:
        """Answer the handshake, or check X-Hub-Signature-256 and read everything the post holds."""
        return read_callback(cast("MetaCloudAccount", call.account), request)

    def build_probe(self, call: Call) -> HttpRequest:
        """Read the phone number with its health: free, and it names the account the number belongs to."""
        return health_request(cast("MetaCloudAccount", call.account))

    def parse_probe(self, call: Call, response: HttpResponse) -> ProbeResult:
        """Say which of token, phone number ID and account ID is wrong, and where the right one is found."""
        return read_probe(cast("MetaCloudAccount", call.account), response)

    def build_upload(self, call: Call, file: MediaFile) -> HttpRequest:
        """Build `POST /{phone_number_id}/media`. Raises AppError `Invalid` for types and sizes not taken."""
        return upload_request(cast("MetaCloudAccount", call.account), call, file)

    def parse_upload(self, response: HttpResponse) -> UploadedMedia | ProviderError:
        """Read the media id."""
        return read_upload(response)

    def build_templates(self, call: Call, cursor: str) -> HttpRequest:
        """List the templates of the WhatsApp Business Account."""
        return templates_request(cast("MetaCloudAccount", call.account), cursor)

    def parse_templates(self, call: Call, cursor: str, response: HttpResponse) -> TemplatePage | ProviderError:
        """Read a page; variables are named as `TemplateRef.variables` wants them."""
        del call, cursor
        return read_templates(response)

    def fits(self, template: ProviderTemplate | None, wanted: TemplateRef) -> list[Problem]:
        """Compare also the number of variables and the header's file."""
        found = super().fits(template, wanted)
        return found if template is None or found else unfitting(template, wanted)

    def build_template(self, call: Call, template: ProviderTemplate, samples: Mapping[str, str]) -> HttpRequest:
        """Hand in a template. Raises AppError `Invalid` for what Meta would refuse anyway."""
        return template_request(cast("MetaCloudAccount", call.account), template, samples)

    def parse_template(self, template: ProviderTemplate, response: HttpResponse) -> ProviderTemplate | ProviderError:
        """Read its id, state and category."""
        return read_template(template, response)

    def build_senders(self, call: Call) -> HttpRequest:
        """List the phone numbers of the WhatsApp Business Account."""
        return senders_request(cast("MetaCloudAccount", call.account))

    def parse_senders(self, call: Call, response: HttpResponse) -> Sequence[ProviderSender] | ProviderError:
        """Read the numbers with quality, messaging limit and speed."""
        del call
        return read_senders(response)

    def build_usage(self, call: Call) -> HttpRequest:
        """Read the number's quality, messaging limit and speed."""
        return health_request(cast("MetaCloudAccount", call.account))

    def parse_usage(self, call: Call, response: HttpResponse) -> Mapping[str, str] | ProviderError:
        """Read them as facts; how much of the limit is used Meta does not tell."""
        del call
        return read_usage(response)
