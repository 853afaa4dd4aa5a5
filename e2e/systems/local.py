"""The laptop as the system under test: `knative-local run` on the rendered chart, in a folder of its own."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx

from e2e.polling import eventually

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
# Knative's smallest window: a scenario waits seconds for zero, not a minute.
OVERLAY = ["analytics.autoscaling.window=6s"]


class LocalSystem:
    """`environment` adds to a service's variables, `values` to the chart's, `autoscaler` to the profile's."""

    def __init__(
        self,
        folder: Path,
        database_url: str,
        *,
        environment: Mapping[str, Mapping[str, str]] | None = None,
        values: list[str] | None = None,
        autoscaler: Mapping[str, str] | None = None,
    ) -> None:
        self.folder = folder
        self.data = folder / "data"
        self.database_url = database_url
        self._environment = environment or {}
        self._values = OVERLAY + (values or [])
        self._autoscaler = autoscaler or {}
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def facts(self) -> dict[str, Any]:
        facts: dict[str, Any] = json.loads((self.data / "system.json").read_text())
        return facts

    @property
    def urls(self) -> dict[str, str]:
        urls: dict[str, str] = self.facts["urls"]
        return urls

    def start(self) -> None:
        profile = self._prepare()
        command: list[str | Path] = [BIN / "knative-local", "run", "--profile", profile, "--data", self.data]
        with (self.folder / "output.log").open("ab") as output:
            self._process = subprocess.Popen(
                command,
                stdout=output,
                stderr=output,
                env=os.environ | {"DATABASE_URL": self.database_url},
                start_new_session=True,
            )
        eventually(self._is_ready, 60, lambda: (self.folder / "output.log").read_text()[-3000:])

    def stop(self) -> None:
        assert self._process is not None
        self._process.terminate()
        assert self._process.wait(30) == 0, (self.folder / "output.log").read_text()[-3000:]

    def url(self, name: str) -> str:
        return self.urls[name]

    def instances(self, name: str) -> list[str]:
        """Their process ids."""
        return [str(pid) for pid in self.facts["pids"].get(name, [])]

    def kill(self, name: str) -> list[str]:
        """kill -9 every process of `name`; return their pids."""
        killed = self.instances(name)
        for pid in killed:
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(pid), signal.SIGKILL)
        return killed

    def wait_ready(self) -> None:
        """Nothing to wait for: what stands in front of the services holds a request until one is up."""

    def is_idle(self) -> bool:
        try:
            status = httpx.get(self.urls["status"] + "/api/status").raise_for_status().json()
        except httpx.HTTPError:
            return False
        return all(trigger["lag"] == 0 for trigger in status["triggers"])

    def describe(self) -> object:
        return self.facts

    def token(self, user: str) -> str:
        form = {"grant_type": "client_credentials", "client_id": user}
        token: str = (
            httpx.post(self.urls["issuer"] + "/token", data=form).raise_for_status().json()["access_token"]
        )
        return token

    def log(self, name: str) -> str:
        return (self.data / "logs" / f"{name}.log").read_text()

    def dead_letters(self) -> list[dict[str, Any]]:
        return self.records("tasks.dead-letter")

    def records(self, topic: str) -> list[dict[str, Any]]:
        """All of them, oldest first."""
        url = f"{self.urls['status']}/api/topics/{topic}/records"
        records: list[dict[str, Any]] = []
        with httpx.Client() as client:
            while (
                page := client.get(url, params={"after": _last(records)}).raise_for_status().json()["records"]
            ):
                records += page
        return records

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Run one of the services' own commands on the system's database."""
        environment = os.environ | {"DATABASE_URL": self.database_url}
        return subprocess.run(
            [BIN / command[0], *command[1:]],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )

    def _is_ready(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, (self.folder / "output.log").read_text()[-3000:]
        return (self.data / "system.json").exists()

    def _prepare(self) -> Path:
        """The rendered chart and the profile with this system's differences."""
        command: list[str | Path] = [sys.executable, ROOT / "helm" / "render.py", "--output", self.folder]
        for value in self._values:
            command += ["--set", value]
        subprocess.run(command, check=True, capture_output=True)
        profile = tomllib.loads((ROOT / "laptop.toml").read_text())
        lines = (ROOT / "laptop.toml").read_text()
        for service, variables in self._environment.items():
            known = profile.get("environment", {}).get(service, {})
            lines = _with_table(lines, f"environment.{service}", known | dict(variables))
        lines = _with_table(lines, "autoscaler", profile.get("autoscaler", {}) | dict(self._autoscaler))
        path = self.folder / "laptop.toml"
        path.write_text(lines)
        return path


def _last(records: list[dict[str, Any]]) -> int:
    position: int = records[-1]["position"] if records else 0
    return position


def _with_table(document: str, name: str, values: Mapping[str, str]) -> str:
    """Replace or append one table of strings in a TOML document."""
    kept: list[str] = []
    inside = False
    for line in document.splitlines():
        if line.startswith("["):
            inside = line.strip() == f"[{name}]"
        if not inside:
            kept.append(line)
    table = [f"[{name}]", *(f"{key} = {json.dumps(value)}" for key, value in values.items())]
    return "\n".join([*kept, *table, ""])


@contextlib.contextmanager
def running(system: LocalSystem) -> Iterator[LocalSystem]:
    """Start, and stop whatever happens; a system that does not stop cleanly fails its test."""
    try:
        system.start()
        yield system
    finally:
        system.stop()
