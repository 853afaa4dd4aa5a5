"""The environment of a process: what its manifest says, then what the profile says."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from knative_local.manifests.core import ConfigMap
from knative_local.manifests.document import KeyPath
from knative_local.manifests.inspection import nearest
from knative_local.manifests.pod import Container, KeySelector, SourceRef, Variable, VariableSource
from knative_local.manifests.reading import Loaded, Manifests
from knative_local.manifests.serving import Service
from knative_local.placeholders import Template
from knative_local.planning.addresses import Addresses
from knative_local.profile import Profile

# In the order of the manifest; of two with one name the last counts. Plain text may refer to the ones
# before it as $(NAME); a Template comes from the profile and is filled when the process starts.
Value: TypeAlias = str | Template
Environment: TypeAlias = tuple[tuple[str, Value], ...]

_RESERVED = {"PORT", "K_SERVICE", "K_CONFIGURATION", "K_REVISION"}


@dataclass(frozen=True)
class Sources:
    """Where values can come from."""

    manifests: Manifests
    profile: Profile
    addresses: Addresses

    def secret(self, name: str) -> dict[str, Template] | None:
        values = self.profile.secrets.get(name)
        return None if values is None else {key: Template(value) for key, value in values.items()}

    def localised(self, owner: Loaded[Any], text: str, at: KeyPath) -> str:
        """With addresses of this machine; `ManifestError` for one that leads nowhere."""
        try:
            return self.addresses.localise(text)
        except ValueError as error:
            raise owner.document.error(at, str(error)) from None

    def config_map(self, namespace: str, name: str) -> dict[str, str] | None:
        found = self.manifests.find(ConfigMap, namespace, name)
        return None if found is None else found.body.data


def plan_environment(sources: Sources, owner: Loaded[Any], container: Container, at: KeyPath) -> Environment:
    """Raise `ManifestError` for a value that nothing provides; `at` is where the container is."""
    reader = _Reader(sources, owner)
    found: list[tuple[str, Value]] = []
    for index, source in enumerate(container.env_from):
        found += reader.all_of(source, (*at, "envFrom", index))
    for index, variable in enumerate(container.env):
        found += reader.one(variable, (*at, "env", index))
    overrides = sources.profile.environment.get(owner.name, {})
    return (*found, *((name, Template(value)) for name, value in overrides.items()))


class _Reader:
    def __init__(self, sources: Sources, owner: Loaded[Any]) -> None:
        self._sources = sources
        self._owner = owner

    def all_of(self, source: VariableSource, at: KeyPath) -> Iterator[tuple[str, Value]]:
        for kind, reference, key in (
            ("Secret", source.secret_ref, "secretRef"),
            ("ConfigMap", source.config_map_ref, "configMapRef"),
        ):
            if reference is not None:
                for name, value in self._values(kind, reference, (*at, key)).items():
                    yield source.prefix + name, self._local(value, (*at, key))

    def one(self, variable: Variable, at: KeyPath) -> Iterator[tuple[str, Value]]:
        if variable.name in _RESERVED and isinstance(self._owner.body, Service):
            raise self._owner.document.error((*at, "name"), f"{variable.name} is set by Knative")
        if variable.value_from is None:
            yield variable.name, self._local(variable.value or "", (*at, "value"))
            return
        for kind, selector, key in (
            ("Secret", variable.value_from.secret_key_ref, "secretKeyRef"),
            ("ConfigMap", variable.value_from.config_map_key_ref, "configMapKeyRef"),
        ):
            if selector is not None:
                value = self._selected(kind, selector, (*at, "valueFrom", key))
                if value is not None:
                    yield variable.name, self._local(value, (*at, "valueFrom", key))

    def _selected(self, kind: str, selector: KeySelector, at: KeyPath) -> Value | None:
        values = self._values(kind, SourceRef(selector.name, optional=selector.optional), at)
        if selector.key in values or selector.optional:
            return values.get(selector.key)
        reason = f"{kind} '{selector.name}' has no key '{selector.key}'{nearest(selector.key, values)}"
        raise self._owner.document.error((*at, "key"), reason)

    def _values(self, kind: str, reference: SourceRef, at: KeyPath) -> Mapping[str, Value]:
        values: Mapping[str, Value] | None
        if kind == "Secret":
            values, known = self._sources.secret(reference.name), list(self._sources.profile.secrets)
            home = f"the profile has no [secrets.{reference.name}]"
        else:
            values = self._sources.config_map(self._owner.namespace, reference.name)
            known = [found.name for found in self._sources.manifests.of(ConfigMap)]
            home = f"there is no ConfigMap '{reference.name}' in the manifests"
        if values is None and not reference.optional:
            raise self._owner.document.error((*at, "name"), home + nearest(reference.name, known))
        return values or {}

    def _local(self, value: Value, at: KeyPath) -> Value:
        return value if isinstance(value, Template) else self._sources.localised(self._owner, value, at)
