"""
Comparing texts: the boundary, sizes, winners, posteriors.
"""

import random
from itertools import pairwise
from math import inf

import pytest

from sendyard.domain.experiments.comparison import (
    LEAST,
    LOOKS,
    Tally,
    chances_to_be_best,
    judge,
    people_needed,
    posterior,
    shares,
)
from sendyard.domain.experiments.sequential import boundary, drift_for, power, spent

FIFTHS = (0.2, 0.4, 0.6, 0.8, 1.0)


def test_boundaries_are_those_of_the_literature() -> None:
    # Lan-DeMets spending of O'Brien-Fleming kind, five equal looks, 0.05 two-sided: the tables of Jennison and
    # Turnbull, "Group Sequential Methods", and of every package since.
    found = [boundary(0.05, FIFTHS[: look + 1]) for look in range(5)]
    assert found == pytest.approx([4.877, 3.357, 2.680, 2.290, 2.031], abs=0.002)


def test_one_look_at_the_end_is_the_ordinary_test() -> None:
    assert boundary(0.05, [1.0]) == pytest.approx(1.960, abs=0.001)
    assert boundary(0.01, [1.0]) == pytest.approx(2.576, abs=0.001)


def test_error_is_spent_slowly_and_wholly() -> None:
    amounts = [spent(0.05, share) for share in (0.0, 0.1, 0.3, 0.5, 0.8, 1.0, 1.3)]
    assert amounts[0] == 0
    assert amounts[-2:] == [0.05, 0.05]
    assert all(earlier <= later for earlier, later in pairwise(amounts))
    assert amounts[3] < 0.005


@pytest.mark.parametrize("looks", [FIFTHS, LOOKS, (0.01, 0.5, 0.51, 0.99), (0.33, 1.0)])
def test_chance_of_error_on_one_side_is_half_of_what_may_be_spent(looks: tuple[float, ...]) -> None:
    assert power(0.05, looks, 0.0) == pytest.approx(spent(0.05, looks[-1]) / 2, abs=2e-4)


def test_looking_ten_times_costs_four_per_cent_more_people_than_looking_once() -> None:
    once = drift_for(0.05, 0.8, (1.0,))
    assert once == pytest.approx(1.960 + 0.8416, abs=0.01)
    assert 1.02 < (drift_for(0.05, 0.8, LOOKS) / once) ** 2 < 1.05


def test_looks_at_the_same_people_count_once() -> None:
    assert boundary(0.05, [0.5, 0.5, 0.50001]) == boundary(0.05, [0.5])


@pytest.mark.parametrize("looks", [[0.0], [0.5, 0.4], [-0.1, 0.2]])
def test_looks_that_go_back_are_refused(looks: list[float]) -> None:
    with pytest.raises(ValueError, match="expected shares of information that grow"):
        boundary(0.05, looks)


def test_look_at_hardly_anybody_can_find_nothing() -> None:
    assert boundary(0.05, [1e-6]) in {inf, 8.0}


def play(chance: random.Random, rates: tuple[float, ...], planned: int, looks: tuple[float, ...]) -> str:
    """Run one experiment with looks at these shares; the winner, or nothing."""
    successes = [0] * len(rates)
    seen: tuple[float, ...] = ()
    people = 0
    for share in looks:
        more = int(planned * share) - people
        people += more
        for index, rate in enumerate(rates):
            # The normal approximation of a binomial, rounded: a thousand runs of thousands of people in a second.
            drawn = round(chance.gauss(more * rate, (more * rate * (1 - rate)) ** 0.5))
            successes[index] += max(0, min(more, drawn))
        tallies = {f"v{index}": Tally(people, count) for index, count in enumerate(successes)}
        verdict, seen = judge(tallies, planned, seen)
        if verdict.winner:
            return verdict.winner
    return ""


TWENTY = tuple(share / 20 for share in range(1, 21))


@pytest.mark.parametrize("rates", [(0.1, 0.1), (0.02, 0.02), (0.1, 0.1, 0.1), (0.3, 0.3, 0.3, 0.3)])
def test_among_equals_a_winner_is_found_in_at_most_one_of_twenty(rates: tuple[float, ...]) -> None:
    chance = random.Random(20)
    planned = people_needed(rates[0], 0.2, len(rates))
    winners = sum(1 for _ in range(1000) if play(chance, rates, planned, TWENTY))
    assert winners <= 50


@pytest.mark.parametrize("rate", [0.02, 0.1, 0.3])
@pytest.mark.parametrize("variants", [2, 3])
def test_lift_of_a_fifth_is_found_in_four_of_five_at_the_promised_size(rate: float, variants: int) -> None:
    chance = random.Random(5)
    planned = people_needed(rate, 0.2, variants)
    rates = (*[rate] * (variants - 1), rate * 1.2)
    winners = [play(chance, rates, planned, TWENTY) for _ in range(1000)]
    assert winners.count(f"v{variants - 1}") >= 800
    # The worse one wins about never.
    assert sum(1 for winner in winners if winner not in {"", f"v{variants - 1}"}) <= 5


def test_sizes_are_near_those_of_the_textbook() -> None:
    # A single look needs 3,841 for 10 % against 12 %; many looks and the margin cost a tenth more.
    assert 3841 < people_needed(0.1, 0.2) < 3841 * 1.12
    assert people_needed(0.1, 0.2, 3) > people_needed(0.1, 0.2)
    assert people_needed(0.5, 0.9) == LEAST


@pytest.mark.parametrize(("rate", "lift", "variants"), [(0, 0.2, 2), (0.9, 0.2, 2), (0.1, 0, 2), (0.1, 0.2, 1)])
def test_impossible_expectations_are_refused(rate: float, lift: float, variants: int) -> None:
    with pytest.raises(ValueError, match="expected a rate and a lift"):
        people_needed(rate, lift, variants)


def test_nothing_is_said_of_a_few_people_however_different() -> None:
    verdict, looks = judge({"a": Tally(99, 0), "b": Tally(99, 99)}, 1000, ())
    assert (verdict.winner, looks) == ("", ())
    assert "at least 100" in verdict.reason


def test_equals_have_no_leader() -> None:
    verdict, _ = judge({"a": Tally(500, 50), "b": Tally(500, 50)}, 1000, ())
    assert (verdict.leader, verdict.winner) == ("", "")


def test_clear_winner_is_named_with_its_figures() -> None:
    verdict, looks = judge({"a": Tally(500, 50), "b": Tally(500, 150)}, 1000, (0.2,))
    assert verdict.winner == "b"
    assert looks == (0.2, 0.5)
    assert verdict.reason.startswith("b is better than every other variant (z ")


def test_same_people_looked_at_again_are_no_new_look() -> None:
    tallies = {"a": Tally(500, 50), "b": Tally(500, 60)}
    first, looks = judge(tallies, 1000, ())
    again, same = judge(tallies, 1000, looks)
    assert (first, looks) == (again, same)


def test_end_without_a_difference_says_so() -> None:
    verdict, _ = judge({"a": Tally(1000, 100), "b": Tally(1000, 101)}, 1000, ())
    assert "no difference was found" in verdict.reason


def test_shares_follow_the_chance_of_being_best() -> None:
    tallies = {"a": Tally(200, 20), "b": Tally(200, 28), "c": Tally(200, 4)}
    divided = shares(tallies, random.Random(1).betavariate)
    exact = chances_to_be_best(tallies)
    assert sum(divided.values()) == pytest.approx(1)
    assert sum(exact.values()) == pytest.approx(1)
    for name in tallies:
        assert divided[name] == pytest.approx(exact[name], abs=0.04)
    assert exact["b"] > exact["a"] > exact["c"]


def test_posterior_is_a_density() -> None:
    curve = posterior(Tally(400, 40))
    area = sum((right - left) * (one + other) / 2 for (left, one), (right, other) in pairwise(curve))
    assert area == pytest.approx(1, abs=0.01)
    assert max(curve, key=lambda point: point[1])[0] == pytest.approx(0.1, abs=0.005)


def test_posterior_of_nobody_is_flat_and_of_everybody_ends_at_one() -> None:
    assert len(posterior(Tally(0, 0))) == 101
    assert posterior(Tally(50, 50))[-1][0] == 1.0
