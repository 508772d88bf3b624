"""
Meta's numbers mean the same whoever passes them on; only where things are put right differs.
"""

import pytest

from sendyard.domain.errors import ErrorKind
from sendyard.providers.meta_codes import RECIPIENT_ONLY, WAITS, Remedy, meta_codes, meta_error
from sendyard.providers.registry import adapters

PASSING_THEM_ON = ("aisensy", "gupshup_whatsapp", "interakt", "kaleyra", "meta_cloud", "sleekflow", "wati")
SHARED = meta_codes({})


@pytest.mark.parametrize("slug", PASSING_THEM_ON)
def test_every_number_has_the_same_class_at_every_provider(slug: str) -> None:
    codes = adapters()[slug].spec.codes
    assert {code: codes[code].meaning for code in SHARED} == {code: known.meaning for code, known in SHARED.items()}
    assert all(codes[code].advice for code in SHARED)


def test_a_provider_says_where_its_users_put_things_right() -> None:
    codes = meta_codes({Remedy.ACCESS: "Press Connect."}, {"132016": "Ask us."})
    assert (codes["190"].advice, codes["10"].advice) == ("Press Connect.", "Press Connect.")
    assert codes["132016"].advice == "Ask us."
    assert codes["132015"] == SHARED["132015"]


def test_a_person_without_whatsapp_can_be_reached_otherwise_and_a_number_that_is_none_cannot() -> None:
    assert SHARED["131026"].meaning is ErrorKind.UNDELIVERABLE
    assert SHARED["131021"].meaning is ErrorKind.INVALID_RECIPIENT


def test_the_throttle_of_one_person_does_not_stop_the_others() -> None:
    pair, number = (meta_error(SHARED, code) for code in ("131056", "130429"))
    assert (pair.recipient_only, number.recipient_only) == (True, False)


def test_waits_that_meta_asks_for_are_kept_and_a_longer_one_in_the_answer_wins() -> None:
    assert meta_error(SHARED, "80007").retry_after == 300
    assert meta_error(SHARED, "80007", wait=720).retry_after == 720
    assert meta_error(SHARED, "130429").retry_after is None
    # A wait beside a code that no wait helps against means nothing.
    assert meta_error(SHARED, "131049", wait=60).retry_after is None
    assert {SHARED[code].meaning for code in {*WAITS, *RECIPIENT_ONLY}} == {
        ErrorKind.THROTTLED,
        ErrorKind.UNAVAILABLE,
    }


def test_permission_errors_from_200_to_299_are_one_and_keep_their_number() -> None:
    for code in ("200", "210", "299"):
        error = meta_error(SHARED, code)
        assert (error.kind, error.code, bool(error.detail)) == (ErrorKind.AUTH_FAILED, code, True)
    assert meta_error(SHARED, "300").kind is ErrorKind.UNMAPPED
    assert meta_error(SHARED, "2000").kind is ErrorKind.UNMAPPED


def test_the_words_beside_a_number_are_kept() -> None:
    assert meta_error(SHARED, "100", "Invalid parameter: to").detail == "Invalid parameter: to"
    assert meta_error(SHARED, "100").detail == "Invalid parameter"
    assert meta_error(SHARED, "139999").detail == ""
