"""A request to an instance and its answer back, streamed both ways."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import aiohttp
from aiohttp import hdrs, web
from multidict import CIMultiDict, CIMultiDictProxy
from yarl import URL

from knative_local.ports import LOOPBACK

SMALL_BODY = 64 * 1024  # read before it is sent, so that it can be sent again

_HOP_BY_HOP = frozenset(
    {
        "connection",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
_ANSWERED_HERE = frozenset({"expect"})


class RequestBody:
    """`replayable` says whether the request can be sent to another instance."""

    def __init__(self, request: web.BaseRequest) -> None:
        self._request = request
        self._bytes: bytes | None = None if request.can_read_body else b""
        self._started = False

    @property
    def replayable(self) -> bool:
        return self._bytes is not None or not self._started

    async def prepare(self) -> bytes | AsyncIterator[bytes] | None:
        """What to send; asks the client for it if it waits to be asked."""
        if self._bytes is not None:
            return self._bytes or None
        await self._continue()
        if (self._request.content_length or SMALL_BODY + 1) <= SMALL_BODY:
            self._bytes = await self._request.read()
            return self._bytes
        return self._stream()

    async def _continue(self) -> None:
        if self._request.headers.get(hdrs.EXPECT, "").lower() == "100-continue" and not self._started:
            await self._request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            self._request.writer.output_size = 0  # the answer proper has not begun

    async def _stream(self) -> AsyncIterator[bytes]:
        self._started = True
        async for chunk in self._request.content.iter_any():
            yield chunk


def end_to_end(headers: CIMultiDictProxy[str]) -> CIMultiDict[str]:
    """Without the headers that are meant for this connection only."""
    named = {
        name.strip().lower() for value in headers.getall(hdrs.CONNECTION, ()) for name in value.split(",")
    }
    dropped = _HOP_BY_HOP | _ANSWERED_HERE | named
    return CIMultiDict((name, value) for name, value in headers.items() if name.lower() not in dropped)


def request_headers(request: web.BaseRequest) -> CIMultiDict[str]:
    """The client's own, Host included, and who it is."""
    headers = end_to_end(request.headers)
    client = request.remote or LOOPBACK
    earlier = headers.get("X-Forwarded-For")
    headers["X-Forwarded-For"] = f"{earlier}, {client}" if earlier else client
    headers.setdefault("X-Forwarded-Proto", "http")
    headers.setdefault("X-Forwarded-Host", request.host)
    return headers


def target(request: web.BaseRequest, port: int) -> URL:
    """The path exactly as the client wrote it."""
    path = request.raw_path
    if not path.startswith("/"):  # absolute form, as a proxy gets it
        path = str(URL(path, encoded=True).relative()) if "://" in path else "/"
    return URL(f"http://{LOOPBACK}:{port}{path}", encoded=True)


async def answer(request: web.BaseRequest, upstream: aiohttp.ClientResponse) -> web.StreamResponse:
    """Pass the answer on; one that breaks off breaks off for the client too, instead of looking complete."""
    response = web.StreamResponse(status=upstream.status, reason=upstream.reason)
    response.headers.update(end_to_end(upstream.headers))
    await response.prepare(request)
    try:
        async for chunk in upstream.content.iter_any():
            await response.write(chunk)
        await response.write_eof()
    except (aiohttp.ClientError, TimeoutError):
        _break_off(request)
    except asyncio.CancelledError:  # timeoutSeconds has passed
        _break_off(request)
        raise
    return response


def _break_off(request: web.BaseRequest) -> None:
    if request.transport is not None:
        request.transport.abort()


def new_session() -> aiohttp.ClientSession:
    """For all instances: headers are the client's, connections are not kept longer than servers keep them."""
    return aiohttp.ClientSession(
        # uvicorn closes an idle connection after 5 s; a POST on one that just closes could not be repeated.
        connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=2.0),
        timeout=aiohttp.ClientTimeout(total=None),
        cookie_jar=aiohttp.DummyCookieJar(),
        skip_auto_headers=(hdrs.USER_AGENT, hdrs.ACCEPT, hdrs.ACCEPT_ENCODING, hdrs.CONTENT_TYPE),
        auto_decompress=False,
    )
