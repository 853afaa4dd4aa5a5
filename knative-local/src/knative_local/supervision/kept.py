"""A process that must always be there: started, awaited, started again, ended."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

from knative_local.processes.child import Child
from knative_local.processes.keeper import keep


class Kept:
    """`launch` starts one process; it must use the same port every time."""

    def __init__(
        self, name: str, launch: Callable[[], Awaitable[Child]], note: Callable[[str], None]
    ) -> None:
        self._name = name
        self._launch = launch
        self._note = note
        self._child: Child | None = None
        self._keeper: asyncio.Task[None] | None = None

    async def start(self, ready: Callable[[Child], Awaitable[None]]) -> None:
        """Return when it is ready; from then on it is kept."""
        child = await self._start_one()
        await ready(child)
        self._keeper = asyncio.create_task(keep(self._name, child, self._start_one, self._note))

    async def stop(self, grace: float) -> None:
        if self._keeper is not None:
            self._keeper.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._keeper
        if self._child is not None:
            await self._child.end(grace)

    async def _start_one(self) -> Child:
        self._child = await self._launch()
        return self._child
