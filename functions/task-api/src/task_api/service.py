"""The rules: what a change means, which event it is, and when it is none."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from typing import NamedTuple

from task_api.cursor import decode_cursor, encode_cursor, invalid_cursor
from task_api.errors import (
    Contended,
    IdempotencyConflict,
    PreconditionRequired,
    StatementRefused,
    TaskNotFound,
)
from task_api.etag import Match
from task_api.models import ListParameters, NewTask, TaskPatch
from task_api.repository.listing import Query
from task_api.repository.records import Change, Current, Draft, Stored
from task_api.repository.tasks import TaskRepository
from task_api.trace import Trace
from task_events import EventType

# Every lost round means that somebody else won it; a hundred of them is a herd, not a race.
_ROUNDS = 100


class Caller(NamedTuple):
    """Who asks, and the trace the question belongs to."""

    user_id: str
    trace: Trace


class TaskService:
    """`wake` is called after each commit that wrote an event."""

    def __init__(
        self, repository: TaskRepository, *, wake: Callable[[], None], require_if_match: bool
    ) -> None:
        self._repository = repository
        self._wake = wake
        self._require_if_match = require_if_match

    async def create(self, new: NewTask, caller: Caller, key: str | None) -> Stored:
        draft = Draft(
            caller.user_id, new.title, new.notes, new.priority, new.due_at, new.completed, caller.trace
        )
        stored = await (
            self._repository.create(draft)
            if key is None
            else self._create_once(draft, key, _fingerprint(new))
        )
        self._wake()
        return stored

    async def _create_once(self, draft: Draft, key: str, fingerprint: bytes) -> Stored:
        for _ in range(_ROUNDS):
            stored = await self._repository.create_once(draft, key, fingerprint)
            if stored is not None:
                return stored
            answered = await self._repository.answered(draft.user_id, key)
            if answered is None:
                continue  # expired between the two statements
            if answered[0] != fingerprint:
                raise IdempotencyConflict(
                    "This Idempotency-Key came with another body within the last 24 hours."
                )
            return Stored(json.loads(answered[1])["task_id"], 1, answered[1])
        raise Contended("The Idempotency-Key is in use; try again.")

    async def read(self, task_id: int, user_id: str) -> Stored:
        stored = await self._repository.read(task_id, user_id)
        if stored is None:
            raise TaskNotFound(task_id)
        return stored

    async def list(self, parameters: ListParameters, user_id: str) -> tuple[list[str], str | None]:
        """Return the JSON of each task, and the cursor of what follows."""
        after = decode_cursor(parameters.cursor, parameters.sort) if parameters.cursor else None
        query = Query(
            limit=parameters.limit,
            sort=parameters.sort,
            after=after,
            completed=parameters.completed,
            priority=parameters.priority,
            due_before=parameters.due_before,
            due_after=parameters.due_after,
            search=parameters.q,
        )
        try:
            page = await self._repository.list(user_id, query)
        except StatementRefused as error:
            # The only text in the statement that came unchecked is the cursor's key.
            if after is not None and error.is_data:
                raise invalid_cursor() from None
            raise
        return page.bodies, encode_cursor(parameters.sort, page.last) if page.last else None

    async def patch(self, task_id: int, patch: TaskPatch, caller: Caller, match: Match | None) -> Stored:
        return await self._change(task_id, caller, match, lambda current: patched(current, patch))

    async def delete(self, task_id: int, caller: Caller, match: Match | None) -> None:
        await self._change(task_id, caller, match, deleted)

    async def restore(self, task_id: int, caller: Caller) -> Stored:
        return await self._change(task_id, caller, Match("*"), restored, deleted_too=True)

    async def _change(
        self,
        task_id: int,
        caller: Caller,
        match: Match | None,
        decide: Callable[[Current], Change | None],
        *,
        deleted_too: bool = False,
    ) -> Stored:
        """Compare and swap: decide on what was read, write only if it is still so, else read again."""
        if match is None and self._require_if_match:
            raise PreconditionRequired("Send If-Match with the ETag of the version you have seen.")
        for _ in range(_ROUNDS):
            current = await self._repository.find(task_id, caller.user_id)
            if current is None or (current.deleted and not deleted_too):
                raise TaskNotFound(task_id)
            if match is not None:
                match.require(current.version)
            change = decide(current)
            if change is None:
                return Stored(task_id, current.version, current.body)
            stored = await self._repository.replace(current, caller.user_id, change, caller.trace)
            if stored is not None:
                self._wake()
                return stored
        raise Contended(f"Task {task_id} changes faster than this request could.")


def patched(current: Current, patch: TaskPatch) -> Change | None:
    """A patch that completes is `task.completed` whatever else it edits; None where it changes nothing."""
    before = _unchanged(current, EventType.UPDATED)
    after = before._replace(**{name: getattr(patch, name) for name in patch.model_fields_set})
    if after == before:
        return None
    completes = after.completed and not before.completed
    return after._replace(event_type=EventType.COMPLETED) if completes else after


def deleted(current: Current) -> Change | None:
    return _unchanged(current, EventType.DELETED)._replace(deleted=True)


def restored(current: Current) -> Change | None:
    return _unchanged(current, EventType.UPDATED)._replace(deleted=False) if current.deleted else None


def _unchanged(current: Current, event_type: EventType) -> Change:
    return Change(
        event_type,
        current.title,
        current.notes,
        current.priority,
        current.due_at,
        current.completed,
        current.deleted,
    )


def _fingerprint(new: NewTask) -> bytes:
    """Of what was understood: spacing and the order of keys do not make it another request."""
    return hashlib.sha256(new.model_dump_json().encode()).digest()
