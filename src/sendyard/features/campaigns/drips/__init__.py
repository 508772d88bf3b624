"""
Drips: a series of messages with waits between them, which ends for a person when something happens.
"""

from sendyard.features.campaigns.drips.library import Drips
from sendyard.features.campaigns.drips.timer import DripTimer

__all__ = ["DripTimer", "Drips"]
