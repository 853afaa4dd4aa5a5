"""A broker that answers what the test wants and remembers what came."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

from task_events import TaskEvent, from_http, task_event

from .fake_server import Reply, Request, serving


class Delivery(NamedTuple):
    event: TaskEvent
    request: Request
    status: int

    @property
    def task_id(self) -> int:
        return self.event.data.payload.task_id


class Broker:
    """`status_of` decides on each event; by default all are accepted."""

    def __init__(self) -> None:
        self.url = ""
        self.status_of: Callable[[TaskEvent], int] = accept
        self._deliveries: list[Delivery] = []
        self._lock = threading.Lock()

    def answer(self, request: Request) -> Reply:
        event = task_event(from_http(request.headers, request.body))
        assert event is not None
        with self._lock:
            status = self.status_of(event)
            self._deliveries.append(Delivery(event, request, status))
        return Reply(status)

    def deliveries(self, task_id: int) -> list[Delivery]:
        with self._lock:
            return [delivery for delivery in self._deliveries if delivery.task_id == task_id]

    def accepted(self, task_id: int) -> list[Delivery]:
        return [delivery for delivery in self.deliveries(task_id) if delivery.status < 300]


def accept(_event: TaskEvent) -> int:
    return 202


@contextmanager
def broker_serving() -> Iterator[Broker]:
    broker = Broker()
    with serving(broker.answer) as url:
        broker.url = f"{url}/task-system/tasks"
        yield broker
