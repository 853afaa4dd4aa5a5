"""Kinds that a cluster needs and a laptop does not: understood to the last field, and said to do nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from knative_local.errors import UsageError

from .cluster import plan

NETWORK_POLICY = """
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: allow, namespace: test}
spec:
  podSelector:
    matchExpressions: [{key: app, operator: In, values: [hello]}]
  policyTypes: [Ingress, Egress]
  ingress:
    - from:
        - namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: edge}}
          podSelector: {}
      ports: [{protocol: TCP, port: 8012}]
  egress:
    - to: [{ipBlock: {cidr: 0.0.0.0/0, except: [169.254.169.254/32]}}]
      ports: [{port: 5432, endPort: 5433}, {port: dns, protocol: UDP}]
"""
DISRUPTIONS = """
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {name: hello, namespace: test}
spec:
  maxUnavailable: 25%
  selector: {matchLabels: {app: hello}}
  unhealthyPodEvictionPolicy: AlwaysAllow
"""
QUOTA = """
apiVersion: v1
kind: ResourceQuota
metadata: {name: quota, namespace: test}
spec:
  hard: {requests.cpu: "4", requests.memory: 8Gi, pods: 20}
"""
INGRESS = """
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: api
  namespace: edge
  annotations: {cert-manager.io/cluster-issuer: letsencrypt, nginx.org/client-max-body-size: 64k}
spec:
  ingressClassName: nginx
  tls: [{hosts: [api.example.com], secretName: api-tls}]
  rules:
    - host: api.example.com
      http:
        paths:
          - {path: /v1, pathType: Prefix, backend: {service: {name: gateway, port: {number: 80}}}}
"""
DOMAIN = """
apiVersion: serving.knative.dev/v1beta1
kind: DomainMapping
metadata:
  name: api.example.com
  namespace: test
  annotations: {networking.knative.dev/disable-external-domain-tls: "true"}
spec:
  ref: {kind: Service, apiVersion: serving.knative.dev/v1, name: hello}
"""
ISSUER = """
apiVersion: cert-manager.io/v1
kind: ClusterIssuer
metadata: {name: letsencrypt}
spec:
  acme:
    server: https://acme.example.com/directory
    email: ops@example.com
    privateKeySecretRef: {name: account}
    solvers:
      - selector: {dnsNames: [api.example.com]}
        http01:
          ingress:
            ingressClassName: nginx
            ingressTemplate: {metadata: {annotations: {nginx.org/mergeable-ingress-type: minion}}}
"""
POD_MONITOR = """
apiVersion: monitoring.coreos.com/v1
kind: PodMonitor
metadata: {name: hello, namespace: test}
spec:
  selector: {matchLabels: {app: hello}}
  namespaceSelector: {matchNames: [test]}
  podMetricsEndpoints:
    - portNumber: 9464
      interval: 30s
      relabelings: [{sourceLabels: [__address__], regex: "(.+):.*", targetLabel: host, action: replace}]
"""
RULES = """
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata: {name: rules, namespace: test}
spec:
  groups:
    - name: hello
      interval: 30s
      rules:
        - {alert: Old, expr: age > 60, for: 5m, keep_firing_for: 1m, labels: {severity: page}}
        - {record: "hello:age", expr: max(age)}
"""

# Each kind, a field deep inside, the same misspelled, and the path of the error.
KINDS = {
    "NetworkPolicy": (NETWORK_POLICY, "endPort", "endPrt", "spec.egress[0].ports[0].endPrt"),
    "PodDisruptionBudget": (DISRUPTIONS, "maxUnavailable", "maxUnavailble", "spec.maxUnavailble"),
    "ResourceQuota": (QUOTA, "hard", "hards", "spec.hards"),
    "Ingress": (INGRESS, "pathType", "pathTyp", "spec.rules[0].http.paths[0].pathTyp"),
    "DomainMapping": (DOMAIN, "spec:\n  ref", "spec:\n  reff", "spec.reff"),
    "ClusterIssuer": (
        ISSUER,
        "ingressClassName",
        "ingressClasName",
        "spec.acme.solvers[0].http01.ingress.ingressClasName",
    ),
    "PodMonitor": (POD_MONITOR, "portNumber", "portNumbr", "spec.podMetricsEndpoints[0].portNumbr"),
    "PrometheusRule": (RULES, "keep_firing_for", "keepFiringFor", "spec.groups[0].rules[0].keepFiringFor"),
}


@pytest.mark.parametrize("kind", KINDS)
def test_it_runs_and_says_that_it_does_nothing(tmp_path: Path, kind: str) -> None:
    text = KINDS[kind][0]

    rows = [row for row in plan(tmp_path, more=text).ineffective if Path(row.file).stem == "more"]

    assert "metadata.name" if kind == "DomainMapping" else "spec" in {row.path for row in rows}
    assert all(row.reason for row in rows)


@pytest.mark.parametrize("kind", KINDS)
def test_a_misspelled_field_is_refused_with_its_place_and_the_right_name(tmp_path: Path, kind: str) -> None:
    text, right, wrong, path = KINDS[kind]
    spoilt = text.replace(right, wrong, 1)
    line = spoilt[: spoilt.index(wrong)].count("\n") + (2 if "\n" in wrong else 1)

    with pytest.raises(UsageError) as refusal:
        plan(tmp_path, more=spoilt)

    name, hint = wrong.split()[-1], right.split()[-1]
    assert str(refusal.value) == (
        f"{tmp_path}/manifests/more.yaml:{line}: {path}: unknown field '{name}', did you mean '{hint}'?"
    )
    assert refusal.value.exit_code == 2


@pytest.mark.parametrize(
    ("text", "old", "new", "sentence"),
    [
        (
            NETWORK_POLICY,
            "[Ingress, Egress]",
            "[Ingres]",
            "spec.policyTypes[0]: Invalid enum value 'Ingres'",
        ),
        (RULES, "severity: page", "severity: 1", "Expected `str`, got `int`"),
        (
            DOMAIN,
            "name: hello}",
            "name: helo}",
            "spec.ref.name: there is no Service 'helo' in namespace test, did you mean 'hello'?",
        ),
        (
            DOMAIN,
            "disable-external-domain-tls",
            "disable-external-tls",
            "unknown key 'networking.knative.dev/disable-external-tls', did you mean",
        ),
        (DISRUPTIONS, "policy/v1", "policy/v1beta1", "PodDisruptionBudget is understood as policy/v1, not"),
        (
            QUOTA,
            "kind: ResourceQuota",
            "kind: ResourceQuotas",
            "'ResourceQuotas' (v1) does not run on a laptop, did you mean 'ResourceQuota'?",
        ),
    ],
)
def test_what_makes_no_sense_is_refused(tmp_path: Path, text: str, old: str, new: str, sentence: str) -> None:
    assert old in text

    with pytest.raises(UsageError) as refusal:
        plan(tmp_path, more=text.replace(old, new, 1))

    assert sentence in str(refusal.value)
