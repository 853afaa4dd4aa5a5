"""A part that comes as a Helm chart."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

from installer.cluster import MANAGER, Cluster, Presence
from installer.versions import Component


@dataclass(frozen=True)
class HelmRelease:
    """Ours is what carries our label; the label is a digest of what was installed, so that a change is seen."""

    name: str
    namespace: str
    component: Component
    values: tuple[Path, ...]
    # An object that every other way of installing the same thing makes too.
    marker: tuple[str, ...]
    # Another namespace that must be there first.
    watched: str = ""

    @property
    def version(self) -> str:
        return self.component.version

    def presence(self, cluster: Cluster) -> Presence:
        if self._releases(cluster, MANAGER):
            return Presence.OURS
        return cluster.presence(self.marker, self.marker)

    def is_current(self, cluster: Cluster) -> bool:
        releases = self._releases(cluster, f"{MANAGER}={self._digest}")
        return [release["status"] for release in releases] == ["deployed"]

    def install(self, cluster: Cluster) -> None:
        self._clear(cluster)
        if self.watched:
            cluster.make_namespace(self.watched)
        cluster.change(
            *("helm", "upgrade", "--install", self.name, *self._chart, "--namespace", self.namespace),
            *("--create-namespace", "--labels", f"{MANAGER}={self._digest}"),
            *(flag for path in self.values for flag in ("--values", str(path))),
            *("--wait", f"--timeout={cluster.seconds}s"),
        )

    def wait(self, cluster: Cluster) -> None:
        """Helm waited."""

    def _clear(self, cluster: Cluster) -> None:
        """A helm that was killed leaves a release it refuses to touch again."""
        statuses = [release["status"] for release in self._releases(cluster, MANAGER)]
        if statuses == ["pending-install"]:
            cluster.change("helm", "uninstall", self.name, "--namespace", self.namespace, "--wait")
        elif statuses in (["pending-upgrade"], ["pending-rollback"]):
            cluster.change("helm", "rollback", self.name, "--namespace", self.namespace, "--wait")

    def _releases(self, cluster: Cluster, selector: str) -> list[dict[str, str]]:
        # Every status is asked for by name: `--all` is gone in Helm 4, and Helm 3 without it hides pending ones.
        statuses = ("--deployed", "--failed", "--pending")
        text = cluster.learn(
            *("helm", "list", "--namespace", self.namespace, "--filter", f"^{self.name}$"),
            *("--selector", selector, *statuses, "--output", "json"),
        )
        releases: list[dict[str, str]] = json.loads(text)
        return releases

    @property
    def _chart(self) -> tuple[str, ...]:
        pinned = ("--version", self.component.chart) if self.component.source.startswith("oci:") else ()
        return (self.component.source, *pinned)

    @property
    def _digest(self) -> str:
        texts = [*self._chart, *(path.read_text() for path in self.values)]
        return hashlib.sha256("\0".join(texts).encode()).hexdigest()[:12]
