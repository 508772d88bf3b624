"""
The benchmarks run and tell what they measured; how fast is for a quiet machine to say.
"""

import json

import pytest
from click.testing import CliRunner

from sendyard.cli.bench import growth as growth_module
from sendyard.cli.bench.commands import bench
from sendyard.cli.bench.yard import measurable


def run(*arguments: str) -> dict[str, object]:
    result = CliRunner().invoke(bench, [*arguments, "--json"])
    assert result.exit_code == 0, result.output
    found: dict[str, object] = json.loads(result.stdout)
    return found


@pytest.mark.parametrize("provider", measurable())
def test_dispatch_hands_everything_over_and_names_its_floor(provider: str) -> None:
    found = run("dispatch", "--provider", provider, "--messages", "300", "--runs", "1")
    assert found["messages"] == 300
    assert found["runs"] == 1
    assert float(str(found["messages_per_second"])) > 0
    assert float(str(found["ratio"])) == pytest.approx(
        float(str(found["messages_per_second"])) / float(str(found["floor_per_second"])), rel=0.02
    )


def test_accept_has_every_message_answered_as_accepted() -> None:
    found = run("accept", "--messages", "200", "--connections", "8")
    assert found["statuses"] == {"202": 200}


def test_callbacks_are_all_believed() -> None:
    found = run("callbacks", "--messages", "200", "--connections", "8")
    assert found["statuses"] == {"200": 200}


def test_growth_measures_each_size_and_compares_the_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(growth_module, "LEAST", 200)
    monkeypatch.setattr(growth_module, "SIZES", (100,))
    monkeypatch.setattr(growth_module, "_apart", growth_module.one_size)
    monkeypatch.setattr("sendyard.cli.bench.commands.SIZES", (100, 400))
    found = run("growth", "--up-to", "200")
    series = [(one["messages"], one["rounds"]) for one in json.loads(json.dumps(found["series"]))]
    assert series == [(100, 2), (200, 1)]
    assert float(str(found["ratio"])) > 0


def test_a_size_runs_in_a_process_of_its_own() -> None:
    found = growth_module._apart(measurable()[0], 20_000, None)
    assert found["messages"] == 20_000
    assert found["cpu_us_per_message"] > 0


def test_a_provider_without_a_target_is_refused_with_those_that_have_one() -> None:
    result = CliRunner().invoke(bench, ["dispatch", "--provider", "nobody"])
    assert result.exit_code == 2
    assert all(slug in result.output for slug in measurable())


def test_import_stores_every_row_and_names_its_floor() -> None:
    found = run("import", "--rows", "3000")
    assert (found["rows"], found["added"]) == (3000, 3000)
    assert 0 < float(str(found["ratio"])) < 1
    assert int(str(found["peak_memory_mb"])) < 300


def test_segments_are_counted_alike_and_timed_by_filter() -> None:
    found = run("segments", "--people", "300", "--rounds", "2")
    assert int(str(found["filters"])) >= 20
    assert len(json.loads(json.dumps(found["p95_ms_by_filter"]))) == found["filters"]
    assert float(str(found["p95_ms"])) > 0


def test_preflight_reaches_everybody_and_names_its_limits() -> None:
    found = run("preflight", "--people", "300")
    assert found["people"] == 300
    assert int(str(found["rules"])) >= 3
    assert found["limit_seconds"] == 0.0
