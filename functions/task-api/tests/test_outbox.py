"""Leases: who may send which event, and when; several relays against one outbox."""

from __future__ import annotations

import random
import uuid
from collections.abc import AsyncIterator
from typing import NamedTuple

import asyncpg
import pytest

from task_api.database import Database, open_database
from task_api.repository.outbox import Claimed, OutboxRepository, Postponed

LEASE = 60.0


class Desk(NamedTuple):
    """Two relays and the database they share."""

    database: Database
    one: OutboxRepository
    two: OutboxRepository

    async def wait_for(self, *versions: tuple[int, int]) -> None:
        """Put events into the outbox, as (task, version)."""
        await self.database.fetch(
            """
            INSERT INTO tasks.outbox (task_id, version, event_id, type, user_id, time, payload)
            SELECT t, v, gen_random_uuid(), 'task.updated', 'alice', now(), '{}'
            FROM unnest($1::bigint[], $2::int[]) AS i (t, v)""",
            [task for task, _ in versions],
            [version for _, version in versions],
        )

    async def end_leases(self) -> None:
        await self.database.fetch(
            "UPDATE tasks.outbox SET leased_until = now() WHERE leased_until IS NOT NULL"
        )

    async def end_pauses(self) -> None:
        await self.database.fetch("UPDATE tasks.outbox SET next_attempt_at = now()")


@pytest.fixture
async def desk(database: str) -> AsyncIterator[Desk]:
    async with open_database(database, size=4) as opened:
        one, two = (OutboxRepository(opened, uuid.uuid4()) for _ in range(2))
        yield Desk(opened, one, two)


def _names(rows: list[Claimed]) -> list[tuple[int, int]]:
    return sorted((row.task_id, row.version) for row in rows)


def _failed(row: Claimed, *, delay: float = 0, park: bool = False) -> Postponed:
    return Postponed(row.task_id, row.version, delay, "the broker answered 503", park)


async def test_only_the_lowest_version_of_a_task_is_claimed(desk: Desk) -> None:
    await desk.wait_for((1, 2), (1, 3), (2, 1), (2, 2))
    claimed = await desk.one.claim(10, LEASE)
    assert _names(claimed) == [(1, 2), (2, 1)]
    assert await desk.one.delete(claimed)
    assert _names(await desk.one.claim(10, LEASE)) == [(1, 3), (2, 2)]


async def test_an_event_is_claimed_by_one_relay(desk: Desk) -> None:
    await desk.wait_for(*((task, 1) for task in range(1, 6)))
    first, second = await desk.one.claim(3, LEASE), await desk.two.claim(10, LEASE)
    assert _names([*first, *second]) == [(task, 1) for task in range(1, 6)]
    assert await desk.one.claim(10, LEASE) == []


async def test_a_claimed_version_holds_the_next_one_back_from_everybody(desk: Desk) -> None:
    await desk.wait_for((1, 1), (1, 2))
    await desk.one.claim(10, LEASE)
    assert await desk.two.claim(10, LEASE) == []


async def test_a_lease_that_ends_lets_another_relay_try(desk: Desk) -> None:
    await desk.wait_for((1, 1))
    (mine,) = await desk.one.claim(10, LEASE)
    await desk.end_leases()
    (theirs,) = await desk.two.claim(10, LEASE)
    assert theirs.event_id == mine.event_id


async def test_who_lost_the_lease_cannot_postpone_but_may_say_that_it_was_accepted(desk: Desk) -> None:
    await desk.wait_for((1, 1))
    (mine,) = await desk.one.claim(10, LEASE)
    await desk.end_leases()
    await desk.two.claim(10, LEASE)
    await desk.one.postpone([_failed(mine, park=True)])
    assert (await desk.one.counts()).parked == 0
    await desk.one.delete([mine])
    assert (await desk.one.counts()).waiting == 0


async def test_a_failed_event_comes_again_after_its_pause_and_holds_its_successor(desk: Desk) -> None:
    await desk.wait_for((1, 1), (1, 2))
    (row,) = await desk.one.claim(10, LEASE)
    await desk.one.postpone([_failed(row, delay=30)])
    assert await desk.one.claim(10, LEASE) == []
    assert await desk.one.seconds_to_next() == pytest.approx(30, abs=5)
    await desk.end_pauses()
    (again,) = await desk.two.claim(10, LEASE)
    assert (again.event_id, again.attempts) == (row.event_id, 1)


async def test_a_parked_event_holds_nobody_back_and_can_be_sent_later(desk: Desk) -> None:
    await desk.wait_for((1, 1), (1, 2))
    (row,) = await desk.one.claim(10, LEASE)
    await desk.one.postpone([_failed(row, park=True)])
    assert _names(await desk.one.claim(10, LEASE)) == [(1, 2)]
    (shown,) = await desk.one.show(parked_only=True, most=10)
    assert (shown["event_id"], shown["last_error"]) == (row.event_id, "the broker answered 503")
    assert await desk.one.unpark(row.event_id)
    assert not await desk.one.unpark(row.event_id)
    assert _names(await desk.two.claim(10, LEASE)) == [(1, 1)]


async def test_what_was_given_back_untried_counts_as_no_attempt(desk: Desk) -> None:
    await desk.wait_for((1, 1))
    (row,) = await desk.one.claim(10, LEASE)
    await desk.one.postpone([Postponed(1, 1, 0, None, park=False)])
    (again,) = await desk.two.claim(10, LEASE)
    assert (again.event_id, again.attempts) == (row.event_id, 0)


async def test_a_stopping_relay_gives_back_its_own_leases_only(desk: Desk) -> None:
    await desk.wait_for((1, 1), (2, 1))
    (mine,) = await desk.one.claim(1, LEASE)
    await desk.two.claim(1, LEASE)
    await desk.one.release_all()
    assert _names(await desk.two.claim(10, LEASE)) == [(mine.task_id, 1)]


async def test_an_empty_outbox_has_no_next_event(desk: Desk) -> None:
    assert await desk.one.seconds_to_next() is None
    assert (await desk.one.counts()) == (0, 0, 0)


async def test_the_next_event_is_the_lease_that_ends_first(desk: Desk) -> None:
    """Otherwise what a killed process had claimed would wait for the longest poll."""
    await desk.wait_for((1, 1), (1, 2))
    await desk.one.claim(10, 7.0)
    assert await desk.two.seconds_to_next() == pytest.approx(7, abs=3)


async def test_a_row_another_statement_holds_is_passed_over(desk: Desk, database: str) -> None:
    await desk.wait_for((1, 1), (2, 1))
    other = await asyncpg.connect(database)
    async with other.transaction():
        await other.execute("SELECT FROM tasks.outbox WHERE task_id = 1 FOR UPDATE")
        assert _names(await desk.one.claim(10, LEASE)) == [(2, 1)]
    await other.close()


async def test_a_backlog_is_not_read_for_a_claim(desk: Desk, database: str) -> None:
    """However stale the statistics: here PostgreSQL still believes the table to be empty."""
    connection = await asyncpg.connect(database)
    await connection.execute("ALTER TABLE tasks.outbox SET (autovacuum_enabled = off)")
    await desk.wait_for(*((task, 1) for task in range(1, 3001)))
    async with connection.transaction():
        before = await connection.fetchval(_ROWS_READ)
        await connection.execute("SELECT tasks.claim(10, 60, gen_random_uuid())")
        await connection.execute("SELECT tasks.accept('{1,2,3}', '{1,1,1}')")
        await connection.execute("SELECT tasks.next_due()")
        assert 10 <= await connection.fetchval(_ROWS_READ) - before < 1000
    await connection.close()


@pytest.mark.parametrize("seed", range(8))
async def test_first_acceptances_are_in_version_order_whatever_happens(desk: Desk, seed: int) -> None:
    """Claims, answers, lost leases and parked events in any order, from two relays."""
    chance = random.Random(seed)
    await desk.wait_for(*((task, version) for task in range(1, 5) for version in range(1, 6)))
    held: dict[OutboxRepository, list[Claimed]] = {desk.one: [], desk.two: []}
    accepted: dict[int, list[int]] = {}
    parked: set[tuple[int, int]] = set()
    for _ in range(300):
        relay = chance.choice(list(held))
        step = chance.random()
        if step < 0.35 or not held[relay]:
            held[relay] += await relay.claim(chance.randint(1, 3), LEASE)
        elif step < 0.45:
            await desk.end_leases()
        else:
            row = held[relay].pop(chance.randrange(len(held[relay])))
            if step < 0.85:
                accepted.setdefault(row.task_id, []).append(row.version)
                await relay.delete([row])
            elif step < 0.97:
                await relay.postpone([_failed(row)])
            elif await desk.database.fetchval(_OWNED, row.task_id, row.version, relay._owner):
                parked.add((row.task_id, row.version))
                await relay.postpone([_failed(row, park=True)])
    for task_id, versions in accepted.items():
        firsts = list(dict.fromkeys(versions))
        late = [version for version in firsts if (task_id, version) not in parked]
        assert late == sorted(late), f"task {task_id}: {versions}"


_OWNED = "SELECT true FROM tasks.outbox WHERE task_id = $1 AND version = $2 AND lease_owner = $3"

_ROWS_READ = """
    SELECT pg_stat_get_xact_tuples_returned(c) + pg_stat_get_xact_tuples_fetched(c)
           + sum(pg_stat_get_xact_tuples_returned(indexrelid))::bigint
    FROM (SELECT 'tasks.outbox'::regclass AS c) AS t JOIN pg_index ON indrelid = c GROUP BY c"""
