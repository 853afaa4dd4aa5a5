"""Who may reach whom, computed from the rendered NetworkPolicies, and that nobody else may."""

from __future__ import annotations

import copy
import re
from typing import Any

import pytest

from helm.gates.environments import documented
from helm.render import CHART, RenderError, render
from task_api.settings import Settings

from .network import Address, Peer, Pod, Port, allowed, selects
from .objects import VARIANTS, WITHOUT_KAFKA, Object, container, merged, of_kind, one

Values = dict[str, Any]


def ours(name: str) -> Pod:
    return Pod("task-system", {"app.kubernetes.io/name": name, "app.kubernetes.io/part-of": "task-system"})


# Everybody who could talk to somebody.
CAST: dict[str, Peer] = {
    "task-api": ours("task-api"),
    "analytics": ours("analytics"),
    "dashboard": ours("dashboard"),
    "dev-issuer": ours("dev-issuer"),
    "task-api-migrate": ours("task-api-migrate"),
    "analytics-migrate": ours("analytics-migrate"),
    "solver": Pod("task-system", {"acme.cert-manager.io/http01-solver": "true"}),
    "stranger": Pod("task-system", {"app": "brought-by-somebody"}),
    "activator": Pod("knative-serving", {"app": "activator"}),
    "gateway": Pod("kourier-system", {"app": "3scale-kourier-gateway"}),
    "broker ingress": Pod("knative-eventing", {"app": "kafka-broker-receiver"}),
    "in-memory broker ingress": Pod("knative-eventing", {"eventing.knative.dev/brokerRole": "ingress"}),
    "dispatcher": Pod("knative-eventing", {"app": "kafka-broker-dispatcher"}),
    "nginx": Pod("nginx-ingress", {"app.kubernetes.io/name": "nginx-ingress"}),
    "prometheus": Pod("monitoring", {"app.kubernetes.io/name": "prometheus"}),
    "dns": Pod("kube-system", {"k8s-app": "kube-dns"}),
    "node's dns": Pod("kube-system", {"k8s-app": "node-local-dns"}),
    "api server's neighbour": Pod("kube-system", {"k8s-app": "metrics-server"}),
    "postgresql": Pod("databases", {"app": "postgresql"}),
    "other database": Pod("databases", {"app": "other"}),
    "collector": Pod("observability", {"app": "collector"}),
    "kafka": Pod("kafka", {"strimzi.io/cluster": "tasks"}),
    "somebody's pod": Pod("default", {"app": "web"}),
    "managed postgresql": Address("10.20.0.5"),
    "node": Address("10.30.0.5"),
    "cloud metadata": Address("169.254.169.254"),
    "internet": Address("203.0.113.7"),
}
PORTS = [
    Port(53, "UDP"),
    *map(Port, (53, 80, 443, 4318, 5432, 6443, 8012, 8013, 8022, 8080, 8081, 8089, 8112, 8443)),
    *map(Port, (9090, 9091, 9092, 9093, 9464)),
]
EVERYTHING: Values = {
    "edge": {
        "enabled": True,
        "apiHost": "api.acme.io",
        "appHost": "app.acme.io",
        "kourier": {"namespace": "kourier-system"},
    },
    "dashboard": {"enabled": True},
    "monitoring": {"otlpEndpoint": "http://collector.observability:4318"},
    "networkPolicy": {"otlp": {"namespace": "observability", "podSelector": "app=collector"}},
}
PRODUCTION_VALUES = documented(CHART / "values-production.yaml")
IN_PRODUCTION = merged(PRODUCTION_VALUES, EVERYTHING)
ON_TEST_CLUSTER = merged(EVERYTHING, {"issuer": {"enabled": True}})

Path = tuple[str, str, str]


def paths(table: str) -> set[Path]:
    """Lines `source -> target: ports` as single paths; sources are separated by commas."""
    found = set()
    for line in table.strip().splitlines():
        match = re.fullmatch(r"\s*(.+?) -> (.+?): (.+)", line)
        assert match, line
        for source in match[1].split(", "):
            found |= {(source, match[2], port) for port in match[3].split()}
    assert {name for source, target, _ in found for name in (source, target)} <= set(CAST)
    return found


def possible(values: Values) -> set[Path]:
    return possible_with(of_kind("NetworkPolicy", values))


def possible_with(policies: list[Object]) -> set[Path]:
    """Every path of the cast with one of our namespace's pods at an end."""
    return {
        (source, target, f"{port.number}/UDP" if port.protocol == "UDP" else str(port.number))
        for source, a in CAST.items()
        for target, b in CAST.items()
        for port in PORTS
        if source != target and {"task-system"} & {getattr(a, "namespace", ""), getattr(b, "namespace", "")}
        if allowed(policies, a, b, port)
    }


# Where the database is nobody said, so any pod of the cluster may be it; Kourier is in Knative's namespace.
BY_DEFAULT = """
    activator -> task-api: 8012 8013 8022 9090
    activator -> analytics: 8012 8013 8022 9090
    prometheus -> task-api: 9091 9464
    prometheus -> analytics: 9091
    task-api, analytics, task-api-migrate, analytics-migrate -> dns: 53 53/UDP
    task-api, analytics, task-api-migrate, analytics-migrate -> node's dns: 53 53/UDP
    task-api -> broker ingress: 8080
"""
ANY_POD_AT_5432 = {
    (source, target, "5432")
    for source in ("task-api", "analytics", "task-api-migrate", "analytics-migrate")
    for target, each in CAST.items()
    if isinstance(each, Pod) and each.namespace != "task-system"
}

PRODUCTION = """
    activator, gateway -> task-api: 8012 8013
    activator, gateway -> analytics: 8012 8013
    activator -> task-api: 8022 9090
    activator -> analytics: 8022 9090
    prometheus -> task-api: 9091 9464
    prometheus -> analytics: 9091
    nginx -> dashboard: 8080
    nginx -> solver: 8089
    task-api, analytics, dashboard, task-api-migrate, analytics-migrate -> dns: 53 53/UDP
    task-api, analytics, dashboard, task-api-migrate, analytics-migrate -> node's dns: 53 53/UDP
    task-api, analytics, dashboard, task-api-migrate, analytics-migrate -> managed postgresql: 5432
    task-api, dashboard -> internet: 443
    task-api -> broker ingress: 8080
    task-api, analytics -> collector: 4318
    dashboard -> gateway: 8081
"""


def test_should_allow_these_paths_and_no_other_by_default() -> None:
    assert possible({}) == paths(BY_DEFAULT) | ANY_POD_AT_5432


def test_should_allow_these_paths_and_no_other_in_production() -> None:
    assert possible(IN_PRODUCTION) == paths(PRODUCTION)


def test_should_reach_the_development_issuer_instead_of_the_internet_on_a_test_cluster() -> None:
    found = possible(ON_TEST_CLUSTER)
    assert paths("task-api, dashboard -> dev-issuer: 8080") <= found
    assert not [path for path in found if path[1] == "internet" or path[0] == "dev-issuer"]
    assert {source for source, target, _ in found if target == "dev-issuer"} == {"task-api", "dashboard"}


def test_should_reach_the_broker_ingress_of_the_class_only() -> None:
    assert paths("task-api -> in-memory broker ingress: 8080") <= possible(WITHOUT_KAFKA)
    assert ("task-api", "broker ingress", "8080") not in possible(WITHOUT_KAFKA)


@pytest.mark.parametrize(
    ("place", "reached"),
    [
        ({"namespace": "databases"}, {"postgresql", "other database"}),
        ({"namespace": "databases", "podSelector": "app=postgresql"}, {"postgresql"}),
        ({"podSelector": "app=postgresql"}, {"postgresql"}),
        ({"cidrs": "10.20.0.0/24"}, {"managed postgresql"}),
        ({"cidrs": "10.20.0.0/24,10.30.0.0/24"}, {"managed postgresql", "node"}),
        ({"cidrs": "0.0.0.0/0"}, {"internet"}),
    ],
    # A set's own text comes in another order in another process.
    ids=lambda value: str(value) if isinstance(value, dict) else "",
)
def test_should_reach_postgresql_where_it_is_and_nothing_else(place: Values, reached: set[str]) -> None:
    found = possible({"networkPolicy": {"database": {**place, "port": 6443}}})
    for source in ("task-api", "analytics", "task-api-migrate", "analytics-migrate"):
        assert {target for each, target, port in found if each == source and port == "6443"} == reached
    assert not [path for path in found if path[2] == "5432"]


@pytest.mark.parametrize(
    ("place", "reached"),
    [
        ({"namespace": "databases", "port": 8443}, {"postgresql", "other database"}),
        ({"namespace": "databases", "podSelector": "app=other", "port": 8443}, {"other database"}),
        ({"cidrs": "10.30.0.0/16", "port": 8443}, {"node"}),
    ],
    # A set's own text comes in another order in another process.
    ids=lambda value: str(value) if isinstance(value, dict) else "",
)
def test_should_reach_an_issuer_of_ones_own(place: Values, reached: set[str]) -> None:
    values = {"oidc": {"issuer": "https://login.example"}, "networkPolicy": {"issuer": place}}
    found = possible(values)
    assert {target for source, target, port in found if (source, port) == ("task-api", "8443")} == reached
    assert not [path for path in found if path[2] == "443"]


def test_should_reach_a_collector_outside() -> None:
    otlp = {"cidrs": "10.30.0.0/24", "port": 443}
    values = {"monitoring": {"otlpEndpoint": "https://otlp.example"}, "networkPolicy": {"otlp": otlp}}
    assert paths("task-api, analytics -> node: 443") <= possible(values)


def test_should_keep_prometheus_out_where_there_is_none() -> None:
    found = possible({"networkPolicy": {"prometheusNamespace": ""}})
    assert not [path for path in found if path[0] == "prometheus"]


def test_should_ask_the_namespaces_that_are_named() -> None:
    names = {"servingNamespace": "databases", "nginxNamespace": "default", "prometheusNamespace": "kafka"}
    found = possible(merged(EVERYTHING, {"networkPolicy": names}))
    assert paths("postgresql -> task-api: 9090") <= found
    assert paths("somebody's pod -> dashboard: 8080") <= found
    assert paths("somebody's pod -> solver: 8089") <= found
    assert paths("kafka -> task-api: 9464") <= found
    assert not [path for path in found if path[0] in {"nginx", "activator", "prometheus"}]


def test_should_leave_the_dashboard_to_kubectl_without_an_edge() -> None:
    found = possible({"dashboard": {"enabled": True}})
    assert not [path for path in found if path[1] == "dashboard"]
    assert ("dashboard", "dns", "53") in found


def test_should_render_none_when_told_so() -> None:
    assert of_kind("NetworkPolicy", merged(EVERYTHING, {"networkPolicy": {"enabled": False}})) == []


# --- what the policies are ---------------------------------------------------------------------------------


@pytest.mark.parametrize("values", VARIANTS.values(), ids=VARIANTS.keys())
def test_should_leave_no_workload_with_the_default_deny_alone(values: Values) -> None:
    workloads = [each for kind in ("Job", "Deployment") for each in of_kind(kind, values)]
    workloads += [each for each in of_kind("Service", values) if "template" in each["spec"]]
    assert len(workloads) >= 4
    for workload in workloads:
        pod = Pod(workload["metadata"]["namespace"], workload["spec"]["template"]["metadata"]["labels"])
        selecting = [each for each in of_kind("NetworkPolicy", values) if selects(each, pod)]
        names = {each["metadata"]["name"] for each in selecting}
        assert names == {"default-deny", workload["metadata"]["name"]}


def test_should_name_peers_and_ports_in_every_rule() -> None:
    for policy in of_kind("NetworkPolicy", ON_TEST_CLUSTER):
        assert policy["spec"]["policyTypes"] == ["Ingress", "Egress"]
        for key, peers in (("ingress", "from"), ("egress", "to")):
            for rule in policy["spec"].get(key, []):
                assert rule[peers], policy["metadata"]["name"]
                assert rule["ports"], policy["metadata"]["name"]


def test_should_let_a_migration_out_before_it_starts() -> None:
    for job in of_kind("Job"):
        hook = job["metadata"]["annotations"]
        policy = one("NetworkPolicy", job["metadata"]["name"])["metadata"]["annotations"]
        assert policy["helm.sh/hook"] == hook["helm.sh/hook"]
        assert int(policy["helm.sh/hook-weight"]) < int(hook["helm.sh/hook-weight"])
    hooks = [each for each in of_kind("NetworkPolicy") if "annotations" in each["metadata"]]
    assert {each["metadata"]["name"] for each in hooks} == {"task-api-migrate", "analytics-migrate"}


def test_should_open_the_ports_the_workloads_listen_on() -> None:
    scraped = {
        port for source, target, port in possible({}) if (source, target) == ("prometheus", "task-api")
    }
    assert str(Settings.model_fields["otel_exporter_prometheus_port"].default) in scraped
    for name in ("dashboard", "dev-issuer"):
        (port,) = container(one("Deployment", name, ON_TEST_CLUSTER))["ports"]
        found = {path[2] for path in possible(ON_TEST_CLUSTER) if path[1] == name}
        assert found == {str(port["containerPort"])}


# --- that the table would notice ---------------------------------------------------------------------------


def without_default_deny(policies: list[Object]) -> None:
    policies[:] = [each for each in policies if each["metadata"]["name"] != "default-deny"]


def with_open_egress(policies: list[Object]) -> None:
    spec_of(policies, "analytics")["egress"].append({"to": [{"ipBlock": {"cidr": "0.0.0.0/0"}}]})


def with_any_namespace_let_in(policies: list[Object]) -> None:
    spec_of(policies, "task-api")["ingress"][0]["from"].append({"namespaceSelector": {}})


def with_a_rule_for_everybody(policies: list[Object]) -> None:
    spec_of(policies, "dashboard")["ingress"].append({})


def with_ingress_only(policies: list[Object]) -> None:
    spec_of(policies, "default-deny")["policyTypes"] = ["Ingress"]


def without_udp(policies: list[Object]) -> None:
    spec_of(policies, "task-api")["egress"][0]["ports"].pop(0)


def spec_of(policies: list[Object], name: str) -> Object:
    (found,) = (each for each in policies if each["metadata"]["name"] == name)
    spec = found["spec"]
    assert isinstance(spec, dict)
    return spec


@pytest.mark.parametrize(
    "mutate",
    [
        without_default_deny,
        with_open_egress,
        with_any_namespace_let_in,
        with_a_rule_for_everybody,
        with_ingress_only,
        without_udp,
    ],
)
def test_should_notice_a_change_of_the_policies(mutate: Any) -> None:
    policies = copy.deepcopy(of_kind("NetworkPolicy", IN_PRODUCTION))
    mutate(policies)
    assert possible_with(policies) != paths(PRODUCTION)


# --- values ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        (
            {"networkPolicy": {"database": {"namespace": "databases", "cidrs": "10.20.0.0/24"}}},
            (
                "networkPolicy.database has cidrs and pods (namespace, podSelector): it is outside the cluster "
                "or inside."
            ),
        ),
        (
            {"networkPolicy": {"otlp": {"podSelector": "a=b", "cidrs": "10.20.0.0/24"}}},
            (
                "networkPolicy.otlp has cidrs and pods (namespace, podSelector): it is outside the cluster "
                "or inside."
            ),
        ),
        (
            {"monitoring": {"otlpEndpoint": "http://collector:4318"}},
            (
                "monitoring.otlpEndpoint is set, and networkPolicy.otlp says neither its namespace nor its cidrs: "
                "no trace would arrive."
            ),
        ),
        (
            merged(PRODUCTION_VALUES, {"networkPolicy": {"database": {"cidrs": ""}}}),
            (
                "networkPolicy.database says neither namespace nor cidrs: production reaches its own PostgreSQL "
                "and no other."
            ),
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_should_refuse_places_that_contradict_each_other(values: Values, sentence: str) -> None:
    with pytest.raises(RenderError) as raised:
        render(values)
    assert str(raised.value) == sentence


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("networkPolicy/enabled", "yes"),
        ("networkPolicy/servingNamespace", ""),
        ("networkPolicy/database/cidrs", "10.0.0.1"),
        ("networkPolicy/database/podSelector", "app"),
        ("networkPolicy/database/port", 0),
        ("networkPolicy/issuer/cidrs", ""),
        ("resourceQuota/pods", 0),
        ("resourceQuota/requestsCpu", "ten"),
    ],
)
def test_should_refuse_a_bad_value_by_its_name(path: str, value: object) -> None:
    values: Any = value
    for key in reversed(path.split("/")):
        values = {key: values}
    with pytest.raises(RenderError, match=f"at '/{path}'"):
        render(values)


def test_should_put_a_ceiling_on_the_namespace_that_knatives_pods_can_meet() -> None:
    assert of_kind("ResourceQuota") == []
    (quota,) = of_kind("ResourceQuota", {"resourceQuota": {"enabled": True, "pods": 7, "requestsCpu": "3"}})
    # Nothing of memory or limits: the queue-proxy states neither, and its pods would be refused.
    assert quota["spec"]["hard"] == {"pods": "7", "requests.cpu": "3", "services.loadbalancers": "0"}
