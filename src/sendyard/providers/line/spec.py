"""
What LINE can do, and the channel it needs: data only.
"""

import re
from typing import Self
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator, model_validator

from sendyard.domain.channels import Channel
from sendyard.providers.contract import AccountSettings
from sendyard.providers.line.codes import CODES, WHERE_SECRETS_ARE, WHERE_TOKENS_ARE
from sendyard.providers.spec import (
    PICTURES,
    Batch,
    CallbackAuth,
    MediaLimits,
    MediaRule,
    MediaWay,
    ProviderSpec,
    Rate,
    RateUnit,
    ReferenceRules,
    TextRules,
)

PERSON = re.compile("U[0-9a-f]{32}")
CHAT = re.compile("[UCR][0-9a-f]{32}")
"""A person, a group or a room; only a push takes the last two."""
AUDIENCE = re.compile("audience:([0-9]{1,19})")
"""People whom LINE picks, by the number (`audienceGroupId`) that it gave the audience; a narrowcast reaches them."""

MAX_RECIPIENTS = 500
MAX_OBJECTS = 5
MAX_TEXT = 5000  # in UTF-16 units
MAX_ALT = 400
MAX_LABEL, MAX_DATA = 20, 300
MAX_TITLE, MAX_TEMPLATE_TEXT, MAX_TITLED_TEXT, MAX_BUTTONS = 40, 160, 60, 4
MAX_BUBBLE_BYTES = 30_000
MAX_SENDER_NAME = 20
FLEX = "flex"
"""Name of a `TemplateRef` that carries a Flex Message: `contents` is its JSON, the body its alternative text."""

_TOKEN = re.compile(r"[!-~]+")
_NO_REPORTS = (
    "LINE tells of no single message whether it was delivered, read or failed, neither by webhook nor when asked."
)

SPEC = ProviderSpec(
    slug="line",
    name="LINE Messaging API",
    channels=frozenset({Channel.LINE}),
    # Which messages may share a call, `batch_key` says: those with the same content, to people.
    batch=Batch(limit=MAX_RECIPIENTS, shared=("content", "sender")),
    text=TextRules(max_characters=MAX_TEXT),
    media={
        Channel.LINE: MediaLimits(
            MediaWay.LINK,
            # The same address serves as preview, which may have 1 MB.
            (MediaRule(PICTURES, 1024 * 1024), MediaRule(frozenset({"video/mp4"}), 200 * 1024 * 1024)),
            MAX_OBJECTS,
        )
    },
    # LINE keeps no id of ours; the retry key of a call makes its repetition harmless for 24 hours
    # (https://developers.line.biz/en/docs/messaging-api/retrying-api-request/).
    reference=ReferenceRules(accepted=False, dedup_seconds=86_400),
    # Of multicast; a push may go 2,000 times a second (`rate` of the adapter).
    rate=Rate(per_second=200, unit=RateUnit.REQUEST, open_requests=50),
    callback_auth=CallbackAuth.SIGNATURE,
    inbound=True,
    # Only narrowcasts are asked about (`reports_on` of the adapter): they are under way for minutes.
    confirm_within=60,
    poll_delays=(60.0, 300.0, 1800.0, 7200.0),
    poll_limit=1,
    codes=CODES,
    docs=(
        "https://developers.line.biz/en/reference/messaging-api/",
        "https://developers.line.biz/en/docs/messaging-api/retrying-api-request/",
        "https://developers.line.biz/en/reference/messaging-api/#get-narrowcast-progress-status",
        "https://developers.line.biz/en/docs/messaging-api/receiving-messages/",
        "https://developers.line.biz/en/docs/messaging-api/verify-webhook-signature/",
        "https://developers.line.biz/en/docs/messaging-api/development-guidelines/",
    ),
    exemptions={
        "messages_arrive_and_their_reports_come_back": _NO_REPORTS,
        "a_failed_report_brings_its_class": _NO_REPORTS,
        "a_report_that_comes_twice_carries_one_key": _NO_REPORTS,
        "a_code_in_no_table_is_unmapped_not_an_exception": _NO_REPORTS,
        "a_refusal_hits_its_recipient_alone": (
            "A multicast has one answer for all: LINE refuses the whole call, or takes it and silently leaves "
            "out those whom it cannot reach."
        ),
    },
)


class LineAccount(AccountSettings):
    """A Messaging API channel of a LINE Official Account."""

    base_url: str = Field(
        default="https://api.line.me",
        title="Interface address",
        description="Leave as it is, unless you send through an emulator.",
    )
    channel_secret: SecretStr = Field(
        min_length=1,
        title="Channel secret",
        description=f"{WHERE_SECRETS_ARE}. LINE signs its webhooks with it.",
    )
    channel_access_token: SecretStr | None = Field(
        default=None,
        title="Channel access token",
        description=f"{WHERE_TOKENS_ARE}. Empty: sign in with channel id and channel secret.",
    )
    channel_id: str = Field(
        default="",
        pattern=r"^[0-9]{0,20}$",
        title="Channel ID",
        description=f"Only without a channel access token: {WHERE_SECRETS_ARE}; a number.",
    )
    multicast: bool = Field(
        default=True,
        title="Send equal messages together",
        description="Up to 500 people a call. Switched off, each message is a call of its own with an id of its own.",
    )
    silent: bool = Field(
        default=False,
        title="Deliver silently",
        description="People's phones neither ring nor show a notification for what this account sends.",
    )
    audiences: bool = Field(
        default=False,
        title="Messages to audiences",
        description=(
            "Allow audience: and the number of an audience as a recipient (LINE Official Account Manager, Audience). "
            "LINE picks the people: opt-outs kept here do not hold them back."
        ),
    )
    aggregation_unit: str = Field(
        default="",
        pattern=r"^[A-Za-z0-9_]{0,30}$",
        title="Unit of statistics",
        description="Optional: a name under which LINE Official Account Manager counts what this account sends.",
    )
    video_preview_url: str = Field(
        default="",
        pattern=r"^(https://\S+)?$",
        title="Picture before a video",
        description="LINE shows a picture until a video plays: the https address of a JPEG or PNG of up to 1 MB.",
    )

    @field_validator("base_url")
    @classmethod
    def _is_an_origin(cls, given: str) -> str:
        """Take scheme and host (and the path of an emulator), without what follows a question mark."""
        url = given.strip().rstrip("/")
        parts = urlsplit(url)
        if parts.scheme not in {"https", "http"} or not parts.hostname or parts.query or parts.fragment:
            raise ValueError(f"expected an address such as https://api.line.me, found {given!r}")
        return url

    @field_validator("channel_access_token")
    @classmethod
    def _is_bare(cls, given: SecretStr | None) -> SecretStr | None:
        """`Bearer` is ours to write, and a line break would not even travel."""
        if given and not _TOKEN.fullmatch(given.get_secret_value()):
            raise ValueError("expected the bare channel access token: no `Bearer` before it, no spaces or line breaks")
        return given

    @model_validator(mode="after")
    def _can_sign_in(self) -> Self:
        """Either a token that lasts, or what one can be asked for with."""
        if not self.channel_access_token and not self.channel_id:
            raise ValueError("give the channel access token, or the channel id to sign in with the channel secret")
        return self
