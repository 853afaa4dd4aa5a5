"""What clients send and get, as the OpenAPI document shows it.

Answers are documented here but written by PostgreSQL (`repository/task_json.py`); a test holds both together.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field

# PostgreSQL has no NUL in text; a title of blanks alone is none.
_NO_NUL = r"^[^\x00]*$"
_VISIBLE = r"^[^\x00]*[^\s\x00][^\x00]*$"
_RFC3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)")

_FIRST, _LAST = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)


def _moment(value: object) -> object:
    """Only text as RFC 3339 writes it: pydantic would also take numbers as seconds since 1970."""
    if not isinstance(value, str) or not _RFC3339.fullmatch(value):
        raise ValueError("must be a time as RFC 3339 writes it, with a zone: 2026-02-03T10:00:00Z")
    try:
        moment = datetime.fromisoformat(value.upper()).astimezone(UTC)
    except OverflowError:
        moment = _FIRST
    # The first and the last moment Python knows are what asyncpg writes as the two infinities.
    if not _FIRST < moment < _LAST:
        raise ValueError("must lie between the years 1 and 9999 in UTC")
    return moment


def _strict_bool(value: object) -> object:
    if not isinstance(value, bool):
        raise ValueError("must be true or false")  # noqa: TRY004  pydantic turns ValueError into its own
    return value


Title = Annotated[
    str, Field(min_length=1, max_length=200, pattern=_VISIBLE, description="1 to 200 characters.")
]
Notes = Annotated[str, Field(max_length=10_000, pattern=_NO_NUL, description="At most 10 000 characters.")]
Priority = Annotated[int, Field(strict=True, ge=1, le=5, description="1 is the most urgent, 5 the least.")]
Moment = Annotated[AwareDatetime, BeforeValidator(_moment)]
Flag = Annotated[bool, BeforeValidator(_strict_bool)]

_TASK: dict[str, Any] = {
    "task_id": 1,
    "title": "Buy groceries",
    "completed": False,
    "notes": None,
    "priority": 2,
    "due_at": "2026-02-04T18:00:00Z",
    "completed_at": None,
    "created_at": "2026-02-03T10:00:00.123456Z",
    "updated_at": "2026-02-03T10:00:00.123456Z",
    "deleted_at": None,
    "version": 1,
}


class NewTask(BaseModel):
    """A task that is to be created; unknown keys are refused."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [{"title": "Buy groceries", "priority": 2, "due_at": "2026-02-04T18:00:00Z"}]
        },
    )

    title: Title
    notes: Notes | None = None
    priority: Priority = 3
    due_at: Moment | None = None
    completed: Flag = False


def _absent() -> Any:
    return None


class TaskPatch(BaseModel):
    """Keys that are present change the task, the others leave it; unknown keys are refused."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"completed": True}, {"title": "Buy milk", "notes": None}]},
    )

    title: Title = Field(default_factory=_absent)
    notes: Notes | None = Field(default_factory=_absent)
    priority: Priority = Field(default_factory=_absent)
    due_at: Moment | None = Field(default_factory=_absent)
    completed: Flag = Field(default_factory=_absent)


class Task(BaseModel):
    """A task. `version` grows by one with every change and is the ETag."""

    model_config = ConfigDict(json_schema_extra={"examples": [_TASK]})

    task_id: int
    title: str
    completed: bool
    notes: str | None
    priority: int
    due_at: AwareDatetime | None
    completed_at: AwareDatetime | None
    created_at: AwareDatetime
    updated_at: AwareDatetime
    deleted_at: AwareDatetime | None
    version: int


class TaskPage(BaseModel):
    """`next_cursor` fetches what follows; null on the last page."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"items": [_TASK], "next_cursor": None}]})

    items: list[Task]
    next_cursor: str | None


Sort = Literal[
    "created_at", "-created_at", "due_at", "-due_at", "priority", "-priority", "title", "-title",
    "updated_at", "-updated_at",
]  # fmt: skip


class ListParameters(BaseModel):
    """The query of a list; a misspelled filter is an error rather than ignored."""

    model_config = ConfigDict(extra="forbid")

    limit: int = Field(default=50, ge=1, le=200, description="Most tasks on a page.")
    cursor: str | None = Field(default=None, max_length=2000, description="`next_cursor` of the page before.")
    completed: bool | None = Field(default=None, description="Only done, or only open, tasks.")
    priority: int | None = Field(default=None, ge=1, le=5, description="Only tasks of this priority.")
    due_before: Moment | None = Field(default=None, description="Due before this moment.")
    due_after: Moment | None = Field(default=None, description="Due after this moment.")
    q: str | None = Field(
        default=None, min_length=1, max_length=200, pattern=_NO_NUL, description="Text in title or notes."
    )
    sort: Sort = Field(
        default="-created_at", description="Order; `-` turns it round. No due date comes last."
    )


class FieldError(BaseModel):
    """One thing wrong with a request."""

    model_config = ConfigDict(extra="allow")

    message: str


class ProblemDocument(BaseModel):
    """An error as RFC 9457 describes it."""

    type: str = Field(description="Names the kind of problem; constant, for programs.")
    title: str = Field(description="The kind of problem, for people.")
    status: int
    detail: str = Field(description="What happened this time.")
    instance: str = Field(description="The path that was asked for.")
    errors: list[FieldError] | None = Field(
        default=None, description="Each fault, where there may be several."
    )
