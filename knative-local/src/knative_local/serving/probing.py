"""Asks a process whether it is well."""

from __future__ import annotations

import asyncio

from knative_local.planning.probes import ProbePlan
from knative_local.ports import LOOPBACK

AGGRESSIVE_SECONDS = 0.02  # until the first success, as Knative's queue-proxy does without periodSeconds
RECOVERY_SECONDS = 0.2  # for one that was well before


async def succeeds(plan: ProbePlan, port: int) -> bool:
    """One attempt; redirects count as success, as for the kubelet."""
    try:
        async with asyncio.timeout(plan.timeout):
            reader, writer = await asyncio.open_connection(LOOPBACK, port)
            try:
                return plan.path is None or await _answers(plan, plan.path, reader, writer)
            finally:
                writer.close()
    except (OSError, TimeoutError, ValueError, IndexError):
        return False


async def _answers(
    plan: ProbePlan, path: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> bool:
    headers = {"Host": f"{LOOPBACK}:{writer.get_extra_info('peername')[1]}", "User-Agent": "kube-probe/1.34"}
    lines = [f"{name}: {value}" for name, value in (headers | dict(plan.headers)).items()]
    lines = [f"GET {path if path.startswith('/') else '/' + path} HTTP/1.1", *lines, "Connection: close"]
    writer.write("\r\n".join([*lines, "", ""]).encode("latin-1", "replace"))
    status = (await reader.readline()).split()[1]
    await reader.read()  # to the end, so that the process does not see a broken connection
    return 200 <= int(status) < 400


async def first_success(plan: ProbePlan, port: int, interval: float = AGGRESSIVE_SECONDS) -> None:
    """Return once it has succeeded often enough in a row; the caller decides how long to wait."""
    successes = 0
    while successes < plan.successes:
        successes = successes + 1 if await succeeds(plan, port) else 0
        if successes < plan.successes:
            await asyncio.sleep(interval)


async def failed_for_good(plan: ProbePlan, port: int) -> None:
    """Return once it has failed as often in a row as it may."""
    failures = 0
    while failures < plan.failures:
        await asyncio.sleep(plan.period)
        failures = 0 if await succeeds(plan, port) else failures + 1
