"""
What callers send and get about drips.
"""

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from sendyard.api.campaign_bodies import CampaignFile, Columns, People
from sendyard.api.message_bodies import MediaUse, Moment
from sendyard.api.preflight import PreflightAnswer
from sendyard.delivery.preflight import LONGEST_EXPIRES_IN
from sendyard.domain.channels import Channel
from sendyard.features.campaigns.drips.plan import Event, InGroup, Wait
from sendyard.features.campaigns.drips.step_status import StepStatus
from sendyard.features.campaigns.plan import Audience, Budget, Throttle

DripStatus = Literal["draft", "active", "paused", "cancelled"]
DripState = Literal["active", "done", "left", "refused"]


class StepWish(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """
    One message: a template or a text, after a wait, and if `at` is given then at that time of day where the person is.

    With `at`, days are days of the calendar: one day at 09:00 is the next morning at nine. `channel`, `sender` and
    `account` take the place of the drip's.
    """

    template: str | None = None
    text: str | None = None
    wait: Wait = Wait()
    at: str = ""
    channel: Channel | None = None
    sender: str | None = None
    account: str | None = None
    media: Annotated[
        list[MediaUse],
        Meta(description="Files for everybody: of an MMS, or of the header of a WhatsApp template.", max_length=10),
    ] = []


class StepPlan(msgspec.Struct, kw_only=True):
    """A step as it was asked for."""

    template: str | None
    text: str | None
    wait: Wait
    at: str
    channel: Channel | None
    sender: str | None
    account: str | None
    media: list[CampaignFile]


class CreateDrip(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """A series of messages with waits between them, for people of a file, of lists and segments, or named."""

    name: str
    steps: Annotated[
        list[StepWish],
        Meta(examples=[[{"text": "Welcome"}, {"template": "tips", "wait": {"days": 1}, "at": "09:00"}]]),
    ]
    csv: Annotated[str | None, Meta(description="A file of people as text, with a header row.")] = None
    csv_base64: Annotated[bytes | None, Meta(description="Or its bytes, for XLSX and other encodings.")] = None
    phone_column: Annotated[str, Meta(description="The column of the numbers, when its name does not tell.")] = ""
    contact_fields: Annotated[
        bool, Meta(description="Contacts fill in variables for which the file has no column.")
    ] = False
    audience: People = msgspec.field(default_factory=People)
    enrol: Annotated[
        Literal["start", "segment"],
        Meta(description="Ask lists and segments once, at the start, or again and again for people who are new there."),
    ] = "start"
    exit: Annotated[
        list[Event | InGroup], Meta(description="What ends it for a person, asked right before each step.")
    ] = msgspec.field(default_factory=lambda: list[Event | InGroup](("opted_out",)))
    again: Annotated[bool, Meta(description="Whether somebody who left may be added once more.")] = False
    throttle: Annotated[Throttle | None, Meta(description="For the messages of all steps together.")] = None
    budget: Annotated[Budget | None, Meta(description="For the messages of all steps together.")] = None
    channel: Channel = Channel.SMS
    purpose: Literal["promotional", "transactional"] = "promotional"
    country: Annotated[str, Meta(description="Country code by which national numbers are read.", max_length=2)] = ""
    sender: str = ""
    account: Annotated[str, Meta(description="Id or name of the one account to use; empty: the routes decide.")] = ""
    expires_in: Annotated[int, Meta(ge=1, le=LONGEST_EXPIRES_IN)] = 86_400
    start: Annotated[bool, Meta(description="Start it, unless somebody else has to.")] = False


class EditDrip(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """
    What is to be changed; what is left out stays.

    `name`, `again`, `throttle` and `budget` hold at once. `audience` and `enrol` say who comes in from now on; whoever
    is inside stays. Any other change makes a new version of the steps.
    """

    name: str | msgspec.UnsetType = msgspec.UNSET
    steps: list[StepWish] | msgspec.UnsetType = msgspec.UNSET
    audience: (
        Annotated[Audience, Meta(description="All lists and segments, by id or name; they are asked at once.")]
        | msgspec.UnsetType
    ) = msgspec.UNSET
    enrol: Literal["start", "segment"] | msgspec.UnsetType = msgspec.UNSET
    exit: list[Event | InGroup] | msgspec.UnsetType = msgspec.UNSET
    again: bool | msgspec.UnsetType = msgspec.UNSET
    throttle: Throttle | msgspec.UnsetType | None = msgspec.UNSET
    budget: Budget | msgspec.UnsetType | None = msgspec.UNSET
    sender: str | msgspec.UnsetType = msgspec.UNSET
    account: str | msgspec.UnsetType = msgspec.UNSET
    expires_in: Annotated[int, Meta(ge=1, le=LONGEST_EXPIRES_IN)] | msgspec.UnsetType = msgspec.UNSET
    apply_to: Annotated[
        Literal["new", "all"],
        Meta(description="Who gets a new version: people who come in from now on, or also those inside."),
    ] = "new"


class AddToDrip(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """One person, by an address or as a contact; `variables` come before what is known of the contact."""

    to: str = ""
    contact: Annotated[str, Meta(description="Id of a contact.")] = ""
    variables: dict[str, str] = {}


class TestDrip(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """Which step the team gets, and who of the team (all when empty)."""

    step: Annotated[int, Meta(ge=1)] = 1
    to: list[str] = []


class DripPage(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A page of drips."""

    limit: Annotated[int, Meta(ge=1, le=200)] = 50
    after: str = ""


class DripPeoplePage(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A page of the people of a drip."""

    limit: Annotated[int, Meta(ge=1, le=1000)] = 100
    after: Annotated[int, Meta(ge=0)] = 0
    state: DripState | None = None


class StepFinding(msgspec.Struct):
    """Something about a step that is not good."""

    step: int
    check: str
    level: str
    count: int
    detail: str
    fix: str


class StepAnswer(msgspec.Struct, kw_only=True):
    """One step: what it sends, how many people it is next for, and what became of its messages."""

    number: int
    campaign_id: Annotated[str, Meta(description="The campaign that carries it: progress and results as of any.")]
    status: Annotated[
        StepStatus,
        Meta(
            description="`under_way` while somebody waits for it or is still to come to it, or a message of it is not"
            " settled; `completed` holds until somebody else comes."
        ),
    ]
    pause_reason: str
    template: str | None
    template_version: int | None
    text: str
    channel: Channel
    sender: str
    wait: Wait
    at: str
    media: list[CampaignFile]
    waiting: int
    next_at: Annotated[Moment | None, Meta(description="When the first of those who wait is due.")]
    messages: Annotated[dict[str, int], Meta(description="By status; those that could not be made are `refused`.")]


class OlderVersion(msgspec.Struct, kw_only=True):
    """A version that people still go through, or went through, before the newest."""

    version: int
    made_at: Moment
    made_by: str
    active: Annotated[int, Meta(description="How many people are on their way through it.")]
    exit: list[Event | InGroup]
    steps: list[StepAnswer]


class LeavingReason(msgspec.Struct):
    """Why people left or were not let in."""

    state: str
    why: str
    count: int


class DripSummary(msgspec.Struct, kw_only=True):
    """A drip without what has to be counted."""

    id: str
    name: str
    status: DripStatus
    pause_reason: str
    channel: Channel
    purpose: str
    country: str
    reach: str
    audience: Audience
    exit: list[Event | InGroup]
    enrol: str
    again: bool
    throttle: Throttle | None
    budget: Budget | None
    looking: Annotated[bool, Meta(description="Whether lists and segments are, or will be, asked for people.")]
    plan: list[StepPlan]
    created_by: str
    created_at: Moment
    started_at: Moment | None
    finished_at: Moment | None


class DripAnswer(DripSummary, kw_only=True):
    """A drip as it stands; `steps` are those of the newest version. How a file was read is told once."""

    version: int
    spent: Annotated[str, Meta(description="What its messages may cost, counted where there is a budget.")]
    people: Annotated[dict[str, int], Meta(description="How many are active, done, left and refused.")]
    reasons: list[LeavingReason]
    steps: list[StepAnswer]
    older: list[OlderVersion]
    encoding: str | None = None
    separator: str | None = None
    columns: Columns | None = None
    checks: Annotated[list[StepFinding], Meta(description="After its creation: what preflight found.")] = []


class DripList(msgspec.Struct):
    """Drips, newest first."""

    data: list[DripSummary]
    next: str | None = None


class DripPerson(msgspec.Struct, kw_only=True):
    """One person in a drip; `step` is the next one, null at the end."""

    no: int
    given: str
    to: str | None
    country: str | None
    variables: dict[str, Any]
    version: int
    round: int
    state: DripState
    why: str
    step: int | None
    next_at: Moment | None
    entered_at: Moment
    ended_at: Moment | None


class DripPeopleList(msgspec.Struct):
    """People of a drip in the order they came."""

    data: list[DripPerson]
    next: str | None = None


class StepForecast(msgspec.Struct):
    """What one step would do, from the first people."""

    step: int
    preflight: PreflightAnswer


class StepForecastList(msgspec.Struct):
    """What every step would do."""

    data: list[StepForecast]
