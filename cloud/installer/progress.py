"""The table that grows while the installation runs."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

_ROW = "{:<17} {:<9} {:<10} {:>6}  {}"


@dataclass
class Row:
    """What became of one part; `done` is what the table says."""

    version: str
    done: str = "failed"
    detail: str = ""


def header() -> None:
    print(_ROW.format("PART", "VERSION", "STATE", "TIME", ""), flush=True)


@contextmanager
def row(name: str, version: str) -> Iterator[Row]:
    """Printed when the part is done, however it ended."""
    begin = time.monotonic()
    result = Row(version)
    if sys.stdout.isatty():
        # Overwritten by the row itself; a part may take minutes.
        print(_ROW.format(name, version or "-", "working", "", "").rstrip(), end="\r", flush=True)
    try:
        yield result
    finally:
        seconds = f"{time.monotonic() - begin:.0f} s"
        print(
            _ROW.format(name, result.version or "-", result.done, seconds, result.detail).rstrip(), flush=True
        )
