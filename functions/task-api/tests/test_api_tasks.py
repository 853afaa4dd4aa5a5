"""The life of a task over HTTP, and the events it leaves."""

from __future__ import annotations

import httpx
import pytest

from .api_process import ApiProcess
from .conftest import StartApi
from .rows import events


def create(client: httpx.Client, **fields: object) -> int:
    answer = client.post("/v1/tasks", json={"title": "Buy milk", **fields})
    assert answer.status_code == 201, answer.text
    return int(answer.json()["task_id"])


def test_a_created_task_comes_with_its_place_and_its_tag(client: httpx.Client, api: ApiProcess) -> None:
    given = {"title": "Buy milk", "notes": "2 l", "priority": 1, "due_at": "2026-02-04T18:00:00+02:00"}
    answer = client.post("/v1/tasks", json=given)
    task = answer.json()
    assert answer.status_code == 201
    assert answer.headers["location"] == f"/v1/tasks/{task['task_id']}"
    assert answer.headers["etag"] == '"1"'
    assert task["due_at"] == "2026-02-04T16:00:00Z"
    assert (task["title"], task["notes"], task["priority"]) == ("Buy milk", "2 l", 1)
    assert (task["completed"], task["completed_at"], task["version"]) == (False, None, 1)
    assert events(api.database, task["task_id"]) == [(1, "task.created")]


def test_a_task_is_read_as_it_was_answered(client: httpx.Client) -> None:
    created = client.post("/v1/tasks", json={"title": "Bûy 🥛"})
    read = client.get(created.headers["location"])
    assert read.status_code == 200
    assert read.json() == created.json()
    assert read.headers["etag"] == '"1"'


def test_a_known_tag_saves_the_body(client: httpx.Client) -> None:
    path = f"/v1/tasks/{create(client)}"
    answer = client.get(path, headers={"If-None-Match": 'W/"1"'})
    assert (answer.status_code, answer.content) == (304, b"")
    assert client.get(path, headers={"If-None-Match": '"2"'}).status_code == 200


def test_completing_is_an_event_of_its_own(client: httpx.Client, api: ApiProcess) -> None:
    task_id = create(client)
    answer = client.patch(f"/v1/tasks/{task_id}", json={"completed": True, "title": "Done"})
    assert answer.status_code == 200
    assert answer.headers["etag"] == '"2"'
    assert answer.json()["completed_at"] is not None
    assert answer.json()["title"] == "Done"
    assert events(api.database, task_id) == [(1, "task.created"), (2, "task.completed")]


def test_reopening_is_an_update(client: httpx.Client, api: ApiProcess) -> None:
    task_id = create(client, completed=True)
    answer = client.patch(f"/v1/tasks/{task_id}", json={"completed": False})
    assert answer.json()["completed_at"] is None
    assert events(api.database, task_id)[-1] == (2, "task.updated")


def test_a_patch_that_changes_nothing_makes_no_version_and_no_event(
    client: httpx.Client, api: ApiProcess
) -> None:
    task_id = create(client, notes="as it is")
    for patch in ({}, {"title": "Buy milk"}, {"notes": "as it is", "completed": False}):
        answer = client.patch(f"/v1/tasks/{task_id}", json=patch)
        assert (answer.status_code, answer.headers["etag"]) == (200, '"1"')
    assert events(api.database, task_id) == [(1, "task.created")]


def test_a_patch_touches_only_the_keys_it_has(client: httpx.Client) -> None:
    task_id = create(client, notes="away", priority=1, due_at="2026-02-04T18:00:00Z")
    task = client.patch(f"/v1/tasks/{task_id}", json={"notes": None}).json()
    assert task["notes"] is None
    assert (task["priority"], task["due_at"]) == (1, "2026-02-04T18:00:00Z")


@pytest.mark.parametrize("field", ["title", "priority", "completed"])
def test_a_key_that_must_have_a_value_cannot_be_patched_away(client: httpx.Client, field: str) -> None:
    answer = client.patch(f"/v1/tasks/{create(client)}", json={field: None})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["name"] == field


@pytest.mark.parametrize("method", ["PATCH", "DELETE"])
def test_a_stale_tag_changes_nothing(client: httpx.Client, api: ApiProcess, method: str) -> None:
    task_id = create(client)
    client.patch(f"/v1/tasks/{task_id}", json={"title": "Second"})
    body = {"title": "Third"} if method == "PATCH" else None
    answer = client.request(method, f"/v1/tasks/{task_id}", headers={"If-Match": '"1"'}, json=body)
    assert answer.status_code == 412
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["etag"] == '"2"'
    assert client.get(f"/v1/tasks/{task_id}").json()["title"] == "Second"
    assert len(events(api.database, task_id)) == 2


@pytest.mark.parametrize("tag", ['"1"', "*", '"7", "1"'])
def test_a_current_tag_lets_the_change_through(client: httpx.Client, tag: str) -> None:
    task_id = create(client)
    answer = client.patch(f"/v1/tasks/{task_id}", json={"priority": 5}, headers={"If-Match": tag})
    assert (answer.status_code, answer.json()["version"]) == (200, 2)


def test_a_weak_tag_is_no_promise(client: httpx.Client) -> None:
    answer = client.delete(f"/v1/tasks/{create(client)}", headers={"If-Match": 'W/"1"'})
    assert answer.status_code == 412


def test_a_tag_without_quotes_is_refused(client: httpx.Client) -> None:
    answer = client.patch(f"/v1/tasks/{create(client)}", json={"priority": 5}, headers={"If-Match": "1"})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["name"] == "If-Match"


def test_a_deleted_task_is_gone_until_it_is_restored(client: httpx.Client, api: ApiProcess) -> None:
    task_id = create(client)
    path = f"/v1/tasks/{task_id}"
    assert client.delete(path).status_code == 204
    assert client.get(path).status_code == 404
    assert client.patch(path, json={"title": "Never"}).status_code == 404
    assert client.delete(path).status_code == 404
    assert client.get("/v1/tasks").json()["items"] == []
    restored = client.post(f"{path}/restore")
    assert (restored.status_code, restored.headers["etag"]) == (200, '"3"')
    assert restored.json()["deleted_at"] is None
    assert client.get(path).json() == restored.json()
    assert events(api.database, task_id) == [(1, "task.created"), (2, "task.deleted"), (3, "task.updated")]


def test_restoring_a_task_that_is_there_changes_nothing(client: httpx.Client, api: ApiProcess) -> None:
    task_id = create(client)
    assert client.post(f"/v1/tasks/{task_id}/restore").json()["version"] == 1
    assert len(events(api.database, task_id)) == 1


@pytest.mark.parametrize(
    ("method", "suffix"), [("GET", ""), ("PATCH", ""), ("DELETE", ""), ("POST", "/restore")]
)
def test_a_foreign_task_does_not_exist(
    client: httpx.Client, stranger: httpx.Client, api: ApiProcess, method: str, suffix: str
) -> None:
    task_id = create(client)
    body = {"title": "Mine now"} if method == "PATCH" else None
    answer = stranger.request(method, f"/v1/tasks/{task_id}{suffix}", json=body)
    missing = stranger.request(method, f"/v1/tasks/{2**62}{suffix}", json=body)
    assert (answer.status_code, missing.status_code) == (404, 404)
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["type"] == missing.json()["type"]
    assert len(events(api.database, task_id)) == 1


def test_changes_without_a_tag_are_refused_where_a_setting_says_so(start: StartApi, user_id: str) -> None:
    with start(REQUIRE_IF_MATCH="true").client(user_id) as client:
        path = f"/v1/tasks/{create(client)}"
        assert client.patch(path, json={"title": "Blind"}).status_code == 428
        assert client.delete(path).status_code == 428
        assert client.patch(path, json={"title": "Seen"}, headers={"If-Match": '"1"'}).status_code == 200
        assert client.delete(path, headers={"If-Match": '"2"'}).status_code == 204


def test_absolute_urls_come_from_the_setting_alone(start: StartApi, user_id: str) -> None:
    with start(PUBLIC_URL="https://api.example/").client(user_id) as client:
        answer = client.post("/v1/tasks", json={"title": "Far"}, headers={"Host": "evil.example"})
        assert answer.headers["location"] == f"https://api.example/v1/tasks/{answer.json()['task_id']}"
