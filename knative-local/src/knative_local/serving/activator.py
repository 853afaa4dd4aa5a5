"""The address of a service: holds requests until an instance can take them."""

from __future__ import annotations

import asyncio
import time

import aiohttp
import msgspec
from aiohttp import web

from knative_local.serving import forwarding
from knative_local.serving.balancer import OverloadError
from knative_local.serving.instance import Instance
from knative_local.serving.revision import Revision

_IDEMPOTENT = {"GET", "HEAD", "OPTIONS", "PUT", "DELETE", "TRACE"}
_ATTEMPTS = 5


class _UnreachableError(Exception):
    """The instance took no connection, or ended before it answered."""

    def __init__(self, *, refused: bool) -> None:
        super().__init__()
        self.refused = refused


class Activator:
    """Always in the path, which costs a hop and saves a second way."""

    def __init__(self, revision: Revision, session: aiohttp.ClientSession) -> None:
        self._revision = revision
        self._session = session

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        meter = self._revision.meter
        meter.enter(time.monotonic())
        exchange = _Exchange(self._revision, self._session, request)
        try:
            async with asyncio.timeout(self._revision.plan.timeout_seconds or None):
                return await exchange.run()
        except TimeoutError:
            return exchange.timed_out()
        except OverloadError as error:
            return problem(503, "Overloaded", str(error))
        finally:
            meter.leave(time.monotonic())


class _Exchange:
    """One request on its way."""

    def __init__(self, revision: Revision, session: aiohttp.ClientSession, request: web.BaseRequest) -> None:
        self._revision = revision
        self._session = session
        self._request = request
        self._body = forwarding.RequestBody(request)
        self._headers = forwarding.request_headers(request)
        self._held = True

    async def run(self) -> web.StreamResponse:
        for _ in range(_ATTEMPTS):
            self._held = True
            instance = await self._instance()
            self._held = False
            try:
                return await self._send(instance)
            except _UnreachableError as failure:
                instance.suspect()
                if not self._may_repeat(failure):
                    break
            finally:
                self._revision.balancer.release(instance)
        return problem(502, "Bad gateway", "the instance ended before it answered")

    def timed_out(self) -> web.StreamResponse:
        """504 when an instance was too slow, 503 when there was none."""
        plan = self._revision.plan
        if self._held:
            why = self._revision.last_note or "none is ready"
            return problem(503, "No instance", f"waited {plan.held_seconds:g} s for an instance: {why}")
        return problem(504, "Timeout", f"the instance did not answer within {plan.timeout_seconds} s")

    async def _instance(self) -> Instance:
        self._revision.poke()
        async with asyncio.timeout(self._revision.plan.held_seconds):
            return await self._revision.balancer.acquire()

    def _may_repeat(self, failure: _UnreachableError) -> bool:
        """A connection that was refused carried nothing; otherwise only what may be done twice."""
        return self._body.replayable and (failure.refused or self._request.method in _IDEMPOTENT)

    async def _send(self, instance: Instance) -> web.StreamResponse:
        try:
            upstream = await self._first_byte(instance)
        except TimeoutError:  # aiohttp's own is a ClientError too
            raise TimeoutError from None
        except aiohttp.ClientConnectorError:
            raise _UnreachableError(refused=True) from None
        except (aiohttp.ClientError, ConnectionError):
            raise _UnreachableError(refused=False) from None
        async with upstream:
            return await forwarding.answer(self._request, upstream)

    async def _first_byte(self, instance: Instance) -> aiohttp.ClientResponse:
        plan = self._revision.plan
        async with asyncio.timeout(plan.response_start_seconds or None):
            return await self._session.request(
                self._request.method,
                forwarding.target(self._request, instance.port),
                headers=self._headers,
                data=await self._body.prepare(),
                allow_redirects=False,
                timeout=aiohttp.ClientTimeout(total=None, sock_read=plan.idle_seconds or None),
            )


def problem(status: int, title: str, detail: str) -> web.Response:
    """What the activator itself has to say, as RFC 9457 wants it."""
    body = msgspec.json.encode({"title": title, "status": status, "detail": detail})
    headers = {"Retry-After": "1"} if status == 503 else None
    return web.Response(status=status, body=body, content_type="application/problem+json", headers=headers)
