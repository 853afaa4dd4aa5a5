"""A server that fails on purpose, and counts how often."""

from __future__ import annotations

import http.server
import itertools
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager


class FlakyServer(http.server.ThreadingHTTPServer):
    """Of ten requests one gets 503, one no answer at all, the others 201."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.request_numbers = itertools.count()
        self.counted: Counter[str] = Counter()
        self.tokens: set[str] = set()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/v1/tasks"

    def outcome(self) -> str:
        outcome = {3: "503", 5: "no answer"}.get(next(self.request_numbers) % 10, "201")
        self.counted[outcome] += 1
        return outcome


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: FlakyServer
    lock = threading.Lock()

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        with self.lock:
            outcome = self.server.outcome()
            self.server.tokens.add(self.headers["authorization"])
        if outcome == "no answer":
            self.close_connection = True
            return
        self.send_response(int(outcome))
        self.send_header("content-length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def do_GET(self) -> None:
        """Nothing fails before the load begins."""
        self.send_response(200)
        self.send_header("content-length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *arguments: object) -> None:
        """Quiet."""


@contextmanager
def flaky_server() -> Iterator[FlakyServer]:
    with FlakyServer() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
