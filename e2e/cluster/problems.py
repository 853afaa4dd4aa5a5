"""What no amount of waiting mends, seen in the pods' own words."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from e2e.cluster.kubectl import Object

NO_IMAGE = {"ErrImagePull", "ImagePullBackOff", "ErrImageNeverPull", "InvalidImageName"}


def problem(pods: Iterable[Object]) -> str:
    """One sentence about the first pod that cannot start, or nothing."""
    for pod in pods:
        for container in _waiting(pod):
            reason = container["state"]["waiting"].get("reason", "")
            message = container["state"]["waiting"].get("message", "")
            if reason in NO_IMAGE:
                return (
                    f"Image {container['image']} is not where the cluster's nodes find it: load or push it, "
                    "or set E2E_IMAGE_COMMAND."
                )
            if reason == "CreateContainerConfigError":
                return f"Pod {pod['metadata']['name']} cannot start ({message}): make what is missing."
    return ""


def _waiting(pod: Object) -> Iterator[Object]:
    status = pod.get("status", {})
    for container in status.get("initContainerStatuses", []) + status.get("containerStatuses", []):
        if "waiting" in container.get("state", {}):
            yield container
