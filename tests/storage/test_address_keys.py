"""
Hashes of addresses: the same in one workspace, of no use in another, and open after the keys were rotated.
"""

import pytest

from sendyard.domain.errors import Invalid
from sendyard.storage.address_keys import AddressKeys
from sendyard.storage.vault import Vault, generate_key
from tests.stores import Books

NUMBER = "+886910000001"


def test_an_address_has_one_hash_in_one_workspace(books: Books) -> None:
    key = generate_key()
    keys = AddressKeys(Vault([key]))
    assert books.database.read_now(lambda tx: keys.known_digest(tx, books.workspace_id, NUMBER)) is None
    made = books.database.write_now(lambda tx: keys.digest(tx, books.workspace_id, NUMBER))
    assert len(made) == 32
    assert NUMBER not in made
    later = AddressKeys(Vault([key]))
    assert books.database.read_now(lambda tx: later.known_digest(tx, books.workspace_id, NUMBER)) == made
    assert books.database.write_now(lambda tx: later.digest(tx, books.workspace_id, NUMBER + "2")) != made


def test_hashes_outlive_the_rotation_of_the_ring(books: Books) -> None:
    old, new = generate_key(), generate_key()
    keys = AddressKeys(Vault([old]))
    made = books.database.write_now(lambda tx: keys.digest(tx, books.workspace_id, NUMBER))
    turning = AddressKeys(Vault([new, old]))
    assert [books.database.write_now(turning.rotate) for _ in range(2)] == [1, 0]
    fresh = AddressKeys(Vault([new]))
    assert books.database.read_now(lambda tx: fresh.known_digest(tx, books.workspace_id, NUMBER)) == made
    lost = AddressKeys(Vault([generate_key()]))
    with pytest.raises(Invalid, match="not among"):
        books.database.read_now(lambda tx: lost.known_digest(tx, books.workspace_id, NUMBER))
