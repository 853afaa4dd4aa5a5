"""The processes a measurement needs, each ended with it."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import httpx

BIN = Path(sys.executable).parent


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


@contextlib.contextmanager
def process(
    command: list[str | Path], log: Path, environment: Mapping[str, str] | None = None
) -> Iterator[subprocess.Popen[str]]:
    """Standard output is a pipe (a server says its URL there), the rest goes to `log`."""
    with log.open("a") as errors:
        child = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            env=os.environ | dict(environment or {}),
        )
        try:
            yield child
        finally:
            child.terminate()
            child.wait(30)
            assert child.stdout is not None
            child.stdout.close()


@contextlib.contextmanager
def postgres(folder: Path) -> Iterator[str]:
    """With fsync: a commit that is not durable is no baseline."""
    command: list[str | Path] = [BIN / "knative-local", "postgres", "--data", folder / "postgres"]
    with process(command, folder / "postgres.log") as server:
        yield _first_line(server)


@contextlib.contextmanager
def stub_broker(folder: Path) -> Iterator[str]:
    with process([sys.executable, "-m", "bench.stub"], folder / "stub.log") as server:
        yield _first_line(server)


@contextlib.contextmanager
def issuer(folder: Path) -> Iterator[str]:
    url = f"http://127.0.0.1:{(port := free_port())}"
    command: list[str | Path] = [
        BIN / "dev-issuer",
        "serve",
        "--port",
        str(port),
        "--data",
        folder / "issuer",
    ]
    with process(command, folder / "issuer.log"):
        wait_for(url + "/.well-known/openid-configuration")
        yield url


@contextlib.contextmanager
def service(name: str, folder: Path, environment: Mapping[str, str]) -> Iterator[str]:
    """A service as its image starts it, logs and metrics on, ready."""
    port = free_port()
    given = {"PORT": str(port), "HOST": "127.0.0.1", "OTEL_EXPORTER_PROMETHEUS_PORT": "0"} | dict(environment)
    log = folder / f"{name}.log"
    with log.open("a") as output:
        child = subprocess.Popen([BIN / name], stdout=output, stderr=output, env=os.environ | given)
    try:
        wait_for(f"http://127.0.0.1:{port}/readyz")
        yield f"http://127.0.0.1:{port}"
    finally:
        child.terminate()
        child.wait(60)


def migrate(name: str, database_url: str) -> None:
    subprocess.run(
        [BIN / name, "migrate"],
        check=True,
        env=os.environ | {"DATABASE_URL": database_url},
        capture_output=True,
    )


def token(issuer_url: str, user: str) -> str:
    form = {"grant_type": "client_credentials", "client_id": user}
    value: str = httpx.post(issuer_url + "/token", data=form).raise_for_status().json()["access_token"]
    return value


def wait_for(url: str, seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while True:
        with contextlib.suppress(httpx.HTTPError):
            if httpx.get(url).is_success:
                return
        assert time.monotonic() < deadline, f"{url} did not answer within {seconds} s"
        time.sleep(0.01)


def _first_line(server: subprocess.Popen[str]) -> str:
    assert server.stdout is not None
    line = server.stdout.readline().strip()
    assert line, "the server ended before it said its URL"
    return line
