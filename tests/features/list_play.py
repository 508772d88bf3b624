"""
A provider that keeps a list of who refused, without sockets.
"""

from typing import Any
from urllib.parse import urlsplit

from sendyard.delivery.transport import Transport
from sendyard.providers.emulation import EmulatedRequest
from sendyard.providers.registry import emulators
from sendyard.providers.wire import HttpRequest, HttpResponse
from tests.providers.samples import NOW


class Provider(Transport):
    """The emulator of one provider at the other end, in a good or a bad hour."""

    def __init__(self, slug: str, **console: Any) -> None:
        super().__init__()
        self.emulator = emulators()[slug]
        self.state = self.emulator.new_state()
        self.settings = dict(self.emulator.sample_account)
        self.failures: list[HttpResponse | Exception] = []
        self.asked: list[HttpRequest] = []
        self.console(**console)

    def console(self, **console: Any) -> None:
        self.emulator.register(self.state, {**self.settings, **console})

    async def exchange(self, request: HttpRequest, timeout: Any) -> HttpResponse:  # noqa: ASYNC109
        del timeout
        self.asked.append(request)
        if self.failures:
            failure = self.failures.pop(0)
            if isinstance(failure, Exception):
                raise failure
            return failure
        url = urlsplit(request.url)
        asked = EmulatedRequest(request.method, url.path, url.query, request.headers, request.body, NOW)
        return self.emulator.handle(asked, self.state).response
