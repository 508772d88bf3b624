"""
A real database for every test of this folder.
"""

from tests.running import running
from tests.unhurried import unhurried
from tests.yard import database, postgres_shape, sqlite_shape, yard

__all__ = ["database", "postgres_shape", "running", "sqlite_shape", "unhurried", "yard"]
