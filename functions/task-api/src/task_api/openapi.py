"""What the OpenAPI document says beyond what FastAPI reads from the routes."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from task_api.models import ProblemDocument
from task_api.problem import MEDIA_TYPE, TYPE_PREFIX

_HEADER = {"ETag": 'The version in quotes: `"1"`.', "Location": "Where the task is."}
_REQUIRED = {401: {"WWW-Authenticate": "Bearer"}, 503: {"Retry-After": "Seconds to wait."}}
_DETAIL = {
    400: "cursor: is not a next_cursor of this service",
    401: "A bearer token is required.",
    404: "There is no task 7.",
    412: "The task is at version 3.",
    413: "The body may have 65536 bytes.",
    415: "Send JSON, with Content-Type: application/json.",
    422: "title: Field required",
    428: "Send If-Match with the ETag of the version you have seen.",
    503: "The database does not answer; try again.",
}

UNAVAILABLE = 503
READ = (400, 401, 422, UNAVAILABLE)
ONE = (401, 404, 422, UNAVAILABLE)
CHANGE = (*ONE, 412, 428)
BODY = (400, 401, 413, 415, 422, UNAVAILABLE)
ETAG = {"ETag": _HEADER["ETag"]}
CREATED = _HEADER


def answers(success: int, headers: dict[str, str], *others: int) -> dict[int | str, dict[str, Any]]:
    """Document the answers of a route: headers of its success, and what else may come."""
    documented: dict[int | str, dict[str, Any]] = {success: _described(success, headers)}
    for status in sorted(set(others)):
        documented[status] = _described(status, _REQUIRED.get(status, {}))
        if status >= 400:
            documented[status]["content"] = {MEDIA_TYPE: {"schema": _REFERENCE, "example": _example(status)}}
    return documented


def install_openapi(app: FastAPI, public_url: str | None) -> None:
    """Add the problem document, and drop FastAPI's own form of validation errors."""

    def document() -> dict[str, Any]:
        if app.openapi_schema is None:
            schema = get_openapi(
                title=app.title,
                version=app.version,
                description=app.description,
                routes=app.routes,
                servers=[{"url": public_url}] if public_url else None,
            )
            schemas = schema["components"]["schemas"]
            problem = ProblemDocument.model_json_schema(ref_template="#/components/schemas/{model}")
            schemas |= problem.pop("$defs") | {"Problem": problem}
            for name in ("HTTPValidationError", "ValidationError"):
                schemas.pop(name, None)
            app.openapi_schema = schema
        return app.openapi_schema

    app.openapi = document  # type: ignore[method-assign]  # FastAPI's documented way to extend it


_REFERENCE = {"$ref": "#/components/schemas/Problem"}


def _described(status: int, headers: dict[str, str]) -> dict[str, Any]:
    described: dict[str, Any] = {"description": HTTPStatus(status).phrase}
    if headers:
        described["headers"] = {
            name: {"description": text, "schema": {"type": "string"}} for name, text in headers.items()
        }
    return described


def _example(status: int) -> dict[str, Any]:
    phrase = HTTPStatus(status).phrase
    return {
        "type": TYPE_PREFIX + phrase.lower().replace(" ", "-"),
        "title": phrase,
        "status": status,
        "detail": _DETAIL[status],
        "instance": "/v1/tasks/7",
    }
