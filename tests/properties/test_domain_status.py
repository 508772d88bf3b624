"""
Properties of the lattice: order and repetition of what is heard cannot matter.
"""

from functools import reduce

from hypothesis import given
from hypothesis import strategies as st

from sendyard.domain.status import RANK, AttemptStatus, advance

statuses = st.sampled_from(list(AttemptStatus))


@given(st.lists(statuses, min_size=1, max_size=8), st.randoms(use_true_random=False))
def test_any_order_with_repetitions_ends_the_same(heard: list[AttemptStatus], chance: object) -> None:
    assert hasattr(chance, "shuffle")
    doubled = heard * 2
    chance.shuffle(doubled)
    assert reduce(advance, doubled) is reduce(advance, heard)
    assert reduce(advance, heard) is max(heard, key=RANK.__getitem__)


@given(statuses, statuses, statuses)
def test_joining_is_associative_commutative_and_idempotent(
    a: AttemptStatus, b: AttemptStatus, c: AttemptStatus
) -> None:
    assert advance(a, advance(b, c)) is advance(advance(a, b), c)
    assert advance(a, b) is advance(b, a)
    assert advance(a, a) is a


def test_every_state_has_its_own_height() -> None:
    assert sorted(RANK.values()) == list(range(len(AttemptStatus)))
