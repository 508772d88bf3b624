"""
LINE Messaging API: messages of an Official Account to people who follow it, known by LINE user ids.
"""

from sendyard.providers.line.adapter import LineAdapter
from sendyard.providers.line.emulator import LineEmulator

ADAPTER = LineAdapter()
EMULATOR = LineEmulator()
