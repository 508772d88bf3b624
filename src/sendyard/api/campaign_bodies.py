"""
What callers send and get about campaigns.
"""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from sendyard.api.message_bodies import Cost, Moment
from sendyard.delivery.preflight import LONGEST_EXPIRES_IN
from sendyard.domain.channels import Channel
from sendyard.domain.status import CampaignStatus

FILE_LIMIT = 64 * 1024 * 1024


class CreateCampaign(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """One message for everybody in a file, which needs a header row; see the documentation of campaigns."""

    name: str
    template: Annotated[str | None, Meta(description="Code of the template whose newest version is sent.")] = None
    text: Annotated[str | None, Meta(description="Or a text; `{name}` stands for a column.")] = None
    csv: Annotated[str | None, Meta(description="The file as text.", examples=["phone,name\n+886912345678,Lin\n"])] = (
        None
    )
    csv_base64: Annotated[bytes | None, Meta(description="Or its bytes, for files in Big5, EUC-KR and the like.")] = (
        None
    )
    channel: Channel = Channel.SMS
    purpose: Literal["promotional", "transactional"] = "promotional"
    country: Annotated[str, Meta(description="Country code by which national numbers are read.", max_length=2)] = ""
    sender: str = ""
    account: Annotated[str, Meta(description="Must stay empty: a campaign goes the way its routes say.")] = ""
    expires_in: Annotated[int, Meta(ge=1, le=LONGEST_EXPIRES_IN)] = 86_400
    phone_column: Annotated[str, Meta(description="The column of the numbers, when its name does not tell.")] = ""


class ReasonCount(msgspec.Struct):
    """How many rows are left out for one reason."""

    code: str
    count: int


class Columns(msgspec.Struct):
    """Which column was taken for what."""

    phone: str
    variables: dict[str, str]


class CampaignAnswer(msgspec.Struct, kw_only=True, omit_defaults=True):
    """A campaign. Numbers of rows are left out in lists; how the file was read is told once, when it was made."""

    id: str
    name: str
    status: CampaignStatus
    template: str | None
    template_version: int | None
    text: str
    channel: Channel
    purpose: str
    sender: str
    country: str
    expires_in: int
    pause_reason: str
    created_at: Moment
    started_at: Moment | None
    finished_at: Moment | None
    rows: int | None = None
    recipients: int | None = None
    fixed: int | None = None
    refused: int | None = None
    refused_reasons: list[ReasonCount] | None = None
    encoding: str | None = None
    separator: str | None = None
    columns: Columns | None = None
    suppressed: int | None = None


class CampaignList(msgspec.Struct):
    """Campaigns, newest first."""

    data: list[CampaignAnswer]
    next: str | None


class AccountCounts(msgspec.Struct):
    """Messages of one account by status."""

    account_id: str
    account: str
    counts: dict[str, int]


class FailureCount(msgspec.Struct):
    """How many messages did not arrive for one reason at one account."""

    status: str
    kind: str
    account_id: str
    account: str
    count: int


class ProgressAnswer(msgspec.Struct):
    """
    Where a campaign stands. `recipients` are the good rows, of which `waiting_rows` are not messages yet; `counts`
    has every message by its status, `settled` those that are final.
    """

    id: str
    name: str
    status: CampaignStatus
    pause_reason: str
    started_at: Moment | None
    finished_at: Moment | None
    rows: int
    recipients: int
    fixed: int
    refused: int
    refused_reasons: list[ReasonCount]
    waiting_rows: int
    messages: int
    counts: dict[str, int]
    settled: int
    accounts: list[AccountCounts]
    reasons: list[FailureCount]
    rate_per_second: float
    finish_at: Moment | None


class RowError(msgspec.Struct):
    """Why the message of a row did not arrive."""

    kind: str | None
    code: str | None
    detail: str | None


class RecipientAnswer(msgspec.Struct):
    """One row of the file and what became of it; `code` and `detail` say why it is left out."""

    row: int
    given: str
    to: str | None
    country: str | None
    variables: dict[str, str]
    status: str
    code: str
    detail: str
    fixed: str
    message_id: str | None
    account_id: str | None
    account: str | None
    provider: str | None
    provider_ref: str | None
    error: RowError | None
    parts: int | None
    costs: list[Cost]
    created_at: Moment | None
    sent_at: Moment | None
    delivered_at: Moment | None


class RecipientList(msgspec.Struct):
    """Rows in the order of the file."""

    data: list[RecipientAnswer]
    next: str | None


class CampaignPage(msgspec.Struct, forbid_unknown_fields=True):
    """Which campaigns to list."""

    after: str = ""
    limit: Annotated[int, Meta(ge=1, le=500)] = 50


class RecipientPage(msgspec.Struct, forbid_unknown_fields=True):
    """Which rows to list: after a row of the file, and of one status."""

    after: Annotated[int, Meta(ge=0, le=2**31 - 1)] = 0
    status: Annotated[str | None, Meta(description="`refused`, `waiting`, or a status of a message.")] = None
    limit: Annotated[int, Meta(ge=1, le=1000)] = 100
