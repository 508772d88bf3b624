"""
Accepts every create-message request at almost no cost (sheet, section 3).
"""

from sendyard.providers.emulation import EmulatedRequest, LoadTarget
from sendyard.providers.wire import HttpResponse

_HEADERS = {"content-type": "application/json"}


class TwilioTarget(LoadTarget):
    """One recipient a request, answered as a plain `From` is."""

    def accept_all(self, request: EmulatedRequest, serial: int) -> HttpResponse:
        """201 and a message with a sid of its own."""
        account = request.path.split("/", 4)[3]
        body = (
            f'{{"account_sid":"{account}","api_version":"2010-04-01","body":"","date_created":null,"date_sent":null,'
            f'"date_updated":null,"direction":"outbound-api","error_code":null,"error_message":null,"from":null,'
            f'"messaging_service_sid":null,"num_media":"0","num_segments":"1","price":null,"price_unit":"USD",'
            f'"sid":"SM{serial:032x}","status":"queued","subresource_uris":{{}},"to":"","uri":""}}'
        )
        return HttpResponse(201, _HEADERS, body.encode())
