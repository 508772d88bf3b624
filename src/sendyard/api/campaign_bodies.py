"""
What callers send and get about campaigns.
"""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from sendyard.api.experiment_bodies import ExperimentSummary, ExperimentWish
from sendyard.api.links import VisitCounts
from sendyard.api.message_bodies import Cost, MediaUse, Moment
from sendyard.delivery.preflight import LONGEST_EXPIRES_IN
from sendyard.domain.channels import Channel
from sendyard.domain.status import CampaignStatus
from sendyard.features.campaigns.experiments.terms import Experiment
from sendyard.features.campaigns.plan import Audience, AutoPause, Budget, Record, Repeat, Throttle, Wave, When

FILE_LIMIT = 64 * 1024 * 1024


class People(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """
    Who gets it: everybody on these lists and in these segments, less those on the ones left out, and these contacts
    and numbers. Lists and segments by id or name. Each person once.
    """

    lists: list[str] = []
    segments: list[str] = []
    contacts: Annotated[list[str], Meta(description="Ids of contacts.", max_length=10_000)] = []
    numbers: Annotated[list[str], Meta(description="Phone numbers, or ids of the channel.", max_length=10_000)] = []
    exclude_lists: list[str] = []
    exclude_segments: list[str] = []


class RecordUse(msgspec.Struct, forbid_unknown_fields=True):
    """The row of a table of records that fills variables alike for everybody."""

    table: str
    key: str


class CreateCampaign(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """One message for many people: those of a file, which needs a header row, and those of `audience`."""

    name: str
    template: Annotated[str | None, Meta(description="Code of the template whose newest version is sent.")] = None
    text: Annotated[
        str | None, Meta(description="Or a text; `{name}` stands for a column, or for a field of contacts.")
    ] = None
    csv: Annotated[str | None, Meta(description="The file as text.", examples=["phone,name\n+886912345678,Lin\n"])] = (
        None
    )
    csv_base64: Annotated[
        bytes | None, Meta(description="Or its bytes: for XLSX, and for files in Big5, EUC-KR and the like.")
    ] = None
    audience: People = msgspec.field(default_factory=People)
    contact_fields: Annotated[
        bool, Meta(description="Contacts fill in variables for which the file has no column.")
    ] = False
    record: RecordUse | None = None
    channel: Channel = Channel.SMS
    purpose: Literal["promotional", "transactional"] = "promotional"
    country: Annotated[str, Meta(description="Country code by which national numbers are read.", max_length=2)] = ""
    sender: str = ""
    account: Annotated[str, Meta(description="Id or name of the one account to use; empty: the routes decide.")] = ""
    expires_in: Annotated[int, Meta(ge=1, le=LONGEST_EXPIRES_IN)] = 86_400
    phone_column: Annotated[str, Meta(description="The column of the numbers, when its name does not tell.")] = ""
    when: When = When()
    throttle: Throttle | None = None
    waves: list[Wave] = []
    auto_pause: AutoPause = AutoPause()
    budget: Budget | None = None
    repeat: Repeat | None = None
    experiment: Annotated[
        ExperimentWish | None, Meta(description="Several texts, compared on a part of the people.")
    ] = None
    media: Annotated[
        list[MediaUse],
        Meta(description="Files for everybody: of an MMS, or of the header of a WhatsApp template.", max_length=10),
    ] = []
    start: Annotated[bool, Meta(description="Start it as soon as its people are known.")] = False


class EditCampaign(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """
    What is to be changed; what is left out stays.

    All of it in a draft; `name`, `throttle`, `budget` and `auto_pause` also while it is under way.
    """

    name: str | msgspec.UnsetType = msgspec.UNSET
    sender: str | msgspec.UnsetType = msgspec.UNSET
    expires_in: Annotated[int, Meta(ge=1, le=LONGEST_EXPIRES_IN)] | msgspec.UnsetType = msgspec.UNSET
    when: When | msgspec.UnsetType = msgspec.UNSET
    throttle: Throttle | msgspec.UnsetType | None = msgspec.UNSET
    waves: tuple[Wave, ...] | msgspec.UnsetType = msgspec.UNSET
    auto_pause: AutoPause | msgspec.UnsetType = msgspec.UNSET
    budget: Budget | msgspec.UnsetType | None = msgspec.UNSET
    repeat: Repeat | msgspec.UnsetType | None = msgspec.UNSET
    media: (
        Annotated[list[MediaUse], Meta(description="All files for everybody; none: no file.", max_length=10)]
        | msgspec.UnsetType
    ) = msgspec.UNSET


class DuplicateCampaign(msgspec.Struct, forbid_unknown_fields=True):
    """What the copy is called; empty: the name with ", copy" behind it."""

    name: str = ""


class TestCampaign(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """
    Who of the team gets a test (all when empty), whose values are filled in (the first good row), and which variant of
    an experiment they get (each when empty).
    """

    to: list[str] = []
    row: Annotated[int, Meta(ge=1)] | None = None
    variant: str = ""


class Decision(msgspec.Struct, forbid_unknown_fields=True):
    """What somebody says beside yes or no."""

    note: Annotated[str, Meta(max_length=500)] = ""


class PolicyBody(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """Above how many recipients, or which price, a second person approves a campaign; null asks nothing."""

    recipients: Annotated[int, Meta(ge=0)] | None = None
    cost: Annotated[str | None, Meta(examples=["100.00"])] = None
    currency: Annotated[str, Meta(max_length=3)] = ""


class TestSent(msgspec.Struct):
    """One test message, or why there is none."""

    to: str
    variant: Annotated[str, Meta(description="Name of the text they get, where there are several.")]
    message_id: str | None
    error: str | None


class TestList(msgspec.Struct):
    """The tests that were sent."""

    data: list[TestSent]
    next: str | None = None


class CampaignFile(msgspec.Struct, omit_defaults=True):
    """A file that everybody gets; the address of one of ours is `media:` and its id."""

    url: str
    content_type: str
    filename: str = ""
    size: int = 0
    handle: str = ""


class PlanAnswer(msgspec.Struct, kw_only=True):
    """What a campaign is to do besides its text; lists and segments by id."""

    when: When
    throttle: Throttle | None
    waves: list[Wave]
    auto_pause: AutoPause
    budget: Budget | None
    repeat: Repeat | None
    audience: Audience
    record: Record | None
    experiment: Experiment | None
    kept_variants: Annotated[bool, Meta(description="People get the text that they had in the experiment before.")]
    media: list[CampaignFile]


class NextStart(msgspec.Struct):
    """When it begins or runs next: the moment, as people of its zone write it, and the seconds left."""

    starts_at: Moment
    zone: str
    shown: str
    seconds_left: int


class Said(msgspec.Struct):
    """One word about whether a campaign may start: requested, approved, rejected or withdrawn."""

    action: str
    by: str
    note: str
    recipients: int
    cost: str
    at: Moment


class ApprovalAnswer(msgspec.Struct):
    """Where the approval stands: the newest word, and all of them."""

    state: str
    history: list[Said]


class WaveAnswer(msgspec.Struct):
    """One wave: up to which row, when it is or was judged, and by which figures."""

    number: int
    last_row: int
    judged_at: Moment | None
    ended: bool
    figures: dict[str, float]


class ReasonCount(msgspec.Struct):
    """How many rows are left out for one reason."""

    code: str
    count: int


class Columns(msgspec.Struct):
    """Which column was taken for what."""

    phone: str
    variables: dict[str, str]


class StepOfDrip(msgspec.Struct):
    """The step of a drip that a campaign carries."""

    id: Annotated[str, Meta(description="Of the drip.")]
    name: str
    step: int
    people_may_come: Annotated[
        bool,
        Meta(
            description="Then `completed` says only that nothing of it is under way now; `GET /drips/{id}` says more."
        ),
    ]


class CampaignAnswer(msgspec.Struct, kw_only=True, omit_defaults=True):
    """
    A campaign. Numbers of rows, waves and approvals are left out in lists; how the file was read is told once, when it
    was made. `gathering` says that its people are still being looked for.
    """

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
    archived_at: Moment | None
    created_by: str
    reach: str
    gathering: bool
    parent_id: str | None
    run_at: Moment | None
    plan: PlanAnswer
    next: NextStart | None
    approval: ApprovalAnswer | None = None
    waves: list[WaveAnswer] | None = None
    experiment: ExperimentSummary | None = None
    drip: StepOfDrip | None = None
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
    next: NextStart | None
    waves: list[WaveAnswer]
    clicks: VisitCounts
    experiment: Annotated[str, Meta(description="Where an experiment stands, in a sentence; empty without one.")]
    drip: StepOfDrip | None


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
    language: str | None
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
    clicked_at: Annotated[Moment | None, Meta(description="The first time that any short link was followed.")]
    variant: Annotated[str | None, Meta(description="Name of the text that the person got, in an experiment.")]


class RecipientList(msgspec.Struct):
    """Rows in the order of the file."""

    data: list[RecipientAnswer]
    next: str | None


class CampaignPage(msgspec.Struct, forbid_unknown_fields=True):
    """Which campaigns to list: those that were put away, or the runs of one repeating campaign."""

    after: str = ""
    archived: bool = False
    parent: str = ""
    limit: Annotated[int, Meta(ge=1, le=500)] = 50


class ResultsPage(msgspec.Struct, forbid_unknown_fields=True):
    """Which rows the file has."""

    status: Annotated[str | None, Meta(description="`refused`, `waiting`, or a status of a message.")] = None


class RecipientPage(msgspec.Struct, forbid_unknown_fields=True):
    """Which rows to list: after a row of the file, and of one status."""

    after: Annotated[int, Meta(ge=0, le=2**31 - 1)] = 0
    status: Annotated[str | None, Meta(description="`refused`, `waiting`, or a status of a message.")] = None
    limit: Annotated[int, Meta(ge=1, le=1000)] = 100
