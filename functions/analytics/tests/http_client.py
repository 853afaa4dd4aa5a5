"""A small HTTP client that hides nothing."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import NamedTuple

from task_events import HttpMessage

SECONDS = 20.0
Stream = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Reply(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes


async def post(port: int, message: HttpMessage) -> Reply:
    return await request(port, "POST", "/", message.headers, message.body)


async def request(
    port: int, method: str, path: str, headers: dict[str, str] | None = None, body: bytes = b""
) -> Reply:
    async with connected(port) as (reader, writer):
        writer.write(wire(method, path, headers, body))
        return await read_reply(reader)


def wire(method: str, path: str, headers: dict[str, str] | None = None, body: bytes = b"") -> bytes:
    given = {"host": "test", "content-length": str(len(body))} | (headers or {})
    lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in given.items()), "", ""]
    return "\r\n".join(lines).encode() + body


@contextlib.asynccontextmanager
async def connected(port: int) -> AsyncIterator[Stream]:
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
