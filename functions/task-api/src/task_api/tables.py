"""The schema `tasks`, as SQLModel tables: what Alembic compares the database with.

The server never imports this module. Its statements are plain SQL (an ORM session costs 8 to 40 times as
much, measured), and importing SQLModel takes longer than the rest of its start.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    DateTime,
    Identity,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    Text,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSON
from sqlalchemy.dialects.postgresql import UUID as PG_UUID
from sqlmodel import Field, SQLModel

SCHEMA = "tasks"


def _moment(*, nullable: bool = False, default: bool = False) -> Any:
    server_default = func.now() if default else None
    return Field(sa_column=Column(DateTime(timezone=True), nullable=nullable, server_default=server_default))


class Task(SQLModel, table=True):
    """One row per task, deleted ones included until retention removes them."""

    __tablename__ = "task"
    __table_args__ = (
        CheckConstraint("char_length(title) BETWEEN 1 AND 200", name="task_title_length"),
        CheckConstraint("char_length(notes) <= 10000", name="task_notes_length"),
        CheckConstraint("priority BETWEEN 1 AND 5", name="task_priority_range"),
        CheckConstraint("version >= 1", name="task_version_positive"),
        CheckConstraint("completed = (completed_at IS NOT NULL)", name="task_completed_has_time"),
        # The default order of a user's list, and the way to every other order of it.
        Index(
            "task_of_user", "user_id", "created_at", "task_id", postgresql_where=text("deleted_at IS NULL")
        ),
        Index("task_deleted", "deleted_at", postgresql_where=text("deleted_at IS NOT NULL")),
        {"schema": SCHEMA},
    )

    task_id: int = Field(sa_column=Column(BigInteger, Identity(), primary_key=True))
    user_id: str = Field(sa_column=Column(Text, nullable=False))
    title: str = Field(sa_column=Column(Text, nullable=False))
    notes: str | None = Field(sa_column=Column(Text))
    priority: int = Field(sa_column=Column(SmallInteger, nullable=False, server_default="3"))
    due_at: datetime | None = _moment(nullable=True)
    completed: bool = Field(sa_column_kwargs={"server_default": text("false")})
    completed_at: datetime | None = _moment(nullable=True)
    created_at: datetime = _moment(default=True)
    updated_at: datetime = _moment(default=True)
    deleted_at: datetime | None = _moment(nullable=True)
    version: int = Field(sa_column=Column(Integer, nullable=False, server_default="1"))


class Outbox(SQLModel, table=True):
    """One row per event that no broker has accepted yet."""

    __tablename__ = "outbox"
    __table_args__ = (
        Index("outbox_due", "next_attempt_at", postgresql_where=text("parked_at IS NULL")),
        {"schema": SCHEMA},
    )

    task_id: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    version: int = Field(sa_column=Column(Integer, primary_key=True, autoincrement=False))
    event_id: UUID = Field(sa_column=Column(PG_UUID(as_uuid=True), nullable=False))
    type: str = Field(sa_column=Column(Text, nullable=False))
    user_id: str = Field(sa_column=Column(Text, nullable=False))
    time: datetime = _moment()
    payload: Any = Field(sa_column=Column(JSON, nullable=False))
    traceparent: str | None = Field(sa_column=Column(Text))
    tracestate: str | None = Field(sa_column=Column(Text))
    leased_until: datetime | None = _moment(nullable=True)
    lease_owner: UUID | None = Field(sa_column=Column(PG_UUID(as_uuid=True)))
    attempts: int = Field(sa_column=Column(Integer, nullable=False, server_default="0"))
    next_attempt_at: datetime = _moment(default=True)
    last_error: str | None = Field(sa_column=Column(Text))
    parked_at: datetime | None = _moment(nullable=True)


class Idempotency(SQLModel, table=True):
    """The answer a key got, for a day."""

    __tablename__ = "idempotency"
    __table_args__ = (Index("idempotency_age", "created_at"), {"schema": SCHEMA})

    user_id: str = Field(sa_column=Column(Text, primary_key=True))
    key: str = Field(sa_column=Column(Text, primary_key=True))
    fingerprint: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    answer: str = Field(sa_column=Column(Text, nullable=False))
    created_at: datetime = _moment(default=True)
