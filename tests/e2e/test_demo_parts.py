"""
What the demo is made of: its people, its troubles, and its count.
"""

from collections import Counter
from decimal import Decimal
from typing import Any

import pytest

from sendyard.cli.demo_people import BAD_ROWS, MOST, SHIPPED_COUNT, SUPPRESSED, TEMPLATE, people, spreadsheet, written
from sendyard.cli.demo_tally import REASONS, tally
from sendyard.cli.demo_world import OUTAGE, demo_accounts, failing, scenarios
from sendyard.domain.errors import ErrorKind
from sendyard.domain.parts import inspect_text
from sendyard.domain.phone import parse_phone
from sendyard.domain.template import compile_template
from sendyard.emulator.magic import is_magic


def test_shipped_file_is_what_its_maker_makes() -> None:
    assert spreadsheet(SHIPPED_COUNT) == written(SHIPPED_COUNT)
    assert len(written(SHIPPED_COUNT).splitlines()) == 1 + SHIPPED_COUNT + BAD_ROWS


@pytest.mark.parametrize("count", [10, 50, SHIPPED_COUNT])
def test_every_count_of_people_comes_with_the_twenty_bad_rows(count: int) -> None:
    assert len(spreadsheet(count).splitlines()) == 1 + count + BAD_ROWS


def test_people_can_be_reached_under_their_invented_numbers_and_none_twice() -> None:
    everybody = list(people(MOST))
    assert len({person.e164 for person in everybody}) == MOST
    assert not any(is_magic(person.e164) for person in everybody)
    for person in everybody[:3000:7] + everybody[-5:]:
        parsed = parse_phone(person.written)
        assert (parsed.ok, parsed.e164, parsed.country) == (True, person.e164, person.country)


def test_american_numbers_are_those_reserved_for_fiction() -> None:
    assert all(person.e164[5:10] == "55501" for person in people(MOST) if person.country == "US")


def test_two_people_came_with_full_width_digits_and_one_in_each_country_is_suppressed() -> None:
    everybody = list(people(10))
    assert sum(bool(parse_phone(person.written).fixed) for person in everybody) == 2
    assert {everybody[position].country for position in SUPPRESSED} == {"KR", "TW", "US"}


def test_korean_texts_are_one_short_message_each() -> None:
    template = compile_template(TEMPLATE)
    for person in people(600):
        values = {"name": person.name, "amount": person.amount, "date": person.date}
        found = inspect_text(template.render(values), person.country)
        assert (found.parts, found.problem) == (1, "")
        assert person.country != "KR" or found.text_class == "SMS"


def test_every_country_has_three_accounts_and_no_two_share_credentials() -> None:
    planned = demo_accounts()
    assert Counter(account.country for account in planned) == {"KR": 3, "TW": 3, "US": 3}
    assert len({(account.provider, account.credential) for account in planned}) == len(planned)
    assert len({account.provider for account in planned}) == 3


def test_account_that_is_down_sends_one_by_one_and_so_does_its_stand_in() -> None:
    planned = demo_accounts()
    down, stand_in = failing(planned)
    assert down.one_by_one
    assert stand_in.one_by_one
    assert down.country == stand_in.country


def test_equal_seeds_trouble_the_same_people_and_others_do_not() -> None:
    planned, everybody = demo_accounts(), list(people(100))
    first, same, other = (scenarios(planned, everybody, seed) for seed in ("1", "1", "2"))
    assert first == same
    assert first != other
    assert first[0].name == OUTAGE
    chosen = [to for rule in first for to in rule.recipients if not rule.per_recipient]
    assert len(chosen) == len(set(chosen))


def message(number: int, status: str, *, kind: str | None = None, account: str = "a") -> dict[str, Any]:
    return {
        "id": f"m{number}", "address": f"+1202555{number:04d}", "status": status, "account_id": account,
        "error_kind": kind, "costs": [{"amount": "0.10", "currency": "USD"}],
    }  # fmt: skip


def letter(number: int) -> dict[str, Any]:
    return {"to": f"+1202555{number:04d}"}


def test_everything_that_arrived_counts_as_neither_lost_nor_doubled() -> None:
    refused = message(3, "failed", kind="invalid_recipient")
    messages = [message(1, "delivered"), message(2, "read", account="b"), refused]
    found = tally(3, messages, {"m1", "m2"}, [letter(1), letter(2), letter(999), letter(999)])
    assert (found.lost, found.duplicated, found.delivered) == (0, 0, 2)
    assert found.costs == {"USD": Decimal("0.30")}
    assert found.by_reason == {("failed", "invalid_recipient"): 1}
    assert {account: dict(counts) for account, counts in found.by_account.items()} == {
        "a": {"delivered": 1, "failed": 1},
        "b": {"read": 1},
    }


def test_message_no_handset_was_meant_to_get_is_lost() -> None:
    messages = [message(1, "delivered"), message(2, "sent"), message(3, "failed", kind="undeliverable")]
    found = tally(3, messages, {"m1", "m2", "m3"}, [letter(1)])
    assert found.lost == 2
    assert found.lost_recipients == ("+12025550002", "+12025550003")


def test_good_row_without_a_message_is_lost() -> None:
    assert tally(2, [message(1, "delivered")], {"m1"}, [letter(1)]).lost == 1


def test_recipient_of_two_letters_is_duplicated() -> None:
    found = tally(1, [message(1, "delivered")], {"m1"}, [letter(1), letter(1)])
    assert found.duplicated_recipients == ("+12025550001",)


def test_every_reason_has_plain_words() -> None:
    assert set(REASONS) == set(ErrorKind)
