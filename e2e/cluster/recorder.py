"""Takes CloudEvents at POST and shows them at GET /records; runs in a pod with nothing but Python."""

from __future__ import annotations

import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

RECORDS: list[dict[str, Any]] = []


def record(headers: dict[str, str], body: bytes) -> dict[str, Any]:
    """Attributes and data of an event in either mode; data that are no JSON stay text."""
    try:
        data = json.loads(body)
    except ValueError:
        data = body.decode(errors="replace")
    if headers.get("content-type", "").startswith("application/cloudevents+json"):
        return {"attributes": {name: value for name, value in data.items() if name != "data"}} | {
            "data": data.get("data")
        }
    attributes = {name.removeprefix("ce-"): value for name, value in headers.items() if name[:3] == "ce-"}
    return {"attributes": attributes, "data": data}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        RECORDS.append(record(headers, self.rfile.read(int(headers.get("content-length", "0")))))
        self._answer(202, b"")

    def do_GET(self) -> None:
        self._answer(200, json.dumps(RECORDS).encode())

    def _answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


if __name__ == "__main__":
    ThreadingHTTPServer(("", 8080), Handler).serve_forever()
