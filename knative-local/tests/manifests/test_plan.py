from __future__ import annotations

from pathlib import Path

import pytest

from knative_local import contract
from knative_local.placeholders import Template
from knative_local.planning.programs import basename

from .cluster import BROKER, PROFILE, SERVICE, TRIGGER, plan

_FILTER = "    - exact:\n        type: greeting\n"


def test_a_cluster_url_becomes_a_local_one(tmp_path: Path) -> None:
    (service,) = plan(tmp_path).services

    assert dict(service.program.environment)["SINK"] == "http://127.0.0.1:2000/test/events"


@pytest.mark.parametrize(
    ("cluster", "local"),
    [
        ("http://hello.test.svc.cluster.local/a/b", "http://127.0.0.1:1001/a/b"),
        ("http://hello.test.svc", "http://127.0.0.1:1001"),
        ("http://hello.test.svc.cluster.local:80/a", "http://127.0.0.1:1001/a"),
        ("http://issuer.test.svc.cluster.local/jwks", "http://127.0.0.1:3000/jwks"),
        ("http://issuer.test.svc/jwks", "http://127.0.0.1:3000/jwks"),
        (
            "http://broker-ingress.knative-eventing.svc.cluster.local/test/events",
            "http://127.0.0.1:2000/test/events",
        ),
        (
            "http://kafka-sink-ingress.knative-eventing.svc.cluster.local/test/dead",
            "http://127.0.0.1:2000/sinks/test/dead",
        ),
        (
            "http://hello.test.svc.cluster.local,http://issuer.test.svc.cluster.local",
            "http://127.0.0.1:1001,http://127.0.0.1:3000",
        ),
        ("https://example.com/hello.test.svc", "https://example.com/hello.test.svc"),
    ],
)
def test_every_name_of_the_cluster_is_mapped(tmp_path: Path, cluster: str, local: str) -> None:
    service = SERVICE.replace("value: hi", f"value: {cluster}")

    assert dict(plan(tmp_path, service=service).services[0].program.environment)["GREETING"] == local


def test_secrets_come_from_the_profile_and_wait_for_their_placeholders(tmp_path: Path) -> None:
    (service,) = plan(tmp_path).services

    assert dict(service.program.environment)["DATABASE_URL"] == Template("{postgres.url}")


def test_the_profile_overrides_the_manifest(tmp_path: Path) -> None:
    profile = PROFILE + '[environment.hello]\nGREETING = "ho"\n'
    (service,) = plan(tmp_path, profile=profile).services

    assert dict(service.program.environment)["GREETING"] == Template("ho")


def test_env_from_takes_all_keys_of_a_config_map(tmp_path: Path) -> None:
    source = "          envFrom:\n            - {prefix: CONFIG_, configMapRef: {name: more}}\n"
    more = (
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: more, namespace: test}\ndata: {A: '1', B: '2'}\n"
    )
    service = SERVICE.replace("          env:\n", source + "          env:\n")
    environment = dict(plan(tmp_path, service=service, more=more).services[0].program.environment)

    assert (environment["CONFIG_A"], environment["CONFIG_B"]) == ("1", "2")


def test_an_optional_reference_may_lead_nowhere(tmp_path: Path) -> None:
    service = SERVICE.replace("key: url\n", "key: other\n                  optional: true\n")

    assert "DATABASE_URL" not in dict(plan(tmp_path, service=service).services[0].program.environment)


def test_a_cluster_local_service_is_not_public(tmp_path: Path) -> None:
    label = "  labels:\n    networking.knative.dev/visibility: cluster-local\nspec:\n"
    assert plan(tmp_path).services[0].public

    assert not plan(tmp_path, service=SERVICE.replace("spec:\n", label, 1)).services[0].public


def test_the_target_is_the_used_part_of_the_hard_limit(tmp_path: Path) -> None:
    scaling = plan(tmp_path).services[0].scaling

    assert (scaling.total_per_instance, scaling.target) == (10.0, 7.0)


def test_annotations_win_over_the_cluster_and_the_hard_limit_over_both(tmp_path: Path) -> None:
    profile = PROFILE + '[autoscaler]\nstable-window = "30s"\nmax-scale = 4\n'
    annotated = SERVICE.replace('min-scale: "0"', 'target: "25"\n        autoscaling.knative.dev/window: 12s')
    scaling = plan(tmp_path, profile=profile, service=annotated).services[0].scaling

    assert (scaling.stable_window, scaling.max_scale, scaling.total_per_instance) == (12, 4, 10.0)


def test_a_timeout_of_zero_is_knatives_default(tmp_path: Path) -> None:
    service = SERVICE.replace("containerConcurrency: 10", "timeoutSeconds: 0")

    assert plan(tmp_path, service=service).services[0].timeout_seconds == 300


def test_rps_has_a_target_of_its_own(tmp_path: Path) -> None:
    scaling = plan(tmp_path, service=SERVICE.replace('min-scale: "0"', "metric: rps")).services[0].scaling

    assert (scaling.metric, scaling.target) == ("rps", 140.0)


@pytest.mark.parametrize(("least", "instances"), [("0", 1), ("3", 3)])
def test_knatives_hpa_class_keeps_min_scale_and_says_so(tmp_path: Path, least: str, instances: int) -> None:
    """A HorizontalPodAutoscaler knows no zero."""
    given = f'min-scale: "{least}"\n'
    for key, value in (("class", "hpa.autoscaling.knative.dev"), ("metric", "cpu"), ("target", "75")):
        given += f'        autoscaling.knative.dev/{key}: "{value}"\n'
    found = plan(tmp_path, service=SERVICE.replace('min-scale: "0"\n', given))

    scaling = found.services[0].scaling
    assert (scaling.min_scale, scaling.max_scale, scaling.initial_scale) == (instances,) * 3
    rows = [row.path.rpartition("/")[2] for row in found.ineffective if "HPA class" in row.reason]
    assert rows == ["class", "metric", "target"]


def test_a_trigger_carries_its_delivery_and_addresses(tmp_path: Path) -> None:
    (trigger,) = plan(tmp_path).contract.triggers

    assert trigger == contract.Trigger(
        name="hello",
        namespace="test",
        broker="events",
        subscriber_url="http://127.0.0.1:1001",
        subscriber_name="http://hello.test.svc.cluster.local",
        filters=[contract.Exact({"type": "greeting"})],
        delivery=contract.Delivery(
            retry=3,
            backoff_seconds=0.5,
            timeout_seconds=10.0,
            dead_letter_url="http://127.0.0.1:2000/sinks/test/dead",
        ),
    )


def test_filters_nest(tmp_path: Path) -> None:
    nested = (
        "    - any:\n        - prefix: {type: a}\n        - not:\n            suffix: {type: b}\n"
        "    - all:\n        - exact: {source: /s}\n"
    )
    (trigger,) = plan(tmp_path, trigger=TRIGGER.replace(_FILTER, nested)).contract.triggers

    assert trigger.filters == [
        contract.Any([contract.Prefix({"type": "a"}), contract.Not(contract.Suffix({"type": "b"}))]),
        contract.All([contract.Exact({"source": "/s"})]),
    ]


def test_the_older_filter_takes_an_empty_value_for_any(tmp_path: Path) -> None:
    older = TRIGGER.replace(f"  filters:\n{_FILTER}", "  filter:\n    attributes:\n      type: ''\n")
    (trigger,) = plan(tmp_path, trigger=older).contract.triggers

    assert trigger.filters == [contract.Exact({"type": ""}, empty_is_any=True)]


def test_a_trigger_without_delivery_has_the_brokers_and_a_broker_without_one_the_clusters(
    tmp_path: Path,
) -> None:
    silent = TRIGGER[: TRIGGER.index("  delivery:")]
    (trigger,) = plan(tmp_path, trigger=silent).contract.triggers
    assert trigger.delivery == contract.Delivery(retry=10, backoff_seconds=0.2)

    speaking = BROKER.replace("spec:\n", "spec:\n  delivery: {retry: 2, backoffPolicy: linear}\n", 1)
    (trigger,) = plan(tmp_path, trigger=silent, broker=speaking).contract.triggers
    assert trigger.delivery == contract.Delivery(retry=2, backoff_policy="linear")


def test_a_trigger_with_a_dead_letter_sink_only_does_not_retry(tmp_path: Path) -> None:
    """Its delivery replaces the Broker's as a whole, as in Knative."""
    only = TRIGGER.replace("    retry: 3\n", "").replace("    timeout: PT10S\n", "")
    (trigger,) = plan(tmp_path, trigger=only).contract.triggers

    assert (trigger.delivery.retry, trigger.delivery.timeout_seconds) == (0, 600.0)


def test_a_broker_has_the_partitions_of_its_config_map_and_knatives_topic_name(tmp_path: Path) -> None:
    (broker,) = plan(tmp_path).contract.brokers

    assert (broker.topic, broker.partitions) == ("knative-broker-test-events", 4)


def test_a_ping_goes_to_the_path_it_names(tmp_path: Path) -> None:
    (ping,) = plan(tmp_path).contract.pings

    assert ping.sink_url == "http://127.0.0.1:1001/wake"


def test_every_field_without_effect_is_listed_with_its_line_and_reason(tmp_path: Path) -> None:
    rows = {(Path(row.file).stem, row.path): row for row in plan(tmp_path).ineffective}

    assert ("job", "spec.backoffLimit") in rows
    assert ("job", "spec.template.spec.restartPolicy") in rows
    assert ("broker", "data.bootstrap.servers") in rows
    row = rows["sink", "spec.bootstrapServers"]
    assert (row.line, row.reason) == (9, "topics live in the local store, on one disk")


def test_keys_of_other_programs_are_listed_too(tmp_path: Path) -> None:
    annotated = SERVICE.replace("spec:\n", "  annotations: {prometheus.io/scrape: 'true'}\nspec:\n", 1)
    rows = [row for row in plan(tmp_path, service=annotated).ineffective if "prometheus" in row.reason]

    assert [row.path for row in rows] == ["metadata.annotations"]


@pytest.mark.parametrize(
    "image", ["hello", "hello:1", "team/hello@sha256:00", "registry:5000/team/hello:1.2@sha256:00"]
)
def test_the_basename_of_an_image_names_the_program(image: str) -> None:
    assert basename(image) == "hello"
