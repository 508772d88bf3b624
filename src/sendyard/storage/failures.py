"""
What the drivers raise when the database itself cannot answer, as opposed to a mistake in a statement.
"""

import sqlite3

import psycopg
import sqlalchemy as sa

DATABASE_AWAY: tuple[type[Exception], ...] = (
    sqlite3.OperationalError,  # locked for too long, disk full, file gone
    psycopg.OperationalError,  # no connection, or lost in between
    psycopg.InterfaceError,  # used after it was lost
    sa.exc.OperationalError,
    sa.exc.InterfaceError,
)
"""To be retried later by whoever asked."""


def in_a_line(error: Exception) -> str:
    """What a driver said, short enough for a sentence."""
    said = str(getattr(error, "orig", None) or error)
    return (said.splitlines() or [type(error).__name__])[0][:200]
