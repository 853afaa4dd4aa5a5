"""A port of a Service, here: tests run outside the cluster's network."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from e2e.cluster.errors import ClusterError
from e2e.cluster.kubectl import Kubectl, last_line
from e2e.polling import eventually

FORWARDING = re.compile(r"Forwarding from 127\.0\.0\.1:(\d+)")


class Forward:
    """`kubectl port-forward`, begun at the first use and again when it ended."""

    def __init__(self, kubectl: Kubectl, service: str, port: int, log: Path) -> None:
        self._command = kubectl.command(
            "port-forward", "--address=127.0.0.1", f"service/{service}", f":{port}"
        )
        self._log = log  # a file: one line per connection would fill a pipe
        self._process: subprocess.Popen[bytes] | None = None
        self._port = ""

    @property
    def address(self) -> str:
        if self._process is None or self._process.poll() is not None:
            self._start()
        return f"127.0.0.1:{self._port}"

    def close(self) -> None:
        """A Service's pods may change: the next use finds those of then."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(10)
            self._process = None

    def _start(self) -> None:
        with self._log.open("wb") as output:
            self._process = subprocess.Popen(self._command, stdout=output, stderr=output)
        self._port = eventually(self._announced, 60, self._log.read_text)

    def _announced(self) -> str:
        text = self._log.read_text()
        found = FORWARDING.search(text)
        if found is None and self._process is not None and self._process.poll() is not None:
            raise ClusterError(f"{' '.join(self._command[:4])}: {last_line(text)}")
        return found.group(1) if found else ""
