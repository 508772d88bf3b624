"""
What Mitake can do, and the account it needs: data only.
"""

from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator

from sendyard.domain.channels import Channel
from sendyard.providers.contract import AccountSettings
from sendyard.providers.mitake.codes import CODES
from sendyard.providers.spec import (
    AddressFormat,
    Batch,
    CallbackAuth,
    Counting,
    ProviderSpec,
    Rate,
    RateUnit,
    ReferenceRules,
    TextRules,
)

PRESETS = {
    "enterprise": "https://smsapi.mitake.com.tw/api/mtk",
    "b2c": "https://smsb2c.mitake.com.tw/b2c/mtk",
}
"""The two editions; an account belongs to one of them and does not work on the other."""

ENDPOINTS = ("SmSend", "SmBulkSend", "SmQuery", "SmCancel")

SPEC = ProviderSpec(
    slug="mitake",
    name="Mitake 三竹簡訊",
    channels=frozenset({Channel.SMS}),
    countries=frozenset({"TW"}),
    batch=Batch(limit=500),
    address_format=AddressFormat.NATIONAL,
    # `$$` separates the fields of SmBulkSend; 0x06 is Mitake's line break.
    text=TextRules(counting=Counting.GSM, forbidden=("$$", "\x06")),
    reference=ReferenceRules(accepted=True, max_length=36, dedup_seconds=12 * 3600),
    # No rate is published; 15 concurrent connections are, and one more is refused (code `l`).
    rate=Rate(per_second=20, unit=RateUnit.REQUEST, open_requests=15),
    callback_auth=CallbackAuth.URL_TOKEN,
    poll_limit=100,
    codes=CODES,
    docs=(
        "https://sms.mitake.com.tw/common/header/download.jsp",
        "https://github.com/codepower-tw/sms-mitake-php/blob/master/docs/HTTP_MitakeAPI_v2.14.pdf",
    ),
)


class MitakeAccount(AccountSettings):
    """An account for Mitake's HTTP interface; the same name and password open Mitake's web console."""

    base_url: str = Field(
        default=PRESETS["enterprise"],
        title="Interface address",
        description=(
            'From Mitake\'s welcome letter: "enterprise" (…/api/mtk), "b2c" (…/b2c/mtk) or the full address. '
            "An account works on one of the two only."
        ),
    )
    username: str = Field(
        min_length=1,
        max_length=20,
        title="Account name",
        description="The name you sign in with at the Mitake console, sms.mitake.com.tw.",
    )
    password: SecretStr = Field(
        min_length=1,
        max_length=24,
        title="Password",
        description=(
            "The password of the Mitake console. It is the same one: after changing it there, change it here. "
            "Mitake must also have opened API sending and registered this server's public IP address."
        ),
    )
    long_sms: bool = Field(
        default=True,
        title="Long messages",
        description=(
            "Whether Mitake has opened long messages (長簡訊) for this account. Without that permission Mitake cuts "
            "a long text off after its first part; turned off, Sendyard refuses such a text before it is sent."
        ),
    )

    @field_validator("base_url")
    @classmethod
    def _without_endpoint(cls, given: str) -> str:
        """Turn a preset's name into its address, and an address of one endpoint into that of all."""
        url = PRESETS.get(given.strip().lower(), given.strip()).rstrip("/")
        head, _, last = url.rpartition("/")
        if last in ENDPOINTS:
            url = head.rstrip("/")
        parts = urlsplit(url)
        if parts.scheme not in {"https", "http"} or not parts.hostname or parts.query or parts.fragment:
            raise ValueError(
                f'expected "enterprise", "b2c" or an address such as {PRESETS["enterprise"]}, found {given!r}; '
                "copy the address from Mitake's letter, without what follows a question mark"
            )
        if not parts.path:
            raise ValueError(
                f"{given!r} has no path; add /api/mtk for an enterprise account or /b2c/mtk for a B2C account"
            )
        return url
