"""What a container is, as far as a process can be one."""

from __future__ import annotations

from typing import Annotated, Any, TypeAlias

from knative_local.manifests.fields import (
    Identity,
    Isolation,
    Object,
    Placement,
    Pulling,
    Refused,
    WithoutEffect,
)

_Mounted: TypeAlias = Annotated[
    Any, Refused("a process cannot be given a file at a container's path; pass it as an environment variable")
]
_Unlimited: TypeAlias = Annotated[
    Any, WithoutEffect("a folder of the data folder: its replicas share it, and --fresh empties it")
]
_Inside: TypeAlias = Annotated[
    Any, Refused("a probe inside the container has no place here; use httpGet or tcpSocket")
]
_NodeName: TypeAlias = Annotated[Any, Refused("there is no Pod whose fields could be read")]


class KeySelector(Object):
    key: str
    name: str
    optional: bool = False


class ValueFrom(Object):
    secret_key_ref: KeySelector | None = None
    config_map_key_ref: KeySelector | None = None
    field_ref: _NodeName = None
    resource_field_ref: _NodeName = None


class Variable(Object):
    name: str
    value: str | None = None
    value_from: ValueFrom | None = None


class SourceRef(Object):
    name: str
    optional: bool = False


class VariableSource(Object):
    prefix: str = ""
    secret_ref: SourceRef | None = None
    config_map_ref: SourceRef | None = None


class Port(Object):
    container_port: int | None = None
    name: str | None = None
    protocol: Annotated[Any, WithoutEffect("everything is TCP here")] = None

    @property
    def number(self) -> int:
        """Knative's default, where it is not given."""
        return self.container_port or 8080


class Header(Object):
    name: str
    value: str


class HttpGet(Object):
    path: str = "/"
    port: int | str | None = None
    scheme: str = "HTTP"
    host: Annotated[Any, Refused("a probe asks its own process")] = None
    http_headers: tuple[Header, ...] = ()


class TcpSocket(Object):
    port: int | str | None = None
    host: Annotated[Any, Refused("a probe asks its own process")] = None


class Probe(Object):
    http_get: HttpGet | None = None
    tcp_socket: TcpSocket | None = None
    exec: _Inside = None
    grpc: _Inside = None
    initial_delay_seconds: int = 0
    period_seconds: int = 0  # Knative: not given means as often as it takes until the first success
    timeout_seconds: int = 1
    success_threshold: int = 1
    failure_threshold: int = 3
    termination_grace_period_seconds: Annotated[Any, WithoutEffect("timeoutSeconds bounds every stop")] = None


class EmptyFolder(Object):
    size_limit: _Unlimited = None
    medium: _Unlimited = None


class VolumeMount(Object):
    name: str
    mount_path: Annotated[
        str, WithoutEffect("only arguments and variables that name the path lead to the volume's folder")
    ]
    read_only: Annotated[Any, WithoutEffect("a process may write where you may")] = None
    sub_path: Annotated[Any, Refused("mount the whole volume")] = None
    sub_path_expr: Annotated[Any, Refused("mount the whole volume")] = None


class Volume(Object):
    name: str
    empty_dir: EmptyFolder | None = None
    secret: _Mounted = None
    config_map: _Mounted = None
    projected: _Mounted = None
    persistent_volume_claim: _Mounted = None


class Lifecycle(Object):
    pre_stop: Annotated[Any, WithoutEffect("who stops gets no new request first: no hook has to wait")] = None
    stop_signal: Annotated[Any, Refused("processes are stopped with SIGTERM here")] = None
    post_start: Annotated[Any, Refused("hooks do not run here")] = None


class Container(Object):
    image: str
    name: Annotated[Any, WithoutEffect("its processes are named like the object around them")] = None
    command: tuple[str, ...] = ()
    args: tuple[str, ...] = ()
    env: tuple[Variable, ...] = ()
    env_from: tuple[VariableSource, ...] = ()
    ports: tuple[Port, ...] = ()
    readiness_probe: Probe | None = None
    liveness_probe: Probe | None = None
    startup_probe: Probe | None = None
    lifecycle: Lifecycle | None = None
    image_pull_policy: Pulling = None
    resources: Annotated[Any, WithoutEffect("processes share this machine without limits")] = None
    security_context: Isolation = None
    volume_mounts: tuple[VolumeMount, ...] = ()
    working_dir: Annotated[Any, Refused("the folder is one inside an image")] = None
    termination_message_path: Annotated[Any, WithoutEffect("output goes into the log file")] = None
    termination_message_policy: Annotated[Any, WithoutEffect("output goes into the log file")] = None


class PodSpec(Object):
    """``containers`` holds one: what else would be beside it is not here either."""

    containers: tuple[Container, ...]
    init_containers: Annotated[Any, Refused("initContainers do not run here; a Job does")] = None
    volumes: tuple[Volume, ...] = ()
    service_account_name: Identity = None
    automount_service_account_token: Identity = None
    enable_service_links: Annotated[Any, WithoutEffect("there are no Kubernetes Services to link")] = None
    image_pull_secrets: Pulling = None
    security_context: Isolation = None
    node_selector: Placement = None
    tolerations: Placement = None
    affinity: Placement = None
    topology_spread_constraints: Placement = None
    priority_class_name: Placement = None
    runtime_class_name: Isolation = None
