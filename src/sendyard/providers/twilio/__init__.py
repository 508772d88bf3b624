"""
Twilio Programmable Messaging: SMS, MMS and WhatsApp, one recipient a request.
"""

from sendyard.providers.twilio.adapter import TwilioAdapter
from sendyard.providers.twilio.emulator import TwilioEmulator

ADAPTER = TwilioAdapter()
EMULATOR = TwilioEmulator()
