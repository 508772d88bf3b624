"""
BizGO (Infobank), Communication API: Korean SMS, LMS, MMS and AlimTalk.
"""

from sendyard.providers.bizgo.adapter import BizgoAdapter
from sendyard.providers.bizgo.emulator import BizgoEmulator

ADAPTER = BizgoAdapter()
EMULATOR = BizgoEmulator()
