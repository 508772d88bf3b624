"""
Interakt: WhatsApp through the Indian business platform, by its public API.
"""

from sendyard.providers.interakt.adapter import InteraktAdapter
from sendyard.providers.interakt.emulator import InteraktEmulator

ADAPTER = InteraktAdapter()
EMULATOR = InteraktEmulator()
