"""The relay's side of the outbox, as functions: they alone can say how PostgreSQL is to read it."""

from __future__ import annotations

from alembic import op

revision = "0002"
down_revision = "0001"

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


def upgrade() -> None:
    for function in (CLAIM, ACCEPT, NEXT_DUE):
        op.get_bind().exec_driver_sql(function)
