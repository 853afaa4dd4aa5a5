"""Which migration this release needs, and whether the database has it.

Migrations are expand-only, so a newer schema serves an older release: roll-outs and rollbacks work.
"""

from __future__ import annotations

import functools
from importlib.resources import files

import asyncpg

from task_api.errors import MigrationMissing

CURRENT_REVISION = "SELECT version_num FROM tasks.alembic_version"


@functools.cache
def shipped_revisions() -> tuple[str, ...]:
    """Oldest first; from the file names, because importing Alembic takes longer than all of the start."""
    names = (path.name for path in files("task_api.migrations").joinpath("versions").iterdir())
    return tuple(sorted(name.partition("_")[0] for name in names if name.endswith(".py")))


def is_current(revision: str | None) -> bool:
    """A revision this release has never heard of comes from a newer one."""
    *older, newest = shipped_revisions()
    return revision == newest or (revision is not None and revision not in older)


async def current_revision(connection: asyncpg.Connection[asyncpg.Record]) -> str | None:
    """None before the first migration."""
    try:
        revision: str | None = await connection.fetchval(CURRENT_REVISION)
    except (asyncpg.UndefinedTableError, asyncpg.InvalidSchemaNameError):
        return None
    return revision


async def require_current(connection: asyncpg.Connection[asyncpg.Record]) -> None:
    """Raise MigrationMissing where the database is older than this release."""
    revision = await current_revision(connection)
    if not is_current(revision):
        raise MigrationMissing(
            f"the database is at migration {revision or 'none'} and this release needs "
            f"{shipped_revisions()[-1]}: run `task-api migrate`"
        )
