"""
2Factor.in: one-time codes and DLT-registered texts to Indian mobile numbers, by the interfaces V1 and R1.
"""

from sendyard.providers.twofactor.adapter import TwoFactorAdapter
from sendyard.providers.twofactor.emulator import TwoFactorEmulator

ADAPTER = TwoFactorAdapter()
EMULATOR = TwoFactorEmulator()
