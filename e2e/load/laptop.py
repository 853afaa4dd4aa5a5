"""Asks the status server of `make run`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx

from e2e.load.errors import LoadError
from e2e.load.sampling import SERVICES, Replicas, State


def facts(data: Path) -> dict[str, Any]:
    """What `make run` wrote about the running system; raise LoadError where there is none."""
    try:
        found: dict[str, Any] = json.loads((data / "system.json").read_text())
    except FileNotFoundError:
        raise LoadError(f"No system runs on {data}: start it with make run.") from None
    return found


TRIGGER = "analytics"  # the others fill topics, and nobody waits for those


class LaptopSampler:
    def __init__(self, client: httpx.AsyncClient, url: str) -> None:
        self._client, self._url = client, url

    async def state(self) -> State:
        try:
            answer = await self._client.get(f"{self._url}/api/status")
            status: dict[str, Any] = answer.raise_for_status().json()
        except httpx.HTTPError as error:
            raise LoadError(f"the status server {self._url} does not answer: {error!r}") from error
        services = {one["name"]: _replicas(one) for one in status["services"] if one["name"] in SERVICES}
        if missing := set(SERVICES) - services.keys():
            raise LoadError(
                f"the laptop does not run {', '.join(sorted(missing))}: which manifests are these?"
            )
        lags = (trigger["lag"] for trigger in status["triggers"] if trigger["name"] == TRIGGER)
        return State(services, next(lags, None))


def _replicas(service: dict[str, Any]) -> Replicas:
    return Replicas(service["ready"], service["desired"], service["minimum"], service["concurrency"])
