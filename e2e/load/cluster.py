"""Asks Kubernetes, through `kubectl proxy` and whatever KUBECONFIG that goes by.

One kubectl for the whole load: one per sample would be a third of a core, taken from what is measured.
"""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
from collections import defaultdict
from collections.abc import AsyncIterator, Iterable, Mapping
from pathlib import Path
from typing import Any

import httpx

from e2e.load.errors import LoadError
from e2e.load.sampling import SERVICES, Replicas, State

# Knative keeps what its autoscaler wants and has in one object per revision, for both of its classes.
REVISIONS = "/apis/autoscaling.internal.knative.dev/v1alpha1/namespaces/{}/podautoscalers"
SERVICE = "serving.knative.dev/service"
MINIMUM = "autoscaling.knative.dev/min-scale"
NOTHING = Replicas(0, 0, 0)


class ClusterSampler:
    """It does not tell concurrency or a Trigger's lag: those are metrics, wherever the cluster collects them."""

    def __init__(self, client: httpx.AsyncClient, namespace: str) -> None:
        self._client, self._namespace = client, namespace

    async def state(self) -> State:
        try:
            answer = await self._client.get(REVISIONS.format(self._namespace))
            items = answer.raise_for_status().json()["items"]
        except httpx.HTTPStatusError as error:
            raise LoadError(f"the cluster cannot be asked: {error.response.text.strip()[:300]}") from None
        except httpx.HTTPError as error:
            raise LoadError(f"the cluster cannot be asked: {error!r}") from error
        services = _services(items)
        if missing := set(SERVICES) - services.keys():
            names = ", ".join(sorted(missing))
            raise LoadError(f"no revision of {names} in {self._namespace}: is the chart installed?")
        return State(services)


@contextlib.asynccontextmanager
async def cluster_client(kubectl: str = "kubectl") -> AsyncIterator[httpx.AsyncClient]:
    """A client of the API server; nobody else on this machine can use its way there."""
    with tempfile.TemporaryDirectory(prefix="load-") as folder:
        socket = Path(folder) / "kubectl"
        async with _proxy(kubectl, socket):
            transport = httpx.AsyncHTTPTransport(uds=str(socket))
            async with httpx.AsyncClient(
                transport=transport, base_url="http://localhost", timeout=10
            ) as client:
                yield client


@contextlib.asynccontextmanager
async def _proxy(kubectl: str, socket: Path) -> AsyncIterator[None]:
    try:
        process = await asyncio.create_subprocess_exec(
            *(kubectl, "proxy", f"--unix-socket={socket}"),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
    except FileNotFoundError:
        raise LoadError("kubectl is not installed: a cluster cannot be asked without it") from None
    assert process.stdout is not None
    assert process.stderr is not None
    try:
        # It says that it serves, or ends.
        if not await process.stdout.readline():
            errors = (await process.stderr.read()).decode(errors="replace")
            raise LoadError(f"kubectl cannot ask the cluster: {errors.strip()[:300]}")
        yield
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        await process.communicate()


def _services(items: Iterable[Mapping[str, Any]]) -> dict[str, Replicas]:
    """Revisions of one service together: while one replaces another both have pods."""
    services: dict[str, Replicas] = defaultdict(lambda: NOTHING)
    for item in items:
        name = item["metadata"].get("labels", {}).get(SERVICE)
        if name in SERVICES:
            services[name] = _sum(services[name], _replicas(item))
    return dict(services)


def _replicas(item: Mapping[str, Any]) -> Replicas:
    """A revision without traffic has no minimum; a number not known yet is -1, or missing."""
    status = item.get("status", {})
    unused = item["spec"].get("reachability") == "Unreachable"
    minimum = 0 if unused else int(item["metadata"].get("annotations", {}).get(MINIMUM, "0"))
    return Replicas(max(0, status.get("actualScale", 0)), max(0, status.get("desiredScale", 0)), minimum)


def _sum(one: Replicas, other: Replicas) -> Replicas:
    return Replicas(one.ready + other.ready, one.desired + other.desired, one.minimum + other.minimum)
