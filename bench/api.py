"""The task API against raw asyncpg: authentication, logs and metrics on, fsync on."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import msgspec

from bench import servers
from bench.load import Plan, Result
from bench.measure import Measure
from bench.raw import RawPlan

SECONDS = 1.5
CLIENTS = 16
TITLE = "Buy groceries"
# The same two rows as a create of the API writes, in the same single statement.
INSERT = f"""
WITH task AS (
    INSERT INTO tasks.task (user_id, title) VALUES ('baseline', '{TITLE}') RETURNING *
)
INSERT INTO tasks.outbox (event_id, type, task_id, version, user_id, time, payload)
SELECT gen_random_uuid(), 'task.created', task_id, version, user_id, now(),
       '{{"task_id": 1, "title": "{TITLE}", "completed": false, "priority": 3, "version": 1}}'
FROM task
"""


class Bench:
    """One database, one issuer and one stub broker; services come and go."""

    def __init__(self, stack: ExitStack, folder: Path) -> None:
        self.stack, self.folder = stack, folder
        self.database_url = stack.enter_context(servers.postgres(folder))
        self.issuer = stack.enter_context(servers.issuer(folder))
        self.stub = stack.enter_context(servers.stub_broker(folder))
        servers.migrate("task-api", self.database_url)
        servers.migrate("analytics", self.database_url)
        self.headers = {
            "authorization": f"Bearer {servers.token(self.issuer, 'bench')}",
            "content-type": "application/json",
        }

    def task_api(self, sink: str | None) -> Any:
        environment = {"DATABASE_URL": self.database_url, "OIDC_ISSUER": self.issuer}
        return servers.service("task-api", self.folder, environment | ({"K_SINK": sink} if sink else {}))

    def analytics(self) -> Any:
        return servers.service("analytics", self.folder, {"DATABASE_URL": self.database_url})

    def load(self, plan: Plan) -> Result:
        return _child("bench.load", msgspec.json.encode(plan))

    def raw(self, statement: str, connections: int, seconds: float = SECONDS) -> Result:
        return _child(
            "bench.raw", msgspec.json.encode(RawPlan(self.database_url, connections, statement, seconds))
        )

    def sql(self, statement: str) -> None:
        """Run one statement once."""
        self.raw(statement, 1, 0.0)

    def creates(self, url: str, clients: int, **bounds: Any) -> Result:
        """`bounds` are those of `Plan`: seconds, requests, pause."""
        plan = Plan(
            url=f"{url}/v1/tasks",
            clients=clients,
            method="POST",
            headers=self.headers,
            bodies=(json.dumps({"title": TITLE}),),
            expect=201,
            **({"seconds": SECONDS} | bounds),
        )
        return self.load(plan)

    def reads(self, url: str, path: str) -> Result:
        return self.load(Plan(url=url + path, clients=CLIENTS, headers=self.headers, seconds=SECONDS))

    def forget_arrivals(self) -> None:
        httpx.delete(self.stub).raise_for_status()

    def arrivals(self, count: int) -> dict[str, Any]:
        """Wait for so many events at the stub, and return its account of them."""
        answer: dict[str, Any] = httpx.get(f"{self.stub}/{count}", timeout=60).json()
        return answer


def _child(module: str, plan: bytes) -> Result:
    done = subprocess.run([sys.executable, "-m", module], input=plan, stdout=subprocess.PIPE, check=True)
    return msgspec.json.decode(done.stdout, type=Result)


def creates(bench: Bench, rounds: int) -> Iterator[Measure]:
    """Yield `create_p50` and `create_rate`; the broker is there and accepts."""
    p50 = Measure("create_p50", "create, 1 client, p50 ÷ raw insert of the same rows", "s", "<= 4.0", "2.2")
    rate = Measure("create_rate", "create, 16 clients ÷ raw loop", "1/s", ">= 0.20", "0.48")
    with bench.task_api(bench.stub) as url:
        bench.creates(url, CLIENTS)
        for _ in range(rounds):
            p50.add(_p50(bench.creates(url, 1)), _p50(bench.raw(INSERT, 1)))
            rate.add(bench.creates(url, CLIENTS).rate, bench.raw(INSERT, CLIENTS).rate)
            bench.sql("DELETE FROM tasks.outbox WHERE user_id = 'baseline'")
    yield p50
    yield rate


def reads(bench: Bench, rounds: int) -> Iterator[Measure]:
    """Yield `list50` and `read_one` of a user with a few hundred tasks."""
    listing = Measure("list50", "list of 50 ÷ raw", "1/s", ">= 0.25", "0.48")
    one = Measure("read_one", "read one ÷ raw", "1/s", ">= 0.10", "0.27")
    with bench.task_api(None) as url:
        bench.creates(url, 4, requests=300, seconds=60)
        items = httpx.get(f"{url}/v1/tasks?limit=50", headers=bench.headers).json()["items"]
        task_id = items[0]["task_id"]
        # What the API's default list asks: the user's live tasks, newest first.
        live = "SELECT * FROM tasks.task WHERE user_id = 'bench' AND deleted_at IS NULL"
        fifty = f"{live} ORDER BY created_at DESC, task_id DESC LIMIT 50"
        single = f"{live} AND task_id = {task_id}"
        # Both sides plan by the same statistics: with those of an empty table the raw list takes 60 times as long.
        bench.sql("ANALYZE tasks.task")
        for _ in range(rounds):
            listing.add(bench.reads(url, "/v1/tasks?limit=50").rate, bench.raw(fifty, CLIENTS).rate)
            one.add(bench.reads(url, f"/v1/tasks/{task_id}").rate, bench.raw(single, CLIENTS).rate)
    yield listing
    yield one


def broker_dead(bench: Bench, rounds: int) -> Iterator[Measure]:
    """Yield `create_broker_dead`: two processes, one with a broker nobody listens for."""
    dead_or_alive = Measure("create_broker_dead", "creates, broker dead ÷ healthy", "1/s", ">= 0.9", "0.98")
    dead_sink = f"http://127.0.0.1:{servers.free_port()}"
    for _ in range(rounds):
        with bench.task_api(bench.stub) as url:
            bench.creates(url, CLIENTS, seconds=0.5)
            healthy = bench.creates(url, CLIENTS).rate
        with bench.task_api(dead_sink) as url:
            bench.creates(url, CLIENTS, seconds=0.5)
            dead_or_alive.add(bench.creates(url, CLIENTS).rate, healthy)
        bench.sql("TRUNCATE tasks.outbox")
    yield dead_or_alive


def relay(bench: Bench, rounds: int, backlog: int = 4000) -> Iterator[Measure]:
    """Yield `relay_drain` and the latency from commit to acceptance of an idle system."""
    drain = Measure("relay_drain", "relay drain ÷ best create rate", "1/s", ">= 2", "")
    for _ in range(rounds):
        with bench.task_api(None) as url:
            best = max(bench.creates(url, CLIENTS, requests=backlog // 2, seconds=60).rate for _ in range(2))
        bench.forget_arrivals()
        with bench.task_api(bench.stub):
            arrived = bench.arrivals(backlog)
        drain.add((backlog - 1) / (arrived["last"] - arrived["first"]), best)
    yield drain


def latency(bench: Bench, rounds: int, events: int = 100) -> Iterator[Measure]:
    """Yield p50 and p99 of acceptance minus the event's own time, which is taken before the insert."""
    p50 = Measure("commit_to_broker_p50_ms", "commit → broker accepted, idle", "ms", "<= 5", "1")
    p99 = Measure("commit_to_broker_p99_ms", "commit → broker accepted, idle", "ms", "<= 25", "5")
    with bench.task_api(bench.stub) as url:
        bench.creates(url, 1, requests=50, seconds=60)
        for _ in range(rounds):
            bench.forget_arrivals()
            bench.creates(url, 1, requests=events, pause=0.01, seconds=60)
            lags = sorted(bench.arrivals(events)["lags"])
            p50.add(1000 * statistics.median(lags))
            p99.add(1000 * lags[int(len(lags) * 0.99)])
    yield p50
    yield p99


def _p50(result: Result) -> float:
    return statistics.median(result.latencies)
