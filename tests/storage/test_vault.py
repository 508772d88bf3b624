"""
The credential vault.
"""

import pytest

from sendyard.domain.errors import Invalid
from sendyard.storage.vault import Vault, generate_key

SECRET = "invented-password ♥".encode()


def test_what_was_sealed_opens_for_the_same_place() -> None:
    vault = Vault([generate_key()])
    assert vault.open(vault.seal(SECRET, "account:1"), "account:1") == SECRET


def test_an_empty_secret_survives() -> None:
    vault = Vault([generate_key()])
    assert vault.open(vault.seal(b"", "account:1"), "account:1") == b""


def test_sealing_twice_gives_different_bytes_and_never_the_secret() -> None:
    vault = Vault([generate_key()])
    first, second = vault.seal(SECRET, "account:1"), vault.seal(SECRET, "account:1")
    assert first != second
    assert SECRET not in first


def test_a_value_moved_to_another_account_stays_shut() -> None:
    vault = Vault([generate_key()])
    with pytest.raises(Invalid, match="belongs to another account") as refused:
        vault.open(vault.seal(SECRET, "account:1"), "account:2")
    assert refused.value.code == "damaged_secret"


@pytest.mark.parametrize("position", [0, 9, 15, 25, -1])
def test_a_changed_byte_is_noticed_wherever_it_is(position: int) -> None:
    vault = Vault([generate_key()])
    changed = bytearray(vault.seal(SECRET, "account:1"))
    changed[position] ^= 1
    with pytest.raises(Invalid) as refused:
        vault.open(bytes(changed), "account:1")
    assert refused.value.code == "damaged_secret"


def test_a_value_sealed_under_a_missing_key_says_which_key_is_missing() -> None:
    sealed = Vault([generate_key()]).seal(SECRET, "account:1")
    with pytest.raises(Invalid, match=sealed[1:9].hex()) as refused:
        Vault([generate_key(), generate_key()]).open(sealed, "account:1")
    assert refused.value.code == "wrong_key_ring"
    assert "among the 2 of SENDYARD_SECRET_KEYS" in refused.value.detail


@pytest.mark.parametrize("junk", [b"", b"\x01", b"\x02" + b"x" * 60, b"plain text that nobody sealed, long enough"])
def test_bytes_that_were_never_sealed_are_refused(junk: bytes) -> None:
    with pytest.raises(Invalid) as refused:
        Vault([generate_key()]).open(junk, "account:1")
    assert refused.value.code == "damaged_secret"


def test_older_keys_of_the_ring_still_open_and_rotation_moves_to_the_newest() -> None:
    old, new = generate_key(), generate_key()
    sealed = Vault([old]).seal(SECRET, "account:1")
    both = Vault([new, old])
    assert both.open(sealed, "account:1") == SECRET
    assert not both.is_current(sealed)
    fresh = both.reseal(sealed, "account:1")
    assert both.is_current(fresh)
    assert Vault([new]).open(fresh, "account:1") == SECRET


def test_resealing_for_another_place_is_refused() -> None:
    vault = Vault([generate_key()])
    with pytest.raises(Invalid):
        vault.reseal(vault.seal(SECRET, "account:1"), "account:2")


def test_padding_and_blanks_around_a_key_do_no_harm() -> None:
    key = generate_key()
    sealed = Vault([key]).seal(SECRET, "account:1")
    assert Vault([f" {key}=\n"]).open(sealed, "account:1") == SECRET


@pytest.mark.parametrize("bad", ["", "short", "not base64 at all, neither url nor other", "A" * 44])
def test_a_key_that_is_no_key_is_refused_with_its_position_and_never_shown(bad: str) -> None:
    with pytest.raises(Invalid, match="as secret key 2") as refused:
        Vault([generate_key(), bad])
    assert refused.value.code == "bad_key_ring"
    assert not bad or bad not in refused.value.detail


def test_an_empty_ring_is_refused() -> None:
    with pytest.raises(Invalid, match="SENDYARD_SECRET_KEYS"):
        Vault([])


def test_generated_keys_differ_and_need_no_quoting_in_a_shell() -> None:
    keys = {generate_key() for _ in range(20)}
    assert len(keys) == 20
    assert all(
        len(key) == 43 and set(key) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")
        for key in keys
    )


def test_a_fingerprint_recognises_its_value_at_its_place_only() -> None:
    vault = Vault([generate_key()])
    mark = vault.fingerprint(b"123456", "otp:1")
    assert vault.recognises(mark, b"123456", "otp:1")
    assert not vault.recognises(mark, b"123457", "otp:1")
    assert not vault.recognises(mark, b"123456", "otp:2")
    assert not vault.recognises(mark, b"1123456", "otp:")
    assert b"123456" not in mark


def test_a_fingerprint_outlives_a_new_key_and_ends_with_its_own() -> None:
    old, new = generate_key(), generate_key()
    mark = Vault([old]).fingerprint(b"123456", "otp:1")
    assert Vault([new, old]).recognises(mark, b"123456", "otp:1")
    assert not Vault([new]).recognises(mark, b"123456", "otp:1")
    assert mark != Vault([new]).fingerprint(b"123456", "otp:1")
