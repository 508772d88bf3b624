"""
Accepts every record of a submit at almost no cost (sheet, sections 4.1 and 4.2).
"""

from urllib.parse import parse_qs

from sendyard.providers.emulation import EmulatedRequest, LoadTarget
from sendyard.providers.wire import HttpResponse

_HEADERS = {"content-type": "text/plain"}


class MitakeTarget(LoadTarget):
    """SmBulkSend by lines, SmSend by its form; every message gets an id of its own."""

    def accept_all(self, request: EmulatedRequest, serial: int) -> HttpResponse:
        """An accepted block for each record."""
        if request.path.endswith("/SmBulkSend"):
            names = [line.partition("$$")[0] for line in request.body.decode().splitlines() if line]
        else:
            names = parse_qs(request.body.decode()).get("clientid", ["1"])
        first = serial * 500
        blocks = [f"[{name}]\r\nmsgid={first + index:010d}\r\nstatuscode=1\r\n" for index, name in enumerate(names)]
        return HttpResponse(200, _HEADERS, ("".join(blocks) + "AccountPoint=1000\r\n").encode())
