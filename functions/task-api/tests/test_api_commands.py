"""`task-api` on the command line: exit codes, and one sentence where something is wrong."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import asyncpg
import pytest

from task_api.settings import DatabaseSettings

from .api_process import command
from .conftest import StartApi

NEON = (
    "postgresql://app:secret@ep-cool-name-123456-pooler.eu-central-1.aws.neon.tech/neondb"
    "?sslmode=require&channel_binding=require"
)


def execute(url: str, statement: str) -> None:
    async def run() -> None:
        connection = await asyncpg.connect(url)
        try:
            await connection.execute(statement)
        finally:
            await connection.close()

    asyncio.run(run())


def test_a_missing_migration_stops_the_start_with_one_sentence(
    new_database: Callable[..., str], environment: dict[str, str]
) -> None:
    done = command("serve", **environment, DATABASE_URL=new_database())
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert "task-api migrate" in line


def test_a_newer_schema_is_accepted(start: StartApi, database: str, user_id: str) -> None:
    execute(database, "UPDATE tasks.alembic_version SET version_num = '9999'")
    with start(database=database).client(user_id) as client:
        assert client.get("/readyz").status_code == 200
        assert client.post("/v1/tasks", json={"title": "Older code"}).status_code == 201


def test_migrating_twice_is_migrating_once(new_database: Callable[..., str]) -> None:
    url = new_database()
    first, second = command("migrate", DATABASE_URL=url), command("migrate", DATABASE_URL=url)
    assert (first.returncode, second.returncode) == (0, 0)
    assert first.stdout.startswith("migrated to ")
    assert second.stdout == "nothing to migrate\n"


def test_migrations_go_past_the_pooler(new_database: Callable[..., str]) -> None:
    done = command(
        "migrate", DATABASE_URL="postgresql://127.0.0.1:1/pooler", DATABASE_DIRECT_URL=new_database()
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("url", [NEON, NEON.replace("postgresql://", "postgres://")])
def test_a_url_as_neon_shows_it_is_accepted(url: str) -> None:
    assert DatabaseSettings(database_url=url).direct_url == url


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DATABASE_URL", "mysql://root:hunter2@localhost/tasks"),
        ("DATABASE_URL", ""),
        ("OIDC_ISSUER", "issuer.example"),
        ("OIDC_JWKS_FILE", "/nowhere/jwks.json"),
        ("PORT", "eighty"),
        ("K_SINK", "kafka:9092"),
        ("RELAY_LEASE_SECONDS", "1"),
    ],
)
def test_a_wrong_setting_is_named_in_one_sentence_without_its_value(
    migrated: str, environment: dict[str, str], name: str, value: str
) -> None:
    done = command("serve", **{"DATABASE_URL": migrated, **environment, name: value})
    assert done.returncode == 2
    assert name in done.stderr.splitlines()[-1]
    assert "hunter2" not in done.stderr
    assert "Traceback" not in done.stderr


def test_an_unknown_event_cannot_be_sent_again(database: str) -> None:
    for event_id in ("00000000-0000-0000-0000-000000000000", "nonsense"):
        done = command("outbox", "--retry", event_id, DATABASE_URL=database)
        assert done.returncode == 2
        assert event_id in done.stderr


def test_an_empty_outbox_says_so(database: str) -> None:
    assert command("outbox", DATABASE_URL=database).stdout == "nothing waits\n"
    assert command("outbox", "--output", "json", DATABASE_URL=database).stdout == "[]\n"
