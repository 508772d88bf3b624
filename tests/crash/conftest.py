"""
Both databases, for workers in processes of their own.
"""

from tests.running import running
from tests.yard import database, postgres_shape, sqlite_shape

__all__ = ["database", "postgres_shape", "running", "sqlite_shape"]
