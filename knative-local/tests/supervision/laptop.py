"""`knative-local run` as a user starts it, on small manifests and services."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

SCRIPT = Path(sys.executable).with_name("knative-local")
SERVICE_PROGRAM = Path(__file__).parents[1] / "serving" / "service.py"
SECONDS = 60.0

SERVICE = """
apiVersion: serving.knative.dev/v1
kind: Service
metadata:
  name: {name}
  namespace: test
spec:
  template:
    metadata:
      annotations:
        autoscaling.knative.dev/min-scale: "{min_scale}"
        autoscaling.knative.dev/window: 6s
    spec:
      timeoutSeconds: 10
      containers:
        - image: hello
          env:
{variables}            - name: FOLDER
              value: {folder}
            - name: SECRET
              valueFrom:
                secretKeyRef:
                  name: things
                  key: word
          readinessProbe:
            httpGet:
              path: /ready
"""
EVENTING = """
apiVersion: eventing.knative.dev/v1
kind: Broker
metadata:
  name: events
  namespace: test
  annotations:
    eventing.knative.dev/broker.class: Kafka
---
apiVersion: eventing.knative.dev/v1
kind: Trigger
metadata:
  name: hello
  namespace: test
spec:
  broker: events
  subscriber:
    ref:
      apiVersion: serving.knative.dev/v1
      kind: Service
      name: hello
"""
JOB = """
apiVersion: batch/v1
kind: Job
metadata:
  name: {name}
  namespace: test
spec:
  template:
    spec:
      containers:
        - image: shell
          args: ["{script}"]
"""
PROFILE = """
manifests = ["manifests"]
hints = ["curl {{urls.hello}}"]
[images]
hello = ["{python}", "-S", "{program}"]
shell = ["sh", "-c"]
[secrets.things]
word = "hush"
[autoscaler]
scale-to-zero-grace-period = "0s"
"""


class Laptop:
    """The folder `shared` is the services' own: files in it steer them and tell of them."""

    def __init__(self, folder: Path, *, profile: str = "", **manifests: str) -> None:
        self.folder = folder
        self.data = folder / "data"
        self.shared = folder / "shared"
        self.shared.mkdir(parents=True)
        (folder / "manifests").mkdir()
        for name, text in manifests.items():
            (folder / "manifests" / f"{name}.yaml").write_text(text)
        start = PROFILE.format(python=sys.executable, program=SERVICE_PROGRAM)
        (folder / "laptop.toml").write_text(start + profile)
        self.process: subprocess.Popen[str] | None = None

    @classmethod
    def with_service(
        cls, folder: Path, *, min_scale: int = 1, profile: str = "", variables: str = "", **manifests: str
    ) -> Laptop:
        """The service `hello`; `variables` are lines of its `env`."""
        service = SERVICE.format(
            name="hello", min_scale=min_scale, folder=folder / "shared", variables=variables
        )
        return cls(folder, profile=profile, hello=service, **manifests)

    @property
    def output(self) -> str:
        return (self.folder / "output").read_text()

    @property
    def system(self) -> dict[str, Any]:
        system: dict[str, Any] = json.loads((self.data / "system.json").read_text())
        return system

    def command(self, *arguments: str) -> list[str | Path]:
        return [SCRIPT, "run", "--profile", self.folder / "laptop.toml", "--data", self.data, *arguments]

    def refused(self, *arguments: str) -> tuple[int, str]:
        """Exit code and what was said, of a start that does not succeed."""
        done = subprocess.run(
            self.command(*arguments),
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
            env=clean(),
        )
        return done.returncode, done.stderr.strip()

    def start(
        self, *arguments: str, ready: bool = True, environment: Mapping[str, str] | None = None
    ) -> None:
        with (self.folder / "output").open("a") as output:
            self.process = subprocess.Popen(
                self.command(*arguments),
                stdout=output,
                stderr=output,
                text=True,
                env=clean() | dict(environment or {}),
            )
        if ready:
            eventually(lambda: self.ended() or self.is_ready())
            assert not self.ended(), self.output

    def is_ready(self) -> bool:
        """The file of a run that was killed is there until the next one begins."""
        assert self.process is not None
        return (self.data / "system.json").exists() and self.system["pid"] == self.process.pid

    def ended(self) -> bool:
        assert self.process is not None
        return self.process.poll() is not None

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        assert self.process is not None
        self.process.send_signal(number)
        return self.process.wait(SECONDS)

    def get(self, name: str, path: str = "/") -> Any:
        with urllib.request.urlopen(self.system["urls"][name] + path, timeout=SECONDS) as response:
            return json.loads(response.read())

    def pids(self) -> list[int]:
        return [pid for pids in self.system["pids"].values() for pid in pids]


@contextlib.contextmanager
def up(laptop: Laptop, *arguments: str, environment: Mapping[str, str] | None = None) -> Iterator[Laptop]:
    laptop.start(*arguments, environment=environment)
    try:
        yield laptop
    finally:
        if not laptop.ended():
            (laptop.shared / "go").touch()
            assert laptop.stop() == 0, laptop.output


@contextlib.contextmanager
def never_left_behind(laptop: Laptop) -> Iterator[Laptop]:
    """For a test that ends the system itself, and may fail before it does."""
    try:
        yield laptop
    finally:
        if laptop.process is not None and not laptop.ended():
            laptop.process.kill()
            laptop.process.wait()


def clean() -> dict[str, str]:
    """A developer's DATABASE_URL must not turn up in a test."""
    return {name: value for name, value in os.environ.items() if not name.startswith("DATABASE_")}


def eventually(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)
