"""One event from its first attempt to its end: delivered, in the dead letter sink, or dropped."""

from __future__ import annotations

import logging
from typing import Protocol

from knative_local.broker.answers import Accepted, Failed
from knative_local.broker.backoff import Backoff, wait_after
from knative_local.broker.counts import Counts
from knative_local.broker.deadletter import dead_letter
from knative_local.broker.errors import StoreUnavailableError
from knative_local.broker.event import Event
from knative_local.broker.log import Log, Record
from knative_local.contract import Trigger

_STORE_AGAIN_SECONDS = 1.0

logger = logging.getLogger(__name__)


class Poster(Protocol):
    async def post(self, url: str, event: Event, namespace: str, seconds: float) -> Accepted | Failed: ...


class Courier:
    """Delivers the events of one Trigger; while one waits for its next attempt, it keeps its slot."""

    def __init__(self, trigger: Trigger, topic: str, log: Log, client: Poster, backoff: Backoff) -> None:
        self.counts = Counts()
        self._trigger = trigger
        self._topic = topic
        self._log = log
        self._client = client
        self._backoff = backoff

    async def deliver(self, record: Record) -> None:
        """Return when the event is done with; raise `AbandonedError` when the broker stops before that."""
        # Knative overwrites what the producer sent under these names: a position nobody can forge.
        event = record.event.extended(
            {"knativekafkapartition": str(record.partition), "knativekafkaoffset": str(record.offset)}
        )
        answer = await self._persist(self._trigger.subscriber_url, event)
        if isinstance(answer, Failed):
            await self._give_up(event, answer)
        else:
            self.counts.delivered += 1
            await self._reply(answer.reply)

    async def _persist(self, url: str, event: Event) -> Accepted | Failed:
        """Attempt until it is accepted, refused for good, or the retries are used up."""
        delivery = self._trigger.delivery
        attempts = delivery.retry + 1
        for attempt in range(1, attempts + 1):
            answer = await self._client.post(url, event, self._trigger.namespace, delivery.timeout_seconds)
            if isinstance(answer, Accepted):
                return answer
            again = answer.retry and attempt < attempts
            wait = wait_after(attempt, delivery)
            self._report(
                url, event, answer, f"{attempt}/{attempts}" + (f" next_in={wait:g}s" if again else "")
            )
            if not again:
                break
            await self._backoff.rest(wait)
            self.counts.retried += 1
        return answer

    async def _give_up(self, event: Event, failure: Failed) -> None:
        """As in Knative an event that the sink does not take either is dropped: logged and counted."""
        url = self._trigger.delivery.dead_letter_url
        if url is not None:
            letter = dead_letter(event, self._trigger.subscriber_name, failure)
            answer = await self._persist(url, letter)
            if isinstance(answer, Accepted):
                self.counts.dead_lettered += 1
                await self._reply(answer.reply)
                return
        self.counts.dropped += 1
        why = "there is no dead letter sink" if url is None else "the dead letter sink did not take it"
        logger.error("trigger=%s event=%r dropped: %s", self._name, event.name, why)

    async def _reply(self, reply: Event | None) -> None:
        """The request's event is not done before its reply is stored."""
        while reply is not None:
            try:
                await self._log.append(self._topic, reply)
            except StoreUnavailableError as error:
                logger.error("trigger=%s reply=%r waits for the store: %s", self._name, reply.name, error)
                await self._backoff.rest(_STORE_AGAIN_SECONDS)
            else:
                self.counts.replied += 1
                return

    def _report(self, url: str, event: Event, failure: Failed, attempt: str) -> None:
        logger.warning(
            "trigger=%s event=%r url=%s failed=%r attempt=%s",
            self._name,
            event.name,
            url,
            failure.reason,
            attempt,
        )

    @property
    def _name(self) -> str:
        return f"{self._trigger.namespace}/{self._trigger.name}"
