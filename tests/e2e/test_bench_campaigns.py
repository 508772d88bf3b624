"""
The benchmarks of whole campaigns, small: they start, hand everything over, and tell what they measured.
"""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from sqlalchemy import inspect

from sendyard.cli.bench import campaign as campaign_module
from sendyard.cli.bench.commands import bench
from sendyard.cli.bench.kept import kept_yard
from sendyard.cli.bench.past import write_past
from sendyard.cli.bench.yard import measurable
from sendyard.ledger.queries import messages_page, timeline
from sendyard.storage.engine import Database
from sendyard.storage.identifiers import now_ms
from tests.databases import PostgresDatabases

NOWHERE = "http://127.0.0.1:9"


def run(*arguments: str) -> dict[str, Any]:
    result = CliRunner().invoke(bench, [*arguments, "--json"])
    assert result.exit_code == 0, result.output
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def test_campaigns_of_each_size_are_handed_over_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(campaign_module, "LEAST", 300)
    found = run("campaign", "--sizes", "100,400")
    assert [(one["recipients"], one["campaigns"], one["reached"]) for one in found["series"]] == [
        (100, 3, 100),
        (400, 1, 400),
    ]
    assert found["first_hand_over_seconds"] > 0
    assert all(one["answer_seconds"] <= one["first_hand_over_seconds"] for one in found["series"])
    assert found["ratio"] > 0
    assert (found["limit_seconds"], found["limit_memory_mb"], found["limit_ratio"]) == (2.0, 400, 1.15)


@pytest.mark.parametrize("sizes", ["", "many", "0,10"])
def test_sizes_that_are_no_numbers_are_refused(sizes: str) -> None:
    result = CliRunner().invoke(bench, ["campaign", "--sizes", sizes])
    assert result.exit_code == 2
    assert "whole numbers above 0" in result.output


def test_a_provider_without_a_target_is_refused() -> None:
    assert CliRunner().invoke(bench, ["campaign", "--provider", "nobody"]).exit_code == 2


def test_an_audience_has_everybody_once_in_no_order() -> None:
    lines = campaign_module.audience(measurable()[0], 200).decode().splitlines()[1:]
    assert len(set(lines)) == 200
    assert lines != sorted(lines)


def test_history_asks_everything_and_uses_a_kept_past_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sendyard.cli.bench.history.NEW", 200)
    first = run("history", "--old", "3000", "--rounds", "2", "--keep", str(tmp_path / "past"))
    assert first["written_seconds"] is not None
    assert len(first["p95_ms_by_question"]) >= 25
    assert first["p95_ms"] == max(first["p95_ms_by_question"].values())
    assert first["first_hand_over_seconds"] > 0
    again = run("history", "--old", "3000", "--rounds", "2", "--keep", str(tmp_path / "past"))
    assert again["written_seconds"] is None


def test_a_past_is_what_sending_leaves_on_either_engine(tmp_path: Path, postgres_databases: PostgresDatabases) -> None:
    server = postgres_databases.create()
    for url in (None, server):
        directory = tmp_path / ("postgresql" if url else "sqlite")
        directory.mkdir()
        with kept_yard(directory, measurable()[0], NOWHERE, url) as place:
            url_, indexes = place.database.url, _indexes(place.database)
            workspace_id, account_id = place.workspace_id, place.account_id
        write_past(url_, workspace_id, account_id, messages=1500, until=now_ms())
        with kept_yard(directory, measurable()[0], NOWHERE, url) as place:
            assert (place.workspace_id, place.account_id) == (workspace_id, account_id)
            assert _indexes(place.database) == indexes
            found, _ = place.database.read_now(lambda tx: messages_page(tx, workspace_id, limit=1000))  # noqa: B023 - at once
            assert {one["status"] for one in found} == {"sent", "delivered", "failed"}
            life = place.database.read_now(lambda tx: timeline(tx, workspace_id, found[0]["id"]))  # noqa: B023 - at once
            assert sorted(entry["kind"] for entry in life) == ["accepted", "attempt", "created", "report"]
    postgres_databases.drop(server)


def _indexes(database: Database) -> set[str]:
    found = inspect(database.engine)
    return {str(index["name"]) for table in ("messages", "attempts", "events") for index in found.get_indexes(table)}
