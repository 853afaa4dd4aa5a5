"""Each service may log in to the database as its own user; migrations stay the owner's."""

from __future__ import annotations

from typing import Any

import pytest

from .objects import environment, one

OWN: dict[str, Any] = {
    "taskApi": {"databaseUrlKey": "task-api-url"},
    "analytics": {"databaseUrlKey": "analytics-url"},
}


def key(kind: str, name: str, variable: str, values: dict[str, Any]) -> tuple[str, str]:
    """Secret and key a variable comes from."""
    reference = environment(one(kind, name, values))[variable]["valueFrom"]["secretKeyRef"]
    return reference["name"], reference["key"]


@pytest.mark.parametrize("service", ["task-api", "analytics"])
def test_should_take_the_common_key_unless_a_service_has_its_own(service: str) -> None:
    assert key("Service", service, "DATABASE_URL", {}) == ("task-system-database", "url")
    assert key("Service", service, "DATABASE_URL", OWN) == ("task-system-database", f"{service}-url")


def test_should_give_each_service_its_own_key_alone() -> None:
    for name, other in (("taskApi", "analytics"), ("analytics", "task-api")):
        assert key("Service", other, "DATABASE_URL", {name: OWN[name]}) == ("task-system-database", "url")


@pytest.mark.parametrize("job", ["task-api-migrate", "analytics-migrate"])
def test_should_migrate_as_the_owner_whatever_the_services_use(job: str) -> None:
    assert key("Job", job, "DATABASE_URL", OWN) == ("task-system-database", "url")
    assert key("Job", job, "DATABASE_DIRECT_URL", OWN) == ("task-system-database", "direct-url")
