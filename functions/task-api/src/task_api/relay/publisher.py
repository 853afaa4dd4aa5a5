"""One outbox row, one POST, one verdict."""

from __future__ import annotations

import logging
import random

import msgspec

from task_api import logs
from task_api.metrics import Metrics
from task_api.relay.answers import Verdict, seconds_to_wait, verdict
from task_api.relay.connection import Answer, Client, NoAnswer
from task_api.relay.pace import Pace
from task_api.repository.outbox import Claimed, Postponed
from task_events import EventType, Task, TaskEvent, TaskEventData, to_binary

logger = logging.getLogger(__name__)

_FIRST_BACKOFF_SECONDS = 0.2
_read_task = msgspec.json.Decoder(Task).decode


class Publisher:
    """Says what becomes of a row; the loop writes it down."""

    def __init__(self, client: Client, pace: Pace, metrics: Metrics, *, longest_backoff: float) -> None:
        self._client = client
        self._pace = pace
        self._metrics = metrics
        self._longest_backoff = longest_backoff
        self._counters = {result: metrics.relayed.labels(result) for result in Verdict}

    async def publish(self, row: Claimed) -> Postponed | None:
        """Return None where the broker has the event."""
        logs.trace_id.set(row.traceparent and row.traceparent[3:35])
        try:
            answer = await self._client.post(*to_binary(_event(row)))
            reason = f"the broker answered {answer.status}"
        except NoAnswer as error:
            answer, reason = Answer(0, None), str(error)
        result = verdict(answer.status or None)
        self._counters[result].inc()
        if result is Verdict.ACCEPTED:
            self._recover()
            return None
        park = result is Verdict.PARK
        if park:
            logger.warning("event %s of task %d is parked: %s", row.event_id, row.task_id, reason)
        else:
            self._slow_down(reason, refused=result is Verdict.PAUSE)
        delay = max(self._backoff(row.attempts), seconds_to_wait(answer.retry_after))
        return Postponed(row.task_id, row.version, delay, reason[:500], park)

    def _backoff(self, attempts: int) -> float:
        longest = min(self._longest_backoff, _FIRST_BACKOFF_SECONDS * 2.0 ** min(attempts, 30))
        return longest * (0.5 + random.random() / 2)

    def _recover(self) -> None:
        if self._pace.troubled:
            logger.info("the broker accepts events again")
        self._pace.accepted()
        self._metrics.relay_paused.set(0)

    def _slow_down(self, reason: str, *, refused: bool) -> None:
        """Say once when trouble begins, and once when it turns out to be ours."""
        was_troubled, was_refused = self._pace.troubled, self._pace.refused
        if refused:
            self._pace.refuse()
        else:
            self._pace.failed()
        self._metrics.relay_paused.set(self._pace.refused)
        if self._pace.refused and not was_refused:
            logger.error("the relay is paused, K_SINK refuses every event: %s", reason)
        elif self._pace.troubled and not was_troubled:
            logger.warning("the broker is in trouble, the relay goes slow: %s", reason)


def _event(row: Claimed) -> TaskEvent:
    data = TaskEventData(
        event_id=row.event_id,
        event_type=EventType(row.type),
        timestamp=row.time,
        user_id=row.user_id,
        payload=_read_task(row.payload),
    )
    return TaskEvent(data=data, version=row.version, traceparent=row.traceparent, tracestate=row.tracestate)
