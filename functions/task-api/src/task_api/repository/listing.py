"""A page of a user's tasks: keyset pagination, so that page 1000 costs what page 1 costs."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple

from task_api.database import Database
from task_api.repository.task_json import task_json


class SortKey(NamedTuple):
    """`sql` orders, never null; `type` is what a cursor's text is cast back to."""

    sql: str
    type: str


# A task without a due date comes last in both directions.
SORT_KEYS: dict[str, SortKey] = {
    "created_at": SortKey("t.created_at", "timestamptz"),
    "updated_at": SortKey("t.updated_at", "timestamptz"),
    "priority": SortKey("t.priority", "smallint"),
    "title": SortKey("t.title", "text"),
    "due_at": SortKey("coalesce(t.due_at, 'infinity')", "timestamptz"),
    "-due_at": SortKey("coalesce(t.due_at, '-infinity')", "timestamptz"),
}


class After(NamedTuple):
    """Where the last page ended: the sort key as text, and the task id that breaks ties."""

    key: str
    task_id: int


class Query(NamedTuple):
    limit: int
    sort: str  # a key of SORT_KEYS, or one with "-" before it
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
    rows = await database.fetch(sql, *arguments)
    page = rows[: query.limit]
    more = len(rows) > query.limit
    last = After(page[-1]["key"], page[-1]["task_id"]) if more else None
    return Page([row["body"] for row in page], last)


def _statement(user_id: str, query: Query) -> tuple[str, list[object]]:
    """Only conditions that are asked for, so that each has a plan of its own; values are parameters."""
    descending = query.sort.startswith("-")
    key = SORT_KEYS.get(query.sort) or SORT_KEYS[query.sort.removeprefix("-")]
    order, beyond = ("DESC", "<") if descending else ("ASC", ">")
    arguments: list[object] = [user_id]
    conditions = ["t.user_id = $1", "t.deleted_at IS NULL"]
    for template, *values in _conditions(query, f"({key.sql}, t.task_id) {beyond}", key.type):
        numbers = range(len(arguments) + 1, len(arguments) + len(values) + 1)
        conditions.append(template.format(*(f"${number}" for number in numbers)))
        arguments += values
    arguments.append(query.limit + 1)
    sql = f"""
        SELECT t.task_id, ({key.sql})::text AS key, {task_json("t")} AS body
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
