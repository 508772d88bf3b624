"""
Gupshup WhatsApp: the self-serve API of one app, with session messages, templates and webhooks.
"""

from sendyard.providers.gupshup_whatsapp.adapter import GupshupWhatsappAdapter
from sendyard.providers.gupshup_whatsapp.emulator import GupshupWhatsappEmulator

ADAPTER = GupshupWhatsappAdapter()
EMULATOR = GupshupWhatsappEmulator()
