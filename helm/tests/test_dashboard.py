"""The dashboard: a Deployment that Kubernetes scales, and that survives a drained node."""

from __future__ import annotations

from typing import Any

from helm.render import NAMESPACE

from .objects import Object, container, environment, knative_services, merged, of_kind, one, pod_of, rendered

ON: dict[str, Any] = {"dashboard": {"enabled": True}}


def deployment(values: dict[str, Any] | None = None) -> Object:
    return one("Deployment", "dashboard", merged(ON, values or {}))


def dashboards(values: dict[str, Any] | None) -> set[str]:
    return {path for path in rendered(values) if "dashboard" in path}


def test_should_be_off_until_its_image_exists() -> None:
    assert dashboards(None) <= {path for path in dashboards(ON) if "networkpolicy" in path}
    assert {
        "knative/deployment-dashboard.yaml",
        "knative/hpa-dashboard.yaml",
        "knative/pdb-dashboard.yaml",
        "knative/service-dashboard.yaml",
        "knative/serviceaccount-dashboard.yaml",
    } <= dashboards(ON)


def test_should_leave_the_number_of_pods_to_the_autoscaler() -> None:
    assert "replicas" not in deployment()["spec"]
    (scaler,) = of_kind("HorizontalPodAutoscaler", ON)
    target = deployment()
    assert scaler["spec"]["scaleTargetRef"] == {
        "apiVersion": target["apiVersion"],
        "kind": target["kind"],
        "name": target["metadata"]["name"],
    }


def test_should_add_pods_at_once_and_take_them_away_slowly() -> None:
    scaling = {
        "minReplicas": 4,
        "maxReplicas": 9,
        "cpuUtilization": 61,
        "scaleDownStabilizationSeconds": 120,
        "scaleDownPodsPerMinute": 3,
        "scaleUpPodsPerQuarterMinute": 5,
    }
    (scaler,) = of_kind("HorizontalPodAutoscaler", merged(ON, {"dashboard": {"autoscaling": scaling}}))
    spec = scaler["spec"]
    assert (spec["minReplicas"], spec["maxReplicas"]) == (4, 9)
    assert spec["metrics"] == [
        {
            "type": "Resource",
            "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 61}},
        }
    ]
    assert spec["behavior"] == {
        "scaleUp": {
            "stabilizationWindowSeconds": 0,
            "policies": [{"type": "Pods", "value": 5, "periodSeconds": 15}],
        },
        "scaleDown": {
            "stabilizationWindowSeconds": 120,
            "policies": [{"type": "Pods", "value": 3, "periodSeconds": 60}],
        },
    }


def test_should_request_the_cpu_its_autoscaler_measures_by() -> None:
    assert container(deployment())["resources"]["requests"]["cpu"]


def test_should_select_its_own_pods_everywhere() -> None:
    labels = deployment()["spec"]["template"]["metadata"]["labels"]
    (budget,) = of_kind("PodDisruptionBudget", ON)
    service = one("Service", "dashboard", ON)
    assert deployment()["spec"]["selector"]["matchLabels"] == labels
    assert budget["spec"]["selector"]["matchLabels"] == labels
    assert service["spec"]["selector"] == labels
    for spread in pod_of(deployment())["topologySpreadConstraints"]:
        assert spread["labelSelector"]["matchLabels"] == labels


def test_should_let_nodes_be_drained_one_pod_at_a_time() -> None:
    (budget,) = of_kind("PodDisruptionBudget", ON)
    assert budget["spec"]["maxUnavailable"] == 1
    assert budget["spec"]["unhealthyPodEvictionPolicy"] == "AlwaysAllow"


def test_should_spread_over_zones_and_nodes_and_start_without_them() -> None:
    spreads = pod_of(deployment())["topologySpreadConstraints"]
    assert [each["topologyKey"] for each in spreads] == [
        "topology.kubernetes.io/zone",
        "kubernetes.io/hostname",
    ]
    assert {(each["maxSkew"], each["whenUnsatisfiable"]) for each in spreads} == {(1, "ScheduleAnyway")}


def test_should_be_replaced_without_a_gap() -> None:
    assert deployment()["spec"]["strategy"]["rollingUpdate"] == {"maxUnavailable": 0, "maxSurge": 1}
    grace = pod_of(deployment({"dashboard": {"terminationGracePeriodSeconds": 45}}))
    pause = container(deployment())["lifecycle"]["preStop"]["sleep"]["seconds"]
    assert grace["terminationGracePeriodSeconds"] == 45
    assert 0 < pause < pod_of(deployment())["terminationGracePeriodSeconds"]


def test_should_be_reached_at_the_port_it_listens_on() -> None:
    (port,) = container(deployment())["ports"]
    (exposed,) = one("Service", "dashboard", ON)["spec"]["ports"]
    assert port == {"name": "http", "containerPort": 8080}
    assert exposed == {"name": "http", "port": 80, "targetPort": "http"}
    probes = {name: container(deployment())[name]["httpGet"] for name in ("livenessProbe", "readinessProbe")}
    assert probes == {
        "livenessProbe": {"path": "/livez", "port": "http"},
        "readinessProbe": {"path": "/readyz", "port": "http"},
    }


def test_should_find_the_api_the_issuer_and_its_secrets() -> None:
    values = {
        "oidc": {"issuer": "https://login.example", "audience": "tasks"},
        "dashboard": {"clientId": "page"},
    }
    variables = environment(deployment(values))
    plain = {name: each["value"] for name, each in variables.items() if "value" in each}
    assert plain["TASK_API_URL"] == f"http://task-api.{NAMESPACE}.svc.cluster.local"
    assert "task-api" in {each["metadata"]["name"] for each in knative_services()}
    assert plain["OIDC_ISSUER"] == "https://login.example"
    assert (plain["OIDC_AUDIENCE"], plain["OIDC_CLIENT_ID"]) == ("tasks", "page")
    assert variables["SESSION_KEY"]["valueFrom"]["secretKeyRef"] == {
        "name": "dashboard-session",
        "key": "key",
    }


def test_should_know_its_own_address_behind_the_edge() -> None:
    edge = {"edge": {"enabled": True, "apiHost": "api.example", "appHost": "app.example"}}
    assert environment(deployment(edge))["PUBLIC_URL"] == {
        "name": "PUBLIC_URL",
        "value": "https://app.example",
    }
    assert "PUBLIC_URL" not in environment(deployment())


def test_should_read_the_database_as_a_user_of_its_own_where_there_is_one() -> None:
    for key, expected in (("", "url"), ("dashboard-url", "dashboard-url")):
        variables = environment(deployment({"dashboard": {"databaseUrlKey": key}}))
        source = variables["DATABASE_URL"]["valueFrom"]["secretKeyRef"]
        assert source == {"name": "task-system-database", "key": expected}
