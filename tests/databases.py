"""
Databases for tests on the throw-away PostgreSQL server: made in milliseconds, dropped by name.
"""

import itertools
from urllib.parse import urlsplit, urlunsplit

import psycopg
from psycopg import sql


class PostgresDatabases:
    """Makes and drops databases on one server; names are unique among the workers of a test run."""

    def __init__(self, server_url: str, worker: str) -> None:
        self.server_url = server_url
        self._worker = worker
        self._numbers = itertools.count(1)

    def create(self, template_url: str | None = None) -> str:
        """
        Make a database and give its URL.

        Args:
            template_url: a database to copy, such as one already migrated; nobody may be connected to it.
        """
        name = f"test_{self._worker}_{next(self._numbers)}"
        self._run(
            sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(
                sql.Identifier(name), sql.Identifier(_name(template_url) if template_url else "template1")
            )
        )
        return urlunsplit(urlsplit(self.server_url)._replace(path=f"/{name}"))

    def drop(self, url: str) -> None:
        """Remove a database, ending the connections that a test left open."""
        self._run(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(_name(url))))

    def _run(self, statement: sql.Composed) -> None:
        with psycopg.connect(self.server_url, autocommit=True) as connection:
            connection.execute(statement)


def _name(url: str) -> str:
    return urlsplit(url).path.removeprefix("/")
