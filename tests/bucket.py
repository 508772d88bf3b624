"""
A place that speaks S3 just enough to refuse, with the words of S3's own errors.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

REFUSED = "<Error><Code>InvalidAccessKeyId</Code></Error>"
NO_BUCKET = "<Error><Code>NoSuchBucket</Code></Error>"
NO_KEY = "<Error><Code>NoSuchKey</Code></Error>"


@contextmanager
def answering(status: int, body: str) -> Iterator[str]:
    """A place that says the same to everything; gives its address."""

    class Always(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            # All of it: a connection closed before that would look like a server that is away.
            self.rfile.read(int(self.headers.get("content-length", 0)))
            self.send_response(status)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body.encode())

        def do_PUT(self) -> None:
            self.do_GET()

        def do_POST(self) -> None:
            self.do_GET()

        def do_DELETE(self) -> None:
            self.do_GET()

        def log_message(self, *_words: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Always)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
