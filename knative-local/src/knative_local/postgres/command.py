"""``knative-local postgres``: a PostgreSQL for as long as the command runs."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from pathlib import Path
from typing import Literal

from knative_local.errors import StartError, UsageError
from knative_local.lifeline import tied
from knative_local.postgres.server import Server


async def serve(data: Path, command: list[str], *, ephemeral: bool) -> int:
    """Print the URL as the first line, then run until a signal, the command's end, or the server's."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        loop.add_signal_handler(number, stop.set)
    folder = data / "postgres"
    server = Server(folder, folder / "server.log", ephemeral=ephemeral)
    try:
        await server.start()
        print(server.url(), flush=True)
        ended = asyncio.create_task(server.wait())
        asked = asyncio.create_task(stop.wait())
        if command:
            return await _with_command(command, server.url(), asked)
        await asyncio.wait((ended, asked), return_when=asyncio.FIRST_COMPLETED)
        if not asked.done():
            raise StartError(f"PostgreSQL ended by itself, see {folder / 'server.log'}")
    finally:
        await server.stop()
    return 0


async def _with_command(command: list[str], url: str, asked: asyncio.Task[Literal[True]]) -> int:
    try:
        child = await asyncio.create_subprocess_exec(
            *command, env={**os.environ, "DATABASE_URL": url}, preexec_fn=tied(signal.SIGTERM)
        )
    except OSError as error:
        raise UsageError(f"{command[0]}: {error.strerror}") from None

    def pass_on(_: object) -> None:
        if child.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(child.pid, signal.SIGTERM)

    asked.add_done_callback(pass_on)
    code = await child.wait()
    return code if code >= 0 else 128 - code
