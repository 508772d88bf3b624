"""
Few people are looked up among many by indexes, whatever PostgreSQL believes of tables that were just filled.

It may know nothing of them; or believe that nobody is in them, having looked while all was uncommitted; or know another
workspace's people only, of which the first large import of the next one makes few or none expected.

Every statement is caught as it is run, and PostgreSQL is asked how it would find its rows.
"""

from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Any

import pytest

from sendyard.delivery.person_queries import words
from sendyard.domain.channels import Channel
from sendyard.features.audience import Question
from sendyard.features.audience.contacts.queries import contacts_by_number, holders, identities_of, ids_of
from sendyard.features.audience.contacts.rows import Identity
from sendyard.features.audience.queries import consents_in_force, words_of
from sendyard.features.campaigns.audience.queries import people_at
from sendyard.storage.transaction import Transaction
from tests.features.audience_play import Crowd, row
from tests.yard import Yard

pytestmark = pytest.mark.parametrize(
    "database", [pytest.param("postgresql", marks=pytest.mark.postgres)], indirect=True
)

PEOPLE = 20_000
FEW = 1000
"""Rows that one step may read: some for each person that is looked up, and far from everybody."""
Said = dict[str, Sequence[Any]]

_MANY = (
    """
    INSERT INTO contacts (workspace_id, no, id, created_at, updated_at, changed)
    SELECT ?, no, 'c' || no, 1, 1, 1 FROM generate_series(1, ?) AS no
    """,
    """
    INSERT INTO identities (workspace_id, kind, value, contact_no, created_at)
    SELECT ?, 'phone', '+8869' || lpad(no::text, 8, '0'), no, 1 FROM generate_series(1, ?) AS no
    """,
    """
    INSERT INTO suppressions (workspace_id, id, address, reason, created_at)
    SELECT ?, '00' || lpad(no::text, 8, '0'), '+8869' || lpad(no::text, 8, '0'), 'manual', 1
    FROM generate_series(1, ?) AS no WHERE no % 2 = 0
    """,
    """
    INSERT INTO consents (workspace_id, id, address, channel, purpose, state, at, created_at)
    SELECT ?, '00' || lpad(no::text, 8, '0'), '+8869' || lpad(no::text, 8, '0'), '', 'promotional', 'granted', no, 1
    FROM generate_series(1, ?) AS no
    """,
)


_TABLES = ("contacts", "identities", "suppressions", "consents")
_OTHERS = 2000


@pytest.fixture(params=["nothing is known", "nobody is expected", "others are known"])
async def crowd(yard: Yard, request: pytest.FixtureRequest) -> AsyncIterator[Crowd]:
    """Twenty thousand people, every second of whom is suppressed, and no statistics of them."""
    crowd = Crowd(yard)
    await crowd.lists.add(crowd.id, name="somebody")
    # Left to itself the server may look in the middle of this.
    await yard.database.write(lambda tx: _let_look(tx, look=False))
    if request.param == "others are known":
        await yard.database.write(_fill_another)
        await yard.database.look_over(*_TABLES)

    def fill(tx: Transaction) -> None:
        for statement in _MANY:
            tx.run(statement, (crowd.id, PEOPLE))
        tx.run("UPDATE audience_clocks SET contacts = ?, changed = 1 WHERE workspace_id = ?", (PEOPLE, crowd.id))
        if request.param != "others are known":
            _forget(tx, size="-1, relpages = 0" if request.param == "nothing is known" else "0, relpages = 400")

    await yard.database.write(fill)
    yield crowd
    await yard.database.write(lambda tx: _let_look(tx, look=True))


def _fill_another(tx: Transaction) -> None:
    tx.run("INSERT INTO workspaces (id, name, created_at) VALUES (?, 'another', 1)", ("another",))
    for statement in _MANY:
        tx.run(statement.replace("'c' ||", "'a' ||").replace("'00' ||", "'01' ||"), ("another", _OTHERS))


def _forget(tx: Transaction, *, size: str) -> None:
    for table in _TABLES:
        tx.run("DELETE FROM pg_statistic WHERE starelid = CAST(? AS regclass)", (table,))
        tx.run(f"UPDATE pg_class SET reltuples = {size} WHERE oid = CAST(? AS regclass)", (table,))


def _let_look(tx: Transaction, *, look: bool) -> None:
    for table in _TABLES:
        tx.run(f"ALTER TABLE {table} {'RESET (autovacuum_enabled)' if look else 'SET (autovacuum_enabled = false)'}")


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch, crowd: Crowd) -> Iterator[Said]:
    """Every statement that reads people, with the parameters of its last run."""
    del crowd  # its own statements are made before
    found: Said = {}
    rows = Transaction.rows

    def note(self: Transaction, sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        if "FROM" in sql and any(table in sql for table in ("contacts", "identities", "consents")):
            found[sql] = parameters
        return rows(self, sql, parameters)

    with monkeypatch.context() as patched:
        patched.setattr(Transaction, "rows", note)
        yield found


def long_readings(crowd: Crowd, said: Said) -> list[tuple[str, float, str]]:
    """The steps by which a statement reads more than a few rows: table or index, rows, statement."""
    found: list[tuple[str, float, str]] = []

    def look(step: dict[str, Any], sql: str) -> None:
        read = (step["Actual Rows"] + step.get("Rows Removed by Filter", 0)) * step["Actual Loops"]
        place = step.get("Relation Name") or step.get("Index Name")
        if place and read > FEW:
            found.append((place, read, sql))
        for below in step.get("Plans", ()):
            look(below, sql)

    assert said, "nothing was asked"
    for sql, parameters in list(said.items()):
        ((plans,),) = crowd.yard.rows(f"EXPLAIN (ANALYZE, FORMAT JSON) {sql}", *parameters)
        look(plans[0]["Plan"], sql)
    return found


def beside_suppressions(found: list[tuple[str, float, str]]) -> list[tuple[str, float, str]]:
    """Without readings of suppressions: how many there are is counted each time, through whichever of their indexes."""
    return [one for one in found if "suppressions" not in one[0]]


def phone(number: int) -> str:
    return f"+8869{number:08d}"


async def test_a_count_reads_of_those_who_changed_and_of_nobody_else(crowd: Crowd, said: Said) -> None:
    await crowd.census.round()

    def change(tx: Transaction) -> None:
        tx.run("UPDATE contacts SET lead = 'won', changed = 2 WHERE no % 100 = 0 AND workspace_id = ?", (crowd.id,))
        tx.run("UPDATE audience_clocks SET changed = 2 WHERE workspace_id = ?", (crowd.id,))

    await crowd.yard.database.write(change)
    said.clear()
    assert (await crowd.counted.count(crowd.id, Question("lead = won")))["count"] == PEOPLE / 100
    assert any("suppressions" in sql for sql in said)
    assert long_readings(crowd, said) == []


async def test_after_new_suppressions_their_people_are_read_and_nobody_else(crowd: Crowd, said: Said) -> None:
    await crowd.census.round()
    await crowd.suppressions.add(crowd.id, to=phone(1))
    said.clear()
    assert (await crowd.counted.count(crowd.id, Question("suppressed")))["count"] == PEOPLE / 2 + 1
    assert beside_suppressions(long_readings(crowd, said)) == []


async def test_after_a_removed_suppression_its_people_are_read_and_nobody_else(crowd: Crowd, said: Said) -> None:
    await crowd.census.round()
    await crowd.suppressions.remove(crowd.id, to=phone(2))
    said.clear()
    assert (await crowd.counted.count(crowd.id, Question("suppressed")))["count"] == PEOPLE / 2 - 1
    assert any("lifted_suppressions" in sql for sql in said)
    assert beside_suppressions(long_readings(crowd, said)) == []


async def test_an_import_looks_up_the_people_of_its_rows_and_nobody_else(crowd: Crowd, said: Said) -> None:
    rows = [row(number, phone(number), fields={"name": f"Ann {number}"}) for number in range(PEOPLE - 50, PEOPLE + 50)]
    done = await crowd.load(rows)
    assert (done["counts"]["added"], done["counts"]["updated"]) == (49, 51)
    assert long_readings(crowd, said) == []


async def test_people_are_looked_up_by_number_and_by_address_without_reading_others(crowd: Crowd, said: Said) -> None:
    numbers = range(1, 201)
    addresses = [phone(number) for number in numbers]

    def look(tx: Transaction) -> list[int]:
        return [
            len(contacts_by_number(tx, crowd.id, numbers)),
            len(ids_of(tx, crowd.id, numbers)),
            len(holders(tx, crowd.id, [Identity("phone", address) for address in addresses])),
            len(people_at(tx, crowd.id, addresses, Channel.SMS, ["name"])),
        ]

    assert await crowd.yard.database.read(look) == [200] * 4
    assert len(said) == 4
    assert long_readings(crowd, said) == []


async def test_what_people_agreed_to_is_read_without_what_others_said(crowd: Crowd, said: Said) -> None:
    addresses = [phone(number) for number in range(1, 21)]  # so few that reading everybody can be no choice

    def look(tx: Transaction) -> list[int]:
        return [
            len(list(words(tx, crowd.id, addresses, "sms"))),
            len(words_of(tx, crowd.id, addresses)),
            len(consents_in_force(tx, crowd.id, addresses)),
        ]

    assert await crowd.yard.database.read(look) == [20] * 3
    assert len(said) == 3
    assert long_readings(crowd, said) == []


async def test_the_addresses_of_people_are_read_without_those_of_others(crowd: Crowd, said: Said) -> None:
    found = await crowd.yard.database.read(lambda tx: identities_of(tx, crowd.id, range(1, 201)))
    assert len(found) == 200
    assert long_readings(crowd, said) == []
