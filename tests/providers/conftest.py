"""
At the end of a run: which provider keeps which rule of the contract, as a table.
"""

from collections import defaultdict

import pytest

from sendyard.providers.registry import adapters

_MARKS = {"passed": "ok", "failed": "FAILED", "error": "FAILED"}
_WORST_FIRST = ("FAILED", "exempt", "ok", "-")


def _mark(outcome: str, report: pytest.TestReport) -> str:
    if outcome != "skipped":
        return _MARKS.get(outcome, "")
    reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else ""
    return "exempt" if "exempt: " in reason else "-"


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print rules by providers from the reports that carry both as properties."""
    cells: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for outcome, reports in terminalreporter.stats.items():
        for report in reports:
            properties = dict(getattr(report, "user_properties", ()))
            if "contract_provider" in properties and (mark := _mark(outcome, report)):
                cells[properties["contract_rule"]][properties["contract_provider"]].add(mark)
    if not cells:
        return
    slugs = sorted({slug for row in cells.values() for slug in row})
    terminalreporter.section("provider contract")
    width = max(map(len, cells))
    terminalreporter.write_line(" " * width + "".join(f"  {slug:>8}" for slug in slugs))
    for rule in sorted(cells):
        marks = [next((mark for mark in _WORST_FIRST if mark in cells[rule][slug]), "") for slug in slugs]
        terminalreporter.write_line(f"{rule:<{width}}" + "".join(f"  {mark:>8}" for mark in marks))


@pytest.fixture(autouse=True)
def contract_rule(request: pytest.FixtureRequest) -> None:
    """Note rule and provider for the table; step aside where the provider has a written reason."""
    if "slug" not in request.fixturenames or "test_contract" not in request.node.nodeid:
        return
    slug: str = request.getfixturevalue("slug")
    name: str = request.node.originalname.removeprefix("test_")
    request.node.user_properties += [("contract_provider", slug), ("contract_rule", name)]
    if reason := adapters()[slug].spec.exemptions.get(name):
        pytest.skip(f"exempt: {reason}")
    if request.node.callspec.params.get("case") == {}:
        pytest.skip(f"{slug} has no samples of this; `folder_is_complete` tells whether it should")
