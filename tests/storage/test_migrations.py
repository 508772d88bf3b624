"""
What the migrations build is what the schema says, on both engines.
"""

import threading
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from sendyard.storage.engine import Database
from sendyard.storage.migrations import configuration, upgrade
from sendyard.storage.tables import metadata


def test_migrated_tables_are_those_of_the_schema(database: Database) -> None:
    with database.engine.connect() as connection, connection.begin():
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []


def test_upgrading_again_changes_nothing(database: Database) -> None:
    upgrade(database)
    with database.engine.connect() as connection, connection.begin():
        newest = ScriptDirectory.from_config(configuration()).get_current_head()
        assert MigrationContext.configure(connection).get_current_revision() == newest


@pytest.mark.postgres
def test_processes_that_upgrade_at_once_wait_for_each_other(fresh_postgres_url: str) -> None:
    failed: list[BaseException] = []

    def run() -> None:
        database = Database(fresh_postgres_url)
        try:
            upgrade(database)
        except Exception as error:  # noqa: BLE001 - whatever it is, the test shows it
            failed.append(error)
        database.close()

    threads = [threading.Thread(target=run) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert failed == []


def test_a_percent_sign_in_the_path_is_no_trouble(tmp_path: Path) -> None:
    folder = tmp_path / "50%"
    folder.mkdir()
    database = Database(f"sqlite:///{folder}/yard.db")
    upgrade(database)
    assert database.read_now(lambda tx: tx.rows("SELECT count(*) FROM messages")) == [(0,)]
    database.close()
