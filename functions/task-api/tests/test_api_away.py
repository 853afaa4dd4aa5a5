"""The database or the issuer is away: 503 with Retry-After, and never a false success."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from urllib.parse import urlsplit

import httpx
import pytest

from .conftest import StartApi
from .fake_issuer import issuer_serving
from .polling import until
from .rows import tasks_of
from .tcp_proxy import TcpProxy
from .tokens import Signer

NEW = {"title": "Written or refused"}


@pytest.fixture
def closed_port() -> Iterator[int]:
    """Bound but not listening: nobody else gets it, and connections are refused."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()[1]


def assert_unavailable(answer: httpx.Response, slug: str) -> None:
    assert answer.status_code == 503, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert int(answer.headers["retry-after"]) > 0
    assert answer.json()["type"] == f"urn:task-api:problem:{slug}"


def test_without_any_key_the_answer_is_not_that_the_token_is_wrong(
    start: StartApi, signer: Signer, user_id: str, closed_port: int
) -> None:
    issuer = f"http://127.0.0.1:{closed_port}"
    api = start(OIDC_ISSUER=issuer, OIDC_JWKS_FILE="")
    with api.client(user_id, signer.token(user_id, iss=issuer)) as client:
        assert_unavailable(client.post("/v1/tasks", json=NEW), "issuer-unavailable")
        assert client.get("/livez").status_code == 200
    assert tasks_of(api.database, user_id) == []


def test_known_keys_are_used_while_the_issuer_is_away(start: StartApi, signer: Signer, user_id: str) -> None:
    with issuer_serving(signer) as issuer:
        api = start(OIDC_ISSUER=issuer, OIDC_JWKS_FILE="")
        with api.client(user_id, signer.token(user_id, iss=issuer)) as client:
            assert client.post("/v1/tasks", json=NEW).status_code == 201
    with api.client(user_id, signer.token(user_id, iss=issuer, jti="never seen")) as client:
        assert client.post("/v1/tasks", json=NEW).status_code == 201
    with api.client(user_id, Signer("unknown").token(user_id, iss=issuer)) as client:
        assert client.post("/v1/tasks", json=NEW).status_code == 401


def test_known_keys_are_used_for_a_bounded_time(start: StartApi, signer: Signer, user_id: str) -> None:
    with issuer_serving(signer) as issuer:
        api = start(OIDC_ISSUER=issuer, OIDC_JWKS_FILE="", OIDC_KEYS_MAX_AGE_SECONDS="1")
        token = signer.token(user_id, iss=issuer)
        with api.client(user_id, token) as client:
            until(lambda: client.get("/v1/tasks").status_code == 200)
    with api.client(user_id, token) as client:
        until(lambda: client.get("/v1/tasks").status_code == 503)
        assert_unavailable(client.post("/v1/tasks", json=NEW), "issuer-unavailable")


def test_a_process_starts_without_a_database_and_says_so(
    start: StartApi, user_id: str, closed_port: int
) -> None:
    api = start(database=f"postgresql://nobody@127.0.0.1:{closed_port}/nothing")
    with api.client(user_id) as client:
        assert_unavailable(client.post("/v1/tasks", json=NEW), "database-unavailable")
        assert_unavailable(client.get("/v1/tasks"), "database-unavailable")
        assert_unavailable(client.get("/readyz"), "database-unavailable")
        assert client.get("/livez").status_code == 200


def test_a_database_that_goes_and_comes_back_costs_no_task(
    start: StartApi, database: str, user_id: str
) -> None:
    parts = urlsplit(database)
    assert parts.hostname
    proxy = TcpProxy((parts.hostname, parts.port or 5432))
    through = parts._replace(netloc=f"{parts.netloc.rpartition('@')[0]}@127.0.0.1:{proxy.port}").geturl()
    with start(database=through).client(user_id) as client:
        assert client.post("/v1/tasks", json=NEW).status_code == 201
        proxy.cut()
        for _ in range(3):
            assert_unavailable(client.post("/v1/tasks", json=NEW), "database-unavailable")
        assert_unavailable(client.get("/readyz"), "database-unavailable")
        proxy.mend()
        until(lambda: client.get("/readyz").status_code == 200)
        assert client.post("/v1/tasks", json=NEW).status_code == 201
        assert len(client.get("/v1/tasks").json()["items"]) == 2
    assert len(tasks_of(database, user_id)) == 2
    proxy.cut()
