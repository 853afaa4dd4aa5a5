"""One run of hey, and what its CSV says.

hey ends with 0 even when every request was refused, and leaves a request without an answer out of its CSV. So every
run is given a number of requests, never a time: what is missing from that number failed.
"""

from __future__ import annotations

import asyncio
import csv
import os
import shutil
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from e2e.load.errors import LoadError

COLUMNS = [
    "response-time",
    "DNS+dialup",
    "DNS",
    "Request-write",
    "Response-delay",
    "Response-read",
    "status-code",
    "offset",
]
BODY = '{"title": "Buy groceries"}'
MISSING = "hey is not installed: apt-get install hey, or brew install hey, or see github.com/rakyll/hey"


class Answer(NamedTuple):
    """`started` counts from the start of hey; `columns` is the line as hey wrote it."""

    started: float
    seconds: float
    status: int
    columns: Sequence[str]

    @property
    def succeeded(self) -> bool:
        return 200 <= self.status < 300


class Target(NamedTuple):
    """`environment` tells hey, a Go program, which root to trust: it has no option for that."""

    url: str
    token: str
    environment: Mapping[str, str] = {}


class Size(NamedTuple):
    """`requests` is a multiple of `workers`, as hey rounds it down to one; `rate` is that of all workers."""

    workers: int
    requests: int
    rate: float | None = None


def parse(text: str) -> list[Answer]:
    """Raise LoadError for what is not hey's CSV."""
    header, *lines = list(csv.reader(text.splitlines())) or [[]]
    if header != COLUMNS:
        raise LoadError(f"hey wrote no CSV but {text[:200]!r}")
    return [Answer(float(line[-1]), float(line[0]), int(line[-2]), line) for line in lines]


def command(hey: str, target: Target, size: Size) -> list[str]:
    paced = [] if size.rate is None else ["-q", f"{size.rate / size.workers:.4f}"]
    sent = ["-n", str(size.requests), "-c", str(size.workers), *paced, "-m", "POST", "-d", BODY]
    typed = ["-T", "application/json", "-H", f"Authorization: Bearer {target.token}"]
    return [hey, *sent, *typed, "-disable-redirects", "-o", "csv", target.url]


def find(path: str | None = None) -> str:
    """Raise LoadError where there is none."""
    found = shutil.which("hey", path=path)
    if found is None:
        raise LoadError(MISSING)
    return found


async def run(hey: str, target: Target, size: Size) -> list[Answer]:
    """hey does not outlive the caller."""
    process = await asyncio.create_subprocess_exec(
        *command(hey, target, size),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=os.environ | dict(target.environment),
    )
    try:
        output, errors = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode:
        raise LoadError(f"hey failed: {errors.decode(errors='replace').strip()[:300]}")
    return parse(output.decode())
