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
