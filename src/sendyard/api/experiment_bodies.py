"""
What callers send and get about experiments.
"""

from typing import Annotated

import msgspec
from msgspec import Meta

from sendyard.api.message_bodies import Cost, Moment
from sendyard.features.campaigns.experiments.terms import (
    LEAST_VARIANTS,
    MOST_VARIANTS,
    Experiment,
    Metric,
    Otherwise,
    SampleSize,
    Then,
    Variant,
)


class ExperimentWish(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """
    Texts to be compared on a sample of the people, and what the rest gets.

    `metric` is counted for each person within `wait_minutes` after that person's message has left. `expected_rate` and
    `lift` say which difference is worth finding; `sample` how many take part, as many as are needed when left out.
    """

    variants: Annotated[list[Variant], Meta(description=f"{LEAST_VARIANTS} to {MOST_VARIANTS} texts.")]
    metric: Metric
    expected_rate: Annotated[float, Meta(description="Of the ordinary text, such as 0.05.")]
    lift: Annotated[float, Meta(description="The smallest relative difference worth finding, such as 0.2.")]
    sample: SampleSize = SampleSize()
    wait_minutes: int = 240
    then: Annotated[Then, Meta(description="What the rest gets.")] = "winner"
    otherwise: Annotated[Otherwise, Meta(description="What the rest gets when there is no winner.")] = "evenly"

    @property
    def terms(self) -> Experiment:
        """Everything but the texts."""
        return Experiment(**{name: getattr(self, name) for name in Experiment.__struct_fields__})


class VariantSummary(msgspec.Struct):
    """One of the texts."""

    name: str
    template: str | None
    text: str
    share: float


class ExperimentSummary(msgspec.Struct):
    """Where the experiment of a campaign stands; the full record is at `/campaigns/{id}/experiment`."""

    state: str
    told: str
    winner: str
    variants: list[VariantSummary]


class ExperimentSize(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """What is to be found among how many: `people`, or those of a campaign, or of nobody in particular."""

    expected_rate: Annotated[float, Meta(description="Of the ordinary text, such as 0.05.")]
    lift: Annotated[float, Meta(description="The smallest relative difference worth finding, such as 0.2.")]
    variants: int = LEAST_VARIANTS
    people: Annotated[int, Meta(le=1_000_000_000)] | None = None
    campaign: str = ""


class ExperimentSizeAnswer(msgspec.Struct):
    """How many people that takes; `least_lift` is the smallest difference the whole audience can show."""

    people_per_variant: int
    people: int
    audience: int | None
    share: float | None
    enough: bool | None
    least_lift: float | None
    detail: str


class ChooseVariant(msgspec.Struct, forbid_unknown_fields=True):
    """The name of the variant that those who still wait get; null: all of them evenly."""

    variant: str | None


class TallyAnswer(msgspec.Struct):
    """People who count, and how many of them did what is measured."""

    people: int
    successes: int
    rate: float


class LookVerdict(msgspec.Struct):
    """What a look said: a winner, or who leads and by how much (`z`); `needed` would decide, null for no `z` at all."""

    winner: str
    leader: str
    z: float
    needed: float | None
    information: float
    reason: str


class LookAnswer(msgspec.Struct):
    """One look and what followed; `shares` is what the rest gets, drawn with `seed` where they were drawn."""

    at: Moment
    tallies: dict[str, TallyAnswer]
    verdict: LookVerdict | None
    action: str
    shares: dict[str, float]
    seed: str
    by: str


class ExperimentDecision(msgspec.Struct):
    """What was decided, why, and by whom; "" for the experiment itself."""

    action: str
    winner: str
    reason: str
    by: str
    shares: dict[str, float]
    at: Moment


class PosteriorPoint(msgspec.Struct):
    """A point of the density of a rate."""

    rate: float
    density: float


class VariantFigures(msgspec.Struct):
    """
    One variant: people dealt to it, those whose message has left, and how many of them did what, each within the time.

    `rate`, `chance_to_be_best` and `posterior` are those of the newest look.
    """

    name: str
    template: str | None
    text: str
    share: float
    sample: int
    assigned: int
    people: int
    delivered: int
    read: int
    replied: int
    clicked: int
    opted_out: int
    rate: float | None
    chance_to_be_best: float | None
    posterior: list[PosteriorPoint]
    costs: list[Cost]
    cost_per_reply: Cost | None


class ExperimentAnswer(msgspec.Struct):
    """The full record of an experiment."""

    id: str
    status: str
    state: str
    told: str
    terms: Experiment
    people_needed: int
    variants: list[VariantFigures]
    verdict: LookVerdict | None
    decision: ExperimentDecision | None
    looks: list[LookAnswer]
    next_look_at: Moment | None
