"""
What Every8d can do, and the account it needs: data only.
"""

from typing import Literal
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator

from sendyard.domain.channels import Channel
from sendyard.providers.contract import AccountSettings
from sendyard.providers.every8d.codes import CODES
from sendyard.providers.spec import (
    PICTURES,
    AddressFormat,
    Batch,
    CallbackAuth,
    Counting,
    MediaLimits,
    MediaRule,
    MediaWay,
    ProviderSpec,
    Rate,
    RateUnit,
    ReferenceRules,
    TextRules,
)

SITE = "https://new.e8d.tw"
PREFIX = "/API21/HTTP"
"""What stands between the host and the calls, on the shared and on dedicated platforms alike."""

ONE_BY_ONE = 1
_UNKNOWN_PATH = "/sms/bulksms"  # found in older documents, on a host that has no such call

SPEC = ProviderSpec(
    slug="every8d",
    name="Every8d 互動資通",
    channels=frozenset({Channel.SMS, Channel.MMS}),
    countries=frozenset({"TW"}),
    # No limit is published.
    batch=Batch(limit=500),
    address_format=AddressFormat.NATIONAL,
    # Longer texts are split into several sends, whose reports no longer tell what became of one message.
    text=TextRules(counting=Counting.GSM, max_characters=333),
    media={Channel.MMS: MediaLimits(MediaWay.INLINE, (MediaRule(PICTURES | {"image/gif"}, 50_000),))},
    reference=ReferenceRules(accepted=True),
    # Neither a rate nor a number of connections is published.
    rate=Rate(per_second=10, unit=RateUnit.REQUEST, open_requests=5),
    callback_auth=CallbackAuth.URL_TOKEN,
    inbound=True,
    # The answer to a batch has counts only, so who was left out shows in the reports alone.
    confirm_within=120.0,
    poll_delays=(300.0, 1800.0, 7200.0, 43200.0, 43200.0),
    # One question names one batch, and brings the reports of all its messages.
    poll_limit=1,
    codes=CODES,
    docs=(
        "https://www.teamplus.tech/product/every8d-download/",
        "https://github.com/hugolamcloser/win-crm.ai-lineconnect/blob/main/docs/every8d-api-contract.md",
        "https://github.com/minchao/go-every8d",
        "https://github.com/minchao/every8d-php",
    ),
    exemptions={
        "a_refusal_hits_its_recipient_alone": (
            "SendParam answers with one batch id and counts; which number was left out shows in the reports only."
        ),
    },
)


class Every8dAccount(AccountSettings):
    """An account for Every8d's API; the same name and password open its web console."""

    base_url: str = Field(
        default=SITE + PREFIX,
        title="Site address (SiteURL)",
        description=(
            f"Enterprise accounts use {SITE}; a dedicated platform has the address that Every8d's sales named. "
            f"{PREFIX} is added where it is missing."
        ),
    )
    username: str = Field(
        min_length=1,
        title="User name (UID)",
        description="The name you sign in with at the Every8d web console (www.teamplus.tech/product/every8d-login).",
    )
    password: SecretStr = Field(
        min_length=1,
        title="Password (PWD)",
        description="The password of the Every8d web console. After changing it there, change it here.",
    )
    sign_in: Literal["password", "token"] = Field(
        default="password",
        title="Signing in",
        description=(
            '"password" sends user name and password with each call; "token" fetches a token with them every eight '
            "hours and sends that instead. Every8d takes both."
        ),
    )
    identity: str = Field(
        default="",
        title="Sender identity",
        description=(
            "The label Every8d approved for you, such as 【Brand】. Carriers block texts without it; given here, such "
            "a text is refused before it is sent."
        ),
    )
    filter_duplicates: bool = Field(
        default=False,
        title="Duplicate filter",
        description=(
            "Let Every8d hold back a text that the same number had within 24 hours. Messages then leave one by one. "
            "Useful while messages of unknown fate are being sent again."
        ),
    )

    @field_validator("base_url")
    @classmethod
    def _with_prefix(cls, given: str) -> str:
        """Give the address all calls begin with, whether the site, one call or the whole prefix was given."""
        url = given.strip().rstrip("/")
        parts = urlsplit(url)
        if parts.scheme not in {"https", "http"} or not parts.hostname or parts.query or parts.fragment:
            raise ValueError(
                f"expected an address such as {SITE}, found {given!r}; copy the SiteURL from Every8d, "
                "without what follows a question mark"
            )
        path = parts.path
        head, _, last = path.rpartition("/")
        if last.lower().endswith(".ashx"):
            path = head
        if path.lower() == _UNKNOWN_PATH:
            path = ""
        if not path.lower().endswith(PREFIX.lower()):
            path += PREFIX
        return f"{parts.scheme}://{parts.netloc}{path}"
