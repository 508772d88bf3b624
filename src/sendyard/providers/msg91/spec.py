"""
What MSG91 can do, and the account it needs: data only.
"""

import re
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator

from sendyard.domain.channels import Channel
from sendyard.providers.contract import AccountSettings
from sendyard.providers.msg91.codes import CODES
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

BATCH = 500  # our choice: MSG91 publishes no maximum
REFERENCE_LENGTH = 80  # of CRQID (msg91.com/help/text-sms/custom-metadata-parameters-for-tracking-sms-requests)

TEMPLATE_ID = re.compile(r"[0-9a-fA-F]{24}")
"""MSG91's own template id; the DLT portal's has 19 digits."""

_KEY = re.compile(r"[\x21-\x7e]{1,128}")
_SEPARATORS = re.compile(r"[\s,;]+")

SPEC = ProviderSpec(
    slug="msg91",
    name="MSG91",
    channels=frozenset({Channel.SMS}),
    countries=frozenset({"IN"}),
    batch=Batch(limit=BATCH, shared=("sender",)),  # `Msg91Adapter.batch_key` adds the template and the route
    address_format=AddressFormat.NO_PLUS,
    text=TextRules(counting=Counting.GSM),
    # MSG91 discards an identical request within 10 s, too short and too uncertain to lean on.
    reference=ReferenceRules(accepted=True, max_length=REFERENCE_LENGTH),
    rate=Rate(per_second=20, unit=RateUnit.REQUEST, open_requests=20),  # our choice: none is published
    callback_auth=CallbackAuth.URL_TOKEN,
    # Early, because "success" proves little; the third question comes past the two hours after which a message
    # missing in the log counts as dropped, the last past the four a handset may be off.
    confirm_within=180.0,
    poll_delays=(600.0, 7200.0, 14_400.0),
    poll_limit=1,  # one request id; its answer brings every recipient of that request
    codes=CODES,
    docs=(
        "https://msg91.com/help/api",
        "https://msg91.com/help/text-sms/custom-metadata-parameters-for-tracking-sms-requests",
        "https://msg91.com/help/delivery-report",
        "https://msg91.com/help/webhook-new/how-to-receive-sms-delivery-reports-via-webhook-new",
        "https://msg91.com/help/webhooks/how-can-i-get-the-delivery-reports-on-my-webhook-url",
        "https://msg91.com/help/template/how-to-create-flow-id-to-send-sms-via-api",
    ),
    exemptions={
        "a_refusal_hits_its_recipient_alone": (
            "One word answers a whole request, so a bad number among good ones shows only in MSG91's log."
        ),
        "a_lookup_finds_what_was_accepted_and_nothing_else": (
            "MSG91's log is cached for minutes, so a message missing there is ruled out only once younger ones show."
        ),
    },
)


class Msg91Account(AccountSettings):
    """One authkey of MSG91."""

    base_url: str = Field(
        default="https://control.msg91.com/api/v5",
        title="Interface address",
        description="Leave as it is; the older alias https://api.msg91.com/api/v5 has the same calls.",
    )
    authkey: SecretStr = Field(
        title="Authkey",
        description=(
            "MSG91 panel, your name > Authkey. A new key has IP security on: add this server's public IP address to "
            "its allow-list there, or turn it off."
        ),
    )
    template_ids: str = Field(
        default="",
        title="SMS template ids",
        description=(
            "MSG91 panel, SMS > Templates: the ids (24 characters each) of the templates to use, separated by commas. "
            "MSG91 has no call that lists them, so only those named here are checked before sending."
        ),
    )
    otp_template_id: str = Field(
        default="",
        title="One-time code template id",
        description="MSG91 panel, OTP > Templates: the id of the template for codes; ids of SMS templates do not fit.",
    )
    check_key: bool = Field(
        default=True,
        title="Check the key before sending",
        description=(
            "MSG91 answers success to a send with a wrong authkey and drops it, so the key is checked first, every "
            "five minutes (validate.php). Turn off only if MSG91 takes that call away."
        ),
    )
    value_limit: int = Field(
        default=30,
        ge=0,
        le=1000,
        title="Longest value of a variable",
        description=(
            "Operators refuse longer values: 30 characters for an untagged DLT variable, 40 for a tagged alphanumeric "
            "one. Links may be longer. 0 leaves values unchecked."
        ),
    )

    @field_validator("base_url")
    @classmethod
    def _version_five(cls, given: str) -> str:
        url = given.strip().rstrip("/")
        parts = urlsplit(url)
        if parts.scheme not in {"https", "http"} or not parts.hostname or parts.query or parts.fragment:
            raise ValueError(f"expected an address such as https://control.msg91.com/api/v5, found {given!r}")
        if not parts.path.endswith("/v5"):
            raise ValueError(f"expected an address that ends with /api/v5, found {given!r}; add what is missing")
        return url

    @field_validator("authkey")
    @classmethod
    def _bare_key(cls, given: SecretStr) -> SecretStr:
        if not _KEY.fullmatch(given.get_secret_value()):
            raise ValueError(
                "expected the bare authkey, found blanks or other characters; copy it again from the panel"
            )
        return given

    @field_validator("template_ids", "otp_template_id")
    @classmethod
    def _own_ids(cls, given: str) -> str:
        ids = [one for one in _SEPARATORS.split(given) if one]
        for one in ids:
            if not TEMPLATE_ID.fullmatch(one):
                raise ValueError(
                    f"expected MSG91's template ids of 24 hexadecimal characters, found {one!r}; "
                    "19 digits are the DLT portal's id, which MSG91 keeps with its template"
                )
        return ",".join(dict.fromkeys(ids))

    @field_validator("otp_template_id")
    @classmethod
    def _one_id(cls, given: str) -> str:
        if "," in given:
            raise ValueError("expected one template id, found several; give the one that codes are sent with")
        return given

    @property
    def named_templates(self) -> tuple[str, ...]:
        """The template ids a person entered, in their order."""
        return tuple(filter(None, self.template_ids.split(",")))
