"""Who may speak to what outside; who may import whom inside is import-linter's (pyproject.toml)."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import task_api

SOURCES = Path(task_api.__file__).parent


def _imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


def _importing(package: str) -> set[str]:
    return {
        str(path.relative_to(SOURCES))
        for path in SOURCES.rglob("*.py")
        if any(name == package or name.startswith(f"{package}.") for name in _imports(path))
    }


@pytest.mark.parametrize(
    ("package", "allowed"),
    [
        # Statements are the repository's; the others connect, or ask which migration a database has.
        (
            "asyncpg",
            {
                "database.py",
                "pool.py",
                "schema.py",
                "migrate.py",
                "server.py",
                "outbox_command.py",
                "repository/outbox.py",
            },
        ),
        ("httptools", {"relay/connection.py"}),
        ("opentelemetry", {"observing.py", "tracing.py"}),  # the first for the name of a type only
        ("httpx", {"auth/discovery.py"}),
        ("sqlmodel", {"tables.py", "migrations/env.py"}),
        ("joserfc", {"auth/discovery.py", "auth/keys.py", "auth/verifier.py"}),
    ],
)
def test_a_library_is_used_in_its_place_only(package: str, allowed: set[str]) -> None:
    assert _importing(package) == allowed


def test_sql_is_written_in_the_repository_only() -> None:
    words = ("SELECT ", "INSERT INTO", "UPDATE tasks", "DELETE FROM")
    speaking = {
        str(path.relative_to(SOURCES))
        for path in SOURCES.rglob("*.py")
        if any(w in path.read_text() for w in words)
    }
    elsewhere = {name for name in speaking if not name.startswith(("repository/", "migrations/"))}
    assert elsewhere == {"schema.py", "migrate.py"}


def test_the_server_loads_nothing_that_only_migrations_need() -> None:
    """An ORM would double its memory, and httpx its start; both have their place elsewhere."""
    heavy = ("sqlalchemy", "sqlmodel", "alembic", "httpx", "aiohttp")
    code = f"import sys, task_api.server; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
