"""A pool of asyncpg connections for single statements.

asyncpg's own pool resets what it takes back, in a task of its own: as much CPU time as reading a task (40 µs of
85, measured). No statement here leaves session state, so what comes back healthy can be lent again as it is.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable

import asyncpg

# Each connection is a process of PostgreSQL, with its memory.
_IDLE_SECONDS = 60.0


class Pool:
    """Opens connections on first use, at most `size`; the one used last is lent first."""

    def __init__(
        self, connect: Callable[[], Awaitable[asyncpg.Connection]], *, size: int, timeout: float
    ) -> None:
        self._connect = connect
        self._size = size
        self._timeout = timeout
        self._idle: deque[tuple[float, asyncpg.Connection]] = deque()
        self._open = 0
        self._waiting: deque[asyncio.Future[None]] = deque()

    async def acquire(self) -> asyncpg.Connection:
        """Raise TimeoutError where all are lent for too long, and what connecting raises."""
        while True:
            while self._idle:
                _, connection = self._idle.pop()
                if not connection.is_closed():
                    return connection
                self._open -= 1
            if self._open < self._size:
                return await self._opened()
            await self._turn()

    def release(self, connection: asyncpg.Connection) -> None:
        """Take back a connection whose last statement has ended."""
        if connection.is_closed():
            self._open -= 1
        else:
            now = time.monotonic()
            self._idle.append((now, connection))
            self._close_idle(now - _IDLE_SECONDS)
        self._next()

    def discard(self, connection: asyncpg.Connection) -> None:
        """Take back a connection nobody knows the state of."""
        connection.terminate()
        self._open -= 1
        self._next()

    async def close(self) -> None:
        while self._idle:
            await self._idle.pop()[1].close(timeout=self._timeout)

    async def _opened(self) -> asyncpg.Connection:
        self._open += 1
        try:
            return await self._connect()
        except BaseException:
            self._open -= 1
            self._next()
            raise

    async def _turn(self) -> None:
        """Wait until one has come back; whoever is faster may still get it, then we wait again."""
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            async with asyncio.timeout(self._timeout):
                await turn
        except BaseException:
            if turn.done() and not turn.cancelled():
                self._next()  # ours to take and not taken: the next in line may have it
            raise

    def _next(self) -> None:
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                return

    def _close_idle(self, before: float) -> None:
        while self._idle[0][0] < before:
            self._idle.popleft()[1].terminate()
            self._open -= 1
