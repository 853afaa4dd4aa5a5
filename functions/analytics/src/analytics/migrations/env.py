"""What Alembic runs; the connection and its locks are `analytics.migrate`'s."""

from __future__ import annotations

from alembic import context

context.configure(
    connection=context.config.attributes["connection"],
    version_table_schema="analytics",
    transactional_ddl=True,
)
context.run_migrations()
