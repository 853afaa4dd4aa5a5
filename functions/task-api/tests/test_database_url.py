"""Database URLs as providers show them."""

from __future__ import annotations

import ssl

import pytest

from task_api.database_url import connect_arguments
from task_api.errors import ConfigurationError

NEON = (
    "postgresql://owner:pw@ep-cool-darkness-123456-pooler.eu-central-1.aws.neon.tech/tasks"
    "?sslmode=require&channel_binding=require"
)


def test_a_url_as_neon_shows_it_is_taken_and_tls_is_verified() -> None:
    arguments = connect_arguments(NEON)
    assert arguments["dsn"] == (
        "postgresql://owner:pw@ep-cool-darkness-123456-pooler.eu-central-1.aws.neon.tech/tasks"
    )
    context = arguments["ssl"]
    assert isinstance(context, ssl.SSLContext)
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+asyncpg"])
def test_every_spelling_of_the_scheme_is_one(scheme: str) -> None:
    assert connect_arguments(f"{scheme}://u:p@h:5/d") == {"dsn": "postgresql://u:p@h:5/d"}


def test_keys_asyncpg_knows_stay_and_others_go() -> None:
    url = "postgresql://u@/d?host=/run/pg&application_name=me&options=-c%20x%3D1&keepalives=1&gssencmode=disable"
    assert connect_arguments(url)["dsn"] == (
        "postgresql://u@/d?host=%2Frun%2Fpg&application_name=me&options=-c+x%3D1"
    )


def test_several_hosts_are_left_to_asyncpg() -> None:
    assert connect_arguments("postgresql://a:1,b:2/d")["dsn"] == "postgresql://a:1,b:2/d"


def test_tls_can_be_turned_off_and_is_opportunistic_by_default() -> None:
    assert connect_arguments("postgresql://h/d?sslmode=disable")["ssl"] is False
    assert "ssl" not in connect_arguments("postgresql://h/d?sslmode=prefer")


def test_an_authority_alone_does_not_check_the_name() -> None:
    context = connect_arguments("postgresql://h/d?sslmode=verify-ca&sslrootcert=system")["ssl"]
    assert isinstance(context, ssl.SSLContext)
    assert (context.verify_mode, context.check_hostname) == (ssl.CERT_REQUIRED, False)


def test_an_old_pgbouncer_gets_no_named_statements() -> None:
    assert connect_arguments("postgresql://h/d?pgbouncer=true")["statement_cache_size"] == 0
    assert "statement_cache_size" not in connect_arguments(NEON)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "tasks",
        "mysql://u:secret@h/d",
        "postgresql://u:secret@h:port/d",
        "postgresql://u:secret@[h/d",
        "postgresql://u:secret@h/d?sslmode=maybe",
        "postgresql://u:secret@h/d?sslmode=require&sslrootcert=/no/such/file",
    ],
)
def test_what_is_no_database_url_is_said_without_its_password(url: str) -> None:
    with pytest.raises(ConfigurationError) as raised:
        connect_arguments(url)
    assert "secret" not in str(raised.value)
    assert "\n" not in str(raised.value)
