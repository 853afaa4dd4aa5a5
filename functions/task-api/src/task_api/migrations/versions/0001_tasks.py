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

# A queue's statistics are stale by nature: the table was empty when it was last analysed, or holds an outage of
# a million rows. The planner then sorts the whole backlog for every claim (0.7 s at 4,000 rows instead of 2 ms,
# measured), so that these functions leave it one way: along the two indexes.
ALONG_THE_INDEXES = """
    SET enable_seqscan = off SET enable_bitmapscan = off SET enable_sort = off
    SET enable_hashjoin = off SET enable_mergejoin = off
"""

# What a crash of PostgreSQL could undo of the relay's own statements is a lease or a deletion, and either only
# means that an event is sent twice. Tasks and events themselves are always durable.
RELAXED = "PERFORM set_config('synchronous_commit', 'off', true);"

# The lowest waiting version of its task, whoever holds its lease: first acceptances are in order. A parked event is
# nobody's predecessor.
HEAD = """
    o.parked_at IS NULL
    AND o.version = (
        SELECT first.version FROM tasks.outbox AS first
        WHERE first.task_id = o.task_id AND first.parked_at IS NULL ORDER BY first.version LIMIT 1
    )"""

# SKIP LOCKED keeps two relays from waiting for each other, and READ COMMITTED looks at the lease once more after
# locking. Locked rows are found again by their place.
CLAIM = f"""
CREATE FUNCTION tasks.claim(most integer, lease_seconds float8, owner uuid) RETURNS SETOF tasks.outbox
LANGUAGE plpgsql {ALONG_THE_INDEXES} AS $$
BEGIN
    {RELAXED}
    RETURN QUERY
    WITH due AS MATERIALIZED (
        SELECT o.ctid AS place FROM tasks.outbox AS o
         WHERE {HEAD} AND o.next_attempt_at <= now() AND (o.leased_until IS NULL OR o.leased_until <= now())
         ORDER BY o.next_attempt_at LIMIT most
           FOR UPDATE OF o SKIP LOCKED
    )
    UPDATE tasks.outbox AS o
       SET leased_until = now() + make_interval(secs => lease_seconds), lease_owner = owner
     WHERE o.ctid = ANY (ARRAY(SELECT place FROM due))
    RETURNING o.*;
END $$
"""

# Whoever holds the lease by now: the broker has these events. Returns whether a later version of one of the
# tasks waits.
ACCEPT = f"""
CREATE FUNCTION tasks.accept(task_ids bigint[], versions integer[]) RETURNS boolean
LANGUAGE plpgsql {ALONG_THE_INDEXES} AS $$
BEGIN
    {RELAXED}
    DELETE FROM tasks.outbox AS o USING unnest(task_ids, versions) AS gone (task_id, version)
     WHERE o.task_id = gone.task_id AND o.version = gone.version;
    RETURN EXISTS (
        SELECT FROM unnest(task_ids, versions) AS gone (task_id, version)
          JOIN tasks.outbox AS later ON later.task_id = gone.task_id AND later.version > gone.version
    );
END $$
"""

# When the next event can be claimed. The first rows only: an outage can leave millions, and any early one will do.
NEXT_DUE = f"""
CREATE FUNCTION tasks.next_due() RETURNS timestamptz
LANGUAGE plpgsql STABLE {ALONG_THE_INDEXES} AS $$
BEGIN
    RETURN (
        SELECT min(due) FROM (
            SELECT greatest(o.next_attempt_at, o.leased_until) AS due FROM tasks.outbox AS o
             WHERE {HEAD} ORDER BY o.next_attempt_at LIMIT 100
        ) AS soonest
    );
END $$
"""
MOMENT = sa.DateTime(timezone=True)
NOW = sa.text("now()")


def upgrade() -> None:
    _create_task()
    _create_outbox()
    _create_idempotency()
    for function in (CLAIM, ACCEPT, NEXT_DUE):
        op.execute(function)
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
