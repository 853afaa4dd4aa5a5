"""A service's own command, in a pod like its migration's: that has the image, the database and the way to it."""

from __future__ import annotations

import copy
import subprocess
import uuid
from collections.abc import Iterable, Sequence

from e2e.cluster.errors import ClusterError
from e2e.cluster.kubectl import Kubectl, Object
from e2e.polling import eventually


def command_pod(hooks: Iterable[Object], command: Sequence[str]) -> Object:
    """The pod of `<service>-migrate` with other arguments and a name of its own."""
    service, *arguments = command
    jobs = {one["metadata"]["name"]: one for one in hooks if one["kind"] == "Job"}
    if f"{service}-migrate" not in jobs:
        raise ClusterError(f"The release has no Job {service}-migrate, as which {service} would run.")
    template = copy.deepcopy(jobs[f"{service}-migrate"]["spec"]["template"])
    template["spec"]["restartPolicy"] = "Never"
    template["spec"]["containers"][0]["args"] = arguments
    name = f"{service}-command-{uuid.uuid4().hex[:8]}"
    metadata = {"name": name, "labels": template["metadata"]["labels"]}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": template["spec"]}


def run_command(
    kubectl: Kubectl, hooks: Iterable[Object], command: Sequence[str]
) -> subprocess.CompletedProcess[str]:
    """Its exit code and what it said; a pod does not tell stderr from stdout."""
    pod = command_pod(hooks, command)
    name: str = pod["metadata"]["name"]
    kubectl.apply([pod])
    try:
        eventually(lambda: _exit_codes(kubectl, name), 60, lambda: kubectl.read("pod", name))
        (code,) = _exit_codes(kubectl, name)
        return subprocess.CompletedProcess(command, code, kubectl.run("logs", name), "")
    finally:
        kubectl.run("delete", "pod", name, "--wait=false", "--ignore-not-found")


def _exit_codes(kubectl: Kubectl, name: str) -> list[int]:
    (pod,) = kubectl.read("pod", name)
    states = [status["state"] for status in pod["status"].get("containerStatuses", [])]
    return [state["terminated"]["exitCode"] for state in states if "terminated" in state]
