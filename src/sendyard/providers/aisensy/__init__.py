"""
AiSensy: WhatsApp for Indian businesses, by its Campaign API and its Project API.
"""

from sendyard.providers.aisensy.adapter import AiSensyAdapter
from sendyard.providers.aisensy.emulator import AiSensyEmulator

ADAPTER = AiSensyAdapter()
EMULATOR = AiSensyEmulator()
