"""
Bring your own carrier: a provider over HTTP that an account's settings describe entirely.
"""

from sendyard.providers.generic_http.adapter import GenericHttpAdapter
from sendyard.providers.generic_http.emulator import PigeonEmulator

ADAPTER = GenericHttpAdapter()
EMULATOR = PigeonEmulator()
