"""A part that comes as manifests, ours or a release's."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from installer.cluster import APPLY, MANAGER, Cluster, Presence

Words = tuple[str, ...]


@dataclass(frozen=True)
class Manifests:
    """Applied on the server under a name of our own, by which a later run knows them again."""

    name: str
    version: str
    # Files, folders of kustomize and addresses, in this order.
    sources: Words
    # An object of these manifests, and one that every other way of installing the same thing makes too.
    owned: Words
    marker: Words
    # Made first, where it is missing.
    namespace: str = ""
    # Whether the objects name no namespace themselves, and go into that one.
    bare: bool = False
    # JSON patch for a source of one document.
    patch: str = ""
    # kubectl commands that change the cluster right after the sources are applied.
    after: tuple[Words, ...] = field(default=())
    # kubectl commands that end when the part works.
    waits: tuple[Words, ...] = field(default=())

    def presence(self, cluster: Cluster) -> Presence:
        return cluster.presence(self.owned, self.marker)

    def is_current(self, cluster: Cluster) -> bool:
        """Whether applying would change nothing; with commands after it, nobody can know."""
        return not self.after and all(self._same(cluster, source) for source in self.sources)

    def install(self, cluster: Cluster) -> None:
        if self.namespace:
            cluster.make_namespace(self.namespace)
        for source in self.sources:
            name, given = self._given(cluster, source)
            cluster.change("kubectl", *APPLY, *self._into, "-f", name, given=given)
        for command in self.after:
            cluster.change("kubectl", *command)

    def wait(self, cluster: Cluster) -> None:
        for command in self.waits:
            cluster.wait(*command)

    def _same(self, cluster: Cluster, source: str) -> bool:
        name, given = self._given(cluster, source)
        flags = ("--server-side", "--force-conflicts", f"--field-manager={MANAGER}", *self._into)
        return cluster.ask("kubectl", "diff", *flags, "-f", name, given=given).code == 0

    @property
    def _into(self) -> Words:
        return (f"--namespace={self.namespace}",) if self.bare else ()

    def _given(self, cluster: Cluster, source: str) -> tuple[str, str]:
        """The name kubectl gets, and the text behind it where that name is `-`."""
        if Path(source).is_dir():
            # Its resources lie beside it, not below.
            return "-", cluster.learn(
                "kubectl", "kustomize", "--load-restrictor=LoadRestrictionsNone", source
            )
        if self.patch:
            local = ("patch", "--local", "-f", source, "--type=json", "-p", self.patch, "-o", "yaml")
            return "-", cluster.learn("kubectl", *local)
        return source, ""
