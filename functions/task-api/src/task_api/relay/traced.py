"""The relay's client where a collector gets spans."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from task_api.relay.connection import Answer, Client

if TYPE_CHECKING:
    # At run time only where a collector is named: importing it costs a start.
    from task_api.tracing import Tracing


class TracedClient(Client):
    """A span per attempt, whatever its answer."""

    def __init__(self, url: str, timeout: float, tracing: Tracing) -> None:
        super().__init__(url, timeout)
        self._tracing = tracing
        parts = urlsplit(url)
        self._broker: dict[str, str | int] = {
            "messaging.destination.name": parts.path.strip("/") or "/",
            "server.address": parts.hostname or "",
            "server.port": parts.port or (443 if parts.scheme == "https" else 80),
        }

    async def post(self, headers: Mapping[str, str], body: bytes) -> Answer:
        with self._tracing.publishing(headers, self._broker) as span:
            answer = await super().post(headers, body)
            self._tracing.published(span, answer.status)
            return answer
