"""A real HTTP server whose answers a test decides, and what it was asked."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from aiohttp import web
from multidict import CIMultiDictProxy

DEADLINE_SECONDS = 30.0


@dataclass(frozen=True)
class Seen:
    method: str
    path: str
    headers: CIMultiDictProxy[str]
    body: bytes
    transport: asyncio.Transport

    def say(self, raw: bytes) -> None:
        """Put bytes on the wire that are no HTTP answer."""
        self.transport.write(raw)

    def hang_up(self) -> None:
        self.transport.close()

    @property
    def id(self) -> str:
        return self.headers["ce-id"]


Answer: TypeAlias = Callable[[Seen], Awaitable[web.StreamResponse]]


@dataclass
class Subscriber:
    """`at_once` is the largest number of requests it ever had in hand."""

    url: str
    seen: list[Seen] = field(default_factory=list)
    in_hand: int = 0
    at_once: int = 0
    _changed: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def until(self, fact: Callable[[], bool]) -> None:
        async with asyncio.timeout(DEADLINE_SECONDS), self._changed:
            await self._changed.wait_for(fact)

    async def has_seen(self, count: int) -> list[Seen]:
        await self.until(lambda: len(self.seen) >= count)
        return self.seen

    async def note(self, seen: Seen | None) -> None:
        """A request came, or (None) one was answered."""
        async with self._changed:
            if seen is not None:
                self.seen.append(seen)
            self.in_hand += 1 if seen is not None else -1
            self.at_once = max(self.at_once, self.in_hand)
            self._changed.notify_all()


async def no_content(seen: Seen) -> web.StreamResponse:
    return web.Response(status=204)


def always(status: int, body: bytes = b"", headers: Mapping[str, str] | None = None) -> Answer:
    async def answer(seen: Seen) -> web.StreamResponse:
        return web.Response(status=status, body=body, headers=headers)

    return answer


def in_turn(*answers: Answer) -> Answer:
    """One after the other, the last one for ever."""
    left = list(answers)

    async def answer(seen: Seen) -> web.StreamResponse:
        turn = left.pop(0) if len(left) > 1 else left[0]
        return await turn(seen)

    return answer


def _transport(request: web.BaseRequest) -> asyncio.Transport:
    assert isinstance(request.transport, asyncio.Transport)
    return request.transport


@contextlib.asynccontextmanager
async def subscribing(answer: Answer = no_content) -> AsyncIterator[Subscriber]:
    subscriber = Subscriber("")

    async def handle(request: web.BaseRequest) -> web.StreamResponse:
        seen = Seen(request.method, request.path, request.headers, await request.read(), _transport(request))
        await subscriber.note(seen)
        try:
            return await answer(seen)
        finally:
            await subscriber.note(None)

    # A handler whose caller has gone is cancelled, so that one may wait for ever.
    runner = web.ServerRunner(web.Server(handle, handler_cancellation=True), shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    subscriber.url = f"http://127.0.0.1:{runner.addresses[0][1]}/events"
    try:
        yield subscriber
    finally:
        await runner.cleanup()
