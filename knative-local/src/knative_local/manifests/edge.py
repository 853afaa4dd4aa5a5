"""The way in from outside: hosts, paths and certificates. Here each service has an address of its own."""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeAlias

import msgspec

from knative_local.manifests.fields import Keys, Object, WithoutEffect
from knative_local.manifests.metadata import Labels, Metadata
from knative_local.manifests.selectors import LabelSelector

_NO_GATEWAY = WithoutEffect("requests go to a service's own address, whatever their Host header says")
_NOT_ENCRYPTED = WithoutEffect("requests on one machine are not encrypted")
_Direct: TypeAlias = Annotated[Any, _NO_GATEWAY]


class BackendPort(Object):
    name: str | None = None
    number: int | None = None


class BackendService(Object):
    name: str
    port: BackendPort = msgspec.field(default_factory=BackendPort)


class Backend(Object):
    service: BackendService | None = None
    resource: Any = None


class Path(Object):
    path_type: Literal["Exact", "Prefix", "ImplementationSpecific"]
    backend: Backend
    path: str = "/"


class Paths(Object):
    paths: tuple[Path, ...]


class IngressRule(Object):
    host: str | None = None
    http: Paths | None = None


class IngressTls(Object):
    hosts: tuple[str, ...] = ()
    secret_name: str | None = None


class IngressSpec(Object):
    ingress_class_name: str | None = None
    default_backend: Backend | None = None
    rules: tuple[IngressRule, ...] = ()
    tls: tuple[IngressTls, ...] = ()


class Ingress(Object):
    api_version: str
    kind: str
    metadata: Metadata
    spec: Annotated[IngressSpec, _NO_GATEWAY]


class DomainAnnotations(Keys):
    http_protocol: _Direct = msgspec.field(name="networking.knative.dev/http-protocol", default=None)
    disable_tls: _Direct = msgspec.field(
        name="networking.knative.dev/disable-external-domain-tls", default=None
    )
    certificate_class: _Direct = msgspec.field(name="networking.knative.dev/certificate-class", default=None)


class DomainMetadata(Object):
    """`name` is the host."""

    name: Annotated[str, _NO_GATEWAY]
    namespace: str = "default"
    labels: Labels = msgspec.field(default_factory=Labels)
    annotations: DomainAnnotations = msgspec.field(default_factory=DomainAnnotations)


class DomainReference(Object):
    kind: Literal["Service"]
    name: str
    api_version: Literal["serving.knative.dev/v1"]
    namespace: str | None = None


class DomainTls(Object):
    secret_name: str


class DomainMappingSpec(Object):
    ref: DomainReference
    tls: Annotated[DomainTls | None, _NOT_ENCRYPTED] = None


class DomainMapping(Object):
    api_version: str
    kind: str
    metadata: DomainMetadata
    spec: DomainMappingSpec


class SecretName(Object):
    name: str
    key: str | None = None


class SolverMetadata(Object):
    annotations: dict[str, str] = msgspec.field(default_factory=dict)
    labels: dict[str, str] = msgspec.field(default_factory=dict)


class SolverIngressTemplate(Object):
    metadata: SolverMetadata = msgspec.field(default_factory=SolverMetadata)


class SolverPodTemplate(Object):
    metadata: SolverMetadata = msgspec.field(default_factory=SolverMetadata)
    spec: Any = None


class SolverIngress(Object):
    ingress_class_name: str | None = None
    class_: str | None = msgspec.field(name="class", default=None)
    name: str | None = None
    service_type: str | None = None
    ingress_template: SolverIngressTemplate | None = None
    pod_template: SolverPodTemplate | None = None


class SolverGateway(Object):
    parent_refs: Any = None
    labels: dict[str, str] = msgspec.field(default_factory=dict)
    service_type: str | None = None
    pod_template: SolverPodTemplate | None = None


class HttpChallenge(Object):
    ingress: SolverIngress | None = None
    gateway_http_route: SolverGateway | None = msgspec.field(name="gatewayHTTPRoute", default=None)


class SolverSelector(LabelSelector):
    dns_names: tuple[str, ...] = ()
    dns_zones: tuple[str, ...] = ()


class Solver(Object):
    http01: HttpChallenge | None = None
    dns01: Any = None
    selector: SolverSelector | None = None


class ExternalAccount(Object):
    key_id: str = msgspec.field(name="keyID")
    key_secret_ref: SecretName = msgspec.field(name="keySecretRef")


class Acme(Object):
    server: str
    private_key_secret_ref: SecretName
    solvers: tuple[Solver, ...] = ()
    email: str | None = None
    profile: str | None = None
    preferred_chain: str | None = None
    ca_bundle: str | None = None
    skip_tls_verify: bool | None = msgspec.field(name="skipTLSVerify", default=None)
    external_account_binding: ExternalAccount | None = None
    disable_account_key_generation: bool | None = None
    enable_duration_feature: bool | None = None


class CertificateAuthority(Object):
    secret_name: str
    crl_distribution_points: tuple[str, ...] = ()
    ocsp_servers: tuple[str, ...] = ()
    issuing_certificate_urls: tuple[str, ...] = msgspec.field(name="issuingCertificateURLs", default=())


class SelfSigned(Object):
    crl_distribution_points: tuple[str, ...] = ()


class ClusterIssuerSpec(Object):
    acme: Acme | None = None
    ca: CertificateAuthority | None = None
    self_signed: SelfSigned | None = None
    vault: Any = None
    venafi: Any = None


class ClusterIssuer(Object):
    api_version: str
    kind: str
    metadata: Metadata
    spec: Annotated[ClusterIssuerSpec, _NOT_ENCRYPTED]
