"""Where events and numbers are kept.

Three layers, each a function of the one before (`analytics recompute` proves it):

1. `event`: every event once; the log, the dedupe and the replay source in one.
2. `task`: per task what its events say together. Each column is a maximum or a minimum over events, so no
   order and no repetition can change it.
3. `tally` and `duration`: sums over events and over rows of `task`, for a user or for everyone (`*`), in an
   hour (UTC) or in total (`-infinity`).

`pruned_task` and `pruned_tally` hold what the events said that were pruned from the log.
"""

from __future__ import annotations

# Text is compared byte by byte: the same on every server, and cheaper.
EVENT = """
CREATE TABLE analytics.event (
    position bigint GENERATED ALWAYS AS IDENTITY,
    xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
    source text COLLATE "C" NOT NULL,
    id text COLLATE "C" NOT NULL,
    type text COLLATE "C" NOT NULL,
    subject text,
    time timestamptz NOT NULL,
    -- `*` is everyone, in the numbers.
    user_id text COLLATE "C" NOT NULL CHECK (user_id <> '*'),
    task_id bigint NOT NULL,
    -- The range that ends above the greatest bigint cannot be written down, and prune has to.
    version bigint NOT NULL CHECK (version BETWEEN 1 AND 9223372036854775806),
    data jsonb NOT NULL,
    received_at timestamptz NOT NULL DEFAULT now(),
    -- Readers follow the log in this order, and a transaction finds its own rows by it.
    PRIMARY KEY (xid, position),
    UNIQUE (source, id)
)
"""
# Rows arrive roughly in this order: a few kB instead of a third b-tree to keep up with.
EVENT_RECEIVED = "CREATE INDEX event_received ON analytics.event USING brin (received_at)"

# `version` and `id` are those of the event with the highest version, as are user_id, completed and deleted;
# created_at is the earliest the events name, completed_at the latest. Version 0: no event yet.
TASK = """
CREATE TABLE analytics.task (
    source text COLLATE "C" NOT NULL,
    task_id bigint NOT NULL,
    version bigint NOT NULL DEFAULT 0,
    id text COLLATE "C" NOT NULL DEFAULT '',
    user_id text COLLATE "C" NOT NULL DEFAULT '',
    completed boolean NOT NULL DEFAULT false,
    deleted boolean NOT NULL DEFAULT false,
    created_at timestamptz,
    completed_at timestamptz,
    PRIMARY KEY (source, task_id)
) WITH (fillfactor = 70)
"""

TALLY = """
CREATE TABLE analytics.tally (
    user_id text COLLATE "C" NOT NULL,
    hour timestamptz NOT NULL,
    created bigint NOT NULL,
    updated bigint NOT NULL,
    completed bigint NOT NULL,
    deleted bigint NOT NULL,
    tasks_open bigint NOT NULL,
    tasks_done bigint NOT NULL,
    tasks_deleted bigint NOT NULL,
    PRIMARY KEY (user_id, hour)
) WITH (fillfactor = 50)
"""

# A histogram: sums of two histograms are a histogram, which percentiles are not.
DURATION = """
CREATE TABLE analytics.duration (
    user_id text COLLATE "C" NOT NULL,
    hour timestamptz NOT NULL,
    milliseconds bigint NOT NULL,
    tasks bigint NOT NULL,
    PRIMARY KEY (user_id, hour, milliseconds)
) WITH (fillfactor = 70)
"""

# The versions are ranges: a task without a gap costs one, however long its life.
PRUNED_TASK = """
CREATE TABLE analytics.pruned_task (
    LIKE analytics.task INCLUDING ALL,
    versions int8multirange NOT NULL
)
"""

PRUNED_TALLY = """
CREATE TABLE analytics.pruned_tally (
    user_id text COLLATE "C" NOT NULL,
    hour timestamptz NOT NULL,
    created bigint NOT NULL,
    updated bigint NOT NULL,
    completed bigint NOT NULL,
    deleted bigint NOT NULL,
    PRIMARY KEY (user_id, hour)
)
"""

STATEMENTS = (EVENT, EVENT_RECEIVED, TASK, TALLY, DURATION, PRUNED_TASK, PRUNED_TALLY)
