"""The rendered environment against the settings of the services: no variable nobody reads."""

from __future__ import annotations

from typing import Any

import pytest

import analytics.server
import analytics.settings
from helm.values import schema
from task_api.settings import DatabaseSettings, Settings

from .objects import EVERYTHING, container, environment, one

QUEUE_PROXY_DRAIN = 30  # seconds it waits before the process hears SIGTERM

every_variant = pytest.mark.parametrize("values", EVERYTHING.values(), ids=EVERYTHING.keys())


def given(kind: str, name: str, values: dict[str, Any]) -> dict[str, str]:
    """The variables as the process sees them; a Secret's content is a database URL here."""
    return {
        variable: each.get("value", "postgresql://app@database/tasks")
        for variable, each in environment(one(kind, name, values)).items()
    }


def lowered(variables: dict[str, str]) -> dict[str, str]:
    return {name.lower(): value for name, value in variables.items()}


# What no value sets, each with its reason. Whatever else a service reads, the chart renders.
ELSEWHERE = {
    "host": "a pod listens on every address; a laptop on loopback only",
    "port": "Knative injects it from the container's port",
    "oidc_jwks_file": "a file is for machines without an issuer; a cluster discovers the keys",
    "otel_exporter_prometheus_host": "it follows HOST",
    "otel_exporter_prometheus_port": "PodMonitor and NetworkPolicies name 9464, and a pod has every port to itself",
}


def rendered_for(service: str) -> set[str]:
    """Every variable some variant gives the service, or its migration."""
    workloads = [("Service", service), ("Job", f"{service}-migrate")]
    return {
        name.lower() for values in EVERYTHING.values() for each in workloads for name in given(*each, values)
    }


@pytest.mark.parametrize(
    ("service", "fields"),
    [
        ("task-api", set(Settings.model_fields)),
        ("analytics", set(analytics.settings.Settings.__struct_fields__)),
    ],
)
def test_should_render_every_setting_or_say_who_else_sets_it(service: str, fields: set[str]) -> None:
    assert fields - rendered_for(service) == fields & set(ELSEWHERE)


def test_should_excuse_only_settings_there_are() -> None:
    assert set(ELSEWHERE) <= set(Settings.model_fields)


def test_should_keep_the_services_own_defaults_but_for_the_pool() -> None:
    """One process may open ten connections; ten pods share what one database has."""
    variables = lowered(given("Service", "task-api", {}))
    plain = Settings(database_url=variables["database_url"], oidc_issuer=variables["oidc_issuer"])
    chart = Settings.model_validate(variables)
    differing = {name for name in Settings.model_fields if getattr(plain, name) != getattr(chart, name)}
    assert differing == {"database_pool_size", "k_sink"}


@every_variant
def test_should_give_task_api_only_what_it_reads_and_accepts(values: dict[str, Any]) -> None:
    variables = lowered(given("Service", "task-api", values))
    assert set(variables) <= set(Settings.model_fields)
    settings = Settings.model_validate(variables)
    assert settings.k_sink is not None
    assert settings.relay_timeout_seconds == float(variables["relay_timeout_seconds"])


@every_variant
def test_should_give_analytics_only_what_it_reads_and_accepts(values: dict[str, Any]) -> None:
    variables = given("Service", "analytics", values)
    assert set(lowered(variables)) <= set(analytics.settings.Settings.__struct_fields__)
    assert analytics.settings.read_settings(variables).log_level == variables["LOG_LEVEL"]


def test_should_give_the_migrations_only_what_they_read_and_accept() -> None:
    variables = given("Job", "task-api-migrate", {})
    assert set(lowered(variables)) <= set(DatabaseSettings.model_fields)
    DatabaseSettings.model_validate(lowered(variables))
    variables = given("Job", "analytics-migrate", {})
    assert set(lowered(variables)) <= set(analytics.settings.Settings.__struct_fields__)
    analytics.settings.read_settings(variables)


def test_should_point_services_at_the_port_they_listen_on() -> None:
    ports = {name: container(one("Service", name))["ports"] for name in ("task-api", "analytics")}
    assert ports["task-api"] == [{"containerPort": Settings.model_fields["port"].default}]
    url = {"DATABASE_URL": "postgresql://app@database/tasks"}
    assert ports["analytics"] == [{"containerPort": analytics.settings.read_settings(url).port}]


@pytest.mark.parametrize(
    ("service", "seconds"),
    [
        ("taskApi", Settings.model_fields["shutdown_grace_seconds"].default),
        ("analytics", analytics.server.DRAIN_SECONDS),
    ],
)
def test_should_leave_a_service_the_time_it_takes_to_stop(service: str, seconds: float) -> None:
    least = schema()["properties"][service]["properties"]["timeoutSeconds"]["minimum"]
    assert least - QUEUE_PROXY_DRAIN >= seconds
