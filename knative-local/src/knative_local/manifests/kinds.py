"""The kinds that are understood, by the apiVersion and kind a manifest writes."""

from __future__ import annotations

from knative_local.manifests import core, edge, eventing, monitoring, policies, serving, workloads
from knative_local.manifests.fields import Object

KINDS: dict[tuple[str, str], type[Object]] = {
    ("serving.knative.dev/v1", "Service"): serving.Service,
    ("serving.knative.dev/v1beta1", "DomainMapping"): edge.DomainMapping,
    ("eventing.knative.dev/v1", "Broker"): eventing.Broker,
    ("eventing.knative.dev/v1", "Trigger"): eventing.Trigger,
    ("eventing.knative.dev/v1alpha1", "KafkaSink"): eventing.KafkaSink,
    ("sources.knative.dev/v1", "PingSource"): eventing.PingSource,
    ("v1", "Service"): workloads.Service,
    ("v1", "ConfigMap"): core.ConfigMap,
    ("v1", "ServiceAccount"): core.ServiceAccount,
    ("v1", "ResourceQuota"): policies.ResourceQuota,
    ("apps/v1", "Deployment"): workloads.Deployment,
    ("batch/v1", "Job"): core.Job,
    ("autoscaling/v2", "HorizontalPodAutoscaler"): workloads.HorizontalPodAutoscaler,
    ("policy/v1", "PodDisruptionBudget"): policies.PodDisruptionBudget,
    ("networking.k8s.io/v1", "NetworkPolicy"): policies.NetworkPolicy,
    ("networking.k8s.io/v1", "Ingress"): edge.Ingress,
    ("cert-manager.io/v1", "ClusterIssuer"): edge.ClusterIssuer,
    ("monitoring.coreos.com/v1", "PodMonitor"): monitoring.PodMonitor,
    ("monitoring.coreos.com/v1", "PrometheusRule"): monitoring.PrometheusRule,
}
