"""/v1/tasks."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from task_api.dependencies import Authenticated, IdempotencyKey, IfMatch, IfNoneMatch, TaskId, Tasks, state
from task_api.etag import etag, match
from task_api.lean import LeanRoute
from task_api.models import ListParameters, NewTask, Task, TaskPage, TaskPatch
from task_api.openapi import BODY, CHANGE, CREATED, ETAG, ONE, READ, answers
from task_api.repository.records import Stored

router = APIRouter(prefix="/v1/tasks", tags=["tasks"], route_class=LeanRoute)


@router.post(
    "", status_code=201, response_model=Task, responses=answers(201, CREATED, *BODY), summary="Create"
)
async def create_task(
    new: NewTask, caller: Authenticated, tasks: Tasks, request: Request, key: IdempotencyKey = None
) -> Response:
    stored = await tasks.create(new, caller, key)
    location = f"{state(request)['public_url']}/v1/tasks/{stored.task_id}"
    return _task(stored, 201, {"Location": location})


@router.get(
    "", response_model=TaskPage, responses=answers(200, {}, *READ), summary="List, filter, search, sort"
)
async def list_tasks(
    parameters: Annotated[ListParameters, Query()], caller: Authenticated, tasks: Tasks
) -> Response:
    bodies, cursor = await tasks.list(parameters, caller.user_id)
    following = "null" if cursor is None else f'"{cursor}"'
    page = f'{{"items":[{",".join(bodies)}],"next_cursor":{following}}}'
    return Response(page.encode(), media_type="application/json")


@router.get("/{task_id}", response_model=Task, responses=answers(200, ETAG, 304, *ONE), summary="Read")
async def read_task(
    task_id: TaskId, caller: Authenticated, tasks: Tasks, if_none_match: IfNoneMatch = None
) -> Response:
    stored = await tasks.read(task_id, caller.user_id)
    known = match(if_none_match)
    if known and known.names(stored.version):
        return Response(status_code=304, headers={"ETag": etag(stored.version)})
    return _task(stored)


@router.patch(
    "/{task_id}", response_model=Task, responses=answers(200, ETAG, *CHANGE, *BODY), summary="Change"
)
async def patch_task(
    task_id: TaskId, patch: TaskPatch, caller: Authenticated, tasks: Tasks, if_match: IfMatch = None
) -> Response:
    """Completing is `{"completed": true}`. A patch that changes nothing makes no new version."""
    return _task(await tasks.patch(task_id, patch, caller, match(if_match)))


@router.delete("/{task_id}", status_code=204, responses=answers(204, {}, *CHANGE), summary="Delete")
async def delete_task(
    task_id: TaskId, caller: Authenticated, tasks: Tasks, if_match: IfMatch = None
) -> Response:
    """The task can be restored until it is removed for good (DELETED_TASK_RETENTION_DAYS)."""
    await tasks.delete(task_id, caller, match(if_match))
    return Response(status_code=204)


@router.post(
    "/{task_id}/restore", response_model=Task, responses=answers(200, ETAG, *ONE), summary="Undelete"
)
async def restore_task(task_id: TaskId, caller: Authenticated, tasks: Tasks) -> Response:
    """A task that is not deleted stays as it is."""
    return _task(await tasks.restore(task_id, caller))


def _task(stored: Stored, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    tagged = {"ETag": etag(stored.version), **(headers or {})}
    return Response(stored.body.encode(), status, tagged, "application/json")
