"""PingSources: an event to an address whenever the schedule says so."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cronsim import CronSim, CronSimError

from knative_local.broker.answers import Accepted
from knative_local.broker.backoff import Sleep
from knative_local.broker.delivery import Poster
from knative_local.broker.event import Event
from knative_local.contract import Ping
from knative_local.errors import UsageError

_RETRIES = 5  # and 50 ms, doubled each time: Knative's own adapter
_FIRST_WAIT_SECONDS = 0.05
_TIMEOUT_SECONDS = 60.0
_LONGEST_SLEEP_SECONDS = 30.0  # a suspended laptop's clock jumps; the sleep's clock does not

logger = logging.getLogger(__name__)


class PingSource:
    """Sends for ever; a tick that was missed (suspended machine) is sent once, late."""

    def __init__(
        self,
        ping: Ping,
        client: Poster,
        now: Callable[[tzinfo], datetime] = datetime.now,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self._ping = ping
        self._client = client
        self._now = now
        self._sleep = sleep
        self._zone = _zone(ping)
        self._next_after(now(self._zone))  # a schedule nobody can read is refused at the start

    async def run(self) -> None:
        while True:
            due = self._next_after(self._now(self._zone))
            while (left := (due - self._now(self._zone)).total_seconds()) > 0:
                await self._sleep(min(left, _LONGEST_SLEEP_SECONDS))
            await self._send()

    def _next_after(self, moment: datetime) -> datetime:
        schedule = self._ping.schedule
        with contextlib.suppress(CronSimError, StopIteration):
            if len(schedule.split()) == 5:  # CronSim would take seconds too, which Knative does not
                return next(CronSim(schedule, moment))
        name = f"{self._ping.namespace}/{self._ping.name}"
        raise UsageError(f"PingSource {name}: schedule {schedule!r} is not a cron line of five fields")

    async def _send(self) -> None:
        event = self._event()
        wait = _FIRST_WAIT_SECONDS
        for retries_left in range(_RETRIES, -1, -1):
            answer = await self._client.post(
                self._ping.sink_url, event, self._ping.namespace, _TIMEOUT_SECONDS
            )
            if isinstance(answer, Accepted):
                return
            logger.warning("ping=%s failed=%r retries_left=%d", event.name, answer.reason, retries_left)
            if not answer.retry or not retries_left:
                return
            await self._sleep(wait)
            wait *= 2

    def _event(self) -> Event:
        ping = self._ping
        attributes = {
            "specversion": "1.0",
            "id": str(uuid.uuid4()),
            "source": f"/apis/v1/namespaces/{ping.namespace}/pingsources/{ping.name}",
            "type": "dev.knative.sources.ping",
            "time": self._now(UTC).isoformat().replace("+00:00", "Z"),
        }
        if ping.content_type:
            attributes["datacontenttype"] = ping.content_type
        return Event(attributes, ping.data.encode() if ping.data else None)


def _zone(ping: Ping) -> tzinfo:
    try:
        return ZoneInfo(ping.timezone) if ping.timezone else UTC
    except (ZoneInfoNotFoundError, ValueError) as error:
        name = f"{ping.namespace}/{ping.name}"
        raise UsageError(f"PingSource {name}: {ping.timezone!r} is not a time zone") from error
