"""The README's console blocks are run against a fresh system, and print what the README shows."""

from __future__ import annotations

import os
import random
import re
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / ".venv" / "bin" / "knative-local"
# What differs from run to run.
CHANGING = (
    (re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+Z"), "<time>"),
    (re.compile(r"(seconds_to_complete_p\d\d +)[\d.]+"), r"\1<seconds>"),
)


class Step(NamedTuple):
    command: str
    output: str


def steps() -> list[Step]:
    """Each `$ command` of the README with the lines shown below it."""
    blocks = re.findall(r"```console\n(\$ .*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    parts = [part for block in blocks for part in re.split(r"^\$ ", block, flags=re.MULTILINE) if part]
    return [Step(*part.split("\n", 1)) for part in parts]


@pytest.fixture
def port(tmp_path: Path) -> Iterator[int]:
    """The first port of a fresh system with embedded defaults."""
    port = _free_ports()
    environment = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}
    command: list[str | Path] = [SCRIPT, "run", "--data", tmp_path / "data", "--port", str(port)]
    with (tmp_path / "output.log").open("w") as output:
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=output, stderr=output)
    try:
        deadline = time.monotonic() + 60
        while not (tmp_path / "data" / "system.json").exists():
            assert process.poll() is None, (tmp_path / "output.log").read_text()
            assert time.monotonic() < deadline, (tmp_path / "output.log").read_text()
            time.sleep(0.05)
        yield port
    finally:
        process.terminate()
        assert process.wait(30) == 0


def _free_ports(most: int = 10) -> int:
    """The first of some consecutive ports nobody uses; below those a client's connection gets (from 32768 on)."""
    while True:
        start = random.SystemRandom().randrange(20000, 32000)
        if all(_free(port) for port in range(start, start + most)):
            return start


def _free(port: int) -> bool:
    with socket.socket() as listener:
        return listener.connect_ex(("127.0.0.1", port)) != 0


def test_the_first_steps_print_what_the_readme_shows(port: int, tmp_path: Path) -> None:
    (export, *others) = steps()
    environment = os.environ | {"LOCAL_DATA": str(tmp_path / "data")}
    prefix = export.command.replace(":8080", f":{port}")

    for step in others:
        expected = _stable(step.output)
        deadline = time.monotonic() + 30
        # The numbers follow within moments; everything else is right at once, and asked once.
        while (shown := _stable(_run(f"{prefix}; {step.command}", environment))) != expected:
            assert step.command.startswith("make"), f"{step.command} printed {shown}"
            assert time.monotonic() < deadline, f"{step.command} printed {shown}"
            time.sleep(0.2)

    assert len(others) == 6


def _run(command: str, environment: dict[str, str]) -> str:
    done = subprocess.run(
        ["bash", "-c", command], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    return done.stdout


def _stable(text: str) -> str:
    for pattern, replacement in CHANGING:
        text = pattern.sub(replacement, text)
    return text.strip()
