"""
Mitake 三竹簡訊: short messages to Taiwanese mobile numbers, by the HTTP interface of version 2.14.
"""

from sendyard.providers.mitake.adapter import MitakeAdapter
from sendyard.providers.mitake.emulator import MitakeEmulator

ADAPTER = MitakeAdapter()
EMULATOR = MitakeEmulator()
