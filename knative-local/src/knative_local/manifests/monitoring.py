"""``monitoring.coreos.com``: what Prometheus would scrape and watch."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec

from knative_local.manifests.fields import Object, WithoutEffect
from knative_local.manifests.metadata import Metadata
from knative_local.manifests.selectors import LabelSelector


class Relabeling(Object):
    action: str = "replace"
    source_labels: tuple[str, ...] = ()
    separator: str | None = None
    target_label: str | None = None
    regex: str | None = None
    modulus: int | None = None
    replacement: str | None = None


class NamespaceSelector(Object):
    any: bool = False
    match_names: tuple[str, ...] = ()


class PodMetricsEndpoint(Object):
    port: str | None = None
    port_number: int | None = None
    target_port: int | str | None = None
    path: str | None = None
    scheme: str | None = None
    params: dict[str, tuple[str, ...]] = msgspec.field(default_factory=dict)
    interval: str | None = None
    scrape_timeout: str | None = None
    honor_labels: bool | None = None
    honor_timestamps: bool | None = None
    track_timestamps_staleness: bool | None = None
    relabelings: tuple[Relabeling, ...] = ()
    metric_relabelings: tuple[Relabeling, ...] = ()
    filter_running: bool | None = None
    follow_redirects: bool | None = None
    enable_http2: bool | None = None
    proxy_url: str | None = None
    tls_config: Any = None
    basic_auth: Any = None
    bearer_token_secret: Any = None
    authorization: Any = None
    oauth2: Any = None


class PodMonitorSpec(Object):
    selector: LabelSelector
    pod_metrics_endpoints: tuple[PodMetricsEndpoint, ...] = ()
    namespace_selector: NamespaceSelector = msgspec.field(default_factory=NamespaceSelector)
    job_label: str | None = None
    pod_target_labels: tuple[str, ...] = ()
    sample_limit: int | None = None
    target_limit: int | None = None
    label_limit: int | None = None
    label_name_length_limit: int | None = None
    label_value_length_limit: int | None = None
    keep_dropped_targets: int | None = None
    body_size_limit: str | None = None
    scrape_protocols: tuple[str, ...] = ()
    fallback_scrape_protocol: str | None = None
    scrape_class: str | None = None
    selector_mechanism: str | None = None
    attach_metadata: Any = None


class PodMonitor(Object):
    api_version: str
    kind: str
    metadata: Metadata
    spec: Annotated[PodMonitorSpec, WithoutEffect("there is no Prometheus on a laptop")]


class Rule(Object):
    """An alert or a recording."""

    expr: str | int
    alert: str | None = None
    record: str | None = None
    for_: str | None = msgspec.field(name="for", default=None)
    keep_firing_for: str | None = msgspec.field(name="keep_firing_for", default=None)
    labels: dict[str, str] = msgspec.field(default_factory=dict)
    annotations: dict[str, str] = msgspec.field(default_factory=dict)


class RuleGroup(Object):
    name: str
    rules: tuple[Rule, ...] = ()
    interval: str | None = None
    limit: int | None = None
    query_offset: str | None = msgspec.field(name="query_offset", default=None)
    labels: dict[str, str] = msgspec.field(default_factory=dict)
    partial_response_strategy: str | None = msgspec.field(name="partial_response_strategy", default=None)


class PrometheusRuleSpec(Object):
    groups: tuple[RuleGroup, ...] = ()


class PrometheusRule(Object):
    api_version: str
    kind: str
    metadata: Metadata
    spec: Annotated[PrometheusRuleSpec, WithoutEffect("there is no Prometheus on a laptop")]
