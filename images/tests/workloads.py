"""What the chart asks of an image."""

from __future__ import annotations

from helm.tests.objects import VARIANTS, WOKEN_FROM_ZERO, Object, container, of_kind, rendered

from images import dockerfiles

IMAGES = tuple(dockerfiles.paths())
ALL = VARIANTS["everything optional"]
RUNNING = ("Service", "Deployment")


def workload(image: str) -> Object:
    """The Knative Service or Deployment that runs it."""
    (found,) = (
        each
        for each in rendered(ALL).values()
        if each["kind"] in RUNNING and each["metadata"]["name"] == image and "template" in each["spec"]
    )
    return found


def arguments(image: str, port: int, data: str = "") -> list[str]:
    """As the chart starts it, on a port of this machine and, where given, with a folder of this machine."""
    given = [str(argument) for argument in container(workload(image)).get("args", [])]
    changed = [f"--port={port}" if each.startswith("--port=") else each for each in given]
    return [f"--data={data}" if data and each.startswith("--data=") else each for each in changed]


def writable_folders(image: str) -> list[str]:
    return [mount["mountPath"] for mount in container(workload(image)).get("volumeMounts", [])]


def readiness_path(image: str) -> str:
    return str(container(workload(image))["readinessProbe"]["httpGet"]["path"])


def probe_paths(image: str) -> set[str]:
    probed = container(workload(image))
    return {probed[name]["httpGet"]["path"] for name in probed if name.endswith("Probe")}


def wake_up_paths(image: str) -> list[str]:
    sinks = [ping["spec"]["sink"] for ping in of_kind("PingSource", WOKEN_FROM_ZERO)]
    return [sink["uri"] for sink in sinks if sink["ref"]["name"] == image]


def has_migrations(image: str) -> bool:
    return any(job["metadata"]["name"].startswith(f"{image}-migrate") for job in of_kind("Job"))
