"""
Accepts every message at almost no cost (sheet, section 3).
"""

from sendyard.providers.emulation import EmulatedRequest, LoadTarget
from sendyard.providers.wire import HttpResponse

_HEADERS = {"content-type": "application/json"}


class MetaCloudTarget(LoadTarget):
    """One recipient a request, answered as a text is."""

    def accept_all(self, request: EmulatedRequest, serial: int) -> HttpResponse:
        """200 and a message id of its own; whose message it is, nobody asks."""
        del request
        body = f'{{"messaging_product":"whatsapp","contacts":[],"messages":[{{"id":"wamid.{serial:032x}"}}]}}'
        return HttpResponse(200, _HEADERS, body.encode())
