"""
The rules of countries and channels, as data.
"""

from typing import Annotated

import msgspec
from msgspec import Meta

from sendyard.api.operations import Ask, NoBody, NoQuery, Operation
from sendyard.domain.channels import Channel, Purpose
from sendyard.domain.countries.rules import Aspect, Level, Waiver
from sendyard.features.connections.compliance import rule_book, rule_of


class CountryRuleSource(msgspec.Struct):
    """Where a rule is written."""

    title: str
    section: str
    url: str
    date: Annotated[str, Meta(description="When it took effect or was published; empty when not known.")]


class CountryRuleAnswer(msgspec.Struct):
    """A rule; without countries it holds wherever no other pack speaks, or for its channel everywhere."""

    id: str
    pack: str
    pack_name: str
    countries: list[str]
    channels: list[Channel]
    purposes: list[Purpose]
    what: str
    why: str
    sources: list[CountryRuleSource]
    certainty: Annotated[str, Meta(description="`sourced`, or `uncertain`: weak, old or conflicting sources.")]
    level: Annotated[Level, Meta(description="What usually follows; a finding may differ.")]
    aspect: Annotated[Aspect, Meta(description="What it looks at; consent and time are asked again at hand-over.")]
    satisfy: str
    waiver: Annotated[Waiver, Meta(description="The least role that may set it aside.")]
    how_to_waive: str


class CountryRuleList(msgspec.Struct):
    """Rules in the order in which they are asked."""

    data: list[CountryRuleAnswer]
    next: str | None = None


class CountryRuleFilter(msgspec.Struct, forbid_unknown_fields=True):
    """Which rules to list: those a message would be asked."""

    country: Annotated[str, Meta(max_length=2, description="Of the recipient's number.")] = ""
    channel: Channel | None = None
    purpose: Purpose | None = None
    level: Level | None = None
    aspect: Aspect | None = None
    waivable: Annotated[bool | None, Meta(description="Whether a person may set it aside.")] = None
    pack: Annotated[str, Meta(description="kr, in, tw, us, whatsapp or default.")] = ""


class RuleDoor:
    """The operations under `/rules`."""

    def operations(self) -> list[Operation]:
        """Everything callers can do with rules."""
        tag = "Rules"
        return [
            Operation(method="GET", path="/rules", handler=self.rules, tag=tag, query=CountryRuleFilter,
                      answers=CountryRuleList, summary="List rules, with their sources and how to meet them"),
            Operation(method="GET", path="/rules/{id}", handler=self.rule, tag=tag, answers=CountryRuleAnswer,
                      summary="One rule", refuses=(404,)),
        ]  # fmt: skip

    async def rules(self, ask: Ask[NoBody, CountryRuleFilter]) -> CountryRuleList:
        """List rules."""
        return msgspec.convert({"data": rule_book(**msgspec.structs.asdict(ask.query))}, CountryRuleList)

    async def rule(self, ask: Ask[NoBody, NoQuery]) -> CountryRuleAnswer:
        """Give one rule."""
        return msgspec.convert(rule_of(ask.path["id"]), CountryRuleAnswer)
