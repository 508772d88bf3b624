"""
Who may be contacted.
"""

from sendyard.features.audience.suppressions import REASONS, Suppressions

__all__ = ["REASONS", "Suppressions"]
