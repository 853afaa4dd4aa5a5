"""Programs of the profile that stand for a service of the cluster, unless the manifests bring it themselves."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

from knative_local.manifests import serving, workloads
from knative_local.manifests.reading import Manifests
from knative_local.planning.addresses import Key
from knative_local.planning.routes import routes
from knative_local.profile import Companion, Profile


def needed(profile: Profile, manifests: Manifests) -> dict[str, Companion]:
    """Those that are started."""
    brought = _brought(manifests)
    return {
        name: companion
        for name, companion in profile.companions.items()
        if _key(companion.stands_for) not in brought
    }


def replaced(profile: Profile, manifests: Manifests) -> dict[Key, str]:
    """Services and Deployments that run instead of a companion, and the name it would have in system.json."""
    brought = _brought(manifests)
    return {
        brought[key]: companion.url_name or name
        for name, companion in profile.companions.items()
        if (key := _key(companion.stands_for)) in brought
    }


def _brought(manifests: Manifests) -> Mapping[Key, Key]:
    """Service of the cluster → what runs behind it."""
    knative = {
        (found.namespace, found.name): (found.namespace, found.name)
        for found in manifests.of(serving.Service)
    }
    core = {
        (route.service.namespace, route.service.name): (route.deployment.namespace, route.deployment.name)
        for route in (routes(manifests) if manifests.of(workloads.Service) else [])
    }
    return knative | core


def _key(url: str) -> Key:
    name, _, rest = (urlsplit(url).hostname or "").partition(".")
    return rest.partition(".")[0], name
