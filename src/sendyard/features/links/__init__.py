"""
Short links: where they lead, an address for each recipient, and who followed it.
"""

from sendyard.features.links.addresses import Addresses, NamedLink, RowAddresses, target_variables
from sendyard.features.links.clicks import Clicks
from sendyard.features.links.domains import Domains
from sendyard.features.links.following import Destination, Follower
from sendyard.features.links.library import ShortLinks
from sendyard.features.links.names import codes_among, is_link_variable

__all__ = [
    "Addresses",
    "Clicks",
    "Destination",
    "Domains",
    "Follower",
    "NamedLink",
    "RowAddresses",
    "ShortLinks",
    "codes_among",
    "is_link_variable",
    "target_variables",
]
