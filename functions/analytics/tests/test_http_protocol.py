"""One small server's duties: keep-alive, order, limits, and a clean end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from analytics.http_protocol import MOST_BODY_BYTES, MOST_HEADER_BYTES, Answer, HttpProtocol, Request

from .http_client import connected, read_reply, request, wire
from .polling import until


class Server:
    """Answers 200 with what it understood; `gate` holds the answers back."""

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.connections: set[HttpProtocol] = set()
        self.gate = asyncio.Event()
        self.gate.set()

    async def respond(self, given: Request) -> Answer:
        self.requests.append(given)
        await self.gate.wait()
        return Answer(given.fault or 200, given.path.encode())

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[int]:
        def protocol() -> HttpProtocol:
            return HttpProtocol(self.respond, self.connections)

        server = await asyncio.get_running_loop().create_server(protocol, "127.0.0.1", 0)
        try:
            yield server.sockets[0].getsockname()[1]
        finally:
            server.close()
            for connection in self.connections:
                connection.shut_down()
            await until(self.idle)

    async def idle(self) -> bool:
        return not self.connections


async def test_a_connection_carries_many_requests() -> None:
    server = Server()
    async with server.listening() as port, connected(port) as (reader, writer):
        for number in range(3):
            writer.write(wire("POST", f"/{number}", body=b"x"))
            assert (await read_reply(reader)).body == b"/%d" % number


async def test_requests_sent_without_waiting_are_answered_in_their_order() -> None:
    server = Server()
    async with server.listening() as port, connected(port) as (reader, writer):
        writer.write(b"".join(wire("POST", f"/{number}", body=b"x" * number) for number in range(50)))
        assert [(await read_reply(reader)).body for _ in range(50)] == [b"/%d" % n for n in range(50)]


async def test_a_request_may_arrive_byte_by_byte() -> None:
    server = Server()
    async with server.listening() as port, connected(port) as (reader, writer):
        for byte in wire("POST", "/a?b=c", {"ce-id": "1"}, b"body"):
            writer.write(bytes([byte]))
            await writer.drain()
        assert (await read_reply(reader)).body == b"/a"
    (given,) = server.requests
    assert (given.method, given.headers, given.body) == ("POST", {"ce-id": "1"}, b"body")


async def test_a_chunked_body_is_put_together_and_its_trailers_are_left() -> None:
    server = Server()
    head = b"POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n"
    async with server.listening() as port, connected(port) as (reader, writer):
        writer.write(head + b"3\r\nabc\r\n2\r\nde\r\n0\r\nce-id: late\r\n\r\n")
        assert (await read_reply(reader)).status == 200
    assert (server.requests[0].body, server.requests[0].headers) == (b"abcde", {})


async def test_a_sender_that_asks_first_is_told_to_continue() -> None:
    server = Server()
    async with server.listening() as port, connected(port) as (reader, writer):
        writer.write(b"POST / HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\ncontent-length: 2\r\n\r\n")
        assert (await read_reply(reader)).status == 100
        writer.write(b"ok")
        assert (await read_reply(reader)).status == 200


async def test_a_body_at_the_limit_is_taken_and_one_byte_more_is_not() -> None:
    server = Server()
    async with server.listening() as port:
        assert (await request(port, "POST", "/", body=b"x" * MOST_BODY_BYTES)).status == 200
        assert (await request(port, "POST", "/", body=b"x" * (MOST_BODY_BYTES + 1))).status == 413
    assert [len(given.body) for given in server.requests] == [MOST_BODY_BYTES, 0]


async def test_after_a_body_that_was_too_large_the_connection_still_serves() -> None:
    server = Server()
    async with server.listening() as port, connected(port) as (reader, writer):
        writer.write(wire("POST", "/", body=b"x" * (MOST_BODY_BYTES + 1)) + wire("POST", "/next"))
        assert (await read_reply(reader)).status == 413
        assert (await read_reply(reader)).body == b"/next"


async def test_a_body_without_end_is_not_read_to_its_end() -> None:
    server = Server()
    async with server.listening() as port, connected(port) as (reader, writer):
        writer.write(b"POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n")
        reply = asyncio.ensure_future(read_reply(reader))
        chunk = b"100000\r\n" + b"x" * 2**20 + b"\r\n"
        while not reply.done():
            writer.write(chunk)
            await asyncio.wait({reply}, timeout=0.01)
        assert reply.result().status == 413


@pytest.mark.parametrize(
    "head",
    [
        b"POST / HTTP/1.1\r\nce-id: " + b"x" * (MOST_HEADER_BYTES + 1),
        b"POST / HTTP/1.1\r\n" + b"a: b\r\n" * MOST_HEADER_BYTES,
        b"POST /" + b"x" * (MOST_HEADER_BYTES + 1),
    ],
)
async def test_headers_without_end_are_refused(head: bytes) -> None:
    async with Server().listening() as port, connected(port) as (reader, writer):
        writer.write(head)
        reply = await read_reply(reader)
        assert (reply.status, reply.headers["connection"]) == (431, "close")


@pytest.mark.parametrize(
    "nonsense",
    [
        b"\x00\x01\x02\r\n\r\n",
        b"POST / HTTP/9.9\r\n\r\n",
        b"POST / HTTP/1.1\r\ncontent-length: -1\r\n\r\n",
        b"POST / HTTP/1.1\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n",
        b"POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\ncontent-length: 2\r\n\r\nab",
        b"POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
        b"POST / HTTP/1.1\r\nno colon\r\n\r\n",
        b"POST / HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: h2c\r\n\r\n",
        b"CONNECT x:1 HTTP/1.1\r\nhost: x\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ],
)
async def test_what_is_not_a_request_of_http_1_1_is_refused_and_the_connection_ends(
    nonsense: bytes,
) -> None:
    async with Server().listening() as port, connected(port) as (reader, writer):
        writer.write(nonsense)
        reply = await read_reply(reader)
        assert (reply.status, reply.headers["connection"]) == (400, "close")
        assert await reader.read() == b""


async def test_an_attribute_that_is_there_twice_is_refused() -> None:
    async with Server().listening() as port, connected(port) as (reader, writer):
        writer.write(b"POST / HTTP/1.1\r\nhost: x\r\nce-id: 1\r\nCE-Id: 2\r\ncontent-length: 0\r\n\r\n")
        assert (await read_reply(reader)).status == 400


async def test_a_request_that_takes_too_long_to_arrive_is_refused() -> None:
    server = Server()
    async with server.listening() as port, connected(port) as (reader, writer):
        writer.write(b"POST / HTTP/1.1\r\nhost: x\r\n")

        async def receiving() -> bool:
            return any(connection.receiving for connection in server.connections)

        await until(receiving)
        (connection,) = server.connections
        connection.refuse_if_slow(3600)
        connection.refuse_if_slow(0)
        assert (await read_reply(reader)).status == 408


async def test_an_idle_connection_is_not_slow() -> None:
    server = Server()
    async with server.listening() as port, connected(port) as (reader, writer):
        writer.write(wire("GET", "/first"))
        await read_reply(reader)
        (connection,) = server.connections
        connection.refuse_if_slow(0)
        writer.write(wire("GET", "/second"))
        assert (await read_reply(reader)).body == b"/second"


async def test_shutting_down_ends_idle_connections_and_lets_busy_ones_finish() -> None:
    server = Server()
    async with server.listening() as port, connected(port) as idle, connected(port) as (reader, writer):
        server.gate.clear()
        writer.write(wire("POST", "/busy"))

        async def one_is_busy() -> bool:
            return len(server.requests) == 1 and len(server.connections) == 2

        await until(one_is_busy)
        for connection in list(server.connections):
            connection.shut_down()
        assert await idle[0].read() == b""
        server.gate.set()
        reply = await read_reply(reader)
        assert (reply.body, reply.headers["connection"]) == (b"/busy", "close")
        await until(server.idle)


async def test_http_1_0_and_connection_close_end_after_one_answer() -> None:
    async with Server().listening() as port:
        for head in (b"GET / HTTP/1.0\r\n\r\n", b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"):
            async with connected(port) as (reader, writer):
                writer.write(head)
                assert (await read_reply(reader)).status == 200
                assert await reader.read() == b""


async def test_head_gets_no_body() -> None:
    async with Server().listening() as port, connected(port) as (reader, writer):
        writer.write(wire("HEAD", "/abc") + wire("GET", "/d"))
        head = await reader.readuntil(b"\r\n\r\n")
        assert b"content-length: 4\r\n" in head
        assert (await read_reply(reader)).body == b"/d"
