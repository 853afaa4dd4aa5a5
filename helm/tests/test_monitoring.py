"""What Prometheus reads and when it alerts; the rules run in promtool, on series made for them."""

from __future__ import annotations

import asyncio
import copy
import os
import re
import shutil
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from analytics.settings import Settings as AnalyticsSettings
from helm.render import RenderError, render
from task_api.metrics import Metrics
from task_api.settings import Settings

from .objects import WITHOUT_KAFKA, Object, environment, merged, of_kind, one

Values = dict[str, Any]

MONITORED: Values = {"monitoring": {"podMonitor": {"enabled": True}, "prometheusRule": {"enabled": True}}}
WITH_EDGE: Values = merged(MONITORED, {"edge": {"enabled": True, "apiHost": "api.acme.io"}})
SCENARIOS = Path(__file__).with_name("alerts.yaml")
PROMTOOL = shutil.which("promtool")


@pytest.fixture
def promtool() -> str:
    if PROMTOOL is None:
        reason = "promtool is not installed (Debian: apt-get install prometheus)"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    return PROMTOOL


def rules(values: Values | None = None) -> list[Object]:
    rule = copy.deepcopy(everything()) if values is None else one("PrometheusRule", "task-system", values)
    (group,) = rule["spec"]["groups"]
    assert isinstance(group["rules"], list)
    return group["rules"]


@cache
def everything() -> Object:
    """All the alerts there are, rendered once."""
    return one("PrometheusRule", "task-system", WITH_EDGE)


def run_scenarios(promtool: str, folder: Path, alerts: list[Object]) -> subprocess.CompletedProcess[str]:
    (folder / "rules.yaml").write_text(yaml.safe_dump({"groups": [{"name": "task-system", "rules": alerts}]}))
    shutil.copy(SCENARIOS, folder / SCENARIOS.name)
    command = [promtool, "test", "rules", str(folder / SCENARIOS.name)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


def test_should_render_nothing_of_it_by_default() -> None:
    assert of_kind("PodMonitor") == of_kind("PrometheusRule") == []


# --- alerts ------------------------------------------------------------------------------------------------


def test_should_alert_as_the_scenarios_say(promtool: str, tmp_path: Path) -> None:
    done = run_scenarios(promtool, tmp_path, rules())
    assert done.returncode == 0, done.stdout + done.stderr


def test_should_have_a_scenario_with_and_without_each_alert() -> None:
    checks = [
        check for each in yaml.safe_load(SCENARIOS.read_text())["tests"] for check in each["alert_rule_test"]
    ]
    fires = {check["alertname"] for check in checks if check["exp_alerts"]}
    rests = {check["alertname"] for check in checks if not check["exp_alerts"]}
    assert fires == rests == {rule["alert"] for rule in rules()}


# What is done to one rule, and the scenarios have to notice.
MUTATIONS = [
    ("TaskOutboxOld", "expr", "> 300", "> 900"),
    ("TaskOutboxOld", "expr", '{namespace="task-system"}', ""),
    ("TaskOutboxOld", "for", "5m", "0m"),
    ("TaskOutboxParked", "expr", "> 0", "> 1"),
    ("TaskOutboxParked", "for", "5m", "10m"),
    ("TaskDeadLetters", "expr", "max by (partition) ", ""),
    ("TaskDeadLetters", "expr", "offset 15m", "offset 45m"),
    ("TaskDeadLetters", "expr", "redpanda_topic", "topic_redpanda"),
    ("TaskTriggerBehind", "expr", " >= 0", ""),
    ("TaskTriggerBehind", "expr", "> 1000", "> 2000"),
    ("TaskTriggerBehind", "expr", "-task-system-", "-"),
    ("TaskTriggerBehind", "for", "10m", "5m"),
    ("TaskApiErrors", "expr", '"5.."', '"[45].."'),
    ("TaskApiErrors", "expr", "> 5", "> 50"),
    ("TaskAnalyticsErrors", "expr", ', function="analytics"', ""),
    ("TaskCertificateExpires", "expr", "< 1209600", "< 604800"),
    ("TaskCertificateExpires", "expr", "(api|app)-tls", "app-tls"),
    ("TaskCertificateExpires", "expr", '{name=~"task-system-(api|app)-tls"}', ""),
]


@pytest.mark.parametrize(("alert", "key", "old", "new"), MUTATIONS)
def test_should_notice_a_change_of_an_alert(
    promtool: str, tmp_path: Path, alert: str, key: str, old: str, new: str
) -> None:
    changed = rules()
    (rule,) = (each for each in changed if each["alert"] == alert)
    assert old in rule[key]
    rule[key] = rule[key].replace(old, new)
    assert run_scenarios(promtool, tmp_path, changed).returncode != 0


def test_should_tell_whoever_is_woken_what_happened_and_where_to_look() -> None:
    for rule in rules():
        assert rule["labels"]["severity"] in {"critical", "warning"}
        assert set(rule["annotations"]) == {"summary", "description"}
        assert rule["annotations"]["summary"].endswith(".")
        assert len(rule["annotations"]["description"]) > len(rule["annotations"]["summary"])


def test_should_take_the_bounds_from_the_values() -> None:
    bounds = {"outboxAgeSeconds": 61, "consumerLag": 62, "errorPercent": 63, "certificateDays": 2}
    found = {
        rule["alert"]: rule["expr"]
        for rule in rules(merged(WITH_EDGE, {"monitoring": {"prometheusRule": bounds}}))
    }
    assert found["TaskOutboxOld"].endswith("> 61")
    assert found["TaskTriggerBehind"].count("> 62") == 2
    assert found["TaskApiErrors"].endswith("> 63")
    assert found["TaskAnalyticsErrors"].endswith("> 63")
    assert found["TaskCertificateExpires"].endswith("< 172800")


def test_should_watch_the_topic_that_gets_the_dead_letters() -> None:
    (sink,) = (each for each in of_kind("KafkaSink") if each["metadata"]["name"] == "dead-letter")
    (expression,) = (rule["expr"] for rule in rules() if rule["alert"] == "TaskDeadLetters")
    assert set(re.findall(r'topic="(.*?)"', expression)) == {sink["spec"]["topic"]}


def test_should_leave_out_what_is_not_there() -> None:
    assert "TaskCertificateExpires" not in {rule["alert"] for rule in rules(MONITORED)}
    without_kafka = {rule["alert"] for rule in rules(merged(WITH_EDGE, WITHOUT_KAFKA))}
    assert {rule["alert"] for rule in rules()} - without_kafka == {"TaskDeadLetters", "TaskTriggerBehind"}


def test_should_ask_task_api_only_for_metrics_it_has() -> None:
    metrics = Metrics()
    metrics.request("GET", "/v1/tasks", 200, 0.01)
    page = asyncio.run(metrics.page()).decode()
    asked = {
        name
        for rule in rules()
        for name in re.findall(r"task_api_\w+", rule["expr"] + str(rule["annotations"]))
    }
    assert asked >= {"task_api_outbox_oldest_age_seconds", "task_api_outbox_parked"}
    for name in asked:
        assert re.search(rf"^{name}[ {{]", page, re.MULTILINE), name
    labels = re.search(r"^task_api_http_request_duration_seconds_count{(.*?)}", page, re.MULTILINE)
    assert labels
    assert 'status="200"' in labels[1]


# --- targets -----------------------------------------------------------------------------------------------

QUEUE_PROXY_PORTS = {"queue-port": 8012, "http-autometric": 9090, "http-usermetric": 9091}
USER_PORTS = {"user-port": 8080}


def targets(monitor: Object, name: str, ip: str = "10.1.2.3") -> list[dict[str, str]]:
    """What Prometheus scrapes of one pod of a function: the operator's rule for `port`, then ours."""
    found = []
    for endpoint in monitor["spec"]["podMetricsEndpoints"]:
        for port, number in (QUEUE_PROXY_PORTS | USER_PORTS).items():
            if port != endpoint["port"]:
                continue
            labels = {
                "__address__": f"{ip}:{number}",
                "__meta_kubernetes_pod_label_app_kubernetes_io_name": name,
                "endpoint": port,
            }
            for rule in endpoint["relabelings"]:
                relabel(rule, labels)
            found.append({key: value for key, value in labels.items() if not key.startswith("__meta")})
    return found


def relabel(rule: Object, labels: dict[str, str]) -> None:
    assert set(rule) <= {"sourceLabels", "regex", "targetLabel", "replacement"}
    text = ";".join(labels[each] for each in rule.get("sourceLabels", []))
    match = re.fullmatch(rule.get("regex", "(.*)"), text)
    if match:
        labels[rule["targetLabel"]] = match.expand(rule.get("replacement", "$1").replace("$", "\\"))


@pytest.mark.parametrize("ip", ["10.1.2.3", "[fd00::1]"])
def test_should_read_task_apis_own_metrics_once_per_pod(ip: str) -> None:
    port = Settings.model_fields["otel_exporter_prometheus_port"].default
    monitor = one("PodMonitor", "task-api", MONITORED)
    assert targets(monitor, "task-api", ip) == [{"__address__": f"{ip}:{port}", "endpoint": "metrics"}]
    assert [each["path"] for each in monitor["spec"]["podMetricsEndpoints"]] == ["/metrics"]


@pytest.mark.parametrize("function", ["task-api", "analytics"])
def test_should_read_each_queue_proxy_and_name_its_function(function: str) -> None:
    found = targets(one("PodMonitor", "queue-proxy", MONITORED), function)
    assert found == [{"__address__": "10.1.2.3:9091", "endpoint": "http-usermetric", "function": function}]


def test_should_select_the_pods_of_the_functions() -> None:
    for name, functions in (("task-api", {"task-api"}), ("queue-proxy", {"task-api", "analytics"})):
        selector = one("PodMonitor", name, MONITORED)["spec"]["selector"]
        for function in ("task-api", "analytics"):
            labels = one("Service", function)["spec"]["template"]["metadata"]["labels"]
            fits = selector["matchLabels"].items() <= labels.items() and all(
                labels[each["key"]] in each["values"] for each in selector.get("matchExpressions", [])
            )
            assert fits is (function in functions)


def test_should_carry_the_labels_prometheus_selects_by() -> None:
    more = {
        "monitoring": {"labels": [{"name": "release", "value": "prom"}], "podMonitor": {"interval": "1m"}}
    }
    values = merged(MONITORED, more)
    for each in [*of_kind("PodMonitor", values), *of_kind("PrometheusRule", values)]:
        assert each["metadata"]["labels"]["release"] == "prom"
    for each in of_kind("PodMonitor", values):
        assert [endpoint["interval"] for endpoint in each["spec"]["podMetricsEndpoints"]] == ["1m"]


# --- traces ------------------------------------------------------------------------------------------------


def test_should_tell_both_functions_where_traces_go() -> None:
    otlp = {"otlp": {"namespace": "observability"}}
    values = {"monitoring": {"otlpEndpoint": "http://collector:4318"}, "networkPolicy": otlp}
    for function in ("task-api", "analytics"):
        assert "OTEL_EXPORTER_OTLP_ENDPOINT" not in environment(one("Service", function))
        variable = environment(one("Service", function, values))["OTEL_EXPORTER_OTLP_ENDPOINT"]
        assert variable["value"] == "http://collector:4318"


def test_should_name_a_variable_both_functions_read() -> None:
    assert "otel_exporter_otlp_endpoint" in Settings.model_fields
    assert "otel_exporter_otlp_endpoint" in AnalyticsSettings.__struct_fields__


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("monitoring/labels", [{"name": "release"}]),
        ("monitoring/podMonitor/interval", "30"),
        ("monitoring/prometheusRule/outboxAgeSeconds", 0),
        ("monitoring/prometheusRule/errorPercent", 101),
        ("monitoring/prometheusRule/certificateDays", 30),
        ("monitoring/otlpEndpoint", "collector:4317"),
    ],
)
def test_should_refuse_a_bad_value_by_its_name(path: str, value: object) -> None:
    given: Any = value
    for key in reversed(path.split("/")):
        given = {key: given}
    with pytest.raises(RenderError, match=f"at '/{path}"):
        render(given)
