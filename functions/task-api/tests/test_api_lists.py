"""Lists: filters, search, order, and pages that miss and repeat nothing."""

from __future__ import annotations

import base64
import json

import httpx
import pytest

TASKS: list[dict[str, object]] = [
    {"title": "apple", "priority": 1, "due_at": "2026-01-01T00:00:00Z", "completed": True},
    {"title": "banana", "priority": 2, "due_at": "2026-01-02T00:00:00Z", "notes": "100% ripe"},
    {"title": "cherry", "priority": 2},
    {"title": "damson", "priority": 3, "due_at": "2026-01-02T00:00:00Z", "completed": True},
    {"title": "elder_berry", "priority": 5},
]


@pytest.fixture
def fruit(client: httpx.Client) -> httpx.Client:
    for task in TASKS:
        assert client.post("/v1/tasks", json=task).status_code == 201
    return client


def titles(client: httpx.Client, **parameters: str | int) -> list[str]:
    """Of all pages."""
    found: list[str] = []
    while True:
        page = client.get("/v1/tasks", params=parameters).raise_for_status().json()
        assert len(page["items"]) <= int(parameters.get("limit", 50))
        found += [task["title"] for task in page["items"]]
        if page["next_cursor"] is None:
            return found
        parameters = {**parameters, "cursor": page["next_cursor"]}


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ({"completed": "true"}, {"apple", "damson"}),
        ({"completed": "false"}, {"banana", "cherry", "elder_berry"}),
        ({"priority": 2}, {"banana", "cherry"}),
        ({"due_before": "2026-01-02T00:00:00Z"}, {"apple"}),
        ({"due_after": "2026-01-01T00:00:00Z"}, {"banana", "damson"}),
        ({"due_after": "2026-01-01T00:00:00Z", "completed": "true"}, {"damson"}),
        ({"q": "RIPE"}, {"banana"}),
        ({"q": "an"}, {"banana"}),
        ({"q": "%"}, {"banana"}),
        ({"q": "_"}, {"elder_berry"}),
        ({"q": "\\"}, set()),
    ],
)
def test_a_filter_keeps_what_it_names(
    fruit: httpx.Client, parameters: dict[str, str | int], expected: set[str]
) -> None:
    assert set(titles(fruit, **parameters)) == expected


@pytest.mark.parametrize(
    ("sort", "expected"),
    [
        ("title", "apple banana cherry damson elder_berry"),
        ("-title", "elder_berry damson cherry banana apple"),
        ("created_at", "apple banana cherry damson elder_berry"),
        ("-created_at", "elder_berry damson cherry banana apple"),
        ("priority", "apple banana cherry damson elder_berry"),
        ("-priority", "elder_berry damson cherry banana apple"),
        ("due_at", "apple banana damson cherry elder_berry"),
        ("-due_at", "damson banana apple elder_berry cherry"),
        ("updated_at", "apple banana cherry damson elder_berry"),
        ("-updated_at", "elder_berry damson cherry banana apple"),
    ],
)
@pytest.mark.parametrize("limit", [1, 2, 50])
def test_pages_show_every_task_once_in_order(
    fruit: httpx.Client, sort: str, expected: str, limit: int
) -> None:
    assert titles(fruit, sort=sort, limit=limit) == expected.split()


def test_tasks_of_one_batch_are_on_one_page_each(client: httpx.Client) -> None:
    """Titles are equal, so only the task id tells them apart."""
    made = [client.post("/v1/tasks", json={"title": "same"}).json()["task_id"] for _ in range(7)]
    seen: list[int] = []
    cursor: dict[str, str] = {}
    while len(seen) < 20:
        page = client.get("/v1/tasks", params={"sort": "title", "limit": 3, **cursor}).json()
        seen += [task["task_id"] for task in page["items"]]
        if page["next_cursor"] is None:
            break
        cursor = {"cursor": page["next_cursor"]}
    assert seen == made


def test_a_task_created_between_two_pages_moves_nothing(fruit: httpx.Client) -> None:
    first = fruit.get("/v1/tasks", params={"limit": 3}).json()
    fruit.post("/v1/tasks", json={"title": "fig"})
    second = fruit.get("/v1/tasks", params={"limit": 3, "cursor": first["next_cursor"]}).json()
    assert [task["title"] for task in second["items"]] == ["banana", "apple"]


def test_a_list_holds_only_the_callers_tasks(fruit: httpx.Client, stranger: httpx.Client) -> None:
    assert titles(stranger) == []
    assert len(titles(fruit)) == len(TASKS)


def forged(*parts: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(parts).encode()).decode()


@pytest.mark.parametrize(
    "cursor",
    [
        "nonsense",
        "ä",
        "\x00",
        "a" * 1999,
        forged(),
        forged("-created_at", "not a time", 1),
        forged("-created_at", "2026-01-01T00:00:00Z", -1),
        forged("-created_at", "2026-01-01T00:00:00Z", 2**63),
        forged("-created_at", "2026-01-01T00:00:00Z", 10**400),
        forged("-created_at", "\x00", 1),
        forged("-created_at", "\ud800", 1),
        forged("-created_at", "2026-01-01T00:00:00Z", 1, "more"),
        forged("title", "apple", 1),
        base64.urlsafe_b64encode(b"[" * 1000).decode(),
        base64.urlsafe_b64encode(b"\xff\xfe").decode(),
    ],
)
def test_an_invalid_cursor_is_named(client: httpx.Client, cursor: str) -> None:
    answer = client.get("/v1/tasks", params={"cursor": cursor})
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["errors"][0]["in"] == "query"
    assert answer.json()["errors"][0]["name"] == "cursor"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("limit", "0"),
        ("limit", "201"),
        ("limit", "9" * 5000),
        ("completed", "perhaps"),
        ("priority", "6"),
        ("due_before", "yesterday"),
        ("due_after", "2026-01-01T00:00:00"),
        ("due_after", "0001-01-01T00:00:00+14:00"),
        ("q", "\x00"),
        ("q", ""),
        ("sort", "user_id"),
        ("priorty", "1"),
    ],
)
def test_an_invalid_parameter_is_named(client: httpx.Client, name: str, value: str) -> None:
    answer = client.get("/v1/tasks", params={name: value})
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert [fault["name"] for fault in answer.json()["errors"]] == [name]
