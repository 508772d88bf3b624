"""
Who may be contacted: people, their lists and segments, what they allowed and what they forbade.
"""

from sendyard.features.audience.consents import STATES, Consents
from sendyard.features.audience.contacts.arrivals import Arrivals
from sendyard.features.audience.contacts.details import Details
from sendyard.features.audience.contacts.erasing import Erasing
from sendyard.features.audience.contacts.merging import Merging
from sendyard.features.audience.contacts.store import Contacts
from sendyard.features.audience.fields import CustomFields
from sendyard.features.audience.files import Files
from sendyard.features.audience.importing.imports import Imports, Wish
from sendyard.features.audience.labels import Lists
from sendyard.features.audience.segments.census import Census
from sendyard.features.audience.segments.store import Question, Segments
from sendyard.features.audience.suppressions import REASONS, Stop, Suppressions, read_stops

__all__ = [
    "REASONS",
    "STATES",
    "Arrivals",
    "Census",
    "Consents",
    "Contacts",
    "CustomFields",
    "Details",
    "Erasing",
    "Files",
    "Imports",
    "Lists",
    "Merging",
    "Question",
    "Segments",
    "Stop",
    "Suppressions",
    "Wish",
    "read_stops",
]
