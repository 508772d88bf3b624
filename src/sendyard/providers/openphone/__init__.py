"""
Quo, until September 2025 OpenPhone: SMS through a business phone number, one recipient a request.
"""

from sendyard.providers.openphone.adapter import OpenPhoneAdapter
from sendyard.providers.openphone.emulator import OpenPhoneEmulator

ADAPTER = OpenPhoneAdapter()
EMULATOR = OpenPhoneEmulator()
