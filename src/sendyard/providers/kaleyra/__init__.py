"""
Kaleyra (Tata Communications): text messages and WhatsApp through its regional clouds, one-time codes by Verify.
"""

from sendyard.providers.kaleyra.adapter import KaleyraAdapter
from sendyard.providers.kaleyra.emulator import KaleyraEmulator

ADAPTER = KaleyraAdapter()
EMULATOR = KaleyraEmulator()
