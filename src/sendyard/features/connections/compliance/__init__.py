"""
What a workspace tells about itself so that rules of countries can be asked, and which rules a person sets aside.
"""

from sendyard.features.connections.compliance.gaps import Gaps
from sendyard.features.connections.compliance.history import FactHistory
from sendyard.features.connections.compliance.registered_texts import RegisteredTexts
from sendyard.features.connections.compliance.rule_book import rule_book, rule_of
from sendyard.features.connections.compliance.sender_facts import SenderFacts
from sendyard.features.connections.compliance.waivers import Waivers
from sendyard.features.connections.compliance.workspace_facts import WorkspaceFacts

__all__ = [
    "FactHistory",
    "Gaps",
    "RegisteredTexts",
    "SenderFacts",
    "Waivers",
    "WorkspaceFacts",
    "rule_book",
    "rule_of",
]
