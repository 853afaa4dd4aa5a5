"""The function as the platform runs it: its own process and an environment."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

SECONDS = 20.0
# Only what an interpreter needs to start.
_INHERITED = ("PATH", "PYTHONPYCACHEPREFIX", "PYTHONDONTWRITEBYTECODE")


class Process:
    def __init__(
        self, arguments: Sequence[str], environment: dict[str, str], log: Path, script: str | None
    ) -> None:
        """`script` is Python to run instead of the console script."""
        self._log = log
        command = [sys.executable, "-c", script] if script else [Path(sys.executable).with_name("analytics")]
        inherited = {name: os.environ[name] for name in _INHERITED if name in os.environ}
        settings = {"HOST": "127.0.0.1", "PORT": "0"} | environment
        with log.open("w") as stderr:
            self._process = subprocess.Popen(
                [*command, *arguments], env=inherited | settings, stdout=subprocess.PIPE, stderr=stderr
            )

    def signal(self, number: int) -> None:
        self._process.send_signal(number)

    def finish(self) -> tuple[int, str, str]:
        """Exit code, stdout, stderr."""
        output = self._process.communicate(timeout=SECONDS)[0].decode()
        return self._process.returncode, output, self._log.read_text()

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()

    def logs(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self._log.read_text().splitlines()]

    async def port(self) -> int:
        line = await self.log_line("listening on ")
        return int(line["message"].rpartition(":")[2])

    async def log_line(self, beginning: str) -> dict[str, Any]:
        deadline = time.monotonic() + SECONDS
        while time.monotonic() < deadline:
            for line in self.logs():
                if line["message"].startswith(beginning):
                    return line
            assert self._process.poll() is None, self._log.read_text()
            await asyncio.sleep(0.01)
        raise TimeoutError(self._log.read_text())
