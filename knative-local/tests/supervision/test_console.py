from __future__ import annotations

import contextlib
import errno
import io
import os
import pty
from pathlib import Path

from knative_local.supervision.console import Console


class _ClosedPipe(io.StringIO):
    def write(self, text: str) -> int:
        raise BrokenPipeError


class _FullDisk(io.StringIO):
    full = True

    def write(self, text: str) -> int:
        if self.full:
            raise OSError(errno.ENOSPC, "No space left on device")
        return super().write(text)


def read_all(descriptor: int) -> str:
    """Until the other end is closed, which Linux tells with an error."""
    parts = []
    with contextlib.suppress(OSError):
        while part := os.read(descriptor, 65536):
            parts.append(part)
    os.close(descriptor)
    return b"".join(parts).decode()


def test_a_terminal_gets_the_same_words_with_a_spinner_before_them() -> None:
    reading, writing = pty.openpty()
    with os.fdopen(writing, "w") as terminal:
        console = Console(terminal)
        console.progress("database ready [not markup]")
        console.ready({"api": "http://a"}, Path("/logs"), ["curl http://a"])
        console.close()
    shown = read_all(reading)

    assert "database ready [not markup]" in shown
    assert "curl http://a" in shown
    assert "\x1b[" in shown


def test_who_stops_reading_along_does_not_stop_the_system() -> None:
    console = Console(_ClosedPipe())
    console.note("something happened")
    console.ready({}, Path("/logs"), [])

    assert console.silent


def test_a_line_that_finds_the_disk_full_is_lost_and_the_next_ones_are_not() -> None:
    disk = _FullDisk()
    console = Console(disk)
    console.note("lost")
    disk.full = False
    console.note("written")

    assert "written" in disk.getvalue()
    assert "lost" not in disk.getvalue()
