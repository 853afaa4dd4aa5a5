"""Everything one needs to see why it failed, in one folder: objects without Secrets, events, logs."""

from __future__ import annotations

from pathlib import Path

from e2e.cluster.kubectl import Kubectl

# events have a file of their own, in their order.
LEFT_OUT = {"secrets", "events", "events.events.k8s.io"}


def collect(namespaces: list[str], folder: Path) -> None:
    """Collects what answers; a namespace that is gone leaves its error messages."""
    for namespace in namespaces:
        kubectl = Kubectl(namespace)
        place = folder / namespace
        place.mkdir(parents=True, exist_ok=True)
        kinds = kubectl.ask("api-resources", "--namespaced", "--verbs=list", "--output=name").stdout.split()
        listed = ",".join(kind for kind in kinds if kind not in LEFT_OUT)
        _write(kubectl, place / "objects.yaml", "get", listed, "--output=yaml")
        _write(kubectl, place / "pods.txt", "get", "pods", "--output=wide")
        _write(kubectl, place / "events.txt", "get", "events", "--sort-by=.lastTimestamp")
        for pod in kubectl.ask("get", "pods", "--output=name").stdout.split():
            name = pod.removeprefix("pod/")
            _write(kubectl, place / f"{name}.log", "logs", pod, "--all-containers", "--prefix")
            _write(
                kubectl,
                place / f"{name}.before.log",
                "logs",
                pod,
                "--all-containers",
                "--prefix",
                "--previous",
            )


def _write(kubectl: Kubectl, file: Path, *arguments: str) -> None:
    done = kubectl.ask(*arguments)
    file.write_text(done.stdout + done.stderr)
