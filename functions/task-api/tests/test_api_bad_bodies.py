"""What is no task is refused with a problem document, and writes nothing."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from .api_process import ApiProcess
from .rows import tasks_of

JSON = {"Content-Type": "application/json"}
LIMIT = 64 * 1024
NOT_JSON = {
    "empty": b"",
    "half": b'{"title": "x"',
    "two": b'{"title": "x"} {}',
    "not-utf-8": b'{"title": "\xff\xfe"}',
    "overlong-utf-8": b'{"title": "\xc0\x80"}',
    "lone-surrogate": b'{"title": "\\ud800"}',
    "encoded-surrogate": b'{"title": "\xed\xa0\x80"}',
    "nested-lists": b"[" * 30_000 + b"]" * 30_000,
    "nested-objects": b'{"title":' * 6_000 + b"1" + b"}" * 6_000,
    "number-of-60000-digits": b'{"title": "x", "priority": %s}' % (b"9" * 60_000),
    "raw-nul": b'{"title": "a\x00b"}',
}
NO_TASK = {
    "list": b"[]",
    "null": b"null",
    "text": b'"title"',
    "no-title": b"{}",
    "title-is-null": b'{"title": null}',
    "title-is-a-number": b'{"title": 1}',
    "title-is-empty": b'{"title": ""}',
    "title-is-blank": b'{"title": " \\t "}',
    "title-is-long": b'{"title": "%s"}' % (b"x" * 201),
    "title-has-nul": b'{"title": "a\\u0000b"}',
    "notes-have-nul": b'{"title": "x", "notes": "\\u0000"}',
    "notes-are-long": b'{"title": "x", "notes": "%s"}' % (b"x" * 10_001),
    "unknown-field": b'{"title": "x", "owner": "me"}',
    "own-id": b'{"title": "x", "task_id": 1}',
    "priority-is-text": b'{"title": "x", "priority": "1"}',
    "priority-is-huge": b'{"title": "x", "priority": %s}' % (b"9" * 4000),
    "priority-is-1e400": b'{"title": "x", "priority": 1e400}',
    "priority-is-a-fraction": b'{"title": "x", "priority": 1.5}',
    "priority-is-true": b'{"title": "x", "priority": true}',
    "completed-is-one": b'{"title": "x", "completed": 1}',
    "completed-is-text": b'{"title": "x", "completed": "true"}',
    "due-is-a-number": b'{"title": "x", "due_at": 1767225600}',
    "due-has-no-zone": b'{"title": "x", "due_at": "2026-01-01T00:00:00"}',
    "due-is-no-day": b'{"title": "x", "due_at": "2026-02-30T00:00:00Z"}',
    "due-is-before-year-1": b'{"title": "x", "due_at": "0001-01-01T00:00:00+14:00"}',
}


def assert_problem(answer: httpx.Response, *statuses: int) -> None:
    assert answer.status_code in statuses, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    document = answer.json()
    assert document["status"] == answer.status_code
    assert document["type"].startswith("urn:task-api:problem:")
    assert document["detail"]
    assert document["title"]


@pytest.mark.parametrize("body", NOT_JSON.values(), ids=NOT_JSON)
def test_what_is_not_json_is_refused(
    client: httpx.Client, api: ApiProcess, user_id: str, body: bytes
) -> None:
    assert_problem(client.post("/v1/tasks", content=body, headers=JSON), 400)
    assert tasks_of(api.database, user_id) == []


@pytest.mark.parametrize("body", NO_TASK.values(), ids=NO_TASK)
def test_json_that_is_no_task_is_refused(
    client: httpx.Client, api: ApiProcess, user_id: str, body: bytes
) -> None:
    answer = client.post("/v1/tasks", content=body, headers=JSON)
    assert_problem(answer, 422)
    assert answer.json()["errors"][0]["in"] == "body"
    assert tasks_of(api.database, user_id) == []


@pytest.mark.parametrize("body", [b'{"title": "\\u0000"}', b'{"owner": "me"}', b'{"priority": 0}', b"[1]"])
def test_a_patch_is_checked_as_strictly(client: httpx.Client, body: bytes) -> None:
    path = client.post("/v1/tasks", json={"title": "As it was"}).headers["location"]
    assert_problem(client.patch(path, content=body, headers=JSON), 422)
    assert client.get(path).json()["version"] == 1


def test_a_body_above_the_limit_is_refused(client: httpx.Client, api: ApiProcess, user_id: str) -> None:
    body = b'{"title": "x", "notes": "%s"}' % (b"x" * LIMIT)
    assert_problem(client.post("/v1/tasks", content=body, headers=JSON), 413)
    assert tasks_of(api.database, user_id) == []


def test_a_body_above_the_limit_is_refused_without_a_length_too(client: httpx.Client) -> None:
    def chunks() -> Iterator[bytes]:
        yield b'{"title": "x"'
        yield b" " * LIMIT
        yield b"}"

    assert_problem(client.post("/v1/tasks", content=chunks(), headers=JSON), 413)


def test_a_body_at_the_limit_is_read(client: httpx.Client) -> None:
    body = b'{"title": "x"}'.ljust(LIMIT)
    assert client.post("/v1/tasks", content=body, headers=JSON).status_code == 201


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "application/jsonp"])
def test_another_content_type_is_refused(client: httpx.Client, kind: str) -> None:
    answer = client.post("/v1/tasks", content=b'{"title": "x"}', headers={"Content-Type": kind})
    assert_problem(answer, 415)


@pytest.mark.parametrize("task_id", ["0", "-1", "x", "1.0", str(2**63), "9" * 5000, "%00", "%ff"])
def test_a_task_id_that_is_none_is_refused(client: httpx.Client, task_id: str) -> None:
    assert_problem(client.get(f"/v1/tasks/{task_id}"), 404, 422)


def test_an_unknown_path_is_a_problem_document(client: httpx.Client) -> None:
    assert_problem(client.get("/v2/tasks"), 404)


def test_a_wrong_method_names_the_right_ones(client: httpx.Client) -> None:
    answer = client.put("/v1/tasks/1", json={})
    assert_problem(answer, 405)
    assert {"GET", "PATCH", "DELETE"} <= set(answer.headers["allow"].split(", "))
