"""A registry that answers one question, in the ways registries differ."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

TOKEN = "a-token-for-anybody"


class Registry(ThreadingHTTPServer):
    """Holds the manifest of one repository and tag; `login` is how it wants to be asked."""

    def __init__(self, repository: str, tag: str, manifest: bytes, login: str) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.path = f"/v2/{repository}/manifests/{tag}"
        self.manifest = manifest
        self.login = login
        self.accepted: list[str] = []

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.server_address[1]}"


class _Handler(BaseHTTPRequestHandler):
    server: Registry

    def do_GET(self) -> None:
        if self.path.startswith("/token?"):
            self._answer(200, json.dumps({"token": TOKEN}).encode())
        elif self.path != self.server.path:
            self._answer(404, b"{}")
        elif self.server.login and self.headers.get("Authorization") != f"Bearer {TOKEN}":
            self._answer(401, b"{}", self.server.login.format(host=self.server.host))
        else:
            self.server.accepted.append(self.headers["Accept"])
            self._answer(200, self.server.manifest)

    def _answer(self, status: int, content: bytes, challenge: str = "") -> None:
        self.send_response(status)
        if challenge:
            self.send_header("WWW-Authenticate", challenge)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  (the base class names it so)
        """Silent."""


@contextmanager
def serving(repository: str, tag: str, manifest: bytes, login: str = "") -> Iterator[Registry]:
    with Registry(repository, tag, manifest, login) as registry:
        thread = threading.Thread(target=registry.serve_forever)
        thread.start()
        try:
            yield registry
        finally:
            registry.shutdown()
            thread.join()
