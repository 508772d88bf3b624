"""
What Quo (OpenPhone) can do, and the account it needs: data only.
"""

import re
from base64 import b64decode
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator

from sendyard.domain.channels import Channel
from sendyard.providers.contract import AccountSettings
from sendyard.providers.openphone.codes import CODES
from sendyard.providers.spec import (
    AddressFormat,
    Batch,
    CallbackAuth,
    Counting,
    OwnKeywords,
    ProviderSpec,
    Rate,
    RateUnit,
    ReferenceRules,
    TextRules,
)

API_DATE = "2026-03-30"
"""Value of `Quo-Api-Version`, which every call to a path without `/v1` needs."""

MAX_TEXT = 1600
E164 = re.compile(r"\+[1-9][0-9]{1,14}")
NUMBER_ID = re.compile(r"PN[0-9A-Za-z_-]+")
# What `\s` means in the pattern `.*\S.*` of Quo's OpenAPI file, which follows ECMA-262.
SPACES = (
    "\t\n\v\f\r \u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u2028\u2029\u202f\u205f\u3000\ufeff"
)

_KEY = re.compile(r"[!-~]+")

SPEC = ProviderSpec(
    slug="openphone",
    name="Quo (OpenPhone)",
    channels=frozenset({Channel.SMS}),
    # More than one recipient in a request makes a group chat in which all see each other.
    batch=Batch(limit=1),
    address_format=AddressFormat.E164,
    text=TextRules(counting=Counting.GSM, max_characters=MAX_TEXT),
    reference=ReferenceRules(accepted=False),
    # Of one API key, shared by everything that uses it; there is no daily quota.
    rate=Rate(per_second=10, unit=RateUnit.REQUEST, open_requests=10),
    callback_auth=CallbackAuth.SIGNATURE,
    inbound=True,
    # Quo blocks texts to whoever answered STOP, so that nothing of ours would arrive (sheet section 4).
    own_keywords=OwnKeywords(frozenset({"stop"}), frozenset({Channel.SMS, Channel.MMS})),
    # Legacy webhooks never tell a failure: it has to be asked for, here 1, 5, 15 and 45 minutes after the send.
    confirm_within=60.0,
    poll_delays=(240.0, 600.0, 1800.0),
    poll_limit=1,
    codes=CODES,
    docs=(
        "https://www.quo.com/docs/mdx/api-reference/introduction",
        "https://www.quo.com/docs/mdx/api-reference/messages/send-a-text-message",
        "https://www.quo.com/docs/mdx/api-reference/rate-limits",
        "https://support.openphone.com/hc/en-us/articles/4690754298903-How-to-use-webhooks",
    ),
)


class OpenPhoneAccount(AccountSettings):
    """A Quo workspace: its API key, and what signs its webhooks."""

    base_url: str = Field(
        default="https://api.quo.com",
        title="Interface address",
        description="Leave as it is, unless you use an emulator; https://api.openphone.com still works for sending.",
    )
    api_key: SecretStr = Field(
        min_length=1,
        title="API key",
        description="Quo, Settings, API: an owner or admin of the workspace makes it. Without `Bearer` before it.",
    )
    signing_secret: SecretStr | None = Field(
        default=None,
        title="Webhook signing secret",
        description="Begins with whsec_; Quo shows it once, when a webhook of the API 2026-03-30 is made or rotated.",
    )
    legacy_signing_key: SecretStr | None = Field(
        default=None,
        title="Signing key of an older webhook",
        description="Quo, Settings, Webhooks, the webhook, Reveal signing secret (or `key` in /v1/webhooks).",
    )
    user_id: str = Field(
        default="",
        pattern=r"^(US[0-9A-Za-z_-]+)?$",
        title="User id",
        description="Optional, begins with US: the member of the number in whose name texts are sent; else its owner.",
    )
    mark_done: bool = Field(
        default=False,
        title="Mark conversations as done",
        description="Move the conversation out of the shared inbox in Quo when a text is sent.",
    )

    @field_validator("base_url")
    @classmethod
    def _is_an_origin(cls, given: str) -> str:
        """Take scheme and host (and the path of an emulator), without what follows a question mark."""
        url = given.strip().rstrip("/").removesuffix("/v1")
        parts = urlsplit(url)
        if parts.scheme not in {"https", "http"} or not parts.hostname or parts.query or parts.fragment:
            raise ValueError(f"expected an address such as https://api.quo.com, found {given!r}")
        return url

    @field_validator("api_key")
    @classmethod
    def _is_bare(cls, given: SecretStr) -> SecretStr:
        """Quo answers 401 to a key behind `Bearer`; a line break would not even travel."""
        if not _KEY.fullmatch(given.get_secret_value()):
            raise ValueError("expected the bare API key: no `Bearer` before it, no spaces, no line breaks")
        return given

    @field_validator("signing_secret", "legacy_signing_key")
    @classmethod
    def _is_base64(cls, given: SecretStr | None) -> SecretStr | None:
        """Both kinds of signing key are base64; anything else was copied from the wrong place."""
        if given and signing_key(given.get_secret_value()) is None:
            raise ValueError("expected a signing key in base64 (the newer kind begins with whsec_); copy it again")
        return given


def signing_key(secret: str) -> bytes | None:
    """Bytes that sign, of a key as Quo shows it; None for one that is not base64."""
    try:
        return b64decode(secret.removeprefix("whsec_"), validate=True) or None
    except ValueError:
        return None
