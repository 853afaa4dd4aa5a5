"""The transaction, on a real PostgreSQL."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import asyncpg
import msgspec
import pytest

from analytics.batcher import Batcher
from analytics.database import Connection
from analytics.errors import DatabaseAway, SchemaMissing, UnstorableEvent
from analytics.event_row import EventRow
from analytics.recompute import find_differences
from analytics.store import PostgresStore, open_pool
from task_events import EventType

from .events import NOON, make_event, make_row
from .model import expected_numbers, stored_numbers
from .polling import until


async def test_a_row_of_the_log_holds_what_was_sent(store: PostgresStore, connection: Connection) -> None:
    row = await make_row(make_event(task_id=7, version=3, user_id="bob"))
    await store.write([row])
    stored = dict(await connection.fetchrow("SELECT * FROM analytics.event") or {})
    assert msgspec.json.decode(stored.pop("data")) == msgspec.json.decode(row.data)
    assert stored.pop("received_at") <= datetime.now(UTC)
    assert stored.pop("xid") > 0
    assert stored == {
        "position": stored["position"],
        "source": "/task-api",
        "id": row.id,
        "type": "task.created",
        "subject": "tasks/7",
        "time": NOON,
        "user_id": "bob",
        "task_id": 7,
        "version": 3,
    }


async def test_a_key_is_new_once(store: PostgresStore) -> None:
    first, second = await make_row(), await make_row()
    assert await store.write([first]) == {("/task-api", first.id)}
    assert await store.write([first, second, second]) == {("/task-api", second.id)}
    assert await store.write([first, second]) == set()


async def test_the_same_id_of_another_source_is_another_task(
    store: PostgresStore, connection: Connection
) -> None:
    row = await make_row()
    await store.write([row, msgspec.structs.replace(row, source="/elsewhere")])
    assert (await stored_numbers(connection))["*", "always", "tasks_open"] == 2
    assert await find_differences(connection) == []


async def test_an_event_of_tomorrow_is_kept_and_changes_no_number(
    store: PostgresStore, connection: Connection
) -> None:
    event = make_event()
    await store.write([await make_row(event), await make_row(make_event(version=2), type="task.archived")])
    assert await connection.fetchval("SELECT count(*) FROM analytics.event") == 2
    assert await stored_numbers(connection) == expected_numbers([event])
    assert await find_differences(connection) == []


async def test_two_events_that_claim_one_version_give_the_same_numbers_in_any_order(
    database: str, connection: Connection
) -> None:
    opened = await make_row(make_event(version=1))
    closed = await make_row(make_event(EventType.COMPLETED, version=1, completed=True))
    pool = await open_pool(database)
    store = PostgresStore(pool)
    seen = []
    for rows in ([opened, closed], [closed, opened]):
        await connection.execute(
            "TRUNCATE analytics.event, analytics.task, analytics.tally, analytics.duration"
        )
        for row in rows:
            await store.write([row])
        seen.append(await stored_numbers(connection))
        assert await find_differences(connection) == []
    await pool.close()
    assert seen[0] == seen[1]


async def unstorable() -> dict[str, EventRow]:
    row = await make_row()
    return {
        "an id no index can hold": msgspec.structs.replace(row, id=random_text(9000)),
        "text with NUL": msgspec.structs.replace(row, user_id="a\0b"),
        "data with NUL": msgspec.structs.replace(row, data=msgspec.Raw(b'{"a": "\\u0000"}')),
        "data with a lone surrogate": msgspec.structs.replace(row, data=msgspec.Raw(b'{"a": "\\ud800"}')),
        "a task id out of range": msgspec.structs.replace(row, task_id=2**63),
        "a version out of range": msgspec.structs.replace(row, version=0),
        "everyone": msgspec.structs.replace(row, user_id="*"),
        "a number without end": msgspec.structs.replace(row, data=msgspec.Raw(b'{"a": 1e200000}')),
        "nesting without end": msgspec.structs.replace(row, data=msgspec.Raw(b"[" * 50_000 + b"]" * 50_000)),
    }


def random_text(length: int) -> str:
    """PostgreSQL compresses what repeats."""
    return "".join(str(number * 2654435761 % 2**32) for number in range(length // 9))


@pytest.mark.parametrize("what", list(asyncio.run(unstorable())))
async def test_one_bad_row_is_refused_and_its_neighbours_are_stored(
    store: PostgresStore, connection: Connection, what: str
) -> None:
    bad = (await unstorable())[what]
    good = [await make_row(make_event(task_id=number)) for number in (1, 2, 3)]
    batcher = Batcher(store.write)
    answers = await asyncio.gather(*map(batcher.record, [*good, bad]), return_exceptions=True)
    assert answers[:3] == [True, True, True]
    assert isinstance(answers[3], UnstorableEvent)
    assert await connection.fetchval("SELECT count(*) FROM analytics.event") == 3


async def test_a_statement_that_fails_half_way_leaves_nothing(
    store: PostgresStore, connection: Connection
) -> None:
    await connection.execute("ALTER TABLE analytics.tally ADD CHECK (created < 1)")
    with pytest.raises(UnstorableEvent):
        await store.write([await make_row()])
    assert await connection.fetchval("SELECT count(*) FROM analytics.event") == 0
    assert await connection.fetchval("SELECT count(*) FROM analytics.task") == 0


async def test_a_duplicate_that_waits_for_the_pruning_of_its_original_is_known(
    store: PostgresStore, connection: Connection
) -> None:
    row = await make_row()
    await store.write([row])
    async with connection.transaction():
        assert await connection.fetchval("SELECT analytics.prune(now() + interval '1 hour', 10)") == 1
        duplicate = asyncio.ensure_future(store.write([row]))

        async def waits() -> bool:
            return bool(await connection.fetchval("SELECT count(*) FROM pg_locks WHERE NOT granted"))

        await until(waits)
    assert await duplicate == set()


async def test_a_database_that_does_not_read_committed_is_refused(
    database: str, connection: Connection
) -> None:
    name = database.rpartition("/")[2]
    await connection.execute(f"ALTER DATABASE {name} SET default_transaction_isolation TO serializable")
    pool = await open_pool(database)
    with pytest.raises(DatabaseAway, match="READ COMMITTED"):
        await PostgresStore(pool).write([await make_row()])
    await pool.close()


async def test_a_missing_schema_is_not_a_database_that_is_away(postgres_url: str) -> None:
    pool = await open_pool(postgres_url)
    with pytest.raises(SchemaMissing):
        await PostgresStore(pool).ping()
    await pool.close()


async def test_nobody_is_there() -> None:
    pool = await open_pool("postgresql://nobody@127.0.0.1:1/nothing")
    with pytest.raises(DatabaseAway, match="ConnectionRefusedError"):
        await PostgresStore(pool).write([await make_row()])
    await pool.close()


async def test_batches_that_share_tasks_and_users_do_not_deadlock(
    database: str, connection: Connection
) -> None:
    events = [make_event(task_id=number, user_id=f"user {number % 3}") for number in range(1, 41)]
    rows = [await make_row(event) for event in events]
    pools = [await open_pool(database) for _ in range(4)]
    batches = [rows[at::step] for step in (3, 5, 7) for at in range(step)]
    stores = [PostgresStore(pool) for pool in pools]
    fresh = await asyncio.gather(
        *(stores[number % 4].write(batch[:: 1 if number % 2 else -1]) for number, batch in enumerate(batches))
    )
    for pool in pools:
        await pool.close()
    assert sum(map(len, fresh)) == 40
    assert await stored_numbers(connection) == expected_numbers(events)


async def test_the_log_hides_what_an_earlier_transaction_may_still_precede(
    store: PostgresStore, database: str, connection: Connection
) -> None:
    slow = await asyncpg.connect(database)
    transaction = slow.transaction()
    await transaction.start()
    await slow.execute("SELECT pg_current_xact_id()")
    await store.write([await make_row()])
    assert await connection.fetchval("SELECT count(*) FROM analytics.v_activity") == 0
    await transaction.rollback()
    assert await connection.fetchval("SELECT count(*) FROM analytics.v_activity") == 1
    await slow.close()
