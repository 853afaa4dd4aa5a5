"""Tasks, their outbox, and the answers given to idempotency keys."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None

# Rows of the queue live for milliseconds: room for updates in place, and vacuum by count instead of by a
# share of a table whose size swings between nothing and millions.
QUEUE_STORAGE = """
    fillfactor = 70,
    autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000,
    autovacuum_vacuum_insert_scale_factor = 0, autovacuum_vacuum_insert_threshold = 10000,
    autovacuum_analyze_scale_factor = 0, autovacuum_analyze_threshold = 5000,
    autovacuum_vacuum_cost_delay = 1
"""
MOMENT = sa.DateTime(timezone=True)
NOW = sa.text("now()")


def upgrade() -> None:
    _create_task()
    _create_outbox()
    _create_idempotency()
    op.execute("""
        CREATE VIEW tasks.v_outbox AS
        SELECT event_id, type, task_id, version, user_id, time, attempts, next_attempt_at, leased_until,
               last_error, parked_at,
               CASE WHEN parked_at IS NOT NULL THEN 'parked'
                    WHEN leased_until > now() THEN 'in flight'
                    WHEN next_attempt_at > now() THEN 'backing off'
                    ELSE 'waiting' END AS state
        FROM tasks.outbox
    """)


def _create_task() -> None:
    op.create_table(
        "task",
        sa.Column("task_id", sa.BigInteger, sa.Identity(), primary_key=True),
        sa.Column("user_id", sa.Text, nullable=False),
        sa.Column("title", sa.Text, nullable=False),
        sa.Column("notes", sa.Text),
        sa.Column("priority", sa.SmallInteger, nullable=False, server_default="3"),
        sa.Column("due_at", MOMENT),
        sa.Column("completed", sa.Boolean, nullable=False, server_default=sa.text("false")),
        sa.Column("completed_at", MOMENT),
        sa.Column("created_at", MOMENT, nullable=False, server_default=NOW),
        sa.Column("updated_at", MOMENT, nullable=False, server_default=NOW),
        sa.Column("deleted_at", MOMENT),
        sa.Column("version", sa.Integer, nullable=False, server_default="1"),
        sa.CheckConstraint("char_length(title) BETWEEN 1 AND 200", name="task_title_length"),
        sa.CheckConstraint("char_length(notes) <= 10000", name="task_notes_length"),
        sa.CheckConstraint("priority BETWEEN 1 AND 5", name="task_priority_range"),
        sa.CheckConstraint("version >= 1", name="task_version_positive"),
        sa.CheckConstraint("completed = (completed_at IS NOT NULL)", name="task_completed_has_time"),
        schema="tasks",
    )
    op.create_index(
        "task_of_user",
        "task",
        ["user_id", "created_at", "task_id"],
        schema="tasks",
        postgresql_where=sa.text("deleted_at IS NULL"),
    )
    op.create_index(
        "task_deleted",
        "task",
        ["deleted_at"],
        schema="tasks",
        postgresql_where=sa.text("deleted_at IS NOT NULL"),
    )


def _create_outbox() -> None:
    op.create_table(
        "outbox",
        sa.Column("task_id", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("version", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("event_id", postgresql.UUID(as_uuid=True), nullable=False),
        sa.Column("type", sa.Text, nullable=False),
        sa.Column("user_id", sa.Text, nullable=False),
        sa.Column("time", MOMENT, nullable=False),
        sa.Column("payload", postgresql.JSON, nullable=False),
        sa.Column("traceparent", sa.Text),
        sa.Column("tracestate", sa.Text),
        sa.Column("leased_until", MOMENT),
        sa.Column("lease_owner", postgresql.UUID(as_uuid=True)),
        sa.Column("attempts", sa.Integer, nullable=False, server_default="0"),
        sa.Column("next_attempt_at", MOMENT, nullable=False, server_default=NOW),
        sa.Column("last_error", sa.Text),
        sa.Column("parked_at", MOMENT),
        schema="tasks",
    )
    op.execute(f"ALTER TABLE tasks.outbox SET ({QUEUE_STORAGE})")
    op.create_index(
        "outbox_due",
        "outbox",
        ["next_attempt_at"],
        schema="tasks",
        postgresql_where=sa.text("parked_at IS NULL"),
    )


def _create_idempotency() -> None:
    op.create_table(
        "idempotency",
        sa.Column("user_id", sa.Text, primary_key=True),
        sa.Column("key", sa.Text, primary_key=True),
        sa.Column("fingerprint", sa.LargeBinary, nullable=False),
        sa.Column("answer", sa.Text, nullable=False),
        sa.Column("created_at", MOMENT, nullable=False, server_default=NOW),
        schema="tasks",
    )
    op.create_index("idempotency_age", "idempotency", ["created_at"], schema="tasks")
