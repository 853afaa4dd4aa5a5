"""The relay's HTTP client against servers that misbehave in every way seen so far."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from task_api.relay.connection import Answer, Client, NoAnswer

ACCEPTED = b"HTTP/1.1 202 Accepted\r\ncontent-length: 0\r\n\r\n"
Script = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


async def read_request(reader: asyncio.StreamReader) -> tuple[bytes, bytes]:
    head = await reader.readuntil(b"\r\n\r\n")
    length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
    return head, await reader.readexactly(length)


class Server:
    """Plays a script for each connection, the last one again and again."""

    def __init__(self, *scripts: Script) -> None:
        self._scripts = scripts
        self.connections = 0
        self.requests: list[tuple[bytes, bytes]] = []
        self.url = ""

    async def play(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        script = self._scripts[min(self.connections, len(self._scripts) - 1)]
        self.connections += 1
        try:
            await script(reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    def answer(self, *answers: bytes) -> Script:
        """Answer one request after another, then hang up."""

        async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            for each in answers:
                self.requests.append(await read_request(reader))
                writer.write(each)

        return script


@asynccontextmanager
async def talking_to(server: Server, *scripts: Script, patience: float = 5) -> AsyncIterator[Client]:
    server._scripts = scripts
    async with await asyncio.start_server(server.play, "127.0.0.1", 0) as listener:
        port = listener.sockets[0].getsockname()[1]
        client = Client(f"http://127.0.0.1:{port}/task-system/tasks?x=1", patience)
        yield client
        client.close()


async def post(client: Client) -> Answer:
    return await client.post({"ce-id": "1", "content-type": "application/json"}, b'{"a": 1}')


async def test_one_connection_serves_many_posts() -> None:
    server = Server()
    async with talking_to(server, server.answer(*[ACCEPTED] * 3)) as client:
        assert [await post(client) for _ in range(3)] == [Answer(202, None)] * 3
    assert server.connections == 1


async def test_a_post_is_what_http_wants() -> None:
    server = Server()
    async with talking_to(server, server.answer(ACCEPTED)) as client:
        await post(client)
    head, body = server.requests[0]
    lines = head.decode().split("\r\n")
    assert lines[0] == "POST /task-system/tasks?x=1 HTTP/1.1"
    assert lines[1].startswith("host: 127.0.0.1:")
    assert {"ce-id: 1", "content-type: application/json", "content-length: 8"} <= set(lines)
    assert body == b'{"a": 1}'


async def test_posts_at_the_same_time_take_connections_of_their_own() -> None:
    server = Server()
    async with talking_to(server, server.answer(ACCEPTED)) as client:
        await asyncio.gather(*(post(client) for _ in range(5)))
    assert server.connections == 5


async def test_retry_after_is_handed_on() -> None:
    server = Server()
    busy = b"HTTP/1.1 503 Busy\r\nRetry-After: 7\r\ncontent-length: 0\r\n\r\n"
    async with talking_to(server, server.answer(busy, ACCEPTED)) as client:
        assert await post(client) == Answer(503, "7")
        assert await post(client) == Answer(202, None)


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 202 Accepted\r\nconnection: close\r\ncontent-length: 0\r\n\r\n",
        b"HTTP/1.0 202 Accepted\r\ncontent-length: 0\r\n\r\n",
        b"HTTP/1.1 202 Accepted\r\ncontent-length: 1000000\r\n\r\nx",
        b"HTTP/1.1 202 Accepted\r\ntransfer-encoding: chunked\r\n\r\n1\r\nx\r\n",
        b"HTTP/1.1 202 Accepted\r\n\r\nuntil the end",
    ],
)
async def test_a_connection_whose_answer_has_no_end_is_not_used_again(answer: bytes) -> None:
    server = Server()
    async with talking_to(server, server.answer(answer, ACCEPTED)) as client:
        for _ in range(2):
            assert (await post(client)).status == 202
    assert server.connections == 2


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 202 Accepted\r\ncontent-length: 2\r\n\r\nok",
        b"HTTP/1.1 202 Accepted\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\n" + ACCEPTED,
    ],
)
async def test_a_complete_answer_keeps_its_connection(answer: bytes) -> None:
    server = Server()
    async with talking_to(server, server.answer(answer, answer)) as client:
        assert [(await post(client)).status for _ in range(2)] == [202, 202]
    assert server.connections == 1


async def test_a_connection_closed_while_idle_is_replaced_without_an_error() -> None:
    server = Server()
    async with talking_to(server, server.answer(ACCEPTED)) as client:
        await post(client)
        await asyncio.sleep(0)
        assert (await post(client)).status == 202
    assert server.connections == 2


async def test_nobody_listening_is_no_answer() -> None:
    server = Server()
    async with talking_to(server, server.answer(ACCEPTED)) as client:
        pass
    with pytest.raises(NoAnswer, match=r"refused|111"):
        await post(client)


async def test_silence_is_no_answer_after_the_timeout() -> None:
    server = Server()

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()

    async with talking_to(server, silent, patience=0.05) as client:
        with pytest.raises(NoAnswer, match=r"no answer within 0\.05 s"):
            await post(client)


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 2", b"nonsense\r\n\r\n", b"\x16\x03\x01\x00"])
async def test_half_an_answer_is_none(answer: bytes) -> None:
    server = Server()
    async with talking_to(server, server.answer(answer)) as client:
        with pytest.raises(NoAnswer):
            await post(client)


async def test_an_endless_header_is_no_answer() -> None:
    server = Server()

    async def endless(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(b"HTTP/1.1 202 Accepted\r\n")
        while True:
            writer.write(b"x: y\r\n" * 1000)
            await writer.drain()

    async with talking_to(server, endless, patience=0.2) as client:
        with pytest.raises(NoAnswer):
            await post(client)
