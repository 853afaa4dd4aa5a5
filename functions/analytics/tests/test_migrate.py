"""`analytics migrate`, on databases of several kinds."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import asyncpg
import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory

import analytics
from analytics.errors import DatabaseAway
from analytics.migrate import migrate
from analytics.schema import REVISION


@pytest.fixture
def empty(new_database: Callable[..., str]) -> str:
    return new_database()


async def execute(url: str, statement: str) -> None:
    connection = await asyncpg.connect(url)
    await connection.execute(statement)
    await connection.close()


async def fetchval(url: str, query: str) -> object:
    connection = await asyncpg.connect(url)
    value: object = await connection.fetchval(query)
    await connection.close()
    return value


def test_the_revision_the_program_needs_is_the_newest() -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(analytics.__file__).with_name("migrations")))
    assert ScriptDirectory.from_config(config).get_heads() == [REVISION]


async def test_migrating_twice_is_migrating_once(empty: str) -> None:
    assert await migrate(empty) == REVISION
    assert await migrate(empty) == REVISION
    assert await fetchval(empty, "SELECT version_num FROM analytics.alembic_version") == REVISION


async def test_migrations_at_the_same_time_wait_for_each_other(empty: str) -> None:
    assert await asyncio.gather(*(migrate(empty) for _ in range(3))) == [REVISION] * 3


async def test_a_newer_schema_is_left_as_it_is(database: str) -> None:
    await execute(database, "UPDATE analytics.alembic_version SET version_num = '0999'")
    assert await migrate(database) == "0999"


async def test_whoever_may_not_create_roles_gets_everything_else(empty: str) -> None:
    name = empty.rpartition("/")[2]
    address = empty.rpartition("@")[2]
    await execute(empty, f"CREATE ROLE {name} LOGIN PASSWORD 'secret' NOCREATEROLE")
    await execute(empty, f"GRANT CREATE ON DATABASE {name} TO {name}")
    url = f"postgresql://{name}:secret@{address}"
    assert await migrate(url) == REVISION
    assert "v_summary" in str(await fetchval(url, "SELECT string_agg(viewname, ' ') FROM pg_views"))


async def test_whoever_was_given_a_schema_needs_no_right_to_make_one(empty: str) -> None:
    name = empty.rpartition("/")[2]
    address = empty.rpartition("@")[2]
    await execute(empty, f"CREATE ROLE {name} LOGIN PASSWORD 'secret'")
    await execute(empty, f"CREATE SCHEMA analytics AUTHORIZATION {name}")
    assert await migrate(f"postgresql://{name}:secret@{address}") == REVISION


async def test_a_database_that_is_away_is_waited_for_and_then_given_up() -> None:
    with pytest.raises(DatabaseAway, match="ConnectionRefusedError"):
        await migrate("postgresql://nobody@127.0.0.1:1/nothing", wait_seconds=0.6)


async def test_a_server_that_says_no_is_not_asked_again(postgres_url: str) -> None:
    address = postgres_url.rpartition("@")[2].rpartition("/")[0]
    with pytest.raises(DatabaseAway, match="InvalidPasswordError"):
        await migrate(f"postgresql://nobody:wrong@{address}/postgres", wait_seconds=3600)
