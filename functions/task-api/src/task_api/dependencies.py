"""What routes ask for, as annotations; each dependency takes the request alone (see `lean`)."""

from __future__ import annotations

from typing import Annotated, TypedDict, cast

from fastapi import Depends, Header, Path, Request
from fastapi.security import HTTPBearer

from task_api.auth.verifier import Verifier
from task_api.errors import Unauthorized
from task_api.observing import trace_in
from task_api.readiness import Readiness
from task_api.relay import Relay
from task_api.service import Caller, TaskService


class State(TypedDict):
    """What the lifespan makes and the routes use."""

    tasks: TaskService
    verifier: Verifier
    readiness: Readiness
    relay: Relay | None
    public_url: str


def state(request: Request) -> State:
    return cast("State", request.scope["state"])


class _Bearer(HTTPBearer):
    """The scheme in the OpenAPI document, and the check it stands for."""

    async def __call__(self, request: Request) -> Caller:  # type: ignore[override]  # who, not just with what
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            raise Unauthorized(None)
        user_id = await state(request)["verifier"].user_id(token.strip())
        return Caller(user_id, trace_in(request.scope))


async def _tasks(request: Request) -> TaskService:
    return state(request)["tasks"]


Authenticated = Annotated[
    Caller, Depends(_Bearer(bearerFormat="JWT", description="Access token of the issuer."))
]
Tasks = Annotated[TaskService, Depends(_tasks)]
TaskId = Annotated[int, Path(ge=1, le=2**63 - 1, description="As the task's `task_id` says.")]

# RFC 9110, section 8.8.3; optional weakness, any list.
_TAGS = r'^\s*(\*|(W/)?"[\x21\x23-\x7e]*"(\s*,\s*(W/)?"[\x21\x23-\x7e]*")*)\s*$'
IfMatch = Annotated[
    str | None,
    Header(alias="If-Match", pattern=_TAGS, description="The ETag you have seen; 412 if it is another."),
]
IfNoneMatch = Annotated[
    str | None,
    Header(alias="If-None-Match", pattern=_TAGS, description="The ETag you have; 304 if it still is."),
]
IdempotencyKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        pattern=r"^[\x21-\x7e]{1,255}$",
        description="Repeating the request with the same key and body gives the same answer, for 24 hours.",
    ),
]
