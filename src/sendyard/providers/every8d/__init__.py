"""
Every8d 互動資通: short messages and MMS to Taiwanese mobile numbers, by API 2.1.
"""

from sendyard.providers.every8d.adapter import Every8dAdapter
from sendyard.providers.every8d.emulator import Every8dEmulator

ADAPTER = Every8dAdapter()
EMULATOR = Every8dEmulator()
