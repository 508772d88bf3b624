"""
What messages cost, where accounts bill in one currency, in several, or have no price.
"""

from decimal import Decimal
from types import SimpleNamespace
from typing import Any, cast

from sendyard.delivery.costs import Bill, CostRange, RouteCost, bill, dearest_of, route_cost
from sendyard.delivery.directory import AccountEntry

US = ("us", "0.01", "USD")
SPARE = ("spare", "0.03", "USD")
TW = ("tw", "0.90", "TWD")
FREE = ("free", None, "USD")


def route(parts: int, *accounts: tuple[str, str | None, str]) -> RouteCost:
    entries: list[Any] = [
        SimpleNamespace(name=name, price_per_part=None if price is None else Decimal(price), currency=currency)
        for name, price, currency in accounts
    ]
    return route_cost(cast("list[AccountEntry]", entries), parts, parts)


def told(found: Bill) -> list[tuple[str, str, str]]:
    return [(str(one.low), str(one.high), one.currency) for one in found.costs]


def test_one_currency_is_one_sum_from_the_cheapest_account_to_the_dearest() -> None:
    first = route(100, US, SPARE)
    assert (first.cost, first.cost_note) == (CostRange(Decimal("1.00"), Decimal("3.00"), "USD"), "")
    found = bill([first, route(10, SPARE)])
    assert found == Bill(found.costs[0], [CostRange(Decimal("1.30"), Decimal("3.30"), "USD")], "")


def test_a_route_of_two_currencies_says_what_it_costs_through_each_account() -> None:
    found = route(100, US, TW)
    assert found.cost is None
    assert [one.told for one in found.by_account] == ["1.00 USD through us", "90.00 TWD through tw"]
    assert found.cost_note == (
        "The accounts bill in TWD and USD, and nothing is converted, so there is no single sum: a message is paid for "
        "in the currency of the account that carries it."
    )


def test_each_currency_goes_from_what_must_be_paid_in_it_to_what_may_be() -> None:
    found = bill([route(100, US, TW), route(10, US, SPARE), route(5, TW)])
    assert found.cost is None
    assert told(found) == [("4.50", "94.50", "TWD"), ("0.10", "1.30", "USD")]
    assert found.note.startswith("The accounts bill in TWD and USD")
    three = bill([route(1, US), route(1, TW), route(1, ("kr", "9", "KRW"))])
    assert told(three) == [("9", "9", "KRW"), ("0.90", "0.90", "TWD"), ("0.01", "0.01", "USD")]
    assert three.note.startswith("The accounts bill in KRW, TWD and USD, ")


def test_what_has_no_price_is_named_and_not_counted() -> None:
    found = route(100, US, FREE)
    assert (found.cost, found.by_account[1].told) == (None, "not known through free")
    assert found.cost_note == "No price is entered for free: what goes through there is not counted."
    both = bill([found, route(1, TW, FREE)])
    assert told(both) == [("0", "0.90", "TWD"), ("0", "1.00", "USD")]
    assert both.note.startswith("The accounts bill in TWD and USD")
    assert both.note.endswith(f"carries it. {found.cost_note}")


def test_accounts_that_are_gone_and_people_who_are_not_reached_have_a_sentence_of_their_own() -> None:
    assert route(1).cost_note == "The accounts of a route are not there any more."
    assert bill([route(1, US), route(1)]).note == route(1).cost_note
    assert bill([]) == Bill(None, (), "Nobody would be reached.")


def test_of_several_texts_the_cheapest_and_the_dearest_count_in_each_currency() -> None:
    short, long = bill([route(10, US, TW)]), bill([route(30, US, TW)])
    assert told(dearest_of([short, long])) == [("0", "27.00", "TWD"), ("0", "0.30", "USD")]
    assert dearest_of([short, long]).note == short.note
    single = dearest_of([bill([route(10, US)]), bill([route(30, US)])])
    assert single == Bill(single.costs[0], [CostRange(Decimal("0.10"), Decimal("0.30"), "USD")], "")
    apart = dearest_of([bill([route(10, US)]), bill([route(10, TW)])])
    assert (apart.cost, apart.note) == (None, short.note)
    assert dearest_of([bill([]), bill([route(10, US)])]).cost is None
