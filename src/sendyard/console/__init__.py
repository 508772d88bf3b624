"""
Pages for people. So far those that stand alone: papers that are kept, printed or passed on.
"""

from sendyard.console.papers import experiment_paper, preflight_paper

__all__ = ["experiment_paper", "preflight_paper"]
