"""
A real database for every test of this folder, and a yard at work for those that ask for it.
"""

from tests.running import running
from tests.yard import database, postgres_shape, sqlite_shape, yard

__all__ = ["database", "postgres_shape", "running", "sqlite_shape", "yard"]
