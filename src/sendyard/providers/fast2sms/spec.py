"""
What Fast2SMS can do, and the account it needs: data only.
"""

from typing import Literal
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator

from sendyard.domain.channels import Channel
from sendyard.providers.contract import AccountSettings
from sendyard.providers.fast2sms.codes import CODES
from sendyard.providers.spec import (
    AddressFormat,
    Batch,
    CallbackAuth,
    ProviderSpec,
    Rate,
    RateUnit,
    ReferenceRules,
    Timeout,
)

MOST_NUMBERS = 100

WEBHOOK_BODY = (
    '{"request_id":"{{request_id}}","route":"{{route}}","sender_id":"{{sender_id}}","mobile":"{{mobile}}",'
    '"status":"{{status}}","status_description":"{{status_description}}","delivery_time":"{{delivery_time}}",'
    '"udf1":"{{udf1}}"}'
)
"""What to paste as the body of a Standard webhook; the panel shows how it writes its variables."""

SPEC = ProviderSpec(
    slug="fast2sms",
    name="Fast2SMS",
    channels=frozenset({Channel.SMS}),
    countries=frozenset({"IN"}),
    # `Fast2SmsAdapter.batch_key` says what they share: all numbers of a call get one text.
    batch=Batch(limit=MOST_NUMBERS),
    address_format=AddressFormat.NATIONAL,
    # udf1 carries our reference in calls with one number; nothing de-duplicates by it.
    reference=ReferenceRules(accepted=True, max_length=50),
    # No rate is published; this is our choice.
    rate=Rate(per_second=10, unit=RateUnit.REQUEST),
    timeout=Timeout(connect=5.0, total=30.0),
    callback_auth=CallbackAuth.URL_TOKEN,
    poll_limit=1,
    codes=CODES,
    docs=(
        "https://docs.fast2sms.com/reference/error-code-list",
        "https://docs.fast2sms.com/reference/dlt-sms-single",
        "https://docs.fast2sms.com/reference/dlt-manual-single",
        "https://docs.fast2sms.com/reference/sms-webhook",
    ),
    exemptions={
        "a_refusal_hits_its_recipient_alone": "Fast2SMS answers once for all numbers of a call; what becomes of each "
        "number, the delivery report tells (a test of the folder shows it).",
    },
)


class Fast2SmsAccount(AccountSettings):
    """One authorization key of Fast2SMS."""

    base_url: str = Field(
        default="https://www.fast2sms.com/dev",
        title="Interface address",
        description="https://www.fast2sms.com/dev for everybody.",
    )
    api_key: SecretStr = Field(
        title="API authorization key",
        description="Sign in at fast2sms.com, open Dev API and copy the key, without 'Bearer'. The API works only "
        "after one recharge of at least ₹100.",
    )
    text_route: Literal["dlt_manual", "quick"] = Field(
        default="dlt_manual",
        title="Route of plain texts",
        description="dlt_manual: the text must be exactly a template that is approved on DLT. quick: any text, without "
        "DLT, from a random number, at up to ₹5 a message; not for offers. Templates by message id always go by dlt.",
    )
    entity_id: str = Field(
        default="",
        pattern=r"^([0-9]{19})?$",
        title="DLT entity id",
        description="The 19 digits of your company on the DLT portal (PE ID); may stay empty when the template is "
        "stored in the DLT Manager of the Fast2SMS panel.",
    )
    numbers_per_call: int = Field(
        default=MOST_NUMBERS,
        ge=1,
        le=MOST_NUMBERS,
        title="Numbers per call",
        description="How many people with the same text share one call. Fast2SMS answers once for all of them; with 1, "
        "every answer is about one person, at the price of more calls.",
    )

    @field_validator("base_url")
    @classmethod
    def _an_address(cls, given: str) -> str:
        parts = urlsplit(given)
        if parts.scheme not in {"https", "http"} or not parts.hostname or parts.query or parts.fragment:
            raise ValueError("expected an address such as https://www.fast2sms.com/dev, without anything after '?'")
        return given.rstrip("/").removesuffix("/bulkV2")

    @field_validator("api_key")
    @classmethod
    def _a_key(cls, given: SecretStr) -> SecretStr:
        """The key is the value of a header, so it is one printable word."""
        key = given.get_secret_value()
        if not 4 <= len(key) <= 200 or not all("!" <= char <= "~" for char in key):
            raise ValueError(
                "expected the bare key of printable ASCII characters, found blanks or others; copy it without 'Bearer'"
            )
        return given
