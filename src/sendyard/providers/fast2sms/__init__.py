"""
Fast2SMS: texts to Indian mobile numbers by the routes dlt, dlt_manual, otp and quick of bulkV2.
"""

from sendyard.providers.fast2sms.adapter import Fast2SmsAdapter
from sendyard.providers.fast2sms.emulator import Fast2SmsEmulator

ADAPTER = Fast2SmsAdapter()
EMULATOR = Fast2SmsEmulator()
