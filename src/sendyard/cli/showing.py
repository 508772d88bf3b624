"""
What a person before a running campaign sees: steps, live numbers, and the closing tables.
"""

import sys
import time
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any, Self

import click
from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from sendyard.cli.demo_tally import REASONS, Tally
from sendyard.cli.printing import console, table

_ORDER = (
    "scheduled", "queued", "sending", "unknown", "sent", "delivered", "read", "failed", "suppressed", "expired",
    "cancelled",
)  # fmt: skip
_EVERY = 1.0  # seconds between lines where there is no terminal


class Show:
    """Speaks on standard output, or on standard error when a document is wanted there."""

    def __init__(self, *, as_json: bool) -> None:
        """Take whether standard output belongs to a JSON document."""
        self._to_stderr = as_json
        self._console = Console(file=sys.stderr, highlight=False) if as_json else console()
        self._live: Live | None = None
        self._said_at = 0.0
        self._said = ""

    def __enter__(self) -> Self:
        """Use as a context, so that the terminal is left as it was."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the live part."""
        self.still()

    def step(self, text: str) -> None:
        """Say what begins or has happened."""
        if self._live is not None:
            self._live.console.print(Text(text))
        else:
            click.echo(text, err=self._to_stderr)

    def progress(self, document: Mapping[str, Any], states: Mapping[str, str]) -> None:
        """Show a campaign's progress (`Campaigns.progress`) and the state of each account that has one."""
        if self._console.is_terminal:
            if self._live is None:
                self._live = Live(console=self._console, refresh_per_second=8, transient=True)
                self._live.start()
            self._live.update(_picture(document, states))
            return
        counts = in_words(document["counts"]) or "being prepared"
        line = f"{document['settled']:>6,} of {document['recipients']:,} final: {counts}"
        if line != self._said and time.monotonic() - self._said_at >= _EVERY:
            self._said, self._said_at = line, time.monotonic()
            self.step(line)

    def still(self) -> None:
        """End the live part; what follows is printed below."""
        if self._live is not None:
            self._live.stop()
            self._live = None

    def closing(self, found: Tally, names: Mapping[str, str], refused: Sequence[Mapping[str, Any]]) -> None:
        """Print the closing tables on standard output."""
        table(
            ("account", "messages", "delivered", "failed", "other"),
            [
                (names.get(account_id, account_id), counts.total(), counts["delivered"] + counts["read"],
                 counts["failed"], in_words({s: n for s, n in counts.items() if s not in _TABLED}) or "-")
                for account_id, counts in sorted(found.by_account.items(), key=lambda item: names.get(item[0], ""))
            ],
            empty="No account carried anything.",
        )  # fmt: skip
        click.echo("")
        table(
            ("why not delivered", "messages"),
            [(REASONS.get(kind, kind), count) for (_, kind), count in found.by_reason.items()],
            empty="Everything was delivered.",
        )
        click.echo("")
        table(
            ("row of the file", "as written", "why it was left out"),
            [(row["row"], row["given"] or "(nothing)", row["detail"]) for row in refused],
            empty="No row was left out.",
        )
        click.echo("")


_TABLED = frozenset({"delivered", "read", "failed"})


def in_words(counts: Mapping[str, int]) -> str:
    """Counts by status in the order of a message's life, without the zeros."""
    return ", ".join(f"{counts[status]:,} {status}" for status in _ORDER if counts.get(status))


def _picture(document: Mapping[str, Any], states: Mapping[str, str]) -> Group:
    accounts = Table("account", "state", "waiting", "under way", "delivered", "failed", box=None, pad_edge=False)
    for line in document["accounts"]:
        counts = line["counts"]
        accounts.add_row(
            line["account"],
            states.get(line["account"], ""),
            str(counts.get("queued", 0)),
            str(sum(counts.get(status, 0) for status in ("sending", "sent", "unknown"))),
            str(counts.get("delivered", 0) + counts.get("read", 0)),
            str(counts.get("failed", 0)),
        )
    total = max(1, document["recipients"])
    return Group(
        Text(f"{document['status']}: {document['settled']:,} of {total:,} final; {in_words(document['counts'])}"),
        ProgressBar(total=total, completed=document["settled"], width=60),
        accounts,
    )
