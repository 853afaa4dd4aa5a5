"""task-api as the platform runs it: its own process and an environment."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx

from .polling import SECONDS, until
from .tokens import Signer

SCRIPT = Path(sys.executable).with_name("task-api")
# Only what an interpreter needs to start.
_INHERITED = ("PATH", "PYTHONPYCACHEPREFIX", "PYTHONDONTWRITEBYTECODE")


def command(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run `task-api` to its end."""
    return subprocess.run(
        [SCRIPT, *arguments],
        env=_environment(environment),
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )


def started(*arguments: str, **environment: str) -> subprocess.Popen[str]:
    """Start `task-api`, for what several do at once."""
    return subprocess.Popen(
        [SCRIPT, *arguments],
        env=_environment(environment),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


class ApiProcess:
    """A running `task-api serve`; `database` is where its rows are."""

    def __init__(self, log: Path, signer: Signer, database: str, environment: dict[str, str]) -> None:
        self.database = database
        self.environment = environment
        self._log = log
        self._signer = signer
        with log.open("w") as stderr:
            self._process = subprocess.Popen([SCRIPT, "serve"], env=_environment(environment), stderr=stderr)

    def log_line(self, message: str) -> dict[str, Any]:
        """Wait for it."""

        def find() -> dict[str, Any] | None:
            # The last line may still be half written.
            lines = [json.loads(line) for line in self._log.read_text().split("\n")[:-1]]
            found = next((line for line in lines if line["message"] == message), None)
            assert found or self._process.poll() is None, self._log.read_text()
            return found

        found = until(find)
        assert found is not None
        return found

    @property
    def url(self) -> str:
        return str(self.log_line("listening")["url"])

    def metric(self, sample: str) -> float | None:
        """The value of one line of /metrics, named with its labels."""
        page = httpx.get(str(self.log_line("listening")["metrics_url"]), verify=False).text
        values = [line.rpartition(" ")[2] for line in page.splitlines() if line.startswith(f"{sample} ")]
        return float(values[0]) if values else None

    def client(self, user_id: str, token: str | None = None) -> httpx.Client:
        bearer = token or self._signer.token(user_id)
        return httpx.Client(
            base_url=self.url,
            headers={"Authorization": f"Bearer {bearer}"},
            timeout=SECONDS,
            verify=False,  # loopback without TLS; reading the CA bundle takes 30 ms per client
        )

    def anonymous(self) -> httpx.Client:
        return httpx.Client(base_url=self.url, timeout=SECONDS, verify=False)

    def terminate(self) -> None:
        self._process.send_signal(signal.SIGTERM)

    def exit_code(self) -> int:
        return self._process.wait(timeout=SECONDS + 5)

    def close(self) -> None:
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()


def _environment(given: dict[str, str]) -> dict[str, str]:
    inherited = {name: os.environ[name] for name in _INHERITED if name in os.environ}
    defaults = {"HOST": "127.0.0.1", "PORT": "0", "OTEL_EXPORTER_PROMETHEUS_PORT": "0"}
    return inherited | defaults | given
