"""
Meta's WhatsApp Cloud API, without a reseller between: one recipient a request.
"""

from sendyard.providers.meta_cloud.adapter import MetaCloudAdapter
from sendyard.providers.meta_cloud.emulator import MetaCloudEmulator

ADAPTER = MetaCloudAdapter()
EMULATOR = MetaCloudEmulator()
