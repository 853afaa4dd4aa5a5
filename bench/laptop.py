"""`make run` as a user meets it: how long until the first event is counted, and how much memory it holds."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import asyncpg
import httpx

from bench import servers
from bench.measure import Measure

ROOT = Path(__file__).parents[1]


def start(rounds: int) -> Iterator[Measure]:
    """Yield `run_to_first_event` (everything installed, empty data folder) and `idle_memory`."""
    seconds = Measure("run_to_first_event_s", "make run → first counted event, empty data", "s", "<= 8", "5")
    memory = Measure("idle_memory_mb", "PSS of everything, idle, functions at zero", "MB", "<= 400", "250")
    for number in range(rounds):
        with tempfile.TemporaryDirectory() as folder:
            _one(Path(folder), seconds, memory if number == 0 else None)
    yield seconds
    yield memory


def _one(folder: Path, seconds: Measure, memory: Measure | None) -> None:
    begun = time.perf_counter()
    environment = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}
    command: list[str | Path] = [servers.BIN / "knative-local", "run", "--data", folder / "data"]
    with subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        try:
            facts = _facts(folder / "data" / "system.json")
            task_id = _create(facts)
            asyncio.run(_counted(facts["database_url"], task_id))
            seconds.add(time.perf_counter() - begun)
            if memory:
                memory.add(_idle_memory(folder / "data" / "system.json", process.pid))
        finally:
            process.terminate()
            process.wait(30)


def _facts(path: Path, patience: float = 60) -> dict[str, Any]:
    deadline = time.monotonic() + patience
    while not path.exists():
        assert time.monotonic() < deadline, "the system did not come up"
        time.sleep(0.01)
    facts: dict[str, Any] = json.loads(path.read_text())
    return facts


def _create(facts: dict[str, Any]) -> int:
    headers = {"authorization": f"Bearer {servers.token(facts['urls']['issuer'], 'bench')}"}
    answer = httpx.post(
        facts["urls"]["task-api"] + "/v1/tasks", json={"title": "first"}, headers=headers, timeout=30
    )
    task_id: int = answer.raise_for_status().json()["task_id"]
    return task_id


async def _counted(database_url: str, task_id: int) -> None:
    connection = await asyncpg.connect(database_url)
    try:
        query = "SELECT count(*) FROM analytics.event WHERE task_id = $1"
        # Another process counts: there is no event to wait for.
        while not await connection.fetchval(query, task_id):  # noqa: ASYNC110 - as said above
            await asyncio.sleep(0.01)
    finally:
        await connection.close()


def _idle_memory(facts: Path, root: int, patience: float = 180) -> float:
    """Wait for the function to be gone, then add up every process below `root`, in MB (10^6 bytes)."""
    deadline = time.monotonic() + patience
    while json.loads(facts.read_text())["pids"].get("analytics"):
        assert time.monotonic() < deadline, "analytics did not scale to zero"
        time.sleep(0.2)
    return sum(map(_pss, _family(root))) * 1024 / 1e6


def _family(root: int) -> list[int]:
    parents = {int(path.name): _parent(path) for path in Path("/proc").iterdir() if path.name.isdigit()}
    family = [root]
    for pid in family:
        family += [child for child, parent in parents.items() if parent == pid]
    return family


def _parent(process: Path) -> int:
    try:
        # The name may hold spaces and brackets; what follows the last bracket does not.
        return int((process / "stat").read_text().rpartition(")")[2].split()[1])
    except (FileNotFoundError, ProcessLookupError):
        return 0


def _pss(pid: int) -> int:
    """Proportional set size in KiB: shared pages are counted once over all that share them."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
