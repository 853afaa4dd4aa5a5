"""Every error as application/problem+json (RFC 9457), the router's own included."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

import msgspec
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.routing import Match

from task_api.errors import Problem

MEDIA_TYPE = "application/problem+json"
TYPE_PREFIX = "urn:task-api:problem:"
_LONGEST_INSTANCE = 500


def install_handlers(app: FastAPI) -> None:
    app.add_exception_handler(Problem, _problem)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _of_router)
    app.add_exception_handler(Exception, _unexpected)


def render(
    request: Request,
    *,
    status: int,
    slug: str,
    title: str,
    detail: str,
    headers: dict[str, str] | None = None,
    errors: list[dict[str, Any]] | None = None,
) -> Response:
    document: dict[str, Any] = {
        "type": TYPE_PREFIX + slug,
        "title": title,
        "status": status,
        "detail": detail,
        "instance": request.url.path[:_LONGEST_INSTANCE],
    }
    if errors:
        document["errors"] = errors
    return Response(msgspec.json.encode(document), status, headers, MEDIA_TYPE)


async def _problem(request: Request, error: Exception) -> Response:
    assert isinstance(error, Problem)
    return render(
        request,
        status=error.status,
        slug=error.slug,
        title=error.title,
        detail=error.detail,
        headers=error.headers,
        errors=error.errors,
    )


async def _invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    errors = [_fault(fault) for fault in error.errors()]
    detail = "; ".join(f"{fault['name'] or fault['in']}: {fault['message']}" for fault in errors[:3])
    return render(
        request,
        status=422,
        slug="invalid-request",
        title="The request does not fit the schema",
        detail=detail,
        errors=errors,
    )


def _fault(fault: dict[str, Any]) -> dict[str, str]:
    """Never the value itself: it may be what should not be in a log."""
    where, *path = fault["loc"]
    message = str(fault["msg"]).removeprefix("Value error, ")
    return {"in": str(where), "name": ".".join(map(str, path)), "message": message}


async def _of_router(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    phrase = HTTPStatus(error.status_code).phrase
    headers = dict(error.headers or {})
    if error.status_code == 405:
        headers["Allow"] = ", ".join(sorted(_methods(request)))
    return render(
        request,
        status=error.status_code,
        slug=phrase.lower().replace(" ", "-"),
        title=phrase,
        detail=f"{request.method} is not possible here."
        if error.status_code == 405
        else "There is nothing here.",
        headers=headers,
    )


def _methods(request: Request) -> set[str]:
    """Starlette names only the methods of the first route of a path."""
    routes = (r for r in request.app.routes if r.matches(request.scope)[0] is not Match.NONE)
    return {method for route in routes for method in route.methods}


async def _unexpected(request: Request, error: Exception) -> Response:
    # Starlette raises the error again after this answer, so that the server logs its traceback.
    return render(
        request,
        status=500,
        slug="internal",
        title="Internal Server Error",
        detail="Something went wrong here; the trace id in the log names it.",
    )
