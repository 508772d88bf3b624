"""
Message templates: texts with variables, in versions that never change.
"""

from sendyard.features.templates.library import Rendered, Templates

__all__ = ["Rendered", "Templates"]
