"""
What WATI can do, and the account it needs: data only.
"""

import re
from typing import Literal
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator

from sendyard.domain.channels import Channel
from sendyard.providers.contract import AccountSettings
from sendyard.providers.spec import (
    WHATSAPP_BY_LINK,
    AddressFormat,
    Batch,
    CallbackAuth,
    ProviderSpec,
    Rate,
    RateUnit,
    ReferenceRules,
    TextRules,
)
from sendyard.providers.wati.codes import CODES

PER_TEN_SECONDS = {"growth": 30, "pro": 60, "business": 100}
"""Template sends by plan (https://docs.wati.io/v2.2/reference/errors)."""

OTHER_CALLS = 10
"""Calls to contacts and histories in ten seconds, whatever the plan."""

MOST_RECIPIENTS = 10_000
MOST_RECEIVERS = 100
"""Our own choice for `sendTemplateMessages`: no limit of it is published."""

SPEC = ProviderSpec(
    slug="wati",
    name="WATI",
    channels=frozenset({Channel.WHATSAPP}),
    batch=Batch(limit=MOST_RECIPIENTS),
    address_format=AddressFormat.NO_PLUS,
    # WhatsApp's limit of a text in an open conversation.
    text=TextRules(max_characters=4096),
    media=WHATSAPP_BY_LINK,
    # `local_message_id` is a label: repeating it sends again. Its longest form is not published.
    reference=ReferenceRules(accepted=True, max_length=64),
    rate=Rate(per_second=PER_TEN_SECONDS["growth"] / 10, unit=RateUnit.REQUEST, open_requests=10),
    callback_auth=CallbackAuth.URL_TOKEN,
    inbound=True,
    confirm_within=900.0,
    poll_delays=(900.0, 3600.0, 21_600.0),
    poll_limit=1,
    codes=CODES,
    docs=(
        "https://docs.wati.io/v2.6/reference/introduction-1",
        "https://docs.wati.io/v2.2/reference/post_api-ext-v3-messagetemplates-send",
        "https://docs.wati.io/reference/conversations_sendinteractivemessage",
        "https://docs.wati.io/reference/errors",
        "https://support.wati.io/en/articles/11463225-how-to-track-template-message-delivery-and-status-using-wati-webhooks",
        "https://docs.wati.io/v2.5/reference/template-quality-update",
    ),
)

_BELOW = re.compile(r"/api(/v[12]|/ext(/v3)?)?$")


class WatiAccount(AccountSettings):
    """One WATI workspace: where its API is, with which token, in which generation."""

    base_url: str = Field(
        default="https://live-mt-server.wati.io",
        title="API endpoint",
        description=(
            "WATI, Connector, API (older: API Docs): the API Endpoint as shown there, for example "
            "https://live-mt-server.wati.io/ followed by your tenant number. (v3 works without the number.)"
        ),
    )
    api_token: SecretStr = Field(
        min_length=1,
        max_length=8192,
        title="Access token",
        description="WATI, Connector, API, Create API Token (older: API Docs); with or without the word Bearer.",
    )
    api_version: Literal["v3", "v2", "v1"] = Field(
        default="v3",
        title="API generation",
        description='v3 for nearly everybody. "Test connection" says so when this workspace has only an older one.',
    )
    plan: Literal["growth", "pro", "business"] = Field(
        default="growth",
        title="Plan",
        description="WATI, Account details: decides how many requests WATI takes (30, 60 or 100 in ten seconds).",
    )
    channel_number: str = Field(
        default="",
        pattern=r"^[0-9]{0,15}$",
        title="Channel number",
        description=(
            "Only for a workspace with several WhatsApp numbers, and to send in bulk by v2: the number that sends "
            "when a message names no sender; digits with the country code."
        ),
    )
    slice_size: int = Field(
        default=500,
        ge=1,
        le=MOST_RECIPIENTS,
        title="Recipients in one request",
        description="With v3 WATI takes up to 10,000; smaller slices lose less when an answer gets lost.",
    )

    @field_validator("base_url")
    @classmethod
    def _endpoint(cls, given: str) -> str:
        """Take the endpoint as people paste it: with a slash at the end or with what follows it in examples."""
        url = _BELOW.sub("", given.strip().rstrip("/"))
        parts = urlsplit(url)
        if parts.scheme not in {"https", "http"} or not parts.hostname or parts.query or parts.fragment:
            raise ValueError(
                f"expected an address such as https://live-mt-server.wati.io/1234, found {given!r}; "
                "copy the API Endpoint from WATI's page of the API"
            )
        return url

    @field_validator("api_token")
    @classmethod
    def _bare(cls, given: SecretStr) -> SecretStr:
        """WATI shows the token with the word Bearer before it, which is not a part of it."""
        token = given.get_secret_value().strip()
        if token[:7].lower() in {"bearer ", "bearer"}:
            token = token[7:].strip()
        if not token or not token.isascii() or not token.isprintable() or " " in token:
            raise ValueError("expected one token without spaces or line breaks; copy it again from WATI")
        return SecretStr(token)
