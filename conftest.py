"""One throw-away PostgreSQL per test process, and databases cut from it."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import asyncpg
import pytest


@pytest.fixture(scope="session")
def postgres_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The superuser URL of a real PostgreSQL; `TEST_DATABASE_URL` overrides the embedded one."""
    given = os.environ.get("TEST_DATABASE_URL")
    if given:
        yield given
        return
    with _server(tmp_path_factory.mktemp("postgres")) as url:
        yield url


@pytest.fixture
def untouched_postgres_url(tmp_path: Path) -> Iterator[str]:
    """A PostgreSQL without any of our roles: they belong to the whole server, and the other one is shared."""
    with _server(tmp_path / "postgres") as url:
        yield url


@contextmanager
def _server(data: Path) -> Iterator[str]:
    script = Path(sys.executable).with_name("knative-local")
    with subprocess.Popen(
        [script, "postgres", "--ephemeral", "--data", data], stdout=subprocess.PIPE, text=True
    ) as server:
        assert server.stdout is not None
        url = server.stdout.readline().strip()
        assert url.startswith("postgresql://"), "the embedded PostgreSQL did not start"
        try:
            yield url
        finally:
            server.send_signal(signal.SIGTERM)


async def _execute(url: str, statement: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


@pytest.fixture(scope="session")
def new_database(postgres_url: str) -> Callable[..., str]:
    """Make an empty database, or a copy of `template`, and return its URL."""
    base = postgres_url.rpartition("/")[0]

    def make(template: str | None = None) -> str:
        name = f"test_{uuid.uuid4().hex}"
        source = f" TEMPLATE {template.rpartition('/')[2]} STRATEGY file_copy" if template else ""
        asyncio.run(_execute(postgres_url, f"CREATE DATABASE {name}{source}"))
        return f"{base}/{name}"

    return make


@pytest.fixture(scope="session")
def new_login(postgres_url: str) -> Callable[[str, str], str]:
    """Make a user who is a member of `role` and nothing else; return the URL of `database` as theirs."""

    def make(database: str, role: str) -> str:
        name = f"test_{uuid.uuid4().hex}"
        asyncio.run(_execute(postgres_url, f"CREATE ROLE {name} LOGIN PASSWORD 'secret' IN ROLE {role}"))
        return f"postgresql://{name}:secret@{database.rpartition('@')[2]}"

    return make
