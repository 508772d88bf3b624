"""
MSG91: templated short messages and one-time codes to Indian mobile numbers, by its version 5 interface.
"""

from sendyard.providers.msg91.adapter import Msg91Adapter
from sendyard.providers.msg91.emulator import Msg91Emulator

ADAPTER = Msg91Adapter()
EMULATOR = Msg91Emulator()
