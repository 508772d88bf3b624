"""
Files that messages carry: uploaded once, judged by their content, made to fit, and found by providers.
"""

from sendyard.features.media.library import LARGEST, Content, MediaLibrary, sweep
from sendyard.features.media.links import Links
from sendyard.features.media.stores import Store, open_store

__all__ = ["LARGEST", "Content", "Links", "MediaLibrary", "Store", "open_store", "sweep"]
