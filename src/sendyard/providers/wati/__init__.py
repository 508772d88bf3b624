"""
WATI: WhatsApp through a business platform, API v3 with v2 and v1 as choices of an account.
"""

from sendyard.providers.wati.adapter import WatiAdapter
from sendyard.providers.wati.emulator import WatiEmulator

ADAPTER = WatiAdapter()
EMULATOR = WatiEmulator()
