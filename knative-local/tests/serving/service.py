"""A small service for tests: each path is one behaviour. Run as a program, with PORT and FOLDER set."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

FOLDER = Path(os.environ["FOLDER"])
in_flight = 0
most_in_flight = 0
lock = threading.Lock()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 0.3  # idle connections do not hold up a stop

    def handle_one(self) -> None:
        name = self.path.split("?")[0].strip("/") or "echo"
        getattr(self, f"on_{name.partition('/')[0]}")()

    do_GET = do_POST = do_PUT = do_HEAD = handle_one  # noqa: N815 - http.server calls them so

    def on_ready(self) -> None:
        """503 while a file `unready` is there."""
        self.reply(503 if (FOLDER / "unready").exists() else 200, b"")

    def on_alive(self) -> None:
        self.reply(503 if (FOLDER / f"sick-{os.getpid()}").exists() else 200, b"")

    def on_echo(self) -> None:
        told = {"method": self.command, "path": self.path, "headers": dict(self.headers), "pid": os.getpid()}
        body = self.body().decode("latin-1")
        self.reply(
            200,
            json.dumps(told | {"body": body, "env": dict(os.environ), "arguments": sys.argv[1:]}).encode(),
        )

    def on_length(self) -> None:
        self.reply(200, str(len(self.body())).encode())

    def on_work(self) -> None:
        """Hold the request until the file `go` is there; tell how many were here at once."""
        global in_flight, most_in_flight  # noqa: PLW0603 - what the test asks for
        with lock:
            in_flight += 1
            most_in_flight = max(most_in_flight, in_flight)
            (FOLDER / f"arrived-{time.monotonic_ns()}").touch()
        while not (FOLDER / "go").exists():
            time.sleep(0.01)
        with lock:
            in_flight -= 1
        self.reply(200, json.dumps({"pid": os.getpid(), "most": most_in_flight}).encode())

    def on_stream(self) -> None:
        """One chunk, and the rest when the file `go` is there."""
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self.wfile.write(b"5\r\nfirst\r\n")
        while not (FOLDER / "go").exists():
            time.sleep(0.01)
        self.wfile.write(b"4\r\nlast\r\n0\r\n\r\n")

    def on_broken(self) -> None:
        """Promise more than is sent."""
        self.send_response(200)
        self.send_header("Content-Length", "100")
        self.end_headers()
        self.wfile.write(b"half")
        self.close_connection = True

    def on_die(self) -> None:
        """End without an answer, once."""
        self.body()
        with contextlib.suppress(FileExistsError):
            (FOLDER / "died").touch(exist_ok=False)
            os._exit(3)
        self.reply(200, b"survived")

    def on_cookies(self) -> None:
        self.send_response(200)
        for header in (
            ("Set-Cookie", "a=1"),
            ("Set-Cookie", "b=2"),
            ("Connection", "X-Private"),
            ("X-Private", "1"),
        ):
            self.send_header(*header)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") == "chunked":
            parts = []
            while size := int(self.rfile.readline(), 16):
                parts.append(self.rfile.read(size))
                self.rfile.readline()
            self.rfile.readline()
            return b"".join(parts)
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def reply(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Quiet."""


class Server(ThreadingHTTPServer):
    request_queue_size = 128
    daemon_threads = False  # SIGTERM lets requests in flight finish


def main() -> None:
    if (FOLDER / "refuse-to-start").exists():
        sys.exit("no reason to live")
    (FOLDER / f"started-{os.getpid()}").touch()
    server = Server(("127.0.0.1", int(os.environ["PORT"])), Handler)
    signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
    server.serve_forever(poll_interval=0.01)
    server.server_close()
    (FOLDER / f"stopped-{os.getpid()}").touch()


if __name__ == "__main__":
    main()
