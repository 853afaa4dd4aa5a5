"""The function as the platform runs it: its own process, an environment, HTTP."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from task_events import HttpMessage

SECONDS = 20.0


class Reply(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes


class Process:
    def __init__(self, arguments: Sequence[str], environment: dict[str, str], log: Path) -> None:
        self._log = log
        script = Path(sys.executable).with_name("analytics")
        kept = {name: os.environ[name] for name in ("PATH", "PYTHONPYCACHEPREFIX") if name in os.environ}
        settings = {"HOST": "127.0.0.1", "PORT": "0"} | environment
        with log.open("w") as stderr:
            self._process = subprocess.Popen(
                [script, *arguments], env=kept | settings, stdout=subprocess.PIPE, stderr=stderr
            )
        self.pid = self._process.pid

    def logs(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.stderr().splitlines() if line.startswith("{")]

    def stderr(self) -> str:
        return self._log.read_text()

    async def port(self) -> int:
        deadline = time.monotonic() + SECONDS
        while time.monotonic() < deadline:
            for line in self.logs():
                if line["message"].startswith("listening on "):
                    return int(line["message"].rpartition(":")[2])
            assert self._process.poll() is None, self.stderr()
            await asyncio.sleep(0.01)
        raise TimeoutError(self.stderr())

    def signal(self, number: int) -> None:
        self._process.send_signal(number)

    def wait(self) -> int:
        return self._process.wait(SECONDS)

    def output(self) -> str:
        return self._process.communicate(timeout=SECONDS)[0].decode()

    def kill(self) -> None:
        self._process.kill()
        self._process.communicate()


async def post(port: int, message: HttpMessage) -> Reply:
    return await request(port, "POST", "/", message.headers, message.body)


async def request(
    port: int, method: str, path: str, headers: dict[str, str] | None = None, body: bytes = b""
) -> Reply:
    given = {"host": "test", "content-length": str(len(body))} | (headers or {})
    lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in given.items()), "", ""]
    async with connected(port) as (reader, writer):
        writer.write("\r\n".join(lines).encode() + body)
        return await read_reply(reader)


@contextlib.asynccontextmanager
async def connected(port: int) -> Any:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        yield reader, writer
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


async def read_reply(reader: asyncio.StreamReader) -> Reply:
    head = (await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), SECONDS)).decode()
    first, *lines = head.removesuffix("\r\n\r\n").split("\r\n")
    headers = dict(line.lower().split(": ", 1) for line in lines)
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return Reply(int(first.split()[1]), headers, body)
