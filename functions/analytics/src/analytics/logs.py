"""JSON logs, one object per line."""

from __future__ import annotations

import asyncio
import logging
import sys
import time
from collections.abc import Mapping
from datetime import UTC, datetime

import msgspec

_encode = msgspec.json.Encoder(enc_hook=str).encode


class JsonFormatter(logging.Formatter):
    """What a caller passes as `extra={"context": {...}}` is part of the line.

    Ours because python-json-logger costs a cold start a tenth of its time (measured: 14 of 120 ms).
    """

    def format(self, record: logging.LogRecord) -> str:
        context: dict[str, object] = {**getattr(record, "context", {})}
        if record.exc_info:
            context["exception"] = self.formatException(record.exc_info)
        return _line(record.created, record.levelname, record.name, record.getMessage(), context)


class TogetherHandler(logging.Handler):
    """Writes the lines of one turn of the event loop with one system call: a batch of events is one."""

    def __init__(self) -> None:
        super().__init__()
        self._lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self._add(self.format(record))

    def note(self, message: str, context: Mapping[str, object]) -> None:
        """As `logging.info`, for what is said once per event (measured: 1.1 us instead of 4.7)."""
        self._add(_line(time.time(), "INFO", "analytics", message, context))

    def flush(self) -> None:
        # Taken first: the thread that sends spans may log meanwhile.
        lines, self._lines = self._lines, []
        if lines:
            sys.stderr.write("\n".join([*lines, ""]))
            sys.stderr.flush()

    def _add(self, line: str) -> None:
        self._lines.append(line)
        if len(self._lines) > 1:
            return
        try:
            asyncio.get_running_loop().call_soon(self.flush)
        except RuntimeError:
            self.flush()


def _line(moment: float, level: str, logger: str, message: str, context: Mapping[str, object]) -> str:
    head = {
        "timestamp": datetime.fromtimestamp(moment, UTC),
        "level": level,
        "logger": logger,
        "message": message,
    }
    return _encode({**head, **context}).decode()


def configure_logs(level: str) -> TogetherHandler:
    """Logs go to stderr; stdout is a command's result."""
    # Not in our lines, and half of what a log call costs.
    logging._srcfile = None  # noqa: SLF001 - the optimisation logging's own documentation describes
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    handler = TogetherHandler()
    handler.setFormatter(JsonFormatter())
    logging.basicConfig(level=level, handlers=[handler], force=True)
    return handler
