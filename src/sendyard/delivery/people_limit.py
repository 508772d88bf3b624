"""
Whom accounts have written to within a day, as far as their provider limits it.
"""

from sendyard.delivery.capacity import PEOPLE_MS
from sendyard.delivery.directory import Directory
from sendyard.delivery.queries import people_written
from sendyard.storage.identifiers import now_ms
from sendyard.storage.transaction import Transaction


def written_lately(directory: Directory, workspace_id: str, tx: Transaction) -> dict[str, int]:
    """
    How many people got a message since this time yesterday, by account, of accounts with a limit of people.

    Accounts that share a limit (`Directory.family`) have the same number: whoever got messages of several counts once.
    """
    since = now_ms() - PEOPLE_MS
    found: dict[str, int] = {}
    for entry in directory.accounts(workspace_id):
        if entry.daily_people is not None and entry.id not in found:
            sharing = [one.id for one in directory.family(entry)]
            found |= dict.fromkeys(sharing, people_written(tx, workspace_id, sharing, since))
    return found
