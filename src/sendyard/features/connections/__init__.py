"""
Provider accounts, and the routes that choose among them.
"""

from sendyard.features.connections.accounts import Accounts
from sendyard.features.connections.routes import Routes

__all__ = ["Accounts", "Routes"]
