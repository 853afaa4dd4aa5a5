"""The three endpoints over HTTP, on the standard library.

Measured: aiohttp costs this process 15 MB and 0.2 s more, and idle memory is what a laptop pays for.
"""

from __future__ import annotations

import contextlib
import json
import selectors
import signal
import socket
import socketserver
import sys
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import cast
from urllib.parse import urlsplit

from dev_issuer import grants, keys
from dev_issuer.errors import BodyTooLarge, CannotListen, GrantError, InvalidRequest
from dev_issuer.issuer import Issuer

_MAX_BODY = 16 * 1024


class _Handler(BaseHTTPRequestHandler):
    """One request per connection: a stop then waits for answers in progress, never for idle clients."""

    protocol_version = "HTTP/1.1"
    timeout = 5  # a client that stalls may not hold up a stop for longer

    def do_GET(self) -> None:
        issuer = cast("_Server", self.server).issuer
        documents: dict[str, Callable[[], dict[str, object]]] = {
            "/.well-known/openid-configuration": issuer.discovery,
            "/jwks.json": issuer.jwks,
        }
        path = urlsplit(self.path).path
        if path in documents:
            self._answer(200, documents[path](), {"Cache-Control": "max-age=300"})
        elif path == "/token":
            self._answer(
                405, {"error": "invalid_request", "error_description": "POST it."}, {"Allow": "POST"}
            )
        else:
            self._answer(404, {"error": "not_found", "error_description": f"Try {', '.join(documents)}."})

    def do_POST(self) -> None:
        if urlsplit(self.path).path != "/token":
            self._answer(404, {"error": "not_found", "error_description": "Only /token takes a POST."})
            return
        try:
            grant = grants.parse(self._body())
        except GrantError as error:
            self._answer(error.status, error.body())
        else:
            self._answer(200, cast("_Server", self.server).issuer.token(grant))

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  (the base class names it so)
        """Silent: a laptop's log is for the services under development."""

    def _body(self) -> bytes:
        length = self.headers.get("Content-Length", "")
        if not (length.isascii() and length.isdigit()):
            raise InvalidRequest("Content-Length is missing: send the form in one piece.")
        if int(length) > _MAX_BODY:
            raise BodyTooLarge(f"The form is larger than {_MAX_BODY} bytes.")
        return self.rfile.read(int(length))

    def _answer(
        self, status: int, body: dict[str, object] | dict[str, str], headers: dict[str, str] | None = None
    ) -> None:
        content = json.dumps(body).encode()
        self.send_response(status)
        for name, value in ({"Cache-Control": "no-store"} | (headers or {})).items():
            self.send_header(name, value)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(content)


class _Server(ThreadingHTTPServer):
    daemon_threads = False  # server_close() then waits for answers in progress
    request_queue_size = 128
    timeout = 0  # handle_request() never waits: a client that left before it was accepted costs nothing
    issuer: Issuer

    def server_bind(self) -> None:
        # HTTPServer asks DNS for its own name here, which takes seconds on some laptops.
        socketserver.TCPServer.server_bind(self)

    def handle_error(self, request: object, client_address: object) -> None:
        if not isinstance(sys.exception(), (ConnectionError, TimeoutError)):  # clients come and go
            super().handle_error(request, client_address)  # type: ignore[arg-type]  # passed on as it came


def serve(host: str, port: int, data: Path, *, audience: str, url: str | None) -> None:
    """Serve until SIGTERM or SIGINT; the one line printed is there when the first request can come."""
    with _stop_signals() as told_to_stop:
        key = keys.load_or_create(data)
        with _listen(host, port) as server:
            url = url or f"http://{host}:{server.server_address[1]}"
            server.issuer = Issuer(url=url.rstrip("/"), audience=audience, key=key)
            print(f"dev-issuer ready at {server.issuer.url}", flush=True)
            _serve_until(told_to_stop, server)


@contextlib.contextmanager
def _stop_signals() -> Iterator[socket.socket]:
    """A socket that becomes readable on SIGTERM and SIGINT.

    A handler that raises was tried: the exception can land in a weak reference's callback, where
    Python swallows it, and the process then never stops.
    """
    reader, writer = socket.socketpair()
    with reader, writer:
        writer.setblocking(False)
        signal.set_wakeup_fd(writer.fileno())
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: None)
        yield reader
        signal.set_wakeup_fd(-1)


def _listen(host: str, port: int) -> _Server:
    try:
        return _Server((host, port), _Handler)
    except (OSError, OverflowError) as error:
        raise CannotListen(f"Cannot listen on {host}:{port}: {error}.") from error


def _serve_until(told_to_stop: socket.socket, server: _Server) -> None:
    # serve_forever() would wake up twice a second to look whether it should stop.
    with selectors.DefaultSelector() as selector:
        selector.register(server, selectors.EVENT_READ)
        selector.register(told_to_stop, selectors.EVENT_READ)
        while told_to_stop not in {key.fileobj for key, _ in selector.select()}:
            server.handle_request()
