"""Kubernetes' own kinds."""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeAlias

import msgspec

from knative_local.manifests.fields import Identity, Object, Pulling, Refused, WithoutEffect
from knative_local.manifests.metadata import Metadata, PodMetadata
from knative_local.manifests.pod import PodSpec

_Once: TypeAlias = Annotated[Any, WithoutEffect("a Job runs once, and one that fails stops the start")]
_Kept: TypeAlias = Annotated[Any, WithoutEffect("what is left of a Job is its log file")]


class ConfigMap(Object):
    api_version: str
    kind: str
    metadata: Metadata
    data: dict[str, str] = msgspec.field(default_factory=dict)
    binary_data: Annotated[Any, Refused("only text is read here")] = None
    immutable: Annotated[Any, WithoutEffect("nothing edits it while it runs")] = None


class ServiceAccount(Object):
    api_version: str
    kind: str
    metadata: Metadata
    automount_service_account_token: Identity = None
    image_pull_secrets: Pulling = None
    secrets: Identity = None


class JobPodSpec(PodSpec):
    restart_policy: _Once = None
    termination_grace_period_seconds: Annotated[Any, WithoutEffect("Jobs are not interrupted")] = None


class JobTemplate(Object):
    spec: JobPodSpec
    metadata: PodMetadata = msgspec.field(default_factory=PodMetadata)


class JobSpec(Object):
    template: JobTemplate
    active_deadline_seconds: int | None = None
    completions: Literal[1] = 1
    parallelism: Literal[1] = 1
    backoff_limit: _Once = None
    completion_mode: _Once = None
    ttl_seconds_after_finished: _Kept = None
    suspend: Annotated[Any, Refused("a Job that waits for a hand on the cluster cannot be awaited here")] = (
        None
    )
    pod_failure_policy: _Once = None


class Job(Object):
    api_version: str
    kind: str
    metadata: Metadata
    spec: JobSpec
