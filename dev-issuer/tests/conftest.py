"""The real server process, and the real command line."""

from __future__ import annotations

import http.client
import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest

SCRIPT = Path(sys.executable).with_name("dev-issuer")


@dataclass(frozen=True)
class Answer:
    status: int
    headers: http.client.HTTPMessage
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True)
class Running:
    url: str
    process: subprocess.Popen[str]

    def ask(self, method: str, path: str, body: bytes | str | None = None, **headers: str) -> Answer:
        connection = http.client.HTTPConnection(urlsplit(self.url).netloc, timeout=10)
        try:
            connection.request(method, path, body, {k.replace("_", "-"): v for k, v in headers.items()})
            response = connection.getresponse()
            return Answer(response.status, response.headers, response.read())
        finally:
            connection.close()

    def grant(self, *parameters: tuple[str, str]) -> Answer:
        return self.ask("POST", "/token", urlencode(parameters))


@contextmanager
def run_issuer(data: Path, *arguments: str) -> Iterator[Running]:
    command: Sequence[str | Path] = [SCRIPT, "serve", "--data", data, *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            assert line.startswith("dev-issuer ready at "), "the issuer did not start"
            yield Running(line.removeprefix("dev-issuer ready at ").strip(), process)
        finally:
            process.terminate()


@pytest.fixture(scope="module")
def issuer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with run_issuer(tmp_path_factory.mktemp("issuer")) as running:
        yield running


@pytest.fixture
def start() -> Callable[..., AbstractContextManager[Running]]:
    return run_issuer


@pytest.fixture
def dev_issuer() -> Callable[..., subprocess.CompletedProcess[str]]:
    def run(*arguments: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
        command: Sequence[str | Path] = [SCRIPT, *arguments]
        return subprocess.run(
            command, capture_output=True, text=True, timeout=30, check=False, env=environment or None
        )

    return run
