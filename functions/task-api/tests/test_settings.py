"""Settings are read once, checked, and complain in a sentence."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from task_api.settings import DatabaseSettings, Settings

URL = "postgresql://u@h/d"
ISSUER = "https://issuer.example/"


def test_migrations_take_the_direct_url_where_there_is_one() -> None:
    assert DatabaseSettings(database_url=URL).direct_url == URL
    direct = "postgresql://u@direct/d"
    assert DatabaseSettings(database_url=URL, database_direct_url=direct).direct_url == direct


def test_an_issuer_is_kept_as_it_is_written() -> None:
    """`iss` is compared character by character; some issuers end with a slash."""
    assert Settings(database_url=URL, oidc_issuer=ISSUER).oidc_issuer == ISSUER


def test_metrics_listen_where_the_api_does_unless_told_otherwise() -> None:
    settings = Settings(database_url=URL, oidc_issuer=ISSUER, host="127.0.0.1")
    assert settings.metrics_host == "127.0.0.1"
    other = Settings(database_url=URL, oidc_issuer=ISSUER, otel_exporter_prometheus_host="::1")
    assert other.metrics_host == "::1"


def test_every_setting_is_explained() -> None:
    assert [name for name, field in Settings.model_fields.items() if not field.description] == []


def test_a_lease_shorter_than_the_timeout_is_refused() -> None:
    with pytest.raises(ValidationError, match="RELAY_LEASE_SECONDS must be above RELAY_TIMEOUT_SECONDS"):
        Settings(database_url=URL, oidc_issuer=ISSUER, relay_timeout_seconds=8, relay_lease_seconds=8)


def test_settings_do_not_change() -> None:
    settings = DatabaseSettings(database_url=URL)
    with pytest.raises(ValidationError):
        settings.database_url = "postgresql://other/d"
