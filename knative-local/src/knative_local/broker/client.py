"""One attempt to hand an event to a URL, as Knative's dispatcher does it."""

from __future__ import annotations

from typing import Self

import aiohttp

from knative_local.broker.answers import ERROR_DATA, Accepted, Failed, judge
from knative_local.broker.event import LARGEST_RECORD, Event
from knative_local.broker.http_binding import to_binary

# Below uvicorn's 5 s: a connection the server is about to close would cost an attempt.
_KEEP_ALIVE_SECONDS = 4.0
_TRACE = ("traceparent", "tracestate")


class Client:
    """`async with` it; connections are kept and not limited: the slots of the Triggers limit them."""

    def __init__(self) -> None:
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=_KEEP_ALIVE_SECONDS),
            headers={"User-Agent": "knative-local"},
            skip_auto_headers=("Accept", "Accept-Encoding", "Content-Type"),
            auto_decompress=False,
            cookie_jar=aiohttp.DummyCookieJar(),
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._session.close()

    async def post(self, url: str, event: Event, namespace: str, seconds: float) -> Accepted | Failed:
        """An answer that is not complete after `seconds` is a failure like a refused connection."""
        headers = [("Prefer", "reply"), ("Kn-Namespace", namespace), *to_binary(event), *_trace(event)]
        try:
            async with self._session.post(
                url,
                data=event.data or b"",
                headers=headers,
                allow_redirects=False,
                timeout=aiohttp.ClientTimeout(total=seconds),
            ) as response:
                limit = LARGEST_RECORD if response.status < 300 else ERROR_DATA
                body = await _up_to(limit, response.content)
                return judge(response.status, response.headers, body)
        except TimeoutError:
            return Failed(f"no answer within {seconds:g} s", retry=True)
        except (aiohttp.ClientError, OSError) as error:
            return Failed(f"no answer: {error!r}", retry=True)


def _trace(event: Event) -> list[tuple[str, str]]:
    """Only the event's own trace: what Knative's dispatcher sends may be another event's (measured)."""
    found = ((name, event.attributes.get(name, "")) for name in _TRACE)
    return [(name, value) for name, value in found if value and value.isascii()]


async def _up_to(limit: int, content: aiohttp.StreamReader) -> bytes:
    """A body that is longer comes cut, but longer than `limit`; its connection is then not used again."""
    body = bytearray()
    async for chunk in content.iter_any():
        body += chunk
        if len(body) > limit:
            break
    return bytes(body)
