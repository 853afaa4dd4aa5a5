"""FastAPI's declarations and validation without its per-request machinery.

A route is declared as in any FastAPI application, and the OpenAPI document is FastAPI's own. What is left out
when it runs are exit stacks, generator dependencies, background tasks, form parsing and the serialisation of
return values, none of which is used here: 70 of 90 µs per request (measured).
`tests/test_lean.py` sends the same requests through both and compares the answers.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from fastapi import FastAPI
from fastapi._compat import ModelField
from fastapi.dependencies.models import Dependant
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from pydantic import TypeAdapter, ValidationError
from starlette.middleware.errors import ServerErrorMiddleware
from starlette.middleware.exceptions import ExceptionMiddleware
from starlette.requests import Request
from starlette.routing import Router
from starlette.types import ASGIApp, Receive, Scope, Send

from task_api.errors import BodyTooLarge, MalformedBody, UnsupportedContent

BODY_LIMIT = 64 * 1024
_JSON = re.compile(r"application/([a-z0-9!#$&^_.+-]+\+)?json\s*(;|$)", re.IGNORECASE)


class LeanApi(FastAPI):
    """Layers and dispatch are Starlette's own; only LeanRoute and Starlette's routes run in it."""

    def build_middleware_stack(self) -> ASGIApp:
        handlers = {key: handler for key, handler in self.exception_handlers.items() if key is not Exception}
        router = Router(self.routes, redirect_slashes=False, lifespan=self.router.lifespan_context)
        app: ASGIApp = ExceptionMiddleware(router, handlers=handlers)
        for layer, args, kwargs in reversed(self.user_middleware):
            app = layer(app, *args, **kwargs)
        return ServerErrorMiddleware(app, handler=self.exception_handlers[Exception])


class LeanRoute(APIRoute):
    """For endpoints that return a Response; their dependencies are `async` and take the request alone."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.app = _runner(self.endpoint, _Arguments(self.dependant))


def _runner(
    endpoint: Callable[..., Awaitable[Any]], arguments: _Arguments
) -> Callable[[Scope, Receive, Send], Awaitable[None]]:
    async def run(scope: Scope, receive: Receive, send: Send) -> None:
        request: Request = Request(scope, receive, send)
        response = await endpoint(**await arguments.of(request))
        await response(scope, receive, send)

    return run


class _Arguments:
    """Fills an endpoint's parameters: who asks first, then what is asked."""

    def __init__(self, dependant: Dependant) -> None:
        self._dependencies = [(d.name, d.call) for d in dependant.dependencies if d.name and d.call]
        self._path = [(field, field.alias, ("path", field.alias)) for field in dependant.path_params]
        self._headers = [(field, field.alias, ("header", field.alias)) for field in dependant.header_params]
        self._query_name, self._query = _model(dependant.query_params)
        self._request = dependant.request_param_name
        self._body_name, self._body = _model(dependant.body_params)
        assert not any(field.field_info.is_required() for field, *_ in self._headers)

    async def of(self, request: Request) -> dict[str, Any]:
        values: dict[str, Any] = {name: await call(request) for name, call in self._dependencies}
        errors: list[Any] = []
        for field, alias, loc in self._path:
            values[field.name], faults = field.validate(request.path_params[alias], loc=loc)
            errors += faults
        for field, alias, loc in self._headers:
            given = request.headers.get(alias)
            if given is not None:
                values[field.name], faults = field.validate(given, loc=loc)
                errors += faults
        if self._query is not None:
            errors += self._read_query(self._query, request, values)
        if self._body is not None:
            errors += await self._read_body(self._body, request, values)
        if errors:
            raise RequestValidationError(errors)
        if self._request:
            values[self._request] = request
        return values

    def _read_query(self, model: TypeAdapter[Any], request: Request, values: dict[str, Any]) -> list[Any]:
        try:
            values[self._query_name] = model.validate_python(dict(request.query_params))
        except ValidationError as error:
            return _faults("query", error)
        return []

    async def _read_body(
        self, model: TypeAdapter[Any], request: Request, values: dict[str, Any]
    ) -> list[Any]:
        try:
            values[self._body_name] = model.validate_json(await _json_body(request))
        except ValidationError as error:
            faults = _faults("body", error)
            if faults[0]["type"] == "json_invalid":
                raise MalformedBody(faults[0]["msg"]) from None
            return faults
        return []


def _model(fields: Sequence[ModelField]) -> tuple[str, TypeAdapter[Any] | None]:
    """Query and body are one model each, or nothing."""
    if not fields:
        return "", None
    (field,) = fields
    model: Any = field.field_info.annotation
    return field.name, TypeAdapter(model)


def _faults(where: str, error: ValidationError) -> list[dict[str, Any]]:
    faults = error.errors(include_url=False, include_input=False, include_context=False)
    return [{**fault, "loc": (where, *fault["loc"])} for fault in faults]


async def _json_body(request: Request) -> bytes:
    """Read the body, as long as it is JSON and not too much of it."""
    if not _JSON.match(request.headers.get("content-type", "")):
        raise UnsupportedContent("Send JSON, with Content-Type: application/json.")
    length = request.headers.get("content-length", "")
    if length.isdecimal() and int(length) > BODY_LIMIT:
        raise BodyTooLarge(BODY_LIMIT)
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > BODY_LIMIT:
            raise BodyTooLarge(BODY_LIMIT)
    return body
