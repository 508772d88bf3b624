"""
Message templates: texts with variables, in versions that never change.
"""

from sendyard.features.templates.catalogue import Catalogue
from sendyard.features.templates.library import Rendered, Templates
from sendyard.features.templates.submission import Submissions, SubmissionWish

__all__ = ["Catalogue", "Rendered", "SubmissionWish", "Submissions", "Templates"]
