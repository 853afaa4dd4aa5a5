"""`analytics migrate`: the schema `analytics`, brought to what this program needs."""

from __future__ import annotations

import asyncio
import logging
import time
from pathlib import Path

import asyncpg
import sqlalchemy
from alembic import command
from alembic.config import Config
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from analytics.database import Connection, connect_arguments, database_away
from analytics.locks import MIGRATION
from analytics.schema import REVISION, read_revision

WAIT_SECONDS = 60.0
PAUSE_SECONDS = 0.5
# Behind another migration or a long transaction of a reader: a failed Job is better than a queue of readers.
LOCK_TIMEOUT = "30s"
# The server is there and will say the same next time.
_FINAL = (asyncpg.InvalidAuthorizationSpecificationError, asyncpg.InvalidCatalogNameError)

_log = logging.getLogger("analytics")


async def migrate(url: str, wait_seconds: float = WAIT_SECONDS) -> str:
    """Return the revision the database is at afterwards; after a roll-back that may be newer than ours."""
    connection = await _connect(url, wait_seconds)
    try:
        connection.add_log_listener(_pass_on)
        await connection.execute(f"SET lock_timeout = '{LOCK_TIMEOUT}'")
        # Of the session, which ends below: it is also held between Alembic's statements.
        await connection.execute(f"SELECT pg_advisory_lock({MIGRATION})")
        present = await read_revision(connection)
        if present is None or present < REVISION:
            await _upgrade(connection)
    except asyncpg.PostgresError as error:
        raise database_away(error) from error
    finally:
        await connection.close()
    return max(REVISION, present or "")


async def _connect(url: str, wait_seconds: float) -> Connection:
    """A migration starts with the system, so its database may be seconds away."""
    arguments = connect_arguments(url)
    deadline = time.monotonic() + wait_seconds
    while True:
        try:
            return await asyncpg.connect(**arguments)
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            if isinstance(error, _FINAL) or time.monotonic() + PAUSE_SECONDS > deadline:
                raise database_away(error) from error
            await asyncio.sleep(PAUSE_SECONDS)


async def _upgrade(connection: Connection) -> None:
    async def lend() -> Connection:
        return connection

    engine = create_async_engine("postgresql+asyncpg://", async_creator=lend, poolclass=NullPool)
    async with engine.begin() as alchemy:
        await alchemy.run_sync(_run_alembic)


def _run_alembic(connection: sqlalchemy.Connection) -> None:
    # Asked for only where it is missing: whoever was given a schema may not be allowed to make one.
    if not connection.exec_driver_sql("SELECT 1 FROM pg_namespace WHERE nspname = 'analytics'").first():
        connection.exec_driver_sql("CREATE SCHEMA analytics")
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).with_name("migrations")))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def _pass_on(connection: object, message: asyncpg.PostgresLogMessage) -> None:
    """What a migration could not do, and the SQL that does it (r0002/roles.py)."""
    if message.severity_en == "WARNING":
        _log.warning("%s", message.message)
