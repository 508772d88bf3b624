"""
What 2Factor.in can do, and the account it needs: data only.
"""

from typing import Literal
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator

from sendyard.domain.channels import Channel
from sendyard.providers.contract import AccountSettings
from sendyard.providers.spec import AddressFormat, Batch, CallbackAuth, ProviderSpec, Rate, RateUnit, Timeout
from sendyard.providers.twofactor.codes import CODES

SPEC = ProviderSpec(
    slug="twofactor",
    name="2Factor.in",
    channels=frozenset({Channel.SMS}),
    countries=frozenset({"IN"}),
    # One answer stands for all numbers of a request, so one bad number would refuse its neighbours.
    batch=Batch(limit=1),
    address_format=AddressFormat.NATIONAL,
    rate=Rate(per_second=200, unit=RateUnit.REQUEST),
    timeout=Timeout(connect=5.0, total=10.0),
    callback_auth=CallbackAuth.URL_TOKEN,
    poll_limit=1,
    codes=CODES,
    docs=(
        "https://documenter.getpostman.com/view/301893/TWDamFGh",
        "https://2factor.in/API/DOCS/SMS_OTP.html",
        "https://dial2verify.com/corp/support-system/tkt/knowledgebase.php?article=14",
    ),
)


class TwoFactorAccount(AccountSettings):
    """One API key of 2Factor.in and the product it sends with."""

    base_url: str = Field(
        default="https://2factor.in/API",
        title="Interface address",
        description="https://2factor.in/API for everybody, unless 2Factor has given you a cluster of your own.",
    )
    api_key: SecretStr = Field(
        title="API key",
        description="Sign in at 2factor.in: it stands on the dashboard, such as 0a1b2c3d-1111-11ef-8b17-0200cd936042.",
    )
    product: Literal["transactional", "promotional", "otp"] = Field(
        default="transactional",
        title="Product",
        description="Which credit this account spends: transactional SMS, promotional SMS, or OTP only. 2Factor keeps "
        "a balance for each. One-time codes leave by the OTP product, whatever stands here.",
    )
    interface: Literal["v1", "r1"] = Field(
        default="v1",
        title="Interface",
        description="v1 is the documented one. r1 is newer and also carries the DLT entity and template ids; choose "
        "it when 2Factor's support told you so. Codes are checked by v1 in any case.",
    )
    entity_id: str = Field(
        default="",
        pattern=r"^([0-9]{19})?$",
        title="DLT entity id",
        description="The 19 digits of your company on the DLT portal (PE ID); sent by interface r1 only.",
    )
    otp_template: str = Field(
        default="",
        max_length=100,
        title="OTP template",
        description="Name of the approved OTP template in the 2Factor panel. Without one, 2Factor may call the person "
        "instead of texting, so codes of 2Factor's own need it.",
    )
    verify_by: Literal["session", "phone"] = Field(
        default="session",
        title="Check codes by",
        description="How codes made by 2Factor are checked: by the session of the send, or by the number (VERIFY3) "
        "when 2Factor answers 'No Entry Exists' for sessions of this account.",
    )
    number_form: Literal["national", "with_country"] = Field(
        default="national",
        title="Number form",
        description="national is ten digits, which some accounts insist on; with_country puts 91 before them.",
    )

    @field_validator("base_url")
    @classmethod
    def _an_address(cls, given: str) -> str:
        parts = urlsplit(given)
        if parts.scheme not in {"https", "http"} or not parts.hostname or parts.query or parts.fragment:
            raise ValueError("expected an address such as https://2factor.in/API, without a key or anything after '?'")
        return given.rstrip("/")

    @field_validator("api_key")
    @classmethod
    def _a_key(cls, given: SecretStr) -> SecretStr:
        """The key is a segment of the path, so nothing may stand in it that ends one."""
        key = given.get_secret_value()
        if not 4 <= len(key) <= 100 or not all(char.isascii() and (char.isalnum() or char in "-_") for char in key):
            raise ValueError(
                "expected letters, digits and hyphens, found something else or nothing; copy the bare key again, "
                "without blanks and without the rest of an address"
            )
        return given

    @field_validator("otp_template")
    @classmethod
    def _a_segment(cls, given: str) -> str:
        if set(given) & set("/?#"):
            raise ValueError("expected a template name without '/', '?' and '#'; rename the template in the panel")
        return given
