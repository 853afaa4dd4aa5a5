"""The command line: what it prints, what it changes, and its exit codes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta

import pytest

from analytics.database import Connection
from analytics.prune import prune
from analytics.recompute import Difference, find_differences, rewrite
from analytics.store import PostgresStore
from task_events import EventType, TaskEvent

from .events import NOON, make_event, make_row
from .model import expected_numbers, stored_numbers
from .process import Process

Start = Callable[..., Process]
EQUAL = "Every number is what the log says, and no version of a task is missing.\n"


def history(tasks: int) -> list[TaskEvent]:
    created = [make_event(task_id=number, user_id=f"user {number % 2}") for number in range(1, tasks + 1)]
    completed = [
        make_event(
            EventType.COMPLETED,
            task_id=event.data.payload.task_id,
            version=2,
            user_id=event.data.user_id,
            time=NOON + timedelta(minutes=event.data.payload.task_id),
            completed=True,
        )
        for event in created
    ]
    return created + completed


async def record(store: PostgresStore, events: list[TaskEvent]) -> None:
    await store.write([await make_row(event) for event in events])


async def test_migrate_prints_the_revision(start: Start, new_database: Callable[..., str]) -> None:
    url = await asyncio.to_thread(new_database)
    code, output, _ = start("migrate", DATABASE_URL=url).finish()
    assert (code, output) == (0, "The schema analytics is at revision 0002.\n")


async def test_the_direct_url_is_preferred(start: Start, database: str) -> None:
    code, _, _ = start(
        "migrate", DATABASE_URL="postgresql://x@127.0.0.1:1/x", DATABASE_DIRECT_URL=database
    ).finish()
    assert code == 0


async def test_numbers_that_are_right_pass_the_check(
    start: Start, database: str, store: PostgresStore
) -> None:
    await record(store, history(5))
    assert start("recompute", "--check", DATABASE_URL=database).finish() == (0, EQUAL, "")


async def test_a_wrong_number_is_shown_and_mended(
    start: Start, database: str, store: PostgresStore, connection: Connection
) -> None:
    events = history(5)
    await record(store, events)
    await connection.execute("UPDATE analytics.tally SET created = created + 7 WHERE hour = '-infinity'")
    await connection.execute("DELETE FROM analytics.duration WHERE user_id = '*' AND hour > '-infinity'")
    await connection.execute(
        "INSERT INTO analytics.task (source, task_id, version) VALUES ('/task-api', 99, 1)"
    )
    code, output, _ = start("recompute", "--check", DATABASE_URL=database).finish()
    table = [line.split() for line in output.splitlines()]
    assert code == 1
    assert table[0] == ["what", "key", "number", "stored", "recomputed"]
    assert ["tally", '["*",', '"-infinity"]', "created", "12", "5"] in table
    assert [line[-2:] for line in table if line[0] == "duration"] == [["-", "1"]] * 5
    assert ["task", '["/task-api",', "99]", "completed", "False", "-"] in table

    assert start("recompute", DATABASE_URL=database).finish() == (0, EQUAL, "")
    assert await stored_numbers(connection) == expected_numbers(events)


async def test_a_missing_version_is_shown_and_cannot_be_mended(
    start: Start, database: str, store: PostgresStore
) -> None:
    await record(store, [make_event(task_id=7), make_event(EventType.UPDATED, task_id=7, version=4)])
    for arguments in (["recompute", "--check"], ["recompute"]):
        code, output, _ = start(*arguments, DATABASE_URL=database).finish()
        assert code == 1
        assert output.splitlines()[1].split() == [
            "versions",
            '["/task-api",',
            "7]",
            "seen",
            "{[1,2),[4,5)}",
            "also",
            "{[2,4)}",
        ]


async def test_a_long_table_is_cut(start: Start, database: str, store: PostgresStore) -> None:
    await record(store, [make_event(task_id=number, version=2) for number in range(1, 121)])
    code, output, _ = start("recompute", "--check", DATABASE_URL=database).finish()
    assert code == 1
    assert len(output.splitlines()) == 102
    assert output.endswith("... and 20 more\n")


async def test_pruning_leaves_the_numbers_and_young_events(
    start: Start, database: str, store: PostgresStore, connection: Connection
) -> None:
    old, young = history(6), history(3)
    await record(store, old)
    await connection.execute("UPDATE analytics.event SET received_at = now() - interval '91 days'")
    await record(store, young)
    before = await stored_numbers(connection)
    assert start("prune", "--batch", "5", DATABASE_URL=database).finish() == (0, "12 events pruned.\n", "")
    assert await connection.fetchval("SELECT count(*) FROM analytics.event") == 6
    assert await stored_numbers(connection) == before
    assert start("recompute", "--check", DATABASE_URL=database).finish() == (0, EQUAL, "")


async def test_the_age_can_be_given(
    start: Start, database: str, store: PostgresStore, connection: Connection
) -> None:
    await record(store, history(1))
    await connection.execute("UPDATE analytics.event SET received_at = now() - interval '3 days'")
    assert start("prune", "--older-than", "4", DATABASE_URL=database).finish()[1] == "0 events pruned.\n"
    assert start("prune", "--older-than", "2", DATABASE_URL=database).finish()[1] == "2 events pruned.\n"


async def test_a_late_duplicate_of_a_pruned_event_is_not_counted(
    store: PostgresStore, connection: Connection
) -> None:
    events = history(3)
    await record(store, events)
    await prune(connection, timedelta(0))
    assert await store.write([await make_row(event) for event in events]) == set()
    assert await stored_numbers(connection) == expected_numbers(events)


async def test_a_task_that_was_pruned_goes_on(store: PostgresStore, connection: Connection) -> None:
    events = [*history(1), make_event(EventType.UPDATED, version=3, user_id="user 1")]
    await record(store, events[:2])
    await prune(connection, timedelta(0))
    await record(store, events[2:])
    assert await stored_numbers(connection) == expected_numbers(events)
    assert await find_differences(connection) == []


async def test_an_event_that_comes_after_later_ones_were_pruned_is_counted(
    store: PostgresStore, connection: Connection
) -> None:
    created, completed = history(1)
    await record(store, [completed])
    await prune(connection, timedelta(0))
    (gap,) = await find_differences(connection)
    assert gap == Difference("versions", '["/task-api", 1]', "seen", "{[2,3)}", "also {[1,2)}")
    await record(store, [created])
    assert await stored_numbers(connection) == expected_numbers([created, completed])
    assert await find_differences(connection) == []


async def test_versions_of_a_type_that_is_not_counted_yet_survive_pruning(
    store: PostgresStore, connection: Connection
) -> None:
    archived = await make_row(make_event(version=1), type="task.archived")
    await store.write([archived])
    await prune(connection, timedelta(0))
    assert await store.write([archived]) == set()
    await record(store, [make_event(EventType.UPDATED, version=2)])
    assert await find_differences(connection) == []
    await rewrite(connection)
    assert await find_differences(connection) == []


@pytest.mark.parametrize(
    ("arguments", "environment", "words"),
    [
        ([], {}, "DATABASE_URL is not set"),
        (["migrate"], {}, "DATABASE_URL is not set"),
        ([], {"DATABASE_URL": "mysql://x"}, "does not begin with postgresql://"),
        ([], {"DATABASE_URL": "postgresql://h:port/x"}, "port"),
        ([], {"DATABASE_URL": "postgresql://x", "PORT": "http"}, "PORT is 'http'"),
        ([], {"DATABASE_URL": "postgresql://x", "PORT": "65536"}, "PORT is '65536'"),
        ([], {"DATABASE_URL": "postgresql://x", "LOG_LEVEL": "loud"}, "LOG_LEVEL is 'loud'"),
        (["migrate"], {"DATABASE_URL": "postgresql://x?sslmode=require&sslrootcert=/none"}, "certificate"),
        (["recompute"], {"DATABASE_URL": "postgresql://x@127.0.0.1:1/x"}, "ConnectionRefusedError"),
        (["prune"], {"DATABASE_URL": "postgresql://x@127.0.0.1:1/x"}, "ConnectionRefusedError"),
    ],
)
def test_what_the_caller_can_mend_is_one_sentence_and_exit_code_2(
    start: Start, arguments: list[str], environment: dict[str, str], words: str
) -> None:
    code, output, error = start(*arguments, **({"PORT": "0"} | environment)).finish()
    assert (code, output, error.count("\n")) == (2, "", 1)
    assert words in error


@pytest.mark.parametrize(
    "arguments",
    [
        ["count"],
        ["serve", "now"],
        ["prune", "--older-than", "-1"],
        ["prune", "--batch", "0"],
        ["recompute", "7"],
    ],
)
def test_a_command_nobody_knows_is_exit_code_2(start: Start, arguments: list[str]) -> None:
    code, _, error = start(*arguments, DATABASE_URL="postgresql://x").finish()
    assert code == 2
    assert "usage: analytics" in error


def test_help_needs_no_database(start: Start) -> None:
    code, output, _ = start("--help").finish()
    assert code == 0
    assert all(command in output for command in ("serve", "migrate", "prune", "recompute"))


async def test_commands_refuse_a_database_without_its_migration(
    start: Start, new_database: Callable[..., str]
) -> None:
    url = await asyncio.to_thread(new_database)
    for arguments in (["prune"], ["recompute", "--check"]):
        code, _, error = start(*arguments, DATABASE_URL=url).finish()
        assert code == 2
        assert error.startswith("The schema analytics is at revision none")
