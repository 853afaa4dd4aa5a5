"""The state of the system at one moment."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import aiohttp
import msgspec

from knative_local.broker import reading
from knative_local.contract import Contract
from knative_local.serving.revision import Revision, RevisionStatus

_PATIENCE = aiohttp.ClientTimeout(total=2.0)


class Snapshot(msgspec.Struct, frozen=True):
    """While the broker process is down its Triggers are known and their numbers are not: `lag` is null."""

    services: list[RevisionStatus]
    broker_is_up: bool
    brokers: list[dict[str, Any]]
    triggers: list[dict[str, Any]]
    topics: list[dict[str, Any]]
    pids: dict[str, list[int]]


async def take(
    revisions: Sequence[Revision],
    contract: Contract,
    session: aiohttp.ClientSession,
    broker_url: str,
    store: Path,
    pids: dict[str, list[int]],
) -> Snapshot:
    """Ask the broker process; the topics are read from its files, in a thread, because disks can be slow."""
    broker, topics = await asyncio.gather(
        _broker_status(session, broker_url), asyncio.to_thread(reading.topics, store)
    )
    shown = broker or _without_numbers(contract)
    return Snapshot(
        services=[revision.status() for revision in revisions],
        broker_is_up=broker is not None,
        brokers=shown["brokers"],
        triggers=shown["triggers"],
        topics=topics,
        pids=pids,
    )


async def _broker_status(session: aiohttp.ClientSession, url: str) -> dict[str, Any] | None:
    try:
        async with session.get(f"{url}/status", timeout=_PATIENCE) as response:
            return msgspec.json.decode(await response.read(), type=dict[str, Any])
    except (aiohttp.ClientError, TimeoutError, msgspec.DecodeError):
        return None


def _without_numbers(contract: Contract) -> dict[str, Any]:
    return {
        "brokers": [
            {"namespace": broker.namespace, "name": broker.name, "topic": broker.topic, "records": None}
            for broker in contract.brokers
        ],
        "triggers": [
            {
                "namespace": trigger.namespace,
                "name": trigger.name,
                "broker": trigger.broker,
                "lag": None,
                "counts": {},
            }
            for trigger in contract.triggers
        ],
    }
