from __future__ import annotations

from pathlib import Path

import pytest

from knative_local.errors import UsageError
from knative_local.planning.plan import Plan
from knative_local.planning.services import ServicePlan

from .cluster import PROFILE, SERVICE, TRIGGER, plan

DEPLOYMENT = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: board, namespace: test}
spec:
  replicas: 2
  selector:
    matchLabels: {app: board}
  template:
    metadata:
      labels: {app: board, part: front}
    spec:
      terminationGracePeriodSeconds: 7
      containers:
        - image: registry.example.com/hello:1
          args: [serve, --port=8000, --host=0.0.0.0, "8000", --self=http://board.test.svc.cluster.local/x]
          env:
            - {name: HOST, value: 0.0.0.0}
            - {name: PORT, value: "8000"}
            - {name: API_URL, value: "http://hello.test.svc.cluster.local"}
            - {name: DATABASE_URL, valueFrom: {secretKeyRef: {name: database, key: url}}}
          ports:
            - {name: http, containerPort: 8000}
            - {name: metrics, containerPort: 9464}
          lifecycle: {preStop: {sleep: {seconds: 5}}}
          readinessProbe: {httpGet: {path: /readyz, port: http}}
          volumeMounts: [{name: scratch, mountPath: /scratch}]
      volumes:
        - {name: scratch, emptyDir: {}}
"""
ADDRESS = """
apiVersion: v1
kind: Service
metadata: {name: board, namespace: test}
spec:
  selector: {app: board}
  ports:
    - {name: http, port: 80, targetPort: http}
    - {name: other, port: 8000}
    - {name: metrics, port: 9464, targetPort: metrics}
"""
SCALER = """
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: board, namespace: test}
spec:
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: board}
  minReplicas: 3
  maxReplicas: 10
  metrics:
    - {type: Resource, resource: {name: cpu, target: {type: Utilization, averageUtilization: 70}}}
  behavior:
    scaleDown: {policies: [{type: Pods, value: 1, periodSeconds: 60}]}
"""
BOARD_URL = "http://127.0.0.1:1002"


def planned(folder: Path, **files: str) -> Plan:
    return plan(folder, **({"board": DEPLOYMENT, "address": ADDRESS} | files))


def board(folder: Path, **files: str) -> ServicePlan:
    return next(service for service in planned(folder, **files).services if service.name == "board")


def test_it_is_always_on_with_the_number_it_says(tmp_path: Path) -> None:
    scaling = board(tmp_path).scaling

    assert (scaling.min_scale, scaling.max_scale, scaling.initial_scale) == (2, 2, 2)


def test_an_autoscalers_minimum_counts_more_than_replicas(tmp_path: Path) -> None:
    scaling = board(tmp_path, scaler=SCALER).scaling

    assert (scaling.min_scale, scaling.max_scale) == (3, 3)
    rows = {
        row.path for row in planned(tmp_path, scaler=SCALER).ineffective if Path(row.file).stem == "scaler"
    }
    assert rows == {"spec.maxReplicas", "spec.metrics", "spec.behavior"}


def test_arguments_and_variables_lead_to_this_machine(tmp_path: Path) -> None:
    program = board(tmp_path).program

    assert program.command[-5:] == (
        "serve",
        "--port=$(PORT)",
        "--host=127.0.0.1",
        "$(PORT)",
        f"--self={BOARD_URL}/x",
    )
    environment = dict(program.environment)
    assert (environment["HOST"], environment["API_URL"]) == ("127.0.0.1", "http://127.0.0.1:1001")
    assert program.folders == (("/scratch", "board/scratch"),)


def test_it_is_told_nothing_of_knative_and_has_no_request_timeout(tmp_path: Path) -> None:
    service = board(tmp_path)

    assert service.told == ()
    assert (service.timeout_seconds, service.held_seconds, service.grace_seconds) == (0, 0.0, 7.0)


@pytest.mark.parametrize("port", ["", ":80", ":8000"])
def test_others_reach_it_by_every_port_that_leads_to_its_first_one(tmp_path: Path, port: str) -> None:
    service = SERVICE.replace("value: hi", f"value: http://board.test.svc.cluster.local{port}/stream")
    (hello, _) = planned(tmp_path, service=service).services

    assert dict(hello.program.environment)["GREETING"] == f"{BOARD_URL}/stream"


def test_a_port_that_nobody_reaches_is_listed(tmp_path: Path) -> None:
    rows = [row for row in planned(tmp_path).ineffective if Path(row.file).stem == "address"]

    assert [(row.path, row.line) for row in rows] == [("spec.ports[2]", 10)]


def test_events_go_to_a_service_of_the_core_kind_too(tmp_path: Path) -> None:
    old = "      apiVersion: serving.knative.dev/v1\n      kind: Service\n      name: hello\n"
    trigger = TRIGGER.replace(old, "      {apiVersion: v1, kind: Service, name: board}\n")
    assert trigger != TRIGGER

    (found,) = planned(tmp_path, trigger=trigger).contract.triggers

    assert (found.subscriber_url, found.subscriber_name) == (
        BOARD_URL,
        "http://board.test.svc.cluster.local",
    )


def test_without_a_port_it_is_nobodys_to_call_and_ready_when_it_runs(tmp_path: Path) -> None:
    worker = DEPLOYMENT.replace("            - {name: http, containerPort: 8000}\n", "")
    worker = worker.replace("            - {name: metrics, containerPort: 9464}\n", "")
    worker = worker.replace("          ports:\n", "").replace(
        '            - {name: PORT, value: "8000"}\n', ""
    )
    worker = worker.replace("          readinessProbe: {httpGet: {path: /readyz, port: http}}\n", "")
    worker = worker.replace(", --self=http://board.test.svc.cluster.local/x", "")

    (_, service) = plan(tmp_path, board=worker).services

    assert service.readiness is None
    assert not service.public


def test_a_companion_gives_way_to_the_deployment_it_stands_for(tmp_path: Path) -> None:
    profile = PROFILE.replace("http://issuer.test.svc", "http://board.test.svc") + 'url-name = "pal"\n'
    found = plan(tmp_path, profile=profile, board=DEPLOYMENT, address=ADDRESS)

    assert found.companions == {}
    assert found.names == {("test", "board"): "pal"}
    assert dict(found.services[1].program.environment)["API_URL"] == "http://127.0.0.1:1001"


# What is replaced, in which file, by what, and the end of the error.
REFUSALS = [
    ("board", "replicas: 2", "replicas: 0", "spec.replicas: 0 would run nothing"),
    ("board", "{app: board}", "{app: bord}", "spec.selector.matchLabels: are not among the labels"),
    (
        "board",
        "matchLabels: {app: board}",
        "matchExpressions: []",
        "matchExpressions: write it as matchLabels",
    ),
    (
        "board",
        '{name: PORT, value: "8000"}',
        '{name: PORT, value: "8001"}',
        "env[1].value: PORT is not the first of the container's ports",
    ),
    (
        "board",
        "port: http}}",
        "port: metrics}}",
        "readinessProbe.httpGet.port: 'metrics' is not the container's port",
    ),
    (
        "board",
        "emptyDir: {}",
        "secret: {secretName: key}",
        "volumes[0].secret: a process cannot be given a file",
    ),
    (
        "board",
        "{name: scratch, mountPath",
        "{name: scrach, mountPath",
        "there is no volume 'scrach', did you mean",
    ),
    (
        "board",
        "test.svc.cluster.local/x",
        "other.svc.cluster.local/x",
        "args[4]: http://board.other.svc.cluster",
    ),
    ("board", "preStop", "postStart", "lifecycle.postStart: hooks do not run here"),
    (
        "address",
        "targetPort: metrics",
        "targetPort: metric",
        "spec.ports[2]: 'metric' is not a port of Deployment board",
    ),
    (
        "address",
        "{app: board}",
        "{app: bord}",
        "spec.selector: selects one Deployment of the manifests here, not none",
    ),
    ("address", "selector: {app: board}", "selector: {}", "spec.selector: is empty"),
    ("address", "name: board,", "name: hello,", "metadata.name: Knative makes a Service 'hello' itself"),
    ("address", "  ports:", "  type: ExternalName\n  ports:", "spec.type: Invalid enum value 'ExternalName'"),
    (
        "scaler",
        "name: board}\n  min",
        "name: bord}\n  min",
        "there is no Deployment 'bord' in namespace test, did you",
    ),
    (
        "scaler",
        "minReplicas: 3",
        "minReplicas: 11",
        "spec.minReplicas: 11 is not between 1 and maxReplicas 10",
    ),
    ("scaler", "averageUtilization", "averageUtilisation", "did you mean 'averageUtilization'?"),
]


@pytest.mark.parametrize(("name", "old", "new", "sentence"), REFUSALS)
def test_what_cannot_be_obeyed_is_refused(
    tmp_path: Path, name: str, old: str, new: str, sentence: str
) -> None:
    files = {"board": DEPLOYMENT, "address": ADDRESS, "scaler": SCALER}
    spoilt = files[name].replace(old, new, 1)
    assert spoilt != files[name]

    with pytest.raises(UsageError) as refusal:
        plan(tmp_path, **(files | {name: spoilt}))

    assert str(refusal.value).startswith(f"{tmp_path}/manifests/{name}.yaml:")
    assert sentence in str(refusal.value)
    assert refusal.value.exit_code == 2


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("http://board.test.svc.cluster.local:81", "board.test has no port 81 here, but 80 and 8000"),
        ("http://board.test.svc.cluster.local:9464", "board.test has no port 9464 here, but 80 and 8000"),
        ("https://board.test.svc.cluster.local", "services are reached with http"),
    ],
)
def test_an_address_it_does_not_have_is_refused(tmp_path: Path, url: str, sentence: str) -> None:
    with pytest.raises(UsageError, match=sentence):
        planned(tmp_path, service=SERVICE.replace("value: hi", f"value: {url}"))


def test_a_deployment_and_a_knative_service_of_one_name_would_share_a_log(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="there is a Service 'hello' too: their log would be one"):
        plan(tmp_path, board=DEPLOYMENT.replace("name: board,", "name: hello,"))
