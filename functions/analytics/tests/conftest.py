"""A migrated database per test, and the function on it: in this process, or as its own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import asyncpg
import pytest

from analytics.database import Connection
from analytics.migrate import migrate
from analytics.store import PostgresStore, open_pool

from .process import Process


@pytest.fixture(scope="session")
def migrated(new_database: Callable[..., str]) -> str:
    url = new_database()
    asyncio.run(migrate(url))
    return url


@pytest.fixture
def database(migrated: str, new_database: Callable[..., str]) -> str:
    return new_database(migrated)


@pytest.fixture(scope="session")
def as_service(migrated: str, new_login: Callable[[str, str], str]) -> Callable[[str], str]:
    """The URL of a database as the service has it: with the rights of the role `analytics` and no other."""
    user = new_login(migrated, "analytics").rpartition("@")[0]
    return lambda url: f"{user}@{url.rpartition('@')[2]}"


@pytest.fixture
def service_database(database: str, as_service: Callable[[str], str]) -> str:
    return as_service(database)


@pytest.fixture
async def connection(database: str) -> AsyncIterator[Connection]:
    connection = await asyncpg.connect(database)
    yield connection
    await connection.close()


@pytest.fixture
async def store(database: str) -> AsyncIterator[PostgresStore]:
    pool = await open_pool(database)
    yield PostgresStore(pool)
    await pool.close()


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Process]]:
    """Start `analytics` with arguments and environment; what still runs at the end of the test is killed."""
    started: list[Process] = []

    def start(*arguments: str, script: str | None = None, **environment: str) -> Process:
        process = Process(arguments, environment, tmp_path / f"{len(started)}.log", script)
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
