"""The SQL of the how-to, run on a server of its own, and what its users can do then."""

from __future__ import annotations

import asyncio
import re
import subprocess
from pathlib import Path

import asyncpg
import pytest
import yaml

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs/how-to/database-roles.md").read_text()
USERS, ROLES, RIGHTS = re.findall(r"```sql\n(.*?)```", TEXT, re.DOTALL)
PASSWORDS = dict(re.findall(r"CREATE ROLE (\w+) LOGIN PASSWORD '([^']+)'", USERS))
FORBIDDEN = {
    "task_api_login": [
        "SELECT FROM analytics.event",
        "SELECT FROM analytics.v_summary",
        "DROP TABLE tasks.task",
    ],
    "analytics_login": [
        "SELECT FROM tasks.task",
        "DELETE FROM analytics.event",
        "DROP VIEW analytics.v_daily",
    ],
    "dashboard_login": [
        "SELECT FROM analytics.event",
        "SELECT FROM tasks.task",
        "SELECT FROM tasks.v_outbox",
    ],
}
COMMANDS = {
    "task_api_login": [["task-api", "outbox"]],
    "analytics_login": [["analytics", "recompute", "--check"]],
}


def execute(url: str, *statements: str) -> None:
    async def run() -> None:
        connection = await asyncpg.connect(url)
        try:
            for statement in statements:
                await connection.execute(statement)
        finally:
            await connection.close()

    asyncio.run(run())


def as_user(url: str, name: str, password: str) -> str:
    return f"postgresql://{name}:{password}@{url.rpartition('@')[2]}"


def program(url: str, name: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [ROOT / ".venv" / "bin" / name, *arguments],
        env={"DATABASE_URL": url, "PATH": ""},
        capture_output=True,
        text=True,
        check=False,
    )


def migrate(url: str) -> str:
    """What both migrations logged."""
    done = [program(url, name, "migrate") for name in ("task-api", "analytics")]
    assert [each.returncode for each in done] == [0, 0], done
    return "".join(each.stderr for each in done)


def test_the_users_can_do_their_work_and_nothing_else(untouched_postgres_url: str) -> None:
    url = untouched_postgres_url
    migrate(url)
    execute(url, USERS)
    assert set(PASSWORDS) == set(FORBIDDEN)
    for name, statements in FORBIDDEN.items():
        for statement in statements:
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                execute(as_user(url, name, PASSWORDS[name]), statement)
    for name, commands in COMMANDS.items():
        for command in commands:
            done = program(as_user(url, name, PASSWORDS[name]), *command)
            assert done.returncode == 0, done.stderr
    execute(
        as_user(url, "dashboard_login", PASSWORDS["dashboard_login"]), "SELECT * FROM analytics.v_summary"
    )


def test_what_a_managed_server_does_not_allow_is_made_up_for(untouched_postgres_url: str) -> None:
    execute(
        untouched_postgres_url,
        "CREATE ROLE owner LOGIN PASSWORD 'secret' NOCREATEROLE",
        "CREATE DATABASE managed OWNER owner",
    )
    administrator = f"{untouched_postgres_url.rpartition('/')[0]}/managed"
    owner = as_user(administrator, "owner", "secret")
    assert "CALL tasks.grant_rights();" in migrate(owner)

    execute(administrator, ROLES)
    execute(owner, RIGHTS)
    execute(owner, RIGHTS)
    execute(administrator, USERS)
    for name, commands in COMMANDS.items():
        for command in commands:
            done = program(as_user(administrator, name, PASSWORDS[name]), *command)
            assert done.returncode == 0, done.stderr


def test_the_values_it_names_are_the_charts() -> None:
    (block,) = re.findall(r"```yaml\n(.*?)```", TEXT, re.DOTALL)
    chart = yaml.safe_load((ROOT / "helm/task-system/values.yaml").read_text())
    for service, values in yaml.safe_load(block).items():
        assert set(values) <= set(chart[service])
