"""The baselines: the same rows by asyncpg alone, prepared statements, no HTTP (`python -m bench.raw`)."""

from __future__ import annotations

import asyncio
import json
import sys
import time

import asyncpg
import msgspec
import uvloop

from bench.load import Result


class RawPlan(msgspec.Struct, frozen=True):
    """`statement` takes no arguments: what must be unique in it, the database makes."""

    url: str
    connections: int
    statement: str
    seconds: float


async def run(plan: RawPlan) -> Result:
    connections = [await asyncpg.connect(plan.url) for _ in range(plan.connections)]
    start = time.perf_counter()
    deadline = start + plan.seconds
    latencies = await asyncio.gather(*(_loop(connection, plan, deadline) for connection in connections))
    seconds = time.perf_counter() - start
    for connection in connections:
        await connection.close()
    return Result(seconds, [latency for one in latencies for latency in one])


async def _loop(connection: asyncpg.Connection, plan: RawPlan, deadline: float) -> list[float]:
    statement = await connection.prepare(plan.statement)
    latencies = []
    while True:  # once at least: with no time at all it is one statement
        before = time.perf_counter()
        await statement.fetch()
        latencies.append(time.perf_counter() - before)
        if time.perf_counter() >= deadline:
            return latencies


def main() -> None:
    """Read a plan from standard input, write the result to standard output."""
    plan = msgspec.json.decode(sys.stdin.buffer.read(), type=RawPlan)
    json.dump(msgspec.to_builtins(uvloop.run(run(plan))), sys.stdout)


if __name__ == "__main__":
    main()
