"""The rendered environment against the settings of the services: no variable nobody reads."""

from __future__ import annotations

from typing import Any

import pytest

import analytics.server
import analytics.settings
from helm.render import schema
from task_api.settings import DatabaseSettings, Settings

from .objects import VARIANTS, container, environment, one

QUEUE_PROXY_DRAIN = 30  # seconds it waits before the process hears SIGTERM

every_variant = pytest.mark.parametrize("values", VARIANTS.values(), ids=VARIANTS.keys())


def given(kind: str, name: str, values: dict[str, Any]) -> dict[str, str]:
    """The variables as the process sees them; a Secret's content is a database URL here."""
    return {
        variable: each.get("value", "postgresql://app@database/tasks")
        for variable, each in environment(one(kind, name, values)).items()
    }


def lowered(variables: dict[str, str]) -> dict[str, str]:
    return {name.lower(): value for name, value in variables.items()}


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
