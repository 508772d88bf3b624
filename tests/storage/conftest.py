"""
Both databases, and a ledger with two accounts on each.
"""

from collections.abc import Iterator

import pytest

from sendyard.storage.engine import Database
from tests.stores import books
from tests.yard import database, empty, postgres_shape, sqlite_shape

__all__ = ["books", "database", "postgres_shape", "sqlite_shape"]


@pytest.fixture
def postgres_database(postgres_shape: str) -> Iterator[Database]:
    """PostgreSQL alone, for what only several processes can do."""
    found = Database(postgres_shape)
    yield found
    empty(found)
    found.close()
