"""Objects that do nothing here, but speak about others: a misspelled name is found all the same."""

from __future__ import annotations

from typing import Any

from knative_local.manifests.document import KeyPath
from knative_local.manifests.edge import DomainMapping
from knative_local.manifests.fields import Object
from knative_local.manifests.inspection import nearest
from knative_local.manifests.reading import Loaded, Manifests
from knative_local.manifests.serving import Service
from knative_local.manifests.workloads import Deployment, HorizontalPodAutoscaler


def check_references(manifests: Manifests) -> None:
    """Raise `ManifestError` for the first object that speaks about nothing."""
    for mapping in manifests.of(DomainMapping):
        ref = mapping.body.spec.ref
        _check(manifests, mapping, Service, (ref.namespace, ref.name), ("spec", "ref", "name"))
    for scaler in manifests.of(HorizontalPodAutoscaler):
        spec = scaler.body.spec
        at: KeyPath = ("spec", "scaleTargetRef", "name")
        _check(manifests, scaler, Deployment, (None, spec.scale_target_ref.name), at)
        if not 1 <= spec.min_replicas <= spec.max_replicas:
            reason = f"{spec.min_replicas} is not between 1 and maxReplicas {spec.max_replicas}"
            raise scaler.document.error(("spec", "minReplicas"), reason)


def _check(
    manifests: Manifests, owner: Loaded[Any], kind: type[Object], wanted: tuple[str | None, str], at: KeyPath
) -> None:
    namespace, name = wanted[0] or owner.namespace, wanted[1]
    if manifests.find(kind, namespace, name) is None:
        known = [found.name for found in manifests.of(kind)]
        reason = f"there is no {kind.__name__} '{name}' in namespace {namespace}{nearest(name, known)}"
        raise owner.document.error(at, reason)
