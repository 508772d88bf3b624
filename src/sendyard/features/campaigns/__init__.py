"""
Campaigns: one message for many people, from whoever is meant to the last outcome.
"""

from sendyard.features.campaigns.changing import Changes
from sendyard.features.campaigns.expansion import Expander
from sendyard.features.campaigns.experiments.record import Experiments
from sendyard.features.campaigns.library import Campaigns
from sendyard.features.campaigns.outcomes.keeping import CountKeeper
from sendyard.features.campaigns.oversight.approving import Approvals
from sendyard.features.campaigns.plan import Plan
from sendyard.features.campaigns.testing import Tests

__all__ = ["Approvals", "Campaigns", "Changes", "CountKeeper", "Expander", "Experiments", "Plan", "Tests"]
