"""`task-api migrate`: bring the schema up to this release, once, whoever else is trying."""

from __future__ import annotations

import asyncio
import logging
import time
from importlib.resources import as_file, files

import asyncpg

from task_api.database_url import connect_arguments
from task_api.errors import ConfigurationError
from task_api.schema import current_revision, is_current, shipped_revisions

logger = logging.getLogger(__name__)

# Any constant will do as long as nobody else in the database uses it; these are the letters "task".
_LOCK = 0x7461736B
# A migration that waits for a lock makes every later query wait behind it: give up early and come again.
_LOCK_TIMEOUT = "3s"
_PAUSE_SECONDS = 0.5
_LEVELS = {"WARNING": logging.WARNING}


async def migrate(url: str, *, patience: float = 60) -> str:
    """Upgrade and return a sentence; nothing but one query happens where nothing is missing.

    Raises:
        ConfigurationError: no database, or no lock, within `patience` seconds.
    """
    deadline = time.monotonic() + patience
    while True:
        try:
            return await _attempt(url)
        except (OSError, TimeoutError, asyncpg.PostgresError) as error:
            if time.monotonic() >= deadline or not _passes_by_itself(error):
                raise ConfigurationError(f"the database cannot be migrated: {_reason(error)}") from error
        await asyncio.sleep(_PAUSE_SECONDS)


async def _attempt(url: str) -> str:
    connection = await asyncpg.connect(**connect_arguments(url), timeout=10)
    try:
        connection.add_log_listener(_pass_on)
        if is_current(await current_revision(connection)):
            return "nothing to migrate"
        await connection.execute("SELECT set_config('lock_timeout', $1, false)", _LOCK_TIMEOUT)
        await connection.execute("SELECT pg_advisory_lock($1)", _LOCK)
        if is_current(await current_revision(connection)):
            return "nothing to migrate: another process was first"
        # Alembic wants the schema of its version table; IF NOT EXISTS would need the right to create one.
        if await connection.fetchval("SELECT to_regnamespace('tasks') IS NULL"):
            await connection.execute("CREATE SCHEMA tasks")
        await _upgrade(connection)
    finally:
        await connection.close()  # and with it the lock
    return f"migrated to {shipped_revisions()[-1]}"


async def _upgrade(connection: asyncpg.Connection[asyncpg.Record]) -> None:
    """Run Alembic on the connection that holds the lock."""
    # Imported here: a migration that has nothing to do must not pay for them.
    from alembic import command
    from alembic.config import Config
    from sqlalchemy import Connection, NullPool
    from sqlalchemy.exc import DBAPIError
    from sqlalchemy.ext.asyncio import create_async_engine

    async def same_connection() -> asyncpg.Connection[asyncpg.Record]:
        return connection

    def upgrade(sync_connection: Connection) -> None:
        with as_file(files("task_api") / "migrations") as scripts:
            config = Config()
            config.set_main_option("script_location", str(scripts))
            config.attributes["connection"] = sync_connection
            command.upgrade(config, "head")

    engine = create_async_engine("postgresql+asyncpg://", async_creator=same_connection, poolclass=NullPool)
    try:
        async with engine.begin() as sqlalchemy_connection:
            await sqlalchemy_connection.run_sync(upgrade)
    except DBAPIError as error:
        if error.orig and isinstance(error.orig.__cause__, asyncpg.PostgresError):
            raise error.orig.__cause__ from error
        raise


def _pass_on(_connection: object, message: asyncpg.PostgresLogMessage) -> None:
    """What a migration could not do, and the SQL that does it (0003_roles.py)."""
    logger.log(_LEVELS.get(message.severity_en or "", logging.DEBUG), "%s", message.message)


def _passes_by_itself(error: Exception) -> bool:
    """Not there yet, starting, or busy; a wrong password or a broken migration stays wrong."""
    if isinstance(error, asyncpg.PostgresError):
        return (error.sqlstate or "")[:2] in {"08", "53", "55", "57"}
    return True


def _reason(error: Exception) -> str:
    return str(error).splitlines()[0] if str(error) else type(error).__name__
