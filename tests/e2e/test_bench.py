"""
The benchmarks run and tell what they measured; how fast is for a quiet machine to say.
"""

import json
from typing import Any

import pytest
from click.testing import CliRunner

from sendyard.cli.bench import growth as growth_module
from sendyard.cli.bench.commands import bench
from sendyard.cli.bench.plans import lines
from sendyard.cli.bench.yard import measurable
from sendyard.cli.shape import NotDone


def run(*arguments: str) -> dict[str, object]:
    result = CliRunner().invoke(bench, [*arguments, "--json"])
    assert result.exit_code == 0, result.output
    found: dict[str, object] = json.loads(result.stdout)
    return found


def held_against_its_floor(found: dict[str, object]) -> None:
    name = "callbacks_per_second" if "callbacks" in found else "messages_per_second"
    rate, floor = float(str(found[name])), float(str(found["floor_per_second"]))
    assert rate > 0
    assert floor > 0
    assert float(str(found["ratio"])) == pytest.approx(rate / floor, rel=0.02)


@pytest.mark.parametrize("provider", measurable())
def test_dispatch_hands_everything_over_and_names_its_floor(provider: str) -> None:
    found = run("dispatch", "--provider", provider, "--messages", "300", "--runs", "1")
    assert found["messages"] == 300
    assert found["runs"] == 1
    held_against_its_floor(found)


def test_accept_has_every_message_answered_as_accepted() -> None:
    found = run("accept", "--messages", "200", "--connections", "8")
    assert found["statuses"] == {"202": 200}
    held_against_its_floor(found)


def test_callbacks_are_all_believed() -> None:
    found = run("callbacks", "--messages", "200", "--connections", "8")
    assert found["statuses"] == {"200": 200}
    held_against_its_floor(found)


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
    both = int(str(found["rows_per_second"])), int(str(found["floor_per_second"]))
    assert float(str(found["ratio"])) == pytest.approx(both[0] / both[1], rel=0.05)
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


@pytest.fixture(scope="module")
def planned() -> dict[str, dict[str, Any]]:
    only = ("--only", "meta_cloud-tier-250", "--only", "bizgo")
    result = CliRunner().invoke(bench, ["plans", *only, "--recipients", "300", "--json"])
    assert result.exit_code == 0, result.output
    return {line["name"]: line for line in json.loads(result.stdout)["lines"]}


def test_plans_carry_everybody_they_can_once_and_at_no_higher_speed(planned: dict[str, dict[str, Any]]) -> None:
    assert len(planned) == 2
    for line in planned.values():
        assert (line["lost"], line["duplicated"]) == (0, 0), line
        assert line["handed_over"] == line["expected"]
        assert line["hand_over_seconds"] <= line["settled_seconds"]
    line = planned["bizgo-standard"]
    assert (line["limit_seconds"], line["wanted_seconds"], line["statuses"]) == (1.5, 1.5, {"delivered": 300})
    # The provider lets a second's worth through at once, which is 200, and no more.
    assert line["hand_over_seconds"] - line["first_seconds"] >= 0.45
    assert 1.4 <= line["said_seconds"] <= 30  # counted from the beginning, and asked for some time after it


def test_plan_that_cannot_carry_everybody_says_so_beforehand(planned: dict[str, dict[str, Any]]) -> None:
    line = planned["meta_cloud-tier-250"]
    assert (line["recipients"], line["expected"], line["reached"]) == (300, 250, False)
    assert "may write to 250 people first within 24 hours; this is for 300, so 50" in line["said"][0]
    assert line["statuses"]["cancelled"] == 50


def test_plans_are_shown_as_a_table_with_what_was_said_of_limits(
    monkeypatch: pytest.MonkeyPatch, planned: dict[str, dict[str, Any]]
) -> None:
    documents = [*planned.values(), {**planned["bizgo-standard"], "said_seconds": None, "lost": 1}]
    monkeypatch.setattr("sendyard.cli.bench.commands.measure_plans", lambda _chosen, _tell: documents)
    with pytest.raises(NotDone):
        CliRunner().invoke(bench, ["plans"], catch_exceptions=False)
    shown = CliRunner().invoke(bench, ["plans", "--only", "bizgo"]).stdout
    assert "200 recipients a second" in shown
    assert "not within a month" in shown
    assert "meta_cloud-tier-250: meta_cloud-tier-250 may write to 250 people first" in shown


def test_slow_plan_is_held_against_the_time_that_its_limit_makes_necessary() -> None:
    by_name = {line.name: line for line in lines()}
    assert by_name["wati-growth-v1"].limit_seconds == pytest.approx(1000 / 3)
    assert by_name["wati-growth-v3"].limit_seconds == pytest.approx(2 / 3)
    assert by_name["wati-growth-v1"].wanted_seconds == 120
    assert (by_name["bizgo-standard"].limit_seconds, by_name["bizgo-standard"].wanted_seconds) == (500, 510)


def test_unknown_plan_is_refused_with_those_there_are() -> None:
    result = CliRunner().invoke(bench, ["plans", "--only", "nobody"])
    assert result.exit_code == 2
    assert "bizgo-standard" in result.output
