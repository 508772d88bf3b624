"""
Message templates: texts with variables, in versions that never change, and records that fill them.
"""

from sendyard.features.templates.catalogue import Catalogue
from sendyard.features.templates.library import Rendered, Templates
from sendyard.features.templates.portable import Portable
from sendyard.features.templates.preview import PreviewWish
from sendyard.features.templates.records import Records
from sendyard.features.templates.standing import Standings
from sendyard.features.templates.starters import Starters
from sendyard.features.templates.submission import Submissions, SubmissionWish

__all__ = [
    "Catalogue",
    "Portable",
    "PreviewWish",
    "Records",
    "Rendered",
    "Standings",
    "Starters",
    "SubmissionWish",
    "Submissions",
    "Templates",
]
