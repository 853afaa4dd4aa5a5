"""Alembic runs this; the connection comes from `task_api.migrate`, which holds the lock."""

from __future__ import annotations

from alembic import context
from sqlmodel import SQLModel

from task_api import tables


def _ours(name: str | None, kind: str, _parents: object) -> bool:
    """Other services keep their tables in other schemas of the same database."""
    return kind != "schema" or name == tables.SCHEMA


context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=SQLModel.metadata,
    version_table_schema=tables.SCHEMA,
    include_schemas=True,
    include_name=_ours,
    compare_server_default=True,
    transaction_per_migration=False,
)
with context.begin_transaction():
    context.run_migrations()
