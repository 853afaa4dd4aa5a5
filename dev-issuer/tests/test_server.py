from __future__ import annotations

import signal
import socket
import stat
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from joserfc import jwt
from joserfc.jwk import KeySet

from .conftest import Running

Start = Callable[..., AbstractContextManager[Running]]
GRANT = ("grant_type", "client_credentials")


def token_of(issuer: Running, *parameters: tuple[str, str]) -> str:
    answer = issuer.grant(GRANT, *parameters)
    assert answer.status == 200, answer.body
    return str(answer.json()["access_token"])


def verified(token: str, issuer: Running) -> dict[str, Any]:
    """The claims, after checking the signature against the keys the server shows."""
    keys = KeySet.import_key_set(issuer.ask("GET", "/jwks.json").json())
    return jwt.decode(token, keys, algorithms=["RS256"]).claims


def test_discovery_leads_to_the_keys_and_the_token_endpoint(issuer: Running) -> None:
    document = issuer.ask("GET", "/.well-known/openid-configuration").json()
    assert document["issuer"] == issuer.url
    assert document["jwks_uri"] == f"{issuer.url}/jwks.json"
    assert document["token_endpoint"] == f"{issuer.url}/token"


def test_a_token_verifies_against_the_served_keys_and_names_the_user(issuer: Running) -> None:
    claims = verified(token_of(issuer, ("client_id", "alice")), issuer)
    assert claims["sub"] == claims["client_id"] == "alice"
    assert claims["iss"] == issuer.url
    assert claims["aud"] == "task-api"
    assert claims["exp"] - claims["iat"] == 3600
    assert abs(claims["iat"] - time.time()) < 60
    assert "roles" not in claims


def test_roles_scope_and_audience_are_granted_as_asked(issuer: Running) -> None:
    answer = issuer.grant(
        GRANT,
        ("client_id", "bob"),
        ("role", "operator"),
        ("role", "auditor"),
        ("scope", "tasks"),
        ("audience", "other"),
    ).json()
    claims = verified(str(answer["access_token"]), issuer)
    assert claims["roles"] == ["operator", "auditor"]
    assert claims["aud"] == "other"
    assert claims["scope"] == answer["scope"] == "tasks"


def test_a_token_answer_is_a_bearer_token_nobody_caches(issuer: Running) -> None:
    answer = issuer.grant(GRANT, ("client_id", "alice"))
    assert answer.json()["token_type"] == "Bearer"
    assert answer.json()["expires_in"] == 3600
    assert answer.headers["Cache-Control"] == "no-store"


def test_two_tokens_of_one_user_differ(issuer: Running) -> None:
    assert token_of(issuer, ("client_id", "alice")) != token_of(issuer, ("client_id", "alice"))


def test_the_served_keys_hold_nothing_private(issuer: Running) -> None:
    (key,) = issuer.ask("GET", "/jwks.json").json()["keys"]
    assert set(key) == {"kty", "n", "e", "kid", "use", "alg"}


@pytest.mark.parametrize(
    ("parameters", "status", "error"),
    [
        ([], 400, "invalid_request"),
        ([("grant_type", ""), ("client_id", "a")], 400, "invalid_request"),
        ([("grant_type", "password"), ("client_id", "a")], 400, "unsupported_grant_type"),
        ([GRANT], 400, "invalid_client"),
        ([GRANT, ("client_id", "   ")], 400, "invalid_client"),
        ([GRANT, ("client_id", "a\x00b")], 400, "invalid_client"),
        ([GRANT, ("client_id", "zoë")], 400, "invalid_client"),
        ([GRANT, ("client_id", "a" * 256)], 400, "invalid_client"),
        ([GRANT, ("client_id", "a"), ("client_id", "b")], 400, "invalid_request"),
        ([GRANT, ("client_id", "a"), *[("role", "r")] * 60], 400, "invalid_request"),
        ([GRANT, ("client_id", "a"), ("scope", "s" * 20_000)], 413, "invalid_request"),
    ],
    ids=lambda value: None if isinstance(value, list) else str(value),
)
def test_a_bad_grant_is_refused_as_the_rfc_says(
    issuer: Running, parameters: list[tuple[str, str]], status: int, error: str
) -> None:
    answer = issuer.grant(*parameters)
    assert (answer.status, answer.json()["error"]) == (status, error)
    assert str(answer.json()["error_description"]).endswith(".")


@pytest.mark.parametrize("body", [b"\xff\xfe", b"client_id=%ff%fe", b'{"client_id": "a"}'])
def test_a_body_that_is_no_form_is_refused(issuer: Running, body: bytes) -> None:
    assert issuer.ask("POST", "/token", body).json()["error"] == "invalid_request"


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/token", 405), ("GET", "/nothing", 404), ("POST", "/jwks.json", 404), ("PUT", "/token", 501)],
)
def test_what_the_issuer_does_not_offer_is_said_by_the_status(
    issuer: Running, method: str, path: str, status: int
) -> None:
    assert issuer.ask(method, path).status == status


def test_a_request_without_a_length_is_refused(issuer: Running) -> None:
    with socket.create_connection(
        (urlsplit(issuer.url).hostname, urlsplit(issuer.url).port), 10
    ) as connection:
        connection.sendall(b"POST /token HTTP/1.1\r\nHost: x\r\n\r\n")
        assert connection.recv(100).startswith(b"HTTP/1.1 400 ")


def test_tokens_survive_a_restart(start: Start, tmp_path: Path) -> None:
    with start(tmp_path) as first:
        token = token_of(first, ("client_id", "alice"))
    with start(tmp_path) as second:
        assert verified(token, second)["sub"] == "alice"


def test_another_folder_is_another_issuer_with_another_key(
    issuer: Running, start: Start, tmp_path: Path
) -> None:
    with start(tmp_path) as other:
        mine, theirs = (running.ask("GET", "/jwks.json").json() for running in (issuer, other))
    assert mine != theirs


def test_the_key_is_readable_by_its_owner_only_and_no_draft_stays(start: Start, tmp_path: Path) -> None:
    with start(tmp_path / "new"):
        (file,) = (tmp_path / "new").iterdir()
        assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_audience_and_public_address_are_options(start: Start, tmp_path: Path) -> None:
    with start(tmp_path, "--audience", "dashboard", "--issuer", "https://issuer.example/") as issuer:
        pass  # the line it printed names the public address
    assert issuer.url == "https://issuer.example"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_stops_with_0_when_told_although_a_client_lingers(
    start: Start, tmp_path: Path, number: signal.Signals
) -> None:
    with start(tmp_path) as issuer:
        address = urlsplit(issuer.url)
        with socket.create_connection((address.hostname, address.port), 10):
            issuer.process.send_signal(number)
            assert issuer.process.wait(30) == 0
