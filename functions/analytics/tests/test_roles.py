"""What the service and the readers may do in the database; test_serving runs the service with these rights too."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import asyncpg
import pytest

from analytics.database import Connection
from analytics.store import PostgresStore
from task_events import EventType

from .events import make_event, make_row
from .polling import until
from .process import Process

Start = Callable[..., Process]
VIEWS = ("v_summary", "v_hourly", "v_daily", "v_activity")


@pytest.fixture(scope="module")
def shared(migrated: str, new_database: Callable[..., str]) -> str:
    """With a neighbour's schema, as task-api keeps one."""
    url = new_database(migrated)
    asyncio.run(run(url, "CREATE SCHEMA tasks", "CREATE TABLE tasks.task (task_id bigint)"))
    return url


@pytest.fixture(scope="module")
def reader(shared: str, new_login: Callable[[str, str], str]) -> str:
    return new_login(shared, "analytics_reader")


async def run(url: str, *statements: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        for statement in statements:
            await connection.execute(statement)
    finally:
        await connection.close()


async def value(url: str, query: str) -> object:
    connection = await asyncpg.connect(url)
    try:
        found: object = await connection.fetchval(query)
        return found
    finally:
        await connection.close()


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT FROM tasks.task",
        "UPDATE tasks.task SET task_id = 1",
        "DELETE FROM analytics.event",
        "UPDATE analytics.event SET user_id = 'x'",
        "TRUNCATE analytics.tally",
        "DELETE FROM analytics.task",
        "SELECT analytics.prune(now(), 1)",
        "INSERT INTO analytics.pruned_tally VALUES ('x', now(), 0, 0, 0, 0)",
        "UPDATE analytics.alembic_version SET version_num = '9999'",
        "DROP VIEW analytics.v_summary",
        "ALTER TABLE analytics.event ADD COLUMN more text",
        "CREATE TABLE analytics.more (id text)",
        "CREATE SCHEMA more",
        "CALL analytics.grant_rights()",
        "CREATE ROLE more",
    ],
)
async def test_the_service_may_not(shared: str, as_service: Callable[[str], str], statement: str) -> None:
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await run(as_service(shared), statement)


@pytest.mark.parametrize("view", VIEWS)
async def test_a_reader_sees_each_view(reader: str, view: str) -> None:
    assert await value(reader, f"SELECT count(*) FROM analytics.{view}") == 0


@pytest.mark.parametrize(
    "statement",
    [
        *(
            f"SELECT FROM analytics.{name}"
            for name in (
                "event",
                "task",
                "tally",
                "duration",
                "fact",
                "pruned_task",
                "pruned_tally",
                "recomputed_task",
                "missing_version",
                "alembic_version",
            )
        ),
        "SELECT FROM tasks.task",
        "SELECT analytics.record('[]')",
        "SELECT analytics.prune(now(), 1)",
        "SELECT analytics.rounded_milliseconds('1 s')",
        "CALL analytics.grant_rights()",
        "DELETE FROM analytics.v_activity",
        "DROP VIEW analytics.v_summary",
        "CREATE TABLE analytics.more (id text)",
    ],
)
async def test_a_reader_may_not(reader: str, statement: str) -> None:
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await run(reader, statement)


async def test_the_service_counts_and_checks_what_it_counted(
    start: Start, service_database: str, store: PostgresStore
) -> None:
    events = [make_event(), make_event(EventType.COMPLETED, version=2, completed=True)]
    await store.write([await make_row(event) for event in events])
    assert start("recompute", "--check", DATABASE_URL=service_database).finish()[0] == 0
    assert start("summary", DATABASE_URL=service_database).finish()[0] == 0


@pytest.mark.parametrize("command", ["prune", "recompute"])
async def test_taking_numbers_away_is_the_owners(
    start: Start, service_database: str, connection: Connection, command: str
) -> None:
    code, _, error = start(command, DATABASE_URL=service_database).finish()
    assert code == 2
    assert "permission denied" in error


async def test_a_database_before_its_roles_is_refused(
    start: Start, service_database: str, connection: Connection
) -> None:
    await connection.execute("UPDATE analytics.alembic_version SET version_num = '0001'")
    code, _, error = start(DATABASE_URL=service_database).finish()
    assert code == 2
    assert "The schema analytics is at revision 0001 and 0002 is needed" in error


async def test_databases_of_one_server_are_migrated_at_the_same_time(
    start: Start, untouched_postgres_url: str
) -> None:
    """Here the other one has just created the roles, and has not committed them yet."""
    url = await new_database_on(untouched_postgres_url, "mine")
    other = await asyncpg.connect(untouched_postgres_url)
    async with other.transaction():
        await other.execute("CREATE ROLE analytics NOLOGIN; CREATE ROLE analytics_reader NOLOGIN")
        process = start("migrate", DATABASE_URL=url)

        async def waits() -> object:
            return await other.fetchval("SELECT count(*) FROM pg_locks WHERE NOT granted")

        await until(waits)
    await other.close()
    assert process.finish()[0] == 0
    assert await value(url, "SELECT has_table_privilege('analytics', 'analytics.event', 'INSERT')")
    assert await value(url, "SELECT has_table_privilege('analytics_reader', 'analytics.v_daily', 'SELECT')")


async def test_who_may_not_create_roles_migrates_and_is_told_what_is_missing(
    start: Start, untouched_postgres_url: str
) -> None:
    admin = await new_database_on(untouched_postgres_url, "managed")
    await run(admin, "CREATE ROLE app LOGIN PASSWORD 'secret'", "GRANT CREATE ON DATABASE managed TO app")
    owner = f"postgresql://app:secret@{admin.rpartition('@')[2]}"

    process = start("migrate", DATABASE_URL=owner)
    assert process.finish()[:2] == (0, "The schema analytics is at revision 0002.\n")
    (line,) = [each["message"] for each in process.logs() if each["level"] == "WARNING"]
    assert "have no rights on schema analytics (permission denied to create role" in line

    _, administrators, _, owners, _ = line.split('"')
    await run(admin, administrators)
    await run(owner, owners)
    assert await value(admin, "SELECT has_table_privilege('analytics', 'analytics.tally', 'UPDATE')")
    assert not await value(admin, "SELECT has_table_privilege('analytics', 'analytics.event', 'DELETE')")


async def new_database_on(server: str, name: str) -> str:
    await run(server, f"CREATE DATABASE {name}")
    return f"{server.rpartition('/')[0]}/{name}"
