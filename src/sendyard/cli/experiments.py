"""
Experiments: several texts in one campaign, what they have shown, and choosing by hand.
"""

import asyncio
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar, get_args

import click
import msgspec

from sendyard.cli.campaign_plans import who
from sendyard.cli.opening import Place, in_yard, workspace_option
from sendyard.cli.papers import page_option, write_experiment
from sendyard.cli.printing import put, say, table, when
from sendyard.cli.shape import NOT_DONE, Group, NotDone
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

F = TypeVar("F", bound=Callable[..., Any])

_TERMS = ("metric", "expected_rate", "lift", "sample", "wait_minutes", "then", "otherwise")


def add_to(campaign: Group) -> None:
    """Add these commands to `sendyard campaign`."""
    for command in (experiment, experiment_size, choose):
        campaign.add_command(command)


def experiment_options(command: F) -> F:
    """Add the options of an experiment to a command."""
    options = [
        click.option("--variant", "variants", multiple=True, metavar="NAME=TEMPLATE",
                     help=f"One of {LEAST_VARIANTS} to {MOST_VARIANTS} texts to compare, instead of --template."),
        click.option("--variant-text", "variant_texts", multiple=True, metavar="NAME=TEXT",
                     help="Likewise, with a text of its own; those of --variant come first."),
        click.option("--metric", type=click.Choice(get_args(Metric)), help="What makes a text better."),
        click.option("--expected-rate", type=float, metavar="RATE", help="Of the ordinary text, such as 0.05."),
        click.option("--lift", type=float, metavar="SHARE", help="The difference worth finding: 0.2 is a fifth more."),
        click.option("--sample", metavar="N|N%|needed", help="How many take part; as many as needed when left out."),
        click.option("--wait-minutes", type=int, metavar="N", help="The time everybody has; 240 when left out."),
        click.option("--then", type=click.Choice(get_args(Then)), help="What the rest gets; the winner by default."),
        click.option("--otherwise", type=click.Choice(get_args(Otherwise)),
                     help="What the rest gets without a winner; evenly by default."),
    ]  # fmt: skip
    for option in reversed(options):
        command = option(command)
    return command


def experiment_parts(given: Mapping[str, Any]) -> tuple[Experiment | None, tuple[Variant, ...]]:
    """
    The experiment that options describe, with its texts; None and no texts without any.

    Raises:
        UsageError: an option cannot be read, or is missing.
    """
    variants = (
        *(Variant(name=name, template=code) for name, code in map(_named, given["variants"])),
        *(Variant(name=name, text=text) for name, text in map(_named, given["variant_texts"])),
    )
    named = {name: given[name] for name in _TERMS if given[name] is not None}
    if not variants and not named:
        return None, ()
    lacking = [name for name in ("metric", "expected_rate", "lift") if name not in named]
    if lacking:
        words = ", ".join(f"--{name.replace('_', '-')}" for name in lacking)
        raise click.UsageError(f"An experiment needs {words}.")
    if "sample" in named:
        named["sample"] = _sample(named["sample"])
    return Experiment(**named), variants


def _named(text: str) -> tuple[str, str]:
    name, equals, rest = text.partition("=")
    if not equals:
        raise click.UsageError(f"Expected a variant such as NAME=TEMPLATE, found {text!r}.")
    return name.strip(), rest


def _sample(text: str) -> SampleSize:
    try:
        if text == "needed":
            return SampleSize()
        return SampleSize(percent=float(text[:-1])) if text.endswith("%") else SampleSize(people=int(text))
    except ValueError:
        raise click.UsageError(f"Expected --sample such as 2000, 10% or needed, found {text!r}.") from None


@click.group(cls=Group)
def bench() -> None:
    """Stands in for `sendyard campaign`, which takes these commands over."""


@bench.command(
    "experiment",
    example="sendyard campaign experiment ID\nsendyard campaign experiment ID --csv shown.csv --page shown.html",
)
@click.argument("campaign_id", metavar="ID")
@click.option("--csv", "file", metavar="FILE", help="Write the variants as a file; - is standard output.")
@page_option
@workspace_option
def experiment(campaign_id: str, file: str | None, page: str | None, workspace: str) -> None:
    """Say what the texts of a campaign have shown so far, every look at them, and what was decided."""
    if page is not None:
        in_yard(lambda place: write_experiment(place, campaign_id, page), workspace)
        if page != "-":
            put({"id": campaign_id, "page": page}, lambda: say(f"The page is {page}; any browser opens it."))
    if file is not None:
        in_yard(lambda place: _write(place, campaign_id, file), workspace)
        if file != "-":
            put({"id": campaign_id, "file": file}, lambda: say(f"The variants are in {file}."))
    if page is not None or file is not None:
        return

    async def work(place: Place) -> dict[str, Any]:
        return await place.yard.experiments.report(place.workspace_id, campaign_id)

    found = in_yard(work, workspace)
    put({**found, "terms": msgspec.to_builtins(found["terms"])}, lambda: _report(found))


async def _write(place: Place, campaign_id: str, file: str) -> None:
    content = await place.yard.experiments.csv(place.workspace_id, campaign_id)
    if file == "-":
        sys.stdout.buffer.write(content)
        sys.stdout.buffer.flush()
    else:
        await asyncio.to_thread(Path(file).write_bytes, content)


@bench.command(
    "experiment-size",
    example="sendyard campaign experiment-size --expected-rate 0.05 --lift 0.2\n"
    "sendyard campaign experiment-size --expected-rate 0.05 --lift 0.2 --variants 3 --people 800",
)
@click.option("--expected-rate", type=float, required=True, metavar="RATE", help="Of the ordinary text, such as 0.05.")
@click.option("--lift", type=float, required=True, metavar="SHARE", help="0.2 is a fifth more.")
@click.option("--variants", type=int, default=LEAST_VARIANTS, show_default=True)
@click.option("--people", type=int, help="How many the audience has.")
@click.option("--campaign", "campaign_id", default="", metavar="ID", help="Or whose people it is.")
@workspace_option
def experiment_size(
    *, expected_rate: float, lift: float, variants: int, people: int | None, campaign_id: str, workspace: str
) -> None:
    """
    Say how many people it takes to find a difference.

    Exit code 1: the audience has fewer.
    """

    async def work(place: Place) -> dict[str, Any]:
        return await place.yard.experiments.size(
            place.workspace_id, rate=expected_rate, lift=lift, variants=variants, people=people,
            campaign_id=campaign_id,
        )  # fmt: skip

    found = in_yard(work, workspace)
    put(found, lambda: say(found["detail"]))
    if found["enough"] is False:
        raise NotDone(NOT_DONE)


@bench.command("choose", example="sendyard campaign choose ID --variant warm\nsendyard campaign choose ID --evenly")
@click.argument("campaign_id", metavar="ID")
@click.option("--variant", metavar="NAME", help="Those who wait get this one.")
@click.option("--evenly", is_flag=True, help="Those who wait get all of them, as the sample did.")
@workspace_option
def choose(campaign_id: str, *, variant: str | None, evenly: bool, workspace: str) -> None:
    """Decide what those get who wait for the result; a campaign that was paused to ask goes on."""
    if (variant is None) is not evenly:
        raise click.UsageError("Give either --variant NAME or --evenly.")

    async def work(place: Place) -> dict[str, Any]:
        return await place.yard.experiments.choose(place.workspace_id, campaign_id, variant, by=who())

    found = in_yard(work, workspace)
    put(found, lambda: say(f"{found['name']} is {found['status']}. {found['experiment']['told']}"))


def _report(found: Mapping[str, Any]) -> None:
    say(f"{found['told']} Compared by {found['terms'].metric}, {found['terms'].wait_minutes:,} minutes for everybody; "
        f"{found['people_needed']:,} people are needed for each text.")  # fmt: skip
    table(
        ("variant", "sample", "left", "delivered", "read", "replied", "clicked", "opted out", "rate", "best", "cost"),
        [
            (one["name"], one["sample"], one["people"], one["delivered"], one["read"], one["replied"], one["clicked"],
             one["opted_out"], _percent(one["rate"]), _percent(one["chance_to_be_best"]),
             " + ".join(f"{cost['amount']} {cost['currency']}" for cost in one["costs"]))
            for one in found["variants"]
        ],
        empty="",
    )  # fmt: skip
    for look in found["looks"]:
        reason = look["verdict"]["reason"] if look["verdict"] else f"By {look['by']}."
        shares = ", ".join(f"{name} {_percent(share)}" for name, share in look["shares"].items())
        say(f"{when(look['at'])}: {look['action']}{f' ({shares})' if shares else ''}. {reason}")


def _percent(value: float | None) -> str:
    return "" if value is None else f"{100 * value:.1f} %"
