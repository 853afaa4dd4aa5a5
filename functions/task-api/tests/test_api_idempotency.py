"""Idempotency-Key: one task and one event, however often the request comes."""

from __future__ import annotations

import uuid
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from .api_process import ApiProcess
from .rows import events, tasks_of


def create(client: httpx.Client, key: str, **fields: object) -> httpx.Response:
    return client.post("/v1/tasks", json={"title": "Once", **fields}, headers={"Idempotency-Key": key})


@pytest.fixture
def key() -> str:
    return uuid.uuid4().hex


def test_a_repeated_key_gives_the_first_answer(
    client: httpx.Client, api: ApiProcess, user_id: str, key: str
) -> None:
    first = create(client, key)
    client.patch(first.headers["location"], json={"title": "Changed since"})
    second = create(client, key)
    assert (first.status_code, second.status_code) == (201, 201)
    assert second.content == first.content
    assert second.headers["etag"] == first.headers["etag"]
    assert second.headers["location"] == first.headers["location"]
    (task,) = tasks_of(api.database, user_id)
    assert events(api.database, task["task_id"]) == [(1, "task.created"), (2, "task.updated")]


def test_a_key_with_another_body_is_refused(
    client: httpx.Client, api: ApiProcess, user_id: str, key: str
) -> None:
    create(client, key)
    answer = create(client, key, priority=1)
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["type"].endswith("idempotency-conflict")
    assert len(tasks_of(api.database, user_id)) == 1


def test_concurrent_requests_with_one_key_make_one_task(
    client: httpx.Client, api: ApiProcess, user_id: str, key: str
) -> None:
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: create(client, key), range(16)))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.content for answer in answers}) == 1
    (task,) = tasks_of(api.database, user_id)
    assert events(api.database, task["task_id"]) == [(1, "task.created")]


def test_the_same_key_of_two_users_is_two_keys(
    client: httpx.Client, stranger: httpx.Client, key: str
) -> None:
    assert create(client, key).json()["task_id"] != create(stranger, key).json()["task_id"]


@pytest.mark.parametrize("bad", ["", "with blank", "k" * 256, "ü"])
def test_a_key_that_is_no_key_is_refused(client: httpx.Client, bad: str) -> None:
    headers = [(b"Idempotency-Key", bad.encode())]
    answer = client.post("/v1/tasks", json={"title": "Once"}, headers=headers)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["name"] == "Idempotency-Key"
