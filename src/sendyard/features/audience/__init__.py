"""
Who may be contacted: people, their lists and segments, what they allowed and what they forbade.
"""

from sendyard.features.audience.book import Book, Choice
from sendyard.features.audience.consent_lists import ConsentLists, read_words
from sendyard.features.audience.consents import STATES, Consents
from sendyard.features.audience.contacts.arrivals import Arrivals
from sendyard.features.audience.contacts.details import Details
from sendyard.features.audience.contacts.erasing import Erasing
from sendyard.features.audience.contacts.merging import Merging
from sendyard.features.audience.contacts.store import Contacts
from sendyard.features.audience.errands.running import Errands
from sendyard.features.audience.fields import CustomFields
from sendyard.features.audience.files import Files
from sendyard.features.audience.importing.imports import Imports, Wish
from sendyard.features.audience.importing.manner import Manner
from sendyard.features.audience.importing.steps import ImportSteps
from sendyard.features.audience.importing.working import ImportWorker
from sendyard.features.audience.labels import Lists
from sendyard.features.audience.opt_outs.lists import ProviderLists
from sendyard.features.audience.opting import Opting
from sendyard.features.audience.opting.hearing import Hearing
from sendyard.features.audience.opting.renewals import Renewals
from sendyard.features.audience.opting.requests import Requests, RequestWish
from sendyard.features.audience.opting.words import Vocabulary
from sendyard.features.audience.segments.census import Census
from sendyard.features.audience.segments.store import Question, Segments
from sendyard.features.audience.suppressions import REASONS, Stop, Suppressions, read_stops

__all__ = [
    "REASONS",
    "STATES",
    "Arrivals",
    "Book",
    "Census",
    "Choice",
    "ConsentLists",
    "Consents",
    "Contacts",
    "CustomFields",
    "Details",
    "Erasing",
    "Errands",
    "Files",
    "Hearing",
    "ImportSteps",
    "ImportWorker",
    "Imports",
    "Lists",
    "Manner",
    "Merging",
    "Opting",
    "ProviderLists",
    "Question",
    "Renewals",
    "RequestWish",
    "Requests",
    "Segments",
    "Stop",
    "Suppressions",
    "Vocabulary",
    "Wish",
    "read_stops",
    "read_words",
]
