"""
At the end of a run: which provider keeps which rule of the contract, as a table.
"""

import re
from collections import defaultdict

import pytest

_PRINTED = pytest.StashKey[bool]()
_MARKS = {"passed": "ok", "failed": "FAILED", "error": "FAILED"}
_PROPERTY_TEST = re.compile(r"properties/test_providers\.py::test_(\w+)\[(\w+)\]$")
_WORST_FIRST = ("FAILED", "exempt", "ok", "-")


def _mark(outcome: str, report: pytest.TestReport) -> str:
    if outcome != "skipped":
        return _MARKS.get(outcome, "")
    reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else ""
    return "exempt" if "exempt: " in reason else "-"


def _cell(report: object) -> tuple[str, str] | None:
    """Rule and provider, of a contract test by its properties, of a property test by its name."""
    properties = dict(getattr(report, "user_properties", ()))
    if "contract_provider" in properties:
        return properties["contract_rule"], properties["contract_provider"]
    named = _PROPERTY_TEST.search(getattr(report, "nodeid", ""))
    return (named[1], named[2]) if named else None


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print rules by providers, once, however many conftests have this hook."""
    if terminalreporter.config.stash.get(_PRINTED, False):
        return
    terminalreporter.config.stash[_PRINTED] = True
    cells: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for outcome, reports in terminalreporter.stats.items():
        for report in reports:
            if (cell := _cell(report)) and (mark := _mark(outcome, report)):
                rule, slug = cell
                cells[rule][slug].add(mark)
    if not cells:
        return
    slugs = sorted({slug for row in cells.values() for slug in row})
    terminalreporter.section("provider contract")
    width = max(map(len, cells))
    terminalreporter.write_line(" " * width + "".join(f"  {slug:>8}" for slug in slugs))
    for rule in sorted(cells):
        marks = [next((mark for mark in _WORST_FIRST if mark in cells[rule][slug]), "") for slug in slugs]
        terminalreporter.write_line(f"{rule:<{width}}" + "".join(f"  {mark:>8}" for mark in marks))
