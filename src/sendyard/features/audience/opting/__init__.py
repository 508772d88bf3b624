"""
How people say yes and no by themselves: keywords and their answers, double opt-in, reminders of consents.
"""

from sendyard.delivery.directory import Directory
from sendyard.delivery.intake import Intake
from sendyard.features.audience.opting.renewals import Renewals
from sendyard.features.audience.opting.requests import Requests
from sendyard.features.audience.opting.words import Vocabulary
from sendyard.storage.engine import Database


class Opting:
    """What belongs together: questions for consent, reminders of it, and the words and texts of both."""

    def __init__(self, database: Database, directory: Directory, intake: Intake) -> None:
        """Take where rows are, what workspaces have told of themselves, and the door to the ledger."""
        self.requests = Requests(database, directory, intake)
        self.renewals = Renewals(database, directory, intake)
        self.vocabulary = Vocabulary(database)
