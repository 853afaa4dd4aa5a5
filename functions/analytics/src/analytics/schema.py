"""Which migration this program needs."""

from __future__ import annotations

import asyncpg

from analytics.database import Connection
from analytics.errors import SchemaMissing

# The newest of migrations/versions; a test compares. Revisions are numbers so that "newer" can be seen by a
# program that does not know the newer one.
REVISION = "0002"


async def read_revision(connection: Connection) -> str | None:
    """None where nothing was migrated yet."""
    try:
        revision: str | None = await connection.fetchval("SELECT version_num FROM analytics.alembic_version")
    except (asyncpg.UndefinedTableError, asyncpg.InvalidSchemaNameError):
        return None
    return revision


async def check_schema(connection: Connection) -> None:
    """Accepts a newer schema: migrations only add, and a roll-back must start."""
    revision = await read_revision(connection)
    if revision is None or revision < REVISION:
        raise SchemaMissing(
            f"The schema analytics is at revision {revision or 'none'} and {REVISION} is needed:"
            " run `analytics migrate`."
        )
