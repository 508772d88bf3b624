"""
Dealing people out: who takes part in the comparison and who gets which variant, by a keyed hash of the address.

The same person of the same campaign always draws the same, however often and by whichever process is asked; what was
drawn is kept with the recipient and never changed.
"""

import math
from collections.abc import Mapping, Sequence
from hashlib import blake2b

from sendyard.features.campaigns.experiments.terms import Experiment, needed

WHOLE = 1 << 53
"""Draws lie between 0 and this, so that a float holds them exactly."""
_SURE = 3.0  # deviations by which a sample is drawn larger, so that each variant gets the people it was promised


def draws(campaign_id: str, address: str) -> tuple[int, int]:
    """Two independent draws of a person, each at least 0 and below `WHOLE`: for the part, and for the variant."""
    digest = blake2b(address.encode("utf-8", "surrogatepass"), key=campaign_id.encode(), digest_size=16).digest()
    return int.from_bytes(digest[:8], "big") >> 11, int.from_bytes(digest[8:], "big") >> 11


def pick(draw: int, shares: Mapping[int, float]) -> int:
    """The variant at this draw, when each has its share of the whole, in the order of their numbers."""
    place = draw / WHOLE * sum(shares.values())
    reached = 0.0
    for number in sorted(shares):
        reached += shares[number]
        if place < reached:
            return number
    return max(number for number, share in shares.items() if share > 0)


def threshold(wanted: Experiment, shares: Sequence[float], total: int) -> int:
    """The draw below which somebody belongs to the sample, of `total` people."""
    sample = wanted.sample
    if sample.people is not None:
        people = float(sample.people)
    elif sample.percent is not None:
        people = total * sample.percent / 100
    else:
        people = promised(wanted, shares)
    return WHOLE if people >= total else int(WHOLE * people / total)


def promised(wanted: Experiment, shares: Sequence[float]) -> float:
    """How many people take part so that the smallest variant has as many as it needs, chance included."""
    each = needed(wanted.expected_rate, wanted.lift, len(shares)) or 0
    return math.ceil((each + _SURE * math.sqrt(each)) / min(shares))
