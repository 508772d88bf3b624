"""
SleekFlow: an omnichannel inbox whose Platform API sends on a company's WhatsApp number.
"""

from sendyard.providers.sleekflow.adapter import SleekFlowAdapter
from sendyard.providers.sleekflow.emulator import SleekFlowEmulator

ADAPTER = SleekFlowAdapter()
EMULATOR = SleekFlowEmulator()
