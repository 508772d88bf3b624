"""
`bench growth`: what a message costs, and what the process needs, as campaigns grow.

Each size runs in a process of its own, smallest and largest alike: the messages are stored first, then the
dispatcher hands them over. The cost is the process's own time on a processor, which other work on the machine
disturbs least.
"""

import json
import subprocess
import sys
import time
from typing import Any

import uvloop

from sendyard.bootstrap import tune_interpreter
from sendyard.cli.bench.dispatch import engine
from sendyard.cli.bench.memory import peak_mb
from sendyard.cli.bench.yard import fill, target, yard

SIZES = (1_000, 10_000, 50_000, 200_000)
LEAST = 20_000  # messages of one figure: a small size is repeated, each time on a new database
WITHIN = 1.15  # what a message may cost at the largest size, by what it costs at the smallest
MOST_MB = 300


def growth(slug: str, sizes: tuple[int, ...], database_url: str | None) -> dict[str, Any]:
    """Measure every size; `ratio` is the cost of a message at the largest size by that at the smallest."""
    series = [_apart(slug, size, database_url) for size in sizes]
    costs = [one["cpu_us_per_message"] for one in series]
    return {
        "provider": slug,
        "series": series,
        "cpu_us_per_message": costs[-1],
        "floor_cpu_us": costs[0],
        "ratio": round(costs[-1] / costs[0], 3),
        "limit_ratio": WITHIN,
        "peak_memory_mb": max(one["peak_memory_mb"] for one in series),
        "limit_memory_mb": MOST_MB,
    }


def _apart(slug: str, size: int, database_url: str | None) -> dict[str, Any]:
    """Measure one size in a process of its own, so that its memory is its own."""
    command = [sys.executable, "-m", "sendyard.cli.bench.growth", slug, str(size), database_url or ""]
    found: dict[str, Any] = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)  # noqa: S603 - ours
    return found


def one_size(slug: str, size: int, database_url: str | None) -> dict[str, Any]:
    """Hand over `size` messages, as often as a steady figure needs."""
    rounds = max(1, LEAST // size)
    seconds = cpu = 0.0
    with target(slug) as base:
        tune_interpreter()
        for _ in range(rounds):
            with yard(slug, base, database_url) as place:
                fill(place, size)
                before = time.process_time()
                seconds += uvloop.run(engine(place))
                cpu += time.process_time() - before
    return {
        "messages": size,
        "rounds": rounds,
        "messages_per_second": round(rounds * size / seconds),
        "cpu_us_per_message": round(cpu / rounds / size * 1e6, 1),
        "peak_memory_mb": peak_mb(),
    }


if __name__ == "__main__":
    sys.stdout.write(json.dumps(one_size(sys.argv[1], int(sys.argv[2]), sys.argv[3] or None)))
