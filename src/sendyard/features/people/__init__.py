"""
Who may use the yard: workspaces and API keys.
"""

from sendyard.features.people.keys import KINDS, SCOPES, ApiKeys, Principal
from sendyard.features.people.team import Team
from sendyard.features.people.workspaces import Workspaces

__all__ = ["KINDS", "SCOPES", "ApiKeys", "Principal", "Team", "Workspaces"]
