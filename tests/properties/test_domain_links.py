"""
Short addresses: every pair has its own token, only the key reads it, and machines are not taken for people.
"""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sendyard.domain.links.tokens import ALPHABET, LENGTH, MOST_LINKS, MOST_ROWS, Tokens
from sendyard.domain.links.visits import AT_ONCE, TOO_SOON_MS, Visit, family, filtered

KEY = bytes(range(32))
TOKENS = Tokens(KEY)
LINKS = st.integers(1, MOST_LINKS - 1)
ROWS = st.integers(0, MOST_ROWS - 1)
PHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/22B83"


@given(LINKS, ROWS)
def test_token_is_nine_plain_characters_and_says_link_and_row_again(link: int, row: int) -> None:
    token = TOKENS.write(link, row)
    assert len(token) == LENGTH
    assert set(token) <= set(ALPHABET)
    assert TOKENS.read(token) == (link, row)


@given(LINKS, ROWS, st.integers(0, LENGTH - 1), st.sampled_from(ALPHABET))
def test_changed_character_is_another_token_or_none(link: int, row: int, place: int, character: str) -> None:
    token = TOKENS.write(link, row)
    changed = token[:place] + character + token[place + 1 :]
    assert (TOKENS.read(changed) == (link, row)) == (changed == token)


@given(LINKS, ROWS)
def test_other_key_reads_nothing_or_something_else(link: int, row: int) -> None:
    assert Tokens(KEY[::-1]).read(TOKENS.write(link, row)) != (link, row)


@given(st.text(max_size=12))
def test_any_text_is_read_without_fuss(text: str) -> None:
    found = TOKENS.read(text)
    assert found is None or TOKENS.write(*found) == text


def test_rows_of_one_link_have_different_tokens_that_do_not_resemble_each_other() -> None:
    made = [TOKENS.write(7, row) for row in range(20_000)]
    assert len(set(made)) == len(made)
    alike = sum(1 for one, following in pairwise(made) if one[:3] == following[:3])
    assert alike < 5


def test_guessing_fails() -> None:
    # One in 256 passes the spare bits; that the link exists and has such a row is for the caller to ask.
    hits = sum(TOKENS.read(f"{index:09d}") is not None for index in range(20_000))
    assert hits < 160


@pytest.mark.parametrize(("link", "row"), [(0, 1), (-1, 1), (MOST_LINKS, 1), (1, -1), (1, MOST_ROWS)])
def test_numbers_outside_are_refused(link: int, row: int) -> None:
    with pytest.raises(ValueError, match="expected a link below"):
        TOKENS.write(link, row)


@pytest.mark.parametrize("key", [b"", b"short", bytes(33)])
def test_weak_key_is_refused(key: bytes) -> None:
    with pytest.raises(ValueError, match="expected a key"):
        Tokens(key)


@pytest.mark.parametrize(
    ("agent", "reason"),
    [
        (PHONE, ""),
        ("Mozilla/5.0 (Linux; Android 14; SM-S921N) AppleWebKit/537.36 Mobile Safari/537.36;KAKAOTALK 2510450", ""),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 Safari Line/14.9.0", ""),
        ("facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)", "preview"),
        ("facebookexternalhit/1.1;line-poker/1.0", "preview"),
        ("WhatsApp/2.23.20.0", "preview"),
        ("facebookexternalhit/1.1; kakaotalk-scrap/1.0; +https://devtalk.kakao.com/t/scrap/33984", "preview"),
        ("Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)", "crawler"),
        ("Mozilla/5.0 (compatible; Yeti/1.1; +https://naver.me/spd)", "crawler"),
        ("Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 HeadlessChrome/120.0.0.0", "crawler"),
        ("Mozilla/5.0 (Windows NT 10.0) Barracuda Sentinel (EE)", "scanner"),
        ("curl/8.5.0", "program"),
        ("", "program"),
        ("Mozilla/5.0 (Linux; Android 13; CUBOT NOTE 50) AppleWebKit/537.36 Mobile Safari/537.36", ""),
    ],
)
def test_machines_are_recognised_by_what_they_call_themselves(agent: str, reason: str) -> None:
    assert filtered(Visit("GET", {"user-agent": agent})) == reason


def test_looking_without_fetching_and_fetching_ahead_are_no_clicks() -> None:
    assert filtered(Visit("HEAD", {"user-agent": PHONE})) == "head"
    assert filtered(Visit("GET", {"user-agent": PHONE, "sec-purpose": "prefetch;prerender"})) == "prefetch"
    assert filtered(Visit("GET", {"user-agent": PHONE, "purpose": "prefetch"})) == "prefetch"


def test_faster_than_a_person_is_no_click() -> None:
    assert filtered(Visit("GET", {"user-agent": PHONE}, after_ms=TOO_SOON_MS - 1)) == "too_soon"
    assert filtered(Visit("GET", {"user-agent": PHONE}, after_ms=TOO_SOON_MS)) == ""
    assert filtered(Visit("GET", {"user-agent": PHONE}, neighbours=AT_ONCE)) == "at_once"
    assert filtered(Visit("GET", {"user-agent": PHONE}, neighbours=AT_ONCE - 1)) == ""


def test_only_the_kind_of_device_is_kept() -> None:
    assert family(PHONE) == "iphone"
    assert family("Mozilla/5.0 (Linux; Android 14) KAKAOTALK 2510450") == "kakaotalk"
    assert family("something new") == "other"
