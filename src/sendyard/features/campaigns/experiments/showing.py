"""
An experiment in a few words, for whoever looks at its campaign.
"""

from typing import Any

import msgspec

from sendyard.features.campaigns.experiments import queries
from sendyard.storage.transaction import Transaction

TOLD = {
    "draft": "Not begun: nobody has been dealt out yet.",
    "sample": "The sample is being prepared; the rest waits.",
    "waiting": "The rest is waiting for the result.",
    "asking": "The rest is waiting for you to choose.",
    "rest": "It is decided; the rest is being prepared.",
    "done": "It is decided, and every row is a message.",
}
"""What each state of an experiment means."""

_decode = msgspec.json.Decoder().decode


def summary(tx: Transaction, campaign_id: str) -> dict[str, Any] | None:
    """Its state, variants and winner; None for a campaign that compares nothing."""
    variants = queries.variants(tx, campaign_id)
    if not variants:
        return None
    found = queries.experiment(tx, campaign_id)
    state = found.state if found else "draft"
    return {
        "state": state,
        "told": TOLD[state],
        "winner": _decode(found.decision)["winner"] if found and found.decision else "",
        "variants": [
            {"name": one.name, "template": one.code if one.newest_version else None, "text": one.body,
             "share": one.share}
            for one in variants
        ],
    }  # fmt: skip
