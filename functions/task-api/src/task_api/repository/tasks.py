"""Tasks in PostgreSQL. Every change writes its event in the same statement."""

from __future__ import annotations

from collections.abc import Sequence

from task_api.batching import Batcher
from task_api.database import Database
from task_api.event_id import new_event_id
from task_api.repository.listing import Page, Query, list_tasks
from task_api.repository.records import Change, Current, Draft, Stored
from task_api.repository.task_json import task_json
from task_api.schema import CURRENT_REVISION
from task_api.trace import Trace
from task_events import EventType

_COLUMNS = (
    "task_id, user_id, title, notes, priority, due_at, completed, completed_at, created_at, updated_at, "
    "deleted_at, version"
)

# `answer` is computed once: it is what the client gets, what the event carries and what a key remembers.
_DRAFTS = f"""
WITH draft AS MATERIALIZED (
    SELECT nextval('tasks.task_task_id_seq') AS task_id, user_id, title, notes, priority, due_at, completed,
           CASE WHEN completed THEN now() END AS completed_at, now() AS created_at, now() AS updated_at,
           NULL::timestamptz AS deleted_at, 1 AS version, event_id, traceparent, tracestate, n
    FROM unnest($1::text[], $2::text[], $3::text[], $4::smallint[], $5::timestamptz[], $6::boolean[],
                $7::uuid[], $8::text[], $9::text[]) WITH ORDINALITY
         AS i (user_id, title, notes, priority, due_at, completed, event_id, traceparent, tracestate, n)
), answer AS MATERIALIZED (
    SELECT d.*, {task_json("d")} AS body FROM draft AS d
)"""  # noqa: S608  constant


def _write(source: str, event_type: str) -> str:
    """CTE that puts the events of `source`, which has the columns of `answer`, into the outbox."""
    return f"""
event AS (
    INSERT INTO tasks.outbox
           (task_id, version, event_id, type, user_id, time, payload, traceparent, tracestate)
    SELECT task_id, version, event_id, {event_type}, user_id, updated_at, body::json, traceparent, tracestate
    FROM {source}
)"""  # noqa: S608  constant


_CREATE = f"""{_DRAFTS},
task AS (
    INSERT INTO tasks.task ({_COLUMNS}) SELECT {_COLUMNS} FROM answer
), {_write("answer", f"'{EventType.CREATED}'")}
SELECT task_id, version, body FROM answer ORDER BY n"""  # noqa: S608  constant

# The claim decides: who does not get it writes neither task nor event, and reads what the first one got.
_CREATE_ONCE = f"""{_DRAFTS},
claim AS (
    INSERT INTO tasks.idempotency (user_id, key, fingerprint, answer)
    SELECT user_id, $10, $11, body FROM answer
    ON CONFLICT (user_id, key) DO UPDATE
        SET fingerprint = excluded.fingerprint, answer = excluded.answer, created_at = now()
        WHERE idempotency.created_at < now() - interval '24 hours'
    RETURNING user_id
), claimed AS (
    SELECT answer.* FROM answer JOIN claim USING (user_id)
), task AS (
    INSERT INTO tasks.task ({_COLUMNS}) SELECT {_COLUMNS} FROM claimed
), {_write("claimed", f"'{EventType.CREATED}'")}
SELECT task_id, version, body FROM claimed"""  # noqa: S608  constant

_ANSWERED = "SELECT fingerprint, answer FROM tasks.idempotency WHERE user_id = $1 AND key = $2"

# The inner SELECTs hide how long the arrays are: PostgreSQL would plan anew each time (0.15 ms, measured).
_READ = f"""
SELECT t.task_id, t.version, {task_json("t")} AS body
FROM unnest((SELECT $1::bigint[]), (SELECT $2::text[])) WITH ORDINALITY AS i (task_id, user_id, n)
LEFT JOIN tasks.task AS t
     ON t.task_id = i.task_id AND t.user_id = i.user_id AND t.deleted_at IS NULL
ORDER BY i.n"""  # noqa: S608  constant

_FIND = f"""
SELECT task_id, version, title, notes, priority, due_at, completed, deleted_at IS NOT NULL AS deleted,
       {task_json("task")} AS body
FROM tasks.task WHERE task_id = $1 AND user_id = $2"""  # noqa: S608  constant

# The version is the compare of a compare-and-swap: no lock is held between reading and writing.
_REPLACE = f"""
WITH task AS (
    UPDATE tasks.task SET
        title = $4, notes = $5, priority = $6, due_at = $7, completed = $8,
        completed_at = CASE WHEN $8 THEN coalesce(completed_at, now()) END,
        deleted_at = CASE WHEN $9 THEN coalesce(deleted_at, now()) END,
        updated_at = now(), version = version + 1
    WHERE task_id = $1 AND user_id = $2 AND version = $3
    RETURNING {_COLUMNS}
), answer AS MATERIALIZED (
    SELECT task.*, $10::uuid AS event_id, $12::text AS traceparent, $13::text AS tracestate,
           {task_json("task")} AS body
    FROM task
), {_write("answer", "$11::text")}
SELECT task_id, version, body FROM answer"""  # noqa: S608  constant


class TaskRepository:
    """Creates and reads of concurrent requests share statements; each answer comes after its commit."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._creates = Batcher(self._create_many)
        self._reads = Batcher(self._read_many)

    async def create(self, draft: Draft) -> Stored:
        return await self._creates.submit(draft)

    async def create_once(self, draft: Draft, key: str, fingerprint: bytes) -> Stored | None:
        """Return None where the key has been used within the last 24 hours."""
        row = await self._database.fetchrow(_CREATE_ONCE, *_columns([draft]), key, fingerprint)
        return None if row is None else Stored(*row)

    async def answered(self, user_id: str, key: str) -> tuple[bytes, str] | None:
        """Return fingerprint and body of the answer this key got."""
        row = await self._database.fetchrow(_ANSWERED, user_id, key)
        return None if row is None else (row["fingerprint"], row["answer"])

    async def read(self, task_id: int, user_id: str) -> Stored | None:
        return await self._reads.submit((task_id, user_id))

    async def find(self, task_id: int, user_id: str) -> Current | None:
        """Deleted tasks too: they can be restored."""
        row = await self._database.fetchrow(_FIND, task_id, user_id)
        return None if row is None else Current(*row)

    async def replace(self, current: Current, user_id: str, change: Change, trace: Trace) -> Stored | None:
        """Return None where somebody else was faster."""
        row = await self._database.fetchrow(
            _REPLACE,
            current.task_id,
            user_id,
            current.version,
            change.title,
            change.notes,
            change.priority,
            change.due_at,
            change.completed,
            change.deleted,
            new_event_id(),
            change.event_type,
            trace.traceparent,
            trace.tracestate,
        )
        return None if row is None else Stored(*row)

    async def list(self, user_id: str, query: Query) -> Page:
        return await list_tasks(self._database, user_id, query)

    async def revision(self) -> str | None:
        """The migration the database is at; what /readyz asks."""
        revision: str | None = await self._database.fetchval(CURRENT_REVISION)
        return revision

    async def _create_many(self, drafts: Sequence[Draft]) -> Sequence[Stored]:
        return [Stored(*row) for row in await self._database.fetch(_CREATE, *_columns(drafts))]

    async def _read_many(self, keys: Sequence[tuple[int, str]]) -> Sequence[Stored | None]:
        rows = await self._database.fetch(_READ, [key[0] for key in keys], [key[1] for key in keys])
        return [None if row["task_id"] is None else Stored(*row) for row in rows]


def _columns(drafts: Sequence[Draft]) -> tuple[list[object], ...]:
    users, titles, notes, priorities, dues, completed, traces = map(list, zip(*drafts, strict=True))
    parents, states = [t.traceparent for t in traces], [t.tracestate for t in traces]
    return (
        users,
        titles,
        notes,
        priorities,
        dues,
        completed,
        [new_event_id() for _ in drafts],
        parents,
        states,
    )
