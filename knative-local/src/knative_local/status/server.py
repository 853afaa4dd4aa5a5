"""``GET /``, ``/api/status`` and ``/api/topics/{topic}/records``."""

from __future__ import annotations

import asyncio
import re
import sqlite3
from collections.abc import Awaitable, Callable
from pathlib import Path
from urllib.parse import unquote

import msgspec
from aiohttp import web

from knative_local.broker import reading
from knative_local.serving.activator import problem
from knative_local.status.page import render
from knative_local.status.snapshot import Snapshot

_RECORDS = re.compile(r"/api/topics/(?P<topic>[^/]+)/records")
_LARGEST_NUMBER = 2**63 - 1


class StatusServer:
    """Reads only: nothing can be changed through it."""

    def __init__(self, snapshot: Callable[[], Awaitable[Snapshot]], store: Path) -> None:
        self._snapshot = snapshot
        self._store = store

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        if request.method not in {"GET", "HEAD"}:
            return problem(405, "Method not allowed", "the status can only be read")
        try:
            return await self._answer(request)
        except sqlite3.Error as error:
            return problem(503, "The store cannot be read", str(error))

    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse:
        path = request.raw_path.partition("?")[0]
        if path == "/":
            return web.Response(text=render(await self._snapshot()), content_type="text/html")
        if path == "/api/status":
            return _json(await self._snapshot())
        records = _RECORDS.fullmatch(path)
        if records is not None:
            return await self._records(request, unquote(records["topic"]))
        return problem(404, "Not found", "there are /, /api/status and /api/topics/{topic}/records")

    async def _records(self, request: web.BaseRequest, topic: str) -> web.StreamResponse:
        numbers = {"after": 0, "limit": 100}
        for name in numbers.keys() & request.rel_url.query.keys():
            text = request.rel_url.query[name]
            if not text.isascii() or not text.isdecimal() or len(text) > 19 or int(text) > _LARGEST_NUMBER:
                return problem(400, "Bad request", f"{name} is not a number: {text!r}")
            numbers[name] = int(text)
        found = await asyncio.to_thread(reading.records, self._store, topic, **numbers)
        return _json({"records": found})


def _json(value: object) -> web.Response:
    return web.Response(body=msgspec.json.encode(value), content_type="application/json")
