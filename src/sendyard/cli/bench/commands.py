"""
`sendyard bench …`: the figures of docs/benchmarks.md, taken again on this machine.
"""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import click

from sendyard.cli.bench.accept import accept as measure_accept
from sendyard.cli.bench.callbacks import callbacks as measure_callbacks
from sendyard.cli.bench.campaign import SIZES as CAMPAIGNS
from sendyard.cli.bench.campaign import campaign as measure_campaign
from sendyard.cli.bench.dispatch import dispatch as measure_dispatch
from sendyard.cli.bench.growth import SIZES
from sendyard.cli.bench.growth import growth as measure_growth
from sendyard.cli.bench.history import OLD
from sendyard.cli.bench.history import history as measure_history
from sendyard.cli.bench.importing import ROWS
from sendyard.cli.bench.importing import importing as measure_import
from sendyard.cli.bench.plans import is_good as is_good_plan
from sendyard.cli.bench.plans import lines as plan_lines
from sendyard.cli.bench.plans import measure as measure_plans
from sendyard.cli.bench.plans import show as show_plans
from sendyard.cli.bench.rehearsing import PEOPLE as RECIPIENTS
from sendyard.cli.bench.rehearsing import rehearsing as measure_preflight
from sendyard.cli.bench.segments import PEOPLE
from sendyard.cli.bench.segments import segments as measure_segments
from sendyard.cli.bench.yard import measurable, single_recipient
from sendyard.cli.shape import NOT_DONE, NotDone

_FIGURES = (
    "messages_per_second",
    "rows_per_second",
    "cpu_us_per_row",
    "callbacks_per_second",
    "floor_per_second",
    "threads_per_second",
    "ratio",
    "p50_ms",
    "p95_ms",
    "p99_ms",
    "peak_memory_mb",
)


@click.group()
def bench() -> None:
    r"""
    Measure this machine: each figure beside the floor or limit it is held against.

    \b
    Example:
      sendyard bench dispatch --runs 5
    """


_RUNS = click.option("--runs", default=1, show_default=True, help="Runs; with several, medians are printed.")
_DATABASE = click.option(
    "--database", default=None, help="postgresql://… of an empty database; else a new SQLite file."
)
_JSON = click.option("--json", "as_json", is_flag=True, help="One JSON document on standard output.")


@bench.command()
@click.option("--provider", default=None, help="A provider with a load target; default: one recipient a request.")
@click.option("--messages", default=20000, show_default=True, help="Messages in one run.")
@click.option("--threads", default=0, help="Also measure so many threads with a requests session each.")
@_DATABASE
@_RUNS
@_JSON
def dispatch(
    provider: str | None, messages: int, threads: int, database: str | None, runs: int, *, as_json: bool
) -> None:
    r"""
    Messages a second end to end, beside the bare HTTP client loop over the same requests.

    \b
    Example:
      sendyard bench dispatch --messages 20000 --runs 5 --json
    """
    if provider is not None and provider not in measurable():
        raise click.BadParameter(f"expected one of {', '.join(measurable())}; found {provider!r}")
    slug = provider or single_recipient()
    _print(lambda: measure_dispatch(slug, messages, database, threads=threads), runs, as_json=as_json)


@bench.command()
@click.option("--messages", default=20000, show_default=True, help="Messages in one run.")
@click.option("--connections", default=64, show_default=True, help="Callers at the same time.")
@_DATABASE
@_RUNS
@_JSON
def accept(messages: int, connections: int, database: str | None, runs: int, *, as_json: bool) -> None:
    r"""
    Single messages a second through the API, each answered after it is durable.

    \b
    Example:
      sendyard bench accept --runs 5
    """
    _print(lambda: measure_accept(messages, connections, database), runs, as_json=as_json)


@bench.command()
@click.option("--messages", default=20000, show_default=True, help="Callbacks in one run.")
@click.option("--connections", default=64, show_default=True, help="Open callbacks at the same time.")
@_DATABASE
@_RUNS
@_JSON
def callbacks(messages: int, connections: int, database: str | None, runs: int, *, as_json: bool) -> None:
    r"""
    Delivery reports a second, each answered after it is durable, while a campaign runs.

    \b
    Example:
      sendyard bench callbacks --runs 5
    """
    _print(lambda: measure_callbacks(messages, connections, database), runs, as_json=as_json)


@bench.command()
@click.option("--provider", default=None, help="A provider with a load target.")
@click.option("--up-to", default=SIZES[-1], show_default=True, help="The largest campaign.")
@_DATABASE
@_JSON
def growth(provider: str | None, up_to: int, database: str | None, *, as_json: bool) -> None:
    r"""
    What a message costs and what the process needs, from 1,000 to 200,000 messages.

    \b
    Example:
      sendyard bench growth --up-to 200000
    """
    _expect_measurable(provider)
    sizes = (*(size for size in SIZES if size < up_to), up_to)
    _print(lambda: measure_growth(provider or measurable()[0], sizes, database), 1, as_json=as_json)


@bench.command("campaign")
@click.option("--provider", default=None, help="A provider with a load target; default: many recipients a request.")
@click.option(
    "--sizes",
    default=",".join(str(size) for size in CAMPAIGNS),
    show_default=True,
    help="Recipients of each campaign, the smallest first.",
)
@_DATABASE
@_JSON
def campaign_(provider: str | None, sizes: str, database: str | None, *, as_json: bool) -> None:
    r"""
    Seconds from a campaign's start to its first hand-over, and what a recipient costs, up to a million.

    \b
    Example:
      sendyard bench campaign --sizes 1000,100000
    """
    _expect_measurable(provider)
    try:
        counts = tuple(int(size) for size in sizes.split(","))
    except ValueError:
        counts = ()
    if not counts or min(counts) < 1:
        raise click.BadParameter(f"expected whole numbers above 0 with commas between, found {sizes!r}")
    _print(lambda: measure_campaign(provider or measurable()[0], counts, database), 1, as_json=as_json)


@bench.command("history")
@click.option("--old", default=OLD, show_default=True, help="Messages of the past.")
@click.option("--rounds", default=40, show_default=True, help="Times each question is asked.")
@click.option(
    "--keep",
    default=None,
    type=click.Path(file_okay=False, path_type=Path),
    help="Keep the past in this directory, and use it again.",
)
@_DATABASE
@_JSON
def history_(old: int, rounds: int, keep: Path | None, database: str | None, *, as_json: bool) -> None:
    r"""
    Milliseconds of what people look at beside ten million old messages, and the start of a campaign there.

    \b
    Example:
      sendyard bench history --keep ~/sendyard-past
    """
    _print(lambda: measure_history(measurable()[0], old, rounds, database, keep), 1, as_json=as_json)


@bench.command("import")
@click.option("--rows", default=ROWS, show_default=True, help="People in the file.")
@_DATABASE
@_RUNS
@_JSON
def import_(rows: int, database: str | None, runs: int, *, as_json: bool) -> None:
    r"""
    Rows a second from a file of people into contacts, beside a bare CSV reader that inserts its cells.

    \b
    Example:
      sendyard bench import --rows 1000000
    """
    _print(lambda: measure_import(rows, database), runs, as_json=as_json)


@bench.command()
@click.option("--people", default=PEOPLE, show_default=True, help="People in the workspace.")
@click.option("--rounds", default=20, show_default=True, help="Times each filter is counted.")
@_DATABASE
@_JSON
def segments(people: int, rounds: int, database: str | None, *, as_json: bool) -> None:
    r"""
    Milliseconds to count whom a filter finds, for filters of every kind, while people change.

    \b
    Example:
      sendyard bench segments --people 1000000
    """
    _print(lambda: measure_segments(people, rounds, database), 1, as_json=as_json)


@bench.command("preflight")
@click.option("--people", default=RECIPIENTS, show_default=True, help="Recipients of the campaign.")
@_DATABASE
@_RUNS
@_JSON
def preflight_(people: int, database: str | None, runs: int, *, as_json: bool) -> None:
    r"""
    Seconds for the preflight of a campaign of advertising, with a consent to look up for everybody.

    \b
    Example:
      sendyard bench preflight --people 100000
    """
    _print(lambda: measure_preflight(people, database), runs, as_json=as_json)


@bench.command()
@click.option("--only", "names", multiple=True, metavar="NAME", help="A line, or a provider's lines; may be repeated.")
@click.option("--recipients", type=click.IntRange(1, 1_000_000), help="People of each campaign; else as many as usual.")
@_JSON
def plans(names: tuple[str, ...], recipients: int | None, *, as_json: bool) -> None:
    r"""
    Campaigns through emulated providers that enforce their plans' limits, each answer 200 ms late.

    Exit code 1 when a message was lost or received twice, or more or fewer left than the preflight had said.

    \b
    Example:
      sendyard bench plans --recipients 200
    """
    every = plan_lines(recipients)
    known = {line.name for line in every} | {line.provider for line in every}
    if unknown := sorted(set(names) - known):
        raise click.BadParameter(
            f"expected {', '.join(line.name for line in every)}, or a provider of these; found {', '.join(unknown)}",
            param_hint="--only",
        )
    chosen = [line for line in every if not names or {line.name, line.provider} & set(names)]
    documents = measure_plans(chosen, lambda text: click.echo(text, err=True))
    if as_json:
        click.echo(json.dumps({"lines": documents}, ensure_ascii=False))
    else:
        show_plans(documents)
    if not all(map(is_good_plan, documents)):
        raise NotDone(NOT_DONE)


def _expect_measurable(provider: str | None) -> None:
    if provider is not None and provider not in measurable():
        raise click.BadParameter(f"expected one of {', '.join(measurable())}; found {provider!r}")


def _print(measure: Callable[[], dict[str, Any]], runs: int, *, as_json: bool) -> None:
    """Run, tell each run on standard error, and print the last run with the medians of all."""
    results = []
    for number in range(1, runs + 1):
        results.append(measure())
        sys.stderr.write(f"run {number} of {runs}: {_words(results[-1])}\n")
    combined = dict(results[-1])
    combined |= {name: median(result[name] for result in results) for name in _FIGURES if name in combined}
    combined["runs"] = runs
    click.echo(json.dumps(combined) if as_json else "\n".join(f"{name:22} {value}" for name, value in combined.items()))


def _words(result: dict[str, Any]) -> str:
    return ", ".join(f"{name} {result[name]}" for name in _FIGURES if name in result)
