"""
Experiments before anybody is asked: who would draw what, and how many people it takes.
"""

import msgspec
import pytest

from sendyard.domain.errors import Invalid
from sendyard.features.campaigns.experiments.dealing import WHOLE, draws, pick, threshold
from sendyard.features.campaigns.experiments.sizing import size
from sendyard.features.campaigns.experiments.terms import Experiment, SampleSize, Variant, even_shares


def test_the_same_person_draws_the_same_and_variants_get_their_shares() -> None:
    found = [draws("a-campaign", f"+8869{place:08d}") for place in range(4000)]
    assert found == [draws("a-campaign", f"+8869{place:08d}") for place in range(4000)]
    assert draws("another", "+886900000000") != found[0]
    shares = even_shares([Variant(name="a", share=0.2), Variant(name="b"), Variant(name="c")])
    assert shares == pytest.approx([0.2, 0.4, 0.4])
    picked = [pick(variant, {1: 0.2, 2: 0.4, 3: 0.4}) for _, variant in found]
    assert 700 < picked.count(1) < 900
    assert {pick(variant, {1: 0.0, 2: 1.0}) for _, variant in found} == {2}
    assert pick(WHOLE - 1, {1: 0.1, 2: 0.2, 3: 0.0}) == 2
    below = sum(part < WHOLE // 10 for part, _ in found)
    assert 330 < below < 470


def test_a_sample_is_as_large_as_it_was_promised() -> None:
    wanted = Experiment(metric="replied", expected_rate=0.05, lift=0.5)
    each = size(0.05, 0.5, 2)["people_per_variant"]
    assert threshold(wanted, [0.5, 0.5], 2 * each) == WHOLE
    part = threshold(wanted, [0.5, 0.5], 20 * each) / WHOLE
    assert 0.1 < part < 0.115
    people = msgspec.structs.replace(wanted, sample=SampleSize(people=10))
    assert threshold(people, [0.5, 0.5], 100) == WHOLE // 10


def test_the_size_says_what_so_many_people_can_show() -> None:
    found = size(0.05, 0.2, 2, 800)
    assert (found["enough"], found["audience"]) == (False, 800)
    assert found["detail"].endswith(
        f"With 800 people only a difference of {100 * found['least_lift']:.3g} % can be found."
    )
    assert size(0.05, found["least_lift"] + 0.001, 2, 800)["enough"]
    assert size(0.05, 0.2, 2, 100)["detail"].endswith("With 100 people no difference can be found.")
    assert "of the audience" in size(0.05, 0.2, 3, 1_000_000)["detail"]
    for figures in ((0.5, 1.0, 2, None), (0.05, 0.0, 2, None), (0.05, float("nan"), 2, None), (0.05, 0.2, 9, None),
                    (0.05, 0.2, 2, 0)):  # fmt: skip
        with pytest.raises(Invalid):
            size(*figures)
