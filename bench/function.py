"""The analytics function against single-row inserts, and its cold start against a bare Python."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime

from bench import servers
from bench.api import CLIENTS, SECONDS, Bench
from bench.load import Plan
from bench.measure import Measure
from task_events import EventType, HttpMessage, Task, TaskEvent, TaskEventData, to_binary

IN_FLIGHT = 50
# A row as wide as the log's, unique by source and id like the log, and nothing counted.
TABLE = "CREATE TABLE IF NOT EXISTS baseline_event (LIKE analytics.event INCLUDING ALL)"
INSERT = """
INSERT INTO baseline_event (source, id, type, subject, time, user_id, task_id, version, data)
VALUES ('/task-api', gen_random_uuid()::text, 'task.created', 'tasks/1', now(), 'bench', 1, 1,
        '{"event_id": "0198c1f0-0000-7000-8000-000000000001", "event_type": "task.created",
          "timestamp": "2026-02-03T10:00:00Z", "user_id": "bench",
          "payload": {"task_id": 1, "title": "Buy groceries", "completed": false}}')
"""
# Binds, says so on its own socket, answers one request: the least a Python server can do.
BARE = """
import socket, sys
server = socket.create_server(("127.0.0.1", int(sys.argv[1])))
connection, _ = server.accept()
connection.recv(65536)
connection.sendall(b"HTTP/1.1 204 No Content\\r\\n\\r\\n")
"""


def event(task_id: int) -> HttpMessage:
    now = datetime.now(UTC)
    payload = Task(
        task_id=task_id, title="Buy groceries", completed=False, created_at=now, updated_at=now, version=1
    )
    data = TaskEventData(
        event_id=uuid.uuid4(), event_type=EventType.CREATED, timestamp=now, user_id="bench", payload=payload
    )
    return to_binary(TaskEvent(data=data, version=1))


def rate(bench: Bench, rounds: int, events: int = 5000) -> Iterator[Measure]:
    """Yield `analytics_rate`: distinct events of distinct tasks, 50 deliveries in flight."""
    measure = Measure("analytics_rate", "events, 50 in flight ÷ single-row inserts", "1/s", ">= 0.6", "3")
    bench.sql(TABLE)
    first = 10**9
    with bench.analytics() as url:
        for _ in range(rounds):
            messages = [event(first + number) for number in range(events)]
            first += events
            plan = Plan(
                url=url + "/",
                clients=IN_FLIGHT,
                method="POST",
                bodies=tuple(message.body.decode() for message in messages),
                head_lines=tuple(
                    "\n".join(f"{k}: {v}" for k, v in message.headers.items()) for message in messages
                ),
                requests=events,
                expect=204,
            )
            measure.add(bench.load(plan).rate, bench.raw(INSERT, CLIENTS, SECONDS).rate)
    yield measure


def cold_start(bench: Bench, rounds: int) -> Iterator[Measure]:
    """Yield `cold_start`: exec to the answer of a first event, its database write included."""
    measure = Measure(
        "cold_start", "exec → first event counted ÷ bare Python on a socket", "s", "<= 10", "5.5"
    )
    environment = {"DATABASE_URL": bench.database_url, "HOST": "127.0.0.1", "LOG_LEVEL": "INFO"}
    _first_answer([servers.BIN / "analytics"], environment)  # the run that fills caches does not count
    for _ in range(max(rounds, 7)):
        value = _first_answer([servers.BIN / "analytics"], environment)
        measure.add(value, _first_answer([sys.executable, "-c", BARE], {}))
    yield measure


def _first_answer(command: list[object], environment: dict[str, str]) -> float:
    """Seconds from exec to the 2xx; the port is tried all the time, as the activator does."""
    port = servers.free_port()
    message = event(2 * 10**9 + port)
    lines = [f"{name}: {value}" for name, value in message.headers.items()]
    head = [f"POST / HTTP/1.1\r\nhost: 127.0.0.1:{port}", *lines, f"content-length: {len(message.body)}"]
    request = "\r\n".join(head).encode() + b"\r\n\r\n" + message.body
    arguments = [str(part) for part in command] + ([str(port)] if not environment else [])
    start = time.perf_counter()
    with subprocess.Popen(
        arguments,
        env=os.environ | environment | {"PORT": str(port)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        answer = _ask(port, request)
        seconds = time.perf_counter() - start
        process.terminate()
    assert answer.startswith(b"HTTP/1.1 204"), answer
    return seconds


def _ask(port: int, request: bytes, patience: float = 30) -> bytes:
    deadline = time.perf_counter() + patience
    while time.perf_counter() < deadline:
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=patience) as connection:
                connection.sendall(request)
                return connection.recv(65536)
        except ConnectionRefusedError:
            time.sleep(0.001)
    raise TimeoutError(f"nobody answered on port {port}")
