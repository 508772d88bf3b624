"""
BizGO as data: what it can do, and what an account of it needs.
"""

import re
from typing import Final, Literal

from pydantic import Field, SecretStr, field_validator

from sendyard.domain.channels import Channel
from sendyard.providers.bizgo.codes import GATEWAY_CODES, SERVICE_CODES
from sendyard.providers.bizgo.report_codes import REPORT_CODES
from sendyard.providers.contract import AccountSettings
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
    Timeout,
)

MAX_RECIPIENTS: Final = 200
SMS_BYTES: Final = 90
LMS_BYTES: Final = 2000
TITLE_BYTES: Final = 40
ALIMTALK_CHARACTERS: Final = 1300
BRAND_CHARACTERS: Final = {"FT": 1300, "FI": 400, "FW": 76, "FP": 76}
"""Most characters of a brand message by its `msgType`; the others' texts stand in items."""
INTERNATIONAL_CHARACTERS: Final = 1000
MAX_PICTURES: Final = 3
PICTURE_BYTES: Final = 307_200
DEDUP_SECONDS: Final = 86_400

_KEY = re.compile(r"[\x21-\x7e]+")
_URL = re.compile(r"https?://[^\s/?#@]+(/[^\s?#]*)?")

SPEC = ProviderSpec(
    slug="bizgo",
    name="BizGO (Infobank)",
    channels=frozenset({Channel.SMS, Channel.MMS, Channel.ALIMTALK, Channel.BRANDMESSAGE, Channel.RCS}),
    # Text messages reach every country; `check` keeps the other channels in Korea.
    home=frozenset({"KR"}),
    # `BizgoAdapter.batch_key` names the rest: what the flow items have in common, and the time to live.
    batch=Batch(limit=MAX_RECIPIENTS, shared=("sender", "channel")),
    address_format=AddressFormat.NATIONAL,
    text=TextRules(counting=Counting.CP949, max_bytes=LMS_BYTES),
    media={
        Channel.MMS: MediaLimits(
            MediaWay.UPLOAD, (MediaRule(frozenset({"image/jpeg"}), PICTURE_BYTES, 1500, 1440),), MAX_PICTURES
        ),
        Channel.RCS: MediaLimits(
            MediaWay.UPLOAD, (MediaRule(PICTURES, 5 * 1024 * 1024),), handle_example="maapfile://example"
        ),
        Channel.BRANDMESSAGE: MediaLimits(MediaWay.UPLOAD, (MediaRule(PICTURES, 500 * 1024),)),
    },
    reference=ReferenceRules(accepted=True, max_length=200, dedup_seconds=DEDUP_SECONDS),
    rate=Rate(per_second=200, unit=RateUnit.MESSAGE),
    timeout=Timeout(connect=5.0, total=30.0),
    callback_auth=CallbackAuth.TIMESTAMP_SIGNATURE,
    inbound=True,
    poll_limit=0,
    poll_interval=5.0,
    codes=GATEWAY_CODES | SERVICE_CODES | REPORT_CODES,
    docs=(
        "https://developers.bizgo.io/api-sdk/api-reference",
        "https://developers.bizgo.io/api-sdk/api-reference/error-codes",
    ),
    exemptions={
        "balance": "BizGO documents no balance call; low credit shows through A320, 50202 and 64008, and its console.",
        "callback_body_tampering": "X-IB-Signature covers the timestamp header only; the body is not signed.",
    },
)

ABROAD: Final = TextRules(counting=Counting.GSM, max_characters=INTERNATIONAL_CHARACTERS)
"""Rules for texts outside Korea, where BizGO writes UTF-8."""


class BizgoAccount(AccountSettings):
    """One BizGO API key."""

    base_url: str = Field(
        default="https://mars.ibapi.kr/api/comm",
        title="Base URL",
        description="Production is https://mars.ibapi.kr/api/comm; with https://sandbox-mars.ibapi.kr/api/comm the "
        "same key works and nothing is delivered.",
    )
    api_key: SecretStr = Field(
        title="API key",
        description="BizGO console, 발송관리 > 연동관리. Only the key, without 'Bearer'. Register the public IP "
        "address of this server for the key there as well.",
    )
    webhook_secret: SecretStr = Field(
        default=SecretStr(""),
        title="Webhook secret",
        description="Ask BizGO's support for it. Needed when the key is set to WEBHOOK in 발송관리 > 연동관리; leave "
        "it empty when the key is set to POLLING.",
    )
    origin_cid: str = Field(
        default="",
        max_length=9,
        title="Origin code",
        description="최초 발신사업자 식별코드, for resellers only: the regulator's code of the business you send for.",
    )
    sender_key: str = Field(
        default="",
        max_length=40,
        title="Kakao sender key",
        description="발신프로필 키 of your Kakao channel, for AlimTalk and brand messages; BizGO shows it with "
        "your Kakao channels in its console. A template may bring another one.",
    )
    targeting: Literal["", "M", "N", "O", "I"] = Field(
        default="",
        title="Brand message audience",
        description="Whom brand messages may reach: M people who agreed to advertising, N those of them who are no "
        "friends of the channel, O friends (080 opt-out), I friends (opt-out by blocking). BizGO enables it for you.",
    )
    opt_out_number: str = Field(
        default="",
        pattern=r"^(080-?[0-9]{3,4}-?[0-9]{4})?$",
        title="Free opt-out number",
        description="Your 080 number (무료수신거부), for example 080-123-4567; shown under brand messages and RCS "
        "advertising. Register it for the Kakao channel first.",
    )
    opt_out_code: str = Field(
        default="",
        pattern=r"^[0-9]{0,10}$",
        title="Opt-out code",
        description="The number people type after calling the 080 number (인증번호), when its operator gave you one.",
    )
    rcs_brand_key: str = Field(
        default="",
        title="RCS brand key",
        description="Key of your RCS brand, from the BizGO console's page of RCS brands. Needed for RCS only.",
    )
    rcs_brand_id: str = Field(
        default="",
        title="RCS brand id",
        description="Id of your RCS brand, beside its key in the BizGO console; leave it empty unless BizGO asks for "
        "it.",
    )
    client_sub_id: str = Field(
        default="",
        max_length=20,
        title="International sender id",
        description="Selects one of several sender names for messages abroad (clientSubId); BizGO's support gives it.",
    )

    @field_validator("base_url")
    @classmethod
    def _usable_base_url(cls, value: str) -> str:
        if not _URL.fullmatch(value):
            raise ValueError(f"expected an address such as https://mars.ibapi.kr/api/comm, found {value!r}")
        return value.rstrip("/")

    @field_validator("api_key")
    @classmethod
    def _bare_key(cls, value: SecretStr) -> SecretStr:
        if not _KEY.fullmatch(value.get_secret_value()):
            raise ValueError(
                "expected the bare key of printable ASCII characters, found blanks or other characters; "
                "copy it again without 'Bearer' and without line ends"
            )
        return value

    @field_validator("webhook_secret")
    @classmethod
    def _no_blank_secret(cls, value: SecretStr) -> SecretStr:
        secret = value.get_secret_value()
        if secret != secret.strip():
            raise ValueError("expected the secret as BizGO gave it, found blanks at its ends; copy it again")
        return value
