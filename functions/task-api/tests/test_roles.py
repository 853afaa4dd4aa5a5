"""What the service may do in the database, and what not; every other test runs it with these rights too."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable

import asyncpg
import pytest

from .api_process import command, started
from .conftest import StartApi
from .fake_broker import Broker
from .polling import SECONDS, until
from .rows import rows, tasks_of


@pytest.fixture(scope="module")
def shared(migrated: str, new_database: Callable[..., str]) -> str:
    """With a neighbour's schema, as analytics keeps one."""
    url = new_database(migrated)
    asyncio.run(_run(url, "CREATE SCHEMA analytics", "CREATE TABLE analytics.event (id text)"))
    return url


async def _run(url: str, *statements: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        for statement in statements:
            await connection.execute(statement)
    finally:
        await connection.close()


async def _value(url: str, query: str) -> object:
    connection = await asyncpg.connect(url)
    try:
        value: object = await connection.fetchval(query)
        return value
    finally:
        await connection.close()


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT FROM analytics.event",
        "INSERT INTO analytics.event VALUES ('x')",
        "DROP TABLE tasks.task",
        "ALTER TABLE tasks.task ADD COLUMN more text",
        "TRUNCATE tasks.outbox",
        "CREATE TABLE tasks.more (id text)",
        "CREATE SCHEMA more",
        "CREATE INDEX more ON tasks.task (title)",
        "UPDATE tasks.alembic_version SET version_num = '9999'",
        "SELECT setval('tasks.task_task_id_seq', 1)",
        "DROP FUNCTION tasks.next_due",
        "CALL tasks.grant_rights()",
        "CREATE ROLE more",
        "ALTER TABLE tasks.task OWNER TO CURRENT_USER",
    ],
)
async def test_the_service_may_not(shared: str, as_service: Callable[[str], str], statement: str) -> None:
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await _run(as_service(shared), statement)


def test_a_whole_life_of_a_task_needs_no_more_than_the_role(
    start: StartApi, database: str, broker: Broker, user_id: str
) -> None:
    answers = {1: iter([503, 202]), 2: iter([400]), 3: iter([202])}
    broker.status_of = lambda event: next(answers[event.version], 202)
    api = start(
        database=database,
        K_SINK=broker.url,
        DELETED_TASK_RETENTION_DAYS="0",
        RETENTION_INTERVAL_SECONDS="0.1",
    )
    with api.client(user_id) as client:
        assert client.get("/readyz").status_code == 200
        key = {"Idempotency-Key": "once"}
        first, again = (client.post("/v1/tasks", json={"title": "Milk"}, headers=key) for _ in range(2))
        assert (first.status_code, first.content) == (201, again.content)
        at = first.headers["location"]
        assert client.patch(at, json={"completed": True}).status_code == 200  # parked
        assert client.get("/v1/tasks", params={"q": "milk"}).json()["items"] == [client.get(at).json()]
        until(lambda: api.metric("task_api_outbox_parked") == 1)
        assert client.delete(at).status_code == 204
    until(lambda: [delivery.event.version for delivery in broker.accepted(first.json()["task_id"])] == [1, 3])
    assert len(tasks_of(database, user_id)) == 1  # its parked event keeps it

    service = {"DATABASE_URL": api.environment["DATABASE_URL"]}
    (parked,) = json.loads(command("outbox", "--output", "json", **service).stdout)
    assert command("outbox", "--retry", parked["event_id"], **service).returncode == 0
    with api.anonymous() as client:
        assert client.post("/relay").status_code == 204
    until(lambda: tasks_of(database, user_id) == [])  # sent, and then removed for good
    asyncio.run(_run(database, "UPDATE tasks.idempotency SET created_at = now() - interval '25 hours'"))
    until(lambda: rows(database, "SELECT FROM tasks.idempotency") == [])


def test_the_service_refuses_a_database_before_its_roles(database: str, environment: dict[str, str]) -> None:
    asyncio.run(_run(database, "UPDATE tasks.alembic_version SET version_num = '0002'"))
    done = command("serve", DATABASE_URL=database, **environment)
    assert done.returncode == 2
    assert "the database is at migration 0002 and this release needs 0003" in done.stderr


def test_databases_of_one_server_are_migrated_at_the_same_time(untouched_postgres_url: str) -> None:
    """Here the other one has just created the role, and has not committed it yet."""
    url = asyncio.run(_new_database(untouched_postgres_url, "mine"))

    async def migrated_meanwhile() -> tuple[int, str]:
        other = await asyncpg.connect(untouched_postgres_url)
        async with other.transaction():
            await other.execute("CREATE ROLE task_api NOLOGIN")
            process = started("migrate", DATABASE_URL=url)
            while not await other.fetchval("SELECT count(*) FROM pg_locks WHERE NOT granted"):
                assert process.poll() is None
                await asyncio.sleep(0.01)
        await other.close()
        _, error = await asyncio.to_thread(process.communicate, timeout=SECONDS)
        return process.returncode, error

    assert asyncio.run(asyncio.wait_for(migrated_meanwhile(), 4 * SECONDS)) == (0, "")
    assert asyncio.run(_value(url, "SELECT has_table_privilege('task_api', 'tasks.task', 'DELETE')"))


def test_who_may_not_create_roles_migrates_and_is_told_what_is_missing(untouched_postgres_url: str) -> None:
    admin = asyncio.run(_new_database(untouched_postgres_url, "managed"))
    asyncio.run(
        _run(admin, "CREATE ROLE app LOGIN PASSWORD 'secret'", "GRANT CREATE ON DATABASE managed TO app")
    )
    owner = f"postgresql://app:secret@{admin.rpartition('@')[2]}"

    done = command("migrate", DATABASE_URL=owner)
    assert (done.returncode, done.stdout) == (0, "migrated to 0003\n")
    (line,) = map(json.loads, done.stderr.splitlines())
    assert line["level"] == "WARNING"
    assert (
        "the role task_api has no rights on schema tasks (permission denied to create role" in line["message"]
    )

    _, administrators, _, owners, _ = line["message"].split('"')
    asyncio.run(_run(admin, administrators))
    asyncio.run(_run(owner, owners))
    assert asyncio.run(_value(admin, "SELECT has_table_privilege('task_api', 'tasks.outbox', 'DELETE')"))
    assert not asyncio.run(_value(admin, "SELECT has_schema_privilege('task_api', 'tasks', 'CREATE')"))


async def _new_database(server: str, name: str) -> str:
    await _run(server, f"CREATE DATABASE {name}")
    return f"{server.rpartition('/')[0]}/{name}"
