"""
Campaigns: one message for everybody in a file, from the rows of the file to the last outcome.
"""

from sendyard.features.campaigns.expansion import Expander
from sendyard.features.campaigns.library import Campaigns

__all__ = ["Campaigns", "Expander"]
