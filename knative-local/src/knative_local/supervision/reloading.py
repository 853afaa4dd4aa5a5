"""Restarts a service when its source changes."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Coroutine, Iterable, Mapping
from pathlib import Path

_INTERVAL = 0.5
_IGNORED = {"__pycache__", ".git", ".venv", "node_modules"}


def fingerprint(folders: Iterable[Path]) -> int:
    """Another number when a file in one of the folders was added, removed or written."""
    seen = []
    for folder in folders:
        for place, inner, files in os.walk(folder):
            inner[:] = [name for name in inner if name not in _IGNORED]
            for name in files:
                try:
                    written = Path(place, name).stat().st_mtime_ns
                except FileNotFoundError:
                    continue
                seen.append((place, name, written))
    return hash(tuple(sorted(seen)))


def watch(watched: Mapping[str, list[Path]], changed: Callable[[str], None]) -> Coroutine[None, None, None]:
    """Until cancelled: call `changed` with the name of each service whose folders are not as before this call."""
    return _watch(watched, changed, {name: fingerprint(folders) for name, folders in watched.items()})


async def _watch(
    watched: Mapping[str, list[Path]], changed: Callable[[str], None], known: dict[str, int]
) -> None:
    while True:
        await asyncio.sleep(_INTERVAL)
        for name, folders in watched.items():
            now = fingerprint(folders)
            if now != known[name]:
                known[name] = now
                changed(name)
