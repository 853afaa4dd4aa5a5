"""``serving.knative.dev/v1``."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec

from knative_local.manifests.fields import Object, Refused
from knative_local.manifests.metadata import RevisionMetadata, ServiceMetadata
from knative_local.manifests.pod import PodSpec


class RevisionSpec(PodSpec):
    container_concurrency: int = 0
    timeout_seconds: int = 300
    response_start_timeout_seconds: int = 0
    idle_timeout_seconds: int = 0


class RevisionTemplate(Object):
    spec: RevisionSpec
    metadata: RevisionMetadata = msgspec.field(default_factory=RevisionMetadata)


class ServiceSpec(Object):
    template: RevisionTemplate
    traffic: Annotated[
        Any, Refused("one revision runs here, the one in the manifest: traffic cannot be split")
    ] = None


class Service(Object):
    api_version: str
    kind: str
    metadata: ServiceMetadata
    spec: ServiceSpec
