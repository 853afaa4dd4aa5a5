"""What the person at the terminal sees; a pipe gets the same as plain lines."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from rich.console import Console as RichConsole
    from rich.status import Status


class Console:
    """rich is loaded for a terminal only: it takes memory that a laptop counts."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stdout
        self._started = time.monotonic()
        self._rich: RichConsole | None = None
        self._spinner: Status | None = None
        self.silent = False
        if self._stream.isatty():
            self._go_rich()

    def progress(self, text: str) -> None:
        """One step of the way up, with the seconds it took until here."""
        self._line(f"{time.monotonic() - self._started:5.1f} s  {text}")

    def note(self, text: str) -> None:
        """Something that happened by itself."""
        self._line(f"{time.strftime('%H:%M:%S')}  {text}")

    def ready(self, urls: Mapping[str, str], logs: Path, hints: Sequence[str]) -> None:
        """Everything works: where it is, and what to paste."""
        self._stop_spinner()
        self._line(f"Ready after {time.monotonic() - self._started:.1f} s. Ctrl-C stops everything.\n")
        rows = {**urls, "logs": str(logs)}
        width = max(len(name) for name in rows)
        for name, value in rows.items():
            self._line(f"  {name:<{width}}  {value}")
        for hint in ("", *hints):
            self._line(hint)

    def close(self) -> None:
        self._stop_spinner()

    def _go_rich(self) -> None:
        from rich.console import Console as RichConsole  # noqa: PLC0415 - see the class

        self._rich = RichConsole(file=self._stream, highlight=False, soft_wrap=True)
        self._spinner = self._rich.status("starting")
        self._spinner.start()

    def _stop_spinner(self) -> None:
        if self._spinner is not None:
            self._spinner.stop()
            self._spinner = None

    def _line(self, text: str) -> None:
        if self.silent:
            return
        try:
            if self._rich is None:
                print(text, file=self._stream, flush=True)
            else:
                self._rich.print(text, markup=False)
        except BrokenPipeError:  # who read along has left; the system runs on
            self.silent = True
        except OSError:  # a file on a full disk: this line is lost, the next ones perhaps not
            return
