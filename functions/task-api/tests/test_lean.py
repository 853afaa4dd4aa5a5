"""The lean routes answer what FastAPI itself would answer."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import httpx
import pytest
from fastapi import APIRouter, FastAPI
from fastapi.routing import APIRoute

from task_api.auth.verifier import Verifier
from task_api.dependencies import State
from task_api.lean import BODY_LIMIT, LeanApi, LeanRoute
from task_api.metrics import Metrics
from task_api.observing import Observing
from task_api.openapi import install_openapi
from task_api.problem import install_handlers
from task_api.readiness import Readiness
from task_api.repository.records import Stored
from task_api.routes import platform, tasks
from task_api.service import TaskService


class _Verifier(Verifier):
    """Takes the token for the user's name."""

    def __init__(self) -> None:
        """It needs no keys."""

    async def user_id(self, token: str) -> str:
        return token


class _Tasks(TaskService):
    """Answers with what it was asked: both ways of routing must ask the same."""

    def __init__(self) -> None:
        """It needs no database."""

    async def create(self, new: object, caller: object, key: str | None) -> Stored:
        return _told(new, key)

    async def read(self, task_id: int, user_id: str) -> Stored:
        return _told(task_id, user_id)

    async def list(self, parameters: object, user_id: str) -> tuple[list[str], str | None]:
        return [_told(parameters, user_id).body], "next"

    async def patch(self, task_id: int, patch: object, caller: object, match: object) -> Stored:
        return _told(task_id, patch, getattr(patch, "model_fields_set", None), match is None)

    async def delete(self, task_id: int, caller: object, match: object) -> None:
        """Deleting has no answer to compare but its status."""


def _told(*asked: object) -> Stored:
    return Stored(7, 3, json.dumps([repr(each) for each in asked]))


@asynccontextmanager
async def _lifespan(_app: FastAPI) -> AsyncIterator[State]:
    yield State(
        tasks=_Tasks(), verifier=_Verifier(), readiness=_NeverReady(), relay=None, public_url="http://api"
    )


class _NeverReady(Readiness):
    def __init__(self) -> None:
        """It needs no database."""


def _app(kind: type[FastAPI], route: type[APIRoute]) -> FastAPI:
    app = kind(lifespan=_lifespan, redirect_slashes=False)
    for declared in (*tasks.router.routes, *platform.router.routes):
        assert isinstance(declared, LeanRoute)
        router = APIRouter(route_class=route)
        router.add_api_route(
            declared.path,
            declared.endpoint,
            methods=sorted(declared.methods or ()),
            status_code=declared.status_code,
            response_model=declared.response_model,
            responses=declared.responses,
            summary=declared.summary,
            tags=declared.tags,
            include_in_schema=declared.include_in_schema,
            response_class=declared.response_class,
        )
        app.router.routes += router.routes
    install_handlers(app)
    install_openapi(app, None)
    app.add_middleware(Observing, metrics=Metrics(), access_log=None)
    return app


@pytest.fixture(scope="module")
def apps() -> tuple[FastAPI, FastAPI]:
    return _app(LeanApi, LeanRoute), _app(FastAPI, APIRoute)


async def _ask(app: FastAPI, method: str, path: str, headers: Mapping[str, str], body: str) -> httpx.Response:
    async with app.router.lifespan_context(app) as made:
        transport = httpx.ASGITransport(_with_state(app, made), raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://api") as client:
            return await client.request(method, path, headers=headers, content=body)


def _with_state(app: FastAPI, made: object) -> FastAPI:
    """What a server does between lifespan and requests."""
    assert isinstance(made, dict)

    async def stated(scope: dict[str, object], receive: object, send: object) -> None:
        await app({**scope, "state": dict(made)}, receive, send)  # type: ignore[arg-type]  # as ASGI has it

    return stated  # type: ignore[return-value]  # any ASGI application


AUTH = {"authorization": "Bearer alice"}
JSON = AUTH | {"content-type": "application/json"}
REQUESTS: list[tuple[str, str, dict[str, str], str]] = [
    ("GET", "/livez", {}, ""),
    ("POST", "/relay", {}, ""),
    ("POST", "/v1/tasks", JSON, '{"title": "a"}'),
    (
        "POST",
        "/v1/tasks",
        JSON | {"idempotency-key": "k"},
        '{"title": "a", "due_at": "2026-02-03T10:00:00+02:00"}',
    ),
    ("POST", "/v1/tasks", JSON | {"idempotency-key": "a b"}, '{"title": ""}'),
    ("POST", "/v1/tasks", JSON | {"idempotency-key": ""}, '{"title": "a"}'),
    ("POST", "/v1/tasks", JSON, '{"title": 1, "priority": "2", "completed": 0, "x": null}'),
    ("POST", "/v1/tasks", JSON, '{"title": "a", "priority": 9, "notes": "\\u0000", "due_at": 5}'),
    ("POST", "/v1/tasks", JSON, "{}"),
    ("GET", "/v1/tasks", AUTH, ""),
    ("GET", "/v1/tasks?limit=7&completed=true&priority=2&q=milk&sort=-due_at&cursor=x", AUTH, ""),
    ("GET", "/v1/tasks?due_before=2026-02-03T10:00:00Z&due_after=2026-01-01T00:00:00%2B01:00", AUTH, ""),
    ("GET", "/v1/tasks?limit=0&sort=up&completed=maybe&q=&due_after=now&unknown=1", AUTH, ""),
    ("GET", "/v1/tasks?limit=1&limit=2", AUTH, ""),
    ("GET", "/v1/tasks/7", AUTH, ""),
    ("GET", "/v1/tasks/7", AUTH | {"if-none-match": '"3"'}, ""),
    ("GET", "/v1/tasks/7", AUTH | {"if-none-match": "3"}, ""),
    ("GET", "/v1/tasks/seven", AUTH, ""),
    ("GET", "/v1/tasks/0", AUTH, ""),
    ("GET", "/v1/tasks/99999999999999999999", AUTH, ""),
    ("PATCH", "/v1/tasks/7", JSON, '{"notes": null}'),
    ("PATCH", "/v1/tasks/7", JSON | {"if-match": "*"}, '{"completed": true, "priority": 1}'),
    ("PATCH", "/v1/tasks/x", JSON | {"if-match": "x"}, '{"title": null}'),
    ("DELETE", "/v1/tasks/7", AUTH, ""),
    ("DELETE", "/v1/tasks/7", {}, ""),
    ("GET", "/v1/tasks/7", {"authorization": "Basic alice"}, ""),
    ("PUT", "/v1/tasks/7", AUTH, ""),
    ("GET", "/v1/tasks/", AUTH, ""),
    ("GET", "/nowhere", {}, ""),
]


@pytest.mark.parametrize("request_", REQUESTS, ids=lambda request: f"{request[0]} {request[1]} {request[3]}")
async def test_a_request_gets_the_same_answer_both_ways(
    apps: tuple[FastAPI, FastAPI], request_: tuple[str, str, dict[str, str], str]
) -> None:
    lean, stock = [await _ask(app, *request_) for app in apps]
    assert lean.status_code == stock.status_code
    assert _sorted_errors(lean) == _sorted_errors(stock)
    assert _without_length(lean) == _without_length(stock)


@pytest.mark.parametrize("body", ["[]", "null", "1", '"title"'])
async def test_a_body_that_is_no_object_is_refused_both_ways(
    apps: tuple[FastAPI, FastAPI], body: str
) -> None:
    """In other words each: one reads JSON, the other what Python's parser made of it."""
    answers = [await _ask(app, "POST", "/v1/tasks", JSON, body) for app in apps]
    assert [answer.status_code for answer in answers] == [422, 422]


def _without_length(answer: httpx.Response) -> dict[str, str]:
    return {name: value for name, value in answer.headers.items() if name != "content-length"}


def _sorted_errors(answer: httpx.Response) -> object:
    """Both report every fault, the one parameters first and the other the body."""
    if answer.headers.get("content-type") != "application/problem+json":
        return answer.content
    document = answer.json()
    document["errors"] = sorted(document.get("errors", []), key=json.dumps)
    return document | {"detail": len(document["detail"].split("; "))}


def test_the_document_is_fastapis_own(apps: tuple[FastAPI, FastAPI]) -> None:
    lean, stock = apps
    assert lean.openapi() == stock.openapi()


async def test_a_body_is_not_read_before_the_caller_is_known(apps: tuple[FastAPI, FastAPI]) -> None:
    answer = await _ask(apps[0], "POST", "/v1/tasks", {}, "x" * (BODY_LIMIT + 1))
    assert answer.status_code == 401


async def test_a_fault_of_ours_is_a_problem_document_without_details(apps: tuple[FastAPI, FastAPI]) -> None:
    answer = await _ask(apps[0], "GET", "/readyz", {}, "")
    assert answer.status_code == 500
    assert answer.headers["content-type"] == "application/problem+json"
    assert "attribute" not in answer.text
