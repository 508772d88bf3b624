"""
Alembic migrations; `upgrade` brings a database to the newest shape and may be repeated safely.
"""

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection

from sendyard.storage.engine import Database


def configuration(connection: Connection | None = None) -> Config:
    """Alembic's configuration for the migrations beside this file, on an open connection."""
    config = Config()
    # A percent sign in the path would otherwise be read as interpolation.
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


def upgrade(database: Database) -> None:
    """Create or migrate every table. Several processes may call it at once; one waits for the other."""
    with database.engine.connect() as connection, connection.begin():
        if database.dialect == "postgresql":
            connection.exec_driver_sql("SELECT pg_advisory_xact_lock(727073)")
        command.upgrade(configuration(connection), "head")
