"""What Helm prints after an installation."""

from __future__ import annotations

from typing import Any

import pytest

from helm.gates.environments import documented
from helm.render import CHART, templates
from task_events import EVENT_TYPES

from .objects import VARIANTS, WITHOUT_KAFKA, container, merged, one

ISSUER: dict[str, Any] = {"issuer": {"enabled": True}}
REAL: dict[str, Any] = {"image": {"registry": "ghcr.io/me"}, "oidc": {"issuer": "https://login.example"}}
EDGE: dict[str, Any] = {"edge": {"enabled": True, "apiHost": "api.acme.io", "appHost": "app.acme.io"}}


def notes(values: dict[str, Any] | None = None) -> str:
    return templates(values)["NOTES.txt"]


@pytest.mark.parametrize("values", VARIANTS.values(), ids=VARIANTS.keys())
def test_should_fit_on_a_screen_and_say_what_to_do_next(values: dict[str, Any]) -> None:
    assert len(notes(values).splitlines()) <= 32
    for step in ("kubectl -n task-system wait", "/v1/tasks", "get pods"):
        assert step in notes(values)


def test_should_leave_no_line_with_trailing_space_or_two_blank_ones() -> None:
    for values in (*VARIANTS.values(), ISSUER, merged(REAL, EDGE)):
        assert not [line for line in notes(values).splitlines() if line != line.rstrip()]
        assert "\n\n\n" not in notes(values)


def test_should_say_how_to_get_a_token() -> None:
    assert "Get a TOKEN from https://login.example, for the audience task-api." in notes(REAL)
    assert "exec deploy/dev-issuer -- dev-issuer token" in notes(ISSUER)
    (port,) = container(one("Deployment", "dev-issuer", ISSUER))["ports"]
    assert f"--issuer http://127.0.0.1:{port['containerPort']} alice" in notes(ISSUER)


def test_should_warn_of_the_placeholder_registry_and_the_development_issuer() -> None:
    assert notes().count("WARNING") == 2
    assert "set issuer.enabled" in notes()
    assert "set issuer.enabled" not in notes(ISSUER)
    assert "WARNING" not in notes(REAL)
    assert "WARNING" not in notes(documented(CHART / "values-production.yaml"))


def test_should_say_what_is_missing_without_kafka() -> None:
    without = " ".join(notes(WITHOUT_KAFKA).split())
    assert "Broker class MTChannelBasedBroker: events live in memory" in without
    assert "dead letters go to recorder" in without
    for kind in EVENT_TYPES:
        assert kind in without
    assert "MTChannelBasedBroker" not in notes()


def test_should_use_the_public_address_when_there_is_one() -> None:
    assert "https://api.example/v1/tasks" in notes({"taskApi": {"publicUrl": "https://api.example"}})


def test_should_name_the_addresses_of_the_edge() -> None:
    assert "https://api.acme.io/v1/tasks" in notes(merged(REAL, EDGE))
    with_page = merged(REAL, EDGE, {"dashboard": {"enabled": True}})
    assert "https://app.acme.io" in notes(with_page)
    assert "port-forward" not in notes(with_page)
    assert "https://app.acme.io" not in notes(merged(REAL, EDGE))


def test_should_reach_the_page_without_an_edge() -> None:
    assert "port-forward svc/dashboard" in notes({"dashboard": {"enabled": True}})
    assert "port-forward" not in notes()
