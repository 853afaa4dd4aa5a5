"""The function as its own process on a real PostgreSQL."""

from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from analytics.database import Connection
from analytics.recompute import find_differences
from task_events import EventType, HttpMessage

from .events import NOON, TRACE_ID, make_event, make_message
from .http_client import post, request
from .model import expected_numbers, stored_numbers
from .polling import until
from .process import Process

Start = Callable[..., Process]


async def eventually_posted(port: int, message: HttpMessage) -> None:
    async def posted() -> bool:
        return (await post(port, message)).status == 204

    await until(posted)


async def test_an_event_is_stored_and_counted_and_logged(
    start: Start, service_database: str, connection: Connection
) -> None:
    process = start(DATABASE_URL=service_database)
    event = make_event()
    assert (await post(await process.port(), make_message(event))).status == 204
    assert await stored_numbers(connection) == expected_numbers([event])
    line = await process.log_line("counted")
    assert (line["event_id"], line["trace_id"]) == (str(event.data.event_id), TRACE_ID)


async def test_many_deliveries_at_once_are_all_counted(
    start: Start, service_database: str, connection: Connection
) -> None:
    port = await start("serve", DATABASE_URL=service_database).port()
    events = [make_event(task_id=number) for number in range(1, 101)]
    replies = await asyncio.gather(*(post(port, make_message(event)) for event in events * 2))
    assert {reply.status for reply in replies} == {204}
    assert await stored_numbers(connection) == expected_numbers(events)


async def test_a_process_that_answered_an_event_has_loaded_nothing_heavy(
    start: Start, service_database: str
) -> None:
    script = """
import sys
from analytics.cli import main
sys.argv = ["analytics"]
code = main()
print(*sys.modules)
sys.exit(code)
"""
    process = start(script=script, DATABASE_URL=service_database)
    assert (await post(await process.port(), make_message())).status == 204
    process.signal(signal.SIGTERM)
    code, output, _ = process.finish()
    loaded = {name.partition(".")[0] for name in output.split()}
    heavy = "fastapi starlette pydantic sqlmodel sqlalchemy alembic httpx httpx2 aiohttp uvicorn argparse"
    heavy += " opentelemetry google requests"
    assert code == 0
    assert {"asyncpg", "task_events"} <= loaded
    assert loaded.isdisjoint(heavy.split())
    assert "analytics.tracing" not in output.split()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_lets_deliveries_finish_and_exits_with_0(
    start: Start, service_database: str, connection: Connection, number: signal.Signals
) -> None:
    process = start(DATABASE_URL=service_database)
    port = await process.port()
    # A new connection is prepared by a statement that the lock would stop, and then that would be what waits.
    assert (await request(port, "GET", "/readyz")).status == 200
    async with connection.transaction():
        await connection.execute("LOCK TABLE analytics.tally IN EXCLUSIVE MODE")
        delivery = asyncio.ensure_future(post(port, make_message()))
        await waits_for_a_lock(connection)
        process.signal(number)
        await nobody_listens(port)
    assert (await delivery).status == 204
    assert process.finish()[0] == 0


async def test_kill_9_before_the_commit_leaves_no_half(
    start: Start, service_database: str, connection: Connection
) -> None:
    process = start(DATABASE_URL=service_database)
    event = make_event(EventType.COMPLETED, version=1, completed=True, created_at=NOON)
    async with connection.transaction():
        # The event and the task are written by then, the sums are not.
        await connection.execute("LOCK TABLE analytics.tally IN EXCLUSIVE MODE")
        delivery = asyncio.ensure_future(post(await process.port(), make_message(event)))
        await waits_for_a_lock(connection)
        process.kill()
        with pytest.raises((asyncio.IncompleteReadError, ConnectionResetError)):
            await delivery
    await nobody_else_is_connected(connection)
    assert await find_differences(connection) == []

    port = await start(DATABASE_URL=service_database).port()
    assert (await post(port, make_message(event))).status == 204
    assert await stored_numbers(connection) == expected_numbers([event])
    assert await connection.fetchval("SELECT count(*) FROM analytics.event") == 1


async def nobody_listens(port: int) -> None:
    async def refused() -> bool:
        try:
            await request(port, "GET", "/livez")
        except ConnectionError:
            return True
        except asyncio.IncompleteReadError:
            pass  # it was in the queue when the listener closed
        return False

    await until(refused)


async def waits_for_a_lock(connection: Connection) -> None:
    async def waits() -> bool:
        return bool(
            await connection.fetchval(
                "SELECT count(*) FROM pg_stat_activity"
                " WHERE datname = current_database() AND wait_event_type = 'Lock'"
            )
        )

    await until(waits)


async def nobody_else_is_connected(connection: Connection) -> None:
    async def alone() -> bool:
        count: int = await connection.fetchval(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
        )
        return count == 1

    await until(alone)


async def test_a_database_that_comes_later_is_waited_for(start: Start, service_database: str) -> None:
    async with a_door_to(service_database) as (open_door, url):
        process = start(DATABASE_URL=url)
        port = await process.port()
        message = make_message()
        reply = await post(port, message)
        assert (reply.status, reply.headers["retry-after"]) == (503, "5")
        assert (await request(port, "GET", "/livez")).status == 200
        assert (await request(port, "GET", "/readyz")).status == 503
        await open_door()
        await eventually_posted(port, message)
        assert (await request(port, "GET", "/readyz")).status == 200
        process.kill()


async def test_connections_that_are_cut_are_made_again(
    start: Start, service_database: str, connection: Connection
) -> None:
    port = await start(DATABASE_URL=service_database).port()
    first, second = make_event(), make_event(EventType.UPDATED, version=2)
    await eventually_posted(port, make_message(first))
    await connection.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    await eventually_posted(port, make_message(second))
    assert await stored_numbers(connection) == expected_numbers([first, second])


@asynccontextmanager
async def a_door_to(url: str) -> AsyncIterator[tuple[Callable[[], Awaitable[None]], str]]:
    """A port that refuses until it is opened, and leads to the database from then on."""
    account, _, place = url.rpartition("@")
    address, _, name = place.partition("/")
    host, _, port = address.partition(":")
    free = await asyncio.start_server(lambda reader, writer: None, "127.0.0.1", 0)
    door = free.sockets[0].getsockname()[1]
    free.close()
    await free.wait_closed()
    servers: list[asyncio.Server] = []
    inside: set[asyncio.StreamWriter] = set()

    async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            writer.write(data)
        writer.close()

    async def enter(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inside.add(writer)
        inner_reader, inner_writer = await asyncio.open_connection(host, int(port))
        await asyncio.gather(pump(reader, inner_writer), pump(inner_reader, writer))
        inside.remove(writer)

    async def empty() -> bool:
        return not inside

    async def open_door() -> None:
        servers.append(await asyncio.start_server(enter, "127.0.0.1", door))

    yield open_door, f"{account}@127.0.0.1:{door}/{name}"
    for server in servers:
        server.close()
    await until(empty)


async def test_without_its_migration_it_refuses_to_start_with_one_sentence(
    start: Start, new_database: Callable[..., str]
) -> None:
    code, _, error = start(DATABASE_URL=await asyncio.to_thread(new_database)).finish()
    sentence = [line for line in error.splitlines() if not line.startswith("{")]
    assert code == 2
    assert sentence == [
        "The schema analytics is at revision none and 0002 is needed: run `analytics migrate`."
    ]


async def test_a_newer_schema_is_accepted(
    start: Start, service_database: str, connection: Connection
) -> None:
    await connection.execute("UPDATE analytics.alembic_version SET version_num = '0999'")
    port = await start(DATABASE_URL=service_database).port()
    assert (await post(port, make_message())).status == 204


async def test_a_port_that_is_taken_is_said_in_one_sentence(start: Start, service_database: str) -> None:
    port = await start(DATABASE_URL=service_database).port()
    code, _, error = start(DATABASE_URL=service_database, PORT=str(port)).finish()
    assert (code, error.count("\n")) == (2, 1)
    assert f"Cannot listen on 127.0.0.1:{port}" in error


async def test_every_line_it_logs_is_json(start: Start, service_database: str) -> None:
    process = start(DATABASE_URL=service_database, LOG_LEVEL="debug")
    port = await process.port()
    await post(port, make_message())
    await post(port, make_message(ce_id=None))
    process.signal(signal.SIGTERM)
    code, output, error = process.finish()
    lines = [json.loads(line) for line in error.splitlines()]
    assert (code, output) == (0, "")
    assert {"timestamp", "level", "logger", "message"} <= set.intersection(*map(set, lines))
    assert any(line["level"] == "WARNING" and line["message"].startswith("refused: ") for line in lines)
