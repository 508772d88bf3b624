"""
Accepts every destination of a send at almost no cost (sheet, section 5).
"""

import re

from sendyard.providers.emulation import EmulatedRequest, LoadTarget
from sendyard.providers.wire import HttpResponse

_HEADERS = {"content-type": "application/json"}
_TO = re.compile(rb'"to":"([0-9]+)"')


class BizgoTarget(LoadTarget):
    """One row per destination, in the order of the request; every message gets a key of its own."""

    def accept_all(self, request: EmulatedRequest, serial: int) -> HttpResponse:
        """200 with all rows accepted."""
        rows = ",".join(
            f'{{"to":"{to.decode()}","msgKey":"20261121103000000POM{serial:09d}{index:03d}","code":"A000","result":"Success"}}'
            for index, to in enumerate(_TO.findall(request.body))
        )
        body = (
            '{"common":{"authCode":"A000","authResult":"Success","infobankTrId":"TR"},"data":{"code":"A000",'
            f'"result":"Success","data":{{"destinations":[{rows}]}}}}}}'
        )
        return HttpResponse(200, _HEADERS, body.encode())
