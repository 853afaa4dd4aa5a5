from __future__ import annotations

import aiohttp
from aiohttp import web

from knative_local.ports import bind
from knative_local.serving.listener import Listener
from knative_local.supervision import hints


async def issue(request: web.BaseRequest) -> web.Response:
    form = dict(pair.split("=") for pair in (await request.text()).split("&"))
    if form["client_id"] == "nobody":
        return web.json_response({"error": "invalid_client"}, status=400)
    return web.json_response({"access_token": f"{form['grant_type']}-{form['client_id']}"})


async def completed(lines: list[str]) -> list[str]:
    listener, address = Listener(issue), bind(0)
    await listener.start(address)
    urls = {"api": "http://api", "issuer": f"http://127.0.0.1:{address.getsockname()[1]}"}
    try:
        async with aiohttp.ClientSession() as session:
            return await hints.complete(lines, urls, session)
    finally:
        await listener.stop(0.1)


async def test_a_hint_gets_addresses_and_a_token_from_the_issuer() -> None:
    line = """curl {urls.api}/v1 -H 'Authorization: Bearer {token:alice}' -d '{"title": "x"}'"""

    assert await completed([line]) == [
        """curl http://api/v1 -H 'Authorization: Bearer client_credentials-alice' -d '{"title": "x"}'"""
    ]


async def test_a_hint_whose_value_is_not_to_be_had_is_left_out() -> None:
    assert await completed(["{token:nobody}", "{urls.other}", "plain"]) == ["plain"]


async def test_without_an_issuer_there_is_no_token() -> None:
    async with aiohttp.ClientSession() as session:
        assert await hints.complete(["{token:alice}", "{urls.api}"], {"api": "x"}, session) == ["x"]
