"""A URL as libpq or Neon writes it."""

from __future__ import annotations

import ssl
from typing import Any

import pytest

from analytics.database import connect, connect_arguments
from analytics.errors import DatabaseAway, InvalidSetting

NEON = (
    "postgresql://user:p%40ss@ep-cool-name-123456-pooler.eu-central-1.aws.neon.tech/neondb"
    "?sslmode=require&channel_binding=require&options=endpoint%3Dep-cool-name-123456"
)


def test_a_url_as_neon_shows_it_loses_what_asyncpg_does_not_know_and_is_verified() -> None:
    arguments = connect_arguments(NEON)
    assert arguments["dsn"] == (
        "postgresql://user:p%40ss@ep-cool-name-123456-pooler.eu-central-1.aws.neon.tech/neondb"
        "?options=endpoint%3Dep-cool-name-123456"
    )
    assert arguments["ssl"].verify_mode is ssl.CERT_REQUIRED
    assert arguments["ssl"].check_hostname


@pytest.mark.parametrize(
    ("mode", "verifies", "checks_name"),
    [("require", True, True), ("verify-full", True, True), ("verify-ca", True, False)],
)
def test_tls_that_is_required_is_verified(mode: str, verifies: bool, checks_name: bool) -> None:
    context: ssl.SSLContext = connect_arguments(f"postgresql://h/d?sslmode={mode}&sslrootcert=system")["ssl"]
    assert (context.verify_mode is ssl.CERT_REQUIRED, context.check_hostname) == (verifies, checks_name)


@pytest.mark.parametrize("mode", ["disable", "allow", "prefer"])
def test_tls_that_is_not_required_is_left_to_the_driver(mode: str) -> None:
    assert connect_arguments(f"postgres://h/d?sslmode={mode}")["dsn"] == f"postgres://h/d?sslmode={mode}"
    assert "ssl" not in connect_arguments(f"postgres://h/d?sslmode={mode}")


async def test_keys_only_libpq_knows_do_not_reach_the_server(postgres_url: str) -> None:
    connection = await connect(
        f"{postgres_url}?channel_binding=prefer&keepalives=1&gssencmode=disable&application_name=analytics-test"
    )
    assert await connection.fetchval("SELECT current_setting('application_name')") == "analytics-test"
    await connection.close()


async def test_a_server_without_tls_is_not_talked_to_when_tls_is_required(postgres_url: str) -> None:
    with pytest.raises(DatabaseAway):
        await connect(f"{postgres_url}?sslmode=require")


@pytest.mark.parametrize(
    "url",
    [
        "",
        "database",
        "mysql://h/d",
        "postgresql://h:port/d",
        "postgresql://[h/d",
        "postgresql://h/d?sslmode=require&sslrootcert=/does/not/exist",
        "postgresql://h/d?sslmode=sometimes",
    ],
)
def test_a_url_nobody_can_use_is_said_before_connecting(url: str) -> None:
    with pytest.raises(InvalidSetting) as raised:
        connect_arguments(url)
    assert str(raised.value).endswith(".")


def test_several_hosts_are_libpqs_and_asyncpgs_way() -> None:
    arguments: dict[str, Any] = connect_arguments("postgresql://a:1,b:2/d?target_session_attrs=primary")
    assert arguments["dsn"] == "postgresql://a:1,b:2/d?target_session_attrs=primary"
