"""
Gupshup SMS: the Enterprise gateway for text messages to Indian numbers.
"""

from sendyard.providers.gupshup_sms.adapter import GupshupSmsAdapter
from sendyard.providers.gupshup_sms.emulator import GupshupSmsEmulator

ADAPTER = GupshupSmsAdapter()
EMULATOR = GupshupSmsEmulator()
