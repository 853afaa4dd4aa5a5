"""The migrations make the tables that tables.py describes, once, whoever else is at it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from importlib.resources import files
from typing import TypeVar

import asyncpg
import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy.ext.asyncio import create_async_engine
from sqlmodel import SQLModel

from task_api import tables
from task_api.errors import ConfigurationError, MigrationMissing
from task_api.migrate import migrate
from task_api.schema import is_current, require_current, shipped_revisions

T = TypeVar("T")


def test_autogenerate_finds_no_difference(migrated: str) -> None:
    def compare(connection: sa.Connection) -> list[object]:
        options = {
            "include_schemas": True,
            "include_name": lambda name, kind, _parents: kind != "schema" or name == tables.SCHEMA,
            "compare_server_default": True,
            "version_table_schema": tables.SCHEMA,
        }
        context = MigrationContext.configure(connection, opts=options)
        return list(compare_metadata(context, SQLModel.metadata))

    assert asyncio.run(_with_engine(migrated, compare)) == []


def test_every_check_of_the_tables_is_in_the_database(migrated: str) -> None:
    """Alembic does not compare these."""

    def names(connection: sa.Connection) -> set[str | None]:
        found = sa.inspect(connection).get_check_constraints("task", schema=tables.SCHEMA)
        return {constraint["name"] for constraint in found}

    declared = {
        constraint.name
        for constraint in SQLModel.metadata.tables["tasks.task"].constraints
        if isinstance(constraint, sa.CheckConstraint)
    }
    assert asyncio.run(_with_engine(migrated, names)) == declared


async def _with_engine(url: str, function: Callable[[sa.Connection], T]) -> T:
    engine = create_async_engine(url.replace("postgresql://", "postgresql+asyncpg://"))
    async with engine.connect() as connection:
        answer = await connection.run_sync(function)
    await engine.dispose()
    return answer


def test_file_names_tell_the_revisions_in_their_order() -> None:
    """The server reads only the names."""
    scripts = ScriptDirectory(str(files("task_api") / "migrations"))
    history = [script.revision for script in scripts.walk_revisions()]
    assert tuple(reversed(history)) == shipped_revisions()


def test_an_unknown_revision_is_a_newer_one() -> None:
    newest = shipped_revisions()[-1]
    assert is_current(newest)
    assert is_current("9999")
    assert not is_current(None)


async def test_the_first_migration_is_missing_in_an_empty_database(postgres_url: str) -> None:
    connection = await asyncpg.connect(postgres_url)
    with pytest.raises(MigrationMissing, match=r"at migration none .* run `task-api migrate`$"):
        await require_current(connection)
    await connection.close()


def test_many_that_migrate_at_once_do_it_once(new_database: Callable[..., str]) -> None:
    url = new_database()

    async def together() -> list[str]:
        return await asyncio.gather(*(migrate(url) for _ in range(4)))

    did = sorted(sentence.partition(":")[0] for sentence in asyncio.run(together()))
    assert did == [f"migrated to {shipped_revisions()[-1]}", *["nothing to migrate"] * 3]


def test_a_database_that_never_comes_is_said_in_one_sentence() -> None:
    with pytest.raises(ConfigurationError, match=r"^the database cannot be migrated: ") as raised:
        asyncio.run(migrate("postgresql://nobody@127.0.0.1:1/nowhere", patience=0))
    assert "\n" not in str(raised.value)


def test_a_wrong_name_is_not_waited_for(postgres_url: str) -> None:
    url = postgres_url.rpartition("/")[0] + "/no_such_database"
    with pytest.raises(ConfigurationError, match=r"no_such_database"):
        asyncio.run(migrate(url, patience=3600))


def test_a_migration_waits_for_the_lock_only_as_long_as_it_should(new_database: Callable[..., str]) -> None:
    url = new_database()

    async def blocked() -> None:
        holder = await asyncpg.connect(url)
        await holder.execute("SELECT pg_advisory_lock(1952543595)")
        try:
            await migrate(url, patience=0)
        finally:
            await holder.close()

    with pytest.raises(ConfigurationError, match=r"lock timeout"):
        asyncio.run(blocked())
