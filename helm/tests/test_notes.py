"""What Helm prints after an installation."""

from __future__ import annotations

from typing import Any

from helm.render import CHART, templates

from .objects import WITHOUT_KAFKA


def notes(values: dict[str, Any] | None = None) -> str:
    return templates(values)["NOTES.txt"]


def test_should_fit_on_a_screen_and_say_what_to_do_next() -> None:
    assert len(notes(WITHOUT_KAFKA).splitlines()) <= 20
    assert len((CHART / "templates" / "NOTES.txt").read_text().splitlines()) <= 25
    for step in ("kubectl -n task-system wait", "/v1/tasks", "get pods"):
        assert step in notes()


def test_should_warn_of_the_placeholder_registry_and_the_development_issuer() -> None:
    assert notes().count("WARNING") == 2
    real = {"image": {"registry": "ghcr.io/me"}, "oidc": {"issuer": "https://login.example"}}
    assert "WARNING" not in notes(real)


def test_should_say_where_dead_letters_go_without_kafka() -> None:
    assert "MTChannelBasedBroker" in notes(WITHOUT_KAFKA)
    assert "dead letters go to recorder" in notes(WITHOUT_KAFKA)
    assert "MTChannelBasedBroker" not in notes()


def test_should_use_the_public_address_when_there_is_one() -> None:
    assert "https://api.example/v1/tasks" in notes({"taskApi": {"publicUrl": "https://api.example"}})
