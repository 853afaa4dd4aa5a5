"""A page of a user's tasks: keyset pagination, so that page 1000 costs what page 1 costs."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple

import msgspec

from task_api.database import Database
from task_api.repository.task_json import task_json

_TASK = task_json("t")


class _SortKey(NamedTuple):
    """`sql` orders, never null; `type` is what a cursor's text is cast back to; `null` stands for a null."""

    sql: str
    type: str
    null: str = ""


# A task without a due date comes last in both directions.
_SORT_KEYS: dict[str, _SortKey] = {
    "created_at": _SortKey("t.created_at", "timestamptz"),
    "updated_at": _SortKey("t.updated_at", "timestamptz"),
    "priority": _SortKey("t.priority", "smallint"),
    "title": _SortKey("t.title", "text"),
    "due_at": _SortKey("coalesce(t.due_at, 'infinity')", "timestamptz", "infinity"),
    "-due_at": _SortKey("coalesce(t.due_at, '-infinity')", "timestamptz", "-infinity"),
}


class After(NamedTuple):
    """Where the last page ended: the sort key as text, and the task id that breaks ties."""

    key: str
    task_id: int


class Query(NamedTuple):
    limit: int
    sort: str  # a column, or one with "-" before it
    after: After | None = None
    completed: bool | None = None
    priority: int | None = None
    due_before: datetime | None = None
    due_after: datetime | None = None
    search: str | None = None


class Page(NamedTuple):
    bodies: list[str]
    last: After | None  # None: nothing follows


async def list_tasks(database: Database, user_id: str, query: Query) -> Page:
    """One row more than the page holds tells whether another page follows."""
    sql, arguments = _statement(user_id, query)
    bodies = [row["body"] for row in await database.fetch(sql, *arguments)]
    page = bodies[: query.limit]
    return Page(page, _after(page[-1], query.sort) if len(bodies) > query.limit else None)


def _after(body: str, sort: str) -> After:
    """Read from the JSON itself: as a column of each row the key would cost more than the rest (measured)."""
    task = msgspec.json.decode(body)
    value = task[sort.removeprefix("-")]
    return After(_sort_key(sort).null if value is None else str(value), task["task_id"])


def _sort_key(sort: str) -> _SortKey:
    return _SORT_KEYS.get(sort) or _SORT_KEYS[sort.removeprefix("-")]


def _statement(user_id: str, query: Query) -> tuple[str, list[object]]:
    """Only conditions that are asked for, so that each has a plan of its own; values are parameters."""
    descending = query.sort.startswith("-")
    key = _sort_key(query.sort)
    order, beyond = ("DESC", "<") if descending else ("ASC", ">")
    arguments: list[object] = [user_id]
    conditions = ["t.user_id = $1", "t.deleted_at IS NULL"]
    for template, *values in _conditions(query, f"({key.sql}, t.task_id) {beyond}", key.type):
        numbers = range(len(arguments) + 1, len(arguments) + len(values) + 1)
        conditions.append(template.format(*(f"${number}" for number in numbers)))
        arguments += values
    arguments.append(query.limit + 1)
    sql = f"""
        SELECT {_TASK} AS body
        FROM tasks.task AS t
        WHERE {" AND ".join(conditions)}
        ORDER BY {key.sql} {order}, t.task_id {order}
        LIMIT ${len(arguments)}"""  # noqa: S608  every part is a constant of this module
    return sql, arguments


def _conditions(query: Query, beyond: str, key_type: str) -> Iterator[tuple[str, *tuple[object, ...]]]:
    if query.completed is not None:
        yield "t.completed = {}", query.completed
    if query.priority is not None:
        yield "t.priority = {}", query.priority
    if query.due_before is not None:
        yield "t.due_at < {}", query.due_before
    if query.due_after is not None:
        yield "t.due_at > {}", query.due_after
    if query.search is not None:
        yield "(t.title ILIKE {0} OR t.notes ILIKE {0})", f"%{_escaped(query.search)}%"
    if query.after is not None:
        yield f"{beyond} ({{}}::text::{key_type}, {{}}::bigint)", query.after.key, query.after.task_id


def _escaped(text: str) -> str:
    """Match the text itself: `%` and `_` mean nothing in a search."""
    return text.replace("\\", r"\\").replace("%", r"\%").replace("_", r"\_")
