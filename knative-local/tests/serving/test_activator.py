from __future__ import annotations

import asyncio
import io
import json
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from knative_local.autoscaler.settings import Scaling

from .system import Laptop, eventually, running

AT_ZERO = Scaling(stable_window=6, initial_scale=0)


async def echo(laptop: Laptop, method: str = "GET", path: str = "/", **more: Any) -> dict[str, Any]:
    async with laptop.client.request(method, laptop.url + path, **more) as response:
        assert response.status == 200, await response.text()
        told: dict[str, Any] = json.loads(await response.text())
        return told


async def test_a_request_arrives_as_it_was_sent(tmp_path: Path) -> None:
    async with running(tmp_path) as laptop:
        headers = {
            "Host": "api.example.com",
            "X-Own": "1",
            "Connection": "keep-alive, X-Private",
            "X-Private": "1",
        }
        told = await echo(laptop, "POST", "/echo/a%2Fb?q=%20+", data=b"\x00body", headers=headers)

    assert (told["method"], told["path"], told["body"]) == ("POST", "/echo/a%2Fb?q=%20+", "\x00body")
    assert told["headers"]["Host"] == "api.example.com"
    assert told["headers"]["X-Forwarded-Host"] == "api.example.com"
    assert (told["headers"]["X-Forwarded-For"], told["headers"]["X-Forwarded-Proto"]) == ("127.0.0.1", "http")
    assert told["headers"]["X-Own"] == "1"
    assert "X-Private" not in told["headers"]


async def test_a_process_finds_the_environment_knative_gives_it(tmp_path: Path) -> None:
    async with running(tmp_path) as laptop:
        told = await echo(laptop)
        (instance,) = laptop.revision.instances

    assert told["env"]["PORT"] == str(instance.port)
    assert (told["env"]["K_SERVICE"], told["env"]["K_CONFIGURATION"]) == ("hello", "hello")
    assert told["env"]["K_REVISION"] == "hello-00001"


async def test_forwarded_addresses_are_continued(tmp_path: Path) -> None:
    sent = {"X-Forwarded-For": "203.0.113.7", "X-Forwarded-Proto": "https", "X-Forwarded-Host": "a.example"}
    async with running(tmp_path) as laptop:
        headers = (await echo(laptop, headers=sent))["headers"]

    assert headers["X-Forwarded-For"] == "203.0.113.7, 127.0.0.1"
    assert (headers["X-Forwarded-Proto"], headers["X-Forwarded-Host"]) == ("https", "a.example")


async def test_headers_of_the_answer_are_kept_and_those_of_the_connection_are_not(tmp_path: Path) -> None:
    async with running(tmp_path) as laptop, laptop.client.get(laptop.url + "/cookies") as response:
        assert response.headers.getall("Set-Cookie") == ["a=1", "b=2"]
        assert "X-Private" not in response.headers


async def test_head_tells_the_length_and_sends_nothing(tmp_path: Path) -> None:
    async with running(tmp_path) as laptop, laptop.client.head(laptop.url + "/length") as response:
        assert response.headers["Content-Length"] == "1"
        assert await response.read() == b""


@pytest.mark.parametrize("size", [0, 10, 64 * 1024, 64 * 1024 + 1, 5_000_000])
@pytest.mark.parametrize("chunked", [False, True])
async def test_a_body_of_any_size_arrives_whole(tmp_path: Path, size: int, *, chunked: bool) -> None:
    async def chunks() -> Any:
        for start in range(0, size, 100_000):
            yield b"x" * min(100_000, size - start)

    async with running(tmp_path) as laptop:
        data = chunks() if chunked else io.BytesIO(b"x" * size)
        async with laptop.client.post(laptop.url + "/length", data=data) as response:
            assert await response.text() == str(size)


async def test_a_client_that_waits_to_be_asked_is_asked(tmp_path: Path) -> None:
    async with (
        running(tmp_path, scaling=AT_ZERO, ready=False) as laptop,
        laptop.client.post(laptop.url + "/length", data=b"x" * 99, expect100=True) as response,
    ):
        assert await response.text() == "99"


async def test_an_answer_is_passed_on_while_it_comes(tmp_path: Path) -> None:
    async with running(tmp_path) as laptop, laptop.client.get(laptop.url + "/stream") as response:
        assert await response.content.readexactly(5) == b"first"
        laptop.touch("go")
        assert await response.content.read() == b"last"


async def test_an_answer_that_breaks_off_breaks_off_for_the_client(tmp_path: Path) -> None:
    async with running(tmp_path) as laptop:
        with pytest.raises(aiohttp.ClientPayloadError):
            async with laptop.client.get(laptop.url + "/broken") as response:
                await response.read()


async def test_requests_at_zero_are_held_until_an_instance_is_ready(tmp_path: Path) -> None:
    async with running(tmp_path, scaling=AT_ZERO) as laptop:
        assert laptop.revision.instances == []
        told = await asyncio.gather(*(echo(laptop) for _ in range(20)))

    assert len({one["pid"] for one in told}) == 1


async def test_no_instance_gets_more_at_a_time_than_its_limit(tmp_path: Path) -> None:
    async with running(tmp_path, concurrency=2) as laptop:
        requests = [asyncio.create_task(echo(laptop, path="/work")) for _ in range(6)]
        await eventually(lambda: laptop.count("arrived-*") == 2 and laptop.revision.balancer.waiting == 4)
        laptop.touch("go")
        answers = await asyncio.gather(*requests)

    assert max(answer["most"] for answer in answers) == 2


async def test_requests_go_to_whom_has_least_to_do(tmp_path: Path) -> None:
    async with running(tmp_path, scaling=Scaling(min_scale=2)) as laptop:
        requests = [asyncio.create_task(echo(laptop, path="/work")) for _ in range(4)]
        await eventually(lambda: laptop.count("arrived-*") == 4)
        laptop.touch("go")
        pids = [(await request)["pid"] for request in requests]

    assert sorted(pids.count(pid) for pid in set(pids)) == [2, 2]


async def test_a_get_is_repeated_when_the_instance_dies_over_it(tmp_path: Path) -> None:
    async with running(tmp_path) as laptop, laptop.client.get(laptop.url + "/die") as response:
        assert await response.text() == "survived"


async def test_a_post_is_not_repeated_when_the_instance_dies_over_it(tmp_path: Path) -> None:
    async with running(tmp_path) as laptop, laptop.client.post(laptop.url + "/die", data=b"once") as response:
        assert response.status == 502
        assert response.content_type == "application/problem+json"
        assert laptop.count("died") == 1


async def test_after_a_crash_the_next_request_waits_for_the_next_process(tmp_path: Path) -> None:
    async with running(tmp_path) as laptop:
        (first,) = laptop.pids
        async with laptop.client.post(laptop.url + "/die") as response:
            assert response.status == 502
        told = await echo(laptop, "POST", data=b"x")

        assert told["pid"] != first
        assert laptop.revision.status().restarts == 1
        assert "hello: ended with code 3" in laptop.notes[0]


async def test_an_answer_that_takes_too_long_is_504(tmp_path: Path) -> None:
    async with (
        running(tmp_path, timeout_seconds=1) as laptop,
        laptop.client.get(laptop.url + "/work") as response,
    ):
        assert response.status == 504
        assert "did not answer within 1 s" in await response.text()


async def test_an_answer_that_starts_too_late_is_504(tmp_path: Path) -> None:
    async with (
        running(tmp_path, response_start_seconds=1) as laptop,
        laptop.client.get(laptop.url + "/work") as response,
    ):
        assert response.status == 504


async def test_an_answer_that_does_not_end_in_time_breaks_off(tmp_path: Path) -> None:
    async with running(tmp_path, timeout_seconds=1) as laptop:
        with pytest.raises(aiohttp.ClientPayloadError):
            async with laptop.client.get(laptop.url + "/stream") as response:
                await response.read()


async def test_an_answer_that_pauses_too_long_breaks_off(tmp_path: Path) -> None:
    async with running(tmp_path, idle_seconds=1) as laptop:
        with pytest.raises(aiohttp.ClientPayloadError):
            async with laptop.client.get(laptop.url + "/stream") as response:
                await response.read()


async def test_when_no_instance_comes_up_the_answer_says_why(tmp_path: Path) -> None:
    (tmp_path / "shared").mkdir()
    (tmp_path / "shared" / "refuse-to-start").touch()
    async with (
        running(tmp_path, scaling=AT_ZERO, timeout_seconds=2, ready=False) as laptop,
        laptop.client.get(laptop.url) as response,
    ):
        assert (response.status, response.headers["Retry-After"]) == (503, "1")
        assert "hello: ended with code 1: no reason to live" in await response.text()


async def test_a_client_that_leaves_gives_its_place_back(tmp_path: Path) -> None:
    async with running(tmp_path, concurrency=1) as laptop:
        patience = aiohttp.ClientTimeout(total=0.3)
        for _ in range(2):
            with pytest.raises(TimeoutError):
                await laptop.client.get(laptop.url + "/work", timeout=patience)
        await eventually(lambda: laptop.revision.meter.in_flight == 0)

        assert (await echo(laptop))["method"] == "GET"
