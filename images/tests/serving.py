"""A started image, asked what the chart asks it."""

from __future__ import annotations

import http.client
import socket
import subprocess
import time

from . import workloads


def environment(image: str, database_url: str, port: int) -> dict[str, str]:
    variables = {"HOST": "127.0.0.1", "PORT": str(port), "PYTHONDONTWRITEBYTECODE": "1"}
    if workloads.has_migrations(image):
        variables |= {
            "DATABASE_URL": database_url,
            "OIDC_ISSUER": "http://127.0.0.1:1",
            "OTEL_EXPORTER_PROMETHEUS_PORT": "0",
        }
    return variables


def answers_what_the_chart_asks(image: str, port: int, process: subprocess.Popen[bytes]) -> None:
    assert until_it_answers(port, workloads.readiness_path(image), process) == 200
    for path in workloads.probe_paths(image):
        assert (path, ask(port, "GET", path)) == (path, 200)
    for path in workloads.wake_up_paths(image):
        assert (path, ask(port, "POST", path)) == (path, 204)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def ask(port: int, method: str, path: str) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request(method, path)
        return connection.getresponse().status
    finally:
        connection.close()


def until_it_answers(port: int, path: str, process: subprocess.Popen[bytes]) -> int:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        try:
            return ask(port, "GET", path)
        except ConnectionError:
            time.sleep(0.05)
    raise AssertionError(f"the image did not answer; its exit code: {process.poll()}")
