"""Who is let in, and who is not."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from .api_process import ApiProcess
from .tokens import Signer

BAD_TOKENS: dict[str, Callable[[Signer, str], str]] = {
    "expired": lambda signer, user: signer.token(user, exp=int(time.time()) - 3600),
    "not-yet-valid": lambda signer, user: signer.token(user, nbf=int(time.time()) + 3600),
    "foreign-audience": lambda signer, user: signer.token(user, aud="another-api"),
    "foreign-issuer": lambda signer, user: signer.token(user, iss="http://another.invalid"),
    "no-audience": lambda signer, user: signer.token(user, aud=None),
    "no-expiry": lambda signer, user: signer.token(user, exp=None),
    "no-subject": lambda signer, user: signer.token(user, sub=None),
    "subject-with-a-line-break": lambda signer, user: signer.token(f"{user}\r\nce-id: 1"),
    "subject-is-a-number": lambda signer, user: signer.token(user, sub=7),
    "expiry-is-text": lambda signer, user: signer.token(user, exp="tomorrow"),
    "algorithm-none": lambda signer, user: signer.unsigned(user),
    "public-key-as-secret": lambda signer, user: signer.signed_with_public_key(user),
    "foreign-key": lambda signer, user: Signer().token(user),
    "foreign-key-id": lambda signer, user: Signer("second").token(user),
    "other-algorithm": lambda signer, user: signer.token(user, alg="PS256"),
    "cut-off": lambda signer, user: signer.token(user)[:-10],
    "no-token-at-all": lambda signer, user: "a.b.c",
    "too-long": lambda signer, user: "a" * 20_000,
}


@pytest.mark.parametrize("make", BAD_TOKENS.values(), ids=BAD_TOKENS)
def test_a_token_that_proves_nothing_is_refused(
    api: ApiProcess, signer: Signer, user_id: str, make: Callable[[Signer, str], str]
) -> None:
    with api.client(user_id, make(signer, user_id)) as client:
        answer = client.get("/v1/tasks")
    assert answer.status_code == 401
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["www-authenticate"].startswith('Bearer error="invalid_token"')


@pytest.mark.parametrize("header", [None, "", "Bearer", "Basic dXNlcjpwYXNz"])
def test_without_a_token_the_challenge_names_no_error(api: ApiProcess, header: str | None) -> None:
    with api.anonymous() as client:
        answer = client.get("/v1/tasks", headers={} if header is None else {"Authorization": header})
    assert answer.status_code == 401
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["www-authenticate"] == "Bearer"


def test_one_of_several_audiences_is_enough(api: ApiProcess, signer: Signer, user_id: str) -> None:
    with api.client(user_id, signer.token(user_id, aud=["another-api", "task-api"])) as client:
        assert client.get("/v1/tasks").status_code == 200


def test_a_clock_may_be_a_little_off(api: ApiProcess, signer: Signer, user_id: str) -> None:
    with api.client(user_id, signer.token(user_id, exp=int(time.time()) - 5)) as client:
        assert client.get("/v1/tasks").status_code == 200


@pytest.mark.parametrize("path", ["/livez", "/readyz", "/openapi.json"])
def test_probes_and_the_document_need_no_token(api: ApiProcess, path: str) -> None:
    with api.anonymous() as client:
        assert client.get(path).status_code == 200
